"""What a fit says about its distance from the optimum holds against optima found by other means."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog, minimize
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.batches import Batches
from sklearn_losses.losses import Loss
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.penalties import ElasticNet
from sklearn_losses.pieces import Pieces
from sklearn_losses.solvers import Auto, InteriorPoint, barrier, dual_gap
from sklearn_losses.solvers.smoothing import SmoothedPoint

LOSSES = [("mae", 1), ("quantile", 1), ("epsilon_insensitive", 1), ("hinge", 2), ("hinge", 3), ("crammer_singer", 3)]
PENALTIES = [(0.0, 0.0), (0.05, 0.0), (0.05, 0.5), (0.05, 1.0)]


def made(loss):
    return Loss.make(loss) if loss != "quantile" else Loss.make(loss).set_params(quantile=0.8)


def sample(loss, classes, n=30, p=3, seed=0):
    """Rows in which no model fits all, with weights from 0.1 to 10 and repeated rows."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)).round(1)
    X[X < -1] = 0
    scores = X @ rng.standard_normal((p, max(classes, 1))) + rng.standard_normal((n, max(classes, 1)))
    y = scores[:, 0] if classes == 1 else scores.argmax(axis=1)
    X[-5:], y[-5:] = X[:5], y[:5]
    return X, y, np.exp(rng.uniform(np.log(0.1), np.log(10), n))


def straight_lines(loss, X, y, classes, intercept):
    """The loss as ``slack_i >= lines @ params + constants``: rows of lines per row of X, for a linear or quadratic program."""
    design = np.hstack([X, np.ones((len(X), 1))]) if intercept else X
    outputs = 1 if classes < 3 else classes
    width = design.shape[1]
    lines, constants, row, share = [], [], [], []
    for i, (x, target) in enumerate(zip(design, y, strict=True)):

        def add(slope, constant, group, x=x, i=i):
            lines.append(np.outer(slope, x).ravel())
            constants.append(constant)
            row.append(group)

        if loss == "mae" or loss == "quantile":
            level, unit = (0.5, 2) if loss == "mae" else (0.8, 1)
            add([-level * unit], level * unit * target, i)
            add([(1 - level) * unit], -(1 - level) * unit * target, i)
        elif loss == "epsilon_insensitive":
            add([-1.0], target - 0.1, i)
            add([1.0], -target - 0.1, i)
            add([0.0], 0.0, i)
        elif classes == 2:
            add([1.0 - 2 * target], 1.0, i)
            add([0.0], 0.0, i)
        else:
            for other in set(range(classes)) - {target}:
                slope = np.zeros(outputs)
                slope[other], slope[target] = 1, -1
                group = i if loss == "crammer_singer" else i * classes + other
                add(slope, 1.0, group)
                add(np.zeros(outputs), 0.0, group)
    groups, row = np.unique(row, return_inverse=True)
    share = groups if loss != "hinge" or classes == 2 else groups // classes
    return np.array(lines), np.array(constants), row, share, outputs * width


