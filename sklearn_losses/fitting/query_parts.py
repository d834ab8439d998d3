"""Rankings whose rows come in blocks: whole queries in each, and what one pass tells of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sklearn_losses.core.parts import Block, LocalParts, Parts, stacked
from sklearn_losses.core.queries import Queries, codes_of
from sklearn_losses.core.sample import STEP, mixed
from sklearn_losses.core.validation import with_weight
from sklearn_losses.fitting.first_pass import Form, Summarise, Summary, check, fault, total_of
from sklearn_losses.fitting.ranking import NOTHING_TO_ORDER, PointwiseRanking, Ranking, in_content_order
from sklearn_losses.fitting.rows import Rows
from sklearn_losses.fitting.sources import prepared_parts, regression_parts

__all__ = ["pointwise_parts", "query_parts"]


def whole_queries(blocks: Iterator[Any]) -> Iterator[Any]:
    """The same rows in blocks of whole queries: one that a border cuts goes to the next block.

    Parameters
    ----------
    blocks : iterator of tuple
        ``(X, y, sample_weight, qid)``.
    """
    kept: list[tuple[Any, ...]] = []
    for given in blocks:
        block = (*given, None, None, None)[:4]
        qid = block[3]
        if qid is None or len(qid) == 0:
            yield block
            continue
        last = len(qid) - int(np.argmin(np.append((qid == qid[-1])[::-1], False)))
        if kept and last == 0 and kept[-1][3][-1] == qid[0]:
            kept.append(block)
            continue
        if kept and kept[-1][3][-1] != qid[0]:
            yield _joined(kept)
            kept = []
        if last:
            yield _joined([*kept, _rows(block, slice(0, last))])
        kept = [_rows(block, slice(last, len(qid)))]
    if kept:
        yield _joined(kept)


def _rows(block, rows):
    return tuple(None if array is None else array[rows] for array in block)


def _joined(blocks):
    if len(blocks) == 1:
        return blocks[0]
    return tuple(None if arrays[0] is None else stacked(arrays) for arrays in zip(*blocks, strict=True))


class QuerySummary:
    """What a pass tells of blocks of whole queries; ``+=`` adds that of the blocks that follow.

    Attributes
    ----------
    rows : Summary
        Of the rows of queries that have something to order.
    n_queries, n_all : int
        Of these queries, and of all.
    mass, smallest, largest : float
        Of the weights of these queries.
    ids : list of ndarray
        The ids of all queries.
    """

    def __init__(self, rows: Summary) -> None:
        self.rows, self.n_queries, self.n_all = rows, 0, 0
        self.mass, self.smallest, self.largest = 0.0, np.inf, 0.0
        self.ids: list[NDArray[Any]] = []

    def __iadd__(self, other: "QuerySummary") -> Self:
        self.rows += other.rows
        self.n_queries, self.n_all = self.n_queries + other.n_queries, self.n_all + other.n_all
        self.mass += other.mass
        self.smallest, self.largest = min(self.smallest, other.smallest), max(self.largest, other.largest)
        self.ids += other.ids
        return self


@dataclass(frozen=True)
class SummariseQueries:
    """``raw block of whole queries -> QuerySummary``."""

    form: Form

    def __call__(self, block: Any) -> QuerySummary:
        X, y, weight, qid = self.form.arrays(block)
        summary = QuerySummary(Summary(X.shape[0], fault(X, y, weight)))
        if summary.rows.fault is not None:
            return summary
        ids = _ids(qid, X.shape[0])
        summary.ids, summary.n_all = [ids], len(ids)
        X, y, weight, codes = _with_weight(X, y, weight, qid)
        found = ordered_queries(X, y, weight, codes)
        if found is None:
            return summary
        order, queries, of_each = found
        rows = Summarise(self.form).of_arrays(X[order], y[order], None if weight is None else weight[order])
        rows.n_read = summary.rows.n_read
        summary.rows, summary.n_queries = rows, len(queries)
        summary.mass, summary.smallest, summary.largest = of_each.sum(), of_each.min(), of_each.max()
        return summary


@dataclass(frozen=True)
class PrepareQueries:
    """``raw block of whole queries -> Block`` with `Queries` as targets.

    Parameters
    ----------
    form : Form
    sparse : bool
    factor : float or None
        What makes the mean of the weights of all queries 1; None where they are equal.
    seed : int
        Of the numbers that losses draw for each row.
    """

    form: Form
    sparse: bool
    factor: float | None
    seed: int

    def __call__(self, block: Any) -> Block:
        X, y, weight, qid = self.form.arrays(block)
        X, y, weight, codes = _with_weight(X, y, weight, qid)
        found = ordered_queries(X, y, weight, codes, self.seed)
        if found is None:
            return Block(X[:0], Queries(np.zeros(0), np.zeros(1, dtype=np.intp)))
        order, queries, of_each = found
        queries.weight = None if self.factor is None else of_each * self.factor
        X = X[order]
        return Block(sparse.csr_matrix(X) if self.sparse and not sparse.issparse(X) else X, queries)


def _ids(qid, n_rows):
    """The ids of the queries of a block; ValueError where the rows of one do not lie together."""
    if qid is None:
        raise ValueError("The rows have no queries: a source for a ranking loss must give qid with X and y.")
    codes_of(qid, n_rows)  # it says what is wrong with ids
    ids = qid[np.flatnonzero(np.append(True, qid[1:] != qid[:-1]))]
    return _once(ids)


def _once(ids):
    different, counts = np.unique(ids, return_counts=True)
    if np.any(counts > 1):
        raise ValueError(
            f"The rows of a query must be next to each other in a source, but query {different[np.argmax(counts > 1)]} comes "
            "again after others; sort the rows by qid."
        )
    return ids


def _with_weight(X, y, weight, qid):
    """The rows with a positive weight, and the codes of their queries in the order of the rows."""
    codes = np.cumsum(np.append(0, qid[1:] != qid[:-1]))
    X, y, codes, weight = with_weight(weight, X, y, codes)
    return X, y, weight, codes


def ordered_queries(
    X: Any, y: NDArray[Any], weight: NDArray[Any] | None, codes: NDArray[Any], seed: int = 0
) -> tuple[NDArray[np.intp], Queries, NDArray[Any]] | None:
    """The order of the rows of queries with something to order, these, and their weights.

    None where there are no such queries. The weight of a query is the mean of those of its rows.
    """
    if not len(y):
        return None
    found = in_content_order(X, y, codes)
    if found is None:
        return None
    order, ordered = found
    weight = np.ones(len(order)) if weight is None else weight[order]
    copies = weight / ordered.spread(np.minimum.reduceat(weight, ordered.offsets[:-1]))
    copies = None if np.all(copies == 1) else copies
    numbers = _numbers(X[order], ordered.relevance, seed)
    queries = Queries(ordered.relevance, ordered.offsets, copies, tie_breaker=numbers)
    return order, queries, ordered.sum(weight) / ordered.lengths


def _numbers(X, relevance, seed):
    """A number in [0, 1) for each row, by its content."""
    projection = np.sqrt(2.0) + np.modf(np.arange(1, X.shape[1] + 1) * np.sqrt(5.0))[0]
    bits = np.asarray(X @ projection, dtype=np.float64).ravel().view(np.uint64) ^ np.uint64(seed + 1)
    for other in (np.ascontiguousarray(relevance, dtype=np.float64).view(np.uint64), np.uint64(0)):
        bits = mixed((bits ^ other) + STEP)
    return (bits >> np.uint64(11)) / 2.0**53


def _of_whole_queries(raw):
    """Raw parts whose blocks hold whole queries; those of Dask do."""
    if not isinstance(raw, LocalParts):
        return raw
    return LocalParts(partial(_read, raw), raw.shape, raw.dtype, passes=raw.passes)


def _read(raw):
    return whole_queries(raw.read())


def query_parts(raw: Parts, seed: int) -> tuple[Ranking, Rows]:
    """The task and the rows of queries that have something to order, in raw blocks.

    The rows of a query lie together.

    Parameters
    ----------
    raw : Parts
        Its blocks are tuples ``(X, y, sample_weight, qid)``.
    seed : int
        Of the numbers that losses draw for each row.
    """
    form, whole = Form(np.dtype(raw.dtype), labels=False), _of_whole_queries(raw)
    summary = total_of(whole, SummariseQueries(form))
    check(raw, summary.rows)
    _once(np.concatenate(summary.ids))
    if summary.n_queries == 0:
        raise ValueError(NOTHING_TO_ORDER.format(summary.n_all, summary.rows.n_read))
    factor = None if summary.smallest == summary.largest else summary.n_queries / summary.mass
    prepare = PrepareQueries(form, summary.rows.sparse, factor, seed)
    parts = prepared_parts(whole, prepare, summary.rows.n_rows, summary.rows)
    relevance, _ = summary.rows.targets.digests[0].points()
    y = Queries(relevance, np.array([0, len(relevance)]), tie_breaker=np.zeros(len(relevance)))
    return Ranking(summary.n_queries, True), Rows(parts, y, np.ones(len(relevance)))


def pointwise_parts(raw: Parts) -> tuple[PointwiseRanking, Rows]:
    """The task and the rows of relevances in raw blocks, for a regression loss.

    Parameters
    ----------
    raw : Parts
        As for `query_parts`; queries may be missing.
    """
    task, rows = regression_parts(raw)
    if task.n_outputs != 1:
        raise ValueError(f"LossRanker takes one relevance for each row. Got {task.n_outputs} targets.")
    found = list(raw.each(_queries_of_block))
    with_qid = found[0] is not None
    n_queries = len(np.unique(np.concatenate(found))) if with_qid else 1
    return PointwiseRanking(n_queries, with_qid), rows


def _queries_of_block(block):
    *_, weight, qid = (*block, None, None, None)[:4]
    return None if qid is None else np.unique(qid if weight is None else qid[np.asarray(weight) > 0])
