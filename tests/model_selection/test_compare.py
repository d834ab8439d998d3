"""compare_losses: honest statistics, every row accounted for, metadata where it belongs, the same
table for any n_jobs.
"""

import sys
import time

import numpy as np
import pytest
from scipy import stats
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import Ridge
from sklearn.metrics import make_scorer, mean_absolute_error
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRanker, LossRegressor, make_ranking
from sklearn_losses.losses import Huber, Loss, Quantile
from sklearn_losses.metrics import neg_perplexity
from sklearn_losses.model_selection import compare_losses, corrected_resampled_ttest, noise_curve
from sklearn_losses.model_selection.folds import splits_of

X, Y = load_diabetes(return_X_y=True)
X, Y = X[:120], Y[:120]
WIDE = 1e-8  # hardly any penalty: the columns of diabetes are tiny
TIMES = ("mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time")


def columns_without_times(comparison):
    return {name: values for name, values in comparison.results_.items() if name not in TIMES}


# The table.


def test_scores_equal_cross_validate_on_the_same_splits():
    cv = KFold(4, shuffle=True, random_state=3)
    comparison = compare_losses(LossRegressor(alpha=WIDE), X, Y, ["mae", "mse"], scoring=["r2", "neg_max_error"], cv=cv)
    for loss in ("mae", "mse"):
        expected = cross_validate(
            LossRegressor(loss, alpha=WIDE), X, Y, cv=cv, scoring=["r2", "neg_max_error"], return_train_score=True
        )
        row = comparison.losses_.index(loss)
        for metric in ("r2", "neg_max_error"):
            np.testing.assert_allclose(comparison.test_scores_[metric][row], expected[f"test_{metric}"], rtol=1e-10)
            np.testing.assert_allclose(comparison.train_scores_[metric][row], expected[f"train_{metric}"], rtol=1e-10)


def test_columns_are_named_as_in_cv_results():
    comparison = compare_losses(LossRegressor(alpha=WIDE), X, Y, ["mae", "mse"], cv=3, scoring="r2")
    columns = comparison.results_
    for name in (
        "mean_test_r2 std_test_r2 rank_test_r2 split0_test_r2 split2_test_r2 mean_train_r2 std_train_r2 mean_fit_time "
        "std_fit_time mean_score_time gap_r2 p_value_r2 mean_n_iter converged params error"
    ).split():
        assert len(columns[name]) == 2, name
    np.testing.assert_allclose(columns["gap_r2"], columns["mean_train_r2"] - columns["mean_test_r2"])
    assert list(columns["rank_test_r2"]) == [1, 2]
    assert np.all(columns["mean_fit_time"] > 0) and np.all(columns["converged"] == 1) and np.all(columns["mean_n_iter"] >= 1)


def test_frame_is_pandas_where_installed_and_a_dict_elsewhere(monkeypatch):
    pandas = pytest.importorskip("pandas")
    comparison = compare_losses(LossRegressor(), X, Y, ["mae", "mse"], cv=3)
    frame = comparison.to_frame()
    assert isinstance(frame, pandas.DataFrame) and list(frame["loss"]) == comparison.losses_
    monkeypatch.setitem(sys.modules, "pandas", None)
    plain = comparison.to_frame()
    assert type(plain) is dict and list(plain) == list(frame.columns)


def test_a_failing_loss_is_a_row_with_its_error():
    def wrong(y_true, y_pred):
        return np.mean((y_true - y_pred) ** 2)

    comparison = compare_losses(LossRegressor(), X, Y, ["mse", wrong, "hinge"], cv=3)
    assert comparison.losses_[0] == comparison.best_loss_ == "mse"
    assert set(comparison.errors_) == {"wrong", "hinge"}
    assert "scalar" in comparison.errors_["wrong"]
    row = comparison.losses_.index("hinge")
    assert np.isnan(comparison.results_["mean_test_r2"][row]) and "LossClassifier" in comparison.results_["error"][row]
    for text in (repr(comparison), comparison._repr_html_()):
        assert "failed: ValueError: " in text
    with pytest.raises(ValueError, match="Every loss failed. The error of 'hinge': ValueError"):
        compare_losses(LossRegressor(), X, Y, ["hinge"], cv=3)


