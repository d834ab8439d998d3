"""
Outliers and leverage points
============================

A row is an outlier where its target is far from what the other rows let one expect. It is a
leverage point where its columns are far from those of the other rows. A leverage point with a wrong
target is the worst case: it pulls the fit towards itself until its own residual is small, and so a
plot of the residuals does not show it. A loss with a bounded gradient, such as Huber's, resists
outliers, but not leverage points. A redescending loss, such as Tukey's, gives weight 0 to rows that
are far off, and with its resistant start it resists both.

The first data are the classical ones, 21 days of a plant that oxidises ammonia (Brownlee 1965). The
second are the blood values of 442 diabetes patients. Their LDL cholesterol was computed as total
cholesterol - HDL cholesterol - triglycerides / 5 (Friedewald, Levy and Fredrickson 1972), so that
the first two coefficients are 1 and -1. In one row of five, total and HDL cholesterol are then
given in another unit, mmol/l instead of mg/dl, as happens where the data of two laboratories are
joined.

    python examples/outliers_and_leverage.py
"""

import numpy as np
from sklearn.datasets import load_diabetes

from sklearn_losses import LossRegressor, OutlierDisplay

LOSSES = ("mse", "huber", "tukey")
# Air flow, temperature of the cooling water, concentration of the acid; loss of ammonia.
STACKLOSS = np.array([
    [80, 27, 89, 42], [80, 27, 88, 37], [75, 25, 90, 37], [62, 24, 87, 28], [62, 22, 87, 18], [62, 23, 87, 18],
    [62, 24, 93, 19], [62, 24, 93, 20], [58, 23, 87, 15], [58, 18, 80, 14], [58, 18, 89, 14], [58, 17, 88, 13],
    [58, 18, 82, 11], [58, 19, 93, 12], [50, 18, 89, 8], [50, 18, 86, 7], [50, 19, 72, 8], [50, 19, 79, 8],
    [50, 20, 80, 9], [56, 20, 82, 15], [70, 20, 91, 15],
])  # fmt: skip


def patients_of_two_laboratories(share=0.2, seed=0):
    """Total cholesterol, HDL and log triglycerides, LDL, and which rows are in another unit."""
    table = load_diabetes(scaled=False).data
    X, y = table[:, [4, 6, 8]], table[:, 5]
    rng = np.random.default_rng(seed)
    wrong = np.zeros(len(y), dtype=bool)
    wrong[rng.choice(len(y), int(share * len(y)), replace=False)] = True
    X[wrong, :2] /= 38.67
    return X, y, wrong


def main(draw=True):
    """Print what each loss makes of both data sets; return the fitted models of the second."""
    print("Stack loss: coefficients, scale, and the days with the smallest weights")
    plant = {}
    for loss in LOSSES:
        plant[loss] = LossRegressor(loss, alpha=0).fit(STACKLOSS[:, :3], STACKLOSS[:, 3])
        print(f"{loss:8}{np.array2string(plant[loss].coef_, precision=2):24}", end="")
        if hasattr(plant[loss], "scale_"):
            print(f"scale {plant[loss].scale_:.2f}", end="  ")
        if hasattr(plant[loss], "row_weights_"):
            weights = plant[loss].row_weights_
            print(", ".join(f"day {row + 1}: {weights[row]:.2f}" for row in np.argsort(weights)[:4]), end="")
        print()

    X, y, wrong = patients_of_two_laboratories()
    print(f"\nBlood values, {wrong.sum()} of {len(y)} rows in another unit: coefficients, median absolute error on")
    print("the other rows, and how many of the wrong rows the picture shows as bad leverage points")
    patients = {}
    for loss in LOSSES:
        patients[loss] = LossRegressor(loss, alpha=0).fit(X, y)
        error = np.median(np.abs(y - patients[loss].predict(X))[~wrong])
        kinds = OutlierDisplay.from_estimator(patients[loss], X, y).kinds
        found = np.sum(kinds[wrong] == "bad leverage")
        print(f"{loss:8}{np.array2string(patients[loss].coef_, precision=2):24}{error:6.1f}{found:6}")
    weights = patients["tukey"].row_weights_
    print(f"tukey gives {np.sum(weights[wrong] == 0)} of them weight 0, and {np.sum(weights[~wrong] == 0)} other rows")

    if draw:
        pictures(plant, STACKLOSS[:, :3], STACKLOSS[:, 3], names=np.arange(1, 22))
        pictures(patients, X, y)
    return patients


def pictures(models, X, y, **options):
    """The outlier display of the squared error beside that of Tukey's loss."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    for ax, loss in zip(panels, ("mse", "tukey"), strict=True):
        OutlierDisplay.from_estimator(models[loss], X, y, **options).plot(ax=ax)
        ax.set_title(loss)
    return figure


if __name__ == "__main__":
    main()
    import matplotlib.pyplot as plt

    plt.show()
