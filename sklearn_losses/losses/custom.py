"""A loss of the user's own: a plain NumPy function of (y_true, y_pred), its derivatives found numerically.

A loss is per row, so one shifted evaluation gives the derivative of every row at once: two evaluations for one output, 2 K
for K. Where the function is analytic in NumPy (no abs, no comparison of y_pred), the complex step [1]_ gives the gradient
to rounding error with one evaluation per output; `bind` finds out on a few rows of the data.

Where the slope of a loss of one output jumps, which `bind` finds out too, the loss averaged over an interval of half
length h has the central difference with step h as its exact gradient. So it is fitted as mae is, by averages over ever
shorter intervals, with no word from the author. With several outputs no kinks are looked for: use solver="adam".

.. [1] Squire and Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40 (1998).
"""

import warnings

import numpy as np

from sklearn_losses.core.component import Component, Options
from sklearn_losses.losses.base import Composite, Loss

__all__ = ["CustomLoss"]

_COMPLEX_STEP = 1e-30
_HALVES = np.array([-0.5, 0.5])
_STEP = np.cbrt(np.finfo(np.float64).eps)  # balances the truncation of a central difference against rounding
_FAR = (-1e3, -30.0, 30.0, 1e3)  # in units of the spread: where else a function is tried, besides near the targets
HALVINGS = 30  # of an interval around a bend
_RETURNS = "A custom loss must return one value per row, an array of shape (n_rows,)"


class CustomLoss(Component):
    """A loss from a function ``f(y_true, y_pred)``; ``loss=f`` in an estimator is short for ``loss=CustomLoss(f)``.

    Parameters
    ----------
    function : callable
        ``f(y_true, y_pred) -> (n,)``, one loss per row, in plain NumPy; rows must not depend on each other. In a
        regressor both arguments are (n,). In a classifier both are (n, n_classes): `y_true` is one-hot, its columns in the
        order of ``classes_``, and `y_pred` holds raw scores, or probabilities with ``inverse_link="softmax"``. The two
        scores of a binary problem are ``-decision/2`` and ``decision/2``.
    gradient : callable, default=None
        ``gradient(y_true, y_pred)``, the derivative of f in `y_pred`, of its shape. None: numerically.
    hessian : callable, default=None
        ``hessian(y_true, y_pred)``, the second derivative, of shape (n,); for regressors without `inverse_link`.
        None: numerically. With ``convex=True`` Newton's method takes the loss.
    inverse_link : {None, "exp", "softmax"} or callable, default=None
        Turns the model's raw prediction into `y_pred`, and into what `predict` returns: None leaves it, "exp" keeps it
        positive, "softmax" (classifiers only) makes probabilities; a callable works element by element.
    convex : bool, default=False
        Whether the loss is convex in the raw prediction; the author's word.

    Examples
    --------
    Under-prediction costs three times more than over-prediction:

    >>> import numpy as np
    >>> from sklearn_losses import LossRegressor
    >>> def cost(y_true, y_pred):
    ...     error = y_true - y_pred
    ...     return np.where(error > 0, 3 * error**2, error**2)
    >>> X, y = np.zeros((4, 1)), np.array([0.0, 0.0, 0.0, 1.0])
    >>> LossRegressor(loss=cost).fit(X, y).predict(X[:1]).round(4)  # the mean is 0.25
    array([0.5])
    """

    task = None  # either
    parameter_constraints = {"convex": Options(True, False)}

    def __init__(self, function, gradient=None, hessian=None, inverse_link=None, convex=False):
        self.function = function
        self.gradient = gradient
        self.hessian = hessian
        self.inverse_link = inverse_link
        self.convex = convex

    def check(self):
        super().check()
        for name in ("function", "gradient", "hessian"):
            value = getattr(self, name)
            if not callable(value) and (name == "function" or value is not None):
                raise ValueError(f"The {name!r} parameter of CustomLoss must be a function of (y_true, y_pred). Got {value!r}.")
        if not callable(self.inverse_link) and self.inverse_link not in (None, *_LINKS):
            raise ValueError(
                "The 'inverse_link' parameter of CustomLoss must be None, 'exp', 'softmax' or a function. "
                f"Got {self.inverse_link!r}."
            )
        if self.hessian is not None and self.inverse_link is not None:
            raise ValueError("CustomLoss takes a hessian only with inverse_link=None: leave one of them out.")

    def bind(self, y, n_outputs, task):
        """The loss for the data at hand: contract checked, the way to differentiate chosen.

        Raises
        ------
        ValueError
            Where the function returns a scalar or another shape, mixes rows, changes its input, has no finite value for a row,
            does not depend on the prediction, or `gradient` is not its derivative.
        """
        if task == "classification":
            if self.inverse_link not in (None, "softmax"):
                raise ValueError("In LossClassifier the inverse_link of CustomLoss must be None (raw scores) or 'softmax'.")
            bound = DifferentiatedScores(self, n_outputs)
        elif self.inverse_link == "softmax":
            raise ValueError("inverse_link='softmax' makes class probabilities; use it in LossClassifier, or 'exp' here.")
        else:
            bound = DifferentiatedPrediction(self, _spread(y) if self.inverse_link is None else 1.0)
        in_units = task != "classification" and self.inverse_link is None
        numbers = np.linspace(0, len(y) - 1, num=8).astype(int)
        rows = y[numbers]
        noise = bound.scale * np.random.default_rng(0).standard_normal((8, n_outputs) if n_outputs > 1 else 8)
        near = noise + np.median(y) if in_units else noise
        bound.check_contract(rows, near)
        center = rows.astype(np.float64) if in_units else np.zeros(8)
        far = [(center if n_outputs == 1 else 0.0) + bound.scale * size + noise for size in _FAR]
        bound.check_faults(numbers, rows, [near, np.roll(near, 1, axis=0), *far])
        bound.complex_step = self.gradient is None and bound.complex_step_agrees(rows, near)
        if n_outputs == 1:
            bound.jump = bound.slope_jump(rows, center, 4 * bound.scale)
        return bound


