"""The mean of the best part of the rows."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRanker, LossRegressor
from sklearn_losses.losses import (
    CVaR,
    Huber,
    Loss,
    Quantile,
    Trimmed,
)


@pytest.mark.parametrize("inner", ["mse", "huber", "mae"])
def test_trimmed_is_a_fixed_point_of_concentration(inner):
    """The model is the plain loss's on the rows that it keeps, and these are the rows that it fits
    best.
    """
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2))
    y = X @ [2.0, -1.0] + 1 + 0.3 * rng.normal(size=120)
    y[:30] = 50 + 5 * rng.normal(size=30)
    inner = Huber(scale=1.0) if inner == "huber" else inner
    model = LossRegressor(Trimmed(inner, share=0.6), alpha=0).fit(X, y)
    losses = Loss.make(inner).value(y, model.predict(X))
    kept = losses <= np.sort(losses)[71]
    assert not kept[:30].any()
    alone = LossRegressor(inner, alpha=0).fit(X[kept], y[kept])
    np.testing.assert_allclose(model.coef_, alone.coef_, rtol=1e-8)
    assert model.loss_ == pytest.approx(np.sort(losses)[:72].mean(), rel=1e-10)


def test_trimmed_follows_the_units_and_takes_weights_as_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2))
    y = X @ [2.0, -1.0] + 0.3 * rng.normal(size=80)
    y[:16] += 30
    plain = LossRegressor(Trimmed("mse"), alpha=0.01).fit(X, y)
    np.testing.assert_allclose(LossRegressor(Trimmed("mse"), alpha=0.01).fit(X, 1e3 * y).coef_, 1e3 * plain.coef_, rtol=1e-9)
    weight = rng.integers(0, 4, 80)
    rows = np.repeat(np.arange(80), weight)
    weighted = LossRegressor(Trimmed("mse"), alpha=0.01).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(LossRegressor(Trimmed("mse"), alpha=0.01).fit(X[rows], y[rows]).coef_, weighted.coef_, rtol=1e-9)
    both = LossRegressor(Trimmed("mae"), alpha=0.01).fit(X, np.column_stack([y, -y]))
    np.testing.assert_allclose(both.coef_[0], -both.coef_[1], atol=1e-6)


def test_where_trimming_makes_no_sense():
    X, y = load_iris(return_X_y=True)
    for fit in (
        lambda: LossClassifier(Trimmed("cross_entropy"), solver="adam").partial_fit(X, y, classes=[0, 1, 2]),
        lambda: LossRegressor(0.5 * Trimmed("mse") + 0.5 * Quantile(0.5)).fit(X, y),
        lambda: LossRegressor(CVaR(Trimmed("mse"))).fit(X, y),
    ):
        with pytest.raises(ValueError, match="cannot stand inside another loss"):
            fit()
    with pytest.raises(ValueError, match="learns constants"):
        LossRegressor(Trimmed("adaptive_barron")).fit(X, y)
    with pytest.raises(ValueError, match="whole queries"):
        LossRanker(Trimmed("ranknet")).fit(X, y)


def test_trimmed_finds_the_least_trimmed_squares():
    """All subsets of a small problem tried, as the definition says."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(10, 1))
    y = X[:, 0] + 0.2 * rng.normal(size=10)
    y[:2] += 8
    best = np.inf
    for rows in combinations(range(10), 7):
        part = np.column_stack([X[list(rows)], np.ones(7)])
        coefficients, *_ = np.linalg.lstsq(part, y[list(rows)], rcond=None)
        best = min(best, np.sum((part @ coefficients - y[list(rows)]) ** 2))
    model = LossRegressor(Trimmed("mse", share=0.7, n_init=20), alpha=0, random_state=0).fit(X, y)
    assert np.sort((y - model.predict(X)) ** 2)[:7].sum() == pytest.approx(best, rel=1e-6)


def test_trimming_nothing_changes_nothing():
    X, y = load_iris(return_X_y=True)
    plain, trimmed = (LossClassifier(loss, alpha=0.01).fit(X, y) for loss in ("cross_entropy", Trimmed("cross_entropy", 1.0)))
    np.testing.assert_allclose(trimmed.predict_proba(X), plain.predict_proba(X), atol=1e-6)


def test_trimmed_gives_up_wrong_labels():
    """The tenth of the rows that are plainest, mislabelled, pulls an unbounded loss the most."""
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    plain = np.abs(LossClassifier(alpha=0.01).fit(X, y).decision_function(X))
    wrong = np.where(plain >= np.quantile(plain, 0.9), 1 - y, y)
    losses = ("cross_entropy", Trimmed("cross_entropy", 0.85))
    scores = [LossClassifier(loss, alpha=0.01).fit(X, wrong).score(X, y) for loss in losses]
    assert scores[0] < 0.9 and scores[1] > 0.95
