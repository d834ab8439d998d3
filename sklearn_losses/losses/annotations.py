"""Types of the losses' signatures."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from numpy.typing import NDArray

__all__ = []

FloatArray: TypeAlias = NDArray[Any]
IntArray: TypeAlias = NDArray[Any]
Targets: TypeAlias = Any  # an array (n,) or (n, K), or the `Queries` of a ranking loss
# What `Loss.make` takes: a name, a loss or a function. As scikit-learn has no types, mypy takes
# `0.7 * Huber()` for a float, so that nothing narrower lets a sum pass.
AnyLoss: TypeAlias = Any

T = TypeVar("T")

if TYPE_CHECKING:

    def derived(method: Callable[[Any], T]) -> T:
        """A property in the place of a class attribute; mypy sees an attribute of that type."""

else:
    derived = property
