"""Rows that are set aside as lines: which these are, whether they stay on their side, and the
optimum that comes of it.
"""

import numpy as np
import pytest
from piecewise_problems import LOSSES, objective_of, problem, sample

from sklearn_losses.core.status import Status
from sklearn_losses.piecewise.interior_point import follow_path
from sklearn_losses.piecewise.screening import (
    Path,
    Screening,
    ScreeningLimits,
    effective_sample_size,
    minimum_by_screening,
)


def never(params, value):
    return False


def screened(loss="mae", classes=1, share=0.5):
    """Terms at a random point, and the screening of the rows nearest to their kink."""
    objective, _ = problem(loss, classes, alpha=0.05)
    terms, params = objective.terms(), np.random.default_rng(0).standard_normal(objective.n_params)
    residual = terms.residual(params)
    distance = terms.kink_distance(residual)
    return terms, params, residual, Screening(terms, distance <= np.quantile(distance, share), (0.6, 0.9))


@pytest.mark.parametrize(("loss", "classes"), LOSSES)
def test_the_part_has_the_value_of_all(loss, classes):
    terms, params, residual, screening = screened(loss, classes)
    part = screening.part(params, residual)
    assert len(screening.rows) == np.count_nonzero(screening.near) < len(screening.near)
    assert part.value(params, part.residual(params)) == pytest.approx(terms.value(params, residual), rel=1e-12)
    given = Screening(terms, screening.near, (1.0,)).part(params, residual, terms.adjoint(terms.side_slopes(residual)))
    np.testing.assert_array_equal(given.linear, part.linear)


@pytest.mark.parametrize(("loss", "classes"), LOSSES)
def test_slopes_of_all_rows_from_those_of_the_part(loss, classes):
    terms, params, residual, screening = screened(loss, classes)
    part = screening.part(params, residual)
    np.testing.assert_array_equal(screening.slopes(None), terms.side_slopes(residual))
    slopes = screening.slopes(part.center)
    np.testing.assert_array_equal(slopes[terms.index_of(screening.rows)], part.center)
    far = np.flatnonzero(~screening.near)
    np.testing.assert_array_equal(slopes[terms.index_of(far)], terms.side_slopes(residual)[terms.index_of(far)])


@pytest.mark.parametrize(("loss", "classes"), LOSSES)
def test_rows_that_change_sides_are_found_and_taken_in(loss, classes):
    terms, params, residual, screening = screened(loss, classes)
    screening.part(params, residual)
    assert not screening.crossed(residual).any()
    there = terms.residual(-params)
    crossed = screening.crossed(there)
    changed = terms.any_in_row(terms.sides(there) != terms.sides(residual))
    np.testing.assert_array_equal(crossed, changed & ~screening.near)
    assert crossed.any()
    before, distance = screening.near.copy(), terms.kink_distance(there)
    reach = screening.widen(there, crossed)
    assert reach == distance[crossed].max()
    np.testing.assert_array_equal(screening.near, before | (distance <= 2 * reach))
    assert not screening.crossed(there).any()


def test_rows_within_a_least_distance_are_taken_in():
    terms, params, residual, screening = screened()
    none = np.zeros(len(screening.near), dtype=bool)
    assert screening.widen(residual, none, 0.0) == 0.0
    assert screening.widen(residual, none, 1e9) == 1e9 and screening.near.all()


def test_there_is_no_part_of_too_many_or_too_few_rows():
    terms, params, residual, screening = screened()
    assert screening.part(params, residual) is not None and screening.part(params, residual) is not None
    assert screening.part(params, residual) is None  # no third time
    assert Screening(terms, screening.near, (0.4,)).part(params, residual) is None
    assert Screening(terms, screening.near, (1.0,), least=20).part(params, residual) is None
    assert Screening(terms, screening.near, (1.0,), least=19).part(params, residual) is not None


