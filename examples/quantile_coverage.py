"""
Prediction intervals by quantile regression
===========================================

The pinball loss with ``quantile=q`` fits the value that a share ``q`` of the targets stays below.
Two such fits, at 5 % and 95 %, give a prediction interval that should contain 90 % of the targets.
This example fits such intervals and measures on held-out rows how many targets they contain. It
uses simulated data whose spread grows with ``x``, and 442 diabetes patients.
"""

# sphinx_gallery_thumbnail_number = 1

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import CoverageDisplay, LossRegressor, MultiQuantileRegressor
from sklearn_losses.losses import Quantile

LEVELS = (0.05, 0.5, 0.95)

# %%
# Data whose spread grows
# -----------------------
#
# The data are simulated, so the true quantiles are known.


def wave(n, rng):
    x = np.sort(rng.uniform(0, 4, size=n))
    middle, spread = np.sin(1.5 * x) + x / 2, 0.1 + 0.25 * x
    truth = {
        0.05: middle - 1.6449 * spread,
        0.5: middle,
        0.95: middle + 1.6449 * spread,
    }
    return x[:, None], middle + spread * rng.standard_normal(n), truth


rng = np.random.default_rng(0)
X, y, _ = wave(1000, rng)
X_new, y_new, truth = wave(2000, rng)

# %%
# Fit a linear model and a network
# --------------------------------
#
# Each level is a fit of its own: ``loss=Quantile(0.05)`` and so on.

network = LossRegressor(
    solver="adam",
    hidden_layer_sizes=(30, 30),
    activation="tanh",
    max_iter=300,
    tol=0.1,
    random_state=0,
).set_params(solver__learning_rate=0.01, solver__batch_size=50)
models = {"linear": LossRegressor(), "network": network}
bands, shares = {}, {}
print(
    f"{'':16}{'targets inside (aim: 90 %)':>28}"
    f"{'mean pinball loss':>20}{'crossings':>12}"
)
for name, regressor in models.items():
    model = make_pipeline(StandardScaler(), regressor)
    bands[name] = band = {}
    for level in LEVELS:
        band[level] = (
            model.set_params(lossregressor__loss=Quantile(level))
            .fit(X, y)
            .predict(X_new)
        )
    shares[name] = np.mean((band[0.05] <= y_new) & (y_new <= band[0.95]))
    pinball = np.mean(
        [mean_pinball_loss(y_new, band[level], alpha=level) for level in LEVELS]
    )
    print(
        f"{name:16}{shares[name]:28.1%}{pinball:20.3f}"
        f"{np.sum(band[0.05] > band[0.95]):12}"
    )
shares["truth"] = np.mean((truth[0.05] <= y_new) & (y_new <= truth[0.95]))
pinball = np.mean(
    [mean_pinball_loss(y_new, truth[level], alpha=level) for level in LEVELS]
)
print(f"{'true quantiles':16}{shares['truth']:28.1%}{pinball:20.3f}")

figure, panels = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
for ax, (name, band) in zip(panels, bands.items(), strict=True):
    ax.plot(
        X_new[::4, 0],
        y_new[::4],
        ".",
        color="0.65",
        markersize=3,
        label="held-out rows",
    )
    ax.fill_between(
        X_new[:, 0],
        band[0.05],
        band[0.95],
        color="#56B4E9",
        alpha=0.4,
        label="predicted 5 % to 95 %",
    )
    ax.plot(
        X_new[:, 0], band[0.5], color="#0072B2", linewidth=2, label="predicted median"
    )
    ax.plot(
        X_new[:, 0],
        truth[0.05],
        "--",
        color="black",
        linewidth=1,
        label="true 5 % and 95 %",
    )
    ax.plot(X_new[:, 0], truth[0.95], "--", color="black", linewidth=1)
    ax.set(title=f"90 % prediction interval, {name} model", xlabel="x")
    ax.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("y")
figure.legend(
    *panels[0].get_legend_handles_labels(),
    frameon=False,
    ncols=4,
    loc="outside lower center",
)
plt.show()

# %%
# Both intervals contain about 90 % of the held-out targets. That alone does not make a good
# interval: the linear one is too wide where the curve bends, and the network follows the true
# quantiles. The mean pinball loss measures this, and it is lower for the network. No lower bound
# exceeds its upper bound here. To exclude that, use
# :class:`~sklearn_losses.MultiQuantileRegressor`.
#
# Coverage on the diabetes data
# -----------------------------
#
# :class:`~sklearn_losses.MultiQuantileRegressor` fits several levels at once and returns them in
# order. :func:`sklearn.model_selection.cross_val_predict` predicts the quantiles of each patient by
# a fit without that patient. The share of targets below each predicted quantile should be the level
# of the quantile.

X, y = load_diabetes(return_X_y=True)
folds = KFold(5, shuffle=True, random_state=0)
levels = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]
predicted = cross_val_predict(MultiQuantileRegressor(levels), X, y, cv=folds)
display = CoverageDisplay.from_predictions(y, predicted, levels, name="linear model")
display.ax_.set_title("Coverage of quantiles on held-out patients")
plt.show()

interval = display.intervals[0]
shares["diabetes"] = interval.coverage
print(
    f"{interval.coverage:.1%} of the targets are between the quantiles "
    "of 5 % and 95 %, aim 90 %"
)
print(f"Mean width of this interval: {interval.mean_width:.0f}")
print(f"Range of the target: {y.min():.0f} to {y.max():.0f}")

# %%
# The points lie near the diagonal, within what chance allows with 442 patients (the band). The
# interval between 5 % and 95 % contains a little less than 90 % of the held-out targets.
