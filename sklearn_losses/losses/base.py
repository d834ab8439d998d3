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
from scipy.optimize import brentq, minimize, minimize_scalar

from sklearn_losses.core.component import Component

__all__ = [
    "Composite",
    "EachTarget",
    "Kink",
    "Loss",
    "MarginLoss",
    "MeanOverTargets",
    "PiecewiseLinear",
    "ResidualLoss",
    "ScalarLoss",
    "Smoothed",
]

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


class Loss(Component, ABC, family="loss"):
    """Base class of all losses.

    Attributes
    ----------
    task : {"regression", "classification", "ranking"}
        Which estimator takes it.
    smooth : bool
        The gradient is continuous. Solvers that need that get ``smoothed(width)`` where it is not.
    convex : bool
        Convex in `raw`.
    has_hessian : bool
        `hessian` and `hessian_product` are there.
    hessian_bound : bool
        They give no second derivative but a bound on it from above that is never negative, as in iteratively
        reweighted least squares: Newton's method then takes a loss that is not convex.
    has_probabilities : bool
        `inverse_link` gives class probabilities.
    shift_invariant : bool
        Adding one number to all K > 1 raw outputs of a row changes nothing, as for softmax.
    has_minimizer : bool
        A row's loss has a minimum; that of cross-entropy falls for ever as the score of its class grows.
    rowwise : bool
        The loss of a row depends on its own raw prediction alone; ranking losses look at all rows of a query.
    kinks : tuple of Kink
        The bends of a loss made of straight pieces; empty for all others.
    rivals : float
        The loss is this number times the largest of the entries of ``violations(y, raw)``, (n, K), as for Crammer and Singer; 0
        where it is no such maximum.
    examples : tuple of dict
        Parameter sets, besides the defaults, that every generated test runs.
    residual : bool
        For one real target, a function of ``y - raw`` alone.
    positive_target : bool
        Targets must not be negative.
    soft_labels : bool
        A classification loss that takes probabilities as targets by itself; others get their expectation, see `SoftLabels`.
    initial_estimator : str, Loss or None
        A loss that the estimator fits first. Its raw predictions go to `calibrated`; a linear fit starts from its parameters.
    n_init : int
        Starts of a deterministic fit, of which the best is kept: the pilot's, and those of pilots with random weights.
    n_constants : int
        Numbers learned with the coefficients, the same for all rows (a scale, a threshold): further columns of `raw`.
    start_constants : tuple of float
        Where they start.
    constant_units : tuple of float, or None
        How far each moves while a raw prediction moves by 1, about: solvers see the constants over these, so that the units
        of the targets do not matter. None stands for 1.
    stochastic_only : bool
        Made for steps on batches: its exact minimum is of no use.
    starts_from : str, Loss or None
        The loss whose minimum is where the fit of this one starts (ranking losses).
    moving : bool
        The weights of its pairs depend on the current ranking. A fit holds them fixed
        (`Queries.with_fixed_ranking`), minimises, and takes them anew; with fixed weights the loss is as smooth and
        convex as it says.
    measure : tuple or None
        Kind of gain and largest rank of the NDCG by which a fit of a moving loss compares rankings.
    needs_gains : bool
        Relevances must not be negative, and must be whole numbers for gains ``2**relevance - 1``.

    A loss made of other losses takes each of these from its parts, by the rules of `Composite`: a new one needs a rule there.
    """

    known_elsewhere = ELSEWHERE
    renamed = Component.renamed | {
        "attained": "has_minimizer",
        "by_steps": "stochastic_only",
        "pilot": "initial_estimator",
        "pilot_alpha": "initial_alpha",
    }
    task = None
    smooth = True
    convex = True
    has_hessian = True
    hessian_bound = False
    has_probabilities = False
    shift_invariant = False
    has_minimizer = True
    rowwise = True
    kinks = ()
    rivals = 0.0
    examples = ()
    residual = False
    positive_target = False
    soft_labels = False
    initial_estimator = None
    n_init = 1
    n_constants = 0
    start_constants = ()
    constant_units = None
    stochastic_only = False
    starts_from = None
    moving = False
    measure = None
    needs_gains = False
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

    def link(self, prediction):
        """The inverse of `inverse_link`, for scores of predictions."""
        return prediction

    def smoothed(self, width):
        """A smooth loss uniformly within O(width) of this one; the loss itself where it is smooth."""
        if self.smooth:
            return self
        raise NotImplementedError(f"loss {self.label!r} is not smooth and has no smoothed form; use solver='adam' or 'sgd'.")

    def kink_distance(self, y, raw):
        """About how far each row is from where the gradient jumps, (n,): a width to start smoothing with."""
        return np.abs(raw) if raw.ndim == 1 else np.abs(raw).mean(axis=1)

    def smoothing_error(self, width, n_outputs):
        """A bound on how far ``smoothed(width)`` is from this loss."""
        return 0.0

    def shortfall(self, y, raw, gradient):
        """How far `gradient` is from the loss's own at `raw`: its value plus its conjugate's less their product, (n,).

        Never negative, and 0 for a (sub)gradient at `raw` itself. Losses that are not smooth and have no kinks say it, so that
        fits are certified where every parameter has a penalty; None stands for unknown.
        """
        return None

    def best_constant(self, y, sample_weight, n_outputs):
        """The raw prediction that intercepts start from: the minimiser over constants, found numerically.

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
        if self.task == "classification":
            return best_scores(self, y, sample_weight, n_outputs)
        return np.array([best_number(self, y, sample_weight)])

    def trend(self, y, raw):
        """The sign of how a row's loss goes as `raw` grows from 0 by a factor, (n,): above 0 where it rises in the end.

        A loss without a minimum (see `has_minimizer`) that rises in no row and falls in some has none for the fit either.
        """
        size = np.max(np.abs(raw), initial=0.0) or 1.0
        start, here, far = (self._slope_along(y, raw * raw.dtype.type(scale), raw) for scale in (1 / size, 1.0, FAR / size))
        return np.sign(np.where(far > 0, far, np.where(here > 0, here, start)))

    def _slope_along(self, y, point, direction):
        return (self.gradient(y, point) * direction).reshape(len(direction), -1).sum(axis=1)

    def null_loss(self, y, sample_weight):
        """The weighted mean loss of the best constant prediction: the size of the loss, for one target of a regression.

        Parameters
        ----------
        y : ndarray of shape (n,)
        sample_weight : ndarray of shape (n,)

        Returns
        -------
        float
        """
        constant = np.full(len(y), self.best_constant(y, sample_weight, 1)[0])
        return float(np.average(self.value(y, constant), weights=sample_weight))

    def calibrated(self, y, raw, sample_weight):
        """The loss with what it takes from the pilot's raw predictions (a scale, a start): a new object, or itself.

        Parameters
        ----------
        y, raw : ndarray of shape (n,)
            Targets and the pilot's raw predictions; (n, K) raw predictions for K outputs.
        sample_weight : ndarray of shape (n,)
        """
        return self

    def learned(self, constants):
        """Fitted attributes that the loss adds to the estimator's, from the learned constants (n_constants,): a dict."""
        return {}

    def __mul__(self, weight):
        from sklearn_losses.losses.aggregation import WeightedSum  # written in terms of this class

        return WeightedSum.of([(weight, self)])

    __rmul__ = __mul__

    def __add__(self, other):
        from sklearn_losses.losses.aggregation import WeightedSum

        return WeightedSum.of([(1.0, self), (1.0, other)])

    def initial_alpha(self, alpha, y, sample_weight):
        """The strength of the pilot's ridge, where the pilot's values are not in the units of this loss's."""
        return alpha

    def check_target(self, y):
        """Raise ValueError where a target is outside the loss's domain."""

    def bind(self, y, n_outputs, task):
        """The loss made ready for one fit: a new object where it depends on the data, else itself."""
        return self

    def among(self, codes, n_classes):
        """The loss where only the classes of these codes have rows: what a loss states by class is cut to them."""
        return self

    @classmethod
    def _make_other(cls, spec):
        if isinstance(spec, Loss.recipe):
            return spec
        return Loss.recipe(spec) if callable(spec) and not isinstance(spec, type) else super()._make_other(spec)


