"""
Robust lasso: outliers and many columns
=======================================

This example fits a lasso to data with more columns than rows and with outliers. The data are 200
diabetes patients. Their 10 columns are hidden among 390 columns of noise, and one tenth of the
targets is far too high.

The lasso is a penalty on the absolute values of the coefficients. It sets most of them to 0 and so
selects columns. The example compares the squared error (``mse``) with the robust losses ``huber``
and ``tukey``.
"""

# sphinx_gallery_thumbnail_number = 1

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

from sklearn_losses import LossRegressor, OutlierDisplay, add_outliers

# %%
# Data: 400 columns, of which 10 matter
# -------------------------------------

X, y = load_diabetes(return_X_y=True)
rng = np.random.default_rng(0)
X = np.column_stack([X / X.std(axis=0), rng.normal(size=(len(y), 390))])
order = rng.permutation(len(y))
X_train, y_right, X_test, y_test = (
    X[order[:200]],
    y[order[:200]],
    X[order[200:]],
    y[order[200:]],
)
y_train, wrong = add_outliers(y_right, 0.1, side="up", random_state=0)
print(
    f"{X_train.shape[0]} rows, {X_train.shape[1]} columns, {wrong.sum()} wrong targets"
)

# %%
# Fit a path of penalties
# -----------------------
#
# ``l1_ratio=1`` is the lasso penalty. ``alpha`` is its strength. The squared error is twice as
# steep near 0 as the robust losses, so its ``alpha`` is twice as large for the same effect. The
# test rows have right targets.
#
# ``huber`` and ``tukey`` need the scale of the noise. Without a penalty 400 columns fit 200 rows
# exactly, and the scale would be 0. The scale is therefore estimated under the same penalty as the
# fit.

alphas = np.geomspace(40, 4, 6)
paths, errors, best = {}, {}, {}
print(
    f"{'loss':8}{'alpha':>7}{'error on test rows':>20}"
    f"{'columns selected':>18}{'of the 10':>11}{'scale':>8}"
)
for loss in ("mse", "huber", "tukey"):
    factor = 2 if loss == "mse" else 1
    paths[loss] = [
        LossRegressor(loss, alpha=factor * alpha, l1_ratio=1).fit(X_train, y_train)
        for alpha in alphas
    ]
    errors[loss] = [
        np.mean(np.abs(y_test - model.predict(X_test))) for model in paths[loss]
    ]
    place = int(np.argmin(errors[loss]))
    best[loss] = model = paths[loss][place]
    selected = np.flatnonzero(model.coef_)
    scale = f"{model.scale_:8.1f}" if hasattr(model, "scale_") else ""
    print(
        f"{loss:8}{alphas[place]:7.1f}{errors[loss][place]:20.1f}"
        f"{len(selected):18}{np.sum(selected < 10):11}{scale}"
    )

# %%
# Even at its best penalty, the error of ``mse`` is three times as large as that of the robust
# losses. The outliers decide which columns ``mse`` selects. ``huber`` and ``tukey`` select fewer
# columns, and more of those that matter.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for (loss, error), color, marker in zip(
    errors.items(), ("#D55E00", "#0072B2", "#000000"), "^so", strict=True
):
    left.plot(alphas, error, color=color, marker=marker, label=loss)
left.set(
    title="Error by the strength of the penalty",
    ylabel="mean absolute error on test rows",
    ylim=(0, None),
)
coefficients = np.array([model.coef_ for model in paths["tukey"]])
right.plot(alphas, coefficients[:, 10:], color="0.7", linewidth=0.8)
right.plot(alphas, coefficients[:, :10], color="#0072B2", linewidth=1.8)
right.plot([], [], color="0.7", label="390 columns of noise")
right.plot([], [], color="#0072B2", label="10 columns of the patients")
right.set(title="Coefficients of tukey", ylabel="coefficient")
for ax in (left, right):
    ax.set(xscale="log", xlabel="alpha (weaker penalty to the right)", xlim=(42, 3.8))
    ax.set_xticks([40, 20, 10, 5], ["40", "20", "10", "5"])
    ax.set_xticks([], minor=True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="0.9", linewidth=0.8)
    ax.legend(frameon=False)
plt.show()

# %%
# Which rows are outliers
# -----------------------
#
# ``tukey`` gives weight 0 to rows that are far off.

left_out = best["tukey"].row_weights_ == 0
print(
    f"tukey gives weight 0 to {np.sum(left_out & wrong)} "
    f"of {wrong.sum()} wrong targets",
    end=" ",
)
print(f"and to {np.sum(left_out & ~wrong)} of {np.sum(~wrong)} right ones")

# %%
# The outlier display shows the residuals against a robust distance of the features. The distance
# needs fewer columns than rows. The five columns with the largest coefficients are used here.

columns = np.argsort(-np.abs(best["tukey"].coef_))[:5]
display = OutlierDisplay.from_estimator(
    best["tukey"], X_train, y_train, columns=columns
)
display.ax_.set_title("Residuals of tukey: the 20 wrong targets stand out")
plt.show()
