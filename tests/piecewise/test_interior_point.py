"""The path of the interior point method, against a linear program of HiGHS."""

import numpy as np
import pytest
from piecewise_problems import LOSSES, problem

from sklearn_losses.core.status import Status
from sklearn_losses.piecewise.interior_point import PathLimits, exact_minimum, follow_path
from sklearn_losses.piecewise.max_affine import MaxAffineTermsWithBounds

CASES = [
    (loss, classes, alpha, l1_ratio)
    for loss, classes in LOSSES
    for alpha, l1_ratio in ((0.0, 0.0), (0.05, 0.0), (0.05, 1.0))
    if not (loss == "crammer_singer" and l1_ratio)
]


def never(params, value):
    return False


def terms_and_start(objective):
    terms, start = objective.terms(), np.zeros(objective.n_params)
    if objective.max_affine:
        terms = MaxAffineTermsWithBounds(terms)
        start = terms.with_bounds(start)
    return terms, start


@pytest.mark.parametrize(("loss", "classes", "alpha", "l1_ratio"), CASES)
def test_the_path_ends_at_the_optimum(loss, classes, alpha, l1_ratio):
    objective, exact = problem(loss, classes, alpha, l1_ratio)
    terms, start = terms_and_start(objective)
    values = []
    path = follow_path(terms, start, 1e-6, lambda params, value: values.append(value), goal=1e-10)
    assert path.status is Status.CONVERGED and path.gap <= 1e-10
    assert len(values) <= 40
    assert values[-1] == pytest.approx(exact, rel=1e-8)
    assert np.all((terms.left <= path.slopes) & (path.slopes <= terms.right))
    np.testing.assert_allclose(terms.adjoint(path.slopes) + terms.linear + terms.ridge * path.params, 0, atol=1e-8)


@pytest.mark.parametrize(("loss", "classes", "alpha", "l1_ratio"), CASES)
def test_the_exact_minimum(loss, classes, alpha, l1_ratio):
    objective, exact = problem(loss, classes, alpha, l1_ratio)
    path = exact_minimum(objective, np.zeros(objective.n_params), 1e-6, never)
    linear_program = not alpha or l1_ratio == 1.0
    tolerance = 1e-6 if loss == "crammer_singer" else 1e-12 if linear_program else 1e-8
    assert path.status is Status.CONVERGED
    assert path.params.shape == (objective.n_params,)
    assert objective.value(path.params) == pytest.approx(exact, rel=tolerance)


def test_record_stops_the_path():
    objective, _ = problem("mae", 1, 0.05)
    values = []
    path = follow_path(*terms_and_start(objective), 1e-6, lambda params, value: values.append(value) or len(values) == 3)
    assert path.status is None and len(values) == 3


@pytest.mark.parametrize(("tol", "status"), [(0.0, Status.STALLED), (1e-6, Status.CONVERGED)])
def test_where_rounding_ends_the_progress_tol_decides(tol, status):
    objective, exact = problem("mae", 1, 0.05)
    path = follow_path(*terms_and_start(objective), tol, never, goal=0.0)
    assert path.status is status and 0 < path.gap < 1e-12
    assert objective.value(path.params) == pytest.approx(exact, rel=1e-8)


def test_short_steps_end_the_path():
    objective, exact = problem("mae", 1, 0.05)
    values = []
    limits = PathLimits(shortest=2.0)  # longer than any step
    path = follow_path(*terms_and_start(objective), 1e-6, lambda params, value: values.append(value), limits=limits)
    assert path.status is Status.STALLED and len(values) == 1
    assert objective.value(path.params) > exact * (1 + 1e-6)


def test_a_ridge_of_a_start_far_away_moves_no_optimum():
    """The proximal ridge, which makes the optimum unique, is let go of where its gradient would
    count.
    """
    objective, exact = problem("mae", 1)
    terms, _ = terms_and_start(objective)
    path = follow_path(terms, np.full(objective.n_params, 1e4), 1e-6, never)
    assert path.status is Status.CONVERGED
    assert objective.value(path.params) == pytest.approx(exact, rel=1e-9)
