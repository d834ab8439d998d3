"""Rows of an array that are read where they are, and gathered rows that need their memory once."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.coordinates import Standardization, moments
from sklearn_losses.core.growing import GrowingRows
from sklearn_losses.core.indexed_rows import IndexedRows

rng = np.random.default_rng(0)
X = rng.standard_normal((500, 4)) * [1, 1e3, 1e-3, 1] + [0, 5e3, 0, 1]
ROWS = rng.permutation(500)[:300]
KEYS = [slice(10, 40), np.array([5, 3, 3]), np.arange(300) % 3 == 0, (slice(None), np.array([2, 0]))]


@pytest.mark.parametrize("key", KEYS, ids=["slice", "numbers", "mask", "columns"])
def test_what_is_asked_for(key):
    view, copy = IndexedRows(X, ROWS), X[ROWS]
    assert view.shape == copy.shape and view.size == copy.size and len(view) == len(copy) and view.dtype == copy.dtype
    assert np.array_equal(view[key], copy[key])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_batches(dtype):
    """They are those of a copy, to the last digit."""
    y, weight = rng.standard_normal(300), rng.uniform(size=300)
    rows = X.astype(dtype)
    for columns in (None, Standardization.of(rows[ROWS], None, True, 1e-4)):
        view, copy = (Batches(given, y, weight, columns, np.float64) for given in (IndexedRows(rows, ROWS), rows[ROWS]))
        for one, other in zip(view.blocks(), copy.blocks(), strict=True):
            assert np.array_equal(one.X, other.X)
        pairs = zip(*(batches.minibatches(70, np.random.RandomState(0)) for batches in (view, copy)), strict=True)
        assert all(np.array_equal(one.X, other.X) and np.array_equal(one.y, other.y) for one, other in pairs)
    for one, other in zip(moments(IndexedRows(rows, ROWS), weight), moments(rows[ROWS], weight), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
def test_growing(form):
    growing, start = GrowingRows(), 0
    for size in (1, 50, 3, 200, 246):
        growing.append(form(X[start : start + size]))
        start += size
    joined = growing.joined()
    assert np.array_equal(joined.toarray() if sparse.issparse(joined) else joined, X)
