"""Scores of the rows of a source: sums that are taken block by block."""

import warnings
from collections.abc import Callable
from functools import partial, reduce
from operator import iadd
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted

from sklearn_losses.blocks.predictions import by_block, check_columns, without_names
from sklearn_losses.blocks.rows import RowBlock, is_row_source
from sklearn_losses.core.validation import real_numbers, refuse_dates
from sklearn_losses.distributed import is_dask
from sklearn_losses.losses.regression import Quantile

__all__ = ["Accuracy", "MeanPinball", "RSquared", "Sums", "rows_of_source", "score_in_blocks", "targets_given"]


class Sums(Protocol):
    """What a score is made of, in sums over rows; ``+=`` adds those of other rows."""

    def __iadd__(self, other: Any, /) -> Self: ...

    def score(self) -> float:
        """The score of all rows that were added."""


SumsOf: TypeAlias = Callable[[NDArray[Any], NDArray[Any], NDArray[Any] | None], Sums]


def score_in_blocks(estimator: Any, X: Any, y: Any, sample_weight: Any, sums_of: SumsOf) -> float | None:
    """The score of a source, of which one block is in memory, or of Dask collections, where they
    are; None where X is an array.

    Parameters
    ----------
    estimator : estimator
    X : object
        The blocks of a source have targets.
    y, sample_weight : object
        As `score` was given them: a source has them, Dask collections come with them.
    sums_of : callable
        ``sums_of(y, predictions, weight)`` gives the sums over the rows of a block.
    """
    if is_dask(X):
        return _score_on_dask(estimator, X, y, sample_weight, sums_of)
    if not is_row_source(X):
        return None
    _refuse_given({"y": y, "sample_weight": sample_weight})
    return reduce(iadd, by_block(estimator, X, partial(_sums_of_block, sums_of))).score()


def _score_on_dask(estimator, X, y, sample_weight, sums_of):
    # Dask is imported here, once one of its collections is there.
    from sklearn_losses.distributed.collections import row_parts

    check_is_fitted(estimator)
    parts = row_parts(X, targets_given(y), sample_weight)
    check_columns(estimator, parts)
    return parts.total(partial(_sums_of_block, sums_of, without_names(estimator))).score()


def _sums_of_block(sums_of, estimator, block):
    y, weight = _targets_of(block)
    return sums_of(y, estimator.predict(block.X), weight)


def rows_of_source(estimator: Any, source: Any, **given: Any) -> RowBlock:
    """The predictions of a source as its X, with the targets, weights and queries of all rows.

    `given` is what `score` was given besides, by name: the source has it.
    """
    _refuse_given(given)
    pieces = list(by_block(estimator, source, lambda nameless, block: block._replace(X=nameless.predict(block.X))))
    _targets_of(pieces[0])
    fields = zip(*pieces, strict=True)
    return RowBlock(*(None if parts[0] is None else np.concatenate(parts) for parts in fields))


def targets_given(y: Any) -> Any:
    """The targets that `score` was given with an array of rows; ValueError where there are none."""
    if y is None:
        raise ValueError("score needs y, the true targets; only a source of row blocks has them with it.")
    return y


def _refuse_given(given):
    names = [name for name, values in given.items() if values is not None]
    if names:
        raise ValueError(f"X is a source of row blocks, which has {' and '.join(names)} with it; leave out {names[0]}=.")


def _targets_of(block):
    if block.y is None:
        raise ValueError(
            "A score needs targets, but the blocks of this source have none; name the target when you make the source."
        )
    weight = None if block.sample_weight is None else real_numbers(block.sample_weight, "sample_weight")
    return block.y, weight


