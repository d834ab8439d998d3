"""What one pass over raw blocks of rows tells: all that a fit has to know before its first step.

It finds what is wrong with the rows, how many of them have a weight, the sum of the weights, the
moments of the columns, the classes, and the distribution of the targets.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.multiclass import check_classification_targets

from sklearn_losses.core.digest import Digest
from sklearn_losses.core.parts import Parts
from sklearn_losses.core.pooled_moments import PooledMoments
from sklearn_losses.core.validation import ROWS, real_numbers, refuse_dates, row_not_finite
from sklearn_losses.fitting.classification import check_soft, not_in_classes

__all__ = ["Form", "Summarise", "Summary", "check", "fault", "first_pass", "total_of"]

Raw = tuple[Any, Any, NDArray[Any] | None, Any]


class Form(NamedTuple):
    """What the arrays of each block are made.

    Parameters
    ----------
    dtype : dtype
    labels : bool
        Targets are labels, not numbers.
    """

    dtype: np.dtype[Any]
    labels: bool

    def arrays(self, block: Any) -> Raw:
        """The X, y, weights and query numbers of a raw block."""
        X, y, weight, qid = (*block, None, None, None)[:4]
        if X.dtype != self.dtype:
            X = X.astype(self.dtype)
        if y is None:
            raise ValueError("The rows have no targets: a source for fit must give y with X.")
        return X, self._targets(y), None if weight is None else real_numbers(weight, "sample_weight"), qid

    def _targets(self, y):
        refuse_dates(y, "y")
        if self.labels and y.ndim == 2 and y.shape[1] == 1:
            return y[:, 0]
        if self.labels and y.ndim == 1:
            return y
        if y.dtype.kind in "US" or (y.dtype.kind == "O" and any(isinstance(label, str) for label in y.ravel())):
            raise ValueError("LossRegressor needs numbers in y, but y has text; use LossClassifier for labels.")
        return real_numbers(y, "y")


class Labels:
    """The labels of rows: how many rows each has, and the sum of their weights; ``+=`` adds.

    Parameters
    ----------
    labels : ndarray of shape (k,)
    count, mass : ndarray of shape (k,)
        Of the rows with a positive weight.
    """

    def __init__(self, labels: NDArray[Any], count: NDArray[Any], mass: NDArray[Any]) -> None:
        self.labels, self.count, self.mass = labels, count, mass

    @classmethod
    def of(cls, y: NDArray[Any], weight: NDArray[Any]) -> Self:
        """The labels of some rows."""
        labels, codes = np.unique(y, return_inverse=True)
        check_classification_targets(labels)
        count, mass = (np.bincount(codes, weights=part, minlength=len(labels)) for part in (weight > 0, weight))
        return cls(labels, count, mass)

    def among(self, classes: NDArray[Any]) -> "Labels":
        """The counts of these labels, in order; ValueError where rows with a weight have others."""
        places = np.searchsorted(classes, self.labels).clip(0, len(classes) - 1)
        known = classes[places] == self.labels
        unseen = self.labels[~known & (self.count > 0)]
        if len(unseen):
            raise ValueError(not_in_classes(unseen))
        count, mass = (np.bincount(places[known], part[known], len(classes)) for part in (self.count, self.mass))
        return Labels(classes, count, mass)

    def __iadd__(self, other: "Labels") -> Self:
        if (self.labels.dtype.kind in "OUS") != (other.labels.dtype.kind in "OUS"):
            raise ValueError("Some blocks have text as labels in y, and some have numbers.")
        self.labels, codes = np.unique(np.concatenate([self.labels, other.labels]), return_inverse=True)
        pairs = ((self.count, other.count), (self.mass, other.mass))
        self.count, self.mass = (np.bincount(codes, weights=np.concatenate(pair)) for pair in pairs)
        return self


class SoftLabels:
    """Probabilities of classes: which are above 0, and their weighted sums; ``+=`` adds."""

    def __init__(self, present: NDArray[Any], mass: NDArray[Any]) -> None:
        self.present, self.mass = present, mass

    @classmethod
    def of(cls, y: NDArray[Any], weight: NDArray[Any]) -> Self:
        """The probabilities of some rows."""
        check_soft(y)
        return cls(np.any(y[weight > 0] > 0, axis=0), weight @ y)

    def __iadd__(self, other: "SoftLabels") -> Self:
        self.present, self.mass = self.present | other.present, self.mass + other.mass
        return self


class Targets:
    """The distributions of one or more real targets; ``+=`` adds."""

    def __init__(self, digests: list[Digest]) -> None:
        self.digests = digests

    @classmethod
    def of(cls, y: NDArray[Any], weight: NDArray[Any]) -> Self:
        """The distributions of the targets of some rows."""
        kept = weight > 0
        return cls([Digest.of(target[kept], weight[kept]) for target in (y.T if y.ndim == 2 else y[None])])

    def __iadd__(self, other: "Targets") -> Self:
        for digest, more in zip(self.digests, other.digests, strict=True):
            digest += more
        return self


class Fault(NamedTuple):
    """What is wrong with a row, and its number among those that were read."""

    row: int
    sentence: str


class Summary:
    """What a pass tells of raw blocks; ``+=`` adds that of the blocks that follow.

    Attributes
    ----------
    n_read, n_rows : int
        All rows, and those with a positive weight.
    nnz, sparse : int, bool
        The entries that are stored, and whether they are sparse in a block.
    smallest, largest : float
        Of the positive weights.
    shape : tuple of int or None
        Of a row's targets.
    targets : Labels, SoftLabels, Targets or None
    moments : dict of PooledMoments
        Of the columns; by label where the classes get weights of their own.
    fault : Fault or None
        The first one.
    """

    def __init__(self, n_read: int = 0, fault: Fault | None = None) -> None:
        self.n_read, self.fault, self.n_rows, self.nnz, self.sparse = n_read, fault, 0, 0, False
        self.smallest, self.largest = np.inf, 0.0
        self.shape: tuple[int, ...] | None = None
        self.targets: Any = None
        self.moments: dict[Any, PooledMoments] = {}

    def __iadd__(self, other: "Summary") -> Self:
        if self.fault is None and other.fault is not None:
            self.fault = other.fault._replace(row=other.fault.row + self.n_read)
        elif self.fault is None and None not in (self.shape, other.shape) and self.shape != other.shape:
            self.fault = Fault(self.n_read, f"has y of shape {other.shape}, and the rows before it of shape {self.shape}")
        self.n_read += other.n_read
        if self.fault is not None or other.n_read == 0:
            return self
        self.n_rows, self.nnz, self.sparse = self.n_rows + other.n_rows, self.nnz + other.nnz, self.sparse or other.sparse
        self.smallest, self.largest = min(self.smallest, other.smallest), max(self.largest, other.largest)
        self.shape = other.shape
        if self.targets is None:
            self.targets = other.targets
        elif other.targets is not None:
            self.targets += other.targets
        for label, more in other.moments.items():
            if label in self.moments:
                self.moments[label] += more
            else:
                self.moments[label] = more
        return self


@dataclass(frozen=True)
class Summarise:
    """``raw block -> Summary``.

    Parameters
    ----------
    form : Form
    by_class : bool, default=False
        The moments are asked for class by class.
    """

    form: Form
    by_class: bool = False

    def __call__(self, block: Any) -> Summary:
        return self.of_arrays(*self.form.arrays(block)[:3])

    def of_arrays(self, X: Any, y: NDArray[Any], weight: NDArray[Any] | None) -> Summary:
        """What some rows tell."""
        n = X.shape[0]
        found = fault(X, y, weight)
        summary = Summary(n, found)
        if found is not None or n == 0:
            return summary
        given, weight = weight, np.ones(n) if weight is None else weight
        kept = weight > 0
        summary.sparse, summary.nnz = sparse.issparse(X), X.nnz if sparse.issparse(X) else X.size
        summary.n_rows, summary.shape = int(np.count_nonzero(kept)), y.shape[1:]
        kind: Any = Targets if not self.form.labels else (Labels if y.ndim == 1 else SoftLabels)
        if kind is Targets and not summary.n_rows:
            return summary
        summary.targets = kind.of(y, weight)
        if summary.n_rows:
            summary.smallest, summary.largest = weight[kept].min(), weight.max()
            self._add_moments(summary, X, y, given, kept)
        return summary

    def _add_moments(self, summary, X, y, weight, kept):
        groups = [(None, kept)]
        if self.by_class:
            groups = [(label, kept & (y == label)) for label in summary.targets.labels.tolist()]
        for label, rows in groups:
            if np.all(rows):
                summary.moments[label] = PooledMoments.of(X, weight)
            elif np.any(rows):
                summary.moments[label] = PooledMoments.of(X[rows], None if weight is None else weight[rows])


def fault(X: Any, y: NDArray[Any], weight: NDArray[Any] | None) -> Fault | None:
    """The first row with an entry that is no finite number or a negative weight, or None."""
    found = []
    array: Any
    for name, array in (("X", X), ("y", y), ("sample_weight", weight)):
        if array is None or array.dtype.kind != "f":
            continue
        row = row_not_finite(array)
        if row is None:
            continue
        what = "nan" if np.isnan(array[row].sum()) else "infinity"
        found.append(Fault(row, f"has {what} in {name}"))
    if weight is not None and np.any(weight < 0):
        found.append(Fault(int(np.argmax(weight < 0)), "has a negative sample_weight; a weight of 0 leaves a row out"))
    return min(found, default=None, key=lambda fault: fault.row)


def first_pass(raw: Parts, labels: bool, by_class: bool = False) -> tuple[Form, Summary]:
    """The form of raw blocks, and what a pass tells of them.

    Parameters
    ----------
    raw : Parts
    labels : bool
        Targets are labels, not numbers.
    by_class : bool, default=False
        The moments of the columns are asked for class by class.

    Raises
    ------
    ValueError
        Where something is wrong with the rows.
    """
    form = Form(np.dtype(raw.dtype), labels)
    if form.dtype not in ROWS:
        raise ValueError(f"The dtype of a source of rows must be float64 or float32. Got {form.dtype}.")
    summary = total_of(raw, Summarise(form, by_class))
    check(raw, summary)
    if summary.n_rows == 0:
        raise ValueError("sample_weight must contain a weight above zero, but all weights are zero.")
    return form, summary


def total_of(raw: Parts, function: Any) -> Any:
    """The sum of what a function gives for the raw blocks; ValueError where there is no row."""
    if raw.shape[0] == 0:
        raise ValueError("The source of rows has no rows.")
    return raw.total(function)


def check(raw: Parts, summary: Summary) -> None:
    """Raise ValueError for the first row that is wrong, if there is one."""
    if summary.fault is not None:
        raise ValueError(f"{raw.where(summary.fault.row)} {summary.fault.sentence}.")
