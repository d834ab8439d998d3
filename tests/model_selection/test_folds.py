"""Folds: whole groups, even shares of classes, the user's own splits; rows with what belongs to
them.
"""

import numpy as np
import pytest
from sklearn.model_selection import KFold

from sklearn_losses.model_selection.folds import Data, splits_of, take

RNG = np.random.default_rng(0)


def test_groups_stay_whole():
    groups = RNG.integers(0, 12, 80)
    splits = splits_of(4, np.zeros(80), "regression", groups, np.random.RandomState(0))
    assert len(splits) == 4
    for train, test in splits:
        assert not set(groups[train]) & set(groups[test])
        assert len(train) + len(test) == 80


def test_classes_are_spread_evenly_and_rows_are_shuffled():
    y = np.repeat([0, 1], [90, 10])
    for _, test in splits_of(5, y, "classification", None, np.random.RandomState(0)):
        assert np.bincount(y[test]).tolist() == [18, 2]
    first = splits_of(None, y.astype(float), "regression", None, np.random.RandomState(0))[0][1]
    assert len(first) == 20 and not np.array_equal(first, np.arange(20))


def test_own_splits_are_kept():
    y = np.zeros(20)
    for cv in (KFold(4), list(KFold(4).split(y))):
        splits = splits_of(cv, y, "regression", None, np.random.RandomState(0))
        assert [test.tolist() for _, test in splits] == [test.tolist() for _, test in KFold(4).split(y)]


def test_rows_take_everything_with_them():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": np.arange(5.0)})
    data = Data(frame, np.arange(5), sample_weight=np.arange(5) + 1.0, qid=np.array([0, 0, 1, 1, 2]))
    some = data.rows(np.array([3, 0]))
    assert some.X["a"].tolist() == [3, 0] and some.y.tolist() == [3, 0] and some.groups is None
    assert {name: part.tolist() for name, part in some.metadata().items()} == {"sample_weight": [4, 1], "qid": [1, 0]}
    assert some.kept_together.tolist() == [1, 0]
    assert take(None, np.array([0])) is None
