"""The display of coefficients: which are drawn, under which names, in which units."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import BaggingRegressor
from sklearn.feature_selection import RFE, SelectKBest
from sklearn.linear_model import Lasso
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from sklearn_losses import CoefficientsDisplay, LossClassifier, LossRegressor, MultiQuantileRegressor

X, Y = load_diabetes(return_X_y=True, as_frame=True)


def drawn(display, panel=0):
    """Model -> the values that stand in a panel, from top to bottom, by name of the feature."""
    lines = [line for line in display.axes_[panel].lines if not line.get_label().startswith("_")]
    names = [tick.get_text() for tick in display.axes_[panel].get_yticklabels()]
    return {line.get_label(): dict(zip(names, line.get_xdata(), strict=True)) for line in lines}


def test_the_largest_coefficients_by_name_and_in_order():
    model = LossRegressor("mae").fit(X, Y)
    display = CoefficientsDisplay.from_estimator(model, name="mae", max_features=4)
    order = sorted(range(10), key=lambda column: -abs(model.coef_[column]))[:4]
    assert list(drawn(display)["mae"]) == [X.columns[column] for column in order]
    np.testing.assert_array_equal(list(drawn(display)["mae"].values()), model.coef_[order])
    assert display.ax_.get_title() == "The 4 largest of 10 coefficients" and display.ax_.get_xlabel() == "coefficient"
    assert display.figure_ is display.ax_.figure and len(display.points_) == 1


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_standardized_coefficients_are_times_the_weighted_deviation_of_the_column(form):
    rng = np.random.default_rng(0)
    rows, weight = rng.normal(size=(60, 3)) * [1, 10, 100] + [5, 0, -50], rng.integers(0, 4, 60)
    model = LossRegressor().fit(rows, rows.sum(axis=1))
    display = CoefficientsDisplay.from_estimator(model, form(rows), standardize=True, sample_weight=weight)
    repeated = np.repeat(rows, weight, axis=0)
    np.testing.assert_allclose(display.coefs[0, 0], model.coef_ * repeated.std(axis=0))
    assert display.feature_names.tolist() == ["x0", "x1", "x2"] and display.order_.tolist() == [2, 1, 0]
    assert display.ax_.get_xlabel() == "coefficient × standard deviation"
    with pytest.raises(ValueError, match="needs X for standardize=True"):
        CoefficientsDisplay.from_estimator(model, standardize=True)


def test_a_pipeline_has_the_columns_of_its_last_step():
    steps = make_pipeline(PolynomialFeatures(2, include_bias=False), StandardScaler(), LossRegressor()).fit(X, Y)
    display = CoefficientsDisplay.from_estimator(steps, X, standardize=True)
    assert display.coefs.shape == (1, 1, 65) and "bmi bp" in display.feature_names
    np.testing.assert_allclose(display.coefs[0, 0], steps[-1].coef_)  # columns of deviation 1
    search = GridSearchCV(steps, {"lossregressor__alpha": [1e-4]}, cv=2).fit(X, Y)
    np.testing.assert_allclose(CoefficientsDisplay.from_estimator(search).coefs, display.coefs)
    # Without names in X the steps give names too.
    picked = make_pipeline(SelectKBest(k=3), LossRegressor()).fit(X.to_numpy(), Y)
    chosen = [f"x{column}" for column in np.flatnonzero(picked[0].get_support())]
    assert CoefficientsDisplay.from_estimator(picked).feature_names.tolist() == chosen
    target = TransformedTargetRegressor(LossRegressor(), transformer=StandardScaler()).fit(X, Y)
    display = CoefficientsDisplay.from_estimator(target)
    np.testing.assert_array_equal(display.coefs[0, 0], target.regressor_.coef_)
    assert display.feature_names.tolist() == list(X.columns)


def test_models_are_matched_by_the_names_of_their_features():
    models = {"all": LossRegressor().fit(X, Y), "lasso": Lasso(1.0).fit(X[["bp", "bmi"]], Y)}
    display = CoefficientsDisplay.from_estimator(models)
    values = drawn(display)
    assert values["lasso"]["bmi"] == models["lasso"].coef_[1] and values["all"]["bmi"] == models["all"].coef_[2]
    assert np.isnan(values["lasso"]["s1"]) and np.isfinite(values["all"]["s1"])
    assert [text.get_text() for text in display.figure_.legends[0].get_texts()] == ["all", "lasso"]
    markers = {(points.get_color(), points.get_marker()) for points in display.points_}
    assert len(markers) == len({marker for _, marker in markers}) == 2


def test_coefficients_of_zero_are_hollow():
    model = LossRegressor(alpha=2.0, l1_ratio=1.0).fit(X, Y)
    display = CoefficientsDisplay.from_estimator(model)
    [hollow] = [line for line in display.ax_.lines if line.get_markerfacecolor() == "white"]
    names = [tick.get_text() for tick in display.ax_.get_yticklabels()]
    zeros = {name for name, value in zip(names, hollow.get_xdata(), strict=True) if value == 0}
    assert zeros == set(X.columns[model.coef_ == 0]) and 0 < len(zeros) < 10


def test_outputs_have_panels_with_their_names():
    flowers, species = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])
    model = LossClassifier().fit(flowers, names[species])
    display = CoefficientsDisplay.from_estimator(model)
    assert [panel.get_title() for panel in display.axes_] == [f"class {name}" for name in names]
    for panel in range(3):
        values = display.points_[panel].get_xdata()
        np.testing.assert_array_equal(values, model.coef_[panel][display.order_])
    quantiles = CoefficientsDisplay.from_estimator(MultiQuantileRegressor((0.1, 0.9)).fit(X, Y), output_names=["low", "high"])
    assert [panel.get_title() for panel in quantiles.axes_] == ["low", "high"]
    with pytest.raises(ValueError, match="draws 3 panels here; pass an array of 3 axes. Got 2"):
        display.plot(ax=quantiles.axes_)
    binary = CoefficientsDisplay.from_estimator(LossClassifier().fit(*load_breast_cancer(return_X_y=True)))
    assert binary.ax_.get_title().endswith("class 1") and len(binary.axes_) == 1


def test_coefficients_from_elsewhere():
    display = CoefficientsDisplay.from_coefficients({"a": [1, 2], "b": [3, 0.5]}, ["u", "v"], scales=[1, 10])
    assert drawn(display) == {"a": {"v": 20, "u": 1}, "b": {"v": 5, "u": 3}}


@pytest.mark.parametrize(
    "arguments, message",
    [
        (([1.0, np.nan],), "coef contains nan or infinity"),
        (([1.0, 2.0], ["u"]), "feature_names has 1 names, and coef 2 coefficients"),
        (({"a": [[1.0], [2.0]], "b": [1.0]},), "same number of outputs to be compared. Got a: 2, b: 1"),
        (({},), "needs at least one model; the dict is empty"),
        (([],), r"coef must have shape \(n_features,\) .* at least one feature. Got \(0,\)"),
        ((np.ones((2, 2, 2)),), r"Got \(2, 2, 2\)"),
    ],
    ids=["nan", "names", "outputs", "dict", "none", "dimensions"],
)
def test_bad_coefficients_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CoefficientsDisplay.from_coefficients(*arguments)


@pytest.mark.parametrize("most", [0, -1, 2.0, "all", None, True])
def test_the_number_of_features_is_checked(most):
    with pytest.raises(ValueError, match="max_features must be an int of at least 1. Got"):
        CoefficientsDisplay.from_coefficients([1.0, 2.0], max_features=most)


def test_scales_and_rows_need_an_entry_for_each_coefficient():
    with pytest.raises(ValueError, match="scales must have 2 entries, one for each coefficient. Got 1"):
        CoefficientsDisplay.from_coefficients([1.0, 2.0], scales=[3.0])
    with pytest.raises(ValueError, match="X must have 10 columns, one for each coefficient. Got 4"):
        CoefficientsDisplay.from_estimator(LossRegressor().fit(X, Y), np.ones((5, 4)), standardize=True)


def test_a_series_of_coefficients_has_its_own_names():
    display = CoefficientsDisplay.from_coefficients(pd.Series([1.0, -2.0], index=["u", "v"]))
    assert display.feature_names.tolist() == ["u", "v"]


def test_names_are_drawn_as_they_are_and_long_ones_are_shortened():
    names = [r"cost ($) in $\frac{", "a" * 100 + "end", "two\nlines"]
    display = CoefficientsDisplay.from_coefficients({r"$\frac{ $": [3.0, 2.0, 1.0]}, names)
    display.figure_.canvas.draw()  # which fails for a formula that is none
    drawn_names = [tick.get_text() for tick in display.ax_.get_yticklabels()]
    assert drawn_names[0] == r"cost (\$) in \$\frac{" and drawn_names[2] == "two lines"
    assert len(drawn_names[1]) == 40 and drawn_names[1].endswith("aend") and "…" in drawn_names[1]
    assert display.feature_names.tolist() == names


def test_a_selection_of_features_gives_the_names_of_those_that_it_keeps():
    selection = RFE(LossRegressor(), n_features_to_select=3).fit(X, Y)
    display = CoefficientsDisplay.from_estimator(selection, X, standardize=True)
    assert display.feature_names.tolist() == X.columns[selection.support_].tolist()
    expected = selection.estimator_.coef_ * X.to_numpy()[:, selection.support_].std(axis=0)
    np.testing.assert_allclose(display.coefs[0, 0], expected)


def test_an_ensemble_is_refused_by_its_own_name():
    with pytest.raises(ValueError, match="BaggingRegressor has no coef_"):
        CoefficientsDisplay.from_estimator(BaggingRegressor(LossRegressor(), n_estimators=2).fit(X, Y))


def test_models_without_coefficients_are_refused():
    neighbours = make_pipeline(StandardScaler(), KNeighborsRegressor()).fit(X, Y)
    with pytest.raises(ValueError, match="KNeighborsRegressor 'near' has no coef_. Use sklearn.inspection.permutation_imp"):
        CoefficientsDisplay.from_estimator({"near": neighbours})
