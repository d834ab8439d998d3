"""``.npy`` files as a source."""

import os
import pickle

import numpy as np
import pytest

from sklearn_losses.blocks import NpyBlocks, checked_blocks, checked_rows, place_of

RNG = np.random.default_rng(0)
TABLE = RNG.standard_normal((57, 5))
PARTS = [TABLE[:10], TABLE[10:11], TABLE[11:11], TABLE[11:40], TABLE[40:]]


def write(folder, parts=PARTS, name="part"):
    """Files whose natural order is that of the parts."""
    for number, part in enumerate(parts):
        np.save(folder / f"{name}-{9 + number}.npy", part)
    return f"{folder}/{name}-*.npy"


def joined(source):
    blocks = list(checked_blocks(source))
    return [None if values[0] is None else np.concatenate(values) for values in zip(*blocks, strict=True)]


@pytest.mark.parametrize("block_rows", [1, 4, 10, 57, None])
@pytest.mark.parametrize("order", ["C", "F"])
def test_all_rows_in_order(tmp_path, block_rows, order):
    pattern = write(tmp_path, [np.asarray(part, order=order) for part in PARTS])
    source = NpyBlocks(pattern, target=-1, weight=1, qid=0, block_rows=block_rows)
    assert source.shape == (57, 2) and source.dtype == np.float64
    for values, expected in zip(joined(source), (TABLE[:, 2:4], TABLE[:, 4], TABLE[:, 1], TABLE[:, 0]), strict=True):
        np.testing.assert_array_equal(values, expected)
    assert all(len(block.X) == source.block_rows for block in list(source.blocks())[:-1])


def test_blocks_in_another_order(tmp_path):
    source = NpyBlocks(write(tmp_path), target=0, block_rows=10)
    assert source.n_blocks == 6
    order = source.shuffled(np.random.RandomState(1))
    assert sorted(order) == list(range(6)) and order.tolist() != sorted(order)
    for number, block in zip(order, checked_blocks(source, order), strict=True):
        np.testing.assert_array_equal(block.y, TABLE[10 * number : 10 * number + 10, 0])
    assert list(checked_blocks(source, [])) == []
    for wrong in ([6], [-1], [0.5]):
        with pytest.raises(ValueError, match="order must hold numbers of blocks from 0 to 5"):
            list(source.blocks(wrong))


@pytest.mark.parametrize("order", ["C", "F"])
def test_some_rows(tmp_path, order):
    source = NpyBlocks(write(tmp_path, [np.asarray(part, order=order) for part in PARTS]), target=[4, 0], columns=[3, 1])
    for rows in ([], [0], [56], [9, 10, 11], [0, 0, 2], np.arange(57), np.arange(0, 57, 7)):
        block = checked_rows(source, np.asarray(rows, dtype=int))
        np.testing.assert_array_equal(block.X, TABLE[rows][:, [3, 1]] if len(rows) else np.empty((0, 2)))
        np.testing.assert_array_equal(block.y, TABLE[rows][:, [4, 0]] if len(rows) else np.empty((0, 2)))


def test_long_rows_are_read_apart(tmp_path):
    """Rows of 80 kB, in pieces of several, and from one to a far one."""
    table = RNG.standard_normal((40, 10_000))
    np.save(tmp_path / "long.npy", table)
    source = NpyBlocks(tmp_path / "long.npy", target=5000, block_rows=32)
    np.testing.assert_array_equal(joined(source)[0], np.delete(table, 5000, axis=1))
    np.testing.assert_array_equal(source.take([1, 2, 20, 39]).y, table[[1, 2, 20, 39], 5000])


@pytest.mark.parametrize("dtype, read", [("f4", "f4"), (">f8", "f8"), (">f4", "f4"), ("f2", "f8"), ("i4", "f8"), ("?", "f8")])
def test_types(tmp_path, dtype, read):
    table = (TABLE > 0).astype(dtype)
    source = NpyBlocks(write(tmp_path, [table[:20], table[20:]]), target=2, block_rows=15)
    assert source.dtype == read
    X, y, *_ = joined(source)
    assert X.dtype == read and y.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(X, np.delete(table, 2, axis=1))
    np.testing.assert_array_equal(y, table[:, 2])


def test_targets_in_files_of_their_own(tmp_path):
    labels = np.where(TABLE[:, 0] > 0, "yes", "no")
    X = write(tmp_path, [TABLE[:30], TABLE[30:]])
    pairs = NpyBlocks(X, target=write(tmp_path, [labels[:30], labels[30:]], "y"), block_rows=8)
    np.save(tmp_path / "all.npy", labels)
    np.save(tmp_path / "two.npy", TABLE[:, :2])
    single = NpyBlocks(X, target=str(tmp_path / "all.npy"), weight=0, block_rows=8)
    several = NpyBlocks(X, target=[tmp_path / "two.npy"])
    np.testing.assert_array_equal(joined(pairs)[1], labels)
    np.testing.assert_array_equal(joined(pairs)[0], TABLE)
    np.testing.assert_array_equal(joined(single)[1], labels)
    np.testing.assert_array_equal(joined(single)[0], TABLE[:, 1:])
    np.testing.assert_array_equal(joined(several)[1], TABLE[:, :2])
    np.testing.assert_array_equal(single.take([3, 50]).y, labels[[3, 50]])


def test_a_list_keeps_its_order_and_a_pattern_has_the_natural_one(tmp_path):
    write(tmp_path)
    listed = [tmp_path / f"part-{number}.npy" for number in (12, 9)]
    np.testing.assert_array_equal(joined(NpyBlocks(listed))[0], np.concatenate([PARTS[3], PARTS[0]]))
    (tmp_path / "year=2").mkdir()
    np.save(tmp_path / "year=2" / "a[1].npy", TABLE)
    np.testing.assert_array_equal(joined(NpyBlocks(tmp_path / "year=2" / "a[1].npy"))[0], TABLE)
    assert NpyBlocks(f"{tmp_path}/**/*.npy").shape == (114, 5)


