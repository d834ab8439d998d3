"""A start for rows in parts: the minimum over a sample of them, which is solved for in memory.

A step on all rows costs a pass over them, and one on a sample next to nothing.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from sklearn_losses.core.protocols import Objective

__all__ = ["SampleLimits", "few_in_memory", "start_on_part", "start_on_sample"]


class SampleLimits(NamedTuple):
    """The size of a sample.

    Attributes
    ----------
    rows : int
        Rows at the most, unless there are more parameters,
    part : int
        a ``1 / part`` of the rows,
    rows_per_parameter : int
        and so many for each parameter at the least.
    entries : int
        Rows times parameters, beyond which there is no sample.
    """

    rows: int = 2**15
    part: int = 4
    rows_per_parameter: int = 20
    entries: int = 2**22


LIMITS = SampleLimits()


def few_in_memory(objective: Objective, limits: SampleLimits = LIMITS) -> Objective | None:
    """The objective over all rows in memory, where these are no more than a sample; else None.

    Parameters
    ----------
    objective : Objective
    limits : SampleLimits
    """
    few = objective.n_rows <= limits.rows and objective.n_rows * objective.n_params <= limits.entries
    return next(iter(objective.samples(objective.n_rows, 1))) if few and objective.summed and objective.rowwise else None


def start_on_sample(
    objective: Objective,
    params: NDArray[Any],
    minimize: Callable[[Any], OptimizeResult],
    limits: SampleLimits = LIMITS,
) -> NDArray[Any]:
    """Return the minimum over a sample of the rows; `params` where that is no better on others.

    One pass over all rows gathers it.

    Parameters
    ----------
    objective : Objective
        Of rows in parts, with a smooth loss.
    params : ndarray of shape (n_params,)
        Where to start.
    minimize : callable
        ``minimize(part)`` gives the result for an objective over some of the rows.
    limits : SampleLimits
    """
    n_rows, n_params = objective.n_rows, objective.n_params
    size = max(min(n_rows // limits.part, limits.rows), limits.rows_per_parameter * n_params)
    if not (objective.convex and objective.rowwise) or limits.part * size > n_rows or 2 * size * n_params > limits.entries:
        return params
    return start_on_part(objective, params, size, lambda part: minimize(part).x)


def start_on_part(
    objective: Objective, params: NDArray[Any], size: int, minimize: Callable[[Any], NDArray[Any]]
) -> NDArray[Any]:
    """Return ``minimize(part)`` over `size` of the rows; `params` where that is no better on
    others.
    """
    part, other = objective.samples(size, 2)
    found = minimize(part)
    return found if other.value(found) < other.value(params) else params
