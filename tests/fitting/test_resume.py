"""Fits that were stopped go on, through a pickle, as if they had not been."""

import io
import pickle
from itertools import product

import joblib
import numpy as np
import pandas as pd
import pytest

from sklearn_losses import LossClassifier, LossRanker, LossRegressor, make_ranking
from sklearn_losses.blocks import ArrayBlocks
from sklearn_losses.core.component import description
from sklearn_losses.fitting import fit as fit_module
from sklearn_losses.fitting.progress import Progress
from sklearn_losses.losses import CustomLoss, Huber, Loss, Tukey
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.solvers import SGD, SVRG, Adam, Newton, Solver
from sklearn_losses.solvers.journal import Journal

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # stopped early, most of them
RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 5)) * [1, 1, 30, 1, 1] + [0, 40, 0, 0, 0]
SCORE = X @ (RNG.normal(size=5) / [1, 1, 30, 1, 1])
SCORE -= SCORE.mean()
Y = SCORE + RNG.standard_t(3, size=90)
COUNTS = np.exp(SCORE / 3) * RNG.gamma(2, size=90)
LABELS = (SCORE + RNG.logistic(size=90) > 0).astype(int) + (X[:, 3] > 0.7)
RANKED = make_ranking(n_queries=20, random_state=0)

REGRESSION, CLASSIFICATION = (X, Y), (X, LABELS)
STOPS = ("max_iter", "callback", "interrupted callback", "interrupted pass")


def fit(model, data):
    return model.fit(*data[:2], qid=data[2]) if len(data) == 3 else model.fit(*data)


def stopped(model, data, after, how):
    """The model, whose fit was stopped after so many iterations."""
    if how == "max_iter":
        return fit(model.set_params(max_iter=after), data)
    seen = [0]

    def iteration(self, fitted):
        if not self.columns:  # the fit of an initial estimator
            return False
        seen[0] += 1
        if seen[0] < after:
            return False
        if how == "interrupted callback":
            raise KeyboardInterrupt
        self.stopped = how == "callback"
        return self.stopped

    def interrupted(self, *arguments):
        if seen[0] >= after:
            raise KeyboardInterrupt
        yield from minibatches(self, *arguments)

    minibatches = Objective.minibatches
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Progress, "iteration", iteration)
        patch.setattr(Objective, "minibatches", interrupted)
        if how == "callback":
            return fit(model, data)
        with pytest.raises(KeyboardInterrupt):
            fit(model, data)
    return model


def copied(model):
    """The model after a pickle, by way of joblib."""
    file = io.BytesIO()
    joblib.dump(pickle.loads(pickle.dumps(model)), file)
    file.seek(0)
    return joblib.load(file)


def public(model):
    return {name: value for name, value in vars(model).items() if name.endswith("_") and not name.startswith("_")}


def assert_same(model, whole):
    assert public(model).keys() == public(whole).keys()
    for name, value in public(whole).items():
        one = value if isinstance(value, list) else [value]
        other = getattr(model, name)
        for mine, theirs in zip(other if isinstance(other, list) else [other], one, strict=True):
            np.testing.assert_array_equal(mine, theirs, err_msg=name)


def assert_goes_on(make, data, max_iter, afters, stops):
    """Fits that are stopped and resumed end bit by bit where an unbroken one does."""
    whole = fit(make(max_iter=max_iter), data)
    for after, how in product(afters, stops):
        if after >= whole.n_iter_:
            continue
        model = copied(stopped(make(max_iter=max_iter, warm_start=True), data, after, how))
        assert model.n_iter_ == after and len(model.loss_curve_) == after
        assert_same(fit(model.set_params(max_iter=max_iter - after), data), whole)
    return whole


STEPPING = [
    SGD(learning_rate=0.005, average=True),
    SGD(learning_rate=0.02, schedule="adaptive"),
    Adam(learning_rate=0.01, amsgrad=True, weight_decay=0.01, batch_size=50),
    SVRG(learning_rate=0.01, snapshot_every=3),
]
SAMPLED = {
    "mse": (LossRegressor, "mse", REGRESSION),
    "tukey": (LossRegressor, "tukey", REGRESSION),
    "learned scale": (LossRegressor, Huber(scale="joint"), REGRESSION),
    "hinge": (LossClassifier, "hinge", CLASSIFICATION),
    "listmle": (LossRanker, "listmle", RANKED),
    "lambdarank": (LossRanker, "lambdarank", RANKED),
}


