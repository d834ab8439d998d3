"""Numerical helpers of losses: best constants, quantiles, exponentials that stay finite."""

from collections.abc import Callable
from math import ceil
from typing import Any

import numpy as np
from scipy.optimize import brentq, minimize, minimize_scalar

from sklearn_losses.losses.annotations import FloatArray, Targets

__all__ = []


def best_number(loss: Any, y: Targets, sample_weight: FloatArray) -> float:
    """The constant raw prediction of least mean loss.

    It is that of `least_constant`, and for a smooth loss the root of the slope near it.
    """
    shares = sample_weight / sample_weight.sum()

    def mean(constant):
        return float(shares @ loss.value(y, np.full(len(y), constant, dtype=np.float64)))

    best, lowest = least_constant(mean, loss, y, shares)
    if not (loss.smooth and np.isfinite(lowest)):
        return best
    spread = float(np.ptp(y)) or 1.0

    # A value tells its minimum to the root of the rounding error; the root of the derivative is
    # told to rounding.
    def slope(constant):
        return float(shares @ loss.gradient(y, np.full(len(y), constant, dtype=np.float64)))

    low, high = best - 1e-6 * spread, best + 1e-6 * spread
    if not slope(low) < 0 < slope(high):
        return best
    # A root at 0 has no digits of its own: there it ends with the count.
    return float(brentq(slope, low, high, xtol=np.finfo(float).tiny, rtol=8.9e-16, maxiter=200, disp=False))


def least_constant(mean: Callable[[Any], float], loss: Any, y: Targets, shares: FloatArray) -> tuple[float, float]:
    """The constant of least ``mean(constant)`` and that value.

    Brent's method searches around the best of some quantiles of `y`.

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
        # A quantile of the targets may be far out for a raw prediction.
        with np.errstate(all="ignore"):
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


def best_scores(loss: Any, y: Targets, sample_weight: FloatArray, n_outputs: int) -> FloatArray:
    """The constant scores of least mean loss.

    They are zeros where a class has no rows, since its best score is minus infinity.
    """
    n_classes = max(n_outputs, 2)
    if y.dtype.kind == "f":  # soft labels
        shares = np.average(y if y.ndim == 2 else np.stack([1 - y, y], axis=1), axis=0, weights=sample_weight)
        rows = np.eye(n_classes) if y.ndim == 2 else np.array([0.0, 1.0])
    else:
        shares = np.bincount(y, weights=sample_weight, minlength=n_classes) / sample_weight.sum()
        rows = np.arange(n_classes)
    if not np.all(shares > 0):
        return np.zeros(n_outputs)
    return _least_scores(loss, rows, shares, np.log(shares), n_outputs)


def best_scores_of(loss: Any, costs: FloatArray, n_outputs: int) -> FloatArray:
    """The constant scores of least loss where the mean costs of the decisions are these.

    They are zeros where a decision costs nothing, since its best score may be infinite.

    Parameters
    ----------
    loss : Loss
        Its target is the costs of the decisions.
    costs : ndarray of shape (n_classes,)
    n_outputs : int
    """
    if not np.all(costs > 0):
        return np.zeros(n_outputs)
    return _least_scores(loss, costs[None], np.ones(1), -np.log(costs), n_outputs, (1.0, 0.1, 1e-2, 1e-3, 1e-4))


def _least_scores(loss, rows, shares, logs, n_outputs, widths=(1e-4,)):
    """The constant scores of least mean loss over rows with these shares, from a first guess.

    A loss that is not smooth is smoothed with these widths, one after the other.
    """

    def every_row(scores):
        return np.full(len(shares), scores[0]) if n_outputs == 1 else np.tile(scores, (len(shares), 1))

    def mean(scores, smooth):
        value, gradient = smooth.value_and_gradient(rows, every_row(scores))
        return float(shares @ value), np.atleast_1d(shares @ gradient)

    logs = logs - logs.mean()
    start = end = np.array([logs[1] - logs[0]]) if n_outputs == 1 else logs
    for smooth in (loss,) if loss.smooth else map(loss.smoothed, widths):
        end = minimize(mean, end, args=(smooth,), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    candidates = [np.zeros(n_outputs), start]
    # A bounded loss may like one class best with certainty: scores at infinity, where no gradient
    # is left to start from.
    if np.max(np.abs(end)) < 10:
        candidates.append(end)
    best = min(candidates, key=lambda scores: float(shares @ loss.value(rows, every_row(scores))))
    # What a search by values cannot know is left out: equal data give equal starts.
    best = np.round(best, 6)
    return best - best.mean() if loss.shift_invariant and n_outputs > 1 else best


LARGEST_LOG = 290.0  # of a target: predictions may be a little larger


def safe_exp(t: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """``exp(t)`` and its two derivatives, finite for large t.

    Beyond what squares of it can hold, a parabola goes on, twice differentiable.
    """
    cap = 300 if t.dtype == np.float64 else 36
    if t.max(initial=0.0) <= cap:
        base = np.exp(t)
        return base, base, base
    base = np.exp(np.minimum(t, cap))
    beyond = np.maximum(t - cap, 0)
    return base * (1 + beyond + beyond**2 / 2), base * (1 + beyond), base


def weighted_quantile(values: FloatArray, level: float, sample_weight: FloatArray) -> float:
    """The middle of the interval of all minimisers of the weighted pinball loss."""
    if sample_weight.max() == sample_weight.min():  # no need to sort
        target = level * len(values)
        close = 8 * np.finfo(np.float64).eps * len(values)
        first, last = (min(max(ceil(t), 1), len(values)) - 1 for t in (target - close, target + close))
        ordered = np.partition(values, (first, last) if first < last else first)
        return ordered[first] + (ordered[last] - ordered[first]) / 2
    order = np.argsort(values, kind="stable")
    ordered, weight = values[order], sample_weight[order]
    below = np.cumsum(weight, dtype=np.float64)
    target = level * below[-1]
    close = 8 * np.finfo(np.float64).eps * below[-1]
    first = np.searchsorted(below, target - close)
    last = np.searchsorted(below, target + close)
    last = min(last, len(ordered) - 1)
    return ordered[first] + (ordered[last] - ordered[first]) / 2
