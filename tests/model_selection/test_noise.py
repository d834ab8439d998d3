"""Noise protocols change what they say and no more; robust losses resist it."""

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_regression

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.model_selection import add_label_noise, add_outliers, noise_curve

rng = np.random.default_rng(0)
Y = rng.standard_normal(200)
LABELS = rng.choice(["a", "b", "c"], size=3000, p=[0.5, 0.3, 0.2])


@pytest.mark.parametrize("side", ["both", "up", "down"])
def test_outliers(side):
    before = Y.copy()
    noisy, changed = add_outliers(Y, 0.15, size=8, side=side, random_state=1)
    np.testing.assert_array_equal(Y, before)
    assert changed.sum() == 30
    np.testing.assert_array_equal(noisy[~changed], Y[~changed])
    spread = np.median(np.abs(Y - np.median(Y))) / 0.6745
    moved = (noisy - Y)[changed]
    assert np.all(np.abs(moved) >= 8 * spread) and np.all(np.abs(moved) <= 16 * spread)
    assert set(np.sign(moved)) == {"both": {-1, 1}, "up": {1}, "down": {-1}}[side]
    again, _ = add_outliers(Y, 0.15, size=8, side=side, random_state=1)
    np.testing.assert_array_equal(again, noisy)


def test_outliers_of_a_target_without_spread():
    noisy, changed = add_outliers(np.zeros(10), 0.5, random_state=0)
    assert np.all(np.abs(noisy[changed]) >= 10) and changed.sum() == 5


def test_symmetric_label_noise():
    noisy, changed = add_label_noise(LABELS, 0.4, random_state=0)
    assert changed.sum() == 1200
    np.testing.assert_array_equal(changed, noisy != LABELS)
    for label in "abc":  # the other two labels, equally often
        others = noisy[changed & (LABELS == label)]
        shares = [np.mean(others == other) for other in "abc" if other != label]
        np.testing.assert_allclose(shares, 0.5, atol=0.08)


def test_class_dependent_label_noise():
    transition = np.array([[0.9, 0.1, 0.0], [0.0, 1.0, 0.0], [0.3, 0.2, 0.5]])
    noisy, changed = add_label_noise(LABELS, transition=transition, random_state=0)
    for row, label in enumerate("abc"):
        shares = [np.mean(noisy[LABELS == label] == other) for other in "abc"]
        np.testing.assert_allclose(shares, transition[row], atol=0.06)
    assert not np.any(changed & (LABELS == "b"))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: add_outliers(Y, 1.5), r"\[0, 1\]"),
        (lambda: add_outliers(Y, 0.1, side="left"), "'both', 'up' or 'down'"),
        (lambda: add_label_noise(LABELS), "either fraction or transition"),
        (lambda: add_label_noise(LABELS, 0.1, transition=np.eye(3)), "either fraction or transition"),
        (lambda: add_label_noise(LABELS, transition=np.eye(2)), r"shape \(3, 3\)"),
        (lambda: add_label_noise(LABELS, transition=np.ones((3, 3))), "sum to 1"),
        (lambda: add_label_noise(["a", "a"], 0.5), "two different labels"),
    ],
)
def test_bad_input_is_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_curve_shows_which_loss_bears_outliers():
    X, y = make_regression(150, 3, noise=5, random_state=0)
    curve = noise_curve(LossRegressor(), X, y, ["mse", "mae"], levels=(0, 0.3), n_repeats=4)
    assert curve.scores_["mae"].shape == (2, 4)
    # Clean test rows: a robust fit loses next to nothing.
    assert np.all(curve.scores_["mae"][1] > 0.98)
    assert np.all(curve.scores_["mse"][1] < curve.scores_["mae"][1])
    assert curve.best_losses_[1] == "mae" and "r2 on clean rows" in repr(curve)


def test_curve_is_the_same_for_any_number_of_processes_and_can_be_drawn():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    X, y = make_classification(150, 4, random_state=0)
    arguments = dict(losses=["cross_entropy", "hinge"], levels=(0, 0.2), n_repeats=2, random_state=3)
    curve, other = (noise_curve(LossClassifier(alpha=0.01), X, y, n_jobs=n_jobs, **arguments) for n_jobs in (1, 2))
    for label in curve.scores_:
        np.testing.assert_array_equal(curve.scores_[label], other.scores_[label])
    ax = curve.plot()
    assert ax.get_legend_handles_labels()[1] == ["cross_entropy", "hinge"]
    matplotlib.pyplot.close("all")


def test_levels_are_drawn_and_printed_as_they_are():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    X, y = make_regression(60, 2, random_state=0)
    levels = (0, 0.025, 0.125, 0.3)
    curve = noise_curve(LossRegressor(), X, y, ["mse", "mae"], levels=levels, n_repeats=2)
    ax = curve.plot()
    np.testing.assert_allclose(ax.get_xticks(), levels)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0%", "2.5%", "12.5%", "30%"]
    assert repr(curve).splitlines()[2].split() == ["loss", "0%", "2.5%", "12.5%", "30%"]

    def jitter(y, level, random_state):
        return y + level * np.random.default_rng(random_state).standard_normal(len(y)), None

    curve = noise_curve(LossRegressor(), X, y, ["mse"], noise=jitter, levels=(0, 2.5, 100), n_repeats=2)
    ax = curve.plot()
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "2.5", "100"]
    assert ax.get_xlabel() == "level of noise in the training targets" and "%" not in repr(curve)
    matplotlib.pyplot.close("all")
