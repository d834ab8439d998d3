"""Problems, estimators and parameters of tests that more than one file needs.

Warnings are errors in the tests (see pyproject.toml), so a fit that is compared with another one
ended without a word, and the comparison shows that it was right. Where a warning or an error is an
honest end too, `outcome` catches it.
"""

import warnings
from functools import cache
from itertools import product

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier, LossRanker, LossRegressor
from sklearn_losses.core.queries import Queries
from sklearn_losses.losses import Loss

ESTIMATORS = {"regression": LossRegressor, "classification": LossClassifier, "ranking": LossRanker}
MAKERS = Loss.names()
# A loss made for steps on batches has no optimum worth reaching, and one that is not convex has
# several.
CONVEX = sorted(name for name, maker in MAKERS.items() if maker.convex and not maker.stochastic_only)
REGRESSION = [name for name in CONVEX if MAKERS[name].task == "regression"]
CLASSIFICATION = [name for name in CONVEX if MAKERS[name].task == "classification"]
RANKING = [name for name in CONVEX if MAKERS[name].task == "ranking"]
LOG_LINK = [name for name in REGRESSION if MAKERS[name].positive_target]
RESIDUAL = [name for name in REGRESSION if not MAKERS[name].positive_target]


def draws(name):
    """Whether the loss draws numbers by the content of the rows, so that other columns are another
    problem.
    """
    relevance, raw = np.array([0.0, 1.0, 1.0, 2.0]), np.array([0.3, -0.2, 0.5, 0.1])
    one, other = (
        Queries(relevance, np.array([0, 4]), None, None, draw) for draw in (np.full(4, 0.5), np.array([0.1, 0.9, 0.3, 0.7]))
    )
    return not np.array_equal(MAKERS[name]().value(one, raw), MAKERS[name]().value(other, raw))


DRAWLESS = [name for name in CONVEX if MAKERS[name].task != "ranking" or not draws(name)]


def problem(name, n=60, p=4, classes=3, seed=0):
    """X, y and the further arguments of `fit`: noisy rows that nothing separates, X exact after a
    shift by 1e8.
    """
    rng = np.random.default_rng(seed)
    X = np.round(rng.standard_normal((n, p)) * 2**10) / 2**10
    score = X @ np.linspace(-1, 1, p) + 0.7 * rng.standard_normal(n) + 0.5
    more = {"qid": np.arange(n) // 10} if MAKERS[name].task == "ranking" else {}
    if MAKERS[name].task == "regression":
        return X, np.exp(score) if MAKERS[name].positive_target else score, more
    return X, np.digitize(score, [0.5] if classes == 2 else [0, 1]), more


def estimator(name, **params):
    return ESTIMATORS[MAKERS[name].task](name, **params)


def outcome(model, X, y, **more):
    """The words with which a fit ends: those of its ConvergenceWarning or ValueError, "" for none;
    others are errors.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("always", ConvergenceWarning)
        try:
            model.fit(X, y, **more)
        except ValueError as error:
            return str(error)
    return "; ".join(str(warning.message) for warning in caught)


def scores(model, X):
    """Raw predictions; of a ranker without what is common to all rows, which it does not see."""
    raw = model._raw(X)
    return raw - raw.mean() if isinstance(model, LossRanker) else raw


def formula(model, X, y, weight=None, coef=None, intercept=None):
    """The objective from a model's coefficients in the user's units, or from others, by nothing but
    the loss of each row.
    """
    coef = model.coef_ if coef is None else coef
    raw = X @ np.atleast_2d(coef).T + (model.intercept_ if intercept is None else intercept)
    raw = raw[:, 0] if raw.shape[1] == 1 else raw
    return float(np.average(model._loss.value(y, raw), weights=weight) + model.alpha / 2 * np.sum(np.square(coef)))


def assert_nothing_lower(model, X, y, weight=None, tolerance=1e-6):
    """No step of any size along many lines through the fitted point lowers the objective, which is
    convex.
    """
    best = formula(model, X, y, weight)
    assert best == pytest.approx(model.objective_, rel=1e-6)
    rng = np.random.default_rng(0)
    coef, intercept = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    for size in np.max(np.abs(coef)) * np.array([1.0, 1e-1, 1e-2, 1e-4]):
        for _ in range(10):
            move, shift = size * rng.standard_normal(coef.shape), size * rng.standard_normal(intercept.shape)
            with np.errstate(over="ignore"):  # exp of a far point
                other = formula(model, X, y, weight, coef + move, intercept + shift)
            assert other >= best - tolerance * abs(best)


@cache
def known_fit(name, alpha, **params):
    """The fit of the well-conditioned `problem`, and its scores there."""
    X, y, more = problem(name)
    model = estimator(name, alpha=alpha, **params).fit(X, y, **more)
    assert model.converged_
    return model, scores(model, X)


def assert_same_optimum(name, alpha, X, model, known_alpha=None, rel=1e-6):
    """A fit of rows that are `problem`'s in other columns has the same objective and
    predictions.
    """
    known, raw = known_fit(name, alpha if known_alpha is None else known_alpha)
    assert model.converged_
    assert model.objective_ == pytest.approx(known.objective_, rel=rel)
    np.testing.assert_allclose(scores(model, X), raw, atol=1e-3 * np.max(np.abs(raw)))


def by_turns(*axes):
    """Parameters of pytest: the product of the axes, of which those that are not needed to have
    each value once are slow.

    Parameters
    ----------
    *axes : sequences
        Values. The first of each make the first fast case, the second the second; shorter axes
        begin anew.

    Returns
    -------
    list of pytest.param
    """
    fast = {tuple(turn % len(axis) for axis in axes) for turn in range(max(map(len, axes)))}
    return [
        pytest.param(*(value for _, value in case), marks=() if tuple(place for place, _ in case) in fast else pytest.mark.slow)
        for case in product(*map(enumerate, axes))
    ]
