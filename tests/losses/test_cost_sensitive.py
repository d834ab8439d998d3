"""Losses under costs of decisions: they approach the least expected cost, or are refused."""

import pickle
import warnings

import numpy as np
import pytest
from cost_problems import ASYMMETRIC, CENTERS, DISTANCE, GAINS_AND_COSTS, NOT_ORDERED, costs, excess, normal_classes, places
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from sklearn_losses import LossClassifier
from sklearn_losses.losses import (
    Bootstrapped,
    CostSensitive,
    CrammerSinger,
    CrossEntropy,
    CustomLoss,
    CVaR,
    ExpectedCost,
    Hinge,
    Loss,
    Perceptron,
    SquaredHinge,
    SymmetricCrossEntropy,
)
from sklearn_losses.losses.scores_ahead import ScoresAhead

CLASSIFICATION = {name: Loss.make(name) for name in Loss.names() if Loss.make(name).task == "classification"}
REFUSED = ("crammer_singer", "perceptron")
TAKEN = [name for name in CLASSIFICATION if name not in REFUSED]
EXAMPLES = [
    pytest.param(maker(**params), id=f"{name}{params}")
    for name, maker in sorted(Loss.names().items())
    if name in TAKEN and name != "expected_cost"
    for params in maker.examples
]


def under_costs(loss, cost):
    return ExpectedCost(cost) if loss == "expected_cost" else CostSensitive(loss, cost)


COSTS = {"distance": DISTANCE, "asymmetric": ASYMMETRIC, "not ordered": NOT_ORDERED, "gains": GAINS_AND_COSTS}

# Simulations against the best decisions.


def excess_in_places(loss, n_classes, cost):
    """The excess where the model has a parameter for every place and sees its probabilities."""
    X, p = places(n_classes)
    model = LossClassifier(under_costs(loss, cost), alpha=1e-4, fit_intercept=False).fit(X, p)
    return excess(model.predict(X), p, cost)


# A loss that is bounded or has kinks may end in a minimum where two decisions that cost nearly the
# same are exchanged.
@pytest.mark.parametrize("loss", TAKEN)
def test_a_model_with_room_finds_the_best_decisions(loss):
    allowed = 0.005 if CLASSIFICATION[loss].convex and CLASSIFICATION[loss].smooth else 0.03
    for n_classes, cost in ((2, np.array([[0, 1], [5, 0]])), (3, DISTANCE), (4, costs(4))):
        assert excess_in_places(loss, n_classes, cost) <= allowed


@pytest.mark.slow
@pytest.mark.parametrize("loss", EXAMPLES)
def test_a_model_with_room_finds_the_best_decisions_with_other_parameters(loss):
    for n_classes, cost in ((3, NOT_ORDERED), (5, costs(5)), (5, costs(5, seed=1))):
        assert excess_in_places(loss, n_classes, cost) <= 0.03


def paid(loss, centers, distance, cost, n=1000):
    X, y, _ = normal_classes(centers, distance, n, seed=0)
    held_out, truth, p = normal_classes(centers, distance, 20_000, seed=1)
    decisions = LossClassifier(loss).fit(X, y).predict(held_out)
    expected = p @ cost
    return expected[np.arange(len(p)), decisions].mean(), expected.min(axis=1).mean()


@pytest.mark.parametrize("loss", TAKEN)
def test_well_separated_classes_in_a_row(loss):
    """Also a linear model has the best decisions here."""
    cost, least = paid(under_costs(loss, DISTANCE), "a line", 3.8, DISTANCE)
    assert 0.03 < least < 0.04
    assert cost < 1.1 * least


@pytest.mark.slow
@pytest.mark.parametrize("centers", CENTERS)
@pytest.mark.parametrize("distance", [2.0, 4.0])
@pytest.mark.parametrize("cost", COSTS.values(), ids=COSTS)
def test_costs_are_near_the_least_with_every_geometry(centers, distance, cost):
    for loss in ("cross_entropy", "squared_hinge", "expected_cost"):
        found, least = paid(under_costs(loss, cost), centers, distance, cost)
        worst = (np.ones(3) @ cost / 3).max()
        assert found - least < 0.08 * (worst - least), loss


