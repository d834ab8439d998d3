"""Default fits against the best peer on data that people have.

    python -m benchmarks real [NAME ...] [--limit SECONDS] [--write]

A NAME is a part of ``data set/loss``: ``mnist/``, ``/hinge``, ``letter/hinge``. All runs have one
thread and are timed by the processor's time.
"""

import time
import tracemalloc
import warnings
from statistics import median

from benchmarks.harness import turns
from benchmarks.ladder import NotDone, limited, near, settle
from benchmarks.real_data import DATA
from benchmarks.real_losses import ROWS

__all__ = ["main", "measure"]

LARGE = 100_000  # entries of X from which memory is traced
TRACED = 10.0  # seconds up to which a fit is done once more for its memory


def measure(contest, limit=60.0):
    """One line of the table: ours against the best peer.

    Parameters
    ----------
    contest : Contest
    limit : float, default=60
        Seconds after which a fit is not done.

    Returns
    -------
    dict
        ``name``, ``loss``, ``shape``, ``same`` (whether the peer has the same objective); for both
        sides ``seconds``, ``objective``, ``peak_mb``, ``warned``; ``peer``, ``tolerance``,
        ``reached`` (whether the peer's objective is close to the optimum), ``others`` (seconds of
        the other peers), ``ratio``, ``close`` (whether our objective is no worse), ``won``.
    """
    ours, *peers = settle(contest, limit)
    seconds = turns({side.name: side.fit for side in (ours, *peers)}, {side.name: side.seconds for side in (ours, *peers)})
    median_of = {name: median(runs) for name, runs in seconds.items()}
    # The fastest of those that reached the optimum, or the best objective.
    able = [side for side in peers if side.reached or not side.same]
    best = min(able, key=lambda side: median_of[side.name]) if able else min(peers, key=lambda side: side.objective)
    optimum = min(side.objective for side in (ours, *peers) if side.same)
    close = near(ours.objective, max(optimum, best.objective) if best.same else optimum, contest.null, optimum)
    ratio = median_of["ours"] / median_of[best.name] if ours.objective < float("inf") else float("inf")
    peaks = [_peak(side) if contest.entries > LARGE else None for side in (ours, best)]
    return {
        "name": contest.name,
        "loss": contest.loss,
        "shape": contest.shape,
        "same": best.same,
        "seconds": [median_of["ours"], median_of[best.name]],
        "objective": [ours.objective, best.objective],
        "peak_mb": peaks,
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
    if side.seconds > TRACED:
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


def _line(row):
    peer = row["peer"] if row["tolerance"] is None else f"{row['peer']}, tol={row['tolerance']:g}"
    marks = [" W" if warned else "" for warned in row["warned"]]
    verdict = "" if row["close"] else " (worse)"
    objectives = [f"{value:.7g}" for value in row["objective"]]
    if not row["reached"]:
        objectives[1] += " (not reached)"
    peaks = ["" if peak is None else f"{peak:.1f}" for peak in row["peak_mb"]]
    return (
        f"| {row['name']} | {row['shape']} | {row['seconds'][0]:.3g}{marks[0]} | {row['seconds'][1]:.3g}{marks[1]} | {peer} | "
        f"{row['ratio']:.3g}{verdict} | {objectives[0]} | {objectives[1] if row['same'] else '(another)'} | "
        f"{' / '.join(peaks) if any(peaks) else ''} |"
    )


HEAD = (
    "| data/loss | rows x columns | ours, s | peer, s | peer | ours / peer | our objective | the peer's | peak MB |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def summary(rows):
    """Per loss: problems, won, median and worst ratio, as a Markdown table."""
    lines = [
        "| loss | problems | won | median of ours / peer | worst | where |",
        "|---|---|---|---|---|---|",
    ]
    for loss in dict.fromkeys(row["loss"] for row in rows):
        of = [row for row in rows if row["loss"] == loss]
        worst = max(of, key=lambda row: row["ratio"])
        mark = "" if of[0]["same"] else " (*)"
        lines.append(
            f"| {loss}{mark} | {len(of)} | {sum(row['won'] for row in of)} | {median(row['ratio'] for row in of):.2g} | "
            f"{worst['ratio']:.2g} | {worst['name'].split('/')[0]} |"
        )
    return "\n".join(lines)


def problems(names=()):
    """The problems whose name contains one of the names, all without, each built when its turn
    comes.
    """
    for task, sets in DATA.items():
        for name, load in sets.items():
            rows = {row: build for row, build in ROWS[task].items() if _asked(f"{name}/{row}", names)}
            if rows:
                data = load()
                for row, build in rows.items():
                    contest = build(name, row, data)
                    if contest is not None:
                        yield contest


def _asked(label, names):
    return not names or any(name.lower() in label.lower() for name in names)


def main(names=(), limit=60.0):
    """Measure, print the table and the summary."""
    start, rows = time.perf_counter(), []
    print(HEAD, flush=True)
    for contest in problems(names):
        rows.append(measure(contest, limit))
        print(_line(rows[-1]), flush=True)
    print(f"\n{summary(rows)}\n\n{len(rows)} problems, {time.perf_counter() - start:.0f} s")
    return rows
