"""Grid searches over the loss, the solver, their parameters, and the size of the model.

The diabetes data again. Losses are compared by one and the same score, the mean absolute error:
their own values have different units. `loss` and `solver` may still be names when the grid reaches
for their parameters.

    python examples/grid_search_losses.py
"""

from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossRegressor

RATES = [1e-4, 1e-3, 1e-2, 1e-1]


def search(title, grid, X, y, *, cv=4, **parameters):
    """Fit the grid, print its best rows, return the fitted search."""
    regressor = LossRegressor(alpha=1e-3, random_state=0, **parameters)
    pipeline = Pipeline([("scale", StandardScaler()), ("model", regressor)])
    grid = [{f"model__{name}": values for name, values in part.items()} for part in grid]
    found = GridSearchCV(pipeline, grid, scoring="neg_mean_absolute_error", cv=cv, error_score="raise").fit(X, y)
    print(f"\n{title}: {len(found.cv_results_['params'])} candidates, mean absolute error")
    ranks = found.cv_results_["rank_test_score"].argsort(kind="stable")
    for candidate in ranks[:4]:
        chosen = {name.removeprefix("model__"): value for name, value in found.cv_results_["params"][candidate].items()}
        print(f"  {-found.cv_results_['mean_test_score'][candidate]:6.2f}  " + ", ".join(f"{k}={v}" for k, v in chosen.items()))
    return found


def main(cv=4, units=((10,), (50,))):
    """Run three searches; return them by title."""
    X, y = load_diabetes(return_X_y=True)
    losses = {"loss": ["mse", "mae", "huber"]}
    linear = losses | {"hidden_layer_sizes": [()]}
    mlp = losses | {
        "hidden_layer_sizes": list(units),
        "solver": ["adam"],
        "solver__learning_rate": [0.01],
        "early_stopping": [True],
    }
    return {
        # A list of grids: every loss meets every model, and the networks get what they alone need.
        "complexity": search("Loss and hidden layers", [linear, mlp], X, y, cv=cv),
        "delta": search(
            "Where Huber's parabola ends", [{"loss__delta": [0.05, 0.2, 0.5, 1.35, 3.0]}], X, y, cv=cv, loss="huber"
        ),
        "rate": search(
            "SGD's learning rate", [{"solver__learning_rate": RATES}], X, y, cv=cv, solver="sgd", early_stopping=True
        ),
    }


if __name__ == "__main__":
    main()
