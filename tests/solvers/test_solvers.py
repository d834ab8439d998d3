"""Every solver minimises the same objective, and says so where it cannot."""

import numpy as np
import pytest
from peers import l1_logistic_regression
from scipy.optimize import OptimizeResult, linprog
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.losses import Loss, Quantile
from sklearn_losses.solvers import SGD, SVRG, Adam, GradientDescent, Solver

STOCHASTIC = sorted(name for name in Solver.names() if Solver.make(name).stochastic)
DETERMINISTIC = sorted(set(Solver.names()) - {*STOCHASTIC, "interior_point", "augmented_lagrangian", "scipy", "auto"})
SMOOTH = ["mse", "huber", "cross_entropy", "squared_hinge"]


def standardised(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.fixture(scope="module")
def diabetes():
    X, y = standardised(load_diabetes)
    return X, (y - y.mean()) / y.std()


@pytest.fixture(scope="module")
def wine():
    return standardised(load_wine)


def estimator_for(loss, **params):
    made = Loss.make(loss)
    return (LossRegressor if made.task == "regression" else LossClassifier)(loss, **params)


def data_for(loss, diabetes, wine):
    return diabetes if Loss.make(loss).task == "regression" else wine


@pytest.mark.parametrize("loss", SMOOTH)
@pytest.mark.parametrize("solver", DETERMINISTIC)
def test_deterministic_solvers_agree(loss, solver, diabetes, wine):
    X, y = data_for(loss, diabetes, wine)
    reference = estimator_for(loss, solver="newton", alpha=0.01).fit(X, y)
    fitted = estimator_for(loss, solver=solver, alpha=0.01, max_iter=5000).fit(X, y)
    assert fitted.converged_
    assert fitted.objective_ == pytest.approx(reference.objective_, rel=1e-8)
    np.testing.assert_allclose(fitted.coef_, reference.coef_, atol=1e-5)
    np.testing.assert_allclose(fitted.intercept_, reference.intercept_, atol=1e-5)


@pytest.mark.parametrize("loss", SMOOTH)
@pytest.mark.parametrize(
    "solver",
    [
        SGD(learning_rate=0.1, schedule="invscaling", power=0.8, batch_size=64),
        Adam(learning_rate=0.1, schedule="invscaling", power=0.8, batch_size=64),
        SVRG(learning_rate=0.1),
    ],
    ids=["sgd", "adam", "svrg"],
)
def test_stochastic_solvers_end_at_the_same_coefficients(loss, solver, diabetes, wine):
    X, y = data_for(loss, diabetes, wine)
    reference = estimator_for(loss, alpha=1.0).fit(X, y)
    fitted = estimator_for(loss, solver=clone(solver), alpha=1.0, max_iter=200, tol=0.0, n_iter_no_change=400, random_state=0)
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        fitted.fit(X, y)
    assert fitted.objective_ == pytest.approx(reference.objective_, rel=5e-5)
    np.testing.assert_allclose(fitted.coef_, reference.coef_, atol=2e-3)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("solver", ["interior_point", "augmented_lagrangian", "lbfgs", "newton", "gd"])
def test_quantiles_reach_the_linear_program(level, solver, diabetes):
    X, y = diabetes
    n, p = X.shape
    # Variables: w, intercept, over, under; minimise q * over + (1 - q) * under with over - under =
    # y - Xw - b.
    cost = np.concatenate([np.zeros(p + 1), np.full(n, level), np.full(n, 1 - level)]) / n
    equality = np.hstack([X, np.ones((n, 1)), np.eye(n), -np.eye(n)])
    bounds = [(None, None)] * (p + 1) + [(0, None)] * (2 * n)
    exact = linprog(cost, A_eq=equality, b_eq=y, bounds=bounds, method="highs")
    fitted = LossRegressor(Quantile(level), alpha=0.0, solver=solver, max_iter=5000).fit(X, y)
    assert fitted.objective_ == pytest.approx(exact.fun, rel=1e-4)
    assert fitted.objective_ >= exact.fun * (1 - 1e-10)
    if solver == "interior_point":
        assert fitted.objective_ == pytest.approx(exact.fun, rel=1e-10)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("solver", ["interior_point", "augmented_lagrangian", "lbfgs", "newton", "gd"])
def test_hinge_with_l1_free_objective_reaches_the_linear_program(classes, solver):
    """Without a penalty the hinge, binary or Weston-Watkins, is a linear program too."""
    X, y = make_classification(
        80, 5, n_informative=4, n_redundant=0, n_classes=classes, flip_y=0.4, class_sep=0.3, random_state=1
    )
    n, p = X.shape
    outputs = 1 if classes == 2 else classes
    rows, right = [], []
    for x, label in zip(np.hstack([X, np.ones((n, 1))]), y, strict=True):
        for other in range(classes):
            if other == label:
                continue
            row = np.zeros((outputs, p + 1))
            if classes == 2:
                row[0] = x * (1 if label == 1 else -1)
            else:
                row[label], row[other] = x, -x
            rows.append(row.ravel())
            right.append(1.0)
    margins = np.array(rows)
    slack = np.eye(len(margins))
    cost = np.concatenate([np.zeros(margins.shape[1]), np.full(len(margins), 1 / n)])
    bounds = [(None, None)] * margins.shape[1] + [(0, None)] * len(margins)
    exact = linprog(cost, A_ub=-np.hstack([margins, slack]), b_ub=-np.array(right), bounds=bounds, method="highs")
    fitted = LossClassifier("hinge", alpha=0.0, solver=solver, max_iter=5000).fit(X, y)
    assert fitted.objective_ == pytest.approx(exact.fun, rel=1e-4)
    assert fitted.objective_ >= exact.fun * (1 - 1e-10)


@pytest.mark.parametrize("loss", ["mae", "quantile", "hinge"])
@pytest.mark.parametrize("solver", ["interior_point", "augmented_lagrangian", "newton", "lbfgs", "gd"])
def test_nonsmooth_optimum_satisfies_its_own_conditions(loss, solver, diabetes, wine):
    """With a ridge penalty: random directions and the coordinate axes show no descent from the
    solution.
    """
    X, y = data_for(loss, diabetes, wine)
    fitted = estimator_for(loss, solver=solver, alpha=0.02, max_iter=5000).fit(X, y)
    best = estimator_for(loss, solver="interior_point", alpha=0.02).fit(X, y)
    assert fitted.objective_ == pytest.approx(best.objective_, rel=1e-4)

    codes = y if loss != "hinge" else np.searchsorted(fitted.classes_, y)

    def objective(coef, intercept):
        raw = X @ coef.T + intercept
        return Loss.make(loss).value(codes, raw).mean() + 0.01 * np.sum(coef**2)

    rng = np.random.default_rng(0)
    at = objective(best.coef_, best.intercept_)
    assert at == pytest.approx(best.objective_, rel=1e-12)
    for size in (1e-1, 1e-3, 1e-5):
        for _ in range(50):
            coef = best.coef_ + size * rng.standard_normal(np.shape(best.coef_))
            intercept = best.intercept_ + size * rng.standard_normal(np.shape(best.intercept_))
            assert objective(coef, intercept) >= at * (1 - 1e-12)


@pytest.mark.parametrize("solver", ["lbfgs", "gd", "proximal_newton"])
def test_lasso(solver, diabetes):
    X, y = diabetes
    peer = Lasso(alpha=0.05, tol=1e-12, max_iter=100_000).fit(X, y)
    fitted = LossRegressor(alpha=0.1, l1_ratio=1.0, solver=solver, tol=1e-12, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(fitted.coef_, peer.coef_, atol=1e-5)
    assert np.array_equal(fitted.coef_ == 0, peer.coef_ == 0)
    assert 0 < np.sum(fitted.coef_ == 0) < X.shape[1]


@pytest.mark.parametrize("solver", ["lbfgs", "gd"])
def test_l1_logistic(solver):
    X, y = standardised(load_breast_cancer)
    n = len(y)
    peer = l1_logistic_regression(C=0.1, tol=1e-10, max_iter=50_000).fit(X, y)
    fitted = LossClassifier(alpha=1 / (0.1 * n), l1_ratio=1.0, solver=solver, tol=1e-12, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(fitted.coef_, peer.coef_, atol=2e-4)
    # The subgradient condition: the gradient of the loss is -alpha * sign at a weight, and within
    # alpha at a zero.
    residual = fitted.predict_proba(X)[:, 1] - y
    gradient, alpha = X.T @ residual / n, fitted.alpha
    weight = fitted.coef_[0]
    np.testing.assert_allclose(gradient[weight != 0], -alpha * np.sign(weight[weight != 0]), atol=1e-5)
    assert np.all(np.abs(gradient[weight == 0]) <= alpha * (1 + 1e-5))


@pytest.mark.parametrize("solver", STOCHASTIC)
def test_stochastic_l1_gives_exact_zeros(solver, diabetes):
    X, y = diabetes
    fitted = LossRegressor(alpha=0.5, l1_ratio=1.0, solver=solver, random_state=0, tol=1e-4).fit(X, y)
    assert 0 < np.sum(fitted.coef_ == 0) < X.shape[1]


class Problem:
    """A quadratic objective, 1/2 |params - target|^2, as solvers see it; one batch."""

    smooth_penalty = True
    n_rows = 1

    def __init__(self, target):
        self.target = target
        self.penalized = np.ones_like(target)
        self.batches = self

    dtype = np.dtype(np.float64)

    def minibatches(self, size, rng):
        yield 1.0, lambda params: (0.5 * float(np.sum((params - self.target) ** 2)), params - self.target)

    def l1_value(self, params):
        return 0.0


@pytest.mark.parametrize(
    ("ours", "name", "options"),
    [
        (SGD(learning_rate=0.1, momentum=0.0), "SGD", {"lr": 0.1}),
        (SGD(learning_rate=0.1, momentum=0.9, nesterov=False), "SGD", {"lr": 0.1, "momentum": 0.9}),
        (SGD(learning_rate=0.1, momentum=0.9), "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        (Adam(learning_rate=0.1), "Adam", {"lr": 0.1}),
        (Adam(learning_rate=0.1, beta1=0.5, beta2=0.7, epsilon=1e-3), "Adam", {"lr": 0.1, "betas": (0.5, 0.7), "eps": 1e-3}),
        (Adam(learning_rate=0.1, amsgrad=True, beta2=0.5), "Adam", {"lr": 0.1, "amsgrad": True, "betas": (0.9, 0.5)}),
        (Adam(learning_rate=0.1, weight_decay=0.2), "AdamW", {"lr": 0.1, "weight_decay": 0.2}),
    ],
)
def test_steps_equal_pytorch(ours, name, options):
    torch = pytest.importorskip("torch")
    target = np.array([1.0, -2.0, 0.5])
    theirs = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, name)([theirs], **options)
    state, params = None, np.zeros(3)
    for _ in range(12):
        result = ours.minimize(Problem(target), params, max_iter=1, tol=0.0, state=state)
        state, params = result.state, result.x
        optimizer.zero_grad()
        (0.5 * ((theirs - torch.tensor(target)) ** 2).sum()).backward()
        optimizer.step()
        np.testing.assert_allclose(params, theirs.detach().numpy(), rtol=1e-6, atol=1e-12)


def test_averaging_reports_the_mean_of_the_iterates():
    plain, averaged = SGD(learning_rate=0.3, momentum=0.0), SGD(learning_rate=0.3, momentum=0.0, average=True)
    target, seen, state = np.array([1.0]), [], None
    for _ in range(5):
        result = plain.minimize(Problem(target), np.zeros(1), max_iter=1, tol=0.0, state=state)
        state = result.state
        seen.append(result.x)
    result = averaged.minimize(Problem(target), np.zeros(1), max_iter=5, tol=0.0)
    np.testing.assert_allclose(result.x, np.mean(seen, axis=0), rtol=1e-12)


def test_schedules():
    target, state = np.array([1.0]), None
    solver = SGD(learning_rate=1.0, momentum=0.0, schedule="invscaling", power=1.0)
    first = solver.minimize(Problem(target), np.zeros(1), max_iter=1, tol=0.0, state=state)
    assert first.x[0] == pytest.approx(1.0)
    # Jumps between 0 and 2 for ever.
    stuck = SGD(learning_rate=2.0, momentum=0.0, schedule="adaptive")
    result = stuck.minimize(Problem(target), np.zeros(1), max_iter=200, tol=1e-6)
    assert result.fun < 1e-3
    constant = SGD(learning_rate=2.0, momentum=0.0).minimize(Problem(target), np.zeros(1), max_iter=60, tol=1e-6)
    assert constant.fun == pytest.approx(0.5)


class Halving:
    """A user's own solver: walks half way to the origin, four times."""

    def minimize(self, objective, params, *, max_iter, tol, state=None, callback=None, rng=None):
        for _ in range(4):
            value, gradient = objective.value_and_gradient(params)
            params = params - 0.1 * gradient
            if callback is not None and callback(params, value):
                break
        return OptimizeResult(x=params, fun=value, nit=4, success=True, message="done")


def test_a_solver_of_ones_own(diabetes):
    X, y = diabetes
    fitted = LossRegressor(solver=Halving()).fit(X, y)
    assert fitted.solver_ == "Halving"
    assert fitted.n_iter_ == 4
    assert len(fitted.loss_curve_) == 4
    start = np.mean((y - y.mean()) ** 2)
    assert fitted.loss_ < start


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"solver": "newton", "hidden_layer_sizes": (3,)}, "linear model"),
        ({"solver": "interior_point"}, "piecewise linear loss"),
        ({"solver": "newton", "l1_ratio": 0.5}, "L1 penalty"),
        ({"solver": "bfgs", "l1_ratio": 0.5}, "L1 penalty"),
        ({"solver": "newton", "loss": "adaptive_barron"}, "needs a Hessian"),
    ],
)
def test_refusals_name_both_sides_and_the_way_out(params, message, diabetes):
    with pytest.raises(ValueError, match=message) as caught:
        LossRegressor(**params).fit(*diabetes)
    assert "use" in str(caught.value)


def test_callback_stops_every_solver(diabetes, wine):
    """A held-out part that never improves ends the fit after n_iter_no_change iterations."""
    X, y = diabetes
    for solver in ["gd", "lbfgs", "cg", "bfgs", *STOCHASTIC]:
        fitted = LossRegressor(
            "mse", solver=solver, early_stopping=True, n_iter_no_change=2, tol=1e9, random_state=0, hidden_layer_sizes=(4,)
        ).fit(X, y)
        assert fitted.n_iter_ == 3, solver
        assert len(fitted.validation_scores_) == 3


def test_plain_gradient_descent_falls_in_every_iteration(wine):
    X, y = wine
    fitted = LossClassifier(solver=GradientDescent(momentum=False), alpha=0.1, max_iter=3000).fit(X, y)
    assert np.all(np.diff(fitted.loss_curve_) <= 1e-15)
