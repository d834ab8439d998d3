"""What Newton's method asks of an objective, by a journal.

So its path can be taken again without the rows.

Neither Hessians nor factors are kept, which are as large as the square of the parameters, but the
directions that they gave. A matrix that is needed once more is made where it was made before.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from numpy.typing import NDArray

from sklearn_losses.core.protocols import Objective
from sklearn_losses.solvers.journal import Journal
from sklearn_losses.solvers.newton_equations import newton_solver

__all__ = ["KnownObjective", "known"]


class KnownObjective:
    """An objective whose values, derivatives and directions are kept; all else is the objective's.

    Parameters
    ----------
    objective : Objective
    journal : Journal
    """

    def __init__(self, objective: Objective, journal: Journal):
        self.objective, self._journal = objective, journal
        self.value_and_gradient = journal.of(objective.value_and_gradient)
        self.value_without_weights = journal.of(objective.value_without_weights)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.objective, name)

    def slope_along(self, params: NDArray[Any], direction: NDArray[Any]) -> Callable[[float], float]:
        """As in `Objective`."""
        slope = cache(lambda: self.objective.slope_along(params, direction))
        return self._journal.of(lambda t: slope()(t))

    def hessian_operator(self, params: NDArray[Any], spread: float = 0.0) -> "KnownOperator":
        """As in `Objective`."""
        return KnownOperator(self._journal, cache(lambda: self.objective.hessian_operator(params, spread)))

    def newton_solver(self, params: NDArray[Any], gradient: NDArray[Any]) -> tuple[Callable[..., Any], bool]:
        """As the function of this name."""
        made = cache(lambda: newton_solver(self.objective, params, gradient))

        def facts():
            return made()[1], self.objective.steers_in_full

        lasting, in_full = self._journal.of(facts)()
        if in_full:
            self.objective.steer_in_full()
        return self._journal.of(lambda right: made()[0](right)), lasting


class KnownOperator:
    """A `HessianOperator` whose directions are kept.

    Parameters
    ----------
    journal : Journal
    made : callable
        Gives the operator, whose second derivatives take a pass over the rows.

    Attributes
    ----------
    total : float
    """

    def __init__(self, journal: Journal, made: Callable[[], Any]):
        self._journal, self._made = journal, made
        self.total, self._has_diagonal, self._has_solver = journal.of(self._facts)()

    def _facts(self):
        operator = self._made()
        return operator.total, operator.diagonal is not None, operator.solver is not None

    @property
    def diagonal(self) -> Callable[[], NDArray[Any]] | None:
        """As in `HessianOperator`."""
        return self._journal.of(lambda: self._made().diagonal()) if self._has_diagonal else None

    @property
    def solver(self) -> Callable[[NDArray[Any]], Callable[..., Any]] | None:
        """As in `HessianOperator`; the matrix is made once it has to solve for something."""
        return self._solver if self._has_solver else None

    def _solver(self, ridge):
        solve = cache(lambda: self._made().solver(ridge))
        return lambda right: solve()(right)

    def truncated_step(self, ridge: NDArray[Any], gradient: NDArray[Any], **options: Any) -> Any:
        """As in `HessianOperator`."""
        step = self._journal.of(lambda gradient: self._made().truncated_step(ridge, gradient, **options))
        return step(gradient)


def known(objective: Objective, callback: Any) -> Any:
    """The objective by the journal of a solver's callback, if it has one.

    Parameters
    ----------
    objective : Objective
    callback : callable or None
    """
    journal = getattr(callback, "journal", None)
    return objective if journal is None else KnownObjective(objective, journal)
