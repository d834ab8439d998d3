"""Barron's general robust loss, of a given shape or with the shape learned from the data."""

from typing import Any

import numpy as np

from sklearn_losses.core.component import Interval
from sklearn_losses.losses.annotations import FloatArray, Targets, derived
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.redescending import START, Redescending
from sklearn_losses.losses.robust import ScaleOfPlane, residual_scale

__all__ = ["AdaptiveBarron", "Barron"]

LEAST_SHAPE = 0.01  # that is learned, and 2 less the largest


class Barron(Redescending, name="barron"):
    r"""Barron's general robust loss: one shape parameter leads from squared error to Welsch's loss.

    Choose it to tune the robustness of a fit with one number, for example in a grid search. With
    :math:`u = (y - f) / s`, where :math:`y` is the target, :math:`f` the prediction and :math:`s`
    the scale of the residuals [1]_

    .. math::

        \ell(y, f) = s^2 \cdot \frac{|a - 2|}{a} \left( \left( \frac{(u / c)^2}{|a - 2|} + 1
            \right)^{a / 2} - 1 \right)

    with :math:`a` the parameter `shape` and :math:`c` the parameter `c`. For the shapes 2, 0 and
    minus infinity it is the limit of this. It is smooth, and convex for shapes from 1 on, for which
    ``solver="newton"`` finds the exact minimum of a linear model. Below 1 it finds the minimum next
    to the start. In an estimator it is ``loss=Barron(shape=0.5)``; the name ``loss="barron"``
    stands for the shape 1.

    Parameters
    ----------
    shape : float, default=1.0
        The shape :math:`a`. 2: half the squared error; 1: a smooth form of Huber's loss; 0:
        Cauchy's; -2: Geman and McClure's; ``-np.inf``: Welsch's. A smaller one gives outliers less
        influence.
    c : float, default=1.0
        Size of the parabola at 0, in units of the scale, above 0. A larger one is more efficient
        for normal noise and resists outliers less.
    scale : {"mad"} or float, default="mad"
        The scale :math:`s`. "mad": estimated by the start, see `Redescending`. A number fixes it,
        in the unit of the target.
    n_init : int, default=1
        Number of starts, at least 1. More take more time and may find a lower objective.
    start : {"resistant", "mae"}, default="resistant"
        Where the fit begins, see `Redescending`. Losses with a shape of 1 or more are convex: their
        fit does not depend on the start, and its scale is that of "mae". With a shape below 0 the
        loss resists leverage points. With a shape from 0 to 1 it grows without bound, so that many
        leverage points may determine the fit.

    See Also
    --------
    sklearn_losses.losses.AdaptiveBarron : Learns the shape and the scale from the data.
    sklearn_losses.losses.Huber : The standard robust loss.
    sklearn_losses.losses.Cauchy : The shape 0.
    sklearn_losses.losses.Welsch : The shape minus infinity.

    Notes
    -----
    The fitted estimator has the scale as ``scale_`` and the weights of the rows as
    ``row_weights_``.

    References
    ----------
    .. [1] Barron, "A general and adaptive robust loss function", CVPR 2019, equations 1, 8 and 13.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import Barron
    >>> Barron(scale=1.0).value(np.array([0.0, np.sqrt(3)]), np.zeros(2))
    array([0., 1.])
    >>> X, y = (part[:200] for part in load_diabetes(return_X_y=True))
    >>> y[:20] += 5000  # wrong entries
    >>> for shape in (2.0, 1.0, -2.0):
    ...     model = LossRegressor(Barron(shape), alpha=0).fit(X, y)
    ...     print(shape, round(float(np.median(np.abs(y - model.predict(X))))))
    2.0 572
    1.0 44
    -2.0 44
    """

    parameter_constraints = Redescending.parameter_constraints | {"shape": Interval(-np.inf)}
    examples = tuple({"shape": shape, "c": 0.7, "scale": 2.0} for shape in (2.0, 1.5, 0.0, 1e-9, -2.0, -np.inf, 3.0))

    def __init__(
        self, shape: float = 1.0, c: float = 1.0, scale: float | str = "mad", n_init: int = 1, start: str = "resistant"
    ) -> None:
        self.shape = shape
        self.c = c
        self.scale = scale
        self.n_init = n_init
        self.start = start

    @derived
    def convex(self) -> bool:
        return self.shape >= 1

    @derived
    def resistant(self) -> bool | None:
        """Whether the fit begins with the resistant start; None for convex shapes."""
        return None if self.convex else super().resistant

    def rho(self, u: FloatArray) -> FloatArray:
        return barron_rho((u / self.c) ** 2, self.shape)

    @derived
    def hessian_bound(self) -> bool:
        return not self.convex

    def weight(self, u: FloatArray) -> FloatArray:
        return barron_weight((u / self.c) ** 2, self.shape) / self.c**2

    def psi_prime(self, u: FloatArray) -> FloatArray:
        a, square = self.shape, (u / self.c) ** 2
        if a == 2 or not self.convex:
            return self.weight(u)
        base = square / abs(a - 2) + 1
        return (base + np.sign(a - 2) * square) * base ** (a / 2 - 2) / self.c**2


