"""Numbers at the ends of what float64 holds, NumPy's error state, and losses without a minimum.

A fit of such data ends with the same optimum as that of ordinary data in other units, or with a
ValueError that says what to do; never with another exception, and never with a warning but a
ConvergenceWarning.
"""

import warnings

import numpy as np
import pytest
import reference_optimum as reference
from problems import CONVEX, MAKERS, by_turns, outcome, problem
from problems import estimator as make
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from threadpoolctl import threadpool_limits

from sklearn_losses import LossClassifier, LossRanker, LossRegressor, MultiQuantileRegressor, suggest_losses
from sklearn_losses.core.blocks import BlockSizes, block_sizes
from sklearn_losses.losses import (
    MAE,
    MSE,
    CostSensitive,
    CrossEntropy,
    CustomLoss,
    CVaR,
    Expectile,
    Loss,
    Poisson,
    Tilted,
)
from sklearn_losses.metrics import make_loss_scorer, perplexity_score
from sklearn_losses.solvers import Solver

REGRESSION = sorted(name for name, maker in MAKERS.items() if maker.task == "regression")
# The prediction grows with y, whatever its unit, since the loss is homogeneous in both.
HOMOGENEOUS = ["mse", "mae", "quantile", "expectile", "huber", "fair", "barron", "poisson", "gamma", "tweedie"]
DETERMINISTIC = sorted(name for name, maker in Solver.names().items() if not getattr(maker(), "stochastic", False))
POWERS = [-320, -155, -100, 100, 155, 300]


@pytest.mark.parametrize("alpha", [0, "auto"])
@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("name", REGRESSION)
def test_targets_of_any_size(name, power, alpha):
    X, y, _ = problem(name)
    unit = 10.0**power
    targets = y * unit
    model = LossRegressor(name, alpha=alpha)
    with np.errstate(all="raise"):
        words = outcome(model, X, targets)
    if words:
        # The loss itself is out of reach, or the solver says that it is not done.
        assert "divide y by" in words or "found no lower value" in words
    else:
        assert model.converged_ and np.all(np.isfinite(model.predict(X)))
    if name in HOMOGENEOUS and not words:
        known = LossRegressor(name, alpha=alpha).fit(X, y).predict(X)
        np.testing.assert_allclose(model.predict(X), known * unit, rtol=1e-4, atol=1e-4 * unit)


@pytest.mark.parametrize("name", ["hinge", "crammer_singer"])
@pytest.mark.parametrize("power", [-300, -200, -100, 100, 200, 300])
def test_margins_hold_columns_in_any_unit(name, power):
    X, y, _ = problem(name)
    known, model = make(name, alpha=0).fit(X, y), make(name, alpha=0).fit(X * 10.0**power, y)
    assert model.objective_ == pytest.approx(known.objective_, rel=1e-6)


@pytest.mark.parametrize("name", ["mae", "quantile", "epsilon_insensitive"])
@pytest.mark.parametrize("power", [-300, -200, -100, 100, 200, 300])
def test_losses_in_the_units_of_the_target_hold_all_of_them(name, power):
    X, y, _ = problem(name)
    loss = {"loss__epsilon": 0.0} if name == "epsilon_insensitive" else {}
    known = LossRegressor(name, alpha=0).set_params(**loss).fit(X, y)
    model = LossRegressor(name, alpha=0).set_params(**loss).fit(X, y * 10.0**power)
    assert model.converged_ and model.objective_ == pytest.approx(known.objective_ * 10.0**power, rel=1e-6)


@pytest.mark.parametrize(
    "power, container", [(-300, np.asarray), (-155, sparse.csr_matrix), (155, np.asarray), (200, sparse.csr_matrix)]
)
@pytest.mark.parametrize("name", [name for name in CONVEX if MAKERS[name].task != "ranking"])
def test_columns_of_any_size(name, power, container):
    X, y, _ = problem(name)
    known = make(name, alpha=0).fit(X, y)
    model = make(name, alpha=0)
    with np.errstate(all="raise"):
        model.fit(container(X * 10.0**power), y)
    assert model.objective_ == pytest.approx(known.objective_, rel=1e-6)


