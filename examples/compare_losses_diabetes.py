"""Which loss for my data? Six losses, linear and neural, on clean and on spoilt targets.

442 diabetes patients, the progress of the disease after a year as target. Everyone knows that the
median is robust and the mean is not; here it is measured: the same losses are fitted once to the
targets as they are and once with a tenth of them ten times too large, as by a slipped decimal
point. Both are judged on the unspoilt rows of the held-out folds.

    python examples/compare_losses_diabetes.py
"""

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler

from sklearn_losses import LossRegressor
from sklearn_losses.losses import Huber, Quantile


def log_cosh(y_true, y_pred):
    """A parabola near 0, straight lines far out: a loss that the package does not need to know."""
    error = y_true - y_pred
    return np.logaddexp(error, -error) - np.log(2)


# Targets are scaled to an interquartile range of 1 by the fit, hence the deltas.
LOSSES = {
    "mse": "mse",
    "mae": "mae",
    "huber, delta 1.35": "huber",
    "huber, delta 0.3": Huber(delta=0.3),
    "log-cosh, my own": log_cosh,
    "quantile 0.75": Quantile(0.75),  # aims above the middle, on purpose
}


def model(loss, hidden_layer_sizes):
    """Scale the columns and the target, then fit; an MLP stops as soon as held-out rows no longer
    gain.
    """
    regressor = LossRegressor(
        loss, hidden_layer_sizes=hidden_layer_sizes, alpha=1e-2, early_stopping=bool(hidden_layer_sizes), random_state=0
    )
    return TransformedTargetRegressor(make_pipeline(StandardScaler(), regressor), transformer=RobustScaler())


def main(losses=tuple(LOSSES), folds=5):
    """Print the table and return it: {(loss, model, targets): mean absolute error on unspoilt
    held-out rows}.
    """
    X, y = load_diabetes(return_X_y=True)
    rng = np.random.default_rng(0)
    wrong = rng.random(len(y)) < 0.1
    spoilt = np.where(wrong, 10 * y, y)
    splits = [(train, test[~wrong[test]]) for train, test in KFold(folds, shuffle=True, random_state=0).split(X)]

    print(f"Diabetes, {len(y)} rows; mean absolute error on held-out rows, {folds}-fold cross-validation")
    print(f"Spoilt: {wrong.sum()} targets ten times too large, in training only\n")
    print(f"{'loss':<24}{'linear':>9}{'spoilt':>9}{'MLP (50)':>12}{'spoilt':>9}")
    errors = {}
    for name in losses:
        for kind, hidden in (("linear", ()), ("mlp", (50,))):
            for targets, values in (("clean", y), ("spoilt", spoilt)):
                scores = cross_validate(
                    model(LOSSES[name], hidden), X, values, cv=splits, scoring="neg_mean_absolute_error", error_score="raise"
                )
                errors[name, kind, targets] = -scores["test_score"].mean()
        linear, mlp = ([errors[name, kind, targets] for targets in ("clean", "spoilt")] for kind in ("linear", "mlp"))
        print(f"{name:<24}{linear[0]:>9.1f}{linear[1]:>9.1f}{mlp[0]:>12.1f}{mlp[1]:>9.1f}", flush=True)
    print(f"{'always the median':<24}{np.mean(np.abs(y - np.median(y))):>9.1f}")
    return errors


if __name__ == "__main__":
    main()