@pytest.mark.parametrize("wrong", ["hubber", "MSE", Huber, 3])
def test_what_is_no_loss_stops_it_before_the_first_fit(wrong, capsys):
    with pytest.raises(ValueError, match="Did you mean '(huber|mse)'|Got the class Huber|Got 3"):
        compare_losses(LossRegressor(), X, Y, ["mse", wrong], cv=3, verbose=1)
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="Did you mean|Got"):
        noise_curve(LossRegressor(), X, Y, ["mse", wrong])


def test_a_table_without_a_value_is_an_error():
    flowers, y = load_iris(return_X_y=True)
    with pytest.raises(
        ValueError,
        match="No loss has a value of neg_log_loss, the metric that chooses the best loss. For 'hinge': .*predict_proba",
    ):
        compare_losses(LossClassifier(), flowers, y, ["hinge", "squared_hinge"], scoring=["neg_log_loss", "accuracy"], cv=3)

    def impossible(estimator, X, y):
        raise RuntimeError("out of order")

    with pytest.raises(ValueError, match="No loss has a value of score.*'mse': out of order"):
        compare_losses(LossRegressor(), X, Y, ["mse"], scoring=impossible, cv=3)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_rankers_own_score_in_a_pipeline(depth):
    Z, y, qid = make_ranking(n_queries=20, random_state=0)
    estimator = LossRanker()
    for _ in range(depth):
        estimator = make_pipeline(StandardScaler(), estimator)
    comparison = compare_losses(estimator, Z, y, ["ranknet", "listnet"], qid=qid, cv=3)
    row = comparison.losses_.index("ranknet")
    for fold, (train, test) in enumerate(splits_of(3, y, "ranking", qid, np.random.RandomState(0))):
        scaler = StandardScaler().fit(Z[train])
        columns = scaler.transform(Z) if depth else Z
        ranker = LossRanker().fit(columns[train], y[train], qid=qid[train])
        expected = ranker.score(columns[test], y[test], qid=qid[test])
        assert comparison.test_scores_["score"][row, fold] == pytest.approx(expected, abs=1e-6)


def test_a_rankers_own_score_in_a_search():
    Z, y, qid = make_ranking(n_queries=20, random_state=0)
    search = GridSearchCV(LossRanker(), {"alpha": [1e-3]}, cv=2, scoring="neg_mean_squared_error")
    searched, alone = (
        compare_losses(estimator, Z, y, ["ranknet"], qid=qid, cv=3, refit=False).test_scores_["score"]
        for estimator in (search, LossRanker(alpha=1e-3))
    )
    np.testing.assert_allclose(searched, alone, atol=1e-6)


@pytest.mark.parametrize("folds, least", [(2, 15.6), (3, 3.93), (4, 2.43)])
def test_few_folds_say_what_they_cannot_show(folds, least):
    comparison = compare_losses(LossRegressor(), X, Y, ["mse", "mae"], cv=folds, scoring="r2", refit=False)
    [sentence] = [said for said in comparison.sentences() if said.startswith("With ")]
    assert f"With {folds} folds, only a difference of more than {least:.2g} times its standard deviation" in sentence
    # A mean difference of that many standard deviations has the p-value 0.05, one of less a larger
    # one.
    pattern = np.linspace(-1, 1, folds) / np.std(np.linspace(-1, 1, folds), ddof=1)
    assert corrected_resampled_ttest(pattern + least, 1 / (folds - 1)) == pytest.approx(0.05, rel=0.02)
    assert sentence in " ".join(repr(comparison).split())
    five = compare_losses(LossRegressor(), X, Y, ["mse", "mae"], cv=5, scoring="r2", refit=False)
    assert "cannot show" not in repr(five)


def test_one_fold_shows_no_difference():
    split = [(np.arange(80), np.arange(80, 120))]
    comparison = compare_losses(LossRegressor(), X, Y, ["mse", "mae"], cv=split, scoring="r2", refit=False)
    assert set(comparison.best_group_["r2"]) == {"mse", "mae"}
    assert "One fold cannot show a difference" in repr(comparison) and "over 1 fold," in repr(comparison)


# Equal terms.


