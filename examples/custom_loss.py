"""
Write your own loss function
============================

In this example, a prediction that is too low costs three times as much as one that is too high, as
for stock that runs out. The loss is written in two ways: as a function in one line of NumPy, and as
a class with derivatives and a parameter. Both are fitted to the diabetes data and compared with the
squared error by the cost on held-out rows.
"""

# sphinx_gallery_thumbnail_number = 1

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_predict

from sklearn_losses import LossFunctionDisplay, LossRegressor
from sklearn_losses.core.component import Interval
from sklearn_losses.losses import ResidualLoss
from sklearn_losses.testing import check_loss

X, y = load_diabetes(return_X_y=True)

# %%
# A loss as a function
# --------------------
#
# The function returns one value for each row. It needs no gradient: the derivatives are computed
# numerically. Means, weights and the penalty are added by the fit.


def cost(y_true, y_pred):
    error = y_true - y_pred
    return np.where(error > 0, 3 * error**2, error**2)


as_function = LossRegressor(cost).fit(X, y)
print(f"solver: {as_function.solver_}, converged: {as_function.converged_}")

# %%
# A loss as a class
# -----------------
#
# A class has a name, parameters for grid searches, and exact derivatives, with which Newton's
# method can fit it. :class:`~sklearn_losses.losses.ResidualLoss` is the family of losses that
# depend only on the residual ``t``. :func:`~sklearn_losses.testing.check_loss` checks the
# derivatives.


class Lopsided(ResidualLoss, name="lopsided"):
    """Squared error, times ``factor`` if the prediction is too low."""

    parameter_constraints = {"factor": Interval(0.0, closed="neither")}

    def __init__(self, factor=3.0):
        self.factor = factor

    def curve(self, t):
        return np.where(t > 0, self.factor * t**2, t**2)

    def slope(self, t):
        return np.where(t > 0, 2 * self.factor * t, 2 * t)

    def curvature(self, t):
        return np.where(t > 0, 2 * self.factor, 2).astype(t.dtype)


check_loss(Lopsided())
as_class = LossRegressor("lopsided").fit(X, y)
difference = np.max(np.abs(as_function.coef_ - as_class.coef_)) / np.max(
    np.abs(as_class.coef_)
)
print(f"solver: {as_class.solver_}, converged: {as_class.converged_}")
print(
    "Relative difference between the coefficients of function and class: "
    f"{difference:.0e}"
)

# %%
# The picture compares the loss with the squared error. A residual above 0 is a prediction that is
# too low.

display = LossFunctionDisplay.from_losses(["mse", "lopsided"], span=(-2, 2))
display.figure_.suptitle("A loss that is steeper for predictions that are too low")
plt.show()

# %%
# Compare the costs on held-out rows
# ----------------------------------

costs, too_low = {}, {}
for name, loss in (("mse", "mse"), ("function", cost), ("class", "lopsided")):
    predicted = cross_val_predict(LossRegressor(loss), X, y, cv=5)
    costs[name] = np.mean(cost(y, predicted))
    too_low[name] = np.mean(predicted < y)
    print(
        f"{name:10} mean cost {costs[name]:6.0f}, "
        f"{too_low[name]:.0%} of the predictions too low"
    )

# %%
# The new loss predicts fewer targets too low, and its decisions cost less. The function and the
# class give the same fit.
#
# Choose the parameter
# --------------------
#
# The parameter of the class is ``loss__factor`` in a grid. As a check, the search should choose the
# factor of the cost, which is 3.

scorer = make_scorer(
    lambda y_true, y_pred: np.mean(cost(y_true, y_pred)), greater_is_better=False
)
factors = [1, 2, 3, 4, 6]
search = GridSearchCV(
    LossRegressor("lopsided"), {"loss__factor": factors}, scoring=scorer, cv=5
).fit(X, y)
print(f"Best factor: {search.best_params_['loss__factor']}")

figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
ax.plot(factors, -search.cv_results_["mean_test_score"], "o-", color="#0072B2")
ax.axhline(costs["mse"], color="#D55E00", linestyle="--", label="mse")
ax.set(
    title="Cost by the factor of the loss",
    xlabel="factor in training",
    ylabel="mean cost on held-out rows",
)
ax.grid(color="0.9")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
plt.show()

# %%
# With a factor of 1 the loss is the squared error.
