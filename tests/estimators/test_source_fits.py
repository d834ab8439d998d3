"""Fits of a source of row blocks give the coefficients of the same rows in arrays."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier, LossRanker, LossRegressor, MultiQuantileRegressor
from sklearn_losses.blocks import ArrayBlocks
from sklearn_losses.estimators.row_parts import raw_parts
from sklearn_losses.losses import CVaR, Huber, Quantile, Trimmed


class Source:
    """Rows of arrays in blocks of `size` rows, with an empty block in front."""

    def __init__(self, X, y, sample_weight=None, size=100, names=None):
        self.X, self.y, self.sample_weight, self.size = X, y, sample_weight, size
        self.shape, self.dtype, self.n_read = X.shape, X.dtype, 0
        if names is not None:
            self.feature_names = names

    def blocks(self):
        self.n_read += 1
        yield self._rows(slice(0, 0))
        for start in range(0, self.X.shape[0], self.size):
            yield self._rows(slice(start, start + self.size))

    def take(self, rows):
        return self._rows(rows)

    def _rows(self, rows):
        weight = self.sample_weight
        return (self.X[rows], self.y[rows]) if weight is None else (self.X[rows], self.y[rows], weight[rows])

    def __reduce__(self):
        raise TypeError("a source is not pickled")


def diabetes(p=10):
    X, y = load_diabetes(return_X_y=True)
    return X[:, :p], y


def weights(n, seed=0):
    return np.random.default_rng(seed).integers(0, 4, n).astype(float)


def check_same(source, arrays, rtol=1e-8):
    """The fits agree in all that they tell."""
    assert source.converged_ and arrays.converged_
    for name in ("coef_", "intercept_"):
        one, other = getattr(source, name), getattr(arrays, name)
        assert np.asarray(one).dtype == np.asarray(other).dtype and np.shape(one) == np.shape(other)
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * np.max(np.abs(other)))
    for name in ("alpha_", "loss_", "objective_", "l1_ratio_"):
        assert getattr(source, name) == pytest.approx(getattr(arrays, name), rel=1e-10)
    assert source.n_features_in_ == arrays.n_features_in_
    assert source.n_parameters_ == arrays.n_parameters_


REGRESSION = [
    ("mse", {}, {}),
    ("mse", {"alpha": 0.0}, {"weighted": True}),
    ("mse", {}, {"size": 1}),
    ("mse", {"fit_intercept": False}, {"size": 7}),
    ("mse", {"solver": "lbfgs", "tol": 1e-10}, {}),
    ("log_cosh", {}, {"weighted": True}),
    ("poisson", {}, {"dtype": np.float32}),
    ("gamma", {"alpha": 1.0}, {"sparse": True}),
    ("poisson", {"solver": "lbfgs", "tol": 1e-12}, {"weighted": True, "sparse": True}),
    ("mse", {}, {"targets": 3, "weighted": True}),
    ("log_cosh", {}, {"targets": 2}),
    ("mse", {}, {"targets": 1}),
]


@pytest.mark.parametrize(
    ("loss", "parameters", "rows"), REGRESSION, ids=lambda value: str(value).replace("<class 'numpy.float32'>", "float32")
)
def test_regression(loss, parameters, rows):
    X, y = diabetes()
    X = X.astype(rows.get("dtype", np.float64))
    X = sparse.csr_matrix(X) if rows.get("sparse") else X
    if "targets" in rows:
        y = np.stack([y * 10**k + 50 * k for k in range(rows["targets"])], axis=1)
    weight = weights(len(y)) if rows.get("weighted") else None
    source = Source(X, y, weight, rows.get("size", 100))
    check_same(LossRegressor(loss, **parameters).fit(source), LossRegressor(loss, **parameters).fit(X, y, weight))


CLASSIFICATION = [
    (load_iris, {}, False),
    (load_wine, {"class_weight": "balanced"}, True),
    (load_breast_cancer, {}, True),
    (load_breast_cancer, {"class_weight": {0: 2.0, 1: 0.5}}, False),
    (load_iris, {"loss": "squared_hinge"}, True),
    (load_iris, {"class_weight": {0: 0.0, 1: 1.0, 2: 2.0}}, False),
    (load_wine, {"solver": "lbfgs", "tol": 1e-10, "alpha": 0.1}, False),
]


@pytest.mark.parametrize(
    ("load", "parameters", "weighted"), CLASSIFICATION, ids=lambda value: getattr(value, "__name__", str(value))
)
def test_classification(load, parameters, weighted):
    X, y = load(return_X_y=True)
    weight = weights(len(y)) if weighted else None
    source = LossClassifier(**parameters).fit(Source(X, y, weight))
    arrays = LossClassifier(**parameters).fit(X, y, weight)
    check_same(source, arrays)
    np.testing.assert_array_equal(source.classes_, arrays.classes_)
    np.testing.assert_allclose(source.decision_function(X), arrays.decision_function(X), atol=1e-6)


def test_text_labels():
    X, y = load_iris(return_X_y=True)
    names = load_iris().target_names[y]
    source = LossClassifier().fit(Source(X, names, size=40))
    np.testing.assert_array_equal(source.predict(X), LossClassifier().fit(X, names).predict(X))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_soft_labels(n_classes):
    X, _ = load_iris(return_X_y=True)
    y = np.random.default_rng(1).dirichlet(np.ones(n_classes), len(X))
    check_same(LossClassifier(alpha=0.01).fit(Source(X, y)), LossClassifier(alpha=0.01).fit(X, y))


def test_columns_of_any_size():
    """The standardisation is that of the rows in one array."""
    X, y = diabetes()
    X = X * np.logspace(-8, 8, 10) + np.array([0, 1e3, 0, -1e6, 0, 0, 0, 0, 1e9, 0])
    X = np.column_stack([X, np.full(len(X), 3.7)])
    check_same(LossRegressor("log_cosh").fit(Source(X, y, size=30)), LossRegressor("log_cosh").fit(X, y), rtol=1e-6)


def test_few_rows():
    X, y = diabetes()
    X = np.tile(X[:30], 5) + np.random.default_rng(0).standard_normal((30, 50))
    for alpha in (0.0, "auto"):
        check_same(LossRegressor(alpha=alpha).fit(Source(X, y[:30], size=8)), LossRegressor(alpha=alpha).fit(X, y[:30]))


ROBUST = ["huber", "barron", "fair", "expected_cost", "mae", "epsilon_insensitive"]


@pytest.mark.parametrize("size", [37, 200])
@pytest.mark.parametrize("loss", ROBUST)
def test_losses_with_an_initial_estimator_and_kinks(loss, size):
    make, (X, y) = (LossClassifier, load_iris(return_X_y=True)) if loss == "expected_cost" else (LossRegressor, diabetes())
    source = make(loss).fit(Source(X, y, weights(len(y)), size))
    arrays = make(loss).fit(X, y, weights(len(y)))
    check_same(source, arrays)
    assert vars(source).get("scale_", np.nan) == pytest.approx(vars(arrays).get("scale_", np.nan), rel=1e-9, nan_ok=True)
    assert vars(source).get("start_") == vars(arrays).get("start_")
    assert not hasattr(source, "row_weights_")


PASSES = {"mse": 3, "poisson": 7, "cross_entropy": 8, "softmax": 8, "huber": 12, "log_cosh": 8}


def many(loss):
    """More rows than those that are fitted in memory, from the model of the loss."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40_000, 3))
    raw = X @ np.array([0.5, -0.3, 0.1])
    if loss in ("cross_entropy", "softmax"):
        return X, (raw + rng.logistic(size=len(X)) > 0).astype(int) + (loss == "softmax") * (rng.random(len(X)) < 0.2)
    return X, rng.poisson(np.exp(raw)).astype(float) if loss == "poisson" else raw + rng.standard_t(3, len(X))


