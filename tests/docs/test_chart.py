"""The decision chart of the guide leads, by the measured facts, to what `suggest_losses` names."""

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine, make_classification

from sklearn_losses import add_label_noise, add_outliers, suggest_losses
from sklearn_losses.losses import Loss
from sklearn_losses.model_selection.data_facts import KINDS
from sklearn_losses.model_selection.rules import CONSISTENT, FACTS, RULES, Condition, Rule, consistent_rule, ranked

spec = importlib.util.spec_from_file_location("make_chart", Path(__file__).parents[2] / "docs" / "make_chart.py")
make_chart = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_chart)


def real(name):
    data = getattr(sm.datasets, name).load_pandas()
    return data.exog.to_numpy(), data.endog.to_numpy()


def generated(kind, n):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((n, 3))
    linear = 0.5 * X[:, 0] - 0.3 * X[:, 1] + 1
    targets = {
        "normal": lambda: linear + 0.5 * rng.standard_normal(n),
        "heavy tails": lambda: linear + 0.3 * rng.laplace(size=n),
        "outliers": lambda: add_outliers(linear + 0.2 * rng.standard_normal(n), 0.1, side="up", random_state=0)[0],
        "growing spread": lambda: linear + 0.3 * np.exp(linear) * rng.standard_normal(n),
        "counts": lambda: rng.poisson(np.exp(linear)),
        "positive": lambda: rng.gamma(1.5, np.exp(linear) / 1.5),
        "zeros": lambda: np.where(rng.uniform(size=n) < 0.3, 0.0, rng.gamma(2.0, np.exp(linear) / 2)),
    }
    return X, targets[kind]()


def classes(rare=0.5, noise=0.0, n=600):
    X, y = make_classification(
        n, 6, n_informative=4, n_redundant=0, class_sep=2.0, flip_y=0, weights=[1 - rare, rare], random_state=1
    )
    return X, add_label_noise(y, noise, random_state=0)[0]


def with_outliers(load):
    X, y = load(return_X_y=True)
    return X, add_outliers(y, 0.1, side="up", random_state=0)[0]


def with_wrong_labels(load):
    X, y = load(return_X_y=True)
    return X, add_label_noise(y, 0.3, random_state=0)[0]


DATA = {
    "diabetes": lambda: load_diabetes(return_X_y=True),
    "diabetes, outliers": lambda: with_outliers(load_diabetes),
    "breast cancer": lambda: load_breast_cancer(return_X_y=True),
    "breast cancer, wrong labels": lambda: with_wrong_labels(load_breast_cancer),
    "iris": lambda: load_iris(return_X_y=True),
    "iris, wrong labels": lambda: with_wrong_labels(load_iris),
    "wine": lambda: load_wine(return_X_y=True),
    "digits, two classes": lambda: tuple(part[load_digits().target < 2] for part in load_digits(return_X_y=True)),
    "stack loss": lambda: real("stackloss"),
    "food": lambda: real("engel"),
    "affairs": lambda: real("fair"),
    "copper": lambda: real("copper"),
    "rare class": lambda: classes(rare=0.05),
    "rare class, wrong labels": lambda: classes(rare=0.02, noise=0.15),
} | {
    f"{kind}, {n} rows": lambda kind=kind, n=n: generated(kind, n)
    for kind in ("normal", "heavy tails", "outliers", "growing spread", "counts", "positive", "zeros")
    for n in (30, 400)
}


@pytest.mark.parametrize("name", DATA)
def test_the_chart_leads_to_the_suggested_losses(name):
    X, y = DATA[name]()
    suggestions = suggest_losses(X, y)
    facts = suggestions.facts_
    assert make_chart.follow(make_chart.tree(facts["kind"]), facts) == tuple(suggestions.losses)[: make_chart.SHOWN]
    suggested = suggest_losses(X, y, max_losses=99).losses
    for rule in make_chart.additions(facts["kind"]):
        assert rule.applies(facts) == all(name in suggested for name in rule.points)


