"""Every registered loss, at its defaults and at its examples: derivatives, shapes, types,
extremes.
"""

import pickle
from functools import partial

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn import metrics
from sklearn.base import clone

from sklearn_losses.losses import Hinge, Loss, SquaredHinge
from sklearn_losses.losses.targets import MeanOverTargets

CASES = [
    pytest.param(maker(**params), id=f"{name}-{'-'.join(f'{k}={v}' for k, v in params.items()) or 'default'}")
    for name, maker in sorted(Loss.names().items())
    if maker.task in ("regression", "classification")
    for params in ({}, *maker.examples)
]
N = 40


def sample(loss, outputs, seed=0):
    """Targets and raw predictions away from kinks."""
    rng = np.random.default_rng(seed)
    raw = 1.5 * rng.standard_normal(N if outputs == 1 else (N, outputs))
    if loss.task == "classification":
        return rng.integers(0, max(outputs, 2), N), raw
    return np.exp(rng.standard_normal(N)), raw


def shapes(loss):
    return (1, 3) if loss.task == "classification" else (1,)


def difference(function, raw, direction, step=1e-6):
    return (function(raw + step * direction) - function(raw - step * direction)) / (2 * step)


@pytest.mark.parametrize("loss", CASES)
def test_gradient(loss):
    for outputs in shapes(loss):
        y, raw = sample(loss, outputs)
        rng = np.random.default_rng(1)
        for _ in range(3):
            direction = rng.standard_normal(raw.shape)
            slope = (loss.gradient(y, raw) * direction).reshape(N, -1).sum(axis=1)
            numerical = difference(partial(loss.value, y), raw, direction)
            np.testing.assert_allclose(slope, numerical, rtol=1e-5, atol=1e-6)
        value, gradient = loss.value_and_gradient(y, raw)
        np.testing.assert_allclose(value, loss.value(y, raw), rtol=1e-12, atol=1e-300)
        np.testing.assert_allclose(gradient, loss.gradient(y, raw), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("loss", CASES)
def test_hessian(loss):
    smooth = loss.smoothed(0.5) if loss.kinks else loss
    if not smooth.has_hessian:
        with pytest.raises(NotImplementedError, match="no Hessian"):
            smooth.hessian(*sample(loss, 1))
        return
    for outputs in shapes(loss):
        y, raw = sample(loss, outputs)
        direction = np.random.default_rng(1).standard_normal(raw.shape)
        product = smooth.hessian_product(y, raw, direction)
        numerical = difference(partial(smooth.gradient, y), raw, direction)
        # Not the second derivative, which may be negative, but never below it nor below 0.
        if smooth.hessian_bound:
            assert np.all(direction * product >= np.maximum(direction * numerical, 0) - 1e-5)
        else:
            np.testing.assert_allclose(product, numerical, rtol=1e-4, atol=1e-5)
        matrix = smooth.hessian_matrix(y, raw)
        if outputs == 1:
            np.testing.assert_allclose(matrix * direction, product, rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(smooth.hessian(y, raw), matrix)
        else:
            np.testing.assert_allclose(np.einsum("njk,nk->nj", matrix, direction), product, rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(smooth.hessian(y, raw), np.einsum("nkk->nk", matrix), rtol=1e-10, atol=1e-12)


# The authors' kit tests the others.
@pytest.mark.parametrize("loss", [case for case in CASES if case.values[0].convex])
def test_convex_along_chords(loss):
    for outputs in shapes(loss):
        y, left = sample(loss, outputs, seed=2)
        _, right = sample(loss, outputs, seed=3)
        for scale in (1.0, 10.0):
            middle = loss.value(y, scale * (left + right) / 2)
            chord = (loss.value(y, scale * left) + loss.value(y, scale * right)) / 2
            assert np.all(middle <= chord * (1 + 1e-12) + 1e-12)


@pytest.mark.parametrize("width", [1e-3, 0.1, 2.0])
@pytest.mark.parametrize("loss", [case for case in CASES if case.values[0].kinks])
def test_smoothed(loss, width):
    smooth = loss.smoothed(width)
    assert smooth.smooth
    for outputs in shapes(loss):
        y, raw = sample(loss, outputs)
        pieces = max(1, outputs - 1)
        excess = smooth.value(y, raw) - loss.value(y, raw)
        bound = pieces * sum(kink.right - kink.left for kink in loss.kinks) * width / 4
        assert np.all(excess >= -1e-12)
        assert np.all(excess <= bound * (1 + 1e-12))
        direction = np.random.default_rng(1).standard_normal(raw.shape)
        slope = (smooth.gradient(y, raw) * direction).reshape(N, -1).sum(axis=1)
        numerical = difference(partial(smooth.value, y), raw, direction, 1e-7)
        np.testing.assert_allclose(slope, numerical, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", CASES)
def test_extreme_predictions(loss, dtype):
    for outputs in shapes(loss):
        y, raw = sample(loss, outputs)
        y = y if loss.task == "classification" else y.astype(dtype)
        for size in (0.0, 1e-20, 37.0, 1e3, 1e4):
            extreme = (size * np.sign(raw)).astype(dtype)
            kept = y.copy(), extreme.copy()
            value, gradient = loss.value_and_gradient(y, extreme)
            assert value.dtype == gradient.dtype == dtype
            assert value.shape == (N,)
            assert gradient.shape == extreme.shape
            if size <= 1e3 or not getattr(loss, "log_link", False):
                assert np.all(np.isfinite(value))
                assert np.all(np.isfinite(gradient))
            np.testing.assert_array_equal(y, kept[0])
            np.testing.assert_array_equal(extreme, kept[1])


@pytest.mark.parametrize("loss", CASES)
def test_is_a_component(loss):
    again = pickle.loads(pickle.dumps(clone(loss)))
    assert again.get_params() == loss.get_params()
    y, raw = sample(loss, 1)
    np.testing.assert_array_equal(again.value(y, raw), loss.value(y, raw))
    assert Loss.make(loss) is loss
    assert type(Loss.make(loss.name)) is type(loss)


@pytest.mark.parametrize("name", ["mse", "mae", "huber", "quantile"])
def test_best_constant_minimises(name):
    rng = np.random.default_rng(0)
    y, weight = rng.standard_normal(31) ** 3, rng.integers(1, 5, 31).astype(float)
    for params in ({}, *Loss.registry[name].examples):
        loss = Loss.make(name).set_params(**params)
        [constant] = loss.best_constant(y, weight, 1)
        best = minimize_scalar(lambda c, loss=loss: weight @ loss.value(y, np.full(31, c)), bounds=(y.min(), y.max()))
        assert weight @ loss.value(y, np.full(31, constant)) <= best.fun * (1 + 1e-9)
        repeated = loss.best_constant(np.repeat(y, weight.astype(int)), np.ones(int(weight.sum())), 1)
        np.testing.assert_allclose(repeated, constant, rtol=1e-12)


def test_best_constant_of_classes():
    y = np.array([0, 0, 0, 1])
    np.testing.assert_allclose(Loss.make("cross_entropy").best_constant(y, np.ones(4), 1), np.log(1 / 3))
    logs = Loss.make("cross_entropy").best_constant(np.array([0, 0, 1, 2]), np.ones(4), 3)
    np.testing.assert_allclose(np.exp(logs) / np.exp(logs).sum(), [0.5, 0.25, 0.25])


@pytest.mark.parametrize(
    ("name", "params", "metric"),
    [
        ("mse", {}, metrics.mean_squared_error),
        ("squared_error", {}, metrics.mean_squared_error),
        ("mae", {}, metrics.mean_absolute_error),
        ("absolute_error", {}, metrics.mean_absolute_error),
        ("quantile", {"quantile": 0.3}, lambda y, f: metrics.mean_pinball_loss(y, f, alpha=0.3)),
        ("pinball", {"quantile": 0.9}, lambda y, f: metrics.mean_pinball_loss(y, f, alpha=0.9)),
    ],
)
def test_values_equal_the_metrics(name, params, metric):
    loss = Loss.make(name).set_params(**params)
    y, raw = sample(loss, 1)
    assert loss.value(y, raw).mean() == pytest.approx(metric(y, raw), rel=1e-12)
    several = np.column_stack([y, y[::-1], 2 * y]), np.column_stack([raw, raw, raw])
    assert MeanOverTargets(loss, 3).value(*several).mean() == pytest.approx(metric(*several), rel=1e-12)


def test_class_losses_equal_the_metrics():
    for outputs in (1, 4):
        loss = Loss.make("log_loss")
        y, raw = sample(loss, outputs)
        proba = loss.inverse_link(raw)
        np.testing.assert_allclose(np.exp(loss.log_inverse_link(raw)), proba, rtol=1e-12)
        labels = np.arange(max(outputs, 2))
        assert loss.value(y, raw).mean() == pytest.approx(metrics.log_loss(y, proba, labels=labels), rel=1e-10)
    y, raw = sample(Hinge(), 1)
    assert Hinge().value(y, raw).mean() == pytest.approx(metrics.hinge_loss(y, raw), rel=1e-12)


def test_several_classes_sum_over_the_others():
    y, raw = sample(Hinge(), 5)
    for loss, power in ((Hinge(), 1), (SquaredHinge(), 2)):
        loop = [sum(max(0, 1 - raw[i, y[i]] + raw[i, j]) ** power for j in range(5) if j != y[i]) for i in range(N)]
        np.testing.assert_allclose(loss.value(y, raw), loop, rtol=1e-12)


@pytest.mark.parametrize("loss", [case for case in CASES if case.values[0].shift_invariant])
def test_shift_invariant_losses_are(loss):
    y, raw = sample(loss, 4)
    np.testing.assert_allclose(loss.value(y, raw + 3.0), loss.value(y, raw), rtol=1e-10)


def test_cross_entropy_equals_pytorch():
    torch = pytest.importorskip("torch")
    loss = Loss.make("cross_entropy")
    y, raw = sample(loss, 6)
    scores = torch.tensor(50 * raw, requires_grad=True)
    value = torch.nn.functional.cross_entropy(scores, torch.tensor(y), reduction="none")
    value.sum().backward()
    np.testing.assert_allclose(loss.value(y, 50 * raw), value.detach().numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(loss.gradient(y, 50 * raw), scores.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_huber_equals_pytorch():
    torch = pytest.importorskip("torch")
    loss = Loss.make("huber").set_params(delta=0.7)
    y, raw = sample(loss, 1)
    theirs = torch.nn.functional.huber_loss(torch.tensor(raw), torch.tensor(y), reduction="none", delta=0.7)
    np.testing.assert_allclose(loss.value(y, raw), theirs.numpy(), rtol=1e-10)


def test_a_loss_of_ones_own_enters_the_registry(monkeypatch):
    monkeypatch.setattr(Loss, "registry", dict(Loss.registry))
    monkeypatch.setattr(Loss, "aliases", dict(Loss.aliases))
    from sklearn_losses.losses import ResidualLoss

    class Quartic(ResidualLoss, name="of_ones_own", aliases=("my_own",)):
        def curve(self, t):
            return t**4

        def slope(self, t):
            return 4 * t**3

        def curvature(self, t):
            return 12 * t**2

    assert isinstance(Loss.make("my_own"), Quartic)
    assert "of_ones_own" in Loss.names()
    with pytest.raises(ValueError, match="'huber' is already taken"):

        class Other(ResidualLoss, name="huber"):
            curve = slope = None
