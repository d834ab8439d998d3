"""A user's own solver: any object with `minimize` becomes a `Solver` for the time of a fit."""

import inspect
from typing import Any

from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from sklearn_losses.core.protocols import Objective
from sklearn_losses.solvers.base import Minimizer, Solver
from sklearn_losses.solvers.result import Record, completed
from sklearn_losses.solvers.run import Callback

__all__ = []


class ForeignSolver(Solver):
    """Gives an object with `minimize` all that a `Solver` has.

    Of ``max_iter``, ``tol``, ``state``, ``callback`` and ``rng`` its `minimize` gets those that it
    takes. Its attributes ``stochastic``, ``standardizes`` and ``double`` count where it has them,
    else they are False; so does its ``refusal``.

    Parameters
    ----------
    solver : object
        The user's; the estimator keeps it as it is.
    """

    def __init__(self, solver: Minimizer) -> None:
        self.solver = solver
        for name in ("stochastic", "standardizes", "double"):
            setattr(self, name, bool(getattr(solver, name, False)))

    @property
    def label(self) -> str:
        return getattr(self.solver, "label", type(self.solver).__name__)

    def __repr__(self) -> str:
        return repr(self.solver)

    def refusal(self, objective: Objective) -> str | None:
        refuse = getattr(self.solver, "refusal", None)
        return refuse(objective) if refuse else None

    def minimize(
        self,
        objective: Objective,
        params: NDArray[Any],
        *,
        max_iter: int,
        tol: float,
        state: Any = None,
        callback: Callback | None = None,
        rng: RandomState | None = None,
    ) -> OptimizeResult:
        offered = {"max_iter": max_iter, "tol": tol, "state": state, "callback": callback, "rng": rng}
        return self.solver.minimize(objective, params, **self._taken(offered))

    def solve(
        self,
        objective: Objective,
        params: NDArray[Any],
        *,
        max_iter: int,
        tol: float,
        state: Any = None,
        callback: Callback | None = None,
        rng: RandomState | None = None,
    ) -> OptimizeResult:
        record = Record(callback)
        result = self.minimize(objective, params.copy(), max_iter=max_iter, tol=tol, state=state, callback=record, rng=rng)
        result = completed(result, objective, params, self.label, max_iter=max_iter, record=record)
        if not record.calls:  # the fit's history is one point then, and not none
            record(result.x, result.fun)
        return result

    def _taken(self, offered):
        """Those of the arguments that the user's `minimize` has parameters for."""
        try:
            parameters = inspect.signature(self.solver.minimize).parameters.values()
        except (TypeError, ValueError):  # a compiled function that does not tell
            return offered
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            return offered
        return {name: value for name, value in offered.items() if name in {parameter.name for parameter in parameters}}


Solver.adapter = ForeignSolver
