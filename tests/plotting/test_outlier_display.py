"""The outlier display: rows of each kind where they are known, distances whatever the columns."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler

from sklearn_losses import LossClassifier, LossRegressor, OutlierDisplay
from sklearn_losses.plotting.outliers import KINDS
from sklearn_losses.plotting.robust_distance import distance_cutoff, robust_distances

# Brownlee, "Statistical Theory and Methodology in Science and Engineering" (1965): air flow,
# temperature, acid; stack loss.
STACKLOSS = np.array([
    [80, 27, 89, 42], [80, 27, 88, 37], [75, 25, 90, 37], [62, 24, 87, 28], [62, 22, 87, 18], [62, 23, 87, 18],
    [62, 24, 93, 19], [62, 24, 93, 20], [58, 23, 87, 15], [58, 18, 80, 14], [58, 18, 89, 14], [58, 17, 88, 13],
    [58, 18, 82, 11], [58, 19, 93, 12], [50, 18, 89, 8], [50, 18, 86, 7], [50, 19, 72, 8], [50, 19, 79, 8],
    [50, 20, 80, 9], [56, 20, 82, 15], [70, 20, 91, 15],
])  # fmt: skip


@pytest.fixture(scope="module")
def plt():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


@pytest.fixture(autouse=True)
def only_the_data(request, monkeypatch):
    """Tests without matplotlib look at the data of a display alone, and drawing takes a while."""
    if "plt" not in request.fixturenames:
        monkeypatch.setattr(OutlierDisplay, "plot", lambda self, *arguments, **options: self)


def mixed(n=300, p=3, seed=0):
    """Rows of each kind: 20 bad and 10 good leverage points, 15 vertical outliers, the others."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    X[:30] += 10
    y = X.sum(axis=1) + 0.5 * rng.normal(size=n)
    y[:20] -= 40
    y[30:45] += 12
    return X, y


def kinds(display):
    return {kind: set(np.flatnonzero(display.kinds == kind)) for kind in np.unique(display.kinds)}


def test_the_four_kinds():
    X, y = mixed()
    display = OutlierDisplay.from_predictions(y, X.sum(axis=1), X)
    found = kinds(display)
    assert set(range(20)) <= found["bad leverage"] <= set(range(20)) | set(range(45, 300))
    assert set(range(20, 30)) <= found["good leverage"]
    assert set(range(30, 45)) <= found["vertical outlier"]
    assert len(found["regular"]) > 0.9 * 255
    assert display.scale == pytest.approx(0.5, rel=0.25)
    assert display.distance_cutoff == pytest.approx(3.0575, abs=1e-4)  # chi2.ppf(.975, 3) ** .5


def test_stackloss_has_the_leverage_points_of_rousseeuw_and_van_zomeren():
    X, y = STACKLOSS[:, :3], STACKLOSS[:, 3]
    # The least median of squares, Rousseeuw and Leroy, "Robust Regression and Outlier Detection"
    # (1987), chapter 3.
    display = OutlierDisplay.from_predictions(y, -34.5 + X @ [0.714, 0.357, 0.0], X)
    assert {1, 2, 3, 21} <= {row + 1 for row in np.flatnonzero(display.distances > display.distance_cutoff)}
    assert {1, 3, 21} <= {row + 1 for row in np.flatnonzero(display.kinds == "bad leverage")}
    assert {4} <= {row + 1 for row in np.flatnonzero(display.kinds == "vertical outlier")}


@pytest.mark.parametrize("p, n", [(2, 200), (10, 500), (20, 1000)])
@pytest.mark.parametrize("share", [0.1, 0.2, 0.3, 0.4])
def test_a_tight_group_is_found_where_the_smallest_determinant_misses_it(p, n, share):
    rng = np.random.default_rng(0)
    X, k = rng.normal(size=(n, p)), int(share * n)
    X[:k] = 8 + 0.5 * rng.normal(size=(k, p))
    far = robust_distances(X @ rng.normal(size=(p, p)), np.ones(n))[0] > distance_cutoff(p)
    assert far[:k].all() and far[k:].mean() < 0.1


@pytest.mark.parametrize("p, n", [(5, 200), (10, 500), (40, 600)])
def test_a_large_group_that_is_not_very_far_is_found(p, n):
    rng = np.random.default_rng(0)
    X, k = rng.normal(size=(n, p)), int(0.4 * n)
    X[:k, 0] += 10 + 2 * np.sqrt(p)
    far = robust_distances(X @ rng.normal(size=(p, p)), np.ones(n))[0] > distance_cutoff(p)
    assert far[:k].all() and far[k:].mean() < 0.1


