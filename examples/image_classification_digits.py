"""Images of handwritten digits: cross-entropy and the hinges, with and without a hidden layer.

1,797 images of 8 x 8 pixels, ten classes. Loss and complexity of the model are two independent
parameters: the same class is softmax regression, a multi-class support vector machine, and a neural
network under any of the losses.

    python examples/image_classification_digits.py
"""

from time import perf_counter

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklearn_losses import LossClassifier

CASES = [(loss, hidden) for hidden in ((), (64,)) for loss in ("cross_entropy", "hinge", "squared_hinge")]


def main(cases=CASES, images=1797):
    """Print a line per loss and model; return {(loss, hidden_layer_sizes): accuracy on the test
    images}.
    """
    X, y = (part[:images] for part in load_digits(return_X_y=True))
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    print(f"Digits: {len(X_train)} images to learn from, {len(X_test)} others to be judged by\n")
    print(f"{'loss':<15}{'model':<10}{'solver':<16}{'parameters':>10}{'iterations':>12}{'seconds':>9}{'accuracy':>10}")
    accuracy, predicted = {}, {}
    for loss, hidden in cases:
        # The hidden layer is fitted by mini-batches, which stop when a tenth of the training images
        # gains no more.
        classifier = LossClassifier(loss, hidden_layer_sizes=hidden, alpha=1e-3, early_stopping=bool(hidden), random_state=0)
        model = make_pipeline(MinMaxScaler(), classifier)
        start = perf_counter()
        model.fit(X_train, y_train)
        seconds = perf_counter() - start
        predicted[loss, hidden] = model.predict(X_test)
        accuracy[loss, hidden] = model.score(X_test, y_test)
        kind = "linear" if not hidden else "MLP " + "-".join(map(str, hidden))
        print(
            f"{loss:<15}{kind:<10}{classifier.solver_:<16}{classifier.n_parameters_:>10}{classifier.n_iter_:>12}"
            f"{seconds:>9.1f}{accuracy[loss, hidden]:>10.1%}",
            flush=True,
        )
    best = max(accuracy, key=accuracy.get)
    errors = confusion_matrix(y_test, predicted[best])
    np.fill_diagonal(errors, 0)
    print(f"\nThe best, {best[0]} with {best[1] or 'no'} hidden units, mistakes {errors.sum()} of {len(y_test)} images:")
    for digit, taken_for in np.argwhere(errors):
        print(f"  {errors[digit, taken_for]} x {digit} taken for {taken_for}")
    return accuracy


if __name__ == "__main__":
    main()
