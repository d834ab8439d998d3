"""Rows grouped by query: what a ranking loss or a metric gets as its target.

The rows of a query lie together; `offsets` says where each query starts. Sums over queries are
segmented sums, and what needs the rows of a query side by side gets them as matrices of row
numbers, queries of similar length together, so that no computation loops over queries.
"""

from collections.abc import Callable, Hashable, Iterator
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expi

__all__ = ["Queries", "QueryLimits", "codes_of", "discount", "gains", "group"]

# Rows ranked above each row, rows that share its place.
Places: TypeAlias = tuple[NDArray[Any], NDArray[Any]]


class QueryLimits(NamedTuple):
    """Sizes of what is computed at a time.

    Attributes
    ----------
    pairs : int
        Pairs of rows of a block of `Queries.pair_blocks` at the most, unless one row has more:
        memory stays linear in the rows.
    ranks : int
        Ranks up to which sums of discounts are exact; beyond, they are integrals (to 1e-12).
    """

    pairs: int = 2**18
    ranks: int = 10**6


LIMITS = QueryLimits()


class Queries:
    """Relevances grouped by query.

    Parameters
    ----------
    relevance : ndarray of shape (n,)
        Floats.
    offsets : ndarray of shape (n_queries + 1,)
        Query q holds the rows ``offsets[q]:offsets[q + 1]``, at least one.
    copies : ndarray of shape (n,), default=None
        How many rows each row stands for, above 0; None: one.
    weight : ndarray of shape (n_queries,), default=None
        How much each query counts; None: 1.
    tie_breaker : ndarray of shape (n,), default=None
        Numbers in [0, 1), chosen once, that break ties and perturb relevances where a loss asks for
        it; equal rows share theirs. None: drawn from seed 0.
    reference_scores : ndarray of shape (n,), default=None
        Scores from which a loss with moving weights takes the ranking; None: from the scores that
        it is evaluated at.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.core.queries import Queries
    >>> Queries(np.array([1.0, 0.0, 2.0]), np.array([0, 2, 3])).sum(np.array([1.0, 2.0, 3.0]))
    array([3., 3.])
    """

    def __init__(
        self,
        relevance: NDArray[Any],
        offsets: NDArray[Any],
        copies: NDArray[Any] | None = None,
        weight: NDArray[Any] | None = None,
        tie_breaker: NDArray[Any] | None = None,
        reference_scores: NDArray[Any] | None = None,
    ) -> None:
        self.relevance, self.offsets, self.copies, self.weight = relevance, offsets, copies, weight
        self.reference_scores = reference_scores
        if tie_breaker is None:
            tie_breaker = np.random.default_rng(0).uniform(size=len(relevance))
        self.tie_breaker = tie_breaker
        self._kept: dict[Hashable, Any] = {}

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def n_rows(self) -> int:
        return len(self.relevance)

    @cached_property
    def lengths(self) -> NDArray[Any]:
        """Rows of each query."""
        return np.diff(self.offsets)

    @cached_property
    def query(self) -> NDArray[Any]:
        """The query of each row."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @cached_property
    def multiplicity(self) -> NDArray[Any]:
        """`copies`, with ones where it is None."""
        return np.ones(self.n_rows) if self.copies is None else self.copies

    def sum(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sums over the rows of each query."""
        return np.add.reduceat(values, self.offsets[:-1], axis=0)

    def max(self, values: NDArray[Any]) -> NDArray[Any]:
        """Maxima over the rows of each query."""
        return np.maximum.reduceat(values, self.offsets[:-1])

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """One value per query -> one per row."""
        return values[self.query]

    def rows(self, queries: NDArray[Any]) -> NDArray[Any]:
        """The numbers of the rows of some queries (an array of their numbers), query by query."""
        lengths = self.lengths[queries]
        return np.repeat(self.offsets[queries] - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())

    def part(self, queries: NDArray[Any]) -> "Queries":
        """Some of the queries, by an array of their numbers; weights stay as they are."""
        rows = self.rows(queries)
        offsets = np.concatenate([[0], np.cumsum(self.lengths[queries])])

        def of(values, which):
            return None if values is None else values[which]

        return Queries(
            self.relevance[rows],
            offsets,
            of(self.copies, rows),
            of(self.weight, queries),
            self.tie_breaker[rows],
            of(self.reference_scores, rows),
        )

    def with_fixed_ranking(self, raw: ArrayLike) -> "Queries":
        """The same queries with the ranking by the scores `raw` held fixed."""
        scores = np.asarray(raw, dtype=np.float64)
        other = Queries(self.relevance, self.offsets, self.copies, self.weight, self.tie_breaker, scores)
        other._kept = self._kept  # nothing in there depends on the scores
        return other

    def keep(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The value of ``make()``, computed once for each `key`.

        It must not depend on scores.
        """
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    # Layouts.

    def matrices(self) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """The queries as matrices of row numbers.

        Those of a similar length (within a factor of two) share a matrix.

        Returns
        -------
        list of (rows, valid)
            Both (n_queries, longest): row numbers, 0 where `valid` is False.
        """
        return self.keep("matrices", self._matrices)

    def _matrices(self):
        result = []
        size = np.frexp(self.lengths - 1)[1]  # the power of two that holds the length
        for power in np.unique(size):
            queries = np.flatnonzero(size == power)
            column = np.arange(self.lengths[queries].max())
            valid = column < self.lengths[queries][:, None]
            result.append((np.where(valid, self.offsets[queries][:, None] + column, 0), valid))
        return result

    def pair_blocks(self, limits: QueryLimits = LIMITS) -> Iterator[tuple[NDArray[Any], ...]]:
        """All pairs of rows of the same query, in blocks of a bounded size.

        Yields
        ------
        rows, valid : ndarray of shape (n_queries, n_left)
        others, others_valid : ndarray of shape (n_queries, n_right)
            All rows of the same queries. A query is at most once in a block.
        """
        for rows, valid in self.matrices():
            count, longest = rows.shape
            queries = max(1, limits.pairs // longest**2)
            left = longest if queries > 1 else max(1, limits.pairs // longest)
            for start in range(0, count, queries):
                some = slice(start, start + queries)
                for first in range(0, longest, left):
                    part = slice(first, first + left)
                    yield rows[some, part], valid[some, part], rows[some], valid[some]

    # Levels of relevance.

    @cached_property
    def level(self) -> NDArray[Any]:
        """The rank of each row's relevance among the distinct ones of its query.

        The least one has 0.
        """
        order = np.lexsort((self.relevance, self.query))
        relevance = self.relevance[order]
        rises = np.concatenate([[False], relevance[1:] != relevance[:-1]])
        rises[self.offsets[:-1]] = False
        total = np.cumsum(rises)
        level = np.empty(self.n_rows, dtype=np.intp)
        level[order] = total - np.repeat(total[self.offsets[:-1]], self.lengths)
        return level

    @cached_property
    def pairs(self) -> NDArray[Any]:
        """The number of ordered pairs of each query, with copies counted.

        The first row of a pair is more relevant than the second.
        """
        above, count = self.ranking(self.relevance)
        total = np.repeat(self.sum(self.multiplicity), self.lengths)
        return self.sum(self.multiplicity * np.maximum(total - above - count, 0))

    # Ranks.

    def ranking(self, raw: NDArray[Any], tie: float = 0.0) -> Places:
        """How many rows are ranked above each row, and how many share its place.

        Parameters
        ----------
        raw : ndarray of shape (n,)
        tie : float, default=0.0
            Neighbours closer than this share of the query's range of scores are tied.

        Returns
        -------
        above, count : ndarray of shape (n,)
            Copies counted; a row is among those that share its place.
        """
        order = np.lexsort((-raw, self.query))
        ordered = raw[order]
        return self._places(order, np.concatenate([[True], ordered[:-1] - ordered[1:] > self._gap(ordered, tie)[1:]]))

    def _places(self, order, drops):
        """`ranking` from an order of the rows, best first, and from where in it a new place
        begins.
        """
        drops[self.offsets[:-1]] = True
        starts = np.flatnonzero(drops)
        copies = self.multiplicity[order]
        before = np.concatenate([[0.0], np.cumsum(copies)])
        size = np.add.reduceat(copies, starts)
        first = before[starts] - before[self.offsets[:-1]][self.query[starts]]
        place = np.cumsum(drops) - 1
        above, count = np.empty(self.n_rows), np.empty(self.n_rows)
        above[order], count[order] = first[place], size[place]
        return above, count

    def _gap(self, ordered, tie):
        if not tie:
            return np.zeros(len(ordered))
        return np.repeat(tie * (ordered[self.offsets[:-1]] - ordered[self.offsets[1:] - 1]), self.lengths)

    def ranking_without_ties(self, raw: NDArray[Any]) -> Places:
        """`ranking` with ties broken by `tie_breaker`: scores are all equal at the start of a fit.

        Equal rows share their tie breaker, and so their place.
        """
        order = np.lexsort((self.tie_breaker, -raw, self.query))
        breakers = self.tie_breaker[order]
        return self._places(order, np.concatenate([[True], breakers[1:] != breakers[:-1]]))

    def gains(self, kind: str, max_rank: int | None = None) -> NDArray[Any]:
        """Gains of the rows divided by the largest DCG that the query allows; 0 where that is 0."""

        def make():
            gain = gains(self.relevance, kind)
            best = self.sum(self.multiplicity * gain * discount(*self.ranking(self.relevance), max_rank))
            return gain / np.repeat(np.where(best > 0, best, 1.0), self.lengths)

        return self.keep(("gains", kind, max_rank), make)


def gains(relevance: NDArray[Any], kind: str) -> NDArray[Any]:
    """``2**relevance - 1`` ("exp2") or the relevance itself ("linear")."""
    return np.exp2(relevance) - 1 if kind == "exp2" else relevance


def discount(
    above: NDArray[Any], count: NDArray[Any], max_rank: int | None = None, limits: QueryLimits = LIMITS
) -> NDArray[Any]:
    """The mean of ``1 / log2(1 + rank)`` over the ranks that a row shares.

    Those are ``above + 1 ... above + count``; ranks beyond `max_rank` count nothing.

    That is how `sklearn.metrics.ndcg_score` averages over ties. Between whole numbers the sums are
    interpolated.
    """
    end = above + count
    if max_rank is not None:
        above, end = np.minimum(above, max_rank), np.minimum(end, max_rank)
    return (_sum_of_discounts(end, limits.ranks) - _sum_of_discounts(above, limits.ranks)) / count


def _sum_of_discounts(ranks, exact):
    longest = min(int(np.ceil(np.max(ranks, initial=0.0))), exact)
    table = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(longest) + 2))])
    total = np.interp(ranks, np.arange(longest + 1), table)
    far = ranks > exact
    if far.any():
        integral = np.log(2) * (expi(np.log(ranks[far] + 1.5)) - expi(np.log(exact + 1.5)))
        total[far] = table[-1] + integral
    return total


def codes_of(qid: Any, n_rows: int) -> NDArray[Any]:
    """Query ids of any hashable type as integer codes.

    Parameters
    ----------
    qid : sequence of length n_rows, or None
        One id per row; None: one query.
    n_rows : int

    Returns
    -------
    ndarray of shape (n_rows,)

    Raises
    ------
    ValueError
        For another length, ids that are missing (nan), or ids that are not hashable.

    Examples
    --------
    >>> from sklearn_losses.core.queries import codes_of
    >>> codes_of([("a", 1), ("b", 1), ("a", 1)], 3)
    array([0, 1, 0])
    """
    if qid is None:
        return np.zeros(n_rows, dtype=np.intp)
    if not (hasattr(qid, "__len__") and len(qid) == n_rows):
        got = f"{len(qid)}" if hasattr(qid, "__len__") else f"{qid!r}"
        raise ValueError(f"qid must hold the query of each of the {n_rows} rows, and not the sizes of groups. Got {got}.")
    if isinstance(qid, np.ndarray) and qid.ndim == 1 and qid.dtype.kind in "biufSU":
        if qid.dtype.kind == "f" and np.isnan(qid).any():
            raise ValueError("qid must not contain nan; give every row the id of its query.")
        return np.unique(qid, return_inverse=True)[1]
    lookup: dict[Any, int] = {}
    try:
        codes = [lookup.setdefault(tuple(one) if isinstance(one, np.ndarray) else one, len(lookup)) for one in qid]
    except TypeError as error:
        raise ValueError(f"The ids in qid must be hashable, such as numbers, strings or tuples ({error}).") from None
    if any(one != one for one in lookup):
        raise ValueError("qid must not contain nan; give every row the id of its query.")
    return np.array(codes, dtype=np.intp)


def group(codes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """A stable order of rows that brings those of a query together.

    Returns it, and the offsets of the queries in it.
    """
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(codes[order]) != 0]))
    return order, np.append(starts, len(codes))
