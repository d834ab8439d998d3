"""Robust regression: losses of the residual in units of its scale, ``u = (y - raw) / scale``.

Every value is ``scale**2 * rho(u)`` with the textbook rho, which is about ``u**2 / 2``
(``(u / c)**2 / 2`` where the source puts it so) near 0. So it is in the squared units of the
target, as for mse, alpha weighs against it as against half the squared error whatever the scale,
and a fit of ``k * y`` gives k times the coefficients.

The scale is a number, or "mad": ``median(|r - median(r)|) / 0.6745`` of the residuals of a fit that
comes first, weights included (a linear model, also before an MLP):

- Without a penalty, and with ``alpha="auto"``, that of the least absolute deviations. It passes
  through as many rows as there are parameters; where these hold more than a tenth of the weight
  they are left out (from 30 % on all of them).
- Under a penalty that of Huber's loss at the scale itself, with the same penalty: the residuals
  hold what the penalty leaves. The result is divided by ``sqrt(1 - k / n)``, k the effective number
  of parameters.

Where more than half of the rows lie exactly on a plane, the scale is next to nothing (1e-8 of the
spread of the targets), and the fit follows these rows. Where a fit passes through all rows it knows
no scale: that of the targets around their median is taken, or their standard deviation. The fit's
scale is its ``scale_``. With `partial_fit` the first batch determines the scale. Outside a fit, a
loss whose scale is to be estimated uses the scale 1.

Losses that are not convex begin with a fit that resists outliers in X too and take its M-scale, see
`Redescending`.
"""

from typing import Any, ClassVar

import numpy as np
from scipy.optimize import minimize
from sklearn.base import clone

from sklearn_losses.core.component import Interval, Options
from sklearn_losses.losses.annotations import AnyLoss, FloatArray, Targets, derived
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.curves import ResidualLoss
from sklearn_losses.losses.numerics import weighted_quantile

__all__ = ["Fair", "Huber", "RobustLoss"]

_POSITIVE = Interval(0.0, closed="neither")
_SCALE = Options("mad", _POSITIVE)


def deviation(values: FloatArray, sample_weight: FloatArray, level: float = 0.5) -> float:
    """The weighted median absolute deviation from the weighted median, over 0.6745.

    `level` 0.5 is the median of the absolute deviations; another one is another quantile of them.
    """
    center = weighted_quantile(values, 0.5, sample_weight)
    return float(weighted_quantile(np.abs(values - center), level, sample_weight)) / 0.6744897501960817


def residual_scale(y: Targets, raw: FloatArray, sample_weight: FloatArray) -> float:
    """The weighted median absolute deviation of the residuals, over 0.6745.

    So it estimates the standard deviation of a normal distribution.

    Parameters
    ----------
    y, raw, sample_weight : ndarray of shape (n,)

    Returns
    -------
    float
        That of the targets where it is 0 (to rounding), their standard deviation where that is 0
        too, at last 1.
    """

    y = y.astype(np.float64)
    center = np.average(y, weights=sample_weight)
    spread = float(np.sqrt(np.average((y - center) ** 2, weights=sample_weight)))
    scales = (deviation(y - raw, sample_weight), deviation(y, sample_weight), spread)
    # What counts as rounding is told from the bulk of the targets: outliers lift the standard
    # deviation above all noise.
    bulk = scales[1] if scales[1] > 1e-12 * abs(weighted_quantile(y, 0.5, sample_weight)) else spread
    return next((scale for scale in scales if scale > 1e-6 * bulk), 1.0)


class ScaleOfPlane(float):
    """The scale where more than half of the rows lie exactly on a plane: next to nothing.

    A loss that learns its scale holds this one: the best is 0, and a likelihood has none.
    """


