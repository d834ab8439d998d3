"""The models: from parameters and rows to raw predictions, and the derivatives of that map.

Every module of this folder enters what its ``__all__`` names, so that a new model is a new file and
nothing else. The lines below serve tools that read the source without running it.
"""

from importlib import import_module
from pkgutil import iter_modules

from sklearn_losses.models.base import *  # noqa: F403
from sklearn_losses.models.constants import *  # noqa: F403
from sklearn_losses.models.factorization_machine import *  # noqa: F403
from sklearn_losses.models.linear import *  # noqa: F403
from sklearn_losses.models.mlp import *  # noqa: F403

__all__ = []
for _module in [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]:  # noqa: F405  # every package has a __path__
    __all__ += _module.__all__
    globals().update({name: getattr(_module, name) for name in _module.__all__})
