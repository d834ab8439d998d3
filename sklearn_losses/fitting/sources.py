"""Rows that come in blocks, as a fit takes them.

From the first pass on each block is prepared as it is read: labels become codes, weights have mean
1, rows of weight 0 are left out. The targets of the fit are a digest of all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sklearn_losses.core.digest import quantile_table
from sklearn_losses.core.parts import Block, Parts, joined
from sklearn_losses.core.sample import chosen
from sklearn_losses.core.validation import check_weights, mean_one, with_weight
from sklearn_losses.fitting.classification import Classification, counted_classes, weight_of_classes
from sklearn_losses.fitting.first_pass import Form, Summary, first_pass
from sklearn_losses.fitting.regression import Regression
from sklearn_losses.fitting.rows import Rows

__all__ = ["in_memory", "labelled_parts", "prepared_parts", "regression_parts"]

FEW = 2**22  # entries of rows that are fitted in memory where they are fewer than the columns
SAMPLE = 20_000  # rows that stand for all of them where sums do not tell enough,
ENTRIES, LEAST = 2**23, 1000  # or so many that they have no more entries, but this number of rows


@dataclass(frozen=True)
class Prepare:
    """``raw block -> Block``: rows with a positive weight, as losses want them.

    Parameters
    ----------
    form : Form
    sparse : bool
        Whether blocks are sparse.
    factor : float or None
        What weights are multiplied by, so that their mean over all rows is 1; None where all are
        equal.
    classes, counted : ndarray, or None
        All labels, and the codes of those that the model tells apart.
    by_class : ndarray, or None
        The weight of each label.
    """

    form: Form
    sparse: bool
    factor: float | None
    classes: NDArray[Any] | None = None
    counted: NDArray[Any] | None = None
    by_class: NDArray[Any] | None = None

    def __call__(self, block: Any) -> Block:
        X, y, weight, _ = self.form.arrays(block)
        if self.sparse and not sparse.issparse(X):
            X = sparse.csr_matrix(X)
        if self.classes is not None:
            y, weight = self._coded(y, weight)
        X, y, weight = with_weight(weight, X, y)
        if self.counted is not None:
            y = np.searchsorted(self.counted, y).astype(np.intp, copy=False) if y.ndim == 1 else _of_counted(y, self.counted)
        elif y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        return Block(X, y, None if self.factor is None else weight * self.factor)

    def _coded(self, y, weight):
        codes = np.searchsorted(self.classes, y).clip(0, len(self.classes) - 1)
        if np.any((self.classes[codes] != y) & (True if weight is None else weight > 0)):
            raise ValueError(
                "y has other labels than in the first pass: blocks() of the source must give the same rows each time."
            )
        weight = np.ones(len(y)) if weight is None and self.factor is not None else weight
        return codes, weight if self.by_class is None else self.by_class[codes] * (1.0 if weight is None else weight)


def _of_counted(y, counted):
    """The probabilities of the classes that the model tells apart; of two, the second one's."""
    return y[:, counted[1]] if len(counted) == 2 else y[:, counted]


def prepared_parts(
    raw: Parts, prepare: Any, n_rows: int, summary: Summary, mass: Callable[[Any], float] = lambda _: 1.0
) -> Parts:
    """The blocks of a fit; each group of rows counts `mass` times in their moments."""
    parts = raw.map(prepare, (n_rows, raw.shape[1]))
    parts.sparse, parts.nnz = summary.sparse, summary.nnz
    pooled: Any = None
    for label, moments in summary.moments.items():
        factor = mass(label)
        if factor > 0:
            moments.mass *= factor
            if pooled is None:
                pooled = moments
            else:
                pooled += moments
    parts.moments = pooled.mean, pooled.deviation
    return parts


