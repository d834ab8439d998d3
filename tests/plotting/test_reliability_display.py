"""The display of calibration: bins, weights, bars of chance, classes and means."""

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRegressor, MultiQuantileRegressor, ReliabilityDisplay

rng = np.random.default_rng(0)
PROBABILITIES = rng.uniform(size=600)
LABELS = (rng.uniform(size=600) < PROBABILITIES).astype(int)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_bins_are_those_of_scikit_learn(strategy):
    display = ReliabilityDisplay.from_predictions(LABELS, PROBABILITIES, n_bins=6, strategy=strategy)
    observed, predicted = calibration_curve(LABELS, PROBABILITIES, n_bins=6, strategy=strategy)
    curve = display.curves["class 1"]
    np.testing.assert_allclose(curve.observed, observed)
    np.testing.assert_allclose(curve.predicted, predicted)
    assert curve.counts.sum() == 600 and (strategy == "uniform" or set(curve.counts) == {100})
    np.testing.assert_array_equal(display.lines_[0].get_xydata(), np.column_stack([predicted, observed]))


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_weights_are_those_of_repeated_rows(strategy):
    weight = rng.integers(0, 3, 600)
    weighted = ReliabilityDisplay.from_predictions(LABELS, PROBABILITIES, strategy=strategy, sample_weight=weight)
    repeated = ReliabilityDisplay.from_predictions(
        np.repeat(LABELS, weight), np.repeat(PROBABILITIES, weight), strategy=strategy
    )
    for name in ("predicted", "observed"):
        ours, theirs = (getattr(one.curves["class 1"], name) for one in (weighted, repeated))
        np.testing.assert_allclose(ours, theirs)


def test_the_bars_have_19_of_20_points_of_a_calibrated_model():
    inside = []
    for _ in range(60):
        share = rng.uniform(size=400)
        display = ReliabilityDisplay.from_predictions(rng.uniform(size=400) < share, share, ax=one_ax())
        curve = display.curves["class True"]
        inside += list((curve.low <= curve.observed) & (curve.observed <= curve.high))
    assert 0.93 < np.mean(inside) < 0.985  # of 600 points; shares of few rows are coarse
    curve = ReliabilityDisplay.from_predictions(LABELS, PROBABILITIES, n_bins=1).curves["class 1"]
    assert curve.high[0] == binom.ppf(0.975, 600, PROBABILITIES.mean()) / 600


def one_ax():
    from matplotlib.figure import Figure

    return Figure().add_subplot()


def test_each_class_against_the_rest():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = make_pipeline(StandardScaler(), LossClassifier(alpha=0.1)).fit(X, names)
    display = ReliabilityDisplay.from_estimator(model, X, names, n_bins=3)
    assert list(display.curves) == ["class setosa", "class versicolor", "class virginica"]
    for place, (label, curve) in enumerate(display.curves.items()):
        probability = model.predict_proba(X)[:, place]
        observed, predicted = calibration_curve(names == label.removeprefix("class "), probability, n_bins=3)
        np.testing.assert_allclose([curve.observed, curve.predicted], [observed, predicted])
    some = ReliabilityDisplay.from_estimator(model, X, names, classes=["virginica"])
    assert list(some.curves) == ["class virginica"]
    # All in one panel.
    together = display.plot(ax=one_ax())
    assert len(together.axes_) == 1 and len({line.get_color() for line in together.lines_}) == 3


def test_means_of_a_regression():
    X = rng.uniform(size=(500, 1))
    y = rng.poisson(np.exp(1 + 2 * X[:, 0]))
    model = LossRegressor("poisson").fit(X, y)
    display = ReliabilityDisplay.from_estimator(model, X, y, n_bins=5)
    order, prediction = np.argsort(X[:, 0]), model.predict(X)
    groups = np.split(order, 5)
    curve = display.curves["mean"]
    np.testing.assert_allclose(curve.observed, [y[rows].mean() for rows in groups])
    np.testing.assert_allclose(curve.predicted, [prediction[rows].mean() for rows in groups])
    errors = [1.959964 * np.std((y - prediction)[rows], ddof=1) / 10 for rows in groups]
    np.testing.assert_allclose(curve.high - curve.predicted, errors, rtol=1e-6)
    assert display.ax_.get_xlabel() == "mean prediction"


def test_a_second_model_is_added_to_the_picture():
    X, y = load_breast_cancer(return_X_y=True)
    first = ReliabilityDisplay.from_estimator(LossClassifier().fit(X, y), X, y, name="first")
    second = ReliabilityDisplay.from_estimator(LossClassifier("focal").fit(X, y), X, y, name="second", ax=first.axes_)
    assert second.figure_ is first.figure_
    for look in ("get_color", "get_marker"):
        assert getattr(first.lines_[0], look)() != getattr(second.lines_[0], look)()
    [legend] = first.figure_.legends
    assert [text.get_text() for text in legend.get_texts()][2:] == ["first", "second"]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"y_pred": np.full(4, np.nan)}, "y_pred contains nan or infinity"),
        ({"y_pred": [0.5, 0.5]}, "y_true has 4, y_pred has 2"),
        ({"y_pred": [0, 2, 0, 1]}, "must hold probabilities, from 0 to 1; for predicted means pass kind='mean'"),
        ({"y_pred": np.full((4, 3), 1 / 3)}, "3 columns for the 2 classes 0, 1"),
        ({"labels": [1, 2]}, "y_true has classes without a column in y_pred: 0"),
        ({"classes": [7]}, "classes names 7, which is none of 0, 1"),
        ({"n_bins": 0}, "n_bins must be an int of at least 1"),
        ({"strategy": "log"}, "strategy must be 'auto', 'uniform' or 'quantile'. Got 'log'"),
        ({"n_bins": "auto"}, "n_bins must be an int of at least 1. Got 'auto'"),
        ({"y_true": [0, 1, np.nan, 1], "kind": "classes", "labels": [0, 1]}, "y_true contains nan"),
        ({"y_true": np.arange(4.0), "kind": "classes"}, "2 columns for the 4 classes"),
        ({"y_true": [], "y_pred": []}, "needs at least one row"),
        ({"kind": "counts"}, "kind must be 'auto', 'classes' or 'mean'. Got 'counts'"),
    ],
    ids=[
        "nan",
        "lengths",
        "no probabilities",
        "columns",
        "labels",
        "classes",
        "bins",
        "no number",
        "strategy",
        "nan class",
        "many",
        "rows",
        "kind",
    ],
)
def test_bad_input_is_refused_with_a_sentence_that_helps(change, message):
    with pytest.raises(ValueError, match=message):
        ReliabilityDisplay.from_predictions(**{"y_true": [0, 1, 0, 1], "y_pred": [0.1, 0.9, 0.2, 0.8], **change})


def test_losses_without_probabilities_say_what_has_them():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="LossClassifier has no predict_proba with these parameters. Use a loss with"):
        ReliabilityDisplay.from_estimator(LossClassifier("hinge").fit(X, y), X, y)
    with pytest.raises(ValueError, match="got MultiQuantileRegressor. CoverageDisplay draws predicted quantiles"):
        ReliabilityDisplay.from_estimator(MultiQuantileRegressor().fit(X, y), X, y)
    many = np.arange(40) % 20
    with pytest.raises(ValueError, match="at most 12 classes in one figure; here are 20. Choose some"):
        ReliabilityDisplay.from_predictions(many, np.eye(20)[many])
