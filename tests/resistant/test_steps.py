"""Steps of least squares, concentration and reweighting."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize

from sklearn_losses.resistant.scale import m_scale
from sklearn_losses.resistant.steps import (
    Regression,
    concentrated,
    degrees_of_freedom,
    exact,
    least_absolute,
    least_squares,
    many_least_squares,
    nearly_least_absolute,
    refined,
    reweighted,
)


@pytest.fixture
def rows():
    rng = np.random.RandomState(0)
    design = np.column_stack([rng.standard_normal((40, 2)), np.ones(40)])
    y = design @ [1.0, -2.0, 3.0] + 0.1 * rng.standard_normal(40)
    y[:10] += 20
    return Regression(design, y, rng.uniform(0.5, 1.5, 40), 0.45)


RIDGE = np.diag([0.3, 0.5, 0.0])


@pytest.mark.parametrize("penalty", [None, RIDGE], ids=["plain", "ridge"])
def test_least_squares_solves_the_normal_equations(rows, penalty):
    rows = replace(rows, penalty=penalty)
    weight = np.random.RandomState(1).uniform(0, 1, 40) * (np.arange(40) % 3 > 0)
    total = rows.weight * weight
    gram = (rows.design.T * total) @ rows.design + (0 if penalty is None else total.sum() * penalty)
    expected = np.linalg.solve(gram, rows.design.T @ (total * rows.y))
    np.testing.assert_allclose(least_squares(rows, weight), expected, rtol=1e-10)
    np.testing.assert_allclose(least_squares(rows, weight, np.array([5.0, 5.0, 5.0])), expected, rtol=1e-10)
    np.testing.assert_allclose(least_squares(replace(rows, design=sparse.csr_array(rows.design)), weight), expected, rtol=1e-10)
    np.testing.assert_allclose(many_least_squares(rows, weight[None])[0], expected, rtol=1e-6)


def test_a_column_without_rows_keeps_its_coefficient(rows):
    design = np.column_stack([rows.design, np.arange(40) == 0])
    weight = np.append(0.0, np.ones(39))
    params = least_squares(replace(rows, design=design), weight, np.array([0.0, 0.0, 0.0, 7.0]))
    assert params[3] == 7
    np.testing.assert_allclose(params[:3], least_squares(rows, weight), rtol=1e-10)


def test_equal_columns_share_their_coefficient(rows):
    twice = replace(rows, design=rows.design[:, [0, 0, 1, 2]])
    params = least_squares(twice, np.ones(40))
    assert params[0] == pytest.approx(params[1])
    np.testing.assert_allclose(params[[0, 2, 3]] * [2, 1, 1], least_squares(rows, np.ones(40)), rtol=1e-8)
    assert degrees_of_freedom(twice) == 3


def test_degrees_of_freedom_are_the_trace_of_the_smoother(rows):
    total = rows.weight / rows.weight.sum()
    gram = (rows.design.T * total) @ rows.design
    expected = np.trace(np.linalg.solve(gram + RIDGE, gram))
    assert degrees_of_freedom(replace(rows, penalty=RIDGE)) == pytest.approx(expected, rel=1e-10)


def test_concentration_leaves_the_outliers_out(rows):
    params, objective = concentrated(rows, least_squares(rows, np.ones(40))[None], 10)
    np.testing.assert_allclose(params[0], [1, -2, 3], atol=0.2)
    assert objective[0] < 0.5


@pytest.mark.parametrize("penalty", [None, RIDGE], ids=["plain", "ridge"])
def test_reweighting_ends_on_a_minimum_of_the_objective(rows, penalty):
    rows = replace(rows, penalty=penalty)
    end = refined(rows, least_absolute(rows), 500, 1e-12)

    def objective(params):
        return rows.objective(params, m_scale(rows.residuals(params), rows.weight, rows.right))

    assert end.objective == pytest.approx(objective(end.params), rel=1e-10)
    found = minimize(
        objective, end.params + 0.01, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-16, "maxiter": 4000}
    )
    np.testing.assert_allclose(end.params, found.x, atol=1e-5)
    params, objectives = reweighted(rows, least_absolute(rows)[None], 100)
    np.testing.assert_allclose(params[0], end.params, atol=1e-2)
    assert objectives[0] == pytest.approx(end.objective, rel=0.02)


def test_rows_on_a_plane_give_it_exactly(rows):
    y = rows.design @ [1.0, -2.0, 3.0]
    y[:15] += np.arange(15) + 5.0
    rows = replace(rows, y=y, weight=np.ones(40))
    end = exact(rows, refined(rows, least_absolute(rows), 100))
    assert end.scale == 0
    np.testing.assert_allclose(end.params, [1, -2, 3], rtol=1e-13)


def test_least_absolute_deviations_of_dummies_are_medians():
    rng = np.random.RandomState(2)
    level = np.arange(45) % 3
    y = rng.standard_normal(45) + 10 * level
    rows = Regression(np.column_stack([np.eye(3)[level], np.ones(45)]), y, np.ones(45))
    medians = np.array([np.median(y[level == number]) for number in range(3)])
    for form in (rows, replace(rows, design=sparse.csr_array(rows.design))):
        np.testing.assert_allclose(form.design @ least_absolute(form), medians[level], atol=1e-6)
        np.testing.assert_allclose(form.design @ nearly_least_absolute(form), medians[level], atol=0.1)