@pytest.mark.parametrize("metric", CONSISTENT)
@pytest.mark.parametrize("name", ["diabetes, outliers", "counts, 30 rows", "zeros, 400 rows", "iris"])
def test_the_chart_leads_to_the_loss_of_the_metric(name, metric):
    X, y = DATA[name]()
    suggestions = suggest_losses(X, y, metric=metric)
    facts = suggestions.facts_
    chart = make_chart.tree(facts["kind"], metric, 1)
    assert make_chart.follow(chart, facts) == (suggestions[0].loss,)
    if facts["kind"] in make_chart.kinds_of(metric):
        assert suggestions[0].loss in CONSISTENT[metric]


def test_queries_are_in_the_chart():
    rng = np.random.default_rng(0)
    X, y, qid = rng.standard_normal((60, 2)), rng.integers(0, 5, 60), np.repeat(np.arange(6), 10)
    for metric in (None, "ndcg"):
        suggestions = suggest_losses(X, y, qid=qid, metric=metric)
        chart = make_chart.tree("ranking", metric)
        assert make_chart.follow(chart, suggestions.facts_) == tuple(suggestions.losses)[: make_chart.SHOWN]


TREES = {(kind, metric): make_chart.tree(kind, metric) for kind in KINDS for metric in (None, "neg_median_absolute_error")}


@pytest.mark.parametrize("kind, metric", TREES)
def test_every_leaf_is_what_the_rules_say(kind, metric):
    # Where there are too few rows of a class, no share of wrong labels is measured.
    around = {"label_noise": {np.nan}}
    for condition in {condition for rule in RULES for condition in rule.when}:
        around.setdefault(condition.fact, set()).update(condition.number * np.array([0.5, 1.0, 2.0]))
    for values in itertools.product(*around.values()):
        facts = {"kind": kind, **dict(zip(around, values, strict=True))}
        rules = [*([consistent_rule(metric)] if metric else []), *(rule for rule in RULES if rule.applies(facts))]
        assert make_chart.follow(TREES[kind, metric], facts) == tuple(ranked(rules, kind))[: make_chart.SHOWN]


def test_a_changed_rule_changes_the_chart():
    before = "\n".join(make_chart.by_problem())
    rules = *RULES, Rule(("counts",), (Condition("outliers", ">=", 0.3),), {"mae": 9}, "Many outliers.", "none")
    after = "\n".join(make_chart.by_problem(rules))
    assert "outliers at least 30%" in after.lower() and "outliers at least 30%" not in before.lower()
    assert make_chart.follow(make_chart.tree("counts", rules=rules), {"outliers": 0.4}) == ("mae", "poisson", "tweedie")
    assert make_chart.follow(make_chart.tree("counts", rules=rules), {"outliers": 0.2}) == ("poisson", "tweedie", "mse")


def test_the_chart_is_written_with_links(tmp_path):
    make_chart.write(tmp_path)
    problem = (tmp_path / "loss_chart_problem.txt").read_text(encoding="utf-8")
    for name in ("mse", "tukey", "poisson", "gamma", "tweedie", "cross_entropy", "lambdarank", "quantile"):
        assert f":class:`{name} <sklearn_losses.losses.{type(Loss.make(name)).__name__}>`" in problem
    metric = (tmp_path / "loss_chart_metric.txt").read_text(encoding="utf-8")
    assert all(f"``{name}``" in metric for name in CONSISTENT)
    facts = (tmp_path / "loss_chart_facts.txt").read_text(encoding="utf-8")
    assert all(fact.meaning in facts for fact in FACTS.values())
    assert set(make_chart.PROBLEMS) == set(KINDS) and {condition.fact for rule in RULES for condition in rule.when} == set(
        FACTS
    )


GUIDE = (Path(__file__).parents[2] / "docs" / "user_guide" / "choosing.rst").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", Loss.names())
def test_the_guide_lists_every_loss(name):
    assert f":class:`{name} <sklearn_losses.losses.{type(Loss.make(name)).__name__}>`" in GUIDE


def test_the_evidence_in_the_guide_is_printed():
    shown = " ".join(GUIDE.split(".. code-block:: text")[1].split("...]")[0].split())
    assert len(shown) > 200 and shown in " ".join(repr(suggest_losses(*DATA["diabetes, outliers"]())).split())