def test_distances_of_normal_rows_are_those_of_mahalanobis():
    X = np.random.default_rng(0).normal(size=(5000, 4)) * [1, 10, 1e6, 1e-6] + 1e3
    distances, columns = robust_distances(X, np.ones(5000))
    standard = (X - X.mean(axis=0)) / X.std(axis=0)
    np.testing.assert_allclose(distances, np.linalg.norm(standard, axis=1), rtol=0.15, atol=0.15)
    assert np.mean(distances > distance_cutoff(4)) == pytest.approx(0.025, abs=0.007)
    np.testing.assert_array_equal(columns, np.arange(4))
    order = np.random.default_rng(1).permutation(5000)
    np.testing.assert_allclose(robust_distances(X[order], np.ones(5000))[0], distances[order], rtol=1e-6)


def test_weights_are_copies_and_a_weight_of_zero_is_no_row():
    X, _ = mixed()
    weight = np.random.default_rng(0).integers(0, 4, size=300)
    weighted, _ = robust_distances(X, weight.astype(float))
    copied, _ = robust_distances(np.repeat(X, weight, axis=0), np.ones(weight.sum()))
    np.testing.assert_allclose(weighted[weight > 0], copied[np.unique(np.repeat(np.arange(300), weight), return_index=True)[1]])
    without, _ = robust_distances(X[weight > 0], 1e3 * weight[weight > 0])
    np.testing.assert_allclose(weighted[weight > 0], without)


def test_a_half_of_heavy_rows_with_fewer_rows_than_columns():
    X = np.random.default_rng(0).normal(size=(30, 8))
    distances, columns = robust_distances(X, np.r_[np.full(5, 100.0), np.ones(25)])
    assert np.isfinite(distances).all() and 1 <= len(columns) <= 4


def test_columns_without_spread_and_dependent_columns_are_left_out():
    X, _ = mixed(p=3)
    rng = np.random.default_rng(0)
    dummies = np.eye(4)[rng.integers(0, 4, size=300)]
    half_the_same = np.where(rng.random(300) < 0.7, X[:, 0], rng.normal(size=300))
    wide = np.column_stack([np.full(300, 7.0), X, dummies, X[:, 1], X[:, 0] - X[:, 2] + 5, half_the_same])
    distances, columns = robust_distances(wide, np.ones(300))
    plain, _ = robust_distances(X, np.ones(300))
    assert len(columns) == 3 and set(columns) <= {1, 2, 3, 8, 9, 10}
    assert (distances[:30] > distance_cutoff(3)).all()
    subset, chosen = robust_distances(wide, np.ones(300), columns=[1, 2, 3, 4])
    np.testing.assert_array_equal(chosen, [1, 2, 3])
    np.testing.assert_allclose(subset, plain)
    for form in (sparse.csr_array, sparse.csc_matrix):
        as_sparse, same = robust_distances(form(wide), np.ones(300))
        np.testing.assert_array_equal(same, columns)
        np.testing.assert_allclose(as_sparse, distances)


def test_the_scale_is_that_of_the_estimator_or_of_the_residuals():
    X, y = mixed()
    tukey = LossRegressor("tukey").fit(X, y)
    assert OutlierDisplay.from_estimator(tukey, X, y).scale == tukey.scale_
    residuals = y - LinearRegression().fit(X, y).predict(X)
    expected = np.median(np.abs(residuals - np.median(residuals))) / 0.6745
    assert OutlierDisplay.from_estimator(LinearRegression().fit(X, y), X, y).scale == pytest.approx(expected, rel=0.01)
    # In other units than those of the target.
    scaled = TransformedTargetRegressor(make_pipeline(StandardScaler(), LossRegressor("tukey")), transformer=StandardScaler())
    display = OutlierDisplay.from_estimator(scaled.fit(X, y), X, y)
    assert display.scale == pytest.approx(0.5, rel=0.3) and display.scale > 2 * scaled.regressor_[-1].scale_


def test_a_target_that_most_rows_fit_exactly():
    X, _ = mixed()
    y = X @ [1.0, 2.0, 3.0] + 1
    y[:10] += 1e-3
    found = kinds(OutlierDisplay.from_predictions(y, X @ [1.0, 2.0, 3.0] + 1, X))
    assert found["bad leverage"] == set(range(10)) and "vertical outlier" not in found


def test_pipelines_are_seen_from_their_last_step():
    X, y = mixed(p=2)
    steps = make_pipeline(MinMaxScaler(), PolynomialFeatures(include_bias=True), LossRegressor("tukey")).fit(X, y)
    display = OutlierDisplay.from_estimator(steps, X, y)
    np.testing.assert_array_equal(display.columns, [1, 2, 3, 4, 5])
    search = GridSearchCV(steps, {"lossregressor__alpha": [1e-4]}, cv=3).fit(X, y)
    np.testing.assert_allclose(OutlierDisplay.from_estimator(search, X, y).distances, display.distances)
    plain = OutlierDisplay.from_estimator(make_pipeline(MinMaxScaler(), LossRegressor()).fit(X, y), X, y)
    np.testing.assert_allclose(plain.distances, OutlierDisplay.from_estimator(LossRegressor().fit(X, y), X, y).distances)


