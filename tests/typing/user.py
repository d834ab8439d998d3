"""What a user's own file looks like; ``mypy --strict`` checks it against the installed package."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult
from sklearn.datasets import load_diabetes, load_wine
from sklearn.model_selection import GridSearchCV

from sklearn_losses import LossClassifier, LossRegressor, compare_losses, suggest_losses
from sklearn_losses.losses import CVaR, Huber, Quantile, ResidualLoss
from sklearn_losses.metrics import make_loss_scorer, query_ndcg_score
from sklearn_losses.models import FactorizationMachine, LinearModel
from sklearn_losses.objective import Objective
from sklearn_losses.solvers import Adam
from sklearn_losses.testing import check_loss, check_model, check_solver


class Lopsided(ResidualLoss, name="typed_lopsided"):
    """Squared error that counts ``factor`` times where the prediction is too low."""

    def __init__(self, factor: float = 3.0) -> None:
        self.factor = factor

    def curve(self, t: NDArray[np.floating]) -> NDArray[np.floating]:
        return self._factors(t) * t**2

    def slope(self, t: NDArray[np.floating]) -> NDArray[np.floating]:
        return self._factors(t) * 2 * t

    def curvature(self, t: NDArray[np.floating]) -> NDArray[np.floating]:
        return self._factors(t) * 2

    def _factors(self, t: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.where(t > 0, self.factor, 1.0).astype(t.dtype)


class Waves(LinearModel):
    """A linear model of random Fourier features."""

    def __init__(self, n_waves: int = 20, width: float = 1.0) -> None:
        self.n_waves = n_waves
        self.width = width

    def n_columns(self, n_features: int) -> int:
        return self.n_waves

    def columns(self, X: NDArray[np.floating]) -> NDArray[np.floating]:
        directions = np.random.default_rng(0).normal(scale=1 / self.width, size=(X.shape[1], self.n_waves))
        waves: NDArray[np.floating] = np.cos(X @ directions.astype(X.dtype))
        return waves


class FixedSteps:
    """Gradient descent with a constant step."""

    def minimize(self, objective: Objective, params: NDArray[np.float64], *, max_iter: int) -> OptimizeResult:
        for _ in range(max_iter):
            _, gradient = objective.value_and_gradient(params)
            params = params - 0.1 * gradient
        return OptimizeResult(x=params)


def main() -> list[float]:
    """Fit, search, compare, and use a loss and a solver of one's own; the scores."""
    X, y = load_diabetes(return_X_y=True)
    scores = [float(LossRegressor(loss="huber", alpha=1e-6).fit(X, y).score(X, y))]
    total = 0.7 * Huber(delta=1.0) + 0.3 * Quantile(0.9)
    scores.append(LossRegressor(total).fit(X, y).score(X, y))
    scores.append(make_loss_scorer(0.5 * Quantile(0.9) + 0.5 * Quantile(0.5))(LossRegressor().fit(X, y), X, y))
    scores.append(LossRegressor(CVaR(total, share=0.5)).fit(X, y).score(X, y))

    search = GridSearchCV(LossRegressor("huber"), {"loss__delta": [1.0, 2.0]}, scoring=make_loss_scorer("mae"), cv=3)
    scores.append(float(search.fit(X, y).best_score_))

    comparison = compare_losses(LossRegressor(), X, y, ["mse", Huber()], cv=3)
    best: str = comparison.best_loss_
    suggested: list[str] = list(suggest_losses(X, y).losses)
    scores += [comparison.best_score_, float(best in suggested)]

    check_loss(Lopsided())
    scores.append(LossRegressor(Lopsided(factor=9.0)).fit(X, y).score(X, y))
    scores.append(LossRegressor(solver=FixedSteps(), max_iter=5, alpha=1.0).fit(X, y).score(X, y))

    check_model(Waves())
    check_solver("lbfgs")
    scores.append(LossRegressor("mae", model=Waves()).fit(X, y).score(X, y))
    machine = LossRegressor("huber", model=FactorizationMachine(rank=2), tol=0.1, random_state=0)
    scores.append(machine.set_params(model__rank=1).fit(10 * X[:100], y[:100]).score(10 * X, y))

    rows, labels = load_wine(return_X_y=True)
    network = LossClassifier(hidden_layer_sizes=(8,), solver=Adam(learning_rate=0.01), max_iter=5, random_state=0)
    probabilities: NDArray[np.floating] = network.partial_fit(rows, labels, classes=[0, 1, 2]).predict_proba(rows)
    scores.append(float(probabilities.max()))
    scores.append(query_ndcg_score([1, 0, 2], [0.5, 0.1, 0.9]))
    return scores


if __name__ == "__main__":
    print(main())
