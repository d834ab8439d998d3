"""The share of wrong labels, from probabilities that are known."""

import numpy as np
import pytest
from scipy.special import log_softmax

from sklearn_losses.model_selection.label_noise import wrong_label_share


def labels(wrong, n_classes=3, n=1500, strength=6.0, seed=0):
    """Log-probabilities of the true labels, and labels of which a share is drawn anew."""
    rng = np.random.default_rng(seed)
    log_proba = log_softmax(strength * rng.standard_normal((n, n_classes)), axis=1)
    codes = (log_proba + rng.gumbel(size=log_proba.shape)).argmax(axis=1)
    spoilt = rng.random(n) < wrong
    return log_proba, np.where(spoilt, rng.integers(n_classes, size=n), codes)


@pytest.mark.parametrize("n_classes, drawn", [(2, 0.1), (3, 0.3)])
def test_the_share_is_found(n_classes, drawn):
    share, evidence, threshold = wrong_label_share(*labels(drawn, n_classes))
    assert evidence > threshold > 0
    # One of n_classes is right by chance.
    assert share == pytest.approx(drawn * (1 - 1 / n_classes), abs=0.03)


@pytest.mark.parametrize("strength", [6.0, 1.0])
def test_labels_that_are_right_show_none(strength):
    share, evidence, threshold = wrong_label_share(*labels(0.0, strength=strength))
    assert share == 0 and 0 <= evidence <= threshold


def test_features_that_say_nothing_cannot_tell():
    log_proba, codes = labels(0.3, n=300)
    assert wrong_label_share(np.random.default_rng(1).permutation(log_proba), codes)[0] == 0


def test_certain_probabilities_are_finite():
    log_proba, codes = labels(0.1, n=300)
    certain = np.where(log_proba == log_proba.max(axis=1, keepdims=True), 0.0, -np.inf)
    assert np.all(np.isfinite(wrong_label_share(certain, codes)))
