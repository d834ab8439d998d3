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
scale is its ``scale_``. Under `partial_fit` the first batch decides. A loss that no fit has bound
takes residuals to be in units of the scale.

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
    """Base of the robust losses of ``u = residual / scale``.

    A subclass gives `rho` and its two derivatives, `psi` and `psi_prime`.
    """

    renamed = ResidualLoss.renamed | {"bend": "psi_prime"}
    parameter_constraints = {"c": _POSITIVE, "scale": _SCALE}
    examples: ClassVar[tuple[dict[str, Any], ...]] = ({"c": 0.7, "scale": 2.0},)

    @derived
    def initial_estimator(self) -> AnyLoss | None:
        return None if isinstance(self.scale, (int, float)) else "mae"

    @derived
    def residual_scale(self) -> float | str | None:
        return self.scale

    @property
    def _unit(self):
        return 1.0 if isinstance(self.scale, str) else self.scale

    def curve(self, t: FloatArray) -> FloatArray:
        return self._unit * (self._unit * self.rho(t / self._unit))

    def slope(self, t: FloatArray) -> FloatArray:
        return self._unit * self.psi(t / self._unit)

    def curvature(self, t: FloatArray) -> FloatArray:
        return self.psi_prime(t / self._unit)

    def with_scale(self, scale: float) -> Loss:
        return clone(self).set_params(scale=scale) if isinstance(self.scale, str) else self

    def calibrated(self, y: Targets, raw: FloatArray, sample_weight: FloatArray) -> Loss:
        """The loss with a number for its scale."""
        return self.with_scale(residual_scale(y, raw, sample_weight)) if isinstance(self.scale, str) else self

    def row_weights(self, y: Targets, raw: FloatArray) -> FloatArray:
        """``psi(u) / u``, and its limit at 0, over this limit."""
        u = (y - raw) / self._unit
        center = self.psi_prime(np.zeros(1))[0]
        return np.where(u == 0, 1.0, self.psi(u) / np.where(u == 0, 1.0, u) / center)

    def learned(self, constants: FloatArray) -> dict[str, Any]:
        return {"scale_": float(self._unit)}


class Huber(RobustLoss, name="huber"):
    """Huber's loss: squared up to ``|u| = delta``, linear beyond, against outliers [1]_.

    It is ``u**2 / 2`` up to delta: the mean of most rows, which outliers change little. Follows the
    mean where the noise is small and the median where a residual is large.

    Parameters
    ----------
    delta : float, default=1.35
        Where the parabola ends, in units of the scale, larger than 0; 1.35 keeps 95 % efficiency at
        the normal distribution.
    scale : "mad", "joint" or float, default="mad"
        "mad": estimated from the data. "joint": found together with the coefficients (Huber's
        concomitant scale, as in `sklearn.linear_model.HuberRegressor`, see `JointHuber`). A number
        fixes it: with 1, delta is in the target's units.

    References
    ----------
    .. [1] Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35
       (1964), section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import Huber
    >>> Huber(delta=1.0, scale=1.0).value(np.array([0.5, 3.0]), np.zeros(2))
    array([0.125, 2.5  ])
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
            raise ValueError(f"scale='joint' needs delta above 1, or the scale shrinks to 0. Got delta={self.delta!r}.")

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
    """Fair's loss, ``c**2 (|u|/c - log(1 + |u|/c))``: convex, smooth, nearly linear far out [1]_.

    Parameters
    ----------
    c : float, default=1.4
        Size of the residuals from which the influence levels off, in units of the scale; 95 %
        efficiency at the normal.
    scale : "mad" or float, default="mad"
        As for `Huber`.

    References
    ----------
    .. [1] Fair, "On the robust estimation of econometric models", Annals of Economic and Social
       Measurement 3 (1974).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import Fair
    >>> Fair(scale=1.0).value(np.array([1.0, 10.0]), np.zeros(2)).round(4)
    array([0.3436, 9.8896])
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
