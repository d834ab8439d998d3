"""What a source of rows is, and the check of what it gives."""

from collections.abc import Generator, Iterable, Iterator
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sklearn_losses.blocks.ahead import closing

__all__ = ["RowBlock", "RowSource", "checked_blocks", "checked_rows", "is_row_source", "place_of"]


class RowBlock(NamedTuple):
    """Some rows that are in memory together, with their targets.

    A source of rows gives its rows in such blocks. It is a named tuple, for which a plain tuple
    ``(X, y)``, ``(X, y, sample_weight)`` or ``(X, y, sample_weight, qid)`` does as well.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n, p)
        The features; sparse ones as a CSR matrix.
    y : ndarray of shape (n,) or (n, K), default=None
        The targets.
    sample_weight : ndarray of shape (n,), default=None
        Weights of the rows.
    qid : ndarray of shape (n,), default=None
        The query of each row, for rankings.

    See Also
    --------
    RowSource : What gives such blocks.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.blocks import RowBlock
    >>> block = RowBlock(np.ones((2, 3)), np.array([0.5, 1.5]))
    >>> X, y, sample_weight, qid = block
    >>> y, qid
    (array([0.5, 1.5]), None)
    """

    X: Any
    y: Any = None
    sample_weight: Any = None
    qid: Any = None


@runtime_checkable
class RowSource(Protocol):
    """Protocol of a source of rows: any object with these four members is one.

    Estimators take such an object in the place of X. A source may have more:

    - ``feature_names``: a list of str, one for each column of X, which becomes
      ``feature_names_in_``.
    - ``where(row)``: a str that says where the row of this number stands, such as "row 12 of
      part-3.npy", for messages.
    - ``n_blocks`` and ``blocks(order)``, which gives the blocks of these numbers in this order.
      Solvers that step on batches then read blocks in random order: in ``shuffled(rng)`` if the
      source has that too.

    Attributes
    ----------
    shape : tuple of int
        Numbers of rows and of columns of X.
    dtype : dtype
        Type of X in all blocks: float32 or float64.

    See Also
    --------
    RowBlock : What a source gives.
    checked_blocks : Checks what a source gives.
    ArrayBlocks : A source of arrays.

    Examples
    --------
    A source that makes its rows when they are asked for:

    >>> import numpy as np
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.blocks import RowBlock, RowSource
    >>> class Lines:
    ...     shape, dtype = (1000, 1), np.dtype(float)
    ...
    ...     def blocks(self):
    ...         for start in range(0, 1000, 100):
    ...             yield self.take(np.arange(start, start + 100))
    ...
    ...     def take(self, rows):
    ...         return RowBlock(rows[:, None] / 1000, 2 * rows / 1000)
    >>> isinstance(Lines(), RowSource)
    True
    >>> LossRegressor(alpha=0).fit(Lines()).coef_.round(6)
    array([2.])
    """

    def __init__(self) -> None:
        """Take nothing: a source of your own takes what it needs."""

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and of columns of X."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of X in all blocks, float32 or float64."""

    def blocks(self) -> Iterator[Any]:
        """Iterate over all rows in blocks, the same rows in the same order each time.

        Returns
        -------
        iterator of RowBlock
            A new iterator for each call; its items may also be tuples, from (X, y) to (X, y,
            sample_weight, qid).
        """

    def take(self, rows: NDArray[np.intp]) -> Any:
        """Return some rows in one block.

        Parameters
        ----------
        rows : ndarray of shape (k,) of int
            Numbers of rows, in ascending order.

        Returns
        -------
        RowBlock
            The rows, or a tuple as from `blocks`.
        """


def is_row_source(X: Any) -> bool:
    """Return whether an object is a source of rows.

    Arrays, lists, dataframes and sparse matrices are none.

    Parameters
    ----------
    X : object
        Anything: rows for `fit`, for example.

    Returns
    -------
    bool
        True for objects with methods `blocks` and `take`.

    See Also
    --------
    RowSource : What a source must have.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.blocks import ArrayBlocks, is_row_source
    >>> is_row_source(np.ones((2, 2))), is_row_source(ArrayBlocks(np.ones((2, 2))))
    (False, True)
    """
    return callable(getattr(X, "blocks", None)) and callable(getattr(X, "take", None))


def place_of(source: Any, row: int) -> str:
    """Return where a row of a source comes from, for error messages.

    It is the answer of the source's own method `where`, if it has one.

    Parameters
    ----------
    source : RowSource
        The source, such as `NpyBlocks`.
    row : int
        Number of the row among all rows, from 0.

    Returns
    -------
    str
        Such as "row 12 of part-3.npy".

    See Also
    --------
    RowSource : What a source may have, `where` among it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.blocks import ArrayBlocks, place_of
    >>> place_of(ArrayBlocks(np.ones((20, 2))), 12)
    'row 12'
    """
    where = getattr(source, "where", None)
    return f"row {row}" if where is None else where(row)


