"""L1 and elastic-net penalties: the optimum, its exact zeros, and the references of others."""

import warnings

import numpy as np
import pytest
from peers import l1_logistic_regression
from problems import by_turns
from scipy import sparse
from scipy.optimize import linprog, minimize, minimize_scalar
from scipy.special import logsumexp, softmax
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, Lasso, QuantileRegressor
from sklearn.utils.estimator_checks import check_estimator

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.core.hessian_operator import HessianOperator
from sklearn_losses.core.penalties import ElasticNet as ElasticNetPenalty
from sklearn_losses.core.subgradient import least_subgradient
from sklearn_losses.losses import Huber, Loss
from sklearn_losses.solvers import SGD, Adam, ProximalNewton
from sklearn_losses.solvers.l1_quadratic import MatrixModel, ProductModel, minimize_model

SMOOTH = ["mse", "huber", "cross_entropy", "squared_hinge"]
KINKED = ["mae", "quantile", "hinge"]


def regression(n=150, p=40, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * np.exp(rng.uniform(-3, 3, p)) + rng.uniform(-5, 5, p)
    true = np.zeros(p)
    true[:5] = 3 / X[:, :5].std(axis=0)
    return X, X @ true + rng.standard_t(3, n)


def sample(loss, n=150, p=40, classes=2):
    X, y = regression(n, p)
    if Loss.make(loss).task == "classification":
        y = np.digitize(y, np.quantile(y, np.arange(1, classes) / classes))
        return LossClassifier(loss), X, y
    return LossRegressor(loss), X, y


def subgradient_violation(model, X, y, weight):
    """The largest entry of the least subgradient, by the textbook formulas, as a share of the
    penalty's slope.
    """
    loss = model._loss
    raw = model.decision_function(X) if hasattr(model, "decision_function") else model.predict(X)
    codes = np.searchsorted(model.classes_, y) if hasattr(model, "classes_") else y
    gradient = loss.gradient(codes, raw).reshape(len(y), -1) * (weight / weight.sum())[:, None]
    coef = np.atleast_2d(model.coef_)
    l1 = model.alpha * model.l1_ratio
    slope = (X.T @ gradient).T + model.alpha * (1 - model.l1_ratio) * coef
    violation = np.where(coef == 0, np.maximum(np.abs(slope) - l1, 0), np.abs(slope + l1 * np.sign(coef)))
    return max(np.max(violation), np.max(np.abs(gradient.sum(axis=0)))) / l1


@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("loss", SMOOTH)
def test_subgradient_condition_at_every_coefficient(loss, classes, kind, l1_ratio):
    model, X, y = sample(loss, classes=classes)
    weight = np.random.default_rng(1).uniform(0, 2, len(y))
    model.set_params(alpha=0.05, l1_ratio=l1_ratio)
    model.fit(sparse.csr_array(X) if kind == "sparse" else X, y, weight)
    assert model.solver_ == "proximal_newton" and model.converged_
    assert np.any(model.coef_ == 0) and np.any(model.coef_ != 0)
    assert subgradient_violation(model, X, y, weight) < 1e-7


def test_lasso_and_elastic_net_equal_those_of_scikit_learn():
    X, y = regression()
    for l1_ratio in (1.0, 0.6):
        reference = ElasticNet(alpha=0.3, l1_ratio=l1_ratio, tol=1e-13, max_iter=100_000).fit(X, y)
        # Theirs is half the squared error.
        model = LossRegressor("mse", alpha=0.6, l1_ratio=l1_ratio).fit(X, y)
        np.testing.assert_allclose(model.coef_, reference.coef_, rtol=1e-6, atol=1e-9)
        np.testing.assert_array_equal(model.coef_ == 0, reference.coef_ == 0)


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_equals_saga(classes):
    _, X, y = sample("cross_entropy", classes=classes)
    X = (X - X.mean(axis=0)) / X.std(axis=0)  # saga needs it, we do not
    alpha = 0.02
    reference = l1_logistic_regression(C=1 / (alpha * len(y)), tol=1e-9, max_iter=20_000).fit(X, y)
    model = LossClassifier(alpha=alpha, l1_ratio=1.0).fit(X, y)
    np.testing.assert_allclose(model.coef_, reference.coef_, atol=1e-6)
    np.testing.assert_array_equal(model.coef_ == 0, np.abs(reference.coef_) < 1e-7)


@pytest.mark.parametrize("solver", ["interior_point", "proximal_newton"])
@pytest.mark.parametrize("quantile", [0.5, 0.9])
def test_quantile_reaches_the_linear_program(quantile, solver):
    X, y = regression(100, 20)
    reference = QuantileRegressor(quantile=quantile, alpha=0.1).fit(X, y)
    model = LossRegressor("quantile", solver=solver, alpha=0.1, l1_ratio=1.0).set_params(loss__quantile=quantile).fit(X, y)
    residual = y - reference.predict(X)
    best = np.mean(np.maximum(quantile * residual, (quantile - 1) * residual)) + 0.1 * np.abs(reference.coef_).sum()
    assert model.converged_
    np.testing.assert_allclose(model.objective_, best, rtol=1e-9)
    np.testing.assert_array_equal(model.coef_ == 0, np.abs(reference.coef_) < 1e-9)


@pytest.mark.parametrize("shape", [(150, 40), (80, 300)])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_hinge_reaches_the_linear_program(kind, shape):
    n, p = shape
    rng = np.random.default_rng(0)
    X = rng.standard_normal(shape) * (rng.random(shape) < 0.3)
    sign = np.where(X[:, :5].sum(axis=1) + 0.5 * rng.standard_normal(n) > 0, 1, -1)
    alpha = 0.02
    signed = sign[:, None] * X
    program = linprog(
        np.concatenate([np.full(2 * p, alpha), [0, 0], np.full(n, 1 / n)]),
        A_ub=np.hstack([-signed, signed, -sign[:, None], sign[:, None], -np.eye(n)]),
        b_ub=-np.ones(n),
        method="highs",
    )
    model = LossClassifier("hinge", alpha=alpha, l1_ratio=1.0).fit(sparse.csr_matrix(X) if kind == "sparse" else X, sign)
    assert model.solver_ == "interior_point" and model.converged_
    assert np.any(model.coef_ == 0)
    np.testing.assert_allclose(model.objective_, program.fun, rtol=1e-9)


def test_wide_mae_reaches_the_linear_program():
    rng = np.random.default_rng(0)
    n, p, alpha = 60, 2000, 0.3
    X = rng.standard_normal((n, p))
    y = X[:, :4] @ np.array([3.0, -2.0, 1.0, 4.0]) + rng.standard_t(2, n)
    ones = np.ones((n, 1))
    program = linprog(
        np.concatenate([np.full(2 * p, alpha), [0, 0], np.full(2 * n, 1 / n)]),
        A_eq=np.hstack([X, -X, ones, -ones, np.eye(n), -np.eye(n)]),
        b_eq=y,
        method="highs",
    )
    model = LossRegressor("mae", alpha=alpha, l1_ratio=1.0).fit(X, y)
    assert model.solver_ == "proximal_newton" and model.converged_
    np.testing.assert_allclose(model.objective_, program.fun, rtol=1e-9)


@pytest.mark.parametrize("loss, classes", [("hinge", 2), ("hinge", 3), ("mae", 0), ("quantile", 0)])
def test_kinks_with_many_columns_by_the_method_of_multipliers(loss, classes):
    rng = np.random.default_rng(0)
    X = sparse.random(150, 1200 if classes < 3 else 400, 0.05, random_state=0, format="csr")
    raw = X[:, :20] @ rng.standard_normal((20, max(classes, 1)))
    y = (np.argmax(raw + 0.1 * rng.gumbel(size=raw.shape), axis=1) if classes else raw[:, 0] + rng.standard_t(3, 150)) * 1
    weight = rng.integers(1, 4, 150)
    estimator = LossClassifier if classes else LossRegressor
    model = estimator(loss, alpha=0.003, l1_ratio=0.9, solver="proximal_newton", tol=1e-5).fit(X, y, weight)
    assert model.converged_ and 0 <= model.dual_gap_ <= 1e-5
    assert np.any(model.coef_ == 0) and np.any(model.coef_ != 0)
    exact = clone(model).set_params(solver="interior_point", tol=1e-8).fit(X, y, weight)
    assert exact.objective_ * (1 - 1e-8) <= model.objective_ <= exact.objective_ * (1 + 1e-5)


def test_digits_take_few_steps_to_a_proven_end():
    X, y = load_digits(return_X_y=True)
    model = LossClassifier(alpha=1e-3, l1_ratio=1.0).fit(X / 16, y)
    assert model.solver_ == "proximal_newton" and model.converged_
    assert model.n_iter_ <= 15
    best = clone(model).set_params(tol=1e-8).fit(X / 16, y)
    null = np.log(10)
    assert 0 <= model.objective_ - best.objective_ <= 1e-4 * (null - best.objective_)
    assert subgradient_violation(best, X / 16, y, np.ones(len(y))) < 1e-4


@pytest.mark.parametrize("seed", [4, 10, 12])
def test_steps_that_gain_nothing_end_under_any_damping(seed):
    """Where slopes are rounding beside a penalty next to none, damped steps neither gain nor end by
    themselves.
    """
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((30, 1)).astype(np.float32)
    y = X[:, 0] + 1e-6 * rng.standard_normal(30)
    model = LossRegressor(Huber(scale=1e-3), solver="proximal_newton", alpha=1e-10, l1_ratio=1.0, max_iter=300).fit(X, y)
    slope, intercept = np.polyfit(X[:, 0].astype(float), y, 1)
    np.testing.assert_allclose(model.coef_, slope, atol=1e-6)
    np.testing.assert_allclose(model.intercept_, intercept, atol=1e-6)
    assert model.converged_ and model.n_iter_ < 100


@pytest.mark.slow
def test_a_promise_of_a_model_that_is_not_like_the_loss_is_no_end():
    # Far from 0 log_cosh is nearly a kink, and its curvature says nothing.
    rng = np.random.default_rng(0)
    n, p = 4000, 200
    X = rng.standard_normal((n, p)) * 10.0 ** rng.integers(-2, 3, p)
    y = 100 * ((X / X.std(axis=0)) @ (rng.standard_normal(p) * (rng.random(p) < 0.2)) + rng.standard_normal(n))
    model = LossRegressor("log_cosh", alpha=1e-3, l1_ratio=1.0).fit(X, y)
    best = clone(model).set_params(tol=1e-9).fit(X, y)
    assert model.converged_ and model.objective_ <= best.objective_ * (1 + 1e-4)


@pytest.mark.parametrize("loss", KINKED)
def test_weights_and_targets_of_non_smooth_losses(loss):
    model, X, y = sample(loss, 60, 8, classes=3)
    model.set_params(alpha=0.05, l1_ratio=0.7)
    weight = np.random.default_rng(0).integers(0, 3, len(y))
    once, repeated = model.fit(X, y, weight).coef_.copy(), model.fit(np.repeat(X, weight, axis=0), np.repeat(y, weight)).coef_
    np.testing.assert_allclose(once, repeated, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(once == 0, repeated == 0)


@pytest.mark.parametrize("loss", ["mse", "huber", "mae"])
def test_several_targets_are_fits_of_one(loss):
    X, y = regression(80, 10)
    Y = np.column_stack([y, -2 * y + X[:, 7] + np.random.default_rng(0).standard_normal(len(y))])
    both = LossRegressor(loss, alpha=0.1, l1_ratio=1.0).fit(X, Y)
    for target, coef in zip(Y.T, both.coef_, strict=True):
        # The loss is the mean over the targets, so the penalty of one counts twice by itself.
        one = LossRegressor(loss, alpha=0.2, l1_ratio=1.0).fit(X, target)
        np.testing.assert_allclose(coef, one.coef_, rtol=1e-5, atol=1e-7)


def test_wide_sparse_rows_on_products_with_the_hessian():
    rng = np.random.default_rng(0)
    X = sparse.random(2000, 3000, 0.01, random_state=0, format="csr")
    y = (X @ (rng.standard_normal(3000) * (rng.random(3000) < 0.05)) * 3 + rng.logistic(size=2000) > 0).astype(int)
    model = LossClassifier(alpha=1 / 2000, l1_ratio=1.0, tol=1e-9).fit(X, y)
    assert model.solver_ == "proximal_newton" and model.converged_
    reference = l1_logistic_regression(C=1.0, tol=1e-8, max_iter=5000).fit(X, y)
    signed = (2 * y - 1) * reference.decision_function(X)
    best = np.logaddexp(0, -signed).mean() + np.abs(reference.coef_).sum() / 2000
    assert model.objective_ <= best * (1 + 1e-9)
    assert subgradient_violation(model, X, y, np.ones(2000)) < 1e-2


def test_wide_sparse_ridge_takes_newton():
    X = sparse.random(500, 3000, 0.01, random_state=0, format="csr")
    y = (X @ np.random.default_rng(0).standard_normal(3000) > 0).astype(int)
    model = LossClassifier(alpha=1 / 500, tol=1e-8).fit(X, y)
    assert model.solver_ == "newton" and model.converged_
    dense = LossClassifier(alpha=1 / 500, solver="lbfgs", tol=1e-10).fit(X, y)
    np.testing.assert_allclose(model.objective_, dense.objective_, rtol=1e-6)


@pytest.mark.parametrize("shift", [0.0, 1e4, 1e6])
def test_columns_far_from_the_origin(shift):
    X, y = regression()
    here = LossRegressor("huber", alpha=0.1, l1_ratio=0.9).fit(X, y)
    there = LossRegressor("huber", alpha=0.1, l1_ratio=0.9).fit(X + shift, y)
    np.testing.assert_allclose(there.coef_, here.coef_, rtol=1e-4, atol=1e-8)
    np.testing.assert_array_equal(there.coef_ == 0, here.coef_ == 0)


@pytest.mark.parametrize("loss", SMOOTH + KINKED)
def test_collinear_constant_and_repeated_columns(loss):
    model, X, y = sample(loss, 60, 6)
    X = np.column_stack([X, X[:, 0], X[:, 1] + X[:, 2], np.full(len(y), 3.0), np.zeros(len(y))])
    model.set_params(alpha=0.05, l1_ratio=1.0).fit(X, y)
    plain = model.__class__(loss, alpha=0.05, l1_ratio=1.0).fit(X[:, :6], y)
    assert model.converged_
    assert model.objective_ <= plain.objective_ * (1 + 1e-9)
    assert not model.coef_[..., -2:].any()


@pytest.mark.parametrize("loss", SMOOTH + KINKED)
def test_a_strong_penalty_leaves_the_best_constant(loss):
    model, X, y = sample(loss, 61, 5)
    model.set_params(alpha=1e6, l1_ratio=0.5).fit(X, y)
    assert model.converged_ and not model.coef_.any()


def test_result_holds_its_certificate():
    X, y = regression()
    model = LossRegressor(alpha=0.5, l1_ratio=1.0)
    results = []

    class Recording(ProximalNewton):
        def minimize(self, *arguments, **more):
            results.append(super().minimize(*arguments, **more))
            return results[-1]

    model.set_params(solver=Recording()).fit(X, y)
    assert 0 <= results[0].gap < 1e-12 and results[0].subgradient < 1e-9
    with pytest.warns(UserWarning, match="max_iter=1"):
        model.set_params(loss="log_cosh", max_iter=1).fit(X, y)
    assert results[1].gap > 1e-6


def test_quadratic_models_by_factors_and_by_products_agree():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((60, 40))
    H, gradient, l1 = A.T @ A / 60, 3 * rng.standard_normal(40), np.full(40, 0.5)
    l1[-1] = 0
    start = rng.standard_normal(40) * (rng.random(40) < 0.5)
    by_factors, _, solved = minimize_model(MatrixModel(H, gradient, 0.0), gradient, start, l1, np.full(40, 1e-10))
    by_products, *_ = minimize_model(
        ProductModel(HessianOperator(lambda v: H @ v), np.zeros(40)), gradient, start, l1, np.full(40, 1e-10)
    )
    np.testing.assert_allclose(by_factors, by_products, atol=1e-7)
    assert np.any(by_factors[:-1] == 0)
    assert np.max(np.abs(least_subgradient(by_factors, gradient + H @ (by_factors - start), l1))) < 1e-9


def test_refusals_name_the_way_out():
    X, y = regression(30, 3)
    with pytest.raises(ValueError, match="'proximal_newton' needs a linear model.*'adam'"):
        LossRegressor(solver="proximal_newton", hidden_layer_sizes=(3,)).fit(X, y)


@pytest.mark.slow
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@pytest.mark.parametrize("loss", SMOOTH + KINKED)
def test_check_estimator(loss, l1_ratio):
    maker = LossClassifier if Loss.make(loss).task == "classification" else LossRegressor
    check_estimator(maker(loss, l1_ratio=l1_ratio), on_skip=None)


def test_path_of_alpha_with_warm_starts():
    X, y = regression(200, 60)
    warm = LossRegressor("mse", l1_ratio=1.0, warm_start=True)
    for alpha in (1.0, 0.5, 0.2):
        warm.set_params(alpha=alpha).fit(X, y)
        reference = Lasso(alpha=alpha / 2, tol=1e-13, max_iter=100_000).fit(X, y)
        np.testing.assert_allclose(warm.coef_, reference.coef_, rtol=1e-6, atol=1e-9)


class TestStepsOnBatches:
    """With all rows in one batch a solver by steps ends on the optimum, whatever its momentum."""

    SOLVERS = (
        *(SGD(momentum=0.0, nesterov=False), SGD(momentum=0.5), SGD(momentum=0.9, nesterov=False), SGD(), SGD(momentum=0.97)),
        *(Adam(learning_rate=0.02), Adam(learning_rate=0.1, schedule="invscaling"), Adam(learning_rate=0.02, amsgrad=True)),
    )

    def data(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(80, 6)) * [1, 2, 0.5, 1, 1, 3]
        score = X @ [1.0, 0, -2, 0, 0.05, 0.3] + 1
        return X, score + 0.5 * rng.normal(size=80)

    def ends_on(self, optimum, estimator, loss, solver, X, y, **penalty):
        solver = clone(solver).set_params(batch_size=len(y))
        model = estimator(loss, solver=solver, max_iter=4000, n_iter_no_change=4000, tol=0, random_state=0, **penalty)
        with warnings.catch_warnings():
            # By design they never know that they are there.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, y)
        assert optimum.objective_ <= model.objective_ * (1 + 1e-9)
        assert model.objective_ <= optimum.objective_ * (1 + 1e-6)
        np.testing.assert_allclose(model.coef_, optimum.coef_, atol=2e-3)

    @pytest.mark.parametrize("solver, l1_ratio", by_turns(SOLVERS, [1.0, 0.5]), ids=repr)
    def test_regression(self, solver, l1_ratio):
        X, y = self.data()
        # Theirs is half the squared error.
        peer = ElasticNet(alpha=0.1, l1_ratio=l1_ratio, tol=1e-12).fit(X, y)
        optimum = LossRegressor(alpha=0.2, l1_ratio=l1_ratio, tol=1e-12).fit(X, y)
        np.testing.assert_allclose(optimum.coef_, peer.coef_, atol=1e-6)
        self.ends_on(optimum, LossRegressor, "mse", solver, X, y, alpha=0.2, l1_ratio=l1_ratio)

    @pytest.mark.parametrize(
        "solver, loss, classes",
        by_turns(
            [SGD(learning_rate=0.1, nesterov=False), SGD(learning_rate=0.1), Adam(learning_rate=0.02)],
            ["cross_entropy", "squared_hinge"],
            [3, 2],
        ),
        ids=repr,
    )
    def test_classes(self, solver, loss, classes):
        X, y = self.data()
        y = np.digitize(y, [-1, 2][: classes - 1])
        optimum = LossClassifier(loss, alpha=0.1, l1_ratio=0.7, tol=1e-12).fit(X, y)
        self.ends_on(optimum, LossClassifier, loss, solver, X, y, alpha=0.1, l1_ratio=0.7)

    def test_small_batches_leave_the_same_weights_at_zero(self):
        X, y = self.data()
        optimum = LossRegressor(alpha=0.4, l1_ratio=1.0).fit(X, y)
        model = LossRegressor(alpha=0.4, l1_ratio=1.0, solver=SGD(learning_rate=1e-3), random_state=0, max_iter=300).fit(X, y)
        assert model.objective_ == pytest.approx(optimum.objective_, rel=0.01)


class TestACommonShiftOfAllClasses:
    """It changes no probability and no margin, so the penalty alone decides on it."""

    @pytest.mark.parametrize("K", [3, 4, 7])
    @pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 0.999, 1.0])
    def test_the_best_one_against_a_search(self, K, l1_ratio):
        rng = np.random.default_rng(0)
        weights = rng.normal(size=(30, K)) * 10.0 ** rng.integers(-3, 4, size=(30, 1))
        weights[rng.random(weights.shape) < 0.4] = 0
        factors = np.append(np.repeat(rng.uniform(0.1, 10, 30), K), np.zeros(K))
        penalty = ElasticNetPenalty(0.7, l1_ratio, factors)
        best = penalty.best_shift(weights)
        for row, shift, factor in zip(weights, best, factors[: 30 * K : K], strict=True):

            def value(t, row=row, factor=factor):
                rest = factor * (row - t)
                return (1 - l1_ratio) / 2 * np.sum(rest**2) + l1_ratio * np.sum(np.abs(rest))

            found = minimize_scalar(value, bounds=(row.min() - 1, row.max() + 1), method="bounded", options={"xatol": 1e-12})
            assert value(shift) <= min([found.fun, *map(value, row)]) * (1 + 1e-12)
            if value(0.0) <= value(shift) * (1 + 1e-12) and l1_ratio == 1.0:
                assert shift == 0.0  # zeros stay where nothing is to be gained

    @pytest.mark.parametrize("solver", ["auto", "lbfgs", "gd"])
    @pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
    @pytest.mark.parametrize("loss", ["cross_entropy", "squared_hinge", "exponential", "hinge"])
    def test_none_is_left_in_the_weights_of_a_column_in_small_units(self, loss, l1_ratio, solver):
        rng = np.random.default_rng(0)
        Z = rng.normal(size=(60, 3))
        units = np.array([1e-8, 1.0, 1e-5])
        y = np.argmax(Z @ rng.normal(size=(3, 3)) + rng.gumbel(size=(60, 3)), axis=1)
        alpha = 1e-9
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = LossClassifier(loss, alpha=alpha, l1_ratio=l1_ratio, solver=solver).fit(Z * units, y)

        def penalty(coef):
            return alpha * ((1 - l1_ratio) / 2 * np.sum(coef**2) + l1_ratio * np.sum(np.abs(coef)))

        for feature in range(3):
            column = model.coef_[:, feature]
            moved = model.coef_.copy()
            for t in [*column, column.mean(), *(column.mean() + np.linspace(-1, 1, 21) * np.ptp(column))]:
                moved[:, feature] = column - t
                assert penalty(model.coef_) <= penalty(moved) + 1e-12 * model.objective_
        assert abs(model.intercept_.mean()) <= 1e-12 * (1 + np.max(np.abs(model.intercept_)))

    @pytest.mark.parametrize("solver", ["auto", "lbfgs", "gd"])
    def test_the_optimum_is_that_of_bounded_quasi_newton(self, solver):
        rng = np.random.default_rng(1)
        Z, units, alpha = rng.normal(size=(60, 3)), np.array([1e-7, 1.0, 1e-4]), 1e-8
        y = np.argmax(Z @ rng.normal(size=(3, 3)) + rng.gumbel(size=(60, 3)), axis=1)
        strength = np.append(np.repeat(alpha / units, 3), np.zeros(3))

        def split(halves):
            params = halves[:12] - halves[12:]
            raw = Z @ params[:9].reshape(3, 3) + params[9:]
            gradient = softmax(raw, axis=1)
            gradient[np.arange(60), y] -= 1
            value = np.mean(logsumexp(raw, axis=1) - raw[np.arange(60), y]) + strength @ (halves[:12] + halves[12:])
            pull = np.append((Z.T @ gradient).ravel(), gradient.sum(axis=0)) / 60
            return value, np.concatenate([pull + strength, strength - pull])

        peer = minimize(
            split, np.zeros(24), jac=True, bounds=[(0, None)] * 24, method="L-BFGS-B",
            options={"ftol": 1e-16, "gtol": 1e-12, "maxiter": 20_000, "maxfun": 50_000},
        )  # fmt: skip
        model = LossClassifier(alpha=alpha, l1_ratio=1.0, solver=solver, tol=1e-9, max_iter=5000).fit(Z * units, y)
        assert model.objective_ == pytest.approx(peer.fun, rel=1e-7)
