"""The displays: the right data, drawn as scikit-learn's are, and legible without colour."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.losses import CVaR, Huber, Loss, Quantile
from sklearn_losses.model_selection import compare_losses
from sklearn_losses.plotting import LossComparisonDisplay, LossCurveDisplay, LossFunctionDisplay
from sklearn_losses.solvers import Adam

X, Y = load_diabetes(return_X_y=True)


@pytest.fixture(scope="module")
def plt():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


def test_matplotlib_is_imported_only_to_draw():
    code = (
        "import sys, sklearn_losses.model_selection.compare\nimport sklearn_losses.plotting\nprint('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="LossFunctionDisplay needs matplotlib: pip install matplotlib"):
        LossFunctionDisplay.from_losses(["mse"])


def test_shapes_are_the_losses(plt):
    display = LossFunctionDisplay.from_losses(["mse", Huber(delta=1), Quantile(0.9)], span=(-2, 2), n_points=9)
    t = np.linspace(-2, 2, 9)
    np.testing.assert_allclose(display.values["mse"], t**2)
    np.testing.assert_allclose(display.pulls["mse"], 2 * t)
    np.testing.assert_allclose(display.pulls["Huber(delta=1)"], np.clip(t, -1, 1))
    np.testing.assert_allclose(display.values["Quantile(quantile=0.9)"], np.where(t > 0, 0.9 * t, -0.1 * t), atol=1e-15)
    assert len(display.ax_) == 2 and display.figure_ is display.ax_[0].figure
    assert [line.get_label() for line in display.ax_[0].lines] == list(display.values)
    one = plt.figure().add_subplot()
    assert display.plot(ax=one).ax_ is one


def test_margins_own_losses_and_estimators():
    t = np.linspace(-2, 2, 9)
    display = LossFunctionDisplay.from_losses({"svm": "hinge"}, span=(-2, 2), n_points=9)
    np.testing.assert_allclose(display.values["svm"], np.maximum(0, 1 - t))
    assert display.task == "classification"

    def cubic(y_true, y_pred):
        return np.abs(y_true - y_pred) ** 3

    display = LossFunctionDisplay.from_losses([cubic], span=(-2, 2), n_points=9)
    np.testing.assert_allclose(display.values["cubic"], np.abs(t) ** 3)
    pipeline = make_pipeline(StandardScaler(), LossRegressor("mae"))
    np.testing.assert_allclose(LossFunctionDisplay.from_estimator(pipeline, span=(-2, 2), n_points=9).values["mae"], np.abs(t))
    with pytest.raises(ValueError, match="one task at a time"):
        LossFunctionDisplay.from_losses(["mse", "hinge"])
    with pytest.raises(ValueError, match=r"draws losses of one row, and CVaR\(\) depends on all rows"):
        LossFunctionDisplay.from_losses(CVaR())
    for options in ({"span": (2, -2)}, {"n_points": 1}):
        with pytest.raises(ValueError, match="span must be two rising numbers and n_points at least 2"):
            LossFunctionDisplay.from_losses("mse", **options)


def squared(y_true, y_pred):
    return (y_true - y_pred) ** 2


@pytest.mark.parametrize("loss, label", [("mse", "mse"), (Huber(delta=1), "Huber(delta=1)"), (squared, "squared")])
def test_a_single_loss_needs_no_list(loss, label):
    one = LossFunctionDisplay.from_losses(loss, n_points=9)
    listed = LossFunctionDisplay.from_losses([loss], n_points=9)
    assert list(one.values) == [label]
    np.testing.assert_array_equal(one.values[label], listed.values[label])


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_every_registered_loss_can_be_drawn(task):
    names = [name for name in Loss.names() if Loss.make(name).task == task]
    display = LossFunctionDisplay.from_losses(names, n_points=11)
    assert list(display.values) == names
    assert all(np.isfinite(curve).all() for curve in [*display.values.values(), *display.pulls.values()])


def test_loss_curves(plt):
    model = LossRegressor(solver=Adam(0.05), hidden_layer_sizes=(3,), early_stopping=True, n_iter_no_change=5, random_state=0)
    pipeline = make_pipeline(StandardScaler(), model).fit(X, Y / 100)
    display = LossCurveDisplay.from_estimator(pipeline)
    assert display.name == "mse, adam"
    np.testing.assert_array_equal(display.loss_curve, pipeline[-1].loss_curve_)
    np.testing.assert_array_equal(display.validation_curve, -np.array(pipeline[-1].validation_scores_))
    display.plot(log_scale=True)
    training, validation = display.ax_.lines
    assert validation.get_markevery() == [int(np.argmax(pipeline[-1].validation_scores_))]
    LossCurveDisplay.from_estimator(LossRegressor().fit(X, Y), name="linear", ax=display.ax_)
    assert len(display.ax_.lines) == 3
    styles = {(line.get_color(), line.get_linestyle()) for line in (training, display.ax_.lines[2])}
    assert len(styles) == 2
    with pytest.raises(ValueError, match="not fitted yet"):
        LossCurveDisplay.from_estimator(LossRegressor())
    with pytest.raises(ValueError, match="loss_curve must hold a number for each iteration"):
        LossCurveDisplay(loss_curve=[])
    with pytest.raises(ValueError, match=r"validation_curve must have the shape of loss_curve, \(2,\). Got \(1,\)"):
        LossCurveDisplay(loss_curve=[2.0, 1.0], validation_curve=[1.0])


def test_comparison_is_drawn_best_first_with_failures_left_out(plt):
    comparison = compare_losses(LossRegressor(), X, Y, ["mae", "mse", "hinge"], scoring=["r2", "neg_mean_absolute_error"])
    display = comparison.plot()
    assert isinstance(display, LossComparisonDisplay) and display.losses == ["mse", "mae"]
    assert plt.get_fignums() == [display.figure_.number]  # drawn once
    assert [tick.get_text() for tick in display.ax_.get_yticklabels()] == ["mse", "mae"]
    np.testing.assert_array_equal(display.in_best_group, [label in comparison.best_group_["r2"] for label in display.losses])
    ax = plt.figure().add_subplot()
    assert comparison.plot("neg_mean_absolute_error", ax=ax).ax_ is ax
    with pytest.raises(ValueError, match="has no metric 'f1'; it has r2"):
        comparison.plot("f1")


def test_styles_differ_without_colour():
    from sklearn_losses.plotting.drawing import style

    styles = [style(number) for number in range(42)]
    assert len({(look["color"], look["linestyle"]) for look in styles}) == 42
    assert len({look["linestyle"] for look in styles[:6]}) == 6


def test_decision_surfaces_are_scikit_learns(plt):
    X, y = load_iris(return_X_y=True)
    for loss in ("cross_entropy", "hinge"):
        model = LossClassifier(loss).fit(X[:, :2], y)
        display = DecisionBoundaryDisplay.from_estimator(model, X[:, :2], response_method="predict")
        assert set(np.unique(display.response)) == {0, 1, 2}
