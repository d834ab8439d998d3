"""Exact minima of losses with kinks over rows in parts, against those of all rows in memory."""

import pickle

import numpy as np
import pytest
from scipy import sparse

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.coordinates import Standardization
from sklearn_losses.core.parts import Block, LocalParts
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.core.sample import chosen
from sklearn_losses.core.status import Status
from sklearn_losses.core.summed_batches import SummedBatches
from sklearn_losses.losses.base import Loss
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.piecewise.duality_gap import dual_gap
from sklearn_losses.solvers import LBFGS, AugmentedLagrangian, InteriorPoint, Newton
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


def few(rows):
    return PassLimits(rows=rows, sparse_rows=rows)


LOSSES = ["mae", "quantile", "epsilon_insensitive", "hinge"]
FEW = few(600)


def assert_optimal(summed, whole, parts, limits=FEW, passes=10, atol=1e-8):
    """The end by passes is that in memory, and proven without a further pass."""
    found, expected = by_passes(summed, limits), in_memory(whole)
    used = parts.passes[0]
    assert found.status.success and used <= passes
    assert found.fun == pytest.approx(whole.value(found.x), rel=1e-12)
    np.testing.assert_allclose(found.x, expected.x, rtol=0, atol=atol * np.abs(expected.x).max())
    assert dual_gap(summed, found.x, found.slopes) <= 1e-9
    assert parts.passes[0] == used
    return found


@pytest.mark.parametrize("limits", [PassLimits(), FEW], ids=["all rows", "few rows"])
@pytest.mark.parametrize(("alpha", "l1_ratio"), [(0.0, 0.0), (0.01, 0.0), (0.03, 1.0)])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_optimum_is_that_of_all_rows(loss, alpha, l1_ratio, limits):
    sparse_rows = loss == "quantile"
    X, y, rng = regression(2500, 4, as_sparse=sparse_rows)
    y = (y > np.median(y)).astype(int) if loss == "hinge" else y
    weight = None if sparse_rows else rng.uniform(0.5, 2, len(y))
    block = 101 if limits is FEW else 2500
    assert_optimal(*objectives(loss, X, y, weight, alpha=alpha, l1_ratio=l1_ratio, block=block), limits)


@pytest.mark.parametrize(("alpha", "l1_ratio"), [(0.0, 0.0), (0.003, 0.0), (0.01, 0.5)])
@pytest.mark.parametrize("loss", ["mae", "hinge"])
def test_several_outputs(loss, alpha, l1_ratio):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((3000, 3))
    y = X @ rng.standard_normal((3, 3)) + rng.standard_normal((3000, 3))
    y = y if loss == "mae" else y.argmax(axis=1)
    of = objectives(loss, X, y, outputs=3, alpha=alpha, l1_ratio=l1_ratio, block=700)
    assert_optimal(*of, few(1500), passes=12)


def test_a_maximum_over_classes():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((3000, 3))
    y = (X @ rng.standard_normal((3, 3)) + rng.standard_normal((3000, 3))).argmax(axis=1)
    for weight in (None, rng.uniform(0.5, 2, 3000)):
        summed, whole, parts = objectives("crammer_singer", X, y, weight, outputs=3, block=700)
        assert_optimal(summed, whole, parts, few(1500), atol=1e-4)  # it ends within tol


def test_blocks_do_not_matter():
    X, y, _ = regression(700, 3)
    ends = [by_passes(objectives("mae", X, y, block=block)[0], few(200)).x for block in (1, 13, 700)]
    for end in ends[1:]:
        np.testing.assert_allclose(end, ends[0], rtol=0, atol=1e-8)


TIES = {
    "most targets are 0": lambda X, y: (X, np.where(np.arange(len(y)) % 5 < 3, 0.0, np.abs(y))),
    "rows that are the same": lambda X, y: (np.repeat(X[:75], 20, axis=0), np.repeat(y[:75], 20)),
    "whole numbers": lambda X, y: (np.round(X), np.round(y)),
    "a constant target": lambda X, y: (X, np.full(len(y), 3.0)),
    "an exact fit": lambda X, y: (X, X @ np.arange(1.0, 5.0) + 1),
    "columns that are the same": lambda X, y: (np.hstack([X, X[:, :1], np.ones((len(y), 1))]), y),
    "large numbers": lambda X, y: (1e-6 * X, 1e8 * y),
}


@pytest.mark.parametrize("alpha", [0.0, 0.01])
@pytest.mark.parametrize("case", TIES)
def test_ties_of_targets(case, alpha):
    X, y = TIES[case](*regression(1500, 4)[:2])
    summed, whole, parts = objectives("mae", X, y, alpha=alpha, block=97)
    found, expected = by_passes(summed, few(300)), in_memory(whole)
    assert found.status.success and parts.passes[0] <= 25
    scale = np.mean(np.abs(y))
    assert whole.value(found.x) <= whole.value(expected.x) + 2e-6 * scale
    assert dual_gap(summed, found.x, found.slopes) <= 2e-6


CLASSES = {
    "separable": lambda X, y: X[:, 0] > X[:, 0].mean(),
    "rare": lambda X, y: np.arange(len(y)) % 100 == 0,
    "without a signal": lambda X, y: np.arange(len(y)) % 2 == 0,
}