def checked_blocks(source: Any, order: NDArray[np.intp] | None = None) -> Generator[RowBlock, None, None]:
    """Iterate over the blocks of a source, and check their shapes and types.

    Empty blocks are left out. Whether the numbers in the blocks are finite is not checked.

    Parameters
    ----------
    source : RowSource
        The source, such as `NpyBlocks`.
    order : ndarray of int, default=None
        For ``source.blocks(order)``, of sources that have it: the numbers of the blocks to read. A
        block then comes for each number, empty ones too.

    Yields
    ------
    RowBlock
        The blocks, with X, y, weights and qid as arrays.

    Raises
    ------
    TypeError
        For something that is no block.
    ValueError
        For a block of another width or type than the source says, for blocks of which some have a y
        (a weight, a qid) and others have none or another shape, and for another number of rows in
        all.

    See Also
    --------
    checked_rows : The same for `take`.
    RowSource : What a source must have.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.blocks import ArrayBlocks, checked_blocks
    >>> source = ArrayBlocks(np.ones((5, 2)), np.arange(5), block_rows=2)
    >>> [block.y.tolist() for block in checked_blocks(source)]
    [[0, 1], [2, 3], [4]]
    """
    check = _Check(source)
    given = source.blocks() if order is None else source.blocks(order)
    if not isinstance(given, Iterable):
        raise TypeError(f"blocks() of a source must give an iterator of blocks. Got {type(given).__name__}.")
    with closing(given) as blocks:
        # Neither keeps a block that it has handed on.
        found = map(check, blocks)
        yield from found if order is not None else filter(lambda block: block.X.shape[0], found)
    if check.rows != source.shape[0] and order is None:
        hint = "" if check.rows else "; blocks() must give a new iterator over all rows each time"
        raise ValueError(f"The source says that it has {source.shape[0]} rows, but its blocks hold {check.rows}{hint}.")


class _Check:
    """``what a source gives -> RowBlock``, for its blocks one after the other."""

    def __init__(self, source):
        self.source, self.rows, self.number, self.form = source, 0, 0, None

    def __call__(self, given):
        name, n_rows = f"block {self.number}", self.source.shape[0]
        block = _checked(given, self.source, name)
        rows = block.X.shape[0]
        if self.rows + rows > n_rows:
            held = self.rows + rows
            raise ValueError(f"The source says that it has {n_rows} rows, but its blocks up to {name} hold {held}.")
        if rows and self.form is None:
            self.form = _form(block)
        elif rows and _form(block) != self.form:
            raise ValueError(f"All blocks must hold the same: {name} has {_form(block)}, the first one {self.form}.")
        self.rows, self.number = self.rows + rows, self.number + 1
        return block


def checked_rows(source: Any, rows: NDArray[np.intp]) -> RowBlock:
    """Return some rows of a source in one block, and check the block.

    The checks are those of `checked_blocks`.

    Parameters
    ----------
    source : RowSource
        The source, such as `NpyBlocks`.
    rows : ndarray of shape (k,) of int
        Numbers of rows, in ascending order.

    Returns
    -------
    RowBlock
        The rows, with X, y, weights and qid as arrays.

    Raises
    ------
    TypeError
        For something that is no block.
    ValueError
        For a block of another width, type or number of rows than was asked for.

    See Also
    --------
    checked_blocks : The same for all rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.blocks import ArrayBlocks, checked_rows
    >>> source = ArrayBlocks(np.ones((5, 2)), np.arange(5))
    >>> checked_rows(source, np.array([1, 3])).y
    array([1, 3])
    """
    block = _checked(source.take(rows), source, "the block of take(rows)")
    if block.X.shape[0] != len(rows):
        raise ValueError(f"take(rows) must return one row for each of {len(rows)} numbers. Got {block.X.shape[0]} rows.")
    return block


def _checked(given, source, name):
    """A block with X, y, weights and qid as arrays of as many rows, X as the source says."""
    if not (isinstance(given, tuple) and 1 <= len(given) <= 4):
        must = "A source must give RowBlock(X, y, sample_weight, qid) or tuples (X, y)."
        raise TypeError(f"{must} Got {type(given).__name__} as {name}.")
    X, *others = RowBlock(*given)
    X = X.tocsr() if sparse.issparse(X) else np.asarray(X)
    columns = source.shape[1]
    if X.ndim != 2 or X.shape[1] != columns:
        raise ValueError(f"X of {name} must have shape (n, {columns}), as the source says. Got {X.shape}.")
    if X.dtype != source.dtype:
        raise ValueError(f"X of {name} must hold {source.dtype}, as the source says. Got {X.dtype}.")
    arrays = []
    for field, values in zip(RowBlock._fields[1:], others, strict=True):
        values = None if values is None else np.asarray(values)
        if values is not None and (values.shape[:1] != X.shape[:1] or values.ndim > (2 if field == "y" else 1)):
            shape = f"({X.shape[0]},)" + (f" or ({X.shape[0]}, K)" if field == "y" else "")
            raise ValueError(f"{field} of {name} must have shape {shape}, a value for each row of X. Got {values.shape}.")
        arrays.append(values)
    return RowBlock(X, *arrays)


def _form(block):
    """What all blocks of a source have in common, in words."""
    X, *others = block
    words = ["a sparse X" if sparse.issparse(X) else "a dense X"]
    for name, values in zip(RowBlock._fields[1:], others, strict=True):
        columns = f" of {values.shape[1]} columns" if values is not None and values.ndim == 2 else ""
        words.append(f"no {name}" if values is None else f"{name}{columns}")
    return ", ".join(words)