@pytest.mark.parametrize("loss", PASSES)
def test_many_rows(loss):
    X, y = many(loss)
    make = LossRegressor if y.dtype == np.float64 else LossClassifier
    name = "cross_entropy" if loss == "softmax" else loss
    source = make(name).fit(Source(X, y, size=7000))
    check_same(source, make(name).fit(X, y))
    assert source.n_passes_ <= PASSES[loss]


def test_several_quantiles():
    X, y = diabetes()
    source, arrays = MultiQuantileRegressor().fit(Source(X, y)), MultiQuantileRegressor().fit(X, y)
    np.testing.assert_allclose(source.coef_, arrays.coef_, rtol=1e-8, atol=1e-8)
    assert source.n_passes_ >= 3 and source.n_features_in_ == 10 and not hasattr(arrays, "n_passes_")


def test_warm_start():
    X, y = many("huber")
    model = LossRegressor("huber", warm_start=True).fit(Source(X, y, size=7000))
    first = model.n_passes_
    assert model.fit(Source(X, y, size=7000)).n_passes_ <= first
    model.set_params(loss=Quantile(0.8)).fit(Source(X, y, size=7000))
    check_same(model, LossRegressor(Quantile(0.8)).fit(X, y))


def test_what_needs_arrays():
    X, y = diabetes()
    with pytest.raises(ValueError, match="sorts all rows by their loss"):
        LossRegressor(Trimmed("mse", 0.9)).fit(Source(X, y))
    with pytest.raises(ValueError, match="cost= needs X in memory"):
        LossClassifier().fit(Source(X, (y > 100).astype(int)), cost=np.ones((442, 2)))


