"""
Grid search over losses, solvers and networks
=============================================

The loss, the solver, their parameters and the size of the network are parameters of the estimator.
This example searches over them with scikit-learn's :class:`~sklearn.model_selection.GridSearchCV`
on the diabetes data. Candidates with different losses are compared by one metric, the mean absolute
error, because the values of different losses have different units.
"""

# sphinx_gallery_thumbnail_number = 1

import textwrap

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossRegressor

X, y = load_diabetes(return_X_y=True)


def search(grid, **parameters):
    """Fit the grid and print its four best candidates."""
    regressor = LossRegressor(alpha=1e-3, random_state=0, **parameters)
    pipeline = Pipeline([("scale", StandardScaler()), ("model", regressor)])
    found = GridSearchCV(
        pipeline, grid, scoring="neg_mean_absolute_error", cv=4, error_score="raise"
    ).fit(X, y)
    results = found.cv_results_
    for candidate in np.argsort(results["rank_test_score"], kind="stable")[:4]:
        chosen = results["params"][candidate].items()
        text = ", ".join(f"{name.split('__')[-1]}={v}" for name, v in chosen)
        error = -results["mean_test_score"][candidate]
        print(textwrap.fill(f"{error:.2f}  {text}", 75, subsequent_indent=" " * 7))
    return found


# %%
# Search over losses and network sizes
# ------------------------------------
#
# A list of grids gives networks what only they need: a solver with mini-batches, its learning rate,
# and early stopping. A name such as ``solver="adam"`` and its parameters can be in the same grid.

losses = ["mse", "mae", "huber"]
linear = {"model__loss": losses, "model__hidden_layer_sizes": [()]}
network = {
    "model__loss": losses,
    "model__hidden_layer_sizes": [(10,), (50,)],
    "model__solver": ["adam"],
    "model__solver__learning_rate": [0.01],
    "model__early_stopping": [True],
}
complexity = search([linear, network])

# %%
# A linear model is enough for these 442 rows: no network is better. The three losses are almost
# equally good.
#
# Search over a parameter of the loss
# -----------------------------------
#
# ``delta`` is the residual, in units of the scale of the noise, up to which Huber's loss is
# quadratic.

deltas = [0.05, 0.2, 0.5, 1.35, 3.0]
delta = search({"model__loss__delta": deltas}, loss="huber")

# %%
# Search over a parameter of the solver
# -------------------------------------

rates = [1e-4, 1e-3, 1e-2, 1e-1]
rate = search(
    {"model__solver__learning_rate": rates}, solver="sgd", early_stopping=True
)

# %%
# The picture shows both searches, with the standard deviation over the folds. The error hardly
# depends on ``delta``, so the default of 1.35 is good enough. The learning rate matters: too small
# a step does not come far before the fit stops, and too large a step does not settle.

figure, panels = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
for ax, found, values, color in (
    (panels[0], delta, deltas, "#0072B2"),
    (panels[1], rate, rates, "#D55E00"),
):
    results = found.cv_results_
    ax.errorbar(
        values,
        -results["mean_test_score"],
        results["std_test_score"],
        color=color,
        marker="o",
        capsize=3,
    )
    ax.set_xscale("log")
    ax.grid(color="0.9")
    ax.spines[["top", "right"]].set_visible(False)
panels[0].set(
    title="Parameter of the loss",
    xlabel="delta of the Huber loss",
    ylabel="mean absolute error on test folds",
)
panels[1].set(title="Parameter of the solver", xlabel="learning rate of SGD")
plt.show()
