"""A custom loss: predictions that are too low cost three times as much as too high ones.

Think of stock that runs out. The cost is one line of NumPy; nobody asks for its gradient. The fit
is compared with the squared error by the cost on rows that neither has seen, and with the same loss
as a class with its derivatives.

    python examples/custom_loss.py
"""

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossRegressor
from sklearn_losses.core.component import Interval
from sklearn_losses.losses import ResidualLoss


def cost(y_true, y_pred):
    """One value per row; the fit takes care of means, weights and derivatives."""
    error = y_true - y_pred
    return np.where(error > 0, 3 * error**2, error**2)


class Lopsided(ResidualLoss, name="lopsided"):
    """The same loss as a class, with a name, a parameter for grids, and exact derivatives."""

    parameter_constraints = {"factor": Interval(0.0, closed="neither")}

    def __init__(self, factor=3.0):
        self.factor = factor

    def curve(self, t):
        return np.where(t > 0, self.factor, 1) * t**2

    def slope(self, t):
        return np.where(t > 0, self.factor, 1) * 2 * t

    def curvature(self, t):
        return np.where(t > 0, self.factor, 1) * 2.0


def main(cv=5):
    """Print what each fit costs; return {name: mean cost on held-out rows} and the two losses'
    coefficients.
    """
    X, y = load_diabetes(return_X_y=True)
    scorer = make_scorer(lambda y_true, y_pred: np.mean(cost(y_true, y_pred)), greater_is_better=False)
    costs = {}
    print(f"Mean cost on held-out rows, {cv}-fold cross-validation")
    for name, loss in (("mse", "mse"), ("cost, a function", cost), ("lopsided, a class", "lopsided")):
        model = make_pipeline(StandardScaler(), LossRegressor(loss))
        costs[name] = -cross_val_score(model, X, y, cv=cv, scoring=scorer, error_score="raise").mean()
        model.fit(X, y)
        low = np.mean(model.predict(X) < y)
        print(f"  {name:<20}{costs[name]:>8.0f}   predicts {low:.0%} of the rows too low; solver {model[-1].solver_}")

    as_function, as_class = (LossRegressor(loss).fit(X, y).coef_ for loss in (cost, "lopsided"))
    difference = np.max(np.abs(as_function - as_class)) / np.max(np.abs(as_class))
    print(f"Numerical against exact derivatives: coefficients {difference:.0e} apart, relative to the largest")
    search = GridSearchCV(LossRegressor("lopsided"), {"loss__factor": [1, 2, 3, 4, 6]}, scoring=scorer, cv=cv).fit(X, y)
    print(f"Which factor in training does best by the cost with factor 3? {search.best_params_['loss__factor']}")
    return costs, difference, search.best_params_["loss__factor"]


if __name__ == "__main__":
    main()
