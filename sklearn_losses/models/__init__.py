"""The models: from parameters and rows to raw predictions, and the derivatives of that map.

Every module of this folder is found: a model whose class is in the ``__all__`` of a new module
needs no line here. The lines below serve tools that read the source without running it.
"""

from sklearn_losses.core.discovery import public_classes
from sklearn_losses.models.base import *  # noqa: F403
from sklearn_losses.models.base import Derivative, Model, Vector, squeezed
from sklearn_losses.models.constants import *  # noqa: F403
from sklearn_losses.models.constants import with_constants
from sklearn_losses.models.factorization_machine import *  # noqa: F403
from sklearn_losses.models.linear import *  # noqa: F403
from sklearn_losses.models.mlp import *  # noqa: F403
from sklearn_losses.models.mlp import ACTIVATIONS

_found = public_classes(__name__, Model)
globals().update(_found)

__all__ = ["ACTIVATIONS", "Derivative", "Vector", "squeezed", "with_constants"]
__all__ += list(_found)
