"""The objective over rows in parts against that over the same rows in one array."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.coordinates import Standardization
from sklearn_losses.core.parts import Block, LocalParts
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.core.summed_batches import SummedBatches
from sklearn_losses.losses.base import Loss
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.summed_objective import SummedObjective

SIZES = (17, 1, 0, 40, 22)


def pair(loss, *, task="regression", outputs=1, columns=True, weighted=True, as_sparse=False):
    """An objective over blocks of `SIZES` rows, and that over all rows at once."""
    rng = np.random.default_rng(3)
    n, p = sum(SIZES), 4
    X = rng.standard_normal((n, p)) * [1, 20, 0.1, 1] + [0, 50, 0, 1]
    y = np.abs(rng.standard_normal(n)) if task == "regression" else rng.integers(0, max(outputs, 2), n)
    weight = rng.uniform(0.5, 2, n) if weighted else None
    weight = weight if weight is None else weight / weight.mean()
    X = sparse.csr_matrix(X) if as_sparse else X
    loss = Loss.make(loss).bind(y, outputs, task)
    model = Linear().bind(p, outputs, True)
    standardization = Standardization.of(X, weight, True, 0.1) if columns else None
    penalty = ElasticNet(0.1, 0.0, model.weights())
    cuts = np.cumsum((0, *SIZES))

    def read():
        for start, stop in zip(cuts, cuts[1:], strict=False):
            rows = slice(start, stop)
            yield Block(X[rows], y[rows], None if weight is None else weight[rows])

    parts = LocalParts(read, X.shape, X.dtype, as_sparse)
    summed = SummedObjective(loss, model, penalty, SummedBatches(parts, y, standardization=standardization))
    return summed, Objective(loss, model, penalty, Batches(X, y, weight, standardization)), rng


CASES = [("mse", {}), ("huber", {}), ("poisson", {}), ("cross_entropy", {"task": "classification"})]
CASES += [
    ("cross_entropy", {"task": "classification", "outputs": 3}),
    ("squared_hinge", {"task": "classification", "outputs": 3}),
]
CASES += [("mse", {"weighted": False, "columns": False}), ("log_cosh", {"as_sparse": True})]


@pytest.mark.parametrize(("loss", "of"), CASES, ids=str)
def test_sums_are_those_of_all_rows(loss, of):
    summed, whole, rng = pair(loss, **of)
    params, direction = 0.1 * rng.standard_normal((2, summed.n_params))
    for one, other in zip(summed.value_and_gradient(params), whole.value_and_gradient(params), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)
    assert np.isfinite(whole.value(params))
    assert summed.value(params) == pytest.approx(whole.value(params), rel=1e-12)
    np.testing.assert_allclose(summed.hessian(params), whole.hessian(params), rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(
        summed.hessian_operator(params).product(direction),
        whole.hessian_operator(params).product(direction),
        rtol=1e-10,
        atol=1e-11,
    )
    assert summed.slope_along(params, direction)(0.3) == pytest.approx(whole.slope_along(params, direction)(0.3), rel=1e-10)
    assert summed.relative_move(params, direction) == pytest.approx(whole.relative_move(params, direction), rel=1e-10)
    assert summed.value_without_weights(params) == pytest.approx(whole.value_without_weights(params), rel=1e-12)


@pytest.mark.parametrize("loss", ["mae", "epsilon_insensitive"])
def test_losses_with_kinks(loss):
    summed, whole, rng = pair(loss)
    params = 0.1 * rng.standard_normal(summed.n_params)
    assert summed.kink_distance(params) == pytest.approx(whole.kink_distance(params), rel=1e-12)
    assert summed.smoothed(0.1).value(params) == pytest.approx(whole.smoothed(0.1).value(params), rel=1e-12)
