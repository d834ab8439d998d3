"""Costs as they arrive, and the decisions that they speak for."""

import tracemalloc

import numpy as np
import pytest

from sklearn_losses.core.costs import DECISIONS, MATRIX, ROWS, cheapest, checked_costs, costs_of_decisions

RNG = np.random.default_rng(0)
COST = RNG.integers(9, size=(5, 3, 3))


def test_what_each_decision_costs():
    truth = np.array([0, 2, 1, 1, 0])
    of_each = costs_of_decisions(COST, truth)
    assert of_each.dtype == np.float64
    np.testing.assert_array_equal(of_each, [COST[row, true] for row, true in enumerate(truth)])
    np.testing.assert_array_equal(costs_of_decisions(COST, np.eye(3)[truth]), of_each)
    np.testing.assert_array_equal(costs_of_decisions(of_each, truth), of_each)
    half = costs_of_decisions(COST, np.full((5, 3), [0.5, 0.5, 0.0]))
    np.testing.assert_array_equal(half, (COST[:, 0] + COST[:, 1]) / 2)


def test_of_decisions_that_cost_the_same_it_is_the_most_probable():
    proba = np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4], [0.1, 0.1, 0.8]])
    assert cheapest(proba, np.ones((3, 3, 3))).tolist() == [1, 0, 2]
    dear = np.broadcast_to([9.0, 1.0, 1.0], (3, 3, 3))
    assert cheapest(proba, dear).tolist() == [1, 2, 2]


def test_a_matrix_for_all_rows_and_costs_of_rows_take_no_memory():
    n, n_classes = 20_000, 30  # all matrices: 144 MB
    truth, proba = RNG.integers(n_classes, size=n), np.full((n, n_classes), 1 / n_classes, dtype=np.float32)
    for matrix, takes in (
        (1 - np.eye(n_classes), MATRIX),
        (np.broadcast_to(1 - np.eye(n_classes, dtype=int), (n, 30, 30)), ROWS),
    ):
        tracemalloc.start()
        costs = checked_costs(matrix, n, np.arange(n_classes), takes=(takes,))
        of_each, decided = costs_of_decisions(costs, truth), cheapest(proba, costs)
        assert tracemalloc.get_traced_memory()[1] < 30e6
        tracemalloc.stop()
        assert of_each.sum() == n * (n_classes - 1)
        assert decided.max() == 0


def test_what_is_allowed():
    assert checked_costs(COST, 5, list("abc"), takes=(DECISIONS, ROWS)).shape == (5, 3, 3)
    assert checked_costs(COST[0].tolist(), 5, list("abc"), takes=(MATRIX, ROWS)).shape == (5, 3, 3)
    assert checked_costs(COST[0], 3, list("abc"), takes=(DECISIONS,)).shape == (3, 3)
    with pytest.raises(ValueError, match="two ways"):
        checked_costs(COST[0], 3, list("abc"), takes=(DECISIONS, MATRIX))
    with pytest.raises(
        ValueError, match=r"must have shape \(5, 3\): the cost of each decision in each row, with the 3 classes"
    ):
        checked_costs(COST[0], 5, list("abc"), takes=(DECISIONS,))
