"""Fits of ranking losses that come in stages: a start at another loss's minimum, weights held fixed and taken anew."""

import numpy as np
from scipy.optimize import OptimizeResult

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.queries import discount
from sklearn_losses.core.status import Status, set_status
from sklearn_losses.losses.base import Loss
from sklearn_losses.losses.pairwise import OfDifferences
from sklearn_losses.objective import Objective
from sklearn_losses.piecewise.terms import PiecewiseLinearTerms, TermsWithL1
from sklearn_losses.solvers import Solver

LARGEST_DIFFERENCES = 5_000_000  # entries of the matrix of differences of rows, 40 MB
PATIENCE = 5  # rankings without a better NDCG after which to stop


class RankingObjective(Objective):
    """The objective of a ranking loss over queries; a pair loss of a linear model is a loss of differences of rows."""

    def _evaluate(self, params, batch):
        value, gradient = super()._evaluate(params, batch)
        if not self.linear and self.model.fit_intercept:
            # The last intercept shifts all scores, which no ranking loss notices. Its derivative is 0 and not the rounding
            # error that Adam would scale up.
            gradient[-1] = 0
        return value, gradient

    @property
    def piecewise_linear(self):
        """The loss is one of straight pieces, and so few pairs that their differences fit in memory."""
        few = self.batches.y.pairs.sum() * self.batches.X.shape[1] <= LARGEST_DIFFERENCES
        return bool(self.loss.kinks) and self.linear and few

    def terms(self):
        terms = PiecewiseLinearTerms.of(OfDifferences(self.loss.kinks), self.model, self.penalty, self._differences())
        return terms if self.smooth_penalty else TermsWithL1(terms, self.penalty.l1)

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

    def unbounded(self, params):
        """Whether an unpenalised linear model orders every pair, so that a loss without a minimum falls for ever."""
        if self.loss.has_minimizer or not self.linear or self.penalty.l2.any() or not self.penalty.smooth:
            return False
        trend = self.loss.trend(self.batches.y, self.scores(params))
        return bool(np.all(trend <= 0) and np.any(trend < 0))

    def kink_distance(self, params):
        return 1.0 + float(np.std(self.scores(params)))

    def smoothed_slopes(self, params, width):
        """As in `Objective`; a pair within `width` of a kink falls short by an eighth of it at most, others by nothing."""
        smooth = self.smoothed(width)
        gradient = sum((part[1] for part in self.batches.each(lambda batch, _: smooth._evaluate(params, batch))), 0.0)
        return self.smoothing_error(width) / 2, gradient / self.n_rows

    def scores(self, params):
        """The raw predictions of all rows."""
        return np.concatenate([self.model.predict(params, batch.X) for batch in self.batches.blocks()])

    def with_loss(self, loss):
        """The same objective with another loss."""
        return RankingObjective(loss, self.model, self.penalty, self.batches)

    def with_fixed_ranking(self, scores):
        """The same objective with the ranking by `scores` held fixed."""
        return RankingObjective(self.loss, self.model, self.penalty, self.batches.with_fixed_ranking(scores))

    def ndcg(self, scores):
        """The mean NDCG of the rows by these scores, with the gains of the loss."""
        y, (gain, k) = self.batches.y, self.loss.measure
        each = y.sum(y.multiplicity * y.gains(gain, k) * discount(*y.ranking(scores, 1e-9), k))
        return float(np.average(each, weights=y.weight))


class Staged(Solver):
    """One call of a solver per fixed objective: loss.starts_from first, then the loss, its ranking refreshed if it moves.

    Stops when a stage ends in the ranking it began with, or after PATIENCE stages without a better training NDCG (the best
    stage counts), at max_iter in all, or where the callback says so.

    Parameters
    ----------
    solver : Solver
        Of each stage.
    """

    def __init__(self, solver):
        self.solver = solver

    @property
    def label(self):
        return self.solver.label

    def minimize(self, objective, params, *, max_iter, tol, state=None, callback=None, rng=None):
        done = 0

        def stage(part, start):
            nonlocal done
            left = max(1, max_iter - done)
            result = self.solver.solve(part, start, max_iter=left, tol=tol, state=None, callback=callback, rng=rng)
            done += result.nit
            return result

        def goes_on():
            return result.success and result.status is not Status.CALLBACK and done < max_iter

        result = stage(objective.with_loss(Loss.make(objective.loss.starts_from)), params)
        chosen = result.x
        if goes_on() and not objective.loss.moving:
            result = stage(objective, result.x)
            chosen = result.x
        elif goes_on():
            y, scores, waited = objective.batches.y, objective.scores(result.x), 0
            best = objective.ndcg(scores)
            while waited < PATIENCE:
                seen = scores
                result = stage(objective.with_fixed_ranking(seen), result.x)
                scores = objective.scores(result.x)
                reached = objective.ndcg(scores)
                settled = np.array_equal(y.ranking(seen, 1e-9)[0], y.ranking(scores, 1e-9)[0])
                better = reached > best + 1e-9
                if better or (settled and reached > best - 1e-9):
                    best, chosen = max(best, reached), result.x
                waited = 0 if better else waited + 1
                if settled or not goes_on():
                    break
        return set_status(OptimizeResult(x=chosen, fun=objective.value(chosen), nit=done, state=None), result.status)
