"""Which loss, when some targets are wrong? Suggestions, a comparison, and noise curves.

442 diabetes patients; a tenth of the targets far too high, as if typed into the wrong field. First
`suggest_losses` measures what the residuals look like and names losses that suit them. Then
`compare_losses` tries them on the same splits and says which differences are real. Judged by the
median error, which the wrong targets among the test rows cannot move. Last, the share of wrong
training targets grows from none to 40 %, and all losses are judged on rows that are right.

    python examples/choosing_a_loss.py
"""

from sklearn.datasets import load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossFunctionDisplay, LossRegressor, add_outliers, compare_losses, noise_curve, suggest_losses


def main(n_repeats=5, levels=(0.0, 0.1, 0.2, 0.3, 0.4), draw=True):
    """Print what is found and return it: suggestions, comparison, curve."""
    X, y = load_diabetes(return_X_y=True)
    wrong, _ = add_outliers(y, 0.1, side="up", random_state=0)
    model = make_pipeline(StandardScaler(), LossRegressor())

    print("What do the data say?\n")
    suggestions = suggest_losses(X, wrong)
    print(suggestions)

    print("\nIs it so?\n")
    losses = {"mse": "mse", **suggestions.losses}
    scoring = ["neg_median_absolute_error", "neg_mean_absolute_error"]
    comparison = compare_losses(model, X, wrong, losses, scoring=scoring)
    print(comparison)

    print("\nAnd with more of it, or less?\n")
    curve = noise_curve(
        model, X, y, losses, levels=levels, n_repeats=n_repeats, scoring="neg_mean_absolute_error",
        noise=lambda y, level, random_state: add_outliers(y, level, side="up", random_state=random_state),
    )  # fmt: skip
    print(curve)

    if draw:
        comparison.plot()
        curve.plot()
        # Why: beyond its width, here in units of the noise, a robust loss pulls no harder, however
        # far a row lies.
        LossFunctionDisplay.from_losses(list(losses)).plot()
    return suggestions, comparison, curve


if __name__ == "__main__":
    main()
    import matplotlib.pyplot as plt

    plt.show()
