"""scikit-learn's own checks of the estimators: every loss, every solver and every model.

The product of losses, solvers and models has far more cases than it has different code. `WHOLE` is
the part of it that is tried at all: the losses of `WITH_ALL`, one of each kind, meet every solver,
linear and as a network; each further loss meets the default solver and one solver more, by turns.
`FAST` is a covering selection of `WHOLE`, made from the registries: each loss, each solver and each
model goes through each check at least once, with the cheapest estimators that do so. The others are
slow tests; of the checks that differ in nothing but the form in which the rows arrive, which is
gone before a loss, a solver or a model meets them, each of these estimators takes one by turns.
"""

import re
import zlib
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sklearn.utils.estimator_checks import (
    check_class_weight_balanced_linear_classifier,
    check_dataframe_column_names_consistency,
    check_inplace_ensure_writeable,
    estimator_checks_generator,
)

from sklearn_losses import LossClassifier, LossRanker, LossRegressor
from sklearn_losses.losses import MSE, CostSensitive, CVaR, Huber, Loss, Quantile, Tilted, Trimmed
from sklearn_losses.models import Model
from sklearn_losses.solvers import SGD, Adam, Solver

# Checks fit with few iterations on purpose, and scikit-learn itself ignores this warning in most of
# them. They know nothing of queries, of which a ranker warns.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:LossRanker was given no qid:UserWarning"),
]

ESTIMATORS = {"regression": LossRegressor, "classification": LossClassifier, "ranking": LossRanker}
LOSSES = [(name, ESTIMATORS[maker.task]) for name, maker in sorted(Loss.names().items()) if maker.task != "ranking"]
RANKING = [(name, LossRanker) for name, maker in sorted(Loss.names().items()) if maker.task == "ranking"]
WITH_ALL = {"mse", "mae", "huber", "quantile", "cross_entropy", "hinge", "squared_hinge", "ranknet"}
# An MLP's epochs are what the checks' time goes into: larger steps, fewer of them.
QUICK = {"adam": Adam(learning_rate=0.05), "sgd": SGD(learning_rate=0.05)}
BRIEF = {"hidden_layer_sizes": (3,), "max_iter": 50}
LINEAR_ONLY = ("newton", "interior_point", "augmented_lagrangian", "proximal_newton")
KINKED = ("interior_point", "augmented_lagrangian")
# Stands for the methods of scipy.optimize.minimize, which are one solver under many names.
SCIPY = "bfgs"
NAMED = [name for name in sorted(Solver.names()) if name not in ("auto", "scipy")]
WEIGHT_CHECKS = ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data")


def table_of_failures():
    """The reasons by estimator, from the list in the contributor's guide."""
    page = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = re.findall(r"^- `(Loss\w+\(.+\))`:\s+((?:.+\n)+?)(?=- |\n)", page, flags=re.MULTILINE)
    estimators = {made.__name__: made for made in (LossRegressor, LossClassifier, LossRanker, Trimmed, Adam)}
    return {repr(eval(call, estimators)): " ".join(reason.split()) for call, reason in table}


KNOWN_FAILURES = table_of_failures()
# Checks that differ in the form of what they hand over: the beginnings of their names.
FORMS = [
    ("check_estimator_sparse_array", "check_estimator_sparse_matrix"),
    ("check_classifiers_train",),  # in memory that is mapped, in float32
    ("check_regressors_train",),
    ("check_estimators_pickle",),
    (
        "check_array_api_input",
        "check_classifier_data_not_an_array",
        "check_dataframe_column_names_consistency",
        "check_dtype_object",
        "check_f_contiguous_array_estimator",
        "check_inplace_ensure_writeable",
        "check_readonly_memmap_input",
        "check_regressor_data_not_an_array",
    ),
    ("check_sample_weights_list", "check_sample_weights_not_an_array", "check_sample_weights_pandas_series"),
]


# The whole.


def solvers_of(loss):
    """The named solvers for a loss; what a linear solver takes among kinked losses, its refusal
    would say.
    """
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


def defaults():
    """Estimators by loss with the default solver; a network with quicker steps for losses beyond
    `WITH_ALL`.
    """
    for loss, estimator in LOSSES:
        yield estimator(loss)
        quick = {} if loss in WITH_ALL else {"solver": QUICK["adam"], "max_iter": 100}
        yield estimator(loss, hidden_layer_sizes=(4,), **quick)
    for loss, estimator in RANKING:
        yield estimator(loss)