def test_one_alpha_for_losses_in_other_units_is_named():
    Z = StandardScaler().fit_transform(X)
    losses = ["mse", "mae", "huber"]
    for factor in (1.0, 1000.0):
        y = factor * Y
        comparison = compare_losses(LossRegressor(alpha=0.05), Z, y, losses, refit=False)
        # alpha="auto" for mae is 1e-4 times the mean absolute deviation from the median over the
        # variance.
        folds = [y[train] for train, _ in splits_of(5, y, "regression", None, np.random.RandomState(0))]
        auto = [1e-4 * np.mean(np.abs(part - np.median(part))) / np.var(part) for part in folds]
        assert comparison.relative_alpha_["mae"] == pytest.approx(np.mean(0.05 / np.array(auto)), rel=1e-6)
        assert comparison.relative_alpha_["mse"] == pytest.approx(500, rel=1e-6)
        text = repr(comparison)
        assert "alpha=0.05 is not the same strength for all losses: for mae it is" in text and "Use alpha='auto'" in text
        assert "param_grid={'alpha': [...]}" in text
    # mae is beaten in its own metric, on the rows that it was fitted to.
    other, own, lower = comparison.beaten_["mae"]
    assert other in ("mse", "huber") and own > 1.3 * lower and list(comparison.beaten_) == ["mae"]
    means = -comparison.to_frame()["mean_train_neg_mean_absolute_error"]
    assert (own, lower) == pytest.approx((means[comparison.losses_.index("mae")], means[comparison.losses_.index(other)]))
    assert "The fits of mae are poor: on the training rows their mean mae is" in text


@pytest.mark.parametrize(
    "estimator, grid", [(LossRegressor(), None), (LossRegressor(alpha=1e-9), None), (LossRegressor(), {"alpha": [1.0, 10.0]})]
)
def test_equal_terms_are_not_talked_about(estimator, grid):
    Z = StandardScaler().fit_transform(X)
    comparison = compare_losses(estimator, Z, 1000 * Y, ["mse", "mae", "huber"], param_grid=grid, cv=5, refit=False)
    assert comparison.beaten_ == {} and len(comparison.sentences()) == len(comparison.metrics_)
    assert "strength" not in repr(comparison)


def test_losses_of_classes_that_were_not_fitted_are_named():
    X, y = load_iris(return_X_y=True)
    losses = {"cross_entropy": "cross_entropy", "tiny": 1e-6 * Loss.make("cross_entropy"), "hinge": "hinge"}
    comparison = compare_losses(make_pipeline(StandardScaler(), LossClassifier(alpha=1e-3)), X, y, losses, refit=False)
    assert list(comparison.beaten_) == ["tiny"] and "The fits of tiny are poor" in repr(comparison)
    fair = compare_losses(make_pipeline(StandardScaler(), LossClassifier()), X, y, ["cross_entropy", "hinge"], refit=False)
    assert fair.beaten_ == {}


def test_a_metric_that_a_loss_cannot_have_is_missing_there_alone():
    X, y = load_iris(return_X_y=True)
    comparison = compare_losses(LossClassifier(), X, y, ["hinge", "cross_entropy"], cv=3)
    scores = comparison.test_scores_["neg_log_loss"]
    assert np.isnan(scores[comparison.losses_.index("hinge")]).all()
    assert np.isfinite(scores[comparison.losses_.index("cross_entropy")]).all()
    assert np.isfinite(comparison.test_scores_["accuracy"]).all() and not comparison.errors_
    assert "neg_log_loss: cross_entropy is best" in " ".join(comparison.sentences())
    assert "no finite value for hinge" in " ".join(comparison.sentences())


def test_all_losses_that_fit_the_task_by_default():
    comparison = compare_losses(LossRegressor(alpha=1.0), X[:60], Y[:60], cv=2, scoring="r2", refit=False)
    expected = {name for name in Loss.names() if Loss.make(name).task == "regression"}
    assert {"mse", "mae", "huber", "quantile"} <= set(comparison.losses_) <= expected
    X2, y2 = load_iris(return_X_y=True)
    comparison = compare_losses(LossClassifier(alpha=0.1), X2[50:], y2[50:], cv=2, scoring="accuracy", refit=False)
    assert {"cross_entropy", "hinge", "squared_hinge"} <= set(comparison.losses_)


def test_labels_of_objects_functions_and_dicts():
    def business(y_true, y_pred):
        return (y_true - y_pred) ** 2

    comparison = compare_losses(LossRegressor(), X, Y, [Huber(delta=2), business, "mse", "mse"], cv=2, scoring="r2")
    assert set(comparison.losses_) == {"Huber(delta=2)", "business", "mse", "mse (2)"}
    assert set(compare_losses(LossRegressor(), X, Y, {"low": Quantile(0.1)}, cv=2, scoring="r2").losses_) == {"low"}


