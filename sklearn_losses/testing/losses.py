"""`check_loss`: what is wrong with a loss, and by how much."""

import numpy as np

from sklearn_losses.core.queries import Queries
from sklearn_losses.losses.annotations import AnyLoss
from sklearn_losses.losses.base import Loss
from sklearn_losses.testing.component import check_component, fail, relative

__all__ = ["check_loss"]

_STEP = 1e-6


def check_loss(loss: AnyLoss, task: str | None = None) -> None:
    """Find faults in a loss of your own: a wrong gradient, a wrong attribute, an overflow.

    It evaluates the loss at random points and far out, and compares its derivatives with
    differences. The losses of the package pass the same checks. It returns nothing where it finds
    no fault.

    Parameters
    ----------
    loss : str, Loss, CustomLoss or callable
        The loss, with the parameters to check.
    task : {"regression", "classification", "ranking"}, default=None
        The task of a custom function; other losses know theirs. None: "regression".

    Raises
    ------
    AssertionError
        At the first fault, with a message that says what is wrong and by how much: parameters that
        are lost, inputs that are changed, wrong shapes, rows that depend on each other, a wrong
        gradient or Hessian, a loss that is not convex or not smooth although it says so, a smoothed
        loss that is too far from the loss, weights that do not act as repeated rows, an overflow.

    See Also
    --------
    sklearn_losses.losses.Loss : Base class of all losses.
    sklearn_losses.testing.check_solver : The same for a solver.
    sklearn_losses.testing.check_model : The same for a model.

    Examples
    --------
    >>> from sklearn_losses.losses import Huber, ResidualLoss
    >>> from sklearn_losses.testing import check_loss
    >>> check_loss(Huber(delta=2.0, scale=1.0))
    >>> class Cubic(ResidualLoss):
    ...     has_hessian = False
    ...     def curve(self, t):
    ...         return abs(t) ** 3
    ...     def slope(self, t):
    ...         return 2 * t * abs(t)
    >>> check_loss(Cubic())
    Traceback (most recent call last):
    ...
    AssertionError: Cubic(): the gradient is wrong: it differs from central differences ...
    """
    loss = Loss.make(loss)
    check_component(loss)
    task = loss.task or task or "regression"
    if task == "ranking":
        _check_ranking(loss)
        return
    for n_outputs in (1,) if task == "regression" else (1, 4):
        y, raw = _points(loss, task, n_outputs)
        bound = loss.bind(y, n_outputs, task)
        for check in (
            _check_rows, _check_inputs, _check_gradient, _check_smooth, _check_convex, _check_hessian, _check_smoothing,
            _check_weights, _check_overflow, _check_links,
        ):  # fmt: skip
            check(bound, y, raw, loss)