def barron_rho(square: FloatArray, a: Any) -> FloatArray:
    """Barron's loss of ``square = (u/c)**2``; exact at its limits and stable next to them."""
    if a == 2:
        return square / 2
    if a == -np.inf:
        return -np.expm1(-square / 2)
    size = abs(a - 2)
    logs = np.log1p(square / size)
    return size / 2 * logs if a == 0 else size / a * np.expm1(a / 2 * logs)


def barron_weight(square: FloatArray, a: Any) -> FloatArray:
    """Its derivative in u, over ``u / c**2``."""
    if a == 2:
        return np.ones_like(square)
    if a == -np.inf:
        return np.exp(-square / 2)
    return (square / abs(a - 2) + 1) ** (a / 2 - 1)


# Nodes for the integral of Barron's density: with x = sinh(t) the trapezoidal rule converges
# exponentially for every shape.
_T = np.linspace(-40, 40, 1601)
_SQUARE, _STEP = np.sinh(_T) ** 2, np.cosh(_T) * (_T[1] - _T[0])


def _shape_derivative(square, a):
    """The derivative of `barron_rho` in the shape, for 0 < a < 2."""
    size = 2 - a
    base = square / size + 1
    logs = np.log(base)
    power = np.exp(a / 2 * logs)
    inner = logs / 2 + a / 2 * square / (size**2 * base)
    return -2 / a**2 * (power - 1) + size / a * power * inner


class _OfPlane(Barron):
    """What `AdaptiveBarron` becomes where more than half of the rows lie exactly on a plane.

    The likelihood grows there without end as the scale falls, for the heaviest tails.
    """

    def learned(self, constants: FloatArray) -> dict[str, Any]:
        return {"shape_": float(self.shape), **super().learned(constants)}


