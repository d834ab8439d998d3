"""Fixed samples: numbers that look random, and depend on nothing but the numbers of the rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["STEP", "chosen", "mixed"]

STEP = np.uint64(0x9E3779B97F4A7C15)  # between the states of SplitMix64


def mixed(states: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The output of SplitMix64 [1]_ for each state: 64 bits that look random.

    References
    ----------
    .. [1] Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    bits = (states ^ (states >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(bits ^ (bits >> np.uint64(31)))


def chosen(numbers: NDArray[Any], share: float) -> NDArray[np.bool_]:
    """Whether the rows with these numbers are in a fixed sample of this share of all rows.

    A sample of a smaller share is part of it.
    """
    if share >= 1:
        return np.ones(len(numbers), dtype=bool)
    return np.asarray(mixed((numbers.astype(np.uint64) + np.uint64(1)) * STEP) < np.uint64(share * 2.0**64))
