"""The models: parameters and rows to raw predictions, and the derivatives of that map."""

from sklearn_losses.models.base import ACTIVATIONS, MLP, Linear, Model, WithConstants

__all__ = ["ACTIVATIONS", "MLP", "Linear", "Model", "WithConstants"]
