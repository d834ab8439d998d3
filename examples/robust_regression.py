"""
Robust regression: a line through outliers
==========================================

This example fits a straight line to data in which 30 % of the targets are grossly wrong. It
compares the squared error with convex robust losses (``mae``, ``huber``) and with losses whose
slope goes back to 0 for large residuals (``tukey``, ``cauchy``, ``welsch``, ``geman_mcclure``,
``adaptive_barron``). The data are simulated, so that the true line is known.
"""

# sphinx_gallery_thumbnail_number = 1

import matplotlib.pyplot as plt
import numpy as np

from sklearn_losses import LossRegressor
from sklearn_losses.losses import Huber

# %%
# Data with outliers
# ------------------
#
# The true line is ``y = 2 x + 5``, and the noise has standard deviation 0.5. The wrong targets lie
# around 60, more often where ``x`` is small.

rng = np.random.default_rng(0)
n = 300
x = rng.uniform(-5, 5, size=n)
y = 2 * x + 5 + 0.5 * rng.normal(size=n)
outlier = rng.random(n) < 0.3 - 0.04 * x
y[outlier] = 60 + 20 * rng.normal(size=outlier.sum())
X = x[:, None]
print(f"{outlier.sum()} of {n} targets are wrong")

# %%
# Fit nine losses
# ---------------
#
# Robust losses need the scale of the noise, to tell which residuals are large. They estimate it
# from the data; the result is the attribute ``scale_``. ``Huber(scale="joint")`` estimates it
# together with the coefficients.

losses = [
    "mse",
    "mae",
    "huber",
    Huber(scale="joint"),
    "cauchy",
    "tukey",
    "welsch",
    "geman_mcclure",
    "adaptive_barron",
]
models = {str(loss): LossRegressor(loss, alpha=0).fit(X, y) for loss in losses}
print(f"{'loss':22}{'slope':>8}{'intercept':>12}{'scale':>8}")
for name, model in models.items():
    scale = f"{model.scale_:.2f}" if hasattr(model, "scale_") else ""
    print(f"{name:22}{model.coef_[0]:8.2f}{model.intercept_:12.2f}{scale:>8}")
print(f"{'truth':22}{2:8.2f}{5:12.2f}{0.5:8.2f}")

figure, (whole, zoomed) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
ends = np.array([[-5.0], [5.0]])
styles = (
    ("mse", "#D55E00", "-"),
    ("mae", "#E69F00", "-."),
    ("huber", "#0072B2", "--"),
    ("tukey", "#000000", "-"),
)
for ax in (whole, zoomed):
    ax.plot(x[~outlier], y[~outlier], ".", color="#56B4E9", label="right targets")
    ax.plot(
        x[outlier], y[outlier], "x", color="0.5", markersize=5, label="wrong targets"
    )
    for name, color, dashes in styles:
        ax.plot(
            ends,
            models[name].predict(ends),
            color=color,
            linestyle=dashes,
            linewidth=2,
            label=name,
        )
    ax.set(xlabel="x", ylabel="y")
    ax.spines[["top", "right"]].set_visible(False)
whole.set_title("Lines fitted with four losses")
zoomed.set(title="The same, without most outliers", ylim=(-8, 22))
figure.legend(
    *whole.get_legend_handles_labels(),
    frameon=False,
    ncols=6,
    loc="outside lower center",
)
plt.show()

# %%
# The line of ``mse`` runs between the right and the wrong targets. ``mae`` and ``huber`` are pulled
# towards the wrong targets, because each of these keeps some influence. The other losses find the
# true line.
#
# Which rows count
# ----------------
#
# The attribute ``row_weights_`` says how much each row counts in the fit, between 0 and 1.
# ``huber`` and ``cauchy`` give small weights to the wrong targets, and ``tukey`` gives them weight
# 0. The axis of the residuals is linear between -5 and 5 and logarithmic outside.

figure, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
for name, color, marker in (
    ("huber", "#0072B2", "o"),
    ("cauchy", "#E69F00", "s"),
    ("tukey", "#000000", "^"),
):
    residuals = (y - models[name].predict(X)) / models[name].scale_
    ax.plot(
        residuals,
        models[name].row_weights_,
        marker,
        color=color,
        markersize=4,
        alpha=0.7,
        label=name,
    )
ax.set_xscale("symlog", linthresh=5)
ax.set_xticks([-2, 0, 2, 5, 20, 100], ["-2", "0", "2", "5", "20", "100"])
ax.set(title="Weights of the rows", xlabel="residual / scale", ylabel="weight")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
plt.show()

# %%
# The number of wrong targets that count for nothing, and of right ones:

weights = models["tukey"].row_weights_
print(
    f"tukey gives weight 0 to {np.sum(weights[outlier] == 0)} "
    f"of {outlier.sum()} wrong targets"
)
print(f"and to {np.sum(weights[~outlier] == 0)} of {np.sum(~outlier)} right ones")
