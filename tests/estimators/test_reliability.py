"""Never silently wrong: on hard data a fit ends at the optimum, or says that it did not and what to do.

Warnings are errors in these tests (see pyproject.toml), so a fit that is compared with another one ended without a word, and
the comparison shows that it was right. Where a warning or an error is an honest end too, `outcome` catches it.
"""

import math
import pickle
import warnings
from decimal import Decimal, InvalidOperation, Overflow, localcontext
from functools import cache

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from sklearn_losses import LossClassifier, LossRanker, LossRegressor
from sklearn_losses.core.batches import Batches
from sklearn_losses.core.blocks import BlockSizes, block_sizes
from sklearn_losses.core.queries import Queries
from sklearn_losses.losses import CustomLoss, Huber, Loss
from sklearn_losses.solvers import SGD, Solver

ESTIMATORS = {"regression": LossRegressor, "classification": LossClassifier, "ranking": LossRanker}
MAKERS = Loss.names()
# A loss made for steps on batches has no optimum worth reaching, and one that is not convex has several.
CONVEX = sorted(name for name, maker in MAKERS.items() if maker.convex and not maker.stochastic_only)
REGRESSION = [name for name in CONVEX if MAKERS[name].task == "regression"]
CLASSIFICATION = [name for name in CONVEX if MAKERS[name].task == "classification"]
RANKING = [name for name in CONVEX if MAKERS[name].task == "ranking"]
LOG_LINK = [name for name in REGRESSION if MAKERS[name].positive_target]
RESIDUAL = [name for name in REGRESSION if not MAKERS[name].positive_target]
SCALED = [name for name in REGRESSION if MAKERS[name].initial_estimator is not None]  # by the spread of a pilot's residuals


def draws(name):
    """Whether the loss draws numbers by the content of the rows, so that other columns are another problem."""
    relevance, raw = np.array([0.0, 1.0, 1.0, 2.0]), np.array([0.3, -0.2, 0.5, 0.1])
    one, other = (Queries(relevance, np.array([0, 4]), draw=draw) for draw in (np.full(4, 0.5), np.array([0.1, 0.9, 0.3, 0.7])))
    return not np.array_equal(MAKERS[name]().value(one, raw), MAKERS[name]().value(other, raw))


DRAWLESS = [name for name in CONVEX if MAKERS[name].task != "ranking" or not draws(name)]


