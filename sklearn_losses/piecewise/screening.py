"""Screening of rows: of many rows only those near their kink decide, and the others are lines.

The rows near their kink are solved alone, the others set aside as the lines that they most likely
are, and looked at in the end (Portnoy and Koenker, "The Gaussian hare and the Laplacian tortoise",
Statistical Science 12 (1997), section 5).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.core.status import Status
from sklearn_losses.piecewise.base import FloatArray
from sklearn_losses.piecewise.max_affine import AnyRowTerms
from sklearn_losses.piecewise.smoothed_newton import Record, smoothed_start
from sklearn_losses.piecewise.terms import PiecewiseLinearTerms

__all__ = ["SCREENING", "Path", "Screening", "ScreeningLimits", "effective_sample_size", "minimum_by_screening"]


class Path(NamedTuple):
    """Where a method for the terms ended.

    Attributes
    ----------
    params : ndarray of shape (n_params,)
    slopes : ndarray of the shape of the terms
        The dual variables, inside their bounds.
    gap : float
        The duality gap, as a share of the value.
    status : Status or None
        CONVERGED, STALLED, or None where `record` stopped it.
    """

    params: FloatArray
    slopes: FloatArray
    gap: float
    status: Status | None


class ScreeningLimits(NamedTuple):
    """How many rows are solved for.

    Attributes
    ----------
    rows, work : int, float
        Rows up to which, and multiplications of a matrix of the parameters up to which, all are
        solved for at once.
    spreads : float
        Half the width of their band, in standard errors of the predictions of a sample.
    first : float
        The share of the rows from which on all are solved for at once.
    shares : tuple of float
        The shares of the rows up to which a part is solved for, the first time and again.
    """

    rows: int = 2000
    work: float = 5e6
    spreads: float = 3.75
    first: float = 0.6
    shares: tuple[float, ...] = (0.8, 0.8, 0.8)

    def few(self, terms: PiecewiseLinearTerms) -> bool:
        """Whether all rows are solved for at once."""
        n_rows = terms.left.shape[1]
        return n_rows <= self.rows and n_rows * len(terms.ridge) ** 2 <= self.work

    def band(self, sample_size: float, terms: PiecewiseLinearTerms) -> int:
        """The number of rows that a start leaves undecided.

        The start is as good as the minimum over `sample_size` rows.
        """
        return int(self.spreads * np.sqrt(len(terms.ridge) / sample_size) * terms.left.shape[1])


SCREENING = ScreeningLimits()
Solve = Callable[[PiecewiseLinearTerms, FloatArray, float, Record], Path]


class Screening:
    """The rows near their kink as terms, and the other rows as lines.

    Each of the other rows is the line on which it lies at a point.

    Parameters
    ----------
    terms : PiecewiseLinearTerms or MaxAffineTerms
    near : ndarray of bool of shape (n,)
        The rows to begin with.
    shares : sequence of float
        The share of the rows that may be near at the most, each time that `part` is called.
    least : int, default=-1
        There must be more rows than this.
    """

    def __init__(self, terms: AnyRowTerms, near: NDArray[np.bool_], shares: tuple[float, ...], least: int = -1) -> None:
        self.terms, self.near, self.least, self._shares = terms, near, least, iter(shares)

    def part(self, params: FloatArray, residual: FloatArray, pull: FloatArray | None = None) -> AnyRowTerms | None:
        """The terms of the near rows, with the others as lines.

        None where there are too many near rows, or too few.

        `residual` was found at `params`; `pull` is the gradient of all terms as lines, where it is
        known.
        """
        share = next(self._shares, None)
        if share is None or not self.least < np.count_nonzero(self.near) <= share * len(self.near):
            return None
        terms = self.terms
        # The side is all that is asked for from here on, and takes an eighth of the memory of the
        # residuals.
        self.rows, self.sides = np.flatnonzero(self.near), terms.sides(residual)
        pull = terms.adjoint(terms.slopes_on(self.sides)) if pull is None else pull
        return terms.linearized_outside(self.rows, params, residual, pull)

    def slopes(self, of_part: FloatArray | None) -> FloatArray:
        """The slopes of all terms, given those of the part.

        For None, the slopes of the part follow from its sides as well.
        """
        slopes = self.terms.slopes_on(self.sides)
        if of_part is not None:
            slopes[self.terms.index_of(self.rows)] = of_part
        return slopes

    def crossed(self, residual: FloatArray) -> NDArray[np.bool_]:
        """The rows that were set aside and are on another side of a kink than they were."""
        return ~self.near & self.terms.any_in_row(self.terms.sides(residual) != self.sides)

    def widen(self, residual: FloatArray, crossed: NDArray[np.bool_], least: float = 0.0) -> float:
        """Take further rows in: those that are next to their kink.

        They are within `least` of it, or of the distance of the rows that crossed it, times two.

        Returns
        -------
        float
            The larger one of `least` and the distance of the rows that crossed.
        """
        distance = self.terms.kink_distance(residual)
        reach = float(max(least, np.max(distance[crossed], initial=0.0)))
        self.near |= distance <= 2 * reach
        return reach


def minimum_by_screening(
    terms: PiecewiseLinearTerms,
    params: FloatArray,
    tol: float,
    record: Record,
    solve: Solve,
    limits: ScreeningLimits = SCREENING,
) -> Path:
    """The minimum by `solve` for few of many rows.

    The start, a sample of the rows and smoothed problems show which rows these are.

    Parameters
    ----------
    terms : PiecewiseLinearTerms
    params : ndarray of shape (n_params,)
        Where to start.
    tol : float
    record : callable
    solve : callable
        ``solve(terms, params, tol, record)`` gives the `Path` to the minimum of any terms.
    limits : ScreeningLimits, default=SCREENING
    """
    n_rows = terms.left.shape[1]
    if limits.few(terms) or terms.model.n_outputs > 1:
        return solve(terms, params, tol, record)

    def undecided(terms, params, tol, record):
        """`solve` for the few rows that Newton's method on smoothed terms leaves undecided."""
        params, stopped = smoothed_start(terms, params, record)
        if stopped:
            return Path(params, terms.side_slopes(terms.residual(params)), np.inf, None)
        return _with_screening(terms, params, tol, record, solve, solve, limits)

    # The minimum over m of the rows is off by about sqrt(n_params / m) of the spread of the kinks,
    # so that a band of `spreads` times that holds all rows that may change sides. This m makes part
    # and band the fewest rows together.
    size = int((limits.spreads / 2 * n_rows * np.sqrt(len(params))) ** (2 / 3))
    pull = terms.adjoint(terms.side_slopes(terms.residual(params)))
    if effective_sample_size(terms, params, pull) >= size:
        return _with_screening(terms, params, tol, record, undecided, solve, limits, pull=pull)
    if size + limits.band(size, terms) > limits.first * n_rows:
        return undecided(terms, _least_squares(terms, params), tol, record)
    part = terms.sample(np.sort(np.random.RandomState(0).permutation(n_rows)[:size]))
    params, _ = smoothed_start(part, _least_squares(part, params), lambda params, value: False)
    del part
    return _with_screening(terms, params, tol, record, undecided, solve, limits, sample_size=size)


