"""The tests of differences over folds: formulas, edges, and another package's numbers."""

import numpy as np
import pytest
from scipy import stats

from sklearn_losses.model_selection import corrected_resampled_ttest, holm
from sklearn_losses.model_selection.significance import least_difference


def test_corrected_t_test_is_its_formula():
    differences = np.random.default_rng(0).normal(0.1, 1, size=10)
    plain = stats.ttest_1samp(differences, 0)
    assert corrected_resampled_ttest(differences, 0) == pytest.approx(plain.pvalue)
    # With n_test/n_train = 1/9 in ten folds the variance of the mean grows from 1/10 to 1/10 + 1/9.
    t = plain.statistic * np.sqrt(0.1 / (0.1 + 1 / 9))
    assert corrected_resampled_ttest(differences, 1 / 9) == pytest.approx(2 * stats.t.sf(abs(t), 9))


def test_corrected_t_test_at_its_edges():
    assert corrected_resampled_ttest([0.0, 0.0, 0.0], 0.5) == 1
    assert corrected_resampled_ttest([0.5, 0.5, 0.5], 0.5) == 0
    assert np.isnan(corrected_resampled_ttest([0.1, -np.inf, 0.2], 0.5))
    assert np.isnan(corrected_resampled_ttest([0.1], 0.5))


def test_holm_equals_statsmodels_and_passes_over_missing():
    multipletests = pytest.importorskip("statsmodels.stats.multitest").multipletests
    p = np.random.default_rng(0).uniform(0, 0.2, size=12)
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])
    with_gap = np.insert(p, 3, np.nan)
    np.testing.assert_allclose(np.delete(holm(with_gap), 3), holm(p))
    assert np.isnan(holm(with_gap)[3])


@pytest.mark.parametrize("n_folds", [2, 5, 10])
def test_the_least_difference_is_on_the_border(n_folds):
    ratio, level = 1 / (n_folds - 1), 0.05
    spread = np.linspace(-1, 1, n_folds)
    spread /= spread.std(ddof=1)
    border = least_difference(n_folds, ratio, level)
    assert corrected_resampled_ttest(spread + 1.001 * border, ratio) < level
    assert corrected_resampled_ttest(spread + 0.999 * border, ratio) > level
