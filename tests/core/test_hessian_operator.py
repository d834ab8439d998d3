"""The second derivative as an operator, and Newton's equations by conjugate gradients."""

import numpy as np
import pytest
from scipy import linalg, sparse

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.coordinates import Standardization
from sklearn_losses.core.gram_solver import gram_solver
from sklearn_losses.core.hessian_operator import ConjugateGradientLimits, HessianOperator, ScaledProduct, gram_operator
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.losses import CrossEntropy, Huber, SquaredHinge
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.solvers import Newton


def system(n, condition, rng):
    """A positive definite matrix with a badly scaled diagonal, and a right-hand side."""
    turn = linalg.qr(rng.standard_normal((n, n)))[0]
    scale = np.geomspace(1e-6, 1e6, n)
    matrix = scale[:, None] * (turn * np.geomspace(1, condition, n)) @ turn.T * scale
    return (matrix + matrix.T) / 2, scale * rng.standard_normal(n)


def counted(product, calls, kind):
    def count(vector):
        calls.append(kind)
        assert vector.dtype == (np.float32 if kind == "float32" else np.float64)
        return product(vector)

    return count


def curvature(matrix, calls, float32=True):
    unit = float(np.max(np.abs(matrix)))
    rounded = (matrix / unit).astype(np.float32)
    return HessianOperator(
        counted(lambda v: matrix @ v, calls, "exact"),
        lambda: np.diag(matrix).copy(),
        (lambda: ScaledProduct(counted(lambda v: rounded @ v, calls, "float32"), unit)) if float32 else None,
    )


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_a_well_conditioned_system_is_solved_in_float32(size):
    matrix, right = system(30, 10, np.random.default_rng(0))
    matrix, calls = matrix * size, []
    x, products = curvature(matrix, calls).solve(np.zeros(30), right, max_products=200, reduction=1e-6)
    assert set(calls) == {"float32"} and len(calls) == products
    residual = matrix @ x - right
    assert residual @ (residual / np.diag(matrix)) <= 1e-5 * right @ (right / np.diag(matrix))


def test_an_ill_conditioned_one_goes_on_in_float64():
    rng = np.random.default_rng(1)
    matrix, right = system(60, 1e6, rng)
    calls = []
    x, products = curvature(matrix, calls).solve(np.zeros(60), right, max_products=2000, reduction=1e-10)
    assert {"float32", "exact"} == set(calls) and products < 2000
    residual = matrix @ x - right
    assert residual @ (residual / np.diag(matrix)) <= 1e-9 * right @ (right / np.diag(matrix))


def test_the_ridge_and_the_accuracy_of_each_entry():
    matrix, right = system(30, 100, np.random.default_rng(2))
    ridge, accuracy = np.linspace(0, 1, 30), 1e-8 * np.abs(right)
    x, _ = curvature(matrix, [], float32=False).solve(ridge, right, max_products=500, accuracy=accuracy)
    assert np.all(np.abs(matrix @ x + ridge * x - right) <= 1.01 * accuracy)


@pytest.mark.parametrize("size", [1e-100, 1e100])
def test_units_do_not_matter_without_a_diagonal(size):
    matrix = np.diag(np.linspace(1, 2, 10)) * size
    x, _ = HessianOperator(lambda v: matrix @ v).solve(np.zeros(10), np.ones(10), max_products=50, reduction=1e-20)
    np.testing.assert_allclose(matrix @ x, 1, rtol=1e-8)


def test_what_is_flat_ends_it_and_leaves_no_nan():
    x, _ = HessianOperator(lambda v: 0 * v, lambda: np.zeros(3)).solve(np.zeros(3), np.ones(3), max_products=10)
    np.testing.assert_array_equal(x, 0)
    x, _ = HessianOperator(lambda v: 0 * v).solve(np.zeros(3), np.zeros(3), max_products=10)
    np.testing.assert_array_equal(x, 0)