def problem(name, n=60, p=4, classes=3, seed=0):
    """X, y and the further arguments of `fit`: noisy rows that nothing separates, X exact after a shift by 1e8."""
    rng = np.random.default_rng(seed)
    X = np.round(rng.standard_normal((n, p)) * 2**10) / 2**10
    score = X @ np.linspace(-1, 1, p) + 0.7 * rng.standard_normal(n) + 0.5
    more = {"qid": np.arange(n) // 10} if MAKERS[name].task == "ranking" else {}
    if MAKERS[name].task == "regression":
        return X, np.exp(score) if MAKERS[name].positive_target else score, more
    return X, np.digitize(score, [0.5] if classes == 2 else [0, 1]), more


def estimator(name, **params):
    return ESTIMATORS[MAKERS[name].task](name, **params)


def outcome(model, X, y, **more):
    """The words with which a fit ends: those of its ConvergenceWarning or ValueError, "" for none; others are errors."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("always", ConvergenceWarning)
        try:
            model.fit(X, y, **more)
        except ValueError as error:
            return str(error)
    return "; ".join(str(warning.message) for warning in caught)


def scores(model, X):
    """Raw predictions; of a ranker without what is common to all rows, which it does not see."""
    raw = model._raw(X)
    return raw - raw.mean() if isinstance(model, LossRanker) else raw


def formula(model, X, y, weight=None, coef=None, intercept=None):
    """The objective from a model's coefficients in the user's units, or from others, by nothing but the loss of each row."""
    coef = model.coef_ if coef is None else coef
    raw = X @ np.atleast_2d(coef).T + (model.intercept_ if intercept is None else intercept)
    raw = raw[:, 0] if raw.shape[1] == 1 else raw
    return float(np.average(model._loss.value(y, raw), weights=weight) + model.alpha / 2 * np.sum(np.square(coef)))


def assert_nothing_lower(model, X, y, weight=None, tolerance=1e-6):
    """No step of any size along many lines through the fitted point lowers the objective, which is convex."""
    best = formula(model, X, y, weight)
    assert best == pytest.approx(model.objective_, rel=1e-6)
    rng = np.random.default_rng(0)
    coef, intercept = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    for size in np.max(np.abs(coef)) * np.array([1.0, 1e-1, 1e-2, 1e-4]):
        for _ in range(10):
            move, shift = size * rng.standard_normal(coef.shape), size * rng.standard_normal(intercept.shape)
            with np.errstate(over="ignore"):  # exp of a far point
                other = formula(model, X, y, weight, coef + move, intercept + shift)
            assert other >= best - tolerance * abs(best)


@cache
def reference(name, alpha, **params):
    """The fit of the well-conditioned `problem`, and its scores there."""
    X, y, more = problem(name)
    model = estimator(name, alpha=alpha, **params).fit(X, y, **more)
    assert model.converged_
    return model, scores(model, X)


def assert_same_optimum(name, alpha, X, model, known_alpha=None, rel=1e-6):
    """A fit of rows that are `problem`'s in other columns has the same objective and predictions."""
    known, raw = reference(name, alpha if known_alpha is None else known_alpha)
    assert model.converged_
    assert model.objective_ == pytest.approx(known.objective_, rel=rel)
    np.testing.assert_allclose(scores(model, X), raw, atol=1e-3 * np.max(np.abs(raw)))


# Columns.


@pytest.mark.parametrize("shift", [1e3, 1e5, 1e8])
@pytest.mark.parametrize("name", CONVEX)
def test_a_shift_of_all_columns(name, shift):
    X, y, more = problem(name)
    assert_same_optimum(name, 1e-3, X + shift, estimator(name, alpha=1e-3).fit(X + shift, y, **more))


@pytest.mark.parametrize("scale", [1e-8, 1e4, 1e8])
@pytest.mark.parametrize("name", CONVEX)
def test_a_scale_of_all_columns_with_alpha_adapted(name, scale):
    X, y, more = problem(name)
    model = estimator(name, alpha=1e-3 * scale**2).fit(scale * X, y, **more)
    assert_same_optimum(name, model.alpha, scale * X, model, known_alpha=1e-3)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
@pytest.mark.parametrize("name", CONVEX)
def test_columns_whose_squares_overflow(name, scale):
    X, y, more = problem(name)
    model = estimator(name, alpha=0).fit(scale * X, y, **more)
    assert_same_optimum(name, 0, scale * X, model)


@pytest.mark.parametrize("name", DRAWLESS)
def test_one_huge_column(name):
    X, y, more = problem(name)
    X[:, 1] *= 1e12
    assert_same_optimum(name, 0, X, estimator(name, alpha=0).fit(X, y, **more))


@pytest.mark.parametrize("value", [0.1, 1e8])
@pytest.mark.parametrize("name", DRAWLESS)
def test_a_constant_column(name, value):
    X, y, more = problem(name)
    X = np.column_stack([X, np.full(len(y), value)])
    assert_same_optimum(name, 1e-3, X, estimator(name, alpha=1e-3).fit(X, y, **more))


@pytest.mark.parametrize("name", DRAWLESS)
def test_duplicated_columns(name):
    X, y, more = problem(name)
    twice = np.hstack([X, X])
    model = estimator(name, alpha=2e-3).fit(twice, y, **more)  # w/2 twice has half the square of w
    assert_same_optimum(name, 2e-3, twice, model, known_alpha=1e-3)
    assert_same_optimum(name, 0, twice, estimator(name, alpha=0).fit(twice, y, **more))


@pytest.mark.parametrize("shift", [0.0, 1e8])
@pytest.mark.parametrize("name", DRAWLESS)
def test_collinear_columns(name, shift):
    X, y, more = problem(name)
    X = np.column_stack([X, X @ [1, 1, 0, 0] + shift, X @ [0, 1, -2, 1]])
    assert_same_optimum(name, 0, X, estimator(name, alpha=0).fit(X, y, **more))


@pytest.mark.parametrize("name", DRAWLESS)
def test_columns_that_are_nearly_equal(name):
    X, y, more = problem(name)
    known, _ = reference(name, 0)
    X = np.column_stack([X, X[:, 0] + 1e-9 * X[:, 1]])
    # The new column adds nothing to what the model can say.
    assert estimator(name, alpha=0).fit(X, y, **more).objective_ == pytest.approx(known.objective_, rel=1e-6)


@pytest.mark.parametrize("name", CONVEX)
def test_one_feature(name):
    X, y, more = problem(name)
    one = estimator(name, alpha=1e-3).fit(X[:, :1], y, **more)
    padded = estimator(name, alpha=1e-3).fit(X * [1, 0, 0, 0], y, **more)
    assert one.converged_ and one.n_features_in_ == 1
    assert one.objective_ == pytest.approx(padded.objective_, rel=1e-9)


@pytest.mark.parametrize("name", DRAWLESS)
def test_more_columns_than_rows(name):
    X, y, more = problem(name)
    turned = X @ np.linalg.qr(np.random.default_rng(1).standard_normal((100, 4)))[0].T  # the same rows in 100 dimensions
    for alpha in (0, 1e-3):
        assert_same_optimum(name, alpha, turned, estimator(name, alpha=alpha).fit(turned, y, **more))


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", REGRESSION)
def test_rows_that_are_fitted_exactly(name, seed):
    X, (_, y, _) = np.random.default_rng(seed).standard_normal((20, 40)), problem(name, n=20, seed=seed)
    model = estimator(name, alpha=0)
    said = outcome(model, X, y)
    assert bool(said) != model.converged_
    # A deviance near 0 is a difference of large terms, all rounding, in which a decrease may not show.
    assert said == "" or name in LOG_LINK
    assert model.objective_ <= 1e-12
    tube = MAKERS[name]().get_params().get("epsilon", 0.0)
    np.testing.assert_allclose(model.predict(X), y, rtol=1e-5, atol=tube + 1e-5)


@pytest.mark.parametrize("name", CONVEX)
def test_one_row(name):
    X, y, more = problem(name, n=1)
    if MAKERS[name].task != "regression":
        with pytest.raises(ValueError, match="at least two classes|nothing to order"):
            estimator(name).fit(X, y, **more)
        return
    model = estimator(name).fit(X, y)
    assert model.converged_
    np.testing.assert_allclose(model.coef_, 0, atol=1e-12)
    np.testing.assert_allclose(model.predict(X), y, rtol=1e-9)


@pytest.mark.parametrize("name", [name for name in CLASSIFICATION + RANKING if not MAKERS[name]().has_minimizer])
@pytest.mark.parametrize("classes", [2, 3])
def test_separable_classes_without_a_penalty(name, classes):
    X, _, more = problem(name)
    y = np.digitize(X @ np.linspace(-1, 1, 4), [0.0] if classes == 2 else [-0.5, 0.5])
    wide = (X[:, :1] + 8 * y[:, None]) * [[1.0, 0.5]]
    for rows in (wide, 1e6 + 1e3 * wide):
        model = estimator(name, alpha=0)
        with pytest.warns(ConvergenceWarning, match="no minimum.*use alpha > 0"):
            model.fit(rows, y, **more)
        assert not model.converged_
        assert np.all(np.isfinite(model.coef_)) and np.isfinite(model.objective_)


@pytest.mark.parametrize(
    "name", [name for name in CLASSIFICATION + RANKING if MAKERS[name]().has_minimizer and name in DRAWLESS]
)
def test_separable_classes_of_a_loss_with_a_minimum(name):
    X, y, more = problem(name)
    X = X[:, :1] / 4 + 3 * y[:, None]
    model = estimator(name, alpha=0)
    said = outcome(model, X, y, **more)
    assert said == "" and model.converged_
    # Zero, but for a list of probabilities, which are compared with those of the relevances.
    again = estimator(name, alpha=0).fit(1e6 * X, y, **more)
    assert again.objective_ == pytest.approx(model.objective_, rel=1e-6, abs=1e-12)


# One row far away, exponentials that overflow.


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "newton", "gd"])
@pytest.mark.parametrize("scale", [1e3, 1e8, 1e150])
@pytest.mark.parametrize("name", LOG_LINK)
def test_exponentials_that_overflow_at_the_first_step(name, scale, solver):
    X, y, _ = problem(name)
    known = estimator(name, alpha=0, fit_intercept=False).fit(X, y)
    model = estimator(name, alpha=0, fit_intercept=False, solver=solver)
    said = outcome(model, scale * X, y)
    assert np.all(np.isfinite(model.coef_))
    assert bool(said) != model.converged_
    if not said:
        assert model.objective_ == pytest.approx(known.objective_, rel=1e-6)


