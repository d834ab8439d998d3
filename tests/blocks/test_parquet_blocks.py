"""Parquet files as a source."""

import datetime
import decimal
import os
import pickle
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from sklearn_losses.blocks import ParquetBlocks, RowSource, checked_blocks, checked_rows, place_of

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

RNG = np.random.default_rng(0)
N = 61
FRAME = pd.DataFrame(
    {
        "loss": RNG.gamma(2.0, size=N),
        "age": RNG.integers(18, 90, N),
        "exposure": RNG.uniform(0.5, 1.0, N),
        "region": RNG.choice(["north", "south", "east"], N),
        "own": RNG.random(N) < 0.5,
        "brand": pd.Categorical(RNG.choice(["b", "a"], N), categories=["b", "a"]),
        "query": np.arange(N) // 7,
    }
)
NUMBERS = ["age", "own"]
TEXT = ["region", "brand"]


def write(folder, frame=FRAME, cuts=(10, 11, 11, 40), group_rows=6):
    """Files whose natural order is that of the rows."""
    places = [0, *cuts, len(frame)]
    for number, (start, stop) in enumerate(zip(places[:-1], places[1:], strict=True)):
        table = pyarrow.Table.from_pandas(frame.iloc[start:stop], preserve_index=False)
        parquet.write_table(table, folder / f"part-{9 + number}.parquet", row_group_size=group_rows)
    return f"{folder}/part-*.parquet"


def dense(X):
    return X.toarray() if sparse.issparse(X) else X


def joined(source):
    fields = list(zip(*checked_blocks(source), strict=True))
    fields[0] = [dense(X) for X in fields[0]]
    return [None if values[0] is None else np.concatenate(values) for values in fields]


@pytest.mark.parametrize("block_rows", [1, 4, 10, 61, None])
def test_all_rows_in_order(tmp_path, block_rows):
    source = ParquetBlocks(
        write(tmp_path), target="loss", weight="exposure", qid="query", columns=NUMBERS, block_rows=block_rows
    )
    assert isinstance(source, RowSource) and source.shape == (N, 2) and source.dtype == np.float64
    assert source.feature_names == source.columns == NUMBERS and source.levels == {}
    X, y, weight, qid = joined(source)
    np.testing.assert_array_equal(X, FRAME[NUMBERS].to_numpy(float))
    for values, name in ((y, "loss"), (weight, "exposure"), (qid, "query")):
        np.testing.assert_array_equal(values, FRAME[name])
    assert all(len(block.X) == source.block_rows for block in list(source.blocks())[:-1])


@pytest.mark.parametrize("categories", ["codes", "onehot"])
def test_categories_are_those_of_scikit_learn(tmp_path, categories):
    source = ParquetBlocks(write(tmp_path), target="loss", columns=["age", *TEXT], categories=categories, block_rows=9)
    encoder = OrdinalEncoder() if categories == "codes" else OneHotEncoder(sparse_output=False)
    expected = encoder.fit_transform(FRAME[TEXT].astype(str))
    np.testing.assert_array_equal(joined(source)[0], np.column_stack([FRAME["age"], expected]))
    assert source.feature_names[1:] == encoder.get_feature_names_out().tolist()
    assert source.levels == {"region": ["east", "north", "south"], "brand": ["a", "b"]}
    rows = np.array([0, 5, 5, 9, 10, 11, 39, 60])
    np.testing.assert_array_equal(checked_rows(source, rows).X[:, 1:], expected[rows])


@pytest.mark.parametrize("kind", [str, "category", "polars"])
def test_many_levels_are_sparse_rows(tmp_path, kind):
    names = [f"level {number}" for number in RNG.permutation(N)]
    frame = pd.DataFrame({"y": np.arange(N), "name": names, "x": RNG.standard_normal(N)})
    if kind == "polars":
        pytest.importorskip("polars").from_pandas(frame).write_parquet(tmp_path / "part-1.parquet")
        source = ParquetBlocks(tmp_path / "part-1.parquet", "y", categories="onehot", block_rows=10)
    else:
        source = ParquetBlocks(write(tmp_path, frame.astype({"name": kind})), "y", categories="onehot", block_rows=10)
    blocks = list(checked_blocks(source))
    assert all(block.X.format == "csr" and block.X.has_sorted_indices and block.X.nnz == 2 * len(block.y) for block in blocks)
    X, y, *_ = joined(source)
    expected = OneHotEncoder(sparse_output=False).fit_transform(frame[["name"]])
    np.testing.assert_array_equal(X, np.column_stack([expected, frame["x"]]))
    np.testing.assert_array_equal(y, frame["y"])
    np.testing.assert_array_equal(source.take([1, 60]).X.toarray(), X[[1, 60]])