def test_equal_losses_are_equal():
    # Another solver and numerical derivatives: the same optimum but for the last digits.
    def squared(y_true, y_pred):
        return (y_true - y_pred) ** 2

    losses = ["mse", "squared_error", squared]
    comparison = compare_losses(LossRegressor(alpha=1e-3), X, Y, losses, cv=5, scoring="r2")
    assert set(comparison.best_group_["r2"]) == {"mse", "squared_error", "squared"}
    comparison = compare_losses(LossRegressor(alpha=1e-3), X, Y, losses[:2], cv=5, scoring="r2")
    assert comparison.p_values_["r2"][1] == 1


def test_real_differences_are_called_so():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 3))
    y = X.sum(axis=1) + 0.1 * rng.standard_normal(300)
    y[rng.choice(300, 30, replace=False)] += 50
    comparison = compare_losses(LossRegressor(alpha=WIDE), X, y, ["mse", "mae"], scoring="neg_median_absolute_error")
    assert comparison.best_loss_ == "mae" and comparison.p_values_["neg_median_absolute_error"][1] < 0.01
    assert comparison.best_group_["neg_median_absolute_error"] == ["mae"]
    [sentence] = comparison.sentences()
    assert "mae is best" in sentence and "significantly worse: mse" in sentence


@pytest.mark.slow
def test_two_equivalent_losses_are_rarely_called_different():
    # The pinball losses of levels 0.25 and 0.75 are mirror images, and so are their errors under
    # symmetric noise. Columns that say nothing make the fits differ by chance alone, in the same
    # way in all folds: what deceives a plain t-test.
    rng, metric, calls, plain_calls = np.random.default_rng(1), "neg_mean_absolute_error", 0, 0
    for repetition in range(200):
        X, y = rng.standard_normal((60, 15)), rng.standard_normal(60)
        comparison = compare_losses(
            LossRegressor(alpha=1e-3), X, y, [Quantile(0.25), Quantile(0.75)], scoring=metric, refit=False,
            random_state=repetition,
        )  # fmt: skip
        calls += len(comparison.best_group_[metric]) == 1
        plain_calls += stats.ttest_rel(*comparison.test_scores_[metric]).pvalue < 0.05
    assert calls <= 0.07 * 200
    assert plain_calls > calls


# Search and refit.


def test_search_is_nested_and_takes_what_each_loss_has():
    grid = {"alpha": [1e-8, 1e3], "loss__delta": [0.5, 50.0]}
    comparison = compare_losses(LossRegressor(), X, Y, ["mse", "huber"], param_grid=grid, cv=3, scoring="r2")
    by_loss = dict(zip(comparison.losses_, comparison.results_["params"], strict=True))
    assert [set(params) for params in by_loss["mse"]] == [{"alpha"}] * 3
    assert [set(params) for params in by_loss["huber"]] == [{"alpha", "loss__delta"}] * 3
    assert all(params["alpha"] == 1e-8 for row in by_loss.values() for params in row)
    assert comparison.best_params_["alpha"] == comparison.best_estimator_.alpha == 1e-8
    # What a fold's search saw was that fold's training part: the same score comes from fitting it
    # by hand.
    cv = KFold(3, shuffle=True, random_state=0)
    result = compare_losses(LossRegressor(), X, Y, ["huber"], param_grid=grid, cv=cv, scoring="r2")
    for fold, (train, test) in enumerate(cv.split(X)):
        model = LossRegressor("huber").set_params(**result.results_["params"][0][fold]).fit(X[train], Y[train])
        assert model.score(X[test], Y[test]) == pytest.approx(result.test_scores_["r2"][0, fold], rel=1e-9)
    with pytest.raises(ValueError, match="neither the estimator nor any of the losses has: lambda, loss__delta"):
        compare_losses(LossRegressor(), X, Y, ["mse"], param_grid={"loss__delta": [1], "lambda": [1]}, cv=3)


