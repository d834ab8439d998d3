"""The protocol of a source, the check of what it gives, and arrays as a source."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import GridSearchCV

from sklearn_losses import LossRegressor
from sklearn_losses.blocks import (
    ArrayBlocks,
    RowBlock,
    RowSource,
    checked_blocks,
    checked_rows,
    is_row_source,
    place_of,
)

RNG = np.random.default_rng(0)
X = RNG.standard_normal((23, 3))
Y = RNG.standard_normal(23)


class Given:
    """A source that gives whatever blocks it was made of."""

    def __init__(self, *blocks, shape=(4, 2), dtype=np.float64):
        self.given, self.shape, self.dtype = blocks, shape, np.dtype(dtype)

    def blocks(self):
        return iter(self.given)

    def take(self, rows):
        return self.given[0]


def joined(blocks):
    """All rows of some blocks in one."""
    fields = [None if values[0] is None else list(values) for values in zip(*blocks, strict=True)]
    if sparse.issparse(fields[0][0]):
        fields[0] = [X.toarray() for X in fields[0]]
    return RowBlock(*(values if values is None else np.concatenate(values) for values in fields))


@pytest.mark.parametrize("block_rows", [1, 7, 23, 100, None])
def test_arrays_in_blocks(block_rows):
    source = ArrayBlocks(X, Y, np.arange(23), np.arange(23) // 5, block_rows)
    blocks = list(checked_blocks(source))
    assert [len(block.X) for block in blocks[:-1]] == [block_rows] * (len(blocks) - 1)
    assert all(np.shares_memory(block.X, X) and np.shares_memory(block.y, Y) for block in blocks)
    for values, expected in zip(joined(blocks), (X, Y, np.arange(23), np.arange(23) // 5), strict=True):
        np.testing.assert_array_equal(values, expected)
    assert isinstance(source, RowSource) and source.shape == (23, 3) and "23 rows and 3 columns" in repr(source)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, ">f4", np.float16, np.int8, bool, np.uint64])
@pytest.mark.parametrize("kind", ["array", "csr_matrix", "csr_array"])
def test_types_of_arrays(dtype, kind):
    table = np.abs(np.round(3 * X)).astype(dtype)
    if kind != "array" and np.dtype(dtype) in (np.dtype(">f4"), np.dtype(np.float16)):
        rows = sparse.csr_matrix(table.astype(np.float32))  # SciPy has no others
    else:
        rows = table if kind == "array" else getattr(sparse, kind)(table)
    source = ArrayBlocks(rows, block_rows=5)
    assert source.dtype == (np.float32 if rows.dtype.newbyteorder("=") == np.float32 else np.float64)
    read = joined(list(checked_blocks(source)))
    np.testing.assert_array_equal(read.X, table)
    assert read.y is None
    some = checked_rows(source, np.array([0, 3, 3, 22])).X
    np.testing.assert_array_equal(some.toarray() if sparse.issparse(some) else some, table[[0, 3, 3, 22]])


def test_a_memory_map(tmp_path):
    np.save(tmp_path / "X.npy", X)
    rows = np.load(tmp_path / "X.npy", mmap_mode="r")
    source = ArrayBlocks(rows, list(Y), block_rows=10)
    for block in checked_blocks(source):
        assert type(block.X) is np.ndarray and np.shares_memory(block.X, rows)
    assert checked_rows(source, np.array([], dtype=int)).X.shape == (0, 3)


class Stored:
    """An array of a file format, which is read where it is sliced."""

    def __init__(self, values):
        self.values, self.dtype, self.shape, self.read = values, values.dtype, values.shape, []

    def __getitem__(self, rows):
        self.read.append(len(self.values[rows]))
        return self.values[rows]


def test_what_can_be_sliced_as_an_array():
    rows, y = Stored(X.astype(np.int16)), Stored(Y)
    source = ArrayBlocks(rows, y, block_rows=10)
    assert rows.read == y.read == []
    read = joined(list(checked_blocks(source)))
    np.testing.assert_array_equal(read.X, X.astype(np.int16))
    np.testing.assert_array_equal(read.y, Y)
    assert rows.read == y.read == [10, 10, 3] and source.dtype == np.float64


def test_frames_of_targets_and_several_targets():
    pandas = pytest.importorskip("pandas")
    series = pandas.Series(Y, index=np.arange(23)[::-1])
    np.testing.assert_array_equal(ArrayBlocks(X, series, block_rows=4).take([1, 2]).y, Y[1:3])
    np.testing.assert_array_equal(ArrayBlocks(X.tolist(), X[:, :2]).take([5]).y, X[5:6, :2])
    with pytest.raises(TypeError, match="an array, a memory map or a CSR matrix. Got DataFrame"):
        ArrayBlocks(pandas.DataFrame(X))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((X[:, 0],), "two dimensions"),
        ((sparse.csc_matrix(X),), "must be a CSR matrix.*Got csc"),
        ((X.astype(complex),), "X must hold real numbers. Got complex128"),
        ((X.astype("M8[D]"),), "X holds dates"),
        ((X.astype(str),), "X must hold real numbers. Got <U"),
        ((X, Y[:-1]), r"y must have a value for each of the 23 rows of X. Got shape \(22,\)"),
        ((X, Y, X), "sample_weight must have a value for each"),
        ((X, Y, Y, Y[:, None]), "qid must have a value for each"),
        ((X, Y, None, None, 0), "block_rows must be an integer of at least 1"),
        ((X, Y, None, None, 2.0), "block_rows must be an integer"),
    ],
    ids=lambda value: value.split(".")[0] if isinstance(value, str) else "",
)
def test_arrays_that_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ArrayBlocks(*arguments)


@pytest.mark.parametrize("rows", [[-1, 2], [3, 1], [0, 23], [[1]], [0.5]])
def test_row_numbers_that_are_refused(rows):
    with pytest.raises(ValueError, match="rows must be"):
        ArrayBlocks(X).take(rows)


def test_what_is_a_source():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    frame = pandas.DataFrame({"blocks": [1.0], "take": [2.0]})
    for rows in (X, X.tolist(), sparse.csr_matrix(X), frame, polars.DataFrame({"blocks": [1.0]}), None, "part-*.npy"):
        assert not is_row_source(rows)
    assert is_row_source(Given()) and is_row_source(ArrayBlocks(X))
    assert isinstance(Given(), RowSource) and not isinstance(X, RowSource)


def test_a_source_of_tuples_and_empty_blocks():
    ones = np.ones((2, 2))
    blocks = list(checked_blocks(Given((ones[:0], []), (ones, [1, 2]), (ones[:0], []), (ones, [3, 4]))))
    assert [block.y.tolist() for block in blocks] == [[1, 2], [3, 4]]
    assert all(isinstance(block, RowBlock) for block in blocks)
    (block,) = checked_blocks(Given((sparse.coo_matrix(np.ones((4, 2))),)))
    assert block.X.format == "csr" and block.y is None


ONES = np.ones((2, 2))


@pytest.mark.parametrize(
    "blocks, message",
    [
        ([ONES], "must give RowBlock.*Got ndarray as block 0"),
        ([(ONES, Y[:2], Y[:2], Y[:2], Y[:2])], "must give RowBlock.*Got tuple"),
        ([(ONES, Y[:2]), (np.ones((2, 3)), Y[:2])], r"X of block 1 must have shape \(n, 2\).*Got \(2, 3\)"),
        ([(np.ones(2), Y[:2])], r"X of block 0 must have shape \(n, 2\)"),
        ([(ONES, Y[:2]), (ONES.astype(np.float32), Y[:2])], "X of block 1 must hold float64, as the source says. Got float32"),
        ([(ONES, Y[:3])], r"y of block 0 must have shape \(2,\) or \(2, K\)"),
        ([(ONES, Y[:2], 1.0)], r"sample_weight of block 0 must have shape \(2,\)"),
        ([(ONES, Y[:2], None, ONES)], r"qid of block 0 must have shape \(2,\)"),
        ([(ONES, Y[:2]), (ONES,)], "block 1 has a dense X, no y, .* the first one a dense X, y,"),
        ([(ONES, Y[:2]), (ONES, ONES)], "block 1 has a dense X, y of 2 columns"),
        ([(ONES, Y[:2]), (sparse.csr_matrix(ONES), Y[:2])], "block 1 has a sparse X"),
        ([(ONES, Y[:2])], "says that it has 4 rows, but its blocks hold 2"),
        ([(ONES, Y[:2])] * 3, "says that it has 4 rows, but its blocks up to block 2 hold 6"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_blocks_that_are_refused(blocks, message):
    with pytest.raises((ValueError, TypeError), match=message):
        list(checked_blocks(Given(*blocks)))


def test_taken_rows_are_checked():
    with pytest.raises(ValueError, match="one row for each of 3 numbers. Got 2 rows"):
        checked_rows(Given((ONES, Y[:2])), np.arange(3))


def test_places():
    class Named(Given):
        def where(self, row):
            return f"line {row + 1} of the table"

    assert place_of(Given(), 3) == "row 3"
    assert place_of(Named(), 3) == "line 4 of the table"


def test_arrays_are_pickled():
    source = pickle.loads(pickle.dumps(ArrayBlocks(X, Y, block_rows=9)))
    assert source.block_rows == 9
    np.testing.assert_array_equal(joined(list(source.blocks())).X, X)


def test_blocks_that_are_read_once():
    class Once(Given):
        def __init__(self, *blocks):
            super().__init__(*blocks)
            self.rest = iter(blocks)

        def blocks(self):
            return self.rest

    source = Once((ONES, Y[: len(ONES)]))
    source.shape = ONES.shape
    assert len(list(checked_blocks(source))) == 1
    with pytest.raises(ValueError, match="hold 0; blocks.. must give a new iterator over all rows each time"):
        list(checked_blocks(source))


def test_blocks_that_are_no_iterator():
    class Number(Given):
        def blocks(self):
            return 3

    with pytest.raises(TypeError, match="must give an iterator of blocks. Got int"):
        list(checked_blocks(Number()))


def test_a_source_is_no_array():
    """Tools that cut rows themselves say so, and do not take it for one object."""
    with pytest.raises(TypeError, match="ArrayBlocks is a source of row blocks and not an array"):
        GridSearchCV(LossRegressor(), {"alpha": [0.1, 1.0]}).fit(ArrayBlocks(X, Y))
