"""The backtracking line search: which steps it accepts, and what it does where rounding hides a
decrease.
"""

import numpy as np
import pytest

from sklearn_losses.solvers.line_search import Backtracking, Step, backtrack, newton_step


class Quadratic:
    """``height + |params|^2 / 2 + l1 * |params|_1``, with a count of its evaluations."""

    precision = 2.0**-52

    def __init__(self, height=0.0, l1=0.0, steep=1.0):
        self.height, self.l1, self.steep, self.evaluations = height, l1, steep, 0

    def value_and_gradient(self, params):
        self.evaluations += 1
        return self.height + 0.5 * self.steep * float(params @ params), self.steep * params

    def l1_value(self, params):
        return self.l1 * float(np.abs(params).sum())


def at(objective, *params):
    params = np.array(params)
    return Step(params, *objective.value_and_gradient(params), 0.0)


def never(params, gradient):
    return False


def test_the_full_step_is_taken_where_it_is_low_enough():
    objective = Quadratic()
    found = backtrack(objective, at(objective, 2.0, -1.0), np.array([-2.0, 1.0]), never)
    assert found.length == 1.0 and objective.evaluations == 2
    assert np.array_equal(found.params, [0.0, 0.0]) and found.value == 0.0


def test_a_step_that_is_too_long_is_halved():
    objective = Quadratic()
    found = backtrack(objective, at(objective, 1.0), np.array([-8.0]), never)
    # 1, 1/2 and 1/4 end at -7, -3 and -1, which is no lower; 1/8 ends at the minimum.
    assert found.length == 0.125 and found.params[0] == 0.0


def test_the_share_of_the_promised_decrease_is_a_limit():
    objective, direction = Quadratic(), np.array([-1.5])
    assert backtrack(objective, at(objective, 1.0), direction, never).length == 1.0
    # The derivative promises 1.5 and the full step gains 0.375.
    assert backtrack(objective, at(objective, 1.0), direction, never, limits=Backtracking(decrease=0.3)).length == 0.5


def test_no_step_uphill():
    objective = Quadratic()
    start = at(objective, 1.0)
    found = backtrack(objective, start, np.array([1.0]), never, limits=Backtracking(trials=5, noise=0.0))
    assert found.length == 0.0 and found.params is start.params
    assert objective.evaluations == 6


def test_the_absolute_values_count_and_the_end_is_exact():
    objective, end = Quadratic(l1=1.0), np.array([0.0, 0.5])
    start = at(objective, 1.0, 0.1)
    found = backtrack(objective, start, end - start.params, never, end=end)
    assert found.params is end
    smooth, absolute = Quadratic(), Quadratic(l1=1.0)
    away = np.array([-1.0, 1.0])  # from (0.6, 0): the squares fall and the absolute values stay
    assert backtrack(smooth, at(smooth, 0.6, 0.0), 0.5 * away, never).length == 1.0
    assert backtrack(absolute, at(absolute, 0.1, 0.0), 0.5 * away, never, limits=Backtracking(trials=3)).length == 0.0


class Noisy(Quadratic):
    """Values with three digits: that at the minimum is too high by more than its digits."""

    precision = 1e-3

    def value_and_gradient(self, params):
        value, gradient = super().value_and_gradient(params)
        return value + (0.05 if params[0] == 0 else 0.0), gradient


def test_where_rounding_hides_the_decrease_the_gradient_decides():
    objective, seen = Noisy(height=1.0), []

    def improves(params, gradient):
        seen.append(gradient[0])
        return True

    start = at(objective, 0.1)  # the derivative promises 0.01, and the noise is 0.016
    assert backtrack(objective, start, np.array([-0.1]), improves).length == 1.0
    assert seen == [0.0]
    assert backtrack(objective, start, np.array([-0.1]), never).length == 0.5
    once = Backtracking(trials=1)
    assert newton_step(objective, *start[:3], np.array([-0.1]), once)[0][0] == 0.0
    assert newton_step(objective, *start[:3], np.array([-0.1]), once._replace(noise=1.0)) is None


def test_a_decrease_that_can_be_seen_has_no_other_judge():
    def improves(params, gradient):
        raise AssertionError("asked for nothing")

    objective = Quadratic(height=1.0)
    assert backtrack(objective, at(objective, 1.0), np.array([-3.0]), improves).length == 0.5


@pytest.mark.parametrize("steep", [1e-3, 1.0, 1e3])
def test_newton_step_solves_a_quadratic_at_once(steep):
    objective = Quadratic(steep=steep)
    params = np.array([1.0, -2.0])
    value, gradient = objective.value_and_gradient(params)
    found, low, flat = newton_step(objective, params, value, gradient, -gradient / steep)
    assert low == pytest.approx(0.0, abs=1e-12) and np.abs(found).max() <= 1e-15 and np.abs(flat).max() <= 1e-12
