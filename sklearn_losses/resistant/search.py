"""The search for a start: fits to parts of the rows, chosen by how the rows lie, and improved."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from sklearn_losses.resistant.directions import central_halves, dividing, halves_along, invariant_axes, skewed_axes, whitened
from sklearn_losses.resistant.steps import (
    Fit,
    Regression,
    concentrated,
    least_squares,
    many_least_squares,
    nearly_least_absolute,
    quick_objectives,
    refined,
    reweighted,
)

__all__ = ["LIMITS", "Limits", "best_fits", "sampled"]

Vector = NDArray[Any]


class Limits(NamedTuple):
    """The numbers of the resistant start.

    Attributes
    ----------
    sample, sample_per_column : int
        Rows of the search at the most: the first, or the second times the columns where that is
        more.
    sample_entries : int
        Entries of the sample at the most where it is more than `sample` rows.
    axes : int
        Axes of each end of a set that are tried at the most.
    starts : int
        Directions from which a division of the rows into two groups is looked for,
    work : float
        and how many times the rows these may be where that is more.
    division : int
        Steps towards directions that divide the rows into two groups,
    divided : int
        and how many of these are tried.
    subsets : int
        Random subsets of as many rows as parameters,
    largest_subset : int
        up to so many, of which one without outliers is still likely.
    many_axes : int
        Axes from which on a start costs more than it finds.
    effort : float
        Rows times squared columns up to which all candidates are tried; beyond, a share of them.
    halves : int
        Halves that are fitted at the most.
    concentration : int
        Steps of concentration for each candidate, and of reweighted least squares after them.
    concentrated : int
        Candidates that take steps.
    reweighted : int
        Steps of reweighted least squares that these take.
    alike : float
        Difference of objectives, as a share, up to which two candidates are one.
    best : int
        Candidates that are iterated until they stay.
    rounds : int
        Searches at the most, each among the rows that the last one's best fit does not reject.
    rejected : float
        Scales beyond which it rejects a row.
    work_of_dummies : float
        Rows of the sample times squared columns up to which dummies take part in the search.
    ends : int
        Best fits of a sample that are refined on all rows.
    last_steps, accuracy : int, float
        Steps of the last descent at the most, and the change of a prediction, in scales, at which
        it ends.
    absolute_ends : int
        Best fits from which the fit under absolute values of the weights begins,
    absolute_steps, absolute_accuracy : int, float
        and its last steps at the most, and their accuracy.
    rows_per_axis : float
        Rows for each axis along which they are looked at, at the least.
    rows_per_parameter : float
        Rows for each parameter at the least.
    fewest : int
        Rows at the least.
    near : tuple of float
        Shares of the rows, those that lie next to the rest in columns of mostly one value, among
        which the search looks, too.
    """

    sample: int = 2000
    sample_per_column: int = 20
    sample_entries: int = 20_000_000
    axes: int = 8
    starts: int = 200
    work: float = 3e5
    division: int = 8
    divided: int = 20
    subsets: int = 500
    largest_subset: int = 12
    many_axes: int = 60
    effort: float = 2e7
    halves: int = 400
    concentration: int = 2
    concentrated: int = 60
    reweighted: int = 10
    alike: float = 1e-4
    best: int = 5
    rounds: int = 4
    rejected: float = 2.5
    work_of_dummies: float = 4e7
    ends: int = 2
    last_steps: int = 500
    accuracy: float = 1e-11
    absolute_ends: int = 3
    absolute_steps: int = 100
    absolute_accuracy: float = 1e-8
    rows_per_axis: float = 20.0
    rows_per_parameter: float = 3.0
    fewest: int = 5
    near: tuple[float, ...] = (0.5, 0.65, 0.8)


LIMITS = Limits()


def sampled(rows: Regression, size: int) -> Regression:
    """Rows at equal distances of weight, in the order of their residuals of least squares.

    The order of the rows and a linear map of the columns do not change it.
    """
    order = _by_residual(rows)
    total = np.cumsum(rows.weight[order])
    places = np.searchsorted(total, (np.arange(size) + 0.5) / size * total[-1])
    chosen = order[np.minimum(places, len(order) - 1)]
    right = 0.5 - (0.5 - rows.right) * len(rows.y) / size
    part = rows.rows(chosen).dense
    return replace(part, weight=np.ones(size), right=max(right, 0.25))


def _by_residual(rows):
    return np.lexsort((rows.y, rows.residuals(least_squares(rows, np.ones(len(rows.y))))))


def best_fits(rows: Regression, view: Vector, limits: Limits = LIMITS, parts: Iterable[Vector] = ()) -> list[Fit]:
    """The best few fits, iterated until they stay, by rising objective.

    After each round the rows that the best fit rejects are left out of the choice of parts, as far
    outliers can hide others [1]_.

    Parameters
    ----------
    rows : Regression
    view : ndarray of shape (n, q)
        Columns that tell how the rows lie.
    limits : Limits, default=LIMITS
    parts : iterable of ndarray of shape (n,), default=()
        Masks of rows among which the first round looks, too.

    References
    ----------
    .. [1] Pena and Yohai, "A fast procedure for outlier diagnostics in large regression problems",
           Journal of the American Statistical Association 94 (1999).
    """
    limits = _affordable(limits, rows.design.size * rows.design.shape[1])
    parts = [np.ones(len(rows.y), dtype=bool), *parts]
    pool: list[Fit] = []
    for _ in range(limits.rounds):
        before = pool[0].objective if pool else np.inf
        found = [refined(rows, params, 50, 1e-6) for kept in parts for params in _promising(rows, view, kept, limits)]
        pool = sorted(pool + found, key=lambda fit: fit.objective)[: limits.best]
        if pool[0].scale == 0 or pool[0].objective >= before * (1 - 1e-6):
            break
        kept = np.abs(rows.residuals(pool[0].params)) <= limits.rejected * pool[0].scale
        if kept.all() or rows.weight[kept].sum() < 0.5 * rows.weight.sum():
            break
        parts = [kept]
    return pool


def _affordable(limits, work):
    """The limits with fewer candidates and rounds where one fit takes much work."""
    share = limits.effort / max(work, limits.effort)
    counts = {name: max(int(share * getattr(limits, name)), 3) for name in ("halves", "concentrated", "starts")}
    return limits._replace(**counts, rounds=limits.rounds if share == 1 else 2, best=limits.best if share == 1 else 3)


def _promising(rows, view, kept, limits):
    """The best few of the candidates of one round, after a few steps of concentration."""
    part = rows.rows(kept)
    tried = np.vstack(
        [
            [least_squares(part, np.ones(len(part.y))), nearly_least_absolute(part)],
            many_least_squares(part, _halves(part, view[kept], limits)),
        ]
    )
    first = _lowest(quick_objectives(rows, tried), limits.concentrated)
    halves = np.vstack([tried[first], concentrated(rows, tried[first], limits.concentration)[0]])
    params = np.vstack([halves, many_least_squares(part, _subsets(part, limits))])
    params, objectives = reweighted(rows, params, limits.concentration)
    better = _lowest(objectives, limits.concentrated)
    params, objectives = reweighted(rows, params[better], limits.reweighted)
    return params[_lowest(objectives, limits.best, limits.alike)]


def _lowest(objectives, number, alike=0.0):
    """The numbers of the smallest values; of those that are alike, as a share, one."""
    order = np.argsort(objectives, kind="stable")
    values = objectives[order]
    new = np.append(True, np.diff(values) > alike * values[1:])
    return order[new][:number]


def _halves(part, columns, limits):
    """Halves of the rows, those that most often hold no outliers first."""
    Z, _ = whitened(columns, part.weight)
    residuals = part.residuals(least_squares(part, np.ones(len(part.y))))
    joint, _ = whitened(np.column_stack([Z, part.y]), part.weight)
    halves = [np.zeros((0, len(part.y)), dtype=bool)]
    axes_of = [(W, invariant_axes(W, part.weight, residuals)) for W in (joint, Z) if W.shape[1]]
    for W, sets in axes_of[:1]:
        # Few rows hide groups from most directions, and more of them cost little.
        number = max(limits.starts, int(limits.work / len(W))) if W.shape[1] <= limits.many_axes else limits.starts
        starts = _starts(W, part.weight, sets, number)
        halves.append(halves_along(W @ dividing(W, part.weight, starts, limits.division, limits.divided), part.weight))
    halves += [central_halves(W @ sets[0], part.weight) for W, sets in axes_of]
    for W, sets in axes_of[::-1]:
        halves.append(halves_along(W @ np.hstack([_ends(axes, limits.axes) for axes in sets]), part.weight))
    return np.vstack(halves)[: limits.halves]


def _starts(W, weight, sets, number):
    """Directions from which to look for groups: at the most `number`, more of them for few rows."""
    starts = np.hstack([_ends(axes, 2) for axes in sets])
    axes = sets[0]
    for _ in range(2):
        axes = skewed_axes(W, weight, _ends(axes, max(number // 8, 1)))
        starts = np.hstack([starts, axes])
    if starts.shape[1] < number:
        starts = np.hstack([starts, skewed_axes(W, weight, np.hstack(sets[1:])[:, : number // 2])])
    return starts[:, :number]


def _ends(axes, number):
    if axes.shape[1] <= 2 * number:
        return axes
    return np.hstack([axes[:, :number], axes[:, -number:]])


def _subsets(part, limits):
    """As many rows as parameters, drawn from their order by residual; counts of shape (m, n)."""
    n, k = part.design.shape
    if k > limits.largest_subset:
        return np.zeros((0, n))
    order = _by_residual(part)
    total = np.cumsum(part.weight[order])
    places = np.searchsorted(total, RandomState(0).uniform(0, total[-1], (limits.subsets, k)))
    counts = np.zeros((limits.subsets, n))
    np.add.at(counts, (np.arange(limits.subsets)[:, None], order[np.minimum(places, n - 1)]), 1.0)
    return counts