class RobustLoss(ResidualLoss):
    r"""Base class of the robust losses, which count residuals in units of their scale.

    With :math:`y` the target, :math:`f` the prediction and :math:`s` the scale the loss is

    .. math::

        \ell(y, f) = s^2 \, \rho(u), \qquad u = (y - f) / s.

    A subclass gives :math:`\rho` (`rho`), its derivative :math:`\psi` (`psi`) and the derivative of
    that (`psi_prime`), and keeps the scale as its parameter `scale`. The factor :math:`s^2` keeps
    the value in the squared unit of the target, so that `alpha` means the same for every scale and
    a fit of ``k * y`` gives k times the coefficients.

    See Also
    --------
    sklearn_losses.losses.Huber : The standard choice; convex.
    sklearn_losses.losses.Redescending : Base class of the losses that are not convex.

    Notes
    -----
    With ``scale="mad"`` a fit estimates the scale: it is the median absolute deviation of the
    residuals of an initial fit, over 0.6745, so that it estimates the standard deviation of normal
    noise.

    - Without a penalty and with ``alpha="auto"`` the initial fit is that of the least absolute
      deviations. It passes through as many rows as there are parameters; where these rows hold more
      than 10 % of the weight they are left out of the median.
    - Under a penalty it is a fit of Huber's loss at the scale itself, with the same penalty. The
      result is divided by :math:`\sqrt{1 - k / n}`, with :math:`k` the effective number of
      parameters and :math:`n` that of the rows.

    Where more than half of the rows lie exactly on a plane the scale is 1e-8 times the spread of
    the target, and the fit follows these rows. Where the initial fit passes through all rows, the
    scale is that of the targets around their median. The estimator shows the scale as ``scale_``.
    With `partial_fit` the first batch determines the scale. Outside a fit, a loss whose scale is to
    be estimated uses the scale 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import RobustLoss
    >>> class PseudoHuber(RobustLoss):
    ...     def __init__(self, c=1.0, scale="mad"):
    ...         self.c, self.scale = c, scale
    ...     def rho(self, u):
    ...         return self.c**2 * (np.sqrt(1 + (u / self.c) ** 2) - 1)
    ...     def psi(self, u):
    ...         return u / np.sqrt(1 + (u / self.c) ** 2)
    ...     def psi_prime(self, u):
    ...         return (1 + (u / self.c) ** 2) ** -1.5
    >>> X, y = load_diabetes(return_X_y=True)
    >>> round(LossRegressor(PseudoHuber(), alpha=0).fit(X, y).scale_, 1)
    53.1
    """

    renamed = ResidualLoss.renamed | {"bend": "psi_prime"}
    parameter_constraints = {"c": _POSITIVE, "scale": _SCALE}
    examples: ClassVar[tuple[dict[str, Any], ...]] = ({"c": 0.7, "scale": 2.0},)

    @derived
    def initial_estimator(self) -> AnyLoss | None:
        """The loss that is fitted first; None where the scale is a number."""
        return None if isinstance(self.scale, (int, float)) else "mae"

    @derived
    def residual_scale(self) -> float | str | None:
        """The scale, or the word for one that a fit has to find."""
        return self.scale

    @property
    def _unit(self):
        return 1.0 if isinstance(self.scale, str) else self.scale

    def rho(self, u: FloatArray) -> FloatArray:
        """Return the loss of a residual in units of its scale.

        Parameters
        ----------
        u : ndarray
            Residuals in units of their scale.

        Returns
        -------
        ndarray of the shape of `u`
            The values.
        """
        raise NotImplementedError

    def psi(self, u: FloatArray) -> FloatArray:
        """Return the derivative of `rho`, the influence of a residual.

        Parameters
        ----------
        u : ndarray
            Residuals in units of their scale.

        Returns
        -------
        ndarray of the shape of `u`
            The derivatives.
        """
        raise NotImplementedError

    def psi_prime(self, u: FloatArray) -> FloatArray:
        """Return the derivative of `psi`.

        Parameters
        ----------
        u : ndarray
            Residuals in units of their scale.

        Returns
        -------
        ndarray of the shape of `u`
            The second derivatives of `rho`.
        """
        raise NotImplementedError

    def curve(self, t: FloatArray) -> FloatArray:
        return self._unit * (self._unit * self.rho(t / self._unit))

    def slope(self, t: FloatArray) -> FloatArray:
        return self._unit * self.psi(t / self._unit)

    def curvature(self, t: FloatArray) -> FloatArray:
        return self.psi_prime(t / self._unit)

    def with_scale(self, scale: float) -> Loss:
        return clone(self).set_params(scale=scale) if isinstance(self.scale, str) else self

    def calibrated(self, y: Targets, raw: FloatArray, sample_weight: FloatArray) -> Loss:
        """Return the loss with a number for its scale.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets.
        raw : ndarray of shape (n,)
            Predictions of the initial fit.
        sample_weight : ndarray of shape (n,)
            Weights of the rows.

        Returns
        -------
        Loss
            A new loss where `scale` is a word; the loss itself where it is a number.
        """
        return self.with_scale(residual_scale(y, raw, sample_weight)) if isinstance(self.scale, str) else self

    def row_weights(self, y: Targets, raw: FloatArray) -> FloatArray:
        """Return the weight of each row in a step of reweighted least squares.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets.
        raw : ndarray of shape (n,)
            Predictions.

        Returns
        -------
        ndarray of shape (n,)
            ``psi(u) / u`` over its limit at ``u = 0``: 1 for a residual of 0, less for larger ones.
        """
        u = (y - raw) / self._unit
        center = self.psi_prime(np.zeros(1))[0]
        return np.where(u == 0, 1.0, self.psi(u) / np.where(u == 0, 1.0, u) / center)

    def learned(self, constants: FloatArray) -> dict[str, Any]:
        return {"scale_": float(self._unit)}


