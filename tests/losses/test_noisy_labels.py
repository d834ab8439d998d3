"""Noise-tolerant losses: their formulas, their limits, and their use on data with wrong labels."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from sklearn_losses import LossClassifier
from sklearn_losses.losses import (
    ActivePassive,
    BiTempered,
    Bootstrapped,
    CrossEntropy,
    Focal,
    GeneralizedCrossEntropy,
    SymmetricCrossEntropy,
)


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    return rng.integers(0, 5, 60), 3 * rng.normal(size=(60, 5))


def parts(y, raw):
    p = CrossEntropy().inverse_link(raw)
    return p, p[np.arange(len(y)), y]


def test_textbook_values(scores):
    y, raw = scores
    p, t = parts(y, raw)
    one_hot = np.eye(5)[y]
    for loss, expected in (
        (Focal(2.0), -((1 - t) ** 2) * np.log(t)),
        (GeneralizedCrossEntropy(0.7), (1 - t**0.7) / 0.7),
        (SymmetricCrossEntropy(0.1, 1.0, -4.0), -0.1 * np.log(t) + 4 * (1 - t)),
        (ActivePassive(1.0, 1.0, -4.0), np.log(t) / np.log(p).sum(axis=1) + 4 * (1 - t)),
        (Bootstrapped(0.8), -((0.8 * one_hot + 0.2 * p) * np.log(p)).sum(axis=1)),
    ):
        np.testing.assert_allclose(loss.value(y, raw), expected, rtol=1e-10, atol=1e-12, err_msg=str(loss))


def test_bi_tempered_is_the_bregman_divergence(scores):
    """Equation 9 of the paper, in terms of its tempered logarithm, with probabilities that solve
    its equation 6.
    """
    y, raw = scores
    t1, t2 = 0.6, 1.4
    loss = BiTempered(t1, t2)
    p = loss.inverse_link(raw)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    # exp_t2(raw - shift) = p, so log_t2(p) - raw is one number per row.
    shift = (p ** (1 - t2) - 1) / (1 - t2) - raw
    np.testing.assert_allclose(shift, np.broadcast_to(shift[:, :1], shift.shape), rtol=1e-7)

    def log(x):
        return (x ** (1 - t1) - 1) / (1 - t1)

    e = np.eye(5)[y]
    own = p[np.arange(60), y]
    expected = log(1.0) - log(own) - ((e ** (2 - t1) - p ** (2 - t1)) / (2 - t1)).sum(axis=1)
    np.testing.assert_allclose(loss.value(y, raw), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "loss",
    [Focal(0.0), GeneralizedCrossEntropy(1e-9), SymmetricCrossEntropy(1.0, 0.0), Bootstrapped(1.0), BiTempered(1.0, 1.0)],
    ids=str,
)
def test_cross_entropy_is_their_limit(loss, scores):
    y, raw = scores
    np.testing.assert_allclose(loss.value(y, raw), CrossEntropy().value(y, raw), rtol=1e-6)
    np.testing.assert_allclose(loss.gradient(y, raw), CrossEntropy().gradient(y, raw), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(loss.value(y % 2, raw[:, 0]), CrossEntropy().value(y % 2, raw[:, 0]), rtol=1e-6)


@pytest.mark.parametrize("loss", [Focal(), GeneralizedCrossEntropy(), BiTempered(), ActivePassive(), Bootstrapped()], ids=str)
def test_two_classes_are_the_case_of_two_scores(loss):
    rng = np.random.default_rng(0)
    y, raw = rng.integers(0, 2, 50), 4 * rng.normal(size=50)
    both = np.stack([np.zeros(50), raw], axis=1)
    np.testing.assert_allclose(loss.value(y, raw), loss.value(y, both), rtol=1e-10)
    np.testing.assert_allclose(loss.gradient(y, raw), loss.gradient(y, both)[:, 1], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(loss.inverse_link(raw), loss.inverse_link(both)[:, 1], rtol=1e-10)


def test_label_smoothing_bounds_the_scores():
    X, y = load_iris(return_X_y=True)
    plain = LossClassifier(CrossEntropy()).fit(X, y)
    smooth = LossClassifier(CrossEntropy(label_smoothing=0.1)).fit(X, y)
    assert np.abs(smooth.decision_function(X)).max() < 0.5 * np.abs(plain.decision_function(X)).max()
    assert smooth.score(X, y) > 0.9
