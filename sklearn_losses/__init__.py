"""scikit-learn estimators that take any loss with any solver."""

from sklearn_losses.comparison import compare_losses
from sklearn_losses.display import LossComparisonDisplay, LossCurveDisplay, LossFunctionDisplay
from sklearn_losses.estimators import LossClassifier, LossRanker, LossRegressor, MultiQuantileRegressor
from sklearn_losses.noise import add_label_noise, add_outliers, noise_curve
from sklearn_losses.perplexity import neg_perplexity, perplexity_score
from sklearn_losses.ranking_metrics import make_ranking
from sklearn_losses.suggestion import suggest_losses

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
