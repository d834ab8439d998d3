"""scikit-learn's own checks, linear and MLP: every loss, and every solver.

The losses of `WITH_ALL`, one of each kind, meet every solver; each further loss meets the default and one solver more, by
turns, so that the whole takes minutes.
"""

import re
from pathlib import Path

import pytest
from sklearn.utils.estimator_checks import (
    check_class_weight_balanced_linear_classifier,
    check_dataframe_column_names_consistency,
    check_inplace_ensure_writeable,
    parametrize_with_checks,
)

from sklearn_losses import LossClassifier, LossRanker, LossRegressor
from sklearn_losses.losses import CostSensitive, CVaR, Huber, Loss, Quantile, Tilted, Trimmed
from sklearn_losses.solvers import SGD, Adam, Solver

# Checks fit with few iterations on purpose, and scikit-learn itself ignores this warning in most of them. They know nothing
# of queries, of which a ranker warns.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:LossRanker was given no qid:UserWarning"),
]

ESTIMATORS = {"regression": LossRegressor, "classification": LossClassifier}
LOSSES = [(name, ESTIMATORS[maker.task]) for name, maker in sorted(Loss.names().items()) if maker.task in ESTIMATORS]
WITH_ALL = {"mse", "mae", "huber", "quantile", "cross_entropy", "hinge", "squared_hinge"}
# An MLP's epochs are what the checks' time goes into: larger steps, fewer of them.
QUICK = {"adam": Adam(learning_rate=0.05)}
BRIEF = {"hidden_layer_sizes": (3,), "max_iter": 50}
LINEAR_ONLY = ("newton", "interior_point", "augmented_lagrangian", "proximal_newton")
SCIPY = "bfgs"  # stands for the methods of scipy.optimize.minimize, which are one solver under many names

RANKING = [name for name, maker in sorted(Loss.names().items()) if maker.task == "ranking"]
WEIGHT_CHECKS = ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data")


def known_failures():
    """The reasons by estimator, from the page of the documentation where a user finds them."""
    page = (Path(__file__).parents[2] / "docs" / "solvers.rst").read_text(encoding="utf-8")
    table = re.findall(r"\* - ``(\w+\(.+\))``\n\s+- ((?:.+\n?)+?)(?=\s+\* - |\n|\Z)", page)
    estimators = {made.__name__: made for made in (LossRegressor, LossClassifier, LossRanker, Trimmed, Adam)}
    return {repr(eval(call, estimators)): " ".join(reason.split()) for call, reason in table}


KNOWN_FAILURES = known_failures()


def solvers_of(loss):
    """The named solvers for a loss; what a linear solver takes among kinked losses, its refusal would say."""
    made = Loss.make(loss)
    for solver in ("gd", "sgd", "adam", "lbfgs", SCIPY, *LINEAR_ONLY):
        if made.stochastic_only:
            continue  # all weights 0 are an exact minimum, of no use; the default is adam
        if solver in ("interior_point", "augmented_lagrangian") and not (made.kinks or made.max_affine):
            continue
        if solver == "newton" and not (made.has_hessian or made.kinks):
            continue
        if solver == "proximal_newton" and not (made.convex and (made.smooth or made.kinks)):
            continue  # it takes crammer_singer too, through hundreds of steps
        yield solver


def pairs():
    """Estimators by loss and named solver."""
    for turn, (loss, estimator) in enumerate(LOSSES):
        solvers = list(solvers_of(loss))
        if loss not in WITH_ALL:
            if solvers:
                yield estimator(loss, solver=solvers[turn % len(solvers)])
            continue
        for solver in solvers:
            yield estimator(loss, solver=solver)
            if solver not in LINEAR_ONLY:
                yield estimator(loss, solver=QUICK.get(solver, solver), **BRIEF)


def defaults():
    """Estimators by loss with the default solver; an MLP with quicker steps for losses beyond `WITH_ALL`."""
    for loss, estimator in LOSSES:
        yield estimator(loss)
        quick = {} if loss in WITH_ALL else {"solver": QUICK["adam"], "max_iter": 100}
        yield estimator(loss, hidden_layer_sizes=(4,), **quick)


def quick_ranker(loss, solver):
    return LossRanker(loss, solver=QUICK.get(solver, solver), hidden_layer_sizes=(3,), max_iter=50)


