"""Prediction intervals from quantiles, and how often they hold.

The pinball loss at level q makes a model that predicts the value that a share q of the targets
stays below. Two of them, at 5 % and 95 %, are a band that should hold 90 % of the targets. Does it,
on rows that were held out? On data whose spread grows from left to right, a straight line and a
small network; and on 442 diabetes patients, by cross-validation.

    python examples/quantile_coverage.py
"""

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossRegressor
from sklearn_losses.losses import Quantile

LEVELS = (0.05, 0.5, 0.95)


def wave(n, rng):
    """A bent target whose spread grows with x; and its true quantiles at `LEVELS`."""
    x = np.sort(rng.uniform(0, 4, size=n))
    middle, spread = np.sin(1.5 * x) + x / 2, 0.1 + 0.25 * x
    truth = {level: middle + spread * z for level, z in zip(LEVELS, (-1.6449, 0.0, 1.6449), strict=True)}
    return x[:, None], middle + spread * rng.standard_normal(n), truth


def bands(model, X, y, X_new):
    """The predicted quantiles, by level."""
    return {level: model.set_params(lossregressor__loss=Quantile(level)).fit(X, y).predict(X_new) for level in LEVELS}


def covered(y, band):
    """The share of the targets inside the outer quantiles."""
    return float(np.mean((band[LEVELS[0]] <= y) & (y <= band[LEVELS[-1]])))


def main(n=1000, max_iter=300, draw=True):
    """Print a table and return the shares covered."""
    rng = np.random.default_rng(0)
    X, y, _ = wave(n, rng)
    X_new, y_new, truth = wave(2000, rng)
    models = {
        "straight line": make_pipeline(StandardScaler(), LossRegressor()),
        "MLP (30, 30)": make_pipeline(
            StandardScaler(),
            LossRegressor(
                solver="adam", hidden_layer_sizes=(30, 30), activation="tanh", max_iter=max_iter, tol=0.1, random_state=0,
            ).set_params(solver__learning_rate=0.01, solver__batch_size=50),
        ),
    }  # fmt: skip
    shares, drawn = {}, {}
    print(f"{'':<16}{'covered (aim 90 %)':>20}{'mean pinball loss':>20}{'lower fits higher':>20}")
    for name, model in models.items():
        drawn[name] = band = bands(model, X, y, X_new)
        shares[name] = covered(y_new, band)
        pinball = np.mean([mean_pinball_loss(y_new, band[level], alpha=level) for level in LEVELS])
        crossed = np.mean(band[LEVELS[0]] > band[LEVELS[-1]])
        print(f"{name:<16}{shares[name]:>20.1%}{pinball:>20.4f}{crossed:>20.1%}")
    pinball = np.mean([mean_pinball_loss(y_new, truth[level], alpha=level) for level in LEVELS])
    print(f"{'the truth':<16}{covered(y_new, truth):>20.1%}{pinball:>20.4f}")

    X, y = load_diabetes(return_X_y=True)
    folds = KFold(5, shuffle=True, random_state=0)
    model = make_pipeline(StandardScaler(), LossRegressor())
    band = {level: cross_val_predict(model.set_params(lossregressor__loss=Quantile(level)), X, y, cv=folds) for level in LEVELS}
    shares["diabetes"] = covered(y, band)
    width = np.mean(band[0.95] - band[0.05])
    print(f"\nDiabetes, held-out rows: {shares['diabetes']:.1%} covered, aim 90 %, by a band {width:.0f} wide")
    if draw:
        picture(X_new[:, 0], y_new, drawn, truth)
    return shares


def picture(x, y, drawn, truth):
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(drawn), figsize=(10, 4), sharey=True, layout="constrained")
    for ax, (name, band) in zip(panels, drawn.items(), strict=True):
        ax.plot(x[::4], y[::4], ".", color="0.65", markersize=3, label="held-out rows")
        ax.fill_between(x, band[0.05], band[0.95], color="#56B4E9", alpha=0.35, label="5 % to 95 %")
        ax.plot(x, band[0.5], color="#0072B2", linewidth=2, label="median")
        for level in (0.05, 0.95):
            ax.plot(
                x,
                truth[level],
                color="#000000",
                linewidth=1,
                linestyle="--",
                label="true 5 % and 95 %" if level > 0.5 else None,
            )
        ax.set(title=name, xlabel="x")
    panels[0].set_ylabel("y")
    panels[0].legend(frameon=False, fontsize="small")
    return figure


if __name__ == "__main__":
    main()
    import matplotlib.pyplot as plt

    plt.show()
