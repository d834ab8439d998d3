"""Whether a difference of scores over folds is more than chance.

.. [1] Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52 (2003),
       section 3.
.. [2] Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
       Statistics 6 (1979).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

__all__ = ["corrected_resampled_ttest", "holm", "least_difference"]


def corrected_resampled_ttest(differences: ArrayLike, test_train_ratio: float) -> float:
    """Test whether the mean of paired differences over folds is 0.

    Folds share training rows, so that their differences are not independent and the p-values of a
    plain t-test are too small. The corrected test [1]_ has ``t = mean / sqrt((1/k + n_test/n_train)
    * variance)`` with k - 1 degrees of freedom.

    Parameters
    ----------
    differences : array-like of shape (k,)
        Score of one method minus score of the other, fold by fold, for at least two folds.
    test_train_ratio : float
        Number of test rows over number of training rows of a fold. A larger ratio gives larger
        p-values.

    Returns
    -------
    float
        Two-sided p-value: 1 if all differences are 0, nan for less than two folds and for
        differences that are not finite.

    See Also
    --------
    holm : Adjusts the p-values of several comparisons.
    compare_losses : Uses both.

    References
    ----------
    .. [1] Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52 (2003),
       section 3.

    Examples
    --------
    >>> from sklearn_losses.model_selection import corrected_resampled_ttest
    >>> differences = [0.02, 0.01, 0.03, 0.02, 0.02]
    >>> round(corrected_resampled_ttest(differences, 0.25), 4)
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
    """Adjust p-values for the number of comparisons by Holm's method.

    If all differences are chance, the probability that an adjusted p-value is below a level is at
    most that level [1]_.

    Parameters
    ----------
    p_values : array-like of shape (m,)
        P-values; nan for comparisons that could not be made, which do not count.

    Returns
    -------
    ndarray of shape (m,)
        Adjusted p-values, in the order of the given ones.

    See Also
    --------
    corrected_resampled_ttest : The p-value of one comparison.

    References
    ----------
    .. [1] Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
       Statistics 6 (1979).

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
