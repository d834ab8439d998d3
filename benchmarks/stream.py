"""Compare fits of rows in files and of rows in memory: passes, seconds, memory.

    python -m benchmarks stream [LOSS ...] [--rows N] [--columns P] [--format npy|parquet] [--peers]
    python -m benchmarks stream real

The first writes rows with three kinds of targets into a temporary folder and fits each loss to the
files and to the same rows in memory, where they fit; with ``--peers`` also with scikit-learn's
`partial_fit`. The second writes the largest of the sets in `benchmarks.real_data`. Each fit runs in
a process of its own, on one thread. Linux only, as memory is read from ``/proc``.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.report import markdown

__all__ = ["LOSSES", "fit_once", "main", "written"]

# The target that each loss is fitted to; they are the last columns of the files.
TARGETS = ("number", "count", "class")
LOSSES = {
    "mse": "number",
    "poisson": "count",
    "cross_entropy": "class",
    "mae": "number",
    "quantile": "number",
    "hinge": "class",
    "huber": "number",
}
ALPHA = 1e-4
LEVEL = 0.9  # of the quantile
PIECE = 2**26  # bytes of a file
EPOCHS = 20  # passes after which `partial_fit` has had enough
CLOSE = 1e-6  # relative excess of the objective that still counts as the same
HEAD = ("loss", "rows from", "passes", "seconds", "of the processor", "peak MB", "objective", "above ours", "converged")
# scikit-learn's name of a loss, and the factor of our alpha in its formula.
PEERS = {
    "mse": ("squared_error", 0.5),
    "mae": ("epsilon_insensitive", 1.0),
    "cross_entropy": ("log_loss", 1.0),
    "hinge": ("hinge", 1.0),
}
REAL = ("census2000", "randhie", "churn one-hot", "credit one-hot", "bank", "letter", "mnist")
REAL_BLOCKS = 20


def written(folder, rows, columns, form="npy", seed=0, piece=PIECE):
    """Write rows into files, each drawn with a seed of its own.

    Parameters
    ----------
    folder : str
    rows, columns : int
    form : {"npy", "parquet"}, default="npy"
    seed : int, default=0
    piece : int
        The bytes of a file, about.

    Returns
    -------
    int
        The bytes of all files.
    """
    slopes = np.random.default_rng(seed).standard_normal(columns) / np.sqrt(columns)
    step = max(1, piece // (8 * (columns + len(TARGETS))))
    for number, start in enumerate(range(0, rows, step)):
        rng = np.random.default_rng((seed, number))
        n = min(step, rows - start)
        table = np.empty((n, columns + len(TARGETS)))
        table[:, :columns] = rng.standard_normal((n, columns))
        raw = table[:, :columns] @ slopes
        table[:, columns] = raw + rng.standard_t(3, n)
        table[:, columns + 1] = rng.poisson(np.exp(0.5 * raw))
        table[:, columns + 2] = raw + rng.logistic(size=n) > 0
        _save(f"{folder}/part-{number}", table, columns, form)
    return sum(path.stat().st_size for path in Path(folder).iterdir())


def _save(name, table, columns, form):
    if form == "npy":
        np.save(f"{name}.npy", table)
        return
    import pyarrow
    import pyarrow.parquet

    names = [f"x{column}" for column in range(columns)] + list(TARGETS)
    arrays = [pyarrow.array(column) for column in table.T]
    pyarrow.parquet.write_table(pyarrow.table(arrays, names), f"{name}.parquet")


def source_of(folder, target, columns, form):
    """The source of the rows in a folder with one of the targets."""
    from sklearn_losses import blocks

    if form == "parquet":
        names = [f"x{column}" for column in range(columns)]
        return blocks.ParquetBlocks(f"{folder}/part-*.parquet", target=target, columns=names)
    place = columns + TARGETS.index(target)
    return blocks.NpyBlocks(f"{folder}/part-*.npy", target=place, columns=list(range(columns)))


def in_memory(source):
    """All rows of a source, as X and y."""
    X, y = np.empty(source.shape, source.dtype), np.empty(source.shape[0])
    start = 0
    for block in source.blocks():
        stop = start + len(block.y)
        X[start:stop], y[start:stop] = block.X, block.y
        start = stop
    return X, y


def estimator_of(loss):
    """Our estimator for a loss, with the penalty of the peers."""
    from sklearn_losses import LossClassifier, LossRegressor
    from sklearn_losses.losses import Quantile

    kind = LossClassifier if LOSSES[loss] == "class" else LossRegressor
    return kind(Quantile(LEVEL) if loss == "quantile" else loss, alpha=ALPHA)


def peak_mb():
    """The most memory that this process has had, in MB."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


