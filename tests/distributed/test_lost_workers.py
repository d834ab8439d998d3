"""Workers that do not come back, and rows that cannot be computed again."""

import logging
import os
import signal

import numpy as np
import pytest

from sklearn_losses import LossRegressor
from sklearn_losses.core.parts import Block
from sklearn_losses.distributed.collections import row_parts
from sklearn_losses.distributed.holders import Holders
from sklearn_losses.distributed.parts import DaskParts

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")


@pytest.fixture
def threads():
    """A client of a cluster of one worker in this process."""
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0", silence_logs=logging.CRITICAL
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def ones(rows):
    return Block(np.ones((rows, 2)), np.zeros(rows))


def count(block):
    return len(block.y)


def blocks(*sizes):
    from dask import delayed

    return [delayed(ones)(size) for size in sizes]


def test_blocks_are_worked_on_by_threads(threads):
    parts = DaskParts.of(Holders(threads, blocks(*range(1, 20))))
    assert parts.total(count) == sum(range(1, 20))
    assert list(parts.each(count)) == list(range(1, 20))


def test_the_last_worker_dies_for_good(threads):
    parts = DaskParts.of(Holders(threads, blocks(3, 4), wait=0.2))
    assert parts.total(count) == 7
    [worker] = threads.cluster.workers.values()
    threads.cluster.sync(worker.close)
    with pytest.raises(RuntimeError, match="no worker for 0.2 seconds; start workers"):
        parts.total(count)


def test_rows_whose_origin_is_lost(client):
    """Scattered data are nowhere but on their worker."""
    workers = sorted(client.scheduler_info()["workers"])
    futures = [client.scatter(np.ones((10, 2)), workers=[worker], hash=False) for worker in workers]
    X = da.concatenate([da.from_delayed(future, (10, 2), dtype=float) for future in futures])
    parts = row_parts(X, np.zeros(20))
    assert parts.total(rows_of) == 20
    os.kill(client.run(os.getpid, workers=workers[:1])[workers[0]], signal.SIGKILL)
    sentence = "rows of partitions 0 to 0 cannot be computed again.* Load the collection again"
    with pytest.raises(RuntimeError, match=sentence):
        parts.total(rows_of)
    model = LossRegressor()
    before = dict(vars(model))
    with pytest.raises(RuntimeError, match="Load the collection again"):
        model.fit(X, np.zeros(20))
    assert vars(model) == before


def rows_of(block):
    return block.X.shape[0]


def refuse(rows):
    raise FileNotFoundError("no file part-3")


def test_an_error_of_the_collection_comes_as_it_is(client):
    X = da.ones((20, 2), chunks=(10, 2)).map_blocks(refuse, dtype=float, meta=np.ones((0, 2)))
    with pytest.raises(FileNotFoundError, match="no file part-3"):
        row_parts(X, np.zeros(20))


def die(rows):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_rows_that_kill_every_worker():
    from dask import delayed

    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=logging.CRITICAL
        ) as cluster,
        distributed.Client(cluster) as client,
        pytest.raises(RuntimeError, match="Workers that held the rows .* were lost repeatedly.* ran out of memory"),
    ):
        Holders(client, [delayed(die)(1)], wait=100, tries=1)


def test_an_asynchronous_client_is_refused():
    class Asynchronous:
        asynchronous = True

    with pytest.raises(ValueError, match="Client.asynchronous=False."):
        Holders(Asynchronous(), [])
