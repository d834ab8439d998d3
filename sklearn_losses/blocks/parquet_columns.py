"""Columns of Parquet files as columns of X, targets, weights and queries."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sklearn_losses.blocks.parquet_files import Table, arrow, batches
from sklearn_losses.blocks.rows import RowBlock
from sklearn_losses.core.validation import refuse_dates

__all__ = ["Assembly", "Column", "Kind", "Layout", "Other", "find_levels", "kind_of"]

MOST_LEVELS = 100_000  # of a column; names and free text have more


class Kind(NamedTuple):
    """What a column holds, in whatever form it is stored.

    Attributes
    ----------
    category : bool
        Text, or values out of a dictionary.
    ordered : bool
        The dictionary has an order.
    type : DataType
        Of the values.
    """

    category: bool
    ordered: bool
    type: Any

    def __str__(self) -> str:
        return f"{'ordered ' if self.ordered else ''}categories of {self.type}" if self.category else str(self.type)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its values as an array."""
        if self.category:
            return np.dtype(object)
        return np.dtype(float) if arrow().types.is_decimal(self.type) else np.dtype(self.type.to_pandas_dtype())


def kind_of(type: Any, name: str) -> Kind:
    """The kind of a column of this Arrow type.

    Parameters
    ----------
    type : DataType
    name : str
        Of the column, for messages.

    Raises
    ------
    ValueError
        For dates and for what is neither numbers nor categories.
    """
    types = arrow().types
    values = type.value_type if types.is_dictionary(type) else type
    values = arrow().string() if types.is_large_string(values) else values
    if types.is_temporal(values):
        refuse_dates(np.empty(0, "M8[s]"), name)
    category = types.is_dictionary(type) or types.is_string(values)
    numbers = types.is_integer(values) or types.is_floating(values) or types.is_boolean(values) or types.is_decimal(values)
    if not numbers and not types.is_string(values):
        raise ValueError(f"{name} must hold numbers, booleans, text or categories. Got {type}.")
    return Kind(category, types.is_dictionary(type) and type.ordered, values)


def find_levels(tables: Iterable[Table], kinds: Mapping[str, Kind]) -> dict[str, list[Any]]:
    """The levels of columns of categories: sorted, or as they are declared where they are ordered.

    Parameters
    ----------
    tables : list of Table
    kinds : dict of str to Kind
        Of each such column.
    """
    last: dict[str, Any] = {}  # most dictionaries are those of the batch before
    found: dict[str, dict[Any, None]] = {name: {} for name in kinds}
    for table in tables if kinds else ():
        for batch in batches(table, list(kinds), list(kinds)):
            for name, kind in kinds.items():
                dictionary = _dictionary(batch, name).dictionary
                if name in last and dictionary.equals(last[name]):
                    continue
                if kind.ordered and name in last:
                    raise ValueError(
                        f"The ordered levels of {name!r} in {table.file.name} differ from those before; pass levels=."
                    )
                last[name] = dictionary
                found[name] |= dict.fromkeys(level for level in dictionary.to_pylist() if level is not None)
                if len(found[name]) > MOST_LEVELS:
                    raise ValueError(
                        f"{name!r} has more than {MOST_LEVELS} levels in {table.file.name}; leave it out with columns=."
                    )
    return {name: list(levels) if kinds[name].ordered else sorted(levels) for name, levels in found.items()}


class Column(NamedTuple):
    """A column of the files in X.

    Attributes
    ----------
    name : str
    levels : list, or None
        Of a category; None for numbers.
    place : int
        Its first column in X.
    """

    name: str
    levels: list[Any] | None
    place: int


class Other(NamedTuple):
    """What y, the weights or qid are made of.

    Attributes
    ----------
    columns : list of str
    several : bool
        They are an array of two dimensions.
    dtype : dtype
    """

    columns: list[str]
    several: bool
    dtype: np.dtype[Any]

    def empty(self, rows: int) -> NDArray[Any]:
        """An array for so many rows."""
        return np.empty((rows, len(self.columns)) if self.several else rows, self.dtype)


class Layout(NamedTuple):
    """What a block is made of.

    Attributes
    ----------
    columns : list of Column
    others : list of Other or None
        Of y, the weights and qid.
    width : int
        The number of columns of X.
    dtype : dtype
        Of X.
    onehot : bool
        Categories become columns of zeros and ones.
    sparse : bool
    """

    columns: list[Column]
    others: list[Other | None]
    width: int
    dtype: np.dtype[Any]
    onehot: bool
    sparse: bool


