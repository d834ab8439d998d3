"""Dask arrays and dataframes as rows of a fit.

Each partition of rows becomes one block. It is computed where a worker of the active client has it,
or will have it; without a client, by Dask's scheduler in this process, one block after the other in
each pass.
"""

from collections.abc import Iterator
from math import isnan
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_losses.blocks.rows import RowBlock
from sklearn_losses.core.parts import LocalParts, Parts
from sklearn_losses.distributed import is_dask
from sklearn_losses.distributed.holder import BlockFacts
from sklearn_losses.distributed.holders import Holders
from sklearn_losses.distributed.parts import DaskParts
from sklearn_losses.distributed.queries import with_whole_queries

__all__ = ["active_client", "check_columns", "is_array", "is_frame", "is_table", "of_whole_rows", "partitions_of", "row_parts"]


def is_array(X: Any) -> bool:
    """Whether a Dask collection is an array."""
    return type(X).__module__.startswith("dask.array")


def is_frame(X: Any) -> bool:
    """Whether a Dask collection is a dataframe or a series."""
    return type(X).__module__.startswith(("dask.dataframe", "dask_expr"))


def is_table(X: Any) -> bool:
    """Whether a Dask collection is a dataframe, with columns."""
    return is_frame(X) and X.ndim == 2


def active_client(collection: Any) -> Any:
    """The client that computes a collection; None where Dask computes in this process.

    It is the one that ``collection.compute()`` would take.
    """
    from dask.base import get_scheduler

    get = get_scheduler(collections=[collection])
    client = getattr(get, "__self__", None)
    return client if hasattr(client, "scheduler_info") else None


def row_parts(X: Any, y: Any = None, sample_weight: Any = None, qid: Any = None) -> Parts:
    """The rows of Dask collections in parts, whose blocks are `RowBlock`.

    Parameters
    ----------
    X : dask array or dask dataframe of shape (n, p)
        In chunks of rows; chunks of columns are put together.
    y : dask array, series or dataframe of shape (n,) or (n, K), default=None
        With the partitions of X. An array or a series in memory is cut like X, where the sizes of
        the partitions are known.
    sample_weight, qid : dask array or series of shape (n,), default=None
        Likewise.
    """
    columns, names = partitions_of(X)
    lengths = _lengths(X)
    given = {"y": y, "sample_weight": sample_weight, "qid": qid}
    others = {name: _like(X, values, name, len(columns), lengths) for name, values in given.items() if values is not None}
    blocks = _row_blocks(columns, others)
    client = active_client(X)
    if qid is not None:
        blocks = with_whole_queries(blocks, others["qid"], client)
    if client is None:
        return _local(blocks, names)
    parts = DaskParts.of(Holders(client, blocks, _places(client, X, columns)))
    parts.feature_names = names
    _check_facts(parts.facts)
    return parts


def partitions_of(X: Any) -> tuple[list[Any], list[str] | None]:
    """Each partition of the rows of X as a `Delayed`, and the names of the columns of a frame."""
    if is_array(X):
        return list(of_whole_rows(X).to_delayed().ravel()), None
    if is_table(X):
        check_columns(X)
        names = list(X.columns)
        return list(X.to_delayed()), names if all(isinstance(name, str) for name in names) else None
    raise TypeError(f"X must be a Dask array or a Dask dataframe. Got {type(X).__module__}.{type(X).__name__}.")


def of_whole_rows(X: Any) -> Any:
    """A dask array whose chunks have all columns; ValueError where it is no array of rows."""
    if X.ndim != 2:
        raise ValueError(f"X must have shape (n_samples, n_features). Got a Dask array of {X.ndim} dimensions.")
    if isnan(X.shape[1]):
        raise ValueError("X must have a known number of columns; call X.compute_chunk_sizes() first.")
    if X.dtype.kind not in "biuf":
        raise ValueError(f"X must hold real numbers. Got a Dask array of {X.dtype}.")
    if X.numblocks[1] > 1:
        X = X.rechunk({1: -1})
    return X


def check_columns(X: Any) -> None:
    """Raise ValueError where a column does not hold real numbers."""
    bad = [f"{name!r} ({dtype})" for name, dtype in X.dtypes.items() if not _is_real(dtype)]
    if bad:
        raise ValueError(
            f"All columns must hold real numbers. Got {', '.join(bad[:5])}{', ...' if len(bad) > 5 else ''}; "
            "turn categories into columns of 0 and 1 with dask.dataframe.get_dummies, or drop these columns."
        )


def _is_real(dtype):
    kind = getattr(dtype, "kind", "O")
    return kind in "biuf"


def _lengths(X):
    """The number of rows of each partition; None where they are not known."""
    if is_array(X) and not any(isnan(size) for size in X.chunks[0]):
        return X.chunks[0]
    return None


def _like(X, values, name, count, lengths):
    """Targets, weights or ids as a `Delayed` for each partition of X."""
    if not is_dask(values):
        if lengths is None:
            raise ValueError(
                f"{name} is in memory and cannot be cut like X, because the sizes of the partitions of X are not known; "
                f"pass {name} as a Dask collection with the partitions of X, or call X.compute_chunk_sizes() first."
            )
        return _cut(values, name, lengths)
    if is_frame(values):
        parts = list(values.to_delayed())
    elif is_array(values):
        if values.ndim == 2 and values.numblocks[1] > 1:
            values = values.rechunk({1: -1})
        own = _lengths(values)
        if lengths is not None and own is not None and own != lengths:
            if sum(own) != sum(lengths):
                raise ValueError(f"X and {name} must have the same number of rows. Got {sum(lengths)} and {sum(own)}.")
            values = values.rechunk({0: lengths})
        parts = list(values.to_delayed().ravel())
    else:
        raise TypeError(f"{name} must be a Dask array or a Dask series. Got {type(values).__module__}.{type(values).__name__}.")
    if len(parts) != count:
        raise ValueError(
            f"X and {name} must have the same partitions. Got {count} and {len(parts)}; give {name} those of X, for arrays "
            f"with {name}.rechunk, for frames with {name}.repartition."
        )
    return parts