def test_a_part_of_the_parameters():
    matrix, right = system(20, 10, np.random.default_rng(3))
    free = np.arange(20) % 3 > 0
    whole = curvature(matrix, [])
    part = whole.restricted(free)
    x, _ = part.solve(np.zeros(free.sum()), right[free], max_products=200, reduction=1e-6)
    scale = np.sqrt(np.diag(matrix))  # in which the matrix has a diagonal of ones
    residual = (matrix[np.ix_(free, free)] @ x - right[free]) / scale[free]
    assert residual @ residual <= 1e-5 * np.sum((right / scale)[free] ** 2)
    step = np.random.default_rng(4).standard_normal(20) / scale
    expected = matrix @ step / scale
    np.testing.assert_allclose(whole.approximate_product(step) / scale, expected, rtol=0, atol=1e-4 * np.max(np.abs(expected)))


CASES = [
    pytest.param(False, 0.0, id="dense"),
    pytest.param(True, 0.0, id="sparse"),
    pytest.param(True, 0.3, id="sparse with columns that are moved"),
]


@pytest.mark.parametrize("chosen", [None, np.arange(0, 40, 3)], ids=["all rows", "some rows"])
@pytest.mark.parametrize(("is_sparse", "center"), CASES)
def test_rows_give_their_gram_matrix(is_sparse, center, chosen):
    rng = np.random.default_rng(5)
    dense = rng.standard_normal((40, 6)) * (rng.random((40, 6)) < 0.5)
    columns = Standardization(np.full(6, center), np.exp2(np.arange(-3.0, 3.0)))
    batches = Batches(sparse.csr_matrix(dense) if is_sparse else dense, np.zeros(40), None, columns, np.float64)
    model = Linear().bind(6, 1)
    second_derivatives = rng.random(40 if chosen is None else len(chosen))
    rows = (dense - center) / columns.scale
    rows = np.hstack([rows, np.ones((40, 1))])[slice(None) if chosen is None else chosen]
    gram = rows.T @ (second_derivatives[:, None] * rows)
    operator = gram_operator(model, batches, second_derivatives, chosen, ConjugateGradientLimits(wide=1))
    vector = rng.standard_normal(7)
    np.testing.assert_allclose(operator.product(vector), gram @ vector, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(operator.approximate_product(vector), gram @ vector, rtol=1e-4, atol=1e-4)
    if not center:  # sparse columns count as if they were not moved
        np.testing.assert_allclose(operator.diagonal(), np.diag(gram), rtol=1e-5)
    assert (operator.in_float32 is None) == (chosen is None and not is_sparse)


def test_columns_far_from_0_are_left_in_float64():
    X = sparse.csr_matrix(np.ones((5, 2)))
    near, far = (Batches(X, np.zeros(5), None, Standardization(np.full(2, c), np.ones(2)), np.float64) for c in (10.0, 1e5))
    assert near.as_float32() is near.as_float32() is not None
    assert far.as_float32() is None


@pytest.mark.parametrize(("loss", "outputs"), [(Huber(1.35, scale=1.0), 1), (CrossEntropy(), 1), (CrossEntropy(), 3)])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_operator_is_the_hessian(loss, outputs, weighted):
    rng = np.random.default_rng(6)
    X = rng.standard_normal((50, 4))
    y = rng.integers(0, max(2, outputs), 50) if loss.task == "classification" else rng.standard_normal(50)
    weight = None
    if weighted:
        weight = rng.random(50)
        weight /= weight.mean()
    model = Linear().bind(4, outputs)
    penalty = ElasticNet(0.0, 0.0, model.weights())
    objective = Objective(loss.bind(y, outputs, loss.task), model, penalty, Batches(X, y, weight))
    params = 0.1 * rng.standard_normal(model.n_params)
    hessian, operator = objective.hessian(params), objective.hessian_operator(params)
    vector = rng.standard_normal(model.n_params)
    np.testing.assert_allclose(operator.product(vector), hessian @ vector, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(operator.diagonal(), np.diag(hessian), rtol=1e-10, atol=1e-12)


def test_wide_sparse_rows_take_their_products_in_float32():
    wide = ConjugateGradientLimits().wide
    rng = np.random.default_rng(7)
    X = sparse.random(300, wide, 0.01, format="csr", random_state=0)
    y = rng.integers(0, 2, 300)
    model = Linear().bind(wide, 1)
    penalty = ElasticNet(0.01, 0.0, model.weights())
    objective = Objective(CrossEntropy().bind(y, 1, "classification"), model, penalty, Batches(X, y, None, None, np.float64))
    start = model.init(np.zeros(1), rng)
    assert objective.hessian_operator(start).in_float32().product(start.astype(np.float32)).dtype == np.float32
    found = Newton().minimize(objective, start, max_iter=50, tol=1e-14)
    _, gradient = objective.value_and_gradient(found.x)
    assert found.success and np.max(np.abs(gradient)) < 1e-7


def test_where_no_row_curves_the_matrix_is_zero():
    """All margins beyond the parabola of the loss, in an array so large that only rows that curve
    would be copied.
    """
    rng = np.random.default_rng(0)
    rows, y = rng.standard_normal((2000, 60)), rng.integers(0, 2, 2000)
    rows[:, 0] = 10.0 * (2 * y - 1)
    model = Linear().bind(60, 1)
    problem = Objective(SquaredHinge(), model, ElasticNet(0.0, 0.0, model.weights()), Batches(rows, y))
    params = np.zeros(61)
    params[0] = 1.0
    operator = problem.hessian_operator(params)
    assert not operator.product(rng.standard_normal(61)).any() and not operator.diagonal().any()


def test_a_truncated_step_is_as_exact_as_asked_for():
    matrix, right = system(40, 100, np.random.default_rng(8))
    unit = np.sqrt(np.diag(matrix))
    matrix, gradient = matrix / unit[:, None] / unit, -right / unit
    ridge = np.full(40, 1e-3)
    exact = np.linalg.solve(matrix + np.diag(ridge), -gradient)
    whole = -0.5 * float(gradient @ exact)
    operator = curvature(matrix, [], float32=False)
    rough = operator.truncated_step(ridge, gradient, goal=1e-9, reduction=0.1, max_products=100)
    assert rough.reached and rough.left == np.inf and 0.5 * whole < rough.gained < whole
    at_end = operator.truncated_step(ridge, gradient, goal=2 * whole, reduction=0.1, max_products=100)
    assert at_end.reached and at_end.products > rough.products
    assert whole <= at_end.gained + at_end.left <= 2 * whole and at_end.gained <= whole * (1 + 1e-9)
    # The gradient alone: whatever the curvature, there is no more to gain than this.
    most = 0.5 * float(np.sum(gradient**2 / ridge))
    assert whole < most
    none = operator.truncated_step(ridge, gradient, goal=1.01 * most, reduction=0.1, max_products=100)
    assert none.products == 0 and none.left == pytest.approx(most) and not none.step.any()
    to_the_end = operator.truncated_step(ridge, gradient, goal=1e-6 * whole, reduction=0.1, max_products=100, to_the_end=True)
    np.testing.assert_allclose(to_the_end.gained, whole, rtol=1e-5)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("unit", [1e-30, 1.0, 1e30])
def test_a_gram_matrix_solves_for_every_output(outputs, fit_intercept, unit):
    rng = np.random.default_rng(9)
    X, weight = rng.standard_normal((60, 5)), unit * rng.random(60)
    model = Linear().bind(5, outputs, fit_intercept)
    ridge = unit * model.weights()
    solve = gram_solver(model, Batches(X, np.zeros(60)), weight, 0.0)(ridge)
    rows = np.hstack([X, np.ones((60, 1))]) if fit_intercept else X
    gram = rows.T @ (weight[:, None] * rows) + np.diag(ridge[::outputs])
    right = rng.standard_normal((rows.shape[1], outputs))
    np.testing.assert_allclose(solve(right.ravel()), np.linalg.solve(gram, right).ravel(), rtol=1e-8)


def test_rows_of_next_to_no_curvature_are_left_out_of_a_preconditioner():
    rng = np.random.default_rng(10)
    X, weight = rng.standard_normal((60, 5)), np.where(np.arange(60) < 30, 1.0, 1e-4)
    model = Linear().bind(5, 1)
    some, whole = (gram_solver(model, Batches(X[:n], np.zeros(n)), weight[:n])(0.1 * model.weights()) for n in (60, 30))
    np.testing.assert_allclose(some(np.ones(6)), whole(np.ones(6)), rtol=1e-12)


def test_sparse_rows_have_no_gram_matrix():
    model = Linear().bind(5, 1)
    assert gram_solver(model, Batches(sparse.csr_matrix(np.eye(5)), np.zeros(5)), np.ones(5)) is None
