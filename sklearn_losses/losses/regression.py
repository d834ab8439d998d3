"""Losses of a real target: each a curve of the residual ``t = y - raw``."""

import numpy as np

from sklearn_losses.component import Interval
from sklearn_losses.losses.base import Kink, PiecewiseLinear, ResidualLoss

__all__ = ["MAE", "MSE", "Huber", "Quantile"]


class MSE(ResidualLoss, name="mse", aliases=("squared_error",)):
    """Squared error, ``(y - raw)**2``; its mean is `sklearn.metrics.mean_squared_error`.

    Gives the conditional mean. One outlier can move the fit as far as it likes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import MSE
    >>> MSE().value(np.array([3.0, -1.0]), np.array([1.0, -1.0]))
    array([4., 0.])
    """

    def curve(self, t):
        return t * t

    def slope(self, t):
        return 2 * t

    def curvature(self, t):
        return np.full_like(t, 2)

    def best_constant(self, y, sample_weight, n_outputs):
        return np.array([np.average(y, weights=sample_weight)])


class MAE(PiecewiseLinear, ResidualLoss, name="mae", aliases=("absolute_error",)):
    """Absolute error, ``|y - raw|``; its mean is `sklearn.metrics.mean_absolute_error`.

    Gives the conditional median: an outlier counts by its side, not by its distance.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import MAE
    >>> MAE().value(np.array([3.0, -1.0]), np.array([1.0, -1.0]))
    array([2., 0.])
    """

    kinks = (Kink(0.0, -1.0, 1.0),)

    def best_constant(self, y, sample_weight, n_outputs):
        return np.array([weighted_quantile(y, 0.5, sample_weight)])


class Quantile(PiecewiseLinear, ResidualLoss, name="quantile", aliases=("pinball",)):
    """Pinball loss, ``max(q (y - raw), (q - 1) (y - raw))``; its mean is `sklearn.metrics.mean_pinball_loss`.

    Gives the conditional quantile of level q [1]_.

    Parameters
    ----------
    quantile : float, default=0.5
        The level q, inside (0, 1).

    References
    ----------
    .. [1] Koenker and Bassett, "Regression quantiles", Econometrica 46 (1978), equation 2.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import Quantile
    >>> Quantile(0.9).value(np.array([3.0, -1.0]), np.array([1.0, 1.0]))
    array([1.8, 0.2])
    """

    conditions = {"quantile": Interval(0.0, 1.0, closed="neither")}
    examples = ({"quantile": 0.9}, {"quantile": 0.05})

    def __init__(self, quantile=0.5):
        self.quantile = quantile

    @property
    def kinks(self):
        return (Kink(0.0, self.quantile - 1.0, self.quantile),)

    def best_constant(self, y, sample_weight, n_outputs):
        return np.array([weighted_quantile(y, self.quantile, sample_weight)])


class Huber(ResidualLoss, name="huber"):
    """Huber's loss: a parabola ``t**2 / 2`` for ``|t| <= delta``, straight lines of slope delta beyond [1]_.

    Follows the mean where the noise is small and the median where a residual is large.

    Parameters
    ----------
    delta : float, default=1.35
        Where the parabola ends, in the units of the target, larger than 0. Standardise the target, or choose delta
        from the size of the noise: 1.35 standard deviations keep 95 % efficiency at the normal distribution.

    References
    ----------
    .. [1] Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964), section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import Huber
    >>> Huber(delta=1.0).value(np.array([0.5, 3.0]), np.zeros(2))
    array([0.125, 2.5  ])
    """

    conditions = {"delta": Interval(0.0, closed="neither")}
    examples = ({"delta": 0.3}, {"delta": 10.0})

    def __init__(self, delta=1.35):
        self.delta = delta

    def curve(self, t):
        clipped = np.clip(t, -self.delta, self.delta)
        return clipped * (t - 0.5 * clipped)

    def slope(self, t):
        return np.clip(t, -self.delta, self.delta)

    def curvature(self, t):
        return (np.abs(t) <= self.delta).astype(t.dtype)

    def best_constant(self, y, sample_weight, n_outputs):
        # The minimiser is the root of a rising piecewise linear function; halving the interval finds it from any start.
        low, high = float(np.min(y)), float(np.max(y))
        for _ in range(200):
            middle = low + (high - low) / 2
            if not low < middle < high:
                break
            if np.average(self.slope(y - middle), weights=sample_weight) > 0:
                low = middle
            else:
                high = middle
        return np.array([low + (high - low) / 2])


def weighted_quantile(values, level, sample_weight):
    """The middle of the interval of all minimisers of the weighted pinball loss."""
    order = np.argsort(values, kind="stable")
    ordered, weight = values[order], sample_weight[order]
    below = np.cumsum(weight, dtype=np.float64)
    target = level * below[-1]
    close = 8 * np.finfo(np.float64).eps * below[-1]
    first = np.searchsorted(below, target - close)
    last = np.searchsorted(below, target + close)
    last = min(last, len(ordered) - 1)
    return ordered[first] + (ordered[last] - ordered[first]) / 2
