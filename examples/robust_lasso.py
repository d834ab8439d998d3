"""
A robust lasso: few rows, many columns, some outliers
=====================================================

200 diabetes patients, their 10 columns hidden among 390 columns of noise, and a tenth of the
targets far too high. A penalty on the absolute values of the coefficients (the lasso) picks
columns. With the squared error the outliers decide which. With Huber's or Tukey's loss they do not,
provided that the scale of the residuals, which tells outliers from the other rows, is estimated
under the same penalty: without one, 400 columns fit 200 rows exactly.

    python examples/robust_lasso.py
"""

import numpy as np
from sklearn.datasets import load_diabetes

from sklearn_losses import LossRegressor, OutlierDisplay, add_outliers

LOSSES = ("mse", "huber", "tukey")


def patients(n_noise=390, n_train=200, seed=0):
    """Standardised columns and targets to train with, of which a tenth are wrong, and to test."""
    X, y = load_diabetes(return_X_y=True)
    rng = np.random.default_rng(seed)
    X = np.column_stack([X / X.std(axis=0), rng.normal(size=(len(y), n_noise))])
    order = rng.permutation(len(y))
    train, test = order[:n_train], order[n_train:]
    wrong, which = add_outliers(y[train], 0.1, side="up", random_state=seed)
    return X[train], wrong, which, X[test], y[test]


def main(alphas=None, losses=LOSSES, draw=True):
    """Print the best fit on the path of each loss; return the paths, alpha -> model by loss."""
    X, y, wrong, X_test, y_test = patients()
    alphas = np.geomspace(40, 3, 9) if alphas is None else alphas
    print(f"{'loss':8}{'alpha':>7}{'error on test rows':>20}{'columns':>9}{'of them real':>14}{'scale':>8}")
    paths, errors = {}, {}
    for loss in losses:
        # The squared error is twice as steep as the robust losses near 0.
        unit = 2 if loss == "mse" else 1
        paths[loss] = {alpha: LossRegressor(loss, alpha=unit * alpha, l1_ratio=1).fit(X, y) for alpha in alphas}
        errors[loss] = [np.mean(np.abs(y_test - model.predict(X_test))) for model in paths[loss].values()]
        alpha = alphas[int(np.argmin(errors[loss]))]
        model = paths[loss][alpha]
        chosen = np.flatnonzero(model.coef_)
        scale = f"{model.scale_:8.1f}" if hasattr(model, "scale_") else ""
        print(f"{loss:8}{alpha:7.1f}{min(errors[loss]):20.1f}{len(chosen):9}{np.sum(chosen < 10):14}{scale}")
    if "tukey" in losses:
        best = paths["tukey"][alphas[int(np.argmin(errors["tukey"]))]]
        gone = best.row_weights_ == 0
        print(f"tukey gives weight 0 to {np.sum(gone & wrong)} of the {wrong.sum()} wrong targets", end="")
        print(f" and to {np.sum(gone & ~wrong)} others")
    if draw:
        picture(alphas, paths, errors)
        # The distance needs fewer columns than rows: those with the largest coefficients.
        columns = np.argsort(-np.abs(best.coef_))[:5]
        OutlierDisplay.from_estimator(best, X, y, columns=columns).plot()
    return paths


def picture(alphas, paths, errors):
    """The error of each loss along its path, and the coefficients on the path of Tukey's loss."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    for (loss, error), color, marker in zip(errors.items(), ("#D55E00", "#0072B2", "#000000"), "^so", strict=False):
        left.plot(alphas, error, label=loss, color=color, marker=marker, markersize=4)
    left.set(xscale="log", xlabel="alpha", ylabel="mean absolute error on clean test rows")
    left.legend(frameon=False)
    coefficients = np.array([model.coef_ for model in paths["tukey"].values()])
    right.plot(alphas, coefficients[:, 10:], color="0.7", linewidth=0.8)
    right.plot(alphas, coefficients[:, :10], color="#0072B2", linewidth=1.8)
    right.plot([], [], color="0.7", label="columns of noise")
    right.plot([], [], color="#0072B2", label="columns of the patients")
    right.set(xscale="log", xlabel="alpha", ylabel="coefficient, tukey")
    right.legend(frameon=False)
    for ax in (left, right):
        ax.invert_xaxis()
        ax.set_xticks([40, 20, 10, 5, 3], ["40", "20", "10", "5", "3"])
        ax.set_xticks([], minor=True)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(color="0.9", linewidth=0.8)
    return figure


if __name__ == "__main__":
    main()
    import matplotlib.pyplot as plt

    plt.show()