@pytest.mark.parametrize("case", SAMPLED)
@pytest.mark.parametrize("second", [False, True])
def test_stochastic_fits(second, case):
    """Two of the four solvers for each loss; the slow tests have all of them."""
    estimator, loss, data = SAMPLED[case]
    number = list(SAMPLED).index(case) + 2 * second
    solver = STEPPING[number % 4]
    hidden, early = ((), (4,))[number % 2], bool(number // 2 % 2)

    def make(**options):
        chance = np.random.RandomState(5) if number % 3 else 5
        return estimator(
            loss, solver=solver, hidden_layer_sizes=hidden, early_stopping=early, n_iter_no_change=4, random_state=chance,
            **options,
        )  # fmt: skip

    assert_goes_on(make, data, 6, (1, 4), STOPS[number % 2 :: 2])


@pytest.mark.slow
@pytest.mark.parametrize("case", SAMPLED)
@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("hidden", [(), (4,)])
def test_stochastic_fits_at_each_pass(case, hidden, early):
    estimator, loss, data = SAMPLED[case]
    for number, solver in enumerate(STEPPING):

        def make(solver=solver, chance=number % 2 * 5, **options):
            return estimator(
                loss, solver=solver, hidden_layer_sizes=hidden, early_stopping=early, n_iter_no_change=3,
                random_state=chance or np.random.RandomState(5), **options,
            )  # fmt: skip

            assert_goes_on(make, data, 10, (1, 3, 9), STOPS)


def test_patience_and_the_best_point_survive_a_stop():
    def make(**options):
        return LossClassifier(
            hidden_layer_sizes=(20,), solver=Adam(learning_rate=0.05, batch_size=20), early_stopping=True, random_state=0,
            validation_fraction=0.3, n_iter_no_change=5, **options,
        )  # fmt: skip

    whole = assert_goes_on(make, CLASSIFICATION, 200, (2, 9), STOPS[::3])
    best = int(np.argmax(whole.validation_scores_))
    assert whole.converged_ and 5 <= whole.n_iter_ - best < 20
    # Stopped after the best point, when patience has begun to run.
    model = copied(stopped(make(warm_start=True), CLASSIFICATION, whole.n_iter_ - 1, "callback"))
    assert not model.converged_
    assert_same(fit(model.set_params(max_iter=200), CLASSIFICATION), whole)


def test_the_same_rows_are_held_out_whatever_the_seed():
    model = LossRegressor(solver="adam", early_stopping=True, max_iter=3, warm_start=True).fit(*REGRESSION)
    first = list(model.validation_scores_)
    model = copied(model).set_params(max_iter=2).fit(*REGRESSION)
    assert model.validation_scores_[:3] == first and len(model.validation_scores_) == 5 == model.n_iter_
    again = [copied(model).fit(*REGRESSION).validation_scores_ for _ in range(2)]
    assert again[0] == again[1]


def test_a_fit_in_many_parts():
    make = {"solver": SGD(learning_rate=0.01, batch_size=20), "random_state": 0, "tol": 0.0, "n_iter_no_change": 99}
    whole = LossRegressor("tukey", max_iter=9, **make).fit(X, Y)
    model = LossRegressor("tukey", max_iter=1, warm_start=True, **make)
    for count in range(1, 10):
        model = copied(model.fit(X, Y))
        assert model.n_iter_ == len(model.loss_curve_) == count
    assert_same(model, whole)


# Deterministic solvers.

SMOOTH = ["newton", "lbfgs", "gd", "cg", "bfgs", "newton-cg", "tnc", "slsqp", "trust-constr", "trust-krylov", "trust-ncg"]
EXACT = ["proximal_newton", "interior_point", "augmented_lagrangian"]
LOSSES = {
    "huber": (LossRegressor, "huber", REGRESSION, {}),
    "mae": (LossRegressor, "mae", REGRESSION, {"alpha": 0.01}),
    "cauchy": (LossRegressor, "cauchy", REGRESSION, {}),
    "poisson L1": (LossRegressor, "poisson", (X, COUNTS), {"l1_ratio": 0.5, "alpha": 0.01}),
    "cross_entropy": (LossClassifier, "cross_entropy", CLASSIFICATION, {}),
    "crammer_singer": (LossClassifier, "crammer_singer", CLASSIFICATION, {}),
}


def takes(solver, case):
    """Whether a solver can be called for a case."""
    estimator, loss, data, options = LOSSES[case]
    if solver in ("interior_point", "augmented_lagrangian"):
        return case in ("mae", "crammer_singer")
    if "l1_ratio" in options:
        return solver in ("lbfgs", "gd", "proximal_newton")
    if (solver, case) in {("gd", "crammer_singer"), ("trust-krylov", "mae"), ("proximal_newton", "cauchy")}:
        return False  # they take long, or refuse
    return Loss.make(loss).smooth or solver in ("newton", "lbfgs", "gd", "tnc", "proximal_newton")


CASES = [(solver, case) for solver, case in product(SMOOTH + EXACT, LOSSES) if takes(solver, case)]
QUICK = [(solver, case) for number, (solver, case) in enumerate(CASES) if number % 4 == 0 or solver in EXACT]


def assert_ends_alike(solver, case, afters, stops):
    estimator, loss, data, options = LOSSES[case]
    whole = estimator(loss, solver=solver, warm_start=True, **options).fit(*data)
    for after, how in product(afters, stops):
        after = max(1, int(after * whole.n_iter_))
        if after >= whole.n_iter_:
            continue
        model = stopped(estimator(loss, solver=solver, warm_start=True, **options), data, after, how)
        if not hasattr(model, "_point"):
            assert model.converged_  # its end was certified, since the optimum could be told
            continue
        model = fit(copied(model).set_params(max_iter=1000 - model.n_iter_), data)
        np.testing.assert_allclose(model.coef_, whole.coef_, rtol=0, atol=1e-8)
        np.testing.assert_allclose(model.intercept_, whole.intercept_, rtol=0, atol=1e-8)
        assert model.converged_ == whole.converged_ and model.n_iter_ == whole.n_iter_
        assert model.loss_curve_ == pytest.approx(whole.loss_curve_, rel=1e-9)


@pytest.mark.parametrize(("solver", "case"), QUICK)
def test_deterministic_fits(solver, case):
    assert_ends_alike(solver, case, (0.5,), ("interrupted callback",))


@pytest.mark.slow
@pytest.mark.parametrize(("solver", "case"), CASES)
def test_deterministic_fits_at_several_points(solver, case):
    assert_ends_alike(solver, case, (0, 0.7), STOPS[:3])


LARGE = np.random.default_rng(1).normal(size=(6000, 150))  # a matrix of the parameters is not cheap
LARGE_Y = LARGE @ np.linspace(-1, 1, 150) / 3 + np.random.default_rng(2).normal(size=6000)


@pytest.mark.parametrize(
    ("model", "y"),
    [
        (LossClassifier("cross_entropy", solver="newton"), LARGE_Y > 0),
        (LossRegressor("log_cosh", solver="newton"), LARGE_Y),
        (LossClassifier("hinge", solver="interior_point"), LARGE_Y > 0),
    ],
    ids=["cross_entropy-newton", "log_cosh-newton", "hinge-interior_point"],
)
def test_large_exact_fits(model, y):
    def make(**options):
        return copied(model).set_params(**{"warm_start": True, **options})

    assert_goes_on(make, (LARGE, y), 1000, (2,), STOPS[1:3])


@pytest.mark.parametrize(("work", "largest"), [("hessian", 2000), ("hessian_operator", 0)])
def test_newtons_matrices_and_directions_are_not_computed_again(work, largest, monkeypatch):
    calls, compute = [], getattr(Objective, work)

    def counted(self, *arguments):
        calls.append(1)
        return compute(self, *arguments)

    def number(model):
        calls.clear()
        model.fit(LARGE, LARGE_Y > 0)
        return len(calls)

    monkeypatch.setattr(Objective, work, counted)
    make = {"solver": Newton(largest_matrix=largest), "warm_start": True}
    whole, part = LossClassifier(**make), LossClassifier(max_iter=2, **make)
    in_all, first = number(whole), number(part)
    rest = number(part.set_params(max_iter=1000))
    assert rest <= in_all - first + 1 and first >= 2 and in_all > first  # the last matrix may serve once more
    np.testing.assert_array_equal(part.coef_, whole.coef_)


@pytest.mark.parametrize("solver", ["lbfgs", "cg"])
def test_networks_under_solvers_with_a_memory(solver):
    """Another path would end in another minimum."""

    def make(**options):
        return LossClassifier(hidden_layer_sizes=(5,), activation="tanh", solver=solver, random_state=0, **options)

    assert_goes_on(make, CLASSIFICATION, 40, (1, 17), STOPS[:3])


def test_early_stopping_of_a_deterministic_solver():
    def make(**options):
        return LossClassifier(
            hidden_layer_sizes=(9,), solver="lbfgs", early_stopping=True, n_iter_no_change=4, random_state=1, **options
        )

    whole = assert_goes_on(make, CLASSIFICATION, 60, (1, 7), STOPS[:3])
    assert whole.converged_ and whole.n_iter_ < 60


def test_what_was_evaluated_is_not_evaluated_again(monkeypatch):
    calls = []
    evaluate = Objective.value_and_gradient
    monkeypatch.setattr(Objective, "value_and_gradient", lambda self, params: calls.append(1) or evaluate(self, params))
    options = {"solver": "lbfgs", "hidden_layer_sizes": (4,), "random_state": 0}
    counts = []
    model = LossRegressor(**options, max_iter=30, warm_start=True).fit(X, Y)
    counts.append(len(calls))
    calls.clear()
    model = LossRegressor(**options, max_iter=20, warm_start=True).fit(X, Y)
    counts.append(len(calls))
    calls.clear()
    model.set_params(max_iter=10).fit(X, Y)
    counts.append(len(calls))
    assert counts[0] == counts[1] + counts[2] and counts[1] > 20 and counts[2] >= 10


def test_without_a_journal_a_fit_goes_on_from_its_last_point(monkeypatch):
    """As where there would be too much in it."""
    monkeypatch.setattr("sklearn_losses.solvers.journal.LARGEST", 50)
    monkeypatch.setattr(Journal.__init__, "__defaults__", (None, 50))
    options = {"solver": "lbfgs", "hidden_layer_sizes": (4,), "random_state": 0, "max_iter": 15}
    model = LossRegressor(warm_start=True, **options).fit(X, Y)
    assert model._point.answers is None
    before, curve = model.objective_, list(model.loss_curve_)
    model = copied(model).fit(X, Y)
    assert model.objective_ < before and model.loss_curve_[:15] == curve and model.n_iter_ == len(model.loss_curve_) == 30


def test_a_fit_that_was_not_to_go_on_keeps_no_evaluations():
    model = LossRegressor(solver="lbfgs", hidden_layer_sizes=(4,), random_state=0, max_iter=5).fit(X, Y)
    assert model._point.answers is None


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("solver", ["newton", "lbfgs", "adam"])
def test_rows_that_are_read_block_by_block(solver, early):
    source = ArrayBlocks(X, LABELS, block_rows=30)

    def make(**options):
        return LossClassifier(solver=solver, random_state=0, early_stopping=early, **options)

    whole = make(max_iter=8, warm_start=True).fit(source)
    model = copied(make(max_iter=2, warm_start=True).fit(source)).set_params(max_iter=6).fit(source)
    np.testing.assert_array_equal(model.coef_, whole.coef_)
    assert model.loss_curve_ == whole.loss_curve_ and model.n_iter_ == whole.n_iter_ > 2


# Is it the same problem?


def tukey(**options):
    return LossRegressor(Tukey(), solver=SGD(learning_rate=0.01), random_state=0, warm_start=True, max_iter=3, **options)


def test_the_scale_is_not_looked_for_again(monkeypatch):
    model = tukey().fit(X, Y)
    scale, curve = model.scale_, list(model.loss_curve_)
    monkeypatch.setattr(fit_module, "resistant_fit", None)  # it would be called
    model = copied(model).fit(X, Y)
    assert model.scale_ == scale and model.loss_curve_[:3] == curve and model.n_iter_ == 6
    assert model.start_ == "resistant"


@pytest.mark.parametrize("what", ["rows", "targets", "columns in other units", "weights"])
def test_other_data_are_fitted_with_their_own_scale(what):
    model, data = tukey().fit(X, Y), {"X": X, "y": Y}
    changed = {
        "rows": {"X": X[:70], "y": Y[:70]},
        "targets": {"X": X, "y": 3 * Y},
        "columns in other units": {"X": X * [1, 1, 1e-3, 1, 1], "y": Y + 1e-3},
        "weights": {"X": X, "y": Y, "sample_weight": np.where(Y > 0, 2.0, 1.0)},
    }[what]
    data.update(changed)
    fresh = clone_of(tukey()).fit(**data)
    model.fit(**data)
    assert model.scale_ == fresh.scale_ and model.n_iter_ == 3 and len(model.loss_curve_) == 6


def clone_of(model):
    return pickle.loads(pickle.dumps(model))


@pytest.mark.parametrize("changed", [{"alpha": 0.5}, {"tol": 0.1}, {"loss": Tukey(c=6.0)}, {"fit_intercept": False}])
def test_another_parameter_is_another_fit(changed):
    model = LossRegressor(Tukey(), solver="lbfgs", max_iter=1, warm_start=True).fit(X, Y)
    assert hasattr(model, "_point")
    model.set_params(max_iter=200, **changed)
    if "fit_intercept" in changed:
        with pytest.raises(ValueError, match="use warm_start=False"):
            model.fit(X, Y)
        return
    model.fit(X, Y)
    fresh = LossRegressor(solver="lbfgs", **{"loss": Tukey(), **changed}).fit(X, Y)
    assert model.converged_ and not hasattr(model, "_point")
    np.testing.assert_allclose(model.coef_, fresh.coef_, atol=1e-4)


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_a_fit_that_ended_is_none_that_goes_on(solver):
    model = LossRegressor(solver=solver, random_state=0, warm_start=True, tol=1e-2).fit(X / X.std(axis=0), Y)
    assert model.converged_ and not hasattr(model, "_point")


def test_batches_leave_no_point():
    model = LossRegressor(solver="sgd", random_state=0).partial_fit(X, Y)
    assert not hasattr(model, "_point")
    model = tukey().fit(X, Y).partial_fit(X, Y)  # and take none
    assert not hasattr(model, "_point") and model.n_iter_ == 1 and len(model.loss_curve_) == 4


def test_columns_in_another_order_are_another_problem():
    frame = pd.DataFrame(X, columns=list("abcde"))
    model = LossRegressor(solver="adam", max_iter=2, warm_start=True).fit(frame, Y)
    with pytest.raises(ValueError, match="has the column 'e' where the last one had 'a'.*use warm_start=False"):
        model.fit(frame[list("ebcda")], Y)
    assert list(model.feature_names_in_) == list("abcde") and model.fit(frame, Y).n_iter_ == 4


def cosh(y_true, y_pred):
    if COUNT["left"] == 0:
        COUNT["left"] = -1
        raise KeyboardInterrupt
    COUNT["left"] -= 1
    return np.log(np.cosh(y_true - y_pred))


COUNT = {"left": -1}


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("solver", [Adam(learning_rate=0.05, batch_size=40), "lbfgs"], ids=["adam", "lbfgs"])
def test_interrupts_anywhere_inside_a_loss(solver, early):
    def make(**options):
        return LossRegressor(CustomLoss(cosh), solver=solver, early_stopping=early, random_state=0, **options)

    COUNT["left"] = 10**9
    whole = make(max_iter=6).fit(X, Y)
    total, ends = 10**9 - COUNT["left"], set()
    # Most of the calls look for the first intercept; the iterations come at the end.
    for left in [1, *range(max(2, total - 30), total)]:
        COUNT["left"] = left
        model = make(max_iter=6, warm_start=True)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y)
        COUNT["left"] = -1
        done = getattr(model, "n_iter_", 0)
        ends.add(done)
        if done < 6:
            assert_same(copied(model).set_params(max_iter=6 - done).fit(X, Y), whole)
    assert 0 in ends and {3, 4, 5} <= ends


def test_functions_are_the_same_in_another_process():
    first = fit_module.key_of(CustomLoss(cosh), Solver.make("lbfgs"), Linear().bind(3, 1, True), (9, 3), fit_module.Settings())
    assert " at 0x" in description(CustomLoss(cosh)) and " at 0x" not in first and "cosh" in first