@pytest.mark.parametrize("name", LOG_LINK)
def test_exponentials_that_overflow_at_a_warm_start(name):
    X, y, _ = problem(name)
    model = estimator(name, alpha=1e-3, warm_start=True).fit(X, y)
    said = outcome(model, 1e4 * X, y)  # the old coefficients predict exp(1e4) here
    assert np.all(np.isfinite(model.coef_))
    if not said:
        assert model.converged_
        assert model.objective_ == pytest.approx(estimator(name, alpha=1e-3).fit(1e4 * X, y).objective_, rel=1e-6)


@pytest.mark.parametrize("far", [1e3, 1e8])
@pytest.mark.parametrize("name", REGRESSION + CLASSIFICATION)
def test_one_row_far_away(name, far):
    X, y, _ = problem(name)
    X[0] *= far
    model = estimator(name, alpha=1e-3)
    said = outcome(model, X, y)
    assert np.all(np.isfinite(model.coef_))
    assert bool(said) != model.converged_
    if not said:
        assert_nothing_lower(model, X, y)


@pytest.mark.parametrize("name", CONVEX)
def test_single_precision_near_its_end(name):
    X, y, more = problem(name)
    for scale in (1e20, 1e-20):  # the squares of both are outside float32
        single = (X * scale).astype(np.float32)
        model = estimator(name, alpha=0).fit(single, y, **more)
        assert model.coef_.dtype == np.float32
        assert_same_optimum(name, 0, single, model, rel=1e-5)