def test_ordered_categories_keep_their_order(tmp_path):
    grades = pd.Categorical(["mid", "low", "mid", "low"] * 5, categories=["low", "mid", "high"], ordered=True)
    source = ParquetBlocks(write(tmp_path, pd.DataFrame({"grade": grades}), (7,)), categories="codes")
    assert source.levels == {"grade": ["low", "mid", "high"]}
    np.testing.assert_array_equal(joined(source)[0][:, 0], grades.codes)
    other = pd.DataFrame({"grade": pd.Categorical(["a"], categories=["a", "low"], ordered=True)})
    other.to_parquet(tmp_path / "part-99.parquet")
    with pytest.raises(ValueError, match="The ordered levels of 'grade' in .*part-99.parquet differ"):
        ParquetBlocks(f"{tmp_path}/*.parquet", categories="codes")
    pd.DataFrame({"grade": ["low"]}).to_parquet(tmp_path / "part-99.parquet")
    with pytest.raises(ValueError, match="holds categories of string, but that of .* ordered categories of string"):
        ParquetBlocks(f"{tmp_path}/*.parquet", categories="codes")


def test_levels_of_other_data(tmp_path):
    (tmp_path / "new").mkdir()
    train = ParquetBlocks(write(tmp_path), columns=TEXT, categories="onehot")
    new = write(tmp_path / "new", FRAME[FRAME.region == "south"], ())
    source = ParquetBlocks(new, columns=TEXT, categories="onehot", levels=train.levels)
    assert source.feature_names == train.feature_names
    assert set(joined(source)[0][:, 2]) == {1.0}
    levels = train.levels | {"region": ["east", "north"]}
    with pytest.raises(
        ValueError, match="'region' is 'south' in row 0 of .*part-9.parquet, but its levels do not include that"
    ):
        list(ParquetBlocks(new, columns=TEXT, categories="codes", levels=levels).blocks())
    with pytest.raises(ValueError, match="levels has no entry for the column 'brand'"):
        ParquetBlocks(new, columns=TEXT, categories="codes", levels={"region": ["south"]})
    with pytest.raises(ValueError, match="each level once"):
        ParquetBlocks(new, columns=["region"], categories="codes", levels={"region": ["south", "south"]})


def test_targets_of_text_and_several_targets(tmp_path):
    pattern = write(tmp_path)
    for name in TEXT:
        y = joined(ParquetBlocks(pattern, target=name, columns=NUMBERS, block_rows=8))[1]
        assert y.tolist() == FRAME[name].tolist()
    y = joined(ParquetBlocks(pattern, target=["loss", "age"], columns=["own"], block_rows=8))[1]
    np.testing.assert_array_equal(y, FRAME[["loss", "age"]])
    assert joined(ParquetBlocks(pattern, target=["loss"], columns=["own"]))[1].shape == (N, 1)
    assert ParquetBlocks(pattern, "own", columns=["age"]).take([]).y.dtype == bool


@pytest.mark.parametrize(
    "types, dtype",
    [(["f4", "f4"], "f4"), (["f4", "i2"], "f4"), (["f4", "i8"], "f8"), (["f2", "f2"], "f8"), (["?", "u8"], "f8")],
)
def test_types_are_those_of_a_frame(tmp_path, types, dtype):
    frame = pd.DataFrame({"a": (100 * FRAME["loss"]).astype(types[0]), "b": FRAME["age"].astype(types[1])})
    source = ParquetBlocks(write(tmp_path, frame), block_rows=20)
    assert source.dtype == dtype
    np.testing.assert_array_equal(joined(source)[0], frame.to_numpy(dtype))


def test_decimals(tmp_path):
    values = [decimal.Decimal("1.25"), decimal.Decimal("-0.50")]
    parquet.write_table(pyarrow.table({"a": values, "y": values}), tmp_path / "a.parquet")
    X, y, *_ = joined(ParquetBlocks(tmp_path / "a.parquet", target="y"))
    assert X.tolist() == [[1.25], [-0.5]] and y.tolist() == [1.25, -0.5] and y.dtype == float


@pytest.mark.parametrize("group_rows", [1, 6, 100])
def test_some_rows_are_read_from_their_row_groups(tmp_path, group_rows):
    source = ParquetBlocks(write(tmp_path, group_rows=group_rows), target="loss", columns=NUMBERS)
    for rows in ([], [0], [60], [9, 10, 11], [0, 0, 2], np.arange(N), np.arange(0, N, 7)):
        block = checked_rows(source, np.asarray(rows, dtype=int))
        np.testing.assert_array_equal(block.X, FRAME[NUMBERS].to_numpy(float)[np.asarray(rows, dtype=int)])
        np.testing.assert_array_equal(block.y, FRAME["loss"].to_numpy()[np.asarray(rows, dtype=int)])


