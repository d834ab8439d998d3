"""What a loss is: a pure function of a row's target `y` and its raw prediction `raw`, with its derivatives in `raw`.

A loss knows no data, no weights and no model, keeps no state and changes nothing that it is given. Most losses here are a
curve of one number: of the residual ``y - raw`` (`ResidualLoss`) or of a classification margin (`MarginLoss`), so a new
one states its curve, slope and curvature and gets the rest. Where that curve is made of straight pieces
(`PiecewiseLinear`) it states the kinks alone.

Shapes: `raw` is (n,) for one output and (n, K) for K; `y` is (n,) floats for regression and (n,) integer codes for classes.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from sklearn_losses.component import Component

__all__ = ["Kink", "Loss", "MarginLoss", "MeanOverTargets", "PiecewiseLinear", "ResidualLoss", "ScalarLoss", "Smoothed"]


class Loss(Component, ABC, family="loss"):
    """Base class of all losses.

    Attributes
    ----------
    task : {"regression", "classification"}
        Which estimator takes it.
    smooth : bool
        The gradient is continuous. Solvers that need that get ``smoothed(width)`` where it is not.
    convex : bool
        Convex in `raw`.
    has_hessian : bool
        `hessian` and `hessian_product` are there.
    has_probabilities : bool
        `inverse_link` gives class probabilities.
    shift_invariant : bool
        Adding one number to all K > 1 raw outputs of a row changes nothing, as for softmax.
    attained : bool
        A row's loss has a minimum; that of cross-entropy falls for ever as the score of its class grows.
    kinks : tuple of Kink
        The bends of a loss made of straight pieces; empty for all others.
    examples : tuple of dict
        Parameter sets, besides the defaults, that every generated test runs.
    """

    task = None
    smooth = True
    convex = True
    has_hessian = True
    has_probabilities = False
    shift_invariant = False
    attained = True
    kinks = ()
    examples = ()
    recipe = None  # what makes a loss of a plain function; the module `custom` enters its class here

    @abstractmethod
    def value(self, y, raw):
        """The loss of each row.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        raw : ndarray of shape (n,) or (n, K)
            Raw predictions.

        Returns
        -------
        ndarray of shape (n,)
        """

    @abstractmethod
    def gradient(self, y, raw):
        """Derivative of `value` in `raw`, of the shape of `raw`; a subgradient at a kink."""

    def value_and_gradient(self, y, raw):
        """Both at once; losses whose two share work override this."""
        return self.value(y, raw), self.gradient(y, raw)

    def hessian(self, y, raw):
        """Second derivative of `value` in each entry of `raw`, of the shape of `raw` (the diagonal for K outputs)."""
        raise NotImplementedError(f"loss {self.label!r} has no Hessian; use a solver that needs none, such as 'lbfgs'.")

    def hessian_product(self, y, raw, direction):
        """The second derivative in `raw` applied to `direction`, row by row; of the shape of `raw`."""
        return self.hessian(y, raw) * direction

    def hessian_matrix(self, y, raw):
        """The second derivative of each row: (n,) for one output, (n, K, K) for K."""
        if raw.ndim == 1:
            return self.hessian(y, raw)
        matrix = np.empty((*raw.shape, raw.shape[1]), dtype=raw.dtype)
        unit = np.zeros_like(raw)
        for output in range(raw.shape[1]):
            unit[:, output] = 1
            matrix[:, :, output] = self.hessian_product(y, raw, unit)
            unit[:, output] = 0
        return matrix

    def inverse_link(self, raw):
        """Raw prediction -> prediction in the target's units, or class probabilities."""
        return raw

    def smoothed(self, width):
        """A smooth loss uniformly within O(width) of this one; the loss itself where it is smooth."""
        if self.smooth:
            return self
        raise NotImplementedError(f"loss {self.label!r} is not smooth and has no smoothed form; use solver='adam' or 'sgd'.")

    def best_constant(self, y, sample_weight, n_outputs):
        """The raw prediction that intercepts start from; the minimiser over constants where that is cheap.

        Parameters
        ----------
        y : ndarray of shape (n,)
        sample_weight : ndarray of shape (n,)
            Non-negative, with mean 1.
        n_outputs : int

        Returns
        -------
        ndarray of shape (n_outputs,)
        """
        return np.zeros(n_outputs)

    def check_target(self, y):
        """Raise ValueError where a target is outside the loss's domain."""

    def bind(self, y, n_outputs, task):
        """The loss made ready for one fit: a new object where it depends on the data, else itself."""
        return self

    @classmethod
    def _make_other(cls, spec):
        if isinstance(spec, Loss.recipe):
            return spec
        return Loss.recipe(spec) if callable(spec) and not isinstance(spec, type) else super()._make_other(spec)


