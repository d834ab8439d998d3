"""Losses made of losses: what each declares follows from its parts, and a loss inside one is fitted
as it is alone.
"""

import warnings
from functools import cache
from inspect import isfunction

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses import LossClassifier, LossRanker, LossRegressor, make_ranking
from sklearn_losses.losses import (
    MAE,
    MSE,
    CostSensitive,
    CrammerSinger,
    CrossEntropy,
    CustomLoss,
    CVaR,
    Focal,
    Hinge,
    Huber,
    LambdaRank,
    Loss,
    PairwiseHinge,
    Perceptron,
    Quantile,
    RankNet,
    SoftLabels,
    SquaredHinge,
    Tilted,
    Trimmed,
    Tukey,
    WeightedSum,
)
from sklearn_losses.losses.box_average import BoxAveraged
from sklearn_losses.losses.composite import Composite, declared, unruled
from sklearn_losses.losses.costs import CheapestDecision
from sklearn_losses.losses.curves import Smoothed
from sklearn_losses.losses.facts import Facts
from sklearn_losses.losses.recipe import Recipe
from sklearn_losses.losses.targets import EachTarget, MeanOverTargets

REGISTRY = [
    (f"{name}{params or ''}", maker(**params))
    for name, maker in sorted(Loss.names().items())
    for params in ({}, *maker.examples)
]


def absolute(y_true, y_pred):
    return np.abs(y_true - y_pred)


def rows_alone(loss):
    return loss.rowwise and not loss.n_constants


# What makes a wrapper of a loss, and which losses it takes.
WRAPPERS = {
    "product": (lambda loss: 2.0 * loss, lambda loss: not loss.n_constants),
    "sum": (lambda loss: loss + loss, lambda loss: not loss.n_constants),
    "CVaR": (lambda loss: CVaR(loss, 0.5), rows_alone),
    "smoothed CVaR": (lambda loss: CVaR(loss, 0.5).smoothed(0.1), rows_alone),
    "Tilted": (lambda loss: Tilted(loss, 0.5), rows_alone),
    "SoftLabels": (SoftLabels, lambda loss: loss.task == "classification"),
    "CostSensitive": (CostSensitive, lambda loss: loss.task == "classification"),
    "MeanOverTargets": (lambda loss: MeanOverTargets(loss, 2), lambda loss: loss.task == "regression"),
    "EachTarget": (lambda loss: EachTarget((loss, loss)), lambda loss: loss.task == "regression"),
    "Trimmed": (Trimmed, rows_alone),
    "Smoothed": (lambda loss: Smoothed(loss, 0.1), lambda loss: loss.kinks and loss.rowwise),
}
SAME = (
    "task", "smooth", "convex", "has_probabilities", "shift_invariant", "has_minimizer", "rowwise", "residual",
    "positive_target", "soft_labels", "initial_estimator", "resistant", "residual_scale", "n_init", "stochastic_only",
    "starts_from", "moving", "measure", "needs_gains",
)  # fmt: skip
# Where a wrapper differs from the loss that it is made of, and how.
OTHERWISE = {
    ("CVaR", "smooth"): lambda loss: False,
    ("Trimmed", "smooth"): lambda loss: False,
    ("Trimmed", "convex"): lambda loss: False,
    ("product", "starts_from"): lambda loss: loss.starts_from and 2.0 * Loss.make(loss.starts_from),
    ("sum", "starts_from"): lambda loss: loss.starts_from and 1.0 * Loss.make(loss.starts_from),
    # Where the alternation starts, of any loss of a residual.
    ("Trimmed", "resistant"): lambda loss: True if loss.residual else None,
    # The starts of the alternation; the loss's own belong to each fit in it.
    ("Trimmed", "n_init"): lambda loss: 1,
    ("Smoothed", "smooth"): lambda loss: True,
    ("smoothed CVaR", "smooth"): lambda loss: True,
    ("SoftLabels", "soft_labels"): lambda loss: True,
    ("CostSensitive", "soft_labels"): lambda loss: True,
    ("CostSensitive", "has_probabilities"): lambda loss: False,
    ("MeanOverTargets", "residual"): lambda loss: False,
    ("EachTarget", "residual"): lambda loss: False,
    ("CVaR", "initial_estimator"): lambda loss: loss.initial_estimator or loss,
    ("Tilted", "initial_estimator"): lambda loss: loss.initial_estimator or loss,
    ("SoftLabels", "initial_estimator"): lambda loss: loss.initial_estimator and SoftLabels(Loss.make(loss.initial_estimator)),
    # With more than two classes, as far as it is known.
    ("CostSensitive", "convex"): lambda loss: False,
    ("CostSensitive", "initial_estimator"): lambda loss: (
        CheapestDecision(CostSensitive(loss)) if isinstance(loss, CrossEntropy) else CostSensitive(CrossEntropy())
    ),
}


