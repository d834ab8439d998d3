"""Fewer rows than columns: optima that other programs find, and the solution of least norm without
a penalty.
"""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import SVC, SVR

from sklearn_losses import LossClassifier, LossRanker, LossRegressor
from sklearn_losses.core.coordinates import Coordinates, RowSpace, Standardization
from sklearn_losses.models import Linear

N, P = 60, 1050


def rows(seed=0, n=N, p=P):
    """Columns of several sizes with means that are not 0."""
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n, p)) + rng.normal(size=p)) * np.exp(rng.uniform(-2, 2, p))
    return X, X[:, :5] @ rng.normal(size=5) + rng.normal(size=n), rng.uniform(0.1, 2, n)


@pytest.mark.parametrize("p", [70, P])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("solver", ["auto", "lbfgs"])
def test_least_squares_of_least_norm(solver, fit_intercept, p):
    X, y, weight = rows(p=p)
    ours = LossRegressor("mse", alpha=0, solver=solver, fit_intercept=fit_intercept, tol=1e-12).fit(X, y, weight)
    exact = LinearRegression(fit_intercept=fit_intercept).fit(X, y, weight)
    scale = np.max(np.abs(exact.coef_))
    assert np.max(np.abs(ours.coef_ - exact.coef_)) <= 1e-7 * scale
    assert ours.intercept_ == pytest.approx(exact.intercept_, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("kind", ["float32", "sparse", "two targets"])
def test_least_norm_of_other_data(kind):
    X, y, _ = rows()
    if kind == "two targets":
        y = np.column_stack([y, y[::-1]])
    exact = LinearRegression().fit(X.astype(np.float32).astype(float) if kind == "float32" else X, y)
    X = {"float32": X.astype(np.float32), "sparse": sparse.csr_matrix(X)}.get(kind, X)
    ours = LossRegressor("mse", alpha=0).fit(X, y)
    assert np.max(np.abs(ours.coef_ - exact.coef_)) <= 1e-5 * np.max(np.abs(exact.coef_))


@pytest.mark.parametrize("loss", ["mae", "quantile", "huber", "log_cosh", "mse"])
def test_all_that_meet_every_row_meet_it_with_the_least_norm(loss):
    X, y, _ = rows(1)
    ours, exact = LossRegressor(loss, alpha=0).fit(X, y), LinearRegression().fit(X, y)
    assert ours.converged_
    assert np.max(np.abs(ours.coef_ - exact.coef_)) <= 1e-5 * np.max(np.abs(exact.coef_))


@pytest.mark.parametrize("kind", ["dense", "float32", "sparse"])
@pytest.mark.parametrize("alpha", [1e-4, 1e-2, 1.0])
def test_the_hinge_is_that_of_libsvm(alpha, kind):
    """Its dual value is a lower bound of the objective."""
    X, y, weight = rows(2)
    X = X.astype(np.float32).astype(float)
    y = (y > np.median(y)).astype(int)
    svc = SVC(kernel="linear", C=1 / (N * alpha), tol=1e-9).fit(X, y, weight / weight.mean())
    below = alpha * (np.sum(np.abs(svc.dual_coef_)) - np.sum(svc.coef_**2) / 2)
    ours = LossClassifier("hinge", alpha=alpha)
    ours.fit({"dense": X, "float32": X.astype(np.float32), "sparse": sparse.csr_matrix(X)}[kind], y, weight)
    assert ours.converged_ and ours.dual_gap_ <= 1e-6
    margins = np.maximum(0, 1 - (2 * y - 1) * ours.decision_function(X))
    objective = weight @ margins / weight.sum() + alpha / 2 * np.sum(ours.coef_.astype(float) ** 2)
    assert below * (1 - 1e-9) <= objective <= below * (1 + 1e-6)


def test_absolute_errors_are_those_of_libsvm():
    X, y, _ = rows(3)
    alpha = 1e-1
    svr = SVR(kernel="linear", C=1 / (N * alpha), epsilon=0.0, tol=1e-9).fit(X, y)
    below = alpha * (svr.dual_coef_[0] @ y[svr.support_] - np.sum(svr.coef_**2) / 2)
    ours = LossRegressor("mae", alpha=alpha).fit(X, y)
    assert ours.converged_
    objective = np.mean(np.abs(y - ours.predict(X))) + alpha / 2 * np.sum(ours.coef_**2)
    assert below * (1 - 1e-9) <= objective <= below * (1 + 1e-6)


def test_logistic_regression():
    X, y, _ = rows(4)
    y = (y > 0).astype(int)
    exact = LogisticRegression(C=1 / (N * 1e-2), tol=1e-12, max_iter=10_000, solver="newton-cholesky").fit(X, y)
    ours = LossClassifier("cross_entropy", alpha=1e-2).fit(X, y)
    assert ours.solver_ == "newton"
    assert np.max(np.abs(ours.coef_ - exact.coef_)) <= 1e-5 * np.max(np.abs(exact.coef_))


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge", "crammer_singer", "cross_entropy", "perceptron"])
def test_images_of_several_classes(loss):
    """Digits blown up to 32 x 32 pixels: neighbours are the same."""
    X, y = load_digits(return_X_y=True)
    X = np.kron(X[:100].reshape(-1, 8, 8) / 16, np.ones((1, 4, 4))).reshape(100, -1)
    fitted = LossClassifier(loss, alpha=1 / 100, random_state=0).fit(X, y[:100])
    assert fitted.score(X, y[:100]) > 0.95
    assert fitted.coef_.shape == (10, 1024)
    if loss != "perceptron":
        assert fitted.converged_


def test_what_surrounds_a_fit():
    """Early stopping scores rows outside the basis; a warm start goes on; rankers and constants
    take part.
    """
    X, y, _ = rows(5)
    stopped = LossRegressor("huber", solver="lbfgs", early_stopping=True, random_state=0, max_iter=20).fit(X, y)
    assert len(stopped.validation_scores_) >= 1
    model = LossRegressor("mae", alpha=1e-2, warm_start=True).fit(X, y)
    again = model.objective_
    assert model.fit(X, y).objective_ == pytest.approx(again, rel=1e-9)
    assert LossRegressor("huber", alpha=1e-2).set_params(loss__scale="joint").fit(X, y).coef_.shape == (P,)
    assert LossRanker(alpha=1e-2).fit(X, np.digitize(y, [-1, 1]), qid=np.repeat(np.arange(6), 10)).coef_.shape == (P,)


def test_coordinates():
    X, _, _ = rows(6, 20, 30)
    X[:, 3] = 7.0
    space = RowSpace.of(X, None, True)
    assert space.basis.T @ space.basis == pytest.approx(np.eye(space.basis.shape[1]), abs=1e-12)
    assert space.basis.shape == (30, 19)  # a mean is one of 20
    Z = space.apply(X)
    columns = Standardization.of(100 * Z + 1000, None, True, 0.0)
    rng, user, inner = np.random.default_rng(0), Linear().bind(30, 2), Linear().bind(19, 2)
    params = rng.normal(size=inner.n_params)
    for whole in (space, Coordinates(space), Coordinates(space, columns)):
        assert whole.from_user(user, whole.to_user(user, params)) == pytest.approx(params, rel=1e-9)
    assert user.predict(space.to_user(user, params), X) == pytest.approx(inner.predict(params, Z), rel=1e-9)


@pytest.mark.parametrize("size", [1e-9, 1e200])
def test_columns_of_very_different_sizes_have_no_basis(size):
    X, y, _ = rows(7, 20, 30)
    X[:, 0] *= size
    assert RowSpace.of(X, None, True) is None
    assert RowSpace.of(np.full((3, 4), 2.0), None, True) is None