def test_a_source_is_pickled_without_rows_and_finds_its_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    text = pickle.dumps(NpyBlocks("part-*.npy", target=0))
    monkeypatch.chdir("/")
    source = pickle.loads(text)
    assert len(text) < 2000
    np.testing.assert_array_equal(joined(source)[0], TABLE[:, 1:])
    assert [place_of(source, row) for row in (0, 10, 11, 56)] == [
        "row 0 of part-9.npy",
        "row 0 of part-10.npy",
        "row 0 of part-12.npy",
        "row 16 of part-13.npy",
    ]


@pytest.mark.parametrize(
    "parts, message",
    [
        ([TABLE, TABLE[:, 1:]], r"part-10.npy has rows of shape \(4,\), but .*part-9.npy has \(5,\)"),
        ([TABLE.astype("f4"), TABLE], "part-10.npy holds float64, but .*part-9.npy holds float32; write all files"),
        ([TABLE, TABLE.astype(int)], "part-10.npy holds int64, but .*part-9.npy holds float64"),
        ([TABLE[:, 0]], "part-9.npy must hold an array of two dimensions"),
        ([TABLE[None]], "part-9.npy must hold numbers or text in one or two dimensions"),
        ([TABLE[:0], TABLE[:0]], "There are no rows: .*part-9.npy and all other files hold none"),
        ([TABLE.astype(str)], "part-9.npy must hold real numbers. Got <U32"),
        ([TABLE.astype(complex)], "part-9.npy must hold numbers.*complex128"),
        ([TABLE.astype("M8[D]")], "part-9.npy holds dates"),
        ([TABLE.astype(object)], "part-9.npy holds Python objects"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_files_that_are_refused(tmp_path, parts, message):
    pattern = write(tmp_path, parts)
    with pytest.raises(ValueError, match=message):
        NpyBlocks(pattern)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"target": 5}, "target is column 5, but .*part-9.npy has the columns 0 to 4"),
        ({"target": -6}, "target is column -6"),
        ({"target": [0, -5]}, "target must name each column once"),
        ({"weight": [1, 2]}, "weight must be one column"),
        ({"target": 1, "columns": [0, 1]}, "columns contains 1, which is the column of the target"),
        ({"columns": ["age"]}, "columns must be column numbers"),
        ({"target": 0.5}, "target must be column numbers of the .npy files. Got 0.5"),
        ({"target": [0, 1, 2, 3, 4]}, "No column of .*part-9.npy is left for X"),
        ({"block_rows": 0}, "block_rows"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_arguments_that_are_refused(tmp_path, arguments, message):
    pattern = write(tmp_path)
    with pytest.raises(ValueError, match=message):
        NpyBlocks(pattern, **arguments)


def test_targets_that_do_not_fit_their_rows(tmp_path):
    X = write(tmp_path, [TABLE[:30], TABLE[30:]])
    with pytest.raises(ValueError, match="y-9.npy has 29 rows, but .*part-9.npy, whose target it holds, has 30"):
        NpyBlocks(X, target=write(tmp_path, [TABLE[:29, 0], TABLE[29:, 0]], "y"))
    with pytest.raises(ValueError, match="3 files of the weight for 2 files of X"):
        NpyBlocks(X, weight=write(tmp_path, [TABLE[:19, 0]] * 3, "w"))
    with pytest.raises(ValueError, match="one-9.npy has 20 rows, but the files of X have 57"):
        NpyBlocks(X, qid=write(tmp_path, [TABLE[:20, 0]], "one"))


def test_files_that_are_not_there(tmp_path):
    for paths in (f"{tmp_path}/*.npy", tmp_path / "a.npy"):
        with pytest.raises(FileNotFoundError, match="No file matches"):
            NpyBlocks(paths)
    with pytest.raises(FileNotFoundError, match="a.npy cannot be read: No such file"):
        NpyBlocks([tmp_path / "a.npy"])
    with pytest.raises(ValueError, match="is empty"):
        NpyBlocks([])
    with pytest.raises(ValueError, match="is a folder. Give a pattern"):
        NpyBlocks(tmp_path)


def test_files_that_are_broken(tmp_path):
    np.save(tmp_path / "a.npy", TABLE)
    whole = (tmp_path / "a.npy").read_bytes()
    for size, message in ((len(whole) - 1, "is cut short"), (50, "is not a complete .npy file"), (0, "is not a complete")):
        (tmp_path / "a.npy").write_bytes(whole[:size])
        with pytest.raises(ValueError, match=f"a.npy {message}"):
            NpyBlocks(tmp_path / "a.npy")
    (tmp_path / "a.npy").write_text("1,2,3\n")
    with pytest.raises(ValueError, match="a.npy is not a complete .npy file"):
        NpyBlocks(tmp_path / "a.npy")


def test_files_that_change_or_go(tmp_path):
    source = NpyBlocks(write(tmp_path), block_rows=10)
    last = tmp_path / "part-13.npy"
    assert len(list(source.blocks())) == 6
    os.utime(last, ns=(0, 0))
    with pytest.raises(ValueError, match="part-13.npy has changed since the source was made"):
        list(source.blocks())
    last.unlink()
    with pytest.raises(FileNotFoundError, match="part-13.npy existed when the source was made, but cannot be read now"):
        source.take([56])
    np.testing.assert_array_equal(source.take([5]).X, TABLE[[5]])
