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
    r"""Squared error: estimates the mean; one outlier can move the fit without limit.

    Choose it where the noise is roughly normal and outliers are rare, or where large errors matter
    in proportion to their square. It is the loss of least squares:

    .. math::

        \ell(y, f) = (y - f)^2

    with :math:`y` the target and :math:`f` the prediction. It is convex, smooth and quadratic, so
    that ``solver="newton"`` finds the exact minimum of a linear model in one step. In an estimator
    it is ``loss="mse"`` or ``loss="squared_error"``.

    See Also
    --------
    sklearn_losses.losses.Huber : Squared error for small residuals and absolute error for large
        ones.
    sklearn_losses.losses.MAE : Absolute error, which estimates the median.
    sklearn_losses.losses.Expectile : Squared error with different weights for the two signs of the
        residual.

    Notes
    -----
    Its mean over the rows is :func:`~sklearn.metrics.mean_squared_error`. The value is not halved:
    a penalty of strength ``alpha`` here is that of ``alpha / 2`` against half the squared error.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import MSE
    >>> MSE().value(np.array([3.0, -1.0]), np.array([1.0, -1.0]))
    array([4., 0.])
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LossRegressor("mse", alpha=0).fit(X, y)
    >>> bool(np.isclose(model.predict(X).mean(), y.mean()))
    True
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
    r"""Absolute error: estimates the median and limits the influence of outliers in the target.

    Choose it where the noise has heavy tails, or where every unit of error costs the same:

    .. math::

        \ell(y, f) = |y - f|

    with :math:`y` the target and :math:`f` the prediction. A row acts on the fit by the side on
    which it lies and not by its distance. Rows that are outliers in the features (leverage points)
    can still decide the fit; `Tukey` resists them.

    It is convex and has one kink, at a residual of 0. ``solver="interior_point"`` finds the exact
    minimum of a linear model; on large data ``solver="augmented_lagrangian"`` takes less time and
    proves that the fit is within `tol` of the minimum. In an estimator it is ``loss="mae"`` or
    ``loss="absolute_error"``.

    See Also
    --------
    sklearn_losses.losses.Quantile : The same with different weights for the two signs of the
        residual.
    sklearn_losses.losses.Huber : A smooth loss between squared and absolute error.
    sklearn_losses.losses.Tukey : A loss that ignores gross outliers, in the features too.

    Notes
    -----
    Its mean over the rows is :func:`~sklearn.metrics.mean_absolute_error`. A linear model passes
    exactly through as many rows as it has parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import MAE
    >>> MAE().value(np.array([3.0, -1.0]), np.array([1.0, -1.0]))
    array([2., 0.])
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LossRegressor("mae", alpha=0).fit(X, y)
    >>> float((y < model.predict(X)).mean().round(1))
    0.5
    """

    kinks = (Kink(0.0, -1.0, 1.0),)


class Quantile(_KinkedResidual, name="quantile", aliases=("pinball",)):
    r"""Pinball loss: estimates a quantile, for bounds and for costs that differ by side.

    Choose it to predict a value that a given share of the targets does not exceed, or where an
    error on one side costs more than on the other:

    .. math::

        \ell(y, f) = \max\bigl(q\,(y - f),\ (q - 1)\,(y - f)\bigr)

    with :math:`y` the target, :math:`f` the prediction and :math:`q` the level `quantile` [1]_. It
    is convex and has one kink, at a residual of 0. ``solver="interior_point"`` finds the exact
    minimum of a linear model; on large data ``solver="augmented_lagrangian"`` takes less time and
    proves that the fit is within `tol` of the minimum. In an estimator it is
    ``loss=Quantile(0.9)``; the names ``loss="quantile"`` and ``loss="pinball"`` stand for the level
    0.5.

    Parameters
    ----------
    quantile : float, default=0.5
        The level :math:`q`, inside (0, 1): the share of the targets that should lie below the
        prediction. A larger level raises the predictions. An error with the target above the
        prediction costs :math:`q / (1 - q)` times one below it.

    See Also
    --------
    sklearn_losses.losses.Expectile : A smooth counterpart, which estimates an expectile.
    sklearn_losses.losses.MAE : Twice the loss of the level 0.5.
    sklearn_losses.MultiQuantileRegressor : Several quantiles that do not cross.

    Notes
    -----
    Its mean over the rows is :func:`~sklearn.metrics.mean_pinball_loss` with ``alpha=quantile``.

    References
    ----------
    .. [1] Koenker and Bassett, "Regression quantiles", Econometrica 46 (1978), equation 2.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import Quantile
    >>> Quantile(0.9).value(np.array([3.0, -1.0]), np.array([1.0, 1.0]))
    array([1.8, 0.2])
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LossRegressor(Quantile(0.9), alpha=0).fit(X, y)
    >>> float((y < model.predict(X)).mean().round(2))
    0.9
    """

    parameter_constraints = {"quantile": Interval(0.0, 1.0, closed="neither")}
    examples = ({"quantile": 0.9}, {"quantile": 0.05})

    def __init__(self, quantile: float = 0.5) -> None:
        self.quantile = quantile

    @derived
    def kinks(self) -> tuple[Kink, ...]:
        return (Kink(0.0, self.quantile - 1.0, self.quantile),)


class Expectile(ResidualLoss, name="expectile"):
    r"""Asymmetric squared error: estimates an expectile, a smooth counterpart of a quantile.

    Choose it where large errors matter more than small ones and errors on one side cost more than
    on the other. An expectile is to the mean what a quantile is to the median [1]_:

    .. math::

        \ell(y, f) = \begin{cases} q\,(y - f)^2 & \text{if } y \ge f \\ (1 - q)\,(y - f)^2 &
            \text{if } y < f \end{cases}

    with :math:`y` the target, :math:`f` the prediction and :math:`q` the level `expectile`. It is
    convex and smooth, and ``solver="newton"`` finds the exact minimum of a linear model. As for
    `MSE`, one outlier can move the fit without limit. In an estimator it is
    ``loss=Expectile(0.9)``; the name ``loss="expectile"`` stands for the level 0.5.

    Parameters
    ----------
    expectile : float, default=0.5
        The level :math:`q`, inside (0, 1). A larger level raises the predictions; 0.5 gives the
        mean.

    See Also
    --------
    sklearn_losses.losses.Quantile : The pinball loss, which estimates a quantile and resists
        outliers.
    sklearn_losses.losses.MSE : Twice the loss of the level 0.5.

    References
    ----------
    .. [1] Newey and Powell, "Asymmetric least squares estimation and testing", Econometrica 55
           (1987), equation 2.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import Expectile
    >>> Expectile(0.9).value(np.array([3.0, -1.0]), np.array([1.0, 1.0]))
    array([3.6, 0.4])
    >>> X, y = load_diabetes(return_X_y=True)
    >>> fits = [LossRegressor(Expectile(q), alpha=0).fit(X, y) for q in (0.1, 0.5, 0.9)]
    >>> [round(float(fit.predict(X).mean())) for fit in fits]
    [108, 152, 199]
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
    r"""Absolute error beyond a tolerance: the loss of support vector regression.

    Choose it where errors up to a known size do not matter. Rows inside the tolerance do not act on
    the fit at all [1]_:

    .. math::

        \ell(y, f) = \max(0,\ |y - f| - \varepsilon)

    with :math:`y` the target, :math:`f` the prediction and :math:`\varepsilon` the tolerance
    `epsilon`. It is convex and has two kinks, at residuals of :math:`\pm\varepsilon`.
    ``solver="interior_point"`` finds the exact minimum of a linear model; on large data
    ``solver="augmented_lagrangian"`` takes less time and proves that the fit is within `tol` of the
    minimum. In an estimator it is ``loss="epsilon_insensitive"``.

    Parameters
    ----------
    epsilon : float, default=0.1
        The tolerance, at least 0, in the unit of the target. A larger one leaves more rows without
        influence; 0 gives the absolute error. Set it for your target: 0.1 is small for one that is
        counted in hundreds.

    See Also
    --------
    sklearn_losses.losses.SquaredEpsilonInsensitive : The smooth form, with the square of the same
        excess.
    sklearn_losses.losses.MAE : The loss with a tolerance of 0.
    sklearn.svm.LinearSVR : The same loss in scikit-learn.

    References
    ----------
    .. [1] Vapnik, "The Nature of Statistical Learning Theory" (1995), section 6.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import EpsilonInsensitive
    >>> EpsilonInsensitive(0.5).value(np.array([3.0, 0.2]), np.zeros(2))
    array([2.5, 0. ])
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LossRegressor(EpsilonInsensitive(20.0), alpha=0).fit(X, y)
    >>> int((np.abs(y - model.predict(X)) < 20).sum())  # rows without influence
    131
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
    r"""Squared error beyond a tolerance: smooth support vector regression.

    Choose it where errors up to a known size do not matter and larger ones matter in proportion to
    their square:

    .. math::

        \ell(y, f) = \max(0,\ |y - f| - \varepsilon)^2

    with :math:`y` the target, :math:`f` the prediction and :math:`\varepsilon` the tolerance
    `epsilon`. It is convex and smooth, and ``solver="newton"`` finds the exact minimum of a linear
    model. As for `MSE`, one outlier can move the fit without limit. In an estimator it is
    ``loss="squared_epsilon_insensitive"``.

    Parameters
    ----------
    epsilon : float, default=0.1
        The tolerance, at least 0, in the unit of the target. A larger one leaves more rows without
        influence; 0 gives the squared error.

    See Also
    --------
    sklearn_losses.losses.EpsilonInsensitive : The same excess without the square, which resists
        outliers.
    sklearn_losses.losses.MSE : The loss with a tolerance of 0.
    sklearn.svm.LinearSVR : The same loss in scikit-learn.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import SquaredEpsilonInsensitive
    >>> SquaredEpsilonInsensitive(0.5).value(np.array([3.0, 0.2]), np.zeros(2))
    array([6.25, 0.  ])
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LossRegressor(SquaredEpsilonInsensitive(20.0)).fit(X, y)
    >>> model.converged_
    True
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
    r"""Log-cosh: half the squared error below 1, the absolute error above, in the target's unit.

    Choose it as a smooth alternative to the absolute error for a target whose noise has a spread of
    about 1:

    .. math::

        \ell(y, f) = \log \cosh(y - f)

    with :math:`y` the target and :math:`f` the prediction. It is about :math:`(y - f)^2 / 2` for
    residuals well below 1 and :math:`|y - f| - \log 2` for those well above. The change happens at
    1 in the unit of the target: standardise the target, or use `Huber`, which estimates a scale.
    The loss is convex and smooth, and ``solver="newton"`` finds the exact minimum of a linear
    model. In an estimator it is ``loss="log_cosh"``.

    See Also
    --------
    sklearn_losses.losses.Huber : The same idea in units of an estimated scale.
    sklearn_losses.losses.Fair : A smooth loss in units of an estimated scale, nearly linear far
        out.
    sklearn_losses.losses.MAE : The absolute error.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import LogCosh
    >>> LogCosh().value(np.array([0.1, 10.0]), np.zeros(2)).round(4)
    array([5.0000e-03, 9.3069e+00])
    >>> X, y = load_diabetes(return_X_y=True)
    >>> LossRegressor("log_cosh").fit(X, scale(y)).converged_
    True
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
    r"""Base class of the deviances with a log link, where the prediction is ``exp(raw)``.

    Predictions are positive and effects multiply: a coefficient of 0.1 raises the prediction by
    about 10 % for each unit of its feature. A subclass gives the power :math:`p` with which the
    variance of the target grows with its mean, as an attribute or parameter `power` [1]_. With
    :math:`y` the target and :math:`\mu = \exp(f)` the prediction for the raw prediction :math:`f`
    the deviance is, for :math:`p` other than 1 and 2,

    .. math::

        \ell(y, f) = \frac{2\,y^{2-p}}{(1-p)(2-p)} - \frac{2\,y\,\mu^{1-p}}{1-p} +
            \frac{2\,\mu^{2-p}}{2-p}

    and its limit for these two (see `Poisson` and `Gamma`). It is 0 where the prediction is the
    target, smooth everywhere and convex in the raw prediction for :math:`1 \le p \le 2`.

    See Also
    --------
    sklearn_losses.losses.Poisson : The power 1, for counts.
    sklearn_losses.losses.Gamma : The power 2, for positive amounts.
    sklearn_losses.losses.Tweedie : Any power from 1 to 3.

    References
    ----------
    .. [1] Jorgensen, "The Theory of Dispersion Models" (1997), section 4.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import Deviance, Tweedie
    >>> class InverseGaussian(Deviance):
    ...     power = 3
    ...     convex = False
    >>> y, raw = np.array([1.0, 2.0]), np.array([0.5, 0.5])
    >>> bool(np.allclose(InverseGaussian().value(y, raw), Tweedie(3.0).value(y, raw)))
    True
    """

    task = "regression"
    positive_target = True

    @derived
    def has_minimizer(self) -> bool:
        return self.power >= 2  # else that of a target of 0 falls for ever as the prediction does

    def check_target(self, y: Targets) -> None:
        if self.power < 2 and np.any(y < 0):
            raise ValueError(f"The loss {self.name!r} needs targets of at least 0. Got {np.min(y)}.")
        if self.power >= 2 and np.any(y <= 0):
            raise ValueError(f"The loss {self.name!r} needs targets above 0. Got {np.min(y)}.")
        largest = np.max(y, initial=0.0)
        # Predictions of about this size must stay below the cap of `safe_exp`.
        if largest > 0 and max(np.log(largest), (1 - self.power) * np.log(largest)) > LARGEST_LOG:
            raise ValueError(
                f"The loss {self.name!r} cannot be computed for targets of about {largest:.0e}; divide y by {largest:.0e}."
            )

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
    r"""Poisson deviance with a log link: for counts and rates, with effects that multiply.

    Choose it for targets that count events, or for rates with the exposure as ``sample_weight``. It
    estimates the mean, for a variance that is proportional to it. With :math:`y \ge 0` the target
    and :math:`\mu = \exp(f)` the prediction for the raw prediction :math:`f`

    .. math::

        \ell(y, f) = 2 \left( y \log \frac{y}{\mu} - y + \mu \right)

    It is convex and smooth, and ``solver="newton"`` finds the exact minimum of a linear model. In
    an estimator it is ``loss="poisson"``. A negative target raises a `ValueError`.

    See Also
    --------
    sklearn_losses.losses.Gamma : For positive amounts with a constant relative error.
    sklearn_losses.losses.Tweedie : For amounts that are often 0, such as insurance claims.
    sklearn.linear_model.PoissonRegressor : The same loss, halved, in scikit-learn.

    Notes
    -----
    Its mean over the rows is :func:`~sklearn.metrics.mean_poisson_deviance`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import Poisson
    >>> Poisson().value(np.array([0.0, 1.0]), np.zeros(2))
    array([2., 0.])
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LossRegressor("poisson", alpha=0).fit(X, y)
    >>> float(model.predict(X).mean().round(2)), float(y.mean().round(2))
    (152.13, 152.13)
    """

    power = 1


class Gamma(Deviance, name="gamma"):
    r"""Gamma deviance with a log link: for positive amounts with a constant relative error.

    Choose it for prices, durations or claim sizes: the spread of the target grows in proportion to
    its mean, so that a relative error counts the same at every size. With :math:`y > 0` the target
    and :math:`\mu = \exp(f)` the prediction for the raw prediction :math:`f`

    .. math::

        \ell(y, f) = 2 \left( \log \frac{\mu}{y} + \frac{y}{\mu} - 1 \right)

    It is convex and smooth, and ``solver="newton"`` finds the exact minimum of a linear model. In
    an estimator it is ``loss="gamma"``. A target of 0 or below raises a `ValueError`.

    See Also
    --------
    sklearn_losses.losses.Poisson : For counts, whose variance is proportional to the mean.
    sklearn_losses.losses.Tweedie : For amounts that may be 0.
    sklearn.linear_model.GammaRegressor : The same loss, halved, in scikit-learn.

    Notes
    -----
    Its mean over the rows is :func:`~sklearn.metrics.mean_gamma_deviance`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import Gamma
    >>> Gamma().value(np.array([1.0, 2.0]), np.zeros(2)).round(4)
    array([0.    , 0.6137])
    >>> X, y = load_diabetes(return_X_y=True)
    >>> bool((LossRegressor("gamma").fit(X, y).predict(X) > 0).all())
    True
    """

    power = 2


class Tweedie(Deviance, name="tweedie"):
    r"""Tweedie deviance with a log link: for amounts that are often 0, such as claims.

    Choose it for sums over a random number of events, where many targets are exactly 0 and the
    others are positive. The variance of the target grows with the power `power` of its mean. With
    :math:`y` the target, :math:`\mu = \exp(f)` the prediction for the raw prediction :math:`f` and
    :math:`p` the power

    .. math::

        \ell(y, f) = \frac{2\,y^{2-p}}{(1-p)(2-p)} - \frac{2\,y\,\mu^{1-p}}{1-p} +
            \frac{2\,\mu^{2-p}}{2-p}

    for :math:`p` other than 1 and 2, where it is the loss of `Poisson` and of `Gamma` [1]_. It is
    smooth, and convex for powers up to 2, for which ``solver="newton"`` finds the exact minimum of
    a linear model. In an estimator it is ``loss="tweedie"``.

    Parameters
    ----------
    power : float, default=1.5
        The power :math:`p`, from 1 to 3: 1 is `Poisson`, 2 is `Gamma` and 3 the inverse Gaussian
        distribution. Between 1 and 2 targets may be 0; from 2 on they must be positive. A larger
        power gives large targets less influence.

    See Also
    --------
    sklearn_losses.losses.Poisson : The power 1, for counts.
    sklearn_losses.losses.Gamma : The power 2, for positive amounts.
    sklearn.linear_model.TweedieRegressor : The same loss, halved, in scikit-learn.

    Notes
    -----
    Its mean over the rows is :func:`~sklearn.metrics.mean_tweedie_deviance` with the same power.

    References
    ----------
    .. [1] Jorgensen, "The Theory of Dispersion Models" (1997), section 4.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import Tweedie
    >>> Tweedie(1.5).value(np.array([0.0, 1.0]), np.zeros(2))
    array([4., 0.])
    >>> X, y = load_diabetes(return_X_y=True)
    >>> claims = np.maximum(y - 100, 0)  # 0 for about a third of the rows
    >>> LossRegressor(Tweedie(1.5)).fit(X, claims).converged_
    True
    """

    parameter_constraints = {"power": Interval(1.0, 3.0, closed="both")}
    examples = ({"power": 1.0}, {"power": 1.9}, {"power": 2.0}, {"power": 3.0})

    def __init__(self, power: float = 1.5) -> None:
        self.power = power

    @derived
    def convex(self) -> bool:
        return self.power <= 2
