"""The optimum is that of scikit-learn's estimators, with their parameters converted to ours."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression, QuantileRegressor, Ridge, SGDRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.losses import Huber, Loss, Quantile

SOLVERS = ["auto", "lbfgs", "gd"]


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def objective(loss, alpha, coef, intercept, X, y, weight=None):
    raw = X @ np.asarray(coef).T + intercept
    raw = raw[:, 0] if raw.ndim == 2 and raw.shape[1] == 1 else raw
    return np.average(Loss.make(loss).value(y, raw), weights=weight) + alpha / 2 * np.sum(np.square(coef))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_ridge(solver, fit_intercept, diabetes):
    X, y = diabetes
    weight = np.random.default_rng(0).uniform(0.1, 3, len(y))
    peer = Ridge(alpha=10.0, fit_intercept=fit_intercept, tol=1e-12).fit(X, y, sample_weight=weight)
    ours = LossRegressor(alpha=2 * 10.0 / weight.sum(), fit_intercept=fit_intercept, solver=solver).fit(
        X, y, sample_weight=weight
    )
    np.testing.assert_allclose(ours.coef_, peer.coef_, rtol=1e-6)
    np.testing.assert_allclose(ours.intercept_, peer.intercept_, rtol=1e-8, atol=1e-12)
    assert ours.objective_ == pytest.approx(objective("mse", ours.alpha, peer.coef_, peer.intercept_, X, y, weight), rel=1e-10)


def test_ridge_with_several_targets(diabetes):
    X, y = diabetes
    Y = np.column_stack([y, y**2 / 100, -y])
    peer = Ridge(alpha=10.0).fit(X, Y)
    ours = LossRegressor(alpha=2 * 10.0 / len(y) / 3).fit(X, Y)  # the mean over three targets
    np.testing.assert_allclose(ours.coef_, peer.coef_, rtol=1e-8)
    np.testing.assert_allclose(ours.intercept_, peer.intercept_, rtol=1e-10)


@pytest.mark.parametrize("solver", SOLVERS)
def test_binary_logistic_regression(solver, cancer):
    X, y = cancer
    peer = LogisticRegression(C=0.5, solver="newton-cholesky", tol=1e-12, max_iter=10_000).fit(X, y)
    ours = LossClassifier(alpha=1 / (0.5 * len(y)), solver=solver).fit(X, y)
    np.testing.assert_allclose(ours.coef_, peer.coef_, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(ours.predict_proba(X), peer.predict_proba(X), atol=1e-7)
    assert ours.objective_ <= objective("log_loss", ours.alpha, peer.coef_, peer.intercept_, X, y) * (1 + 1e-10)


@pytest.mark.parametrize("solver", SOLVERS)
def test_multinomial_logistic_regression(solver):
    X, y = load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    peer = LogisticRegression(C=0.5, tol=1e-12, max_iter=10_000).fit(X, y)
    ours = LossClassifier(alpha=1 / (0.5 * len(y)), solver=solver).fit(X, y)
    np.testing.assert_allclose(ours.coef_, peer.coef_, atol=2e-6)
    np.testing.assert_allclose(ours.predict_proba(X), peer.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_linear_svc_without_its_penalised_intercept(loss, cancer):
    X, y = cancer
    C = 0.05
    peer = LinearSVC(C=C, loss=loss, fit_intercept=False, tol=1e-10, max_iter=2_000_000, dual=True).fit(X, y)
    ours = LossClassifier(loss, alpha=1 / (C * len(y)), fit_intercept=False).fit(X, y)
    reached = objective(loss, ours.alpha, peer.coef_, 0.0, X, y)
    assert ours.objective_ == pytest.approx(reached, rel=1e-5)
    assert ours.objective_ <= reached * (1 + 1e-12)
    np.testing.assert_allclose(ours.coef_, peer.coef_, atol=1e-4)


def test_hinge_with_its_free_intercept_is_libsvm(cancer):
    X, y = cancer
    C = 0.05
    peer = SVC(C=C, kernel="linear", tol=1e-8).fit(X, y)
    ours = LossClassifier("hinge", alpha=1 / (C * len(y))).fit(X, y)
    np.testing.assert_allclose(ours.coef_, peer.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.intercept_, peer.intercept_, atol=1e-4)
    assert ours.objective_ <= objective("hinge", ours.alpha, peer.coef_, peer.intercept_, X, y) * (1 + 1e-12)


@pytest.mark.parametrize("level", [0.2, 0.5])
def test_quantile_regressor(level, diabetes):
    X, y = diabetes
    peer = QuantileRegressor(quantile=level, alpha=0.0, solver="highs").fit(X, y)
    ours = LossRegressor(Quantile(level), alpha=0.0).fit(X, y)
    assert ours.objective_ == pytest.approx(objective(Quantile(level), 0.0, peer.coef_, peer.intercept_, X, y), rel=1e-9)


def test_sgd_regressors_huber_at_convergence(diabetes):
    X, y = diabetes
    y = (y - y.mean()) / y.std()
    alpha = 0.3
    peer = SGDRegressor(
        loss="huber", epsilon=0.5, alpha=alpha, learning_rate="invscaling", eta0=0.05, power_t=0.6, average=1000 * len(y),
        max_iter=2000, tol=None, random_state=0,
    ).fit(X, y)  # fmt: skip
    ours = LossRegressor(Huber(0.5, scale=1.0), alpha=alpha).fit(X, y)
    reached = objective(Huber(0.5, scale=1.0), alpha, peer.coef_, peer.intercept_, X, y)
    assert ours.objective_ == pytest.approx(reached, rel=1e-5)
    assert ours.objective_ <= reached * (1 + 1e-12)
    np.testing.assert_allclose(ours.coef_, peer.coef_, atol=1e-4)
