"""Predictions of Dask collections are lazy, with the partitions of the input."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_losses import LossClassifier, LossRegressor

da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pandas = pytest.importorskip("pandas")

rng = np.random.default_rng(0)
X = rng.standard_normal((40, 3))
CODES = np.argmax(X, axis=1)
TARGETS = {"one": X[:, 0], "two": X[:, :2], "codes": CODES > 0, "text": np.array(["red", "blue", "no colour"])[CODES]}

CASES = [(LossRegressor, "one", "predict"), (LossRegressor, "two", "predict"), (LossClassifier, "text", "predict")]
CASES += [(LossClassifier, "text", "predict_proba"), (LossClassifier, "codes", "decision_function")]


def name(value):
    return value if isinstance(value, str) else value.__name__


def same(result, expected):
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(result, expected, rtol=1e-12)
    else:
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(("make", "target", "method"), CASES, ids=name)
def test_arrays(client, make, target, method):
    model = make().fit(X, TARGETS[target])
    expected = getattr(model, method)(X)
    array = da.from_array(X, chunks=((15, 0, 25), (2, 1)))
    lazy = getattr(model, method)(array)
    assert lazy.chunks[0] == array.chunks[0] and lazy.shape == expected.shape and lazy.dtype == expected.dtype
    model.fit(-X, TARGETS[target])  # what was asked for is known
    result = lazy.compute()
    assert result.dtype == expected.dtype
    same(result, expected)
    unknown = getattr(make().fit(X, TARGETS[target]), method)(array[array[:, 0] > 0])
    same(unknown.compute(), expected[X[:, 0] > 0])


def test_sparse_blocks(client):
    model = LossRegressor().fit(X, X[:, 0])
    blocks = da.from_array(X, chunks=(15, 3)).map_blocks(sparse.csr_matrix)
    np.testing.assert_allclose(model.predict(blocks).compute(), model.predict(X), rtol=1e-12)


@pytest.mark.parametrize(("make", "target", "method"), CASES, ids=name)
def test_frames(client, make, target, method):
    frame = pandas.DataFrame(X, columns=["a", "b", "c"], index=np.arange(40) * 2)
    model = make().fit(frame, TARGETS[target])
    expected = getattr(model, method)(frame)
    data = dd.from_pandas(frame, npartitions=3)
    lazy = getattr(model, method)(data)
    result = lazy.compute()
    assert lazy.npartitions == data.npartitions and lazy.divisions == data.divisions
    np.testing.assert_array_equal(result.index, frame.index)
    same(result.to_numpy(), expected)
    if method == "predict_proba":
        assert list(result.columns) == list(lazy.columns) == list(model.classes_)
    few = getattr(model, method)(data[data.a > X[:, 0].max() - 1e-9])
    same(few.compute().to_numpy(), expected[[np.argmax(X[:, 0])]])


def test_other_columns_are_refused_at_once():
    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    model = LossRegressor().fit(frame, X[:, 0])
    with pytest.raises(ValueError, match="feature names"):
        model.predict(dd.from_pandas(frame.rename(columns={"c": "d"}), npartitions=2))
    with pytest.raises(ValueError, match="2 features"):
        LossRegressor().fit(X, X[:, 0]).predict(da.from_array(X[:, :2]))


def test_other_collections_are_refused():
    from dask import delayed
    from sklearn.exceptions import NotFittedError

    with pytest.raises(TypeError, match="a Dask array or a Dask dataframe. Got dask.delayed.Delayed"):
        LossRegressor().fit(X, X[:, 0]).predict(delayed(X))
    with pytest.raises(NotFittedError):
        LossRegressor().predict(da.from_array(X))


def test_costs_of_all_rows(client):
    cost = [[0, 1, 5], [1, 0, 1], [9, 1, 0]]
    model = LossClassifier().fit(X, TARGETS["text"])
    array = da.from_array(X, chunks=15)
    np.testing.assert_array_equal(model.predict(array, cost=cost).compute(), model.predict(X, cost=cost))
    with pytest.raises(ValueError, match="cost must be the same for all rows"):
        model.predict(array, cost=np.ones((40, 3, 3)))
