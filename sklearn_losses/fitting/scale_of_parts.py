"""The scale of the residuals of rows in parts: exact weighted medians in three passes.

The first pass takes a digest of the residuals, which brackets their median and that of their
absolute deviations; the second one gathers the few residuals inside the brackets.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.blocks import row_slices
from sklearn_losses.core.digest import Digest
from sklearn_losses.core.parts import Block, Parts

__all__ = ["Residuals", "ResidualsSeen", "deviation_in_parts", "residuals_seen"]

NORMAL = 0.6744897501960817  # the median of the absolute values of a standard normal number
NEAR = 16  # points of a digest on each side of a quantile that hold it
WIDER = 8  # times as many where they did not


@dataclass(frozen=True)
class Residuals:
    """``block -> residuals and weights``, of a linear model of one output.

    Parameters
    ----------
    model : LinearModel
    params : ndarray of shape (n_params,)
    """

    model: Any
    params: NDArray[Any]

    def __call__(self, block: Block) -> tuple[NDArray[Any], NDArray[Any]]:
        residual = block.y.astype(np.float64)
        for rows in row_slices(block.X, True):
            residual[rows] -= self.model.predict(self.params, block.X[rows].astype(np.float64))
        return residual, np.ones(len(residual)) if block.weight is None else block.weight


@dataclass(frozen=True)
class ResidualsSeen:
    """What a pass tells of residuals.

    Parameters
    ----------
    digest : Digest
    total : float
        The sum of the weights.
    passed : float
        The share of it in rows without a residual.
    """

    digest: Digest
    total: float
    passed: float


@dataclass(frozen=True)
class _Look:
    residuals: Residuals
    nothing: float

    def __call__(self, block):
        residual, weight = self.residuals(block)
        passed = float(weight[np.abs(residual) <= self.nothing].sum())
        return Digest.of(residual, weight), float(weight.sum()), passed


def residuals_seen(parts: Parts, residuals: Residuals, nothing: float) -> ResidualsSeen:
    """Look at all residuals once; those up to `nothing` are none."""
    digest, total, passed = parts.total(_Look(residuals, nothing))
    return ResidualsSeen(digest, total, passed / total)


@dataclass(frozen=True)
class _Near:
    """The residuals in the brackets of a block, and the weight of those below them."""

    residuals: Residuals
    center: tuple[float, float]
    middle: float
    distance: tuple[float, float]

    def __call__(self, block):
        residual, weight = self.residuals(block)
        low, high = self.center
        below, inside = residual < low, (residual >= low) & (residual <= high)
        away, (least, most) = np.abs(residual - self.middle), self.distance
        close, around = away < least, (away >= least) & (away <= most)
        sums = np.array([weight[below].sum(), weight[close].sum()])
        return sums, residual[inside], weight[inside], residual[around], weight[around]


def deviation_in_parts(parts: Parts, residuals: Residuals, seen: ResidualsSeen, level: float = 0.5) -> float:
    """The weighted median absolute deviation from the weighted median, over 0.6745.

    Parameters
    ----------
    parts : Parts
    residuals : Residuals
    seen : ResidualsSeen
    level : float, default=0.5
        Another quantile of the absolute deviations.
    """
    values, weight = seen.digest.points()
    near = NEAR
    while True:
        low, middle, high = _bracket(values, weight, 0.5, near)
        away = np.abs(values - middle)
        order = np.argsort(away, kind="stable")
        least, _, most = _bracket(away[order], weight[order], level, 2 * near)
        # The exact median is somewhere between `low` and `high`.
        moved = high - low
        look = _Near(residuals, (low, high), middle, (least - moved, most + moved))
        sums, *found = zip(*parts.each(look), strict=True)
        below, close = np.sum(sums, axis=0)
        inside, of_inside, around, of_around = map(np.concatenate, found)
        center = _quantile_within(inside, of_inside, 0.5, below, seen.total)
        if center is not None:
            found_away = np.abs(around - center)
            kept = found_away >= least
            close += of_around[~kept].sum()
            result = _quantile_within(found_away[kept], of_around[kept], level, close, seen.total)
            if result is not None and result <= most:
                return result / NORMAL
        near *= WIDER


def _bracket(values, weight, level, near):
    """Values in order -> one below a quantile, about it, and one above it."""
    place = int(np.searchsorted(np.cumsum(weight), level * weight.sum()))
    last = len(values) - 1
    low = values[place - near] if place >= near else values[0]
    high = values[place + near] if place + near <= last else values[last]
    return float(low), float(values[min(place, last)]), float(high)


def _quantile_within(values, weight, level, below, total):
    """`weighted_quantile` of all values, given those in a bracket and the weight of those below.

    None where it may be outside.
    """
    if not len(values):
        return None
    order = np.argsort(values, kind="stable")
    ordered, cumulated = values[order], below + np.cumsum(weight[order])
    target, close = level * total, 8 * np.finfo(np.float64).eps * total
    first, last = (int(np.searchsorted(cumulated, at)) for at in (target - close, target + close))
    if last == len(ordered) and cumulated[-1] >= total - close:
        last -= 1
    if not below < target - close or last >= len(ordered):
        return None if below > 0 or last >= len(ordered) else float(ordered[0])
    return float(ordered[first] + (ordered[last] - ordered[first]) / 2)
