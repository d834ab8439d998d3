"""The modules of a package, found instead of listed: a new loss or solver is one new file."""

import pkgutil
import sys
from functools import partial
from importlib import import_module

from sklearn_losses.core.renamed import warn_of_old

__all__ = ["offer_from_modules", "public_classes"]


def public_classes(package: str, base: type) -> dict[str, type]:
    """Import all modules of a package; return the classes of a family in their ``__all__``.

    Parameters
    ----------
    package : str
        The full name of the package, which may be in the middle of its own import.
    base : type
        Classes derived from it are returned, and itself.

    Returns
    -------
    dict of str to type
        In alphabetical order.

    Examples
    --------
    >>> from sklearn_losses import solvers
    >>> "Newton" in public_classes(solvers.__name__, solvers.Solver)
    True
    """
    found = {}
    for module in pkgutil.iter_modules(sys.modules[package].__path__):
        members = import_module(f"{package}.{module.name}")
        listed = {name: getattr(members, name) for name in getattr(members, "__all__", ())}
        found.update({name: member for name, member in listed.items() if isinstance(member, type) and issubclass(member, base)})
    return dict(sorted(found.items()))


def offer_from_modules(package: str) -> None:
    """Let each module of a package give all public names of the package, with a FutureWarning.

    A class that has moved from one of its modules to another is found where it was.

    Parameters
    ----------
    package : str
        The full name of the package, which has its ``__all__`` by now.
    """
    home = sys.modules[package]

    def offered(module, name):
        if name not in home.__all__:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warn_of_old(f"{name} has moved; import it from {package}.")
        return getattr(home, name)

    for found in pkgutil.iter_modules(home.__path__):
        module = sys.modules[f"{package}.{found.name}"]
        module.__dict__.setdefault("__getattr__", partial(offered, module.__name__))
