"""Choosing a loss: comparisons by cross-validation, suggestions from the data, noise on purpose."""

from sklearn_losses.model_selection.compare import LossComparison, compare_losses, corrected_resampled_ttest, holm
from sklearn_losses.model_selection.noise import NoiseCurve, add_label_noise, add_outliers, noise_curve
from sklearn_losses.model_selection.suggest import LossSuggestions, suggest_losses

__all__ = [
    "LossComparison",
    "LossSuggestions",
    "NoiseCurve",
    "add_label_noise",
    "add_outliers",
    "compare_losses",
    "corrected_resampled_ttest",
    "holm",
    "noise_curve",
    "suggest_losses",
]