@pytest.mark.parametrize("power", [-300, 155])
@pytest.mark.parametrize("name", [name for name in CONVEX if MAKERS[name].task == "ranking"])
def test_columns_of_any_size_of_rankers(name, power):
    """Ties are broken by the content of the rows, so that other columns may be another problem."""
    X, y, more = problem(name)
    model = make(name, alpha=0)
    with np.errstate(all="raise"):
        model.fit(X * 10.0**power, y, **more)
    assert model.converged_ and np.isfinite(model.objective_) and np.all(np.isfinite(model.predict(X * 10.0**power)))


@pytest.mark.parametrize(("solver", "power"), by_turns([*DETERMINISTIC, "sgd", "adam"], [-200, 200]))
def test_columns_and_targets_of_any_size_under_every_solver(solver, power):
    for name in ("mae", "mse", "cross_entropy"):
        X, y, _ = problem(name, n=30, p=2)
        known = outcome(make(name, alpha=0, solver=solver, max_iter=100), X, y)
        for columns, targets in ((X * 10.0**power, y), (X, y * 10.0**power if y.dtype.kind == "f" else y)):
            model = make(name, alpha=0, solver=solver, max_iter=100)
            with np.errstate(all="raise"):
                words = outcome(model, columns, targets)
            assert words == "" or known or any(part in words for part in ("divide y by", "solver", "not finite"))


@pytest.mark.parametrize("expectile", [0.05, 0.5, 0.95])
def test_targets_that_are_all_equal(expectile):
    X, _, _ = problem("mse")
    for value in (0.0, 3.0, -1e-9, 1e9):
        model = LossRegressor(Expectile(expectile), alpha=0).fit(X, np.full(len(X), value))
        assert model.converged_ and model.predict(X) == pytest.approx(np.full(len(X), value), rel=1e-9, abs=1e-12)


# NumPy's error state.


def under_any_state(state, work):
    with warnings.catch_warnings(), np.errstate(all=state):
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        return work()


@pytest.mark.parametrize("name", sorted(Loss.names()))
def test_the_callers_error_state_changes_nothing(name):
    """Large scores, rows of next to no weight, columns of tiny numbers: values that overflow and
    underflow on the way.
    """
    X, y, more = problem(name)
    X = X * [1e6, 1.0, 1e-160, 0.0]

    def work():
        model = make(name, max_iter=5, solver="lbfgs").fit(X, y, sample_weight=np.geomspace(1e-20, 1, len(y)), **more)
        parts = [model.predict(1e3 * X), model.score(X, y, **more)]
        for method in ("predict_proba", "predict_log_proba", "decision_function"):
            parts += [getattr(model, method)(1e3 * X)] if hasattr(model, method) else []
        return parts

    for one, other in zip(under_any_state("raise", work), under_any_state("ignore", work), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("solver", sorted(Solver.names()))
def test_the_callers_error_state_changes_nothing_for_any_solver(solver):
    X, y, _ = problem("mae")
    X = X * [1e6, 1.0, 1e-160, 0.0]
    for task, targets in (("mae", y), ("cross_entropy", (y > 0).astype(int))):
        work = make(task, solver=solver, max_iter=50, random_state=0)
        first = under_any_state("raise", lambda work=work, targets=targets: outcome(work, X, targets))
        assert first == under_any_state("ignore", lambda work=work, targets=targets: outcome(work, X, targets))


def test_the_callers_error_state_changes_nothing_for_the_others():
    X, y, more = problem("ranknet")
    X = X * [1e6, 1.0, 1e-160, 1.0]

    def work():
        quantiles = MultiQuantileRegressor().fit(X, X[:, 1])
        suggest_losses(X, X[:, 1])
        classifier = LossClassifier(max_iter=20).fit(X, y > 0)
        perplexity_score(y > 0, classifier.predict_proba(1e3 * X))
        make_loss_scorer("poisson")(LossRegressor("poisson", alpha=1e-4).fit(X, y), X, y)
        make_loss_scorer("ranknet")(LossRanker(alpha=1e-4).fit(X, y, **more), X, y, **more)
        return quantiles.score(X, X[:, 1])

    assert under_any_state("raise", work) == under_any_state("ignore", work)


def test_the_callers_error_state_does_not_reach_the_threads():
    X, y, _ = problem("cross_entropy", n=3000)
    with threadpool_limits(3, user_api="blas"), block_sizes(BlockSizes(copied=1, read=1, least_rows=100)):
        one, other = (
            under_any_state(state, lambda: LossClassifier(alpha=1e-4).fit(X * 1e5, y)) for state in ("raise", "ignore")
        )
    np.testing.assert_array_equal(one.coef_, other.coef_)


def test_a_loss_of_ones_own_is_called_with_errors_ignored():
    states = []

    def loss(y_true, y_pred):
        states.append(set(np.geterr().values()))
        return (y_true - y_pred) ** 2

    X, y, _ = problem("mse")
    with np.errstate(all="raise"):
        LossRegressor(loss).fit(X, y)
        assert set(np.geterr().values()) == {"raise"}
    assert all(state == {"ignore"} for state in states)


# Losses without a minimum.


def groups(n=120):
    """Indicators of two of three groups and a column of noise, and counts."""
    rng = np.random.default_rng(0)
    group = rng.integers(3, size=n)
    X = np.column_stack([group == 1, group == 2, rng.standard_normal(n)]).astype(float)
    return X, group, rng.poisson(2.0 + group).astype(float)


def says_no_minimum(model, X, y):
    return "no minimum" in outcome(model, X, y)


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "gd", "bfgs", "newton-cg"])
@pytest.mark.parametrize("loss, unit", [("poisson", 1e6), ("tweedie", 1e-6), (0.5 * Poisson() + Poisson(), 1.0)])
def test_counts_that_are_all_zero_in_a_group(loss, unit, solver):
    X, group, y = groups()
    zero = np.where(group == 2, 0.0, y) * unit
    for rows in (X, sparse.csr_matrix(X)):
        assert says_no_minimum(LossRegressor(loss, alpha=0, solver=solver), rows, zero)
    assert not says_no_minimum(LossRegressor(loss, alpha=0, solver=solver), X, y * unit)
    assert not says_no_minimum(LossRegressor(loss, alpha=1e-6, solver=solver), X, zero)


