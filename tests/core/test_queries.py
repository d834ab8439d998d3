"""Rows grouped by query: sums, layouts, ranks and gains against loops over the queries."""

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from sklearn_losses.core.queries import Queries, QueryLimits, codes_of, discount, gains, group

LENGTHS = np.array([3, 1, 5, 2, 8])
OFFSETS = np.concatenate([[0], np.cumsum(LENGTHS)])


def make(seed=0, **more):
    rng = np.random.default_rng(seed)
    return Queries(rng.integers(0, 4, 19).astype(float), OFFSETS, **more)


def of_each(y):
    return [slice(first, last) for first, last in zip(y.offsets[:-1], y.offsets[1:], strict=True)]


# Sums and parts.


def test_sums_maxima_and_spreads():
    y, values = make(), np.random.default_rng(1).standard_normal((19, 2))
    assert len(y) == 5 and y.n_rows == 19
    np.testing.assert_allclose(y.sum(values), [values[rows].sum(axis=0) for rows in of_each(y)])
    np.testing.assert_allclose(y.max(values[:, 0]), [values[rows, 0].max() for rows in of_each(y)])
    np.testing.assert_array_equal(y.spread(np.arange(5)), np.repeat(np.arange(5), LENGTHS))
    np.testing.assert_array_equal(y.multiplicity, np.ones(19))


def test_some_queries_with_all_that_belongs_to_them():
    rng = np.random.default_rng(2)
    rows_of = {name: rng.random(19) for name in ("copies", "tie_breaker", "reference_scores")}
    y = make(weight=np.arange(5.0), **rows_of)
    chosen = np.array([4, 1, 2])
    rows = np.r_[11:19, 3:4, 4:9]
    np.testing.assert_array_equal(y.rows(chosen), rows)
    part = y.part(chosen)
    np.testing.assert_array_equal(part.relevance, y.relevance[rows])
    np.testing.assert_array_equal(part.offsets, [0, 8, 9, 14])
    np.testing.assert_array_equal(part.weight, [4.0, 1.0, 2.0])
    for name, values in rows_of.items():
        np.testing.assert_array_equal(getattr(part, name), values[rows])
    plain = make().part(chosen)
    assert plain.copies is plain.weight is plain.reference_scores is None


def test_tie_breakers_are_drawn_once():
    assert np.array_equal(make().tie_breaker, make().tie_breaker)
    assert len(np.unique(make().tie_breaker)) == 19


def test_what_is_kept_is_made_once_and_goes_with_a_fixed_ranking():
    y, calls = make(), []
    fixed = y.with_fixed_ranking(list(range(19)))
    for queries in (y, fixed):
        assert queries.keep("key", lambda: calls.append(1) or "made") == "made"
    assert calls == [1]
    assert fixed.reference_scores.dtype == np.float64 and fixed.tie_breaker is y.tie_breaker


# Layouts.


def test_matrices_hold_every_row_once():
    y = make()
    seen = []
    for rows, valid in y.matrices():
        for line, mask in zip(rows, valid, strict=True):
            assert len(np.unique(y.query[line[mask]])) == 1
            seen.extend(line[mask])
        assert rows.shape[1] < 2 * valid.sum(axis=1).min() or rows.shape[1] == 1
    assert sorted(seen) == list(range(19))


@pytest.mark.parametrize("pairs", [1, 7, 30, 2**18])
def test_blocks_hold_every_pair_once(pairs):
    y, found = make(), []
    for rows, valid, others, others_valid in y.pair_blocks(QueryLimits(pairs=pairs)):
        assert rows.size * others.shape[1] <= max(pairs, others.size)
        assert len(np.unique(y.query[others[:, 0]])) == len(others)  # a query once
        for k in range(len(rows)):
            found.extend((i, j) for i in rows[k][valid[k]] for j in others[k][others_valid[k]])
    wanted = [(i, j) for i in range(19) for j in range(19) if y.query[i] == y.query[j]]
    assert sorted(found) == wanted


# Levels, ranks and gains.


def test_levels_and_pairs():
    copies = np.random.default_rng(3).integers(1, 4, 19).astype(float)
    y = make(copies=copies)
    for rows, level, pairs in zip(of_each(y), np.split(y.level, OFFSETS[1:-1]), y.pairs, strict=True):
        relevance = y.relevance[rows]
        np.testing.assert_array_equal(level, np.unique(relevance, return_inverse=True)[1])
        more = relevance[:, None] > relevance[None, :]
        assert pairs == np.sum(more * copies[rows][:, None] * copies[rows][None, :])


