"""The end of fits with smooth losses: never far above the optimum in silence, whatever the columns
and the solver.

Two columns that differ by a millionth of their size, and a target that is their difference: steps
and decreases are small everywhere, and the minimum is far away. An orthonormal basis of the two
makes the same problem a well-conditioned one of three numbers, whose optimum scipy's trust region
finds.
"""

import warnings

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.losses import CustomLoss, CVaR, Huber, Loss
from sklearn_losses.losses.curves import ResidualLoss
from sklearn_losses.solvers import Newton

MAKERS = Loss.names()
SMOOTH = [
    name
    for name, maker in MAKERS.items()
    if maker.smooth and maker.convex and maker.task != "ranking" and not maker.stochastic_only
]
SOLVERS = ["auto", "lbfgs", "newton", "gd", "cg", "newton-cg", "tnc", "trust-krylov", "trust-ncg", "trust-constr"]
PADDING = {"newton": 50, "trust-constr": 20, "slsqp": 20}  # columns of zeros that do not take long
SHORT = 1e-5  # of what the best constant is above the optimum


def nearly_equal_columns(n=300, difference=1e-6, padding=1100, seed=0):
    """X, and a score that the two first columns' difference gives."""
    rng = np.random.default_rng(seed)
    x, other = rng.normal(size=(2, n, 1))
    X = np.hstack([x + difference * other, x, np.zeros((n, padding))])
    return X, 2 / difference * (X[:, 0] - X[:, 1]), rng


def made(name):
    """The loss, at a scale of its own: that of an initial estimator is another fit's matter."""
    loss = MAKERS[name]()
    return loss.set_params(scale=1.0) if "scale" in loss.get_params() else loss


def targets(loss, score, rng):
    noisy = score + 0.5 * rng.normal(size=len(score))
    if loss.task == "classification":
        return (noisy + rng.normal(size=len(score)) > 0).astype(int)
    return np.exp(0.5 * noisy) if loss.positive_target else noisy


def optimum(loss, X, y):
    """The least mean loss over the two first columns and an intercept, and that of a constant."""
    basis = np.linalg.svd(X[:, :2] - X[:, :2].mean(axis=0), full_matrices=False)[0] * np.sqrt(len(X))

    def least(A):
        def value_and_gradient(params):
            value, gradient = loss.value_and_gradient(y, A @ params)
            return float(np.mean(value)), A.T @ gradient / len(y)

        def hessian(params):
            return (A.T * loss.hessian(y, A @ params)) @ A / len(y)

        with np.errstate(all="ignore"):
            return minimize(
                value_and_gradient, np.zeros(A.shape[1]), jac=True, hess=hessian, method="trust-exact", options={"gtol": 1e-9}
            ).fun

    ones = np.ones((len(y), 1))
    return least(np.hstack([basis, ones])), least(ones)


def words(model, X, y):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(X, y)
    assert model.converged_ == (not caught)
    return "; ".join(str(warning.message) for warning in caught)


def estimator(loss, **params):
    return (LossClassifier if loss.task == "classification" else LossRegressor)(loss, **params)


def assert_right_or_said(loss, X, y, **params):
    model = estimator(loss, alpha=0, **params)
    said = words(model, X, y)
    best, null = optimum(loss, X, y)
    assert said or model.objective_ - best <= SHORT * (null - best)
    assert model.objective_ - best >= -1e-7 * (null - best)
    return said


