"""Ranking: relevances grouped by query."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from sklearn_losses.core.batches import QueryBatches
from sklearn_losses.core.parts import Parts
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.core.queries import Queries, group
from sklearn_losses.core.summed_batches import SummedBatches
from sklearn_losses.core.validation import mean_one
from sklearn_losses.fitting.held_out import NO_VIEWS, Views
from sklearn_losses.fitting.rows import Rows
from sklearn_losses.fitting.settings import Settings
from sklearn_losses.fitting.staged import RankingObjective, Staged, SummedRankingObjective
from sklearn_losses.fitting.task import Task
from sklearn_losses.losses.base import Loss
from sklearn_losses.models import Model
from sklearn_losses.objective import Objective
from sklearn_losses.solvers import Solver

__all__ = ["NOTHING_TO_ORDER", "PointwiseRanking", "Ranking", "in_content_order", "queries"]


NOTHING_TO_ORDER = (
    "No query has rows of two different relevances, so there is nothing to order: {} queries, n_samples={}. Check y and "
    "qid, or use a regression loss such as loss='mse'."
)


@dataclass(frozen=True)
class PointwiseRanking(Task):
    """Relevances as real targets, for a regression loss; queries matter for the score alone.

    Parameters
    ----------
    n_queries : int
    with_qid : bool
        The queries were given.
    """

    n_queries: int
    with_qid: bool

    name = "ranking"
    unbounded_where = "the features put all pairs in order"
    flat = True

    @property
    def n_outputs(self) -> int:
        return 1

    @property
    def attributes(self) -> dict[str, Any]:
        return {"n_queries_": self.n_queries, "_with_qid": self.with_qid}


@dataclass(frozen=True)
class Ranking(PointwiseRanking):
    """Relevances of queries, for a ranking loss: the targets are `Queries`."""

    def model(self, settings: Settings, n_features: int) -> Model:
        # No ranking loss sees the intercept of a linear model.
        intercept = settings.fit_intercept and not settings.model.linear
        return settings.model.bind(n_features, self.n_outputs, intercept)

    def objective(
        self, loss: Loss, model: Model, penalty: ElasticNet, rows: Rows, columns, dtype: np.dtype[Any] | type
    ) -> Objective:
        if isinstance(rows.X, Parts):
            batches = SummedBatches(rows.X, rows.y, n_rows=self.n_queries, standardization=columns, dtype=dtype)
            return SummedRankingObjective(loss, model, penalty, batches)
        return RankingObjective(loss, model, penalty, QueryBatches(rows.X, rows.y, columns, dtype))

    def solver_for(self, loss: Loss, solver: Solver) -> Solver:
        return Staged(solver) if loss.starts_from and not solver.stochastic else solver

    def split(self, rows: Rows, fraction: float, rng: RandomState, views: Views = NO_VIEWS) -> tuple[Rows, Rows]:
        if isinstance(rows.X, Parts):
            raise ValueError(
                "early_stopping=True with a ranking loss needs arrays; use early_stopping=False with a source of row blocks."
            )
        y = rows.y
        held = max(1, round(fraction * len(y)))
        if held >= len(y):
            raise ValueError(
                f"early_stopping=True cannot hold out validation_fraction={fraction} of {len(y)} queries with "
                "something to order; use early_stopping=False, or pass qid."
            )
        shuffled = rng.permutation(len(y))
        kept, held_out = (_some(rows, np.sort(part)) for part in (shuffled[held:], shuffled[:held]))
        return kept, held_out


def _some(rows, some):
    """Some of the queries, with weights of mean 1."""
    part = rows.y.part(some)
    part.weight = None if part.weight is None else mean_one(part.weight)
    where = rows.y.rows(some)
    return Rows(rows.X[where], part, None if rows.weight is None else mean_one(rows.weight[where]))


def queries(
    X, y: NDArray[Any], codes: NDArray[Any], weight: NDArray[Any] | None, *, with_qid: bool, seed: int
) -> tuple[Ranking, Rows]:
    """The task and the rows of queries that have something to order.

    The rows come in an order that depends on their content alone.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n, p)
    y : ndarray of shape (n,)
        Relevances.
    codes : ndarray of int of shape (n,)
        The query of each row.
    weight : ndarray of shape (n,), or None
        Positive.
    with_qid : bool
        The queries were given.
    seed : int
        Of the numbers that losses draw for each row.
    """
    found = in_content_order(X, y, codes)
    if found is None:
        raise ValueError(NOTHING_TO_ORDER.format(len(np.unique(codes)), len(y)))
    order, ordered = found
    X, weight = X[order], np.ones(len(order)) if weight is None else weight[order]
    targets = Queries(
        ordered.relevance,
        ordered.offsets,
        copies=_none_if_equal(weight / ordered.spread(np.minimum.reduceat(weight, ordered.offsets[:-1]))),
        weight=mean_one(ordered.sum(weight) / ordered.lengths),
        tie_breaker=_drawn(X, ordered.relevance, seed),
    )
    return Ranking(len(targets), with_qid), Rows(X, targets, mean_one(weight))


def in_content_order(X: Any, y: NDArray[Any], codes: NDArray[Any]) -> tuple[NDArray[np.intp], Queries] | None:
    """The order of the rows of queries with something to order, and these; None without any.

    Parameters are those of `queries`.
    """
    order, offsets = _canonical(X, y, codes)
    ordered = Queries(y[order], offsets, tie_breaker=np.zeros(len(y)))
    orderable = np.flatnonzero(ordered.pairs > 0)
    return (order[ordered.rows(orderable)], ordered.part(orderable)) if len(orderable) else None


def _drawn(X, relevance, seed):
    """One number in [0, 1) per row.

    Equal rows share theirs, whatever their query, so that a query may come twice.
    """
    order = np.lexsort((relevance, _key(X)))
    ordered = X[order]
    same = np.asarray(abs(ordered[1:] - ordered[:-1]).sum(axis=1)).ravel() == 0
    same &= np.diff(relevance[order]) == 0
    numbers = np.empty(len(order), dtype=np.intp)
    numbers[order] = np.cumsum(np.concatenate([[True], ~same])) - 1
    return np.random.default_rng(seed).uniform(size=numbers.max() + 1)[numbers]


def _canonical(X, y, codes):
    """An order of rows that depends on their content alone, and the offsets of the queries.

    Queries come by the least of their rows, rows by relevance, from the best; a fixed projection of
    X breaks ties, so that equal rows lie side by side.
    """
    key = _key(X)
    order, offsets = group(codes)
    least = np.minimum.reduceat(key[order], offsets[:-1])
    query = np.empty(len(y), dtype=np.intp)
    query[order] = np.repeat(np.argsort(np.argsort(least, kind="stable")), np.diff(offsets))
    order = np.lexsort((key, -y, query))
    return order, group(query[order])[1]


def _key(X):
    """A number per row that depends on its content alone; rows that differ hardly ever share it."""
    projection = np.sqrt(2.0) + np.modf(np.arange(1, X.shape[1] + 1) * np.sqrt(5.0))[0]
    return np.asarray(X @ projection, dtype=np.float64).ravel()


def _none_if_equal(values):
    return None if np.all(values == values[0]) else values
