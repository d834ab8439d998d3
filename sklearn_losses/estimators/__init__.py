"""The estimators."""

from sklearn_losses.estimators.classifier import LossClassifier
from sklearn_losses.estimators.quantiles import MultiQuantileRegressor
from sklearn_losses.estimators.ranker import LossRanker
from sklearn_losses.estimators.regressor import LossRegressor

__all__ = ["LossClassifier", "LossRanker", "LossRegressor", "MultiQuantileRegressor"]
