"""Best constants, from which intercepts start."""

import numpy as np
import pytest

from sklearn_losses.losses import (
    CustomLoss,
    Loss,
)

REGRESSION = sorted(name for name, maker in Loss.names().items() if maker.task == "regression")


@pytest.mark.parametrize("name", REGRESSION)
def test_best_constant_is_the_least_of_a_fine_grid(name):
    rng = np.random.default_rng(2)
    y, weight = rng.gamma(1.5, size=80) + 0.05, rng.uniform(0.1, 3, 80)
    loss = Loss.make(name)
    [best] = loss.best_constant(y, weight / weight.mean(), 1)

    def mean(constant):
        return np.average(loss.value(y, np.full(80, constant)), weights=weight)

    grid = np.linspace(best - 3, best + 3, 3001)
    assert mean(best) <= min(mean(constant) for constant in grid) + 1e-7


CLASSIFICATION = sorted(name for name, maker in Loss.names().items() if maker.task == "classification")


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_best_constant_scores_are_no_worse_than_others_and_leave_a_gradient(name):
    y, weight = np.array([0] * 5 + [1] * 4 + [2] * 3), np.random.default_rng(0).uniform(0.5, 2, 12)
    loss = Loss.make(name)
    for codes, outputs in ((y, 3), (np.minimum(y, 1), 1)):
        best = loss.best_constant(codes, weight, outputs)

        def mean(scores, codes=codes, outputs=outputs):
            raw = np.full(12, scores[0]) if outputs == 1 else np.tile(scores, (12, 1))
            return np.average(loss.value(codes, raw), weights=weight)

        assert np.max(np.abs(best)) < 10
        # The best scores of these lie at infinity, so nothing is claimed there.
        for step in np.eye(outputs):
            if name not in ("active_passive", "expected_cost"):
                assert mean(best) <= min(mean(best + step / 10), mean(best - step / 10)) + 1e-9
        assert mean(best) <= mean(np.zeros(outputs)) + 1e-12


def test_best_constant_of_a_custom_loss_with_a_log_link():
    y = np.random.default_rng(0).gamma(2.0, size=50)
    bound = CustomLoss(lambda a, b: (a - b) ** 2, inverse_link="exp").bind(y, 1, "regression")
    np.testing.assert_allclose(bound.best_constant(y, np.ones(50), 1), np.log(y.mean()), rtol=1e-5)
