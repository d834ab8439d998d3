"""What regression, classification and ranking make of targets, losses and outputs."""

import numpy as np
import pytest

from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.core.queries import Queries
from sklearn_losses.fitting.classification import Classification, labelled, soft_labelled
from sklearn_losses.fitting.parameters import fitted_parameters, flat_parameters, raw_predictions
from sklearn_losses.fitting.ranking import PointwiseRanking, Ranking, queries
from sklearn_losses.fitting.regression import Regression
from sklearn_losses.fitting.rows import Rows
from sklearn_losses.fitting.settings import Settings
from sklearn_losses.fitting.staged import RankingObjective, Staged
from sklearn_losses.losses import MSE, CrossEntropy, LambdaRank, Loss, RankNet, SoftLabels, Trimmed
from sklearn_losses.losses.targets import EachTarget, MeanOverTargets
from sklearn_losses.models import MLP, Linear
from sklearn_losses.solvers import LBFGS, Adam

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 2))
NAMES = np.array(["a", "b", "c", "d"])
TASKS = {
    "one target": (Regression(), 1, (2,)),
    "a column": (Regression((1,)), 1, (1, 2)),
    "three targets": (Regression((3,)), 3, (3, 2)),
    "two classes": (Classification(NAMES[:2], np.arange(2)), 1, (1, 2)),
    "four classes": (Classification(NAMES, np.arange(4)), 4, (4, 2)),
    "three of four classes": (Classification(NAMES, np.array([0, 2, 3])), 3, (4, 2)),
    "two of four classes": (Classification(NAMES, np.array([1, 3])), 1, (4, 2)),
    "queries": (Ranking(5, True), 1, (2,)),
    "rows with queries": (PointwiseRanking(5, True), 1, (2,)),
}


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("name", TASKS)
def test_fitted_attributes_hold_the_parameters(name, fit_intercept):
    task, n_outputs, shape = TASKS[name]
    assert task.n_outputs == n_outputs
    model = Linear().bind(2, n_outputs, fit_intercept)
    params = RNG.normal(size=model.n_params)
    fitted = fitted_parameters(task, model, params)
    assert fitted["coef_"].shape == shape and isinstance(fitted["intercept_"], float) == task.flat
    np.testing.assert_allclose(flat_parameters(task, model, fitted), params, rtol=1e-12)
    np.testing.assert_allclose(raw_predictions(task, model, fitted, X), model.predict(params, X), rtol=1e-9)


@pytest.mark.parametrize("name", TASKS)
def test_fitted_attributes_of_a_network(name):
    task, n_outputs, shape = TASKS[name]
    model = MLP((3,), "tanh").bind(2, n_outputs)
    params = RNG.normal(size=model.n_params)
    fitted = fitted_parameters(task, model, params)
    outputs = 1 if len(shape) == 1 else shape[0]
    assert [w.shape for w in fitted["coefs_"]] == [(2, 3), (3, outputs)]
    np.testing.assert_allclose(flat_parameters(task, model, fitted), params, rtol=1e-12)


def test_fitted_attributes_are_copies():
    params = np.zeros(3)
    fitted_parameters(Regression(), Linear().bind(2, 1), params)["coef_"][:] = 1
    assert not params.any()


def test_digits_of_float64_are_kept_for_rows_of_float32():
    model, rows = Linear().bind(1, 1), np.full((3, 1), 1e4, dtype=np.float32)
    fitted = {"coef_": np.array([1 + 1e-9]), "intercept_": -1e4}
    assert raw_predictions(Regression(), model, fitted, rows) == pytest.approx(np.full(3, 1e-5), rel=1e-6)


def test_several_targets_have_a_loss_each():
    y = np.stack([np.arange(6.0), 100 * np.arange(6.0)], axis=1)
    rows = Rows(X, y, None)
    assert isinstance(Regression((2,)).bound(MSE(), rows), MeanOverTargets)
    assert isinstance(Regression((2,)).bound(Loss.make(lambda y, raw: (y - raw) ** 2), rows), EachTarget)
    assert Regression((2,)).of_initial_fit() == Regression() == Regression().of_initial_fit()