@pytest.mark.parametrize("difference", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("name", SMOOTH)
def test_auto_reaches_the_optimum(name, difference):
    X, score, rng = nearly_equal_columns(difference=difference)
    assert assert_right_or_said(made(name), X, targets(made(name), score, rng)) == ""


@pytest.mark.parametrize("difference", [1e-2, 1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("solver", SOLVERS)
def test_no_solver_is_short_of_it_in_silence(solver, difference):
    X, score, rng = nearly_equal_columns(difference=difference, padding=PADDING.get(solver, 1100))
    loss = made("cross_entropy")
    assert_right_or_said(loss, X, targets(loss, score, rng), solver=solver, max_iter=100)


@pytest.mark.slow
@pytest.mark.parametrize("difference", [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8])
@pytest.mark.parametrize("solver", [*SOLVERS, "bfgs", "slsqp"])
@pytest.mark.parametrize("name", SMOOTH)
def test_no_loss_is_short_of_it_in_silence(name, solver, difference):
    X, score, rng = nearly_equal_columns(difference=difference, padding=PADDING.get(solver, 1100))
    assert_right_or_said(made(name), X, targets(made(name), score, rng), solver=solver)


def test_the_values_of_the_report():
    """What was 1.078, 1.884 and .684."""
    X, score, rng = nearly_equal_columns()
    y = score + 0.5 * rng.normal(size=300)
    for solver in ("auto", "lbfgs"):
        model = LossRegressor("log_cosh", alpha=0, solver=solver)
        assert words(model, X, y) == ""
        assert model.loss_ < 0.13


@pytest.mark.parametrize("name", ["log_cosh", "cross_entropy"])
def test_many_rows_whose_hessian_is_dear(name):
    X, score, rng = nearly_equal_columns(n=30_000, padding=60)
    y = targets(made(name), score, rng)
    assert assert_right_or_said(made(name), X, y, solver="lbfgs") == ""


def test_several_outputs():
    X, score, rng = nearly_equal_columns()
    labels = np.digitize(score + rng.normal(size=300), [-1, 1])
    basis = np.linalg.svd(X[:, :2] - X[:, :2].mean(axis=0), full_matrices=False)[0] * np.sqrt(300)
    known = LossClassifier(alpha=0, tol=1e-12).fit(basis, labels)
    for solver in ("auto", "lbfgs", Newton(largest_matrix=0)):
        model = LossClassifier(alpha=0, solver=solver)
        assert words(model, X, labels) == ""
        assert model.objective_ == pytest.approx(known.objective_, rel=1e-6)
    Y = np.column_stack([score + rng.normal(size=300), 100 * score + rng.normal(size=300)])
    known = LossRegressor("log_cosh", alpha=0, tol=1e-12).fit(basis, Y)
    assert LossRegressor("log_cosh", alpha=0).fit(X, Y).objective_ == pytest.approx(known.objective_, rel=1e-6)


@pytest.mark.parametrize("alpha", [1e-16, 1e-12])
def test_a_slight_penalty(alpha):
    """With a ridge the optimum is that of the right singular vectors, which leave it as it is."""
    X, score, rng = nearly_equal_columns()
    y = score + 0.5 * rng.normal(size=300)
    centred = X[:, :2] - X[:, :2].mean(axis=0)
    turned = centred @ np.linalg.svd(centred)[2].T
    known = LossRegressor("log_cosh", alpha=alpha, solver="newton", tol=1e-12).fit(turned, y)
    model = LossRegressor("log_cosh", alpha=alpha)
    assert words(model, X, y) == ""
    assert model.objective_ == pytest.approx(known.objective_, rel=1e-6)


@pytest.mark.parametrize("loss", ["log_cosh", "mse", "cross_entropy"])
@pytest.mark.parametrize("solver", ["lbfgs", "gd"])
@pytest.mark.parametrize("difference", [1e-2, 1e-4, 1e-6])
def test_absolute_values(loss, solver, difference):
    X, score, rng = nearly_equal_columns(difference=difference, padding=20)
    loss = MAKERS[loss]()
    y = targets(loss, score, rng)
    params = {"alpha": 1e-3 * difference, "l1_ratio": 1.0}
    model, known, null = (estimator(loss, **more) for more in (params | {"solver": solver}, params, {"alpha": 1e6}))
    said = words(model, X, y)
    best, constant = known.fit(X, y).objective_, null.fit(X, y).objective_
    assert said or model.objective_ - best <= SHORT * (constant - best)


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize("solver", ["auto", "lbfgs"])
def test_sparse_rows(form, solver):
    X, score, rng = nearly_equal_columns(padding=50 if solver == "auto" else 1100)
    loss = made("log_cosh")
    y = targets(loss, score, rng)
    best, null = optimum(loss, X, y)
    model = LossRegressor(loss, alpha=0, solver=solver)
    said = words(model, form(X), y)
    assert said or model.objective_ - best <= SHORT * (null - best)


class Bowl(ResidualLoss):
    """A smooth loss that has no Hessian: sqrt(1 + t^2) - 1."""

    has_hessian = False

    def curve(self, t):
        return np.sqrt(1 + t * t) - 1

    def slope(self, t):
        return t / np.sqrt(1 + t * t)


@pytest.mark.parametrize("loss", [Bowl(), CustomLoss(lambda y, raw: np.sqrt(1 + (y - raw) ** 2) - 1, convex=True)])
@pytest.mark.parametrize("solver", ["auto", "lbfgs", "gd"])
def test_losses_without_a_hessian_of_their_own(loss, solver):
    X, score, rng = nearly_equal_columns(difference=1e-6)
    y = score + 0.5 * rng.normal(size=300)
    basis = np.linalg.svd(X[:, :2] - X[:, :2].mean(axis=0), full_matrices=False)[0] * np.sqrt(300)
    best = LossRegressor(loss, alpha=0, tol=1e-10).fit(basis, y).objective_
    null = LossRegressor(loss, alpha=0).fit(np.zeros((300, 1)), y).objective_
    model = LossRegressor(loss, alpha=0, solver=solver)
    said = words(model, X, y)
    assert said or model.objective_ - best <= SHORT * (null - best)


def test_a_joint_scale_over_many_columns():
    """Too many for Newton's matrix: the same fit as on the two columns that count."""
    X, score, rng = nearly_equal_columns(difference=1e-2)
    y = 1e4 * (score + rng.standard_t(3, size=300))
    few = LossRegressor(Huber(scale="joint"), alpha=0).fit(X[:, :2], y)
    many = LossRegressor(Huber(scale="joint"), alpha=0).fit(X, y)
    assert many.objective_ == pytest.approx(few.objective_, rel=1e-6)
    assert many.scale_ == pytest.approx(few.scale_, rel=1e-3)


@pytest.mark.parametrize("factor", [1e-5, 1e4])
def test_learned_shapes_in_any_unit(factor):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    Y = X @ rng.normal(size=(4, 2)) + rng.standard_t(3, size=(200, 2)) * [1.0, 2.0]
    one, other = (LossRegressor("adaptive_barron", alpha=0).fit(X, size * Y) for size in (1.0, factor))
    np.testing.assert_allclose(other.coef_, factor * one.coef_, rtol=1e-6)
    np.testing.assert_allclose(other.scale_, factor * one.scale_, rtol=1e-6)
    np.testing.assert_allclose(other.shape_, one.shape_, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("solver", ["auto", "lbfgs", "cg", "bfgs", "gd", "newton-cg"])
@pytest.mark.parametrize("name", ["mse", "log_cosh", "poisson"])
def test_data_without_noise_end_without_a_word(name, solver, dtype):
    """Where the exact answer has the value 0, what is left of it is rounding."""
    rng = np.random.default_rng(0)
    for n, p in ((300, 3), (700, 420)) if solver in ("lbfgs", "cg") else ((300, 3),):
        X = rng.normal(size=(n, p))
        score = X[:, :3] @ [1.0, -2.0, 3.0]
        y = np.exp(score / 5) if MAKERS[name].positive_target else score + 2
        assert words(LossRegressor(name, alpha=0, solver=solver), X.astype(dtype), y.astype(dtype)) == ""


def test_weak_signals():
    """Where nearly all of the value is a constant, a share of the value is no measure of what is
    left to gain.
    """
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 1100))
    y = (0.02 * X[:, 0] + rng.logistic(size=400) > 0).astype(int)
    strict = LossClassifier(alpha=50.0, tol=1e-12, solver="newton").fit(X, y)
    model = LossClassifier(alpha=50.0).fit(X, y)
    null = float(np.mean(model._loss.value(y, np.full(400, np.log(y.mean() / (1 - y.mean()))))))
    assert model.objective_ - strict.objective_ <= SHORT * (null - strict.objective_)


def test_a_worst_part_of_nearly_dependent_columns():
    X, score, rng = nearly_equal_columns(difference=1e-6)
    y = score + 0.5 * rng.normal(size=300)
    basis = np.linalg.svd(X[:, :2] - X[:, :2].mean(axis=0), full_matrices=False)[0] * np.sqrt(300)
    best = LossRegressor(CVaR("mse", 0.2), alpha=0).fit(basis, y).objective_
    null = LossRegressor(CVaR("mse", 0.2), alpha=0).fit(np.zeros((300, 1)), y).objective_
    model = LossRegressor(CVaR("mse", 0.2), alpha=0)
    said = words(model, X, y)
    assert said or model.objective_ - best <= SHORT * (null - best)
