"""scikit-learn estimators that take any loss with any solver."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sklearn_losses import _moved as _moved
from sklearn_losses.datasets import make_ranking
from sklearn_losses.estimators import LossClassifier, LossRanker, LossRegressor, MultiQuantileRegressor
from sklearn_losses.fitting.checkpoint import Checkpoint
from sklearn_losses.metrics import average_cost, make_cost_scorer, neg_perplexity, perplexity_score, savings_score

if TYPE_CHECKING:
    from sklearn_losses.model_selection import (
        add_label_noise,
        add_outliers,
        compare_losses,
        noise_curve,
        suggest_losses,
    )
    from sklearn_losses.plotting import (
        CoefficientsDisplay,
        CoverageDisplay,
        LossComparisonDisplay,
        LossCurveDisplay,
        LossFunctionDisplay,
        OutlierDisplay,
        ReliabilityDisplay,
        ResidualsDisplay,
    )

__all__ = [
    "Checkpoint",
    "CoefficientsDisplay",
    "CoverageDisplay",
    "LossClassifier",
    "LossComparisonDisplay",
    "LossCurveDisplay",
    "LossFunctionDisplay",
    "LossRanker",
    "LossRegressor",
    "MultiQuantileRegressor",
    "OutlierDisplay",
    "ReliabilityDisplay",
    "ResidualsDisplay",
    "add_label_noise",
    "add_outliers",
    "average_cost",
    "compare_losses",
    "make_cost_scorer",
    "make_ranking",
    "neg_perplexity",
    "noise_curve",
    "perplexity_score",
    "savings_score",
    "suggest_losses",
]
__version__ = "0.1.0"

# What is loaded when it is asked for: with scikit-learn's model_selection it takes a while.
_ON_DEMAND = {
    "model_selection": ("add_label_noise", "add_outliers", "compare_losses", "noise_curve", "suggest_losses"),
    "plotting": (
        "CoefficientsDisplay",
        "CoverageDisplay",
        "LossComparisonDisplay",
        "LossCurveDisplay",
        "LossFunctionDisplay",
        "OutlierDisplay",
        "ReliabilityDisplay",
        "ResidualsDisplay",
    ),
}


def __getattr__(name: str) -> Any:
    for module, names in _ON_DEMAND.items():
        if name == module or name in names:
            loaded = import_module(f"{__name__}.{module}")
            return loaded if name == module else getattr(loaded, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    own = {name for name in globals() if name not in ("Any", "TYPE_CHECKING", "import_module")}
    return sorted({*own, *__all__, *_ON_DEMAND})