def _first(values):
    """The first value that says something."""
    return next((value for value in values if value is not None), None)


# What a loss made of others is, from what these are. Nothing that `Loss` declares may be missing here: see `unruled`.
RULES = {
    "task": _first,
    "smooth": all,
    "convex": all,
    "has_probabilities": all,
    "shift_invariant": all,
    "has_minimizer": all,
    "rowwise": all,
    "residual": all,
    "soft_labels": all,
    "positive_target": any,
    "stochastic_only": any,
    "moving": any,
    "needs_gains": any,
    "n_init": max,
    "initial_estimator": _first,
    "starts_from": _first,
    "measure": _first,
}
# What no part says about the whole: a class that has it states it, as `Composite` does for its Hessian.
STATED = ("has_hessian", "hessian_bound", "kinks", "rivals", "n_constants", "start_constants", "constant_units", "examples")
_REGISTRY = ("name", "family", "registry", "aliases", "known_elsewhere", "root", "parameter_constraints", "recipe", "renamed")


def facts():
    """The names of the attributes by which a `Loss` says what it is."""
    methods = (property, classmethod, staticmethod)
    return [
        name
        for name, value in vars(Loss).items()
        if not (name.startswith("_") or name in _REGISTRY or callable(value) or isinstance(value, methods))
    ]