def _spread(y):
    """The size of the differences between targets, whatever their distance from 0 and whatever a few outliers."""
    low, high = np.percentile(y, [25, 75])
    size = np.max(np.abs(y), initial=0.0)
    return next((float(spread) for spread in ((high - low) / 1.35, np.std(y)) if spread > 1e-12 * size), 1.0)


Loss.recipe = CustomLoss


def _softmax(scores):
    e = np.exp(scores - scores.real.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


_LINKS = {"exp": np.exp, "softmax": _softmax}


def _visible(step, point):
    """`step` where `point` and its neighbours at that distance are different numbers, else the least one for which they are."""
    size = np.abs(point) if point.ndim == 1 else np.max(np.abs(point), axis=1)
    return np.maximum(step, 8 * np.spacing(size))


def _along(change, unit):
    """The change of the output that `unit` moves, (n,)."""
    return change if change.ndim == 1 else (change * unit).sum(axis=1)


class _Differentiated(Loss):
    """A custom function with its numerical derivatives in the raw prediction, in float64 throughout.

    The step of the central differences balances truncation against rounding: the cube root of the machine epsilon, in
    units of the distance from the target and of `scale`, the spread of the targets. The size of `raw` itself is no
    measure: targets of a million may differ by three. Where it is one all the same (a function that rounds as numbers
    of that size do), `check_faults` finds out by two steps of either kind.
    """

    complex_step = False
    by_size = False
    jump = 0.0  # the largest jump of the slope that was found

    def __init__(self, recipe, scale):
        self.recipe = recipe
        self.scale = scale

    @property
    def label(self):
        return getattr(self.recipe.function, "__name__", "custom")

    @property
    def convex(self):
        return self.recipe.convex

    @property
    def _forward(self):
        return _LINKS.get(self.recipe.inverse_link, self.recipe.inverse_link)

    def link(self, prediction):
        return np.log(prediction) if self.recipe.inverse_link == "exp" else prediction

    def _prediction(self, raw):
        return raw if self._forward is None else self._forward(raw)

    def _call(self, targets, raw):
        """The function at `_targets`, which are made once for several calls, and raw predictions."""
        return self.recipe.function(targets, self._prediction(self._scores(raw)))

    def value(self, y, raw):
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

    def value_and_gradient(self, y, raw):
        targets = self._targets(y)
        if not (self.complex_step and raw.ndim == 1):
            return self._value(targets, raw), self._gradient(targets, raw)
        both = np.asarray(self._call(targets, raw.astype(np.float64) + 1j * _COMPLEX_STEP))
        return both.real.astype(raw.dtype), (both.imag / _COMPLEX_STEP).astype(raw.dtype)

    def gradient(self, y, raw):
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

    @property
    def smooth(self):
        return self.jump == 0

    def slope_jump(self, y, center, reach):
        """The largest jump of the slope in ``raw``, 0 where it is continuous: zooms in on the sharpest bend of each row.

        Parameters
        ----------
        y, center : ndarray of shape (n,)
            A few rows, and the raw predictions around which to look.
        reach : float
            How far.
        """
        rows, low, step = np.arange(len(y)), center - reach, reach / 16
        steepest = None
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
        # Each zoom divides the bend of a smooth curve by 16 and leaves that of a kink, less what falls on two points.
        jump = 2 * float(np.max(bends))
        return jump if jump > 1e-3 * steepest else 0.0

    def kink_distance(self, y, raw):
        return np.full(len(raw), self.scale)

    def smoothing_error(self, width, n_outputs):
        return self.jump * width / 4

    def smoothed(self, width):
        return self if self.smooth else BoxAveraged(self, width)

    def complex_step_agrees(self, y, raw):
        """Whether the function carries complex numbers through; many (abs, comparisons, float) drop the imaginary part."""
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

    def check_faults(self, numbers, y, tries):
        """Raise ValueError where no fit could succeed: without finite values, without a slope, with a wrong gradient.

        Parameters
        ----------
        numbers : ndarray of shape (n,)
            Which rows of the data these are.
        y : ndarray of shape (n,)
        tries : list of ndarray
            Raw predictions of these rows, the first two of them as good ones may be; some may be outside the function's domain.
        """
        targets = self._targets(y)
        values = np.stack([self._tried(lambda raw: self._call(targets, raw), raw, y.shape[:1]) for raw in tries])
        for row in np.flatnonzero(~np.isfinite(values).any(axis=0)):
            raise ValueError(
                f"The custom loss {self.label} returns {values[0, row]} in row {numbers[row]}, for y_true={targets[row]} and "
                "every y_pred that was tried, so that a fit cannot start (iteration 0)."
            )
        slopes, doubt = self._slopes(targets, tries)
        near = tries[:2]
        finer, rougher = (np.median(self._slopes(targets, near, by_size)[1]) for by_size in (False, True))
        self.by_size = bool(finer > 1e-7 and rougher < 0.1 * finer)
        if np.all(slopes[np.isfinite(slopes)] == 0):
            raise ValueError(
                f"The custom loss {self.label} is flat: its slope in y_pred is 0 wherever it was tried, so that nothing can be "
                "learned from it. Counts of mistakes and rounded predictions are flat; take a loss that bounds them, as the "
                "hinge does."
            )
        if self.recipe.gradient is not None:
            self._check_gradient(numbers, targets, tries, slopes, doubt)

    def _slopes(self, targets, tries, by_size=False):
        """Central differences for all tries, (n_tries, n) or (n_tries, n, K), and how far those with two steps are apart."""
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
        """Raise ValueError where the given gradient is no derivative; a subgradient or an approximation is one."""
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
            f"In {place}, for y_true={target} and the raw prediction {point}, it gives {given[where]:.6g} and differences of "
            f"the function {slopes[where]:.6g}."
        )

    def _tried(self, function, raw, shape):
        """``function(raw)``, nan where it cannot be told."""
        try:
            with np.errstate(all="ignore"):
                values = np.asarray(function(raw.astype(np.float64)), dtype=np.float64)
        except ArithmeticError:  # outside the domain of a function of the module `math`
            return np.full(shape, np.nan)
        return values

    def check_contract(self, y, raw):
        """Raise ValueError where the function is not a loss per row; `y`, `raw`: a few rows of the data."""
        targets, prediction = self._targets(y), self._prediction(self._scores(raw))
        kept = targets.copy(), prediction.copy()
        values = np.asarray(self.recipe.function(targets, prediction))
        if values.dtype == object:
            raise ValueError(f"{_RETURNS} of real numbers; {self.label} returned {values}.")
        if values.ndim == 0:
            raise ValueError(f"{_RETURNS}; {self.label} returned a scalar: leave the mean or the sum over rows to the fit.")
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

    @property
    def has_hessian(self):
        return self.smooth

    def _targets(self, y):
        return y.astype(np.float64)

    def _scores(self, raw):
        return raw

    def inverse_link(self, raw):
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

    def hessian(self, y, raw):
        point, targets = raw.astype(np.float64), self._targets(y)
        if self.recipe.hessian is not None:
            bend = np.asarray(self.recipe.hessian(targets, point))
        elif self.recipe.gradient is not None or self.complex_step:
            step = _visible(_STEP * self._length(targets, point, 1.0), point)
            ahead, behind = point + step, point - step
            bend = (self._gradient(targets, ahead) - self._gradient(targets, behind)) / (ahead - behind)
        else:
            step = _visible(np.finfo(np.float64).eps ** 0.25 * self._length(targets, point, 1.0), point)
            ahead, behind = point + step, point - step
            above, here, below = (np.asarray(self._call(targets, place)) for place in (ahead, point, behind))
            slopes = (above - here) / (ahead - point), (here - below) / (point - behind)
            bend = 2 * (slopes[0] - slopes[1]) / (ahead - behind)
        return bend.astype(raw.dtype, copy=False)


