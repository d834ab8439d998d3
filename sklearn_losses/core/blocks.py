"""How the rows are cut into blocks that fit the cache."""

from scipy import sparse

__all__ = ["row_slices", "rows_of_copies"]

# Blocks of rows are as small as what a block costs beside its rows allows: threads meet at each of a block's calls.
ENTRIES = 2**19  # of a block of sparse rows at the least,
ENTRIES_PER_COLUMN = 10  # and for each column, as a block makes a vector of all of them
COPIED = 2**22  # bytes of the rows of a block that is copied: about twice a core's second-level cache
READ = 2**24  # bytes of those that are only read,
LONGEST = 2**16  # and their number at the most, as a block makes several vectors of that length


def row_slices(X, copied=True, dense=True):
    """Slices of all rows in order, the same for float32 and float64; `dense` where sparse rows are made arrays."""
    n, columns = X.shape
    if sparse.issparse(X) and not dense:
        rows = -(-n // max(1, X.nnz // max(ENTRIES, ENTRIES_PER_COLUMN * columns)))
    else:
        rows = rows_of_copies(columns) if copied else min(LONGEST, _rows_in(READ, columns))
    return [slice(start, min(start + rows, n)) for start in range(0, n, max(1, rows))]


def rows_of_copies(columns):
    """How many rows a block has that is copied."""
    return _rows_in(COPIED, columns)


def _rows_in(size, columns):
    """How many rows take up so many bytes, but not so few that calls are what costs."""
    return max(256, size // (8 * max(1, columns)))
