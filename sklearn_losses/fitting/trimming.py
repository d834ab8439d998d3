"""The rows that a trimmed loss keeps."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from sklearn_losses.losses import Trimmed

__all__ = ["concentrated"]

Losses = Callable[[NDArray[Any]], NDArray[Any]]


def concentrated(
    trimmed: Trimmed, weight: NDArray[Any], losses_of_start: Losses, losses_of_fit: Losses, rng: RandomState
) -> NDArray[Any]:
    """The weights of the rows that a trimmed loss keeps (Rousseeuw and Van Driessen 2006).

    The model is fitted to the rows that are kept and the rows that it fits best are kept, in turns,
    until neither changes.

    Parameters
    ----------
    trimmed : Trimmed
    weight : ndarray of shape (n,)
        Of all rows.
    losses_of_start, losses_of_fit : callable
        Weights (n,) of the rows -> the loss of each row under the model that was fitted with these
        weights; the first one for a start.
    rng : RandomState
        Draws weights for further starts.

    Returns
    -------
    ndarray of shape (n,)
        Zero for rows that are left out.
    """
    best, lowest = weight, np.inf
    for start in range(trimmed.n_init):
        drawn = weight if start == 0 else weight * rng.standard_exponential(len(weight))
        kept, mean = _settled(trimmed, weight, losses_of_start(drawn), losses_of_fit)
        if start == 0 or mean < lowest:
            best, lowest = kept, mean
    return best


def _settled(trimmed, weight, losses, losses_of_fit):
    """The kept weights where the alternation ends, and the sum of their losses."""
    kept, mean = None, np.inf
    for _ in range(trimmed.n_steps):
        chosen = trimmed.kept(losses, weight)
        if kept is not None and np.array_equal(chosen, kept):
            break
        kept = chosen
        losses = losses_of_fit(kept)
        mean = float(kept @ losses)
    return kept, mean
