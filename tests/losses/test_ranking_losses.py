"""Ranking losses against double loops over pairs, finite differences and published formulas."""

import itertools
import time
import tracemalloc

import numpy as np
import pytest

from sklearn_losses.core.queries import Queries, codes_of, discount
from sklearn_losses.losses import (
    XENDCG,
    ApproxNDCG,
    LambdaLoss,
    LambdaRank,
    Loss,
    PairwiseHinge,
    RankNet,
    SquaredPairwiseHinge,
)

RANKING = [
    (name, params)
    for name, maker in sorted(Loss.names().items())
    if maker.task == "ranking"
    for params in ({}, *maker.examples)
]


SMOOTH = [(name, params) for name, params in RANKING if Loss.names()[name].smooth]


def make(name, params):
    return Loss.make(name).set_params(**params)


def queries(rng, copies=False, weight=False):
    """Queries of one to nine rows with ties, one of them with nothing to order."""
    lengths = np.array([4, 1, 9, 3, 2])
    relevance = rng.integers(0, 4, lengths.sum()).astype(float)
    relevance[14:17] = 2.0
    return Queries(
        relevance,
        np.concatenate([[0], np.cumsum(lengths)]),
        rng.integers(1, 4, lengths.sum()).astype(float) if copies else None,
        rng.uniform(0.5, 2, len(lengths)) if weight else None,
    )


def scores(rng, n, kind):
    return {
        "normal": rng.standard_normal(n),
        "equal": np.zeros(n),
        "ties": np.round(rng.standard_normal(n)) / 2,
        "huge": rng.choice([-1e3, 1e3], n) + rng.standard_normal(n),
    }[kind]


@pytest.mark.parametrize("kind", ["normal", "equal", "ties", "huge"])
@pytest.mark.parametrize(("name", "params"), SMOOTH)
def test_gradient_and_curvature_against_finite_differences(name, params, kind):
    rng = np.random.default_rng(0)
    loss = make(name, params)
    y = queries(rng, copies=True, weight=True)
    raw = scores(rng, y.n_rows, kind)
    if loss.moving:  # the ranking held fixed
        y = y.with_fixed_ranking(rng.standard_normal(y.n_rows))
    value, gradient = loss.value_and_gradient(y, raw)
    assert value.shape == (len(y),) and gradient.shape == raw.shape
    assert np.all(np.isfinite(value)) and np.all(np.isfinite(gradient))
    np.testing.assert_array_equal(value, loss.value(y, raw))
    np.testing.assert_array_equal(gradient, loss.gradient(y, raw))
    step, numeric = 1e-6, np.empty(y.n_rows)
    for row, unit in enumerate(np.eye(y.n_rows)):
        difference = loss.value(y, raw + step * unit) - loss.value(y, raw - step * unit)
        numeric[row] = difference.sum() / (2 * step)
    # A difference of values of a thousand (squared: a million) loses as many digits.
    size = np.max(np.abs(value))
    np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=2e-6 + 1e-9 * size)
    if not loss.has_hessian:
        return
    matrix = loss.hessian_matrix(y, raw)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    assert np.linalg.eigvalsh(matrix).min() > -1e-10
    # The slope of a squared hinge has a kink at margin 1.
    if kind == "normal" or name != "squared_pairwise_hinge":
        columns = [loss.gradient(y, raw + step * u) - loss.gradient(y, raw - step * u) for u in np.eye(y.n_rows)]
        np.testing.assert_allclose(matrix, np.stack(columns, axis=1) / (2 * step), rtol=1e-5, atol=1e-6)
    direction = rng.standard_normal(y.n_rows)
    np.testing.assert_allclose(loss.hessian_product(y, raw, direction), matrix @ direction, atol=1e-9)


def double_loop(y, raw, pair, weigh=None):
    """The mean of `pair` of the difference over the pairs of each query, one by one."""
    result = np.zeros(len(y))
    copies = y.multiplicity
    for q in range(len(y)):
        rows = range(y.offsets[q], y.offsets[q + 1])
        total = count = 0.0
        for i, j in itertools.product(rows, rows):
            if y.relevance[i] > y.relevance[j]:
                both = copies[i] * copies[j]
                count += both
                total += both * pair(raw[i] - raw[j]) * (1.0 if weigh is None else weigh(q, i, j))
        result[q] = total / count if count else 0.0
    return result


PAIRS = {
    "ranknet": lambda d: np.logaddexp(0, -d),
    "pairwise_hinge": lambda d: max(0.0, 1 - d),
    "squared_pairwise_hinge": lambda d: max(0.0, 1 - d) ** 2,
}


