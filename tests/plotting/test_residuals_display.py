"""The display of residuals: units, medians, quantiles, and weights of the rows of a robust fit."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRegressor, MultiQuantileRegressor, ResidualsDisplay

X, Y = load_diabetes(return_X_y=True)
Y = Y.copy()
Y[:9] += 500


def points(display, panel):
    return display.points_[panel].get_offsets().data


def test_residuals_are_in_units_of_the_scale_of_the_noise():
    model = make_pipeline(StandardScaler(), LossRegressor("huber")).fit(X, Y)
    display = ResidualsDisplay.from_estimator(model, X, Y, name="huber")
    prediction = model.predict(X)
    expected = np.column_stack([prediction, (Y - prediction) / model[-1].scale_])
    assert sorted(map(tuple, points(display, 0))) == sorted(map(tuple, expected))
    assert [panel.get_title() for panel in display.axes_] == ["Residuals: huber", "Normal Q-Q plot: huber"]
    plain = ResidualsDisplay.from_estimator(Ridge().fit(X, Y), X, Y, kind="predictions")
    assert plain.ax_.get_ylabel() == "residual" and len(plain.axes_) == 1
    np.testing.assert_allclose(points(plain, 0)[:, 1], Y - Ridge().fit(X, Y).predict(X))
    # Inside, the target has other units.
    target = TransformedTargetRegressor(LossRegressor("huber"), transformer=StandardScaler()).fit(X, Y)
    assert ResidualsDisplay.from_estimator(target, X, Y).scale is None


def test_medians_of_tenths_of_the_rows():
    rng = np.random.default_rng(0)
    prediction, residual = rng.permutation(100).astype(float), rng.normal(size=100)
    display = ResidualsDisplay.from_predictions(prediction + residual, prediction, kind="predictions")
    [medians] = display.medians_
    for group in range(10):
        rows = (prediction >= 10 * group) & (prediction < 10 * group + 10)
        assert medians[:, group] == pytest.approx([prediction[rows].mean(), np.median(residual[rows])])
    assert ResidualsDisplay.from_predictions(prediction[:40], residual[:40]).medians_[0].size == 0


def test_quantiles_of_normal_residuals_are_on_the_line():
    levels = (np.arange(1, 2001) - 0.5) / 2000
    residuals = 3 + 2 * norm.ppf(levels)
    display = ResidualsDisplay.from_predictions(residuals, np.zeros(2000), kind="quantiles")
    across, up = points(display, 0).T
    np.testing.assert_allclose(across, norm.ppf(levels), atol=1e-12)
    np.testing.assert_allclose(up, 3 + 2 * across, atol=1e-9)
    [line] = [line for line in display.ax_.lines if line.get_label().startswith("normal")]
    np.testing.assert_allclose(line.get_ydata(), 3 + 2 * line.get_xdata(), rtol=1e-3)


def test_the_band_has_19_of_20_normal_points():
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(8):
        display = ResidualsDisplay.from_predictions(rng.normal(size=300), np.zeros(300), kind="quantiles")
        band = display.ax_.collections[0].get_paths()[0].vertices
        across, up = points(display, 0).T
        ends = [np.interp(across, *zip(*sorted(map(tuple, part)), strict=True)) for part in (band[1:301], band[302:602])]
        shares.append(np.mean((np.minimum(*ends) <= up) & (up <= np.maximum(*ends))))
    assert 0.85 < np.mean(shares) <= 1


def test_weights_are_those_of_repeated_rows():
    rng = np.random.default_rng(2)
    residual, prediction, weight = rng.normal(size=80), rng.normal(size=80), rng.integers(0, 3, 80)
    weighted = ResidualsDisplay.from_predictions(prediction + residual, prediction, sample_weight=weight)
    repeated = ResidualsDisplay.from_predictions(np.repeat(prediction + residual, weight), np.repeat(prediction, weight))
    line, same = (
        [line for line in one.axes_[1].lines if line.get_label().startswith("normal")][0] for one in (weighted, repeated)
    )
    slopes = [np.diff(one.get_ydata()) / np.diff(one.get_xdata()) for one in (line, same)]
    assert slopes[0] == pytest.approx(slopes[1])
    assert len(points(weighted, 0)) == np.sum(weight > 0)


def test_rows_of_the_fit_have_the_colour_of_their_weight_and_other_rows_have_none():
    model = LossRegressor("tukey").fit(X[:200], Y[:200])
    display = ResidualsDisplay.from_estimator(model, X[:200], Y[:200])
    np.testing.assert_array_equal(np.sort(display.points_[0].get_array()), np.sort(model.row_weights_))
    outliers = display.points_[0].get_array() == 0
    assert outliers.sum() == np.sum(model.row_weights_ == 0) >= 9
    sizes = display.points_[0].get_sizes()
    assert sizes[outliers].min() > sizes[display.points_[0].get_array() > 0.9].max()
    # As many rows, but others; and the rows of the fit with rows of weight 0 among them.
    assert ResidualsDisplay.from_estimator(model, X[200:400], Y[200:400]).row_weights is None
    weight = np.arange(200) % 3 > 0
    model = LossRegressor("huber").fit(X[:200], Y[:200], sample_weight=weight)
    display = ResidualsDisplay.from_estimator(model, X[:200], Y[:200], sample_weight=weight)
    assert len(display.points_[0].get_array()) == weight.sum()


def test_several_targets_have_a_row_of_panels_each():
    both = np.column_stack([Y, X[:, 0]])
    model = LossRegressor("huber").fit(X, both)
    display = ResidualsDisplay.from_estimator(model, X, both)
    assert [panel.get_title() for panel in display.axes_] == [
        "Residuals, target 0", "Normal Q-Q plot, target 0", "Residuals, target 1", "Normal Q-Q plot, target 1",
    ]  # fmt: skip
    residuals = (both - model.predict(X)) / model.scale_
    np.testing.assert_allclose(np.sort(points(display, 2)[:, 1]), np.sort(residuals[:, 1]))
    with pytest.raises(ValueError, match="target=2 is none of the 2 targets"):
        ResidualsDisplay.from_estimator(model, X, both, target=2)
    one = ResidualsDisplay.from_estimator(model, X, both, target=1, kind="predictions")
    np.testing.assert_allclose(np.sort(points(one, 0)[:, 1]), np.sort(residuals[:, 1]))


def test_of_many_rows_a_sample_is_drawn_with_all_outliers():
    rng = np.random.default_rng(3)
    residual, prediction = rng.normal(size=50_000), rng.normal(size=50_000)
    residual[:300] += 20
    display = ResidualsDisplay.from_predictions(prediction + residual, prediction)
    for panel in range(2):
        up = points(display, panel)[:, 1]
        assert len(up) == 10_000 and np.sum(up > 10) == 300
    assert len(np.unique(points(display, 0)[:, 0])) == 10_000
    across, up = points(display, 1).T
    levels = (np.arange(1, 50_001) - 0.5) / 50_000
    np.testing.assert_allclose(up, np.interp(norm.cdf(across), levels, np.sort(prediction + residual - prediction)), atol=1e-6)
    display = ResidualsDisplay.from_predictions(np.arange(9_999.0), np.zeros(9_999), kind="predictions")
    assert len(points(display, 0)) == 9_999


def test_far_outliers_make_the_axis_logarithmic():
    residuals = np.r_[np.linspace(-1, 1, 99), 1e6]
    assert ResidualsDisplay.from_predictions(residuals, np.zeros(100)).ax_.get_yscale() == "symlog"


@pytest.mark.parametrize(
    "change, message",
    [
        ({"y_pred": np.r_[np.nan, np.zeros(99)]}, "y_pred contains nan or infinity; leave these rows out"),
        ({"y_pred": np.zeros(99)}, "same rows in all arguments: y_true has 100, y_pred has 99"),
        ({"y_pred": np.zeros((100, 2))}, "y_pred must have the shape of y_true"),
        ({"kind": "all"}, "kind must be one of 'both', 'predictions', 'quantiles'. Got 'all'"),
        ({"sample_weight": -np.ones(100)}, "sample_weight must not be negative"),
        ({"scale": 0.0}, "scale must be above 0. Got 0.0"),
        ({"scale": np.nan}, "scale must be above 0. Got nan"),
        ({"row_weights": np.full(100, 7.0)}, "row_weights must be numbers from 0 to 1 in the shape of y_true"),
        ({"row_weights": [1.0]}, "row_weights must be numbers from 0 to 1 in the shape of y_true"),
        ({"y_true": [], "y_pred": []}, "needs at least one row"),
    ],
    ids=["nan", "lengths", "shapes", "kind", "weights", "no scale", "nan scale", "row weights", "short", "rows"],
)
def test_bad_input_is_refused_with_a_sentence_that_helps(change, message):
    with pytest.raises(ValueError, match=message):
        ResidualsDisplay.from_predictions(**{"y_true": np.arange(100.0), "y_pred": np.zeros(100), **change})


def test_equal_predictions_and_residuals_of_zero_have_axes_that_can_be_read():
    display = ResidualsDisplay.from_predictions(Y, Y)
    assert all(panel.get_ylim() == (-1, 1) for panel in display.axes_)
    constant = np.full(len(Y), 150.0)
    constant[0] += 1e-11  # as rounding leaves
    low, high = ResidualsDisplay.from_predictions(Y, constant).ax_.get_xlim()
    assert low == pytest.approx(135) and high == pytest.approx(165)


def test_a_name_is_no_formula():
    display = ResidualsDisplay.from_predictions(Y, Y + 1, name=r"$\frac{ $")
    display.figure_.canvas.draw()
    assert display.ax_.get_title() == r"Residuals: \$\frac{ \$"


def test_a_classifier_has_no_residuals():
    with pytest.raises(ValueError, match="got MultiQuantileRegressor. CoverageDisplay draws predicted quantiles"):
        ResidualsDisplay.from_estimator(MultiQuantileRegressor().fit(X, Y), X, Y)
    with pytest.raises(ValueError, match="residuals of a regressor; got LossClassifier"):
        ResidualsDisplay.from_estimator(LossClassifier().fit(X, Y > 150), X, Y > 150)