def test_ranks_with_ties_and_copies():
    copies = np.random.default_rng(4).integers(1, 4, 19).astype(float)
    y, scores = make(copies=copies), np.random.default_rng(5).integers(0, 3, 19).astype(float)
    above, count = y.ranking(scores)
    for i in range(19):
        same = y.query == y.query[i]
        assert above[i] == copies[same & (scores > scores[i])].sum()
        assert count[i] == copies[same & (scores == scores[i])].sum()


def test_neighbours_within_a_share_of_the_range_are_tied():
    y = Queries(np.zeros(3), np.array([0, 3]))
    scores = np.array([1.0, 1.0 - 1e-10, 0.0])
    np.testing.assert_array_equal(y.ranking(scores)[1], [1, 1, 1])
    np.testing.assert_array_equal(y.ranking(scores, 1e-9)[1], [2, 2, 1])
    np.testing.assert_array_equal(y.ranking(scores, 1e-9)[0], [0, 0, 2])


def test_ties_are_broken_by_the_tie_breaker_which_equal_rows_share():
    y = Queries(np.zeros(4), np.array([0, 4]), tie_breaker=np.array([0.5, 0.2, 0.5, 0.9]))
    above, count = y.ranking_without_ties(np.zeros(4))
    np.testing.assert_array_equal(above, [1, 0, 1, 3])
    np.testing.assert_array_equal(count, [2, 1, 2, 1])
    above, _ = y.ranking_without_ties(np.array([0.0, 0.0, 0.0, 1.0]))
    np.testing.assert_array_equal(above, [2, 1, 2, 0])  # scores come first


@pytest.mark.parametrize("max_rank", [None, 2])
@pytest.mark.parametrize("kind", ["exp2", "linear"])
def test_gains_give_scikit_learns_ndcg(kind, max_rank):
    y, scores = make(), np.random.default_rng(6).integers(0, 4, 19).astype(float)
    found = y.sum(y.gains(kind, max_rank) * discount(*y.ranking(scores), max_rank))
    for rows, ours in zip(of_each(y), found, strict=True):
        relevance = y.relevance[rows]
        if len(relevance) > 1:
            gain = gains(relevance, kind)
            assert ours == pytest.approx(ndcg_score([gain], [scores[rows]], k=max_rank), rel=1e-12)


def test_discounts_beyond_the_exact_ranks():
    above, count = np.array([3.0, 50.0, 180.0, 0.0]), np.array([1.0, 30.0, 20.0, 200.0])
    exact = discount(above, count)
    for k in range(4):
        ranks = np.arange(above[k] + 1, above[k] + count[k] + 1)
        assert exact[k] == pytest.approx(np.mean(1 / np.log2(1 + ranks)), rel=1e-12)
    np.testing.assert_allclose(discount(above, count, limits=QueryLimits(ranks=40)), exact, rtol=1e-4)


# Query ids.


@pytest.mark.parametrize(
    "qid", [[7, 3, 7, 9], ["b", "a", "b", "c"], np.array([0.5, 0.1, 0.5, 2.0]), [(1, "x"), (0, "y"), (1, "x"), (2, "z")]]
)
def test_codes_of_ids(qid):
    codes = codes_of(qid, 4)
    assert codes[0] == codes[2] and sorted(set(codes)) == [0, 1, 2]


def test_rows_of_an_array_are_ids_too():
    np.testing.assert_array_equal(codes_of(np.array([[1, 2], [1, 3], [1, 2]]), 3), [0, 1, 0])
    np.testing.assert_array_equal(codes_of(None, 3), [0, 0, 0])


@pytest.mark.parametrize(
    ("qid", "said"),
    [
        ([1, 2], "the query of each of the 3 rows, and not the sizes of groups. Got 2"),
        (5, "the query of each of the 3 rows, and not the sizes of groups. Got 5"),
        (np.array([0.0, np.nan, 1.0]), "must not contain nan"),
        ([0.0, float("nan"), "a"], "must not contain nan"),
        ([[1], [2], [3]], "must be hashable"),
    ],
)
def test_ids_that_are_refused(qid, said):
    with pytest.raises(ValueError, match=said):
        codes_of(qid, 3)


def test_rows_are_grouped_in_their_order():
    order, offsets = group(np.array([1, 0, 1, 2, 0]))
    np.testing.assert_array_equal(order, [1, 4, 0, 2, 3])
    np.testing.assert_array_equal(offsets, [0, 2, 4, 5])
