"""How fitted estimators get from rows to predictions: all at once, or block by block."""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from sklearn_losses.blocks import is_row_source
from sklearn_losses.blocks.predictions import gathered
from sklearn_losses.core.floating import ignoring_floating_errors
from sklearn_losses.core.validation import validated
from sklearn_losses.fitting.parameters import raw_predictions

__all__ = ["Predicting"]


class Predicting:
    """What the methods that predict have in common."""

    _targets: Any
    _model: Any

    def _raw(self, X: Any) -> NDArray[Any]:
        """Raw predictions for validated or raw X."""
        check_is_fitted(self)
        return raw_predictions(self._targets, self._model, vars(self), validated(self, X, reset=False))

    @ignoring_floating_errors
    def _of_rows(self, X: Any, function: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
        """What ``function(raw)`` makes of the raw predictions; of a source block by block."""
        if is_row_source(X):
            check_is_fitted(self)
            return gathered(self, X, lambda estimator, block: function(estimator._raw(block.X)))
        return function(self._raw(X))
