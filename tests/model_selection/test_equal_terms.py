"""Whether losses were compared on equal terms: who is beaten by whom, and how strong each penalty
is.
"""

import numpy as np
import pytest

from sklearn_losses.losses import CVaR, Huber, Trimmed
from sklearn_losses.model_selection.equal_terms import beaten, judges, searches_alpha, strength_sentence


def test_a_search_over_alpha_is_told_from_the_grids():
    assert searches_alpha({"mse": [{"model__alpha": [1, 2]}], "mae": []})
    assert not searches_alpha({"mse": [{"model__alpha_other": [1], "loss__delta": [1]}]})


def test_losses_that_their_fit_does_not_minimise_judge_nothing():
    specs = {"mse": "mse", "robust": Huber(), "fixed": Huber(scale=1.0), "worst": CVaR("mse"), "best": Trimmed("mse")}
    assert set(judges(specs)) == {"mse", "fixed"}


def test_a_loss_whose_model_another_beats_is_named():
    folds = {
        "mse": [{"mse": 2.0, "mae": 1.0, "constant": 4.0}, {"mse": 2.2, "mae": 1.0, "constant": 4.0}],
        "mae": [{"mse": 1.0, "mae": 0.99, "constant": 2.0}, {"mse": 1.0, "mae": 0.99, "constant": 2.0}],
    }
    found = beaten(folds)
    assert set(found) == {"mse"}
    assert found["mse"] == ("mae", pytest.approx(2.1), pytest.approx(1.0))


def test_a_little_better_is_no_sign():
    folds = {"mse": [{"mse": 1.0, "constant": 4.0}], "mae": [{"mse": 0.9, "mae": 1.0, "constant": 2.0}]}
    assert beaten(folds) == {}


@pytest.mark.parametrize(
    "strengths, alpha",
    [
        ({"mse": 100.0, "mae": 1.0}, "auto"),
        ({"mse": 100.0, "mae": np.nan}, 1.0),
        ({"mse": 2.0, "mae": 1.0}, 1.0),
        ({"mse": 0.5, "mae": 0.001}, 1e-4),
    ],
)
def test_about_the_same_strength_needs_no_sentence(strengths, alpha):
    assert strength_sentence(strengths, alpha) is None


def test_unequal_strengths_are_said():
    said = strength_sentence({"mse": 1.0, "mae": 40.0, "poisson": np.nan}, 0.5)
    assert said.startswith("alpha=0.5 is not the same strength for all losses: for mae it is 40 times")
    assert "for mse 1 times" in said and "alpha='auto'" in said
