"""Blocks of ``.npy`` files.

Their rows are read, not mapped into memory: what is read ahead is then really read, memory stays
within a limit on the address space, and a file that is cut short meanwhile gives an error, where a
map would end the process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import ArrayLike

from sklearn_losses.blocks.ahead import read_ahead
from sklearn_losses.blocks.files import File, Paths, same_file, the_files
from sklearn_losses.blocks.rows import RowBlock
from sklearn_losses.blocks.sliced import Blocks, rows_of_block, type_of_rows
from sklearn_losses.core.validation import refuse_dates

__all__ = ["NpyBlocks"]

PIECE_BYTES = 2**20  # read at a time: it stays in the cache until its columns are copied
NEAR_BYTES = 2**16  # between two rows that are read together


class NpyBlocks(Blocks):
    """A source of rows from ``.npy`` files, read block by block on a thread.

    The rows of all files are read one after the other; a block may contain rows of several files.
    Files without rows are left out. Object arrays are refused, as nothing is ever unpickled.

    Parameters
    ----------
    paths : str, path or list of them
        A pattern such as ``"part-*.npy"``, whose files are sorted by name with numbers as numbers,
        or a list of files, which keeps its order. Each file holds an array of two dimensions; all
        have the same number of columns and the same type.
    target : int, str, path or list of them, default=None
        The column of the targets, or several columns; negative numbers count from the end. Or files
        of their own, such as ``"y-*.npy"``: one for each file of `paths`, with as many rows, or a
        single one for all rows. None is for rows to predict.
    weight : int, str, path or list of them, default=None
        The weights of the rows: a column, or files of their own. None is 1 for each row.
    qid : int, str, path or list of them, default=None
        The query of each row, for rankings: a column, or files of their own.
    columns : list of int, default=None
        The columns of X. None takes all but those of target, weight and qid.
    block_rows : int, default=None
        Number of rows of a block. None takes as many as fit into 16 MiB. Larger blocks need more
        memory and fewer steps.

    Attributes
    ----------
    shape : tuple of int
        Numbers of rows and of columns of X.
    dtype : dtype
        Type of X: float32 if the files hold float32, else float64.
    block_rows : int
        Number of rows of a block; the last one may be shorter.

    Raises
    ------
    FileNotFoundError
        If a file is missing, or none matches the pattern.
    ValueError
        If a file is no complete ``.npy`` file, the files do not fit each other, or a column does
        not exist.

    See Also
    --------
    ParquetBlocks : The same for Parquet files.
    ArrayBlocks : The same for arrays and memory maps.
    RowSource : What a source of your own must have.

    Notes
    -----
    A source holds names of files and no rows: it can be pickled, and other processes read the files
    at the same paths. If the size or the modification time of a file has changed at a later pass, a
    ValueError is raised.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn_losses.blocks import NpyBlocks
    >>> table = np.random.default_rng(0).standard_normal((300, 4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for number, part in enumerate(np.array_split(table, 3)):
    ...         np.save(f"{folder}/part-{number}.npy", part)
    ...     source = NpyBlocks(f"{folder}/part-*.npy", target=-1, block_rows=120)
    ...     [(block.X.shape, block.y.shape) for block in source.blocks()]
    [((120, 3), (120,)), ((120, 3), (120,)), ((60, 3), (60,))]
    """

    def __init__(
        self,
        paths: Paths,
        target: int | Sequence[int] | Paths | None = None,
        weight: int | Paths | None = None,
        qid: int | Paths | None = None,
        columns: Sequence[int] | None = None,
        block_rows: int | None = None,
    ) -> None:
        rows = _Stack(the_files(paths, ".npy files"))
        if rows.width is None:
            raise ValueError(f"{rows.first} must hold an array of two dimensions, rows and columns.")
        given = {"target": target, "weight": weight, "qid": qid}
        fields = [None if place is None else _field(name, place, rows) for name, place in given.items()]
        used: dict[int, str] = {}
        for name, field in zip(given, fields, strict=True):
            if field is not None and name != "target" and field.shape:
                raise ValueError(f"{name} must be one column. Got {given[name]!r}.")
            if field is not None and field.stack is rows:
                used |= dict.fromkeys(np.atleast_1d(field.columns).tolist(), name)
        if columns is None:
            columns = [column for column in range(rows.width) if column not in used]
        numbers = _columns("columns", columns, rows)
        if both := sorted(used.keys() & set(numbers.tolist())):
            raise ValueError(f"columns contains {both[0]}, which is the column of the {used[both[0]]}; leave it out.")
        if not len(numbers):
            raise ValueError(f"No column of {rows.first} is left for X.")
        self.shape = rows.n_rows, len(numbers)
        self.dtype = type_of_rows(rows.dtype, rows.first)
        self.block_rows = rows_of_block(block_rows, len(numbers) * self.dtype.itemsize)
        self._rows = rows
        self._fields = (_Field(rows, _as_slice(numbers), (len(numbers),), self.dtype), *fields)

    def blocks(self, order: ArrayLike | None = None) -> Iterator[RowBlock]:
        """Iterate over all rows once, block by block; a thread reads the next block ahead.

        Parameters
        ----------
        order : array-like of int, default=None
            The numbers of the blocks to read, in any order. None reads all.

        Returns
        -------
        iterator of RowBlock
            The blocks.
        """
        return read_ahead(super().blocks(order))

    def _read(self, rows):
        rows = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
        arrays = [None if field is None else np.empty((len(rows), *field.shape), field.dtype) for field in self._fields]
        by_stack: dict[_Stack, list[Any]] = {}
        for field, array in zip(self._fields, arrays, strict=True):
            if field is not None:
                by_stack.setdefault(field.stack, []).append((field.columns, array))
        for stack, outputs in by_stack.items():
            for place, piece in stack.pieces(rows):
                for columns, array in outputs:
                    array[place : place + len(piece)] = piece[:, columns]
        return RowBlock(*arrays)

    def where(self, row: int) -> str:
        """Say where a row stands: its number in its file, from 0, and the file.

        Parameters
        ----------
        row : int
            Number of the row among all rows, from 0.

        Returns
        -------
        str
            Such as "row 12 of part-3.npy".
        """
        return self._rows.where(row)


class _Part(NamedTuple):
    """The array in a file."""

    file: File
    shape: tuple[int, ...]
    by_columns: bool  # Fortran's order
    dtype: np.dtype[Any]
    begin: int  # byte of the first entry


class _Stack:
    """The arrays of some files, one below the other."""

    def __init__(self, files):
        parts = [_part(file) for file in files]
        self.parts = [part for part in parts if part.shape[0]]
        if not self.parts:
            raise ValueError(f"There are no rows: {files[0].name}{' and all other files' if len(files) > 1 else ''} hold none.")
        head = self.parts[0]
        self.first, self.dtype = head.file.name, head.dtype
        self.width = head.shape[1] if len(head.shape) == 2 else None  # None: of one dimension
        for part in self.parts:
            if part.shape[1:] != head.shape[1:]:
                raise ValueError(f"{part.file.name} has rows of shape {part.shape[1:]}, but {self.first} has {head.shape[1:]}.")
            if part.dtype != head.dtype:
                raise ValueError(
                    f"{part.file.name} holds {part.dtype}, but {self.first} holds {head.dtype}; write all files with one type."
                )
        self.ends = np.cumsum([part.shape[0] for part in self.parts])
        self.n_rows = int(self.ends[-1])

    def where(self, row):
        number = int(np.searchsorted(self.ends, row, side="right"))
        part = self.parts[number]
        return f"row {row - (self.ends[number] - part.shape[0])} of {part.file.name}"

    def pieces(self, rows):
        """Iterate over (place, array of two dimensions): some of the rows, the first at `place`."""
        begin = 0
        while begin < len(rows):
            number = int(np.searchsorted(self.ends, rows[begin], side="right"))
            part, end = self.parts[number], self.ends[number]
            stop = int(np.searchsorted(rows, end))
            for place, piece in _pieces(part, rows[begin:stop] - (end - part.shape[0])):
                yield begin + place, piece
            begin = stop


def _part(file):
    """The shape, type and place of the array in a file, from its header."""
    try:
        with open(file.path, "rb") as opened:
            version = npy.read_magic(opened)
            head = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, by_columns, dtype = head(opened)
            begin = opened.tell()
    except (ValueError, EOFError) as error:
        raise ValueError(f"{file.name} is not a complete .npy file: {error}.") from error
    if dtype.hasobject:
        raise ValueError(f"{file.name} holds Python objects, which would have to be unpickled; write numbers or text.")
    refuse_dates(np.empty(0, dtype), file.name)
    if dtype.kind not in "fiubU" or len(shape) not in (1, 2):
        raise ValueError(f"{file.name} must hold numbers or text in one or two dimensions. Got {dtype} of shape {shape}.")
    if file.size < begin + dtype.itemsize * int(np.prod(shape, dtype=object)):
        raise ValueError(f"{file.name} is cut short: it has {file.size} bytes, but its header says an array of shape {shape}.")
    return _Part(file, shape, by_columns and len(shape) == 2, dtype, begin)


def _pieces(part, rows):
    """Iterate over (place, array of two dimensions) for the rows of one file.

    Rows that are close to each other are read with what lies between.
    """
    columns = part.shape[1] if len(part.shape) == 2 else 1
    row_bytes = max(1, columns * part.dtype.itemsize)
    # By columns there is a read for each of them: fewer and longer ones.
    most = max(1, (4 if part.by_columns else 1) * PIECE_BYTES // row_bytes)
    far = (np.diff(rows) * row_bytes > NEAR_BYTES) | (np.diff(rows // most) > 0)
    bounds = [0, *(np.flatnonzero(far) + 1).tolist(), len(rows)]
    with open(same_file(part.file), "rb", buffering=0) as opened:
        for begin, end in zip(bounds[:-1], bounds[1:], strict=True):
            run = rows[begin:end]
            piece = _rows(opened, part, int(run[0]), int(run[-1]) + 1, columns)
            yield begin, piece if np.all(np.diff(run) == 1) else piece[run - run[0]]


def _rows(opened, part, start, stop, columns):
    """The rows of a file from `start` to `stop`, as an array of two dimensions."""
    if not part.by_columns:
        array = np.empty((stop - start, columns), part.dtype)
        _fill(opened, part, start * columns, array)
        return array
    array = np.empty((columns, stop - start), part.dtype)
    for column, values in enumerate(array):
        _fill(opened, part, column * part.shape[0] + start, values)
    return array.T


def _fill(opened, part, entry, array):
    """Read an array from that entry of the file on."""
    opened.seek(part.begin + entry * part.dtype.itemsize)
    left = memoryview(array.view(np.uint8).reshape(-1))
    while left:
        read = opened.readinto(left)
        if not read:
            raise ValueError(f"{part.file.name} has become shorter while it was read; do not write to files of a source.")
        left = left[read:]


class _Field(NamedTuple):
    """Where X, y, the weights or qid are: files, columns of them, and the form of a row."""

    stack: _Stack
    columns: Any
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def _field(name, place, rows):
    """What the user gave as target, weight or qid: columns of the rows, or files of their own."""
    if not _are_paths(place):
        numbers = _columns(name, place, rows)
        return _Field(rows, numbers, numbers.shape, rows.dtype.newbyteorder("="))
    stack = _Stack(the_files(place, f"files of the {name}"))
    _check_pairs(name, stack, rows)
    shape = () if stack.width is None else (stack.width,)
    return _Field(stack, slice(None) if shape else 0, shape, stack.dtype.newbyteorder("="))


def _check_pairs(name, stack, rows):
    """Refuse files that do not belong together one by one, unless a single one holds all rows."""
    if len(stack.parts) == len(rows.parts):
        for theirs, ours in zip(stack.parts, rows.parts, strict=True):
            if theirs.shape[0] != ours.shape[0]:
                of_whom = f"{ours.file.name}, whose {name} it holds,"
                raise ValueError(f"{theirs.file.name} has {theirs.shape[0]} rows, but {of_whom} has {ours.shape[0]}.")
    elif len(stack.parts) > 1:
        counts = f"{len(stack.parts)} files of the {name} for {len(rows.parts)} files of X"
        raise ValueError(f"There are {counts}; give one for each, or a single one.")
    elif stack.n_rows != rows.n_rows:
        raise ValueError(f"{stack.first} has {stack.n_rows} rows, but the files of X have {rows.n_rows}.")


def _are_paths(place):
    """Whether something is a path or a list of them, and not column numbers."""
    listed = [place] if isinstance(place, (str, PathLike)) else place
    return np.iterable(listed) and all(isinstance(item, (str, PathLike)) for item in listed)


def _columns(name, columns, rows):
    """Column numbers from 0 on, as an array of the dimensions that they were given in."""
    numbers = np.asarray(columns)
    numbers = numbers.astype(np.intp) if numbers.size == 0 else numbers
    if numbers.dtype.kind not in "iu" or numbers.ndim > 1:
        raise ValueError(f"{name} must be column numbers of the .npy files. Got {columns!r}.")
    if np.any((numbers < -rows.width) | (numbers >= rows.width)):
        raise ValueError(f"{name} is column {columns!r}, but {rows.first} has the columns 0 to {rows.width - 1}.")
    numbers = np.where(numbers < 0, numbers + rows.width, numbers).astype(np.intp)
    if len(np.unique(numbers)) < numbers.size:
        raise ValueError(f"{name} must name each column once. Got {columns!r}.")
    return numbers


def _as_slice(numbers):
    """Columns that lie side by side as a slice, which is copied faster."""
    side_by_side = len(numbers) and np.all(np.diff(numbers) == 1)
    return slice(int(numbers[0]), int(numbers[-1]) + 1) if side_by_side else numbers
