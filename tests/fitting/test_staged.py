"""Ranking fits in stages."""

import numpy as np
import pytest
from scipy.optimize import OptimizeResult

from sklearn_losses.core.status import Status
from sklearn_losses.fitting.ranking import queries
from sklearn_losses.fitting.settings import Settings
from sklearn_losses.fitting.staged import Staged
from sklearn_losses.fitting.strength import Strength
from sklearn_losses.losses import ApproxNDCG, LambdaRank
from sklearn_losses.solvers import Solver

X = np.random.default_rng(0).normal(size=(12, 2))
RELEVANCE, QID = np.tile([0.0, 1.0, 2.0], 4), np.repeat([0, 1, 2, 3], 3)


def objective(loss):
    task, rows = queries(X, RELEVANCE, QID, None, with_qid=True, seed=0)
    model = task.model(Settings(), 2)
    return task.objective(loss, model, Strength.of(1e-3, 0.0).penalty(model.weights()), rows, None, np.float64)


class Turns(Solver):
    """Ends at one given point after the other, one iteration each."""

    name = "turns"

    def __init__(self, *points, status=Status.CONVERGED):
        self.points, self.status, self.seen = list(points), status, []

    def minimize(self, objective, params, *, max_iter, tol, state=None, callback=None, rng=None):
        self.seen.append((objective.loss, params, max_iter))
        point = np.array(self.points[min(len(self.seen), len(self.points)) - 1], dtype=float)
        return OptimizeResult(x=point, nit=1, status=self.status, success=self.status.success)


def run(loss, solver, max_iter=100, **options):
    return Staged(solver, **options).minimize(objective(loss), np.zeros(2), max_iter=max_iter, tol=1e-6)


def test_a_loss_with_a_start_takes_two_stages():
    loss = ApproxNDCG()
    solver = Turns([1.0, 0.0], [0.0, 1.0])
    result = run(loss, solver)
    assert [type(loss) for loss, _, _ in solver.seen][1] is type(loss) and len(solver.seen) == 2
    np.testing.assert_array_equal(solver.seen[1][1], [1.0, 0.0])
    assert result.x.tolist() == [0.0, 1.0] and result.nit == 2 and result.status is Status.CONVERGED


def test_a_ranking_that_stays_the_same_ends_the_stages():
    solver = Turns([1.0, 0.0])
    result = run(LambdaRank(), solver)
    assert len(solver.seen) == 2 and result.x.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("patience", [1, 3])
def test_stages_without_a_better_ranking_end(patience):
    points = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]
    formula = objective(LambdaRank())
    quality = [formula.ndcg(formula.scores(np.array(point))) for point in points]
    best = int(np.argmax(quality))
    order = [points[best], *points[:best], *points[best + 1 :]]  # the best comes first
    solver = Turns(*order)
    result = run(LambdaRank(), solver, patience=patience)
    assert len(solver.seen) == 1 + patience and result.x.tolist() == points[best]


@pytest.mark.parametrize("status", [Status.CALLBACK, Status.STALLED])
def test_no_stage_follows_an_end_that_was_not_asked_for(status):
    solver = Turns([1.0, 0.0], status=status)
    result = run(LambdaRank(), solver)
    assert len(solver.seen) == 1 and result.status is status


def test_stages_share_the_iterations():
    solver = Turns([1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0])
    result = run(LambdaRank(), solver, max_iter=2)
    assert [left for _, _, left in solver.seen] == [2, 1] and result.nit == 2