def test_the_scale_of_several_targets_and_weights():
    X, y = many("huber")
    weight = np.random.default_rng(1).uniform(0, 2, len(y))
    y = np.stack([y, 3 * np.round(y, 1)], axis=1)
    source, arrays = LossRegressor("huber").fit(Source(X, y, weight, 7000)), LossRegressor("huber").fit(X, y, weight)
    check_same(source, arrays)
    np.testing.assert_allclose(source.scale_, arrays.scale_, rtol=1e-9)


@pytest.mark.parametrize(
    "params", [{"alpha": 0.1}, {"alpha": 0.3, "l1_ratio": 1.0}, {"alpha": 0.1, "fit_intercept": False}], ids=str
)
def test_the_scale_under_a_penalty(params):
    """The search for it ends at a relative change of 1e-6, and the loss follows the scale."""
    X, y = many("huber")
    source, arrays = LossRegressor("huber", **params).fit(Source(X, y, size=9000)), LossRegressor("huber", **params).fit(X, y)
    assert source.converged_
    np.testing.assert_allclose(source.scale_, arrays.scale_, rtol=1e-6)
    np.testing.assert_allclose(source.coef_, arrays.coef_, atol=1e-7)


COMPOSITE = [CVaR("mse", 0.3), 0.5 * Huber() + Quantile(0.9)]


