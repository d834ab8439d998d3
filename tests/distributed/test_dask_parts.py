"""Sums over the rows on a cluster are those over the same rows in one array."""

import gc
import os
import signal
import threading
import time

import numpy as np
import pytest
from scipy import sparse

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.coordinates import Standardization
from sklearn_losses.core.parts import Block, added
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.core.summed_batches import SummedBatches
from sklearn_losses.distributed.holder import Node
from sklearn_losses.distributed.holders import Holders, _runs, _tree
from sklearn_losses.distributed.parts import DaskParts
from sklearn_losses.losses.base import Loss
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.summed_objective import SummedObjective

SIZES = (17, 1, 0, 40, 22, 5)
CUTS = np.cumsum((0, *SIZES))


def block_of(X, y, weight=None):
    return Block(X, y, weight)


def in_parts(client, X, y, weight=None, **how):
    """Rows as `DaskParts` of `SIZES` rows each."""
    from dask import delayed

    rows = [slice(start, stop) for start, stop in zip(CUTS, CUTS[1:], strict=False)]
    make = delayed(block_of)
    return DaskParts.of(
        Holders(client, [make(X[some], y[some], None if weight is None else weight[some]) for some in rows], **how)
    )


def problem(client, loss="huber", *, outputs=1, as_sparse=False, **how):
    """An objective over rows on the cluster, and that over all rows in memory."""
    rng = np.random.default_rng(3)
    n, p = sum(SIZES), 4
    X = rng.standard_normal((n, p)) * [1, 20, 0.1, 1] + [0, 50, 0, 1]
    task = "regression" if outputs == 1 else "classification"
    y = np.abs(rng.standard_normal(n)) if outputs == 1 else rng.integers(0, outputs, n)
    weight = rng.uniform(0.5, 2, n)
    weight /= weight.mean()
    X = sparse.csr_matrix(X) if as_sparse else X
    loss = Loss.make(loss).bind(y, outputs, task)
    model = Linear().bind(p, outputs, True)
    columns = Standardization.of(X, weight, True, 0.1)
    penalty = ElasticNet(0.1, 0.0, model.weights())
    parts = in_parts(client, X, y, weight, **how)
    summed = SummedObjective(loss, model, penalty, SummedBatches(parts, y, standardization=columns))
    return parts, summed, Objective(loss, model, penalty, Batches(X, y, weight, columns))


def anew(objective, params):
    """Value and gradient as bytes, though they were asked for before."""
    value, gradient = objective._replace().value_and_gradient(params)
    return np.append(gradient, value).tobytes()


CASES = [("huber", {}), ("poisson", {"as_sparse": True}), ("cross_entropy", {"outputs": 3})]


@pytest.mark.parametrize(("loss", "of"), CASES, ids=str)
def test_sums_are_those_in_memory(client, loss, of):
    parts, summed, whole = problem(client, loss, **of)
    assert parts.shape == (sum(SIZES), 4) and parts.sparse == bool(of.get("as_sparse")) and parts.dtype == np.float64
    assert parts.nnz == whole.batches.X.size if not parts.sparse else whole.batches.X.nnz
    params, direction = 0.1 * np.random.default_rng(0).standard_normal((2, summed.n_params))
    for one, other in zip(summed.value_and_gradient(params), whole.value_and_gradient(params), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(summed.hessian(params), whole.hessian(params), rtol=1e-10, atol=1e-11)
    one, other = (objective.hessian_operator(params).product(direction) for objective in (summed, whole))
    np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-11)


def first_row(block):
    return block.start, block.X[0, 0], len(block.y)


def doubled(block):
    return Block(block.X[:, :1] * 2, block.y, block.weight)


def test_blocks_come_in_the_order_of_the_rows_and_know_their_place(client):
    X = np.arange(2.0 * sum(SIZES)).reshape(-1, 2)
    parts = in_parts(client, X, X[:, 0])
    filled = [(int(start), size) for start, size in zip(CUTS, SIZES, strict=False) if size]
    assert list(parts.each(first_row)) == [(start, X[start, 0], size) for start, size in filled]
    changed = parts.map(doubled)
    assert changed.shape == (sum(SIZES), 1) and changed.nnz == sum(SIZES)
    assert list(changed.each(first_row)) == [(start, 2 * X[start, 0], size) for start, size in filled]


def rows_of(block):
    return block.X[:, 0].tolist(), block.y.tolist()


