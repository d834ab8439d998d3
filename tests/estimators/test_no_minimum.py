"""Losses without a minimum, as of classes that a line separates: a warning names them, and what has
a minimum is fitted.
"""

import numpy as np
import pytest
from problems import CLASSIFICATION, DRAWLESS, MAKERS, RANKING, estimator, outcome, problem
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier


@pytest.mark.parametrize("name", [name for name in CLASSIFICATION + RANKING if not MAKERS[name]().has_minimizer])
@pytest.mark.parametrize("classes", [2, 3])
def test_separable_classes_without_a_penalty(name, classes):
    X, _, more = problem(name)
    y = np.digitize(X @ np.linspace(-1, 1, 4), [0.0] if classes == 2 else [-0.5, 0.5])
    wide = (X[:, :1] + 8 * y[:, None]) * [[1.0, 0.5]]
    for rows in (wide, 1e6 + 1e3 * wide):
        model = estimator(name, alpha=0)
        with pytest.warns(ConvergenceWarning, match="no minimum.*use alpha > 0"):
            model.fit(rows, y, **more)
        assert not model.converged_
        assert np.all(np.isfinite(model.coef_)) and np.isfinite(model.objective_)


@pytest.mark.parametrize("shape", [(60, 2), (60, 4), (3000, 60)])
def test_the_largest_of_three_scores_has_no_minimum(shape):
    X = np.random.default_rng(0).standard_normal(shape)
    scores = np.column_stack([X[:, :2], -X[:, :2].sum(axis=1)])
    with pytest.warns(ConvergenceWarning, match="no minimum.*use alpha > 0"):
        assert not LossClassifier(alpha=0).fit(X, scores.argmax(axis=1)).converged_


@pytest.mark.parametrize(
    "name", [name for name in CLASSIFICATION + RANKING if MAKERS[name]().has_minimizer and name in DRAWLESS]
)
def test_separable_classes_of_a_loss_with_a_minimum(name):
    X, y, more = problem(name)
    X = X[:, :1] / 4 + 3 * y[:, None]
    model = estimator(name, alpha=0)
    said = outcome(model, X, y, **more)
    assert said == "" and model.converged_
    # Zero, but for a list of probabilities, which are compared with those of the relevances.
    again = estimator(name, alpha=0).fit(1e6 * X, y, **more)
    assert again.objective_ == pytest.approx(model.objective_, rel=1e-6, abs=1e-12)


def partly_separated(rng, contradicted=False):
    """Two classes that overlap, and a rare feature that all rows of it share with one class (or all
    but one).
    """
    X = rng.standard_normal((200, 3))
    y = (X[:, 0] + rng.logistic(size=200) > 0).astype(int)
    rare = np.zeros(200)
    rare[np.flatnonzero(y == 1)[:7]] = 1
    rare[np.flatnonzero(y == 0)[:contradicted]] = 1
    return np.column_stack([X, rare]), y


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("solver", ["auto", "lbfgs"])
def test_some_rows_separated_have_no_minimum(solver, form):
    X, y = partly_separated(np.random.default_rng(0))
    for scale in (np.ones(4), np.array([1.0, 1e6, 1.0, 1e-5])):
        with pytest.warns(ConvergenceWarning, match="some of their rows, and alpha=0, so the loss has no minimum"):
            model = LossClassifier(alpha=0.0, solver=solver, max_iter=2000).fit(form(X * scale), y)
        assert not model.converged_


@pytest.mark.parametrize("alpha", [0.0, 1e-6])
def test_what_has_a_minimum_is_left_alone(alpha):
    X, y = partly_separated(np.random.default_rng(0), contradicted=True)
    far = np.vstack([X, [50.0, 0.0, 0.0, 0.0]])  # a class as good as certain
    twice = np.column_stack([X, X[:, 0]])  # directions in which no row moves
    for rows, labels in ((X, y), (far, np.append(y, 1)), (twice, y)):
        assert LossClassifier(alpha=alpha).fit(rows, labels).converged_  # and no warning
    X, y = partly_separated(np.random.default_rng(0))
    if alpha:
        assert LossClassifier(alpha=alpha).fit(X, y).converged_
