"""The Hessian in some of the parameters: that of products, for all kinds of losses and rows."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_losses.core.batches import Batches
from sklearn_losses.core.blocks import BlockSizes, block_sizes
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.losses import CrossEntropy, Loss
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective

LOSSES = ["cross_entropy", CrossEntropy(label_smoothing=0.2), "squared_hinge", "modified_huber", "exponential"]


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("outputs", [1, 3, 5])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: Loss.make(loss).label)
def test_a_block_is_that_of_products(loss, outputs, fit_intercept):
    rng = np.random.default_rng(0)
    n, p = 300, 7
    X = rng.normal(size=(n, p)) * (rng.random((n, p)) < 0.4)
    y, model = rng.integers(0, max(2, outputs), n), Linear().bind(p, outputs, fit_intercept)
    weight = rng.uniform(0.1, 3, n)
    params = rng.normal(size=model.n_params)
    for rows, sample_weight in ((X, weight / weight.mean()), (sparse.csr_matrix(X), None)):
        penalty = ElasticNet(0.1, 0.5, model.weights())
        objective = Objective(Loss.make(loss), model, penalty, Batches(rows, y, sample_weight))
        products = np.column_stack([objective.hessian_product(params, unit) for unit in np.eye(model.n_params)])
        intercepts = np.arange(model.n_params) >= model.n_weights
        for chosen in (np.ones(model.n_params, dtype=bool), (rng.random(model.n_params) < 0.4) | intercepts):
            some = np.flatnonzero(chosen)
            with block_sizes(BlockSizes(copied=2**12, read=2**12, least_rows=64)):
                block = objective.hessian_block(params, some)
            np.testing.assert_allclose(block, products[np.ix_(some, some)], atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: Loss.make(loss).label)
def test_factors_make_the_matrix(loss):
    rng = np.random.default_rng(1)
    loss, raw, y = Loss.make(loss), rng.normal(size=(20, 4)), rng.integers(0, 4, 20)
    matrix = loss.hessian_matrix(y, raw)
    by_unit = np.stack([loss.hessian_product(y, raw, np.tile(unit, (20, 1))) for unit in np.eye(4)], axis=2)
    np.testing.assert_allclose(matrix, by_unit, atol=1e-14)
    factors = loss.hessian_factors(y, raw)
    if isinstance(loss, CrossEntropy):
        curvature, factor = factors
        np.testing.assert_allclose(
            np.einsum("nj,jk->njk", curvature, np.eye(4)) - np.einsum("nj,nk->njk", factor, factor), matrix
        )
    else:
        assert factors is None
