"""How rows are stored and worked on: layouts of memory, forms of sparse matrices, sizes of blocks,
threads.
"""

import numpy as np
import pytest
from problems import CONVEX, estimator, known_fit, problem, scores
from scipy import sparse
from threadpoolctl import threadpool_limits

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.blocks import BlockSizes, block_sizes


def forms(X, folder):
    """The same numbers in other layouts of memory; the last one cannot be written to."""
    gaps = np.zeros((2 * len(X), 2 * X.shape[1]))
    gaps[::2, ::2] = X
    np.save(folder / "rows.npy", X)
    yield "order of Fortran", np.asfortranarray(X)
    yield "every second row and column", gaps[::2, ::2]
    yield "backwards", X[::-1, ::-1].copy()[::-1, ::-1]
    yield "other byte order", X.astype(X.dtype.newbyteorder())
    yield "memory map", np.load(folder / "rows.npy", mmap_mode="r")


@pytest.mark.parametrize("name", CONVEX)
def test_layout_of_memory(name, tmp_path):
    X, y, more = problem(name)
    known, _ = known_fit(name, 1e-3)
    weight = np.ones(len(y))
    for array in (y, weight, *more.values()):
        array.setflags(write=False)
    for form, rows in forms(X, tmp_path):
        model = estimator(name, alpha=1e-3).fit(rows, y, sample_weight=weight, **more)
        assert model.objective_ == pytest.approx(known.objective_, rel=1e-9), form
        np.testing.assert_allclose(model._raw(rows), known._raw(X), rtol=1e-5, atol=1e-6, err_msg=form)


def sparse_forms(X):
    """The same sparse matrix, with empty rows, in unusual but valid forms."""
    wide = sparse.csr_matrix(X)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    assert wide.indices.dtype == np.int64
    yield "indices of 64 bits", wide
    n, p = X.shape
    everything = sparse.csr_matrix((X.ravel(), np.tile(np.arange(p), n), np.arange(n + 1) * p), shape=X.shape)
    assert everything.nnz == X.size > np.count_nonzero(X)
    yield "explicit zeros", everything
    quarters = np.hstack([0.25 * X, 0.75 * X])
    twice = sparse.csr_matrix((quarters.ravel(), np.tile(np.arange(p), 2 * n), np.arange(n + 1) * 2 * p), shape=X.shape)
    assert twice.nnz == 2 * X.size
    yield "each entry in two parts", twice
    unsorted = sparse.csr_matrix((X[:, ::-1].ravel(), np.tile(np.arange(p)[::-1], n), np.arange(n + 1) * p), shape=X.shape)
    assert not unsorted.has_sorted_indices
    yield "indices not in order", unsorted
    frozen = sparse.csr_matrix(X)
    for part in (frozen.data, frozen.indices, frozen.indptr):
        part.setflags(write=False)
    yield "read-only", frozen
    yield "by columns", sparse.csc_array(X)
    yield "coordinates", sparse.coo_array(X)


@pytest.mark.parametrize("name", CONVEX)
def test_unusual_sparse_matrices(name):
    X, y, more = problem(name)
    X = X * (np.abs(X) > 0.5)
    X[[0, 17, -1]] = 0
    known = estimator(name, alpha=1e-3).fit(X, y, **more)
    for form, rows in sparse_forms(X):
        kept = rows.copy()
        model = estimator(name, alpha=1e-3).fit(rows, y, **more)
        assert model.objective_ == pytest.approx(known.objective_, rel=1e-8), form
        np.testing.assert_allclose(scores(model, rows), scores(known, X), rtol=1e-4, atol=1e-6, err_msg=form)
        assert rows.nnz == kept.nnz and np.array_equal(rows.data, kept.data), form


@pytest.mark.parametrize("name", CONVEX)
def test_the_size_of_blocks(name):
    X, y, more = problem(name, n=600)
    model = estimator(name, alpha=1e-3).fit(X, y, **more)
    with block_sizes(BlockSizes(copied=1, read=1)):
        assert len(list(Batches(X, y).blocks())) == 3
        parts = estimator(name, alpha=1e-3).fit(X, y, **more)
    assert parts.objective_ == pytest.approx(model.objective_, rel=1e-9)
    np.testing.assert_allclose(scores(parts, X), scores(model, X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", CONVEX)
def test_the_number_of_threads_changes_no_bit(name):
    X, y, more = problem(name, n=600)
    fits = []
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"), block_sizes(BlockSizes(copied=1, read=1)):
            fits.append(estimator(name, alpha=1e-3).fit(X, y, **more))
    np.testing.assert_array_equal(fits[0].coef_, fits[1].coef_)
    assert fits[0].objective_ == fits[1].objective_
