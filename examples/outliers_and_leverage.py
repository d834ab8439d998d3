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
second are 442 diabetes patients. In one of eight the columns and the target are replaced by values
that lie together far from all other rows, as a fault of the export would leave them.

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


def spoiled_patients(share=0.125, seed=0):
    """Diabetes patients, with a share of rows moved far out in X and low in y; and which rows."""
    X, y = load_diabetes(return_X_y=True)
    rng = np.random.default_rng(seed)
    moved = np.zeros(len(y), dtype=bool)
    moved[rng.choice(len(y), int(share * len(y)), replace=False)] = True
    spread = X.std(axis=0)
    X[moved] = spread * (6 + 0.5 * rng.normal(size=(moved.sum(), X.shape[1])))
    y[moved] = 25 + 5 * rng.normal(size=moved.sum())
    return X, y, moved


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

    X, y, moved = spoiled_patients()
    print(f"\nDiabetes: median absolute error on the {np.sum(~moved)} rows that are right, and what the rows are")
    patients = {}
    for loss in LOSSES:
        patients[loss] = LossRegressor(loss).fit(X, y)
        error = np.median(np.abs(y - patients[loss].predict(X))[~moved])
        kinds = OutlierDisplay.from_estimator(patients[loss], X, y).kinds
        found = np.sum(kinds[moved] == "bad leverage")
        print(f"{loss:8}{error:5.1f}   {found} of the {moved.sum()} moved rows are shown as bad leverage points")
    weights = patients["tukey"].row_weights_
    print(f"tukey gives {np.sum(weights[moved] == 0)} of the moved rows weight 0, and {np.sum(weights[~moved] == 0)} others")

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