class BoxAveraged(Composite):
    """A custom loss of one output averaged over ``raw - width ... raw + width``.

    Its exact gradient is the central difference ``(f(raw + width) - f(raw - width)) / (2 * width)``. Its value comes from
    Simpson's rule, in those rows whose interval holds a bend on halved intervals until they agree: a line search needs
    values of which this is the gradient.

    Parameters
    ----------
    loss : _Differentiated
    width : float
    """

    smooth = True
    has_hessian = False

    def __init__(self, loss, width):
        self.loss = loss
        self.width = width

    @property
    def parts(self):
        return (self.loss,)

    def with_parts(self, parts):
        return BoxAveraged(*parts, self.width)

    def smoothed(self, width):
        return self

    def value(self, y, raw):
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y, raw):
        return self.value_and_gradient(y, raw)[1]

    def value_and_gradient(self, y, raw):
        call, width, point, targets = self.loss._call, self.width, raw.astype(np.float64), self.loss._targets(y)
        width = _visible(width, point)
        low, high = point - width, point + width
        below, middle, above = (np.asarray(call(targets, place)) for place in (low, point, high))
        value = (below + 4 * middle + above) / 6
        # A place is rounded in proportion to its distance from 0, and so are the values of a slope there.
        steepest = np.maximum(np.abs(middle - below), np.abs(above - middle)) / width
        rounding = 4 * np.finfo(np.float64).eps * np.abs(point) * steepest
        bent = np.flatnonzero(np.abs(below - 2 * middle + above) > 1e-9 * (np.abs(below) + np.abs(above)) + rounding)
        if len(bent):
            ends = low[bent], high[bent]
            at_ends = below[bent], middle[bent], above[bent]
            allowed = (ends[1] - ends[0]) * (1e-14 * np.abs(at_ends).sum(axis=0) + rounding[bent])
            value[bent] = _integral(
                lambda rows, place: np.asarray(call(targets[bent[rows]], place)), *ends, *at_ends, allowed
            ) / (ends[1] - ends[0])
        gradient = (above - below) / (high - low)
        return value.astype(raw.dtype, copy=False), gradient.astype(raw.dtype, copy=False)


