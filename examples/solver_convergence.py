"""
Convergence of solvers
======================

All solvers minimise the same objective. This example shows how fast they approach its minimum, for
a smooth loss (logistic regression on the breast cancer data) and for a loss with kinks (the mean
absolute error on the diabetes data). For the latter the fit proves with a duality gap how close it
is.
"""

# sphinx_gallery_thumbnail_number = 1

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.solvers import SGD, SVRG, Adam

# %%
# A smooth loss
# -------------
#
# The attribute ``loss_curve_`` holds the objective after each iteration. ``newton``, ``lbfgs`` and
# ``gd`` use all rows in each iteration. ``SGD``, ``Adam`` and ``SVRG`` take many steps with batches
# of 32 rows in each pass over the rows. They are stopped after 60 passes; the fits warn that they
# have not converged, and the warnings are switched off here.

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
all_rows = {"newton": "newton", "lbfgs": "lbfgs", "gd": "gd"}
batches = {
    "SGD": SGD(learning_rate=0.03, batch_size=32),
    "Adam": Adam(learning_rate=0.03, batch_size=32),
    "SVRG": SVRG(learning_rate=0.3, batch_size=32),
}
curves = {}
for name, solver in (all_rows | batches).items():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LossClassifier(
            solver=solver,
            alpha=0.01,
            tol=1e-8,
            max_iter=60,
            n_iter_no_change=60,
            random_state=0,
        ).fit(X, y)
    curves[name] = np.array(model.loss_curve_)
minimum = min(curve.min() for curve in curves.values())
for name, curve in curves.items():
    near = np.flatnonzero(curve - minimum < 1e-3 * minimum)
    count = near[0] + 1 if len(near) else "more than 60"
    print(f"{name:8} within 0.1 % of the minimum after {count} iterations")

figure, panels = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
looks = (("#000000", "-"), ("#0072B2", "--"), ("#D55E00", "-."))
for ax, group in zip(panels, (all_rows, batches), strict=True):
    for name, (color, dashes) in zip(group, looks, strict=True):
        distance = np.maximum(curves[name] - minimum, 1e-12)
        ax.semilogy(
            np.arange(1, len(distance) + 1),
            distance,
            color=color,
            linestyle=dashes,
            linewidth=2,
            label=name,
        )
    ax.grid(color="0.9")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
panels[0].set(
    title="All rows in each iteration",
    xlabel="iteration",
    ylabel="objective minus its minimum",
)
panels[1].set(title="Batches of 32 rows", xlabel="pass over the rows")
plt.show()

# %%
# Newton's method needs the fewest iterations, and each of them costs the most. Methods with batches
# come near the minimum in a few passes. ``SGD`` and ``Adam`` then stay at a distance that depends
# on the learning rate, because each batch has its own gradient. ``SVRG`` corrects the gradients of
# the batches and goes on towards the minimum.
#
# A loss with kinks
# -----------------
#
# For the mean absolute error there is no second derivative to judge by. The fit computes a duality
# gap instead: the attribute ``dual_gap_`` is a proven bound, the objective is at most this share of
# its value above the minimum. Here the fits are stopped after few iterations on purpose, to compare
# the gap with the true distance.

X, y = load_diabetes(return_X_y=True)


def objective(model):
    """Mean absolute error and penalty, in the columns of X."""
    penalty = 0.5 * model.alpha * np.sum(model.coef_**2)
    return np.mean(np.abs(y - model.predict(X))) + penalty


exact = LossRegressor("mae", alpha=1e-6).fit(X, y)
iterations = (1, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 30, 50, 80)
figure, panels = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
gaps = {}
for ax, solver in zip(panels, ("interior_point", "lbfgs"), strict=True):
    rows = []
    for max_iter in iterations:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = LossRegressor(
                "mae", alpha=1e-6, solver=solver, max_iter=max_iter
            ).fit(X, y)
        distance = objective(model) / objective(exact) - 1
        rows.append((max_iter, model.dual_gap_, distance, model.converged_))
        if model.converged_:
            break
    gaps[solver] = np.array(rows)
    count, gap, distance, _ = gaps[solver].T
    ax.semilogy(
        count, gap, "--o", color="#D55E00", markersize=4, label="duality gap (bound)"
    )
    ax.semilogy(
        count, distance, "-^", color="#0072B2", markersize=4, label="true distance"
    )
    ax.set(title=f"mae, {solver}", xlabel="iterations of the fit")
    ax.grid(color="0.9")
    ax.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("share of the objective above the minimum")
panels[1].legend(frameon=False)
plt.show()

for solver, rows in gaps.items():
    max_iter, gap, distance, converged = rows[-1]
    print(f"{solver}, {max_iter:.0f} iterations: gap {gap:.0e}", end=", ")
    print(f"distance {max(distance, 0):.0e}, converged: {bool(converged)}")

# %%
# The gap is never below the true distance, so a small gap is a proof. ``converged_`` is True if the
# gap is smaller than ``tol`` allows.