class Kink(NamedTuple):
    """One bend of a piecewise linear curve: ``max(left * (t - position), right * (t - position))``, left < right."""

    position: float
    left: float
    right: float


class ScalarLoss(Loss):
    """A loss that is the sum of one curve over one or more numbers t, each an affine function of the row's `raw`.

    Families say what t is (`argument`, `direction`, `pullback`); losses say the curve.
    """

    @abstractmethod
    def curve(self, t):
        """The loss as a function of t."""

    @abstractmethod
    def slope(self, t):
        """Its derivative."""

    def curvature(self, t):
        """Its second derivative; losses without one declare ``has_hessian = False``."""
        raise NotImplementedError(f"loss {self.label!r} has no Hessian; use a solver that needs none, such as 'lbfgs'.")

    @abstractmethod
    def argument(self, y, raw):
        """t, an affine function of `raw`: (n,), or (n, m) where a row has m of them."""

    @abstractmethod
    def direction(self, y, change):
        """The change of t when `raw` changes by `change`: the linear part of `argument`."""

    @abstractmethod
    def pullback(self, y, slopes):
        """The adjoint of `direction`: derivatives in t -> derivatives in `raw`."""

    def value(self, y, raw):
        return _over_rows(self.curve(self.argument(y, raw)))

    def gradient(self, y, raw):
        return self.pullback(y, self.slope(self.argument(y, raw)))

    def value_and_gradient(self, y, raw):
        t = self.argument(y, raw)
        return _over_rows(self.curve(t)), self.pullback(y, self.slope(t))

    def hessian(self, y, raw):
        if raw.ndim == 1:
            return self.curvature(self.argument(y, raw))
        return np.einsum("nkk->nk", self.hessian_matrix(y, raw)).copy()

    def hessian_product(self, y, raw, direction):
        return self.pullback(y, self.curvature(self.argument(y, raw)) * self.direction(y, direction))


def _over_rows(values):
    return values if values.ndim == 1 else values.sum(axis=1)


class ResidualLoss(ScalarLoss):
    """A regression loss that depends on the residual ``t = y - raw`` alone."""

    task = "regression"

    def argument(self, y, raw):
        return y - raw

    def direction(self, y, change):
        return -change

    def pullback(self, y, slopes):
        return -slopes


class MarginLoss(ScalarLoss):
    """A classification loss that depends on margins alone.

    Two classes have one margin, ``t = raw`` for class 1 and ``-raw`` for class 0. With more, the loss is the sum over the
    other classes of the curve at ``t = raw[own class] - raw[other class]`` (Weston and Watkins 1999).
    """

    task = "classification"
    shift_invariant = True

    def argument(self, y, raw):
        return self.direction(y, raw)

    def direction(self, y, change):
        if change.ndim == 1:
            return (2 * y - 1).astype(change.dtype) * change
        own = np.take_along_axis(change, y[:, None], axis=1)
        return own - np.take_along_axis(change, _other_classes(y, change.shape[1]), axis=1)

    def pullback(self, y, slopes):
        if slopes.ndim == 1:
            return (2 * y - 1).astype(slopes.dtype) * slopes
        gradient = np.empty((len(slopes), slopes.shape[1] + 1), dtype=slopes.dtype)
        np.put_along_axis(gradient, _other_classes(y, gradient.shape[1]), -slopes, axis=1)
        np.put_along_axis(gradient, y[:, None], slopes.sum(axis=1, keepdims=True), axis=1)
        return gradient


def _other_classes(y, n_classes):
    """The codes of the classes other than a row's own, (n, n_classes - 1)."""
    codes = np.arange(n_classes - 1)
    return codes + (codes >= y[:, None])


