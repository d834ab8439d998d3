"""Compare default fits with the best peer on real data.

    python -m benchmarks real [NAME ...] [--limit SECONDS] [--write]

A NAME is a part of ``data set/loss``: ``mnist/``, ``/hinge``, ``letter/hinge``. All runs have one
thread and are timed by the processor's time. ``--write`` brings the results into the documentation
and the README.
"""

import sys
import time
import tracemalloc
import warnings
from statistics import median

from benchmarks import report
from benchmarks.harness import turns
from benchmarks.ladder import BEHIND, NotDone, limited, near, settle
from benchmarks.real_data import DATA
from benchmarks.real_losses import ROWS

__all__ = ["main", "measure"]

LARGE = 100_000  # entries of X from which memory is traced
TRACED = 5.0  # seconds up to which a fit is done once more for its memory


def measure(contest, limit=30.0):
    """One line of the table: ours against the best peer.

    Parameters
    ----------
    contest : Contest
    limit : float, default=30
        Seconds after which a fit is not done.

    Returns
    -------
    dict
        ``name``, ``loss``, ``shape``, ``same`` (whether the peer has the same objective); for both
        sides ``seconds``, ``objective``, ``peak_mb``, ``done``, ``warned``; ``peer``,
        ``tolerance``, ``reached`` (whether the peer's objective is close to the optimum),
        ``others`` (seconds of the other peers), ``ratio``, ``close`` (whether our objective is no
        worse), ``won``.
    """
    ours, *peers = settle(contest, limit)
    # The fastest of those that reached the optimum, or the best objective.
    able = [side for side in peers if side.reached or not side.same] or [min(peers, key=lambda side: side.objective)]
    fastest = min(side.seconds for side in able)
    again = [side for side in (ours, *able) if side.done and (side is ours or side.seconds <= BEHIND * fastest)]
    seconds = turns({side.name: side.fit for side in again}, {side.name: side.seconds for side in again})
    median_of = {side.name: median(seconds.get(side.name, [side.seconds])) for side in (ours, *peers)}
    best = min(able, key=lambda side: median_of[side.name])
    optimum = min(side.objective for side in (ours, *peers) if side.same)
    close = near(ours.objective, max(optimum, best.objective) if best.same else optimum, contest.null, optimum)
    ratio = median_of["ours"] / median_of[best.name] if ours.done else float("inf")
    peaks = [_peak(side) if contest.entries > LARGE else None for side in (ours, best)]
    return {
        "name": contest.name,
        "loss": contest.loss,
        "shape": contest.shape,
        "same": best.same,
        "seconds": [median_of["ours"], median_of[best.name]],
        "objective": [ours.objective, best.objective],
        "peak_mb": peaks,
        "done": [ours.done, best.done],
        "warned": [ours.warned, best.warned],
        "peer": best.name,
        "tolerance": best.tolerance,
        "reached": best.reached or not best.same,
        "others": {side.name: median_of[side.name] for side in peers if side is not best},
        "null": contest.null,
        "ratio": ratio,
        "close": close,
        "won": ratio <= 1 and close,
    }


def _peak(side):
    """Memory beyond the data in MB, or None for a long fit. What compiled code takes by itself is
    not seen.
    """
    if side.seconds > TRACED or not side.done:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tracemalloc.start()
        try:
            with limited(10 * TRACED):
                side.fit()
            return tracemalloc.get_traced_memory()[1] / 2**20
        except NotDone:
            return None
        finally:
            tracemalloc.stop()


def problems(names=(), tasks=DATA):
    """The problems whose name contains one of the names, all without, each built when its turn
    comes. Sets of packages that are not installed are left out, which is printed.
    """
    for task, sets in tasks.items():
        for name, load in sets.items():
            rows = {row: build for row, build in ROWS[task].items() if _asked(f"{name}/{row}", names)}
            if rows:
                try:
                    data = load()
                except ImportError as error:
                    print(f"{name} is left out: {error}", file=sys.stderr)
                    continue
                for row, build in rows.items():
                    contest = build(name, row, data)
                    if contest is not None:
                        yield contest


def _asked(label, names):
    return not names or any(name.lower() in label.lower() for name in names)


def main(names=(), limit=30.0, write=False):
    """Measure, print the table and its summary, and write them if asked."""
    start, lines = time.perf_counter(), []
    print(report.markdown(report.HEAD, []), flush=True)
    for contest in problems(names):
        lines.append(report.cells(measure(contest, limit)))
        print(f"| {' | '.join(lines[-1])} |", flush=True)
    print(f"\n{report.markdown(report.SUMMARY, report.summary(lines))}")
    print(f"\n{len(lines)} problems, {time.perf_counter() - start:.0f} s, {report.versions()}")
    if write:
        order = [(name, row) for task, sets in DATA.items() for name in sets for row in ROWS[task]]
        report.write(lines, order=order)
    return lines
