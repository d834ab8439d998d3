"""Choosing a loss: comparisons by cross-validation, suggestions from the data, noise on purpose."""

from sklearn_losses.model_selection.compare import compare_losses
from sklearn_losses.model_selection.comparison import LossComparison
from sklearn_losses.model_selection.noise import NoiseCurve, add_label_noise, add_outliers, noise_curve
from sklearn_losses.model_selection.rules import RULES, Condition, Rule
from sklearn_losses.model_selection.significance import corrected_resampled_ttest, holm
from sklearn_losses.model_selection.suggest import LossSuggestions, Suggestion, suggest_losses

__all__ = [
    "RULES",
    "Condition",
    "LossComparison",
    "LossSuggestions",
    "NoiseCurve",
    "Rule",
    "Suggestion",
    "add_label_noise",
    "add_outliers",
    "compare_losses",
    "corrected_resampled_ttest",
    "holm",
    "noise_curve",
    "suggest_losses",
]
