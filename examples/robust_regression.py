"""
A line through outliers
=======================

30 % of the targets are grossly wrong. The squared error follows them, a convex robust loss is
pulled some of the way, a redescending one ignores them. All know the size of the noise by
themselves: `scale_` is estimated.

    python examples/robust_regression.py
"""

import numpy as np

from sklearn_losses import LossRegressor
from sklearn_losses.losses import Huber


def data(n=300, seed=0):
    """Targets ``2 x1 - x2 + 5`` with noise of standard deviation 0.5, and outliers around 60."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    y = X @ [2.0, -1.0] + 5 + 0.5 * rng.normal(size=n)
    outliers = rng.random(n) < 0.3
    y[outliers] = 60 + 20 * rng.normal(size=outliers.sum())
    return X, y


LOSSES = ("mse", "mae", "huber", Huber(scale="joint"), "tukey", "cauchy", "welsch", "geman_mcclure", "adaptive_barron")


def main(losses=LOSSES):
    """Print what each loss makes of the data; return the fitted models by loss."""
    X, y = data()
    print(f"{'loss':24}{'coefficients':18}{'intercept':12}scale")
    models = {}
    for loss in losses:
        model = models[str(loss)] = LossRegressor(loss, alpha=0).fit(X, y)
        scale = f"{model.scale_:.2f}" if hasattr(model, "scale_") else ""
        print(f"{str(loss):24}{np.array2string(model.coef_, precision=2):18}{model.intercept_:<12.2f}{scale}")
    print("truth                   [ 2.   -1.  ]     5.00        0.50")
    return models


if __name__ == "__main__":
    main()