class Assembly:
    """A block that is put together from record batches.

    Parameters
    ----------
    layout : Layout
    rows : int
        Of the block.
    lookups : dict
        Of the dictionaries that were met in this pass.
    """

    def __init__(self, layout: Layout, rows: int, lookups: dict[str, Any]) -> None:
        self.layout, self.lookups, self.rows, self.filled = layout, lookups, rows, 0
        # Of sparse rows: the stored entries, as many in each row, and their columns.
        self.places: Any = np.empty((rows, len(layout.columns)), np.int32) if layout.sparse else None
        self.X: Any = np.empty((rows, len(layout.columns) if layout.sparse else layout.width), layout.dtype)
        if layout.onehot and not layout.sparse:
            self.X[:] = 0
        self.others: list[Any] = [None if other is None else other.empty(rows) for other in layout.others]

    @property
    def missing(self) -> int:
        """How many rows are still to come."""
        return self.rows - self.filled

    def add(self, batch: Any, numbers: Sequence[int] | NDArray[np.intp], file: str) -> None:
        """Append a record batch.

        Parameters
        ----------
        batch : RecordBatch
        numbers : sequence of int
            The numbers of its rows in their file, for messages.
        file : str
        """
        rows = slice(self.filled, self.filled + batch.num_rows)
        self.filled = rows.stop
        for number, column in enumerate(self.layout.columns):
            values = self._values(batch, column, numbers, file)
            zero_one = self.layout.onehot and column.levels is not None
            places, values = (values + column.place, 1) if zero_one else (column.place, values)
            if self.layout.sparse:
                self.X[rows, number], self.places[rows, number] = values, places
            else:
                self.X[np.arange(rows.start, rows.stop) if zero_one else rows, places] = values
        for array, other in zip(self.others, self.layout.others, strict=True):
            if other is not None:
                columns = [_plain(_complete(batch, name, numbers, file)) for name in other.columns]
                array[rows] = np.column_stack(columns) if other.several else columns[0]

    def block(self) -> RowBlock:
        """The whole block."""
        X, shape = self.X, (self.rows, self.layout.width)
        if self.layout.sparse:
            ends = np.arange(self.rows + 1) * X.shape[1]
            X = sparse.csr_array((X.ravel(), self.places.ravel(), ends), shape=shape)
        return RowBlock(X, *self.others)

    def _values(self, batch, column, numbers, file):
        """The numbers of a column, or the numbers of its levels."""
        if column.levels is None:
            return _plain(_complete(batch, column.name, numbers, file))
        _complete(batch, column.name, numbers, file)
        array = _dictionary(batch, column.name)
        dictionary, lookup = self.lookups.get(column.name, (None, None))
        if dictionary is None or not array.dictionary.equals(dictionary):
            lookup = _lookup(array.dictionary, column.levels)
            self.lookups[column.name] = array.dictionary, lookup
        codes = lookup[array.indices.to_numpy(zero_copy_only=False)]
        if len(codes) and codes.min() < 0:
            row = int(np.argmin(codes))
            level = array[row].as_py()
            raise ValueError(
                f"{column.name!r} is {level!r} in row {numbers[row]} of {file}, but its levels do not include that."
            )
        return codes


def _column(batch, name):
    return batch.column(batch.schema.get_field_index(name))


def _complete(batch, name, numbers, file):
    """A column, which must have no missing values."""
    array = _column(batch, name)
    if array.null_count:
        row = int(np.argmax(array.is_null().to_numpy(zero_copy_only=False)))
        raise ValueError(f"{name!r} is missing in row {numbers[row]} of {file}; fill missing values, or leave such rows out.")
    return array


def _dictionary(batch, name):
    """A column of text or categories as an array of indices into a dictionary."""
    array = _column(batch, name)
    return array if arrow().types.is_dictionary(array.type) else array.dictionary_encode()


def _plain(array):
    """The values of a column as an array of NumPy; text as an array of objects."""
    types = arrow().types
    if types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if types.is_decimal(array.type):
        array = array.cast("float64")
    return array.to_numpy(zero_copy_only=False)


def _lookup(dictionary, levels):
    """The number of the level of each value of a dictionary, -1 where it is none of them."""
    numbers: Mapping[Any, int] = {level: number for number, level in enumerate(levels)}
    return np.array([numbers.get(value, -1) for value in dictionary.to_pylist()], dtype=np.int32)