# Targets.


@pytest.mark.parametrize("factor", [1e-8, 1e8])
@pytest.mark.parametrize("name", REGRESSION)
def test_a_scale_of_the_targets(name, factor):
    """Where the loss of a multiple is a multiple of the loss, so are the coefficients, with alpha adapted."""
    X, y, _ = problem(name)
    known = estimator(name, alpha=0).fit(X, y)
    loss, raw = known._loss, known._raw(X)
    scaled = estimator(name, alpha=0).fit(X, factor * y)
    assert scaled.converged_
    if MAKERS[name].positive_target:
        np.testing.assert_allclose(scaled.coef_, known.coef_, rtol=1e-5)
        assert scaled.intercept_ == pytest.approx(known.intercept_ + np.log(factor), rel=1e-5)
    elif MAKERS[name].initial_estimator or any(np.allclose(loss.value(2 * y, 2 * raw), k * loss.value(y, raw)) for k in (2, 4)):
        np.testing.assert_allclose(scaled.coef_, factor * known.coef_, rtol=1e-4)
        assert scaled.intercept_ == pytest.approx(factor * known.intercept_, rel=1e-4)
    else:
        assert_nothing_lower(scaled, X, factor * y)


@pytest.mark.parametrize("name", REGRESSION)
def test_huge_outliers_in_the_targets(name):
    X, y, _ = problem(name)
    y[:5] = 1e8 * np.array([1, -1, 1, -1, 1]) if name in RESIDUAL else 1e8
    model = estimator(name, alpha=1e-3).fit(X, y)
    assert model.converged_
    assert_nothing_lower(model, X, y)


@pytest.mark.parametrize("name", SCALED)
def test_the_size_of_outliers_does_not_matter_to_a_robust_loss(name):
    X, y, _ = problem(name)
    fits = []
    for size in (1e4, 1e8, 1e12):
        y[:5] = size * np.array([1, -1, 1, -1, 1])
        fits.append(estimator(name, alpha=0).fit(X, y))
    for fitted in fits[1:]:
        assert fitted.scale_ == pytest.approx(fits[0].scale_, rel=0.05)
        np.testing.assert_allclose(fitted.coef_, fits[0].coef_, atol=0.02)


