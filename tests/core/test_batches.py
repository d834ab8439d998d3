"""Rows in blocks and mini-batches: every row once, in the same coordinates and the same type from
wherever it comes.
"""

import numpy as np
import pytest
from scipy import sparse
from threadpoolctl import threadpool_limits

from sklearn_losses.core.batches import Batch, Batches, QueryBatches
from sklearn_losses.core.blocks import BlockSizes, block_sizes, row_slices, rows_of_copies
from sklearn_losses.core.coordinates import Standardization
from sklearn_losses.core.queries import Queries
from sklearn_losses.core.sparse_rows import SparseRows, StandardizedRows
from sklearn_losses.core.threads import block_threads

FORMS = [np.asarray, sparse.csr_matrix, sparse.csr_array]
SMALL = BlockSizes(copied=1, read=1, least_rows=7, entries=10, entries_per_column=1)
COLUMNS = Standardization(np.array([0.5, 0.0, -1.0]), np.array([2.0, 1.0, 0.25]))


def data(n=40, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3)) * (rng.random((n, 3)) < 0.7)
    weight = rng.random(n) + 0.5
    return X, np.arange(float(n)), weight / weight.mean()


def dense(X):
    return X if isinstance(X, np.ndarray) else X @ np.eye(X.shape[1], dtype=X.dtype)


def rows_of(batches):
    """Everything that blocks hand out."""
    parts = list(batches)
    return np.vstack([dense(batch.X) for batch in parts]), np.concatenate([batch.y for batch in parts])


# Blocks.


def test_slices_hold_every_row_once():
    X = np.zeros((100, 3))
    for sizes in (SMALL, BlockSizes(copied=10 * 8 * 3, read=20 * 8 * 3, least_rows=1)):
        with block_sizes(sizes):
            for copied in (True, False):
                slices = row_slices(X, copied)
                np.testing.assert_array_equal(np.concatenate([np.arange(100)[rows] for rows in slices]), np.arange(100))


def test_sizes_of_blocks():
    with block_sizes(BlockSizes(copied=10 * 8 * 3, read=20 * 8 * 3, most_rows=15, least_rows=1)):
        assert rows_of_copies(3) == 10
        assert [rows.stop - rows.start for rows in row_slices(np.zeros((25, 3)))] == [10, 10, 5]
        assert [rows.stop - rows.start for rows in row_slices(np.zeros((25, 3)), copied=False)] == [15, 10]
        assert row_slices(np.zeros((25, 3))) == row_slices(np.zeros((25, 3), np.float32))
    assert rows_of_copies(3) > 10 and len(row_slices(np.zeros((25, 3)))) == 1


def test_sparse_rows_are_counted_by_entries():
    X = sparse.random(1000, 20, 0.1, format="csr", random_state=0)  # 2,000 entries
    with block_sizes(BlockSizes(entries=500, entries_per_column=1)):
        assert len(row_slices(X, dense=False)) == 4
    with block_sizes(BlockSizes(entries=500, entries_per_column=50)):
        assert len(row_slices(X, dense=False)) == 2
    assert row_slices(sparse.csr_array((0, 3))) == []


