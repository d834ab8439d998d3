"""The factorization machine against its definition, a double loop over pairs of columns."""

from itertools import combinations

import numpy as np
import pytest
from scipy import sparse

from sklearn_losses.core.sparse_rows import SparseRows
from sklearn_losses.models import FactorizationMachine

N, P = 7, 5


def by_pairs(fitted, X):
    """Equation 1 of Rendle (2010), pair by pair."""
    raw = X @ fitted["coef_"].T + fitted["intercept_"]
    for i, j in combinations(range(X.shape[1]), 2):
        raw += (X[:, i] * X[:, j])[:, None] * (fitted["factors_"][:, i] * fitted["factors_"][:, j]).sum(axis=1)
    return raw[:, 0] if raw.shape[1] == 1 else raw


def problem(outputs, fit_intercept=True, rank=3):
    rng = np.random.default_rng(outputs)
    X = rng.normal(size=(N, P)) * (rng.random((N, P)) < 0.7)
    model = FactorizationMachine(rank=rank).bind(P, outputs, fit_intercept)
    return model, rng.normal(size=model.n_params), X, rng


FORMS = {"array": np.asarray, "csr_matrix": sparse.csr_matrix, "rows": lambda X: SparseRows(sparse.csr_array(X))}
CASES = pytest.mark.parametrize("outputs, fit_intercept", [(1, True), (1, False), (3, True), (3, False)])


@pytest.mark.parametrize("form", FORMS)
@CASES
def test_value_is_the_sum_over_pairs(outputs, fit_intercept, form):
    model, params, X, _ = problem(outputs, fit_intercept)
    expected = by_pairs(model.fitted(params), X)
    np.testing.assert_allclose(model.predict(params, FORMS[form](X)), expected, rtol=1e-12, atol=1e-12)
    raw = model.predict(params, FORMS[form](X.astype(np.float32)))
    assert raw.dtype == np.float32
    np.testing.assert_allclose(raw, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("form", FORMS)
@CASES
def test_derivatives_are_those_of_the_sum_over_pairs(outputs, fit_intercept, form):
    model, params, X, rng = problem(outputs, fit_intercept)
    raw, jvp, vjp = model.linearize(params, FORMS[form](X))
    direction, gradient = rng.normal(size=model.n_params), rng.normal(size=raw.shape)
    ahead, behind = (by_pairs(model.fitted(params + step * direction), X) for step in (1e-5, -1e-5))
    np.testing.assert_allclose(jvp(direction), (ahead - behind) / 2e-5, rtol=1e-7, atol=1e-7)
    # The gradient of <gradient, raw> by differences, one parameter at a time.
    for unit, pulled in zip(np.eye(model.n_params), vjp(gradient), strict=True):
        ahead, behind = (by_pairs(model.fitted(params + step * unit), X) for step in (1e-5, -1e-5))
        assert pulled == pytest.approx(np.sum(gradient * (ahead - behind)) / 2e-5, rel=1e-6, abs=1e-7)


@CASES
def test_fitted_attributes_and_back(outputs, fit_intercept):
    model, params, X, _ = problem(outputs, fit_intercept)
    fitted = model.fitted(params)
    assert fitted["coef_"].shape == (outputs, P) and fitted["factors_"].shape == (outputs, P, 3)
    assert fitted["intercept_"].shape == (outputs,)
    np.testing.assert_array_equal(model.from_fitted(fitted), params)
    if outputs == 1:
        flat = model.fitted(params, flat=True)
        assert flat["coef_"].shape == (P,) and flat["factors_"].shape == (P, 3) and isinstance(flat["intercept_"], float)
        np.testing.assert_array_equal(model.from_fitted(flat), params)


@pytest.mark.parametrize("outputs", [1, 3])
def test_rescaled_parameters_are_the_same_function(outputs):
    model, params, X, rng = problem(outputs)
    center, scale = rng.normal(size=P), np.exp(rng.normal(size=P))
    expected = model.predict(params, (X - center) / scale)
    np.testing.assert_allclose(model.predict(model.rescaled(params, center, scale), X), expected, rtol=1e-10, atol=1e-10)


def test_factors_have_the_root_of_the_unit():
    model = FactorizationMachine(rank=2).bind(P, 2)
    factors = model.fitted(model.weights(hidden=9.0))
    assert np.all(factors["coef_"] == 1) and np.all(factors["factors_"] == 3) and np.all(factors["intercept_"] == 0)


def test_start():
    model = FactorizationMachine(rank=50, init_scale=0.3).bind(40, 2)
    start = model.fitted(model.init(np.array([1.0, 2.0]), np.random.RandomState(0)))
    assert np.all(start["coef_"] == 0) and start["intercept_"].tolist() == [1.0, 2.0]
    assert start["factors_"].std() == pytest.approx(0.3, rel=0.05) and abs(start["factors_"].mean()) < 0.02
