"""Predictions that are written to a file, block by block, as a whole or not at all."""

import errno
import os
import resource
from functools import partial

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.blocks import ArrayBlocks, predict_to_file

X, Y = load_iris(return_X_y=True)
SOURCE = ArrayBlocks(X, block_rows=40)


@pytest.mark.parametrize("make", [LossClassifier, partial(LogisticRegression, max_iter=1000)], ids=["ours", "scikit-learn"])
@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "decision_function"])
def test_methods(make, method, tmp_path):
    model = make().fit(X, np.array(["a", "bb", "ccc"])[Y])
    path = tmp_path / "predictions.npy"
    result = predict_to_file(model, SOURCE, path, method=method)
    expected = getattr(model, method)(X)
    assert result.dtype == expected.dtype and not result.flags.writeable and isinstance(result, np.memmap)
    if method == "predict":
        assert np.array_equal(result, expected)
    else:
        np.testing.assert_allclose(result, expected, rtol=1e-12)
    assert np.array_equal(np.load(path), result)
    assert os.listdir(tmp_path) == ["predictions.npy"]


def test_arrays_and_paths(tmp_path):
    """An array is one block; a link stays one, and what it leads to is replaced."""
    model = LinearRegression().fit(X, X[:, :2])
    (tmp_path / "real.npy").write_bytes(b"before")
    (tmp_path / "link").symlink_to("real.npy")
    predict_to_file(model, X, str(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink()
    assert np.array_equal(np.load(tmp_path / "real.npy"), model.predict(X))
    assert oct(os.stat(tmp_path / "real.npy").st_mode & 0o777) == oct(0o666 & ~_umask())


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


class Broken(ArrayBlocks):
    """A source that fails with an error in the place of its second block."""

    def __init__(self, error):
        super().__init__(X, block_rows=40)
        self.error = error

    def blocks(self):
        yield next(super().blocks())
        raise self.error


@pytest.mark.parametrize("error", [ValueError("torn"), FileNotFoundError("part-2.npy is gone"), KeyboardInterrupt()], ids=repr)
def test_a_source_that_fails(error, tmp_path):
    path = tmp_path / "predictions.npy"
    path.write_bytes(b"before")
    with pytest.raises(type(error)) as raised:
        predict_to_file(LossClassifier().fit(X, Y), Broken(error), path)
    assert raised.value is error
    assert path.read_bytes() == b"before" and os.listdir(tmp_path) == ["predictions.npy"]


def test_a_full_disk(tmp_path):
    path = tmp_path / "predictions.npy"
    path.write_bytes(b"before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="could not be written to .*predictions.npy.*an earlier file is unchanged") as raised:
            predict_to_file(LossClassifier().fit(X, Y), SOURCE, path, method="predict_proba")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert raised.value.__cause__.errno == errno.EFBIG
    assert path.read_bytes() == b"before" and os.listdir(tmp_path) == ["predictions.npy"]


def test_what_no_file_can_hold(tmp_path):
    path = tmp_path / "predictions.npy"
    with pytest.raises(ValueError, match="type object cannot be written"):
        predict_to_file(LossClassifier().fit(X, Y.astype(str).astype(object)), SOURCE, path)
    with pytest.raises(AttributeError, match="gives no probabilities"):
        predict_to_file(LossClassifier("hinge").fit(X, Y), SOURCE, path, method="predict_proba")
    with pytest.raises(AttributeError, match="transform"):
        predict_to_file(LossRegressor().fit(X, Y), SOURCE, path, method="transform")
    with pytest.raises(FileNotFoundError, match="no folder .*nowhere"):
        predict_to_file(LossRegressor().fit(X, Y), SOURCE, tmp_path / "nowhere" / "predictions.npy")
    assert os.listdir(tmp_path) == []
