"""A loss averaged over short intervals of its prediction, which smooths its kinks."""

from typing import Any

import numpy as np

from sklearn_losses.losses.annotations import FloatArray, Targets
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.composite import CompositeOfOne

__all__ = []

_HALVES = np.array([-0.5, 0.5])
HALVINGS = 30  # of an interval around a bend


def _visible(step, point):
    """`step`, or a longer one where `point` and `point + step` would be the same number."""
    size = np.abs(point) if point.ndim == 1 else np.max(np.abs(point), axis=1)
    return np.maximum(step, 8 * np.spacing(size))


class BoxAveraged(CompositeOfOne):
    """A custom loss of one output averaged over ``raw - width ... raw + width``.

    Its exact gradient is the central difference
    ``(f(raw + width) - f(raw - width)) / (2 * width)``. Its value comes from Simpson's rule, in
    those rows whose interval holds a bend on halved intervals until they agree: a line search needs
    values of which this is the gradient.

    Parameters
    ----------
    loss : _Differentiated
    width : float
    """

    smooth = True
    has_hessian = False

    def __init__(self, loss: Any, width: float) -> None:
        self.loss = loss
        self.width = width

    def with_parts(self, parts: tuple[Any, ...]) -> Loss:
        return BoxAveraged(parts[0], self.width)

    def smoothed(self, width: float) -> Loss:
        return self

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.value_and_gradient(y, raw)[1]

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        call, width, point, targets = self.loss._call, self.width, raw.astype(np.float64), self.loss._targets(y)
        width = _visible(width, point)
        low, high = point - width, point + width
        below, middle, above = (np.asarray(call(targets, place)) for place in (low, point, high))
        value = (below + 4 * middle + above) / 6
        # A place is rounded in proportion to its distance from 0, and so are the values of a slope
        # there.
        steepest = np.maximum(np.abs(middle - below), np.abs(above - middle)) / width
        rounding = 4 * np.finfo(np.float64).eps * np.abs(point) * steepest
        bent = np.flatnonzero(np.abs(below - 2 * middle + above) > 1e-9 * (np.abs(below) + np.abs(above)) + rounding)
        if len(bent):
            ends = low[bent], high[bent]
            at_ends = below[bent], middle[bent], above[bent]
            allowed = (ends[1] - ends[0]) * (1e-14 * np.abs(at_ends).sum(axis=0) + rounding[bent])
            value[bent] = _integral(
                lambda rows, place: np.asarray(call(targets[bent[rows]], place)), *ends, *at_ends, allowed
            ) / (ends[1] - ends[0])
        gradient = (above - below) / (high - low)
        return value.astype(raw.dtype, copy=False), gradient.astype(raw.dtype, copy=False)


def _integral(function, low, high, at_low, at_middle, at_high, allowed):
    """Integrals from `low` to `high`, (n,), by Simpson's rule on halves of intervals.

    Intervals are halved until both rules agree within `allowed`. ``function(rows, places)`` gives
    values for some of the n rows.
    """
    rows, total = np.arange(len(low)), np.zeros(len(low))
    for _ in range(HALVINGS):
        middle, length = (low + high) / 2, high - low
        left, right = (function(rows, (low + middle) / 2), function(rows, (middle + high) / 2))
        whole = (at_low + 4 * at_middle + at_high) * length / 6
        halves = (at_low + 4 * left + 2 * at_middle + 4 * right + at_high) * length / 12
        open_ = np.abs(halves - whole) > allowed[rows]
        total += np.bincount(rows[~open_], halves[~open_], minlength=len(total))
        if not open_.any():
            return total
        rows = np.tile(rows[open_], 2)
        low, high, at_low, at_middle, at_high = (
            np.concatenate([one[open_], other[open_]])
            for one, other in ((low, middle), (middle, high), (at_low, at_middle), (left, right), (at_middle, at_high))
        )
    return total + np.bincount(rows, (at_low + 4 * at_middle + at_high) * (high - low) / 6, minlength=len(total))
