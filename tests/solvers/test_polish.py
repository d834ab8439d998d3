"""The end of a smooth fit: Newton's equations, the last steps to the optimum, and what is left to
gain.
"""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import OptimizeResult

from sklearn_losses.core.allowance import allowance
from sklearn_losses.core.batches import Batches
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.core.status import Status, set_status
from sklearn_losses.losses import MAE, MSE, CrossEntropy
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.solvers.newton_equations import EQUATIONS, newton_direction, newton_solver
from sklearn_losses.solvers.polish import LIMITS, at_rest, confirmed, polish, rounding, settle

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = X @ [1.0, -2.0, 0.0, 0.5] + RNG.normal(size=60)
A = np.hstack([X, np.ones((60, 1))])


def objective(loss=None, alpha=0.1, l1_ratio=0.0, rows=X, y=Y):
    model = Linear().bind(rows.shape[1], 1)
    return Objective(loss or MSE(), model, ElasticNet(alpha, l1_ratio, model.weights()), Batches(rows, y))


def ridge(alpha=0.1):
    """The optimum of the squared error with a ridge, from the normal equations."""
    return np.linalg.solve(2 * A.T @ A / 60 + np.diag([alpha] * 4 + [0.0]), 2 * A.T @ Y / 60)


def test_newton_direction_of_a_quadratic_leads_to_its_minimum():
    problem, start = objective(), np.arange(5.0)
    direction = newton_direction(problem, start, problem.value_and_gradient(start)[1])
    np.testing.assert_allclose(start + direction, ridge(), rtol=1e-6)  # the diagonal grew a little