@pytest.mark.parametrize("rows", [[0], [3, 17, 18, 79, 84], range(sum(SIZES))], ids=len)
def test_some_of_the_rows(client, rows):
    X = np.arange(2.0 * sum(SIZES)).reshape(-1, 2)
    parts = in_parts(client, X, X[:, 1]).picked(np.array(rows))
    assert parts.shape == (len(rows), 2)
    for found, expected in zip(zip(*parts.each(rows_of), strict=True), X[rows].T, strict=True):
        np.testing.assert_array_equal(sum(found, []), expected)
    assert parts.total(count) == len(rows)


def test_rows_that_nobody_needs_are_let_go(client):
    from distributed import Client

    X = np.ones((sum(SIZES), 2))
    parts = in_parts(client, X, X[:, 0])
    key = parts.holders._groups[0].actor.key

    def kept(dask_worker):
        holder = dask_worker.state.actors.get(key)
        return None if holder is None else len(holder._forms)

    changed = parts.map(doubled)
    assert set(client.run(kept).values()) == {None, 2}
    assert isinstance(client, Client)
    del parts
    gc.collect()
    assert eventually(lambda: set(client.run(kept).values()) == {None, 1})
    assert changed.total(total_of_rows) == 2 * sum(SIZES)
    del changed
    gc.collect()
    assert eventually(lambda: set(client.run(kept).values()) == {None})


def eventually(holds, seconds=10):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def total_of_rows(block):
    return float(block.X.sum())


def test_no_rows_are_moved(client):
    """What goes over the network does not depend on the number of rows."""
    moved = []
    for n in (600, 60_000):
        X = np.zeros((n, 5))
        parts = DaskParts.of(Holders(client, _delayed_zeros(n, 6)))
        model = Linear().bind(5, 1, True)
        summed = SummedObjective(Loss.make("mse"), model, ElasticNet(0.1, 0.0, model.weights()), SummedBatches(parts, X[:2, 0]))
        before = parts.traffic.sent, parts.traffic.received
        summed.value_and_gradient(np.zeros(6))
        summed.hessian(np.zeros(6))
        moved.append((parts.traffic.sent - before[0], parts.traffic.received - before[1]))
    assert abs(moved[0][0] - moved[1][0]) < 100  # numbers of other lengths
    assert moved[0][1] == moved[1][1] < 3000


def _delayed_zeros(n, blocks):
    from dask import delayed

    make = delayed(lambda rows: Block(np.zeros((rows, 5)), np.zeros(rows)))
    return [make(n // blocks) for _ in range(blocks)]


def test_the_way_of_adding_changes_nothing(client):
    parts, summed, _ = problem(client)
    params = np.linspace(0, 1, summed.n_params)
    flat = anew(summed, params)
    parts.holders.fan = 1  # the second holder is asked by the first one
    np.testing.assert_array_equal(anew(summed, params), flat)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 64, 65, 600])
def test_a_tree_has_all_nodes_in_order_and_few_in_one_place(count):
    def inside(nodes):
        assert len(nodes) <= 8
        return [number for node in nodes for number in (node.number, *inside(node.below))]

    assert inside(_tree([Node(number, "", "") for number in range(count)], 8)) == list(range(count))


def test_each_worker_gets_a_run_as_long_as_it_has_threads():
    assert _runs(6, [1, 2]) == [[0, 1], [2, 3, 4, 5]]
    assert _runs(1, [1, 1, 1]) in ([[0], [], []], [[], [0], []])
    assert sum(_runs(1000, [3, 1, 7]), []) == list(range(1000))


def wrong(block):
    raise ValueError(f"nothing for {len(block.y)} rows")


def test_an_error_comes_as_it_is(client):
    parts, *_ = problem(client)
    with pytest.raises(ValueError, match="nothing for 17 rows"):
        parts.total(wrong)
    assert added(0, parts.total(count)) == sum(SIZES)


def count(block):
    return len(block.y)


def slow_count(block):
    time.sleep(0.2)
    return len(block.y)


def kill(client, address):
    os.kill(client.run(os.getpid, workers=[address])[address], signal.SIGKILL)


def test_a_lost_worker_does_not_change_a_digit(client):
    parts, summed, _ = problem(client)
    params = np.linspace(0, 1, summed.n_params)
    changed = parts.map(doubled)
    before = anew(summed, params), changed.total(total_of_rows)
    kill(client, parts.holders._groups[0].address)
    assert (anew(summed, params), changed.total(total_of_rows)) == before
    client.wait_for_workers(2, timeout=100)


def test_a_worker_is_lost_in_the_middle_of_a_call(client):
    parts, *_ = problem(client)
    parts.holders.fan = 1
    below = parts.holders._groups[1].address
    threading.Timer(0.3, kill, (client, below)).start()
    assert parts.total(slow_count) == sum(SIZES)
    assert parts.holders._groups[1].address != below
    assert [one for _, _, one in parts.each(first_row)] == [size for size in SIZES if size]
