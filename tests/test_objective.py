"""The objective is the formula, for every model, kind of matrix, weighting and block size."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.blocks import BlockSizes, block_sizes
from sklearn_losses.core.coordinates import Standardization
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.core.sparse_rows import SparseRows, squares
from sklearn_losses.losses import MAE, CrammerSinger, CrossEntropy, Huber, SquaredHinge, Tukey
from sklearn_losses.models import ACTIVATIONS, MLP, Linear
from sklearn_losses.objective import Objective

N, P = 60, 5
SMALL = BlockSizes(copied=1, read=1)  # as few rows in a block as there may be


def data(outputs, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, P)) * (rng.random((N, P)) < 0.6)
    y = rng.standard_normal(N) if outputs == 0 else rng.integers(0, max(outputs, 2), N)
    return X, y


def models(outputs):
    yield Linear().bind(P, outputs)
    yield Linear().bind(P, outputs, fit_intercept=False)
    for activation in ACTIVATIONS:
        yield MLP((4,), activation).bind(P, outputs)
    yield MLP((4, 3), "tanh").bind(P, outputs, fit_intercept=False)


CASES = [
    pytest.param(loss, model, id=f"{loss.name}-{type(model).__name__}-{index}")
    for loss, outputs in ((Huber(0.7), 1), (CrossEntropy(), 1), (CrossEntropy(), 3), (SquaredHinge(), 3))
    for index, model in enumerate(models(outputs))
]


def build(loss, model, X=None, y=None, weight=None, alpha=0.3, l1_ratio=0.0, **more):
    outputs = 0 if loss.task == "regression" else model.n_outputs
    if X is None:
        X, y = data(outputs)
    penalty = ElasticNet(alpha, l1_ratio, model.weights())
    return Objective(loss, model, penalty, Batches(X, y, weight, **more))


def start(model):
    return np.random.default_rng(3).standard_normal(model.n_params)


def mean_one(weight):
    return weight / weight.mean()


@pytest.mark.parametrize(("loss", "model"), CASES)
def test_formula_and_gradient(loss, model):
    X, y = data(0 if loss.task == "regression" else model.n_outputs)
    weight = np.random.default_rng(1).uniform(0.2, 3, N)
    objective, params = build(loss, model, X, y, mean_one(weight), alpha=0.3, l1_ratio=0.25), start(model)
    weights = np.concatenate([w.ravel() for w in model.unpack(params)[0]])
    loss_part = np.average(loss.value(y, model.predict(params, X)), weights=weight)
    smooth_part = loss_part + 0.3 * 0.75 / 2 * np.sum(weights**2)
    assert objective.value(params) == pytest.approx(smooth_part + 0.3 * 0.25 * np.sum(np.abs(weights)), rel=1e-12)
    value, gradient = objective.value_and_gradient(params)
    assert value == pytest.approx(smooth_part, rel=1e-12)
    for _ in range(3):
        direction = np.random.default_rng(2).standard_normal(model.n_params)
        ahead = objective.value_and_gradient(params + 1e-6 * direction)[0]
        behind = objective.value_and_gradient(params - 1e-6 * direction)[0]
        assert gradient @ direction == pytest.approx((ahead - behind) / 2e-6, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize(("loss", "model"), [case for case in CASES if case.values[1].linear])
def test_hessian(loss, model):
    objective, params = build(loss, model), start(model)
    direction = np.random.default_rng(2).standard_normal(model.n_params)
    product = objective.hessian_product(params, direction)
    np.testing.assert_allclose(objective.hessian(params) @ direction, product, rtol=1e-10, atol=1e-12)
    ahead = objective.value_and_gradient(params + 1e-6 * direction)[1]
    behind = objective.value_and_gradient(params - 1e-6 * direction)[1]
    np.testing.assert_allclose(product, (ahead - behind) / 2e-6, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_curvature_in_the_order_of_outputs(fit_intercept, dtype):
    rng = np.random.default_rng(0)
    model, X = Linear().bind(P, 3, fit_intercept), rng.standard_normal((N, P))
    inner = rng.standard_normal((N, 3, 3)) * (rng.random((N, 1, 1)) < 0.3)
    inner = inner + inner.transpose(0, 2, 1)
    inner[:, [0, 1, 2], [0, 1, 2]] = np.abs(inner[:, [0, 1, 2], [0, 1, 2]])
    whole = model.curvature(X, inner)
    order, sorted_ = model.by_output, model.curvature_by_output(X.astype(dtype), inner.astype(dtype))
    assert sorted_.dtype == dtype
    expected = np.triu(whole[np.ix_(order, order)])
    np.testing.assert_allclose(np.triu(sorted_), expected, rtol=1e-4 if dtype == np.float32 else 1e-12, atol=1e-5)


@pytest.mark.parametrize("form", [np.asarray, lambda X: SparseRows(sparse.csr_array(X))], ids=["dense", "sparse"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_diagonal_of_the_curvature(fit_intercept, form):
    rng = np.random.default_rng(0)
    model, weight = Linear().bind(P, 1, fit_intercept), rng.random(N)
    X = rng.standard_normal((N, P)) * (rng.random((N, P)) < 0.6)
    np.testing.assert_allclose(model.diagonal(squares(form(X)), weight), np.diag(model.curvature(X, weight)), rtol=1e-12)
    scaled = Standardization(np.zeros(P), 2.0 ** np.arange(P)).apply(sparse.csr_array(X))
    expected = np.diag(model.curvature(X / 2.0 ** np.arange(P), weight))
    np.testing.assert_allclose(model.diagonal(squares(scaled), weight), expected, rtol=1e-12)


@pytest.mark.parametrize(("loss", "model"), CASES)
def test_weights_are_repetitions(loss, model):
    X, y = data(0 if loss.task == "regression" else model.n_outputs)
    weight = np.random.default_rng(1).integers(1, 5, N)
    repeated = build(loss, model, X.repeat(weight, axis=0), y.repeat(weight))
    for scale in (1.0, 7.0):
        weighted = build(loss, model, X, y, mean_one(scale * weight))
        params = start(model)
        assert weighted.value(params) == pytest.approx(repeated.value(params), rel=1e-12)
        for ours, theirs in zip(weighted.value_and_gradient(params), repeated.value_and_gradient(params), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(("loss", "model"), CASES)
def test_sparse_equals_dense(loss, model):
    X, y = data(0 if loss.task == "regression" else model.n_outputs)
    dense, params = build(loss, model, X, y), start(model)
    for form in (sparse.csr_matrix, sparse.csr_array):
        other = build(loss, model, form(X), y)
        np.testing.assert_allclose(
            other.value_and_gradient(params)[1], dense.value_and_gradient(params)[1], rtol=1e-10, atol=1e-13
        )
        direction = params[::-1].copy()
        np.testing.assert_allclose(
            other.hessian_product(params, direction), dense.hessian_product(params, direction), atol=1e-12
        )


@pytest.mark.parametrize(("loss", "model"), CASES)
def test_block_size_does_not_matter(loss, model):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((700, P))
    y = rng.standard_normal(700) if loss.task == "regression" else rng.integers(0, max(2, model.n_outputs), 700)
    params = start(model)
    whole = build(loss, model, X, y).value_and_gradient(params)
    with block_sizes(SMALL):
        objective = build(loss, model, X, y)
        assert len(list(objective.batches.blocks())) == 3
        parts = objective.value_and_gradient(params)
    assert parts[0] == pytest.approx(whole[0], rel=1e-12)
    np.testing.assert_allclose(parts[1], whole[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("loss", "model"), CASES)
def test_minibatches_average_to_the_objective(loss, model):
    X, y = data(0 if loss.task == "regression" else model.n_outputs)
    weight = mean_one(np.random.default_rng(1).uniform(0.2, 3, N))
    objective, params = build(loss, model, X, y, weight), start(model)
    value, gradient = 0.0, 0.0
    for share, estimate in objective.minibatches(7, np.random.RandomState(0)):
        part = estimate(params)
        value, gradient = value + share * part[0], gradient + share * part[1]
    exact = objective.value_and_gradient(params)
    assert value == pytest.approx(exact[0], rel=1e-12)
    np.testing.assert_allclose(gradient, exact[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize(("loss", "outputs"), [(Huber(0.7), 1), (CrossEntropy(), 3)])
def test_standardised_columns_are_the_same_problem(form, loss, outputs):
    X, y = data(0 if loss.task == "regression" else outputs)
    X = X * np.array([1e-4, 1.0, 1e5, 3.0, 1.0]) + np.array([0.0, 5.0, 0.0, 0.0, 100.0])
    model = Linear().bind(P, outputs)
    change = Standardization.of(form(X), None, True, 0.3)
    plain = build(loss, model, X, y)
    penalty = ElasticNet(0.3, 0.0, change.factors(model))
    moved = Objective(loss, model, penalty, Batches(form(X), y, None, change))
    params = start(model)
    there = change.from_user(model, params)
    np.testing.assert_allclose(change.to_user(model, there), params, rtol=1e-12)
    assert moved.value(there) == pytest.approx(plain.value(params), rel=1e-10)
    step = 1e-6 * start(model)[::-1]
    slope = (moved.value(there + step) - moved.value(there - step)) / 2
    assert moved.value_and_gradient(there)[1] @ step == pytest.approx(slope, rel=1e-4)
    if form is np.asarray:
        batch = next(iter(moved.batches.blocks()))
        assert np.all(np.abs(batch.X.mean(axis=0)) < 2)
        assert np.all(batch.X.std(axis=0) < 2)


def test_standardisation_leaves_good_columns_alone():
    X = np.random.default_rng(0).standard_normal((200, 3))
    assert Standardization.of(X, None, True, 1e-4) is None


def test_prox_is_the_minimiser():
    penalty = ElasticNet(0.8, 0.5, np.array([1.0, 2.0, 0.0]))
    point = np.array([0.5, -3.0, 0.1])
    best = penalty.prox(point, 0.7)
    np.testing.assert_allclose(best, [0.22, -2.44, 0.1])

    def value(v):
        return 0.7 * penalty.l1_value(v) + 0.5 * np.sum((v - point) ** 2)

    for shift in 0.01 * np.random.default_rng(0).standard_normal((50, 3)):
        assert value(best) <= value(best + shift)


def test_what_a_solver_may_know_of_the_parts():
    model = Linear().bind(P, 3)
    objective = build(CrossEntropy(), model, alpha=0.3, l1_ratio=0.25)
    np.testing.assert_allclose(objective.l1, 0.3 * 0.25 * model.weights())
    np.testing.assert_allclose(objective.l2, 0.3 * 0.75 * model.weights())
    np.testing.assert_array_equal(objective.penalized, model.weights())
    assert objective.has_penalty and not objective.smooth_penalty and objective.dtype == np.float64
    assert (objective.n_outputs, objective.n_constants, objective.n_params, objective.n_rows) == (3, 0, 3 * P + 3, N)
    params = start(model)
    np.testing.assert_array_equal(objective.by_feature(params), model.unpack(params)[0][0])
    objective.by_feature(params)[0, 0] = 7.0  # a view
    assert params[0] == 7.0
    plain = build(CrossEntropy(), model, alpha=0.0)
    assert plain.smooth_penalty and not plain.has_penalty


@pytest.mark.parametrize(("alpha", "rows", "expected"), [(0.0, 3, 4), (0.1, 3, P + 1), (0.0, N, P + 1)])
def test_parameters_that_are_left_after_a_rotation(alpha, rows, expected):
    X, y = data(0)
    objective = build(Huber(0.7), Linear().bind(P, 1), X[:rows], y[:rows], alpha=alpha)
    assert objective.can_rotate and objective.n_rotated_params == expected
    assert not build(Huber(0.7), Linear().bind(P, 1), sparse.csr_array(X), y).can_rotate


@pytest.mark.parametrize("outputs", [1, 3])
def test_some_features_alone(outputs):
    loss, model = (Huber(0.7), Linear().bind(P, 1)) if outputs == 1 else (CrossEntropy(), Linear().bind(P, 3))
    objective, features = build(loss, model, l1_ratio=0.5), np.array([0, 2, 3])
    part, where = objective.restricted(features)
    inner = start(part.model)
    params = np.zeros(objective.n_params)
    params[where] = inner
    assert part.value(inner) == pytest.approx(objective.value(params), rel=1e-12)
    np.testing.assert_allclose(part.value_and_gradient(inner)[1], objective.value_and_gradient(params)[1][where], atol=1e-12)
    assert np.all(objective.by_feature(params)[[1, 4]] == 0)


def test_random_parts_of_the_rows_are_always_the_same_and_disjoint():
    X, y = data(0)
    objective = build(Huber(0.7), Linear().bind(P, 1), X, np.arange(float(N)))
    one, other = objective.samples(20, 2)
    again, _ = objective.samples(20, 2)
    np.testing.assert_array_equal(one.batches.y, again.batches.y)
    assert len(set(one.batches.y) | set(other.batches.y)) == 40


def test_the_precision_of_the_rows():
    X, y = data(0)
    objective = build(Huber(0.7), Linear().bind(P, 1), X.astype(np.float32), y, dtype=np.float64)
    float32, params = objective.in_data_dtype(), start(objective.model)
    assert (objective.precision, float32.precision) == (np.finfo(np.float64).eps, np.finfo(np.float32).eps)
    assert float32.in_data_dtype() is None
    assert float32.value(params) == pytest.approx(objective.value(params), rel=1e-5)
    rounded = objective.mean_loss_of_rounded(params)
    assert rounded == pytest.approx(objective.mean_loss(params), rel=1e-5) and rounded != objective.mean_loss(params)


def test_a_common_shift_of_all_classes_is_taken_out():
    model = Linear().bind(P, 3)
    objective = build(CrossEntropy(), model)
    params = start(model)
    centered = objective.centered(params)
    np.testing.assert_allclose(objective.by_feature(centered).sum(axis=1), 0, atol=1e-12)
    assert objective.mean_loss(centered) == pytest.approx(objective.mean_loss(params), rel=1e-12)
    assert objective.value(centered) < objective.value(params)
    binary = build(CrossEntropy(), Linear().bind(P, 1))
    assert binary.centered(params) is params


def test_the_largest_move_of_a_prediction():
    X, y = data(0)
    model = Linear().bind(P, 1)
    objective, params, direction = build(Huber(0.7), model, X, y), start(model), np.eye(P + 1)[P]
    raw = model.predict(params, X)
    assert objective.relative_move(params, 0.5 * direction) == pytest.approx(0.5 / np.max(np.abs(raw)))
    assert objective.relative_move(np.zeros(P + 1), direction) == 1.0


@pytest.mark.parametrize("weighted", [False, True])
def test_a_root_of_the_hessian(weighted):
    X, y = data(0)
    weight = mean_one(np.random.default_rng(1).uniform(0.2, 3, N)) if weighted else None
    objective = build(Huber(2.0), Linear().bind(P, 1), X, y, weight)
    params = start(objective.model)
    assert objective.has_hessian_root
    root = objective.hessian_root(params)
    np.testing.assert_allclose(root.T @ root, objective.hessian(params), rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(root, np.triu(root))
    assert not build(CrossEntropy(), Linear().bind(P, 3)).has_hessian_root


def test_values_at_a_point_are_computed_once():
    objective = build(Huber(0.7), Linear().bind(P, 1))
    params, calls = start(objective.model), []
    evaluate = objective._evaluate
    objective._evaluate = lambda *arguments: calls.append(1) or evaluate(*arguments)
    first = objective.value_and_gradient(params)
    for _ in range(2):
        value, gradient = objective.value_and_gradient(params)
        assert value == first[0] and np.array_equal(gradient, first[1])
        gradient[:] = 0  # the caller's own
    assert objective.value(params) == pytest.approx(first[0], rel=1e-14)
    assert len(calls) == 1
    params += 1.0  # the point is kept as it was
    objective.value_and_gradient(params)
    assert len(calls) == 2


@pytest.mark.parametrize("weighted", [False, True])
def test_a_loss_with_kinks_and_its_smoothed_form(weighted):
    X, y = data(0)
    weight = mean_one(np.random.default_rng(1).uniform(0.2, 3, N)) if weighted else None
    objective = build(MAE(), Linear().bind(P, 1), X, y, weight)
    params, width = start(objective.model), 0.1
    residual = y - objective.model.predict(params, X)
    assert objective.kink_distance(params) == pytest.approx(np.average(np.abs(residual), weights=weight))
    smooth = objective.smoothed(width)
    assert smooth.smooth_loss and not objective.smooth_loss and objective.smooth_form_has_hessian
    assert abs(smooth.value(params) - objective.value(params)) <= objective.smoothing_error(width)
    assert objective.smoothed_slopes(params, width) is None  # its terms know them
    assert objective.terms() is objective.terms()  # made once


def test_the_slopes_of_a_smoothed_maximum_bound_the_loss_from_below():
    X, y = data(3)
    objective = build(CrammerSinger(), Linear().bind(P, 3), X, y, mean_one(np.random.default_rng(1).uniform(0.2, 3, N)))
    params = start(objective.model)
    shortfall, gradient = objective.smoothed_slopes(params, 0.1)
    smooth = objective.smoothed(0.1)
    np.testing.assert_allclose(gradient + objective.l2 * params, smooth.value_and_gradient(params)[1], atol=1e-12)
    assert 0 < shortfall <= objective.smoothing_error(0.1)
    for seed in range(10):
        other = np.random.default_rng(seed).standard_normal(len(params))
        line = objective.mean_loss(params) - shortfall + gradient @ (other - params)
        assert objective.mean_loss(other) >= line - 1e-12
    assert objective.max_affine and objective.terms() is objective.terms()


def test_kinds_of_objectives():
    smooth, kinked = build(Huber(0.7), Linear().bind(P, 1)), build(MAE(), Linear().bind(P, 1))
    network = build(Huber(0.7), MLP((4,)).bind(P, 1))
    assert smooth.convex and smooth.bounded_hessian and not smooth.piecewise_linear
    assert kinked.convex and kinked.piecewise_linear and not kinked.max_affine
    assert not network.convex and not network.linear and not network.bounded_hessian
    redescending = build(Tukey(scale=1.0), Linear().bind(P, 1))
    assert not redescending.convex and redescending.bounded_hessian
    assert smooth.describe() == "loss 'huber'"


def test_a_formula_that_falls_without_end():
    class Falls(MAE):
        def value(self, y, raw):
            return raw

    objective = build(Falls(), Linear().bind(P, 1), alpha=0.0)
    assert objective.bottomless(np.append(np.zeros(P), -1.0)) and not objective.bottomless(np.append(np.zeros(P), 1.0))
    assert not objective.unbounded(np.ones(P + 1))
