"""
Count regression: Poisson and Tweedie losses
============================================

This example predicts counts: the number of visits to a doctor in a year. The data are 20,190 rows
of the RAND Health Insurance Experiment, which come with statsmodels (``pip install statsmodels``).
Counts are not negative, most of them are small, and their variance grows with their mean. The
losses ``poisson`` and ``tweedie`` are made for such targets. They are compared with ``mse`` and
``mae``.
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import mean_poisson_deviance
from sklearn.model_selection import cross_val_predict
from statsmodels.datasets import randhie

from sklearn_losses import LossRegressor, ReliabilityDisplay
from sklearn_losses.losses import Tweedie

# %%
# Visits to a doctor
# ------------------
#
# The features describe the insurance plan, physical limitations, chronic diseases and the health
# that a person reports.

data = randhie.load_pandas()
X, y = data.exog, data.endog
print(", ".join(X.columns))
print(f"mean {y.mean():.2f}, variance {y.var():.1f}")
print(f"largest {y.max():.0f}, zeros {np.mean(y == 0):.0%}")

figure, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
ax.bar(
    *np.unique(y[y <= 20], return_counts=True),
    color="#56B4E9",
    edgecolor="black",
    linewidth=0.5,
)
ax.set(
    title="Visits to a doctor in a year",
    xlabel="number of visits (up to 20)",
    ylabel="number of persons",
)
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Fit four losses
# ---------------
#
# ``poisson`` and ``tweedie`` use a log link: the prediction is the exponential of a linear
# function, so it is always positive. ``power=1.5`` of the Tweedie loss means that the variance
# grows like the mean to the power of 1.5. Each prediction comes from a fit to other rows, by
# cross-validation in five folds.

losses = {
    "mse": "mse",
    "mae": "mae",
    "poisson": "poisson",
    "tweedie": Tweedie(power=1.5),
}
predicted = {
    name: cross_val_predict(LossRegressor(loss, alpha=0), X, y, cv=5)
    for name, loss in losses.items()
}
predicted["constant"] = np.full(len(y), y.mean())
deviance = {}
print(f"{'loss':10}{'mean prediction':>18}{'lowest':>10}{'Poisson deviance':>20}")
for name, prediction in predicted.items():
    shown = "not defined"
    if prediction.min() > 0:
        deviance[name] = mean_poisson_deviance(y, prediction)
        shown = f"{deviance[name]:.3f}"
    print(f"{name:10}{prediction.mean():18.2f}", end="")
    print(f"{prediction.min():10.2f}{shown:>20}")

# %%
# ``mae`` estimates the median, which is much lower than the mean if the counts are skewed: its
# predictions add up to little more than half of the visits. The other three estimate the mean. The
# lowest predictions of ``mse`` and ``mae`` are negative, which counts cannot be. The deviance
# measures how well the predicted mean fits; it is not defined for negative predictions.
#
# Check the calibration
# ---------------------
#
# The rows are sorted by the prediction and cut into ten groups of equal size. In each group the
# mean prediction should be the mean of the observed counts.

figure, ax = plt.subplots(figsize=(6.4, 5), layout="constrained")
groups = {}
for name in ("mse", "mae", "poisson"):
    display = ReliabilityDisplay.from_predictions(
        y, predicted[name], kind="mean", name=name, ax=ax
    )
    groups[name] = display.curves["mean"]
ax.set_title("Calibration of predicted counts")
plt.show()

# %%
# ``poisson`` is close to the diagonal in all groups. ``mse`` is too low for the persons with the
# fewest visits. ``mae`` is too low for all, because it predicts the median. ``tweedie`` looks like
# ``poisson`` and is left out of the picture.
#
# Read the coefficients
# ---------------------
#
# With a log link the exponential of a coefficient is a factor: how many times more visits one unit
# of the feature means, if the other features stay the same.

model = LossRegressor("poisson", alpha=0).fit(X, y)
for name, coefficient in zip(X.columns, model.coef_, strict=True):
    print(f"{name:10} x {np.exp(coefficient):.2f}")

# %%
# Persons with poor health (``hlthp``) have about 1.2 times as many visits as persons with excellent
# health, and persons with a physical limitation (``physlm``) 1.3 times as many. For rates, such as
# visits per year when the years differ, divide the count by the exposure and pass the exposure as
# ``sample_weight``.