def unruled():
    """Those of them that `Composite` would lose."""
    return [name for name in facts() if name not in RULES and name not in STATED]


class _OfParts:
    """An attribute of a `Composite` by its rule; the class or the object may state another value."""

    def __init__(self, fact):
        self.fact = fact

    def __get__(self, loss, kind=None):
        default = getattr(Loss, self.fact)
        if loss is None:
            return default
        # A plain function that is not bound yet (`CustomLoss`) says little.
        return RULES[self.fact]([getattr(part, self.fact, default) for part in loss.parts])


class Composite(Loss):
    """A loss made of other losses, its `parts`: whatever it does not state itself follows from theirs.

    A subclass gives `parts` and `with_parts`, and values and derivatives. Facts follow by the table `RULES`; methods are those
    of the parts, which a subclass need not mention.
    """

    @property
    @abstractmethod
    def parts(self):
        """The losses inside, a tuple."""

    @abstractmethod
    def with_parts(self, parts):
        """The same of other losses."""

    def map(self, change):
        """The same of ``change(part)`` for each part; the object itself where that changes none."""
        parts = tuple(change(part) for part in self.parts)
        return self if all(new is old for new, old in zip(parts, self.parts, strict=True)) else self.with_parts(parts)

    @property
    def has_hessian(self):
        # A curve of straight pieces has curvature 0 off its kinks, and its smoothed form a curvature.
        return not self.kinks and all(getattr(part, "has_hessian", False) or _kinks(part) for part in self.parts)

    @property
    def hessian_bound(self):
        bounded = all(part.convex or getattr(part, "hessian_bound", False) for part in self.parts)
        return bounded and not self.convex and self.has_hessian

    def check(self):
        super().check()
        for part in self.parts:
            part.check()

    def check_target(self, y):
        for part in self.parts:
            if isinstance(part, Loss):
                part.check_target(y)

    def bind(self, y, n_outputs, task):
        return self.map(lambda part: part.bind(y, n_outputs, task))

    def among(self, codes, n_classes):
        return self.map(lambda part: part.among(codes, n_classes))

    def initial_alpha(self, alpha, y, sample_weight):
        led = next((part for part in self.parts if getattr(part, "initial_estimator", None) is not None), None)
        return alpha if led is None else led.initial_alpha(alpha, y, sample_weight)

    def calibrated(self, y, raw, sample_weight):
        return self.map(lambda part: part.calibrated(y, raw, sample_weight))

    def smoothed(self, width):
        return self.map(lambda part: part.smoothed(width))

    def learned(self, constants):
        """What the parts have learned, as far as they agree."""
        found, disputed = {}, set()
        for name, value in (item for part in self.parts for item in part.learned(constants[:0]).items()):
            if not np.array_equal(found.setdefault(name, value), value):
                disputed.add(name)
        return {name: value for name, value in found.items() if name not in disputed}

    def inverse_link(self, raw):
        return self.parts[0].inverse_link(raw)

    def log_inverse_link(self, raw):
        """The logarithm of `inverse_link`."""
        return self.parts[0].log_inverse_link(raw)

    def link(self, prediction):
        return self.parts[0].link(prediction)