@pytest.mark.parametrize("alpha", [0.0, 0.01])
@pytest.mark.parametrize("case", CLASSES)
def test_ties_of_classes(case, alpha):
    X, y, _ = regression(1500, 4)
    summed, whole, parts = objectives("hinge", X, CLASSES[case](X, y).astype(int), alpha=alpha, block=97)
    found, expected = by_passes(summed, few(300)), in_memory(whole)
    assert found.status.success and parts.passes[0] <= 40
    assert whole.value(found.x) <= whole.value(expected.x) + 2e-6
    assert dual_gap(summed, found.x, found.slopes) <= 2e-6


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
@pytest.mark.parametrize(("loss", "outputs"), [("mae", 1), ("mae", 2), ("hinge", 1), ("hinge", 3), ("crammer_singer", 3)])
def test_the_bound_of_a_smoothed_form_is_one(loss, outputs, l1_ratio):
    """At any point, and close to the truth at the minimum of the smoothed form."""
    rng = np.random.default_rng(2)
    X = rng.standard_normal((400, 2))
    y = X @ rng.standard_normal((2, outputs)) + rng.standard_normal((400, outputs))
    y = y[:, :outputs] if loss == "mae" else (y[:, 0] > 0).astype(int) if outputs == 1 else y.argmax(axis=1)
    y = y[:, 0] if y.ndim == 2 and outputs == 1 else y
    summed, whole, _ = objectives(loss, X, y, rng.uniform(0.5, 2, 400), outputs=outputs, alpha=0.02, l1_ratio=l1_ratio)
    least, smooth = whole.value(in_memory(whole, 1e-8).x), whole.smoothed(0.02)
    end = LBFGS().solve(smooth, np.zeros(whole.n_params), max_iter=1000, tol=1e-10).x
    truth = whole.value(end) - least
    bound = summed.bound_of_smoothed(end, end, 0.02)
    assert truth - 1e-12 <= bound <= 0.05
    assert dual_gap(summed, end, None, 0.02) == pytest.approx(bound / whole.value(end))
    moved = end + 0.1 * rng.standard_normal(len(end))
    assert summed.bound_of_smoothed(moved, moved, 0.02) >= whole.value(moved) - least


def test_a_point_is_proven_by_the_rows_on_its_kink():
    summed, whole, parts = objectives("mae", *regression(600, 3)[:2])
    end = in_memory(whole).x
    assert dual_gap(summed, end) <= 1e-12
    assert dual_gap(summed, end + 0.1) > 1e-3


def test_many_parameters_beside_the_sample():
    """The minimum over a sample is far beyond that over all rows: shorter steps are taken."""
    rng = np.random.default_rng(4)
    X = rng.standard_normal((2000, 60))
    y = (X @ rng.standard_normal(60) + 5 * rng.standard_normal(2000) > 0).astype(int)
    assert_optimal(*objectives("hinge", X, y, alpha=0.01, block=500), few(900), passes=25)


class PickledParts(LocalParts):
    """Parts that send their functions, as those on other machines do."""

    def each(self, function):
        sent = pickle.dumps(function)
        assert len(sent) < 10_000
        return super().each(pickle.loads(sent))


def test_what_is_sent_is_small():
    X, y, _ = regression(5000, 4)
    summed, whole, parts = objectives("mae", X, y, alpha=0.0)
    sent = PickledParts(parts.read, X.shape, X.dtype)
    summed = SummedObjective(summed.loss, summed.model, summed.penalty, summed.batches._replace(parts=sent))
    assert_optimal(summed, whole, sent)
    ties = np.where(np.arange(len(y)) % 5 < 3, 0.0, np.abs(y))
    summed, whole, parts = objectives("mae", X, ties)
    sent = PickledParts(parts.read, X.shape, X.dtype)
    summed = SummedObjective(summed.loss, summed.model, summed.penalty, summed.batches._replace(parts=sent))
    assert by_passes(summed, FEW).status.success


def test_passes_are_counted_and_may_be_stopped():
    summed, _, parts = objectives("mae", *regression(5000, 4)[:2], alpha=0.0)
    start, values = np.zeros(summed.n_params), []
    run = Run(start, 1000, lambda params, value: values.append(value))
    found = minimum_by_passes(summed, start, run, 1e-6, limits=FEW)
    assert found.nit == len(values) == parts.passes[0] - 1  # the first one gathers a sample
    assert values[-1] == min(values)
    stopped = minimum_by_passes(summed, start, Run(start, 2, None), 1e-6, limits=FEW)
    assert (stopped.nit, stopped.status) == (2, Status.MAX_ITER)
    assert stopped.fun == pytest.approx(values[1])


def test_solvers_take_rows_in_parts():
    summed, whole, _ = objectives("mae", *regression(300, 3)[:2])
    assert isinstance(Auto().choose(summed), InteriorPoint)
    assert Auto().next_after(InteriorPoint(), summed) is None
    expected = in_memory(whole).x
    for solver in (InteriorPoint(), AugmentedLagrangian(), Newton(), LBFGS()):
        assert solver.refusal(summed) is None
        found = solver.solve(summed, np.zeros(summed.n_params), max_iter=100, tol=1e-6)
        np.testing.assert_allclose(found.x, expected, rtol=0, atol=1e-8 * np.abs(expected).max())


def test_chosen_rows_are_a_share_of_all():
    numbers = np.arange(100_000)
    assert chosen(numbers, 1.0).all()
    few, more = chosen(numbers, 0.01), chosen(numbers, 0.1)
    assert not (few & ~more).any()
    assert abs(few.mean() - 0.01) < 0.001 and abs(more[1::2].mean() - 0.1) < 0.005
    np.testing.assert_array_equal(chosen(numbers[500:600], 0.1), more[500:600])
