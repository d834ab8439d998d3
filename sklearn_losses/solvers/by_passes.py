"""The exact minimum of a loss with kinks over rows in parts, in few passes over them.

A sample of the rows is solved for in memory. Its minimum tells which of all rows may change sides:
those near their kink. One pass gathers them, with all others as the lines on which they are; their
minimum is that of all rows, if no other row has changed sides there, which one more pass shows
(Portnoy and Koenker, "The Gaussian hare and the Laplacian tortoise", Statistical Science 12 (1997),
section 5).

Where too many rows are near, a sample of them stands for them, with weights, and a linear function
makes its gradient that of all rows (Jordan, Lee and Yang, "Communication-efficient distributed
statistical inference", JASA 114 (2019)). From its minimum far fewer rows may change sides.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import OptimizeResult

from sklearn_losses.core.allowance import allowance, exact_is_cheap, null_value
from sklearn_losses.core.limits import SIZES
from sklearn_losses.piecewise.active_set import exact_active_set
from sklearn_losses.piecewise.base import FloatArray
from sklearn_losses.piecewise.duality_gap import ROUNDING, dual_gap
from sklearn_losses.piecewise.near_rows import LENGTHS, ROWS, ProvenBound, SlopesOfPart, moved_rows
from sklearn_losses.solvers.run import Run
from sklearn_losses.solvers.smoothed_passes import SMOOTHED, smoothed_passes

__all__ = ["PassLimits", "minimum_by_passes"]


class PassLimits(NamedTuple):
    """How many rows are gathered, and how often.

    Attributes
    ----------
    rows, sparse_rows, entries : int
        Rows, of arrays and of sparse matrices, and entries of them, that are in memory at the most.
    spreads : float
        Half the width of the band of the rows that may change sides, in standard errors of the
        predictions.
    filled : float
        The share of `rows` that a band should fill, since its size is an estimate.
    further : float
        The share of `rows` that is kept for rows outside the band while only some inside are there.
    again : float
        The share of the first reach within which rows are taken in at later points.
    crossed : int
        Rows that change sides at the least, when a further band is chosen.
    enough : float
        The share of the best gain on the way to the minimum over a sample with which a step is
        taken.
    still : int
        Passes in a row that may bring no lower value.
    tied, of_tied : float, int
        The width, in units of the size of the data, at which slopes of many rows on their kink are
        looked for, and the passes for it.
    passes : int
        Passes in all.
    """

    rows: int = ROWS
    sparse_rows: int = 4 * ROWS
    entries: int = 2**22
    spreads: float = 3.75
    filled: float = 0.8
    further: float = 0.1
    again: float = 0.25
    crossed: int = 4
    enough: float = 0.5
    still: int = 2
    tied: float = 1e-6
    of_tied: int = 15
    passes: int = 40


LIMITS = PassLimits()
TINY = 1e-9  # distance from a kink, in units of the mean one, of rows on it
CLUSTER = 1e-4, 0.05  # a distance within which so large a share is only where many are on their kink
CERTAIN = 1e-9  # of a duality gap, what rounding leaves
EXACT = 1e-10  # tol of the last rows in memory: what rounding of sums has done is not to be seen
MOST = 1000  # iterations for rows in memory
Solve = Callable[[Any, FloatArray, float, float], OptimizeResult]


class _Band(NamedTuple):
    """The rows of the next pass: see `NearRows`."""

    points: tuple[FloatArray, ...]
    reaches: tuple[float, ...]
    share: float = 1.0
    further: float = 0.0

    def then(self, params, again):
        """The same rows, and those that change sides on the way to a further point."""
        return self._replace(points=(*self.points, params), reaches=(*self.reaches, again * self.reaches[0]))


class _Line(NamedTuple):
    """The step to the minimum over a sample of rows, which may be far beyond that over all.

    Attributes
    ----------
    start, way : ndarray or None
        None where no step is taken.
    length : float
        How much of it is tried first: what was taken of the last one.
    """

    start: FloatArray | None = None
    way: FloatArray | None = None
    length: float = 1.0

    @property
    def of_pass(self):
        """What `NearRows` asks of it."""
        return self.way, self.length

    def at(self, length):
        """The point there."""
        return self.start + length * self.way

    def better(self, values, objective, enough):
        """The length to go to where the pass has shown that the one tried is not good enough.

        `values` are those of the loss at `LENGTHS`. None where it is good enough.
        """
        values = values + np.array([objective.penalty_value(self.at(length)) for length in LENGTHS])
        tried, best = LENGTHS.index(self.length), int(np.argmin(values))
        # The last of the lengths is next to nothing.
        return None if values[-1] - values[tried] >= enough * (values[-1] - values[best]) else LENGTHS[best]


def minimum_by_passes(
    objective: Any, params: FloatArray, run: Run, tol: float, solve: Solve | None = None, limits: PassLimits = LIMITS
) -> OptimizeResult:
    """The minimum over all rows.

    Parameters
    ----------
    objective : SummedObjective
        Linear model, convex loss made of lines.
    params : ndarray of shape (n_params,)
        Where to start.
    run : Run
        It counts passes.
    tol : float
    solve : callable, default=None
        ``solve(part, params, tol, goal)`` gives the result of a solver for rows in memory; None: of
        the one that "auto" chooses.
    limits : PassLimits, default=LIMITS

    Returns
    -------
    OptimizeResult
        Its `slopes` are `SlopesOfPart`.
    """
    return _Passes(objective, run, tol, solve or _in_memory, limits).go(params)


def _in_memory(part, params, tol, goal):
    """The best end of the solvers that "auto" takes for rows in memory, one after the other.

    They are asked for `tol`, and `goal` is what they must have reached.
    """
    from sklearn_losses.solvers.auto import Auto  # which chooses among solvers that call this module

    solver, best, least = Auto().choose(part), None, np.inf
    while solver is not None:
        found = solver.solve(part, params, max_iter=MOST, tol=tol)
        value = part.value(found.x)
        enough = allowance(part, value, null_value(part, found.x), goal) / (abs(value) or 1.0)
        gap = dual_gap(part, found.x, found.get("slopes"), found.get("width"), enough)
        if best is None or (gap or 0.0) < least:
            best, least = found, gap or 0.0
        solver = None if least <= max(enough, CERTAIN) else Auto().next_after(solver, part)
    return best


class _Passes:
    """The passes over the rows of one objective."""

    def __init__(self, objective, run, tol, solve, limits):
        self.objective, self.run, self.tol, self.solve, self.limits = objective, run, tol, solve, limits
        per_row = max(1.0, objective.entries_per_row)
        rows = limits.sparse_rows if objective.sparse else limits.rows
        self.most = max(16, min(rows, int(limits.entries / per_row)))

    def go(self, params):
        """Go to the minimum."""
        part = self.objective.sample(self.most)
        m, n = part.n_rows, self.objective.n_rows
        found = self._solved(part, params, whole=m == n)
        if m == n:
            self.run.record(found.x, part.value(found.x))
            return self._end(part, found)
        self.start, self.null = params, null_value(part, found.x)
        terms = part.terms().loss_terms
        self.at_start = terms.scale(terms.residual(params))
        distance, at_zero = (part.beside_kinks(point)[0] for point in (found.x, np.zeros_like(params)))
        self.size = max(float(distance.mean()), float(at_zero.mean())) or 1.0
        self.scale = max(float(distance.mean()), TINY * self.size)
        band = self._band(found.x, distance, self.limits.spreads * np.sqrt(len(params) * m), n / m)
        share = np.mean(distance <= CLUSTER[0] * self.size)
        clustered = bool(part.max_affine and share > CLUSTER[1] and share * n > self.most)
        # From here on the sample is not needed.
        del part, terms, distance, at_zero
        self.best, self.lowest, self.tied = found.x, np.inf, False
        # No exact method tells which rows of a cluster are on their kink.
        result = None if clustered else self._with_bands(band)
        if result is None and self.run.status is None and len(params) <= SIZES.matrix:
            result = self._by_smoothed()
        if result is None:
            self.run.params, self.run.value = self.best, self.lowest
            return self.run.result()
        return result

    def _by_smoothed(self):
        """Newton steps on smoothed forms, and bands from there."""
        limits, result = self.limits, None
        if self.tied:
            # The point is mostly the optimum, and the slopes that prove it are those of a tiny
            # width.
            width = limits.tied * self.size
            result, _ = self._smoothed(width, width, limits.filled * self.most, SMOOTHED._replace(steps=limits.of_tied))
        width, most = SMOOTHED.first * self.scale, limits.filled * self.most
        while result is None and self.run.status is None:
            result, end = self._smoothed(width, SMOOTHED.narrowest * self.scale, most, SMOOTHED)
            if result is None and end.reach == np.inf:
                break
            if result is None and self.run.status is None:
                # Where these do not decide, fewer are asked for the next time.
                result, width, most = self._with_bands(_Band((end.params,), (end.reach,))), end.width, most / 2
        return result

    def _smoothed(self, width, narrowest, most, schedule):
        """Where `smoothed_passes` came to: the result, where that is proven, and the end."""
        end = smoothed_passes(
            self.objective,
            self.best,
            width,
            narrowest,
            1 / self.scale,
            self._record,
            self._allowed,
            most,
            self.limits.spreads,
            schedule,
        )
        return (self._proven(end.params, end.bound) if end.bound < np.inf else None), end

    def _proven(self, params, bound):
        """The result at a point, with a proven bound on what is left to gain."""
        self.run.params, self.run.value = params, self.objective.value(params)
        self.run.converged()
        return self.run.result(slopes=ProvenBound(params, bound))

    def _record(self, params, value):
        if value < self.lowest:
            self.lowest, self.best = value, params
        return self.run.record(params, value)

    def _solved(self, part, params, whole):
        """The minimum over rows in memory; that over the whole problem, or what it is found by."""
        # A maximum with absolute values has no exact method, and so have many parameters.
        exact = whole and (part.piecewise_linear or part.smooth_penalty) and len(params) <= SIZES.matrix
        found = self.solve(part, params, min(self.tol, EXACT) if exact else self.tol, self.tol)
        if whole and part.null is not None and part.piecewise_linear and exact_is_cheap(part):
            # Of several minima it is the one that a fit in memory finds: the closest to the start.
            width = np.sqrt(np.finfo(float).eps) * self.scale
            slopes = found.get("slopes") if part.smooth_penalty else None  # else those of weights are not known
            exact = exact_active_set(part, found.x, width, self.start, slopes, self.at_start)
            if exact is not None:
                found.x, found.slopes = exact
        found.x = self.objective.centered(found.x)
        return found

    def _allowed(self, params, value):
        return allowance(self.objective, value, self.null, self.tol)

    def _with_bands(self, band):
        """Solve for bands of rows, until no other row changes sides.

        Returns the result, or None where that leads nowhere; the lowest point is `best` then.
        """
        part, found, line, still = None, None, _Line(), 0
        for _ in range(self.limits.passes):
            before, params = part, band.points[-1]
            looked = self.objective.part(self.objective.near(*band, *line.of_pass), self.most)
            lowest = self.lowest
            if self._record(params, looked.value):
                return None
            if line.way is not None and (length := line.better(looked.line, self.objective, self.limits.enough)):
                band, line = band._replace(points=(line.at(length),)), _Line(length=length)
                continue
            still = still + 1 if looked.value >= lowest - 1e-12 * abs(lowest) else 0
            if looked.value <= ROUNDING * self.size:  # no objective is below 0, and this one is 0 to rounding
                return self._proven(params, 0.0)
            part = looked.objective
            if len(band.points) > 1 and not looked.crossed:
                return self._end(before, found)
            if still > self.limits.still:
                return None
            if part is None:
                band, line = self._thinned(params, band.reaches[-1], looked.near), _Line(length=line.length)
                continue
            part.null = self.null
            found = self._solved(part, params, whole=band.share == 1)
            whole = band.share == 1
            band = self._after(band, part, found, looked.sampled)
            line = _Line(length=line.length) if whole else _Line(params, found.x - params, line.length)
            if not whole and line.length < 1:
                band = band._replace(points=(line.at(line.length),))
        return None

    def _after(self, band, part, found, near):
        """The band at the minimum over the rows of this one."""
        if band.share == 1:
            return band.then(found.x, self.limits.again)
        distance, sides = part.beside_kinks(found.x)
        moved = np.count_nonzero(moved_rows(sides, part.beside_kinks(band.points[-1])[1])[near])
        rank = 2 * self.limits.spreads * np.sqrt(len(found.x) * max(moved, self.limits.crossed))
        return self._band(found.x, distance[near], rank, 1 / band.share)

    def _band(self, params, distance, rank, each):
        """The band of so many of the rows with these distances, which stand for `each` as many.

        Rows on their kink are in it in any case, however many they are.
        """
        least = TINY * self.size
        on_kink = np.count_nonzero(distance <= least)
        self.tied = each * on_kink > self.limits.filled * self.most
        rank = min(int(rank) + on_kink, len(distance) - 1)
        reach = max(least, float(np.partition(distance, rank)[rank])) if len(distance) else least
        return self._thinned(params, reach, each * (rank + 1))

    def _thinned(self, params, reach, rows):
        """The band with about so many rows, or a sample of them where they are too many."""
        share = self.limits.filled * self.most / max(rows, 1.0)
        if share >= 1:
            return _Band((params,), (reach,))
        return _Band((params,), (reach,), share, self.limits.further * self.most / self.objective.n_rows)

    def _end(self, part, found):
        """The result, where the minimum over a part is that over all rows."""
        self.run.status = self.run.status or found.status
        return self.run.result(slopes=SlopesOfPart(part, found.x, found.get("slopes"), found.get("width")))
