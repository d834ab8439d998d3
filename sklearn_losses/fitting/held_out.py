"""The rows that early stopping holds out, without a copy of all rows."""

from typing import Any, NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from sklearn_losses.core.parts import Block
from sklearn_losses.core.sample import STEP, mixed
from sklearn_losses.fitting.rows import Rows
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.trimmed import Trimmed
from sklearn_losses.models import Model
from sklearn_losses.solvers import Auto, Solver

__all__ = ["LARGE", "NO_VIEWS", "Views", "split_parts", "views_of"]

LARGE = 2**23  # entries of rows whose parts are views and no copies: 64 MB


class Views(NamedTuple):
    """Which parts of an array of rows are read where they are.

    Attributes
    ----------
    kept, held_out : bool
        The rows to fit, and those to hold out.
    """

    kept: bool
    held_out: bool


NO_VIEWS = Views(False, False)


def views_of(loss: Loss, model: Model, solver: Solver, X: Any, large: int = LARGE) -> Views:
    """Which parts need no copy.

    A solver that steps on batches copies those anyway. Others pass over the rows to fit again and
    again, and would copy them each time; of the rows that are held out they need the loss alone.

    Parameters
    ----------
    loss : Loss
    model : Model
    solver : Solver
    X : {ndarray, sparse matrix} of shape (n, p)
    large : int
        Entries of an array from which on a copy is avoided.
    """
    n, p = X.shape
    if not isinstance(X, np.ndarray) or X.size < large or (model.linear and n < p):
        return NO_VIEWS
    by_batches = solver.stochastic or (isinstance(solver, Auto) and not model.linear)
    plain = loss.initial_estimator is None and not isinstance(loss, Trimmed)
    return Views(bool(by_batches and plain), not isinstance(loss, Trimmed))


def split_parts(rows: Rows, fraction: float, rng: RandomState, n_classes: int | None) -> tuple[Rows, Rows] | None:
    """Two views of rows in parts: those to fit, and those to hold out.

    In the order of the rows, one is drawn of each run of ``1 / fraction`` rows, or of such rows of
    a class: which it is depends on a seed and on its number, and not on the blocks. (Of more than
    one half those to keep are drawn; a class of less than one run is kept.) Three passes find out
    how many there are.

    Parameters
    ----------
    rows : Rows
        X are the parts, and y is the digest of their targets.
    fraction : float
        The share to hold out, in (0, 1).
    rng : RandomState
        Draws the seed.
    n_classes : int or None
        The targets are codes of so many classes, of each of which the share is held out.

    Returns
    -------
    kept, held_out : Rows
        Or None where no row would be held out, or none kept.
    """
    parts = rows.X
    drawn = min(fraction, 1 - fraction)
    counts = list(parts.each(_Counts(n_classes)))
    starts = np.array([start for start, _ in counts])
    before = np.cumsum([count for _, count in counts], axis=0)
    total, before = before[-1], np.concatenate([np.zeros_like(before[:1]), before[:-1]])
    draw = _Draw(int(rng.randint(2**31)), drawn, starts, before, total, n_classes is not None, fraction > 0.5)
    views = []
    for is_drawn in (fraction > 0.5, fraction <= 0.5):
        n_rows, mass = parts.total(_Size(draw, is_drawn))
        if n_rows == 0:
            return None
        view = parts.map(_Part(draw, is_drawn, n_rows / mass), (n_rows, parts.shape[1]))
        view.moments, view.nnz = parts.moments, max(1, round(parts.nnz * n_rows / parts.shape[0]))
        views.append(rows._replace(X=view))
    return views[0], views[1]


class _Counts(NamedTuple):
    """``block -> the number of its first row, and how many rows it has of each class``."""

    n_classes: int | None

    def __call__(self, block: Block) -> tuple[int, NDArray[Any]]:
        if self.n_classes is None:
            return block.start, np.array([block.X.shape[0]])
        return block.start, np.bincount(block.y, minlength=self.n_classes)


class _Draw(NamedTuple):
    """Which rows of a block are drawn.

    Parameters
    ----------
    seed : int
    share : float
        At most 1/2.
    starts : ndarray of shape (n_blocks,)
        The number of the first row of each block.
    before : ndarray of shape (n_blocks, n_classes)
        How many rows of each class the blocks before have.
    total : ndarray of shape (n_classes,)
        How many there are in all.
    by_class : bool
    rare : bool
        All rows of a class with less than one run are drawn, else none.
    """

    seed: int
    share: float
    starts: NDArray[Any]
    before: NDArray[Any]
    total: NDArray[Any]
    by_class: bool
    rare: bool

    def rows(self, block: Block) -> NDArray[np.bool_]:
        """A mask of the rows."""
        codes = block.y if self.by_class else np.zeros(block.X.shape[0], dtype=np.intp)
        counted = self.before[np.searchsorted(self.starts, block.start)].copy()
        mask = np.empty(len(codes), dtype=bool)
        for code in np.unique(codes):
            places = np.flatnonzero(codes == code)
            mask[places] = self._of_class(counted[code] + np.arange(len(places)), code)
        return mask

    def _of_class(self, numbers, code):
        """The mask of rows by their numbers within a class: one of each whole run is drawn."""
        if self._first(np.int64(1)) > self.total[code]:
            return np.full(len(numbers), self.rare)
        run = np.floor(numbers * self.share).astype(np.int64)
        run -= self._first(run) > numbers
        run += self._first(run + 1) <= numbers
        first, end = self._first(run), self._first(run + 1)
        place = first + np.floor(_uniform(self.seed, int(code), run) * (end - first)).astype(np.int64)
        return (numbers == place) & (end <= self.total[code])

    def _first(self, run):
        """The first number of a run."""
        return np.ceil(run / self.share).astype(np.int64)


class _Size(NamedTuple):
    """``block -> the number of rows of a part, and the sum of their weights``."""

    draw: _Draw
    is_drawn: bool

    def __call__(self, block: Block) -> tuple[int, float]:
        rows = self.draw.rows(block) == self.is_drawn
        n_rows = int(np.count_nonzero(rows))
        return n_rows, float(n_rows if block.weight is None else block.weight[rows].sum())


class _Part(NamedTuple):
    """``block -> the block of the rows of a part``, whose weights have mean 1 over all of it."""

    draw: _Draw
    is_drawn: bool
    factor: float

    def __call__(self, block: Block) -> Block:
        part = block.part(self.draw.rows(block) == self.is_drawn)
        if part.weight is not None:
            part.weight *= self.factor
        return part


def _uniform(seed, code, run):
    """A number in [0, 1) for each run of rows of a class."""
    key = (seed * int(STEP) + code * 0xD1342543DE82EF95) % 2**64
    return (mixed((run.astype(np.uint64) + np.uint64(1)) * STEP + np.uint64(key)) >> np.uint64(11)) * 2.0**-53