class AdaptiveBarron(Loss, name="adaptive_barron"):
    r"""Barron's loss with shape and scale learned from the data: robust only where needed.

    Choose it where you do not know whether there are outliers. Clean data give a shape near 2,
    which is least squares, and heavy tails one near 0, which is Cauchy's loss. The loss is the
    negative log-likelihood of the residuals :math:`y - f` for a distribution with the shape
    :math:`a` and the scale :math:`s` [1]_:

    .. math::

        \ell(y, f) &= s_0^2 \left( \rho\left(\frac{y - f}{s}, a\right) + \log \frac{s}{s_0} + \log
            Z(a) \right)

        Z(a) &= \int \exp(-\rho(u, a))\, du

    with :math:`\rho` the loss of `Barron` at a scale of 1, :math:`s_0` the scale that the fit
    starts from, which keeps `alpha` in squared units of the target, and :math:`f` the prediction.
    It is smooth but not convex; the fit finds the minimum next to the start. In an estimator it is
    ``loss="adaptive_barron"``.

    Parameters
    ----------
    start : {"resistant", "mae"}, default="resistant"
        Where the fit begins, see `Redescending`. The loss grows without bound, so that many
        leverage points may determine the fit for any start; `Tukey` resists them.

    See Also
    --------
    sklearn_losses.losses.Barron : The loss with a given shape.
    sklearn_losses.losses.Cauchy : The loss of the heaviest tails that are learned.
    sklearn_losses.losses.Tukey : A loss that ignores gross outliers.

    Notes
    -----
    The fitted estimator has what was learned as ``shape_`` and ``scale_``. The shape stays inside
    (0.01, 1.99) by a logistic function, as in the source; it starts at 1. In a fit `raw` has three
    columns: the prediction, the logit of the shape and the logarithm of the scale, both times the
    starting scale.

    References
    ----------
    .. [1] Barron, "A general and adaptive robust loss function", CVPR 2019, equations 15 to 17.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses import LossRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> for noise in (rng.standard_normal(200), rng.standard_cauchy(200)):
    ...     model = LossRegressor("adaptive_barron").fit(X, X @ [1.0, 2.0] + noise)
    ...     print(model.coef_.round(), round(model.shape_, 1))
    [1. 2.] 1.8
    [1. 2.] 0.0
    """

    task = "regression"
    convex = False
    initial_estimator = "mae"
    residual_scale: float | str | None = "mad"
    n_constants = 2
    start_constants = (0.0, 0.0)
    parameter_constraints = {"start": START}
    _unit = 1.0

    def __init__(self, start: str = "resistant") -> None:
        self.start = start

    @derived
    def resistant(self) -> bool | None:
        """Whether the fit begins with the resistant start."""
        return self.start == "resistant"

    def with_scale(self, scale: float) -> Loss:
        if isinstance(scale, ScaleOfPlane):
            return _OfPlane(LEAST_SHAPE, scale=float(scale))
        bound = AdaptiveBarron(self.start)
        bound._unit = bound.residual_scale = float(scale)
        return bound

    def calibrated(self, y: Targets, raw: FloatArray, sample_weight: FloatArray) -> Loss:
        known = self.residual_scale != "mad"
        return self if known else self.with_scale(residual_scale(y, raw, sample_weight))

    def null_loss(self, y: Targets, sample_weight: FloatArray) -> float:
        # The likelihood has an additive constant and may be negative: what is measured is the loss
        # that the fit starts with.
        return Barron(1.0, scale=self._unit).null_loss(y, sample_weight)

    def _constants(self, raw):
        """Shape and scale, each with its derivative in its constant.

        They are the same in all rows.
        """
        logit, log_scale = float(raw[0, 1] / self._unit), float(np.clip(raw[0, 2] / self._unit, -60, 60))
        share = 1 / (1 + np.exp(-np.clip(logit, -60, 60)))
        width = 2 - 2 * LEAST_SHAPE
        return LEAST_SHAPE + width * share, width * share * (1 - share), self._unit * np.exp(log_scale)

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.value_and_gradient(y, raw)[1]

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        if raw.ndim == 1:  # without a fit: the constants where they start
            value, gradient = self.value_and_gradient(y, np.stack([raw, np.zeros_like(raw), np.zeros_like(raw)], axis=1))
            return value, gradient[:, 0]
        shape, shape_slope, scale = self._constants(raw)
        u = (y - raw[:, 0]) / scale
        square = u * u
        density = np.exp(-barron_rho(_SQUARE, shape)) * _STEP
        total = density.sum()
        unit = self._unit
        value = barron_rho(square, shape) + (np.log(scale / unit) + np.log(total))
        slope = u * barron_weight(square, shape)
        gradient = np.empty_like(raw)
        gradient[:, 0] = -slope * unit / scale
        expected = density @ _shape_derivative(_SQUARE, shape) / total
        gradient[:, 1] = (_shape_derivative(square, shape) - expected) * shape_slope
        gradient[:, 2] = 1 - slope * u
        return (unit * (unit * value)).astype(raw.dtype, copy=False), (unit * gradient).astype(raw.dtype, copy=False)

    def row_weights(self, y: Targets, raw: FloatArray) -> FloatArray:
        shape, _, scale = self._constants(raw)
        return barron_weight(((y - raw[:, 0]) / scale) ** 2, shape)

    def learned(self, constants: FloatArray) -> dict[str, Any]:
        shape, _, scale = self._constants(np.array([[0.0, *constants]]))
        return {"shape_": float(shape), "scale_": float(scale)}