def test_costs_lower_the_cost():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 900)
    X = np.eye(3)[y] + 0.9 * rng.normal(size=(900, 3))
    for loss in ("cross_entropy", "squared_hinge"):
        plain = LossClassifier(loss).fit(X[::2], y[::2])
        costly = LossClassifier(CostSensitive(loss, ASYMMETRIC)).fit(X[::2], y[::2])
        paid = [ASYMMETRIC[y[1::2], model.predict(X[1::2])].mean() for model in (plain, costly)]
        assert paid[1] < 0.8 * paid[0]


# What it is.


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_hinge", "hinge", "focal"])
def test_two_classes_are_the_loss_with_the_costs_as_weights(loss):
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)
    cost = np.array([[1.0, 3.0], [7.0, 2.0]])
    weight = np.where(y == 1, 5.0, 2.0)
    by_weight = LossClassifier(loss, alpha=0.01).fit(X, y, weight)
    by_cost = LossClassifier(CostSensitive(loss, cost), alpha=0.01 * weight.mean()).fit(X, y)
    assert by_cost.objective_ == pytest.approx(weight.mean() * by_weight.objective_, rel=1e-5)
    assert by_cost.converged_
    if loss == "hinge":  # with a proof
        assert by_cost.dual_gap_ < 1e-9 and by_cost.solver_ == by_weight.solver_


def test_a_hinge_under_costs_of_rows_of_which_some_do_not_matter():
    X, y = load_breast_cancer(return_X_y=True)
    X, cost = scale(X), np.random.default_rng(0).exponential(size=(len(y), 2))
    cost[np.arange(len(y)), y] = 0
    cost[::5] = 2.0
    weight = np.abs(cost[:, 1] - cost[:, 0])
    for times in (1.0, None):
        loss = CostSensitive("hinge") if times is None else times * CostSensitive("hinge")
        by_cost = LossClassifier(loss, alpha=0.01 * weight.mean()).fit(X, y, cost=cost)
        by_weight = LossClassifier("hinge", alpha=0.01).fit(X, y, weight)
        assert by_cost.objective_ == pytest.approx(weight.mean() * by_weight.objective_, rel=1e-7)
        assert by_cost.dual_gap_ < 1e-9
        np.testing.assert_allclose(by_cost.coef_, by_weight.coef_, atol=1e-6)


def test_its_formula():
    cost = np.array([[0.0, 1.0, 2.0], [4.0, 1.0, 1.0], [3.0, 2.0, 0.0]])
    raw = np.array([[0.3, -1.0, 0.5], [2.0, 0.0, -1.0], [-0.2, 0.1, 0.1]])
    y = np.array([0, 1, 2])
    expected = np.zeros(3)
    for row, code in enumerate(y):
        for k in range(3):
            ahead = raw[row, k] - np.log(np.mean(np.exp(1.25 * np.delete(raw[row], k)))) / 1.25
            expected[row] += (cost[code, k] - cost[code].min()) * max(0, 1 + ahead)
    np.testing.assert_allclose(CostSensitive("hinge", cost).value(y, raw), expected)
    np.testing.assert_allclose(CostSensitive("hinge").of_rows().value(cost[y], raw), expected)
    np.testing.assert_allclose(CostSensitive("hinge", cost).value(np.eye(3)[y], raw), expected)


def test_what_a_number_added_to_the_costs_of_a_class_changes():
    X, y = load_iris(return_X_y=True)
    one, other = (
        LossClassifier(CostSensitive("squared_hinge", cost), alpha=0.01).fit(X, y)
        for cost in (DISTANCE, DISTANCE + np.array([[-7.0], [0.0], [100.0]]))
    )
    np.testing.assert_allclose(one.coef_, other.coef_, rtol=1e-9)


def test_the_unit_of_the_costs():
    X, y = load_iris(return_X_y=True)
    for make in (lambda cost: CostSensitive("cross_entropy", cost), ExpectedCost):
        one = LossClassifier(make(DISTANCE), alpha=0.01).fit(X, y)
        for unit in (1e6, 1e-6):
            other = LossClassifier(make(unit * DISTANCE), alpha=0.01 * unit).fit(X, y)
            np.testing.assert_allclose(other.decision_function(X), one.decision_function(X), rtol=1e-3, atol=1e-3)
            np.testing.assert_allclose(other.loss_, unit * one.loss_, rtol=1e-4)