def _points(loss, task, n_outputs):
    """Targets and raw predictions, one for every kind of place: near, far, on the target."""
    rng = np.random.default_rng(0)
    n, constants = 160, getattr(loss, "n_constants", 0)
    spread = np.repeat([0.1, 1.0, 3.0, 10.0], n // 4)
    if task == "classification":
        y = rng.integers(0, max(n_outputs, 2), n)
        raw = spread[:, None] * rng.normal(size=(n, n_outputs))
    else:
        y = rng.normal(size=n) * 2
        if loss.task is not None and loss.positive_target:
            y = np.abs(y) + 0.1
            spread = np.minimum(spread, 2.0)
        raw = (y if not (loss.task and loss.positive_target) else np.log(y))[:, None] + spread[:, None] * rng.normal(
            size=(n, 1)
        )
    if constants:
        raw = np.hstack([raw, np.full((n, constants), 0.3)])
    return y, raw[:, 0] if raw.shape[1] == 1 else raw


def _check_ranking(loss):
    """Check the promises of a loss of whole queries.

    A ranking that its weights depend on is held fixed.
    """
    rng = np.random.default_rng(0)
    lengths = np.array([1, 2, 5, 9, 14])
    relevance = rng.integers(0, 4, lengths.sum()).astype(float)
    raw = 2 * rng.normal(size=len(relevance))
    y = Queries(
        relevance, np.concatenate([[0], np.cumsum(lengths)]), tie_breaker=rng.random(len(relevance))
    ).with_fixed_ranking(raw)
    loss.check_target(y)
    kept = raw.copy()
    value, gradient = loss.value(y, raw), loss.gradient(y, raw)
    if np.shape(value) != (len(y),) or np.shape(gradient) != raw.shape:
        fail(loss, f"value must have shape {(len(y),)} and gradient {raw.shape}; got {np.shape(value)}, {np.shape(gradient)}.")
    if not np.array_equal(raw, kept):
        fail(loss, f"value or gradient changes its input raw, by up to {np.max(np.abs(raw - kept)):.3g}.")
    both = loss.value_and_gradient(y, raw)
    for which, one, other in zip(("value", "gradient"), (value, gradient), both, strict=True):
        if relative(one, other) > 1e-6:
            fail(loss, f"value_and_gradient gives another {which} than {which}(), by {relative(one, other):.3g} relative.")
    differences = [_differences(lambda point: loss.value(y, point).sum(), raw, unit, _STEP) for unit in np.eye(len(raw))]
    numeric, bend = np.array(differences).T
    scale = np.abs(numeric) + 1e-3 * np.max(np.abs(numeric)) + 1e-300
    near_kink = bend > (np.inf if loss.smooth else 1e-4) * scale
    worst = float(np.max(np.where(near_kink, 0, np.abs(gradient - numeric) / scale)))
    if worst > 1e-4:
        fail(loss, f"the gradient is wrong: it differs from central differences of the value by {worst:.3g} relative.")
    for size in (0.1, 1.0, 5.0) if loss.convex else ():
        move = size * rng.normal(size=raw.shape)
        after = loss.gradient(y, raw + move)
        fall = -y.sum((after - gradient) * move) - 1e-7 * y.sum((np.abs(after) + np.abs(gradient)) * np.abs(move))
        if np.max(fall) > 0:
            fail(loss, f"convex = True is wrong: along a line the slope falls by {np.max(fall):.3g}.")
    if loss.has_hessian:
        move = rng.normal(size=raw.shape)
        product = loss.hessian_product(y, raw, move)
        numeric = (loss.gradient(y, raw + 1e-5 * move) - loss.gradient(y, raw - 1e-5 * move)) / 2e-5
        error = float(np.max(np.abs(product - numeric)) / np.max(np.abs(numeric)))
        if error > 1e-3:
            fail(
                loss, f"the Hessian is wrong: hessian_product differs from differences of the gradient by {error:.3g} relative."
            )
    for dtype in (np.float64, np.float32):
        far = (1e3 * raw).astype(dtype)
        with np.errstate(over="raise", invalid="raise"):
            outcome = loss.value_and_gradient(y, far)
        if not all(np.all(np.isfinite(part)) for part in outcome):
            fail(loss, f"overflow: not finite at scores of {np.max(np.abs(far)):.3g} in {np.dtype(dtype)}.")


def _check_inputs(loss, y, raw, name):
    y, raw = y.copy(), raw.copy()
    kept = y.copy(), raw.copy()
    methods = ["value", "gradient", "value_and_gradient"] + ["hessian"] * loss.has_hessian
    for method in methods:
        getattr(loss, method)(y, raw)
        for which, before, after in zip(("y", "raw"), kept, (y, raw), strict=True):
            if not np.array_equal(before, after):
                fail(name, f"{method} changes its input {which}, by up to {np.max(np.abs(before - after)):.3g}.")
    value, gradient = loss.value(y, raw), loss.gradient(y, raw)
    if np.shape(value) != (len(raw),) or np.shape(gradient) != raw.shape:
        fail(
            name, f"value must have shape {(len(raw),)} and gradient {raw.shape}; got {np.shape(value)}, {np.shape(gradient)}."
        )
    together = loss.value_and_gradient(y, raw)
    for which, one, other in zip(("value", "gradient"), (value, gradient), together, strict=True):
        error = relative(one, other)
        if error > 1e-6:
            fail(name, f"value_and_gradient gives another {which} than {which}(), by {error:.3g} relative.")


def _check_rows(loss, y, raw, name):
    half = len(y) // 2
    whole = np.asarray(loss.value(y.copy(), raw.copy()))
    if whole.shape != (len(raw),):
        fail(name, f"value must have shape {(len(raw),)}, one number per row; got {whole.shape}.")
    parts = np.concatenate([loss.value(y[part].copy(), raw[part].copy()) for part in (slice(half), slice(half, None))])
    error = relative(whole, parts)
    if error > 1e-9:
        fail(name, f"rows depend on each other: the value of a row changes by {error:.3g} relative when others are left out.")


def _columns(raw):
    """For each output, the change of `raw` that moves it in all rows."""
    if raw.ndim == 1:
        yield ..., np.ones_like(raw)
        return
    for k in range(raw.shape[1]):
        unit = np.zeros_like(raw)
        unit[:, k] = 1
        yield (slice(None), k), unit


def _differences(function, raw, unit, step):
    """Central differences, and how far the two one-sided ones are apart: rows where they are, are
    next to a kink.
    """
    ahead, here, behind = function(raw + step * unit), function(raw), function(raw - step * unit)
    return (ahead - behind) / (2 * step), np.abs(ahead - 2 * here + behind) / step


def _check_gradient(loss, y, raw, name):
    gradient = loss.gradient(y, raw)
    worst = 0.0
    for where, unit in _columns(raw):
        numeric, bend = _differences(lambda point: loss.value(y, point), raw, unit, _STEP)
        scale = np.abs(numeric) + 1e-3 * np.max(np.abs(numeric)) + 1e-300
        near_kink = bend > (np.inf if loss.smooth else 1e-4) * scale
        error = np.where(near_kink, 0, np.abs(gradient[where] - numeric) / scale)
        worst = max(worst, float(np.max(error)))
    if worst > 1e-4:
        fail(name, f"the gradient is wrong: it differs from central differences of the value by {worst:.3g} relative.")


def _check_smooth(loss, y, raw, name):
    """Zoom in on the largest change of the gradient along each output."""
    if not loss.smooth:
        return
    rows = np.arange(len(y))
    for where, unit in _columns(raw):
        low, step, size = np.full(len(y), -4.0), 0.25, None
        for _ in range(6):
            shifts = low[:, None] + step * np.arange(33)
            gradients = np.stack(
                [loss.gradient(y, raw + (shift if raw.ndim == 1 else shift[:, None]) * unit)[where] for shift in shifts.T],
                axis=1,
            )
            size = np.max(np.abs(gradients)) if size is None else size
            jumps = np.abs(np.diff(gradients, axis=1))
            steepest = np.argmax(jumps, axis=1)
            low, step = shifts[rows, steepest], step / 32
        jump = float(np.max(jumps))
        if jump > 1e-3 * size and not getattr(loss, "n_constants", 0):
            fail(name, f"smooth = True is wrong: the gradient jumps by {jump:.3g}, and its largest entry is {size:.3g}.")


def _check_convex(loss, y, raw, name):
    if not loss.convex:
        return
    rng = np.random.default_rng(1)
    for size in (0.1, 1.0, 5.0):
        move = size * rng.normal(size=raw.shape)
        if getattr(loss, "n_constants", 0):
            move[:, -loss.n_constants :] = move[0, -loss.n_constants :]
        before, after = loss.gradient(y, raw), loss.gradient(y, raw + move)
        rise = ((after - before) * move).reshape(len(y), -1).sum(axis=1)
        slack = 1e-7 * ((np.abs(after) + np.abs(before)) * np.abs(move)).reshape(len(y), -1).sum(axis=1)
        worst = float(np.max(-rise - slack))
        if worst > 0:
            fail(name, f"convex = True is wrong: along a line the slope falls by {worst:.3g}.")


def _check_hessian(loss, y, raw, name):
    if not loss.has_hessian:
        return
    direction = np.random.default_rng(2).normal(size=raw.shape)
    product = loss.hessian_product(y, raw, direction)
    # Where one step and a tenth of it disagree, the curvature itself jumps.
    numeric, small = (
        (loss.gradient(y, raw + h * direction) - loss.gradient(y, raw - h * direction)) / (2 * h) for h in (1e-5, 1e-6)
    )
    scale = np.abs(numeric) + 1e-2 * np.max(np.abs(numeric)) + 1e-300
    jumps = np.abs(numeric - small) > 1e-3 * scale
    difference = np.abs(product - numeric)
    if loss.hessian_bound:
        # Along each direction the bound is not below the second derivative, nor below 0.
        along, bound = (_by_row(part * direction) for part in (numeric, product))
        difference = np.maximum(np.maximum(along, 0) - bound, 0)
        scale, jumps = _by_row(scale * np.abs(direction)) + 1e-300, _by_row(jumps) > 0
    if loss.quadratic and relative(loss.hessian_product(y, raw + direction, direction), product) > 1e-6:
        fail(name, "quadratic = True is wrong: the Hessian differs from one raw prediction to another.")
    error = float(np.max(np.where(jumps, 0, difference / scale)))
    if error > 1e-2:
        fail(name, f"the Hessian is wrong: hessian_product differs from differences of the gradient by {error:.3g} relative.")
    if raw.ndim == 1:
        error = relative(loss.hessian(y, raw) * direction, product)
        if error > 1e-6:
            fail(name, f"hessian and hessian_product disagree, by {error:.3g} relative.")


def _by_row(array):
    """The sum over a row's raw outputs."""
    return array if array.ndim == 1 else array.sum(axis=1)


def _check_smoothing(loss, y, raw, name):
    if loss.smooth:
        return
    n_outputs = 1 if raw.ndim == 1 else raw.shape[1]
    for width in (1.0, 0.1, 1e-3):
        smoothed = loss.smoothed(width)
        if not smoothed.smooth:
            fail(name, f"smoothed({width}) is not smooth.")
        bound = loss.smoothing_error(width, n_outputs)
        off = float(np.max(np.abs(smoothed.value(y, raw) - loss.value(y, raw))))
        if not off <= bound * (1 + 1e-6) + 1e-9:
            fail(name, f"smoothed({width}) is off by {off:.3g}, and smoothing_error promises at most {bound:.3g}.")
        for where, unit in _columns(raw):
            # A step that spans the rounding of a numerical average, and the little that a kink's
            # parabola bends over it.
            numeric, _ = _differences(lambda point, s=smoothed: s.value(y, point), raw, unit, 0.05 * width)
            error = float(np.max(np.abs(smoothed.gradient(y, raw)[where] - numeric)) / np.max(np.abs(numeric)))
            if error > 0.05:
                fail(name, f"the gradient of smoothed({width}) is wrong, by {error:.3g} of its largest value.")


def _check_weights(loss, y, raw, name):
    """Check that the best constant of weighted rows is that of repeated rows.

    No constant nearby may be better.
    """
    n_outputs = 1 if raw.ndim == 1 else raw.shape[1] - getattr(loss, "n_constants", 0)
    if getattr(loss, "n_constants", 0):
        return
    weight = np.random.default_rng(3).integers(1, 4, len(y))
    repeated = np.repeat(y, weight)
    one = np.asarray(loss.best_constant(y, weight / weight.mean(), n_outputs))
    other = np.asarray(loss.best_constant(repeated, np.ones(len(repeated)), n_outputs))
    if one.shape != (n_outputs,):
        fail(name, f"best_constant must have shape ({n_outputs},). Got {one.shape}.")

    def mean(constant):
        constant = constant[0] if n_outputs == 1 else constant
        return float(np.average(loss.value(y, np.zeros_like(raw) + constant), weights=weight))

    if abs(mean(one) - mean(other)) > 1e-6 * (abs(mean(one)) + 1e-12):
        fail(name, f"a weight must act as a repeated row: best_constant is {one} for weights and {other} for repeated rows.")
    moves = [shift * unit for shift in (-0.1, 0.1) for unit in np.eye(n_outputs)]
    if loss.task == "classification" and not loss.convex:
        # The best scores of a bounded loss may lie at infinity; but no score at all must not be
        # better.
        moves = [-one]
    for move in moves:
        gain = mean(one) - mean(one + move)
        if gain > 1e-6 * (abs(mean(one)) + 1e-12):
            fail(name, f"best_constant {one} is not the best one: with {move} added to it the mean loss falls by {gain:.3g}.")


def _check_overflow(loss, y, raw, name):
    if not isinstance(loss, Loss) or loss.task is None:
        return
    n_constants = getattr(loss, "n_constants", 0)
    for dtype in (np.float64, np.float32):
        for size in (1e4, -1e4):
            far = np.full_like(raw, size, dtype=dtype)
            if raw.ndim > 1:
                far[:, 0] = -size
            if n_constants:
                far[:, -n_constants:] = 0
            targets = y if y.dtype.kind == "i" else y.astype(dtype)
            with np.errstate(all="ignore"):
                value, gradient = loss.value_and_gradient(targets, far)
                alone = loss.value(targets, far)
            if not (np.all(np.isfinite(value)) and np.all(np.isfinite(gradient))):
                fail(
                    name,
                    f"overflow: a raw prediction of {size:g} in {dtype.__name__} gives a value or gradient that is not finite.",
                )
            if not all(array.dtype == dtype for array in (value, gradient, alone)):
                types = f"value() is {alone.dtype}, value_and_gradient() gives {value.dtype} and {gradient.dtype}"
                fail(name, f"{dtype.__name__} is not kept: {types}.")


def _check_links(loss, y, raw, name):
    n_constants = getattr(loss, "n_constants", 0)
    if n_constants:
        raw = raw[:, :-n_constants]
        raw = raw[:, 0] if raw.shape[1] == 1 else raw
    prediction = loss.inverse_link(raw)
    if loss.has_probabilities:
        if raw.ndim == 1:
            prediction = np.stack([loss.inverse_link(-raw), prediction], axis=1)
        off = float(np.max(np.abs(prediction.sum(axis=1) - 1)))
        if off > 1e-6 or np.any(prediction < 0):
            fail(name, f"inverse_link does not give probabilities: their sums are off by {off:.3g}.")