@pytest.mark.parametrize("group_rows", [1, 16, 100])
def test_blocks_in_another_order(tmp_path, group_rows):
    source = ParquetBlocks(write(tmp_path, group_rows=group_rows), "loss", columns=NUMBERS, block_rows=5)
    assert source.n_blocks == 13
    orders = [source.shuffled(np.random.RandomState(seed)) for seed in range(8)]
    for order in [*orders, np.array([3]), np.array([12, 2, 3, 4, 0]), np.array([], dtype=int)]:
        blocks = list(checked_blocks(source, order))
        assert len(blocks) == len(order)
        for number, block in zip(order, blocks, strict=True):
            np.testing.assert_array_equal(block.y, FRAME["loss"][5 * number : 5 * number + 5])
            np.testing.assert_array_equal(block.X, FRAME[NUMBERS][5 * number : 5 * number + 5].to_numpy(float))
    assert {tuple(sorted(order)) for order in orders} == {tuple(range(13))} and len(set(map(tuple, orders))) > 2
    with pytest.raises(ValueError, match="order must hold numbers of blocks from 0 to 12"):
        source.blocks([13])


def test_a_source_is_pickled_without_rows_and_finds_its_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    text = pickle.dumps(ParquetBlocks("part-*.parquet", target="loss", categories="codes"))
    monkeypatch.chdir("/")
    source = pickle.loads(text)
    assert len(text) < 4000 and source.shape == (N, 6)
    np.testing.assert_array_equal(joined(source)[1], FRAME["loss"])
    assert [place_of(source, row) for row in (9, 10, 11, 60)] == [
        "row 9 of part-9.parquet",
        "row 0 of part-10.parquet",
        "row 0 of part-12.parquet",
        "row 20 of part-13.parquet",
    ]


def test_columns_may_stand_in_another_order_in_another_file(tmp_path):
    write(tmp_path, FRAME[:30], ())
    FRAME[30:][FRAME.columns[::-1]].to_parquet(tmp_path / "part-10.parquet", index=False)
    source = ParquetBlocks(f"{tmp_path}/*.parquet", target="loss", columns=NUMBERS)
    np.testing.assert_array_equal(joined(source)[0], FRAME[NUMBERS].to_numpy(float))


def test_all_columns_are_those_of_all_files(tmp_path):
    FRAME[NUMBERS][FRAME["age"] > 50].to_parquet(tmp_path / "part-1.parquet")  # with an index
    FRAME[NUMBERS].to_parquet(tmp_path / "part-2.parquet")  # without one
    assert ParquetBlocks(f"{tmp_path}/*.parquet").columns == NUMBERS
    FRAME[[*NUMBERS, "loss"]].to_parquet(tmp_path / "part-3.parquet")
    with pytest.raises(ValueError, match="part-3.parquet has a column 'loss' that .*part-1.parquet does not have"):
        ParquetBlocks(f"{tmp_path}/*.parquet")
    assert ParquetBlocks(f"{tmp_path}/*.parquet", columns=NUMBERS).shape[1] == 2


