"""What a loss is: a function of a row's target and raw prediction, with its derivatives.

The target is called `y`, the raw prediction `raw`; derivatives are in `raw`. A loss knows no data,
no weights and no model, keeps no state and changes nothing that it is given. Most losses here are a
curve of one number: of the residual ``y - raw`` (`ResidualLoss`) or of a classification margin
(`MarginLoss`), so a new one states its curve, slope and curvature and gets the rest. Where that
curve is made of straight pieces (`PiecewiseLinear`) it states the kinks alone.

Shapes: `raw` is (n,) for one output and (n, K) for K; `y` is (n,) floats for regression and (n,)
integer codes for classes.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np

from sklearn_losses.core.component import Component
from sklearn_losses.losses.annotations import FloatArray, Targets
from sklearn_losses.losses.facts import Facts
from sklearn_losses.losses.recipe import Recipe

__all__ = ["Loss"]

ELSEWHERE = {  # scikit-learn's metrics and the losses of Keras, PyTorch and the boosting libraries
    "mean_squared_error": "mse",
    "root_mean_squared_error": "mse",
    "rmse": "mse",
    "r2": "mse",
    "r2_score": "mse",
    "l2": "mse",
    "mean_absolute_error": "mae",
    "median_absolute_error": "mae",
    "l1": "mae",
    "mean_pinball_loss": "quantile",
    "smooth_l1": "huber",
    "mean_poisson_deviance": "poisson",
    "mean_gamma_deviance": "gamma",
    "mean_tweedie_deviance": "tweedie",
    "logcosh": "log_cosh",
    "logistic": "cross_entropy",
    "log_loss": "cross_entropy",
    "bce": "cross_entropy",
    "binary_crossentropy": "cross_entropy",
    "categorical_crossentropy": "cross_entropy",
    "sparse_categorical_crossentropy": "cross_entropy",
    "hinge_loss": "hinge",
    "svm": "hinge",
    "ndcg": "lambdarank",
}
FAR = 1e4  # a raw prediction beyond which nothing changes but by overflow


class Loss(Facts, Recipe, Component, ABC, family="loss"):
    """Base class of all losses.

    Its facts (`Facts`) say what is true of it, its recipe (`Recipe`) how it is fitted; the methods
    here are its mathematics. An author writes all of them as plain attributes and methods of one
    class. A loss made of other losses takes all facts from its parts, by the rules of `Composite`;
    a new fact needs a rule there.

    Attributes
    ----------
    examples : tuple of dict
        Parameter sets, besides the defaults, that every generated test runs.
    """

    known_elsewhere: ClassVar[dict[str, str]] = ELSEWHERE
    renamed: ClassVar[dict[str, str]] = Component.renamed | {
        "attained": "has_minimizer",
        "by_steps": "stochastic_only",
        "pilot": "initial_estimator",
        "pilot_alpha": "initial_alpha",
        "rivals": "max_affine",
    }
    examples: ClassVar[tuple[dict[str, Any], ...]] = ()
    # A subclass that defines one of these methods has a Hessian.
    hessian_from: ClassVar[tuple[str, ...]] = ("hessian", "hessian_product")
    # What makes a loss of a plain function; the module `custom` enters its class here.
    of_function: ClassVar[Any] = None
    # What adds losses; the module `aggregation` enters its class here.
    weighted_sum: ClassVar[Any] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not isinstance(cls.has_hessian, property):
            cls.has_hessian = _has_hessian(cls)

    @abstractmethod
    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
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
    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        """Derivative of `value` in `raw`, of the shape of `raw`; a subgradient at a kink."""

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Both at once; losses whose two share work override this."""
        return self.value(y, raw), self.gradient(y, raw)

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        """Second derivative of `value` in each entry of `raw`, of the shape of `raw`.

        For K outputs it is the diagonal.
        """
        raise NotImplementedError(f"loss {self.label!r} has no Hessian; use a solver that needs none, such as 'lbfgs'.")

    def hessian_product(self, y: Targets, raw: FloatArray, direction: FloatArray) -> FloatArray:
        """The second derivative in `raw` applied to `direction`, row by row.

        It has the shape of `raw`.
        """
        return self.hessian(y, raw) * direction

    def hessian_map(self, y: Targets, raw: FloatArray) -> Callable[[FloatArray], FloatArray]:
        """``direction -> hessian_product(y, raw, direction)``, for many directions at one point.

        A loss whose products share work overrides it; the map may keep arrays of the size of `raw`.
        """
        return partial(self.hessian_product, y, raw)

    def hessian_matrix(self, y: Targets, raw: FloatArray) -> FloatArray:
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

    def hessian_factors(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray] | None:
        """The second derivative of each row as a diagonal less the product of a vector with itself.

        Returns
        -------
        tuple of (ndarray of shape (n, K), ndarray of shape (n, K)) or None
            The diagonal, never negative, and the vector; None where it has no such form, or K is 1.
        """
        return None

    def inverse_link(self, raw: FloatArray) -> FloatArray:
        """Raw prediction -> prediction in the target's units, or class probabilities."""
        return raw

    def link(self, prediction: FloatArray) -> FloatArray:
        """The inverse of `inverse_link`, for scores of predictions."""
        return prediction

    def smoothed(self, width: float) -> "Loss":
        """A smooth loss uniformly within O(width) of this one.

        It is the loss itself where that is smooth.
        """
        if self.smooth:
            return self
        raise NotImplementedError(f"loss {self.label!r} is not smooth and has no smoothed form; use solver='adam' or 'sgd'.")

    def spread(self, width: float) -> "Loss":
        """This loss with second derivatives that are means over a `width` of its argument each way.

        Values and gradients stay. Where second derivatives jump, a step that moves predictions by
        about `width` meets this mean and not what is at its start. Itself for all other losses.
        """
        return self

    def kink_distance(self, y: Targets, raw: FloatArray) -> FloatArray:
        """About how far each row is from where the gradient jumps, (n,).

        It is a width to start smoothing with.
        """
        return np.abs(raw) if raw.ndim == 1 else np.abs(raw).mean(axis=1)

    def smoothing_error(self, width: float, n_outputs: int) -> float:
        """A bound on how far ``smoothed(width)`` is from this loss."""
        return 0.0

    def shortfall(self, y: Targets, raw: FloatArray, gradient: FloatArray) -> FloatArray | None:
        """How far `gradient` is from the loss's own gradient at `raw`, (n,).

        It is the loss plus its conjugate less the product of `raw` and `gradient`. Never negative,
        and 0 for a (sub)gradient at `raw` itself. Losses that are not smooth and have no kinks say
        it, so that fits are certified where every parameter has a penalty; None stands for unknown.
        """
        return None

    def trend(self, y: Targets, raw: FloatArray) -> FloatArray:
        """The sign of how a row's loss changes as `raw` grows from 0 by a factor, (n,).

        It is above 0 where the loss rises in the end. A loss without a minimum (see
        `has_minimizer`) that rises in no row and falls in some has none for the fit either.
        """
        size = np.max(np.abs(raw), initial=0.0) or 1.0
        start, here, far = (self._slope_along(y, raw * raw.dtype.type(scale), raw) for scale in (1 / size, 1.0, FAR / size))
        return np.sign(np.where(far > 0, far, np.where(here > 0, here, start)))

    def _slope_along(self, y, point, direction):
        if self.shift_invariant and direction.ndim == 2:
            # Of a score far ahead of the others the slope is the rounding error of 1 less a
            # probability.
            direction = direction - direction.max(axis=1, keepdims=True)
        return (self.gradient(y, point) * direction).reshape(len(direction), -1).sum(axis=1)

    def __mul__(self, weight: float) -> "Loss":
        return Loss.weighted_sum.of([(weight, self)])

    __rmul__ = __mul__

    def __add__(self, other: "Loss | str") -> "Loss":
        return Loss.weighted_sum.of([(1.0, self), (1.0, other)])

    @classmethod
    def _make_other(cls, spec):
        if isinstance(spec, Loss.of_function):
            return spec
        return Loss.of_function(spec) if callable(spec) and not isinstance(spec, type) else super()._make_other(spec)


def _has_hessian(kind):
    """Whether a class has a Hessian, by its own word or by the methods that it defines.

    The first of the class and its bases that states the fact, or defines a method, decides.
    """
    for each in kind.__mro__:
        if each is Loss or "has_hessian" in vars(each):
            return each.has_hessian
        if not vars(each).keys().isdisjoint(kind.hessian_from):
            return True
    return False
