"""Predictions for the rows of a source, block by block: as an array or in a file."""

import os
import warnings
from collections.abc import Callable, Iterator
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from sklearn_losses.blocks.rows import RowBlock, checked_blocks, is_row_source, place_of
from sklearn_losses.core.new_file import new_file
from sklearn_losses.core.validation import row_not_finite

__all__ = ["by_block", "check_columns", "gathered", "predict_to_file", "without_names"]


def by_block(estimator: Any, source: Any, function: Callable[[Any, RowBlock], Any]) -> Iterator[Any]:
    """What ``function(estimator, block)`` returns for each block of a source.

    The names of the columns are checked once, as scikit-learn does, and not again for each block.

    Parameters
    ----------
    estimator : estimator
        A fitted one.
    source : RowSource
    function : callable
        It gets a copy of the estimator that does not know the names of the columns.

    Raises
    ------
    ValueError
        For other names than those of the fit, or what `function` raises, with the place of a row
        that holds nan or infinity.
    """
    check_columns(estimator, source)
    nameless, start = without_names(estimator), 0
    for block in checked_blocks(source):
        try:
            result = function(nameless, block)
        except ValueError as error:
            row = row_not_finite(block.X)
            if row is None:
                raise
            place = place_of(source, start + row)
            raise ValueError(f"{place[:1].upper()}{place[1:]} has nan or infinity in X.") from error
        start += block.X.shape[0]
        del block  # so that no more than the next one is in memory
        yield result
    if start == 0:
        raise ValueError("The source of rows has no rows.")


def without_names(estimator: Any) -> Any:
    """A copy of an estimator that does not know the names of the columns."""
    nameless = copy(estimator)
    vars(nameless).pop("feature_names_in_", None)
    return nameless


def gathered(estimator: Any, source: Any, function: Callable[[Any, RowBlock], NDArray[Any]]) -> NDArray[Any]:
    """The arrays that `by_block` yields, with one entry for each row, in one.

    Parameters are those of `by_block`.
    """
    result, start = None, 0
    for piece in by_block(estimator, source, function):
        if result is None:
            result = np.empty((source.shape[0], *piece.shape[1:]), piece.dtype)
        result[start : start + len(piece)] = piece
        start += len(piece)
    assert result is not None  # a source without rows raises
    return result


def predict_to_file(estimator: Any, source: Any, path: str | os.PathLike[str], *, method: str = "predict") -> NDArray[Any]:
    """Predict the rows of a source into a ``.npy`` file, block by block.

    No more than one block of rows and its predictions are in memory. The file is written under
    another name in the same folder and takes the place of `path` at the end: after an error an
    earlier file is as it was.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator, of this package or of scikit-learn.
    source : RowSource or array-like
        The rows, such as `NpyBlocks`; only X is read of its blocks. An array is one block.
    path : str or path
        The file, in an existing folder. No ending is added.
    method : {"predict", "decision_function", "predict_proba", ...}, default="predict"
        Name of the method of the estimator that is called with each block.

    Returns
    -------
    memmap of shape (n_samples,) or (n_samples, n_outputs)
        The predictions, mapped from the file and read-only, as ``np.load(path, mmap_mode="r")``
        gives them.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    OSError
        If the file cannot be written.
    ValueError
        If the predictions are Python objects, such as labels of an object array, which the file
        cannot hold, and if the columns are not those of the fit.

    Warns
    -----
    UserWarning
        If the source has names of columns and the fit had none, or the other way round.

    See Also
    --------
    NpyBlocks : Rows from ``.npy`` files.
    ParquetBlocks : Rows from Parquet files.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.blocks import ArrayBlocks, predict_to_file
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LossRegressor("huber").fit(X, y)
    >>> path = os.path.join(tempfile.mkdtemp(), "predictions.npy")
    >>> predictions = predict_to_file(model, ArrayBlocks(X, block_rows=100), path)
    >>> predictions.shape, bool((predictions == model.predict(X)).all())
    ((442,), True)
    """
    getattr(estimator, method)  # it says what is wrong where there is none, as for a loss without probabilities
    file = Path(os.path.realpath(path))
    if not file.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(file.parent)!r} for the predictions; make it, or use another path.")
    if is_row_source(source):
        n_rows = source.shape[0]
        pieces = by_block(estimator, source, lambda nameless, block: getattr(nameless, method)(block.X))
    else:
        whole = getattr(estimator, method)(source)
        n_rows, pieces = len(whole), iter([whole])
    try:
        _write(file, n_rows, pieces)
    except OSError as error:
        if error.strerror is None:
            raise
        raise type(error)(
            f"The predictions could not be written to {os.fspath(path)!r} ({error.strerror}); nothing was left there, and an "
            "earlier file is unchanged."
        ) from error
    return np.load(file, mmap_mode="r")


def _write(file, n_rows, pieces):
    """Write arrays one after the other as one ``.npy`` file."""
    with new_file(file, ".npy") as target:
        for number, piece in enumerate(pieces):
            if number == 0:
                if piece.dtype.hasobject:
                    raise ValueError(
                        f"Predictions of type {piece.dtype} cannot be written to a .npy file; fit labels that are numbers, or "
                        "an array of text, y.astype(str)."
                    )
                form = {"descr": npy.dtype_to_descr(piece.dtype), "fortran_order": False}
                npy.write_array_header_1_0(target, {**form, "shape": (n_rows, *piece.shape[1:])})
            target.write(np.ascontiguousarray(piece).data)


def check_columns(estimator: Any, source: Any) -> None:
    """Compare the columns of a source with those of a fit, as scikit-learn does.

    Parameters
    ----------
    estimator : estimator
    source : RowSource

    Raises
    ------
    ValueError
        For another number of columns, or for other names.
    """
    name = type(estimator).__name__
    expected = getattr(estimator, "n_features_in_", source.shape[1])
    if source.shape[1] != expected:
        raise ValueError(f"X has {source.shape[1]} features, but {name} is expecting {expected} features as input.")
    known, given = getattr(estimator, "feature_names_in_", None), getattr(source, "feature_names", None)
    if known is None and given is None:
        return
    if given is None:
        warnings.warn(f"X does not have valid feature names, but {name} was fitted with feature names", stacklevel=4)
    elif known is None:
        warnings.warn(f"X has feature names, but {name} was fitted without feature names", stacklevel=4)
    elif list(known) != list(given):
        unexpected, missing = (sorted(set(one) - set(other)) for one, other in ((given, known), (known, given)))
        said = f"unseen {unexpected[:5]}, missing {missing[:5]}" if unexpected or missing else "the same ones in another order"
        raise ValueError(f"The feature names should match those that were passed during fit. The source has {said}.")
