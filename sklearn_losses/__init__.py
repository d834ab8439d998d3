"""scikit-learn estimators that take any loss with any solver."""

from sklearn_losses.estimators import LossClassifier, LossRegressor

__all__ = ["LossClassifier", "LossRegressor"]
__version__ = "0.1.0"