def test_refit_on_all_rows_and_nothing_given_is_changed():
    estimator, huber = LossRegressor(alpha=WIDE), Huber(delta=30.0)
    before = repr(estimator), repr(huber)
    comparison = compare_losses(
        estimator, X, Y, [huber], cv=3, scoring="r2", param_grid={"loss__delta": [1.0, 60.0]}, random_state=1
    )
    assert (repr(estimator), repr(huber)) == before
    best = comparison.best_estimator_
    expected = clone(best).fit(X, Y)
    np.testing.assert_allclose(best.coef_, expected.coef_)
    assert not hasattr(compare_losses(estimator, X, Y, ["mse"], cv=3, refit=False), "best_estimator_")


def test_same_seed_same_table_for_any_number_of_processes():
    # Its first weights are random.
    estimator = LossRegressor(hidden_layer_sizes=(4,), max_iter=20, alpha=0.01)

    def cubic(y_true, y_pred):
        return np.abs(y_true - y_pred) ** 3

    arguments = dict(losses=["mse", "mae", cubic], cv=3, param_grid={"alpha": [0.01, 1.0]}, random_state=5)
    one = compare_losses(estimator, X, Y / 100, n_jobs=1, **arguments)
    two = compare_losses(estimator, X, Y / 100, n_jobs=2, **arguments)
    assert one.losses_ == two.losses_
    for name, values in columns_without_times(one).items():
        if name in ("loss", "params", "error"):
            assert values == two.results_[name]
        else:
            np.testing.assert_allclose(values, two.results_[name], rtol=1e-9, err_msg=name)
    np.testing.assert_allclose(one.best_estimator_.predict(X), two.best_estimator_.predict(X), rtol=1e-9)
    other = compare_losses(estimator, X, Y / 100, **{**arguments, "random_state": 6})
    assert not np.allclose(other.test_scores_["r2"], one.test_scores_["r2"])


# Pipelines and metadata.


def test_inside_a_pipeline_inside_a_wrapper():
    inner = make_pipeline(StandardScaler(), LossRegressor(alpha=1e-3))
    wrapped = TransformedTargetRegressor(inner, transformer=StandardScaler())
    weight = np.random.default_rng(0).uniform(0.5, 2, size=len(Y))
    cv = KFold(3)
    comparison = compare_losses(
        wrapped, X, Y, ["huber", "mae"], cv=cv, sample_weight=weight, param_grid={"loss__delta": [0.5]}, scoring="r2"
    )
    row = comparison.losses_.index("huber")
    train, test = next(cv.split(X))
    model = clone(wrapped).set_params(regressor__lossregressor__loss=Huber(0.5))
    model.fit(X[train], Y[train], lossregressor__sample_weight=weight[train])
    expected = model.score(X[test], Y[test], sample_weight=weight[test])
    assert comparison.test_scores_["r2"][row, 0] == pytest.approx(expected, rel=1e-9)
    assert np.all(comparison.results_["converged"] == 1)
    with pytest.raises(ValueError, match="Found 0 of them in Ridge"):
        compare_losses(Ridge(), X, Y)


def test_weights_reach_fits_and_metrics():
    weight = np.random.default_rng(0).integers(0, 3, size=len(Y)).astype(float)
    weight[:4] = 1
    cv = KFold(3, shuffle=True, random_state=0)
    scoring = {"r2": "r2", "worst": "neg_max_error", "own": make_scorer(mean_absolute_error), "plain": lambda e, X, y: len(y)}
    weighted = compare_losses(LossRegressor(alpha=WIDE), X, Y, ["mae"], cv=cv, scoring=scoring, sample_weight=weight)
    for fold, (train, test) in enumerate(cv.split(X)):
        model = LossRegressor("mae", alpha=WIDE).fit(X[train], Y[train], sample_weight=weight[train])
        predicted = model.predict(X[test])
        assert weighted.test_scores_["own"][0, fold] == pytest.approx(
            mean_absolute_error(Y[test], predicted, sample_weight=weight[test])
        )
        assert weighted.test_scores_["worst"][0, fold] == pytest.approx(-np.max(np.abs(Y[test] - predicted)))
        assert weighted.test_scores_["plain"][0, fold] == len(test)