def _with_screening(terms, params, tol, record, solve, solve_all, limits, *, pull=None, sample_size=None):
    """Solve for the rows near their kink at `params`.

    That point is as good as the minimum over `sample_size` rows.

    The others are lines there, and looked at in the end; where some changed sides it goes on with
    those too. After some times, or where most rows are near, it is `solve_all` for all of them.
    """
    residual = terms.residual(params)
    pull = terms.adjoint(terms.side_slopes(residual)) if pull is None else pull
    band = limits.band(effective_sample_size(terms, params, pull) if sample_size is None else sample_size, terms)
    if band > limits.first * terms.left.shape[1]:
        return solve_all(terms, params, tol, record)
    distance = terms.kink_distance(residual)
    screening = Screening(terms, distance <= np.partition(distance, band)[band], limits.shares)
    del distance
    while (part := screening.part(params, residual, pull)) is not None:
        residual = pull = None
        terms.forget()
        path = solve(part, params, tol, record)
        if path.status is None:
            return path._replace(slopes=screening.slopes(None))
        if path.status is Status.STALLED:
            break
        params, residual = path.params, terms.residual(path.params)
        crossed = screening.crossed(residual)
        if not crossed.any():
            return path._replace(slopes=screening.slopes(path.slopes))
        screening.widen(residual, crossed)
    return solve_all(terms, params, tol, record)


def _least_squares(terms, params):
    """Where the squared distances from the kinks are least.

    From there the path takes fewer iterations.
    """
    residual = terms.residual(params)
    scale = terms.scale(residual)
    stiffness = (terms.right - terms.left) / scale
    solve = terms.solver(stiffness, terms.ridge + terms.proximal_ridge(params, scale)(params))
    return params - solve(terms.adjoint(stiffness * residual) + terms.linear + terms.ridge * params)


def effective_sample_size(terms: PiecewiseLinearTerms, params: FloatArray, pull: FloatArray) -> float:
    """Over how many random rows a minimum would leave as large a gradient as `params` does.

    `pull` is the gradient of all terms as the lines that they are there.
    """
    gradient = pull + terms.linear + terms.ridge * params
    spread = 0.5 * float(np.sum(terms.right - terms.left))
    return float((spread / max(np.max(np.abs(gradient)), spread / terms.left.shape[1])) ** 2)