def pairs():
    """Estimators by loss and named solver."""
    for turn, (loss, estimator) in (*enumerate(LOSSES), *enumerate(RANKING)):
        solvers = list(solvers_of(loss))
        for solver in solvers if loss in WITH_ALL or not solvers else [solvers[turn % len(solvers)]]:
            # What `max_iter` ends short of the optimum differs by rounding errors.
            yield estimator(loss, solver=solver, **({"max_iter": 3000} if solver == "gd" else {}))
            if solver not in LINEAR_ONLY and (loss in WITH_ALL or estimator is LossRanker):
                yield estimator(loss, solver=QUICK.get(solver, solver), **BRIEF)


def solvers_as_a_user_names_them():
    """Each solver with a classifier and a regressor that it takes; one by steps with
    networks too.
    """
    for name in NAMED:
        yield LossClassifier("hinge" if name in KINKED else "cross_entropy", solver=name)
        yield LossRegressor("mae" if name in KINKED else "mse", solver=name)
        if Solver.make(name).stochastic:
            yield LossClassifier(solver=QUICK.get(name, name), **BRIEF)
            yield LossRegressor(solver=QUICK.get(name, name), **BRIEF)
    yield LossClassifier(solver=QUICK["sgd"], tol=1e-3)


def models_as_a_user_names_them():
    """Each model with losses of each task: linear ones by the default solver, others by quick steps
    and by a quasi-Newton method.

    Not the latter of several classes, where the iterations that a check leaves end too early for
    equal digits.
    """
    for name, maker in sorted(Model.names().items()):
        steps = {} if maker().linear else {"solver": Adam(learning_rate=0.02), "max_iter": 100}
        for loss, estimator in (*LOSSES, *RANKING):
            if loss in WITH_ALL:
                yield estimator(loss, model=name, **steps)
        for loss, estimator in (("mse", LossRegressor), ("ranknet", LossRanker)):
            yield estimator(loss, model=name, solver="lbfgs", max_iter=50)


def others():
    yield LossRanker("mse")
    yield LossRanker("listnet", solver=QUICK["adam"], **BRIEF)
    for name in ("sgd", "adam"):
        yield LossClassifier("hinge", solver=name, hidden_layer_sizes=(8,))


COMPOSED = [
    LossRegressor(Huber(scale="joint")),
    LossRegressor(0.7 * MSE() + 0.3 * Quantile(0.9)),
    LossRegressor(0.7 * Huber() + 0.3 * Quantile(0.9)),
    LossRegressor(CVaR("mse", share=0.3)),
    LossRegressor(CVaR("mae", share=0.3)),
    LossRegressor(Tilted("mse")),
    LossRegressor(Trimmed("mse", n_steps=3)),
    LossClassifier(Trimmed("cross_entropy", n_steps=3)),
    LossClassifier(CostSensitive("squared_hinge")),
    LossClassifier(CVaR("cross_entropy", share=0.5)),
]


def every_estimator():
    """The estimators that are checked at all, each once."""
    makers = (defaults(), pairs(), solvers_as_a_user_names_them(), models_as_a_user_names_them(), others(), COMPOSED)
    return {repr(estimator): estimator for made in makers for estimator in made}.values()


# The covering selection.


class Case(NamedTuple):
    """One check of one estimator, and what it covers: pairs of the check and a trait of the
    estimator.
    """

    estimator: Any
    check: Any
    words: str  # the estimator's
    name: str  # the check's, with its arguments
    failure: str | None  # why it is known to fail
    covers: frozenset


def traits(estimator):
    """What must meet every check: the loss, the solver and the model of an estimator."""
    loss = estimator.loss if isinstance(estimator.loss, str) else type(estimator.loss).__name__
    return ("loss", loss), ("solver", Solver.make(estimator.solver).label), ("model", model_of(estimator))


def model_of(estimator):
    return getattr(estimator.model, "name", estimator.model) or ("mlp" if estimator.hidden_layer_sizes else "linear")


def cases(estimator):
    """scikit-learn's checks of an estimator, and two that it runs for its own estimators alone."""
    owner, words, all_traits = type(estimator).__name__, repr(estimator), traits(estimator)
    more = (partial(check, owner) for check in (check_dataframe_column_names_consistency, check_inplace_ensure_writeable))
    for check in (*(check for _, check in estimator_checks_generator(estimator)), *more):
        given = ",".join(f"{key}={value}" for key, value in check.keywords.items())
        name = check.func.__name__ + (f"({given})" if given else "")
        failure = KNOWN_FAILURES.get(words) if name in WEIGHT_CHECKS else None
        covers = frozenset() if failure else frozenset((name, trait) for trait in all_traits)
        yield Case(estimator, check, words, name, failure, covers)


