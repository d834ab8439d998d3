"""Dask arrays and dataframes as blocks of rows."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_losses.core.parts import LocalParts
from sklearn_losses.distributed import is_dask
from sklearn_losses.distributed.collections import row_parts
from sklearn_losses.distributed.parts import DaskParts

da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pandas = pytest.importorskip("pandas")

N, P = 50, 3
X = np.arange(float(N * P)).reshape(N, P)
Y = np.arange(N)


def whole(parts):
    """All rows of parts in one block."""
    blocks = list(parts.each(as_tuple))
    X, *others = zip(*blocks, strict=True)
    X = sparse.vstack(X).asformat(X[0].format) if parts.sparse else np.concatenate(X)
    return [X, *(None if values[0] is None else np.concatenate(values) for values in others)]


def as_tuple(block):
    return tuple(block)


def frame(**columns):
    return pandas.DataFrame({"a": X[:, 0], "b": X[:, 1].astype(np.int32), **columns})


@pytest.fixture(params=["cluster", "threads"])
def where(request):
    """A client, or none: then Dask computes in this process."""
    return request.getfixturevalue("client") if request.param == "cluster" else None


def test_arrays(where):
    parts = row_parts(da.from_array(X, chunks=((20, 0, 29, 1), (2, 1))), da.from_array(Y, chunks=11))
    assert isinstance(parts, LocalParts if where is None else DaskParts)
    assert parts.shape == (N, P) and parts.dtype == np.float64 and not parts.sparse and parts.feature_names is None
    rows, y, weight, qid = whole(parts)
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(y, Y)
    assert weight is None and qid is None


@pytest.mark.parametrize(("dtype", "kept"), [("float32", "float32"), ("int16", "float64"), ("bool", "float64")])
def test_types(where, dtype, kept):
    parts = row_parts(da.from_array(X.astype(dtype), chunks=20))
    assert parts.dtype == kept and whole(parts)[0].dtype == kept


def test_sparse_blocks(where):
    blocks = da.from_array(X, chunks=(20, 3)).map_blocks(sparse.csc_matrix)
    parts = row_parts(blocks, Y, sample_weight=np.ones(N))
    assert parts.sparse and parts.nnz == np.count_nonzero(X)
    rows, y, weight, _ = whole(parts)
    assert rows.format == "csr"
    np.testing.assert_array_equal(rows.toarray(), X)
    np.testing.assert_array_equal(y, Y)
    np.testing.assert_array_equal(weight, 1)


def test_frames(where):
    data = dd.from_pandas(frame(y=[f"c{i % 3}" for i in range(N)], w=1.0 + np.arange(N)), npartitions=4)
    data = data[data.a != 3]  # the sizes of the partitions are not known
    parts = row_parts(data[["a", "b"]], data.y, data.w)
    assert parts.shape == (N - 1, 2) and parts.feature_names == ["a", "b"]
    rows, y, weight, _ = whole(parts)
    kept = X[:, 0] != 3
    np.testing.assert_array_equal(rows, X[kept, :2])
    assert list(y) == [f"c{i % 3}" for i in np.flatnonzero(kept)]
    np.testing.assert_array_equal(weight, 1 + np.flatnonzero(kept))


def test_partitions_without_rows(where):
    data = dd.from_pandas(frame(y=Y), npartitions=5)
    data = data[data.a > 75]
    rows, y, *_ = whole(row_parts(data[["a", "b"]], data.y))
    np.testing.assert_array_equal(rows, X[X[:, 0] > 75, :2])
    np.testing.assert_array_equal(y, Y[X[:, 0] > 75])


def test_several_targets(where):
    y = da.from_array(np.stack([Y, -Y], axis=1), chunks=(9, 1))
    np.testing.assert_array_equal(whole(row_parts(da.from_array(X, chunks=20), y))[1], np.stack([Y, -Y], axis=1))
    data = dd.from_pandas(frame(y=Y, z=-Y), npartitions=3)
    np.testing.assert_array_equal(whole(row_parts(data[["a", "b"]], data[["y", "z"]]))[1], np.stack([Y, -Y], axis=1))


def test_persisted_blocks_stay_where_they_are(client):
    from distributed import futures_of

    array = client.persist(da.from_array(X, chunks=(10, 3)))
    parts = row_parts(array, da.from_array(Y, chunks=10))
    places = {number: group.address for group in parts.holders._groups for number in group.partitions}
    found = {future.key: address for future in futures_of(array) for address in client.who_has(future)[future.key]}
    assert {key[1]: address for key, address in found.items()} == places
    np.testing.assert_array_equal(whole(parts)[0], X)


def test_a_persisted_frame(client):
    data = dd.from_pandas(frame(y=Y), npartitions=4).persist()
    parts = row_parts(data[["a", "b"]], data.y)
    np.testing.assert_array_equal(whole(parts)[0], X[:, :2])


@pytest.mark.parametrize("cut", [17, 10, 20, 15])
def test_a_query_that_a_border_cuts_is_made_whole(where, cut):
    qid = np.repeat([5, 3, 9, 7, 8], 10)
    parts = row_parts(da.from_array(X, chunks=(cut, 3)), Y, qid=da.from_array(qid, chunks=cut))
    blocks = list(parts.each(as_tuple))
    assert sum(len(np.unique(block[3])) for block in blocks) == 5
    rows, y, _, ids = (np.concatenate(values) if values[0] is not None else None for values in zip(*blocks, strict=True))
    np.testing.assert_array_equal(y, Y)  # in their order, since the rows of a query were side by side
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(ids, qid)


def test_bad_input(where):
    from dask import delayed

    def refused(match, *arguments, error=ValueError, **named):
        with pytest.raises(error, match=match):
            row_parts(*arguments, **named)

    array = da.from_array(X, chunks=20)
    unknown = array[array[:, 0] > 5]
    refused("dimensions", array[:, 0])
    refused("real numbers", array.astype(complex))
    refused("the same number of rows. Got 50 and 49", array, array[1:, 0])
    refused("the same number of rows. Got 50 and 40", array, Y[:40])
    refused("same partitions. Got 3 and 5", unknown, da.from_array(Y, chunks=10))
    refused("in each partition. Partition 0 has 18 and 20", unknown, da.from_array(Y, chunks=20))
    refused("y is in memory", unknown, Y)
    refused("no rows", array[array[:, 0] < 0])
    refused("number of columns", array[:, array[0] > 1])
    refused("a Dask series", array, delayed(Y), error=TypeError)
    refused("queries have rows in several", array, Y, qid=Y % 10)
    data = dd.from_pandas(frame(c=pandas.Categorical(["u", "v"] * 25), t=[f"{i}" for i in Y]), npartitions=2)
    refused("Got 'c' .category., 't' ", data)
    refused("Got dask.dataframe.*Series", data.t, error=TypeError)
    labels = pandas.Series(["u", "v"] * 25)
    labels[30] = None
    refused("Row 5 of partition 1 has a missing value in y", data[[]].assign(a=1.0), dd.from_pandas(labels, npartitions=2))
    refused("Row 10 of partition 1 has a missing value in y", array, da.from_array(labels.to_numpy(object), chunks=20))
    refused("as many columns. Partition 0 has 3, partition 1 has 2", array.map_blocks(narrower, dtype=float))
    refused("sparse, or none. Partitions 0 and 1 differ", array.map_blocks(sparser, dtype=float))


def narrower(block, block_info=None):
    return block[:, : 3 - bool(block_info and block_info[0]["chunk-location"][0])]


def sparser(block, block_info=None):
    return sparse.csr_matrix(block) if block_info and block_info[0]["chunk-location"][0] else block


def test_what_is_of_dask():
    data = dd.from_pandas(frame(), npartitions=2)
    assert all(map(is_dask, (da.ones(3), data, data.a)))
    assert not any(map(is_dask, (X, [1.0], pandas.DataFrame(X), sparse.csr_matrix(X))))
