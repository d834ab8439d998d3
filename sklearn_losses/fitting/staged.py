"""Fits of ranking losses in stages: from another loss's minimum, with the weights held fixed."""

from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.queries import discount
from sklearn_losses.core.status import Status, set_status
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.pairwise import OfDifferences
from sklearn_losses.objective import Objective
from sklearn_losses.piecewise.terms import PiecewiseLinearTerms, TermsWithL1
from sklearn_losses.solvers import Solver
from sklearn_losses.solvers.run import spent
from sklearn_losses.summed_objective import SummedObjective

__all__ = ["RankingObjective", "Staged", "SummedRankingObjective"]

TIED = 1e-9  # difference of two scores, or of two NDCG, that is a rounding error


class _WithoutShift:
    """Sets the derivative of ranking losses in intercepts to 0: a common shift changes none."""

    linear: bool

    def _evaluate(self: Any, params, batch):
        value, gradient = super()._evaluate(params, batch)  # type: ignore[misc]  # of an objective
        if not self.linear:
            # The intercept shifts all scores, which changes no ranking loss. Its derivative is 0,
            # and not a rounding error that Adam would scale up.
            gradient[self.n_params - self.model.n_intercepts :] = 0
        return value, gradient


class RankingObjective(_WithoutShift, Objective):
    """The objective of a ranking loss over queries.

    A pair loss of a linear model is a loss of differences of rows.

    Attributes
    ----------
    largest_differences : int
        Entries of the matrix of differences of rows up to which exact solvers are given it, 40 MB.
    """

    loss: Any  # of rankings
    batches: Any  # `QueryBatches`
    largest_differences = 5_000_000

    @property
    def piecewise_linear(self) -> bool:
        """The loss is piecewise linear, and the differences of all pairs fit in memory."""
        few = self.batches.y.pairs.sum() * self.batches.X.shape[1] <= self.largest_differences
        return bool(self.loss.kinks) and self.linear and few

    def terms(self) -> PiecewiseLinearTerms | TermsWithL1:
        terms = PiecewiseLinearTerms.of(OfDifferences(self.loss.kinks), self.model, self.penalty, self._differences())
        return terms if self.smooth_penalty else TermsWithL1(terms, self.l1)

    def _differences(self):
        differences, weights = [], []
        for batch in self.batches.each(lambda batch, _: batch, dense=True):
            y = batch.y
            share = (1.0 if y.weight is None else y.weight) / np.maximum(y.pairs, np.finfo(float).tiny)
            for rows, valid, others, others_valid in y.pair_blocks():
                pairs = y.relevance[rows][:, :, None] > y.relevance[others][:, None, :]
                query, left, right = np.nonzero(pairs & valid[:, :, None] & others_valid[:, None, :])
                i, j = rows[query, left], others[query, right]
                differences.append(batch.X[i] - batch.X[j])
                weights.append(y.multiplicity[i] * y.multiplicity[j] * share[y.query[i]])
        X, weight = np.concatenate(differences), np.concatenate(weights)
        return Batches(X, np.ones(len(X), dtype=np.intp), weight * (len(X) / self.n_rows))

    def unbounded(self, params: NDArray[Any]) -> bool:
        """Whether the loss has no minimum.

        That is so where an unpenalised linear model orders every pair.
        """
        if self.loss.has_minimizer or not self.linear or self.has_penalty:
            return False
        trend = self.loss.trend(self.batches.y, self.scores(params))
        return bool(np.all(trend <= 0) and np.any(trend < 0))

    def kink_distance(self, params: NDArray[Any]) -> float:
        return 1.0 + float(np.std(self.scores(params)))

    def smoothed_slopes(self, params: NDArray[Any], width: float) -> tuple[float, NDArray[Any]]:
        """As in `Objective`.

        A pair within `width` of a kink falls short by an eighth of it at most, others by nothing.
        """
        smooth = self.smoothed(width)
        gradient = np.zeros(self.n_params)
        for _, of_block in self.batches.each(lambda batch, _: smooth._evaluate(params, batch)):
            gradient = gradient + of_block
        return self.smoothing_error(width) / 2, gradient / self.n_rows

    def scores(self, params: NDArray[Any]) -> NDArray[Any]:
        """The raw predictions of all rows."""
        return np.concatenate([self.model.predict(params, batch.X) for batch in self.batches.blocks()])

    def with_loss(self, loss: Loss) -> Self:
        """The same objective with another loss."""
        return self._replace(loss=loss)

    def with_fixed_ranking(self, scores: NDArray[Any]) -> Self:
        """The same objective with the ranking by `scores` held fixed."""
        return self._replace(batches=self.batches.with_fixed_ranking(scores))

    def ndcg(self, scores: NDArray[Any]) -> float:
        """The mean NDCG of the rows by these scores, with the gains of the loss."""
        y, (gain, k) = self.batches.y, self.loss.measure
        above, count = y.ranking(scores, TIED)
        each = y.sum(y.multiplicity * y.gains(gain, k) * discount(above, count, k))
        return float(np.average(each, weights=y.weight))