def of_the_hessian(wrapper, loss):
    """`has_hessian` and `hessian_bound`: straight pieces have curvature 0 where they are part of
    something else.
    """
    curved = loss.has_hessian or bool(loss.kinks)
    if wrapper == "CostSensitive":
        return curved, loss.convex and curved
    if wrapper in ("product", "sum", "MeanOverTargets"):
        return loss.has_hessian or (curved and not loss.kinks), loss.hessian_bound
    if wrapper == "EachTarget":
        return loss.has_hessian, loss.hessian_bound
    if wrapper == "Trimmed":
        return False, False
    return curved, loss.hessian_bound and wrapper not in ("CVaR", "Tilted", "smoothed CVaR")


def of_the_pieces(wrapper, loss):
    """`kinks`, `max_affine`."""
    if wrapper in ("product", "sum"):
        return tuple((k.position, 2 * k.left, 2 * k.right) for k in loss.kinks), 2 * loss.max_affine
    if wrapper == "MeanOverTargets":
        return tuple((k.position, k.left / 2, k.right / 2) for k in loss.kinks), 0
    return (), 0


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapper_loses_no_fact(wrapper):
    make, takes = WRAPPERS[wrapper]
    n_losses = 0
    for loss in (loss for _, loss in REGISTRY if takes(loss)):
        n_losses += 1
        made = make(loss.smoothed(0.1) if wrapper == "smoothed CVaR" else loss)
        loss = loss.smoothed(0.1) if wrapper == "smoothed CVaR" else loss
        found = {fact: getattr(made, fact) for fact in declared()}
        for fact in SAME:
            rule = OTHERWISE.get((wrapper, fact)) or OTHERWISE.get((wrapper.removeprefix("smoothed "), fact))
            expected = rule(loss) if rule else getattr(loss, fact)
            assert repr(found.pop(fact)) == repr(expected), (fact, loss)
        assert (found.pop("has_hessian"), found.pop("hessian_bound")) == of_the_hessian(wrapper, loss), loss
        assert (tuple(map(tuple, found.pop("kinks"))), found.pop("max_affine")) == of_the_pieces(wrapper, loss), loss
        threshold = wrapper in ("CVaR", "Tilted", "smoothed CVaR")
        own = 2 * loss.n_constants if wrapper == "EachTarget" else int(threshold)
        assert found.pop("n_constants") == own
        start, units = found.pop("start_constants"), found.pop("constant_units")
        assert threshold or len(start) == own == len(units or ())
        assert found.pop("examples") == ()
        assert found.pop("quadratic") == (loss.quadratic and wrapper == "MeanOverTargets")
        assert not found, "facts without an expectation"
    assert n_losses


def test_a_fact_of_a_loss_needs_a_rule_for_losses_made_of_losses(monkeypatch):
    assert unruled() == []
    monkeypatch.setattr(Facts, "new_fact", False, raising=False)
    assert unruled() == ["new_fact"]


def test_a_method_of_a_loss_is_the_parts_or_follows_from_others():
    members = [*vars(Loss).items(), *vars(Recipe).items()]
    methods = {name for name, value in members if isfunction(value) and not name.startswith("_")}
    methods |= {"check"}
    of_parts = {
        "among", "bind", "calibrated", "check", "check_target", "inverse_link", "learned", "link", "initial_alpha", "smoothed",
        "spread", "with_scale",
    }  # fmt: skip
    assert of_parts <= set(vars(Composite))
    # Values and derivatives are the wrapper's own, and what is made of them needs no more.
    assert methods - of_parts == {
        "value", "gradient", "value_and_gradient", "hessian", "hessian_product", "hessian_map", "hessian_matrix",
        "hessian_factors",
        "kink_distance", "smoothing_error", "shortfall", "best_constant", "null_loss", "trend",
        "row_weights",
    }  # fmt: skip