def test_weights_are_numbers_of_rows():
    X, y = load_iris(return_X_y=True)
    count = np.random.default_rng(0).integers(0, 3, len(y))
    loss = CostSensitive("cross_entropy", ASYMMETRIC)
    for class_weight in (None, {0: 1.0, 1: 3.0, 2: 0.5}):
        weighted = LossClassifier(loss, alpha=0.01, class_weight=class_weight).fit(X, y, count)
        repeated = LossClassifier(loss, alpha=0.01, class_weight=class_weight).fit(np.repeat(X, count, 0), np.repeat(y, count))
        np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-4, atol=1e-5)


def test_there_are_no_probabilities():
    model = LossClassifier(CostSensitive("cross_entropy", DISTANCE)).fit(*load_iris(return_X_y=True))
    assert not hasattr(model, "predict_proba")


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "gd", "adam", "l-bfgs-b"])
def test_solvers_find_the_same(solver):
    X, y = load_iris(return_X_y=True)
    X = scale(X)
    loss = CostSensitive("squared_hinge", DISTANCE)
    best = LossClassifier(loss, alpha=0.1).fit(X, y)
    model = LossClassifier(loss, alpha=0.1, solver=solver, random_state=0, max_iter=2000).fit(X, y)
    assert model.objective_ == pytest.approx(best.objective_, rel=1e-2 if solver == "adam" else 1e-4)


def test_a_network_takes_it():
    X, y = load_iris(return_X_y=True)
    model = LossClassifier(CostSensitive("hinge", DISTANCE), hidden_layer_sizes=(8,), random_state=0, max_iter=500)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert model.fit(scale(X), y).score(scale(X), y) > 0.9


def test_a_fit_survives_pickling():
    X, y = load_iris(return_X_y=True)
    model = LossClassifier(CostSensitive("hinge", DISTANCE), alpha=0.1).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


# Derivatives.

SHARPNESS = 1.5


def exact_scores(raw):
    raw = SHARPNESS * raw.astype(np.longdouble)
    ahead = np.empty_like(raw)
    for k in range(raw.shape[1]):
        others = np.delete(raw, k, axis=1)
        top = others.max(axis=1)
        ahead[:, k] = raw[:, k] - top - np.log(np.mean(np.exp(others - top[:, None]), axis=1))
    return ahead / SHARPNESS