class PiecewiseLinear:
    """Mixin of a `ScalarLoss` whose curve is made of straight pieces: its kinks say everything."""

    smooth = False
    has_hessian = False

    @property
    @abstractmethod
    def kinks(self):
        """The bends of the curve, a tuple of `Kink`."""

    def curve(self, t):
        total = 0.0
        for position, left, right in self.kinks:
            distance = t - position
            total = total + np.maximum(left * distance, right * distance)
        return total

    def slope(self, t):
        # At a kink, the subgradient of least size: a row that is fitted exactly pulls no further.
        total = 0.0
        for position, left, right in self.kinks:
            at_kink = min(max(0.0, left), right)
            total = total + np.select([t < position, t > position], [t.dtype.type(left), t.dtype.type(right)], at_kink)
        return total.astype(t.dtype, copy=False)

    def smoothed(self, width):
        return Smoothed(self, width)


class Smoothed(ScalarLoss):
    """A piecewise linear loss averaged over ``t - width ... t + width``: a parabola replaces each kink.

    It lies above the loss by at most ``(right - left) * width / 4`` per kink, and has the same minimum value or a larger one.

    Parameters
    ----------
    loss : ScalarLoss with kinks
    width : float
        Half the length of the interval of averaging, in the units of t.
    """

    def __init__(self, loss, width):
        self.loss = loss
        self.width = width

    @property
    def task(self):
        return self.loss.task

    @property
    def shift_invariant(self):
        return self.loss.shift_invariant

    @property
    def label(self):
        return self.loss.label

    def curve(self, t):
        total = 0.0
        for position, left, right in self.loss.kinks:
            distance = t - position
            inside = np.clip(distance, -self.width, self.width) + self.width
            above = np.maximum(distance - self.width, 0)
            total = total + left * distance + (right - left) * (inside**2 / (4 * self.width) + above)
        return total

    def slope(self, t):
        total = 0.0
        for position, left, right in self.loss.kinks:
            share = np.clip((t - position) / (2 * self.width) + 0.5, 0, 1)
            total = total + left + (right - left) * share
        return total

    def curvature(self, t):
        total = 0.0
        for position, left, right in self.loss.kinks:
            total = total + (right - left) / (2 * self.width) * (np.abs(t - position) < self.width)
        return total.astype(t.dtype, copy=False)

    def argument(self, y, raw):
        return self.loss.argument(y, raw)

    def direction(self, y, change):
        return self.loss.direction(y, change)

    def pullback(self, y, slopes):
        return self.loss.pullback(y, slopes)


class MeanOverTargets(Loss):
    """A regression loss for several targets at once: its mean over them, as in scikit-learn's metrics.

    Parameters
    ----------
    loss : Loss
        The loss of one target; `y` and `raw` are (n, n_targets) here.
    n_targets : int
    """

    task = "regression"

    def __init__(self, loss, n_targets):
        self.loss = loss
        self.n_targets = n_targets

    @property
    def smooth(self):
        return self.loss.smooth

    @property
    def convex(self):
        return self.loss.convex

    @property
    def label(self):
        return self.loss.label

    @property
    def has_hessian(self):
        return self.loss.has_hessian

    def value(self, y, raw):
        return self.loss.value(y.ravel(), raw.ravel()).reshape(y.shape).mean(axis=1)

    def gradient(self, y, raw):
        return self.loss.gradient(y.ravel(), raw.ravel()).reshape(y.shape) / self.n_targets

    def value_and_gradient(self, y, raw):
        value, gradient = self.loss.value_and_gradient(y.ravel(), raw.ravel())
        return value.reshape(y.shape).mean(axis=1), gradient.reshape(y.shape) / self.n_targets

    def hessian(self, y, raw):
        return self.loss.hessian(y.ravel(), raw.ravel()).reshape(y.shape) / self.n_targets

    @property
    def kinks(self):
        return tuple(Kink(k.position, k.left / self.n_targets, k.right / self.n_targets) for k in self.loss.kinks)

    def argument(self, y, raw):
        return self.loss.argument(y, raw)

    def direction(self, y, change):
        return self.loss.direction(y, change)

    def pullback(self, y, slopes):
        return self.loss.pullback(y, slopes)

    def inverse_link(self, raw):
        return self.loss.inverse_link(raw)

    def smoothed(self, width):
        return MeanOverTargets(self.loss.smoothed(width), self.n_targets)

    def best_constant(self, y, sample_weight, n_outputs):
        return np.concatenate([self.loss.best_constant(target, sample_weight, 1) for target in y.T])

    def check_target(self, y):
        self.loss.check_target(y.ravel())