def in_memory(rows: Rows, most: int = SAMPLE) -> Rows:
    """A fixed sample of the rows, or all of them where there are no more than `most`, as arrays.

    Parameters
    ----------
    rows : Rows
        In parts; arrays are returned as they are.
    most : int, default=20000
    """
    parts = rows.X
    if not isinstance(parts, Parts):
        return rows
    most = min(most, max(ENTRIES // parts.shape[1], LEAST))
    share = min(1.0, most / parts.shape[0])
    blocks = [block for block in parts.each(_Sample(share)) if block is not None]
    sample = joined(blocks)
    return Rows(sample.X, sample.y, None if sample.weight is None else mean_one(sample.weight))


@dataclass(frozen=True)
class _Sample:
    """The rows of a block that are in a sample of this share of all, or None."""

    share: float

    def __call__(self, block):
        kept = np.flatnonzero(chosen(block.start + np.arange(block.X.shape[0]), self.share))
        return block.part(kept) if len(kept) else None


def _where_few(rows):
    """Rows that are fewer than the columns as arrays: their weights follow a basis of the rows."""
    n, p = rows.X.shape
    return in_memory(rows) if n < p and rows.X.nnz <= FEW and n <= SAMPLE else rows


def _factor(smallest, largest, n_rows, mass):
    """What makes the mean of the weights 1; None where they are equal."""
    return None if smallest == largest else n_rows / mass


def regression_parts(raw: Parts) -> tuple[Regression, Rows]:
    """The task and the rows of real targets in raw blocks.

    Parameters
    ----------
    raw : Parts
        Its blocks are tuples ``(X, y, sample_weight, qid)``, of which the last ones may be missing.
    """
    form, summary = first_pass(raw, labels=False)
    y, weight = quantile_table(summary.targets.digests)
    assert summary.shape is not None
    task = Regression(summary.shape)
    [moments] = summary.moments.values()
    factor = _factor(summary.smallest, summary.largest, summary.n_rows, moments.mass)
    parts = prepared_parts(raw, Prepare(form, summary.sparse, factor), summary.n_rows, summary)
    return task, _where_few(Rows(parts, y[:, 0] if y.shape[1] == 1 else y, weight))


def labelled_parts(
    raw: Parts, class_weight: Any, all_classes: NDArray[Any] | None = None, last: Classification | None = None
) -> tuple[Classification, Rows]:
    """The task and the rows of labels, or of probabilities of the classes, in raw blocks.

    Parameters
    ----------
    raw : Parts
        As for `regression_parts`.
    class_weight : dict, "balanced" or None
    all_classes : ndarray of shape (n_classes,), default=None
        All labels that will ever come, in order, where the rows are one batch of many.
    last : Classification, default=None
        The task of the last batch.
    """
    form, summary = first_pass(raw, labels=True, by_class=class_weight is not None)
    streaming = all_classes is not None
    if summary.shape != ():
        return _soft_parts(raw, form, summary, class_weight, streaming, last)
    found = summary.targets if all_classes is None else summary.targets.among(all_classes)
    classes, by_class, smallest, largest = found.labels, None, summary.smallest, summary.largest
    present, mass = found.count > 0, found.mass
    if class_weight is not None:
        by_class = weight_of_classes(class_weight, classes, found.count)
        check_weights(by_class[present], int(np.count_nonzero(present)), "class_weight")
        present, mass = present & (by_class > 0), mass * by_class
        if smallest == largest and np.ptp(by_class[present]) > 0:
            largest = np.inf
    counted = counted_classes(present, classes, streaming, last)
    n_rows = int(found.count[counted].sum())
    factor = _factor(smallest, largest, n_rows, mass.sum())
    places = dict(zip(classes.tolist(), np.ones(len(classes)) if by_class is None else by_class, strict=True))
    prepare = Prepare(form, summary.sparse, factor, classes, counted, by_class)
    parts = prepared_parts(raw, prepare, n_rows, summary, lambda label: places.get(label, 1.0))
    codes = np.flatnonzero(present[counted])
    shares = mass[counted][codes]
    rows = Rows(parts, codes, shares * (len(codes) / shares.sum()))
    return Classification(classes, counted), _where_few(rows)


def _soft_parts(raw, form, summary, class_weight, streaming, last):
    if class_weight is not None:
        raise ValueError("class_weight cannot be used with soft labels (probabilities of the classes); use sample_weight.")
    found = summary.targets
    classes = np.arange(len(found.mass))
    counted = counted_classes(found.present, classes, streaming, last)
    [moments] = summary.moments.values()
    factor = _factor(summary.smallest, summary.largest, summary.n_rows, moments.mass)
    parts = prepared_parts(raw, Prepare(form, summary.sparse, factor, None, counted), summary.n_rows, summary)
    shares = found.mass[counted]
    y = np.eye(len(counted))
    y = y[:, 1] if len(counted) == 2 else y
    return Classification(classes, counted), _where_few(Rows(parts, y, shares * (len(counted) / shares.sum())))