def test_counts_that_are_all_zero_elsewhere():
    X, group, y = groups()
    zero = np.where(group == 2, 0.0, y)
    assert says_no_minimum(LossRegressor("poisson", alpha=0), X, 0 * y)
    assert says_no_minimum(LossRegressor("poisson", alpha=0), X, np.column_stack([y, zero]))
    assert not says_no_minimum(LossRegressor("poisson", alpha=0), X, np.column_stack([y, y + 1]))
    assert not says_no_minimum(LossRegressor("gamma", alpha=0), X, y + 1)
    # The worst rows are others.
    assert not says_no_minimum(LossRegressor(CVaR("poisson", 0.3), alpha=0), X, zero)


@pytest.mark.parametrize("solver", ["auto", "lbfgs"])
@pytest.mark.parametrize(
    "loss", ["cross_entropy", "exponential", CostSensitive("cross_entropy"), Tilted("cross_entropy", 1.0), CrossEntropy(0.1)]
)
def test_classes_of_which_a_feature_tells_some_rows(loss, solver):
    X, _, _ = groups()
    y = np.random.default_rng(1).integers(3, size=len(X))
    rare, out, both = np.zeros((3, len(X)))
    rare[np.flatnonzero(y == 1)[:4]] = 1  # in class 1 alone
    out[np.flatnonzero(y != 0)[:8]] = 1  # never in class 0
    both[np.flatnonzero(y == 0)[:3]] = both[np.flatnonzero(y == 1)[:3]] = both[np.flatnonzero(y == 2)[:3]] = 1
    has_minimizer = isinstance(loss, CrossEntropy)  # labels that are smoothed have a best score
    # Under costs it is not noticed that the score of one class alone falls for ever.
    for feature in (rare,) if isinstance(loss, CostSensitive) else (rare, out):
        rows = np.column_stack([X[:, 2], feature])
        assert says_no_minimum(LossClassifier(loss, alpha=0, solver=solver), rows, y) != has_minimizer
        assert not says_no_minimum(LossClassifier(loss, alpha=1e-6, solver=solver), rows, y)
    assert (
        says_no_minimum(LossClassifier(loss, alpha=0, solver=solver), np.column_stack([X[:, 2], rare]), y == 1) != has_minimizer
    )
    assert not says_no_minimum(LossClassifier(loss, alpha=0, solver=solver), np.column_stack([X[:, 2], both]), y)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge", "modified_huber", "crammer_singer"])
