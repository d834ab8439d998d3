"""Stochastic solvers, networks and early stopping on a source of row blocks."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.blocks import ArrayBlocks, RowBlock
from sklearn_losses.solvers import SGD, SVRG, Adam

X, Y = load_diabetes(return_X_y=True)
X, Y = X * 20, Y / 50
XI, YI = load_iris(return_X_y=True)
LABELS = np.array(["setosa", "versicolor", "virginica"])[YI]
WEIGHT = np.random.default_rng(0).integers(0, 4, len(Y)).astype(float)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class InOrder:
    """A source with one order of blocks alone, the first one of them empty."""

    def __init__(self, X, y, size):
        self.X, self.y, self.size, self.shape, self.dtype = X, y, size, X.shape, X.dtype

    def blocks(self):
        yield RowBlock(self.X[:0], self.y[:0])
        for start in range(0, len(self.y), self.size):
            yield self.take(np.arange(start, min(start + self.size, len(self.y))))

    def take(self, rows):
        return RowBlock(self.X[rows], self.y[rows])


class Numbered(InOrder):
    """The same with numbers of blocks, one of them empty."""

    @property
    def n_blocks(self):
        return 1 + -(-len(self.y) // self.size)

    def blocks(self, order=None):
        blocks = list(super().blocks())
        return iter(blocks if order is None else [blocks[number] for number in order])


def parameters(model):
    weights = [model.coef_] if hasattr(model, "coef_") else model.coefs_
    return np.concatenate([np.ravel(part) for part in [*weights, *np.atleast_1d(*[model.__dict__.get("intercept_", 0.0)])]])


ONE_BLOCK = {
    "sgd": (LossRegressor, {"solver": "sgd"}),
    "adam": (LossRegressor, {"solver": "adam", "loss": "huber"}),
    "svrg": (LossRegressor, {"solver": SVRG(batch_size=20)}),
    "averaged": (LossRegressor, {"solver": SGD(average=True, schedule="adaptive"), "l1_ratio": 0.5, "alpha": 0.1}),
    "one batch": (LossRegressor, {"solver": SGD(batch_size=1000)}),
    "network": (LossRegressor, {"hidden_layer_sizes": (4,)}),
    "classes": (LossClassifier, {"solver": "sgd"}),
    "network of classes": (LossClassifier, {"hidden_layer_sizes": (4,), "class_weight": "balanced"}),
}


@pytest.mark.parametrize("kind", ONE_BLOCK)
@pytest.mark.parametrize("form", ["float64", "float32", "sparse"])
def test_one_block_is_the_fit_in_memory(kind, form):
    make, options = ONE_BLOCK[kind]
    rows, y = (X, Y) if make is LossRegressor else (XI, LABELS)
    rows = sparse.csr_matrix(rows) if form == "sparse" else rows.astype(form)
    for weight in (None, WEIGHT[: len(y)]):
        model = make(max_iter=3, random_state=0, **options)
        expected = parameters(model.fit(rows, y, weight))
        losses = model.loss_curve_
        model.fit(ArrayBlocks(rows, y, weight))
        rtol = 1e-5 if form == "float32" else 1e-10
        np.testing.assert_allclose(parameters(model), expected, rtol=rtol, atol=rtol)
        np.testing.assert_allclose(model.loss_curve_, losses, rtol=rtol)


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("make", [ArrayBlocks, InOrder, Numbered], ids=lambda make: make.__name__)
def test_blocks(make, size):
    """Fits are reproducible, and end at the optimum that has nothing to do with the blocks."""
    rows, y = X[:100], Y[:100]
    source = ArrayBlocks(rows, y, block_rows=size) if make is ArrayBlocks else make(rows, y, size)
    model = LossRegressor(solver=SVRG(learning_rate=0.1), alpha=0.1, random_state=0, max_iter=30, tol=1e-8)
    first = model.fit(source).coef_
    optimum = LossRegressor(alpha=0.1).fit(rows, y)
    np.testing.assert_allclose(first, optimum.coef_, atol=0.02)
    assert model.loss_ == pytest.approx(optimum.loss_, rel=1e-3)
    assert np.array_equal(model.fit(source).coef_, first)
    assert not np.array_equal(model.set_params(random_state=1).fit(source).coef_, first)


@pytest.mark.parametrize("options", [{"solver": "adam"}, {"solver": "svrg"}, {"hidden_layer_sizes": (3,)}], ids=str)
@pytest.mark.parametrize("size", [50, 1000])
def test_going_on(options, size):
    """A fit that goes on takes the steps of an unbroken one, also in passes of partial_fit."""
    source = ArrayBlocks(X, Y, WEIGHT, block_rows=size)
    options = {"random_state": 0, "alpha": 0.01, **options}
    whole = LossRegressor(max_iter=5, **options).fit(source)
    parts = LossRegressor(max_iter=2, warm_start=True, **options).fit(source)
    parts.set_params(max_iter=3).fit(source)
    assert np.array_equal(parameters(parts), parameters(whole))
    passes = LossRegressor(**options)
    for _ in range(5):
        passes.partial_fit(source)
    np.testing.assert_allclose(parameters(passes), parameters(whole), rtol=1e-12)


def test_partial_fit_of_classes():
    first, second = ArrayBlocks(XI[:100], LABELS[:100], block_rows=30), ArrayBlocks(XI[50:], LABELS[50:], block_rows=30)
    model = LossClassifier(solver=Adam(learning_rate=0.1), random_state=0)
    with pytest.raises(ValueError, match="needs classes="):
        model.partial_fit(first)
    with pytest.raises(ValueError, match="not in classes: \\['versicolor'\\]"):
        model.partial_fit(first, classes=["setosa", "virginica"])
    model.partial_fit(first, classes=np.unique(LABELS))
    for source in [second, first] * 50:
        model.partial_fit(source)
    assert list(model.classes_) == list(np.unique(LABELS)) and model.score(XI, LABELS) > 0.9
    with pytest.raises(ValueError, match="X has 3 features, but LossClassifier is expecting 4"):
        model.partial_fit(ArrayBlocks(XI[:, :3], LABELS))
    with pytest.raises(ValueError, match="not in classes: \\['other'\\]"):
        model.partial_fit(ArrayBlocks(XI, np.where(YI == 0, "other", LABELS)))
    weight = np.where(YI == 0, 0.0, 1.0)
    model.partial_fit(ArrayBlocks(XI, np.where(YI == 0, "other", LABELS), weight))
    with pytest.raises(ValueError, match="comes? from the source|y with it|y as well"):
        model.partial_fit(second, LABELS[50:])


def test_soft_labels_in_passes():
    soft = np.eye(3)[YI] * 0.9 + 0.1 / 3
    model, in_memory = (LossClassifier(solver="adam", random_state=0) for _ in range(2))
    for _ in range(3):
        model.partial_fit(ArrayBlocks(XI, soft), classes=[0, 1, 2])
        in_memory.partial_fit(XI, soft, classes=[0, 1, 2])
    np.testing.assert_allclose(model.coef_, in_memory.coef_, rtol=1e-10)


@pytest.mark.parametrize(
    "options", [{"solver": "adam"}, {"solver": "lbfgs"}, {"hidden_layer_sizes": (4,), "solver": Adam(0.01)}, {}], ids=str
)
def test_early_stopping(options):
    """The same rows are held out whatever the blocks are."""
    ends = []
    for size in (40, 442):
        source = ArrayBlocks(X, Y, WEIGHT, block_rows=size)
        model = LossRegressor(early_stopping=True, random_state=0, alpha=0.01, max_iter=30, **options).fit(source)
        assert len(model.validation_scores_) == model.n_iter_
        assert model.best_validation_score_ == max(model.validation_scores_) > -2.4
        ends.append(model)
    if options in ({}, {"solver": "lbfgs"}):
        np.testing.assert_allclose(ends[0].coef_, ends[1].coef_, rtol=1e-8)
    assert ends[0].validation_scores_[-1] == pytest.approx(ends[1].validation_scores_[-1], rel=0.2)


def test_early_stopping_of_too_few_rows():
    with pytest.raises(ValueError, match="cannot hold out validation_fraction=0.1 of 8 rows"):
        LossRegressor(early_stopping=True).fit(ArrayBlocks(X[:8, :2], Y[:8], block_rows=3))


def test_a_fit_that_diverges_is_no_worse_than_in_memory():
    with pytest.warns(ConvergenceWarning, match="diverged|not finite|larger|learning"):
        LossRegressor(solver=SGD(learning_rate=1e3), max_iter=3, random_state=0).fit(ArrayBlocks(X, Y, block_rows=50))
