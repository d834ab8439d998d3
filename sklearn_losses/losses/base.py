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
    r"""Base class of all losses: a function of a row's target and raw prediction, with derivatives.

    A subclass gives `value` and `gradient`, and `hessian` (for several outputs `hessian_product`)
    where Newton's method shall take it. A fit minimises

    .. math::

        \frac{1}{\sum_i w_i} \sum_i w_i\, \ell(y_i, f_i)

    plus the penalty, with :math:`y_i` the target, :math:`f_i` the raw prediction and :math:`w_i`
    the weight of row :math:`i`. A loss does not depend on the rows of the data, their weights or
    the model, keeps no state and does not change its arguments. Class attributes describe its
    properties; the defaults below are those of most losses. The class keyword ``name="mine"``
    registers the loss under a name that estimators accept.

    Attributes
    ----------
    task : {"regression", "classification", "ranking"}
        Which estimator takes the loss.
    smooth : bool
        The gradient is continuous; True by default. Solvers that need that get ``smoothed(width)``
        where it is not.
    convex : bool
        Convex in `raw`; True by default.
    has_hessian : bool
        There are second derivatives. It follows from the methods that a class defines; a class that
        defines one and has none after all states False.
    hessian_bound : bool
        The Hessian is an upper bound of the second derivatives that is never negative, as in
        iteratively reweighted least squares: Newton's method then takes a loss that is not convex.
    quadratic : bool
        The Hessian is the same at every `raw`, so that one system of equations gives the minimum.
    has_probabilities : bool
        `inverse_link` gives class probabilities.
    shift_invariant : bool
        A number added to all K > 1 raw outputs of a row changes nothing, as for softmax.
    has_minimizer : bool
        Whether the loss of a row has a minimum; that of cross-entropy decreases without end as the
        score of its class grows.
    rowwise : bool
        The loss of a row depends on its own raw prediction alone; ranking losses look at all rows
        of a query.
    kinks : tuple of Kink
        The kinks of a piecewise linear loss; empty for all others.
    residual : bool
        For one real target, a function of ``y - raw`` alone.
    positive_target : bool
        Targets must not be negative.
    soft_labels : bool
        A classification loss that takes probabilities as targets by itself; others get
        `SoftLabels`.
    initial_estimator : str, Loss or None
        A loss that is fitted first, for a start and for what `calibrated` takes from it.
    examples : tuple of dict
        Parameter sets, besides the defaults, that the generated tests of the package run.

    See Also
    --------
    sklearn_losses.losses.CustomLoss : A loss from a plain function, without derivatives.
    sklearn_losses.losses.ResidualLoss : Base class for a curve of the residual.
    sklearn_losses.losses.MarginLoss : Base class for a curve of classification margins.
    sklearn_losses.testing.check_loss : Finds faults in a loss.

    Notes
    -----
    Shapes: `raw` is (n,) for one output and (n, K) for K; `y` is (n,) floats for regression and
    (n,) integer codes for classes. float32 in means float32 out.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import Loss
    >>> class RelativeError(Loss):
    ...     task = "regression"
    ...     def value(self, y, raw):
    ...         return ((y - raw) / y) ** 2
    ...     def gradient(self, y, raw):
    ...         return -2 * (y - raw) / y**2
    ...     def hessian(self, y, raw):
    ...         return 2 / y**2
    >>> X, y = load_diabetes(return_X_y=True)
    >>> LossRegressor(RelativeError()).fit(X, y).solver_
    'newton'
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
        """Return the loss of each row.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        raw : ndarray of shape (n,) or (n, K)
            Raw predictions; K columns for K outputs.

        Returns
        -------
        ndarray of shape (n,)
            The losses, in the dtype of `raw`.
        """

    @abstractmethod
    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        """Return the derivative of the loss in `raw`; at a kink, one of its subgradients.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        raw : ndarray of shape (n,) or (n, K)
            Raw predictions; K columns for K outputs.

        Returns
        -------
        ndarray of the shape of `raw`
            The derivatives of the loss of each row.
        """

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return `value` and `gradient` at once; override it where the two share work.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        raw : ndarray of shape (n,) or (n, K)
            Raw predictions; K columns for K outputs.

        Returns
        -------
        value : ndarray of shape (n,)
            The losses.
        gradient : ndarray of the shape of `raw`
            Their derivatives.
        """
        return self.value(y, raw), self.gradient(y, raw)

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        """Return the second derivative in each raw prediction; for K outputs, the diagonal.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        raw : ndarray of shape (n,) or (n, K)
            Raw predictions; K columns for K outputs.

        Returns
        -------
        ndarray of the shape of `raw`
            The second derivatives.

        Raises
        ------
        NotImplementedError
            If the loss has no second derivatives.
        """
        raise NotImplementedError(f"The loss {self.label!r} has no Hessian; use a solver that needs none, such as 'lbfgs'.")

    def hessian_product(self, y: Targets, raw: FloatArray, direction: FloatArray) -> FloatArray:
        """Return the second derivative of each row times a direction.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        raw : ndarray of shape (n,) or (n, K)
            Raw predictions; K columns for K outputs.
        direction : ndarray of the shape of `raw`
            Change of the raw predictions.

        Returns
        -------
        ndarray of the shape of `raw`
            The products.
        """
        return self.hessian(y, raw) * direction

    def hessian_map(self, y: Targets, raw: FloatArray) -> Callable[[FloatArray], FloatArray]:
        """Return `hessian_product` at one point as a function, for many directions.

        A loss whose products share work overrides it. The function may keep arrays of the size of
        `raw`.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        raw : ndarray of shape (n,) or (n, K)
            Raw predictions; K columns for K outputs.

        Returns
        -------
        callable
            ``function(direction) -> hessian_product(y, raw, direction)``.
        """
        return partial(self.hessian_product, y, raw)

    def hessian_matrix(self, y: Targets, raw: FloatArray) -> FloatArray:
        """Return the second derivative of each row as a matrix.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        raw : ndarray of shape (n,) or (n, K)
            Raw predictions; K columns for K outputs.

        Returns
        -------
        ndarray of shape (n,) or (n, K, K)
            A number per row for one output, a symmetric matrix for K.
        """
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
        """Return the second derivative of each row as a diagonal less the square of a vector.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        raw : ndarray of shape (n,) or (n, K)
            Raw predictions; K columns for K outputs.

        Returns
        -------
        tuple of (ndarray of shape (n, K), ndarray of shape (n, K)) or None
            The diagonal, never negative, and the vector v, of which ``outer(v, v)`` is subtracted;
            None where the second derivative has no such form, or K is 1.
        """
        return None

    def inverse_link(self, raw: FloatArray) -> FloatArray:
        """Turn raw predictions into predictions: values of the target, or class probabilities.

        Parameters
        ----------
        raw : ndarray of shape (n,) or (n, K)
            Raw predictions.

        Returns
        -------
        ndarray of the shape of `raw`
            The predictions; the raw ones by default.
        """
        return raw

    def link(self, prediction: FloatArray) -> FloatArray:
        """Turn predictions into raw predictions: the inverse of `inverse_link`.

        Parameters
        ----------
        prediction : ndarray of shape (n,) or (n, K)
            Values of the target, or class probabilities.

        Returns
        -------
        ndarray of the shape of `prediction`
            The raw predictions.
        """
        return prediction

    def smoothed(self, width: float) -> "Loss":
        """Return a smooth loss that is close to this one everywhere; itself if it is smooth.

        Parameters
        ----------
        width : float
            How far around a kink the loss may change, in units of `raw`. A smaller one is closer
            and harder to minimise.

        Returns
        -------
        Loss
            A loss that differs from this one by at most `smoothing_error`.

        Raises
        ------
        NotImplementedError
            If the loss is not smooth and has no smoothed form.
        """
        if self.smooth:
            return self
        raise NotImplementedError(
            f"The loss {self.label!r} is not smooth and has no smoothed form; use solver='adam' or 'sgd'."
        )

    def spread(self, width: float) -> "Loss":
        """Return this loss with second derivatives averaged over a width; itself if none jumps.

        Values and gradients stay. A step that moves predictions by about `width` meets this average
        and not the second derivatives where it starts.

        Parameters
        ----------
        width : float
            How far each way to average, in units of the residual or the margin.

        Returns
        -------
        Loss
            The same loss with other second derivatives.
        """
        return self

    def kink_distance(self, y: Targets, raw: FloatArray) -> FloatArray:
        """Return about how far each row is from where the gradient jumps.

        It is a width to start smoothing with.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        raw : ndarray of shape (n,) or (n, K)
            Raw predictions; K columns for K outputs.

        Returns
        -------
        ndarray of shape (n,)
            Distances in units of `raw`.
        """
        return np.abs(raw) if raw.ndim == 1 else np.abs(raw).mean(axis=1)

    def smoothing_error(self, width: float, n_outputs: int) -> float:
        """Return a bound of the difference between ``smoothed(width)`` and this loss.

        Parameters
        ----------
        width : float
            The width of the smoothing.
        n_outputs : int
            Raw predictions per row.

        Returns
        -------
        float
            The bound; 0 for a smooth loss.
        """
        return 0.0

    def shortfall(self, y: Targets, raw: FloatArray, gradient: FloatArray) -> FloatArray | None:
        """Return the gap of a slope: the loss plus its convex conjugate minus their product.

        It is never negative, and 0 if `gradient` is a (sub)gradient at `raw`. Losses that are
        neither smooth nor piecewise linear define it, so that a duality gap of their fits can be
        computed.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        raw : ndarray of shape (n,) or (n, K)
            Raw predictions; K columns for K outputs.
        gradient : ndarray of the shape of `raw`
            Slopes of each row.

        Returns
        -------
        ndarray of shape (n,) or None
            The differences; None if they are not known.
        """
        return None

    def trend(self, y: Targets, raw: FloatArray) -> FloatArray:
        """Return the sign of how the loss of a row changes as its raw prediction grows by a factor.

        A loss without a minimum (see `has_minimizer`) that rises in no row and falls in some has
        none for the fit either.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets, or integer codes of classes.
        raw : ndarray of shape (n,) or (n, K)
            Raw predictions; K columns for K outputs.

        Returns
        -------
        ndarray of shape (n,)
            Above 0 where the loss rises in the end, below 0 where it falls.
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
