"""Losses that are a curve of one number: of a residual or of a margin.

The curve is smooth or piecewise linear.
"""

from abc import abstractmethod
from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any, ClassVar

import numpy as np

from sklearn_losses.losses.annotations import FloatArray, IntArray, Targets, derived
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.composite import CompositeOfOne
from sklearn_losses.losses.facts import Kink

__all__ = ["Kink", "MarginLoss", "PiecewiseLinear", "ResidualLoss", "ScalarLoss"]


class ScalarLoss(Loss):
    r"""Base class of losses that are one curve of a number t, such as the residual or a margin.

    The loss of a row is the sum of the curve :math:`\varphi` over its numbers :math:`t`, which are
    affine in the raw predictions:

    .. math::

        \ell(y, f) = \sum_m \varphi(t_m), \qquad t = a(y) + B(y)\, f

    A family of losses, which is a direct subclass, defines :math:`t` by `argument`, `direction` and
    `pullback`. A loss of the family defines the curve by `curve`, `slope` and, for Newton's method,
    `curvature`. Derive a loss from `ResidualLoss` or `MarginLoss`; this class is for a family of
    your own.

    Attributes
    ----------
    curvature_jumps : bool
        Whether the curvature is not continuous. Newton's method then uses its mean over about the
        length of the last step, see `spread`.

    See Also
    --------
    sklearn_losses.losses.ResidualLoss : The family of the residual, for regression.
    sklearn_losses.losses.MarginLoss : The family of margins, for classification.
    sklearn_losses.losses.PiecewiseLinear : Curves made of straight pieces.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import ResidualLoss, ScalarLoss
    >>> class Quartic(ResidualLoss):
    ...     def curve(self, t):
    ...         return t**4
    ...     def slope(self, t):
    ...         return 4 * t**3
    >>> loss = Quartic()
    >>> isinstance(loss, ScalarLoss), loss.gradient(np.array([1.0]), np.array([3.0]))
    (True, array([32.]))
    """

    has_hessian = False  # a loss that gives its `curvature` has one
    curvature_jumps: ClassVar[bool] = False
    _width = 0.0
    hessian_from: ClassVar[tuple[str, ...]] = (*Loss.hessian_from, "curvature")

    @abstractmethod
    def curve(self, t: FloatArray) -> FloatArray:
        """Return the loss as a function of t.

        Parameters
        ----------
        t : ndarray
            Residuals or margins.

        Returns
        -------
        ndarray of the shape of t
            The values of the curve.
        """

    @abstractmethod
    def slope(self, t: FloatArray) -> FloatArray:
        """Return the derivative of `curve`.

        Parameters
        ----------
        t : ndarray
            Residuals or margins.

        Returns
        -------
        ndarray of the shape of t
            The derivatives.
        """

    def curvature(self, t: FloatArray) -> FloatArray:
        """Return the second derivative of `curve`; a loss without one leaves it out.

        Parameters
        ----------
        t : ndarray
            Residuals or margins.

        Returns
        -------
        ndarray of the shape of t
            The second derivatives.

        Raises
        ------
        NotImplementedError
            If the loss has none.
        """
        raise NotImplementedError(f"The loss {self.label!r} has no Hessian; use a solver that needs none, such as 'lbfgs'.")

    def spread(self, width: float) -> Loss:
        if not (width and self.curvature_jumps):
            return self
        other = copy(self)
        other._width = width
        return other

    def _curvature(self, t):
        """`curvature`, or its mean over ``t - width ... t + width``."""
        width = t.dtype.type(self._width)
        return (self.slope(t + width) - self.slope(t - width)) / (2 * width) if width else self.curvature(t)

    def curve_and_slope(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return `curve` and `slope` at once; override it where the two share work.

        Parameters
        ----------
        t : ndarray
            Residuals or margins.

        Returns
        -------
        curve : ndarray of the shape of t
            The values of the curve.
        slope : ndarray of the shape of t
            The derivatives.
        """
        return self.curve(t), self.slope(t)

    @abstractmethod
    def argument(self, y: Targets, raw: FloatArray) -> FloatArray:
        """Return t, an affine function of `raw`.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        raw : ndarray of shape (n,) or (n, K)
            Raw predictions; K columns for K outputs.

        Returns
        -------
        ndarray of shape (n,) or (n, m)
            One number per row, or m of them.
        """

    @abstractmethod
    def direction(self, y: Targets, change: FloatArray) -> FloatArray:
        """Return the change of t when `raw` changes: the linear part of `argument`.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        change : ndarray of shape (n,) or (n, K)
            Change of the raw predictions.

        Returns
        -------
        ndarray of shape (n,) or (n, m)
            Change of t.
        """

    @abstractmethod
    def pullback(self, y: Targets, slopes: FloatArray) -> FloatArray:
        """Turn derivatives in t into derivatives in `raw`: the adjoint of `direction`.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        slopes : ndarray of shape (n,) or (n, m)
            Derivatives in t.

        Returns
        -------
        ndarray of shape (n,) or (n, K)
            Derivatives in the raw predictions.
        """

    @abstractmethod
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
        rises : ndarray of int of shape (n, 1), or None
            The output that each t of a row rises with, at a slope of 1; None where there is none.
        falls : ndarray of int of shape (n, m)
            The output that each t falls with, at a slope of -1.
        """

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        return _over_rows(self.curve(self.argument(y, raw)))

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.pullback(y, self.slope(self.argument(y, raw)))

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        curve, slope = self.curve_and_slope(self.argument(y, raw))
        return _over_rows(curve), self.pullback(y, slope)

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        if raw.ndim == 1:
            return self._curvature(self.argument(y, raw))
        return np.einsum("nkk->nk", self.hessian_matrix(y, raw)).copy()

    def hessian_product(self, y: Targets, raw: FloatArray, direction: FloatArray) -> FloatArray:
        return self.pullback(y, self._curvature(self.argument(y, raw)) * self.direction(y, direction))

    def kink_distance(self, y: Targets, raw: FloatArray) -> FloatArray:
        t = self.argument(y, raw)
        distance = np.min([np.abs(t - kink.position) for kink in self.kinks], axis=0)
        return distance if distance.ndim == 1 else distance.mean(axis=1)

    def smoothing_error(self, width: float, n_outputs: int) -> float:
        arguments = max(1, n_outputs - (self.task == "classification"))
        return arguments * sum(kink.right - kink.left for kink in self.kinks) * width / 4


def _over_rows(values):
    return values if values.ndim == 1 else values.sum(axis=1)


class ResidualLoss(ScalarLoss):
    r"""Base class of regression losses that are one curve of the residual.

    A subclass gives `curve` and `slope` as functions of the residual, and `curvature` where
    Newton's method shall take it:

    .. math::

        \ell(y, f) = \varphi(y - f)

    with :math:`y` the target, :math:`f` the prediction and :math:`\varphi` the curve.

    See Also
    --------
    sklearn_losses.losses.RobustLoss : Base class for residuals in units of their scale.
    sklearn_losses.losses.PiecewiseLinear : For piecewise linear curves.
    sklearn_losses.losses.MarginLoss : The same for classification.
    sklearn_losses.testing.check_loss : Finds faults in a loss.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import ResidualLoss
    >>> class Hypot(ResidualLoss):  # a smooth absolute error
    ...     def curve(self, t):
    ...         return np.hypot(t, 1.0)
    ...     def slope(self, t):
    ...         return t / np.hypot(t, 1.0)
    ...     def curvature(self, t):
    ...         return np.hypot(t, 1.0) ** -3.0
    >>> X, y = load_diabetes(return_X_y=True)
    >>> LossRegressor(Hypot(), alpha=0).fit(X, y).converged_
    True
    """

    task = "regression"
    residual = True

    def argument(self, y: Targets, raw: FloatArray) -> FloatArray:
        return y - raw

    def direction(self, y: Targets, change: FloatArray) -> FloatArray:
        return -change

    def pullback(self, y: Targets, slopes: FloatArray) -> FloatArray:
        return -slopes

    def argument_outputs(self, y: Targets, n_outputs: int) -> tuple[IntArray | None, IntArray]:
        return None, np.broadcast_to(np.arange(n_outputs), (len(y), n_outputs))


class MarginLoss(ScalarLoss):
    r"""Base class of classification losses that are one curve of margins.

    A subclass gives `curve` and `slope` as functions of the margin, and `curvature` where Newton's
    method shall take it. Two classes have one margin :math:`t`, the score for the second class and
    minus the score for the first. With more classes the loss is a sum over the other ones [1]_:

    .. math::

        \ell(y, f) = \sum_{j \ne y} \varphi(f_y - f_j)

    with :math:`y` the class, :math:`f_j` the score of class :math:`j` and :math:`\varphi` the
    curve. Such losses give labels but no probabilities.

    See Also
    --------
    sklearn_losses.losses.Hinge : The standard loss of this kind.
    sklearn_losses.losses.SoftmaxLoss : Base class of losses that give probabilities.
    sklearn_losses.losses.ResidualLoss : The same for regression.
    sklearn_losses.testing.check_loss : Finds faults in a loss.

    References
    ----------
    .. [1] Weston and Watkins, "Support vector machines for multi-class pattern recognition", ESANN
           1999, equation 4.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_losses import LossClassifier
    >>> from sklearn_losses.losses import MarginLoss
    >>> class Smooth(MarginLoss):
    ...     has_minimizer = False
    ...     def curve(self, t):
    ...         return np.logaddexp(0.0, -t)
    ...     def slope(self, t):
    ...         return -1 / (1 + np.exp(np.minimum(t, 500.0)))
    >>> X, y = load_iris(return_X_y=True)
    >>> LossClassifier(Smooth()).fit(X, y).score(X, y) > 0.95
    True
    """

    task = "classification"
    shift_invariant = True
    has_hessian = False  # a loss that gives its `curvature` has one

    def argument(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.direction(y, raw)

    def direction(self, y: Targets, change: FloatArray) -> FloatArray:
        if change.ndim == 1:
            return (2 * y - 1).astype(change.dtype) * change
        own = np.take_along_axis(change, y[:, None], axis=1)
        return own - np.take_along_axis(change, _other_classes(y, change.shape[1]), axis=1)

    def pullback(self, y: Targets, slopes: FloatArray) -> FloatArray:
        if slopes.ndim == 1:
            return (2 * y - 1).astype(slopes.dtype) * slopes
        gradient = np.empty((len(slopes), slopes.shape[1] + 1), dtype=slopes.dtype)
        np.put_along_axis(gradient, _other_classes(y, gradient.shape[1]), -slopes, axis=1)
        np.put_along_axis(gradient, y[:, None], slopes.sum(axis=1, keepdims=True), axis=1)
        return gradient

    def argument_outputs(self, y: Targets, n_outputs: int) -> tuple[IntArray | None, IntArray]:
        return y[:, None], _other_classes(y, n_outputs)

    # With more than two classes all that follows works on arrays of all classes, in which a row's
    # own class has a margin of 0 that does not count: that takes less time than to leave it out.

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        if raw.ndim == 1:
            return super().value_and_gradient(y, raw)
        t = _margins(y, raw)
        value, slope = self.curve_and_slope(t)
        return _without_own(y, value).sum(axis=1), _pulled(y, _without_own(y, slope))

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        if raw.ndim == 1:
            return super().hessian(y, raw)
        curvature = _without_own(y, self._curvature(_margins(y, raw)))
        curvature[np.arange(len(y)), y] = curvature.sum(axis=1)
        return curvature

    def hessian_matrix(self, y: Targets, raw: FloatArray) -> FloatArray:
        if raw.ndim == 1:
            return self.hessian(y, raw)
        curvature, rows, classes = _without_own(y, self.curvature(_margins(y, raw))), np.arange(len(y)), np.arange(raw.shape[1])
        matrix = np.zeros((*raw.shape, len(classes)), dtype=raw.dtype)
        matrix[:, classes, classes] = curvature
        matrix[rows, y] = matrix[rows, :, y] = -curvature
        matrix[rows, y, y] = curvature.sum(axis=1)
        return matrix

    def hessian_product(self, y: Targets, raw: FloatArray, direction: FloatArray) -> FloatArray:
        return self.hessian_map(y, raw)(direction)

    def hessian_map(self, y: Targets, raw: FloatArray) -> Callable[[FloatArray], FloatArray]:
        if raw.ndim == 1:
            return partial(np.multiply, self.hessian(y, raw))
        curvature = _without_own(y, self._curvature(_margins(y, raw)))

        def product(direction):
            change = _margins(y, direction)
            change *= curvature
            return _pulled(y, change)

        return product


def _margins(y, raw):
    """How far a row's own class is ahead of each class, (n, K)."""
    return raw[np.arange(len(y)), y][:, None] - raw


def _without_own(y, array):
    """An array of one number for each class, (n, K), in which that of the own class becomes 0."""
    array[np.arange(len(y)), y] = 0
    return array


def _pulled(y, slopes):
    """Slopes in the margins, (n, K), as a gradient in `raw`; in place."""
    own = slopes @ np.ones(slopes.shape[1], slopes.dtype)
    np.negative(slopes, out=slopes)
    slopes[np.arange(len(y)), y] = own
    return slopes


def _other_classes(y, n_classes):
    """The codes of the classes other than a row's own, (n, n_classes - 1)."""
    codes = np.arange(n_classes - 1)
    return codes + (codes >= y[:, None])


class PiecewiseLinear(ScalarLoss):
    r"""Base class of losses whose curve is piecewise linear, defined by its kinks.

    A subclass lists it before `ResidualLoss` or `MarginLoss` among its bases and sets `kinks`. The
    curve is

    .. math::

        \varphi(t) = \sum_m \max\bigl(l_m (t - p_m),\ r_m (t - p_m)\bigr)

    with :math:`p_m` the positions and :math:`l_m < r_m` the slopes of the kinks, and :math:`t` the
    residual or the margin. It is convex. ``solver="interior_point"`` finds the exact minimum of a
    linear model; on large data ``solver="augmented_lagrangian"`` takes less time and proves that
    the fit is within `tol` of the minimum.

    Attributes
    ----------
    kinks : tuple of Kink
        The bends of the curve.

    See Also
    --------
    sklearn_losses.losses.Kink : One bend.
    sklearn_losses.losses.Quantile : A loss of this kind for regression.
    sklearn_losses.losses.Hinge : A loss of this kind for classification.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import Kink, PiecewiseLinear, ResidualLoss
    >>> class Late(PiecewiseLinear, ResidualLoss):  # beyond 50 it costs three times as much
    ...     kinks = (Kink(0.0, -1.0, 1.0), Kink(50.0, 0.0, 2.0))
    >>> Late().value(np.array([10.0, 100.0]), np.zeros(2))
    array([ 10., 200.])
    >>> X, y = load_diabetes(return_X_y=True)
    >>> LossRegressor(Late(), alpha=0).fit(X, y).converged_
    True
    """

    smooth = False
    has_hessian = False

    @derived
    @abstractmethod
    def kinks(self) -> tuple[Kink, ...]:
        """The bends of the curve, a tuple of `Kink`."""

    def curve(self, t: FloatArray) -> FloatArray:
        total: Any = 0.0
        for position, left, right in self.kinks:
            distance = t - position
            total = total + np.maximum(left * distance, right * distance)
        return total

    def slope(self, t: FloatArray) -> FloatArray:
        # At a kink, the subgradient of least size: a row that is fitted exactly pulls no further.
        total: Any = 0.0
        for position, left, right in self.kinks:
            at_kink = min(max(0.0, left), right)
            total = total + np.select([t < position, t > position], [t.dtype.type(left), t.dtype.type(right)], at_kink)
        return total.astype(t.dtype, copy=False)

    def curvature(self, t: FloatArray) -> FloatArray:
        return np.zeros_like(t)  # off the kinks; of use beside other losses in a sum

    def smoothed(self, width: float) -> Loss:
        return Smoothed(self, width)


class Smoothed(CompositeOfOne, ScalarLoss):
    """A piecewise linear loss averaged over ``t - width ... t + width``.

    A parabola replaces each kink. It lies above the loss by at most ``(right - left) * width / 4``
    per kink, and has the same minimum value or a larger one.

    Parameters
    ----------
    loss : ScalarLoss with kinks
    width : float
        Half the length of the interval of averaging, in the units of t.
    """

    smooth = True

    def __init__(self, loss: Any, width: float) -> None:
        self.loss = loss
        self.width = width

    def with_parts(self, parts: tuple[Any, ...]) -> Loss:
        return Smoothed(parts[0], self.width)

    @property
    def label(self) -> str:
        return self.loss.label

    def smoothed(self, width: float) -> Loss:
        return self

    def curve(self, t: FloatArray) -> FloatArray:
        total: Any = 0.0
        for position, left, right in self.loss.kinks:
            distance = t - position
            inside = np.clip(distance, -self.width, self.width) + self.width
            above = np.maximum(distance - self.width, 0)
            total = total + left * distance + (right - left) * (inside**2 / (4 * self.width) + above)
        return total

    def slope(self, t: FloatArray) -> FloatArray:
        total: Any = 0.0
        for position, left, right in self.loss.kinks:
            share = np.clip((t - position) / (2 * self.width) + 0.5, 0, 1)
            total = total + left + (right - left) * share
        return total

    def curvature(self, t: FloatArray) -> FloatArray:
        total: Any = 0.0
        for position, left, right in self.loss.kinks:
            total = total + (right - left) / (2 * self.width) * (np.abs(t - position) < self.width)
        return total.astype(t.dtype, copy=False)

    def argument(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.loss.argument(y, raw)

    def direction(self, y: Targets, change: FloatArray) -> FloatArray:
        return self.loss.direction(y, change)

    def pullback(self, y: Targets, slopes: FloatArray) -> FloatArray:
        return self.loss.pullback(y, slopes)

    def argument_outputs(self, y: Targets, n_outputs: int) -> tuple[IntArray | None, IntArray]:
        result: tuple[IntArray | None, IntArray] = self.loss.argument_outputs(y, n_outputs)
        return result