def _kinks(loss):
    return bool(getattr(loss, "kinks", ()))


if unruled():
    raise TypeError(f"These attributes of Loss have no rule for losses made of losses: {', '.join(unruled())}.")
for _fact in RULES:
    setattr(Composite, _fact, _OfParts(_fact))


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

    def kink_distance(self, y, raw):
        t = self.argument(y, raw)
        distance = np.min([np.abs(t - kink.position) for kink in self.kinks], axis=0)
        return distance if distance.ndim == 1 else distance.mean(axis=1)

    def smoothing_error(self, width, n_outputs):
        arguments = max(1, n_outputs - (self.task == "classification"))
        return arguments * sum(kink.right - kink.left for kink in self.kinks) * width / 4


def _over_rows(values):
    return values if values.ndim == 1 else values.sum(axis=1)


class ResidualLoss(ScalarLoss):
    """A regression loss that depends on the residual ``t = y - raw`` alone."""

    task = "regression"
    residual = True

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

    def curvature(self, t):
        return np.zeros_like(t)  # off the kinks; of use beside other losses in a sum

    def smoothed(self, width):
        return Smoothed(self, width)


class Smoothed(Composite, ScalarLoss):
    """A piecewise linear loss averaged over ``t - width ... t + width``: a parabola replaces each kink.

    It lies above the loss by at most ``(right - left) * width / 4`` per kink, and has the same minimum value or a larger one.

    Parameters
    ----------
    loss : ScalarLoss with kinks
    width : float
        Half the length of the interval of averaging, in the units of t.
    """

    smooth = True

    def __init__(self, loss, width):
        self.loss = loss
        self.width = width

    @property
    def parts(self):
        return (self.loss,)

    def with_parts(self, parts):
        return Smoothed(*parts, self.width)

    @property
    def label(self):
        return self.loss.label

    def smoothed(self, width):
        return self

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


class MeanOverTargets(Composite):
    """A regression loss for several targets at once: its mean over them, as in scikit-learn's metrics.

    Parameters
    ----------
    loss : Loss
        The loss of one target; `y` and `raw` are (n, n_targets) here.
    n_targets : int
    """

    residual = False

    def __init__(self, loss, n_targets):
        self.loss = loss
        self.n_targets = n_targets

    @property
    def parts(self):
        return (self.loss,)

    def with_parts(self, parts):
        return MeanOverTargets(*parts, self.n_targets)

    @property
    def by_target(self):
        """The loss of each target."""
        return (self.loss,) * self.n_targets

    @property
    def name(self):
        return self.loss.name

    @property
    def label(self):
        return self.loss.label

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

    def kink_distance(self, y, raw):
        return self.loss.kink_distance(y.ravel(), raw.ravel()).reshape(y.shape).mean(axis=1)

    def smoothing_error(self, width, n_outputs):
        return self.loss.smoothing_error(width, 1)

    def best_constant(self, y, sample_weight, n_outputs):
        return np.concatenate([self.loss.best_constant(target, sample_weight, 1) for target in y.T])

    def check_target(self, y):
        self.loss.check_target(y.ravel())

    def calibrated(self, y, raw, sample_weight):
        losses = [self.loss.calibrated(*columns, sample_weight) for columns in zip(y.T, raw.T, strict=True)]
        return self if all(loss is self.loss for loss in losses) else EachTarget(tuple(losses))