def ranking_pairs():
    """Rankers by loss and named solver: one loss meets them all, each other loss one, by turns."""
    for turn, loss in enumerate(RANKING):
        solvers = list(solvers_of(loss))
        for solver in solvers if loss == "ranknet" else [solvers[turn % len(solvers)]]:
            yield LossRanker(loss, solver=solver)
            if solver not in LINEAR_ONLY:
                yield quick_ranker(loss, solver)


def exempt(estimator):
    """The checks that an estimator fails, with the reason; one that passes is an error (`xfail_strict`)."""
    reason = KNOWN_FAILURES.get(repr(estimator))
    return dict.fromkeys(WEIGHT_CHECKS, reason) if reason else {}


COMPOSED = [
    LossRegressor(Huber(scale="joint")),
    LossRegressor(0.7 * Huber() + 0.3 * Quantile(0.9)),
    LossRegressor(CVaR("mae", share=0.3)),
    LossRegressor(Tilted("mse")),
    LossRegressor(Trimmed("mse", n_steps=3)),
    LossClassifier(Trimmed("cross_entropy", n_steps=3)),
    LossClassifier(CostSensitive("squared_hinge")),
    LossClassifier(CVaR("cross_entropy", share=0.5)),
]


@parametrize_with_checks(list(defaults()), expected_failed_checks=exempt)
def test_default_solver(estimator, check):
    check(estimator)


@parametrize_with_checks(COMPOSED, expected_failed_checks=exempt)
def test_composed_losses(estimator, check):
    check(estimator)


@parametrize_with_checks([LossRanker(loss) for loss in RANKING] + [LossRanker("mse"), quick_ranker("listnet", "adam")])
def test_default_ranker(estimator, check):
    check(estimator)


KINKED = ("interior_point", "augmented_lagrangian")
SLOW = ("sgd", "adam", "augmented_lagrangian", "trust-constr")
NAMED = [name for name in sorted(Solver.names()) if name not in ("auto", "scipy")]
ONE_OF_EACH = [LossClassifier("hinge" if name in KINKED else "cross_entropy", solver=name) for name in NAMED]
QUICK_ONES = [
    *(each for each in ONE_OF_EACH if each.solver not in SLOW),
    LossRegressor("mae", solver="augmented_lagrangian"),
    LossClassifier(solver=SGD(0.05), tol=1e-3),
    LossClassifier("hinge", solver=SGD(0.05), **BRIEF),
]  # Adam is the default of networks and of the perceptron
SLOW_ONES = [
    *(each for each in ONE_OF_EACH if each.solver in SLOW),
    *(LossClassifier("hinge", solver=name, hidden_layer_sizes=(8,)) for name in ("sgd", "adam")),
]


@parametrize_with_checks(QUICK_ONES, expected_failed_checks=exempt)
def test_one_estimator_of_each_solver(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(SLOW_ONES, expected_failed_checks=exempt)
def test_slow_solvers_as_a_user_names_them(estimator, check):
    check(estimator)


def test_known_failures_are_estimators_that_are_checked():
    checked = {repr(estimator) for estimator in [*COMPOSED, *defaults(), *pairs(), *ranking_pairs()]}
    assert len(KNOWN_FAILURES) == 5 and set(KNOWN_FAILURES) <= checked and all(KNOWN_FAILURES.values())


@pytest.mark.slow
@parametrize_with_checks(list(ranking_pairs()), expected_failed_checks=exempt)
def test_rankers(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(list(pairs()), expected_failed_checks=exempt)
def test_named_solvers(estimator, check):
    check(estimator)


def test_every_solver_is_in_the_product():
    variants = {name for name, maker in Solver.names().items() if not isinstance(maker, type)}
    named = {"auto", "gd", "sgd", "svrg", "adam", "lbfgs", *LINEAR_ONLY}
    assert named | variants | {"scipy"} == set(Solver.names())
    assert SCIPY in variants


@pytest.mark.parametrize(("loss", "estimator"), LOSSES)
def test_checks_that_scikit_learn_does_not_run_for_others(loss, estimator):
    for hidden in ((), (4,)):
        model = estimator(loss, hidden_layer_sizes=hidden)
        check_dataframe_column_names_consistency(estimator.__name__, model)
        check_inplace_ensure_writeable(estimator.__name__, model)


def test_balanced_class_weight():
    check_class_weight_balanced_linear_classifier("LossClassifier", LossClassifier())
