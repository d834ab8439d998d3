"""Crammer and Singer's hinge."""

import warnings

import numpy as np
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale
from sklearn.svm import LinearSVC

from sklearn_losses import LossClassifier


def test_crammer_singer_equals_liblinear():
    """The best of five of the peer's ends, which depend on its draws: now and then one does not
    converge.
    """
    X, y = load_iris(return_X_y=True)
    X = scale(X)
    ours = LossClassifier("crammer_singer", alpha=0.05, fit_intercept=False, tol=1e-9).fit(X, y)
    values = []
    for seed in range(5):
        reference = LinearSVC(
            multi_class="crammer_singer",
            C=1 / (0.05 * len(y)),
            fit_intercept=False,
            tol=1e-6,
            max_iter=1_000_000,
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            scores = reference.fit(X, y).decision_function(X)
        violation = 1 + scores - np.take_along_axis(scores, y[:, None], axis=1)
        np.put_along_axis(violation, y[:, None], 0, axis=1)
        values.append(violation.max(axis=1).mean() + 0.025 * (reference.coef_**2).sum())
    np.testing.assert_allclose(ours.objective_, min(values), rtol=1e-5)