@pytest.mark.parametrize("loss", COMPOSITE, ids=["cvar", "sum"])
@pytest.mark.parametrize("n_rows", [500, pytest.param(40_000, marks=pytest.mark.slow)])
def test_losses_with_kinks_that_are_not_made_of_lines(loss, n_rows):
    X, y = (part[:n_rows] for part in many("huber"))
    check_same(LossRegressor(loss).fit(Source(X, y, size=n_rows // 5)), LossRegressor(loss).fit(X, y), rtol=1e-7)


@pytest.mark.parametrize("solver", ["lbfgs", "gd"])
def test_other_solvers(solver):
    X, y = many("cross_entropy")
    models = [LossClassifier(solver=solver).fit(Source(X, y, size=size)) for size in (5000, 9000)]
    check_same(*models)
    check_same(models[0], LossClassifier().fit(X, y))


NO_MINIMUM = [("cross_entropy", 1), ("cross_entropy", 0), ("poisson", 0)]


@pytest.mark.parametrize(("loss", "separated"), NO_MINIMUM)
def test_no_minimum(loss, separated):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 4))
    y = (X[:, 0] > 0).astype(int) if separated else rng.integers(0, 2, 300)
    if not separated:  # some rows alone are told from the others
        X[:, 3] = 0
        X[np.flatnonzero(y == 0)[:20], 3] = 1
    make = LossClassifier if loss == "cross_entropy" else LossRegressor
    y = y if make is LossClassifier else y.astype(float)
    with pytest.warns(ConvergenceWarning, match="no minimum"):
        make(loss, alpha=0).fit(Source(X, y))
    check_same(make(loss, alpha=0).fit(Source(X[:, 1:3], y)), make(loss, alpha=0).fit(X[:, 1:3], y))


def queries():
    rng = np.random.default_rng(0)
    qid = np.sort(rng.integers(0, 40, 600))
    X = rng.standard_normal((600, 5))
    return X, np.clip(np.round(X[:, 0] + rng.standard_normal(600) + 1), 0, 4), qid


@pytest.mark.parametrize("size", [25, 1000])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", ["ranknet", "squared_pairwise_hinge", "listnet", "mse"])
def test_rankings(loss, weighted, size):
    """A query that the border of a block cuts goes to the next one."""
    X, y, qid = queries()
    weight = weights(len(y)) if weighted else None
    source = LossRanker(loss).fit(ArrayBlocks(X, y, weight, qid, block_rows=size))
    arrays = LossRanker(loss).fit(X, y, weight, qid=qid)
    np.testing.assert_allclose(source.coef_, arrays.coef_, rtol=1e-8, atol=1e-8)
    assert source.loss_ == pytest.approx(arrays.loss_, rel=1e-10)
    assert source.n_queries_ == arrays.n_queries_ and source.converged_


RANKINGS = [
    ("lambdarank", queries()[2], "needs all rows at once"),
    ("ranknet", None, "must give qid"),
    ("ranknet", np.arange(600) % 40, "must be next to each other"),
    ("ranknet", np.arange(600), "nothing to order: 600 queries"),
]


@pytest.mark.parametrize(("loss", "qid", "sentence"), RANKINGS, ids=[sentence for *_, sentence in RANKINGS])
def test_bad_rankings(loss, qid, sentence):
    X, y, _ = queries()
    with pytest.raises(ValueError, match=sentence):
        LossRanker(loss).fit(ArrayBlocks(X, y, None, qid, block_rows=80))


def test_nothing_of_the_source_is_kept():
    X, y = diabetes()
    source = Source(X, y, names=[f"x{k}" for k in range(10)])
    model = LossRegressor().fit(source)
    assert model.n_passes_ == source.n_read
    assert list(model.feature_names_in_) == source.feature_names
    again = pickle.loads(pickle.dumps(model))
    del model.feature_names_in_, again.feature_names_in_
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    model.fit(X, y)
    assert not hasattr(model, "n_passes_")


def spoiled(index, value):
    array = np.array(diabetes()[index])
    array[-1] = value
    return array


X, Y = diabetes()
BAD = [
    (Source(spoiled(0, np.nan), Y), "Row 441 has nan in X"),
    (Source(X, spoiled(1, np.inf)), "Row 441 has infinity in y"),
    (Source(X, Y, spoiled(1, -1.0)), "Row 441 has a negative sample_weight"),
    (Source(X, Y, spoiled(1, np.nan)), "Row 441 has nan in sample_weight"),
    (Source(X, Y, np.zeros(len(Y))), "all weights are zero"),
    (Source(X[:0], Y[:0]), "has no rows"),
    (Source(X, Y[:50]), "a value for each row of X"),
    (Source(X, np.array(["a", "b"])[(Y > 100).astype(int)]), "needs numbers in y, but y has text"),
    (Source(X.astype(int), Y), "dtype of a source of rows must be float64 or float32. Got int64"),
]


@pytest.mark.parametrize(("source", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_bad_rows(source, sentence):
    model = LossRegressor().fit(X, Y)
    before = vars(model).copy()
    with pytest.raises(ValueError, match=sentence):
        model.fit(source)
    assert vars(model) == before


class Blocks:
    """A source that is wrong itself."""

    def __init__(self, blocks, shape=X.shape, dtype=X.dtype):
        self.given, self.shape, self.dtype = blocks, shape, dtype

    def blocks(self):
        return iter(self.given)

    def take(self, rows):
        raise NotImplementedError


WRONG = [
    (Blocks([(X, Y)], shape=None), {}, "must have a shape"),
    (Blocks([(X, Y)], shape=(442,)), {}, "must have a shape.*Got"),
    (Blocks([(X[:, :0], Y)], shape=(442, 0)), {}, "at least one column"),
    (Blocks([(X, Y)], dtype="text"), {}, "and a dtype"),
    (Blocks([(X, Y)], shape=(441, 10)), {}, "it has 441 rows.*hold 442"),
    (Blocks([(X, Y), (X[:, :9], Y)]), {}, "must have shape"),
    (Blocks([(X, Y[:, None]), (X, Y)], shape=(884, 10)), {}, "All blocks must hold the same"),
    (Blocks([(X,)]), {}, "have no targets"),
    (Source(X, Y), {"y": Y}, "fit takes no y"),
    (Source(X, Y), {"sample_weight": Y}, "fit takes no sample_weight"),
    (Source(X, Y, names=["a"]), {}, "feature_names of a source must be 10 strings"),
]


@pytest.mark.parametrize(("source", "more", "sentence"), WRONG, ids=[sentence for *_, sentence in WRONG])
def test_wrong_sources(source, more, sentence):
    with pytest.raises(ValueError, match=sentence):
        LossRegressor().fit(source, **more)


def test_rows_that_change():
    source = Source(X, Y)
    first = source.blocks

    def blocks():
        source.y = Y if source.n_read == 0 else Y[:-1]
        source.X = X if source.n_read == 0 else X[:-1]
        return first()

    source.blocks = blocks
    with pytest.raises(ValueError, match="its blocks hold 441"):
        LossRegressor().fit(source)


def test_one_class():
    with pytest.raises(ValueError, match="at least two classes"):
        LossClassifier().fit(Source(X, np.ones(len(X))))


def test_continuous_labels():
    with pytest.raises(ValueError, match="Unknown label type"):
        LossClassifier().fit(Source(X, Y + 0.5))


def test_arrays_need_targets():
    with pytest.raises(ValueError, match="requires y to be passed"):
        LossRegressor().fit(X)


@pytest.mark.parametrize(("n_rows", "in_blocks"), [(2**17, True), (2**10, False)])
def test_a_large_memory_map_is_read_in_blocks(tmp_path, n_rows, in_blocks):
    """A file with holes takes no place on the disk, and nothing is read here."""
    X = np.memmap(tmp_path / "X", dtype=np.float64, mode="w+", shape=(n_rows, 1024))
    y, model = np.zeros(n_rows), LossRegressor()
    parts = raw_parts(model, X, y, sample_weight=None)
    assert (parts is not None) == in_blocks
    assert not in_blocks or (parts.shape == X.shape and model.n_features_in_ == 1024)
    assert raw_parts(model, np.asarray(X), y, sample_weight=None) is None