@pytest.mark.parametrize("wrapper", [name for name in WRAPPERS if name != "Smoothed"])
def test_methods_reach_the_parts(wrapper):
    classes = wrapper in ("SoftLabels", "CostSensitive")

    class Recorder(SquaredHinge if classes else MSE):
        task = "classification" if classes else "regression"
        initial_estimator = "mae"
        seen = []

        def check(self):
            self.seen.append("check")

        def check_target(self, y):
            self.seen.append("check_target")

        def bind(self, y, n_outputs, task):
            self.seen.append("bind")
            return self

        def among(self, codes, n_classes):
            self.seen.append("among")
            return self

        def calibrated(self, y, raw, sample_weight):
            self.seen.append("calibrated")
            return self

        def with_scale(self, scale):
            self.seen.append(f"with_scale {scale}")
            return self

        def initial_alpha(self, alpha, y, sample_weight):
            self.seen.append("initial_alpha")
            return alpha

        def learned(self, constants):
            return {"scale_": 3.0}

        def inverse_link(self, raw):
            return raw + 1

        def link(self, prediction):
            return prediction - 1

    made = WRAPPERS[wrapper][0](Recorder())
    y = np.linspace(0, 1, 4)
    y = np.stack([y, y], axis=1) if wrapper in ("MeanOverTargets", "EachTarget") else y
    y = np.arange(4) % 2 if wrapper == "CostSensitive" else y
    made.check()
    made.check_target(y)
    made.initial_alpha(1.0, y, np.ones(4))
    assert wrapper == "Trimmed" or made.bind(y, 1, made.task) is not None
    made.among(np.arange(2), 2)
    made.calibrated(y, y, np.ones(4))
    made.with_scale((2, 2) if y.ndim == 2 else 2)
    expected = {"among", "check", "check_target", "bind", "calibrated", "initial_alpha", "with_scale 2"} - (
        {"bind"} if wrapper == "Trimmed" else set()
    )
    assert set(Recorder.seen) == expected
    Recorder.seen.clear()
    assert np.all(made.learned(np.zeros(0))["scale_"] == 3.0)
    assert made.inverse_link(1.0) == 2.0
    assert made.link(1.0) == 0.0


def test_the_average_of_a_custom_loss_keeps_its_link():
    made = BoxAveraged(CustomLoss(absolute, inverse_link="exp").bind(np.ones(8), 1, "regression"), 0.1)
    assert made.inverse_link(np.zeros(1)) == 1.0
    assert made.link(np.ones(1)) == 0.0


# Fits.


@cache
def data(task):
    rng = np.random.default_rng(0)
    if task == "ranking":
        X, y, qid = make_ranking(n_queries=15, random_state=0)
        return X[:, :4], y, {"qid": qid}
    X = rng.normal(size=(60, 3))
    score = X @ [1.0, -2.0, 0.5]
    if task == "regression":
        return X, np.exp(0.5 * score + 0.3 * rng.normal(size=60)), {}
    return X, np.digitize(score + rng.normal(size=60), [-1.0, 1.0]), {}


def fitted(loss, **parameters):
    task = loss.task
    X, y, more = data(task)
    estimator = {"regression": LossRegressor, "classification": LossClassifier, "ranking": LossRanker}[task]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator(loss, random_state=0, **({"alpha": 0.01} | parameters)).fit(X, y, **more)


ALONE = [pytest.param(loss, id=name) for name, loss in REGISTRY]


@pytest.mark.parametrize("loss", ALONE)
def test_one_times_a_loss_is_fitted_as_the_loss(loss):
    if loss.n_constants or getattr(loss, "scale", None) == "joint":
        with pytest.raises(ValueError, match="constants"):
            fitted(1.0 * loss)
        return
    few = {"max_iter": 30} if loss.stochastic_only else {}
    alone, product = fitted(loss, **few), fitted(1.0 * loss, **few)
    assert product.solver_ == alone.solver_
    assert product.converged_ == alone.converged_
    np.testing.assert_allclose(product.coef_, alone.coef_, rtol=1e-6, atol=1e-7)
    for attribute in ("scale_", "shape_"):
        assert getattr(product, attribute, None) == pytest.approx(getattr(alone, attribute, None))


EXACT_WITH_L1 = [MAE(), Quantile(0.9), Hinge(), PairwiseHinge(), RankNet()]


