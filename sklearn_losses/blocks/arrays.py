"""Blocks of an array, of a memory map, or of whatever can be sliced as one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from sklearn_losses.blocks.rows import RowBlock
from sklearn_losses.blocks.sliced import Blocks, rows_of_block, type_of_rows

__all__ = ["ArrayBlocks"]


class ArrayBlocks(Blocks):
    """A source of rows from arrays, memory maps and whatever can be sliced like one.

    A fit reads the rows block by block and never copies all of them. Blocks are views where the
    array has float32 or float64 entries. What only looks like an array, such as a data set of HDF5,
    is read block by block.

    Parameters
    ----------
    X : {ndarray, memmap, CSR matrix} of shape (n, p)
        The features, or any object that has ``shape`` and ``dtype`` and can be sliced. Integers
        become float64, block by block.
    y : array-like of shape (n,) or (n, K), default=None
        The targets. None is for rows to predict.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows, at least 0. None is 1 for each row.
    qid : array-like of shape (n,), default=None
        The query of each row, for rankings.
    block_rows : int, default=None
        Number of rows of a block. None takes as many as fit into 16 MiB. Larger blocks need more
        memory and fewer steps.

    Attributes
    ----------
    shape : tuple of int
        Numbers of rows and of columns of X.
    dtype : dtype
        Type of X in all blocks: float32 or float64.
    block_rows : int
        Number of rows of a block; the last one may be shorter.

    Raises
    ------
    ValueError
        If `X` has another number of dimensions than 2 or holds no real numbers, for a sparse matrix
        that is no CSR matrix, and if the lengths differ.
    TypeError
        If `X` has no ``shape`` or no ``dtype``.

    See Also
    --------
    NpyBlocks : The same for ``.npy`` files, which can be pickled without the rows.
    ParquetBlocks : The same for Parquet files.
    RowSource : What a source of your own must have.

    Notes
    -----
    Pickling a source pickles its arrays, with all rows of a memory map. `NpyBlocks` pickles the
    names of its files alone.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn_losses.blocks import ArrayBlocks
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     X = np.memmap(file.name, dtype="float64", mode="w+", shape=(300, 2))
    ...     X[:] = np.random.default_rng(0).standard_normal(X.shape)
    ...     source = ArrayBlocks(X, X @ [1.0, -2.0], block_rows=100)
    ...     [block.X.shape for block in source.blocks()]
    [(100, 2), (100, 2), (100, 2)]
    """

    def __init__(
        self,
        X: Any,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        qid: ArrayLike | None = None,
        block_rows: int | None = None,
    ) -> None:
        self._X = _sliceable(X)
        given = {"y": y, "sample_weight": sample_weight, "qid": qid}
        n_rows = self._X.shape[0]
        self._others = [None if values is None else _column(values, name, n_rows) for name, values in given.items()]
        self.shape = self._X.shape
        self.dtype = type_of_rows(self._X.dtype, "X")
        self.block_rows = rows_of_block(block_rows, _row_bytes(self._X, self.dtype))

    def _read(self, rows):
        X = self._X[rows]
        X = X.astype(self.dtype, copy=False) if sparse.issparse(X) else np.asarray(X, dtype=self.dtype)
        return RowBlock(X, *(None if values is None else np.asarray(values[rows]) for values in self._others))


def _sliceable(X):
    """X with a shape, a dtype and rows that can be sliced; lists as an array."""
    if sparse.issparse(X) and X.format != "csr":
        raise ValueError(f"A sparse X must be a CSR matrix, whose rows can be sliced; call X.tocsr(). Got {X.format}.")
    if isinstance(X, (list, tuple)):
        X = np.asarray(X)
    if not (hasattr(X, "dtype") and hasattr(X, "shape")):
        raise TypeError(f"ArrayBlocks takes an array, a memory map or a CSR matrix. Got {type(X).__name__}.")
    if len(X.shape) != 2:
        raise ValueError(f"X must have two dimensions, rows and columns. Got shape {X.shape}.")
    return X


def _column(values, name, n_rows):
    """A target, a weight or a qid for each row, which can be sliced.

    Series and frames have labels, so they are read.
    """
    stored = hasattr(values, "dtype") and hasattr(values, "shape") and not hasattr(values, "iloc")
    values = values if stored else np.asarray(values)
    if values.shape[:1] != (n_rows,) or len(values.shape) > (2 if name == "y" else 1):
        raise ValueError(f"{name} must have a value for each of the {n_rows} rows of X. Got shape {values.shape}.")
    return values


def _row_bytes(X, dtype):
    if sparse.issparse(X):
        return X.nnz * (dtype.itemsize + X.indices.itemsize) / max(1, X.shape[0])
    return X.shape[1] * dtype.itemsize
