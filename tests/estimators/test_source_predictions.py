"""Predictions and scores of a source of row blocks are those of the same rows in arrays."""

from functools import reduce
from operator import iadd

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import r2_score

from sklearn_losses import LossClassifier, LossRanker, LossRegressor, MultiQuantileRegressor, make_ranking
from sklearn_losses.blocks import ArrayBlocks, RowBlock
from sklearn_losses.estimators.scores import RSquared

X, Y = (values[:120] for values in load_diabetes(return_X_y=True))
XI, YI = load_iris(return_X_y=True)
LABELS = np.array(["setosa", "versicolor", "virginica"])[YI]
WEIGHT = np.random.default_rng(0).integers(0, 4, 150).astype(float)
SIZES = (1, 50, 1000)
FITS = {
    "huber": lambda: LossRegressor("huber").fit(X, Y),
    "targets": lambda: LossRegressor().fit(X, np.stack([Y, -Y], axis=1)),
    "mlp": lambda: LossRegressor(hidden_layer_sizes=(3,), random_state=0).partial_fit(X, Y),
    "quantiles": lambda: MultiQuantileRegressor((0.2, 0.5)).fit(X, Y),
}
METHODS = ("predict", "decision_function", "predict_proba", "predict_log_proba")


class Named(ArrayBlocks):
    """Rows whose columns have names."""

    def __init__(self, *arrays, names, **options):
        super().__init__(*arrays, **options)
        self.feature_names = names


@pytest.mark.parametrize("kind", FITS)
@pytest.mark.parametrize("form", ["float64", "float32", "sparse"])
def test_regression(kind, form):
    rows = sparse.csr_matrix(X) if form == "sparse" else X.astype(form)
    model = FITS[kind]()
    expected = model.predict(rows)
    for size in SIZES:
        result = model.predict(ArrayBlocks(rows, block_rows=size))
        assert result.dtype == expected.dtype and result.shape == expected.shape
        np.testing.assert_allclose(result, expected, rtol=1e-6 if rows.dtype == np.float32 else 1e-12)


def test_float32_stays_float32():
    model = LossRegressor().fit(X.astype(np.float32), Y)
    assert model.predict(ArrayBlocks(X.astype(np.float32), block_rows=50)).dtype == np.float32


@pytest.mark.parametrize("labels", [LABELS, LABELS.astype(object), YI, YI == 1], ids=["text", "object", "int", "bool"])
@pytest.mark.parametrize("method", METHODS)
def test_classification(labels, method):
    model = LossClassifier().fit(XI, labels)
    expected = getattr(model, method)(XI)
    for size in SIZES:
        result = getattr(model, method)(ArrayBlocks(XI, block_rows=size))
        assert result.dtype == expected.dtype and result.shape == expected.shape
        if method == "predict":
            assert np.array_equal(result, expected)
        else:
            np.testing.assert_allclose(result, expected, rtol=1e-12)


def test_least_cost():
    model, cost = LossClassifier().fit(XI, YI), 1.0 - np.eye(3)
    cost[0, 1] = 50.0
    expected = model.predict(XI, cost=cost)
    assert not np.array_equal(expected, model.predict(XI))
    assert np.array_equal(model.predict(ArrayBlocks(XI, block_rows=40), cost=cost), expected)


def test_without_probabilities():
    with pytest.raises(AttributeError, match="gives no probabilities"):
        LossClassifier("hinge").fit(XI, YI).predict_proba(ArrayBlocks(XI))


@pytest.mark.parametrize("weight", [None, WEIGHT[:120]], ids=["equal", "weighted"])
@pytest.mark.parametrize("unit", [1.0, 1e8, 1e-6])
@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_r2(weight, unit, shift):
    targets = np.stack([Y, -(Y**2)], axis=1) * unit + shift * unit
    for target in (targets[:, 0], targets):
        model = LossRegressor(alpha=1e-3).fit(X, target)
        expected = model.score(X, target, weight)
        for size in SIZES:
            assert model.score(ArrayBlocks(X, target, weight, block_rows=size)) == pytest.approx(expected, abs=1e-12)


def score_of(y, predictions, weight=None, size=3):
    sums = []
    for start in range(0, len(y), size):
        rows = slice(start, start + size)
        sums.append(RSquared(y[rows], predictions[rows], None if weight is None else weight[rows]))
    return reduce(iadd, sums).score()


