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
from sklearn_losses.piecewise.near_rows import ROWS, KinksOfRows, NearRows, ProvenBound, SlopesOfPart
from sklearn_losses.solvers.run import Run
from sklearn_losses.solvers.smoothed_passes import SMOOTHED, smoothed_passes

__all__ = ["PassLimits", "minimum_by_passes"]


class PassLimits(NamedTuple):
    """How many rows are gathered, and how often.

    Attributes
    ----------
    rows, entries : int
        Rows, and entries of them, that are in memory at the most.
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
    still : int
        Passes in a row that may bring no lower value.
    tied, of_tied : float, int
        The width, in units of the size of the data, at which slopes of many rows on their kink are
        looked for, and the passes for it.
    passes : int
        Passes in all.
    """

    rows: int = ROWS
    entries: int = 2**22
    spreads: float = 3.75
    filled: float = 0.8
    further: float = 0.1
    again: float = 0.25
    crossed: int = 4
    still: int = 2
    tied: float = 1e-6
    of_tied: int = 15
    passes: int = 40


LIMITS = PassLimits()
TINY = 1e-9  # distance from a kink, in units of the mean one, of rows on it
CERTAIN = 1e-9  # of a duality gap, what rounding leaves
EXACT = 1e-10  # tol of the last rows in memory: what rounding of sums has done is not to be seen
MOST = 1000  # iterations for rows in memory
Solve = Callable[[Any, FloatArray, float], OptimizeResult]


class _Band(NamedTuple):
    """The rows of the next pass: see `NearRows`."""

    points: tuple[FloatArray, ...]
    reaches: tuple[float, ...]
    share: float = 1.0
    further: float = 0.0

    def then(self, params, again):
        """The same rows, and those that change sides on the way to a further point."""
        return self._replace(points=(*self.points, params), reaches=(*self.reaches, again * self.reaches[0]))


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
        ``solve(part, params, tol)`` gives the result of a solver for rows in memory; None: of the
        one that "auto" chooses.
    limits : PassLimits, default=LIMITS

    Returns
    -------
    OptimizeResult
        Its `slopes` are `SlopesOfPart`.
    """
    return _Passes(objective, run, tol, solve or _in_memory, limits).go(params)


def _in_memory(part, params, tol):
    """The best end of the solvers that "auto" takes for rows in memory, one after the other."""
    from sklearn_losses.solvers.auto import Auto  # which chooses among solvers that call this module

    solver, best, least = Auto().choose(part), None, np.inf
    while solver is not None:
        found = solver.solve(part, params, max_iter=MOST, tol=tol)
        value = part.value(found.x)
        enough = allowance(part, value, null_value(part, found.x), tol) / (abs(value) or 1.0)
        gap = dual_gap(part, found.x, found.get("slopes"), found.get("width"), enough)
        if best is None or (gap or 0.0) < least:
            best, least = found, gap or 0.0
        solver = None if least <= max(enough, CERTAIN) else Auto().next_after(solver, part)
    return best


class _Passes:
    """The passes over the rows of one objective."""

    def __init__(self, objective, run, tol, solve, limits):
        self.objective, self.run, self.tol, self.solve, self.limits = objective, run, tol, solve, limits
        per_row = max(1.0, objective.batches.X.size / max(1, objective.n_rows))
        self.most = max(16, min(limits.rows, int(limits.entries / per_row)))
        self.kinks = KinksOfRows(objective.loss)

    def go(self, params):
        """Go to the minimum."""
        part = self.objective.sample(self.most)
        m, n = part.batches.n_rows, self.objective.n_rows
        found = self._solved(part, params, whole=m == n)
        if m == n:
            self.run.record(found.x, part.value(found.x))
            return self._end(part, found)
        self.start, self.null = params, null_value(part, found.x)
        terms = part.terms().loss_terms
        self.at_start = terms.scale(terms.residual(params))
        distance, at_zero = (self._of_rows(part, point)[0] for point in (found.x, np.zeros_like(params)))
        self.size = max(float(distance.mean()), float(at_zero.mean())) or 1.0
        self.scale = max(float(distance.mean()), TINY * self.size)
        band = self._band(found.x, distance, self.limits.spreads * np.sqrt(len(params) * m), n / m)
        # From here on the sample is not needed.
        del part, terms, distance, at_zero
        self.lowest, self.tied = np.inf, False
        result = self._with_bands(band)
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
        # A maximum with absolute values has no exact method.
        exact = whole and (part.piecewise_linear or part.smooth_penalty)
        found = self.solve(part, params, min(self.tol, EXACT) if exact else self.tol)
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
        part, found, still = None, None, 0
        for _ in range(self.limits.passes):
            before, params = part, band.points[-1]
            looked = self.objective.part(NearRows(self.objective.loss, self.objective.model, *band), self.most)
            still = still + 1 if looked.value >= self.lowest - 1e-12 * abs(self.lowest) else 0
            if self._record(params, looked.value):
                return None
            if looked.value <= ROUNDING * self.size:  # no objective is below 0, and this one is 0 to rounding
                return self._proven(params, 0.0)
            part = looked.objective
            if len(band.points) > 1 and not looked.crossed:
                return self._end(before, found)
            if still > self.limits.still:
                return None
            if part is None:
                band = self._thinned(params, band.reaches[-1], looked.near)
                continue
            part.null = self.null
            found = self._solved(part, params, whole=band.share == 1)
            band = self._after(band, part, found, looked.sampled)
        return None

    def _after(self, band, part, found, near):
        """The band at the minimum over the rows of this one."""
        if band.share == 1:
            return band.then(found.x, self.limits.again)
        distance, sides = self._of_rows(part, found.x)
        moved = np.count_nonzero(self.kinks.moved(sides, self._of_rows(part, band.points[-1])[1])[near])
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

    def _of_rows(self, part, params):
        """The distances of rows in memory from their kinks, and their sides."""

        def of_batch(batch, _):
            residual = self.kinks.residual(batch.y, part.model.predict(params, batch.X))
            return self.kinks.distance(residual), self.kinks.sides(residual)

        distances, sides = zip(*part.batches.each(of_batch), strict=True)
        return np.concatenate(distances), np.concatenate(sides)

    def _end(self, part, found):
        """The result, where the minimum over a part is that over all rows."""
        self.run.status = self.run.status or found.status
        return self.run.result(slopes=SlopesOfPart(part, found.x, found.get("slopes"), found.get("width")))
