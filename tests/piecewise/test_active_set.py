"""The exact optimum by an active set, against a linear program of HiGHS."""

import numpy as np
import pytest
from piecewise_problems import LOSSES, objective_of, problem, sample

from sklearn_losses.piecewise.active_set import ActiveSetLimits, exact_active_set
from sklearn_losses.piecewise.duality_gap import dual_gap
from sklearn_losses.piecewise.interior_point import follow_path

KINKED = [case for case in LOSSES if case[0] != "crammer_singer"]


def near_optimum(objective, goal=1e-3):
    """A point with about this gap, and its slopes."""
    return follow_path(objective.terms(), np.zeros(objective.n_params), 1e-6, lambda params, value: False, goal)[:2]


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
@pytest.mark.parametrize("alpha", [0.0, 0.05])
@pytest.mark.parametrize(("loss", "classes"), KINKED)
def test_the_optimum_is_that_of_a_linear_program(loss, classes, alpha, l1_ratio):
    objective, exact = problem(loss, classes, alpha, l1_ratio)
    near, slopes = near_optimum(objective, 1e-6)
    scale = objective.terms().scale(objective.terms().residual(near))
    found = exact_active_set(objective, near, 1e-6 * scale, slopes=slopes)
    # With a ridge the program ends within 1e-9.
    tolerance = 1e-12 if not alpha or l1_ratio else 1e-8
    assert objective.value(found.params) == pytest.approx(exact, rel=tolerance)
    assert objective.value(near) > objective.value(found.params)
    assert max(dual_gap(objective, found.params), dual_gap(objective, *found)) <= 1e-10


@pytest.mark.parametrize(("loss", "classes"), KINKED)
def test_slopes_tell_what_a_width_does_not(loss, classes):
    """With a width of 0 no term is taken to be on its kink, but for those whose slopes are inside
    their bounds.
    """
    objective, exact = problem(loss, classes)
    near, slopes = near_optimum(objective, 1e-6)
    alone = exact_active_set(objective, near, 0.0, limits=ActiveSetLimits(rounds=1))
    assert alone is None or objective.value(alone.params) == pytest.approx(exact, rel=1e-12)
    found = exact_active_set(objective, near, 0.0, slopes=slopes, limits=ActiveSetLimits(rounds=3))
    assert objective.value(found.params) == pytest.approx(exact, rel=1e-12)


def test_of_many_optima_it_is_the_one_closest_to_the_start():
    """The median of an even number of targets: any number between the two in the middle."""
    y = np.array([0.0, 1.0, 2.0, 5.0])
    objective = objective_of("mae", 1, np.zeros((4, 1)), y, np.ones(4), 0.0, 0.0, intercept=True)
    for intercept, closest in ((-3.0, 1.0), (1.3, 1.3), (1.7, 1.7)):
        found = exact_active_set(objective, np.array([0.0, 1.5]), 0.1, start=np.array([0.0, intercept]))
        assert found.params[1] == pytest.approx(closest, abs=1e-6)


def test_a_point_far_away_or_a_system_too_large_gives_none():
    objective, _ = problem("mae", 1)
    near, slopes = near_optimum(objective)
    assert exact_active_set(objective, near, 1e-3, slopes=slopes, limits=ActiveSetLimits(unknowns=2)) is None
    assert exact_active_set(objective, 1e3 + near, 1e-9, limits=ActiveSetLimits(rounds=1)) is None


def test_what_is_not_piecewise_linear_gives_none():
    objective, _ = problem("crammer_singer", 3)
    assert exact_active_set(objective, np.zeros(objective.n_params), 1.0) is None


def test_exact_zeros_of_a_lasso():
    X, y, weight = sample("mae", 1, n=60, p=6)
    objective = objective_of("mae", 1, X, y, weight, 0.3, 1.0, intercept=True)
    near, slopes = near_optimum(objective, 1e-9)
    zeroed = objective.terms().with_exact_zeros(near, objective.terms().margin(slopes) > 1e-3)
    found = exact_active_set(objective, zeroed, 1e-6, slopes=slopes)
    assert 0 < np.count_nonzero(found.params[:-1]) < 6
    assert max(dual_gap(objective, found.params), dual_gap(objective, *found)) <= 1e-10