def many_rows(loss, classes, n=3000):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, 3))
    raw = X @ rng.standard_normal((3, max(classes, 1))) + rng.standard_normal((n, max(classes, 1)))
    y = raw[:, 0] if classes == 1 else raw[:, 0] > 0 if classes == 2 else raw.argmax(axis=1)
    return objective_of(loss, classes, X, y if classes == 1 else y.astype(int), np.ones(n), 1e-3, 0.0, intercept=True)


@pytest.mark.parametrize(("loss", "classes"), LOSSES[:4])
def test_the_minimum_over_few_rows_is_that_over_all(loss, classes):
    objective, sizes = many_rows(loss, classes), []
    terms = objective.terms()

    def solve(part, *arguments):
        sizes.append(part.left.shape[1])
        return follow_path(part, *arguments)

    start = np.zeros(objective.n_params)
    whole = follow_path(terms, start, 1e-6, never)
    path = minimum_by_screening(terms, start, 1e-6, never, solve)
    assert max(sizes) < 1500 and path.status is Status.CONVERGED
    assert objective.value(path.params) == pytest.approx(objective.value(whole.params), rel=1e-9)
    assert path.slopes.shape == terms.left.shape
    np.testing.assert_allclose(terms.allowed(path.slopes), path.slopes, atol=1e-15)
    np.testing.assert_allclose(terms.adjoint(path.slopes) + terms.ridge * path.params, 0, atol=1e-8)
    sizes.clear()
    everything = minimum_by_screening(terms, start, 1e-6, never, solve, ScreeningLimits(spreads=1e9))
    assert sizes == [3000]
    assert objective.value(everything.params) == pytest.approx(objective.value(whole.params), rel=1e-9)


@pytest.mark.parametrize("spreads", [0.01, 0.3])
def test_too_narrow_a_band_costs_time_alone(spreads):
    objective = many_rows("mae", 1)
    terms, start = objective.terms(), np.zeros(objective.n_params)
    path = minimum_by_screening(terms, start, 1e-6, never, follow_path, ScreeningLimits(spreads=spreads))
    whole = follow_path(terms, start, 1e-6, never)
    assert objective.value(path.params) == pytest.approx(objective.value(whole.params), rel=1e-9)


def test_a_part_that_stalls_is_followed_by_all_rows():
    objective, sizes = many_rows("mae", 1), []
    terms, start = objective.terms(), np.zeros(objective.n_params)

    def stalling(part, params, tol, record):
        sizes.append(part.left.shape[1])
        path = follow_path(part, params, tol, record)
        return path if sizes[-1] == 3000 else path._replace(status=Status.STALLED)

    path = minimum_by_screening(terms, start, 1e-6, never, stalling)
    assert sizes[-1] == 3000 and path.status is Status.CONVERGED


def test_a_stop_keeps_the_slopes_that_the_sides_show():
    objective = many_rows("mae", 1)
    terms, start = objective.terms(), np.zeros(objective.n_params)
    path = minimum_by_screening(terms, start, 1e-6, lambda params, value: True, follow_path)
    assert path.status is None
    stopping = minimum_by_screening(terms, start, 1e-6, never, lambda part, params, *_: Path(params, part.center, np.inf, None))
    assert stopping.status is None
    assert np.all((stopping.slopes == terms.left) | (stopping.slopes == terms.right))


def test_a_better_point_is_worth_more_rows():
    X, y, weight = sample("mae", 1, n=500)
    objective = objective_of("mae", 1, X, y, weight, 1e-3, 0.0, intercept=True)
    terms, start = objective.terms(), np.zeros(objective.n_params)

    def size(params):
        return effective_sample_size(terms, params, terms.adjoint(terms.side_slopes(terms.residual(params))))

    best = follow_path(terms, start, 1e-6, never).params
    between = [size(share * best + (1 - share) * start) for share in (0.0, 0.9, 1.0)]
    assert 1 <= between[0] < between[1] < between[2]
