"""Losses made of losses: weighted sums, and other means over the rows than the plain one.

An aggregation acts on all rows at once, and an objective is a sum over rows. Both hold here: the
mean of the worst part and the tilted mean are minima over one further number, a threshold, which is
learned with the coefficients. So they work with every solver, on batches and on blocks.
"""

from typing import Any

import numpy as np

from sklearn_losses.core.component import Interval
from sklearn_losses.losses.annotations import AnyLoss, FloatArray, IntArray, Targets, derived
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.composite import Composite, CompositeOfOne
from sklearn_losses.losses.curves import Kink, MarginLoss, ResidualLoss
from sklearn_losses.losses.numerics import least_constant, safe_exp, weighted_quantile

__all__ = ["CVaR", "Tilted", "WeightedSum"]


class WeightedSum(Composite):
    r"""Weighted sum of losses for the same task, such as ``0.7 * Huber() + 0.3 * Quantile(0.9)``.

    Choose it for a compromise between losses. Losses can be added and multiplied by positive
    numbers, which gives such a sum:

    .. math::

        \ell(y, f) = \sum_m w_m\, \ell_m(y, f)

    with :math:`\ell_m` the losses and :math:`w_m` their weights. It is convex if all parts are
    convex and smooth if all parts are smooth, and ``solver="auto"`` chooses the solver by that.

    Parameters
    ----------
    losses : tuple of Loss
        The parts, for the same task and with the same link. None may learn constants, as
        ``Huber(scale="joint")`` does.
    weights : tuple of float
        A weight above 0 for each part; a larger one gives the part more influence.

    See Also
    --------
    sklearn_losses.losses.CVaR : Another mean over the rows: that of the worst part.
    sklearn_losses.losses.CustomLoss : A loss from a function.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import MAE, MSE, Quantile
    >>> (0.5 * MSE() + 2 * MAE()).value(np.array([3.0]), np.array([1.0]))
    array([6.])
    >>> X, y = load_diabetes(return_X_y=True)
    >>> LossRegressor(0.5 * MAE() + Quantile(0.9), alpha=0).fit(X, y).converged_
    True
    """

    def __init__(self, losses: tuple[Any, ...], weights: tuple[float, ...]) -> None:
        self.losses = losses
        self.weights = weights

    @classmethod
    def of(cls, parts: list[tuple[float, Any]]) -> "WeightedSum":
        """Make the sum of pairs of a weight and a loss; sums among the losses are flattened.

        Parameters
        ----------
        parts : list of (float, Loss or str)
            The weights and the losses.

        Returns
        -------
        WeightedSum
            The sum.

        Raises
        ------
        TypeError
            If something is not a loss, or a weight is one.
        """
        flat = []
        for weight, loss in parts:
            loss = Loss.make(loss) if isinstance(loss, str) else loss
            if not isinstance(loss, Loss) or isinstance(weight, Loss):
                raise TypeError(f"A loss can be added to another loss or multiplied by a number. Got {loss!r} and {weight!r}.")
            inner = zip(loss.weights, loss.losses, strict=True) if isinstance(loss, WeightedSum) else [(1.0, loss)]
            flat += [(weight * share, part) for share, part in inner]
        return cls(tuple(loss for _, loss in flat), tuple(float(weight) for weight, _ in flat))

    @property
    def parts(self) -> tuple[Any, ...]:
        return self.losses

    def with_parts(self, parts: tuple[Any, ...]) -> Loss:
        return WeightedSum(parts, self.weights)

    def check(self) -> None:
        super().check()
        for loss, weight in zip(self.losses, self.weights, strict=True):
            if weight not in Interval(0.0, closed="neither"):
                raise ValueError(f"The weights of a sum of losses must be above 0. Got {weight!r} for {loss.name!r}.")
        if len({loss.task for loss in self.losses}) > 1 or any(loss.n_constants for loss in self.losses):
            raise ValueError(
                "Losses can be added if they are for the same task and learn no constants, as Huber(scale='joint') does. "
                f"Got {', '.join(f'{loss.name!r} ({loss.task})' for loss in self.losses)}."
            )
        if len({(loss.positive_target, loss.has_probabilities) for loss in self.losses}) > 1:
            raise ValueError(
                "Losses can be added if all of them turn raw predictions into predictions in the same way (the link). "
                f"Got {', '.join(repr(loss.name) for loss in self.losses)}."
            )

    def _sum(self, method, *arguments):
        return sum(w * getattr(loss, method)(*arguments) for w, loss in zip(self.weights, self.losses, strict=True))

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self._sum("value", y, raw)

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self._sum("gradient", y, raw)

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        pairs = [loss.value_and_gradient(y, raw) for loss in self.losses]
        return tuple(sum(w * one for w, one in zip(self.weights, each, strict=True)) for each in zip(*pairs, strict=True))

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self._sum("hessian", y, raw)

    def hessian_product(self, y: Targets, raw: FloatArray, direction: FloatArray) -> FloatArray:
        return self._sum("hessian_product", y, raw, direction)

    def hessian_matrix(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self._sum("hessian_matrix", y, raw)

    def best_constant(self, y: Targets, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
        alone = len(self.losses) == 1 or self.task == "ranking"
        best = self.losses[0].best_constant if alone else super().best_constant
        return best(y, sample_weight, n_outputs)

    def kink_distance(self, y: Targets, raw: FloatArray) -> FloatArray:
        return np.min([loss.kink_distance(y, raw) for loss in self.losses if not loss.smooth], axis=0)

    def smoothing_error(self, width: float, n_outputs: int) -> float:
        return self._sum("smoothing_error", width, n_outputs)

    # Straight pieces in the same number t make straight pieces together.

    @derived
    def kinks(self) -> tuple[Kink, ...]:
        families = [next((family for family in _FAMILIES if isinstance(loss, family)), type(loss)) for loss in self.losses]
        if len(set(families)) > 1 or not all(loss.kinks for loss in self.losses):
            return ()
        if len(self.losses) > 1 and any(hasattr(loss, "row_factor") for loss in self.losses):
            return ()  # rows count differently in each
        slopes: dict[float, tuple[float, float]] = {}
        for weight, loss in zip(self.weights, self.losses, strict=True):
            for position, left, right in loss.kinks:
                before = slopes.get(position, (0.0, 0.0))
                slopes[position] = before[0] + weight * left, before[1] + weight * right
        return tuple(Kink(position, *slopes[position]) for position in sorted(slopes))

    def argument(self, y: Targets, raw: FloatArray) -> FloatArray:
        """Return t of the parts, which all have the same.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        raw : ndarray of shape (n,) or (n, K)
            Raw predictions.

        Returns
        -------
        ndarray of shape (n,) or (n, m)
            As `ScalarLoss.argument`.
        """
        return self.losses[0].argument(y, raw)

    def direction(self, y: Targets, change: FloatArray) -> FloatArray:
        """Return the change of t when `raw` changes.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        change : ndarray of shape (n,) or (n, K)
            Change of the raw predictions.

        Returns
        -------
        ndarray of shape (n,) or (n, m)
            As `ScalarLoss.direction`.
        """
        return self.losses[0].direction(y, change)

    def pullback(self, y: Targets, slopes: FloatArray) -> FloatArray:
        """Turn derivatives in t into derivatives in `raw`.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        slopes : ndarray of shape (n,) or (n, m)
            Derivatives in t.

        Returns
        -------
        ndarray of shape (n,) or (n, K)
            As `ScalarLoss.pullback`.
        """
        return self.losses[0].pullback(y, slopes)

    def argument_outputs(self, y: Targets, n_outputs: int) -> tuple[IntArray | None, IntArray]:
        """Return which of several raw outputs each t is made of.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        n_outputs : int
            Raw predictions per row.

        Returns
        -------
        tuple of (ndarray or None, ndarray)
            As `ScalarLoss.argument_outputs`.
        """
        return self.losses[0].argument_outputs(y, n_outputs)

    def row_factor(self, y: Targets) -> FloatArray | None:
        """Return what the straight pieces of each row are multiplied by; None for 1.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets.

        Returns
        -------
        ndarray of shape (n,) or None
            The factors.
        """
        return self.losses[0].row_factor(y) if hasattr(self.losses[0], "row_factor") else None

    # Maxima over the same numbers make a maximum together.

    @derived
    def max_affine(self) -> float:
        return self._sum("__getattribute__", "max_affine") if all(loss.max_affine for loss in self.losses) else 0.0

    def violations(self, y: Targets, raw: FloatArray) -> FloatArray:
        """Return those of the parts, which all have the same.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Integer codes of the classes.
        raw : ndarray of shape (n, K)
            Scores.

        Returns
        -------
        ndarray of shape (n, K)
            As `CrammerSinger.violations`.
        """
        return self.losses[0].violations(y, raw)

    def shortfall(self, y: Targets, raw: FloatArray, gradient: FloatArray) -> FloatArray | None:
        if not self.max_affine:
            return None
        return self.max_affine * self.losses[0].shortfall(y, raw, gradient / self.max_affine)

    def _leading(self, fact):
        """The first loss that says something, and its weight."""
        pairs = zip(self.losses, self.weights, strict=True)
        return next(((loss, weight) for loss, weight in pairs if getattr(loss, fact) is not None), (None, 1.0))

    @derived
    def starts_from(self) -> AnyLoss | None:
        """The loss whose minimum the fit starts from; None where no part has one."""
        loss, weight = self._leading("starts_from")
        return None if loss is None else WeightedSum((Loss.make(loss.starts_from),), (weight,))

    def initial_alpha(self, alpha: float, y: Targets, sample_weight: FloatArray) -> float:
        # alpha weighs against the weighted loss, so against the loss it is smaller by the weight.
        loss, weight = self._leading("initial_estimator")
        return alpha if loss is None else loss.initial_alpha(alpha / weight, y, sample_weight)

    def row_weights(self, y: Targets, raw: FloatArray) -> FloatArray | None:
        """Return the mean of the row weights of the parts; None unless all parts have some.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets.
        raw : ndarray of shape (n,)
            Predictions.

        Returns
        -------
        ndarray of shape (n,) or None
            Between 0 and 1.
        """
        weights = [loss.row_weights(y, raw) for loss in self.losses]
        return None if any(one is None for one in weights) else np.average(weights, axis=0, weights=self.weights)

    def calibrated(self, y: Targets, raw: FloatArray, sample_weight: FloatArray) -> Loss:
        bound = super().calibrated(y, raw, sample_weight)
        if any(loss.n_constants for loss in bound.losses):
            raise ValueError(
                "A loss that learns constants, such as Huber(scale='joint'), cannot be part of a sum; fix its scale."
            )
        return bound


Loss.weighted_sum = WeightedSum

_FAMILIES = (ResidualLoss, MarginLoss)  # their curves are of the same number t


class Aggregated(CompositeOfOne):
    """A mean over the rows that is a minimum over a threshold: the last column of `raw`."""

    n_constants = 1

    def _of_excess(self, excess):
        """The function of ``loss - threshold`` to be averaged, and its two derivatives.

        The mean of it plus the threshold is to be minimised.
        """
        raise NotImplementedError

    def _threshold(self, values, sample_weight):
        """The best threshold for given losses of the rows."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        return f"{type(self).__name__}({self.inner.name})"

    @derived
    def initial_estimator(self) -> AnyLoss | None:
        """The loss that is fitted first: that of the inner loss, or the inner loss."""
        return getattr(self.inner, "initial_estimator", None) or self.inner

    def check(self) -> None:
        super().check()
        if not getattr(self.inner, "rowwise", True):
            raise ValueError(
                f"{self.name} takes losses of single rows, and {self.inner.name!r} is one of whole queries; use that loss "
                "alone."
            )

    def trend(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.inner.trend(y, raw)  # the threshold follows

    def calibrated(self, y: Targets, raw: FloatArray, sample_weight: FloatArray) -> Loss:
        loss = self.inner.calibrated(y, raw, sample_weight)
        if loss.n_constants:
            raise ValueError(f"{self.name} takes no loss that learns constants, such as Huber(scale='joint'); fix its scale.")
        bound = self.with_parts((loss,))
        bound.start_constants = (self._threshold(loss.value(y, raw), sample_weight),)
        # At the initial estimator's fit, which may be perfect, no slope may be left to tell a unit
        # by, and in the mean of rows of which those of one class have next to no weight neither.
        constant = loss.best_constant(y, sample_weight, 1 if raw.ndim == 1 else raw.shape[1])
        steepness = float(np.max(np.abs(loss.gradient(y, np.zeros_like(raw) + constant))))
        bound.constant_units = (steepness or 1.0,)
        return bound

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        inner, threshold = _inner(raw)
        return threshold + self._of_excess(self.inner.value(y, inner) - threshold)[0]

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.value_and_gradient(y, raw)[1]

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        inner, threshold = _inner(raw)
        value, gradient = self.inner.value_and_gradient(y, inner)
        aggregated, slope, _ = self._of_excess(value - threshold)
        pulled = gradient.reshape(len(raw), -1) * slope[:, None]
        return threshold + aggregated, np.hstack([pulled, (1 - slope)[:, None]]).astype(raw.dtype, copy=False)

    hessian_bound = False  # not of the mean, whatever it is of the rows

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        return np.einsum("nkk->nk", self.hessian_matrix(y, raw)).copy()

    def hessian_product(self, y: Targets, raw: FloatArray, direction: FloatArray) -> FloatArray:
        inner, threshold = _inner(raw)
        inward, change = _inner(direction)
        value, gradient = self.inner.value_and_gradient(y, inner)
        _, slope, second = self._of_excess(value - threshold)
        gradient, width = gradient.reshape(len(raw), -1), (len(raw), -1)
        rise = second * ((gradient * inward.reshape(width)).sum(axis=1) - change)
        curved = self.inner.hessian_product(y, inner, inward).reshape(width) * slope[:, None] + gradient * rise[:, None]
        return np.hstack([curved, -rise[:, None]]).astype(raw.dtype, copy=False)

    def best_constant(self, y: Targets, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
        return self.inner.best_constant(y, sample_weight, n_outputs)

    def null_loss(self, y: Targets, sample_weight: FloatArray) -> float:
        def mean(constant):
            values = self.inner.value(y, np.full(len(y), constant))
            threshold = self._threshold(values, sample_weight)
            return threshold + float(np.average(self._of_excess(values - threshold)[0], weights=sample_weight))

        return least_constant(mean, self, y, sample_weight / sample_weight.sum())[1]


def _inner(raw):
    """The raw predictions and the threshold."""
    inner = raw[:, :-1]
    return inner[:, 0] if inner.shape[1] == 1 else inner, raw[:, -1]


class CVaR(Aggregated):
    r"""Mean loss of the worst share of the rows (conditional value at risk), for any loss.

    Choose it where large errors of a few rows matter more than the average, as for fairness between
    groups or for safety. The objective is a mean over the rows, minimised over a threshold
    :math:`c` that is learned with the coefficients [1]_:

    .. math::

        \min_c\ \ c + \frac{1}{\beta n} \sum_i \max(0,\ \ell_i - c)

    with :math:`\ell_i` the loss of row :math:`i` of :math:`n`, and :math:`\beta` the parameter
    `share`. It is convex where the loss is. Its kinks are smoothed, and the smoothing is reduced
    step by step. In an estimator it is ``loss=CVaR("mse", share=0.1)``.

    Parameters
    ----------
    loss : str or Loss, default="mse"
        The loss of a row: a name, or a loss that learns no constants.
    share : float, default=0.1
        The share :math:`\beta` of the rows that counts, by weight, in (0, 1]. A smaller one looks
        at fewer and worse rows; 1 is the plain mean.

    See Also
    --------
    sklearn_losses.losses.Tilted : A smooth weighting of the rows by their loss.
    sklearn_losses.losses.Trimmed : The opposite: the mean of the best share.

    Notes
    -----
    The fitted attribute ``loss_`` of an estimator is this mean.

    References
    ----------
    .. [1] Rockafellar and Uryasev, "Optimization of conditional value-at-risk", Journal of Risk 2
           (2000), theorem 1.

    Examples
    --------
    The mean squared error of the worst tenth of the rows becomes smaller than that of least
    squares:

    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import CVaR
    >>> X, y = load_diabetes(return_X_y=True)
    >>> for loss in ("mse", CVaR("mse", share=0.1)):
    ...     error = (y - LossRegressor(loss, alpha=0).fit(X, y).predict(X)) ** 2
    ...     print(round(float(np.sort(error)[-44:].mean())))
    11816
    11183
    """

    smooth = False
    parameter_constraints = {"share": Interval(0.0, 1.0, closed="right")}

    def __init__(self, loss: AnyLoss = "mse", share: float = 0.1) -> None:
        self.loss = loss
        self.share = share

    def with_parts(self, parts: tuple[Any, ...]) -> Loss:
        return CVaR(parts[0], self.share)

    def trend(self, y: Targets, raw: FloatArray) -> FloatArray:
        trend = super().trend(y, raw)
        # Rows whose loss falls may not be among the worst ones, which count.
        return trend if np.all(trend < 0) else np.maximum(trend, 0)

    def _of_excess(self, excess):
        return np.maximum(excess, 0) / self.share, (excess > 0) / self.share, np.zeros_like(excess)

    def _threshold(self, values, sample_weight):
        return float(weighted_quantile(values, 1 - self.share, sample_weight))

    def kink_distance(self, y: Targets, raw: FloatArray) -> FloatArray:
        inner, threshold = _inner(raw)
        return np.abs(self.inner.value(y, inner) - threshold)

    def smoothing_error(self, width: float, n_outputs: int) -> float:
        return (width / 4 + self.inner.smoothing_error(width, n_outputs - 1)) / self.share

    def smoothed(self, width: float) -> Loss:
        return _SmoothedCVaR(self.inner.smoothed(width), self.share, width)


class _SmoothedCVaR(CVaR):
    """`CVaR` with a parabola in place of its kink."""

    smooth = True

    def __init__(self, loss: AnyLoss, share: float, width: float) -> None:
        super().__init__(loss, share)
        self.width = width

    def _of_excess(self, excess):
        inside = np.clip(excess + self.width, 0, 2 * self.width)
        value = inside**2 / (4 * self.width) + np.maximum(excess - self.width, 0)
        second = (np.abs(excess) < self.width) / (2 * self.width * self.share)
        return value / self.share, inside / (2 * self.width * self.share), second


class Tilted(Aggregated):
    r"""Smooth weighting of rows by their loss, between the mean and the maximum, for any loss.

    Choose it as a smooth alternative to `CVaR`. It is [1]_

    .. math::

        \frac{1}{\tau} \log\left( \frac{1}{n} \sum_i \exp(\tau\, \ell_i) \right)

        = \min_c\ c + \frac{1}{\tau n} \sum_i \left( \exp(\tau\,(\ell_i - c)) - 1 \right)

    with :math:`\ell_i` the loss of row :math:`i` of :math:`n`, :math:`\tau` the parameter `tilt`
    and :math:`c` a threshold that is learned with the coefficients. It is convex where the loss is,
    and smooth where it is. In an estimator it is ``loss=Tilted("mse", tilt=0.01)``.

    Parameters
    ----------
    loss : str or Loss, default="mse"
        The loss of a row: a name, or a loss that learns no constants.
    tilt : float, default=1.0
        The number :math:`\tau`, above 0, in units of one over the loss. A larger one comes closer
        to the maximum; towards 0 it is the plain mean. Choose it by the size of your losses: ``1 /
        loss_`` of a plain fit is a moderate tilt.

    See Also
    --------
    sklearn_losses.losses.CVaR : The mean of the worst share of the rows.
    sklearn_losses.losses.Trimmed : The opposite: the mean of the best share.

    References
    ----------
    .. [1] Li, Beirami, Sanjabi and Smith, "Tilted empirical risk minimization", ICLR 2021, equation
           2.

    Examples
    --------
    The largest error becomes smaller than that of least squares:

    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import Tilted
    >>> X, y = load_diabetes(return_X_y=True)
    >>> for loss in ("mse", Tilted("mse", tilt=0.001)):
    ...     error = y - LossRegressor(loss, alpha=0).fit(X, y).predict(X)
    ...     print(round(float(np.abs(error).max())))
    156
    129
    """

    parameter_constraints = {"tilt": Interval(0.0, closed="neither")}

    def __init__(self, loss: AnyLoss = "mse", tilt: float = 1.0) -> None:
        self.loss = loss
        self.tilt = tilt

    def with_parts(self, parts: tuple[Any, ...]) -> Loss:
        return Tilted(parts[0], self.tilt)

    def _of_excess(self, excess):
        value, slope, second = safe_exp(self.tilt * excess)
        # A slight tilt would leave nothing of exp(.) - 1 but rounding.
        small = np.clip(self.tilt * excess, -1, 1)
        value = np.where(small == self.tilt * excess, np.expm1(small), value - 1)
        return value / self.tilt, slope, self.tilt * second

    def _threshold(self, values, sample_weight):
        top = values.max()
        return float(top + np.log(np.average(np.exp(self.tilt * (values - top)), weights=sample_weight)) / self.tilt)

    def kink_distance(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.inner.kink_distance(y, _inner(raw)[0])

    def smoothing_error(self, width: float, n_outputs: int) -> float:
        return self.inner.smoothing_error(width, n_outputs - 1)

    def smoothed(self, width: float) -> Loss:
        bound = super().smoothed(width)
        bound.start_constants, bound.constant_units = self.start_constants, self.constant_units
        return bound
