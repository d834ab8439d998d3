"""Scores of Dask collections are those of the same rows in memory."""

import numpy as np
import pytest

from sklearn_losses import LossClassifier, LossRegressor, MultiQuantileRegressor

da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pandas = pytest.importorskip("pandas")

rng = np.random.default_rng(0)
X = rng.standard_normal((60, 3))
Y = 1e6 + X @ [1, 2, 3] + rng.standard_normal(60)
LABELS = np.where(Y > 1e6, "high", "low")
WEIGHT = rng.integers(0, 3, 60).astype(float)
CASES = [
    (LossRegressor, Y),
    (LossRegressor, np.stack([Y, -X[:, 0]], axis=1)),
    (LossClassifier, LABELS),
    (MultiQuantileRegressor, Y),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("make", "y"), CASES, ids=["r2", "mean-r2", "accuracy", "pinball"])
def test_scores(client, make, y, weighted):
    model = make().fit(X, y)
    array, targets, weight = (da.from_array(values, chunks=(25, *values.shape[1:])) for values in (X, y, WEIGHT))
    expected = model.score(X, y, WEIGHT if weighted else None)
    assert model.score(array, targets, weight if weighted else None) == pytest.approx(expected, rel=1e-9)


def test_score_of_a_frame(client):
    frame = pandas.DataFrame(X, columns=list("abc"))
    model = LossRegressor().fit(frame, Y)
    data = dd.from_pandas(frame.assign(y=Y), npartitions=3)
    assert model.score(data[list("abc")], data.y) == pytest.approx(model.score(frame, Y), rel=1e-9)
    with pytest.raises(ValueError, match="feature names"):
        model.score(data[list("bca")], data.y)
    with pytest.raises(ValueError, match="score needs y"):
        model.score(data[list("abc")])