@pytest.mark.parametrize("size", [0.1, 1.0, 30.0, 1e4])
def test_scores_ahead_and_their_derivatives(size):
    rng = np.random.default_rng(0)
    raw = size * rng.normal(size=(50, 4))
    raw[:5, 1:3] = raw[:5, :1]  # ties
    scores = ScoresAhead.of(raw, SHARPNESS)
    np.testing.assert_allclose(scores.t, exact_scores(raw).astype(float), rtol=1e-13, atol=1e-13 * size)
    change, slopes = rng.normal(size=(2, 50, 4))
    others = SHARPNESS * np.where(np.eye(4) > 0, -np.inf, raw[:, None, :])
    others = np.exp(others - others.max(axis=2, keepdims=True))
    jacobian = np.eye(4) - others / others.sum(axis=2, keepdims=True)
    np.testing.assert_allclose(scores.jacobian(), jacobian, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(scores.direction(change), np.einsum("nkj,nj->nk", jacobian, change), atol=1e-12)
    np.testing.assert_allclose(scores.pullback(slopes), np.einsum("nkj,nk->nj", jacobian, slopes), atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("loss", ["cross_entropy", "exponential", "focal"])
def test_derivatives_under_costs_of_rows(loss, n_classes):
    rng = np.random.default_rng(0)
    shape = 40 if n_classes == 2 else (40, n_classes)
    cost, raw, way = rng.normal(size=(40, n_classes)), 2 * rng.normal(size=shape), rng.normal(size=shape)
    bound = CostSensitive(loss).of_rows().bind(cost, 1 if n_classes == 2 else n_classes, "classification")
    step = 1e-6
    slope = (bound.value(cost, raw + step * way) - bound.value(cost, raw - step * way)) / (2 * step)
    np.testing.assert_allclose((bound.gradient(cost, raw) * way).reshape(40, -1).sum(axis=1), slope, rtol=1e-6, atol=1e-7)
    if not bound.has_hessian:
        return
    bend = (bound.gradient(cost, raw + step * way) - bound.gradient(cost, raw - step * way)) / (2 * step)
    product = bound.hessian_product(cost, raw, way)
    if n_classes == 2:
        np.testing.assert_allclose(product, bend, rtol=1e-5, atol=1e-6)
        return
    assert bound.hessian_bound and not bound.convex
    assert np.all((product * way).sum(axis=1) >= (bend * way).sum(axis=1) - 1e-6)
    matrix = bound.hessian_matrix(cost, raw)
    np.testing.assert_allclose(np.einsum("nkj,nj->nk", matrix, way), product, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(np.einsum("nkk->nk", matrix), bound.hessian(cost, raw), rtol=1e-12)


# What is refused.


@pytest.mark.parametrize(
    "cost, message",
    [
        ([[0, 1], [1, 0]], "shape .3, 3."),
        ([[0, 1, 1], [1, 0]], "shape .3, 3."),
        ([["a"] * 3] * 3, "shape .3, 3."),
        ([[0, 1, np.nan], [1, 0, 1], [1, 1, 0]], "nan or infinite"),
        ([[0, 1, np.inf], [1, 0, 1], [1, 1, 0]], "nan or infinite"),
        (np.ones((3, 3)), "all of them cost the same"),
        (np.eye(3), "If these are gains"),
    ],
)
@pytest.mark.parametrize("make", [lambda cost: CostSensitive(cost=cost), ExpectedCost], ids=["CostSensitive", "ExpectedCost"])
def test_what_is_no_matrix_of_costs_is_refused(make, cost, message):
    X, y = load_iris(return_X_y=True)
    model = LossClassifier().fit(X, y)
    before = model.coef_
    with pytest.raises(ValueError, match=message):
        model.set_params(loss=make(cost)).fit(X, y)
    assert model.coef_ is before


def negative_part(y_true, y_pred):
    return np.maximum(-(y_true[:, 1] - y_true[:, 0]) * (y_pred[:, 1] - y_pred[:, 0]), 0)


def one_sided(y_true, y_pred):
    return np.log1p(np.exp(-(y_true[:, 1] - y_true[:, 0]) * (y_pred[:, 1] - y_pred[:, 0]))) * (1 + y_true[:, 1])


def of_three_classes(y_true, y_pred):
    return np.log(np.exp(y_pred).sum(axis=1)) - (y_true * y_pred)[:, [0, 1, 2]].sum(axis=1)


@pytest.mark.parametrize(
    "loss, message",
    [
        ("perceptron", "Use 'cross_entropy'"),
        (Hinge() + Perceptron(), "no slope above 0, or not the same one"),
        (negative_part, "no slope above 0, or not the same one"),
        (SymmetricCrossEntropy(a=0.0, b=0.0), "no slope above 0"),
        (Bootstrapped(b=0.1), "falls somewhere"),
        (one_sided, "treats its two classes differently"),
        ("crammer_singer", "Use 'hinge'"),
        (0.5 * CrammerSinger() + SquaredHinge(), "Use 'hinge'"),
        (of_three_classes, "scores of two classes"),
        (ExpectedCost(DISTANCE), "shape .2, 2."),
        ("mse", "classification losses"),
        (CVaR("hinge"), "put CostSensitive inside it instead"),
    ],
    ids=lambda part: part.__name__ if callable(part) and not isinstance(part, Loss) else repr(part),
)
def test_losses_that_need_not_show_the_cheapest_decision_are_refused(loss, message):
    with pytest.raises(ValueError, match=message):
        LossClassifier(CostSensitive(loss, DISTANCE)).fit(*load_iris(return_X_y=True))


def test_every_loss_is_taken_or_refused():
    X, y = load_iris(return_X_y=True)
    for name in REFUSED:
        with pytest.raises(ValueError, match="Use '"):
            LossClassifier(CostSensitive(name)).fit(X, y)
    assert LossClassifier(CostSensitive("crammer_singer")).fit(X, y > 0).score(X, y > 0) == 1


def test_a_function_is_taken():
    def logistic(y_true, y_pred):
        return np.log1p(np.exp(-(2 * y_true * y_pred).sum(axis=1) + y_pred.sum(axis=1)))

    X, y = load_iris(return_X_y=True)
    own = LossClassifier(CostSensitive(CustomLoss(logistic, convex=True), DISTANCE), alpha=0.01).fit(X, y)
    known = LossClassifier(CostSensitive(CrossEntropy(), DISTANCE), alpha=0.01).fit(X, y)
    assert own.objective_ == pytest.approx(known.objective_, rel=1e-4)
