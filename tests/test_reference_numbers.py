"""Published numbers: NIST's certified values, R's and Stata's results, on data that statsmodels
ships or a formula makes.
"""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.losses import Huber, Quantile, Tukey

datasets = pytest.importorskip("statsmodels.api").datasets


@pytest.mark.parametrize(
    "level, constant, income",
    [
        (0.5, 81.4822474169, 0.5601805512),
        (0.75, 62.396585529, 0.6440141394),
        (0.1, 110.1415742, 0.4017657593),
        (0.05, 124.8800408, 0.3433610576),
        (0.9, 67.3508721, 0.6862994804),
    ],
)
def test_engel_quantiles(level, constant, income):
    data = datasets.engel.load_pandas().data
    X, y = data[["income"]].to_numpy(), data["foodexp"].to_numpy()
    model = LossRegressor(Quantile(level), alpha=0).fit(X, y)
    np.testing.assert_allclose([model.intercept_, model.coef_[0]], [constant, income], rtol=1e-8)
    assert model.dual_gap_ < 1e-9
    if level == 0.5:
        assert np.abs(y - model.predict(X)).sum() == pytest.approx(17559.9326, abs=5e-5)


@pytest.mark.parametrize(
    "loss, expected",
    [
        ("mae", [-39.68985507, 0.83188406, 0.57391304, -0.06086957]),
        (Huber(1.345, scale=2.4407137948), [-41.0265473776, 0.8293789118, 0.9260907096, -0.1278482622]),
        (Tukey(4.685, scale=2.2818858796), [-42.2853555213, 0.9275570518, 0.6507187397, -0.1123331588]),
    ],
    ids=["mae", "huber", "tukey"],
)
def test_stackloss(loss, expected):
    data = datasets.stackloss.load_pandas().data
    X, y = data.drop(columns="STACKLOSS").to_numpy(), data["STACKLOSS"].to_numpy()
    model = LossRegressor(loss, alpha=0, tol=1e-12).fit(X, y)
    np.testing.assert_allclose([model.intercept_, *model.coef_], expected, rtol=1e-7)
    if loss == "mae":
        assert np.abs(y - model.predict(X)).sum() == pytest.approx(42.08115942, abs=1e-8)


def test_longley_to_eight_digits():
    data = datasets.longley.load_pandas()
    model = LossRegressor("mse", alpha=0).fit(data.exog.to_numpy(), data.endog.to_numpy())
    certified = [
        15.0618722713733,
        -0.0358191792925910,
        -2.02022980381683,
        -1.03322686717359,
        -0.0511041056535807,
        1829.15146461355,
    ]
    np.testing.assert_allclose(model.coef_, certified, rtol=1e-8)
    assert model.intercept_ == pytest.approx(-3482258.63459582, rel=1e-8)


def test_spector_logit():
    data = datasets.spector.load_pandas()
    X, y = data.exog[["GPA", "TUCE", "PSI"]].to_numpy(), data.endog.to_numpy()
    model = LossClassifier(alpha=0).fit(X, y)
    # Stata stopped 1.3e-7 (relative) short of the optimum, as the gradient shows.
    np.testing.assert_allclose(model.coef_[0], [2.82611297201, 0.0951576702557, 2.37868772835], rtol=2e-7)
    np.testing.assert_allclose(model.intercept_[0], -13.0213483201, rtol=2e-7)
    assert model.gradient_norm_ < 1e-13
    assert -len(y) * model.loss_ == pytest.approx(-12.88963, abs=5e-6)


def test_anes96_multinomial():
    data = datasets.anes96.load_pandas()
    X, y = data.exog.copy(), data.endog.to_numpy()
    model = LossClassifier(alpha=0).fit(X.to_numpy(), y)
    assert model.coef_.shape[0] == 7
    likelihood = -len(y) * model.loss_
    # At least as likely as the published optimum.
    assert -1461.922747312 <= likelihood <= -1461.922747


@pytest.mark.parametrize("k", range(1, 6))
def test_wampler(k):
    """Degree 5 in x = 0...20: six digits, or a warning; 3 to 5 add the same residuals with growing
    size.
    """
    x = np.arange(21.0)
    X = np.column_stack([x**power for power in range(1, 6)])
    truth = np.ones(6) if k != 2 else 10.0 ** -np.arange(6)
    residuals = np.array(
        [
            759,
            -2048,
            2048,
            -2048,
            2523,
            -2048,
            2048,
            -2048,
            1838,
            -2048,
            2048,
            -2048,
            1838,
            -2048,
            2048,
            -2048,
            2523,
            -2048,
            2048,
            -2048,
            759,
        ]
    )  # orthogonal to the columns
    y = truth[0] + X @ truth[1:] + (0 if k < 3 else 100.0 ** (k - 3)) * residuals
    model = LossRegressor("mse", alpha=0).fit(X, y)
    np.testing.assert_allclose([model.intercept_, *model.coef_], truth, rtol=1e-6)


@pytest.mark.parametrize(
    "x, y, slope", [(range(60, 71), range(130, 141), 2.07438016528926), ((4, 5, 6), (3, 4, 4), 0.727272727272727)]
)
def test_no_intercept(x, y, slope):
    model = LossRegressor("mse", alpha=0, fit_intercept=False).fit(np.array(x, float)[:, None], np.array(y, float))
    assert model.coef_[0] == pytest.approx(slope, rel=1e-13)


def test_filip_warns_or_is_right():
    """Degree 10 with a condition number of 1e15: whatever is said without a warning must be the
    optimum.
    """
    x = np.linspace(-9, -3, 82)
    X = np.column_stack([x**power for power in range(1, 11)])
    y = np.cos(x)
    scaled = (x + 6) / 3
    best = np.polynomial.chebyshev.chebfit(scaled, y, 10)
    least = np.mean((y - np.polynomial.chebyshev.chebval(scaled, best)) ** 2)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = LossRegressor("mse", alpha=0).fit(X, y)
    warned = any(issubclass(warning.category, ConvergenceWarning) for warning in said)
    assert warned or model.loss_ <= least + 1e-6 * np.var(y)