@pytest.mark.parametrize("columns", [None, COLUMNS], ids=["plain", "standardised"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_are_the_rows(form, dtype, columns):
    X, y, weight = data()
    batches = Batches(form(X), y, weight, columns, dtype)
    expected = (X - COLUMNS.center) / COLUMNS.scale if columns else X
    tolerance = 1e-5 if dtype == np.float32 else 1e-14
    with block_sizes(SMALL):
        assert len(list(batches.blocks())) > 1
        for parts in (batches.blocks(), batches.each(lambda batch, _: batch), batches.each(lambda batch, _: batch, dense=True)):
            handed, targets = rows_of(parts)
            assert handed.dtype == dtype
            np.testing.assert_allclose(handed, expected, rtol=tolerance, atol=tolerance)
            np.testing.assert_array_equal(targets, y)
        for batch in batches.each(lambda batch, _: batch, dense=True):
            assert isinstance(batch.X, np.ndarray)
    np.testing.assert_allclose(batches.whole(), expected, rtol=tolerance, atol=tolerance)
    some = np.array([3, 30, 7])
    np.testing.assert_allclose(batches.take(some).X, expected[some], rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(batches.take(some).weight, weight[some])


@pytest.mark.parametrize("form", FORMS)
def test_a_batch_has_arrays_or_sparse_rows(form):
    X, y, _ = data()
    kind = np.ndarray if form is np.asarray else SparseRows
    queries = Queries(y, np.array([0, 10, 40]))
    for batches, size in ((Batches(form(X), y), 7), (QueryBatches(form(X), queries), 1)):
        shuffled = batches.minibatches(size, np.random.default_rng(0))
        assert all(isinstance(batch.X, kind) for batch in (*batches.blocks(), *shuffled))


def test_an_array_is_not_copied_and_views_of_sparse_rows_are_kept():
    X, y, _ = data()
    [block] = Batches(X, y).blocks()
    assert np.shares_memory(block.X, X)
    batches = Batches(sparse.csr_matrix(X), y)
    [block], [again] = batches.blocks(), batches.blocks()
    assert block.X is again.X and np.shares_memory(block.X.X.data, batches.X.data)
    # What takes memory of its own is not kept.
    other = Batches(sparse.csr_matrix(X), y, dtype=np.float32)
    [block], [again] = other.blocks(), other.blocks()
    assert block.X is not again.X


def test_sums_over_blocks_on_threads_are_the_same_bits():
    X, y, weight = data(500)
    totals = []
    for threads in (1, 3):
        with threadpool_limits(threads, "blas"), block_threads(), block_sizes(SMALL):
            totals.append(Batches(X, y, weight).total(lambda batch, _: batch.X.T.dot(batch.weight)))
    np.testing.assert_array_equal(*totals)
    np.testing.assert_allclose(totals[0], weight @ X, rtol=1e-12)


def test_arrays_of_rows_are_joined_in_order():
    X, y, _ = data()
    with block_sizes(SMALL):
        joined = Batches(X, y).joined(lambda batch, rows: np.column_stack([batch.y, np.arange(rows.start, rows.stop)]))
    np.testing.assert_array_equal(joined, np.column_stack([y, np.arange(40)]))


def test_weighted_sums():
    rng = np.random.default_rng(0)
    values, matrix, weight = rng.random(5), rng.random((5, 2, 2)), rng.random(5)
    weighted, plain = Batch(values, values, weight), Batch(values, values, None)
    assert weighted.sum(values) == pytest.approx(weight @ values) and plain.sum(values) == pytest.approx(values.sum())
    np.testing.assert_allclose(weighted.weighted(matrix), weight[:, None, None] * matrix)
    assert plain.weighted(matrix) is matrix
    assert weighted.weighted(matrix.astype(np.float32)).dtype == np.float32
    many = np.full(2**20, 0.1, dtype=np.float32)
    # Summed in float64.
    assert Batch(many, many, None).sum(many) == pytest.approx(0.1 * 2**20, rel=1e-6)


# Mini-batches.


@pytest.mark.parametrize("form", FORMS)
def test_minibatches_hold_every_row_once(form):
    X, y, weight = data()
    batches = list(Batches(form(X), y, weight).minibatches(7, np.random.default_rng(0)))
    assert [len(batch.y) for batch in batches] == [7] * 5 + [5]
    handed, targets = rows_of(batches)
    order = np.argsort(targets)
    assert not np.array_equal(targets, y)
    np.testing.assert_array_equal(targets[order], y)
    np.testing.assert_array_equal(handed[order], X)
    np.testing.assert_array_equal(np.concatenate([batch.weight for batch in batches])[order], weight)


def test_one_batch_of_all_rows_is_in_order_and_draws_nothing():
    X, y, _ = data()
    rng = np.random.default_rng(0)
    [batch] = Batches(X, y).minibatches(40, rng)
    np.testing.assert_array_equal(batch.y, y)
    assert rng.bit_generator.state == np.random.default_rng(0).bit_generator.state


# Other forms of the same rows.


@pytest.mark.parametrize("columns", [None, COLUMNS], ids=["plain", "standardised"])
@pytest.mark.parametrize("form", FORMS)
def test_parts_and_other_types_are_the_same_rows(form, columns):
    X, y, weight = data()
    batches = Batches(form(X.astype(np.float32)), y, weight, columns, np.float64)
    expected = batches.whole()
    rows, features = np.array([1, 8, 30]), np.array([0, 2])
    some = batches.some(rows)
    np.testing.assert_allclose(some.whole(), expected[rows], rtol=1e-12)
    np.testing.assert_array_equal(some.y, y[rows])
    np.testing.assert_array_equal(some.sample_weight, weight[rows])
    part = batches.columns(features)
    np.testing.assert_allclose(part.whole(), expected[:, features], rtol=1e-12)
    assert part.n_rows == 40 and part.dtype == np.float64 and part.sample_weight is weight
    for float32 in (batches.as_float32(), batches.in_data_dtype()):
        assert float32.dtype == np.float32 and float32.n_rows == 40
        np.testing.assert_allclose(rows_of(float32.blocks())[0], expected, rtol=1e-5, atol=1e-5)
    assert batches.as_float32() is batches.as_float32()
    assert float32.as_float32() is None and float32.in_data_dtype() is None
    assert batches.unconverted().dtype == np.float32


def test_targets_of_another_type():
    X, y, _ = data()
    float32, codes = Batches(X.astype(np.float32), y, dtype=np.float64), np.arange(40)
    assert float32.in_data_dtype().y.dtype == np.float32
    assert float32.unconverted().y.dtype == np.float64
    assert Batches(X.astype(np.float32), codes, dtype=np.float64).in_data_dtype().y is codes


@pytest.mark.parametrize("columns", [None, COLUMNS], ids=["plain", "standardised"])
def test_other_columns_for_the_same_targets(columns):
    X, y, weight = data()
    other = Batches(X, y, weight, columns).of_columns(np.ones((40, 2), dtype=np.float32))
    [block] = other.blocks()
    np.testing.assert_array_equal(block.X, np.ones((40, 2)))
    assert block.X.dtype == np.float32 and block.y is not None and np.array_equal(block.weight, weight)


# Queries.


def query_batches(form=np.asarray, **more):
    X, y, _ = data()
    offsets = np.array([0, 3, 10, 11, 25, 40])
    weight = np.linspace(0.5, 1.5, 5)
    return X, QueryBatches(form(X), Queries(y, offsets, weight=weight, tie_breaker=y / 40), **more)


@pytest.mark.parametrize("form", FORMS)
def test_queries_stay_whole(form):
    X, batches = query_batches(form)
    assert batches.n_rows == 5
    with block_sizes(BlockSizes(copied=12 * 8 * 3, least_rows=1)):
        blocks = list(batches.blocks())
    lengths = [list(block.y.lengths) for block in blocks]
    assert lengths == ([[3, 7, 1], [14], [15]] if form is np.asarray else [[3, 7, 1, 14, 15]])
    np.testing.assert_array_equal(np.vstack([dense(block.X) for block in blocks]), X)
    np.testing.assert_array_equal(np.concatenate([block.y.relevance for block in blocks]), batches.y.relevance)
    shuffled = list(batches.minibatches(2, np.random.default_rng(0)))
    assert [len(batch.y) for batch in shuffled] == [2, 2, 1]
    assert sorted(length for batch in shuffled for length in batch.y.lengths) == [1, 3, 7, 14, 15]
    for batch in shuffled:
        np.testing.assert_array_equal(dense(batch.X), X[batch.y.relevance.astype(int)])
    [whole] = batches.minibatches(5, np.random.default_rng(0))
    assert whole.y is batches.y


def test_the_ranking_of_queries_is_held_fixed():
    X, batches = query_batches()
    list(batches.blocks())
    scores = np.arange(40.0)[::-1]
    fixed = batches.with_fixed_ranking(scores)
    np.testing.assert_array_equal(fixed.y.reference_scores, scores)
    [block] = fixed.blocks()
    np.testing.assert_array_equal(block.y.reference_scores, scores)
    assert batches.y.reference_scores is None


@pytest.mark.parametrize("form", FORMS)
def test_parts_of_queries(form):
    X, batches = query_batches(form, standardization=COLUMNS)
    with block_sizes(BlockSizes(copied=12 * 8 * 3, least_rows=1)):
        cut = len(list(batches.blocks()))
        part = batches.columns(np.array([1]))
        assert len(list(part.blocks())) == cut  # blocks are those of all columns
    np.testing.assert_allclose(part.whole(), batches.whole()[:, [1]])
    some = batches.some(np.array([3, 0]))
    assert some.n_rows == 2 and list(some.y.lengths) == [14, 3]
    np.testing.assert_allclose(some.whole(), batches.whole()[np.r_[11:25, 0:3]])
    np.testing.assert_array_equal(some.y.weight, batches.y.weight[[3, 0]])
    assert batches.as_float32() is None and batches.in_data_dtype() is None
    assert batches.unconverted().n_rows == 5


@pytest.mark.parametrize(("centre", "dtype", "in_place"), [(10.0, float, True), (1e5, float, False), (10.0, np.float32, False)])
def test_large_arrays_are_standardised_in_place_where_that_loses_no_digits(centre, dtype, in_place):
    numbers = np.random.default_rng(0).standard_normal(20_500).astype(dtype)
    X = np.lib.stride_tricks.sliding_window_view(numbers, 500)  # which takes no memory
    columns = Standardization(np.full(500, centre), np.full(500, 2.0))
    batches, slopes = Batches(X, np.zeros(len(X)), standardization=columns), np.ones(len(X), dtype)
    forms = {type(batch.X) for batch in batches.blocks()}
    assert forms == {StandardizedRows if in_place else np.ndarray}
    moved = batches.joined(lambda batch, _: batch.X @ np.ones(500, dtype))
    pulled = batches.total(lambda batch, rows: batch.X.T.dot(slopes[rows]))
    digits = {"rtol": 1e-10 if dtype is float else 1e-3}
    np.testing.assert_allclose(moved, (X.sum(axis=1, dtype=float) - 500 * centre) / 2, **digits)
    np.testing.assert_allclose(pulled, (X.sum(axis=0, dtype=float) - len(X) * centre) / 2, **digits)
    first = batches.total(lambda batch, _: np.sum(batch.X[:, :1] ** 2, axis=0, dtype=float), dense=True)
    assert first == pytest.approx(np.sum((X[:, 0].astype(float) - centre) ** 2) / 4, rel=1e-5)
