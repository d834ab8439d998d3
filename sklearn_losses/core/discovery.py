"""The modules of a package, found instead of listed: a new loss or solver is one new file."""

import pkgutil
import sys
from importlib import import_module

__all__ = ["public_classes"]


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
