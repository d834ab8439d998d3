"""The method of multipliers ends where the other exact solvers end, and forms no matrix of the
features.
"""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.core.batches import Batches
from sklearn_losses.core.coordinates import Standardization
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.losses import EpsilonInsensitive, Loss, Quantile
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.piecewise.max_affine import MaxAffineTerms
from sklearn_losses.piecewise.smoothed_newton import SmoothedPoint
from sklearn_losses.piecewise.terms import PiecewiseLinearTerms
from sklearn_losses.solvers.augmented_lagrangian import AugmentedLagrangian, MultiplierLimits

LOSSES = ["mae", Quantile(0.9), EpsilonInsensitive(10.0)]


def fitted(estimator, X, y, solver, **parameters):
    weight = parameters.pop("sample_weight", None)
    return estimator(solver=solver, **parameters).fit(X, y, sample_weight=weight)


def assert_same_optimum(estimator, X, y, **parameters):
    exact = fitted(estimator, X, y, "interior_point", **parameters)
    ours = fitted(estimator, X, y, "augmented_lagrangian", **parameters)
    assert exact.converged_ and ours.converged_
    assert ours.dual_gap_ <= 1e-6
    assert ours.objective_ == pytest.approx(exact.objective_, rel=1.5e-6)


@pytest.mark.parametrize("alpha", [0.0, 1e-4, 1.0])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_regression(loss, alpha):
    assert_same_optimum(LossRegressor, *load_diabetes(return_X_y=True), loss=loss, alpha=alpha)


@pytest.mark.parametrize("alpha", [1e-2, 1.0])
@pytest.mark.parametrize("loss", ["hinge", "crammer_singer"])
@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
def test_classification(loss, alpha, load):
    assert_same_optimum(LossClassifier, *load(return_X_y=True), loss=loss, alpha=alpha)


def test_hard_rows():
    """Weights over twelve orders of magnitude, several targets, columns far from 0, many rows on
    their kink, no intercept.
    """
    X, y = load_diabetes(return_X_y=True)
    weight = 10 ** np.random.default_rng(0).uniform(-6, 6, len(y))
    assert_same_optimum(LossRegressor, X, y, loss="mae", alpha=1e-3, sample_weight=weight)
    assert_same_optimum(LossRegressor, X, np.column_stack([y, y**2 / 100]), loss="mae", alpha=1e-3)
    assert_same_optimum(LossRegressor, X + 1e6, y, loss="mae", alpha=1e-3)
    assert_same_optimum(LossRegressor, X, np.round(y / 20), loss="mae", alpha=1e-3)
    assert_same_optimum(LossRegressor, X, y, loss="mae", alpha=1e-3, fit_intercept=False)
    X, y = load_wine(return_X_y=True)
    weight = np.random.default_rng(0).uniform(0.1, 10, len(y))
    assert_same_optimum(LossClassifier, scale(X), y, loss="crammer_singer", alpha=1e-2, sample_weight=weight)


@pytest.mark.parametrize("alpha", [1e-2, 1.0])
def test_crammer_singer_on_digits(alpha):
    """Pixels that are constant, classes that can be separated: the interior point method stalls
    here.
    """
    X, y = load_digits(return_X_y=True)
    model = LossClassifier("crammer_singer", alpha=alpha, tol=1e-6).fit(X, y)
    assert model.solver_ == "augmented_lagrangian" and model.converged_ and model.dual_gap_ <= 1e-6


def text(n=2000, p=30_000, per_row=30):
    """Sparse rows with columns by Zipf's law, and noisy labels."""
    rng = np.random.default_rng(0)
    columns = np.exp(rng.uniform(0, np.log(p), n * per_row)).astype(int) - 1
    X = sparse.csr_matrix((rng.exponential(1, n * per_row), columns, np.arange(0, n * per_row + 1, per_row)), shape=(n, p))
    X.sum_duplicates()
    raw = X @ (rng.standard_normal(p) * (rng.random(p) < 0.1))
    return X, (raw / raw.std() + 0.3 * rng.logistic(size=n) > 0).astype(int), raw + rng.standard_t(2, n)


def test_wide_sparse_rows():
    """`auto` takes it, certifies its optimum and needs memory of the order of the rows, not of the
    features squared.
    """
    X, labels, targets = text()
    for model in (LossClassifier("hinge", alpha=1e-3, tol=1e-6), LossRegressor("mae", alpha=1e-2, tol=1e-6)):
        y = labels if isinstance(model, LossClassifier) else targets
        tracemalloc.start()
        model.fit(X, y)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert model.solver_ == "augmented_lagrangian" and model.converged_ and model.dual_gap_ <= 1e-6
        assert peak < 40e6 < 8 * X.shape[1] ** 2
    multi = LossClassifier("crammer_singer", alpha=1e-3, tol=1e-6).fit(X, labels + (targets > 1))
    assert multi.solver_ == "augmented_lagrangian" and multi.converged_ and multi.dual_gap_ <= 1e-6


