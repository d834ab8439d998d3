"""What a fit says about its distance from the optimum holds against optima found by other means."""

import warnings
from functools import cache

import clarabel
import numpy as np
import pytest
from piecewise_problems import LOSSES, PENALTIES, estimator, objective_of, optimum, problem, sample, straight_lines
from problems import by_turns
from scipy import sparse
from scipy.optimize import linprog
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.losses import Loss
from sklearn_losses.piecewise.duality_gap import GapLimits, gradient_cost, gradient_norm
from sklearn_losses.piecewise.screening import ScreeningLimits
from sklearn_losses.piecewise.smoothed_newton import SmoothedPoint
from sklearn_losses.piecewise.terms import PiecewiseLinearTerms
from sklearn_losses.solvers import LBFGS, Auto, InteriorPoint, dual_gap
from sklearn_losses.solvers.base import SmoothSolver


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


@cache
def smoothed_end(loss, classes, alpha, l1_ratio):
    """A problem, its minimum, and the end of a smooth solver with the slopes of a smoothing."""
    objective, exact = problem(loss, classes, alpha, l1_ratio)
    params = LBFGS().minimize(objective, np.zeros(objective.n_params), max_iter=3000, tol=1e-4).x
    terms = objective.terms().loss_terms
    return objective, exact, params, terms.smoothed_slopes(terms.residual(params), 1e-6)


LIMITS = [
    GapLimits(trials=1),
    GapLimits(dense=0.0),
    GapLimits(inward=()),
    GapLimits(kinked=0.0, proof=50.0),
    GapLimits(weights=0),
]


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
@pytest.mark.parametrize(("loss", "classes"), LOSSES)
def test_with_any_limits_a_gap_is_a_bound(loss, classes, l1_ratio, limits):
    """At points and slopes that no solver ended at, against HiGHS."""
    alpha = 0.05 * (l1_ratio == 1)
    objective, exact, end, of_end = smoothed_end(loss, classes, alpha, l1_ratio)
    rng, gaps = np.random.default_rng(0), []
    for size in (1e-9, 1e-2):
        params = end + size * rng.standard_normal(objective.n_params)
        value = objective.value(params)
        for slopes in (None, of_end, of_end + size * rng.random(of_end.shape)):
            gap = dual_gap(objective, params, slopes, width=1e-6, limits=limits)
            assert gap * value >= value - exact - 1e-11 * value
            gaps.append(gap)
    assert 0 <= min(gaps)


def test_a_loss_of_zero_has_no_gap():
    objective = objective_of("mae", 1, np.eye(3), np.array([1.0, 2.0, 3.0]), np.ones(3), 0.0, 0.0)
    assert dual_gap(objective, np.array([1.0, 2.0, 3.0])) == 0.0


def test_what_a_gradient_costs():
    """Half its square over the curvature where there is a ridge, else itself times the size of the
    parameter.
    """
    cost = gradient_cost(np.array([3.0, -3.0, 3.0, 0.0]), np.array([2.0, 0.0, 0.0, 0.0]), np.array([9.0, 9.0, 0.1, 1.0]), 0.5)
    np.testing.assert_allclose(cost, [9 / 4, 27.0, 1.5, 0.0])


def test_the_largest_entry_of_the_least_subgradient():
    X, y, weight = sample("mae", 1)
    objective = objective_of("mae", 1, X, y, weight, 1.0, 1.0)
    params, step = np.array([1.0, 0.0, -2.0]), 1e-7
    slopes = [(objective.value(params + step * e) - objective.value(params)) / step for e in (*np.eye(3), *-np.eye(3))]
    expected = max(abs(slopes[0]), abs(slopes[2]), -slopes[1], -slopes[4])
    assert gradient_norm(objective, params) == pytest.approx(expected, rel=1e-5)


def test_a_fit_cut_short_says_how_far_it_is():
    X, y, weight = sample("mae", 1)
    exact = optimum("mae", X, y, weight, 1, 0.05, 0.0, intercept=True)
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        fitted = LossRegressor("mae", alpha=0.05, max_iter=3).fit(X, y, weight)
    assert not fitted.converged_
    assert fitted.dual_gap_ > 1e-6
    assert fitted.dual_gap_ * fitted.objective_ >= fitted.objective_ - exact


