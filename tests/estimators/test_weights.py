"""Sample weights of any size, of zero and over many orders of magnitude."""

import numpy as np
import pytest
from problems import CLASSIFICATION, CONVEX, MAKERS, REGRESSION, assert_nothing_lower, estimator, outcome, problem


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
