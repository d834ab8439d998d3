"""``solver="auto"``: the solver that a specialist would pick, by a rule that can be said in a few lines."""

from sklearn_losses.solvers.base import Solver
from sklearn_losses.solvers.interior_point import InteriorPoint
from sklearn_losses.solvers.newton import Newton
from sklearn_losses.solvers.scipy_methods import LBFGS
from sklearn_losses.solvers.stochastic import Adam

__all__ = ["Auto"]

LARGEST_MATRIX = 1000  # parameters up to which a matrix of them per iteration pays


class Auto(Solver, name="auto"):
    """Chooses a solver from the model, the loss and the penalty.

    1. A multi-layer perceptron: ``adam``; its objective has no one minimum that exact steps could find.
    2. A linear model with up to 1,000 parameters and no L1 penalty: ``newton`` where the loss has a Hessian and is convex
       or redescending, ``interior_point`` where it is piecewise linear. Both end on the exact optimum.
    3. A loss that is made for steps (the perceptron): ``adam``.
    4. Everything else: ``lbfgs``.

    The name of the solver that ran is the estimator's ``solver_``.
    """

    def choose(self, objective):
        """The solver for this objective."""
        if not objective.linear or objective.by_steps:
            return Adam()
        if objective.n_params <= LARGEST_MATRIX and objective.smooth_penalty:
            if objective.convex and objective.piecewise_linear:
                return InteriorPoint()
            if objective.has_hessian and objective.bounded_hessian:
                return Newton()
        return LBFGS()

    def minimize(self, objective, params, **arguments):
        return self.choose(objective).minimize(objective, params, **arguments)