class EachTarget(Composite):
    """The mean over several targets of losses that differ between them, each with a scale of its own.

    Parameters
    ----------
    losses : tuple of Loss
        One per target. The constants that they learn follow the targets in `raw`, loss by loss.
    """

    residual = False

    def __init__(self, losses):
        self.losses = losses

    @property
    def parts(self):
        return self.losses

    def with_parts(self, parts):
        return EachTarget(parts)

    @property
    def by_target(self):
        """The loss of each target."""
        return self.losses

    @property
    def name(self):
        return self.losses[0].name

    @property
    def n_constants(self):
        return sum(loss.n_constants for loss in self.losses)

    @property
    def start_constants(self):
        return tuple(constant for loss in self.losses for constant in loss.start_constants)

    @property
    def constant_units(self):
        return tuple(unit for loss in self.losses for unit in (loss.constant_units or (1.0,) * loss.n_constants))

    @property
    def has_hessian(self):
        return all(loss.has_hessian for loss in self.losses)

    def _columns(self):
        """Each loss with the columns of `raw` that are its own."""
        position = len(self.losses)
        for target, loss in enumerate(self.losses):
            own = [target, *range(position, position + loss.n_constants)]
            position += loss.n_constants
            yield target, loss, own if loss.n_constants else target

    def _mean(self, method, y, raw):
        return sum(getattr(loss, method)(y[:, k], raw[:, own]) for k, loss, own in self._columns()) / len(self.losses)

    def _scatter(self, method, y, raw):
        result = np.empty_like(raw)
        for k, loss, own in self._columns():
            result[:, own] = getattr(loss, method)(y[:, k], raw[:, own])
        return result / len(self.losses)

    def value(self, y, raw):
        return self._mean("value", y, raw)

    def gradient(self, y, raw):
        return self._scatter("gradient", y, raw)

    def hessian(self, y, raw):
        return self._scatter("hessian", y, raw)

    def hessian_product(self, y, raw, direction):
        result = np.empty_like(raw)
        for k, loss, own in self._columns():
            result[:, own] = loss.hessian_product(y[:, k], raw[:, own], direction[:, own])
        return result / len(self.losses)

    def kink_distance(self, y, raw):
        return self._mean("kink_distance", y, raw)

    def smoothing_error(self, width, n_outputs):
        return max(loss.smoothing_error(width, 1) for loss in self.losses)

    def check_target(self, y):
        for loss, target in zip(self.losses, y.T, strict=True):
            loss.check_target(target)

    def calibrated(self, y, raw, sample_weight):
        columns = zip(self.losses, y.T, raw.T, strict=True)
        return EachTarget(tuple(loss.calibrated(target, own, sample_weight) for loss, target, own in columns))

    def best_constant(self, y, sample_weight, n_outputs):
        return np.concatenate(
            [loss.best_constant(target, sample_weight, 1) for loss, target in zip(self.losses, y.T, strict=True)]
        )

    def learned(self, constants):
        found, start = [], 0
        for loss in self.losses:
            found.append(loss.learned(constants[start : start + loss.n_constants]))
            start += loss.n_constants
        return {name: np.array([one[name] for one in found]) for name in found[0]}


