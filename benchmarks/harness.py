"""Measure two or more ways to the same minimum in one process, in alternating runs.

The table has medians, ratios, objectives and memory.

A ratio of times is won only at an objective no worse than the peer's by 1e-6 relative: both are
printed.
"""

import math
import time
import tracemalloc
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

__all__ = ["Workload", "main", "measure", "table", "turns"]

CLOSE = 1e-6  # relative excess of the objective that still counts as the same
# Seconds before each run: the threads of OpenBLAS and OpenMP spin for a while after the other
# side's last task.
REST = 0.2
ONCE = 1.0  # seconds from which `turns` does not repeat a fit
PATIENCE = 20.0  # seconds from which one run of a side is enough, and its memory is not traced


@dataclass
class Workload:
    """One problem and the ways to solve it.

    Attributes
    ----------
    name : str
    ours : callable
        Fits and returns the estimator.
    peers : dict of str to callable
    objective : callable
        Fitted estimator -> value of the one objective that all of them are held to.
    at_most : float
        The ratio, ours by the fastest peer's, that is aimed at.
    """

    name: str
    ours: Callable
    peers: dict[str, Callable]
    objective: Callable
    at_most: float
    sides: dict[str, Callable] = field(init=False)

    def __post_init__(self):
        self.sides = {"ours": self.ours, **self.peers}


def measure(workload, repeats=5):
    """Rows of the table: one per side.

    Parameters
    ----------
    workload : Workload
    repeats : int, default=5
        Timed runs of each side, taken in turns on an idle machine; the medians count. One run of a
        side that takes more than `PATIENCE` seconds.

    Returns
    -------
    list of dict
        ``workload``, ``side``, ``seconds``, ``ratio`` (ours by this side's time; none for ours),
        ``objective``, ``peak_mb`` (memory allocated beyond the data), ``at_most``, ``won``.
    """
    seconds = {side: [] for side in workload.sides}
    objectives, peaks = {}, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peers that stop early; their objective shows it
        for _ in range(repeats):
            for side, fit in workload.sides.items():
                if seconds[side] and seconds[side][0] > PATIENCE:
                    continue
                time.sleep(REST)
                start = time.perf_counter()
                fitted = fit()
                seconds[side].append(time.perf_counter() - start)
                objectives[side] = float(workload.objective(fitted))
        for side, fit in workload.sides.items():
            peaks[side] = float("nan")
            if seconds[side][0] > PATIENCE:
                continue
            tracemalloc.start()
            fit()
            peaks[side] = tracemalloc.get_traced_memory()[1] / 2**20
            tracemalloc.stop()
    ours = median(seconds["ours"])
    rows = []
    for side in workload.sides:
        ratio = None if side == "ours" else ours / median(seconds[side])
        same = objectives["ours"] <= objectives[side] + CLOSE * abs(objectives[side])
        rows.append(
            {
                "workload": workload.name,
                "side": side,
                "seconds": median(seconds[side]),
                "ratio": ratio,
                "objective": objectives[side],
                "peak_mb": peaks[side],
                "at_most": workload.at_most,
                "won": None if side == "ours" else ratio <= workload.at_most and same,
            }
        )
    return rows


def turns(fits, about, least=0.2, fewest=3, most=50):
    """Processor time of fits, taken in turns, so that other load on the machine affects all alike.

    Parameters
    ----------
    fits : dict of str to callable
    about : dict of str to float
        Seconds that a fit took before. One above `ONCE` is not run again: this is its time.
    least : float, default=0.2
        Seconds that the runs of the slowest fit that is run take together.
    fewest, most : int, default=3, 50
        Runs.

    Returns
    -------
    dict of str to list of float
    """
    seconds = {side: [before] for side, before in about.items() if before > ONCE}
    quick = {side: fit for side, fit in fits.items() if side not in seconds}
    slowest = max((about[side] for side in quick), default=0.0)
    runs = min(max(fewest, math.ceil(least / max(slowest, 1e-9))), most)
    seconds |= {side: [] for side in quick}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(runs):
            for side, fit in quick.items():
                start = time.process_time()
                fit()
                seconds[side].append(time.process_time() - start)
    return seconds


def table(rows):
    """The rows as a Markdown table."""
    lines = ["| workload | side | seconds | ours / side | at most | objective | peak MB |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.3g}{'' if row['won'] else ' (missed)'}"
        bound = "" if row["ratio"] is None else f"{row['at_most']:g}"
        lines.append(
            f"| {row['workload']} | {row['side']} | {row['seconds']:.3g} | {ratio} | {bound} | {row['objective']:.9g} | "
            f"{row['peak_mb']:.0f} |"
        )
    return "\n".join(lines)


def main(workloads, names=(), repeats=5):
    """Measure the workloads whose names contain one of `names` (all of them without), and print the
    table.
    """
    rows = []
    for build in workloads:
        if names and not any(name in build.__name__ for name in names):
            continue
        for workload in build():
            rows += measure(workload, repeats)
            print(table(rows[-len(workload.sides) :]), flush=True)
    print(f"\n{table(rows)}")
    return rows
