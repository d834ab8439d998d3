"""Measure sums over rows on a Dask cluster: their cost beyond the arithmetic, and how they scale.

    python -m benchmarks dask

Prints the time of evaluations of a few rows on two workers, the bytes that go over the network, the
time per message, the speed-up from one worker to two, and a model of a cluster that is checked
against these numbers. Workers are processes of one thread on this machine.
"""

import gc
import logging
import math
import time
from typing import NamedTuple

import numpy as np

__all__ = ["Costs", "main", "objective_on"]

TINY = 10  # rows of a block that take no time
BANDWIDTH = 125e6  # bytes per second: a network of 1 Gbit/s
LATENCY = 0.5e-3  # seconds of a message between two machines
FAN = 8
BUDGET = 2.0  # seconds of repeats of one evaluation


def block(rows, columns, seed):
    """Rows of a classification, made on the worker that keeps them."""
    from sklearn_losses.core.parts import Block

    rng = np.random.default_rng((7, seed))
    X = rng.standard_normal((rows, columns))
    return Block(X, (X[:, 0] + rng.logistic(size=rows) > 0).astype(np.intp))


def objective_on(client, rows, columns, partitions, places=None, fan=FAN):
    """Logistic regression over rows on a cluster.

    Parameters
    ----------
    client : distributed.Client
    rows, columns, partitions : int
    places : list of str, default=None
        The worker of each partition.
    fan : int, default=8
    """
    from dask import delayed

    from sklearn_losses.core.penalties import ElasticNet
    from sklearn_losses.core.summed_batches import SummedBatches
    from sklearn_losses.distributed.holders import Holders
    from sklearn_losses.distributed.parts import DaskParts
    from sklearn_losses.losses import CrossEntropy
    from sklearn_losses.models import Linear
    from sklearn_losses.summed_objective import SummedObjective

    make = delayed(block)
    blocks = [make(rows // partitions, columns, number) for number in range(partitions)]
    parts = DaskParts.of(Holders(client, blocks, places, fan))
    y = np.array([0, 1])
    model = Linear().bind(columns, 1, True)
    loss = CrossEntropy().bind(y, 1, "classification")
    return SummedObjective(loss, model, ElasticNet(1e-4, 0.0, model.weights()), SummedBatches(parts, y))


def seconds_of(work, budget=BUDGET):
    """The least seconds of ``work(number)`` in repeats: others on the machine slow some of them."""
    work(0)
    times, end = [], time.perf_counter() + budget
    while len(times) < 3 or (time.perf_counter() < end and len(times) < 200):
        start = time.perf_counter()
        work(len(times) + 1)
        times.append(time.perf_counter() - start)
    return min(times)


def processor_seconds_of(client, work, repeats=5):
    """The processor seconds of ``work(number)`` on the busiest worker, whatever else is running."""
    before = client.run(time.process_time)
    for number in range(repeats):
        work(1000 + number)
    after = client.run(time.process_time)
    return max(after[worker] - before[worker] for worker in before) / repeats


def evaluation(objective):
    """``number -> value and gradient`` at a new point each time."""
    return lambda number: objective.value_and_gradient(np.full(objective.n_params, 1e-3 * number))


def matrix(objective):
    """``number -> Hessian`` at a new point each time."""
    return lambda number: objective.hessian(np.full(objective.n_params, 1e-3 * number))


def by_expression(client, columns, partitions):
    """``number -> gradient`` as an expression of dask arrays over persisted rows."""
    import dask
    import dask.array as da
    from dask import delayed

    made = [delayed(block)(TINY, columns, number) for number in range(partitions)]
    X = da.concatenate([da.from_delayed(delayed(one).X, (TINY, columns), dtype=float) for one in made])
    y = da.concatenate([da.from_delayed(delayed(one).y, (TINY,), dtype=np.intp) for one in made])
    X, y = client.persist([X, y])

    def work(number):
        raw = X @ np.full(columns, 1e-3 * number)
        value, gradient = da.log1p(da.exp(-raw * (2 * y - 1))).sum(), X.T @ (1 / (1 + da.exp(-raw)) - y)
        return dask.compute(value, gradient)

    return work


class Costs(NamedTuple):
    """What evaluations cost, measured.

    Parameters
    ----------
    call : float
        Seconds of an evaluation of few rows, with one message.
    message : float
        Seconds that each further message adds.
    entry : dict
        Seconds per entry of the rows, of an evaluation ("gradient") and of a matrix ("matrix").
    """

    call: float
    message: float
    entry: dict[str, float]

    def levels(self, workers):
        """The messages of one after the other, from the client down to the last worker."""
        return 1 if workers <= FAN else max(1, math.ceil(math.log(workers, FAN)))

    def overhead(self, kind, columns, workers, network=True):
        """Seconds beyond the arithmetic."""
        size = 8 * (columns + 1) * (columns + 1 if kind == "matrix" else 1)
        messages = min(workers, FAN) * self.levels(workers)
        seconds = self.call + self.message * (messages - 1)
        if network:
            seconds += 2 * LATENCY * self.levels(workers) + messages * size / BANDWIDTH
        return seconds

    def arithmetic(self, kind, rows, columns, workers):
        """Seconds of the worker with the most rows."""
        return self.entry[kind] * rows * columns / workers

    def seconds(self, kind, rows, columns, workers, network=True):
        """Seconds of an evaluation, or of a matrix."""
        return self.arithmetic(kind, rows, columns, workers) + self.overhead(kind, columns, workers, network)


def few_rows(client, expression=True):
    """Time and bytes of evaluations of a few rows."""
    from benchmarks.report import markdown

    lines = []
    for columns in (10, 100, 1000):
        objective = objective_on(client, 2 * TINY, columns, 2)
        traffic = objective.batches.X.traffic
        for kind, work in (("value and gradient", evaluation(objective)), ("matrix", matrix(objective))):
            before = traffic.calls, traffic.sent, traffic.received
            seconds = seconds_of(work)
            calls, sent, received = (now - then for now, then in zip(_of(traffic), before, strict=True))
            row = [columns, kind, f"{1e3 * seconds:.1f}", f"{sent / calls / 2:,.0f}", f"{received / calls / 2:,.0f}"]
            lines.append([*row, ""])
        if expression:
            lines[-2][-1] = f"{1e3 * seconds_of(by_expression(client, columns, 2)):.0f}"
    head = ("columns", "what", "ms", "bytes to a worker", "bytes from a worker", "ms of a dask expression")
    return markdown(head, [list(map(str, line)) for line in lines])


def _of(traffic):
    return traffic.calls, traffic.sent, traffic.received


def per_message(counts=(1, 2, 4, 8, 16)):
    """The time of evaluations of a few rows by the number of holders, flat and in a tree.

    Returns the lines of a table, and the seconds of each further message.
    """
    from distributed import Client, LocalCluster

    lines, flat = [], []
    for count in counts:
        with (
            LocalCluster(
                n_workers=count, threads_per_worker=1, processes=False, dashboard_address=":0", silence_logs=logging.CRITICAL
            ) as cluster,
            Client(cluster) as client,
        ):
            client.wait_for_workers(count)
            objective = objective_on(client, count * TINY, 100, count, fan=10**6)
            flat.append(seconds_of(evaluation(objective), BUDGET / 2))
            objective.batches.X.holders.fan = FAN
            tree = seconds_of(evaluation(objective), BUDGET / 2)
            lines.append([str(count), f"{1e3 * flat[-1]:.1f}", f"{1e3 * tree:.1f}"])
            del objective
            gc.collect()
    return lines, float(np.median((np.array(flat[1:]) - flat[0]) / (np.array(counts[1:]) - 1)))


def main(rows=200_000, columns=100):
    """Measure everything and print the tables.

    Parameters
    ----------
    rows, columns : int, default=200000, 100
        Of the speed-up.
    """
    from distributed import Client, LocalCluster

    from benchmarks.report import markdown

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=logging.CRITICAL
        ) as cluster,
        Client(cluster) as client,
    ):
        print("Two workers (processes), a few rows: time and bytes of an evaluation beyond its arithmetic\n")
        print(few_rows(client))
        tiny = objective_on(client, 2 * TINY, columns, 2)
        call = seconds_of(evaluation(tiny))
        workers = sorted(client.scheduler_info()["workers"])
        measured = []
        for part in (rows // 4, rows):
            for count in (1, 2):
                places = [workers[number * count // 8] for number in range(8)]
                objective = objective_on(client, part, columns, 8, places)
                works = {"gradient": evaluation(objective), "matrix": matrix(objective)}
                found = {kind: (seconds_of(work), processor_seconds_of(client, work)) for kind, work in works.items()}
                measured.append((part, count, found))
                del objective, works
                gc.collect()
    lines, message = per_message()
    print(f"\nWorkers in one process, a few rows, {100} columns: milliseconds of an evaluation\n")
    print(markdown(("workers", "all asked by the client", f"in a tree of {FAN}"), lines))
    print(f"\nA call takes {1e3 * call:.1f} ms, and each further message {1e3 * message:.2f} ms.")
    # The arithmetic of the model is that of the most rows on one worker.
    alone = measured[2][2]
    costs = Costs(call, message, {kind: processor / (rows * columns) for kind, (_, processor) in alone.items()})
    print(f"\nSpeed-up, {columns} columns: measured, and by the model (the processor time of {rows:,} rows on one worker)\n")
    head = ("rows", "what", "workers", "ms", "of the processor of a worker", "ms by the model", "speed-up", "of the processor")
    print(markdown(head, _checked(measured, costs, columns)))
    print(
        "\nOn paper: 1 Gbit/s, 0.5 ms between machines; seconds of an evaluation on 10^9 x 100, "
        f"{1e9 * costs.entry['gradient']:.2f} ns for each entry ({1e9 * costs.entry['matrix']:.2f} ns in a matrix)\n"
    )
    print(markdown(("workers", "what", "arithmetic [s]", "beyond it [s]", "of the ideal speed-up"), _on_paper(costs)))
    print(f"\nHalf of the time is arithmetic with {_half(costs, 'gradient', 10**9, 100):,} workers on 10^9 x 100 (value and")
    print(f"gradient), and with {_half(costs, 'gradient', 10**6, 100):,} workers on 10^6 x 100.")


def _checked(measured, costs, columns):
    alone = {(part, kind): times for part, count, found in measured if count == 1 for kind, times in found.items()}
    for part, count, found in measured:
        for kind, times in found.items():
            model = costs.seconds(kind, part, columns, count, network=False)
            speeds = [one / time for one, time in zip(alone[part, kind], times, strict=True)]
            numbers = [f"{1e3 * seconds:.1f}" for seconds in (*times, model)]
            yield [f"{part:,}", kind, str(count), *numbers, *(f"{speed:.2f}" for speed in speeds)]


def _on_paper(costs):
    for workers in (1, 10, 100, 1000, 10_000):
        for kind in ("gradient", "matrix"):
            own, beyond = costs.arithmetic(kind, 1e9, 100, workers), costs.overhead(kind, 100, workers)
            share = costs.arithmetic(kind, 1e9, 100, 1) / workers / (own + beyond)
            yield [f"{workers:,}", kind, f"{own:.3g}", f"{beyond:.3g}", f"{share:.0%}"]


def _half(costs, kind, rows, columns):
    """The least number of workers with which the time beyond the arithmetic is the larger part."""
    workers = 1
    while costs.arithmetic(kind, rows, columns, workers) > costs.overhead(kind, columns, workers):
        workers = math.ceil(workers * 1.02)
    return workers
