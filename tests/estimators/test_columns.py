"""Columns of any size, equal ones and few rows: the optimum of the same problem in plain
columns.
"""

import numpy as np
import pytest
from problems import (
    CLASSIFICATION,
    CONVEX,
    DRAWLESS,
    LOG_LINK,
    MAKERS,
    REGRESSION,
    assert_nothing_lower,
    assert_same_optimum,
    estimator,
    known_fit,
    outcome,
    problem,
)


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
    known, _ = known_fit(name, 0)
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
    # The same rows in 100 dimensions.
    turned = X @ np.linalg.qr(np.random.default_rng(1).standard_normal((100, 4)))[0].T
    for alpha in (0, 1e-3):
        assert_same_optimum(name, alpha, turned, estimator(name, alpha=alpha).fit(turned, y, **more))


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", REGRESSION)
def test_rows_that_are_fitted_exactly(name, seed):
    X, (_, y, _) = np.random.default_rng(seed).standard_normal((20, 40)), problem(name, n=20, seed=seed)
    model = estimator(name, alpha=0)
    said = outcome(model, X, y)
    assert bool(said) != model.converged_
    # A deviance near 0 is a difference of large terms, all rounding, in which a decrease may not
    # show.
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
