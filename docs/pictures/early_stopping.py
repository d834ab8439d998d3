"""Training objective and held-out loss of a network, pass by pass."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossRegressor
from sklearn_losses.plotting.drawing import legend, style, tidy

X, y = load_diabetes(return_X_y=True)
X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
network = LossRegressor(
    "mse", hidden_layer_sizes=(30,), solver="adam", early_stopping=True, n_iter_no_change=150, max_iter=400, random_state=0
)
with warnings.catch_warnings():
    # Few passes show more.
    warnings.simplefilter("ignore", ConvergenceWarning)
    network.fit(X, y)
held_out = -np.array(network.validation_scores_)
best = int(np.argmin(held_out))

figure, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
passes = np.arange(1, len(held_out) + 1)
ax.plot(passes, network.loss_curve_[-len(passes) :], label="training objective", linewidth=2, **style(2))
ax.plot(passes, held_out, label="loss of held-out rows", linewidth=2, **style(3))
ax.axvline(best + 1, color="black", linestyle=":", label="best pass, which is kept")
ax.set_title("Early stopping of a network on the diabetes data", fontsize="medium")
ax.set(xlabel="pass over the rows", ylabel="mean squared error")
tidy(ax)
legend(ax, True)