SOLVED = [(solver, loss) for solver in ("auto", "interior_point", "lbfgs", "newton") for loss in ("mae", "crammer_singer")]


@pytest.mark.parametrize(("solver_and_loss", "tol"), by_turns(SOLVED, [1e-4, 1e-2, 1e-6]))
def test_tol_is_the_relative_distance_to_the_optimum(solver_and_loss, tol):
    solver, loss = solver_and_loss
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
    """Many rows are solved by those near their kink; the optimum is that of all rows, to
    rounding.
    """
    rng = np.random.default_rng(3)
    n, p = 20_000, 5
    X = rng.standard_normal((n, p)) * np.exp(rng.standard_normal((n, 1)))
    y = X @ rng.standard_normal(p) + rng.standard_cauchy(n)
    rows = np.argsort(y) if order == "sorted" else np.arange(n)
    X, y, weight = X[rows], y[rows], rng.exponential(1.0, n)
    y = y > 0 if loss == "hinge" else y
    classes = 2 if loss == "hinge" else 1
    sizes, of_part = [], PiecewiseLinearTerms.linearized_outside

    def recording(self, rows, *point):
        sizes.append(len(rows))
        return of_part(self, rows, *point)

    monkeypatch.setattr(PiecewiseLinearTerms, "linearized_outside", recording)
    fitted = estimator(loss, classes, alpha=1e-6).fit(X, y, weight)
    assert sizes and min(sizes) < n / 2
    every_row = InteriorPoint()
    every_row.limits = ScreeningLimits(spreads=1e9)
    sizes.clear()
    whole = estimator(loss, classes, alpha=1e-6, solver=every_row).fit(X, y, weight)
    assert not sizes
    objective = objective_of(loss, classes, X, y, weight, 1e-6, 0.0, intercept=True)
    assert dual_gap(objective, np.append(fitted.coef_, fitted.intercept_)) < 1e-12
    assert fitted.dual_gap_ < 1e-9
    assert fitted.objective_ == pytest.approx(whole.objective_, rel=1e-12)
    np.testing.assert_allclose(fitted.coef_, whole.coef_, rtol=1e-7)


@pytest.mark.parametrize("matrix", [True, False])
@pytest.mark.parametrize(("loss", "classes"), LOSSES)
def test_the_slopes_of_a_smoothed_point_bound_what_is_left_to_gain(loss, classes, matrix):
    """Whatever the centres and the width, the gap is above the distance from the optimum, and steps
    never go up.
    """
    X, y, weight = sample(loss, classes)
    exact = optimum(loss, X, y, weight, classes, 0.05, 0.0, intercept=False)
    objective = objective_of(loss, classes, X, y, weight, 0.05, 0.0)
    terms = objective.terms()
    point = SmoothedPoint(terms, np.zeros(objective.n_params), matrix)
    centers, width = terms.center, 0.5 * point.scale
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
    """2,000 rows of 5 classes: the optimum within the gap of a subgradient inequality, which no
    other solver enters.
    """
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