def test_r2_at_its_ends():
    """Equal targets, rows without weight and single rows, as scikit-learn has them."""
    same, rising = np.full(8, 3.0), np.arange(8.0)
    for y, predictions in ((same, same), (same, rising), (rising, rising), (rising, same)):
        assert score_of(y, predictions) == r2_score(y, predictions)
    weight = np.array([0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0])
    assert score_of(rising, same, weight) == pytest.approx(r2_score(rising, same, sample_weight=weight), abs=1e-12)
    with pytest.warns(UndefinedMetricWarning, match="less than two"):
        assert np.isnan(score_of(rising[:1], same[:1]))
    with pytest.raises(ValueError, match="all zero"):
        score_of(rising, same, np.zeros(8))


def test_accuracy():
    model = LossClassifier().fit(XI[::2], LABELS[::2])
    for given in (None, WEIGHT):
        expected = model.score(XI, LABELS, given)
        for size in SIZES:
            assert model.score(ArrayBlocks(XI, LABELS, given, block_rows=size)) == pytest.approx(expected, abs=1e-12)


def test_pinball():
    model = FITS["quantiles"]()
    for weight in (None, WEIGHT[:120]):
        expected = model.score(X, Y, weight)
        assert model.score(ArrayBlocks(X, Y, weight, block_rows=33)) == pytest.approx(expected, rel=1e-12)


def test_ranking():
    """Queries may be cut by the ends of blocks, and their rows may stand apart."""
    rows, y, qid = make_ranking(n_queries=12, random_state=0)
    order = np.random.default_rng(0).permutation(len(y))
    rows, y, qid = rows[order], y[order], qid[order]
    model = LossRanker().fit(rows, y, qid=qid)
    source = ArrayBlocks(rows, y, qid=qid, block_rows=7)
    assert np.array_equal(model.predict(source), np.concatenate([model.predict(block.X) for block in source.blocks()]))
    assert model.score(source) == pytest.approx(model.score(rows, y, qid=qid), rel=1e-12)
    with pytest.raises(ValueError, match="qid"):
        model.score(ArrayBlocks(rows, y))


def test_names():
    pandas = pytest.importorskip("pandas")
    model = LossRegressor().fit(pandas.DataFrame(X[:, :2], columns=["age", "bmi"]), Y)
    good = model.predict(Named(X[:, :2], names=["age", "bmi"], block_rows=99))
    np.testing.assert_allclose(good, model.intercept_ + X[:, :2] @ model.coef_, rtol=1e-12)
    with pytest.raises(ValueError, match="unseen \\['size'\\], missing \\['age'\\]"):
        model.predict(Named(X[:, :2], names=["size", "bmi"]))
    with pytest.raises(ValueError, match="another order"):
        model.score(Named(X[:, :2], Y, names=["bmi", "age"]))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert np.array_equal(model.predict(ArrayBlocks(X[:, :2], block_rows=99)), good)
    with pytest.warns(UserWarning, match="fitted without feature names"):
        FITS["huber"]().predict(Named(X, names=[str(number) for number in range(10)]))


def test_bad_sources():
    model = FITS["huber"]()
    for width in (9, 11):
        with pytest.raises(ValueError, match=f"X has {width} features"):
            model.predict(ArrayBlocks(np.ones((20, width))))
    hole = X.copy()
    hole[-1, 3] = np.nan
    with pytest.raises(ValueError, match="Row 119 has nan or infinity in X"):
        model.predict(ArrayBlocks(hole, block_rows=50))
    with pytest.raises(ValueError, match="no rows"):
        model.predict(ArrayBlocks(X[:0]))
    with pytest.raises(ValueError, match="needs targets, but the blocks of this source have none"):
        model.score(ArrayBlocks(X))
    with pytest.raises(ValueError, match="which has y and sample_weight with it"):
        model.score(ArrayBlocks(X, Y), Y, WEIGHT)
    with pytest.raises(ValueError, match="nan or infinity"):
        model.score(ArrayBlocks(X, np.where(Y > 300, np.nan, Y)))
    with pytest.raises(ValueError, match="2 columns"):
        model.score(ArrayBlocks(X, np.stack([Y, Y], axis=1)))


def test_blocks_of_a_users_source():
    class Rows:
        shape, dtype = (4, 10), np.dtype(float)

        def blocks(self):
            yield RowBlock(X[:3])
            yield RowBlock(X[:0])
            yield (X[3:4],)

        def take(self, rows):
            return (X[rows],)

    model = FITS["huber"]()
    np.testing.assert_allclose(model.predict(Rows()), model.predict(X[:4]), rtol=1e-12)


def test_score_needs_targets():
    for model in (FITS["huber"](), FITS["quantiles"](), LossClassifier().fit(XI, YI)):
        with pytest.raises(ValueError, match="score needs y"):
            model.score(X if model.n_features_in_ == 10 else XI)
