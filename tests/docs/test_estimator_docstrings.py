"""The docstrings of the estimators: all names, all attributes, and the same words for the same
parameter.
"""

import re
import warnings

import numpy as np
import pytest
from numpydoc.docscrape import NumpyDocString
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier, LossRanker, LossRegressor, MultiQuantileRegressor
from sklearn_losses.blocks import ArrayBlocks
from sklearn_losses.losses import CVaR, ExpectedCost, Huber, Loss, Trimmed
from sklearn_losses.models import Model
from sklearn_losses.solvers import Solver

BY_LOSS = {"regression": LossRegressor, "classification": LossClassifier, "ranking": LossRanker}
# Parameters whose texts differ between the estimators; all others have one text.
DIFFERENT = {
    LossClassifier: {"loss", "alpha", "model", "early_stopping"},
    LossRanker: {"loss", "solver", "alpha", "model", "fit_intercept", "early_stopping", "validation_fraction", "random_state"},
    MultiQuantileRegressor: {"alpha", "solver", "max_iter", "tol"},
}


def sections(estimator):
    return NumpyDocString(estimator.__doc__)


def parameters(estimator):
    return {entry.name: (entry.type, " ".join(entry.desc)) for entry in sections(estimator)["Parameters"]}


def names_listed(text):
    """The names in double quotes, outside of code."""
    return set(re.findall(r'"([\w-]+)"', re.sub(r"``.*?``", "", text)))


@pytest.mark.parametrize("task", BY_LOSS)
def test_all_losses_of_a_task_are_listed(task):
    known = {name for name in Loss.names() if Loss.make(name).task == task}
    assert names_listed(parameters(BY_LOSS[task])["loss"][1]) == known


@pytest.mark.parametrize("estimator", BY_LOSS.values())
def test_all_solvers_and_models_are_listed(estimator):
    described = parameters(estimator)
    assert names_listed(described["solver"][1]) == set(Solver.names())
    assert names_listed(described["model"][1]) == set(Model.names())


def lines_of(estimator, parameter):
    """The list of the names in the text of a parameter, line by line."""
    text = "\n".join(next(entry.desc for entry in sections(estimator)["Parameters"] if entry.name == parameter))
    return [" ".join(line.split()) for line in re.split(r"\n- ", text.split("\n\n")[1].removeprefix("- "))]


@pytest.mark.parametrize("estimator", BY_LOSS.values())
def test_lines_that_are_called_convex_are_convex(estimator):
    said = {
        name: "not convex" not in line
        for line in lines_of(estimator, "loss")
        if "convex" in line
        for name in names_listed(line)
    }
    assert len(said) >= 6
    assert said == {name: bool(Loss.make(name).convex) for name in said}


def test_solvers_stand_in_the_line_of_their_kind():
    lines = {
        words: line for line in lines_of(LossRegressor, "solver") for words in ("Linear models", "a batch") if words in line
    }
    assert names_listed(lines["a batch"]) == {name for name in Solver.names() if Solver.make(name).stochastic}
    X, y = np.eye(3), np.arange(3.0)
    for name in names_listed(lines["Linear models"]):
        with pytest.raises(ValueError, match="linear model"):
            LossRegressor("mae", solver=name, hidden_layer_sizes=(2,)).fit(X, y)


def test_losses_with_probabilities_are_those_of_the_first_lines():
    first_three = "".join(lines_of(LossClassifier, "loss")[:3])
    assert names_listed(first_three) == {name for name, maker in Loss.names().items() if maker().has_probabilities}


@pytest.mark.parametrize("estimator", DIFFERENT)
def test_shared_parameters_have_one_text(estimator):
    known, own = parameters(LossRegressor), parameters(estimator)
    assert {name for name in known.keys() & own.keys() if known[name] != own[name]} == DIFFERENT[estimator]


@pytest.mark.parametrize("estimator", [LossClassifier, LossRanker, MultiQuantileRegressor])
def test_where_shared_parameters_differ_their_types_and_defaults_do_not(estimator):
    known, own = parameters(LossRegressor), parameters(estimator)
    differ = {name for name in known.keys() & own.keys() if known[name][0] != own[name][0]}
    assert differ == {LossClassifier: {"loss"}, LossRanker: {"loss"}, MultiQuantileRegressor: {"solver"}}[estimator]


RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 3))
Y = np.abs(X @ [1.0, -2.0, 0.5] + RNG.standard_normal(60)) + 0.1
CLASSES = (Y > 1).astype(int) + (Y > 2)
QID = np.repeat(np.arange(10), 6)
OPTIONS = [
    {},
    {"early_stopping": True},
    {"l1_ratio": 1.0},
    {"solver": "sgd"},
    {"hidden_layer_sizes": (2,)},
    {"model": "factorization_machine"},
]


def fits():
    """Estimators with what their `fit` gets, which set every attribute that there is."""
    for options in OPTIONS:
        options = {"max_iter": 3, **options}
        for loss in ("mse", "quantile", "tukey", "adaptive_barron", "poisson", Trimmed("mse", n_steps=2), CVaR("mse")):
            yield LossRegressor(loss, **options), (X, Y), {}
        for loss in ("mse", "tukey", "adaptive_barron", Huber(scale="joint")):
            yield LossRegressor(loss, **options), (X, np.stack([Y, 2 * Y], axis=1)), {}
        costs = ExpectedCost(np.ones((3, 3)) - np.eye(3))
        for loss in ("cross_entropy", "hinge", "crammer_singer", "bi_tempered", costs, Trimmed("cross_entropy", n_steps=2)):
            yield LossClassifier(loss, **options), (X, CLASSES), {}
        for loss in ("ranknet", "pairwise_hinge", "lambdarank", "mae", "tukey", "adaptive_barron"):
            yield LossRanker(loss, **options), (X, CLASSES), {"qid": QID}
    yield LossRegressor(), (ArrayBlocks(X, Y),), {}
    yield LossClassifier(), (ArrayBlocks(X, CLASSES),), {}
    yield LossRanker(), (ArrayBlocks(X, CLASSES, qid=QID),), {}
    yield MultiQuantileRegressor(), (X, Y), {}
    yield MultiQuantileRegressor(), (ArrayBlocks(X, Y),), {}


def attributes_of_fits():
    """Estimator class -> the public attributes that its fits set."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for estimator, rows, named in fits():
            estimator.fit(*rows, **named)
            public = {name for name in vars(estimator) if name.endswith("_") and not name.startswith("_")}
            found.setdefault(type(estimator), set()).update(public)
    return found


def test_attributes_are_those_that_fits_set():
    own_models, named_columns = {"params_"}, {"feature_names_in_"}
    for estimator, found in attributes_of_fits().items():
        described = {entry.name for entry in sections(estimator)["Attributes"]}
        assert found <= described, estimator
        assert described - found <= own_models | named_columns, estimator
