"""Newton's equations by the rows on a parabola, and what they make of data that people have: ties,
columns of few values, one-hot columns, repeated rows.
"""

import clarabel
import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.core.batches import Batches
from sklearn_losses.core.coordinates import Standardization
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.losses import EpsilonInsensitive
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.piecewise.curved_rows import CurvedRows, EquationLimits
from sklearn_losses.piecewise.smoothed_newton import SmoothedPoint


def one_hot_rows(n=300, seed=0):
    """A column of integers, one-hot columns, one of which is nearly always 0, and repeated rows."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 6, n), np.minimum(rng.geometric(0.5, n), 5) - 1
    X = np.column_stack([rng.integers(-2, 4, n), np.eye(6)[first], np.eye(5)[second]]).astype(float)
    raw = X @ rng.standard_normal(12) + rng.standard_normal(n)
    X[-40:], raw[-40:] = X[:40], raw[:40]
    return X, raw, rng.integers(0, 4, n).astype(float)


def by_program(loss, X, y, weight, alpha):
    """The minimum by the quadratic program of Clarabel."""
    n, p = X.shape
    design = np.column_stack([X, np.ones(n)])
    if loss == "hinge":
        lines, constants = [(1 - 2 * y)[:, None] * design, 0 * design], [np.ones(n), np.zeros(n)]
    else:
        lines, constants = [-design, design], [y, -y]
    quadratic = sparse.diags(np.r_[np.full(p, alpha), np.zeros(n + 1)]).tocsc()
    matrix = np.vstack([np.hstack([part, -np.eye(n)]) for part in lines])
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
    found = clarabel.DefaultSolver(
        quadratic, np.r_[np.zeros(p + 1), weight / weight.sum()], sparse.csc_matrix(matrix), -np.concatenate(constants),
        [clarabel.NonnegativeConeT(2 * n)], settings,
    ).solve()  # fmt: skip
    return found.obj_val


@pytest.mark.parametrize("form", ["dense", "float32", "sparse"])
@pytest.mark.parametrize("solver", ["augmented_lagrangian", "auto"])
@pytest.mark.parametrize("loss", ["hinge", "mae"])
def test_one_hot_columns_integers_and_repeated_rows_end_at_the_optimum(loss, solver, form):
    X, raw, weight = one_hot_rows()
    y = (raw > 0).astype(int) if loss == "hinge" else raw.round()
    exact = by_program(loss, X, y, weight, 1e-3)
    estimator = LossClassifier if loss == "hinge" else LossRegressor
    X = sparse.csr_matrix(X) if form == "sparse" else X.astype(np.float32 if form == "float32" else float)
    model = estimator(loss, alpha=1e-3, solver=solver).fit(X, y, sample_weight=weight)
    assert model.converged_
    assert exact * (1 - 1e-8) <= model.objective_ <= exact * (1 + model.dual_gap_ + 1e-8)
    assert model.dual_gap_ <= 1e-6
    repeated = X[np.repeat(np.arange(X.shape[0]), weight.astype(int))]
    same = estimator(loss, alpha=1e-3, solver=solver).fit(repeated, np.repeat(y, weight.astype(int)))
    np.testing.assert_allclose(same.coef_, model.coef_, rtol=1e-6, atol=1e-6)


COLUMNS = Standardization(np.linspace(-2, 2, 12), np.ones(12))


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("columns", [None, COLUMNS], ids=["plain", "moved"])
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
def test_a_kept_gram_matrix_is_that_of_the_curved_rows(storage, columns, intercept):
    """Through rows that come and go, two kinks in a row, and other widths."""
    X, raw, weight = one_hot_rows()
    model, penalty = Linear().bind(12, 1, intercept), 0.1
    loss = EpsilonInsensitive(epsilon=0.3).bind(raw, 1, "regression")
    kept = weight > 0
    batches = Batches(storage(X[kept]), raw[kept], weight[kept] / weight[kept].mean(), columns)
    terms = Objective(loss, model, ElasticNet(penalty, 0.0, model.weights()), batches).terms()
    design = X[kept] if columns is None else X[kept] - columns.center
    design = np.column_stack([design, np.ones(len(design))]) if intercept else design
    rng, ridge = np.random.default_rng(1), np.full(model.n_params, 0.5)
    by_matrix = CurvedRows(terms, matrix=True)
    by_products = CurvedRows(terms, limits=EquationLimits(largest_matrix=0))
    params = rng.standard_normal(model.n_params) / 4
    for width in (4.0, 4.0, 1.0, 0.3, 2.0):
        params += 0.02 * rng.standard_normal(model.n_params)
        slopes, gradient = terms.smoothed(terms.residual(params), terms.center, width)[1], rng.standard_normal(model.n_params)
        inside = (slopes > terms.left) & (slopes < terms.right)
        metric = (inside * (terms.right - terms.left)).sum(axis=0) / (2 * width)
        exact = -np.linalg.solve((design.T * metric) @ design + np.diag(ridge), gradient)
        np.testing.assert_allclose(by_matrix.direction(slopes, width, ridge, gradient, 1e-20)[0], exact, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(by_products.direction(slopes, width, ridge, gradient, 1e-20)[0], exact, rtol=1e-5, atol=1e-6)
    assert by_matrix.gram is not None and by_products.gram is None


def test_without_curved_rows_the_ridge_alone_holds():
    X, raw, weight = one_hot_rows()
    model = Linear().bind(12, 1, False)
    loss = EpsilonInsensitive(epsilon=0.3).bind(raw, 1, "regression")
    terms = Objective(loss, model, ElasticNet(0.1, 0.0, model.weights()), Batches(X, raw)).terms()
    direction, products = CurvedRows(terms).direction(terms.left, 1.0, np.full(12, 2.0), np.arange(12.0), 0.02)
    np.testing.assert_allclose(direction, -np.arange(12.0) / 2)
    assert products == 0


def counted(monkeypatch, make, X, y):
    """The number of Newton steps and products of a fit, and the model."""
    counts, step = np.zeros(2, dtype=int), SmoothedPoint.step

    def counting(self):
        moved = step(self)
        counts[:] += 1, self.products
        return moved

    with monkeypatch.context() as patch:
        patch.setattr(SmoothedPoint, "step", counting)
        return make().fit(X, y), counts


def test_a_matrix_takes_the_place_of_products_with_dense_rows(monkeypatch):
    X, y = load_breast_cancer(return_X_y=True)
    X = np.repeat(scale(X), 8, axis=0) + np.random.default_rng(0).standard_normal((8 * len(y), 30))
    model, (steps, products) = counted(
        monkeypatch, lambda: LossClassifier("hinge", alpha=1e-4, solver="augmented_lagrangian"), X, np.repeat(y, 8)
    )
    assert model.converged_ and 0 < steps <= 60 and products <= 60


def test_sparse_rows_stay_sparse(monkeypatch):
    """20,000 rows of ten one-hot columns: no array of all of them, and few products."""
    rng, n = np.random.default_rng(0), 20_000
    sizes = np.array([500, 200, 100, 50, 50, 20, 10, 10, 5, 5])
    columns = (sizes * rng.random((n, 10)) ** 2).astype(int) + np.cumsum(sizes) - sizes
    X = sparse.csr_matrix((np.ones(10 * n), columns.ravel(), np.arange(0, 10 * n + 1, 10)), shape=(n, sizes.sum()))
    y = X @ rng.standard_normal(X.shape[1]) + 2 * rng.logistic(size=n) > 0
    made, toarray = [], sparse.csr_matrix.toarray

    def counting(self, *args, **kwargs):
        made.append(self.shape[0])
        return toarray(self, *args, **kwargs)

    monkeypatch.setattr(sparse.csr_matrix, "toarray", counting)
    model, (steps, products) = counted(monkeypatch, lambda: LossClassifier("hinge", alpha=1 / n), X, y)
    assert model.converged_ and steps <= 60 and products <= 1200
    assert sum(made) < n / 8  # of rows on a kink, for the certificate


@pytest.mark.slow
def test_columns_of_few_values_take_few_steps(monkeypatch):
    datasets = pytest.importorskip("empulse.datasets")
    data = datasets.load_churn_tv_subscriptions(backend="pandas")
    X, y = scale(data.data.to_numpy(float)), data.target.to_numpy()
    model, (steps, products) = counted(
        monkeypatch, lambda: LossClassifier("hinge", alpha=1 / len(y), solver="augmented_lagrangian"), X, y
    )
    assert model.converged_ and model.dual_gap_ <= 1e-4
    assert steps <= 40 and products <= 40
    default = LossClassifier("hinge", alpha=1 / len(y)).fit(X, y)
    assert default.converged_ and default.n_iter_ <= 60
    assert default.objective_ == pytest.approx(model.objective_, rel=1e-4)
