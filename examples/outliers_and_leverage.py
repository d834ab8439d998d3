"""
Outliers and leverage points in robust regression
=================================================

A row is an outlier if its target is far from what the other rows predict. A row is a leverage point
if its features are far from those of the other rows. A leverage point with a wrong target is the
worst case: it pulls the fit towards itself until its own residual is small, and a plot of the
residuals does not show it.

This example compares ``mse``, ``huber`` and ``tukey`` on two data sets with leverage points, and
shows how :class:`~sklearn_losses.OutlierDisplay` finds them.
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

from sklearn_losses import LossRegressor, OutlierDisplay

LOSSES = ("mse", "huber", "tukey")

# %%
# The stack loss data
# -------------------
#
# The classical data for robust regression are 21 days of a plant that oxidises ammonia (Brownlee
# 1965). The features are the air flow, the temperature of the cooling water and the concentration
# of the acid. The target is the loss of ammonia.

stackloss = np.array(
    [
        [80, 27, 89, 42],
        [80, 27, 88, 37],
        [75, 25, 90, 37],
        [62, 24, 87, 28],
        [62, 22, 87, 18],
        [62, 23, 87, 18],
        [62, 24, 93, 19],
        [62, 24, 93, 20],
        [58, 23, 87, 15],
        [58, 18, 80, 14],
        [58, 18, 89, 14],
        [58, 17, 88, 13],
        [58, 18, 82, 11],
        [58, 19, 93, 12],
        [50, 18, 89, 8],
        [50, 18, 86, 7],
        [50, 19, 72, 8],
        [50, 19, 79, 8],
        [50, 20, 80, 9],
        [56, 20, 82, 15],
        [70, 20, 91, 15],
    ]
)
X_plant, y_plant = stackloss[:, :3], stackloss[:, 3]
plant = {loss: LossRegressor(loss, alpha=0).fit(X_plant, y_plant) for loss in LOSSES}
for loss, model in plant.items():
    print(f"{loss:6} coefficients {model.coef_.round(2)}")
for loss in ("huber", "tukey"):
    weights = plant[loss].row_weights_
    lowest = ", ".join(
        f"day {row + 1}: {weights[row]:.2f}" for row in np.argsort(weights)[:4]
    )
    print(f"{loss:6} smallest weights: {lowest}")

# %%
# Both robust losses give small weights to days 21, 4 and 3. Day 1 also counts less under ``huber``.
# ``tukey`` leaves day 21 out.
#
# The display draws the residual of each row against the distance of its features from the bulk of
# the rows. The dashed lines are the usual cutoffs. Rows above or below the horizontal lines are
# outliers, and rows to the right of the vertical line are leverage points.


def compare_displays(models, X, y, title, **options):
    """The outlier display of the squared error and that of Tukey's loss."""
    displays = {}
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    for ax, loss in zip(panels, ("mse", "tukey"), strict=True):
        displays[loss] = OutlierDisplay.from_estimator(
            models[loss], X, y, ax=ax, **options
        )
        ax.set_title(f"{title}, {loss}")
    return displays


displays = compare_displays(
    plant, X_plant, y_plant, "Stack loss", names=np.arange(1, 22)
)
plt.show()

# %%
# Under ``mse`` (left) only day 21 is beyond a cutoff for residuals, and only just. Under ``tukey``
# (right) the residuals of days 4 and 21 are far beyond it. Day 21 is a bad leverage point: its
# features are far from the bulk, and its target does not fit them.
#
# Blood values from two laboratories
# ----------------------------------
#
# The second data set are the blood values of 442 diabetes patients. Their LDL cholesterol was
# computed as total cholesterol minus HDL cholesterol minus triglycerides / 5 (Friedewald, Levy and
# Fredrickson 1972), so the true coefficients of total and HDL cholesterol are 1 and -1.
#
# In one row of five, total and HDL cholesterol are now given in mmol/l instead of mg/dl. This
# happens when the data of two laboratories are joined. These rows are leverage points, and their
# targets do not fit their features.

table = load_diabetes(scaled=False).data
X, y = table[:, [4, 6, 8]], table[:, 5]
rng = np.random.default_rng(0)
wrong = np.zeros(len(y), dtype=bool)
wrong[rng.choice(len(y), size=len(y) // 5, replace=False)] = True
X[wrong, :2] /= 38.67

patients = {loss: LossRegressor(loss, alpha=0).fit(X, y) for loss in LOSSES}
print(f"{wrong.sum()} of {len(y)} rows are in another unit\n")
print(f"{'loss':8}{'total':>8}{'HDL':>8}{'median error of right rows':>30}")
for loss, model in patients.items():
    error = np.median(np.abs(y - model.predict(X))[~wrong])
    print(f"{loss:8}{model.coef_[0]:8.2f}{model.coef_[1]:8.2f}{error:30.1f}")
weights = patients["tukey"].row_weights_
print(f"\ntukey gives weight 0 to {np.sum(weights[wrong] == 0)} wrong rows")
print(f"and to {np.sum(weights[~wrong] == 0)} right rows")

# %%
# ``mse`` and ``huber`` follow the leverage points, and their coefficients are far from 1 and -1.
# Huber's loss limits the influence of a residual, but not that of the features. Tukey's loss starts
# from a resistant fit, gives all wrong rows weight 0 and finds the true coefficients.

displays = compare_displays(patients, X, y, "Blood values")
plt.show()

found = {}
for loss, display in displays.items():
    found[loss] = np.sum(display.kinds[wrong] == "bad leverage")
    print(f"{loss:6} shows {found[loss]} wrong rows as bad leverage points")

# %%
# Under ``mse`` (left) most of the 88 wrong rows look like good leverage points: they have drawn the
# fit to themselves. Under ``tukey`` (right) all of them are found. The residuals are so large there
# that the axis is logarithmic outside the dashed lines.