def _cut(values, name, lengths):
    """An array in memory in pieces of these lengths."""
    from dask import delayed

    values = np.asarray(values)
    if len(values) != sum(lengths):
        raise ValueError(f"X and {name} must have the same number of rows. Got {sum(lengths)} and {len(values)}.")
    return [delayed(part) for part in np.split(values, np.cumsum(lengths)[:-1])]


def _row_blocks(columns, others):
    """Each partition as the `Delayed` of a `RowBlock`."""
    from dask import delayed

    make = delayed(row_block, pure=True)
    return [make(number, X, {name: parts[number] for name, parts in others.items()}) for number, X in enumerate(columns)]


def row_block(number: int, X: Any, others: dict[str, Any]) -> RowBlock:
    """The rows of a partition as arrays.

    Parameters
    ----------
    number : int
        Of the partition, for messages.
    X : {ndarray, sparse matrix, dataframe}
    others : dict
        y, sample_weight and qid as far as they are given.
    """
    X = rows_of(X)
    arrays = {name: values_of(values) for name, values in others.items()}
    for name, values in others.items():
        row = _first_missing(values)
        if row is not None:
            raise ValueError(f"Row {row} of partition {number} has a missing value in {name}.")
    for name, values in arrays.items():
        if len(values) != X.shape[0]:
            raise ValueError(
                f"X and {name} must have the same number of rows in each partition. Partition {number} has {X.shape[0]} "
                f"and {len(values)}."
            )
    return RowBlock(X, **arrays)


def rows_of(X: Any) -> Any:
    """The rows of a partition in an array or a CSR matrix.

    They are of float32 where all are, else of float64.
    """
    if hasattr(X, "dtypes") and hasattr(X, "iloc"):
        narrow = len(X.dtypes) > 0 and all(dtype == np.float32 for dtype in X.dtypes)
        return X.to_numpy(dtype=np.float32 if narrow else np.float64, na_value=np.nan)
    if hasattr(X, "tocsr"):
        X = X.tocsr()
        return sparse.csr_matrix(X, dtype=_float_of(X.dtype))
    X = np.asarray(X)
    return np.ascontiguousarray(X, dtype=_float_of(X.dtype))


def _float_of(dtype):
    return np.float32 if dtype == np.float32 else np.float64


def values_of(values: Any) -> Any:
    """Targets, weights or ids of a partition as an array."""
    if hasattr(values, "iloc") and not isinstance(getattr(values, "dtype", np.dtype(float)), np.dtype):
        dtype = values.dtype
        if getattr(dtype, "kind", "O") in "iuf" and hasattr(values, "to_numpy"):
            return values.to_numpy(dtype=np.float64, na_value=np.nan) if values.isna().any() else values.to_numpy()
    return np.asarray(values)


def _first_missing(values):
    """The first row of a series or an array of objects without a value, or None.

    Numbers that are nan are left to the fit.
    """
    if getattr(getattr(values, "dtype", None), "kind", "f") != "O":
        return None
    if hasattr(values, "isna"):
        missing = values.isna()
    else:  # what is not the same as itself, where pandas.NA is neither
        missing = [one is None or str(one != one) != "False" for one in values]
    return int(np.argmax(missing)) if np.any(missing) else None


def _check_facts(facts):
    """Raise ValueError where blocks do not fit together, or have no rows."""
    filled = [(number, fact) for number, fact in enumerate(facts) if fact.n_rows]
    if not filled:
        raise ValueError("X has no rows: all partitions are empty.")
    first, one = filled[0]
    for number, fact in filled:
        if fact.n_columns != one.n_columns:
            raise ValueError(
                f"All partitions must have as many columns. Partition {first} has {one.n_columns}, partition {number} has "
                f"{fact.n_columns}."
            )
        if fact.sparse != one.sparse:
            raise ValueError(f"Either all partitions must be sparse, or none. Partitions {first} and {number} differ.")


def _places(client, X, columns):
    """The worker of each partition of X; None unless all are on workers."""
    from distributed import futures_of, wait

    futures = {future.key: future for future in futures_of(X)}
    found = [futures.get(part.key) for part in columns]
    if not found or any(future is None for future in found):
        return None
    wait(found)
    where = client.who_has(found)
    addresses = [next(iter(sorted(where.get(future.key, ()))), None) for future in found]
    return None if None in addresses else addresses


def _local(blocks, names):
    """The blocks as they are computed in this process, again in each pass."""
    import dask

    def read() -> Iterator[Any]:
        for block in blocks:
            yield block.compute()

    facts = list(dask.compute(*map(dask.delayed(BlockFacts.of), blocks)))
    _check_facts(facts)
    filled = [fact for fact in facts if fact.n_rows]
    parts = LocalParts(
        read,
        (sum(fact.n_rows for fact in facts), filled[0].n_columns),
        np.result_type(*{fact.dtype for fact in filled}),
        filled[0].sparse,
        sum(fact.nnz for fact in facts),
    )
    parts.feature_names = names
    return parts
