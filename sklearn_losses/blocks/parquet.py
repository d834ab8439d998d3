"""Blocks of Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_losses.blocks.ahead import read_ahead
from sklearn_losses.blocks.files import Paths, the_files
from sklearn_losses.blocks.parquet_columns import Assembly, Column, Kind, Layout, Other, find_levels, kind_of
from sklearn_losses.blocks.parquet_files import arrow, batches, heads
from sklearn_losses.blocks.rows import RowBlock
from sklearn_losses.blocks.sliced import Blocks, rows_of_block, type_of_rows

__all__ = ["ParquetBlocks"]

MOST_STORED = 0.1  # the share of stored entries up to which "onehot" gives CSR matrices


class ParquetBlocks(Blocks):
    """A source of rows from Parquet files, read block by block on a thread.

    It needs pyarrow (``pip install pyarrow``). The rows of all files are read one after the other;
    a block may contain rows of several row groups and files. Files without rows are left out.
    Numbers, booleans and decimals are columns of X as they are; missing values, dates and nested
    columns are refused.

    Parameters
    ----------
    paths : str, path or list of them
        A pattern such as ``"claims/*.parquet"``, whose files are sorted by name with numbers as
        numbers, or a list of files, which keeps its order. All have the columns that are read, with
        the same types, in any order.
    target : str or list of str, default=None
        The column of the targets, or several columns. Text stays text: the labels of classes. None
        is for rows to predict.
    weight : str, default=None
        The column of the weights of the rows. None is 1 for each row.
    qid : str, default=None
        The column of the query of each row, for rankings.
    columns : list of str, default=None
        The columns of X. None takes all but those of target, weight and qid and the index of a
        pandas frame; the files then must have the same ones.
    categories : {"onehot", "codes"}, default=None
        What columns of text and of categories (Arrow's dictionaries) become. "onehot" makes a
        column of zeros and ones for each level, "codes" one column with the number of the level,
        from 0. None refuses such columns.
    levels : dict of str to list, default=None
        The levels of each such column, in their order. None takes those that occur in the files,
        sorted, or all in the declared order if a category is ordered. For other rows to predict,
        give those of the training rows, ``source.levels``.
    block_rows : int, default=None
        Number of rows of a block. None takes as many as fit into 16 MiB. Larger blocks need more
        memory and fewer steps.

    Attributes
    ----------
    shape : tuple of int
        Numbers of rows and of columns of X.
    dtype : dtype
        Type of X: float32 if all columns are float32 or short integers, as NumPy's ``result_type``
        has it, else float64.
    feature_names : list of str
        Names of the columns of X; with "onehot", "region_north" for the level "north" of "region".
    columns : list of str
        Columns of the files that X is made of.
    levels : dict of str to list
        Levels of the columns of text and categories.
    block_rows : int
        Number of rows of a block; the last one may be shorter.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    FileNotFoundError
        If a file is missing, or none matches the pattern.
    ValueError
        If a file is no Parquet file, the files do not fit each other, a column does not exist,
        holds missing values or dates, or holds text without `categories`.

    See Also
    --------
    NpyBlocks : The same for ``.npy`` files.
    ArrayBlocks : The same for arrays and memory maps.
    RowSource : What a source of your own must have.

    Notes
    -----
    Levels are found in one pass over their columns, when the source is made. With "onehot" blocks
    are CSR matrices if at most a tenth of the entries is stored, else arrays.

    The memory that it needs is that of the blocks and, for each column, of one page of the file (1
    MiB by default). `take` decodes the row groups that hold the rows.

    A source holds names of files and no rows: it can be pickled, and other processes read the files
    at the same paths. If the size or the modification time of a file has changed at a later pass, a
    ValueError is raised.

    Examples
    --------
    >>> import tempfile
    >>> import pyarrow
    >>> from pyarrow import parquet
    >>> from sklearn_losses.blocks import ParquetBlocks
    >>> region, loss = ["b", "a", "b"], [1.5, 0.0, 2.5]
    >>> table = pyarrow.table({"age": [21, 47, 35], "region": region, "loss": loss})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     parquet.write_table(table, f"{folder}/claims-1.parquet")
    ...     source = ParquetBlocks(
    ...         f"{folder}/*.parquet", target="loss", categories="onehot"
    ...     )
    ...     (block,) = source.blocks()
    >>> source.feature_names
    ['age', 'region_a', 'region_b']
    >>> block.X
    array([[21.,  0.,  1.],
           [47.,  1.,  0.],
           [35.,  0.,  1.]])
    >>> block.y
    array([1.5, 0. , 2.5])
    """

    def __init__(
        self,
        paths: Paths,
        target: str | Sequence[str] | None = None,
        weight: str | None = None,
        qid: str | None = None,
        columns: Sequence[str] | None = None,
        categories: str | None = None,
        levels: Mapping[str, Sequence[Any]] | None = None,
        block_rows: int | None = None,
    ) -> None:
        if categories not in (None, "onehot", "codes"):
            raise ValueError(f'categories must be "onehot", "codes" or None. Got {categories!r}.')
        found = heads(the_files(paths, "Parquet files"))
        first = found[0][0].file.name
        roles = {"target": _names("target", target), "weight": _names("weight", weight), "qid": _names("qid", qid)}
        used = {name: role for role, names in roles.items() for name in names}
        for role, given in (("weight", weight), ("qid", qid)):
            if len(roles[role]) > 1:
                raise ValueError(f"{role} must be one column. Got {given!r}.")
        chosen = _all_columns(found) if columns is None else _names("columns", columns)
        self.columns = [name for name in chosen if columns is not None or name not in used]
        if both := [name for name in self.columns if name in used]:
            raise ValueError(f"columns contains {both[0]!r}, which is the column of the {used[both[0]]}; leave it out.")
        if not self.columns:
            raise ValueError(f"No column of {first} is left for X.")
        kinds = _kinds(found, [*self.columns, *used])
        if any(kinds[name].category for name in roles["weight"]):
            raise ValueError(f"The weight {weight!r} of {first} must hold numbers. Got text or categories.")
        self._categories = [name for name in self.columns if kinds[name].category]
        if self._categories and categories is None:
            raise ValueError(
                f"{self._categories[0]!r} of {first} holds text or categories. "
                'Pass categories="onehot" or "codes", or leave it out with columns=.'
            )
        self._tables = [table for table, _ in found]
        self._ends = np.cumsum([table.n_rows for table in self._tables])
        self.levels = _levels(levels, {name: kinds[name] for name in self._categories}, self._tables)
        self._layout = self._made_layout(kinds, categories == "onehot", roles, several=not isinstance(target, str))
        self.shape = int(self._ends[-1]), self._layout.width
        self.dtype = self._layout.dtype
        stored = len(self.columns) * (self.dtype.itemsize + 4) if self._layout.sparse else self.shape[1] * self.dtype.itemsize
        self.block_rows = rows_of_block(block_rows, stored)

    def _made_layout(self, kinds, onehot, roles, several):
        """What blocks are made of; `several` says that y has two dimensions."""
        columns, width = [], 0
        for name in self.columns:
            columns.append(Column(name, self.levels.get(name), width))
            width += len(self.levels[name]) if onehot and name in self.levels else 1
        types = [np.dtype(np.int8) if name in self.levels else kinds[name].dtype for name in self.columns]
        onehot = onehot and bool(self.levels)
        others = []
        for role, names in roles.items():
            dtype = np.result_type(*(kinds[name].dtype for name in names)) if names else None
            others.append(Other(names, several and role == "target", dtype) if names else None)
        sparse = onehot and len(columns) <= MOST_STORED * width
        return Layout(columns, others, width, type_of_rows(np.result_type(*types), "X"), onehot, sparse)

    @property
    def feature_names(self) -> list[str]:
        """The names of the columns of X."""
        names = []
        for column in self._layout.columns:
            onehot = self._layout.onehot and column.levels is not None
            names += [f"{column.name}_{level}" for level in column.levels] if onehot else [column.name]
        return names

    def shuffled(self, rng: np.random.RandomState) -> NDArray[np.intp]:
        """Return the numbers of the blocks in random order of row groups.

        The blocks of a row group follow each other, because a row group cannot be read from its
        middle on.

        Parameters
        ----------
        rng : RandomState
            Draws the order.

        Returns
        -------
        ndarray of shape (n_blocks,)
            Numbers of blocks, each once.
        """
        group_ends = np.cumsum([rows for table in self._tables for rows in table.groups])
        group = np.searchsorted(group_ends, np.arange(self.n_blocks) * self.block_rows, side="right")
        return np.argsort(rng.permutation(len(group_ends))[group], kind="stable")

    def blocks(self, order: ArrayLike | None = None) -> Iterator[RowBlock]:
        """Iterate over all rows once, block by block; a thread reads the next block ahead.

        Parameters
        ----------
        order : array-like of int, default=None
            The numbers of the blocks to read, in any order. None reads all. Blocks that follow each
            other are read together.

        Returns
        -------
        iterator of RowBlock
            The blocks.
        """
        numbers = np.array(self._numbers(order), dtype=np.intp)
        runs = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)
        return read_ahead(block for run in runs if len(run) for block in self._assembled(*self._bounds(run[0], run[-1] + 1)))

    def where(self, row: int) -> str:
        """Say where a row stands: its number in its file, from 0, and the file.

        Parameters
        ----------
        row : int
            Number of the row among all rows, from 0.

        Returns
        -------
        str
            Such as "row 12 of claims-3.parquet".
        """
        number = int(np.searchsorted(self._ends, row, side="right"))
        table = self._tables[number]
        return f"row {row - (self._ends[number] - table.n_rows)} of {table.file.name}"

    def _assembled(self, start, stop):
        """Iterate over blocks of the rows from `start` to `stop`."""
        lookups, block = {}, None
        for table, end in zip(self._tables, self._ends.tolist(), strict=True):
            begin = end - table.n_rows
            for first, batch in self._span(table, max(start - begin, 0), min(stop, end) - begin):
                done = 0
                while done < batch.num_rows:
                    if block is None:
                        block = Assembly(self._layout, min(self.block_rows, stop - begin - first - done), lookups)
                    part = batch.slice(done, block.missing)
                    block.add(part, range(first + done, first + done + part.num_rows), table.file.name)
                    done += part.num_rows
                    if not block.missing:
                        yield block.block()
                        block = None

    def _span(self, table, start, stop):
        """Iterate over (number of the first row, record batch): the rows from `start` to `stop`."""
        if start >= stop:
            return
        ends = np.cumsum(table.groups)
        first, last = np.searchsorted(ends, [start, stop - 1], side="right").tolist()
        place = int(ends[first]) - table.groups[first]
        for batch in self._batches(table, range(first, last + 1)):
            part = batch.slice(max(start - place, 0), max(stop - max(start, place), 0))
            if part.num_rows:
                yield max(start, place), part
            place += batch.num_rows

    def _read(self, rows):
        block, begin = Assembly(self._layout, len(rows), {}), 0
        for table, end in zip(self._tables, self._ends, strict=True):
            stop = int(np.searchsorted(rows, end))
            if stop > begin:
                self._pick(table, rows[begin:stop] - (end - table.n_rows), block)
            begin = stop
        return block.block()

    def _pick(self, table, rows, block):
        """Append rows of a file to a block, out of the row groups that hold them."""
        ends = np.cumsum(table.groups)
        group = np.searchsorted(ends, rows, side="right")
        groups, which = np.unique(group, return_inverse=True)
        sizes = np.array(table.groups)[groups]
        # In what is read.
        places = rows - (ends - table.groups)[group] + (np.cumsum(sizes) - sizes)[which]
        start = 0
        for batch in self._batches(table, groups.tolist()):
            begin, stop = np.searchsorted(places, [start, start + batch.num_rows])
            if stop > begin:
                block.add(batch.take(arrow().array(places[begin:stop] - start)), rows[begin:stop], table.file.name)
            start += batch.num_rows

    def _batches(self, table, groups):
        names = [name for other in self._layout.others if other is not None for name in other.columns]
        return batches(table, [*self.columns, *names], self._categories, groups)


def _names(role, given):
    """Names of columns as a list."""
    names = [] if given is None else list(given) if np.iterable(given) and not isinstance(given, str) else [given]
    if not all(isinstance(name, str) for name in names):
        raise ValueError(f"{role} must be names of columns. Got {given!r}.")
    if len(set(names)) < len(names):
        raise ValueError(f"{role} must name each column once. Got {given!r}.")
    return names


def _all_columns(found):
    """The columns of the first file, without a frame's index; no other file may have more."""
    first, names = found[0][0].file.name, _without_index(found[0][1])
    for table, schema in found:
        if more := [name for name in _without_index(schema) if name not in names]:
            raise ValueError(f"{table.file.name} has a column {more[0]!r} that {first} does not have; choose with columns=.")
    return names


def _without_index(schema):
    index = (schema.pandas_metadata or {}).get("index_columns", [])
    return [name for name in schema.names if name not in index]


def _kinds(found, names):
    """The `Kind` of each column, the same in all files."""
    kinds: dict[str, Kind] = {}
    first = found[0][0].file.name
    for table, schema in found:
        file = table.file.name
        for name in names:
            places = schema.get_all_field_indices(name)
            if len(places) != 1:
                count = "more than one" if places else "no"
                raise ValueError(f"{file} has {count} column {name!r}; its columns are {_shown(schema.names)}.")
            kind = kind_of(schema.field(places[0]).type, f"{name!r} of {file}")
            if kind != kinds.setdefault(name, kind):
                differ = f"{name!r} of {file} holds {kind}, but that of {first} {kinds[name]}"
                raise ValueError(f"{differ}; write all files with the same type.")
    return kinds


def _shown(names):
    return ", ".join(map(repr, names[:10])) + (", ..." if len(names) > 10 else "")


def _levels(given, kinds, tables):
    """The levels of each column of categories, as the user gave them or as they are found."""
    if given is None:
        return find_levels(tables, kinds)
    if unknown := [name for name in kinds if name not in given]:
        raise ValueError(
            f"levels has no entry for the column {unknown[0]!r}; give the levels of all columns of text and categories."
        )
    levels = {name: list(given[name]) for name in kinds}
    for name, values in levels.items():
        if len(set(values)) < len(values) or not values:
            raise ValueError(f"levels must list the levels of each column, each level once. Got {values!r} for {name!r}.")
    return levels