class Family:
    """A problem with nearly equal columns, columns of zeros and of other sizes, and its minimum by
    an interior point program.

    The program works on the difference of the two columns in place of one of them, where nothing is
    nearly dependent. What it finds is a point of the problem, so that nothing that is said here
    rests on its accuracy.
    """

    def __init__(self, loss, classes, seed, nearness, alpha, l1_ratio=0.0, n=40):
        self.loss, self.classes, self.alpha, self.l1_ratio = loss, classes, alpha, l1_ratio
        rng = np.random.default_rng(seed)
        base = rng.standard_normal((n, 3)) + rng.choice([0.0, 10.0])
        self.X = np.column_stack([base[:, 0] + nearness * rng.standard_normal(n), base[:, 0], np.zeros(n), base[:, 1:]])
        self.X[:, 3:] *= np.exp(rng.uniform(np.log(1e-6), np.log(1e6), 2))
        self.unit = np.array([nearness, 1, 1, *np.abs(self.X[:, 3:]).max(axis=0), 1])
        scores = (self.X @ [1 / nearness, -1 / nearness, 0, 1 / self.unit[3], -1 / self.unit[4]])[:, None]
        scores = scores - scores.mean() + 0.7 * rng.standard_normal((n, max(classes, 1)))
        self.y = scores[:, 0] if classes == 1 else (scores[:, 0] > 0).astype(int) if classes == 2 else scores.argmax(axis=1)
        self.weight = np.exp(rng.uniform(np.log(1e-3), np.log(10), n)) if seed % 2 else np.ones(n)

    def value(self, weights, intercepts):
        """The objective in extended precision; weights of shape (n_outputs, n_features)."""
        weights = np.atleast_2d(weights).astype(np.longdouble)
        raw = self.X.astype(np.longdouble) @ weights.T + np.atleast_1d(intercepts)
        if self.classes == 1:
            error = self.y - raw[:, 0]
            level, insensitive = {"mae": (0.5, 0), "quantile": (0.8, 0), "epsilon_insensitive": (0.5, 0.1)}[self.loss]
            losses = np.maximum(level * error, (level - 1) * error) * (1 if self.loss == "quantile" else 2)
            losses = np.maximum(losses - insensitive, 0)
        elif self.classes == 2:
            losses = np.maximum(1 - (2 * self.y - 1) * raw[:, 0], 0)
        else:
            own = np.arange(self.classes) == self.y[:, None]
            violations = raw - np.take_along_axis(raw, self.y[:, None], 1) + ~own
            losses = np.where(own, 0, np.maximum(violations, 0)).sum(axis=1) if self.loss == "hinge" else violations.max(axis=1)
        absolute, square = np.abs(weights).sum(), (weights**2).sum()
        return (losses @ self.weight) / self.weight.sum() + self.alpha * (
            self.l1_ratio * absolute + (1 - self.l1_ratio) / 2 * square
        )

    def optimum(self):
        lines, constants, row, share, size = straight_lines(self.loss, self.X, self.y, self.classes, True)
        width = len(self.unit)
        # The weights are those of ``change``: that of the first column goes with the difference of
        # the first two.
        change = np.diag(1 / self.unit)
        change[1, 0] = -1 / self.unit[0]
        change = np.kron(np.eye(size // width), change)
        columns = lines.reshape(len(lines), -1, width).copy()
        columns[:, :, 0] = columns[:, :, 0] - columns[:, :, 1]  # exact, as the two are so near
        columns = (columns / self.unit).reshape(len(lines), size)
        n_slack = row.max() + 1
        penalised = np.tile(np.arange(width) < width - 1, size // width)
        l1 = np.flatnonzero(penalised) if self.l1_ratio * self.alpha else np.zeros(0, int)
        l2 = self.alpha * (1 - self.l1_ratio) * change.T @ (penalised[:, None] * change)
        n_bounds, total = len(l1), size + n_slack + len(l1)
        quadratic = sparse.block_diag([sparse.csc_matrix(np.triu(l2)), sparse.csc_matrix((n_slack + n_bounds,) * 2)], "csc")
        cost = np.zeros(total)
        cost[size : size + n_slack] = (self.weight / self.weight.sum())[share]
        cost[size + n_slack :] = self.alpha * self.l1_ratio
        matrix = [np.hstack([columns, -np.eye(n_slack)[row], np.zeros((len(lines), n_bounds))])]
        for sign in (1, -1):
            matrix.append(np.hstack([sign * change[l1], np.zeros((n_bounds, n_slack)), -np.eye(n_bounds)]))
        matrix, right = np.vstack(matrix), np.concatenate([-constants, np.zeros(2 * n_bounds)])
        settings = clarabel.DefaultSettings()
        settings.verbose, settings.max_iter = False, 100
        settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-12
        found = clarabel.DefaultSolver(
            quadratic, cost, sparse.csc_matrix(matrix), right, [clarabel.NonnegativeConeT(len(right))], settings
        ).solve()
        params = (change @ np.array(found.x)[:size]).reshape(-1, width)
        return self.value(params[:, :-1], params[:, -1])


FAMILIES = [(loss, classes, nearness) for loss, classes in LOSSES for nearness in (1e-2, 1e-5, 1e-8)]


WEAK = [(0, 0), (1e-12, 0), (1e-8, 0), (1e-4, 0), (1, 0), (1e-3, 1), (1e-6, 0.5)]
SETTINGS = [
    pytest.param(*family, *penalty, seed, marks=[pytest.mark.slow] if (i + 3 * j) % 5 else [])
    for i, (seed, family) in enumerate(enumerate(FAMILIES))
    for j, penalty in enumerate(WEAK)
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("loss", "classes", "nearness", "alpha", "l1_ratio", "seed"), SETTINGS)
def test_no_gap_is_below_the_true_one(loss, classes, nearness, alpha, l1_ratio, seed):
    """Whatever the solver, the conditioning and the penalty, what is reported is a bound, and
    convergence means that.
    """
    problem = Family(loss, classes, seed, nearness, alpha, l1_ratio)
    solvers = ["auto", "interior_point", "lbfgs"] if loss != "crammer_singer" or not l1_ratio else ["lbfgs"]
    fits, rounding = [], 0.0
    for solver in solvers if l1_ratio else [*solvers, "augmented_lagrangian"]:
        model = estimator(loss, classes, alpha=alpha, l1_ratio=l1_ratio, solver=solver, tol=1e-6)
        model.fit(problem.X, problem.y, problem.weight)
        fits.append((model, problem.value(model.coef_, model.intercept_)))
        rounding = max(rounding, 1e-15 * (np.abs(problem.X) @ np.abs(model.coef_).T).max())
    least = min([problem.optimum(), *(value for _, value in fits)])
    for model, value in fits:
        assert model.objective_ == pytest.approx(float(value), rel=1e-12, abs=rounding)
        assert model.dual_gap_ * value >= value - least - 1e-11 * value - rounding
        assert model.dual_gap_ <= (1e-6 if model.converged_ else np.inf)
        assert model.converged_ or model.dual_gap_ > 1e-9
    # Coefficients of 1e8 leave 1e-8 of rounding in the losses: 1e-6 of the smallest of these
    # optima, where solvers that follow may find less by rounding alone, and no proof.
    assert min(model.dual_gap_ for model, _ in fits[:2]) <= 1e-5 or alpha == 1e-12 or solvers == ["lbfgs"]


@pytest.mark.parametrize(("loss", "classes"), LOSSES)
@pytest.mark.parametrize(("alpha", "l1_ratio"), [(0, 0), (1e-10, 0), (0.1, 0), (0.01, 1)])
@pytest.mark.parametrize("nearness", [1e-6, pytest.param(1e-2, marks=pytest.mark.slow)])
def test_no_gap_is_below_the_true_one_anywhere(loss, classes, alpha, l1_ratio, nearness):
    """At points that no solver ended at, with the slopes that the point shows, those of a
    smoothing, and any others.
    """
    problem = Family(loss, classes, 4, nearness, alpha, l1_ratio, n=25)
    rng = np.random.default_rng(0)
    objective = objective_of(loss, classes, problem.X, problem.y, problem.weight, alpha, l1_ratio, intercept=True)
    model = estimator(loss, classes, alpha=max(alpha, 1e-6), l1_ratio=l1_ratio, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(problem.X, problem.y, problem.weight)
    center = objective.model.pack(np.atleast_2d(model.coef_).T, np.atleast_1d(model.intercept_))
    least, points = problem.optimum(), []
    for size in (0.0, 1e-8, 1e-3, 1.0):
        params = center + size * rng.standard_normal(len(center)) * (np.abs(center) + 1e-3)
        [weights], [intercept] = objective.model.unpack(params)
        value = problem.value(weights.T, intercept)
        slopes = [None]
        if objective.piecewise_linear or not l1_ratio:
            terms = objective.terms() if objective.smooth_penalty else objective.terms().loss_terms
            residual = terms.residual(params)
            slopes += [terms.smoothed_slopes(residual, width) for width in (1e-6, 1.0)]
            slopes.append(slopes[1] + 0.1 * rng.random(residual.shape) * (slopes[2] - slopes[1]))
        for own in slopes:
            gap = dual_gap(objective, params, own, width=1e-3)
            points.append(gap)
            assert gap * value >= value - least - 1e-11 * value
    assert np.isfinite(points).any() or (alpha == 0 and nearness < 1e-2)


@pytest.mark.parametrize("solver", ["auto", "interior_point", "augmented_lagrangian", "lbfgs", "newton"])
@pytest.mark.parametrize("alpha", [0.0, 1e-3])
@pytest.mark.parametrize(("loss", "classes"), LOSSES)
def test_ordinary_problems_are_certified(loss, classes, alpha, solver):
    X, y, weight = sample(loss, classes, n=60)
    if solver == "newton" and loss == "crammer_singer":
        solver = "bfgs"
    fitted = estimator(loss, classes, alpha=alpha, solver=solver, max_iter=5000).fit(X, y, weight)
    assert fitted.converged_ and fitted.dual_gap_ <= 1e-6


def nearly_equal(n=100, padding=1100):
    """Two columns that differ by 1e-6, on which the target depends by their difference, beside
    columns of zeros.
    """
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(n, 1)), rng.normal(size=(n, 1))
    X = np.hstack([x + 1e-6 * z, x, np.zeros((n, padding))])
    return X, 2e6 * (X[:, 0] - X[:, 1]) + 0.5 * rng.normal(size=n)


@pytest.mark.parametrize("padding", [0, 1100])
@pytest.mark.parametrize("loss", ["mae", "quantile", "epsilon_insensitive", "hinge", "crammer_singer"])
def test_nearly_equal_columns_end_at_the_optimum(loss, padding):
    X, y = nearly_equal(padding=padding)
    classes = {"hinge": 2, "crammer_singer": 3}.get(loss, 1)
    y = y if classes == 1 else np.digitize(y, [0.0] if classes == 2 else [-1.0, 1.0])
    basis = np.column_stack([1e6 * (X[:, 0] - X[:, 1]), X[:, 1]])
    exact = optimum(loss, basis, y, np.ones(100), classes, 0.0, 0.0, True)
    fitted = estimator(loss, classes, alpha=0).fit(X, y)
    assert fitted.converged_ and fitted.dual_gap_ <= 1e-6
    assert fitted.objective_ == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("alpha", [1e-8, 1e-10, 1e-12])
@pytest.mark.parametrize("loss", ["mae", "hinge"])
@pytest.mark.parametrize("padding", [0, 1100])
def test_weak_penalties_on_nearly_equal_columns(loss, alpha, padding):
    """Where the minimum depends on the penalty, large parameters are as far as it lets them be."""
    X, y = nearly_equal(padding=padding)
    y = y if loss == "mae" else (y > 0).astype(int)
    by_products = estimator(loss, 1 if loss == "mae" else 2, alpha=alpha, solver="augmented_lagrangian").fit(X, y)
    by_matrix = estimator(loss, 1 if loss == "mae" else 2, alpha=alpha, solver="interior_point").fit(X[:, :2], y)
    assert by_products.converged_ and by_matrix.converged_
    assert by_products.objective_ == pytest.approx(by_matrix.objective_, rel=2e-6)


@pytest.mark.parametrize(("loss", "solver"), [("mae", "lbfgs"), ("mae", "augmented_lagrangian"), ("hinge", "lbfgs")])
def test_what_is_not_proven_is_said(loss, solver, monkeypatch):
    X, y = nearly_equal(padding=0)
    y = y if loss == "mae" else (y > 0).astype(int)
    # Each in the coordinates of the columns, where rounding hides the way to the optimum.
    monkeypatch.setattr(SmoothSolver, "_exact_end", lambda self, objective, result: False)
    model = estimator(loss, 1 if loss == "mae" else 2, alpha=0, solver=solver)
    with pytest.warns(ConvergenceWarning, match="use alpha > 0"):
        model.fit(X, y)
    assert not model.converged_ and model.dual_gap_ > 0.5


def test_wide_sparse_rows_are_certified_by_their_penalty():
    """Where only the intercept has no penalty, a proof takes a few products with the rows and no
    matrix of the columns.
    """
    X = sparse.random(500, 30_000, 0.002, format="csr", random_state=0, dtype=np.float64)
    y = np.asarray(X.sum(axis=1)).ravel() + np.random.default_rng(0).standard_normal(500)
    model = LossRegressor("mae", alpha=1e-2, tol=1e-6).fit(X, y)
    assert model.solver_ == "augmented_lagrangian" and model.converged_ and model.dual_gap_ <= 1e-6
