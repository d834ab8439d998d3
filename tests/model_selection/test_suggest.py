"""suggest_losses: the right loss first, facts measured, no false alarms, errors say what to do."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine, make_classification
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.losses import Loss
from sklearn_losses.model_selection import RULES, add_label_noise, add_outliers, compare_losses, suggest_losses


def first_known(*names):
    """The first of the suitable losses that the registry has."""
    return next(name for name in names if name in Loss.names())


def regression(kind, n=400):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((n, 3))
    linear = 0.5 * X[:, 0] - 0.3 * X[:, 1] + 1
    if kind == "clean":
        return X, linear + 0.5 * rng.standard_normal(n)
    if kind == "outliers":
        return X, add_outliers(linear + 0.2 * rng.standard_normal(n), 0.1, side="up", random_state=0)[0]
    if kind == "heavy":
        return X, linear + 0.3 * rng.laplace(size=n)
    if kind == "counts":
        return X, rng.poisson(np.exp(linear))
    if kind == "positive":
        return X, rng.gamma(1.5, np.exp(linear) / 1.5)
    if kind == "zeros":
        return X, np.where(rng.uniform(size=n) < 0.3, 0.0, rng.gamma(2.0, np.exp(linear) / 2))


SUITABLE = {
    "clean": ("mse",),
    "outliers": ("tukey", "huber"),
    "heavy": ("huber",),
    "counts": ("poisson", "mse"),
    "positive": ("gamma", "poisson", "mae"),
    "zeros": ("tweedie", "mse"),
}


@pytest.mark.parametrize("kind", SUITABLE)
def test_the_right_loss_first(kind):
    X, y = regression(kind)
    suggestions = suggest_losses(X, y)
    assert suggestions.facts_["kind"] == (kind if kind in ("counts", "positive", "zeros") else "continuous")
    assert suggestions[0].loss == first_known(*SUITABLE[kind]), suggestions
    assert suggestions[0].evidence and suggestions[0].sources


@pytest.mark.parametrize(
    "kind, metric",
    [("clean", "r2"), ("outliers", "neg_median_absolute_error"), ("counts", "r2"), ("positive", "neg_mean_absolute_error")],
)
def test_the_first_loss_is_in_the_best_group(kind, metric):
    X, y = regression(kind)
    suggestions = suggest_losses(X, y)
    losses = dict.fromkeys(["mse", "mae"]) | suggestions.losses
    losses = {name: spec or name for name, spec in losses.items()}
    comparison = compare_losses(LossRegressor(), X, y, losses, scoring=metric, refit=False)
    assert suggestions[0].loss in comparison.best_group_[metric], comparison


def classes(kind):
    weights = [0.96, 0.04] if kind == "imbalance" else None
    X, y = make_classification(
        800, 6, n_informative=4, n_redundant=0, class_sep=2.0, flip_y=0, weights=weights, n_clusters_per_class=1, random_state=1
    )
    if kind == "label_noise":
        y = add_label_noise(y, 0.3, random_state=0)[0]
    return X, y


@pytest.mark.parametrize(
    "kind, suitable",
    [
        ("clean", ("cross_entropy",)),
        ("imbalance", ("cross_entropy",)),
        ("label_noise", ("generalized_cross_entropy", "cross_entropy")),
    ],
)
def test_the_right_loss_for_classes(kind, suitable):
    X, y = classes(kind)
    suggestions = suggest_losses(X, y)
    facts = suggestions.facts_
    assert suggestions[0].loss == first_known(*suitable)
    assert (facts["label_noise"] > 0.1) == (kind == "label_noise")
    assert (facts["rarest"] < 0.2) == (kind == "imbalance")
    comparison = compare_losses(make_pipeline(StandardScaler(), LossClassifier()), X, y, suggestions.losses, scoring="accuracy")
    assert suggestions[0].loss in comparison.best_group_["accuracy"]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.3])
def test_label_noise_is_estimated(share):
    X, y = classes("clean")
    noisy = add_label_noise(y, share, random_state=0)[0]
    assert suggest_losses(X, noisy).facts_["label_noise"] == pytest.approx(share, abs=0.06)


def logistic(rng, n, strength, n_features=5, link=expit, tails=1e3):
    """Labels that are right and uncertain by nature."""
    X = rng.standard_t(tails, size=(n, n_features))
    weights = rng.standard_normal(n_features)
    return X, (rng.uniform(size=n) < link(X @ weights * strength / np.linalg.norm(weights))).astype(int)


def normal_classes(rng, n, distance, spreads):
    """Classes around centres of their own, each with its own spread."""
    y = rng.integers(0, len(spreads), n)
    centres = rng.standard_normal((len(spreads), 5))
    centres *= distance / np.linalg.norm(centres, axis=1, keepdims=True)
    return centres[y] + rng.standard_normal((n, 5)) * np.array(spreads)[y][:, None], y


RIGHT_LABELS = {
    "independent": lambda rng, n: logistic(rng, n, 0.0),
    "weak": lambda rng, n: logistic(rng, n, 0.7),
    "medium": lambda rng, n: logistic(rng, n, 1.5),
    "strong": lambda rng, n: logistic(rng, n, 5.0),
    "probit": lambda rng, n: logistic(rng, n, 2.0, link=stats.norm.cdf),
    "heavy tails": lambda rng, n: logistic(rng, n, 1.0, tails=2),
    "normal classes": lambda rng, n: normal_classes(rng, n, 3, (1, 1)),
    "different spread": lambda rng, n: normal_classes(rng, n, 3, (1, 2)),
    "three classes": lambda rng, n: normal_classes(rng, n, 2, (1, 2, 2)),
    "four classes": lambda rng, n: normal_classes(rng, n, 3, (1, 1, 1, 1)),
}


@pytest.mark.parametrize("kind", RIGHT_LABELS)
def test_uncertain_labels_are_not_wrong_ones(kind):
    X, y = RIGHT_LABELS[kind](np.random.default_rng(1), 400)
    suggestions = suggest_losses(X, y)
    assert suggestions[0].loss == "cross_entropy" and suggestions.facts_["label_noise"] == 0
    assert "look wrong" not in repr(suggestions)


@pytest.mark.parametrize("seed", [14, 46, 51, 76, 92])
def test_features_that_say_little_do_not_tell_wrong_labels(seed):
    # Data sets in which steps fitted to next to no signal pass the test of the evidence alone.
    X, y = logistic(np.random.default_rng(seed), 200, 0.5, n_features=2)
    facts = suggest_losses(X, y).facts_
    assert facts["noise_evidence"] > facts["noise_threshold"] and facts["label_noise"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("strength", [0.3, 0.5, 0.8])
def test_false_alarms_are_rare_where_features_say_little(strength):
    alarms = [
        suggest_losses(*logistic(np.random.default_rng(seed), 200, strength, n_features=2)).facts_["label_noise"] > 0.1
        for seed in range(120)
    ]
    assert np.mean(alarms) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize("kind", RIGHT_LABELS)
def test_false_alarms_are_rare(kind):
    n_alarms = 0
    for seed in range(40):
        X, y = RIGHT_LABELS[kind](np.random.default_rng(100 + seed), 300)
        n_alarms += suggest_losses(X, y).facts_["label_noise"] > 0.1
    assert n_alarms <= 2  # 5 %


@pytest.mark.slow
@pytest.mark.parametrize("kind, n", [("strong", 2000), ("normal classes", 2000), ("four classes", 700)])
def test_wrong_labels_are_found_where_the_features_say_much(kind, n):
    n_found = 0
    for seed in range(10):
        X, y = RIGHT_LABELS[kind](np.random.default_rng(seed), n)
        n_found += suggest_losses(X, add_label_noise(y, 0.3, random_state=seed)[0])[0].loss == "generalized_cross_entropy"
    assert n_found >= 8


@pytest.mark.parametrize("load", [load_breast_cancer, load_digits, load_iris, load_wine])
def test_real_labels_are_right_until_they_are_flipped(load):
    X, y = load(return_X_y=True)
    X, y = X[y < 4], y[y < 4]
    assert suggest_losses(X, y)[0].loss == "cross_entropy"
    if load is load_wine:  # 178 rows of three classes and 13 features: too few to show it
        return
    suggestions = suggest_losses(X, add_label_noise(y, 0.3, random_state=0)[0])
    assert suggestions[0].loss == "generalized_cross_entropy"
    assert suggestions.facts_["label_noise"] == pytest.approx(0.3, abs=0.06)
    assert "of the labels look wrong" in repr(suggestions)


def test_outliers_and_tails_are_measured():
    X, y = regression("outliers")
    assert suggest_losses(X, y).facts_["outliers"] == pytest.approx(0.1, abs=0.02)
    clean = suggest_losses(*regression("clean")).facts_
    assert clean["outliers"] == 0 and clean["tails"] == pytest.approx(1, abs=0.12)
    assert clean["residual_scale"] == pytest.approx(0.5, rel=0.1) and clean["rows_per_parameter"] == 100
    heavy = suggest_losses(*regression("heavy", n=3000)).facts_
    # Laplace, by its quantiles.
    assert heavy["tails"] == pytest.approx(np.log(0.05) / np.log(0.5) / 2.906, rel=0.07)


def test_outliers_in_a_positive_target_are_outliers():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 3))
    y = add_outliers(10 + X[:, 0] + 2 * rng.standard_normal(400), 0.1, side="up", random_state=0)[0]
    facts = suggest_losses(X, np.abs(y)).facts_
    assert facts["kind"] == "continuous" and facts["outliers"] == pytest.approx(0.1, abs=0.02)
    X, y = load_diabetes(return_X_y=True)
    y = add_outliers(y, 0.1, side="up", random_state=0)[0]
    assert suggest_losses(X, y).facts_["kind"] == "continuous"


def test_changing_spread():
    X, y = regression("clean")
    rng = np.random.default_rng(0)
    fans = X[:, 0] + 0.3 * np.exp(X[:, 0]) * rng.standard_normal(len(X))
    assert "quantile" in suggest_losses(X, fans, max_losses=9).losses
    assert "quantile" not in suggest_losses(X, y, max_losses=9).losses


def test_the_metric_that_counts_comes_first():
    X, y = regression("clean")
    assert suggest_losses(X, y, metric="neg_mean_absolute_error")[0].loss == "mae"
    assert suggest_losses(*regression("outliers"), metric="r2")[0].loss == "mse"
    X, y = classes("label_noise")
    assert suggest_losses(X, y, metric="neg_log_loss")[0].loss == "cross_entropy"
    X, y = classes("imbalance")
    assert "class_weight='balanced'" in repr(suggest_losses(X, y, metric="balanced_accuracy"))
    assert "No rule knows the metric 'mine'" in repr(suggest_losses(X, y, metric="mine"))


def test_kinds_of_targets():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((90, 2))
    for y, task, kind in (
        (np.tile(["a", "b", "c"], 30), None, "classes"),
        (np.tile([True, False], 45), None, "binary"),
        (np.tile([0, 1, 2], 30), None, "classes"),
        (np.tile([0, 1, 2], 30), "regression", "counts"),
        (rng.poisson(9, size=90), None, "counts"),
        (rng.normal(size=90), None, "continuous"),
        (rng.normal(10, 1, size=90), None, "continuous"),
        (rng.integers(-50, 50, size=90), None, "continuous"),
        (rng.lognormal(size=90), None, "positive"),
    ):
        assert suggest_losses(X, y, task=task).facts_["kind"] == kind


@pytest.mark.parametrize("mean", [1.0, 1.5, 2.5])
def test_few_different_counts_are_not_classes(mean):
    rng = np.random.default_rng(0)
    y = rng.poisson(mean, size=300)
    X = rng.standard_normal((300, 2))
    assert len(np.unique(y)) <= 10
    suggestions = suggest_losses(X, y)
    assert suggestions.facts_["kind"] == "counts" and suggestions[0].loss == "poisson"
    assert "task='classification'" in repr(suggestions)
    for options in ({"task": "classification"}, {"estimator": LossClassifier()}, {"estimator": LogisticRegression()}):
        chosen = suggest_losses(X, y, **options)
        assert chosen.facts_["kind"] == "classes" and "was taken as" not in repr(chosen)


def test_classes_in_numbers_stay_classes():
    rng = np.random.default_rng(0)
    for y in (rng.integers(0, 7, 200), rng.integers(0, 2, 200), rng.choice(5, 200, p=[0.3, 0.05, 0.4, 0.05, 0.2])):
        assert suggest_losses(rng.standard_normal((200, 2)), y).facts_["kind"] in ("binary", "classes")
        assert suggest_losses(rng.standard_normal((200, 2)), y, estimator=Ridge()).facts_["kind"] == "counts"


def test_categories_are_classes():
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    y = pandas.Series(rng.poisson(1.0, 200)).astype("category")
    assert suggest_losses(rng.standard_normal((200, 2)), y).facts_["kind"] == "classes"


def test_a_pipeline_prepares_text_and_gaps():
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    X = pandas.DataFrame({"size": rng.standard_normal(120), "town": ["a", "b", "c"] * 40})
    y = X["size"] + rng.standard_normal(120)
    X.loc[3, "size"] = np.nan
    prepare = make_column_transformer((OneHotEncoder(), ["town"]), (SimpleImputer(), ["size"]))
    pipeline = make_pipeline(prepare, LossRegressor())
    facts = suggest_losses(X, y, estimator=pipeline).facts_
    assert facts["kind"] == "continuous" and facts["n_features"] == 4
    assert not hasattr(prepare, "transformers_")
    with pytest.raises(ValueError, match="no numbers .*OneHotEncoder.* pass a pipeline"):
        suggest_losses(X, y)
    with pytest.raises(ValueError, match="nan or inf.*SimpleImputer.* pass a pipeline"):
        suggest_losses(X[["size"]], y)
    with pytest.raises(TypeError, match="takes the data first"):
        suggest_losses(pipeline, y)


@pytest.mark.parametrize(
    "y, message",
    [
        (np.zeros((20, 2)), "2 columns; call it for each column"),
        (["a", None] * 10, "missing values; leave out these rows"),
        (np.array(["a", np.nan] * 10, dtype=object), "missing values"),
        (np.r_[np.nan, np.arange(19.0)], "nan or infinity; leave out these rows"),
    ],
)
@pytest.mark.parametrize("task", [None, "classification"])
def test_targets_that_are_refused_say_what_to_do(y, message, task):
    with pytest.raises(ValueError, match=message):
        suggest_losses(np.random.default_rng(0).standard_normal((20, 2)), y, task=task)


@pytest.mark.parametrize("kind", SUITABLE)
def test_no_sentence_is_printed_twice(kind):
    lines = [line for line in repr(suggest_losses(*regression(kind))).splitlines() if len(line) > 20]
    assert len(lines) == len(set(lines))


def test_queries_ask_for_a_ranking_loss():
    rng = np.random.default_rng(0)
    suggestions = suggest_losses(rng.standard_normal((60, 2)), rng.integers(0, 5, 60), qid=np.repeat(np.arange(6), 10))
    assert suggestions.facts_["n_queries"] == 6 and suggestions.facts_["n_grades"] == 5
    assert suggestions[0].loss == first_known("lambdarank", "listnet", "ranknet", "mse")


def test_few_rows_speak_for_convex_losses():
    X, y = regression("outliers", n=25)
    suggestions = suggest_losses(X, y)
    assert suggestions.facts_["rows_per_parameter"] == 6.25
    assert Loss.make(suggestions[0].loss).convex


def test_prints_in_plain_sentences_with_sources():
    text = repr(suggest_losses(*regression("outliers")))
    assert "400 rows, 3 features, a real target" in text
    assert "beyond 5 robust standard deviations" in text and "Huber 1964" in text
    assert all(rule.source and rule.says for rule in RULES)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(y=np.full(20, np.nan)), "nan"),
        (dict(y=np.ones(20, dtype=int)), "nothing to learn"),
        (dict(y=["a"] * 20, task="regression"), "needs numbers"),
        (dict(y=np.arange(20.0), task="guess"), "task must be"),
        (dict(y=np.arange(19.0)), "inconsistent"),
    ],
)
def test_bad_input_is_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        suggest_losses(np.random.default_rng(0).standard_normal((20, 2)), **arguments)