def _integral(function, low, high, at_low, at_middle, at_high, allowed):
    """Integrals from `low` to `high`, (n,), by Simpson's rule on halves of intervals until both agree within `allowed`.

    ``function(rows, places)`` gives values for some of the n rows.
    """
    rows, total = np.arange(len(low)), np.zeros(len(low))
    for _ in range(HALVINGS):
        middle, length = (low + high) / 2, high - low
        left, right = (function(rows, (low + middle) / 2), function(rows, (middle + high) / 2))
        whole = (at_low + 4 * at_middle + at_high) * length / 6
        halves = (at_low + 4 * left + 2 * at_middle + 4 * right + at_high) * length / 12
        open_ = np.abs(halves - whole) > allowed[rows]
        total += np.bincount(rows[~open_], halves[~open_], minlength=len(total))
        if not open_.any():
            return total
        rows = np.tile(rows[open_], 2)
        low, high, at_low, at_middle, at_high = (
            np.concatenate([one[open_], other[open_]])
            for one, other in ((low, middle), (middle, high), (at_low, at_middle), (left, right), (at_middle, at_high))
        )
    return total + np.bincount(rows, (at_low + 4 * at_middle + at_high) * (high - low) / 6, minlength=len(total))


class DifferentiatedScores(_Differentiated):
    """A custom loss of a classifier: one-hot targets, one score or probability per class."""

    task = "classification"
    has_hessian = False
    soft_labels = True

    def __init__(self, recipe, n_outputs):
        super().__init__(recipe, 1.0)
        self.n_outputs = n_outputs

    @property
    def has_probabilities(self):
        return self.recipe.inverse_link is not None

    def _targets(self, y):
        if y.dtype.kind == "f":  # soft labels
            return np.stack([1 - y, y], axis=1) if y.ndim == 1 else y
        return np.eye(max(self.n_outputs, 2))[y]

    def _scores(self, raw):
        return np.multiply.outer(raw, _HALVES) if raw.ndim == 1 else raw

    def inverse_link(self, raw):
        prediction = self._prediction(self._scores(raw))
        return prediction[:, 1] if raw.ndim == 1 else prediction

    def log_inverse_link(self, raw):
        with np.errstate(divide="ignore"):
            return np.log(self.inverse_link(raw))

    def _given_gradient(self, targets, point):
        prediction = self._prediction(self._scores(point))
        gradient = np.asarray(self.recipe.gradient(targets, prediction))
        if self._forward is _softmax:
            gradient = prediction * (gradient - (gradient * prediction).sum(axis=1, keepdims=True))
        return (gradient[:, 1] - gradient[:, 0]) / 2 if point.ndim == 1 else gradient
