"""
Compare losses on the diabetes data
===================================

This example fits six regression losses to 442 diabetes patients and compares them by
cross-validation. The target is the progress of the disease after one year, and the features are
age, sex, body mass index, blood pressure and six blood values.

The losses are compared twice: with the targets as they are, and with one tenth of the training
targets ten times too large, as after a slip of the decimal point.
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler

from sklearn_losses import LossRegressor, compare_losses
from sklearn_losses.losses import Huber, Quantile

# %%
# Fit one loss
# ------------
#
# The loss is a parameter of the estimator. A name is enough.

X, y = load_diabetes(return_X_y=True)
model = LossRegressor("mae").fit(X, y)
error = np.mean(np.abs(y - model.predict(X)))
print(f"Mean absolute error on the rows of the fit: {error:.1f}")
print(f"Solver: {model.solver_}, converged: {model.converged_}")

# %%
# Compare losses by cross-validation
# ----------------------------------
#
# A loss can be a name, an object with parameters, or a function of your own.
# :func:`~sklearn_losses.compare_losses` fits each of them to the same folds. The first metric in
# ``scoring`` decides which loss is the best. The pipeline scales the features and the target: the
# function below is quadratic up to a residual of about 1, so it needs a target of that size.


def log_cosh(y_true, y_pred):
    """Quadratic near 0 and linear far from 0: one value for each row."""
    error = y_true - y_pred
    return np.logaddexp(error, -error) - np.log(2)


losses = {
    "mse": "mse",
    "mae": "mae",
    "huber": "huber",
    "huber, delta=0.3": Huber(delta=0.3),
    "log_cosh, a function": log_cosh,
    "quantile 0.75": Quantile(0.75),
}
pipeline = make_pipeline(StandardScaler(), LossRegressor())
model = TransformedTargetRegressor(pipeline, transformer=RobustScaler())
comparison = compare_losses(
    model, X, y, losses, scoring=["neg_mean_absolute_error", "r2"]
)
print(comparison)

# %%
# The picture shows one row for each loss and one dot for each fold. The first five losses predict
# the middle of the target, and their differences are smaller than those between two folds. The 75 %
# quantile is a value that three of four targets stay below, so it is too high as a prediction of
# the middle.

display = comparison.plot()
display.ax_.set_title("Six losses on the diabetes data, 5 folds")
plt.show()

# %%
# Compare losses with wrong targets
# ---------------------------------
#
# Now one tenth of the targets is multiplied by ten. The test folds contain only rows with right
# targets, so the errors below are errors of right targets. Two models are fitted: a linear one, and
# a network with one hidden layer of 50 units.

rng = np.random.default_rng(0)
wrong = rng.random(len(y)) < 0.1
y_wrong = np.where(wrong, 10 * y, y)
folds = [
    (train, test[~wrong[test]])
    for train, test in KFold(5, shuffle=True, random_state=0).split(X)
]
estimators = {
    "linear": LossRegressor(alpha=0.01),
    "network": LossRegressor(
        hidden_layer_sizes=(50,), alpha=0.01, early_stopping=True, random_state=0
    ),
}
errors = {}
for kind, regressor in estimators.items():
    model = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), regressor), transformer=RobustScaler()
    )
    for targets, values in (("right", y), ("wrong", y_wrong)):
        found = compare_losses(
            model,
            X,
            values,
            losses,
            scoring="neg_mean_absolute_error",
            cv=folds,
            refit=False,
        )
        for name, scores in zip(
            found.losses_, found.test_scores_["neg_mean_absolute_error"], strict=True
        ):
            errors[name, kind, targets] = -scores.mean()

print(f"{wrong.sum()} of {len(y)} targets are ten times too large.")
print("Mean absolute error on test rows:\n")
print(f"{'':22}{'linear':>10}{'10 % wrong':>12}{'network':>10}{'10 % wrong':>12}")
for name in losses:
    row = [
        errors[name, kind, targets]
        for kind in estimators
        for targets in ("right", "wrong")
    ]
    print(f"{name:22}{row[0]:10.1f}{row[1]:12.1f}{row[2]:10.1f}{row[3]:12.1f}")
median_error = np.mean(np.abs(y - np.median(y)))
print(f"{'the median of y':22}{median_error:10.1f}")

# %%
# With right targets the losses are about as good as each other. With 10 % wrong targets the error
# of ``mse`` is more than three times as large, and worse than that of a constant. ``mae`` and
# ``huber`` lose at most 6 %. The slope of a loss far from 0 makes this difference: it grows with
# the residual for ``mse``, and it is bounded for the others.

figure, panels = plt.subplots(
    1, 2, figsize=(9, 3.6), sharex=True, sharey=True, layout="constrained"
)
rows = np.arange(len(losses))
for ax, kind in zip(panels, estimators, strict=True):
    right, bad = (
        [errors[name, kind, targets] for name in losses]
        for targets in ("right", "wrong")
    )
    ax.hlines(rows, right, bad, color="0.6", linewidth=2)
    ax.plot(right, rows, "o", color="#0072B2", markersize=8, label="right targets")
    ax.plot(bad, rows, "D", color="#D55E00", markersize=8, label="10 % wrong targets")
    ax.axvline(
        median_error,
        color="black",
        linestyle="--",
        linewidth=1,
        label="the median of y",
    )
    ax.set(title=f"{kind} model", xlabel="mean absolute error on test rows")
    ax.set_yticks(rows, losses)
    ax.grid(axis="x", color="0.9")
    ax.spines[["top", "right"]].set_visible(False)
panels[0].invert_yaxis()
panels[1].legend(frameon=False)
plt.show()
