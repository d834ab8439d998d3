"""Whether a difference of scores over folds is more than chance.

.. [1] Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52 (2003),
       section 3.
.. [2] Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
       Statistics 6 (1979).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

__all__ = ["corrected_resampled_ttest", "holm", "least_difference"]


def corrected_resampled_ttest(differences: ArrayLike, test_train_ratio: float) -> float:
    """Two-sided p-value of the mean of paired differences over folds whose training rows overlap.

    ``t = mean / sqrt((1/k + n_test/n_train) * variance)`` with k - 1 degrees of freedom (Nadeau and
    Bengio 2003, section 3).

    Parameters
    ----------
    differences : array-like of shape (k,)
        Score of one minus score of the other, fold by fold; k >= 2.
    test_train_ratio : float
        Test rows over training rows of a fold.

    Returns
    -------
    float
        1 where all differences are 0.

    Examples
    --------
    >>> from sklearn_losses.model_selection import corrected_resampled_ttest
    >>> round(corrected_resampled_ttest([0.02, 0.01, 0.03, 0.02, 0.02], 0.25), 4)
    0.0135
    """
    differences = np.asarray(differences, dtype=np.float64)
    if not np.isfinite(differences).all() or len(differences) < 2:
        return float("nan")
    mean, variance = differences.mean(), differences.var(ddof=1)
    if mean == 0:
        return 1.0
    if variance == 0:
        return 0.0
    t = mean / np.sqrt((1 / len(differences) + test_train_ratio) * variance)
    return float(2 * stats.t.sf(abs(t), len(differences) - 1))


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p-values by Holm's step-down method.

    The chance of one false alarm among them all stays below the level.

    Parameters
    ----------
    p_values : array-like of shape (m,)
        nan for comparisons that could not be made; they do not count.

    Returns
    -------
    ndarray of shape (m,)

    Examples
    --------
    >>> from sklearn_losses.model_selection import holm
    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p_values.shape, np.nan)
    made = np.flatnonzero(~np.isnan(p_values))
    order = made[np.argsort(p_values[made], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1)
    return adjusted


def least_difference(n_folds: int, test_train_ratio: float, level: float) -> float:
    """The smallest mean difference that the corrected t-test shows.

    It is in standard deviations over folds.
    """
    return float(stats.t.isf(level / 2, n_folds - 1) * np.sqrt(1 / n_folds + test_train_ratio))