@pytest.mark.parametrize("loss", ["mae", "hinge", pytest.param("crammer_singer", marks=pytest.mark.slow)])
def test_a_wrong_guess_of_the_rows_that_matter_costs_time_alone(loss, monkeypatch):
    """However few rows are taken to be near their kink, those that were set aside are looked at."""
    X, labels, targets = text(n=2000, p=300, per_row=10)
    estimator = LossRegressor if loss == "mae" else LossClassifier
    y = {"mae": targets, "hinge": labels, "crammer_singer": labels + (targets > 1)}[loss]
    asides, near = (
        [],
        MaxAffineTerms.linearized_outside if loss == "crammer_singer" else PiecewiseLinearTerms.linearized_outside,
    )

    def recording(self, rows, *point):
        asides.append(len(rows))
        return near(self, rows, *point)

    monkeypatch.setattr(MaxAffineTerms if loss == "crammer_singer" else PiecewiseLinearTerms, "linearized_outside", recording)
    found = []
    for reach in (0.5, 3.0, np.inf):
        solver = AugmentedLagrangian()
        solver.limits = MultiplierLimits(reach=reach)
        asides.clear()
        model = estimator(loss, alpha=1e-3, solver=solver, max_iter=5000, tol=1e-6).fit(X, y)
        assert model.converged_ and model.dual_gap_ <= 1e-6
        assert bool(asides) == (reach < np.inf)
        found.append(model.objective_)
    assert found == pytest.approx([found[-1]] * 3, rel=2e-6)


def test_without_a_penalty():
    """More columns than rows and no penalty: the least loss is 0. With fewer columns it is that of
    the linear program.
    """
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 1100)), rng.standard_normal(30)
    for solver in ("auto", "interior_point", "augmented_lagrangian"):
        model = LossRegressor("mae", alpha=0.0, solver=solver).fit(X, y)
        assert model.converged_ and model.objective_ == pytest.approx(0.0, abs=1e-8)
    tall = rng.standard_normal((1500, 4)), rng.standard_normal(1500)
    ours = LossRegressor("mae", alpha=0.0, solver="augmented_lagrangian").fit(*tall)
    n, p = tall[0].shape
    cost = np.concatenate([np.zeros(p + 1), np.full(2 * n, 1 / n)])
    equality = np.hstack([tall[0], np.ones((n, 1)), np.eye(n), -np.eye(n)])
    exact = linprog(cost, A_eq=equality, b_eq=tall[1], bounds=[(None, None)] * (p + 1) + [(0, None)] * 2 * n, method="highs")
    assert exact.fun * (1 - 1e-12) <= ours.objective_ <= exact.fun * (1 + 1e-6)


def test_too_few_iterations_are_said():
    X, y = load_diabetes(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        model = LossRegressor("mae", solver="augmented_lagrangian", max_iter=3).fit(X, y)
    assert not model.converged_ and model.n_iter_ == 3


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (LossRegressor("huber", solver="augmented_lagrangian"), "made of straight lines"),
        (LossRegressor("mae", solver="augmented_lagrangian", l1_ratio=0.5), "no L1 penalty"),
        (LossRegressor("mae", solver="augmented_lagrangian", hidden_layer_sizes=(3,)), "linear model"),
    ],
)
def test_refusals(estimator, reason):
    with pytest.raises(ValueError, match=reason):
        estimator.fit(*load_diabetes(return_X_y=True))


def test_a_direction_that_is_far_too_long():
    """At the zero model all rows are on straight lines, and Newton's direction goes down the
    gradient for ever.

    A line search from its full length got nowhere on images, where no column is like another in
    size.
    """
    X, y = load_digits(return_X_y=True)
    X = np.kron(X[:1100].reshape(-1, 8, 8) / 16, np.ones((1, 4, 4))).reshape(1100, -1)
    loss = Loss.make("hinge").bind(y[:1100], 10, "classification")
    model = Linear().bind(1024, 10)
    columns = Standardization.of(X, None, True, 1 / 1100)
    penalty = ElasticNet(1 / 1100, 0.0, columns.factors(model))
    terms = Objective(loss, model, penalty, Batches(X, y[:1100], None, columns)).terms()
    point = SmoothedPoint(terms, np.zeros(model.n_params))
    point.smooth(terms.center, 0.35 * point.scale)
    before = point.value
    assert point.step() and point.step() and point.value < 0.5 * before
