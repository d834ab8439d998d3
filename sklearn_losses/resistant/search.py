"""The search for a start: fits to parts of the rows, chosen by how the rows lie, and improved."""

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
    rows_per_parameter : float
        Rows for each parameter at the least.
    fewest : int
        Rows at the least.
    """

    sample: int = 2000
    sample_per_column: int = 20
    sample_entries: int = 20_000_000
    axes: int = 8
    starts: int = 100
    work: float = 1e5
    division: int = 6
    divided: int = 20
    subsets: int = 500
    largest_subset: int = 12
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
    rows_per_parameter: float = 3.0
    fewest: int = 5


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


def best_fits(rows: Regression, n_spread: int, limits: Limits = LIMITS) -> list[Fit]:
    """The best few fits, iterated until they stay, by rising objective.

    After each round the rows that the best fit rejects are left out of the choice of parts, as far
    outliers can hide others [1]_.

    Parameters
    ----------
    rows : Regression
    n_spread : int
        The first so many columns tell how the rows lie.
    limits : Limits, default=LIMITS

    References
    ----------
    .. [1] Pena and Yohai, "A fast procedure for outlier diagnostics in large regression problems",
           Journal of the American Statistical Association 94 (1999).
    """
    kept = np.ones(len(rows.y), dtype=bool)
    pool: list[Fit] = []
    for _ in range(limits.rounds):
        before = pool[0].objective if pool else np.inf
        found = [refined(rows, params, 50, 1e-6) for params in _promising(rows, kept, n_spread, limits)]
        pool = sorted(pool + found, key=lambda fit: fit.objective)[: limits.best]
        if pool[0].scale == 0 or pool[0].objective >= before * (1 - 1e-6):
            break
        kept = np.abs(rows.residuals(pool[0].params)) <= limits.rejected * pool[0].scale
        if kept.all() or rows.weight[kept].sum() < 0.5 * rows.weight.sum():
            break
    return pool


def _promising(rows, kept, n_spread, limits):
    """The best few of the candidates of one round, after a few steps of concentration."""
    part = rows.rows(kept)
    tried = np.vstack(
        [
            [least_squares(part, np.ones(len(part.y))), nearly_least_absolute(part)],
            many_least_squares(part, _halves(part, part.design[:, :n_spread], limits)),
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
    Z, _ = whitened(columns, part.weight)
    residuals = part.residuals(least_squares(part, np.ones(len(part.y))))
    joint, _ = whitened(np.column_stack([Z, part.y]), part.weight)
    halves = [np.zeros((0, len(part.y)), dtype=bool)]
    for W, groups in ((Z, False), (joint, True)):
        if not W.shape[1]:
            continue
        sets = invariant_axes(W, part.weight, residuals)
        directions = [_ends(axes, limits.axes) for axes in sets]
        if groups:
            starts = _starts(W, part.weight, sets, max(limits.starts, int(limits.work / len(W))))
            directions.append(dividing(W, part.weight, starts, limits.division, limits.divided))
        halves.append(halves_along(W @ np.hstack(directions), part.weight))
        halves.append(central_halves(W @ sets[0], part.weight))
    return np.vstack(halves)


def _starts(W, weight, sets, number):
    """Directions from which to look for groups: at the most `number`, more of them for few rows."""
    starts = np.hstack([_ends(axes, 2) for axes in sets])
    axes = sets[0]
    for _ in range(2):
        axes = skewed_axes(W, weight, axes[:, : number // 2])
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
