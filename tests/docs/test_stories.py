"""The longer examples run in a smaller form, and show what their first lines say."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def plt():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.close("all")
    yield plt
    plt.close("all")


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_choosing_a_loss(plt, capsys):
    suggestions, comparison, curve = load("choosing_a_loss").main(n_repeats=2, levels=(0.0, 0.2))
    assert suggestions.facts_["outliers"] == pytest.approx(0.1, abs=0.02)
    assert suggestions[0].loss in comparison.best_group_["neg_median_absolute_error"]
    assert "mse" not in comparison.best_group_["neg_median_absolute_error"]
    errors = {loss: -scores.mean(axis=1) for loss, scores in curve.scores_.items()}
    assert errors["mse"][1] > 3 * errors["mse"][0]
    first = errors[suggestions[0].loss]
    assert first[1] < 1.2 * first[0]
    assert len(plt.get_fignums()) == 3
    assert "significantly worse: mse" in capsys.readouterr().out


def test_quantile_coverage(plt, capsys):
    shares = load("quantile_coverage").main(n=400, max_iter=100)
    assert set(shares) == {"straight line", "MLP (30, 30)", "diabetes"}
    assert all(0.82 <= share <= 0.95 for share in shares.values()), shares
    assert len(plt.get_fignums()) == 1 and "the truth" in capsys.readouterr().out


# The text is the docstrings of the installed libraries; the oldest ones tell another story.
@pytest.mark.slow
def test_language_model(plt, capsys):
    found = load("language_model").main(n_rows=6000, hidden=16, epochs=4)
    names = list(found)
    assert names[:3] == ["a blind guess", "unigrams", "bigrams"]
    assert found["unigrams"] > found["bigrams"] > found["softmax regression"] > 2
    assert found["MLP (16)"] < found["unigrams"]
    assert len(plt.get_fignums()) == 1 and "left to itself: ...returns the " in capsys.readouterr().out


def test_learning_to_rank(capsys):
    module = load("learning_to_rank")
    found = module.ranking(losses=("mse", "ranknet", "listnet"), n_queries=30, alphas=(1e-3,))
    for loss in ("ranknet", "listnet"):
        assert all(ours > pointwise + 0.01 for ours, pointwise in zip(found[loss], found["mse"], strict=True))
    means = module.area_under_the_curve()
    assert all(value > means["cross_entropy"] + 0.004 for name, value in means.items() if name != "cross_entropy")
    printed = capsys.readouterr().out
    assert "NDCG@10" in printed and "3 % positive" in printed


def test_outliers_and_leverage(plt, capsys):
    models = load("outliers_and_leverage").main()
    for loss in ("mse", "huber"):
        assert np.abs(models[loss].coef_[:2] - [1, -1]).max() > 0.3, loss
    np.testing.assert_allclose(models["tukey"].coef_[:2], [1, -1], atol=0.03)
    assert len(plt.get_fignums()) == 2
    printed = capsys.readouterr().out
    assert "day 21: 0.00" in printed and "tukey gives 88 of them weight 0" in printed


def test_robust_lasso(plt, capsys):
    module = load("robust_lasso")
    paths = module.main(alphas=np.array([20.0, 7.0]))
    X, y, wrong, X_test, y_test = module.patients()
    errors = {
        loss: [np.mean(np.abs(y_test - model.predict(X_test))) for model in path.values()] for loss, path in paths.items()
    }
    assert min(errors["mse"]) > 2 * min(errors["huber"]) and max(errors["tukey"]) < 70
    assert 45 < paths["huber"][7.0].scale_ < 80
    assert not paths["tukey"][7.0].row_weights_[wrong].any()
    assert len(plt.get_fignums()) == 2 and "of the 20 wrong targets" in capsys.readouterr().out


def test_costs_of_decisions(plt, capsys):
    by_row, by_matrix = load("costs_of_decisions").main(n_splits=3, n_repeats=1)
    means = {loss: scores.mean() for loss, scores in zip(by_row.losses_, by_row.test_scores_["neg_cost_by_row"], strict=True)}
    plain = by_row.test_scores_["neg_cost"][by_row.losses_.index("cross_entropy")].mean()
    assert all(mean > 0.85 * plain for mean in means.values()), means
    assert set(by_matrix.metrics_) == {"neg_cost_by_matrix", "neg_cost"}
    assert len(plt.get_fignums()) == 2 and "Costs row by row" in capsys.readouterr().out
