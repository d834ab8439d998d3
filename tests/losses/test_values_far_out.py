"""Values of losses far out, against formulas in 60 digits."""

import math
from decimal import Decimal, InvalidOperation, Overflow, localcontext

import numpy as np
import pytest
from problems import (
    CLASSIFICATION,
    MAKERS,
    REGRESSION,
)


def softplus(t):
    return max(t, Decimal(0)) + (1 + (-abs(t)).exp()).ln()


def log_cosh(t):
    return abs(t) + (1 + (-2 * abs(t)).exp()).ln() - Decimal(2).ln()


EXACT = {
    # name: (parameters, loss of the target 2.5, or of class 1, and of the raw prediction)
    "mse": ({}, lambda y, raw: (y - raw) ** 2),
    "mae": ({}, lambda y, raw: abs(y - raw)),
    "quantile": ({"quantile": 0.75}, lambda y, raw: max(Decimal("0.75") * (y - raw), Decimal("-0.25") * (y - raw))),
    "expectile": ({"expectile": 0.75}, lambda y, raw: Decimal("0.75" if y > raw else "0.25") * (y - raw) ** 2),
    "epsilon_insensitive": ({"epsilon": 0.5}, lambda y, raw: max(abs(y - raw) - Decimal("0.5"), Decimal(0))),
    "squared_epsilon_insensitive": ({"epsilon": 0.5}, lambda y, raw: max(abs(y - raw) - Decimal("0.5"), Decimal(0)) ** 2),
    "log_cosh": ({}, lambda y, raw: log_cosh(y - raw)),
    "poisson": ({}, lambda y, raw: 2 * (raw.exp() - y + y * (y.ln() - raw))),
    "gamma": ({}, lambda y, raw: 2 * (raw - y.ln() + y * (-raw).exp() - 1)),
    "tweedie": ({}, lambda y, raw: 4 * (raw / 2).exp() + 4 * y * (-raw / 2).exp() - 8 * y.sqrt()),
    "huber": (
        {"delta": 1.5, "scale": 1.0},
        lambda y, raw: Decimal("1.5") * (abs(y - raw) - Decimal("0.75")) if abs(y - raw) > 1.5 else (y - raw) ** 2 / 2,
    ),
    "fair": (
        {"c": 1.5, "scale": 1.0},
        lambda y, raw: Decimal("2.25") * (abs(y - raw) / Decimal("1.5") - (1 + abs(y - raw) / Decimal("1.5")).ln()),
    ),
    "barron": ({"shape": 1.0, "c": 1.0, "scale": 1.0}, lambda y, raw: ((y - raw) ** 2 + 1).sqrt() - 1),
    "cross_entropy": ({}, lambda y, raw: softplus(-raw)),
    "exponential": ({}, lambda y, raw: (-raw).exp()),
    "hinge": ({}, lambda y, raw: max(1 - raw, Decimal(0))),
    "squared_hinge": ({}, lambda y, raw: max(1 - raw, Decimal(0)) ** 2),
    "modified_huber": ({}, lambda y, raw: -4 * raw if raw < -1 else max(1 - raw, Decimal(0)) ** 2),
}


@pytest.mark.parametrize("raw", [1e20, -1e20, 1e3, -1e3, 37.0, -37.0])
@pytest.mark.parametrize("name", EXACT)
def test_values_far_out(name, raw):
    """Values and slopes keep all their digits; an exponential may be replaced where it is above
    1e100.
    """
    params, exact = EXACT[name]
    loss, target = MAKERS[name](**params), 2.5 if MAKERS[name].task == "regression" else 1
    value, gradient = loss.value_and_gradient(np.array([target]), np.array([raw]))
    assert np.isfinite(value[0]) and np.isfinite(gradient[0])
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = 60, 10**15, -(10**15)
        # An overflow gives infinity then, and what follows may be NaN.
        context.traps[Overflow] = context.traps[InvalidOperation] = False
        true, far = (exact(Decimal(target), Decimal(raw) * (1 + step)) for step in (Decimal(0), Decimal("1e-25")))
        slope = (far - true) / (Decimal(raw) * Decimal("1e-25"))
    if true > Decimal("1e100"):
        assert value[0] > 1e100
        assert np.sign(gradient[0]) == np.sign(raw)
        return
    assert value[0] == pytest.approx(float(true), rel=1e-13, abs=1e-300)
    assert gradient[0] == pytest.approx(float(slope), rel=1e-13, abs=1e-300)


def test_every_loss_of_one_score_has_its_exact_formula():
    assert set(EXACT) == {name for name in REGRESSION + CLASSIFICATION if not MAKERS[name].max_affine}


@pytest.mark.parametrize("size", [1e20, 1e3, 37.0])
def test_several_scores_far_out(size):
    """Of three classes, the own one far above or far below the others."""
    for name, above, below in (
        ("cross_entropy", 2 * math.exp(-size), size + math.log(2)),
        ("hinge", 0.0, 2 * (size + 1)),
        ("squared_hinge", 0.0, 2 * (size + 1) ** 2),
        ("crammer_singer", 0.0, size + 1),
    ):
        raw = np.array([[size, 0.0, 0.0], [-size, 0.0, 0.0]])
        value, gradient = MAKERS[name]().value_and_gradient(np.array([0, 0]), raw)
        np.testing.assert_allclose(value, [above, below], rtol=1e-13, atol=1e-15)
        assert np.all(np.isfinite(gradient))
        np.testing.assert_allclose(gradient[0], 0, atol=1e-15)
        assert gradient[1, 0] < 0 and abs(gradient[1].sum()) <= 1e-12 * abs(gradient[1, 0])
