"""The examples run whole, and what their text says is what they compute."""

import ast
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sklearn_losses.losses import Loss

EXAMPLES = Path(__file__).parents[2] / "examples"
PATHS = sorted(EXAMPLES.glob("*.py"))


@pytest.fixture
def run(monkeypatch, capsys):
    """Run an example by its name; give its names, what it printed, and its figures.

    The losses that it registers are forgotten afterwards. A window is never shown.
    """
    monkeypatch.setattr(Loss, "registry", dict(Loss.registry))
    monkeypatch.setattr(plt, "show", lambda: None)
    plt.close("all")

    def whole(name):
        names = SimpleNamespace(**runpy.run_path(str(EXAMPLES / f"{name}.py")))
        names.printed = capsys.readouterr().out
        assert max(map(len, names.printed.splitlines())) <= 80
        names.figures = [plt.figure(number) for number in plt.get_fignums()]
        return names

    yield whole
    plt.close("all")


def check_pictures(figures, expected):
    """Every figure has a title, and every panel with axes has labels."""
    assert len(figures) == expected
    for figure in figures:
        panels = [ax for ax in figure.axes if ax.axison]
        assert figure.get_suptitle() or all(ax.get_title() for ax in panels)
        assert all(ax.get_xlabel() for ax in panels)
        assert not panels or panels[0].get_ylabel() or panels[0].get_yticklabels()


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_text(path):
    """The parts that the gallery needs: a short title, sections with headings, a thumbnail."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    title, line, *_ = ast.get_docstring(tree).splitlines()
    assert len(title.split()) <= 8 and line == "=" * len(title)
    sections = re.findall(r"^# (.+)\n# (-+)$", source, flags=re.MULTILINE)
    assert len(sections) >= 2 and all(len(heading) == len(line) for heading, line in sections)
    [number] = re.findall(r"^# sphinx_gallery_thumbnail_number = (\d)$", source, flags=re.MULTILINE)
    assert 1 <= int(number) <= source.count("plt.show()")
    assert "__name__" not in source
    # What fits into a code block of the gallery's pages; comments outside of code become prose.
    start = source.index('"""\n', 4) + 4
    assert max(len(row) for row in source[start:].splitlines() if not row.startswith("#")) <= 88