class Clocks:
    """The time that has passed, on the clock and of the processor."""

    def __init__(self):
        self.start = time.perf_counter(), time.process_time()

    def since(self, before=(0.0, 0.0)):
        """Seconds since the beginning, on top of others."""
        now = time.perf_counter(), time.process_time()
        wall, cpu = (then + at - began for then, at, began in zip(before, now, self.start, strict=True))
        return {"seconds": wall, "cpu": cpu}


def fit_once(task):
    """One fit in this process.

    Parameters
    ----------
    task : dict
        ``loss``, ``folder``, ``columns``, ``form``, ``how`` ("files", "memory", "partial_fit"), and
        for "partial_fit" the ``objective`` of ours.

    Returns
    -------
    dict
        ``passes``, ``seconds``, ``cpu``, ``peak_mb`` (beyond the imports), ``objective``,
        ``converged``.
    """
    source = source_of(task["folder"], LOSSES[task["loss"]], task["columns"], task["form"])
    estimator = estimator_of(task["loss"])
    source.take([0])  # imports what the files need
    before = peak_mb()
    if task["how"] == "partial_fit":
        found = _by_partial_fit(source, **task)
    else:
        clocks = Clocks()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the table says whether a fit has converged
            given = in_memory(source) if task["how"] == "memory" else (source,)
            estimator.fit(*given)
        passes = getattr(estimator, "n_passes_", None)
        found = {"passes": passes, "objective": estimator.objective_, "converged": estimator.converged_, **clocks.since()}
    return {"peak_mb": peak_mb() - before, **found}


def _by_partial_fit(source, loss, objective, **task):
    """Passes of scikit-learn's `partial_fit`, until its objective is within 1e-6 of ours.

    The pass that computes its objective is not counted, and its time neither.
    """
    from sklearn.linear_model import SGDClassifier, SGDRegressor

    name, factor = PEERS[loss]
    classes = {"classes": np.array([0.0, 1.0])} if LOSSES[loss] == "class" else {}
    kind = SGDClassifier if classes else SGDRegressor
    more = {"epsilon": 0.0} if loss == "mae" else {}
    peer = kind(loss=name, alpha=factor * ALPHA, random_state=0, average=True, **more)
    ours = estimator_of(loss)._loss_spec()
    best, spent = np.inf, {"seconds": 0.0, "cpu": 0.0}
    passes = 0
    while passes < EPOCHS and best > objective + CLOSE * abs(objective):
        passes += 1
        clocks = Clocks()
        for block in source.blocks():
            peer.partial_fit(block.X, block.y, **classes)
        spent = clocks.since(spent.values())
        w, total = np.ravel(peer.coef_), 0.0
        for block in source.blocks():
            y = block.y.astype(int) if classes else block.y
            total += float(np.sum(ours.value(y, block.X @ w + peer.intercept_[0])))
        best = min(best, total / source.shape[0] + ALPHA / 2 * float(w @ w))
    return {"passes": passes, "objective": best, "converged": best <= objective + CLOSE * abs(objective), **spent}


