"""Exact minima of losses with kinks over rows in parts, against those of all rows in memory."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.coordinates import Standardization
from sklearn_losses.core.parts import Block, LocalParts
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.core.summed_batches import SummedBatches
from sklearn_losses.losses.base import Loss
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.piecewise.duality_gap import dual_gap
from sklearn_losses.piecewise.near_rows import chosen
from sklearn_losses.solvers.auto import Auto
from sklearn_losses.solvers.by_passes import PassLimits, minimum_by_passes
from sklearn_losses.solvers.run import Run
from sklearn_losses.summed_objective import SummedObjective


def objectives(loss, X, y, weight=None, *, outputs=1, alpha=0.01, l1_ratio=0.0, block=100):
    """An objective over blocks of so many rows, that over the same rows at once, and the parts."""
    weight = None if weight is None else weight / weight.mean()
    loss = Loss.make(loss)
    loss = loss.bind(y, outputs, loss.task)
    model = Linear().bind(X.shape[1], outputs, True)
    columns, penalty = Standardization.of(X, weight, True, 0.1), ElasticNet(alpha, l1_ratio, model.weights())

    def read():
        for start in range(0, X.shape[0], block):
            rows = slice(start, start + block)
            yield Block(X[rows], y[rows], None if weight is None else weight[rows])

    parts = LocalParts(read, X.shape, X.dtype, sparse.issparse(X), X.nnz if sparse.issparse(X) else None)
    summed = SummedObjective(loss, model, penalty, SummedBatches(parts, y, standardization=columns))
    return summed, Objective(loss, model, penalty, Batches(X, y, weight, columns)), parts


def by_passes(objective, limits, tol=1e-6):
    start = np.zeros(objective.n_params)
    return minimum_by_passes(objective, start, Run(start, 1000, None), tol, limits=limits)


def in_memory(objective, tol=1e-6):
    return Auto().choose(objective).solve(objective, np.zeros(objective.n_params), max_iter=1000, tol=tol)


def regression(n, p, seed=0, as_sparse=False):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * np.geomspace(0.1, 10, p) + 1
    y = X @ (1 / np.geomspace(0.1, 10, p)) + rng.standard_t(3, n)
    return (sparse.csr_matrix(np.where(rng.random(X.shape) < 0.5, X, 0)) if as_sparse else X), y, rng


LOSSES = ["mae", "quantile", "epsilon_insensitive", "hinge"]


@pytest.mark.parametrize("limits", [PassLimits(), PassLimits(rows=800)], ids=["all rows", "few rows"])
@pytest.mark.parametrize(("alpha", "l1_ratio"), [(0.0, 0.0), (0.01, 0.0), (0.03, 1.0)])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_optimum_is_that_of_all_rows(loss, alpha, l1_ratio, limits):
    for weighted, as_sparse, block in ((True, False, 101), (False, True, 777)):
        X, y, rng = regression(3000, 5, as_sparse=as_sparse)
        y = (y > np.median(y)).astype(int) if loss == "hinge" else y
        weight = rng.uniform(0.5, 2, len(y)) if weighted else None
        summed, whole, parts = objectives(loss, X, y, weight, alpha=alpha, l1_ratio=l1_ratio, block=block)
        found, expected = by_passes(summed, limits), in_memory(whole)
        passes = parts.passes[0]
        assert found.status.success and passes <= 10
        np.testing.assert_allclose(found.x, expected.x, rtol=0, atol=1e-8 * np.abs(expected.x).max())
        assert dual_gap(summed, found.x, found.slopes) <= 1e-9
        assert parts.passes[0] == passes  # the proof takes none


def test_chosen_rows_are_a_share_of_all():
    numbers = np.arange(100_000)
    assert chosen(numbers, 1.0).all()
    few, more = chosen(numbers, 0.01), chosen(numbers, 0.1)
    assert not (few & ~more).any()
    assert abs(few.mean() - 0.01) < 0.001 and abs(more[1::2].mean() - 0.1) < 0.005
    np.testing.assert_array_equal(chosen(numbers[500:600], 0.1), more[500:600])
