"""The families of losses that are a curve of one number."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from sklearn_losses import LossClassifier
from sklearn_losses.losses import (
    MAE,
    CrossEntropy,
    Hinge,
    Kink,
    MarginLoss,
    ModifiedHuber,
    PiecewiseLinear,
    Quantile,
    ResidualLoss,
    ScalarLoss,
    SquaredHinge,
)
from sklearn_losses.losses.curves import Smoothed


class Tent(PiecewiseLinear, ResidualLoss):
    kinks = (Kink(-1.0, -2.0, 0.0), Kink(1.0, 0.0, 1.0))


class Cubic:
    def curve(self, t):
        return t**3

    def slope(self, t):
        return 3 * t**2

    def curvature(self, t):
        return 6 * t


class CubicOfResidual(Cubic, ResidualLoss):
    pass


class CubicOfMargins(Cubic, MarginLoss):
    pass


CASES = [(CubicOfResidual, 1), (CubicOfMargins, 1), (CubicOfMargins, 3)]


def problem(kind, outputs):
    rng = np.random.default_rng(0)
    raw = rng.standard_normal(6 if outputs == 1 else (6, outputs))
    y = rng.standard_normal(6) if kind is CubicOfResidual else rng.integers(0, max(outputs, 2), 6)
    return y, raw, rng


@pytest.mark.parametrize(("kind", "outputs"), CASES)
def test_the_argument_is_affine_and_its_pullback_the_adjoint(kind, outputs):
    y, raw, rng = problem(kind, outputs)
    loss, change = kind(), rng.standard_normal(raw.shape)
    moved = loss.argument(y, raw + change) - loss.argument(y, raw)
    np.testing.assert_allclose(loss.direction(y, change), moved, atol=1e-12)
    slopes = rng.standard_normal(moved.shape)
    assert np.sum(slopes * loss.direction(y, change)) == pytest.approx(np.sum(loss.pullback(y, slopes) * change))


@pytest.mark.parametrize(("kind", "outputs"), CASES)
def test_derivatives_follow_from_the_curve(kind, outputs):
    y, raw, rng = problem(kind, outputs)
    loss, change, step = kind(), rng.standard_normal(raw.shape), 1e-6
    assert isinstance(loss, ScalarLoss) and loss.has_hessian
    ahead, behind = raw + step * change, raw - step * change
    slope = (loss.gradient(y, raw) * change).reshape(6, -1).sum(axis=1)
    np.testing.assert_allclose(slope, (loss.value(y, ahead) - loss.value(y, behind)) / (2 * step), rtol=1e-6, atol=1e-7)
    second = (loss.gradient(y, ahead) - loss.gradient(y, behind)) / (2 * step)
    np.testing.assert_allclose(loss.hessian_product(y, raw, change), second, rtol=1e-6, atol=1e-7)
    diagonal = loss.hessian_matrix(y, raw) if outputs == 1 else np.einsum("nkk->nk", loss.hessian_matrix(y, raw))
    np.testing.assert_allclose(loss.hessian(y, raw), diagonal)


def test_margins_of_classes():
    loss = CubicOfMargins()
    np.testing.assert_array_equal(loss.argument(np.array([1, 0]), np.array([2.0, 2.0])), [2.0, -2.0])
    raw = np.array([[1.0, 4.0, 9.0]])
    np.testing.assert_array_equal(loss.argument(np.array([1]), raw), [[3.0, -5.0]])


def test_kinks_say_everything():
    tent = Tent()
    assert not tent.smooth and not tent.has_hessian and tent.convex and tent.residual
    t = np.array([-3.0, -1.0, 0.0, 1.0, 4.0])
    np.testing.assert_array_equal(tent.curve(t), [4.0, 0.0, 0.0, 0.0, 3.0])
    np.testing.assert_array_equal(tent.slope(t), [-2.0, 0.0, 0.0, 0.0, 1.0])
    np.testing.assert_array_equal(tent.curvature(t), 0)
    np.testing.assert_array_equal(tent.kink_distance(t, np.zeros(5)), [2.0, 0.0, 1.0, 0.0, 3.0])
    assert tent.smoothing_error(0.5, 1) == 3 * 0.5 / 4


def test_a_piecewise_linear_loss_must_state_its_kinks():
    class NoKinks(PiecewiseLinear, ResidualLoss):
        pass

    with pytest.raises(TypeError, match="kinks"):
        NoKinks()


@pytest.mark.parametrize("loss", [MAE(), Quantile(0.9), Hinge(), Tent()])
def test_the_smoothed_form_is_the_average(loss):
    smoothed, width = loss.smoothed(0.5), 0.5
    assert isinstance(smoothed, Smoothed) and smoothed.smooth and smoothed.has_hessian
    assert smoothed.smoothed(0.1) is smoothed and smoothed.label == loss.label
    t = np.linspace(-2, 2, 41)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    average = loss.curve(t[:, None] + width * nodes) @ weights / 2
    np.testing.assert_allclose(smoothed.curve(t), average, atol=2e-5)
    outside = np.min([np.abs(t - kink.position) for kink in loss.kinks], axis=0) > width
    np.testing.assert_allclose(smoothed.curve(t[outside]), loss.curve(t[outside]), atol=1e-12)
    np.testing.assert_allclose(smoothed.slope(t[outside]), loss.slope(t[outside]), atol=1e-12)


def test_a_smooth_loss_is_its_own_smoothed_form():
    loss = CrossEntropy()
    assert loss.smoothed(0.1) is loss


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("loss", [SquaredHinge(), ModifiedHuber()], ids=lambda loss: loss.label)
def test_a_spread_loss_has_the_mean_curvature(loss, classes):
    rng = np.random.default_rng(3)
    y = rng.integers(0, classes, 50)
    raw, change = rng.standard_normal((2, 50)) if classes == 2 else rng.standard_normal((2, 50, classes))
    wide = loss.spread(0.4)
    np.testing.assert_array_equal(wide.gradient(y, raw), loss.gradient(y, raw))
    mean = np.mean([loss.curvature(loss.argument(y, raw) + move) for move in np.linspace(-0.4, 0.4, 4001)], axis=0)
    product = loss.pullback(y, mean * loss.direction(y, change))
    np.testing.assert_allclose(wide.hessian_product(y, raw, change), product, atol=5e-3)
    assert loss.spread(0.0) is loss and CrossEntropy().spread(0.4) is not None
    sum_of_both = (0.5 * CrossEntropy() + loss).spread(0.4)
    expected = 0.5 * CrossEntropy().hessian_product(y, raw, change) + wide.hessian_product(y, raw, change)
    np.testing.assert_allclose(sum_of_both.hessian_product(y, raw, change), expected, rtol=1e-12)


def test_a_margin_loss_without_a_curvature_has_no_hessian():
    class Logistic(MarginLoss):
        has_minimizer = False

        def curve(self, t):
            return np.logaddexp(0.0, -t)

        def slope(self, t):
            return -1 / (1 + np.exp(np.minimum(t, 500.0)))

    X, y = load_iris(return_X_y=True)
    assert not Logistic.has_hessian and SquaredHinge.has_hessian
    assert LossClassifier(Logistic()).fit(X, y).solver_ == "lbfgs"
