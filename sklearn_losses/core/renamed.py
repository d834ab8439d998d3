"""Names of earlier versions: they still work, and a FutureWarning says what they are called now."""

import sys
import warnings
from typing import Any

__all__ = ["OldName", "warn_of_old"]

# Modules that read every attribute of a class: help(), numpydoc and Sphinx.
READERS = "inspect", "pydoc", "numpydoc.docscrape", "sphinx.util.inspect"


def warn_of_old(message: str) -> None:
    """Give a FutureWarning at the line of the user's code that has led here.

    Parameters
    ----------
    message : str
    """
    level, frame = 2, sys._getframe(1)
    # A class statement comes by way of the module `abc`.
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("sklearn_losses", "abc"):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, FutureWarning, stacklevel=level)


class OldName:
    """A class attribute under its old name, to read; `Component.renamed` has those to write.

    Parameters
    ----------
    old, new : str
    """

    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def __get__(self, instance: Any, owner: type[Any]) -> Any:
        if sys._getframe(1).f_globals.get("__name__") not in READERS:
            warn_of_old(f"{owner.__name__}.{self.old} is called {self.new} now; use the new name.")
        if instance is not None and self.new in vars(instance):
            return vars(instance)[self.new]
        for kind in owner.__mro__:
            own = vars(kind)
            # A class that states the old name is where ``super().old`` comes from.
            if self.new in own and (self.old not in own or own[self.old] is self):
                value = own[self.new]
                return value.__get__(instance, owner) if hasattr(type(value), "__get__") else value
        raise AttributeError(f"type object {owner.__name__!r} has no attribute {self.new!r}")
