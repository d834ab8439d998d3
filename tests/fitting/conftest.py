"""Problems of a few rows, put together as a fit does."""

import numpy as np
import pytest

from sklearn_losses.fitting.fit import initial_fit
from sklearn_losses.fitting.problem import prepare
from sklearn_losses.fitting.regression import Regression
from sklearn_losses.fitting.rows import Rows
from sklearn_losses.fitting.settings import Settings
from sklearn_losses.losses import Loss
from sklearn_losses.solvers import Solver

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3)) + [0.0, 50.0, 0.0]
Y = X @ [1.0, -2.0, 0.5] + RNG.normal(size=30)


@pytest.fixture
def make_problem():
    """``make_problem(loss, solver, **settings)``: a linear regression; rows, task and what
    `prepare` takes can be given too.
    """

    def make(loss="mse", solver="lbfgs", *, task=None, rows=None, initial=initial_fit, last=None, held_out=None, **settings):
        task, rows, settings = task or Regression(), rows or Rows(X, Y, None), Settings(**settings)
        return prepare(
            task, Loss.make(loss), Solver.make(solver), task.model(settings, rows.X.shape[1]), rows, settings, initial,
            last=last, held_out=held_out,
        )  # fmt: skip

    return make
