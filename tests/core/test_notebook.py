"""Diagrams in notebooks: links to the documentation, and which parameters the user has set."""

import re
import tomllib
from pathlib import Path

import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

import sklearn_losses
from sklearn_losses import LossClassifier, LossRanker, LossRegressor, MultiQuantileRegressor
from sklearn_losses.core.notebook import DOCUMENTATION, public_path
from sklearn_losses.losses import CVaR, Huber, Loss
from sklearn_losses.models import MLP
from sklearn_losses.solvers import Adam, Solver

ROOT = Path(sklearn_losses.__file__).parent.parent


def marked(estimator):
    """The names of the parameters that the diagram marks as set by the user, and of the others."""
    rows = re.findall(r'<tr class="(user-set|default)">(.*?)</tr>', estimator_html_repr(estimator), re.DOTALL)
    found = {"user-set": [], "default": []}
    for kind, row in rows:
        found[kind] += re.findall(r"copyToClipboard\('(\w+)'", row)
    return found["user-set"], found["default"]


def test_the_address_is_that_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["urls"]["Documentation"] == DOCUMENTATION


@pytest.mark.parametrize(
    "thing, page",
    [
        (LossRegressor(), "sklearn_losses.LossRegressor"),
        (LossClassifier(), "sklearn_losses.LossClassifier"),
        (LossRanker(), "sklearn_losses.LossRanker"),
        (MultiQuantileRegressor(), "sklearn_losses.MultiQuantileRegressor"),
        (Huber(delta=2), "sklearn_losses.losses.Huber"),
        (Adam(), "sklearn_losses.solvers.Adam"),
        (MLP(), "sklearn_losses.models.MLP"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_diagram_links_to_the_page_of_the_class(thing, page):
    address = f"{DOCUMENTATION}/api/generated/{page}.html"
    assert f'href="{address}"' in estimator_html_repr(thing)
    if hasattr(thing, "fit"):
        assert address in estimator_html_repr(make_pipeline(StandardScaler(), thing))


@pytest.mark.parametrize("part", [Huber(delta=2), Adam(), MLP()], ids=lambda part: part.name)
def test_parts_are_not_said_to_be_not_fitted(part):
    bundle = part._repr_mimebundle_()
    assert bundle["text/plain"] == repr(part) and part._get_doc_link() in bundle["text/html"]
    for page in (bundle["text/html"], part._repr_html_()):
        assert "Not fitted" not in page and page.count("<span") == page.count("</span")
    assert "Not fitted" in LossRegressor()._repr_mimebundle_()["text/html"]


class Mine(Huber):
    pass


def test_classes_without_a_page_have_no_link():
    assert public_path(Mine) is None and DOCUMENTATION not in estimator_html_repr(Mine())
    assert public_path(type("Private", (Huber,), {"__module__": "sklearn_losses.losses.robust"})) is None


@pytest.mark.parametrize("family", [Loss, Solver])
def test_what_has_a_name_has_a_page(family):
    for name in family.names():
        kind = type(family.make(name))
        assert public_path(kind) == f"{'.'.join(kind.__module__.split('.')[:2])}.{kind.__name__}"


def test_only_what_the_user_has_set_is_marked():
    parts = LossRegressor(Huber(delta=2), solver=Adam(learning_rate=0.1), alpha=0.5)
    own, others = marked(parts)
    if not own + others:  # before scikit-learn 1.7 the diagram is the text
        own = re.findall(r"(\w+)=", repr(parts))
        assert own == ["alpha", "loss", "delta", "solver", "learning_rate"]
        return
    assert set(own) == {"loss", "loss__delta", "solver", "solver__learning_rate", "alpha"}
    assert {"loss__scale", "solver__beta1", "tol"} <= set(others)
    assert set(own) | set(others) == set(parts.get_params())
    assert marked(LossRegressor("huber"))[0] == ["loss"] and marked(LossRegressor(loss="mse"))[0] == []
    assert set(marked(LossRegressor().set_params(loss="huber", loss__delta=3))[0]) == {"loss", "loss__delta"}
    assert set(marked(LossRegressor(CVaR(Huber(delta=2))))[0]) == {"loss", "loss__loss", "loss__loss__delta"}


@pytest.mark.parametrize(
    "estimator, text",
    [
        (LossRegressor("huber"), "LossRegressor(loss='huber')"),
        (LossRegressor(Huber(delta=2)), "LossRegressor(loss=Huber(delta=2))"),
        (LossRegressor(CVaR(Huber())), "LossRegressor(loss=CVaR(loss=Huber()))"),
        (LossRegressor().set_params(loss="huber", loss__delta=3), "LossRegressor(loss=Huber(delta=3))"),
        (LossRegressor(solver=Adam(0.1)), "LossRegressor(solver=Adam(learning_rate=0.1))"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_text_has_what_the_user_has_set(estimator, text):
    assert repr(estimator) == text


def test_a_fitted_estimator_keeps_its_diagram():
    model = LossRegressor(Huber(delta=2)).fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 2.5])
    assert "Fitted" in estimator_html_repr(model) and marked(model) == marked(LossRegressor(Huber(delta=2)))
