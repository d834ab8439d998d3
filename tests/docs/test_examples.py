"""The examples run in a smaller form, and show what their first lines say."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

from sklearn_losses.losses import Loss

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch):
    """Load an example by its name; the losses that it registers are forgotten afterwards."""
    monkeypatch.setattr(Loss, "registry", dict(Loss.registry))

    def load(name):
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def test_compare_losses_diabetes(example, capsys):
    errors = example("compare_losses_diabetes").main(losses=("mse", "mae", "log-cosh, my own"))
    printed = capsys.readouterr().out
    for kind in ("linear", "mlp"):
        # 65 without any column.
        assert errors["mse", kind, "clean"] < 50 and errors["mae", kind, "clean"] < 50
        assert errors["mse", kind, "spoilt"] > 100
        assert errors["mae", kind, "spoilt"] < 1.1 * errors["mae", kind, "clean"]
        assert errors["log-cosh, my own", kind, "spoilt"] < 65
    assert "mae" in printed and "always the median" in printed


def test_image_classification_digits(example, capsys):
    module = example("image_classification_digits")
    cases = [("cross_entropy", ()), ("hinge", ()), ("cross_entropy", (64,)), ("hinge", (64,))]
    accuracy = module.main(cases=cases, images=800)
    assert set(accuracy) == set(cases) and set(cases) < set(module.CASES)
    assert min(accuracy.values()) > 0.9
    printed = capsys.readouterr().out
    assert "adam" in printed and "augmented_lagrangian" in printed and "The best" in printed


def test_grid_search_losses(example):
    searches = example("grid_search_losses").main(cv=3, units=((5,),))
    assert len(searches["complexity"].cv_results_["params"]) == 3 + 3
    assert searches["complexity"].best_score_ > -50
    assert searches["delta"].best_params_["model__loss__delta"] >= 1
    assert searches["delta"].best_estimator_[-1].get_params()["loss__delta"] >= 1
    assert searches["rate"].best_params_["model__solver__learning_rate"] < 0.1


def test_custom_loss(example):
    costs, difference, factor = example("custom_loss").main(cv=3)
    assert costs["cost, a function"] < 0.9 * costs["mse"]
    assert costs["lopsided, a class"] == pytest.approx(costs["cost, a function"], rel=1e-3)
    assert difference < 1e-3
    assert factor in (2, 3, 4)


@pytest.mark.slow
def test_label_noise_digits(example, capsys):
    module = example("label_noise_digits")
    found = module.main(losses=("cross_entropy", *module.TOLERANT), seeds=(0, 1))
    best = {loss: max(scores) for loss, scores in found.items()}
    for loss in map(str, module.TOLERANT):
        assert best[loss] > best["cross_entropy"] + 0.003, loss
    assert len(capsys.readouterr().out.splitlines()) == 2 + len(found)


def test_robust_regression(example):
    models = example("robust_regression").main()

    def error(loss):
        return np.abs([*(models[loss].coef_ - [2, -1]), models[loss].intercept_ - 5]).max()

    assert error("mse") > 10
    for loss in ("tukey", "cauchy", "welsch", "geman_mcclure", "adaptive_barron"):
        assert error(loss) < 0.1 < error("huber") < 1, loss
    assert models["tukey"].scale_ == pytest.approx(0.5, abs=0.4)


def test_every_example_is_tested():
    tests = [Path(__file__), Path(__file__).with_name("test_stories.py")]
    tested = {name for path in tests for name in re.findall(r"^def test_(\w+)", path.read_text(), flags=re.MULTILINE)}
    assert {path.stem for path in EXAMPLES.glob("*.py")} <= tested