def test_names_with_dots_and_double_names(tmp_path):
    table = pyarrow.table({"a.b": [1.0], "a": [2.0], "s": [{"x": 3.0}]})
    parquet.write_table(table, tmp_path / "a.parquet")
    for names, row in ((["a"], [2]), (["a.b"], [1]), (["a", "a.b"], [2, 1])):
        assert ParquetBlocks(tmp_path / "a.parquet", columns=names).take([0]).X.tolist() == [row]
    with pytest.raises(ValueError, match="'s' of .* must hold numbers.* Got struct"):
        ParquetBlocks(tmp_path / "a.parquet")
    parquet.write_table(pyarrow.Table.from_arrays([table["a"], table["a"]], names=["a", "a"]), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="a.parquet has more than one column 'a'"):
        ParquetBlocks(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"age": FRAME["age"].astype(float)}, "'age' of .*part-10.parquet holds double, but that of .*part-9.parquet int64"),
        ({"age": FRAME["age"].astype(str)}, "'age' of .*part-10.parquet holds categories of string, but that of"),
        ({"age": None}, "part-10.parquet has no column 'age'; its columns are 'loss', 'exposure'"),
        ({"age": pd.Timestamp("2020-01-01")}, "'age' of .*part-10.parquet holds dates or time spans"),
        ({"age": datetime.date(2020, 1, 1)}, "'age' of .*part-10.parquet holds dates"),
        ({"age": pd.Timedelta(1, "D")}, "'age' of .*part-10.parquet holds dates"),
        ({"age": [[1.0]] * N}, "'age' of .*part-10.parquet must hold numbers, booleans, text or categories. Got list"),
        ({"age": [None] * N}, "'age' of .*part-10.parquet must hold numbers.* Got null"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_later_file_that_is_another_one(tmp_path, change, message):
    write(tmp_path, FRAME[:30], ())
    other = FRAME.assign(**change)[30:]
    other = other.drop(columns="age") if change["age"] is None else other
    other.to_parquet(tmp_path / "part-10.parquet")
    with pytest.raises(ValueError, match=message):
        ParquetBlocks(f"{tmp_path}/*.parquet", target="loss", columns=NUMBERS)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"target": "los"}, "part-9.parquet has no column 'los'; its columns are 'loss', 'age'"),
        ({"target": 0}, "target must be names of columns. Got 0"),
        ({"target": [0]}, "target must be names of columns"),
        ({"target": ["loss", "loss"]}, "target must name each column once"),
        ({"target": "age", "columns": NUMBERS}, "columns contains 'age', which is the column of the target"),
        ({"weight": ["loss", "age"]}, "weight must be one column"),
        ({"weight": "region"}, "The weight 'region' of .*part-9.parquet must hold numbers"),
        ({}, "'region' of .*part-9.parquet holds text or categories. Pass categories="),
        ({"columns": []}, "No column of .*part-9.parquet is left for X"),
        ({"categories": "hash"}, 'categories must be "onehot", "codes" or None'),
        ({"columns": NUMBERS, "block_rows": -1}, "block_rows"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_arguments_that_are_refused(tmp_path, arguments, message):
    pattern = write(tmp_path)
    with pytest.raises(ValueError, match=message):
        ParquetBlocks(pattern, **arguments)


@pytest.mark.parametrize("name", ["loss", "exposure", "age", "region", "brand"])
def test_missing_values_are_named(tmp_path, name):
    frame = FRAME.copy()
    frame[name] = frame[name].astype("Int64") if name == "age" else frame[name]
    frame.loc[57, name] = None
    source = ParquetBlocks(
        write(tmp_path, frame), target="loss", weight="exposure", columns=["age", *TEXT], categories="onehot", block_rows=5
    )
    with pytest.raises(ValueError, match=f"'{name}' is missing in row 17 of .*part-13.parquet"):
        list(source.blocks())
    with pytest.raises(ValueError, match=f"'{name}' is missing in row 17 of .*part-13.parquet"):
        source.take([3, 57])
    assert len(source.take([3, 58]).y) == 2


def test_nan_is_left_to_the_fit(tmp_path):
    """A nan that is a number, as NumPy's, is not missing in a Parquet file."""
    values = pyarrow.array(np.array([1.0, np.nan]), from_pandas=False)
    parquet.write_table(pyarrow.table({"a": values}), tmp_path / "a.parquet")
    assert np.isnan(joined(ParquetBlocks(tmp_path / "a.parquet"))[0][1, 0])


def test_too_many_levels(tmp_path):
    frame = pd.DataFrame({"id": [f"{number:x}" for number in range(100_001)]})
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="'id' has more than 100000 levels in .*a.parquet"):
        ParquetBlocks(tmp_path / "a.parquet", categories="codes")


def test_pyarrow_is_asked_for(tmp_path, monkeypatch):
    pattern = write(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match="needs pyarrow: pip install pyarrow"):
        ParquetBlocks(pattern)


def test_files_that_are_broken(tmp_path):
    pattern = write(tmp_path, FRAME[:0], (0,))
    with pytest.raises(ValueError, match="There are no rows: .*part-9.parquet and all other files hold none"):
        ParquetBlocks(pattern, columns=NUMBERS)
    (tmp_path / "part-10.parquet").unlink()
    write(tmp_path, cuts=())
    path = tmp_path / "part-9.parquet"
    whole = path.read_bytes()
    for text in (whole[:-10], b"", b"1,2,3\n"):
        path.write_bytes(text)
        with pytest.raises(ValueError, match="part-9.parquet cannot be read as a Parquet file"):
            ParquetBlocks(pattern, columns=NUMBERS)
    path.write_bytes(whole[:4] + bytes(len(whole) // 3) + whole[4 + len(whole) // 3 :])
    source = ParquetBlocks(pattern, columns=NUMBERS)
    with pytest.raises(ValueError, match="part-9.parquet cannot be read as a Parquet file"):
        list(source.blocks())
    with pytest.raises(FileNotFoundError, match="No file matches"):
        ParquetBlocks(f"{tmp_path}/*.parq")


def test_files_that_change_or_go(tmp_path):
    source = ParquetBlocks(write(tmp_path), columns=NUMBERS, block_rows=10)
    last = tmp_path / "part-13.parquet"
    assert len(list(source.blocks())) == 7
    passing = source.blocks()
    next(passing)
    os.utime(last, ns=(0, 0))
    with pytest.raises(ValueError, match="part-13.parquet has changed since the source was made"):
        list(passing)
    last.unlink()
    with pytest.raises(FileNotFoundError, match="part-13.parquet existed when the source was made, but cannot be read now"):
        source.take([60])
    assert source.take([5]).X.shape == (1, 2)
