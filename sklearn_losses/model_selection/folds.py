"""Rows with what belongs to them, and how they are split into folds."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, check_cv
from sklearn.utils.multiclass import type_of_target

__all__ = ["Data", "splits_of", "take"]


def splits_of(
    cv: Any,
    y: NDArray[Any],
    task: str,
    groups: NDArray[Any] | None,
    rng: np.random.RandomState,
    X: Any = None,
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """The folds as a list of (train, test).

    For a number of folds the rows are shuffled, groups stay whole and classes are spread evenly.
    """
    if cv is None or isinstance(cv, (int, np.integer)):
        folds, seed = 5 if cv is None else int(cv), rng.randint(2**31 - 1)
        if groups is not None:
            groups = np.unique(groups, return_inverse=True)[1]
            cv = GroupKFold(folds)
            # GroupKFold shuffles by itself only from scikit-learn 1.6.1 on, and the order of
            # equally large groups is theirs.
            groups = rng.permutation(groups.max() + 1)[groups]
        elif task == "classification" and type_of_target(y) in ("binary", "multiclass"):
            cv = StratifiedKFold(folds, shuffle=True, random_state=seed)
        else:
            cv = KFold(folds, shuffle=True, random_state=seed)
    else:
        cv = check_cv(cv, y, classifier=task == "classification")
    return list(cv.split(np.zeros(len(y)) if X is None else X, y, groups))


def take(rows: Any, index: NDArray[np.intp]) -> Any:
    """Some rows of a matrix, a vector or a frame; None for None."""
    if rows is None:
        return None
    return rows.iloc[index] if hasattr(rows, "iloc") else rows[index]


class Data(NamedTuple):
    """Rows with what belongs to them; None for what there is not."""

    X: Any
    y: NDArray[Any]
    sample_weight: NDArray[Any] | None = None
    groups: NDArray[Any] | None = None
    qid: NDArray[Any] | None = None
    cost: Any = None

    def rows(self, index: NDArray[np.intp]) -> "Data":
        """Some of the rows."""
        return Data(*(take(part, index) for part in self))

    def metadata(self) -> dict[str, Any]:
        """What fits and metrics may take beside the rows."""
        known = {"sample_weight": self.sample_weight, "qid": self.qid, "cost": self.cost}
        return {name: value for name, value in known.items() if value is not None}

    @property
    def kept_together(self) -> NDArray[Any] | None:
        """Ids of the groups, or of the queries, that every split keeps whole."""
        return self.qid if self.groups is None else self.groups