@pytest.mark.parametrize("value", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("name", REGRESSION)
def test_constant_targets(name, value):
    X, y, _ = problem(name)
    model = estimator(name).fit(X, np.full(len(y), value))
    assert model.converged_
    np.testing.assert_allclose(model.coef_, 0, atol=1e-6 * value)
    if not MAKERS[name]().kinks:
        np.testing.assert_allclose(model.predict(X), value, rtol=1e-7, atol=0 if value > 1e-3 else 0.1)
    else:
        assert model.objective_ <= 1e-12 * value


@pytest.mark.parametrize("name", [name for name in RESIDUAL if MAKERS[name]().kinks] + ["hinge"])
@pytest.mark.parametrize("alpha_l1", [0.0, 0.05])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_whole_numbers_put_many_rows_on_a_kink(name, alpha_l1, seed):
    """Degenerate linear programs against HiGHS: the loss is a maximum of straight lines of an affine function of raw."""
    rng = np.random.default_rng(seed)
    X = rng.integers(-1, 2, (60, 4)).astype(float)
    score = X @ [1, -1, 2, 0] + rng.integers(-1, 2, 60)
    y = score if name in RESIDUAL else (score > 0).astype(int)
    model = estimator(name, alpha=alpha_l1, l1_ratio=1.0).fit(X, y)
    loss = model._loss
    start, direction = loss.argument(y, np.zeros(60)), loss.direction(y, np.ones(60))
    design = np.column_stack([X, np.ones(60)])
    kinks = loss.kinks
    rows, right = [], []
    for index, kink in enumerate(kinks):
        slack = np.zeros((60, 60 * len(kinks)))
        slack[np.arange(60), index * 60 + np.arange(60)] = -1
        for slope in (kink.left, kink.right):
            line = slope * direction[:, None] * design
            rows.append(np.hstack([line, -line, slack]))
            right.append(-slope * (start - kink.position))
    penalty = np.tile([alpha_l1] * 4 + [0.0], 2)
    cost = np.concatenate([penalty, np.full(60 * len(kinks), 1 / 60)])
    bounds = [(0, None)] * 10 + [(None, None)] * (60 * len(kinks))
    exact = linprog(cost, A_ub=np.vstack(rows), b_ub=np.concatenate(right), bounds=bounds, method="highs")
    assert exact.success
    assert model.converged_ and model.dual_gap_ <= 1e-6
    assert model.objective_ == pytest.approx(exact.fun, rel=2e-6)


# Weights.


@pytest.mark.parametrize("name", CONVEX)
def test_the_scale_of_weights(name):
    X, y, more = problem(name)
    weight = np.random.default_rng(1).exponential(size=len(y))
    known = estimator(name, alpha=1e-3).fit(X, y, sample_weight=weight, **more)
    for scale in (1e-300, 1e300):
        model = estimator(name, alpha=1e-3).fit(X, y, sample_weight=scale * weight, **more)
        assert model.objective_ == pytest.approx(known.objective_, rel=1e-9)
        np.testing.assert_allclose(model.coef_, known.coef_, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", CONVEX)
def test_weights_of_zero_and_next_to_nothing_leave_rows_out(name):
    X, y, more = problem(name)
    kept = np.arange(len(y)) < 40
    known = estimator(name, alpha=1e-3).fit(X[kept], y[kept], **{key: value[kept] for key, value in more.items()})
    absent, negligible = np.where(kept, 1.0, 0.0), np.where(kept, 1e300, 1.0)
    model = estimator(name, alpha=1e-3).fit(X, y, sample_weight=absent, **more)
    assert model.objective_ == pytest.approx(known.objective_, rel=1e-9)
    np.testing.assert_allclose(model.coef_, known.coef_, rtol=1e-6, atol=1e-8)
    model = estimator(name, alpha=1e-3)
    said = outcome(model, X, y, sample_weight=negligible, **more)
    assert bool(said) != model.converged_
    if MAKERS[name].task != "ranking":  # a query counts, however little: their mean is over queries
        assert model.objective_ == pytest.approx(known.objective_, rel=1e-6)


@pytest.mark.parametrize("name", REGRESSION + CLASSIFICATION)
def test_weights_that_span_twelve_orders_of_magnitude(name):
    X, y, _ = problem(name)
    weight = 10.0 ** np.random.default_rng(1).uniform(-12, 0, len(y))
    model = estimator(name, alpha=1e-3)
    said = outcome(model, X, y, sample_weight=weight)
    assert bool(said) != model.converged_
    # With or without a word, the end is good: the worst that the rule allows is not what happens.
    assert_nothing_lower(model, X, y, weight, tolerance=1e-5 if said else 1e-6)


@pytest.mark.parametrize("weight", [-1.0, -1e-300, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["mse", "cross_entropy", "ranknet"])
def test_bad_weights(name, weight):
    X, y, more = problem(name)
    weights = np.ones(len(y))
    weights[7] = weight
    with pytest.raises(ValueError, match="sample_weight must (not be negative|be finite)"):
        estimator(name).fit(X, y, sample_weight=weights, **more)


# What is no number.


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_array, np.float32], ids=lambda form: form.__name__)
@pytest.mark.parametrize("name", ["mse", "cross_entropy", "ranknet"])
def test_features_that_are_no_numbers(name, form, value):
    X, y, more = problem(name)
    model = estimator(name).fit(X, y, **more)
    before = dict(vars(model))
    X[3, 2] = value
    with pytest.raises(ValueError, match="NaN|infinity"):
        model.fit(form(X), y, **more)
    assert all(vars(model)[key] is before[key] for key in before)
    with pytest.raises(ValueError, match="NaN|infinity"):
        model.predict(form(X))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["mse", "poisson", "cross_entropy", "ranknet"])
def test_targets_that_are_no_numbers(name, value):
    X, y, more = problem(name)
    y = y.astype(float)
    y[3] = value
    with pytest.raises(ValueError, match="NaN|infinity"):
        estimator(name).fit(X, y, **more)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("parameter", ["alpha", "l1_ratio", "tol", "loss__delta", "loss__scale", "solver__learning_rate"])
def test_parameters_that_are_no_numbers(parameter, value):
    X, y, _ = problem("huber")
    model = LossRegressor(Huber(), solver=SGD()).set_params(**{parameter: value})
    with pytest.raises(ValueError, match=f"'{parameter.split('__')[-1]}' parameter of .* must be"):
        model.fit(X, y)