def test_every_example_is_tested():
    tested = re.findall(r"^def test_(\w+)", Path(__file__).read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {path.stem for path in PATHS} <= set(tested)
    assert len(PATHS) >= 18


def test_compare_losses_diabetes(run):
    found = run("compare_losses_diabetes")
    errors, others = found.errors, ("mae", "huber", "huber, delta=0.3")
    for kind in ("linear", "network"):
        right = {name: errors[name, kind, "right"] for name in found.losses}
        wrong = {name: errors[name, kind, "wrong"] for name in found.losses}
        # 65 without any column.
        assert right["mse"] < 50 and right["mae"] < 50 and right["quantile 0.75"] > 50
        assert wrong["mse"] > 3 * right["mse"] and wrong["mse"] > found.median_error > wrong["log_cosh, a function"]
        assert all(wrong[name] < 1.06 * right[name] for name in others)
    assert set(found.comparison.best_group_["neg_mean_absolute_error"]) == set(found.losses) - {"quantile 0.75"}
    assert "the median of y" in found.printed and "quantile 0.75" in found.printed
    check_pictures(found.figures, 2)


@pytest.mark.slow
def test_choosing_a_loss(run):
    found = run("choosing_a_loss")
    assert found.suggestions.facts_["outliers"] == pytest.approx(0.1, abs=0.02)
    best = found.comparison.best_group_["neg_median_absolute_error"]
    assert set(best) == set(found.suggestions.losses) and "mse" not in best
    errors = {loss: -scores.mean(axis=1) for loss, scores in found.curve.scores_.items()}
    assert max(error[0] for error in errors.values()) < 1.02 * min(error[0] for error in errors.values())
    assert errors["mse"][1] > 3 * errors["mse"][0]
    for loss, level in (("huber", 1), ("cauchy", 2), ("tukey", 3)):
        assert errors[loss][level] < 1.05 * errors[loss][0], loss
    assert errors["huber"][2] > 1.1 * errors["huber"][0] and errors["cauchy"][3] > 1.5 * errors["cauchy"][0]
    check_pictures(found.figures, 3)


def test_robust_regression(run):
    found = run("robust_regression")

    def error(loss):
        model = found.models[loss]
        return max(abs(model.coef_[0] - 2), abs(model.intercept_ - 5))

    assert error("mse") > 10
    for loss in ("tukey", "cauchy", "welsch", "geman_mcclure", "adaptive_barron"):
        assert error(loss) < 0.1 < error("mae") < error("huber") < 1, loss
    assert found.models["tukey"].scale_ == pytest.approx(0.5, abs=0.4)
    assert np.sum(found.weights[found.outlier] == 0) >= found.outlier.sum() - 1
    assert not np.any(found.weights[~found.outlier] == 0)
    check_pictures(found.figures, 2)


def test_outliers_and_leverage(run):
    found = run("outliers_and_leverage")
    for loss in ("mse", "huber"):
        assert np.abs(found.patients[loss].coef_[:2] - [1, -1]).max() > 0.3, loss
    np.testing.assert_allclose(found.patients["tukey"].coef_[:2], [1, -1], atol=0.03)
    assert found.found["tukey"] == found.wrong.sum() == 88 and found.found["mse"] < 20
    assert "day 21: 0.00" in found.printed and "tukey gives weight 0 to 88 wrong rows" in found.printed
    check_pictures(found.figures, 2)


@pytest.mark.slow
def test_robust_lasso(run):
    found = run("robust_lasso")
    lowest = {loss: min(errors) for loss, errors in found.errors.items()}
    assert lowest["mse"] > 3 * max(lowest["huber"], lowest["tukey"]) and max(found.errors["tukey"]) < 70
    assert 45 < found.best["huber"].scale_ < 80 and 45 < found.best["tukey"].scale_ < 80
    selected = {loss: np.flatnonzero(model.coef_) for loss, model in found.best.items()}
    for loss in ("huber", "tukey"):
        assert len(selected[loss]) < len(selected["mse"]) and sum(selected[loss] < 10) > sum(selected["mse"] < 10)
    assert np.array_equal(found.left_out, found.wrong) and found.wrong.sum() == 20
    assert np.sum(found.display.kinds == "vertical outlier") == 20
    check_pictures(found.figures, 2)


def test_quantile_coverage(run):
    found = run("quantile_coverage")
    assert found.shares["truth"] == pytest.approx(0.9, abs=0.01)
    for name in ("linear", "network", "diabetes"):
        assert 0.86 <= found.shares[name] <= 0.95, name
    off = {name: np.mean([np.abs(band[level] - found.truth[level]) for level in band]) for name, band in found.bands.items()}
    assert off["network"] < 0.6 * off["linear"]
    assert np.all(np.abs(found.display.shares - found.levels) < 0.02)
    check_pictures(found.figures, 2)


def test_count_regression(run):
    found = run("count_regression")
    mean = found.y.mean()
    for name in ("mse", "poisson", "tweedie"):
        assert found.predicted[name].mean() == pytest.approx(mean, rel=0.03), name
    assert 0.5 * mean < found.predicted["mae"].mean() < 0.6 * mean
    assert found.predicted["mse"].min() < 0 < found.predicted["poisson"].min()
    assert found.deviance["poisson"] < found.deviance["constant"] - 0.2
    poisson, mse, mae = (found.groups[name] for name in ("poisson", "mse", "mae"))
    assert np.max(np.abs(poisson.predicted / poisson.observed - 1)) < 0.2
    assert mse.predicted[0] < 0.75 * mse.observed[0] and np.all(mae.predicted < 0.75 * mae.observed)
    factors = dict(zip(found.X.columns, np.exp(found.model.coef_), strict=True))
    assert factors["hlthp"] == pytest.approx(1.2, abs=0.05) and factors["physlm"] == pytest.approx(1.3, abs=0.05)
    check_pictures(found.figures, 2)


def test_image_classification_digits(run):
    found = run("image_classification_digits")
    assert min(found.accuracy.values()) > 0.95
    for loss in found.losses:
        assert found.accuracy[loss, "network"] > found.accuracy[loss, "linear"], loss
    assert found.accuracy[found.best] == max(found.accuracy.values()) == pytest.approx(1 - len(found.mistakes) / 450)
    assert 1 <= len(found.mistakes) <= 15
    assert "adam" in found.printed and "augmented_lagrangian" in found.printed
    check_pictures(found.figures, 2)


@pytest.mark.slow
def test_label_noise_digits(run):
    found = run("label_noise_digits")
    best = {loss: max(scores) for loss, scores in found.found.items()}
    for loss in map(str, found.noise_tolerant):
        assert best[loss] > best["cross_entropy"] + 0.003, loss
        assert found.found[loss][1] > found.found["cross_entropy"][1] + 0.02, loss
    gain = np.subtract(found.curves["active_passive"], found.curves["cross_entropy"])
    assert np.all(np.diff(gain) > 0) and abs(gain[0]) < 0.01 and gain[-1] > 0.05
    check_pictures(found.figures, 2)


@pytest.mark.slow
def test_elastic_net_path(run):
    found = run("elastic_net_path")
    lasso, net = found.paths.values()
    zeros = {name: np.mean(path == 0) for name, path in found.paths.items()}
    assert zeros["Lasso"] > list(zeros.values())[1] + 0.1
    order = np.argmax(lasso != 0, axis=0)  # the fit in which each feature enters
    assert set(found.X.columns[np.argsort(order)[:2]]) == {"bmi", "s5"}
    assert np.abs(np.diff(net, axis=0)).max() < np.abs(np.diff(lasso, axis=0)).max()
    coefficients = np.array([search.best_estimator_[-1].coef_ for search in found.searches.values()])
    for feature in ("bmi", "s5", "bp", "s3", "sex"):
        signs = np.sign(coefficients[:, list(found.X.columns).index(feature)])
        assert signs[0] != 0 and np.all(signs == signs[0]), feature
    for search in found.searches.values():
        error = -search.cv_results_["mean_test_score"]
        assert error[search.best_index_] < error.min() + 1 and search.best_index_ < np.argmin(error)
    check_pictures(found.figures, 3)


@pytest.mark.slow
def test_class_imbalance(run):
    found = run("class_imbalance")
    y, proba = found.y, found.proba
    precision = {name: found.average_precision_score(y, p) for name, p in proba.items()}
    assert np.ptp(list(precision.values())) < 0.02
    found_eights = {name: np.mean(p[y == 1] > 0.5) for name, p in proba.items()}
    taken_for_eights = {name: np.sum(p[y == 0] > 0.5) for name, p in proba.items()}
    assert found_eights["balanced weights"] > found_eights["cross_entropy"] + 0.05
    assert taken_for_eights["balanced weights"] > 5 * taken_for_eights["cross_entropy"]
    assert proba["cross_entropy"].mean() == pytest.approx(y.mean(), abs=0.003)
    assert min(proba["balanced weights"].mean(), proba["focal"].mean()) > 1.5 * y.mean()
    weighted, focal = found.reliability["balanced weights"], found.reliability["focal"]
    assert np.all(weighted.observed[1:] < weighted.predicted[1:])
    assert focal.observed[1] < focal.predicted[1] and focal.observed[-1] > focal.predicted[-1]
    means = {name: np.mean(values) for name, values in found.auc.items()}
    assert all(value > means["cross_entropy"] + 0.004 for name, value in means.items() if name != "cross_entropy")
    check_pictures(found.figures, 2)


@pytest.mark.slow
def test_costs_of_decisions(run):
    found = run("costs_of_decisions")
    by_row = found.by_row
    means = dict(zip(by_row.losses_, -by_row.test_scores_["neg_cost_by_row"].mean(axis=1), strict=True))
    plain = -by_row.test_scores_["neg_cost"][by_row.losses_.index("cross_entropy")].mean()
    assert all(mean < 0.85 * plain for mean in means.values()), means
    assert plain > 1.4 * means["cross_entropy"]
    assert set(by_row.best_group_["neg_cost_by_row"]) == set(found.losses)
    assert set(found.by_matrix.best_group_["neg_cost_by_matrix"]) == set(found.losses)
    probable, cheapest = found.decisions.values()
    assert np.sum(cheapest > probable) > 100 and not np.any(cheapest < probable)
    check_pictures(found.figures, 2)


@pytest.mark.slow
def test_learning_to_rank(run):
    found = run("learning_to_rank")
    for loss in set(found.found) - {"mse"}:
        least = 0.005 if loss == "approx_ndcg" else 0.01
        gains = np.subtract(found.found[loss], found.found["mse"])
        assert np.all(gains > least), loss
        assert abs(found.found[loss][0] - found.found["ranknet"][0]) < 0.02, loss
    for loss in ("lambdarank", "listnet"):
        assert min(found.curves[loss]) > max(found.curves["mse"]) + 0.005, loss
        assert np.ptp(found.curves[loss]) < 0.6 * np.ptp(found.curves["mse"]), loss
    check_pictures(found.figures, 2)


def test_grid_search_losses(run):
    found = run("grid_search_losses")
    assert len(found.complexity.cv_results_["params"]) == 3 + 6 and found.complexity.best_score_ > -50
    assert found.complexity.best_params_["model__hidden_layer_sizes"] == ()
    assert found.delta.best_estimator_[-1].get_params()["loss__delta"] == 1.35
    assert np.ptp(found.delta.cv_results_["mean_test_score"]) < 1 < np.ptp(found.rate.cv_results_["mean_test_score"])
    assert found.rate.best_params_["model__solver__learning_rate"] in (1e-3, 1e-2)
    check_pictures(found.figures, 1)


def test_custom_loss(run):
    found = run("custom_loss")
    assert found.costs["class"] < 0.9 * found.costs["mse"]
    assert found.costs["class"] == pytest.approx(found.costs["function"], rel=1e-3)
    assert found.too_low["class"] < found.too_low["mse"] - 0.1
    assert found.difference < 1e-3
    assert found.search.best_params_["loss__factor"] == 3
    check_pictures(found.figures, 2)


def test_custom_solver(run):
    found = run("custom_solver")
    assert all(model.converged_ for model in found.models.values())
    losses = [model.loss_ for model in found.models.values()]
    assert np.ptp(losses) < 1e-8
    first = {
        name: np.flatnonzero(np.array(model.loss_curve_) < found.minimum + 1e-6)[0] for name, model in found.models.items()
    }
    assert first["newton"] < first["lbfgs"] < first["BarzilaiBorwein"] < first["gd"]
    assert np.any(np.diff(found.models["BarzilaiBorwein"].loss_curve_) > 1e-6)
    assert found.median.dual_gap_ < 1e-12 and found.median.loss_ == pytest.approx(found.reference.loss_, rel=1e-9)
    check_pictures(found.figures, 1)


def test_solver_convergence(run):
    found = run("solver_convergence")
    end = {name: curve[-5:].min() - found.minimum for name, curve in found.curves.items()}
    assert max(end["newton"], end["lbfgs"]) < 1e-9 and end["SVRG"] < 1e-5 < min(end["SGD"], end["Adam"])
    assert len(found.curves["newton"]) < len(found.curves["lbfgs"]) < len(found.curves["gd"])
    for name in ("SGD", "Adam", "SVRG"):
        assert found.curves[name][9] - found.minimum < 5e-3, name
    for solver, rows in found.gaps.items():
        assert np.all(rows[:, 1] >= rows[:, 2]) and rows[-1, 3] and not rows[0, 3], solver
    check_pictures(found.figures, 2)


@pytest.mark.slow
def test_large_data_files(run):
    found = run("large_data_files")
    assert found.from_files.converged_ and found.difference < 1e-10
    memory, files = found.memory["rows in memory"], found.memory["rows in files"]
    assert memory[-1] > 5 * memory[0] and files[-1] < 1.1 * files[1] < 0.5 * memory[-1]
    assert not found.folder.exists()
    check_pictures(found.figures, 1)


# The text is that of the installed libraries, which differs from version to version.
@pytest.mark.slow
def test_language_model(run):
    found = run("language_model")
    guess, unigrams, bigrams, softmax, mlp = found.perplexity.values()
    assert guess > unigrams > bigrams > 1.5 * max(softmax, mlp) and min(softmax, mlp) > 2
    assert max(softmax, mlp) < 1.2 * min(softmax, mlp)
    assert found.written.startswith("returns the ") and len(found.written) == 112
    check_pictures(found.figures, 1)