class RSquared:
    """The mean R2 of one or more targets, as `sklearn.metrics.r2_score` has it.

    The sums of squares of blocks are put together around their means [1]_, so that nothing cancels
    where targets are far from 0.

    Parameters
    ----------
    y, predictions : ndarray of shape (n,) or (n, K)
    weight : ndarray of shape (n,), or None

    References
    ----------
    .. [1] Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The American
       Statistician 37 (1983), equation 2.1.
    """

    def __init__(self, y: NDArray[Any], predictions: NDArray[Any], weight: NDArray[Any] | None) -> None:
        refuse_dates(y, "y")
        y, predictions = (np.asarray(values, dtype=np.float64).reshape(len(values), -1) for values in (y, predictions))
        if y.shape[1] != predictions.shape[1]:
            raise ValueError(
                f"The targets of the source have {y.shape[1]} columns, but the predictions {predictions.shape[1]}."
            )
        if not np.all(np.isfinite(y)):
            raise ValueError("The targets of the source contain nan or infinity.")
        weight = np.ones(len(y)) if weight is None else weight
        self.rows, self.mass = len(y), float(weight.sum())
        mass = self.mass or 1.0
        self.mean = weight @ y / mass
        self.mean += weight @ (y - self.mean) / mass  # the digits that the first sum lost
        self.squares = weight @ (y - self.mean) ** 2
        self.residuals = weight @ (y - predictions) ** 2

    def __iadd__(self, other: "RSquared") -> Self:
        self.rows += other.rows
        if other.mass == 0:
            return self
        share = other.mass / (self.mass + other.mass)
        apart = other.mean - self.mean
        self.squares += other.squares + apart**2 * (self.mass * share)
        self.residuals += other.residuals
        self.mean, self.mass = self.mean + apart * share, self.mass + other.mass
        return self

    def score(self) -> float:
        if self.rows < 2:
            warnings.warn("R^2 score is not well-defined with less than two samples.", UndefinedMetricWarning, stacklevel=4)
            return float("nan")
        _check_mass(self.mass)
        of_targets = np.where(self.residuals == 0, 1.0, 0.0)  # where all targets are the same
        varied = self.squares > 0
        of_targets[varied] = 1 - self.residuals[varied] / self.squares[varied]
        return float(np.mean(of_targets))


class Accuracy:
    """The weighted share of labels that are right.

    Parameters
    ----------
    y, predictions : ndarray of shape (n,)
    weight : ndarray of shape (n,), or None
    """

    def __init__(self, y: NDArray[Any], predictions: NDArray[Any], weight: NDArray[Any] | None) -> None:
        self.mass = float(len(y) if weight is None else weight.sum())
        self.right = 0.0
        if self.mass > 0:
            self.right = float(accuracy_score(y, predictions, normalize=False, sample_weight=weight))

    def __iadd__(self, other: "Accuracy") -> Self:
        self.right, self.mass = self.right + other.right, self.mass + other.mass
        return self

    def score(self) -> float:
        _check_mass(self.mass)
        return self.right / self.mass


class MeanPinball:
    """Minus the mean pinball loss over rows and levels.

    Parameters
    ----------
    levels : ndarray of shape (K,)
    y : ndarray of shape (n,)
    predictions : ndarray of shape (n, K)
    weight : ndarray of shape (n,), or None
    """

    def __init__(self, levels: NDArray[Any], y: NDArray[Any], predictions: NDArray[Any], weight: NDArray[Any] | None) -> None:
        y = np.asarray(y, dtype=np.float64)
        weight = np.ones(len(y)) if weight is None else weight
        losses = zip(levels.tolist(), predictions.T, strict=True)
        self.loss = float(np.mean([weight @ Quantile(level).value(y, prediction) for level, prediction in losses]))
        self.mass = float(weight.sum())

    def __iadd__(self, other: "MeanPinball") -> Self:
        self.loss, self.mass = self.loss + other.loss, self.mass + other.mass
        return self

    def score(self) -> float:
        _check_mass(self.mass)
        return -self.loss / self.mass


def _check_mass(mass):
    if mass == 0:
        raise ValueError("The weights of the source are all zero.")
