"""Draw the pictures of the README and of the user guide.

python docs/make_pictures.py            # those that the repository keeps, into docs/pictures
python docs/make_pictures.py --losses   # one per loss, into docs/generated, for the documentation
"""

import importlib.util
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossFunctionDisplay, LossRegressor, compare_losses
from sklearn_losses.losses import Loss

HERE = Path(__file__).parent
SHOWN = {
    "regression": ["mse", "mae", "huber", "quantile", "tukey", "cauchy"],
    "classification": ["cross_entropy", "hinge", "squared_hinge", "focal", "generalized_cross_entropy"],
}


def save(figure, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def example(name, **options):
    """Run an example; the figures that it leaves open."""
    spec = importlib.util.spec_from_file_location(name, HERE.parent / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(**options)
    return [plt.figure(number) for number in plt.get_fignums()]


def kept():
    """The pictures in the repository."""
    folder = HERE / "pictures"
    for task, names in SHOWN.items():
        known = [name for name in names if name in Loss.names()]
        save(LossFunctionDisplay.from_losses(known, span=(-3, 3)).plot().figure_, folder / f"losses_{task}.png")
    X, y = load_diabetes(return_X_y=True)
    model = TransformedTargetRegressor(make_pipeline(StandardScaler(), LossRegressor()), transformer=StandardScaler())
    save(compare_losses(model, X, y).plot().figure_, folder / "comparison_diabetes.png")
    for name, shown in (
        ("choosing_a_loss", "comparison noise shapes"),
        ("quantile_coverage", "bands"),
        ("language_model", "perplexity"),
        ("outliers_and_leverage", "stackloss patients"),
        ("robust_lasso", "path leverage"),
        ("costs_of_decisions", "comparison age"),
    ):
        for figure, what in zip(example(name), shown.split(), strict=True):
            save(figure, folder / f"{name}_{what}.png")


def each_loss():
    """One picture per loss that has a shape."""
    for name in Loss.names():
        if Loss.make(name).task in ("regression", "classification"):
            figure = LossFunctionDisplay.from_losses([name], span=(-3, 3)).plot().figure_
            save(figure, HERE / "generated" / f"loss_{name}.png")


if __name__ == "__main__":
    each_loss() if "--losses" in sys.argv[1:] else kept()
