"""Targets of any size, constant ones and outliers: the optimum, or words that say it was not
reached.
"""

import numpy as np
import pytest
from problems import LOG_LINK, MAKERS, REGRESSION, RESIDUAL, assert_nothing_lower, estimator, outcome, problem
from scipy.optimize import linprog

# By the spread of the residuals of an initial estimator.
SCALED = [name for name in REGRESSION if MAKERS[name].initial_estimator is not None]


@pytest.mark.parametrize("factor", [1e-8, 1e8])
@pytest.mark.parametrize("name", REGRESSION)
def test_a_scale_of_the_targets(name, factor):
    """Where the loss of a multiple is a multiple of the loss, so are the coefficients, with alpha
    adapted.
    """
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
    """Degenerate linear programs against HiGHS: the loss is a maximum of straight lines of an
    affine function of raw.
    """
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
