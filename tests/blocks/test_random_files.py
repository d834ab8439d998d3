"""Random tables, cut at random into files and blocks, are the rows that they were made of."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from sklearn_losses.blocks import NpyBlocks, ParquetBlocks, checked_blocks, checked_rows

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def check_same(block, expected, rows):
    for name, values, all_values in zip(block._fields, block, expected, strict=True):
        if all_values is None:
            assert values is None, name
        else:
            values = values.toarray() if sparse.issparse(values) else values
            np.testing.assert_array_equal(values, all_values[rows], err_msg=name)


def check_source(source, expected, rng):
    """All rows in order, the blocks in random order, and some rows, also of a pickled source."""
    source = pickle.loads(pickle.dumps(source))
    n_rows, size = source.shape[0], source.block_rows
    for number, block in enumerate(checked_blocks(source)):
        check_same(block, expected, slice(number * size, number * size + size))
        assert block.X.dtype == source.dtype
    order = source.shuffled(rng)
    assert sorted(order) == list(range(number + 1))
    for number, block in zip(order, checked_blocks(source, order), strict=True):
        check_same(block, expected, slice(number * size, number * size + size))
    rows = np.sort(rng.choice(n_rows, size=rng.integers(0, n_rows + 1), replace=bool(rng.integers(2))))
    check_same(checked_rows(source, rows), expected, rows)


def pieces(rng, n_rows):
    """Slices of the rows of some files, a few of which are empty."""
    bounds = [0, *np.sort(rng.integers(0, n_rows + 1, size=rng.integers(0, 6))), n_rows]
    return [slice(start, stop) for start, stop in zip(bounds[:-1], bounds[1:], strict=True)]


@pytest.mark.parametrize("seed", range(15))
def test_random_npy_files(tmp_path, seed):
    rng = np.random.default_rng(seed)
    n_rows, n_columns = int(rng.integers(1, 300)), int(rng.choice([3, 5, 8, 3000]))
    table = np.round(10 * np.abs(rng.standard_normal((n_rows, n_columns)))).astype(rng.choice(["f4", "f8", ">f8", "i2"]))
    for number, rows in enumerate(pieces(rng, n_rows)):
        np.save(tmp_path / f"part-{number}.npy", np.asarray(table[rows], order=rng.choice(["C", "F"])))
    target, weight, *left = rng.permutation(n_columns).tolist()
    chosen = left if rng.random() < 0.5 else sorted(left)
    source = NpyBlocks(
        tmp_path / "part-*.npy",
        target=target - n_columns if rng.random() < 0.5 else target,
        weight=weight,
        columns=None if chosen == sorted(left) else chosen,
        block_rows=int(rng.integers(1, n_rows + 5)),
    )
    check_source(source, (table[:, chosen], table[:, target], table[:, weight], None), rng)


@pytest.mark.parametrize("seed", range(15))
def test_random_parquet_files(tmp_path, seed):
    rng = np.random.default_rng(seed)
    n_rows = int(rng.choice([rng.integers(1, 300), 9000], p=[0.9, 0.1]))
    text = rng.choice([f"l{level}" for level in range(rng.integers(1, 40))], n_rows)
    columns = {
        "float": rng.standard_normal(n_rows).astype(rng.choice(["f4", "f8"])),
        "small": rng.integers(0, 5, n_rows).astype("i1"),
        "truth": rng.random(n_rows) < 0.5,
        "text": text.astype(object),
        "category": pd.Categorical(text[::-1]),
    }
    frame = pd.DataFrame(columns)[rng.permutation(list(columns))].assign(y=text.astype(object), q=np.arange(n_rows) // 3)
    for number, rows in enumerate(pieces(rng, n_rows)):
        parquet.write_table(
            pyarrow.Table.from_pandas(frame[rows].sample(frac=1, axis=1, random_state=seed), preserve_index=False),
            tmp_path / f"part-{number}.parquet",
            row_group_size=int(rng.integers(1, 2 + min(n_rows, 300))),
            use_dictionary=bool(rng.integers(2)),
            data_page_size=int(rng.integers(10, 100_000)),
        )
    categories = str(rng.choice(["onehot", "codes"]))
    names = rng.permutation(list(columns))[: rng.integers(1, 6)].tolist()
    options = {"columns": names, "categories": categories, "block_rows": int(rng.integers(max(1, n_rows // 50), n_rows + 5))}
    source = ParquetBlocks(tmp_path / "part-*.parquet", "y", qid="q", **options)
    encoder = OneHotEncoder(sparse_output=False) if categories == "onehot" else OrdinalEncoder()
    X = [
        encoder.fit_transform(frame[[name]].astype(str)) if name in ("text", "category") else frame[[name]].to_numpy()
        for name in names
    ]
    check_source(source, (np.hstack(X).astype(source.dtype), text, None, frame["q"].to_numpy()), rng)
