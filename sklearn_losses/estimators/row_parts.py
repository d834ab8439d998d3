"""X as a source of row blocks: the one test on entry, and the parts that a fit reads."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_losses.blocks import ArrayBlocks, checked_blocks, is_row_source, place_of
from sklearn_losses.blocks.predictions import check_columns
from sklearn_losses.core.limits import MAPPED_BYTES
from sklearn_losses.core.parts import LocalParts, Parts
from sklearn_losses.distributed import is_dask

__all__ = ["raw_parts"]


def raw_parts(estimator: Any, X: Any, y: Any, *, first: bool = True, **others: Any) -> Parts | None:
    """The rows of a fit in raw blocks; None where X holds them all, as an array does.

    Parameters
    ----------
    estimator : estimator
        Whose attributes `n_features_in_` and `feature_names_in_` are set.
    X : object
    y : array-like or None
    first : bool, default=True
        Else the columns must be those of the last fit, which goes on.
    **others : dict
        What else the fit was given for each row, by name.
    """
    given = {name: values for name, values in {"y": y, **others}.items() if values is not None}
    parts: Parts
    if is_dask(X):
        parts = _dask_parts(X, given)
    elif is_row_source(X):
        parts = _source_parts(X, given)
    elif _is_large_map(X) and given.keys() <= {"y", "sample_weight"}:
        parts = SourceParts(ArrayBlocks(X, **given))
    else:
        return None
    if not first:
        check_columns(estimator, parts)
        return parts
    estimator.n_features_in_ = parts.shape[1]
    vars(estimator).pop("feature_names_in_", None)
    if parts.feature_names is not None:
        estimator.feature_names_in_ = _names(parts.feature_names, parts.shape[1])
    return parts


def _is_large_map(X: Any) -> bool:
    """Whether X is a memory map whose rows a fit should not bring into memory."""
    return isinstance(X, np.memmap) and X.ndim == 2 and X.dtype.kind in "fiu" and X.nbytes >= MAPPED_BYTES


def _dask_parts(X: Any, given: dict[str, Any]) -> Parts:
    # Dask is imported here, once one of its collections is there.
    from sklearn_losses.distributed.collections import row_parts

    if "y" not in given:
        raise ValueError("X is a Dask collection, so fit needs y, a Dask array or series with the partitions of X.")
    _refuse_cost(given, "a Dask collection")
    return row_parts(X, **given)


def _source_parts(X: Any, given: dict[str, Any]) -> Parts:
    _refuse_cost(given, "a source of row blocks")
    if given:
        raise ValueError(
            f"X is a source of row blocks, so fit takes no {' and no '.join(given)}. Targets, weights and queries come from "
            "the source, as (X, y, sample_weight, qid) in each of its blocks."
        )
    return SourceParts(X)


def _refuse_cost(given: dict[str, Any], what: str) -> None:
    if "cost" in given:
        raise ValueError(
            f"cost= needs X in memory, but X is {what}; use a loss with a matrix, such as CostSensitive(loss, matrix)."
        )


class SourceParts(LocalParts):
    """The blocks of a source as it gives them.

    Parameters
    ----------
    source : object
        With `shape`, `dtype` and `blocks()`, see `sklearn_losses.blocks`.
    """

    def __init__(self, source: Any) -> None:
        shape, dtype = (getattr(source, name, None) for name in ("shape", "dtype"))
        try:
            n_rows, n_features = map(int, shape)  # type: ignore[arg-type]  # None says so below
            super().__init__(self._blocks, (n_rows, n_features), dtype)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"A source of row blocks must have a shape, (n_rows, n_features), and a dtype, float64 or float32. Got "
                f"{shape!r} and {dtype!r}."
            ) from error
        if n_features < 1:
            raise ValueError(f"A source of row blocks needs at least one column. Got shape {shape!r}.")
        self.source, self.feature_names = source, getattr(source, "feature_names", None)
        if hasattr(source, "n_blocks"):
            self.in_random_order = self._blocks_at_random

    def _blocks(self) -> Iterator[Any]:
        # By their numbers, where they have some, which stay the same in another order.
        return checked_blocks(self.source, np.arange(self.source.n_blocks) if self.in_random_order else None)

    def _blocks_at_random(self, rng: Any) -> Iterator[tuple[int, Any]]:
        draw = getattr(self.source, "shuffled", None)
        order = rng.permutation(self.source.n_blocks) if draw is None else draw(rng)
        with closing(checked_blocks(self.source, order)) as blocks:
            for number in order.tolist():
                yield number, next(blocks)

    def where(self, row: int) -> str:
        place = place_of(self.source, row)
        return place[:1].upper() + place[1:]


def _names(names: Sequence[Any], n_features: int) -> NDArray[Any]:
    if len(names) != n_features or not all(isinstance(name, str) for name in names):
        raise ValueError(f"feature_names of a source must be {n_features} strings, one for each column. Got {names!r}.")
    return np.asarray(names, dtype=object)
