"""The terms of each kind: values, slopes and derivatives against the objective and against each
other.
"""

import numpy as np
import pytest
from piecewise_problems import LOSSES, objective_of, sample
from scipy import sparse

from sklearn_losses.piecewise.max_affine import MaxAffineTermsWithBounds

BOUNDED = [(loss, classes, l1_ratio) for loss, classes in LOSSES for l1_ratio in (0.0, 0.5) if not (classes == 3 and l1_ratio)]


@pytest.fixture(params=[np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
def storage(request):
    return request.param


def made(loss, classes, l1_ratio=0.0, storage=np.asarray, n=30):
    X, y, weight = sample(loss, classes, n)
    return objective_of(loss, classes, storage(X), y, weight, 0.1, l1_ratio, intercept=True)


def bounded_terms(loss, classes, l1_ratio=0.0, storage=np.asarray):
    """Terms as the interior point method meets them, and the size of their parameters."""
    terms = made(loss, classes, l1_ratio, storage).terms()
    terms = MaxAffineTermsWithBounds(terms) if loss == "crammer_singer" else terms
    return terms, len(terms.ridge)


@pytest.mark.parametrize(("loss", "classes"), LOSSES)
def test_the_value_is_that_of_the_objective(loss, classes, storage):
    objective, rng = made(loss, classes, storage=storage), np.random.default_rng(0)
    terms = objective.terms()
    for size in (0.0, 1e-3, 10.0):
        params = size * rng.standard_normal(objective.n_params)
        residual = terms.residual(params)
        assert terms.value(params, residual) == pytest.approx(objective.value(params), rel=1e-13)
        gradient = terms.adjoint(terms.side_slopes(residual)) + terms.ridge * params
        if size:  # at 0 all rows of some losses are on a kink
            np.testing.assert_allclose(gradient, objective.value_and_gradient(params)[1], atol=1e-14)


@pytest.mark.parametrize(("loss", "classes", "l1_ratio"), BOUNDED)
def test_the_adjoint_is_the_transpose_of_the_direction(loss, classes, l1_ratio, storage):
    terms, size = bounded_terms(loss, classes, l1_ratio, storage)
    rng = np.random.default_rng(0)
    for _ in range(3):
        change, slopes = rng.standard_normal(size), rng.standard_normal(terms.left.shape)
        assert np.vdot(slopes, terms.direction(change)) == pytest.approx(terms.adjoint(slopes) @ change, rel=1e-10)
        params = rng.standard_normal(size)
        moved = terms.residual(params + change) - terms.residual(params)
        np.testing.assert_allclose(moved, terms.direction(change), atol=1e-12)


@pytest.mark.parametrize(("loss", "classes", "l1_ratio"), BOUNDED)
def test_the_solver_solves_the_weighted_normal_equations(loss, classes, l1_ratio):
    terms, size = bounded_terms(loss, classes, l1_ratio)
    rng = np.random.default_rng(0)
    metric, ridge = rng.exponential(size=terms.left.shape), np.zeros(size)
    ridge[: getattr(terms, "n_params", size)] = 0.1  # not the bounds
    matrix = np.stack([np.ravel(terms.direction(unit)) for unit in np.eye(size)], axis=1)
    right = rng.standard_normal(size)
    expected = np.linalg.solve(matrix.T @ (metric.ravel()[:, None] * matrix) + np.diag(ridge), right)
    np.testing.assert_allclose(terms.solver(metric, ridge)(right), expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("loss", "classes"), LOSSES)
def test_a_smoothed_loss_is_between_the_loss_and_its_error(loss, classes):
    """With slopes in the middle for centres: below the loss by no more than the width times the
    slopes.
    """
    terms, rng = made(loss, classes).terms(), np.random.default_rng(0)
    for width in (1e-3, 0.1, 10.0):
        residual = terms.residual(rng.standard_normal(len(terms.ridge)))
        smoothed, slopes = terms.smoothed(residual, terms.center, width)
        exact = terms.height(residual)
        error = width * terms.total_slope + 1e-12  # of rounding, where the bound is reached
        assert exact - error <= smoothed <= exact + 1e-12
        # Its slopes are allowed, and are its derivatives.
        np.testing.assert_allclose(terms.allowed(slopes), slopes, rtol=1e-12)
        change, step = rng.standard_normal(residual.shape), 1e-6 * width
        there, back = (terms.smoothed(residual + sign * step * change, terms.center, width)[0] for sign in (1, -1))
        assert (there - back) / (2 * step) == pytest.approx(np.vdot(slopes, change), rel=1e-4, abs=1e-6)
        assert smoothed == pytest.approx(exact - terms.shortfall(residual, slopes), abs=error)


@pytest.mark.parametrize(("loss", "classes"), LOSSES)
def test_the_curvature_is_the_derivative_of_the_smoothed_slopes(loss, classes, storage):
    terms, rng = made(loss, classes, storage=storage).terms(), np.random.default_rng(1)
    params, change, width = rng.standard_normal(len(terms.ridge)), rng.standard_normal(len(terms.ridge)), 5.0
    residual = terms.residual(params)
    operator = terms.curvature(terms.smoothed(residual, terms.center, width)[1], width)
    step = 1e-6
    there, back = (
        terms.adjoint(terms.smoothed(residual + sign * step * terms.direction(change), terms.center, width)[1])
        for sign in (1, -1)
    )
    np.testing.assert_allclose(operator.product(change), (there - back) / (2 * step), rtol=1e-4, atol=1e-7)
    ridge, right = np.full(len(params), 0.5), rng.standard_normal(len(params))
    solved = operator.solver(ridge)(right)
    # A start for conjugate gradients is computed in float32.
    tolerance = 1e-9 if operator.exact else 1e-4
    np.testing.assert_allclose(operator.product(solved) + ridge * solved, right, atol=tolerance)


@pytest.mark.parametrize(("loss", "classes"), LOSSES)
def test_nothing_is_curved_where_all_rows_are_far_from_their_kinks(loss, classes):
    terms = made(loss, classes).terms()
    residual = terms.residual(np.random.default_rng(0).standard_normal(len(terms.ridge)))
    assert terms.curvature(terms.side_slopes(residual), 1.0) is None


@pytest.mark.parametrize(("loss", "classes"), LOSSES)
def test_rows_outside_are_lines_while_they_stay_on_their_side(loss, classes):
    terms, rng = made(loss, classes).terms(), np.random.default_rng(0)
    params = rng.standard_normal(len(terms.ridge))
    residual = terms.residual(params)
    distance = terms.kink_distance(residual)
    rows = np.sort(np.argsort(distance)[:20])
    part = terms.linearized_outside(rows, params, residual, terms.adjoint(terms.side_slopes(residual)))
    outside = np.ones(len(distance), dtype=bool)
    outside[rows] = False
    for size in (0.0, 1e-3, 1e-2):
        point = params + size * rng.standard_normal(len(params))
        there = terms.residual(point)
        assert not (terms.any_in_row(terms.sides(there) != terms.sides(residual)) & outside).any()
        assert part.value(point, part.residual(point)) == pytest.approx(terms.value(point, there), rel=1e-12)
        slopes = part.side_slopes(part.residual(point))
        np.testing.assert_allclose(part.adjoint(slopes) + part.linear, terms.adjoint(terms.side_slopes(there)), atol=1e-12)
    # The terms themselves stay as they were.
    assert terms.linear is not part.linear and not terms.linear.any()


@pytest.mark.parametrize(("loss", "classes"), LOSSES[:-1])
def test_a_sample_stands_for_all_rows(loss, classes):
    terms = made(loss, classes).terms()
    part = terms.sample(np.arange(0, terms.left.shape[1], 3))
    assert np.sum(part.right - part.left) == pytest.approx(np.sum(terms.right - terms.left), rel=1e-12)
    params = np.ones(len(terms.ridge))
    np.testing.assert_allclose(part.residual(params), terms.residual(params)[:, ::3], rtol=1e-13)


@pytest.mark.parametrize(("loss", "classes", "l1_ratio"), [case for case in BOUNDED if case[0] != "crammer_singer"])
def test_rows_give_the_residuals_of_some_terms(loss, classes, l1_ratio, storage):
    terms, size = bounded_terms(loss, classes, l1_ratio, storage)
    indices = np.arange(0, terms.left.size, 4)
    params = np.random.default_rng(0).standard_normal(size)
    rows, positions = terms.rows(indices)
    np.testing.assert_allclose(rows @ params - positions, terms.residual(params).flat[indices], atol=1e-12)


@pytest.mark.parametrize(("loss", "classes"), LOSSES)
def test_the_map_of_slopes_to_the_gradient(loss, classes):
    """Made of dense rows or of products it is the same, and slopes that change by it change the
    gradient so.
    """
    terms, rng = made(loss, classes).terms(), np.random.default_rng(0)
    slopes = terms.smoothed_slopes(terms.residual(rng.standard_normal(len(terms.ridge))), 1.0)
    indices, columns = terms.furthest_inside(slopes, 12), np.arange(1, len(terms.ridge), 2)
    (dense, distance), (by_products, same) = (terms.gradient_map(slopes, indices, columns, size) for size in (np.inf, 0.0))
    np.testing.assert_allclose(by_products, dense, atol=1e-13)
    np.testing.assert_array_equal(distance, same)
    z = 0.5 * rng.uniform(-1, 1, len(dense))
    # Along its own slopes z counts for nothing, since those of a row keep their sum.
    if loss == "crammer_singer":
        own = distance.reshape(len(indices), -1)
        z = z.reshape(own.shape)
        z = (z - own * ((z * own).sum(axis=1) / (own**2).sum(axis=1))[:, None]).ravel()
    change = terms.scattered(indices, distance * z)
    np.testing.assert_allclose(terms.adjoint(change)[columns], dense.T @ z, atol=1e-12)
    np.testing.assert_allclose(terms.allowed(slopes + change), slopes + change, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(("loss", "classes"), LOSSES)
def test_slopes_at_their_bounds(loss, classes):
    terms = made(loss, classes).terms()
    bound = terms.side_slopes(terms.residual(np.ones(len(terms.ridge))))
    np.testing.assert_allclose(terms.at_bounds(bound + 1e-9 * (terms.center - bound)), bound, rtol=1e-12, atol=0)
    inside = terms.interior_centers(terms.center)
    np.testing.assert_allclose(terms.at_bounds(inside), inside, rtol=1e-12)


def test_exact_zeros_are_those_of_the_weights_alone():
    objective = made("mae", 1, l1_ratio=1.0)
    terms, params = objective.terms(), np.array([1.0, -2.0, 3.0, 4.0])
    on_kink = np.ones(terms.left.shape, dtype=bool)
    assert list(terms.with_exact_zeros(params, on_kink)) == [0.0, 0.0, 0.0, 4.0]
    assert list(params) == [1.0, -2.0, 3.0, 4.0]
    assert terms.loss_terms.with_exact_zeros(params, on_kink) is params


def test_equal_weights_take_no_memory_and_residuals_are_kept():
    X, y, _ = sample("mae", 1)
    terms = objective_of("mae", 1, X, y, np.ones(30), 0.1, 0.0).terms()
    assert terms.residual(np.ones(3)) is terms.residual(np.ones(3))
    terms.forget()
    assert terms._last is None
