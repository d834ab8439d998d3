"""The calls that the page on other packages calls equal have the same minimum.

The calls are read from the page, so that no row is without a test.
"""

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn import linear_model, svm
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.preprocessing import scale

from sklearn_losses import LossClassifier, LossRegressor, losses, solvers
from sklearn_losses.losses import Loss

PAGE = (Path(__file__).parents[2] / "docs" / "user_guide" / "coming_from.rst").read_text(encoding="utf-8")
OURS = {"LossRegressor": LossRegressor, "LossClassifier": LossClassifier, "losses": losses}


def table(header, number=1):
    """The rows of a table whose first column has this header, each a list of cells."""
    text = PAGE.split(f"   * - {header}\n")[number].split("\n\n", 1)[0]
    rows = re.split(r"^   \* -", text, flags=re.MULTILINE)[1:]
    return [[" ".join(cell.split()) for cell in re.split(r"^     -", row, flags=re.MULTILINE)] for row in rows]


def code(cell):
    return re.findall(r"``([^`]+)``", cell)[0]


def numbered(rows):
    return [pytest.param(*map(code, row), id=code(row[0])) for row in rows]


def same_minimum(ours, coef, intercept, X, y, tolerance):
    """Both objectives, by our formula, are equal; ours is no larger but for rounding."""
    codes = np.searchsorted(ours.classes_, y) if isinstance(ours, LossClassifier) else y
    penalty = ours.alpha_ * ((1 - ours.l1_ratio_) / 2 * np.sum(coef**2) + ours.l1_ratio_ * np.sum(np.abs(coef)))
    value = Loss.make(ours.loss).value(codes, np.squeeze(X @ coef.T + intercept)).mean() + penalty
    assert ours.objective_ <= value * (1 + 1e-6)
    assert value <= ours.objective_ * (1 + tolerance)


# Options with which scikit-learn's estimators come close to their optimum, and how close.
TIGHT = {"tol": 1e-10, "max_iter": 100_000}
STEPS = {
    "learning_rate": "invscaling",
    "eta0": 0.02,
    "power_t": 0.25,
    "max_iter": 3000,
    "tol": None,
    "average": 100_000,
    "random_state": 0,
}
OPTIONS = {
    "Lasso": (TIGHT, 1e-6),
    "ElasticNet": (TIGHT, 1e-6),
    "QuantileRegressor": ({}, 1e-5),
    "PoissonRegressor": (TIGHT, 1e-8),
    "GammaRegressor": (TIGHT, 1e-8),
    "TweedieRegressor": (TIGHT, 1e-8),
    "LogisticRegression": (TIGHT, 1e-8),
    "SVC": ({"tol": 1e-8}, 1e-6),
    "SVR": ({"tol": 1e-8}, 1e-6),
    "SGDRegressor": (STEPS, 1e-4),
    "SGDClassifier": (STEPS, 1e-4),
    # Its intercept is penalised less the larger it is scaled.
    "LinearSVC": ({"intercept_scaling": 1e3, "tol": 1e-10, "max_iter": 1_000_000}, 1e-4),
}
HINGE = ({"intercept_scaling": 30, "random_state": 0, "tol": 1e-5, "max_iter": 1_000_000}, 1e-3)
NUMBERS = {"a": 0.1, "c": 0.5, "d": 0.7, "e": 1.5, "q": 0.3, "r": 0.3}


def problem(name, call):
    """Rows for an estimator of scikit-learn."""
    if "crammer_singer" in call:
        X, y = load_wine(return_X_y=True)
        return scale(X), y
    if hasattr(getattr(linear_model, name, None) or getattr(svm, name), "decision_function"):
        X, y = load_breast_cancer(return_X_y=True)
        return scale(X[::3]), y[::3]
    X, y = load_diabetes(return_X_y=True)
    return scale(X), y / 100 if re.match("Poisson|Gamma|Tweedie", name) else scale(y)


# For Crammer and Singer's hinge, liblinear does not set the number of iterations that scikit-learn
# warns by. The objective is compared in any case.
@pytest.mark.filterwarnings("ignore:Liblinear failed to converge")
@pytest.mark.parametrize("theirs, ours", numbered(table("scikit-learn")))
def test_scikit_learn(theirs, ours):
    name = theirs.split("(")[0]
    options, tolerance = OPTIONS.get(name, ({}, 1e-6))
    if '"hinge"' in ours and name == "LinearSVC" or "crammer_singer" in ours:
        options, tolerance = HINGE
    X, y = problem(name, theirs)
    known = {**vars(losses), **OURS, **NUMBERS, "n": len(y)}
    ours = eval(ours, known).set_params(tol=1e-9).fit(X, y)
    theirs = eval(theirs, {**vars(linear_model), **vars(svm), **NUMBERS}).set_params(**options).fit(X, y)
    if name == "HuberRegressor":  # its scale is learned, so that the objective is another loss's
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-3)
        np.testing.assert_allclose(ours.scale_, theirs.scale_, rtol=1e-3)
    else:
        same_minimum(ours, theirs.coef_, theirs.intercept_, X, y, tolerance)


def test_ridge_of_several_targets():
    X, y = load_diabetes(return_X_y=True)
    Y = np.column_stack([y, y**2 / 100, np.sqrt(y)])
    theirs = linear_model.Ridge(alpha=2.0).fit(scale(X), Y)
    ours = LossRegressor("mse", alpha=2 * 2.0 / (len(y) * 3)).fit(scale(X), Y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-8)


