"""The losses: names, formulas, derivatives."""

from sklearn_losses.losses.base import Kink, Loss, MarginLoss, PiecewiseLinear, ResidualLoss, ScalarLoss
from sklearn_losses.losses.classification import CrossEntropy, Hinge, SquaredHinge
from sklearn_losses.losses.custom import CustomLoss
from sklearn_losses.losses.regression import MAE, MSE, Huber, Quantile

__all__ = [
    "MAE",
    "MSE",
    "CrossEntropy",
    "CustomLoss",
    "Hinge",
    "Huber",
    "Kink",
    "Loss",
    "MarginLoss",
    "PiecewiseLinear",
    "Quantile",
    "ResidualLoss",
    "ScalarLoss",
    "SquaredHinge",
]