@pytest.mark.parametrize(
    "loss, l1_ratio",
    [
        *((loss, 0.0) for loss in (*EXACT_WITH_L1, CrammerSinger(), LambdaRank(), Huber(), Tukey(), Focal())),
        *((loss, 1.0) for loss in EXACT_WITH_L1),
    ],
)
def test_three_times_a_loss_under_three_times_the_penalty_is_the_loss(loss, l1_ratio):
    alone, product = fitted(loss, l1_ratio=l1_ratio), fitted(3.0 * loss, alpha=0.03, l1_ratio=l1_ratio)
    assert product.solver_ == alone.solver_
    assert product.objective_ == pytest.approx(3 * alone.objective_, rel=1e-6)
    np.testing.assert_allclose(product.coef_, alone.coef_, atol=2e-4)
    if hasattr(alone, "dual_gap_"):
        assert product.dual_gap_ <= 1e-6


def test_a_sum_of_straight_pieces_is_solved_exactly():
    model = fitted(0.3 * Quantile(0.1) + 0.7 * MAE())
    assert model.solver_ == "interior_point"
    assert model.dual_gap_ <= 1e-9


@pytest.mark.parametrize("loss", [case for case in ALONE if case.values[0].task == "classification"])
def test_costs_of_zero_and_one_and_certain_labels_are_the_loss(loss):
    X, y, _ = data("classification")
    y = y == 1
    few = {"max_iter": 20} if loss.stochastic_only else {}
    cases = [(loss, y), (loss, np.stack([~y, y], axis=1).astype(float))]
    cases += [] if isinstance(loss, Perceptron) else [(CostSensitive(loss), y)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        hard, *others = (LossClassifier(one, alpha=0.01, random_state=0, **few).fit(X, targets) for one, targets in cases)
    for model in others:
        assert ("adam" in model.solver_) == ("adam" in hard.solver_)
        np.testing.assert_allclose(model.coef_, hard.coef_, rtol=1e-4, atol=2e-4)


def one_optimum_of_rows(loss):
    return rows_alone(loss) and not loss.stochastic_only and getattr(loss, "scale", None) != "joint"


@pytest.mark.parametrize("loss", [case for case in ALONE if one_optimum_of_rows(case.values[0])])
def test_the_whole_of_the_rows_is_the_mean(loss):
    """The mean of the worst part, where that is all rows, and the best part."""
    alone, best = fitted(loss), fitted(Trimmed(loss, share=1.0))
    np.testing.assert_allclose(best.coef_, alone.coef_, rtol=1e-6, atol=1e-6)
    if loss.convex:  # else both may end in different valleys
        assert fitted(CVaR(loss, share=1.0)).objective_ == pytest.approx(alone.objective_, rel=2e-6)
    y, raw = (np.ones(9), np.linspace(-2, 2, 9)) if loss.task == "regression" else (np.arange(9) % 2, np.linspace(-2, 2, 9))
    below = np.full(9, loss.value(y, raw).min() - 1)
    np.testing.assert_allclose(CVaR(loss, 1.0).value(y, np.stack([raw, below], axis=1)), loss.value(y, raw), atol=1e-12)


class TestTheFactsMatter:
    def separable(self):
        X = np.linspace(-1, 1, 20)[:, None]
        return X, (X[:, 0] > 0.02).astype(int)

    @pytest.mark.parametrize(
        "loss",
        [CrossEntropy(), CostSensitive(), CostSensitive(cost=((0, 1), (5, 0))), 2.0 * CrossEntropy(), CVaR("cross_entropy"),
         CrossEntropy() + Focal(), Trimmed("cross_entropy", 0.9)],
        ids=repr,
    )  # fmt: skip
    def test_what_has_no_minimum_says_so(self, loss):
        with pytest.warns(ConvergenceWarning, match="no minimum"):
            model = LossClassifier(loss, alpha=0).fit(*self.separable())
        assert not model.converged_

    @pytest.mark.parametrize("loss", [CrossEntropy(0.1), CrossEntropy(0.1) + CrossEntropy(), Hinge()], ids=repr)
    def test_what_has_one_does_not(self, loss):
        assert LossClassifier(loss, alpha=0).fit(*self.separable()).converged_

    def test_a_class_that_costs_nothing_is_never_decided_for(self):
        X, y = self.separable()
        # Not separable, and yet the loss of class 1 alone falls for ever with the intercept.
        y[3] = 1
        with pytest.warns(ConvergenceWarning, match="no minimum"):
            LossClassifier(CostSensitive(cost=((0, 0), (1, 0))), alpha=0).fit(X, y)

    def test_equal_scores_are_no_separation(self):
        X = np.zeros((10, 2))
        assert LossClassifier(alpha=0).fit(X, np.arange(10) % 2).converged_

    def test_several_starts_are_kept(self):
        assert (1.0 * Tukey(n_init=5)).n_init == 5
        rng = np.random.default_rng(1)
        X = rng.normal(size=(60, 2))
        y = X @ [1.0, 2.0] + 0.1 * rng.normal(size=60)
        y[:28] = -10 * X[:28, 0] + 0.1 * rng.normal(size=28)
        one, five = (LossRegressor(1.0 * Tukey(n_init=n), random_state=0).fit(X, y) for n in (1, 5))
        assert five.objective_ <= one.objective_ * (1 + 1e-12)
        assert five.objective_ == LossRegressor(Tukey(n_init=5), random_state=0).fit(X, y).objective_
        both = LossRegressor(Tukey(n_init=5), random_state=0).fit(X, np.stack([y, y], axis=1))
        assert both.coef_.shape == (2, 2)

    def test_a_residual_loss_inside_starts_and_goes_on_as_one(self):
        rng = np.random.default_rng(2)
        X = np.column_stack([rng.normal(size=80), rng.normal(size=80)])
        y = X @ [1.0, -1.0] + 0.1 * rng.normal(size=80)
        y[:25] += 50 + 20 * X[:25, 0]
        for make in (lambda loss: Trimmed(loss, 0.6), lambda loss: loss):
            alone, product = (LossRegressor(make(one), alpha=0.0).fit(X, y) for one in (MSE(), 1.0 * MSE()))
            np.testing.assert_allclose(product.coef_, alone.coef_, rtol=1e-9)
        model = LossRegressor(1.0 * MAE(), warm_start=True).fit(X, y)
        again = model.set_params(loss=1.0 * Quantile(0.9)).fit(X, y)
        assert again.objective_ == pytest.approx(LossRegressor(Quantile(0.9)).fit(X, y).objective_, rel=1e-8)

    def test_the_perceptron_goes_to_adam(self):
        X, y = self.separable()
        for loss in (1.0 * Perceptron(), CVaR("perceptron", 1.0)):
            model = LossClassifier(loss, random_state=0, max_iter=5, tol=1e-1, n_iter_no_change=1)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(X, y)
            assert "adam" in model.solver_
            assert np.any(model.coef_)

    def test_soft_labels_inside_an_aggregate(self):
        X, y = self.separable()
        soft = np.stack([1 - y, y], axis=1) * 0.8 + 0.1
        model = LossClassifier(CVaR("squared_hinge", 1.0), alpha=0.1).fit(X, soft)
        mean = LossClassifier("squared_hinge", alpha=0.1).fit(X, soft)
        assert model.objective_ == pytest.approx(mean.objective_, rel=1e-6)

    # A function with kinks inside a threshold has no Hessian by which the end could be confirmed,
    # and says so.
    @pytest.mark.filterwarnings("ignore:.*found no lower value:sklearn.exceptions.ConvergenceWarning")
    def test_a_plain_function_inside(self):
        X, y, _ = data("regression")
        expected = LossRegressor(CVaR("mae", 0.5), alpha=0.01).fit(X, y)
        model = LossRegressor(CVaR(CustomLoss(absolute, convex=True), 0.5), alpha=0.01).fit(X, y)
        assert model.objective_ == pytest.approx(expected.objective_, rel=1e-4)

    @pytest.mark.parametrize(
        "loss", [CostSensitive("mse"), CostSensitive(CVaR("hinge")), CostSensitive(Trimmed("hinge"))], ids=repr
    )
    def test_wrappers_of_what_they_do_not_take(self, loss):
        with pytest.raises(ValueError, match="CostSensitive takes|inside it instead|inside another loss"):
            LossClassifier(loss).fit(*self.separable())

    def test_an_aggregate_of_queries_is_refused(self):
        X, y, more = data("ranking")
        with pytest.raises(ValueError, match="whole queries"):
            LossRanker(CVaR("ranknet")).fit(X, y, **more)


def test_sums_lie_open():
    made = 2.0 * (MSE() + 3.0 * MAE())
    assert isinstance(made, WeightedSum)
    assert made.weights == (2.0, 6.0)
