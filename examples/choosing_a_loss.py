"""
Choose a loss: suggestions, comparison, noise curves
====================================================

This example chooses a loss for data in which some targets are wrong. The data are 442 diabetes
patients. One tenth of the targets is far too high, as if it had been typed into the wrong field.

There are three steps. :func:`~sklearn_losses.suggest_losses` looks at the data and suggests losses.
:func:`~sklearn_losses.compare_losses` compares them by cross-validation.
:func:`~sklearn_losses.noise_curve` shows how each loss reacts when the share of wrong targets
grows.
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import (
    LossFunctionDisplay,
    LossRegressor,
    add_outliers,
    compare_losses,
    noise_curve,
    suggest_losses,
)

X, y = load_diabetes(return_X_y=True)
y_wrong, wrong = add_outliers(y, 0.1, side="up", random_state=0)
print(f"{wrong.sum()} of {len(y)} targets are wrong")
print(f"Right targets are from {y.min():.0f} to {y.max():.0f}")
print(f"Wrong targets are at least {y_wrong[wrong].min():.0f}")

# %%
# Ask for suggestions
# -------------------
#
# The suggestions follow from facts about the data, such as the shape of the residuals of a robust
# linear fit. The fact is given with each suggestion.

suggestions = suggest_losses(X, y_wrong)
print(suggestions)

# %%
# A tenth of the residuals is far larger than those of the other rows. The suggested losses limit
# the influence of such rows.
#
# Compare the suggested losses
# ----------------------------
#
# The squared error (``mse``) is added for comparison. The test folds have wrong targets as well.
# The median of the absolute errors does not depend on their size, so it is the first metric, which
# decides. The mean absolute error depends on them.

losses = {"mse": "mse", **suggestions.losses}
model = make_pipeline(StandardScaler(), LossRegressor())
scoring = ["neg_median_absolute_error", "neg_mean_absolute_error"]
comparison = compare_losses(model, X, y_wrong, losses, scoring=scoring)
print(comparison)

# %%
# By the median error, ``mse`` is about three times as bad as the suggested losses, and
# significantly worse. The suggested losses are not significantly different from each other.

display = comparison.plot()
display.ax_.set_title("Suggested losses and mse, 10 % wrong targets")
plt.show()

# %%
# Change the share of wrong targets
# ---------------------------------
#
# The noise curve fits losses to targets of which 0 to 40 % are wrong. The test rows have right
# targets here, so the mean absolute error is a fair measure.


def typing_errors(y, level, random_state):
    return add_outliers(y, level, side="up", random_state=random_state)


curve = noise_curve(
    model,
    X,
    y,
    ["mse", "huber", "cauchy", "tukey"],
    noise=typing_errors,
    levels=[0.0, 0.1, 0.2, 0.4],
    n_repeats=2,
    scoring="neg_mean_absolute_error",
)
print(curve)

# %%
# Without wrong targets the losses are equally good. The error of ``mse`` triples with 10 % of wrong
# targets. ``huber`` is almost as good as with right targets up to 10 %, ``cauchy`` up to 20 %, and
# ``tukey`` up to 40 %.

ax = curve.plot()
ax.set(
    title="Error on right targets",
    xlabel="share of wrong targets in training",
    ylabel="minus mean absolute error",
)
plt.show()

# %%
# Look at the shapes of the losses
# --------------------------------
#
# The right panel explains the result. It shows the slope of each loss, which is the influence of a
# row on the fit. For ``mse`` it grows without limit. For ``huber`` it is constant for large
# residuals. For ``cauchy``, ``welsch`` and ``tukey`` it falls towards 0, so rows that are far off
# have little or no influence. The residuals are given in units of the scale of the noise.

display = LossFunctionDisplay.from_losses(list(losses), span=(-8, 8))
display.figure_.suptitle("Losses and their influence on the fit")
plt.show()
