"""The display of coverage: shares below quantiles, intervals, the band of chance."""

import numpy as np
import pytest
from scipy.stats import binom, norm
from sklearn.datasets import load_diabetes
from sklearn.linear_model import QuantileRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import CoverageDisplay, LossRegressor, MultiQuantileRegressor
from sklearn_losses.losses import Quantile

X, Y = load_diabetes(return_X_y=True)
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def test_shares_intervals_and_widths_on_held_out_rows():
    model = make_pipeline(StandardScaler(), MultiQuantileRegressor(LEVELS)).fit(X[:300], Y[:300])
    quantiles = model.predict(X[300:])
    display = CoverageDisplay.from_estimator(model, X[300:], Y[300:])
    np.testing.assert_allclose(display.shares, (Y[300:, None] <= quantiles).mean(axis=0))
    assert [(interval.low, interval.high) for interval in display.intervals] == [(0.05, 0.95), (0.25, 0.75)]
    for interval, low, high in zip(display.intervals, (0, 1), (4, 3), strict=True):
        inside = (quantiles[:, low] <= Y[300:]) & (Y[300:] <= quantiles[:, high])
        assert interval.coverage == pytest.approx(inside.mean())
        assert interval.mean_width == pytest.approx((quantiles[:, high] - quantiles[:, low]).mean())
    np.testing.assert_array_equal(display.line_.get_xydata(), np.column_stack([LEVELS, display.shares]))
    label = display.line_.get_label().splitlines()
    assert label[0] == "MultiQuantileRegressor" and label[1].startswith("90 % interval: ") and len(label) == 3


def test_single_quantiles_and_their_levels():
    rows = (X[:300], Y[:300])
    models = [
        LossRegressor(Quantile(0.9)).fit(*rows),
        LossRegressor("mae").fit(*rows),
        QuantileRegressor(quantile=0.2).fit(*rows),
    ]
    display = CoverageDisplay.from_estimator(models, X, Y)
    assert display.levels.tolist() == [0.2, 0.5, 0.9]
    np.testing.assert_allclose(display.shares[2], np.mean(models[0].predict(X) >= Y), atol=12 / 442)
    by_level = {0.9: models[0], 0.5: models[1], 0.2: models[2]}
    np.testing.assert_array_equal(CoverageDisplay.from_estimator(by_level, X, Y).shares, display.shares)
    assert CoverageDisplay.from_estimator(models[0], X, Y).levels.tolist() == [0.9]
    with pytest.raises(ValueError, match="cannot tell which quantile LossRegressor predicts. Pass a dict of level"):
        CoverageDisplay.from_estimator(LossRegressor().fit(*rows), X, Y)


def test_rows_on_the_plane_of_an_exact_fit_count_half():
    model = LossRegressor(Quantile(0.5), alpha=0.0).fit(X, Y)
    on = np.abs(Y - model.predict(X)) < 1e-8 * np.abs(Y)
    below = Y < model.predict(X)
    assert on.sum() >= 10
    shares = CoverageDisplay.from_estimator(model, X, Y).shares
    assert shares[0] == pytest.approx((np.sum(below & ~on) + on.sum() / 2) / len(Y))


def test_weights_are_those_of_repeated_rows():
    rng = np.random.default_rng(0)
    y, weight = rng.normal(size=200), rng.integers(0, 4, 200)
    quantiles = np.tile(norm.ppf([0.1, 0.9]), (200, 1))
    weighted = CoverageDisplay.from_predictions(y, quantiles, [0.1, 0.9], sample_weight=weight)
    repeated = CoverageDisplay.from_predictions(np.repeat(y, weight), np.repeat(quantiles, weight, axis=0), [0.1, 0.9])
    np.testing.assert_allclose(weighted.shares, repeated.shares)
    np.testing.assert_allclose(weighted.intervals, repeated.intervals)
    assert weighted.n_rows == pytest.approx(weight.sum() ** 2 / np.sum(weight**2))


def test_the_band_is_that_of_binomial_shares():
    display = CoverageDisplay(levels=[0.5], shares=[0.5], n_rows=100).plot()
    up = display.band_.get_paths()[0].vertices
    middle = up[np.isclose(up[:, 0], np.linspace(0.001, 0.999, 200)[100])][:, 1]
    level = np.linspace(0.001, 0.999, 200)[100]
    assert sorted(set(middle)) == [binom.ppf(0.025, 100, level) / 100, binom.ppf(0.975, 100, level) / 100]
    second = CoverageDisplay(levels=[0.5], shares=[0.6], n_rows=100, name="other").plot(display.ax_)
    assert second.band_ is None and second.line_.get_color() != display.line_.get_color()


def test_intervals_of_quantiles_that_cross_are_empty():
    """Two rows of width 2 with their target inside and outside, and two whose quantiles cross."""
    y, quantiles = [1.0, 5.0, 1.0, 5.0], [[0, 2], [0, 2], [2, 0], [2, 0]]
    [interval] = CoverageDisplay.from_predictions(y, quantiles, [0.1, 0.9]).intervals
    assert interval.coverage == 0.25 and interval.mean_width == 1.0


@pytest.mark.parametrize(
    "change, message",
    [
        ({"y_true": [1.0, np.inf]}, "y_true contains nan or infinity"),
        ({"y_true": [1.0]}, "y_true has 1, y_pred has 2"),
        ({"levels": [0.9, 0.1]}, r"levels must be rising numbers inside \(0, 1\)"),
        ({"levels": [0.1, 1.0]}, r"levels must be rising numbers inside \(0, 1\)"),
        ({"levels": [0.5]}, "a column for each of the 1 levels"),
        ({"y_true": [[1.0, 2.0]] * 2}, "y_true must have one column: draw several targets one by one"),
        ({"y_true": [], "y_pred": np.empty((0, 2))}, "needs at least one row; y_true and y_pred have none"),
    ],
    ids=["infinity", "lengths", "falling", "one", "columns", "targets", "rows"],
)
def test_bad_input_is_refused_with_a_sentence_that_helps(change, message):
    with pytest.raises(ValueError, match=message):
        CoverageDisplay.from_predictions(
            **{"y_true": [1.0, 2.0], "y_pred": [[0.0, 1.0], [0.0, 3.0]], "levels": [0.1, 0.9], **change}
        )


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="at least one regressor; got none"):
        CoverageDisplay.from_estimator([], X, Y)