def test_a_solver_serves_other_gradients_where_nothing_was_added():
    problem, start, other = objective(), np.zeros(5), np.arange(5.0)
    solve, lasting = newton_solver(problem, start, problem.value_and_gradient(start)[1])
    assert lasting
    np.testing.assert_allclose(problem.hessian(start) @ solve(other), -other, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dependent", [0.0, 2.0], ids=["factor", "root"])
def test_by_a_factor_and_by_a_root(dependent):
    """The root of the Hessian takes the place of its factor where the pivots are further apart than
    a limit.
    """
    problem, start = objective(), np.zeros(5)
    gradient = problem.value_and_gradient(start)[1]
    direction = newton_direction(problem, start, gradient, EQUATIONS._replace(dependent=dependent))
    np.testing.assert_allclose(direction, ridge(), rtol=1e-6)


def test_repeated_columns_have_a_finite_direction():
    twice = np.hstack([X, X])
    problem = objective(alpha=0.0, rows=twice)
    direction = newton_direction(problem, np.zeros(9), problem.value_and_gradient(np.zeros(9))[1])
    raw = np.hstack([twice, np.ones((60, 1))]) @ direction
    np.testing.assert_allclose(raw, A @ np.linalg.lstsq(A, Y, rcond=None)[0], atol=1e-6)


def test_polish_ends_on_the_optimum():
    found = polish(objective(), np.full(5, 3.0))
    np.testing.assert_allclose(found, ridge(), rtol=1e-12, atol=1e-14)


def test_polish_of_a_logistic_loss_has_a_zero_gradient():
    problem = objective(CrossEntropy(), y=(Y > 0).astype(np.intp))
    found = polish(problem, np.zeros(5))
    assert np.abs(problem.value_and_gradient(found)[1]).max() <= 1e-15


@pytest.mark.parametrize(
    ("problem", "applies"),
    [(objective(l1_ratio=0.5), False), (objective(MAE()), False), (objective(), True)],
    ids=["absolute values", "kinks", "smooth"],
)
def test_where_polish_applies(problem, applies):
    assert (polish(problem, np.zeros(5)) is not None) == applies


def test_polish_has_its_limits():
    assert polish(objective(), np.zeros(5), LIMITS._replace(work=60 * 25 - 1)) is None
    assert polish(objective(), np.zeros(5), LIMITS._replace(work=60 * 25)) is not None
    assert polish(objective(), np.zeros(5), LIMITS._replace(rounds=0)) is None


@pytest.mark.parametrize("rows", [X, sparse.csr_array(X)], ids=["dense", "sparse"])
@pytest.mark.parametrize("rotated", [False, True])
def test_settle_is_sure_of_the_optimum(rows, rotated):
    limits = LIMITS._replace(work=LIMITS.work if rotated and not sparse.issparse(rows) else 0.0)
    found, sure = settle(objective(rows=rows), ridge() + 1e-3, 1e-10, limits)
    assert sure
    np.testing.assert_allclose(found, ridge(), atol=1e-5)


def test_settle_is_not_sure_without_a_step():
    start = np.full(5, 3.0)
    found, sure = settle(objective(), start, 1e-10, LIMITS._replace(work=0.0, rotation=0.0, rounds=0))
    assert not sure and np.array_equal(found, start)


def test_at_rest_judges_the_weights_that_may_move():
    problem = objective(l1_ratio=1.0, alpha=0.5)
    # By soft thresholding, many times.
    optimum, step = np.zeros(5), 0.1
    for _ in range(2000):
        optimum = problem.prox(optimum - step * problem.value_and_gradient(optimum)[1], step)
    assert 0 < np.sum(optimum == 0) < 4
    for limits in (LIMITS, LIMITS._replace(work=0.0)):  # by the Hessian and by products with it
        assert at_rest(problem, optimum, 1e-8, limits)[1]
        assert not at_rest(problem, optimum + 0.05 * (optimum != 0), 1e-8, limits)[1]


def test_the_allowance_is_a_share_of_the_value_and_of_the_gain():
    problem = objective()
    assert allowance(problem, 1.0, 11.0, 1e-4) == pytest.approx(1e-4)
    assert allowance(problem, 1.0, 1.01, 1e-4) == pytest.approx(1e-6)  # of the gain
    # Next to no gain, and none at all: a hundredth of the share of the value.
    assert allowance(problem, 1.0, 1.0 + 1e-9, 1e-4) == pytest.approx(1e-6)
    assert allowance(problem, 1.0, 0.9, 1e-4) == pytest.approx(1e-6)
    assert allowance(problem, 1e-20, 1.0, 1e-4) == pytest.approx(1e-12)  # next to an exact fit
    assert allowance(problem, 1.0, 11.0, 0.0) == 16 * problem.precision
    assert allowance(problem, 1.0, np.inf, 1e-4) == pytest.approx(1e-4)  # no null to compare with


def test_rounding_is_that_of_the_value_or_of_the_first_one():
    problem = objective()
    assert rounding(problem, -2.0, 1.0) == 32 * problem.precision
    assert rounding(problem, 0.0, 100.0) == pytest.approx(problem.precision)


def ended(params, status=Status.STALLED):
    return set_status(OptimizeResult(x=np.array(params), fun=np.inf, nit=3), status)


def test_an_end_next_to_the_optimum_is_moved_onto_it():
    found = confirmed(objective(), ended(ridge() + 1e-4), 1e-6)
    assert found.status is Status.CONVERGED and found.success and found.nit == 3
    np.testing.assert_allclose(found.x, ridge(), rtol=1e-12, atol=1e-14)
    assert found.fun == objective().value(found.x)


def test_an_end_far_from_the_optimum_is_none():
    """Under an L1 penalty no step is taken, so that a claim is all that can be judged."""
    found = confirmed(objective(l1_ratio=0.5), ended(np.ones(5), Status.CONVERGED), 1e-6)
    assert found.status is Status.STALLED and np.array_equal(found.x, np.ones(5))


def test_an_end_without_a_minimum_stays_as_it_is():
    separable = objective(CrossEntropy(), alpha=0.0, y=(X[:, 0] > 0).astype(np.intp))
    far = np.array([100.0, 0.0, 0.0, 0.0, 0.0])
    result = ended(far, Status.CONVERGED)
    assert confirmed(separable, result, 1e-6, LIMITS._replace(rounds=0)) is result
    assert np.array_equal(result.x, far) and result.fun == np.inf
