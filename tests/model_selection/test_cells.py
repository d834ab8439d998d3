"""One loss on one fold: the search is nested, and errors become part of the table."""

import numpy as np
import pytest
from sklearn.metrics import get_scorer

from sklearn_losses import LossRegressor
from sklearn_losses.core.loss_parameter import LossParameter
from sklearn_losses.losses import MSE, Gamma
from sklearn_losses.model_selection.cells import Experiment
from sklearn_losses.model_selection.folds import Data

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 2))
Y = X @ [1.0, 2.0] + 0.1 * RNG.standard_normal(40)
TRAIN, TEST = np.arange(30), np.arange(30, 40)


@pytest.fixture
def experiment():
    model = LossRegressor(random_state=0)
    scorers = {"r2": get_scorer("r2"), "neg_mean_poisson_deviance": get_scorer("neg_mean_poisson_deviance")}
    return Experiment(model, LossParameter(model), Data(X, Y), scorers, {}, inner_cv=3, seed=0)


def test_the_best_setting_on_the_training_rows_is_fitted(experiment):
    cell = experiment.cell("mse", MSE(), [{"alpha": 100.0}, {"alpha": 1e-4}], TRAIN, TEST)
    assert cell.params == {"alpha": 1e-4} and cell.error is None and cell.converged == 1
    alone = LossRegressor(alpha=1e-4).fit(X[TRAIN], Y[TRAIN])
    assert cell.test["r2"] == pytest.approx(alone.score(X[TEST], Y[TEST]), rel=1e-9)
    assert cell.train["r2"] == pytest.approx(alone.score(X[TRAIN], Y[TRAIN]), rel=1e-9)


def test_a_metric_without_a_value_says_why(experiment):
    cell = experiment.cell("mse", MSE(), [{}], TRAIN, TEST)
    assert np.isnan(cell.test["neg_mean_poisson_deviance"]) and np.isfinite(cell.test["r2"])
    assert "only be used" in cell.missing["neg_mean_poisson_deviance"]


def test_a_loss_that_fails_is_an_error_of_its_cell(experiment):
    cell = experiment.cell("gamma", Gamma(), [{}], TRAIN, TEST)
    assert cell.error.startswith("ValueError: ") and np.isnan(cell.test["r2"])
    searched = experiment.cell("gamma", Gamma(), [{"alpha": 1.0}, {"alpha": 2.0}], TRAIN, TEST)
    assert searched.error.startswith("ValueError: ") and searched.params is None


def test_the_users_loss_is_not_changed(experiment):
    loss = MSE()
    assert experiment.with_loss(loss).loss is not loss
    assert experiment.primary == "r2"