def test_several_targets_weights_and_frames():
    pandas = pytest.importorskip("pandas")
    X, y = mixed()
    both = np.column_stack([y, -3 * X[:, 0]])
    frame = pandas.DataFrame(X, columns=list("abc"), index=[f"row {row}" for row in range(300)])
    model = LossRegressor("tukey").fit(frame, both)
    first = OutlierDisplay.from_estimator(model, frame, both, target=0)
    assert first.scale == model.scale_[0]
    assert {f"row {row}" for row in range(20)} <= set(first.names[first.kinds == "bad leverage"])
    assert "bad leverage" not in OutlierDisplay.from_estimator(model, frame, both, target=1).kinds[:30]
    with pytest.raises(ValueError, match="one target of several; choose it by target=0 to 1"):
        OutlierDisplay.from_estimator(model, frame, both)
    with pytest.raises(ValueError, match="target=2 is none of the 2 targets"):
        OutlierDisplay.from_estimator(model, frame, both, target=2)
    # Without its bad rows no row of weight 0 has a say, but each has a place in the picture.
    weight = np.r_[np.zeros(20), np.ones(280)]
    model = LossRegressor("mse").fit(X, y, sample_weight=weight)
    assert (OutlierDisplay.from_estimator(model, X, y, sample_weight=weight).kinds[:20] == "bad leverage").all()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"X": np.random.default_rng(0).normal(size=(300, 200))}, "needs at least 402 rows for 200 columns"),
        ({"X": np.eye(5)[np.arange(300) % 5]}, "needs a column of X that has no single value"),
        ({"X": np.full((300, 1), np.nan)}, "contains NaN"),
        ({"columns": ["a"]}, "'columns' takes the numbers of columns"),
        ({"columns": [0, 99]}, "names columns that X does not have"),
        ({"y_true": np.full(300, "a")}, "y must hold real numbers"),
        ({"y_true": np.zeros(299)}, "inconsistent numbers of samples"),
        ({"sample_weight": -np.ones(300)}, "sample_weight must not be negative"),
    ],
    ids=["few rows", "dummies", "nan", "columns", "far column", "text", "lengths", "weights"],
)
def test_bad_input_is_refused_with_a_sentence(change, message):
    X, y = mixed()
    with pytest.raises(ValueError, match=message):
        OutlierDisplay.from_predictions(**{"y_true": y, "y_pred": y, "X": X, **change})


def test_classifiers_are_refused():
    X, y = mixed()
    with pytest.raises(ValueError, match="residuals of a regressor; got LossClassifier"):
        OutlierDisplay.from_estimator(LossClassifier().fit(X, y > 0), X, y > 0)


def test_the_picture(plt):
    X, y = mixed()
    names = [f"row {row}" for row in range(300)]
    display = OutlierDisplay.from_predictions(y, X.sum(axis=1), X, names=names, n_labels=3)
    assert display.figure_ is display.ax_.figure
    labels = [text.get_text() for text in display.figure_.legends[0].get_texts()]
    assert labels == [f"{kind} ({np.sum(display.kinds == kind)})" for kind in KINDS]
    drawn = np.vstack([points.get_offsets() for points in display.ax_.collections])
    assert sorted(map(tuple, drawn)) == sorted(zip(display.distances, display.residuals, strict=True))
    assert len({points.get_paths()[0].vertices.tobytes() for points in display.ax_.collections}) == 4  # markers
    texts = [text.get_text() for text in display.ax_.texts]
    assert len(texts) == 3 and set(texts) <= {*names[:20], *names[30:45]}
    assert texts[0] == names[int(np.argmax(np.abs(display.residuals)))]
    assert display.ax_.get_xscale() == display.ax_.get_yscale() == "linear"
    one = plt.figure().add_subplot()
    assert display.plot(ax=one, n_labels=0).ax_ is one and not one.texts


def test_rows_very_far_out_leave_the_others_apart(plt):
    X, y = mixed()
    X[0], y[0] = 1e5, -1e9
    display = OutlierDisplay.from_predictions(y, X.sum(axis=1), X)
    assert display.ax_.get_xscale() == display.ax_.get_yscale() == "symlog"


def test_real_data_with_a_dummy():
    X, y = load_diabetes(return_X_y=True)
    display = OutlierDisplay.from_estimator(LossRegressor("tukey").fit(X, y), X, y)
    assert 1 not in display.columns and len(display.columns) == 9  # the sex of the patient
    assert "bad leverage" not in display.kinds