def cost(estimator):
    """A rough number of how long the checks of an estimator take, of which a quick linear fit is
    the unit.
    """
    loss, solver = Loss.make(estimator.loss), Solver.make(estimator.solver)
    if model_of(estimator) != "linear":
        return 3 if estimator.max_iter <= 100 else 10
    if loss.stochastic_only or loss.n_constants or solver.stochastic or solver.label == "trust-constr":
        return 10 if loss.task == "regression" else 20
    kinked = loss.kinks or loss.max_affine
    return 5 if solver.label == "gd" or kinked and solver.label in ("newton", "proximal_newton", "augmented_lagrangian") else 1


def covering(whole, chosen):
    """The chosen cases, and those that cover the rest: of the estimator with most to add for its
    cost, again and again.
    """
    chosen = list(chosen)
    covered = set().union(*(case.covers for case in chosen))
    parts = [(made, frozenset().union(*(case.covers for case in made)), cost(made[0].estimator)) for made in whole]

    def to_add(part):
        return len(part[1] - covered) / part[2]

    while any(map(to_add, parts)):
        for case in max(parts, key=to_add)[0]:
            if not case.covers <= covered:
                chosen.append(case)
                covered |= case.covers
    return chosen


def one_of_each_form(made):
    """The cases of an estimator without those that differ from another one in the form alone.

    Which one stays is a matter of chance, so that none goes along with a kind of estimator.
    """
    for begins in FORMS:
        alike = [case for case in made if case.name.startswith(begins)]
        turn = zlib.crc32(f"{made[0].words}, {begins[0]}".encode())
        left_out = {id(case) for k, case in enumerate(alike) if k != turn % len(alike)}
        made = [case for case in made if id(case) not in left_out]
    return made


def parameters(chosen):
    """What pytest makes tests of; a case that passes although it is known to fail is an error
    (`xfail_strict`).
    """
    for case in chosen:
        marks = pytest.mark.xfail(reason=case.failure) if case.failure else ()
        yield pytest.param(case.estimator, case.check, marks=marks, id=f"{''.join(case.words.split())}-{case.name}")


WHOLE = [list(cases(estimator)) for estimator in every_estimator()]
BEGINNINGS = {repr(estimator()) for estimator in ESTIMATORS.values()}  # what a user writes first
FAST = covering(WHOLE, (case for case in chain(*WHOLE) if case.words in BEGINNINGS or case.failure))
CHOSEN = set(map(id, FAST))
REST = [case for case in chain(*map(one_of_each_form, WHOLE)) if id(case) not in CHOSEN]


@pytest.mark.parametrize(("estimator", "check"), parameters(FAST))
def test_covering_selection(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.parametrize(("estimator", "check"), parameters(REST))
def test_all_others(estimator, check):
    check(estimator)


def test_the_selection_covers_every_loss_solver_and_model():
    covered, whole = (frozenset().union(*(case.covers for case in part)) for part in (FAST, chain(*WHOLE)))
    assert covered == whole
    checks = {trait: {name for name, each in covered if each == trait} for _, trait in covered}
    of_task = {task: {case.name for case in cases(estimator())} for task, estimator in ESTIMATORS.items()}
    for name, maker in Loss.names().items():
        # A positive target, and what is known to fail.
        assert len(of_task[maker.task] - checks["loss", name]) <= 2
    for name in NAMED:
        assert checks["solver", name] >= of_task["regression"] | of_task["classification"]
    for name in Model.names():
        assert checks["model", name] >= of_task["regression"] | of_task["classification"]


def test_the_rest_takes_every_form_of_every_check():
    names = {case.name for case in chain(*WHOLE)}
    assert {case.name for case in REST} == names
    number = {name: sum(case.name == name for case in REST) for name in names}
    for begins in FORMS:
        alike = [number[name] for name in names if name.startswith(begins)]
        assert len(alike) > 1 and 5 < min(alike) and max(alike) < len(WHOLE) / 1.5


def test_known_failures_are_estimators_that_are_checked():
    assert len(KNOWN_FAILURES) == 5 and all(KNOWN_FAILURES.values())
    assert {case.words for case in FAST if case.failure} == set(KNOWN_FAILURES)


def test_balanced_class_weight():
    check_class_weight_balanced_linear_classifier("LossClassifier", LossClassifier())