def apart(task):
    """`fit_once` in a process of its own, on one thread."""
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    code = "import json, sys; from benchmarks.stream import fit_once; print(json.dumps(fit_once(json.load(sys.stdin))))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        env={**os.environ, **threads},
        cwd=Path(__file__).parents[1],
    )
    if done.returncode:
        raise RuntimeError(f"{task['loss']} by {task['how']} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def _line(loss, how, found, ours):
    passes = "" if found["passes"] is None else str(found["passes"])
    seconds = f"{found['seconds']:.2f}", f"{found['cpu']:.2f}"
    above = "" if found is ours else f"{found['objective'] / ours['objective'] - 1:.0e}"
    numbers = *seconds, f"{found['peak_mb']:.0f}", f"{found['objective']:.9g}", above
    return [loss, how, passes, *numbers, "yes" if found["converged"] else "no"]


def _print(cells):
    print(f"| {' | '.join(cells)} |", flush=True)


def free_bytes():
    """Memory that is free for use."""
    [line] = [line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable")]
    return int(line.split()[1]) * 1024


def compare(folder, losses, rows, columns, form, peers=False):
    """Print a table with up to three lines for each loss, and return its lines."""
    print(f"{rows} x {columns}, {written(folder, rows, columns, form) / 1e6:.0f} MB of {form} files\n")
    print(markdown(HEAD, []), flush=True)
    lines = []
    fits = 3 * 8 * rows * columns < free_bytes()  # the rows, and a standardised copy of them
    for loss in losses:
        task = {"loss": loss, "folder": str(folder), "columns": columns, "form": form}
        ours = apart({**task, "how": "files"})
        lines.append(_line(loss, "files", ours, ours))
        _print(lines[-1])
        more = [("memory", {})] * fits + [("partial_fit", {"objective": ours["objective"]})] * (peers and loss in PEERS)
        for how, given in more:
            lines.append(_line(loss, how, apart({**task, "how": how, **given}), ours))
            _print(lines[-1])
    return lines


def real():
    """The largest real sets from `.npy` files of their rows, and from memory."""
    from benchmarks.real_data import DATA

    _print(head := ("data set", "rows x columns", "loss", "passes", "difference of coefficients", "seconds", "in memory"))
    _print(["---"] * len(head))
    lines = []
    for task, sets in DATA.items():
        for name, load in sets.items():
            if name in REAL and not task.startswith("sparse"):
                lines += _of_set(name, task, load)
    return lines


def _of_set(name, task, load):
    from sklearn_losses import LossClassifier, LossRegressor
    from sklearn_losses.blocks import NpyBlocks

    data = load()
    fits = {"regression": [partial(LossRegressor, loss) for loss in ("mse", "mae", "huber")]}
    fits["counts"] = [*fits["regression"], partial(LossRegressor, "poisson")]
    fits["classes"] = fits["two classes"] = [partial(LossClassifier, loss) for loss in ("cross_entropy", "hinge")]
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for number, part in enumerate(np.array_split(np.column_stack([data.X, data.y]), 3)):
            np.save(f"{folder}/part-{number}.npy", part)
        source = NpyBlocks(f"{folder}/part-*.npy", target=-1, block_rows=len(data.X) // REAL_BLOCKS + 1)
        for make in fits[task]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ours, seconds = _timed(make(), source)
                held, in_memory = _timed(make(), data.X, data.y)
            difference = np.abs(ours.coef_ - held.coef_).max() / np.abs(held.coef_).max()
            size = " x ".join(f"{number:,}" for number in data.X.shape)
            numbers = [str(ours.n_passes_), f"{difference:.1e}", f"{seconds:.2f}", f"{in_memory:.2f}"]
            lines.append([name, size, make.args[0], *numbers])
            _print(lines[-1])
    return lines


def _timed(estimator, *given):
    start = time.process_time()
    return estimator.fit(*given), time.process_time() - start


def main(names=(), rows=1_000_000, columns=30, form="npy", peers=False):
    """Print the tables that the names ask for."""
    if "real" in names:
        return real()
    losses = [loss for loss in LOSSES if not names or loss in names]
    with tempfile.TemporaryDirectory() as folder:
        return compare(folder, losses, rows, columns, form, peers)
