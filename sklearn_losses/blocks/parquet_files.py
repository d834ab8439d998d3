"""Parquet files: what their heads say, and their rows in record batches."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from sklearn_losses.blocks.files import File, same_file

__all__ = ["Table", "arrow", "batches", "heads"]

BATCH_ROWS = 8192  # decoded at a time: their columns stay in the cache until they are in X
BUFFER_BYTES = 2**16  # of each column that is read; without it whole row groups would be read


class Table(NamedTuple):
    """The rows of a file.

    Attributes
    ----------
    file : File
    groups : tuple of int
        How many rows there are in each of its row groups.
    text : frozenset of str
        The columns of text.
    """

    file: File
    groups: tuple[int, ...]
    text: frozenset[str]

    @property
    def n_rows(self) -> int:
        """The number of all rows."""
        return sum(self.groups)


def arrow() -> Any:
    """The package pyarrow with its module ``parquet``."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(f"ParquetBlocks needs pyarrow: pip install pyarrow. {error}.") from error
    return pyarrow


@contextmanager
def _opened(file, categories=()):
    """A context that gives an open file; columns of `categories` come as dictionaries."""
    pyarrow = arrow()
    try:
        with pyarrow.parquet.ParquetFile(
            same_file(file), read_dictionary=list(categories), buffer_size=BUFFER_BYTES, pre_buffer=False
        ) as opened:
            yield opened
    except (pyarrow.ArrowException, OSError) as error:
        if isinstance(error, (FileNotFoundError, MemoryError)):
            raise
        raise ValueError(f"{file.name} cannot be read as a Parquet file: {str(error).splitlines()[0]}") from error


def heads(files: Sequence[File]) -> list[tuple[Table, Any]]:
    """The files that have rows, each with its schema."""
    found = []
    for file in files:
        with _opened(file) as opened:
            metadata, schema = opened.metadata, opened.schema_arrow
            groups = tuple(metadata.row_group(number).num_rows for number in range(metadata.num_row_groups))
        if sum(groups):
            types = arrow().types
            text = frozenset(field.name for field in schema if types.is_string(field.type) or types.is_large_string(field.type))
            found.append((Table(file, groups, text), schema))
    if not found:
        raise ValueError(f"There are no rows: {files[0].name}{' and all other files' if len(files) > 1 else ''} hold none.")
    return found


def batches(
    table: Table, columns: Sequence[str], categories: Sequence[str] = (), groups: Sequence[int] | None = None
) -> Iterator[Any]:
    """Some columns of a file in record batches.

    Parameters
    ----------
    table : Table
    columns : list of str
    categories : list of str
        Those of them that come as dictionaries.
    groups : list of int, default=None
        The row groups. None: all.
    """
    with _opened(table.file, table.text.intersection(categories)) as opened:
        # Arrow's threads would be missing after a fork; one thread reads ahead already.
        options = {"batch_size": BATCH_ROWS, "columns": list(columns), "use_threads": False}
        yield from opened.iter_batches(row_groups=groups, **options)
        same_file(table.file)