def optimum(loss, X, y, weight, classes, alpha, l1_ratio, intercept):
    """The minimum by HiGHS, or, with a ridge, by sequential quadratic programming from a random point."""
    lines, constants, row, share, size = straight_lines(loss, X, y, classes, intercept)
    n_slack = row.max() + 1
    cost = (weight / weight.sum())[share]
    design = X.shape[1] + intercept
    penalised = np.tile(np.arange(design) < X.shape[1], size // design)
    l1, l2 = alpha * l1_ratio * penalised, alpha * (1 - l1_ratio) * penalised
    # Variables: positive and negative parts of the parameters, then the slacks.
    matrix = np.hstack([lines, -lines, -np.eye(n_slack)[row]])
    if not l2.any():
        bounds = [(0, None)] * (2 * size) + [(None, None)] * n_slack
        return linprog(np.concatenate([l1, l1, cost]), A_ub=matrix, b_ub=-constants, bounds=bounds, method="highs").fun

    def value(v):
        w = v[:size] - v[size : 2 * size]
        gradient = l2 * w
        return (
            float(cost @ v[2 * size :] + l1 @ (v[:size] + v[size : 2 * size]) + l2 @ w**2 / 2),
            np.concatenate([gradient + l1, -gradient + l1, cost]),
        )

    start = np.concatenate([np.full(2 * size, 0.5), np.full(n_slack, 5.0)])
    constraint = {"type": "ineq", "fun": lambda v: -constants - matrix @ v, "jac": lambda v: -matrix}
    bounds = [(0, None)] * (2 * size) + [(None, None)] * n_slack
    options = {"ftol": 1e-13, "maxiter": 2000}
    return minimize(value, start, jac=True, bounds=bounds, constraints=[constraint], method="SLSQP", options=options).fun


def estimator(loss, classes, **params):
    return (LossRegressor if classes == 1 else LossClassifier)(made(loss), **params)


def objective_of(loss, classes, X, y, weight, alpha, l1_ratio):
    """Without an intercept."""
    outputs = 1 if classes < 3 else classes
    model = Linear(X.shape[1], outputs, fit_intercept=False)
    bound = made(loss).bind(y, outputs, "regression" if classes == 1 else "classification")
    return Objective(bound, model, ElasticNet(alpha, l1_ratio, model.weights()), Batches(X, y, weight / weight.mean()))


@pytest.mark.parametrize(("storage", "intercept"), [(np.asarray, True), (sparse.csr_matrix, False)], ids=["dense", "sparse"])
@pytest.mark.parametrize(("alpha", "l1_ratio"), PENALTIES)
@pytest.mark.parametrize(("loss", "classes"), LOSSES)
def test_auto_ends_at_the_optimum_and_certifies_it(loss, classes, alpha, l1_ratio, intercept, storage):
    X, y, weight = sample(loss, classes)
    exact = optimum(loss, X, y, weight, classes, alpha, l1_ratio, intercept)
    fitted = estimator(loss, classes, alpha=alpha, l1_ratio=l1_ratio, fit_intercept=intercept).fit(storage(X), y, weight)
    assert fitted.converged_
    assert 0 <= fitted.dual_gap_ <= 1e-6
    # The two programs themselves end within 1e-9.
    assert exact * (1 - 1e-8) <= fitted.objective_ <= exact + (fitted.dual_gap_ + 1e-8) * exact


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
@pytest.mark.parametrize(("loss", "classes"), LOSSES)
def test_the_gap_bounds_what_is_left_to_gain_anywhere(loss, classes, l1_ratio):
    X, y, weight = sample(loss, classes)
    exact = optimum(loss, X, y, weight, classes, 0.1, l1_ratio, intercept=False)
    best = estimator(loss, classes, alpha=0.1, l1_ratio=l1_ratio, fit_intercept=False).fit(X, y, weight)
    objective = objective_of(loss, classes, X, y, weight, 0.1, l1_ratio)
    center, rng = np.atleast_2d(best.coef_).T.ravel(), np.random.default_rng(0)
    for distance in (1e-6, 1e-3, 1e-1, 1.0):
        params = center + distance * rng.standard_normal(len(center))
        gap = dual_gap(objective, params, width=1e-2 * distance)
        assert gap * objective.value(params) >= objective.value(params) - exact - 1e-9 * exact
    if loss != "crammer_singer":  # its slopes at a point are known from a smoothed minimum alone
        assert dual_gap(objective, center) < 1e-6


def test_a_fit_cut_short_says_how_far_it_is():
    X, y, weight = sample("mae", 1)
    exact = optimum("mae", X, y, weight, 1, 0.05, 0.0, intercept=True)
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        fitted = LossRegressor("mae", alpha=0.05, max_iter=3).fit(X, y, weight)
    assert not fitted.converged_
    assert fitted.dual_gap_ > 1e-6
    assert fitted.dual_gap_ * fitted.objective_ >= fitted.objective_ - exact


@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("loss", ["mae", "crammer_singer"])
@pytest.mark.parametrize("solver", ["auto", "interior_point", "lbfgs", "newton"])
def test_tol_is_the_relative_distance_to_the_optimum(loss, solver, tol):
    classes = 1 if loss == "mae" else 3
    X, y, weight = sample(loss, classes, n=60)
    exact = optimum(loss, X, y, weight, classes, 0.05, 0.0, intercept=True)
    fitted = estimator(loss, classes, alpha=0.05, solver=solver, tol=tol, max_iter=5000).fit(X, y, weight)
    assert fitted.converged_ and fitted.dual_gap_ <= tol
    assert fitted.objective_ <= exact * (1 + tol)


@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_gradient_norm_is_in_the_users_units(shift):
    X, y, weight = sample("mae", 1, n=200)
    X = X + shift
    fitted = LossRegressor("mse", alpha=0.1).fit(X, y, weight)
    residual = weight / weight.sum() * (X @ fitted.coef_ + fitted.intercept_ - y)
    largest = max(np.max(np.abs(2 * X.T @ residual + 0.1 * fitted.coef_)), abs(2 * residual.sum()))
    assert fitted.gradient_norm_ == pytest.approx(largest, abs=1e-13 * max(1, shift) ** 2)
    assert fitted.gradient_norm_ <= 1e-12 * max(1, shift) ** 2
    assert not hasattr(fitted, "dual_gap_")


@pytest.mark.parametrize("order", ["shuffled", "sorted"])
@pytest.mark.parametrize("loss", ["mae", "epsilon_insensitive", "hinge"])
def test_setting_rows_aside_ends_at_the_optimum_of_all(loss, order, monkeypatch):
    """Many rows are solved by those near their kink; the optimum is that of all rows, to rounding."""
    rng = np.random.default_rng(3)
    n, p = 20_000, 5
    X = rng.standard_normal((n, p)) * np.exp(rng.standard_normal((n, 1)))
    y = X @ rng.standard_normal(p) + rng.standard_cauchy(n)
    rows = np.argsort(y) if order == "sorted" else np.arange(n)
    X, y, weight = X[rows], y[rows], rng.exponential(1.0, n)
    y = y > 0 if loss == "hinge" else y
    classes = 2 if loss == "hinge" else 1
    sizes, of_part = [], Pieces.near

    def recording(self, rows, *point):
        sizes.append(len(rows))
        return of_part(self, rows, *point)

    monkeypatch.setattr(Pieces, "near", recording)
    fitted = estimator(loss, classes, alpha=1e-6).fit(X, y, weight)
    assert sizes and min(sizes) < n / 2
    monkeypatch.setattr(barrier, "SPREADS", 1e9)
    sizes.clear()
    whole = estimator(loss, classes, alpha=1e-6).fit(X, y, weight)
    assert not sizes
    assert fitted.dual_gap_ < 1e-12
    assert fitted.objective_ == pytest.approx(whole.objective_, rel=1e-12)
    np.testing.assert_allclose(fitted.coef_, whole.coef_, rtol=1e-7)


@pytest.mark.parametrize("matrix", [True, False])
@pytest.mark.parametrize(("loss", "classes"), LOSSES)
def test_the_slopes_of_a_smoothed_point_bound_what_is_left_to_gain(loss, classes, matrix):
    """Whatever the centres and the width, the gap is above the distance from the optimum, and steps never go up."""
    X, y, weight = sample(loss, classes)
    exact = optimum(loss, X, y, weight, classes, 0.05, 0.0, intercept=False)
    objective = objective_of(loss, classes, X, y, weight, 0.05, 0.0)
    pieces = objective.pieces()
    point = SmoothedPoint(pieces, np.zeros(objective.n_params), matrix)
    centers, width = pieces.middle, 0.5 * point.size
    for _ in range(6):
        point.smooth(centers, width)
        for _ in range(5):
            before = point.smoothed
            point.step()
            assert point.smoothed <= before + 1e-12 * abs(before)
            assert point.value == pytest.approx(objective.value(point.params), rel=1e-10)
            assert point.gap >= point.value - exact - 1e-8 * exact
        centers, width = point.slopes, width / 3
    assert point.value == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize("targets", ["constant", "integers", "exact"])
def test_rows_that_are_all_on_a_kink(targets):
    """Where shrinking the width leaves no fewer rows undecided, it ends."""
    rng = np.random.default_rng(0)
    X = rng.integers(-2, 3, (3000, 3)).astype(float)
    y = {"constant": np.full(3000, 5.0), "integers": X[:, 0] + rng.integers(-1, 2, 3000), "exact": X @ [1.0, 2.0, 3.0]}[targets]
    model = LossRegressor("mae", alpha=0.0).fit(X, y)
    assert model.converged_ and model.dual_gap_ <= 1e-9
    least = linprog(
        np.r_[np.zeros(4), np.ones(6000) / 3000], A_eq=np.hstack([X, np.ones((3000, 1)), np.eye(3000), -np.eye(3000)]), b_eq=y,
        bounds=[(None, None)] * 4 + [(0, None)] * 6000, method="highs",
    ).fun  # fmt: skip
    assert model.objective_ == pytest.approx(least, rel=1e-7, abs=1e-9)


def test_crammer_singer_at_a_size_where_smoothing_stalls():
    """2,000 rows of 5 classes: the optimum within the gap of a subgradient inequality, which no other solver enters."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2000, 20))
    y = (X @ rng.standard_normal((20, 5)) + 2 * rng.gumbel(size=(2000, 5))).argmax(axis=1)
    fitted = LossClassifier("crammer_singer", alpha=5e-4).fit(X, y)
    assert fitted.solver_ == "interior_point"
    assert fitted.converged_ and fitted.dual_gap_ <= 1e-6

    def objective(coef, intercept):
        raw = X @ coef.T + intercept
        return Loss.make("crammer_singer").value(y, raw).mean() + 2.5e-4 * np.sum(coef**2)

    best = objective(fitted.coef_, fitted.intercept_)
    assert best == pytest.approx(fitted.objective_, rel=1e-12)
    for size in (1e-1, 1e-2, 1e-3, 1e-4):
        for _ in range(10):
            coef = fitted.coef_ + size * rng.standard_normal((5, 20))
            assert objective(coef, fitted.intercept_ + size * rng.standard_normal(5)) >= best * (1 - 1e-6)


class Stalling(InteriorPoint):
    """Gives up after two iterations."""

    def minimize(self, objective, params, *, max_iter, **more):
        result = super().minimize(objective, params, max_iter=2, **more)
        result.message = "stalled"
        return result


def test_auto_goes_on_with_the_next_solver_and_names_both(monkeypatch):
    X, y, weight = sample("mae", 1)
    best = LossRegressor("mae", alpha=0.05).fit(X, y, weight)
    assert best.solver_ == "interior_point"
    monkeypatch.setattr(Auto, "choose", lambda self, objective: Stalling())
    fitted = LossRegressor("mae", alpha=0.05).fit(X, y, weight)
    assert fitted.solver_ == "Stalling, augmented_lagrangian"
    assert fitted.converged_ and fitted.dual_gap_ <= 1e-6
    assert fitted.objective_ == pytest.approx(best.objective_, rel=1e-9)
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        short = LossRegressor("mae", alpha=0.05, max_iter=3).fit(X, y, weight)
    assert not short.converged_ and short.dual_gap_ > 1e-6