class Huber(RobustLoss, name="huber"):
    r"""Huber's loss: squared for small residuals, linear for large ones; the usual robust choice.

    Choose it where some targets are outliers. It fits the bulk of the rows almost as least squares
    does, and an outlier in the target has a limited influence. Rows that are outliers in the
    features (leverage points) can still decide the fit; `Tukey` resists them. With :math:`u = (y -
    f) / s`, where :math:`y` is the target, :math:`f` the prediction and :math:`s` the scale of the
    residuals [1]_

    .. math::

        \ell(y, f) = s^2 \cdot \begin{cases} u^2 / 2 & \text{if } |u| \le \delta \\ \delta\,(|u| -
            \delta / 2) & \text{if } |u| > \delta \end{cases}

    with :math:`\delta` the parameter `delta`. It is convex and smooth, and ``solver="newton"``
    finds the exact minimum of a linear model. In an estimator it is ``loss="huber"``.

    Parameters
    ----------
    delta : float, default=1.35
        Size of a residual from which on its loss is linear, in units of the scale, above 0. A
        smaller one resists outliers better; a larger one is more efficient for normal noise. 1.35
        has 95 % of the efficiency of least squares there.
    scale : {"mad", "joint"} or float, default="mad"
        The scale :math:`s`. "mad": estimated before the fit, see `RobustLoss`. "joint": estimated
        together with the coefficients (Huber's concomitant scale, as in
        :class:`~sklearn.linear_model.HuberRegressor`); `delta` must be above 1 then. A number fixes
        it, in the unit of the target: with 1, `delta` is in that unit too.

    See Also
    --------
    sklearn_losses.losses.Fair : Has a continuous second derivative; nearly linear far out.
    sklearn_losses.losses.Tukey : A loss that ignores gross outliers, in the features too.
    sklearn_losses.losses.MAE : The limit for a small `delta`.
    sklearn.linear_model.HuberRegressor : Huber's loss with the joint scale in scikit-learn.

    Notes
    -----
    The fitted estimator has the scale as ``scale_`` and the weights of the rows as
    ``row_weights_``. With ``scale="joint"`` the objective is that of
    :class:`~sklearn.linear_model.HuberRegressor` over the number of rows, so that `alpha` here is
    twice its `alpha` over the number of rows.

    References
    ----------
    .. [1] Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35
           (1964), section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import Huber
    >>> Huber(delta=1.0, scale=1.0).value(np.array([0.5, 3.0]), np.zeros(2))
    array([0.125, 2.5  ])
    >>> X, y = load_diabetes(return_X_y=True)
    >>> y[:20] += 5000  # wrong entries
    >>> for loss in ("mse", "huber"):
    ...     model = LossRegressor(loss, alpha=0).fit(X, y)
    ...     print(loss, round(float(np.median(np.abs(y - model.predict(X))))))
    mse 249
    huber 40
    """

    parameter_constraints = {"delta": _POSITIVE, "scale": Options("mad", "joint", _POSITIVE)}
    examples = ({"delta": 0.3, "scale": 1.0}, {"delta": 10.0}, {"scale": "joint"})

    def __init__(self, delta: float = 1.35, scale: float | str = "mad") -> None:
        self.delta = delta
        self.scale = scale

    def rho(self, u: FloatArray) -> FloatArray:
        clipped = np.clip(u, -self.delta, self.delta)
        return clipped * (u - 0.5 * clipped)

    def psi(self, u: FloatArray) -> FloatArray:
        return np.clip(u, -self.delta, self.delta)

    def curve_and_slope(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        end = t.dtype.type(self.delta * self._unit)
        slope = np.minimum(np.maximum(t, -end), end)
        rest = t - 0.5 * slope
        rest *= slope
        return rest, slope

    def psi_prime(self, u: FloatArray) -> FloatArray:
        return (np.abs(u) <= self.delta).astype(u.dtype)

    def check(self) -> None:
        super().check()
        if self.scale == "joint" and self.delta <= 1:
            raise ValueError(
                f"scale='joint' needs delta above 1; with less the scale would shrink to 0. Got delta={self.delta!r}."
            )

    def with_scale(self, scale: float) -> Loss:
        if self.scale == "joint" and not isinstance(scale, ScaleOfPlane):
            return JointHuber(self.delta, scale)
        return super().with_scale(float(scale))


class JointHuber(Loss):
    """Huber's loss with its scale s learned: ``s + 2 s rho((y - raw) / s)`` [1]_.

    It is convex in raw and s together. What ``Huber(scale="joint")`` becomes in a fit. Its mean is
    the objective of `sklearn.linear_model.HuberRegressor` over the number of rows, so that alpha
    here is two times its alpha over the number of rows. The second raw output is a number in which
    s rises in a straight line from a quarter of where it starts on, so that the loss is convex in
    both and has the Hessian of a convex function there; below that s is its exponential, so that it
    stays above 0.

    Parameters
    ----------
    delta : float
    start : float
        The scale to start from; the scale cannot fall below a millionth of it, for data that a
        model fits without error.

    References
    ----------
    .. [1] Huber and Ronchetti, "Robust Statistics", 2nd edition (2009), equation 7.75.
    """

    task = "regression"
    # It is not convex where s is small. But every stationary point is the minimum, since it is one
    # in s.
    convex = False
    hessian_bound = True
    n_constants = 1
    start_constants = (3.0,)

    def __init__(self, delta: float, start: float) -> None:
        self.delta = delta
        self.start = start

    @derived
    def constant_units(self) -> tuple[float, ...]:
        return (4 / self.start,)

    def _scale(self, constant):
        """s, and its first and second derivative in the learned constant."""
        unit, straight = self.start / 4, constant > 0
        small = unit * np.exp(np.clip(constant, -60, 0))
        scale = 1e-6 * self.start + np.where(straight, unit * (1 + constant), small)
        return scale, np.where(straight, unit, small), np.where(straight, 0, small)

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.value_and_gradient(y, raw)[1]

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        scale, growth, _ = self._scale(raw[:, 1])
        u = (y - raw[:, 0]) / scale
        clipped = np.clip(u, -self.delta, self.delta)
        value = scale * (1 + clipped * (2 * u - clipped))
        # The derivative in s of s + 2 s rho(u) is 1 + 2 (rho - u psi) = 1 - psi**2.
        return value, np.stack([-2 * clipped, (1 - clipped**2) * growth], axis=1)

    def hessian_product(self, y: Targets, raw: FloatArray, direction: FloatArray) -> FloatArray:
        scale, growth, second = self._scale(raw[:, 1])
        u = (y - raw[:, 0]) / scale
        # In raw and s the matrix is 2 / s (1, u)' (1, u) on the parabola and 0 beyond. Where s
        # bends in its constant, what that adds is kept while it is positive.
        bent = 2 / scale * (np.abs(u) <= self.delta) * (direction[:, 0] + u * growth * direction[:, 1])
        added = np.maximum(1 - np.clip(u, -self.delta, self.delta) ** 2, 0) * second * direction[:, 1]
        return np.stack([bent, u * growth * bent + added], axis=1).astype(raw.dtype, copy=False)

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        return np.einsum("nkk->nk", self.hessian_matrix(y, raw)).copy()

    def best_constant(self, y: Targets, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
        return Huber(self.delta, self.start).best_constant(y, sample_weight, n_outputs)

    def null_loss(self, y: Targets, sample_weight: FloatArray) -> float:
        # The search is in units of the starting scale, so that it takes the same steps whatever the
        # unit of the target.
        center = self.best_constant(y, sample_weight, 1)
        scaled, standard, shares = (y - center) / self.start, JointHuber(self.delta, 1.0), sample_weight / sample_weight.sum()

        def mean(point):
            value, gradient = standard.value_and_gradient(scaled, np.tile(point, (len(y), 1)))
            return float(shares @ value), shares @ gradient

        start = [0.0, *self.start_constants]
        return self.start * float(minimize(mean, start, jac=True, method="BFGS", options={"gtol": 1e-8}).fun)

    def inverse_link(self, raw: FloatArray) -> FloatArray:
        return raw

    def row_weights(self, y: Targets, raw: FloatArray) -> FloatArray:
        return Huber(self.delta, float(self._scale(raw[:1, 1])[0][0])).row_weights(y, raw[:, 0])

    def learned(self, constants: FloatArray) -> dict[str, Any]:
        return {"scale_": float(self._scale(constants)[0][0])}


class Fair(RobustLoss, name="fair"):
    r"""Fair's loss: convex, with a continuous second derivative, nearly linear for large residuals.

    Choose it in place of `Huber` where the second derivative should be continuous. Its influence
    approaches its limit slowly. With :math:`u = (y - f) / s`, where :math:`y` is the target,
    :math:`f` the prediction and :math:`s` the scale of the residuals [1]_

    .. math::

        \ell(y, f) = s^2 c^2 \left( \frac{|u|}{c} - \log\left(1 + \frac{|u|}{c}\right) \right)

    with :math:`c` the parameter `c`. It is convex and smooth, and ``solver="newton"`` finds the
    exact minimum of a linear model. In an estimator it is ``loss="fair"``.

    Parameters
    ----------
    c : float, default=1.4
        Size of the residuals from which on the influence levels off, in units of the scale, above
        0. A smaller one resists outliers better; 1.4 has 95 % of the efficiency of least squares
        for normal noise.
    scale : {"mad"} or float, default="mad"
        The scale :math:`s`. "mad": estimated before the fit, see `RobustLoss`. A number fixes it,
        in the unit of the target.

    See Also
    --------
    sklearn_losses.losses.Huber : The standard robust loss, squared up to `delta` and linear beyond.
    sklearn_losses.losses.Cauchy : A loss whose influence falls again far out.

    Notes
    -----
    The fitted estimator has the scale as ``scale_`` and the weights of the rows as
    ``row_weights_``.

    References
    ----------
    .. [1] Fair, "On the robust estimation of econometric models", Annals of Economic and Social
           Measurement 3 (1974).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import Fair
    >>> Fair(scale=1.0).value(np.array([1.0, 10.0]), np.zeros(2)).round(4)
    array([0.3436, 9.8896])
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LossRegressor("fair").fit(X, y)
    >>> float(model.row_weights_.min().round(2)), float(model.row_weights_.max().round(2))
    (0.34, 1.0)
    """

    def __init__(self, c: float = 1.4, scale: float | str = "mad") -> None:
        self.c = c
        self.scale = scale

    def rho(self, u: FloatArray) -> FloatArray:
        size = np.abs(u) / self.c
        return self.c**2 * (size - np.log1p(size))

    def psi(self, u: FloatArray) -> FloatArray:
        return u / (1 + np.abs(u) / self.c)

    def psi_prime(self, u: FloatArray) -> FloatArray:
        return 1 / (1 + np.abs(u) / self.c) ** 2
