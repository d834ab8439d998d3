"""A plain function as a loss, with numerical derivatives.

Derivatives come from differences or complex steps; kinks are smoothed by averages.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.losses.annotations import FloatArray, Targets, derived
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.box_average import _HALVES, BoxAveraged, _visible

__all__ = []

_COMPLEX_STEP = 1e-30
# Balances the truncation of a central difference against rounding.
_STEP = np.cbrt(np.finfo(np.float64).eps)
# In units of the spread: where else a function is tried, besides near the targets.
_FAR = (-1e3, -30.0, 30.0, 1e3)
_RETURNS = "A custom loss must return one value per row, an array of shape (n_rows,)"


def _spread(y):
    """The size of the differences between targets, which a few outliers do not change."""
    low, high = np.percentile(y, [25, 75])
    size = np.max(np.abs(y), initial=0.0)
    return next((float(spread) for spread in ((high - low) / 1.35, np.std(y)) if spread > 1e-12 * size), 1.0)


def _softmax(scores):
    e = np.exp(scores - scores.real.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


_LINKS = {"exp": np.exp, "softmax": _softmax}


def _along(change, unit):
    """The change of the output that `unit` moves, (n,)."""
    return change if change.ndim == 1 else (change * unit).sum(axis=1)


class _Differentiated(Loss):
    """A custom function with its numerical derivatives in `raw`, in float64.

    The step of the central differences balances truncation against rounding: the cube root of the
    machine epsilon, in units of the distance from the target and of `scale`, the spread of the
    targets. The size of `raw` itself is no measure: targets of a million may differ by three. Where
    it is one all the same (a function that rounds as numbers of that size do), `check_faults` finds
    out by two steps of either kind.
    """

    complex_step = False
    by_size = False
    jump = 0.0  # the largest jump of the slope that was found

    def __init__(self, recipe: Any, scale: float) -> None:
        self.recipe = recipe
        self.scale = scale

    @property
    def label(self) -> str:
        return getattr(self.recipe.function, "__name__", "custom")

    @derived
    def convex(self) -> bool:
        return self.recipe.convex

    @property
    def _forward(self):
        return _LINKS.get(self.recipe.inverse_link, self.recipe.inverse_link)

    def link(self, prediction: FloatArray) -> FloatArray:
        return np.log(prediction) if self.recipe.inverse_link == "exp" else prediction

    def _prediction(self, raw):
        return raw if self._forward is None else self._forward(raw)

    def _call(self, targets, raw):
        """The function at `_targets` and raw predictions.

        The targets are made once for several calls.
        """
        return self.recipe.function(targets, self._prediction(self._scores(raw)))

    def value(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self._value(self._targets(y), raw)

    def _value(self, targets, raw):
        values = np.asarray(self._call(targets, raw.astype(np.float64)))
        if values.shape != (len(raw),):
            raise ValueError(f"{_RETURNS}; {self.label} returned shape {values.shape} for {len(raw)} rows.")
        return values.astype(raw.dtype, copy=False)

    def _shifts(self, raw):
        """One unit vector per output: the direction in which all rows move at once."""
        if raw.ndim == 1:
            yield ..., np.ones_like(raw)
            return
        for output in range(raw.shape[1]):
            unit = np.zeros(raw.shape)
            unit[:, output] = 1
            yield (slice(None), output), unit

    def value_and_gradient(self, y: Targets, raw: FloatArray) -> tuple[FloatArray, FloatArray]:
        targets = self._targets(y)
        if not (self.complex_step and raw.ndim == 1):
            return self._value(targets, raw), self._gradient(targets, raw)
        both = np.asarray(self._call(targets, raw.astype(np.float64) + 1j * _COMPLEX_STEP))
        return both.real.astype(raw.dtype), (both.imag / _COMPLEX_STEP).astype(raw.dtype)

    def gradient(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self._gradient(self._targets(y), raw)

    def _gradient(self, targets, raw):
        point = raw.astype(np.float64)
        if self.recipe.gradient is not None:
            return self._given_gradient(targets, point).astype(raw.dtype, copy=False)
        gradient = np.empty(raw.shape)
        for where, unit in self._shifts(point):
            gradient[where] = (self._complex if self.complex_step else self._central)(targets, point, unit)
        return gradient.astype(raw.dtype, copy=False)

    def _complex(self, targets, point, unit):
        return np.imag(self._call(targets, point + 1j * _COMPLEX_STEP * unit)) / _COMPLEX_STEP

    def _length(self, targets, point, unit):
        """The length over which the function may bend, (n,)."""
        return np.abs(point if point.ndim == 1 else (point * unit).sum(axis=1)) + self.scale

    def _central(self, targets, point, unit, factor=1.0):
        step = _visible(factor * _STEP * self._length(targets, point, unit), point)
        shift = step if point.ndim == 1 else step[:, None] * unit
        ahead, behind = point + shift, point - shift
        rise = np.asarray(self._call(targets, ahead)) - np.asarray(self._call(targets, behind))
        return rise / _along(ahead - behind, unit)

    @derived
    def smooth(self) -> bool:
        return self.jump == 0

    def slope_jump(self, y: Targets, center: FloatArray, reach: float) -> float:
        """The largest jump of the slope in ``raw``, 0 where it is continuous.

        It zooms in on the sharpest bend of each row.

        Parameters
        ----------
        y, center : ndarray of shape (n,)
            A few rows, and the raw predictions around which to look.
        reach : float
            How far.
        """
        rows, low, step = np.arange(len(y)), center - reach, reach / 16
        steepest: Any = None
        for _ in range(5):
            points = low[:, None] + step * np.arange(33)
            steps = np.diff(points, axis=1)  # as they are after rounding
            with np.errstate(all="ignore"):
                values = np.asarray(self._call(self._targets(np.repeat(y, 33)), points.ravel())).reshape(points.shape)
            if not np.all(np.isfinite(values)):
                return 0.0
            slopes = np.diff(values, axis=1) / steps
            steepest = np.max(np.abs(slopes)) if steepest is None else steepest
            bends = np.abs(np.diff(slopes, axis=1))
            sharpest = np.argmax(bends, axis=1)
            low, step = points[rows, sharpest], step / 16
            if np.any(_visible(step, low) > step):
                break
        # Each zoom divides the bend of a smooth curve by 16 and leaves that of a kink, less what
        # falls on two points.
        jump = 2 * float(np.max(bends))
        return jump if jump > 1e-3 * steepest else 0.0

    def kink_distance(self, y: Targets, raw: FloatArray) -> FloatArray:
        return np.full(len(raw), self.scale)

    def smoothing_error(self, width: float, n_outputs: int) -> float:
        return self.jump * width / 4

    def smoothed(self, width: float) -> Loss:
        return self if self.smooth else BoxAveraged(self, width)

    def complex_step_agrees(self, y: Targets, raw: FloatArray) -> bool:
        """Whether the function carries complex numbers through.

        Many functions (abs, comparisons, float) drop the imaginary part.
        """
        targets = self._targets(y)
        for _, unit in self._shifts(raw):
            try:
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("error", np.exceptions.ComplexWarning)
                    exact = self._complex(targets, raw, unit)
                    approximate = self._central(targets, raw, unit)
            except Exception:  # whatever a function that was written for real numbers makes of complex ones
                return False
            if not np.all(np.isfinite(approximate)):
                return False
            if not np.allclose(exact, approximate, rtol=1e-5, atol=1e-6 * (np.max(np.abs(approximate)) + 1e-300)):
                return False
        return True

    def check_faults(self, numbers: NDArray[Any], y: Targets, tries: list[FloatArray]) -> None:
        """Raise ValueError where no fit could succeed.

        That is without finite values, without a slope, or with a wrong gradient.

        Parameters
        ----------
        numbers : ndarray of shape (n,)
            Which rows of the data these are.
        y : ndarray of shape (n,)
        tries : list of ndarray
            Raw predictions of these rows, the first two of them as good ones may be; some may be
            outside the function's domain.
        """
        targets = self._targets(y)
        values = np.stack([self._tried(lambda raw: self._call(targets, raw), raw, y.shape[:1]) for raw in tries])
        for row in np.flatnonzero(~np.isfinite(values).any(axis=0)):
            raise ValueError(
                f"The custom loss {self.label} returns {values[0, row]} in row {numbers[row]}, for y_true={targets[row]} and "
                "every y_pred that was tried, so that a fit cannot start. Check these values for your function."
            )
        slopes, doubt = self._slopes(targets, tries)
        near = tries[:2]
        finer, rougher = (np.median(self._slopes(targets, near, by_size)[1]) for by_size in (False, True))
        self.by_size = bool(finer > 1e-7 and rougher < 0.1 * finer)
        if np.all(slopes[np.isfinite(slopes)] == 0):
            raise ValueError(
                f"The custom loss {self.label} is flat: its slope in y_pred is 0 wherever it was tried, so that nothing can be "
                "learned from it. Counts of mistakes and rounded predictions are flat; use a loss that bounds them, as the "
                "hinge does."
            )
        if self.recipe.gradient is not None:
            self._check_gradient(numbers, targets, tries, slopes, doubt)

    def _slopes(self, targets, tries, by_size=False):
        """Central differences for all tries, and how far those with two steps are apart.

        Both are (n_tries, n) or (n_tries, n, K).
        """
        before, self.by_size = self.by_size, by_size
        slopes, doubt = [], []
        for raw in tries:
            parts = []
            for _, unit in self._shifts(raw):
                short, long = (
                    self._tried(lambda point, u=unit, f=factor: self._central(targets, point, u, f), raw, raw.shape[:1])
                    for factor in (1.0, 4.0)
                )
                parts.append((short, np.abs(short - long) / (np.abs(short) + np.abs(long) + 1e-300)))
            short, apart = (np.stack(kind, axis=-1).reshape(raw.shape) for kind in zip(*parts, strict=True))
            slopes.append(short)
            doubt.append(apart)
        self.by_size = before
        return np.stack(slopes), np.stack(doubt)

    def _check_gradient(self, numbers, targets, tries, slopes, doubt):
        """Raise ValueError where the given gradient is no derivative.

        A subgradient or an approximation is one.
        """
        given = [self._tried(lambda raw: self._given_gradient(targets, raw), raw, raw.shape) for raw in tries]
        if given[0].shape != tries[0].shape:
            raise ValueError(f"The gradient of {self.label} has shape {given[0].shape}; y_pred has {tries[0].shape}.")
        given = np.stack(given)
        known = (doubt <= 1e-3) & np.isfinite(slopes) & (np.isfinite(given) | ~np.isfinite(given).any())
        size = np.max(np.abs(slopes[known]), initial=0.0)
        off = known & ~(np.abs(given - slopes) <= 0.1 * np.abs(slopes) + 1e-6 * size)
        if np.sum(off) <= 0.25 * np.sum(known):
            return
        with np.errstate(all="ignore"):
            share = np.where(off, np.abs(given - slopes) / (np.abs(slopes) + 1e-3 * size), 0.0)
        where = np.unravel_index(np.argmax(np.where(np.isnan(share), np.inf, share)), share.shape)
        opposite = np.sum(given[off] * slopes[off] < 0) > 0.5 * np.sum(off)
        target, point = targets[where[1]], tries[where[0]][where[1]]
        place = f"row {numbers[where[1]]}" + (f", class {where[2]}" if given.ndim > 2 else "")
        raise ValueError(
            f"The gradient of {self.label} is not the derivative of the function{': its sign is wrong' if opposite else ''}. "
            f"In {place}, for y_true={target} and the raw prediction {point}, it gives {given[where]:.6g}, and differences of "
            f"the function give {slopes[where]:.6g}."
        )

    def _tried(self, function, raw, shape):
        """``function(raw)``, nan where it cannot be told."""
        try:
            with np.errstate(all="ignore"):
                values = np.asarray(function(raw.astype(np.float64)), dtype=np.float64)
        except ArithmeticError:  # outside the domain of a function of the module `math`
            return np.full(shape, np.nan)
        return values

    def check_contract(self, y: Targets, raw: FloatArray) -> None:
        """Raise ValueError where the function is not a loss per row.

        `y` and `raw` are a few rows of the data.
        """
        targets, prediction = self._targets(y), self._prediction(self._scores(raw))
        kept = targets.copy(), prediction.copy()
        values = np.asarray(self.recipe.function(targets, prediction))
        if values.dtype == object:
            raise ValueError(f"{_RETURNS} of real numbers; {self.label} returned {values}.")
        if values.ndim == 0:
            raise ValueError(
                f"{_RETURNS}; {self.label} returned a scalar. Return the loss of each row; the fit takes their mean."
            )
        if values.shape != (len(raw),):
            raise ValueError(f"{_RETURNS}; {self.label} returned shape {values.shape} for {len(raw)} rows.")
        if not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
            raise ValueError(f"{_RETURNS} of real numbers; {self.label} returned dtype {values.dtype}.")
        if not (np.array_equal(targets, kept[0]) and np.array_equal(prediction, kept[1])):
            raise ValueError(f"A custom loss must not change its arguments; {self.label} wrote into y_true or y_pred.")
        half = len(raw) // 2
        apart = np.concatenate(
            [np.asarray(self._call(targets[part], raw[part])).reshape(-1) for part in (slice(half), slice(half, None))]
        )
        if apart.shape != values.shape or not np.allclose(apart, values, rtol=1e-9, atol=0, equal_nan=True):
            raise ValueError(
                f"{_RETURNS} in which rows do not depend on each other; {self.label} gives a row another value when other rows "
                "are left out."
            )


class DifferentiatedPrediction(_Differentiated):
    """A custom loss of a regressor."""

    task = "regression"

    @derived
    def has_hessian(self) -> bool:
        return self.smooth

    def _targets(self, y):
        return y.astype(np.float64)

    def _scores(self, raw):
        return raw

    def inverse_link(self, raw: FloatArray) -> FloatArray:
        return self._prediction(raw)

    def _given_gradient(self, targets, point):
        gradient = self.recipe.gradient(targets, self._prediction(point))
        if self._forward is None:
            return np.asarray(gradient)
        step = np.cbrt(np.finfo(np.float64).eps) * (np.abs(point) + 1)
        return gradient * (self._forward(point + step) - self._forward(point - step)) / (2 * step)

    def _length(self, targets, point, unit):
        if self._forward is not None or self.by_size:
            return super()._length(targets, point, unit)
        return np.abs(targets - point) + self.scale

    def hessian(self, y: Targets, raw: FloatArray) -> FloatArray:
        point, targets = raw.astype(np.float64), self._targets(y)
        if self.recipe.hessian is not None:
            second = np.asarray(self.recipe.hessian(targets, point))
        elif self.recipe.gradient is not None or self.complex_step:
            step = _visible(_STEP * self._length(targets, point, 1.0), point)
            ahead, behind = point + step, point - step
            second = (self._gradient(targets, ahead) - self._gradient(targets, behind)) / (ahead - behind)
        else:
            step = _visible(np.finfo(np.float64).eps ** 0.25 * self._length(targets, point, 1.0), point)
            ahead, behind = point + step, point - step
            above, here, below = (np.asarray(self._call(targets, place)) for place in (ahead, point, behind))
            slopes = (above - here) / (ahead - point), (here - below) / (point - behind)
            second = 2 * (slopes[0] - slopes[1]) / (ahead - behind)
        return second.astype(raw.dtype, copy=False)


class DifferentiatedScores(_Differentiated):
    """A custom loss of a classifier: one-hot targets, one score or probability per class."""

    task = "classification"
    soft_labels = True

    def __init__(self, recipe: Any, n_outputs: int) -> None:
        super().__init__(recipe, 1.0)
        self.n_outputs = n_outputs

    @derived
    def has_probabilities(self) -> bool:
        return self.recipe.inverse_link is not None

    def _targets(self, y):
        if y.dtype.kind == "f":  # soft labels
            return np.stack([1 - y, y], axis=1) if y.ndim == 1 else y
        return np.eye(max(self.n_outputs, 2))[y]

    def _scores(self, raw):
        return np.multiply.outer(raw, _HALVES) if raw.ndim == 1 else raw

    def inverse_link(self, raw: FloatArray) -> FloatArray:
        prediction = self._prediction(self._scores(raw))
        return prediction[:, 1] if raw.ndim == 1 else prediction

    def log_inverse_link(self, raw: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            return np.log(self.inverse_link(raw))

    def _given_gradient(self, targets, point):
        prediction = self._prediction(self._scores(point))
        gradient = np.asarray(self.recipe.gradient(targets, prediction))
        if self._forward is _softmax:
            gradient = prediction * (gradient - (gradient * prediction).sum(axis=1, keepdims=True))
        return (gradient[:, 1] - gradient[:, 0]) / 2 if point.ndim == 1 else gradient
