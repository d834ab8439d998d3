"""Losses in expectation over labels."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.preprocessing import scale

from sklearn_losses import LossClassifier


def test_soft_labels_that_are_certain_are_hard_labels():
    X, y = load_iris(return_X_y=True)
    for loss in ("cross_entropy", "squared_hinge", "hinge", "generalized_cross_entropy"):
        hard = LossClassifier(loss, alpha=0.01).fit(X, y)
        soft = LossClassifier(loss, alpha=0.01).fit(X, np.eye(3)[y])
        np.testing.assert_allclose(soft.objective_, hard.objective_, rtol=1e-5, err_msg=loss)
        np.testing.assert_array_equal(soft.predict(X), hard.predict(X))


@pytest.mark.parametrize("loss", ["cross_entropy", "modified_huber"])
def test_soft_labels_are_rows_of_each_class_with_their_weights(loss):
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)
    q = 0.1 + 0.8 * y
    soft = LossClassifier(loss, alpha=0.01).fit(X, np.stack([1 - q, q], axis=1))
    both = LossClassifier(loss, alpha=0.01).fit(np.vstack([X, X]), np.repeat([0, 1], len(y)), np.concatenate([1 - q, q]))
    # The mean is over rows here and over twice as many halves there.
    np.testing.assert_allclose(soft.coef_, both.coef_, rtol=1e-5, atol=1e-8)


def test_bad_soft_labels_are_refused():
    X = np.ones((3, 2))
    with pytest.raises(ValueError, match="must be probabilities"):
        LossClassifier().fit(X, np.full((3, 3), 0.5))
    with pytest.raises(ValueError, match="cannot be used with soft labels"):
        LossClassifier(class_weight="balanced").fit(X, np.full((3, 2), 0.5))
