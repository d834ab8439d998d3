"""The results on real data as a CSV file, a summary of it by loss, and the README's table by kind.

The documentation shows the files, and ``python -m benchmarks real --write`` makes them. A run of
some of the problems replaces their lines and leaves the others.
"""

import csv
import re
from importlib.metadata import version
from pathlib import Path
from statistics import median

__all__ = ["HEAD", "KINDS", "by_kind", "cells", "markdown", "merged", "summary", "write"]

ROOT = Path(__file__).parents[1]
HEAD = (
    "data set",
    "loss",
    "rows x columns",
    "ours (s)",
    "peer (s)",
    "ours / peer",
    "won",
    "peer",
    "objective",
    "of the peer",
    "MB",
    "MB, peer",
)
SUMMARY = ("loss", "problems", "won", "median of ours / peer", "worst", "on")
SHORT = ("losses", "problems", "no slower", "median of ours / peer")
# The rows of the README's table, and the losses of which each is made; the last one has the others.
KINDS = {
    "`mae`, `quantile`, `huber`": ("mae", "quantile 0.9", "huber"),
    "`mse`, `poisson`, `gamma`": ("mse", "poisson", "gamma"),
    "regression with an L1 penalty": ("lasso", "elastic net", "huber + L1"),
    "two classes": ("cross_entropy", "squared_hinge", "hinge", "L1 cross_entropy"),
    "several classes": (),
}
BEGIN, END = "<!-- real data: begin -->", "<!-- real data: end -->"


def _seconds(value, done, warned):
    return f"{'' if done else '> '}{value:.3g}{' W' if warned else ''}"


def cells(row):
    """A result of `benchmarks.real.measure` as one line of the file.

    W: did not converge. "worse": our objective is worse than the peer's by more than the criterion
    allows. "short": the peer's is worse than the optimum by more than that, and none of its
    tolerances does better. "other": the peer's objective is another one.
    """
    name, loss = row["name"].rsplit("/", 1)
    mb = ["" if peak is None else f"{peak:.1f}" for peak in row["peak_mb"]]
    peer = row["peer"] if row["tolerance"] is None else f"{row['peer']}, tol={row['tolerance']:g}"
    ours, theirs = (f"{value:.7g}" for value in row["objective"])
    return [
        name,
        loss,
        row["shape"],
        *(_seconds(*side) for side in zip(row["seconds"], row["done"], row["warned"], strict=True)),
        f"{row['ratio']:.2g}",
        "yes" if row["won"] else "no",
        peer,
        ours if row["close"] else f"{ours} worse",
        ("other" if not row["same"] else theirs if row["reached"] else f"{theirs} short"),
        *mb,
    ]


def summary(lines):
    """Lines of the file by loss: how many problems, how many won, median and worst ratio."""
    found = []
    for loss in dict.fromkeys(line[1] for line in lines):
        of = [line for line in lines if line[1] == loss]
        ratios = {line[0]: float(line[5]) for line in of}
        worst = max(ratios, key=ratios.get)
        title = f"{loss} (time alone)" if of[0][9] == "other" else loss
        won = sum(line[6] == "yes" for line in of)
        found.append([title, str(len(of)), str(won), f"{median(ratios.values()):.2g}", f"{ratios[worst]:.2g}", worst])
    return found


def by_kind(lines):
    """Lines of the file by kind of loss: how many problems, how many won, the median ratio."""
    kind_of = {loss: kind for kind, losses in KINDS.items() for loss in losses}
    *_, other = KINDS
    found = []
    for kind in KINDS:
        of = [line for line in lines if kind_of.get(line[1], other) == kind]
        if of:
            won = sum(line[6] == "yes" for line in of)
            found.append([kind, str(len(of)), str(won), f"{median(float(line[5]) for line in of):.2g}"])
    return found


def markdown(head, lines):
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *lines))


def merged(old, new):
    """The old lines, those of the same problem replaced; further ones at the end."""
    fresh = {tuple(line[:2]): line for line in new}
    kept = [fresh.pop(tuple(line[:2]), line) for line in old]
    return kept + list(fresh.values())


def _read(path):
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


def _save(path, head, lines):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *lines])


def write(lines, root=ROOT, order=None):
    """Write the lines to ``docs/real_data.csv``, the summary, and the README's table.

    Parameters
    ----------
    lines : list of list of str
        From `cells`.
    root : Path
        Of the repository.
    order : list of (str, str), default=None
        Data set and loss of all problems; lines of others are left out. None keeps all.

    Returns
    -------
    list of list of str
        All lines of the file.
    """
    path = root / "docs" / "real_data.csv"
    lines = merged(_read(path), lines)
    if order is not None:
        rank = {problem: place for place, problem in enumerate(order)}
        lines = sorted((line for line in lines if tuple(line[:2]) in rank), key=lambda line: rank[tuple(line[:2])])
    _save(path, HEAD, lines)
    _save(root / "docs" / "real_data_summary.csv", SUMMARY, summary(lines))
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8")
    inner = f"{BEGIN}\n{markdown(SHORT, by_kind(lines))}\n{END}"
    readme.write_text(re.sub(f"{BEGIN}.*?{END}", lambda _: inner, text, flags=re.DOTALL), encoding="utf-8")
    return lines


def versions():
    """The versions of the packages that were measured."""
    return ", ".join(f"{name} {version(name)}" for name in ("scikit-learn", "skglm", "numpy", "scipy"))
