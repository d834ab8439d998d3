"""
Digits with wrong labels
========================

40 % of the training labels are replaced by another digit, drawn at random; the test labels are
clean. Cross-entropy believes every label. A loss that is bounded, or nearly so, gives up on rows
that it cannot explain, and is right on more test digits.

    python examples/label_noise_digits.py
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_losses import LossClassifier, add_label_noise
from sklearn_losses.losses import GeneralizedCrossEntropy

ALPHAS = (1e-4, 1e-3, 1e-2)
TOLERANT = (
    "generalized_cross_entropy",
    GeneralizedCrossEntropy(q=1.0),
    "symmetric_cross_entropy",
    "active_passive",
)
BELIEVING = ("cross_entropy", "bi_tempered", "bootstrapped")


def accuracy(loss, alpha, seeds, noise=0.4):
    """Mean accuracy on clean test digits after training on labels of which a part is wrong."""
    X, y = load_digits(return_X_y=True)
    scores = []
    for seed in seeds:
        X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=seed, stratify=y)
        noisy, _ = add_label_noise(y_train, noise, random_state=seed)
        scores.append(LossClassifier(loss, alpha=alpha).fit(X_train, noisy).score(X_test, y_test))
    return np.mean(scores)


def main(losses=(*BELIEVING, *TOLERANT), alphas=ALPHAS, seeds=(0, 1, 2)):
    """Print the accuracies, a row per loss and a column per alpha; return them by loss."""
    print(f"mean accuracy on clean test digits, linear models, {len(seeds)} splits")
    print(f"{'loss':34}" + "".join(f"alpha={alpha:<8g}" for alpha in alphas))
    found = {}
    for loss in losses:
        found[str(loss)] = [accuracy(loss, alpha, seeds) for alpha in alphas]
        print(f"{str(loss):34}" + "".join(f"{score:<14.3f}" for score in found[str(loss)]))
    return found


if __name__ == "__main__":
    main()
