"""Changes of the coordinates of the columns: the model stays the same, and the penalty keeps the
user's units.
"""

from itertools import product

import numpy as np
import pytest
from scipy import sparse

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.coordinates import BasisLimits, Coordinates, RowSpace, Standardization
from sklearn_losses.models import MLP, Linear, with_constants

N, P = 12, 20
RNG = np.random.default_rng(0)
X = (RNG.normal(size=(N, P)) + RNG.normal(size=P)) * np.exp2(RNG.integers(-6, 6, P))
BASIS = RowSpace.of(X, None, True)
FORMS = {
    "identity": Coordinates(),
    "columns": Coordinates(columns=Standardization.of(X, None, True, 1e-3)),
    "basis": Coordinates(BASIS),
    "both": Coordinates(BASIS, Standardization.of(100 * BASIS.apply(X) + 1000, None, True, 0.0)),
}
SIZES = list(product(FORMS, (1, 3), (0, 2)))


def models(form, outputs, constants):
    """The model of the user's columns, and that of the coordinates."""
    user = with_constants(Linear().bind(P, outputs), constants)
    return user, FORMS[form].model(user)


def test_each_form_is_what_it_says():
    moved = [name for name, coordinates in FORMS.items() if coordinates.moved]
    assert moved == ["columns", "basis", "both"]
    assert FORMS["columns"].columns.shifted and FORMS["both"].columns.shifted


@pytest.mark.parametrize(("form", "outputs", "constants"), SIZES)
def test_there_and_back(form, outputs, constants):
    coordinates, (user, inner) = FORMS[form], models(form, outputs, constants)
    params = RNG.normal(size=inner.n_params)
    there = coordinates.to_user(user, params)
    assert there.shape == (user.n_params,)
    np.testing.assert_allclose(coordinates.from_user(user, there), params, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("form", "outputs", "constants"), SIZES)
def test_predictions_are_the_same_in_any_coordinates(form, outputs, constants):
    coordinates, (user, inner) = FORMS[form], models(form, outputs, constants)
    params = RNG.normal(size=inner.n_params)
    rows = Batches(coordinates.rows(X), np.zeros(N), None, coordinates.columns).whole()
    np.testing.assert_allclose(
        user.predict(coordinates.to_user(user, params), X), inner.predict(params, rows), rtol=1e-8, atol=1e-8
    )


@pytest.mark.parametrize(("form", "outputs", "constants"), SIZES)
def test_the_penalty_is_that_of_the_users_weights(form, outputs, constants):
    coordinates, (user, inner) = FORMS[form], models(form, outputs, constants)
    params = RNG.normal(size=inner.n_params)
    penalized = coordinates.factors(inner) * params
    there = user.weights() * coordinates.to_user(user, params)
    if form in ("basis", "both"):  # a basis is orthonormal: the norm is that of the user's weights
        assert np.linalg.norm(penalized) == pytest.approx(np.linalg.norm(there), rel=1e-9)
    else:
        np.testing.assert_allclose(penalized, there, rtol=1e-12, atol=1e-12)
    assert not coordinates.factors(inner)[inner.base.n_weights :].any()


def test_the_identity_changes_nothing():
    same, model = Coordinates(), MLP((4,)).bind(P, 1)
    params = RNG.normal(size=model.n_params)
    assert same.to_user(model, params) is params and same.from_user(model, params) is params
    assert same.rows(X) is X and same.model(model) is model
    np.testing.assert_array_equal(same.factors(model, 0.5), model.weights(0.5))


@pytest.mark.parametrize("form", ["columns", "basis", "both"])
def test_learned_constants_are_in_no_coordinates(form):
    user, inner = models(form, 1, 2)
    params = np.append(np.zeros(inner.base.n_params), [3.0, -4.0])
    assert FORMS[form].to_user(user, params)[-2:].tolist() == [3.0, -4.0]


def test_without_an_intercept_columns_keep_their_origin():
    columns, basis = Standardization.of(X, None, False, 0.0), RowSpace.of(X, None, False)
    assert not columns.shifted and columns.scaled and not basis.center.any()
    model = Linear().bind(P, 1, fit_intercept=False)
    params = RNG.normal(size=P)
    np.testing.assert_allclose(columns.apply(X) @ params, X @ columns.to_user(model, params), rtol=1e-10)


def test_scales_are_powers_of_two_and_columns_of_about_size_one_stay():
    scale = FORMS["columns"].columns.scale
    np.testing.assert_array_equal(np.exp2(np.round(np.log2(scale))), scale)
    assert Standardization.of(RNG.normal(size=(50, 3)), None, True, 0.0) is None


def test_sparse_rows_have_the_coordinates_of_dense_ones():
    holes = np.where(RNG.random(X.shape) < 0.5, X, 0.0)
    dense, rows = (Standardization.of(form, None, True, 1e-3) for form in (holes, sparse.csr_array(holes)))
    np.testing.assert_array_equal(dense.scale, rows.scale)
    np.testing.assert_allclose(dense.center, rows.center, rtol=1e-12)
    A = RNG.normal(size=(P, 2))
    np.testing.assert_allclose(rows.apply(sparse.csr_array(holes)) @ A, dense.apply(holes) @ A, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("limits", [{"rows": N - 1}, {"entries": N * P - 1}, {"size_ratio": 2.0}, {"largest": 10.0}])
def test_no_basis_beyond_the_limits(limits):
    assert RowSpace.of(X, None, True, BasisLimits(**limits)) is None


def test_a_basis_of_sparse_rows_costs_more():
    rows = sparse.csr_array(X)
    limits = BasisLimits(sparse_work=N * N * P - 1)
    assert RowSpace.of(rows, None, True, limits) is None and RowSpace.of(X, None, True, limits) is not None
    assert RowSpace.of(rows, None, True) is not None
