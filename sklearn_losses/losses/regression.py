"""Losses of a real target: curves of ``t = y - raw``, and deviances with a log link."""

import numpy as np
from scipy.special import xlogy

from sklearn_losses.core.component import Interval
from sklearn_losses.losses.annotations import FloatArray, Targets, derived
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.curves import Kink, PiecewiseLinear, ResidualLoss
from sklearn_losses.losses.numerics import LARGEST_LOG, safe_exp, weighted_quantile

__all__ = [
    "Deviance",
    "EpsilonInsensitive",
    "Expectile",
    "Gamma",
    "LogCosh",
    "MAE",
    "MSE",
    "Poisson",
    "Quantile",
    "SquaredEpsilonInsensitive",
    "Tweedie",
]


class MSE(ResidualLoss, name="mse", aliases=("squared_error",)):
    """The squared error, ``(y - raw)**2``: gives the mean, where outliers are rare.

    Its mean is `sklearn.metrics.mean_squared_error`. One outlier can move the fit as far as it
    likes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import MSE
    >>> MSE().value(np.array([3.0, -1.0]), np.array([1.0, -1.0]))
    array([4., 0.])
    """

    quadratic = True

    def curve(self, t: FloatArray) -> FloatArray:
        return t * t

    def slope(self, t: FloatArray) -> FloatArray:
        return 2 * t

    def curvature(self, t: FloatArray) -> FloatArray:
        return np.full_like(t, 2)

    def best_constant(self, y: Targets, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
        return np.array([np.average(y, weights=sample_weight)])


class _KinkedResidual(PiecewiseLinear, ResidualLoss):
    """A piecewise linear curve of the residual."""

    def best_constant(self, y: Targets, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
        # As the constant grows, the slope of the loss rises by right - left at each ``y -
        # position``, up from -sum(right).
        bends = np.concatenate([y - kink.position for kink in self.kinks])
        rises = np.array([kink.right - kink.left for kink in self.kinks])
        level = sum(kink.right for kink in self.kinks) / rises.sum()
        return np.array([weighted_quantile(bends, level, np.outer(rises, sample_weight).ravel())])


class MAE(_KinkedResidual, name="mae", aliases=("absolute_error",)):
    """The absolute error, ``|y - raw|``: gives the median, whatever the outliers.

    Its mean is `sklearn.metrics.mean_absolute_error`. An outlier counts by its side, not by its
    distance.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import MAE
    >>> MAE().value(np.array([3.0, -1.0]), np.array([1.0, -1.0]))
    array([2., 0.])
    """

    kinks = (Kink(0.0, -1.0, 1.0),)


class Quantile(_KinkedResidual, name="quantile", aliases=("pinball",)):
    """The pinball loss, ``max(q (y - raw), (q - 1) (y - raw))``, for the quantile of level q [1]_.

    For a bound, an interval, or costs that differ by side. Its mean is
    `sklearn.metrics.mean_pinball_loss`.

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

    parameter_constraints = {"quantile": Interval(0.0, 1.0, closed="neither")}
    examples = ({"quantile": 0.9}, {"quantile": 0.05})

    def __init__(self, quantile: float = 0.5) -> None:
        self.quantile = quantile

    @derived
    def kinks(self) -> tuple[Kink, ...]:
        return (Kink(0.0, self.quantile - 1.0, self.quantile),)


class Expectile(ResidualLoss, name="expectile"):
    """Asymmetric squared error, ``|q - 1[y < raw]| (y - raw)**2``.

    Gives the conditional expectile of level q [1]_: to the mean what a quantile is to the median.

    Parameters
    ----------
    expectile : float, default=0.5
        The level q, inside (0, 1).

    References
    ----------
    .. [1] Newey and Powell, "Asymmetric least squares estimation and testing", Econometrica 55
       (1987), equation 2.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import Expectile
    >>> Expectile(0.9).value(np.array([3.0, -1.0]), np.array([1.0, 1.0]))
    array([3.6, 0.4])
    """

    parameter_constraints = {"expectile": Interval(0.0, 1.0, closed="neither")}
    examples = ({"expectile": 0.9}, {"expectile": 0.05})

    def __init__(self, expectile: float = 0.5) -> None:
        self.expectile = expectile

    def _share(self, t):
        return np.where(t < 0, 1 - self.expectile, self.expectile).astype(t.dtype)

    def curve(self, t: FloatArray) -> FloatArray:
        return self._share(t) * t * t

    def slope(self, t: FloatArray) -> FloatArray:
        return 2 * self._share(t) * t

    def curvature(self, t: FloatArray) -> FloatArray:
        return 2 * self._share(t)


class EpsilonInsensitive(_KinkedResidual, name="epsilon_insensitive"):
    """``max(0, |y - raw| - epsilon)``, the loss of support vector regression [1]_.

    Parameters
    ----------
    epsilon : float, default=0.1
        Residuals up to this size cost nothing; in the units of the target, at least 0.

    References
    ----------
    .. [1] Vapnik, "The Nature of Statistical Learning Theory" (1995), section 6.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import EpsilonInsensitive
    >>> EpsilonInsensitive(0.5).value(np.array([3.0, 0.2]), np.zeros(2))
    array([2.5, 0. ])
    """

    parameter_constraints = {"epsilon": Interval(0.0)}
    examples = ({"epsilon": 1.0}, {"epsilon": 0.0})

    def __init__(self, epsilon: float = 0.1) -> None:
        self.epsilon = epsilon

    @derived
    def kinks(self) -> tuple[Kink, ...]:
        if self.epsilon == 0:
            return (Kink(0.0, -1.0, 1.0),)
        return (Kink(-self.epsilon, -1.0, 0.0), Kink(self.epsilon, 0.0, 1.0))


class SquaredEpsilonInsensitive(ResidualLoss, name="squared_epsilon_insensitive"):
    """``max(0, |y - raw| - epsilon)**2``, the smooth loss of `sklearn.svm.LinearSVR`.

    Parameters
    ----------
    epsilon : float, default=0.1
        Residuals up to this size cost nothing; in the units of the target, at least 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import SquaredEpsilonInsensitive
    >>> SquaredEpsilonInsensitive(0.5).value(np.array([3.0, 0.2]), np.zeros(2))
    array([6.25, 0.  ])
    """

    parameter_constraints = {"epsilon": Interval(0.0)}
    examples = ({"epsilon": 1.0}, {"epsilon": 0.0})

    def __init__(self, epsilon: float = 0.1) -> None:
        self.epsilon = epsilon

    def curve(self, t: FloatArray) -> FloatArray:
        return np.maximum(np.abs(t) - self.epsilon, 0) ** 2

    def slope(self, t: FloatArray) -> FloatArray:
        return 2 * (t - np.clip(t, -self.epsilon, self.epsilon))

    def curvature(self, t: FloatArray) -> FloatArray:
        return 2 * (np.abs(t) > self.epsilon).astype(t.dtype)


class LogCosh(ResidualLoss, name="log_cosh"):
    """``log(cosh(y - raw))``: the squared error's half near 0, the absolute error further out.

    The residual counts in the units of the target: standardise it, or use `Huber`, which has a
    scale.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import LogCosh
    >>> LogCosh().value(np.array([1.0, 1000.0]), np.zeros(2)).round(4)
    array([4.338000e-01, 9.993069e+02])
    """

    def curve(self, t: FloatArray) -> FloatArray:
        size = np.abs(t)
        # log cosh t = log(1 + 2 sinh(t/2)^2) keeps the digits of a small t, of which the other form
        # subtracts all.
        small = np.log1p(2 * np.sinh(np.minimum(size, 1) / 2) ** 2)
        return np.where(size < 1, small, size + np.log1p(np.exp(-2 * size)) - np.log(2).astype(t.dtype))

    def slope(self, t: FloatArray) -> FloatArray:
        return np.tanh(t)

    def curvature(self, t: FloatArray) -> FloatArray:
        return 4 * np.exp(-2 * np.abs(t)) / (1 + np.exp(-2 * np.abs(t))) ** 2


class Deviance(Loss):
    """Base of the deviances with a log link: the prediction is ``exp(raw)``.

    So predictions are positive and effects multiply. The variance of the target is taken to grow
    with the power `power` of its mean [1]_.

    References
    ----------
    .. [1] Jorgensen, "The Theory of Dispersion Models" (1997), section 4.1.
    """

    task = "regression"
    positive_target = True

    @derived
    def has_minimizer(self) -> bool:
        return self.power >= 2  # else that of a target of 0 falls for ever as the prediction does

    def check_target(self, y: Targets) -> None:
        if self.power < 2 and np.any(y < 0):
            raise ValueError(f"loss {self.name!r} needs targets of at least 0. Got {np.min(y)}.")
        if self.power >= 2 and np.any(y <= 0):
            raise ValueError(f"loss {self.name!r} needs targets above 0. Got {np.min(y)}.")
        largest = np.max(y, initial=0.0)
        # Predictions of about this size must stay below the cap of `safe_exp`.
        if largest > 0 and max(np.log(largest), (1 - self.power) * np.log(largest)) > LARGEST_LOG:
            raise ValueError(f"loss {self.name!r} takes no targets of about {largest:.0e}: divide y by {largest:.0e}.")

    def _terms(self, raw):
        """The functions of raw that multiply the target and that stand alone.

        Each comes with two derivatives.
        """
        power = self.power
        if power == 1:
            return (-raw, raw.dtype.type(-1), raw.dtype.type(0)), safe_exp(raw)
        value, slope, second = safe_exp((1 - power) * raw)
        first = (value / (power - 1), -slope, (power - 1) * second)
        if power == 2:
            return first, (raw, raw.dtype.type(1), raw.dtype.type(0))
        value, slope, second = safe_exp((2 - power) * raw)
        return first, (value / (2 - power), slope, (2 - power) * second)

    def _least(self, y):
        """The part without raw, which makes the deviance 0 at ``exp(raw) == y``."""
        if self.power == 1:
            return xlogy(y, y) - y
        if self.power == 2:
            return -1 - np.log(y)
        return y ** (2 - self.power) / ((1 - self.power) * (2 - self.power))

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.value_and_gradient(y, raw)[0]

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        on_target, alone = self._terms(raw)
        value, gradient = y * on_target[0] + alone[0] + self._least(y), y * on_target[1] + alone[1]
        return 2 * value.astype(raw.dtype, copy=False), 2 * gradient.astype(raw.dtype, copy=False)

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        on_target, alone = self._terms(raw)
        return 2 * (y * on_target[1] + alone[1]).astype(raw.dtype, copy=False)

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        on_target, alone = self._terms(raw)
        return 2 * (y * on_target[2] + alone[2]).astype(raw.dtype, copy=False)

    def inverse_link(self, raw: FloatArray) -> FloatArray:
        return safe_exp(raw)[0]

    def link(self, prediction: FloatArray) -> FloatArray:
        return np.log(prediction)

    def best_constant(self, y: Targets, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
        mean = np.average(y, weights=sample_weight)
        return np.array([np.log(mean) if mean > 0 else 0.0])


class Poisson(Deviance, name="poisson"):
    """Poisson deviance, for counts and rates, with a log link.

    It is ``2 (y log(y / mu) - y + mu)`` with ``mu = exp(raw)``. Its mean is
    `sklearn.metrics.mean_poisson_deviance`. Targets must not be negative.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import Poisson
    >>> Poisson().value(np.array([0.0, 1.0]), np.zeros(2))
    array([2., 0.])
    """

    power = 1


class Gamma(Deviance, name="gamma"):
    """Gamma deviance, for positive targets of constant relative error, with a log link.

    It is ``2 (log(mu / y) + y / mu - 1)`` with ``mu = exp(raw)``. Its mean is
    `sklearn.metrics.mean_gamma_deviance`. Targets must be above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import Gamma
    >>> Gamma().value(np.array([1.0, 2.0]), np.array([0.0, np.log(2)])).round(4)
    array([0., 0.])
    """

    power = 2


class Tweedie(Deviance, name="tweedie"):
    """Tweedie deviance, for targets that are 0 or positive, with a log link.

    Insurance claims are such targets. The prediction is ``mu = exp(raw)``. Its mean is
    `sklearn.metrics.mean_tweedie_deviance`.

    Parameters
    ----------
    power : float, default=1.5
        From 1 (`Poisson`) to 2 (`Gamma`) and on to 3 (inverse Gaussian); convex in `raw` up to 2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import Tweedie
    >>> Tweedie(1.5).value(np.array([0.0, 1.0]), np.zeros(2))
    array([4., 0.])
    """

    parameter_constraints = {"power": Interval(1.0, 3.0, closed="both")}
    examples = ({"power": 1.0}, {"power": 1.9}, {"power": 2.0}, {"power": 3.0})

    def __init__(self, power: float = 1.5) -> None:
        self.power = power

    @derived
    def convex(self) -> bool:
        return self.power <= 2
