"""Newton's method by products with the Hessian, as exact as each step needs."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.allowance import allowance, null_value
from sklearn_losses.core.protocols import Objective
from sklearn_losses.core.status import Status
from sklearn_losses.solvers.line_search import newton_step, searched_step
from sklearn_losses.solvers.run import Run

__all__ = ["TRUNCATION", "Truncation", "truncated_newton"]

SHORT = 5  # products of a direction for which the diagonal was good enough


class Truncation(NamedTuple):
    """The numbers of Newton's method by products.

    Attributes
    ----------
    first, least, most : float
        The share of the square of the gradient that the first direction leaves, and the range for
        the others.
    memory : float
        It is at least this power of the share before.
    quadratic, exact : float
        Relative error of the model, squared, of a loss that is a quadratic function, and the share
        for it.
    spread : float
        Second derivatives that jump are means over this share of the last move of the raw
        predictions, as a root mean square,
    poor : float
        and at least twice as wide as before where a step gained less than this share of what was
        promised,
    near : float
        unless the last step gained less than this, in units of what may be left.
    products : int
        Products with the Hessian for one direction at the most.
    end : float
        Where a step promises this share of what may be left, no other is taken.
    dear : float
        The work of the products for one direction, in units of that of a Hessian, from which on a
        matrix is formed,
    dear_in_all : float
        and that of all products.
    unmoved : float
        Change of a prediction, in rounding units of the largest one, that is none.
    """

    first: float = 0.1
    least: float = 0.03
    most: float = 0.25
    memory: float = 1.6
    quadratic: float = 1e-12
    exact: float = 1e-4
    spread: float = 1.0
    poor: float = 0.5
    near: float = 10.0
    products: int = 250
    end: float = 0.1
    dear: float = 2.0
    dear_in_all: float = 10.0
    unmoved: float = 64.0


TRUNCATION = Truncation()


def truncated_newton(
    objective: Objective,
    params: NDArray[Any],
    run: Run,
    tol: float,
    *,
    largest_matrix: int = 0,
    limits: Truncation = TRUNCATION,
) -> bool:
    """Minimise a smooth objective of a linear model without forming its Hessian [1]_.

    A direction is solved for as exactly as the model of the last one was [2]_. Under a penalty the
    gradient alone bounds what is left to gain, which ends it with a proof. A factor of the Gram
    matrix takes the place of the diagonal as a preconditioner, once the products made would have
    paid for it, and a new one after as many more.

    Parameters
    ----------
    objective : Objective
    params : ndarray of shape (n_params,)
        Where to start.
    run : Run
        Gets the points and the status.
    tol : float
    largest_matrix : int, default=0
        Parameters up to which it ends without a status where a Hessian would have taken less time
        than the products for one direction, or ten of them than all products.
    limits : Truncation

    Returns
    -------
    bool
        Whether the end is within `tol` of the minimum, by the gradient's bound or else as far as
        Newton's model tells.

    References
    ----------
    .. [1] Nocedal and Wright, "Numerical Optimization", 2nd edition (2006), algorithm 7.1.
    .. [2] Eisenstat and Walker, "Choosing the forcing terms in an inexact Newton method", SIAM
       Journal on Scientific Computing 17 (1996), choice 1.
    """
    value, gradient = objective.value_and_gradient(params)
    reduction, spread, preconditioner = limits.first, 0.0, _Preconditioner(objective)
    while True:
        goal = allowance(objective, value, null_value(objective, params), tol)
        operator = objective.hessian_operator(params, spread)
        found = operator.truncated_step(
            objective.l2,
            gradient,
            goal=goal,
            reduction=reduction,
            to_the_end=objective.quadratic,
            max_products=min(len(params), limits.products),
            precondition=preconditioner.at(operator),
            diagonal=preconditioner.diagonal(operator),
        )
        if not found.products:
            if not run.history:
                run.record(params, value)
            run.converged()
            return objective.convex
        preconditioner.note(found.products)
        step = found.step if gradient @ found.step < 0 else -gradient
        search = searched_step if objective.convex else newton_step
        moved = search(objective, params, value, gradient, objective.centered(step))
        if moved is None:
            return _stuck(objective, params, value, run, step, found.gained <= goal, limits)
        fallen = value - moved[1]
        params, value, gradient = moved
        if run.record(params, value, found.products):
            return False
        proven = objective.convex and not spread and found.gained + found.left <= goal
        if proven or found.gained <= limits.end * goal:
            run.converged()
            return proven
        hessians = objective.hessian_work / objective.product_work  # in products
        dear = found.products > limits.dear * hessians or run.products > limits.dear_in_all * hessians
        if len(params) <= largest_matrix and dear:
            return False
        spread = _next_spread(spread, fallen, found.gained, limits.near * goal, operator.total, limits)
        reduction = _next_reduction(reduction, fallen, found.gained, limits)


def _next_spread(before, fallen, promised, near, curvature, limits):
    """About how far the next step moves the raw predictions, by how far the last one did.

    It is further where that step was to gain much more than it did, and falls slowly.
    """
    short = fallen < limits.poor * promised
    if not curvature > 0 or (promised <= near and not short):
        return 0.0
    moved, meant = (limits.spread * float(np.sqrt(2 * gain / curvature)) for gain in (fallen, promised))
    return max(moved, meant, 2 * before) if short else max(moved, before / 2)


def _next_reduction(before, fallen, promised, limits):
    """How exact the next direction is, after a step that was to gain `promised`."""
    error = (1 - fallen / promised) ** 2 if promised > 0 else 1.0
    if error <= limits.quadratic:
        return limits.exact
    return float(np.clip(max(error, before**limits.memory), limits.least, limits.most))


def _stuck(objective, params, value, run, step, close, limits):
    """The end where no step along a direction lowers the value."""
    # The value may be all rounding, as at an exact fit: a step that moves no prediction is none.
    still = close or objective.relative_move(params, step) <= limits.unmoved * objective.precision
    if not run.record(params, value):
        run.status = Status.CONVERGED if still else Status.STALLED
    return False


class _Preconditioner:
    """A factor of the Gram matrix once it pays, and a new one whenever it would have paid again.

    Until then the diagonal, which is taken anew after directions that took many products.
    """

    def __init__(self, objective):
        self.objective, self.solve, self.spent = objective, None, 0.0
        self.price = objective.gram_work / (objective.product_work or 1.0)  # rows without an entry
        self.last, self.old, self.total = np.inf, None, 1.0

    def at(self, operator):
        """What conjugate gradients are preconditioned with; None for the diagonal."""
        if operator.solver is not None and self.spent > self.price:
            self.solve, self.spent = operator.solver(self.objective.l2), 0.0
        return self.solve

    def diagonal(self, operator):
        """About the diagonal of the Hessian; None where it is not known."""
        if operator.diagonal is None:
            return None
        if self.old is None or not operator.total > 0 or (self.solve is None and self.last > SHORT):
            self.old, self.total = operator.diagonal(), operator.total or 1.0
            return self.old
        return self.old * (operator.total / self.total)

    def note(self, products):
        """Take note of the products of a direction."""
        self.last, self.spent = products, self.spent + products