def test_targets_that_are_too_large_are_an_error():
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="too large or too small for float64"):
        Regression().check_size(MSE(), Rows(X, 1e300 * np.arange(6.0), None))
    Regression().check_size(MSE(), Rows(X, np.arange(6.0), None))


def test_soft_labels_get_the_expectation_of_the_loss():
    task, soft = Classification(NAMES[:3], np.arange(3)), np.full((6, 3), 1 / 3)
    assert isinstance(task.bound(CrossEntropy(), Rows(X, np.arange(6) % 3, None)), CrossEntropy)
    loss = task.bound(Loss.make("hinge"), Rows(X, soft, None))
    assert isinstance(loss, SoftLabels)


def test_labels_become_codes_of_the_classes_with_weight():
    y, weight = np.array(["c", "a", "b", "a", "c", "b"]), np.array([1.0, 1.0, 0.0, 1.0, 1.0, 0.0])
    task, rows = labelled(X, y, weight, classes=None, class_weight=None, last=None)
    assert task.classes.tolist() == ["a", "b", "c"] and task.counted.tolist() == [0, 2] and not task.complete
    assert rows.y.tolist() == [1, 0, 0, 1] and rows.weight is None and task.n_outputs == 1
    assert task.labels(np.array([-1.0, 2.0])).tolist() == ["a", "c"]
    scores = task.scores_of_all(np.array([2.0, -4.0]))
    assert scores[:, [0, 2]].tolist() == [[-1, 1], [2, -2]] and np.all(scores[:, 1] < -1e29)
    inner = task.of_initial_fit()
    assert inner.complete and inner.n_outputs == 1


def test_weights_of_classes():
    y = np.array([0, 0, 0, 0, 1, 1])
    _, rows = labelled(X, y, None, classes=None, class_weight="balanced", last=None)
    np.testing.assert_allclose(rows.weight, [0.75] * 4 + [1.5] * 2)
    task, rows = labelled(X, np.array([0, 1, 2] * 2), None, classes=None, class_weight={0: 0, 1: 1, 2: 2}, last=None)
    assert task.counted.tolist() == [1, 2] and len(rows.y) == 4


def test_labels_that_a_stream_has_not_announced_are_an_error():
    with pytest.raises(ValueError, match="labels that are not in classes"):
        labelled(X, np.arange(6), None, classes=np.arange(3), class_weight=None, last=None)
    last = Classification(np.arange(3), np.array([0, 1]))
    with pytest.raises(ValueError, match=r"The classes \[2\] had no rows"):
        labelled(X, np.arange(6) % 3, None, classes=np.arange(3), class_weight=None, last=last)
    with pytest.raises(ValueError, match="one class"):
        labelled(X, np.zeros(6), None, classes=None, class_weight=None, last=None)


def test_probabilities_of_the_classes():
    y = np.array([[0.2, 0.0, 0.8]] * 6)
    task, rows = soft_labelled(X, y, None, streaming=False, last=None)
    assert task.counted.tolist() == [0, 2] and rows.y.tolist() == [0.8] * 6
    with pytest.raises(ValueError, match="must be probabilities"):
        soft_labelled(X, 2 * y, None, streaming=False, last=None)


def test_a_trimmed_loss_that_leaves_a_class_out_is_a_fault():
    task = Classification(NAMES[:2], np.arange(2))
    trimmed = Trimmed("cross_entropy", share=0.5)
    assert task.fault_of_kept(trimmed, Rows(X, np.array([0, 1] * 3), None)) is None
    assert "left out every row of the classes ['b']" in task.fault_of_kept(trimmed, Rows(X, np.zeros(6, dtype=int), None))
    assert Regression().fault_of_kept(trimmed, Rows(X, np.zeros(6), None)) is None


