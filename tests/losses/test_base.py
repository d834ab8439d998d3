"""The registry of losses, the operators, and what every loss inherits."""

import sys

import numpy as np
import pytest

from sklearn_losses import losses
from sklearn_losses.core.component import Component
from sklearn_losses.core.discovery import public_classes
from sklearn_losses.losses import MAE, MSE, CustomLoss, Loss, RankNet, ResidualLoss, WeightedSum

PUBLIC = """
    ActivePassive AdaptiveBarron ApproxNDCG Barron BiTempered Bootstrapped CVaR Cauchy CostSensitive
    CrammerSinger CrossEntropy CustomLoss Deviance EpsilonInsensitive ExpectedCost Expectile Exponential Fair Focal
    Gamma GemanMcClure GeneralizedCrossEntropy Hinge Huber Kink LambdaLoss LambdaRank ListMLE ListNet
    LogCosh Loss MAE MSE MarginLoss ModifiedHuber OwnProbabilityLoss PairwiseHinge Perceptron
    PiecewiseLinear Poisson Quantile RankNet RankingLoss Redescending ResidualLoss RobustLoss ScalarLoss
    SoftLabels SoftmaxLoss SquaredEpsilonInsensitive SquaredHinge SquaredPairwiseHinge
    SymmetricCrossEntropy Tilted Trimmed Tukey Tweedie WeightedSum Welsch XENDCG
""".split()


class Linear(Loss):
    """The raw prediction itself, which has no minimum."""

    def value(self, y, raw):
        return raw.copy()

    def gradient(self, y, raw):
        return np.ones_like(raw)


def test_the_public_names():
    assert set(PUBLIC) <= set(losses.__all__)
    assert all(hasattr(losses, name) for name in losses.__all__)


def test_every_named_loss_is_public():
    classes = {getattr(maker, "func", maker) for maker in Loss.names().values()}
    assert classes and {made.__name__ for made in classes} <= set(losses.__all__)


def test_a_loss_in_a_new_file_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(Loss, "registry", dict(Loss.registry))
    monkeypatch.setattr(losses, "__path__", [*losses.__path__, str(tmp_path)])
    (tmp_path / "cubic.py").write_text(
        "from sklearn_losses.losses import ResidualLoss\n\n"
        "__all__ = ['Cubic']\n\n"
        "class Cubic(ResidualLoss, name='cubic'):\n"
        "    def curve(self, t):\n        return abs(t) ** 3\n"
        "    def slope(self, t):\n        return 3 * t * abs(t)\n"
    )
    try:
        found = public_classes(losses.__name__, Component)
    finally:
        sys.modules.pop("sklearn_losses.losses.cubic", None)
        if hasattr(losses, "cubic"):
            del losses.cubic
    assert isinstance(Loss.make("cubic"), found["Cubic"])
    assert set(found) - {"Cubic"} == set(losses.__all__) - {"Kink"}


def test_operators_make_weighted_sums():
    made = 2 * MSE() + 0.5 * MAE()
    assert isinstance(made, WeightedSum)
    assert made.weights == (2.0, 0.5)
    assert [loss.name for loss in made.losses] == ["mse", "mae"]
    assert (MSE() + "mae").weights == (1.0, 1.0)
    assert (3 * made).weights == (6.0, 1.5)
    assert (MSE() * 2.0).weights == (2.0,)


@pytest.mark.parametrize("make", [lambda: MSE() + 1.0, lambda: MSE() * MAE(), lambda: MSE() + (lambda y, raw: raw)])
def test_operators_refuse_what_is_no_loss_or_no_number(make):
    with pytest.raises(TypeError, match="A loss can be added to another loss or multiplied by a number"):
        make()


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: -1.0 * MSE(), "must be above 0"),
        (lambda: MSE() + RankNet(), r"for the same task .*Got 'mse' \(regression\), 'ranknet' \(ranking\)"),
        (lambda: MSE() + "poisson", "in the same way .the link.. Got 'mse', 'poisson'"),
    ],
)
def test_sums_are_checked_when_they_are_used(make, match):
    made = make()
    with pytest.raises(ValueError, match=match):
        made.check()


def test_a_function_becomes_a_custom_loss():
    def error(y_true, y_pred):
        return (y_true - y_pred) ** 2

    made = Loss.make(error)
    assert isinstance(made, CustomLoss) and made.function is error
    assert Loss.make(made) is made


def test_what_a_loss_without_a_hessian_inherits():
    loss, raw = Linear(), np.array([1.0, -2.0])
    value, gradient = loss.value_and_gradient(raw, raw)
    np.testing.assert_array_equal(value, raw)
    np.testing.assert_array_equal(gradient, 1)
    with pytest.raises(NotImplementedError, match="'Linear' has no Hessian; use a solver that needs none"):
        loss.hessian_matrix(raw, raw)
    assert loss.smoothed(0.1) is loss
    assert loss.smoothing_error(0.1, 1) == 0
    assert loss.shortfall(raw, raw, gradient) is None
    np.testing.assert_array_equal(loss.inverse_link(raw), loss.link(raw))


def test_a_loss_that_is_not_smooth_has_no_smoothed_form_of_its_own():
    class Rough(Linear):
        smooth = False

    with pytest.raises(NotImplementedError, match="not smooth and has no smoothed form; use solver='adam'"):
        Rough().smoothed(0.1)
    np.testing.assert_array_equal(Rough().kink_distance(None, np.array([[1.0, -3.0]])), [2.0])


def test_the_matrix_of_several_outputs_comes_from_products():
    class Joint(Linear):
        matrix = np.array([[2.0, 1.0], [1.0, 3.0]])

        def hessian_product(self, y, raw, direction):
            return direction @ self.matrix

    assert Joint.has_hessian
    np.testing.assert_array_equal(Joint().hessian_matrix(None, np.zeros((4, 2))), np.tile(Joint.matrix, (4, 1, 1)))


@pytest.mark.parametrize(("slopes", "sign"), [((-1.0, -1.0, -1.0), -1), ((-1.0, 1.0, 0.0), 1), ((-1.0, 0.0, 2.0), 1)])
def test_the_trend_is_that_of_the_last_place_where_the_loss_rises(slopes, sign):
    class Sloped(ResidualLoss):
        def curve(self, t):
            return np.zeros_like(t)

        def slope(self, t):
            at = np.abs(t)
            return -np.where(at <= 1, slopes[0], np.where(at <= 100, slopes[1], slopes[2]))

    assert Sloped().trend(np.zeros(1), np.array([100.0])) == sign
