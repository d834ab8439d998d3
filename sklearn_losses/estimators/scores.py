"""Scores of the rows of a source: sums that are taken block by block."""

import warnings
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import accuracy_score

from sklearn_losses.blocks.predictions import by_block
from sklearn_losses.blocks.rows import RowBlock
from sklearn_losses.core.validation import real_numbers, refuse_dates
from sklearn_losses.losses.regression import Quantile

__all__ = ["Accuracy", "MeanPinball", "RSquared", "Sums", "rows_of_source", "score_of_source", "targets_given"]


class Sums(Protocol):
    """What a score adds up."""

    def add(self, y: NDArray[Any], predictions: NDArray[Any], weight: NDArray[Any] | None) -> None:
        """Add the rows of a block; a weight of None is 1."""

    def score(self) -> float:
        """The score of all rows that were added."""


def score_of_source(estimator: Any, source: Any, make: Callable[[], Sums], **given: Any) -> float:
    """The score of a source, of which one block is in memory.

    Parameters
    ----------
    estimator : estimator
    source : RowSource
        Its blocks have targets.
    make : callable
        Makes the sums.
    **given : object
        What `score` was given besides, by name: the source has it.
    """
    _refuse_given(given)
    sums = make()

    def predicted(nameless, block):
        y, weight = _targets_of(block)
        sums.add(y, nameless.predict(block.X), weight)

    for _ in by_block(estimator, source, predicted):
        pass
    return sums.score()


def rows_of_source(estimator: Any, source: Any, **given: Any) -> RowBlock:
    """The predictions of a source as its X, with the targets, weights and queries of all rows.

    Parameters are those of `score_of_source`.
    """
    _refuse_given(given)
    pieces = list(by_block(estimator, source, lambda nameless, block: block._replace(X=nameless.predict(block.X))))
    _targets_of(pieces[0])
    fields = zip(*pieces, strict=True)
    return RowBlock(*(None if parts[0] is None else np.concatenate(parts) for parts in fields))


def targets_given(y: Any) -> Any:
    """The targets that `score` was given with an array of rows; ValueError where there are none."""
    if y is None:
        raise ValueError("score needs y, the targets of the rows; only a source of row blocks has them with it.")
    return y


def _refuse_given(given):
    names = [name for name, values in given.items() if values is not None]
    if names:
        raise ValueError(f"X is a source of row blocks, which has {' and '.join(names)} with it; leave {names[0]}= out.")


def _targets_of(block):
    if block.y is None:
        raise ValueError("The blocks of this source have no targets, which a score needs; name the target of the source.")
    weight = None if block.sample_weight is None else real_numbers(block.sample_weight, "sample_weight")
    return block.y, weight


class RSquared:
    """The mean R2 of one or more targets, as `sklearn.metrics.r2_score` has it.

    The sums of squares of blocks are put together around their means [1]_, so that nothing cancels
    where targets are far from 0.

    References
    ----------
    .. [1] Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The American
       Statistician 37 (1983), equation 2.1.
    """

    def __init__(self) -> None:
        self.rows, self.mass = 0, 0.0
        self.mean: Any = 0.0
        self.squares: Any = 0.0  # of the targets, around their mean
        self.residuals: Any = 0.0

    def add(self, y: NDArray[Any], predictions: NDArray[Any], weight: NDArray[Any] | None) -> None:
        refuse_dates(y, "y")
        y, predictions = (np.asarray(values, dtype=np.float64).reshape(len(values), -1) for values in (y, predictions))
        if y.shape[1] != predictions.shape[1]:
            raise ValueError(f"The targets of the source have {y.shape[1]} columns, and predictions {predictions.shape[1]}.")
        if not np.all(np.isfinite(y)):
            raise ValueError("The targets of the source contain nan or infinity.")
        weight = np.ones(len(y)) if weight is None else weight
        self.rows, mass = self.rows + len(y), float(weight.sum())
        if mass == 0:
            return
        mean = weight @ y / mass
        mean += weight @ (y - mean) / mass  # the digits that the first sum lost
        share = mass / (self.mass + mass)
        apart = mean - self.mean
        self.squares = self.squares + weight @ (y - mean) ** 2 + apart**2 * (self.mass * share)
        self.residuals = self.residuals + weight @ (y - predictions) ** 2
        self.mean, self.mass = self.mean + apart * share, self.mass + mass

    def score(self) -> float:
        if self.rows < 2:
            warnings.warn("R^2 score is not well-defined with less than two samples.", UndefinedMetricWarning, stacklevel=4)
            return float("nan")
        if self.mass == 0:
            raise ValueError("The weights of the source are all zero.")
        of_mean = np.where(self.residuals == 0, 1.0, 0.0)  # where all targets are the same
        varied = self.squares > 0
        of_mean[varied] = 1 - self.residuals[varied] / self.squares[varied]
        return float(np.mean(of_mean))


class Accuracy:
    """The weighted share of labels that are right."""

    def __init__(self) -> None:
        self.right, self.mass = 0.0, 0.0

    def add(self, y: NDArray[Any], predictions: NDArray[Any], weight: NDArray[Any] | None) -> None:
        mass = len(y) if weight is None else float(weight.sum())
        if mass > 0:
            self.right += float(accuracy_score(y, predictions, normalize=False, sample_weight=weight))
            self.mass += mass

    def score(self) -> float:
        if self.mass == 0:
            raise ValueError("The weights of the source are all zero.")
        return self.right / self.mass


class MeanPinball:
    """Minus the mean pinball loss over rows and levels.

    Parameters
    ----------
    levels : sequence of float
    """

    def __init__(self, levels: NDArray[Any]) -> None:
        self.losses, self.loss, self.mass = [Quantile(level) for level in levels.tolist()], 0.0, 0.0

    def add(self, y: NDArray[Any], predictions: NDArray[Any], weight: NDArray[Any] | None) -> None:
        y = np.asarray(y, dtype=np.float64)
        weight = np.ones(len(y)) if weight is None else weight
        losses = zip(self.losses, predictions.T, strict=True)
        self.loss += sum(float(weight @ loss.value(y, prediction)) for loss, prediction in losses)
        self.mass += float(weight.sum())

    def score(self) -> float:
        if self.mass == 0:
            raise ValueError("The weights of the source are all zero.")
        return -self.loss / (self.mass * len(self.losses))