def test_a_fit_goes_on_from_the_same_classes_alone():
    task = Classification(NAMES, np.array([0, 2]))
    task.check_continues(Classification(NAMES.copy(), np.array([0, 2])))
    with pytest.raises(ValueError, match="has the classes"):
        task.check_continues(Classification(NAMES[:3], np.array([0, 2])))
    with pytest.raises(ValueError, match="classes with weights above zero are"):
        task.check_continues(Classification(NAMES, np.array([0, 1])))


def split(task, rows, fraction=0.5):
    return task.split(rows, fraction, np.random.RandomState(0))


def test_the_same_share_of_each_class_is_held_out():
    rows = Rows(RNG.normal(size=(20, 2)), np.repeat([0, 1], 10), np.linspace(0.5, 1.5, 20))
    kept, held_out = split(Classification(NAMES[:2], np.arange(2)), rows, 0.2)
    assert np.bincount(held_out.y).tolist() == [2, 2] and len(kept.y) == 16
    assert kept.weight.mean() == pytest.approx(1) and held_out.weight.mean() == pytest.approx(1)
    with pytest.raises(ValueError, match="early_stopping=True cannot hold out validation_fraction=0.5 of 1 rows"):
        split(Regression(), Rows(X[:1], np.zeros(1), None))


def test_queries_stay_together():
    y, qid = np.array([0.0, 1, 0, 1, 0, 1]), np.repeat([0, 1, 2], 2)
    task, rows = queries(X, y, qid, None, with_qid=True, seed=0)
    assert isinstance(rows.y, Queries) and task == Ranking(3, True) and task.attributes == {"n_queries_": 3, "_with_qid": True}
    kept, held_out = split(task, rows, 0.34)
    assert (len(kept.y), len(held_out.y), held_out.X.shape) == (2, 1, (2, 2))
    with pytest.raises(ValueError, match="of 3 queries"):
        split(task, rows, 0.9)
    with pytest.raises(ValueError, match="nothing to order"):
        queries(X, np.zeros(6), qid, None, with_qid=True, seed=0)


def test_the_order_of_rows_and_the_names_of_queries_do_not_matter():
    y, qid = np.array([0.0, 1, 0, 1, 0, 1]), np.repeat([0, 1, 2], 2)
    order = np.array([5, 0, 3, 2, 1, 4])
    _, rows = queries(X, y, qid, None, with_qid=True, seed=0)
    _, other = queries(X[order], y[order], 7 - qid[order], None, with_qid=True, seed=0)
    np.testing.assert_array_equal(rows.X, other.X)
    np.testing.assert_array_equal(rows.y.relevance, other.y.relevance)


def test_a_ranking_loss_sees_no_intercept_of_a_linear_model_and_comes_in_stages():
    settings, task = Settings(), Ranking(3, True)
    assert not task.model(settings, 2).fit_intercept and PointwiseRanking(3, True).model(settings, 2).fit_intercept
    assert isinstance(task.solver_for(LambdaRank(), LBFGS()), Staged) and isinstance(task.solver_for(RankNet(), LBFGS()), LBFGS)
    assert isinstance(task.solver_for(LambdaRank(), Adam()), Adam)
    _, rows = queries(X, np.arange(6.0), np.zeros(6, dtype=int), None, with_qid=False, seed=0)
    model = task.model(settings, 2)
    objective = task.objective(RankNet(), model, ElasticNet(0.0, 0.0, model.weights()), rows, None, np.float64)
    assert isinstance(objective, RankingObjective) and objective.n_rows == 1


def test_parts_of_rows():
    rows = Rows(X, np.arange(6.0), np.array([1.0, 1.0, 2.0, 2.0, 0.0, 0.0]))
    part = rows.part(np.array([0, 2]))
    assert part.y.tolist() == [0, 2] and part.weight.mean() == pytest.approx(1)
    kept = rows.reweighted(rows.weight)
    assert kept.X.shape == (4, 2) and kept.weight.mean() == pytest.approx(1)
    assert Rows(X, rows.y, None).weights.tolist() == [1] * 6 and Rows(X, rows.y, None).part(slice(2)).weight is None