@pytest.mark.parametrize("theirs, ours", numbered(table("statsmodels")))
def test_statsmodels(theirs, ours):
    sm = pytest.importorskip("statsmodels.api")
    norms = pytest.importorskip("statsmodels.robust.norms")
    X, y = load_diabetes(return_X_y=True)
    X, y, a = scale(X), np.round(y / 20), 0.1
    known = {
        "X": X, "D": sm.add_constant(X), "y": y, "b": (y > 7).astype(int), "w": np.linspace(0.5, 2, len(y)),
        "a": a, "v": np.r_[0, np.full(X.shape[1], a)], "q": 0.8, "t": 1.345, "c": 4.685, "p": 1.5,
    }  # fmt: skip
    # Steps that end on the optimum.
    more = {"GLM": "tol=1e-12", "RLM": "tol=1e-12, maxiter=500", "QuantReg": "max_iter=5000, p_tol=1e-10", "Logit": "disp=0"}
    for model, options in more.items():
        if f"sm.{model}(" in theirs and theirs.endswith("fit()"):
            theirs = theirs.replace(".fit()", f".fit({options})")
    names = {**vars(sm.families), **vars(sm.families.links), **vars(norms)}
    theirs = eval(theirs, {**names, **known, "sm": sm})
    ours = eval(ours, {**vars(losses), **OURS, **known, "s": getattr(theirs, "scale", None)})
    coefficients = np.append(ours.intercept_, ours.coef_)
    np.testing.assert_allclose(coefficients, theirs.params, atol=1e-4 * np.abs(theirs.params).max())


def test_several_classes_in_statsmodels():
    sm = pytest.importorskip("statsmodels.api")
    X, y = load_wine(return_X_y=True)
    X = scale(X[:, :3])
    theirs = sm.MNLogit(y, sm.add_constant(X)).fit(disp=0)
    ours = LossClassifier(alpha=0).fit(X, y)
    np.testing.assert_allclose((ours.coef_[1:] - ours.coef_[0]).T, theirs.params[1:], rtol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict(sm.add_constant(X)), atol=1e-8)


def test_the_elastic_net_of_statsmodels_stops_early():
    sm = pytest.importorskip("statsmodels.api")
    X, y = load_diabetes(return_X_y=True)
    X = scale(X)
    theirs = sm.OLS(y, sm.add_constant(X)).fit_regularized(alpha=np.r_[0, np.ones(10)], L1_wt=0.3)
    ours = LossRegressor("mse", alpha=2, l1_ratio=0.3, tol=1e-9).fit(X, y)
    same_minimum(ours, theirs.params[1:], theirs.params[0], X, y, 1e-3)


ROWS = np.random.default_rng(0).normal(size=(40, 3))


def by_hand(y, raw, k):
    """Losses by the formulas in the documentation of PyTorch and Keras, a value per row."""
    score = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    own = raw[np.arange(len(raw)), k]
    t, label = y - raw[:, 0], np.where(k > 0, 1, -1)
    return {
        "MSELoss()": t**2,
        "L1Loss()": np.abs(t),
        "HuberLoss(delta=d)": np.where(np.abs(t) <= 0.7, t**2 / 2, 0.7 * (np.abs(t) - 0.35)),
        "LogCosh()": np.log(np.cosh(t)),
        "CrossEntropyLoss()": -np.log(score[np.arange(len(raw)), k]),
        "CrossEntropyLoss(label_smoothing=s)": -0.8 * np.log(score[np.arange(len(raw)), k]) - 0.2 * np.log(score).mean(axis=1),
        "BCEWithLogitsLoss()": np.log(1 + np.exp(-label * raw[:, 0])),
        "Hinge()": np.maximum(0, 1 - label * raw[:, 0]),
        "MultiMarginLoss()": np.maximum(0, 1 - own[:, None] + raw).sum(axis=1) / 3 - 1 / 3,
    }


def test_losses_of_pytorch_and_keras():
    rng = np.random.default_rng(1)
    y, k = 2 * rng.normal(size=len(ROWS)), rng.integers(0, 3, len(ROWS))
    expected = by_hand(y, ROWS, k)
    rows = [(code(first or second), here) for first, second, here in table("PyTorch") if "class_weight" not in here]
    assert {name for name, _ in rows} == {*expected, "PoissonNLLLoss()"}
    for name, here in rows:
        if name == "PoissonNLLLoss()":
            counts = np.abs(np.round(y))
            difference = losses.Poisson().value(counts, ROWS[:, 0]) - 2 * (np.exp(ROWS[:, 0]) - counts * ROWS[:, 0])
            at_zero = losses.Poisson().value(counts, np.zeros(len(y))) - 2
            np.testing.assert_allclose(difference, at_zero, atol=1e-12)
            continue
        loss = Loss.make(eval(code(here), {**vars(losses), "d": 0.7, "s": 0.2}))
        target, raw = (y, ROWS[:, 0]) if loss.task == "regression" else (k, ROWS)
        if "two classes" in here:
            target, raw = (k > 0).astype(int), ROWS[:, 0]
        times = 3 if name == "MultiMarginLoss()" else 1
        np.testing.assert_allclose(loss.value(target, raw), times * expected[name], rtol=1e-10, atol=1e-12)


def test_the_calls_for_steps_exist():
    known = {**vars(solvers), "lr": 0.1, "m": 0.9, "w": 0.01, "b": 32}
    calls = [call for row in table("PyTorch", 2) for call in re.findall(r"(?:SGD|Adam)\(.*?\)", row[2])]
    assert len(calls) == 4
    assert all(isinstance(eval(call, known), solvers.StochasticSolver) for call in calls)
