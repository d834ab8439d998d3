"""A start for losses that are not convex that outliers in y and in X cannot decide on."""

from sklearn_losses.resistant.start import ResistantStart, resistant_start

__all__ = ["ResistantStart", "resistant_start"]
