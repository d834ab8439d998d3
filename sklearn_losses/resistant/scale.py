"""The M-scale of residuals and weighted medians, in which half of the rows may be anything."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAD", "TUNING", "bisquare_weight", "breakdown", "m_scale", "quick_scales", "weighted_median", "weighted_medians"]

# With half of the rows for a right-hand side, the scale is then the standard deviation of normal
# residuals (Rousseeuw and Yohai 1984).
TUNING = 1.54764

NEWTON_STEPS = 100
QUICK_STEPS = 4
ACCURACY = 1e-13  # relative, of a scale
MAD = 0.6745  # median size of a standard normal number
ROUNDED = 1e-12  # of a sum of weights: the same weights in another order add up to other digits

Vector = NDArray[Any]


def breakdown(n_params: float, n_rows: float) -> float:
    """The mean of rho at which an S-estimate resists as many outliers as any can.

    It is ``(1 - n_params / n_rows) / 2``, since a plane fits as many rows as it has parameters
    whatever they are [1]_.

    References
    ----------
    .. [1] Rousseeuw and Leroy, "Robust Regression and Outlier Detection", Wiley (1987), chapter 3;
           robustbase's ``lmrob`` divides the sum by ``n - p``, which is the same.
    """
    return 0.5 * max(1 - n_params / n_rows, 0.0)


def bisquare_weight(u: Vector) -> Vector:
    """The weight ``(1 - (u/c)**2)**2`` of a row in a step of least squares, 0 from c on.

    `u` are residuals in units of the scale; the weight is proportional to the derivative of Tukey's
    rho, divided by `u`.
    """
    return np.maximum(1 - (u / TUNING) ** 2, 0) ** 2


def weighted_medians(values: Vector, weight: Vector) -> Vector:
    """The smallest value of each row, up to which at least half of the weight lies.

    Parameters
    ----------
    values : ndarray of shape (m, n)
    weight : ndarray of shape (n,)
        At least 0; they count as copies.
    """
    n = values.shape[1]
    if np.all(weight == weight[0]):
        return np.partition(values, (n - 1) // 2, axis=1)[:, (n - 1) // 2]
    order = np.argsort(values, axis=1, kind="stable")
    total = np.cumsum(weight[order], axis=1)
    place = np.sum(total < 0.5 * (1 - ROUNDED) * total[:, -1:], axis=1)
    return np.take_along_axis(values, order, axis=1)[np.arange(len(values)), place]


def weighted_median(values: Vector, weight: Vector) -> float:
    """The smallest value up to which at least half of the weight lies.

    Examples
    --------
    >>> import numpy as np
    >>> weighted_median(np.array([5.0, 1.0, 2.0]), np.array([3.0, 1.0, 1.0]))
    5.0
    """
    return float(weighted_medians(values[None], weight)[0])


def m_scale(residuals: Vector, weight: Vector, right: float = 0.5, start: float | None = None) -> float:
    """The scale s at which the weighted mean of ``rho(residuals / s)`` is `right` [1]_.

    rho is Tukey's bisquare with 1 for its largest value.

    Parameters
    ----------
    residuals, weight : ndarray of shape (n,)
    right : float, default=0.5
        Larger than 0, and at most 1/2.
    start : float, default=None
        Positive, near the scale; None: from the median of the sizes.

    Returns
    -------
    float
        0 where at least the share ``1 - right`` of the residuals is 0.

    References
    ----------
    .. [1] Rousseeuw and Yohai, "Robust regression by means of S-estimators", in Robust and
           Nonlinear Time Series Analysis, Springer (1984).

    Examples
    --------
    >>> import numpy as np
    >>> round(m_scale(np.array([-1.0, 1.0, 1e9, 1e9]), np.array([2.0, 2.0, 1.0, 1.0])), 3)
    2.137
    """
    share = weight / weight.sum()
    sizes = np.abs(residuals)
    if share[sizes > 0].sum() <= right * (1 + ROUNDED):
        return 0.0
    if not start:
        start = weighted_median(sizes, weight) / MAD or float(np.min(sizes[sizes > 0]))
    scale, low, high = start, 0.0, np.inf
    for _ in range(NEWTON_STEPS):
        with np.errstate(over="ignore"):
            rest = np.maximum(1 - (sizes / (scale * TUNING)) ** 2, 0)
        off = 1 - float(share @ rest**3) - right
        low, high = (scale, high) if off > 0 else (low, scale)
        # Newton's step for the logarithm of the scale, as long as it stays inside what is known.
        slope = 6 * float(share @ (rest**2 * (1 - rest)))
        new = scale * float(np.exp(np.clip(off / slope, -2, 2) if slope > 0 else np.copysign(2, off)))
        if not low < new < high:
            new = np.sqrt(low * high) if low > 0 and high < np.inf else new
        if abs(new - scale) <= ACCURACY * scale:
            break
        scale = new
    return float(new)


def quick_scales(residuals: Vector, weight: Vector, right: float = 0.5) -> Vector:
    """The M-scale of each row of residuals to a few digits: steps from the median of the sizes.

    Parameters
    ----------
    residuals : ndarray of shape (m, n)
    weight : ndarray of shape (n,)
    right : float, default=0.5
    """
    share = weight / weight.sum()
    scale = weighted_medians(np.abs(residuals), weight) / MAD
    for _ in range(QUICK_STEPS):
        units = np.where(scale > 0, scale, 1.0)[:, None] * TUNING
        rest = np.maximum(1 - (residuals / units) ** 2, 0)
        square = rest * rest
        slope = 6 * ((square - square * rest) @ share)
        off = 1 - (square * rest) @ share - right
        scale = scale * np.exp(np.clip(off / np.where(slope > 0, slope, np.inf), -1, 1))
    return scale