# Losses that fail.


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "gd", "bfgs", "sgd", "adam"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_custom_loss_that_is_no_number_names_the_iteration(solver, value):
    X, _, _ = problem("mse")
    y = 10 * X[:, 0] + X[:, 1]
    assert y.max() > 19

    def broken(y_true, y_pred):
        """The squared error, but no number for predictions that are far from any constant, on the way to the optimum."""
        return np.where(y_pred > 15, value, (y_true - y_pred) ** 2)

    model = LossRegressor(CustomLoss(broken, convex=True), solver=solver, max_iter=2000, random_state=0)
    said = outcome(model, X, y)
    assert "iteration" in said
    if hasattr(model, "coef_"):
        assert not model.converged_
        assert np.all(np.isfinite(model.coef_)) and np.isfinite(model.objective_)


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "newton", "gd", "cg", "adam"])
@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
@pytest.mark.filterwarnings("ignore:.*stopped after max_iter:sklearn.exceptions.ConvergenceWarning")
def test_a_fit_that_is_cut_off_anywhere_leaves_a_consistent_state(solver, failure):
    X, y, _ = problem("mse")
    calls, last = [], [np.inf]

    def interrupted(y_true, y_pred):
        calls.append(1)
        if len(calls) == last[0] + 1:  # once: what keeps the last point must be able to evaluate it
            raise failure("cut off")
        return np.log(np.cosh(y_true - y_pred))

    loss = CustomLoss(interrupted, hessian=lambda y_true, y_pred: np.cosh(y_true - y_pred) ** -2.0, convex=True)
    model = LossRegressor(loss, solver=solver, max_iter=5, random_state=0).fit(X, y)
    total, ends = len(calls), set()
    # Most of the calls look for the first intercept; the iterations come at the end.
    for last[0] in [*range(1, total - 12, max(1, total // 6)), *range(max(1, total - 12), total)]:
        cut_off = pickle.loads(pickle.dumps(LossRegressor().fit(X, y)))
        before = dict(vars(cut_off))
        cut_off.set_params(**model.get_params(deep=False))
        calls.clear()
        with pytest.raises(failure):
            cut_off.fit(X, 2 * y)
        old = all(vars(cut_off)[key] is before[key] for key in before if key.endswith("_") or key.startswith("_"))
        ends.add(old)
        if not old:
            assert failure is KeyboardInterrupt and not cut_off.converged_
            residual = 2 * y - cut_off.predict(X)
            assert cut_off.loss_ == pytest.approx(np.mean(np.log(np.cosh(residual))), rel=1e-12)
            assert cut_off.objective_ == pytest.approx(cut_off.loss_ + cut_off.alpha_ / 2 * np.sum(cut_off.coef_**2), rel=1e-9)
    assert ends == ({True} if failure is RuntimeError else {True, False})


# Storage, precision, threads.


def forms(X, folder):
    """The same numbers in other layouts of memory; the last one cannot be written to."""
    gaps = np.zeros((2 * len(X), 2 * X.shape[1]))
    gaps[::2, ::2] = X
    np.save(folder / "rows.npy", X)
    yield "order of Fortran", np.asfortranarray(X)
    yield "every second row and column", gaps[::2, ::2]
    yield "backwards", X[::-1, ::-1].copy()[::-1, ::-1]
    yield "other byte order", X.astype(X.dtype.newbyteorder())
    yield "memory map", np.load(folder / "rows.npy", mmap_mode="r")


@pytest.mark.parametrize("name", CONVEX)
def test_layout_of_memory(name, tmp_path):
    X, y, more = problem(name)
    known, _ = reference(name, 1e-3)
    weight = np.ones(len(y))
    for array in (y, weight, *more.values()):
        array.setflags(write=False)
    for form, rows in forms(X, tmp_path):
        model = estimator(name, alpha=1e-3).fit(rows, y, sample_weight=weight, **more)
        assert model.objective_ == pytest.approx(known.objective_, rel=1e-9), form
        np.testing.assert_allclose(model._raw(rows), known._raw(X), rtol=1e-5, atol=1e-6, err_msg=form)


def sparse_forms(X):
    """The same sparse matrix, with empty rows, in unusual but valid forms."""
    wide = sparse.csr_matrix(X)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    assert wide.indices.dtype == np.int64
    yield "indices of 64 bits", wide
    n, p = X.shape
    everything = sparse.csr_matrix((X.ravel(), np.tile(np.arange(p), n), np.arange(n + 1) * p), shape=X.shape)
    assert everything.nnz == X.size > np.count_nonzero(X)
    yield "explicit zeros", everything
    quarters = np.hstack([0.25 * X, 0.75 * X])
    twice = sparse.csr_matrix((quarters.ravel(), np.tile(np.arange(p), 2 * n), np.arange(n + 1) * 2 * p), shape=X.shape)
    assert twice.nnz == 2 * X.size
    yield "each entry in two parts", twice
    unsorted = sparse.csr_matrix((X[:, ::-1].ravel(), np.tile(np.arange(p)[::-1], n), np.arange(n + 1) * p), shape=X.shape)
    assert not unsorted.has_sorted_indices
    yield "indices not in order", unsorted
    frozen = sparse.csr_matrix(X)
    for part in (frozen.data, frozen.indices, frozen.indptr):
        part.setflags(write=False)
    yield "read-only", frozen
    yield "by columns", sparse.csc_array(X)
    yield "coordinates", sparse.coo_array(X)


@pytest.mark.parametrize("name", CONVEX)
def test_unusual_sparse_matrices(name):
    X, y, more = problem(name)
    X = X * (np.abs(X) > 0.5)
    X[[0, 17, -1]] = 0
    known = estimator(name, alpha=1e-3).fit(X, y, **more)
    for form, rows in sparse_forms(X):
        kept = rows.copy()
        model = estimator(name, alpha=1e-3).fit(rows, y, **more)
        assert model.objective_ == pytest.approx(known.objective_, rel=1e-8), form
        np.testing.assert_allclose(scores(model, rows), scores(known, X), rtol=1e-4, atol=1e-6, err_msg=form)
        assert rows.nnz == kept.nnz and np.array_equal(rows.data, kept.data), form


@pytest.mark.parametrize("name", CONVEX)
def test_the_size_of_blocks(name):
    X, y, more = problem(name, n=600)
    model = estimator(name, alpha=1e-3).fit(X, y, **more)
    with block_sizes(BlockSizes(copied=1, read=1)):
        assert len(list(Batches(X, y).blocks())) == 3
        parts = estimator(name, alpha=1e-3).fit(X, y, **more)
    assert parts.objective_ == pytest.approx(model.objective_, rel=1e-9)
    np.testing.assert_allclose(scores(parts, X), scores(model, X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", CONVEX)
def test_the_number_of_threads_changes_no_bit(name):
    X, y, more = problem(name, n=600)
    fits = []
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"), block_sizes(BlockSizes(copied=1, read=1)):
            fits.append(estimator(name, alpha=1e-3).fit(X, y, **more))
    np.testing.assert_array_equal(fits[0].coef_, fits[1].coef_)
    assert fits[0].objective_ == fits[1].objective_


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # two iterations will do
@pytest.mark.parametrize("hidden", [(), (3,)])
@pytest.mark.parametrize("solver", sorted(set(Solver.names()) - {"scipy"}))
def test_pickles_of_rankers(solver, hidden):
    for name, maker in MAKERS.items():
        if maker.task != "ranking":
            continue
        X, y, more = problem(name, n=30)
        model = estimator(name, solver=solver, hidden_layer_sizes=hidden, max_iter=2, random_state=0)
        said = outcome(model, X, y, **more)
        if not hasattr(model, "n_iter_"):
            assert "solver" in said  # refused, with the way out
            continue
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
        if hasattr(model, "partial_fit"):
            np.testing.assert_array_equal(
                again.partial_fit(X, y, **more).predict(X), model.partial_fit(X, y, **more).predict(X)
            )


# Values far out, against formulas in 60 digits.


def softplus(t):
    return max(t, Decimal(0)) + (1 + (-abs(t)).exp()).ln()


def log_cosh(t):
    return abs(t) + (1 + (-2 * abs(t)).exp()).ln() - Decimal(2).ln()


EXACT = {
    # name: (parameters, loss of the target 2.5, or of class 1, and of the raw prediction)
    "mse": ({}, lambda y, raw: (y - raw) ** 2),
    "mae": ({}, lambda y, raw: abs(y - raw)),
    "quantile": ({"quantile": 0.75}, lambda y, raw: max(Decimal("0.75") * (y - raw), Decimal("-0.25") * (y - raw))),
    "expectile": ({"expectile": 0.75}, lambda y, raw: Decimal("0.75" if y > raw else "0.25") * (y - raw) ** 2),
    "epsilon_insensitive": ({"epsilon": 0.5}, lambda y, raw: max(abs(y - raw) - Decimal("0.5"), Decimal(0))),
    "squared_epsilon_insensitive": ({"epsilon": 0.5}, lambda y, raw: max(abs(y - raw) - Decimal("0.5"), Decimal(0)) ** 2),
    "log_cosh": ({}, lambda y, raw: log_cosh(y - raw)),
    "poisson": ({}, lambda y, raw: 2 * (raw.exp() - y + y * (y.ln() - raw))),
    "gamma": ({}, lambda y, raw: 2 * (raw - y.ln() + y * (-raw).exp() - 1)),
    "tweedie": ({}, lambda y, raw: 4 * (raw / 2).exp() + 4 * y * (-raw / 2).exp() - 8 * y.sqrt()),
    "huber": (
        {"delta": 1.5, "scale": 1.0},
        lambda y, raw: Decimal("1.5") * (abs(y - raw) - Decimal("0.75")) if abs(y - raw) > 1.5 else (y - raw) ** 2 / 2,
    ),
    "fair": (
        {"c": 1.5, "scale": 1.0},
        lambda y, raw: Decimal("2.25") * (abs(y - raw) / Decimal("1.5") - (1 + abs(y - raw) / Decimal("1.5")).ln()),
    ),
    "barron": ({"shape": 1.0, "c": 1.0, "scale": 1.0}, lambda y, raw: ((y - raw) ** 2 + 1).sqrt() - 1),
    "cross_entropy": ({}, lambda y, raw: softplus(-raw)),
    "exponential": ({}, lambda y, raw: (-raw).exp()),
    "hinge": ({}, lambda y, raw: max(1 - raw, Decimal(0))),
    "squared_hinge": ({}, lambda y, raw: max(1 - raw, Decimal(0)) ** 2),
    "modified_huber": ({}, lambda y, raw: -4 * raw if raw < -1 else max(1 - raw, Decimal(0)) ** 2),
}


@pytest.mark.parametrize("raw", [1e20, -1e20, 1e3, -1e3, 37.0, -37.0])
@pytest.mark.parametrize("name", EXACT)
def test_values_far_out(name, raw):
    """Values and slopes keep all their digits; an exponential may be replaced where it is above 1e100."""
    params, exact = EXACT[name]
    loss, target = MAKERS[name](**params), 2.5 if MAKERS[name].task == "regression" else 1
    value, gradient = loss.value_and_gradient(np.array([target]), np.array([raw]))
    assert np.isfinite(value[0]) and np.isfinite(gradient[0])
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = 60, 10**15, -(10**15)
        context.traps[Overflow] = context.traps[InvalidOperation] = False  # they give infinity and NaN
        true, far = (exact(Decimal(target), Decimal(raw) * (1 + step)) for step in (Decimal(0), Decimal("1e-25")))
        slope = (far - true) / (Decimal(raw) * Decimal("1e-25"))
    if true > Decimal("1e100"):
        assert value[0] > 1e100
        assert np.sign(gradient[0]) == np.sign(raw)
        return
    assert value[0] == pytest.approx(float(true), rel=1e-13, abs=1e-300)
    assert gradient[0] == pytest.approx(float(slope), rel=1e-13, abs=1e-300)


def test_every_loss_of_one_score_has_its_exact_formula():
    assert set(EXACT) == {name for name in REGRESSION + CLASSIFICATION if not MAKERS[name].max_affine}


@pytest.mark.parametrize("size", [1e20, 1e3, 37.0])
def test_several_scores_far_out(size):
    """Of three classes, the own one far above or far below the others."""
    for name, above, below in (
        ("cross_entropy", 2 * math.exp(-size), size + math.log(2)),
        ("hinge", 0.0, 2 * (size + 1)),
        ("squared_hinge", 0.0, 2 * (size + 1) ** 2),
        ("crammer_singer", 0.0, size + 1),
    ):
        raw = np.array([[size, 0.0, 0.0], [-size, 0.0, 0.0]])
        value, gradient = MAKERS[name]().value_and_gradient(np.array([0, 0]), raw)
        np.testing.assert_allclose(value, [above, below], rtol=1e-13, atol=1e-15)
        assert np.all(np.isfinite(gradient))
        np.testing.assert_allclose(gradient[0], 0, atol=1e-15)
        assert gradient[1, 0] < 0 and abs(gradient[1].sum()) <= 1e-12 * abs(gradient[1, 0])


def partly_separated(rng, contradicted=False):
    """Two classes that overlap, and a rare feature that all rows of it share with one class (or all but one)."""
    X = rng.standard_normal((200, 3))
    y = (X[:, 0] + rng.logistic(size=200) > 0).astype(int)
    rare = np.zeros(200)
    rare[np.flatnonzero(y == 1)[:7]] = 1
    rare[np.flatnonzero(y == 0)[:contradicted]] = 1
    return np.column_stack([X, rare]), y


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("solver", ["auto", "lbfgs"])
def test_some_rows_separated_have_no_minimum(solver, form):
    X, y = partly_separated(np.random.default_rng(0))
    for scale in (np.ones(4), np.array([1.0, 1e6, 1.0, 1e-5])):
        with pytest.warns(ConvergenceWarning, match="some of their rows, and alpha=0, so the loss has no minimum"):
            model = LossClassifier(alpha=0.0, solver=solver, max_iter=2000).fit(form(X * scale), y)
        assert not model.converged_


@pytest.mark.parametrize("alpha", [0.0, 1e-6])
def test_what_has_a_minimum_is_left_alone(alpha):
    X, y = partly_separated(np.random.default_rng(0), contradicted=True)
    far = np.vstack([X, [50.0, 0.0, 0.0, 0.0]])  # a class as good as certain
    twice = np.column_stack([X, X[:, 0]])  # directions in which no row moves
    for rows, labels in ((X, y), (far, np.append(y, 1)), (twice, y)):
        assert LossClassifier(alpha=alpha).fit(rows, labels).converged_  # and no warning
    X, y = partly_separated(np.random.default_rng(0))
    if alpha:
        assert LossClassifier(alpha=alpha).fit(X, y).converged_