@pytest.mark.parametrize("kind", ["normal", "equal", "ties", "huge"])
@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize("name", PAIRS)
def test_pair_losses_equal_a_double_loop(name, copies, kind):
    rng = np.random.default_rng(1)
    y = queries(rng, copies)
    raw = scores(rng, y.n_rows, kind)
    np.testing.assert_allclose(Loss.make(name).value(y, raw), double_loop(y, raw, PAIRS[name]), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", PAIRS)
def test_pair_losses_with_a_relevance_of_its_own_for_every_row(name):
    rng = np.random.default_rng(2)
    y = Queries(rng.standard_normal(61), np.array([0, 40, 61]))
    raw = y.relevance + rng.standard_normal(61)
    np.testing.assert_allclose(Loss.make(name).value(y, raw), double_loop(y, raw, PAIRS[name]), rtol=1e-10)


def test_lambdarank_equals_a_double_loop():
    rng = np.random.default_rng(3)
    y = queries(rng)
    raw, seen = rng.standard_normal((2, y.n_rows))
    ideal, rank = np.zeros(len(y)), np.zeros(y.n_rows)
    for q in range(len(y)):
        rows = slice(y.offsets[q], y.offsets[q + 1])
        best = np.sort(y.relevance[rows])[::-1]
        ideal[q] = np.sum((2**best - 1) / np.log2(np.arange(len(best)) + 2) * (np.arange(len(best)) < 3))
        rank[rows] = (-seen[rows]).argsort().argsort() + 1
    gain = 2**y.relevance - 1
    worth = np.where(rank <= 3, 1 / np.log2(1 + rank), 0)

    def swap(q, i, j):
        return abs(gain[i] - gain[j]) / ideal[q] * abs(worth[i] - worth[j])

    def swap_and_bound(q, i, j):
        apart = abs(rank[i] - rank[j])
        bound = 1 / np.log2(1 + apart) - 1 / np.log2(2 + apart) if min(rank[i], rank[j]) <= 3 else 0
        return swap(q, i, j) + 5 * abs(gain[i] - gain[j]) / ideal[q] * bound

    y = y.with_fixed_ranking(seen)
    np.testing.assert_allclose(LambdaRank(max_rank=3).value(y, raw), double_loop(y, raw, PAIRS["ranknet"], swap), rtol=1e-10)
    bounded = LambdaLoss(mu=5.0, max_rank=3).value(y, raw)
    np.testing.assert_allclose(bounded, double_loop(y, raw, PAIRS["ranknet"], swap_and_bound), rtol=1e-10)


@pytest.mark.parametrize(("name", "params"), RANKING)
def test_copies_are_rows_repeated(name, params):
    rng = np.random.default_rng(5)
    loss = make(name, params)
    y = queries(rng, copies=True)
    raw, seen = rng.standard_normal((2, y.n_rows))
    times = y.multiplicity.astype(int)
    offsets = np.concatenate([[0], np.cumsum(y.sum(times))])
    repeated = Queries(np.repeat(y.relevance, times), offsets, tie_breaker=np.repeat(y.tie_breaker, times))
    value, gradient = loss.value_and_gradient(y.with_fixed_ranking(seen), raw)
    other, rowwise = loss.value_and_gradient(repeated.with_fixed_ranking(np.repeat(seen, times)), np.repeat(raw, times))
    np.testing.assert_allclose(value, other, rtol=1e-10, atol=1e-12)
    starts = np.concatenate([[0], np.cumsum(times)[:-1]])
    np.testing.assert_allclose(gradient, np.add.reduceat(rowwise, starts), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("name", "params"), RANKING)
def test_queries_do_not_see_each_other_and_nothing_is_changed(name, params):
    rng = np.random.default_rng(6)
    loss = make(name, params)
    y = queries(rng, copies=True, weight=True)
    raw = rng.standard_normal(y.n_rows)
    kept = y.relevance.copy(), raw.copy()
    whole = loss.value(y, raw)
    for q in range(len(y)):
        part = np.array([q])
        np.testing.assert_allclose(loss.value(y.part(part), raw[y.rows(part)]), whole[q : q + 1], rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(y.relevance, kept[0])
    np.testing.assert_array_equal(raw, kept[1])


@pytest.mark.parametrize("width", [1e-4, 0.5])
def test_smoothed_hinge(width):
    rng = np.random.default_rng(7)
    y = queries(rng, copies=True, weight=True)
    loss = PairwiseHinge()
    smooth = loss.smoothed(width)
    for kind in ("normal", "ties"):
        raw = scores(rng, y.n_rows, kind)
        above = smooth.value(y, raw) - loss.value(y, raw)
        assert np.all(above > -1e-9) and np.all(above <= y.weight * width / 4 + 1e-9)
        assert np.max(above) > 0 or width < 0.1
    step = 1e-6
    raw = scores(rng, y.n_rows, "normal")
    for each, tolerance in ((loss, 1e-6), (smooth, 1e-5)):
        numeric = [(each.value(y, raw + step * u) - each.value(y, raw - step * u)).sum() / (2 * step) for u in np.eye(y.n_rows)]
        np.testing.assert_allclose(each.gradient(y, raw), numeric, atol=tolerance)


@pytest.mark.parametrize("loss", [PairwiseHinge(), SquaredPairwiseHinge()])
def test_one_query_of_100_000_rows(loss):
    rng = np.random.default_rng(8)
    n = 100_000
    y = Queries(rng.integers(0, 5, n).astype(float), np.array([0, n]))
    raw = y.relevance / 4 + rng.standard_normal(n)
    tracemalloc.start()
    start = time.perf_counter()
    value, gradient = loss.value_and_gradient(y, raw)
    seconds, peak = time.perf_counter() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1000 * n  # bytes; there are 4e9 pairs
    assert seconds < 10
    few = rng.choice(n, 2000, replace=False)
    sample = loss.value(Queries(y.relevance[few], np.array([0, 2000])), raw[few])
    assert value[0] == pytest.approx(sample[0], rel=0.1)
    assert abs(gradient.sum()) < 1e-9


def test_pairs_of_a_long_query_come_in_blocks():
    rng = np.random.default_rng(9)
    y = Queries(rng.integers(0, 3, 3000).astype(float), np.array([0, 3000]))
    raw = rng.standard_normal(3000)
    difference = raw[:, None] - raw[None, :]
    pairs = y.relevance[:, None] > y.relevance[None, :]
    assert sum(rows.size * others.size for rows, _, others, _ in y.pair_blocks()) == 3000**2
    np.testing.assert_allclose(RankNet().value(y, raw), np.logaddexp(0, -difference)[pairs].mean(), rtol=1e-12)


def test_discounts():
    above, count = np.array([0.0, 1.0, 0.5, 2e6]), np.array([1.0, 2.0, 1.0, 1.0])
    exact = [1.0, (1 / np.log2(3) + 0.5) / 2, (1 + 1 / np.log2(3)) / 2, 1 / np.log2(2e6 + 2)]
    np.testing.assert_allclose(discount(above, count), exact, rtol=1e-7)
    np.testing.assert_allclose(discount(above, count, max_rank=2), [1.0, 1 / np.log2(3) / 2, exact[2], 0.0])


def test_ids_of_queries():
    np.testing.assert_array_equal(codes_of(["b", "a", "b"], 3), [0, 1, 0])
    np.testing.assert_array_equal(codes_of(np.array(["b", "a", "b"]), 3), [1, 0, 1])
    np.testing.assert_array_equal(codes_of([frozenset("a"), None, frozenset("a")], 3), [0, 1, 0])
    with pytest.raises(ValueError, match="the query of each of the 3 rows"):
        codes_of([2, 1], 3)
    with pytest.raises(ValueError, match="hashable"):
        codes_of([[1], [1], [2]], 3)
    for missing in (np.array([1.0, np.nan]), [1, float("nan")]):
        with pytest.raises(ValueError, match="nan"):
            codes_of(missing, 2)


@pytest.mark.parametrize("loss", [LambdaRank(), LambdaLoss(), XENDCG(), ApproxNDCG()])
def test_relevances_that_gains_cannot_take(loss):
    offsets = np.array([0, 2])
    with pytest.raises(ValueError, match="at least 0"):
        loss.check_target(Queries(np.array([-1.0, 1.0]), offsets))
    with pytest.raises(ValueError, match=r"needs whole numbers.*Got 0.5.*gain='linear'"):
        loss.check_target(Queries(np.array([0.5, 1.0]), offsets))
    linear = type(loss)(gain="linear")
    linear.check_target(Queries(np.array([0.5, 1.0]), offsets))


@pytest.mark.parametrize("span", [700.0, 1e4])
@pytest.mark.parametrize(("name", "params"), [case for case in RANKING if "hinge" not in case[0]])
def test_exponentials_of_scores_that_span_any_range(name, params, span):
    rng = np.random.default_rng(0)
    level = np.repeat(np.arange(6), 4)
    y = Queries(np.minimum(level + rng.integers(0, 2, 24), 5).astype(float), np.array([0, 24]), tie_breaker=rng.random(24))
    scores, direction = span / 5 * level + 0.3 * rng.normal(size=24), rng.normal(size=24)
    y, loss, h = y.with_fixed_ranking(scores), make(name, params), 1e-4
    ahead, behind = scores + h * direction, scores - h * direction
    slope = (loss.value(y, ahead) - loss.value(y, behind))[0] / (2 * h)
    assert loss.gradient(y, scores) @ direction == pytest.approx(slope, rel=1e-5, abs=1e-6)
    if loss.has_hessian:
        bend = (loss.gradient(y, ahead) - loss.gradient(y, behind)) / (2 * h)
        np.testing.assert_allclose(loss.hessian_product(y, scores, direction), bend, rtol=1e-4, atol=1e-6)