def best_number(loss, y, sample_weight):
    """The constant raw prediction of least mean loss: `least_constant`, and for a smooth loss the root of the slope there."""
    shares = sample_weight / sample_weight.sum()

    def mean(constant):
        return float(shares @ loss.value(y, np.full(len(y), constant, dtype=np.float64)))

    best, lowest = least_constant(mean, loss, y, shares)
    if not (loss.smooth and np.isfinite(lowest)):
        return best
    spread = float(np.ptp(y)) or 1.0

    # A value tells its minimum to the root of the rounding error; the root of the derivative is told to rounding.
    def slope(constant):
        return float(shares @ loss.gradient(y, np.full(len(y), constant, dtype=np.float64)))

    low, high = best - 1e-6 * spread, best + 1e-6 * spread
    if not slope(low) < 0 < slope(high):
        return best
    # A root at 0 has no digits of its own: there it ends with the count.
    return float(brentq(slope, low, high, xtol=np.finfo(float).tiny, rtol=8.9e-16, maxiter=200, disp=False))


def least_constant(mean, loss, y, shares):
    """The constant of least ``mean(constant)`` and that value, by Brent's method around the best of some quantiles of `y`.

    Parameters
    ----------
    mean : callable
        The mean of `loss`, or of what is made of it, over the rows.
    loss : Loss
        For its link.
    y, shares : ndarray of shape (n,)
        Targets, and weights of sum 1.
    """

    def finite_mean(constant):
        with np.errstate(all="ignore"):  # a quantile of the targets may be far out for a raw prediction
            value = mean(constant)
        return value if np.isfinite(value) else np.inf

    order = np.argsort(y)
    quantiles = np.interp(np.linspace(0, 1, 17), np.cumsum(shares[order]), y[order])
    with np.errstate(all="ignore"):
        candidates = np.concatenate([[0.0], quantiles, loss.link(quantiles)])
    spread = float(np.ptp(y)) or 1.0
    candidates = np.unique(candidates[np.isfinite(candidates)])
    values = np.array([finite_mean(constant) for constant in candidates])
    best = int(np.argmin(values))
    center, lowest = float(candidates[best]), float(values[best])
    if not np.isfinite(lowest):
        return 0.0, lowest
    low = candidates[best - 1] if best else center - spread
    high = candidates[best + 1] if best + 1 < len(candidates) else center + spread
    outcome = minimize_scalar(finite_mean, bounds=(low, high), method="bounded", options={"xatol": 1e-9 * spread})
    return (float(outcome.x), float(outcome.fun)) if outcome.fun < lowest else (center, lowest)


def best_scores(loss, y, sample_weight, n_outputs):
    """The constant scores of least mean loss; zeros where a class has no rows, since its best score is minus infinity."""
    n_classes = max(n_outputs, 2)
    if y.dtype.kind == "f":  # soft labels
        shares = np.average(y if y.ndim == 2 else np.stack([1 - y, y], axis=1), axis=0, weights=sample_weight)
        rows = np.eye(n_classes) if y.ndim == 2 else np.array([0.0, 1.0])
    else:
        shares = np.bincount(y, weights=sample_weight, minlength=n_classes) / sample_weight.sum()
        rows = np.arange(n_classes)
    if not np.all(shares > 0):
        return np.zeros(n_outputs)
    smooth = loss if loss.smooth else loss.smoothed(1e-4)

    def every_row(scores):
        return np.full(n_classes, scores[0]) if n_outputs == 1 else np.tile(scores, (n_classes, 1))

    def mean(scores):
        value, gradient = smooth.value_and_gradient(rows, every_row(scores))
        return float(shares @ value), np.atleast_1d(shares @ gradient)

    logs = np.log(shares) - np.log(shares).mean()
    start = np.array([logs[1] - logs[0]]) if n_outputs == 1 else logs
    outcome = minimize(mean, start, jac=True, method="BFGS", options={"gtol": 1e-9})
    candidates = [np.zeros(n_outputs), start]
    # A bounded loss may like one class best with certainty: scores at infinity, where no gradient is left to start from.
    if np.max(np.abs(outcome.x)) < 10:
        candidates.append(outcome.x)
    best = min(candidates, key=lambda scores: float(shares @ loss.value(rows, every_row(scores))))
    best = np.round(best, 6)  # what a search by values cannot know is left out: equal data give equal starts
    return best - best.mean() if loss.shift_invariant and n_outputs > 1 else best
