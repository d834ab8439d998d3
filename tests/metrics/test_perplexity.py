"""Perplexity equals its definition and scikit-learn's log loss, and does as documented at its
edges.
"""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_validate

from sklearn_losses import LossClassifier
from sklearn_losses.metrics import neg_perplexity, perplexity_score

rng = np.random.default_rng(0)
PROBA = rng.dirichlet(np.ones(4), size=50)
LABELS = np.array(["d", "b", "a", "c"])
Y = rng.choice(LABELS, size=50)
WEIGHT = rng.integers(0, 4, size=50)


def test_equals_the_exponential_of_the_log_loss():
    ordered = np.argsort(LABELS)
    expected = np.exp(log_loss(Y, PROBA[:, ordered], labels=LABELS[ordered], sample_weight=WEIGHT))
    assert perplexity_score(Y, PROBA, labels=LABELS, sample_weight=WEIGHT) == pytest.approx(expected, rel=1e-12)


def test_logarithms_give_the_same_and_do_not_underflow():
    assert perplexity_score(Y, np.log(PROBA), labels=LABELS, log_proba=True) == pytest.approx(
        perplexity_score(Y, PROBA, labels=LABELS), rel=1e-12
    )
    logs = np.array([[-2000.0, 0.0], [-2000.0, 0.0], [0.0, -2000.0], [np.log1p(-np.exp(-3)), -3.0]])
    value = perplexity_score([0, 1, 0, 1], logs, log_proba=True)
    assert np.log(value) == pytest.approx(2003 / 4, rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("n_classes", [2, 30, 1000])
def test_probabilities_of_few_digits_are_taken(dtype, n_classes):
    proba = np.random.default_rng(1).dirichlet(np.ones(n_classes), size=40)
    codes = np.arange(40) % n_classes
    exact = perplexity_score(codes, proba, labels=np.arange(n_classes))
    few = perplexity_score(codes, proba.astype(dtype), labels=np.arange(n_classes))
    logs = perplexity_score(codes, np.log(proba).astype(dtype), labels=np.arange(n_classes), log_proba=True)
    assert few == pytest.approx(exact, rel=0.02) and logs == pytest.approx(exact, rel=0.02)


def test_one_column_is_the_second_label():
    p = PROBA[:, 0]
    y = rng.integers(0, 2, size=50)
    expected = perplexity_score(y, np.stack([1 - p, p], axis=1))
    assert perplexity_score(y, p) == pytest.approx(expected, rel=1e-12)
    assert perplexity_score(y, np.log(p), log_proba=True) == pytest.approx(expected, rel=1e-9)


def test_weight_two_is_a_row_twice_and_zero_no_row():
    repeated = perplexity_score(np.repeat(Y, WEIGHT), np.repeat(PROBA, WEIGHT, axis=0), labels=LABELS)
    assert perplexity_score(Y, PROBA, labels=LABELS, sample_weight=WEIGHT) == pytest.approx(repeated, rel=1e-12)
    assert perplexity_score([0, 1], [[0.0, 1.0], [0.5, 0.5]], sample_weight=[0, 1]) == pytest.approx(2)


def test_unseen_and_impossible_labels_are_infinite_unless_smoothed():
    assert perplexity_score(["a", "z"], [[0.5, 0.5]] * 2, labels=["a", "b"]) == np.inf
    assert perplexity_score(["a", "b"], [[0.0, 1.0]] * 2) == np.inf
    smoothed = perplexity_score(["a", "z"], [[0.0, 1.0]] * 2, labels=["a", "b"], smoothing=0.3)
    assert smoothed == pytest.approx(10)  # each has 0.3 / 3
    total = sum(1 / perplexity_score([y], [[0.2, 0.8]], labels=["a", "b"], smoothing=0.3) for y in "abz")
    assert total == pytest.approx(1)  # smoothed probabilities, the unseen class included, sum to 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(y_true=[0, 1], y_proba=[[0.5, np.nan]] * 2), "nan"),
        (dict(y_true=[0, 1], y_proba=[[0.9, 0.9]] * 2), "sum above 1"),
        (dict(y_true=[0, 1], y_proba=[[-0.1, 0.9]] * 2), "none below 0"),
        (dict(y_true=[0, 1, 1], y_proba=[[0.1, 0.9]] * 2), "2 rows, and y_true 3"),
        (dict(y_true=[0, 1], y_proba=[[0.1, 0.8, 0.1]] * 2), "pass the label of each column"),
        (dict(y_true=[0, 1], y_proba=[[0.1, 0.9]] * 2, smoothing=1.0), "smoothing"),
        (dict(y_true=[0, 1], y_proba=[[0.1, 0.9]] * 2, sample_weight=[1, -1]), "none negative"),
        (dict(y_true=[0, 1], y_proba=[[0.1, 0.9]] * 2, sample_weight=[0, 0]), "not all zero"),
    ],
)
def test_bad_input_is_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        perplexity_score(**arguments)


def test_scorer_in_cross_validate():
    X, y = load_iris(return_X_y=True)
    scoring = {"perplexity": neg_perplexity, "log_loss": "neg_log_loss"}
    for classifier in (LossClassifier(alpha=1e-2), LogisticRegression(max_iter=1000)):
        scores = cross_validate(classifier, X, y, scoring=scoring)
        np.testing.assert_allclose(scores["test_perplexity"], -np.exp(-scores["test_log_loss"]), rtol=1e-9)
