"""What a loss says of itself: facts, a recipe, and a Hessian where its class defines one."""

import numpy as np
import pytest

from sklearn_losses.core.queries import Queries
from sklearn_losses.losses import Loss, RankingLoss, ResidualLoss
from sklearn_losses.losses.composite import RULES, STATED, declared
from sklearn_losses.losses.facts import Facts
from sklearn_losses.losses.recipe import Recipe

NAMES = sorted(Loss.names())


class Square(ResidualLoss):
    def curve(self, t):
        return t**2

    def slope(self, t):
        return 2 * t


class CurvedSquare(Square):
    def curvature(self, t):
        return np.full_like(t, 2.0)


def test_facts_and_recipe_are_apart_and_each_has_a_rule():
    assert set(declared(Facts)).isdisjoint(declared(Recipe))
    assert declared(Facts) + declared(Recipe) + ["examples"] == declared()
    assert set(declared()) == set(RULES) | set(STATED)
    assert set(RULES).isdisjoint(STATED)
    assert {"smooth", "convex", "kinks"} < set(declared(Facts))
    assert {"initial_estimator", "n_init", "measure"} < set(declared(Recipe))


def test_which_losses_have_no_hessian():
    without = """
        active_passive adaptive_barron approx_ndcg bi_tempered bootstrapped epsilon_insensitive focal
        generalized_cross_entropy hinge mae pairwise_hinge perceptron quantile symmetric_cross_entropy
    """
    assert {name for name in NAMES if not Loss.make(name).has_hessian} == set(without.split())


def problem(loss):
    """Targets and raw predictions that a loss takes."""
    rng = np.random.default_rng(0)
    if loss.task == "ranking":
        return Queries(rng.integers(0, 3, 8).astype(float), np.array([0, 4, 8])), rng.standard_normal(8)
    if loss.task == "classification":
        return rng.integers(0, 3, 8), rng.standard_normal((8, 3))
    n_outputs = 1 + loss.n_constants
    raw = rng.standard_normal((8, n_outputs))
    return 1 + rng.random(8), raw[:, 0] if n_outputs == 1 else raw


@pytest.mark.parametrize("name", NAMES)
def test_a_loss_that_says_so_has_a_hessian(name):
    loss = Loss.make(name)
    y, raw = problem(loss)
    if loss.task == "ranking":
        y = y.with_fixed_ranking(raw)
    if loss.has_hessian:
        assert loss.hessian_product(y, raw, np.ones_like(raw)).shape == raw.shape
    elif not loss.kinks:  # straight pieces have curvature 0 off their kinks, which is of use in a sum
        with pytest.raises(NotImplementedError, match="has no Hessian"):
            loss.hessian_product(y, raw, np.ones_like(raw))
    else:
        assert not loss.smooth


def test_has_hessian_follows_from_what_a_class_defines():
    assert not Square.has_hessian and not Square().has_hessian
    assert CurvedSquare.has_hessian

    class Inherits(CurvedSquare):
        pass

    class Denies(CurvedSquare):
        has_hessian = False

    class StillDenies(Denies):
        pass

    class Defines(Denies):
        def hessian(self, y, raw):
            return np.full_like(raw, 2.0)

    assert Inherits.has_hessian
    assert not Denies.has_hessian and not StillDenies.has_hessian
    assert Defines.has_hessian


def test_a_method_of_a_mixin_counts():
    class Curved:
        def curvature(self, t):
            return np.full_like(t, 2.0)

    class Mixed(Curved, Square):
        pass

    assert Mixed.has_hessian


def test_a_ranking_loss_gives_the_columns_of_its_hessian():
    class Flat(RankingLoss):
        def evaluate(self, y, scores):
            return np.zeros(len(y)), np.zeros_like(scores)

    class Known(Flat):
        def hessian_columns(self, y, scores, directions):
            return np.zeros_like(directions)

    assert (Flat.has_hessian, Known.has_hessian) == (False, True)


def test_a_sum_of_losses_has_a_hessian_where_its_parts_have_one():
    assert (CurvedSquare() + 2.0 * CurvedSquare()).has_hessian
    assert not (CurvedSquare() + Square()).has_hessian
