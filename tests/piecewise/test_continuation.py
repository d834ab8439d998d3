"""The continuation of smoothed problems: widths by a schedule, and where Newton's method takes each
of them.
"""

import numpy as np
import pytest
from piecewise_problems import LOSSES, problem

from sklearn_losses.piecewise.continuation import Schedule, continuation
from sklearn_losses.piecewise.smoothed_newton import START, NewtonLimits, SmoothedPoint, StartLimits, smoothed_start
from sklearn_losses.solvers import LBFGS


def never(params, value):
    return False


def test_widths_shrink_down_to_the_narrowest():
    schedule = Schedule(first=1.0, shrink=4.0, narrowest=0.05)
    assert schedule.after(1.0, 3) == 0.25
    assert schedule.after(0.1, 3) == 0.05
    assert schedule.after(1.0, 3, scale=10.0) == 0.5


def test_a_stage_of_many_steps_makes_the_width_larger():
    schedule = Schedule(first=1.0, shrink=4.0, many=10, widen=8.0)
    assert [schedule.after(1.0, steps) for steps in (10, 11)] == [0.25, 8.0]


def test_stages_follow_the_schedule_until_one_is_the_last():
    seen = []

    def stage(width):
        seen.append(width)
        return None if len(seen) == 4 else 20 if len(seen) == 2 else 1

    last = continuation(stage, 1.0, Schedule(first=1.0, shrink=2.0, many=10, widen=4.0))
    assert seen == [1.0, 0.5, 2.0, 1.0] and last == 1.0


def test_what_comes_between_two_stages_chooses_the_width_and_may_end_them():
    seen, asked = [], []

    def between(width):
        asked.append(width)
        return 10 * width if len(asked) < 3 else None

    last = continuation(lambda width: seen.append(width) or 0, 1.0, Schedule(first=1.0, shrink=2.0), between=between)
    assert seen == [1.0, 5.0, 25.0] and asked == [0.5, 2.5, 12.5] and last == 25.0


@pytest.mark.parametrize("shrink", [3.0, 10.0, 100.0])
@pytest.mark.parametrize(("loss", "classes"), LOSSES)
def test_smooth_solvers_end_at_the_optimum_by_any_schedule(loss, classes, shrink):
    objective, exact = problem(loss, classes, alpha=0.05)
    solver, widths, smoothed = LBFGS(), [], type(objective).smoothed

    class Recording(type(objective)):
        def smoothed(self, width):
            widths.append(width)
            return smoothed(self, width)

    objective.__class__ = Recording
    solver.schedule = Schedule(first=0.5, shrink=shrink)
    result = solver.minimize(objective, np.zeros(objective.n_params), max_iter=5000, tol=1e-6)
    assert result.success and result.fun == pytest.approx(exact, rel=2e-6)
    assert widths[0] == 0.5 * objective.kink_distance(np.zeros(objective.n_params))
    np.testing.assert_allclose(np.divide(widths[:-1], widths[1:]), shrink)


@pytest.mark.parametrize(("loss", "classes"), LOSSES)
def test_newton_steps_end_where_the_gradient_costs_little(loss, classes):
    objective, exact = problem(loss, classes, alpha=0.05)
    point = SmoothedPoint(objective.terms(), np.zeros(objective.n_params))
    point.smooth(point.terms.center, point.scale)
    stage = point.descend(never, most=50, loose=1e-6)
    assert stage.moved and not stage.stopped and 0 < stage.steps < 50
    assert point.cost <= 1e-6 * point.shortfall
    assert exact <= point.value * (1 + 1e-9) and point.value - point.gap <= exact * (1 + 1e-9)
    assert point.descend(never, most=50, loose=1e-6).steps == 0


def test_newton_steps_end_for_other_reasons_too():
    objective, _ = problem("mae", 1, alpha=0.05)

    def fresh(**limits):
        point = SmoothedPoint(objective.terms(), np.zeros(objective.n_params), limits=NewtonLimits(**limits))
        point.smooth(point.terms.center, point.scale)
        return point

    assert fresh().descend(never, most=1, loose=0.0).steps == 1
    stopped = fresh().descend(lambda params, value: True, most=50, loose=0.0)
    assert stopped.stopped and stopped.steps == 1
    point = fresh()
    assert point.descend(never, most=50, loose=0.0, goal=point.gap).steps == 0
    # No search along the direction at all.
    uphill = fresh(trials=0).descend(never, most=50, loose=0.0)
    assert not uphill.moved and uphill.steps == 1


@pytest.mark.parametrize(("loss", "classes"), [case for case in LOSSES if case[0] != "crammer_singer"])
def test_a_smoothed_start_leaves_few_rows_undecided(loss, classes):
    objective, exact = problem(loss, classes, n=200)
    terms, values = objective.terms(), []
    params, stopped = smoothed_start(terms, np.zeros(len(terms.ridge)), lambda params, value: values.append(value))
    assert not stopped and 0 < len(values) <= START.steps
    assert objective.value(params) <= exact * 1.05 and values[-1] == pytest.approx(objective.value(params), rel=1e-12)
    # A smaller number of rows asks for further stages, and gets nearer.
    nearer, _ = smoothed_start(terms, np.zeros(len(terms.ridge)), never, limits=StartLimits(few=1.0))
    assert objective.value(nearer) <= objective.value(params)


def test_a_smoothed_start_stops_where_it_must():
    objective, _ = problem("mae", 1, n=200)
    terms, start = objective.terms(), np.zeros(objective.n_params)
    params, stopped = smoothed_start(terms, start, lambda params, value: True)
    assert stopped and np.any(params != start)
    values = []
    smoothed_start(terms, start, lambda params, value: values.append(value), START._replace(steps=2))
    assert len(values) == 2
