"""Losses of the order of a whole query."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp

from sklearn_losses import LossRanker
from sklearn_losses.core.queries import Queries
from sklearn_losses.losses import (
    XENDCG,
    ApproxNDCG,
    ListMLE,
    ListNet,
)


def test_lists_equal_the_published_formulas():
    rng = np.random.default_rng(4)
    y = Queries(np.array([3.0, 0.0, 1.0, 2.0]), np.array([0, 4]))
    raw = rng.standard_normal(4)
    order = np.argsort(-y.relevance)
    placed = raw[order]
    likelihood = sum(np.log(np.exp(placed[k:]).sum()) - placed[k] for k in range(4))
    np.testing.assert_allclose(ListMLE().value(y, raw), likelihood)
    logs = raw - np.log(np.exp(raw).sum())
    target = np.exp(y.relevance) / np.exp(y.relevance).sum()
    np.testing.assert_allclose(ListNet().value(y, raw), -target @ logs)
    target = 2**y.relevance - y.tie_breaker
    np.testing.assert_allclose(XENDCG().value(y, raw), -target / target.sum() @ logs)
    rank = 1 + np.array([sum(1 / (1 + np.exp(-10 * (raw[k] - raw[i]))) for k in range(4) if k != i) for i in range(4)])
    gain = 2**y.relevance - 1
    best = gain[order] @ (1 / np.log2(np.arange(4) + 2))
    np.testing.assert_allclose(ApproxNDCG().value(y, raw), -(gain / best) @ (1 / np.log2(1 + rank)))


def exact_listmle(y, scores, direction):
    """Value, gradient and Hessian product of one list, row by row in 60 digits."""
    with localcontext() as context:
        context.prec = 60
        rows = np.lexsort((y.tie_breaker, -y.relevance))
        place = [(y.relevance[i], y.tie_breaker[i]) for i in rows]
        s, d = ([Decimal(float(value)) for value in values] for values in (scores, direction))
        value, gradient, product = Decimal(0), [Decimal(0)] * len(s), [Decimal(0)] * len(s)
        for k, chosen in enumerate(rows):
            others, copies = rows[place.index(place[k]) :], int(y.multiplicity[chosen])
            top = max(s[j] for j in others)
            size = {j: int(y.multiplicity[j]) * (s[j] - top).exp() for j in others}
            total = sum(size.values())
            mean = sum(size[j] * d[j] for j in others) / total
            value += copies * (top + total.ln() - s[chosen])
            gradient[chosen] -= copies
            for j in others:
                gradient[j] += copies * size[j] / total
                product[j] += copies * size[j] / total * (d[j] - mean)
        return float(value), np.array(gradient, dtype=float), np.array(product, dtype=float)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize("span", [1.0, 300.0, 700.0, 1e4])
def test_listmle_of_scores_that_span_any_range(span, copies, dtype):
    rng = np.random.default_rng(int(span))
    n = 24
    # Groups of close scores, far from each other, the best mostly first.
    level = np.repeat(np.arange(6), 4)
    y = Queries(
        level + rng.integers(0, 2, n).astype(float), np.array([0, n]), tie_breaker=np.round(rng.random(n), 1),
        copies=rng.integers(1, 4, n).astype(float) if copies else None,
    )  # fmt: skip
    scores = (span / 5 * level + rng.normal(size=n)).astype(dtype)
    direction = rng.normal(size=n).astype(dtype)
    value, gradient, product = exact_listmle(y, scores, direction)
    assert np.max(np.abs(product)) > 0.1
    ours = ListMLE().value_and_gradient(y, scores)
    loose = 1e-6 if dtype == np.float32 else 1e-11
    np.testing.assert_allclose(ours[0], value, rtol=1e-13)
    np.testing.assert_allclose(ours[1], gradient, rtol=loose, atol=loose)
    np.testing.assert_allclose(ListMLE().hessian_product(y, scores, direction), product, rtol=loose, atol=loose)


def test_listmle_of_rows_of_very_different_size_reaches_the_optimum():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(60, 3)) * 10.0 ** rng.uniform(-1, 2.5, size=(60, 1))
    y = X @ [1, -2, 0.5] + 0.3 * rng.normal(size=60)
    qid = np.repeat(np.arange(6), 10)
    model = LossRanker("listmle", alpha=1e-4).fit(X, y, qid=qid)
    assert np.ptp(model.predict(X)) > 3000
    lists = [X[qid == q][np.argsort(-y[qid == q])] for q in range(6)]

    def objective(coef):
        scores = [rows @ coef for rows in lists]
        return np.mean([sum(logsumexp(s[k:]) - s[k] for k in range(10)) for s in scores]) + 0.5e-4 * coef @ coef

    peer = minimize(objective, model.coef_, method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 4000})
    assert model.objective_ == pytest.approx(objective(model.coef_), rel=1e-12)
    assert model.objective_ == pytest.approx(peer.fun, rel=1e-10)
