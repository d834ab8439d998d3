"""scikit-learn estimators that take any loss with any solver."""

from sklearn_losses import _moved as _moved
from sklearn_losses.datasets import make_ranking
from sklearn_losses.estimators import LossClassifier, LossRanker, LossRegressor, MultiQuantileRegressor
from sklearn_losses.metrics import neg_perplexity, perplexity_score
from sklearn_losses.model_selection import add_label_noise, add_outliers, compare_losses, noise_curve, suggest_losses
from sklearn_losses.plotting import LossComparisonDisplay, LossCurveDisplay, LossFunctionDisplay

__all__ = [
    "LossClassifier",
    "LossComparisonDisplay",
    "LossCurveDisplay",
    "LossFunctionDisplay",
    "LossRanker",
    "LossRegressor",
    "MultiQuantileRegressor",
    "add_label_noise",
    "add_outliers",
    "compare_losses",
    "make_ranking",
    "neg_perplexity",
    "noise_curve",
    "perplexity_score",
    "suggest_losses",
]
__version__ = "0.1.0"