def test_groups_and_queries_stay_whole():
    groups = np.array([f"q{i % 13}" for i in range(len(Y))])
    seen = []

    def spy(estimator, X, y, qid=None):
        if qid is not None:
            seen.append(set(qid))
        return 0.0

    class Ranker(LossRegressor):
        def fit(self, X, y, qid=None, sample_weight=None):
            assert qid is not None and len(qid) == len(y)
            seen.append(set(qid))
            return super().fit(X, y, sample_weight)

    compare_losses(Ranker(), X, Y, ["mse"], cv=3, qid=groups, scoring={"spy": spy}, refit=False)
    # Per fold: the fit, the score of the test part, the score of the training part.
    assert len(seen) == 9
    for fold in range(3):
        fitted, test, train = seen[3 * fold : 3 * fold + 3]
        assert fitted == train and not train & test and len(train | test) == 13

    sides = {}

    def mean_group(estimator, X, y):
        return float(X[:, 0].sum())

    comparison = compare_losses(LossRegressor(), X, Y, ["mse"], cv=3, groups=groups, scoring={"sum": mean_group}, refit=False)
    for group in np.unique(groups):
        sides[group] = X[groups == group, 0].sum()
    # Each fold's test part is a union of whole groups: their sums add up to the sum over all.
    assert comparison.test_scores_["sum"].sum() == pytest.approx(sum(sides.values()))


def share_of_queries(y_true, y_pred, qid=None, sample_weight=None):
    """Stands in for a ranking metric: what reached it."""
    return (0 if qid is None else len(set(qid))) + (0 if sample_weight is None else 1000 * float(sample_weight[0]))


def test_scorers_get_what_they_request():
    class Ranker(LossRegressor):
        def fit(self, X, y, qid=None, sample_weight=None):
            return super().fit(X, y, sample_weight)

    qid, weight = np.arange(len(Y)) % 12, np.full(len(Y), 3.0)
    with config_context(enable_metadata_routing=True):
        both = make_scorer(share_of_queries).set_score_request(qid=True, sample_weight=True)
        queries = make_scorer(share_of_queries).set_score_request(qid=True)
    scoring = {"both": both, "queries": queries, "neither": make_scorer(share_of_queries)}
    for routing in (False, True):
        with config_context(enable_metadata_routing=routing):
            comparison = compare_losses(
                Ranker(), X, Y, ["mse"], cv=3, qid=qid, sample_weight=weight, scoring=scoring, refit=False
            )
        np.testing.assert_array_equal(comparison.test_scores_["both"], 3004)
        np.testing.assert_array_equal(comparison.test_scores_["queries"], 4)
        # Without routing, scikit-learn's own scorers take weights as they come; with it, only what
        # was asked for.
        np.testing.assert_array_equal(comparison.test_scores_["neither"], 0 if routing else 3000)


@pytest.mark.slow
def test_eight_losses_in_five_folds_take_seconds():
    X, y = load_diabetes(return_X_y=True)
    eight = ["mse", "mae", "huber", "quantile", Quantile(0.25), Quantile(0.75), Huber(20.0), Huber(60.0)]
    began = time.perf_counter()
    compare_losses(LossRegressor(), X, y, eight)
    assert time.perf_counter() - began < 10


def test_lists_frames_and_lengths():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    plain = compare_losses(LossRegressor(), X, Y, ["mse"], cv=3)
    for some in (X.tolist(), frame):
        other = compare_losses(LossRegressor(), some, pandas.Series(Y), ["mse"], cv=3)
        np.testing.assert_allclose(other.test_scores_["r2"], plain.test_scores_["r2"])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        compare_losses(LossRegressor(), X, Y[:-1], ["mse"])
    with pytest.raises(ValueError, match="at least one loss"):
        compare_losses(LossRegressor(), X, Y, [])


def test_perplexity_by_name():
    X, y = load_iris(return_X_y=True)
    comparison = compare_losses(LossClassifier(alpha=0.01), X, y, ["cross_entropy"], scoring="neg_perplexity", cv=3)
    expected = neg_perplexity(comparison.best_estimator_, X, y)
    assert comparison.best_score_ == pytest.approx(expected, rel=0.2)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_progress_lines(capsys, n_jobs):
    compare_losses(LossRegressor(), X, Y, ["mse", "mae"], cv=3, verbose=1, n_jobs=n_jobs)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6 and lines[0].startswith("[compare_losses] 1/6 mse, fold 1 of 3: r2 ")


def test_markup_is_escaped():
    comparison = compare_losses(LossRegressor(), X, Y, {"<b>mine</b>": "mse"}, cv=3)
    assert "<b>mine" not in comparison._repr_html_() and "&lt;b&gt;mine" in comparison._repr_html_()