def test_separable_classes_of_a_loss_that_reaches_its_minimum(loss):
    X, group, _ = groups()
    model = LossClassifier(loss, alpha=0).fit(X, group)
    assert model.converged_ and model.objective_ == pytest.approx(0, abs=1e-9)


# Rows that no equation of one size holds.


def test_least_squares_of_columns_at_both_ends():
    X, y, _ = problem("mse")
    scale = 10.0 ** np.array([-300.0, -150.0, 150.0, 290.0])
    model = LossRegressor("mse", alpha=0).fit(X * scale, y)
    np.testing.assert_allclose(model.coef_ * scale, LinearRegression().fit(X, y).coef_, rtol=1e-9)


# What the fuzzer found first.


@pytest.mark.parametrize("loss", [CVaR("mae", 0.3), CVaR("mse", 0.3), Tilted("mse", 0.5)])
def test_learned_constants_under_an_l1_penalty(loss):
    X, y, _ = problem("mse", n=50)
    model = LossRegressor(loss, alpha=0.05, l1_ratio=0.8).fit(X, y)
    twin = reference.WorstShare(reference.Residual(reference.absolute if "mae" in str(loss) else reference.squared), 0.3)
    twin = reference.Tilted(reference.Residual(reference.squared), 0.5) if isinstance(loss, Tilted) else twin
    optimum = reference.Problem(twin, X, y, None, 1, 0.05, 0.8, True).minimum()[0]
    assert model.objective_ == pytest.approx(float(optimum), rel=1e-5)
    assert model.solver_ == "proximal_newton"


def test_learned_constants_after_a_perfect_initial_fit():
    """The initial fit separates the classes, so that its loss has no slope left to tell the unit of
    the threshold by.
    """
    X, group, _ = groups()
    model = LossClassifier(Tilted("cross_entropy", 2.0), alpha=1e-4, l1_ratio=1.0).fit(X[:, 1:], group == 2)
    twin = reference.Tilted(reference.Softmax(), 2.0)
    optimum = reference.Problem(twin, X[:, 1:], (group == 2).astype(int), None, 1, 1e-4, 1.0, True).minimum()[0]
    assert model.objective_ == pytest.approx(float(optimum), rel=1e-5)


def test_a_gradient_that_does_not_change_under_trust_constr():
    X, y, _ = problem("quantile", n=30, p=2)
    model = LossRegressor("quantile", solver="trust-constr", alpha=0)
    words = outcome(model, np.round(X), np.round(y))
    assert np.all(np.isfinite(model.coef_)) and bool(words) != model.converged_


@pytest.mark.parametrize("solver", ["newton-cg", "trust-krylov", "trust-ncg"])
def test_a_custom_loss_with_a_kink_has_no_hessian(solver):
    X, y, _ = problem("mse")
    kinked = CustomLoss(lambda y_true, y_pred: np.maximum(3 * (y_true - y_pred), y_pred - y_true), convex=True)
    with pytest.raises(ValueError, match="needs a Hessian"):
        LossRegressor(kinked, solver=solver).fit(X, y)


def test_one_row_that_is_fitted_without_error():
    model = LossRegressor(0.5 * MSE() + 2 * MAE(), alpha=0.01).fit([[1.0, 2.0]], [3.0])
    assert model.converged_ and model.predict([[1.0, 2.0]]) == pytest.approx([3.0])


def test_a_gap_of_float32_rows_is_that_of_the_model_that_is_returned():
    rng = np.random.default_rng(0)
    X = (rng.standard_normal((40, 3)) + 1e4).astype(np.float32)
    y = X @ np.ones(3) + rng.standard_normal(40)
    model = LossRegressor("mae", solver="tnc", alpha=1e-3)
    outcome(model, X, y)
    same = reference.Problem(reference.Residual(reference.absolute), X, y, None, 1, 1e-3, 0.0, True)
    above = same.value(model.coef_[None], [model.intercept_]) - same.minimum()[0]
    assert above <= model.dual_gap_ * model.objective_ + 1e-9
