"""check_loss: every loss of the package passes, and each fault is found and named."""

import numpy as np
import pytest

from sklearn_losses.losses import (
    CostSensitive,
    CVaR,
    Huber,
    Kink,
    Loss,
    PiecewiseLinear,
    Quantile,
    ResidualLoss,
    SoftmaxLoss,
    Tilted,
)
from sklearn_losses.testing import check_loss

LOSSES = [type(maker())(**params) for _, maker in sorted(Loss.names().items()) for params in ({}, *maker.examples)]
MADE_OF_OTHERS = [
    0.7 * Huber() + 0.3 * Quantile(0.9),
    CVaR("mse"),
    CVaR("cross_entropy"),
    Tilted("mse"),
    CostSensitive("hinge"),
]


@pytest.mark.parametrize("loss", [*LOSSES, *MADE_OF_OTHERS], ids=repr)
def test_every_loss_keeps_its_promises(loss):
    check_loss(loss)


def test_custom_functions_keep_them_too():
    check_loss(lambda y_true, y_pred: np.abs(y_true - y_pred))
    check_loss(lambda y_true, y_pred: (y_true - y_pred) ** 2)
    check_loss(lambda y_true, y_pred: ((y_true - y_pred) ** 2).sum(axis=1), task="classification")


class Mine(ResidualLoss):
    """A sound loss, from which each fault differs by one line."""

    def __init__(self, factor=2.0):
        self.factor = factor

    def curve(self, t):
        return self.factor * np.log1p(t * t / self.factor**2 / 10) * 5 + t * t

    def slope(self, t):
        return 10 * t / self.factor / 10 / (1 + t * t / self.factor**2 / 10) + 2 * t

    def curvature(self, t):
        square = t * t / self.factor**2 / 10
        return (1 - square) / (1 + square) ** 2 / self.factor + 2


class WrongGradient(Mine):
    def slope(self, t):
        return 1.01 * super().slope(t)


class WrongHessian(Mine):
    def curvature(self, t):
        return 1.1 * super().curvature(t)


class NotConvex(Mine):
    has_hessian = False

    def curve(self, t):
        return np.log1p(t * t)

    def slope(self, t):
        return 2 * t / (1 + t * t)


class NotSmooth(Mine):
    has_hessian = False

    def curve(self, t):
        return np.abs(t)

    def slope(self, t):
        return np.sign(t)


class WrongSmoothing(PiecewiseLinear, ResidualLoss):
    kinks = (Kink(0.0, -1.0, 1.0),)

    def smoothed(self, width):
        return super().smoothed(5 * width)


class StaysKinked(PiecewiseLinear, ResidualLoss):
    kinks = (Kink(0.0, -1.0, 1.0),)

    def smoothed(self, width):
        return self


class MixesRows(Mine):
    def value(self, y, raw):
        return super().value(y, raw) / np.std(y)


class ForgetsWeights(Mine):
    def best_constant(self, y, sample_weight, n_outputs):
        return np.array([np.mean(y)])


class WorstConstant(Mine):
    def best_constant(self, y, sample_weight, n_outputs):
        return np.array([np.average(y, weights=sample_weight) + 1])


class Overflows(Mine):
    has_hessian = False

    def curve(self, t):
        return np.cosh(t)

    def slope(self, t):
        return np.sinh(t)


class ChangesInput(Mine):
    def value(self, y, raw):
        raw += 1
        return super().value(y, raw)


class LosesParameter(Mine):
    def __init__(self, factor=2.0):
        self.size = factor


class ChangesParameter(Mine):
    def __init__(self, factor=2.0):
        self.factor = 2 * factor


class LosesType(Mine):
    def value(self, y, raw):
        return super().value(y, raw).astype(np.float64)


class OneNumber(Mine):
    def value(self, y, raw):
        return super().value(y, raw).mean()


class Disagrees(Mine):
    def value_and_gradient(self, y, raw):
        return self.value(y, raw), 2 * self.gradient(y, raw)


class NoProbabilities(SoftmaxLoss):
    convex = has_hessian = False

    def value_and_gradient(self, y, raw):
        sums = raw if raw.ndim == 1 else raw.sum(axis=1)
        return sums * sums, 2 * raw if raw.ndim == 1 else np.repeat(2 * sums[:, None], raw.shape[1], axis=1)

    def inverse_link(self, raw):
        return np.ones_like(raw)

    def best_constant(self, y, sample_weight, n_outputs):
        return np.zeros(n_outputs)


def test_the_sound_one_passes():
    check_loss(Mine())


@pytest.mark.parametrize(
    "broken, message",
    [
        (WrongGradient, r"gradient is wrong: it differs .* by 0\.00?99"),
        (WrongHessian, r"Hessian is wrong: .* by 0\.[01]"),
        (NotConvex, "convex = True is wrong: .* falls by"),
        (NotSmooth, "smooth = True is wrong: the gradient jumps by 2"),
        (WrongSmoothing, r"smoothed\(1.0\) is off by .*promises at most 0.5"),
        (StaysKinked, r"smoothed\(1.0\) is not smooth"),
        (MixesRows, "rows depend on each other"),
        (ForgetsWeights, "must act as a repeated row|is not the best"),
        (WorstConstant, "is not the best one: with"),
        (Overflows, "overflow: a raw prediction of 10000"),
        (ChangesInput, "value changes its input raw, by up to 1"),
        (LosesParameter, "parameter is lost"),
        (ChangesParameter, "parameter 'factor' is lost: given"),
        (LosesType, "float32 is not kept"),
        (OneNumber, "value must have shape"),
        (Disagrees, "value_and_gradient gives another gradient"),
        (NoProbabilities, "does not give probabilities: their sums are off by 1"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")  # what one of the faults is about
def test_each_fault_of_a_loss_is_named(broken, message):
    with pytest.raises(AssertionError, match=message):
        check_loss(broken())