class SummedRankingObjective(_WithoutShift, SummedObjective):
    """The objective of a smooth ranking loss over queries in parts."""

    def unbounded(self, params: NDArray[Any]) -> bool:
        if self.loss.has_minimizer or not self.linear or self.has_penalty:
            return False
        rises, falls = np.max(list(self.batches.each(partial(_trends, self.loss, self.model, params))), axis=0)
        return bool(falls and not rises)


def _trends(loss, model, params, batch, _):
    """Whether the loss of a query rises as the scores grow, and of one falls."""
    trend = loss.trend(batch.y, model.predict(params, batch.X))
    return float(np.any(trend > 0)), float(np.any(trend < 0))


class Staged(Solver):
    """A solver that calls another one once per stage.

    The first stage minimises `loss.starts_from`, the next ones the loss itself; if its weights
    depend on the ranking, each stage holds the ranking of the one before fixed.

    Stops when a stage ends in the ranking it began with, or after `patience` stages without a
    better training NDCG (the best stage counts), at max_iter in all, or where the callback says so.

    Parameters
    ----------
    solver : Solver
        Of each stage.
    patience : int, default=5
        Rankings without a better NDCG after which to stop.
    """

    def __init__(self, solver: Solver, patience: int = 5):
        self.solver = solver
        self.patience = patience

    @property
    def label(self) -> str:
        return self.solver.label

    def minimize(self, objective, params, *, max_iter, tol, state=None, callback=None, rng=None) -> OptimizeResult:
        stages = _Stages(self.solver, max_iter, {"tol": tol, "callback": callback, "rng": rng})
        end = stages.minimize(objective.with_loss(Loss.make(objective.loss.starts_from)), params)
        if stages.goes_on and objective.loss.moving:
            end = self._with_new_rankings(objective, stages, end)
        elif stages.goes_on:
            end = stages.minimize(objective, end)
        return set_status(
            OptimizeResult(x=end, fun=objective.value(end), nit=stages.done, spent=stages.used, state=None), stages.status
        )

    def _with_new_rankings(self, objective, stages, params):
        """The parameters of the best ranking of all stages."""
        y, scores, waited, chosen = objective.batches.y, objective.scores(params), 0, params
        best = objective.ndcg(scores)
        while waited < self.patience:
            before = scores
            params = stages.minimize(objective.with_fixed_ranking(before), params)
            scores = objective.scores(params)
            reached = objective.ndcg(scores)
            settled = np.array_equal(y.ranking(before, TIED)[0], y.ranking(scores, TIED)[0])
            better = reached > best + TIED
            if better or (settled and reached > best - TIED):
                best, chosen = max(best, reached), params
            waited = 0 if better else waited + 1
            if settled or not stages.goes_on:
                break
        return chosen


class _Stages:
    """Calls of one solver that share a number of iterations."""

    def __init__(self, solver, max_iter, options):
        self.solver, self.max_iter, self.options = solver, max_iter, options
        self.done, self.used, self.status = 0, 0, None

    def minimize(self, objective, params):
        """The parameters where a stage ends."""
        left = max(1, self.max_iter - self.used)
        result = self.solver.solve(objective, params, max_iter=left, state=None, **self.options)
        self.done, self.used = self.done + result.nit, self.used + spent(result)
        self.status = result.status
        return result.x

    @property
    def goes_on(self):
        """Whether there may be another stage."""
        return self.status.success and self.status is not Status.CALLBACK and self.used < self.max_iter
