"""The continuation of smoothed problems, each of a smaller width than the one before.

Each starts at the minimum of the one before.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

__all__ = ["Schedule", "continuation"]


class Schedule(NamedTuple):
    """The widths of the stages of a continuation, and how far Newton's method solves each of them.

    Attributes
    ----------
    first : float
        The width to begin with, as a share of the scale of the residuals.
    shrink : float
        The factor by which the width becomes smaller from one stage to the next.
    narrowest : float, default=0.0
        The smallest width, as a share of the scale.
    many : float, default=inf
        The number of steps of a stage from which on the width becomes larger.
    widen : float, default=1.0
        The factor by which it does.
    loose : float, default=0.0
        A stage ends where the gradient costs less than this multiple of the shortfall of the
        slopes.
    steps : int, default=0
        Newton steps at the most: of a stage, or of all stages of `smoothed_start`.
    """

    first: float
    shrink: float
    narrowest: float = 0.0
    many: float = np.inf
    widen: float = 1.0
    loose: float = 0.0
    steps: int = 0

    def after(self, width: float, steps: int, scale: float = 1.0) -> float:
        """The width that follows a stage of so many steps."""
        return width * self.widen if steps > self.many else max(width / self.shrink, self.narrowest * scale)


def continuation(
    stage: Callable[[float], int | None],
    width: float,
    schedule: Schedule,
    scale: float = 1.0,
    between: Callable[[float], float | None] | None = None,
) -> float:
    """Minimise smoothed problems, one after the other, until a stage ends the sequence.

    Parameters
    ----------
    stage : callable
        ``stage(width)`` goes on from the end of the last stage and returns its number of steps;
        None after the last one.
    width : float
        Of the first stage.
    schedule : Schedule
    scale : float, default=1.0
        The unit of `schedule.narrowest`.
    between : callable, default=None
        ``between(width)`` is called before the next stage, and returns the width for it; None for
        no further stage.

    Returns
    -------
    float
        The width of the last stage.

    Examples
    --------
    >>> widths = []
    >>> def stage(width):
    ...     widths.append(width)
    ...     return 1 if width > 0.01 else None
    >>> continuation(stage, 1.0, Schedule(first=1.0, shrink=10.0))
    0.01
    >>> widths
    [1.0, 0.1, 0.01]
    """
    while (steps := stage(width)) is not None:
        following: float | None = schedule.after(width, steps, scale)
        if between is not None and following is not None:
            following = between(following)
        if following is None:
            break
        width = following
    return width
