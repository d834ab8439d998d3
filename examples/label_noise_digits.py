"""
Digits with wrong labels
========================

40 % of the training labels are replaced by another digit, drawn at random; the test labels are clean. Cross-entropy believes
every label. A loss that is bounded, or nearly so, gives up on rows that it cannot explain, and is right on more test digits.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_losses import LossClassifier
from sklearn_losses.losses import GeneralizedCrossEntropy

ALPHAS = (1e-4, 1e-3, 1e-2)
TOLERANT = (
    "generalized_cross_entropy",
    GeneralizedCrossEntropy(q=1.0),
    "symmetric_cross_entropy",
    "active_passive",
)


def accuracy(loss, alpha, seeds):
    """Mean accuracy on clean test digits after training on labels of which 40 % are wrong."""
    X, y = load_digits(return_X_y=True)
    scores = []
    for seed in seeds:
        X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=seed, stratify=y)
        rng = np.random.default_rng(seed)
        wrong = rng.random(len(y_train)) < 0.4
        noisy = np.where(wrong, (y_train + rng.integers(1, 10, len(y_train))) % 10, y_train)
        scores.append(LossClassifier(loss, alpha=alpha).fit(X_train, noisy).score(X_test, y_test))
    return np.mean(scores)


if __name__ == "__main__":
    print("mean accuracy on clean test digits, linear models, three splits")
    print(f"{'loss':34}" + "".join(f"alpha={alpha:<8g}" for alpha in ALPHAS))
    for loss in ("cross_entropy", *TOLERANT, "bi_tempered", "bootstrapped"):
        print(f"{str(loss):34}" + "".join(f"{accuracy(loss, alpha, seeds=(0, 1, 2)):<14.3f}" for alpha in ALPHAS))
