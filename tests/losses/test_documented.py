"""What the docstring of each loss, solver and model says: its names, and the formula of a loss."""

import inspect
import re

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit, log_softmax, logsumexp, softmax

from sklearn_losses.core.queries import Queries
from sklearn_losses.losses import CostSensitive, Loss
from sklearn_losses.models import Model
from sklearn_losses.solvers import Solver

ARGUMENT = {Loss: "loss", Solver: "solver", Model: "model"}
FIRST_CLASSES = [
    (family, name, maker) for family in ARGUMENT for name, maker in family.names().items() if isinstance(maker, type)
]


@pytest.mark.parametrize("family, name, maker", FIRST_CLASSES, ids=lambda part: part if isinstance(part, str) else "")
def test_the_docstring_says_by_which_names_it_is_taken(family, name, maker):
    text = " ".join(inspect.getdoc(maker).split())
    for each in (name, *(alias for alias, of in family.aliases.items() if of == name)):
        assert f'``{ARGUMENT[family]}="{each}"``' in text


@pytest.mark.parametrize("family, name, maker", FIRST_CLASSES, ids=lambda part: part if isinstance(part, str) else "")
def test_the_first_line_stands_in_a_table(family, name, maker):
    first, _, rest = inspect.getdoc(maker).partition("\n")
    assert len(first) <= 100 and first.endswith(".") and rest.startswith("\n")
    assert "]_" not in first


# The formulas of the docstrings, written once more. Residual losses: of the residual at scale 1.


def deviance(p):
    def value(y, f):
        mu = np.exp(f)
        return 2 * (y ** (2 - p) / ((1 - p) * (2 - p)) - y * mu ** (1 - p) / (1 - p) + mu ** (2 - p) / (2 - p))

    return value


def barron(u, a, c):
    return abs(a - 2) / a * (((u / c) ** 2 / abs(a - 2) + 1) ** (a / 2) - 1)


REGRESSION = {
    "mse": lambda y, f: (y - f) ** 2,
    "mae": lambda y, f: np.abs(y - f),
    "quantile": lambda y, f: np.maximum(0.5 * (y - f), -0.5 * (y - f)),
    "expectile": lambda y, f: np.where(y >= f, 0.5, 1 - 0.5) * (y - f) ** 2,
    "epsilon_insensitive": lambda y, f: np.maximum(0, np.abs(y - f) - 0.1),
    "squared_epsilon_insensitive": lambda y, f: np.maximum(0, np.abs(y - f) - 0.1) ** 2,
    "log_cosh": lambda y, f: np.log(np.cosh(y - f)),
    "poisson": lambda y, f: 2 * (y * np.log(y / np.exp(f)) - y + np.exp(f)),
    "gamma": lambda y, f: 2 * (np.log(np.exp(f) / y) + y / np.exp(f) - 1),
    "tweedie": deviance(1.5),
    "huber": lambda y, f: np.where(np.abs(y - f) <= 1.35, (y - f) ** 2 / 2, 1.35 * (np.abs(y - f) - 1.35 / 2)),
    "fair": lambda y, f: 1.4**2 * (np.abs(y - f) / 1.4 - np.log(1 + np.abs(y - f) / 1.4)),
    "tukey": lambda y, f: 4.685**2 / 6 * (1 - np.maximum(0, 1 - (y - f) ** 2 / 4.685**2) ** 3),
    "cauchy": lambda y, f: 2.385**2 / 2 * np.log(1 + (y - f) ** 2 / 2.385**2),
    "welsch": lambda y, f: 2.985**2 / 2 * (1 - np.exp(-((y - f) ** 2) / 2.985**2)),
    "geman_mcclure": lambda y, f: 2 * (y - f) ** 2 / ((y - f) ** 2 + 4),
    "barron": lambda y, f: barron(y - f, 1.0, 1.0),
    # Outside a fit: the shape 1, the scale 1.
    "adaptive_barron": lambda y, f: (
        barron(y - f, 1.0, 1.0) + np.log(quad(lambda u: np.exp(-barron(u, 1.0, 1.0)), -np.inf, np.inf)[0])
    ),
}


def margins(curve):
    """A curve of the margin, summed over the other classes."""

    def value(y, f):
        t = f[np.arange(len(y)), y][:, None] - f
        return np.where(np.arange(f.shape[1]) == y[:, None], 0, curve(t)).sum(axis=1)

    return value


def own(phi):
    """A function of the probability of the own class."""
    return lambda y, f: phi(softmax(f, axis=1)[np.arange(len(y)), y])


def crammer_singer(y, f):
    other = np.where(np.arange(f.shape[1]) == y[:, None], -np.inf, f)
    return np.maximum(0, 1 + other.max(axis=1) - f[np.arange(len(y)), y])


def active_passive(y, f):
    logs, t = log_softmax(f, axis=1), softmax(f, axis=1)[np.arange(len(y)), y]
    return np.log(t) / logs.sum(axis=1) + 4 * (1 - t)


def bootstrapped(y, f):
    p, e = softmax(f, axis=1), np.eye(f.shape[1])[y]
    return -((0.95 * e + 0.05 * p) * np.log(p)).sum(axis=1)


def bi_tempered(y, f, t1=0.8, t2=1.2):
    def tempered(scores):  # the probabilities of one row, by bisection
        def at(shift):
            return np.maximum(0, 1 + (1 - t2) * (scores - shift)) ** (1 / (1 - t2))

        low, high = scores.max(), scores.max() + 100
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if at(middle).sum() > 1 else (low, middle)
        return at(low)

    p = np.array([tempered(row) for row in f])
    log = (p[np.arange(len(y)), y] ** (1 - t1) - 1) / (1 - t1)
    return -log - (1 - (p ** (2 - t1)).sum(axis=1)) / (2 - t1)


CLASSIFICATION = {
    "cross_entropy": own(lambda t: -np.log(t)),
    "hinge": margins(lambda t: np.maximum(0, 1 - t)),
    "squared_hinge": margins(lambda t: np.maximum(0, 1 - t) ** 2),
    "modified_huber": margins(lambda t: np.where(t >= -1, np.maximum(0, 1 - t) ** 2, -4 * t)),
    "exponential": margins(lambda t: np.exp(-t)),
    "perceptron": margins(lambda t: np.maximum(0, -t)),
    "crammer_singer": crammer_singer,
    "focal": own(lambda t: -((1 - t) ** 2) * np.log(t)),
    "generalized_cross_entropy": own(lambda t: (1 - t**0.7) / 0.7),
    "symmetric_cross_entropy": own(lambda t: -0.1 * np.log(t) + 4 * (1 - t)),
    "active_passive": active_passive,
    "bootstrapped": bootstrapped,
    "bi_tempered": bi_tempered,
    "expected_cost": own(lambda t: 1 - t),
}


def pairs(curve, weigh=lambda i, j, y, s: 1.0):
    """The mean over the pairs of one query."""

    def value(y, s):
        chosen = [(i, j) for i in range(len(y)) for j in range(len(y)) if y[i] > y[j]]
        return sum(weigh(i, j, y, s) * curve(s[i] - s[j]) for i, j in chosen) / len(chosen)

    return value


def gains(y):
    gain = 2.0**y - 1
    return gain / (np.sort(gain)[::-1] / np.log2(2 + np.arange(len(y)))).sum()


def lambdas(i, j, y, s, mu=0.0):
    rank, gain = 1 + (s[:, None] < s).sum(axis=1), gains(y)
    apart = abs(rank[i] - rank[j])
    bound = mu * (1 / np.log2(1 + apart) - 1 / np.log2(2 + apart))
    return abs(gain[i] - gain[j]) * (bound + abs(1 / np.log2(1 + rank[i]) - 1 / np.log2(1 + rank[j])))


def logistic(d):
    return np.log(1 + np.exp(-d))


def approx_ndcg(y, s):
    rank = 0.5 + expit(10 * (s - s[:, None])).sum(axis=1)  # a row's own half completes the 1
    return -(gains(y) / np.log2(1 + rank)).sum()


def listmle(y, s):
    s = s[np.argsort(-y)]
    return sum(logsumexp(s[k:]) - s[k] for k in range(len(s)))


PERTURBED = np.array([0.1, 0.5, 0.9, 0.2])
RANKING = {
    "ranknet": pairs(logistic),
    "lambdarank": pairs(logistic, lambdas),
    "lambdaloss": pairs(logistic, lambda *arguments: lambdas(*arguments, mu=10.0)),
    "squared_pairwise_hinge": pairs(lambda d: max(0, 1 - d) ** 2),
    "pairwise_hinge": pairs(lambda d: max(0, 1 - d)),
    "listnet": lambda y, s: -(softmax(y) * log_softmax(s)).sum(),
    "xe_ndcg": lambda y, s: -((2**y - PERTURBED) / (2**y - PERTURBED).sum() * log_softmax(s)).sum(),
    "listmle": listmle,
    "approx_ndcg": approx_ndcg,
}


def test_every_loss_has_its_formula_here():
    assert {*REGRESSION, *CLASSIFICATION, *RANKING} == set(Loss.names())


@pytest.mark.parametrize("name", REGRESSION)
def test_formulas_of_regression(name):
    y, f = np.random.default_rng(0).uniform([[0.1], [-3.0]], [[12.0], [3.0]], (2, 40))
    np.testing.assert_allclose(Loss.make(name).value(y, f), REGRESSION[name](y, f), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", CLASSIFICATION)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_formulas_of_classification(name, n_classes):
    rng = np.random.default_rng(0)
    y, f = rng.integers(0, n_classes, 40), 2 * rng.normal(size=(40, n_classes))
    if n_classes == 2:  # one score, which is the difference of two
        given, f = f[:, 0], np.stack([-f[:, 0] / 2, f[:, 0] / 2], axis=1)
    else:
        given = f
    np.testing.assert_allclose(Loss.make(name).value(y, given), CLASSIFICATION[name](y, f), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", RANKING)
def test_formulas_of_ranking(name):
    y, s = np.array([3.0, 0.0, 1.0, 2.0]), np.array([0.3, 0.9, -0.4, 1.2])
    queries = Queries(y, np.array([0, 4]), tie_breaker=PERTURBED)
    np.testing.assert_allclose(Loss.make(name).value(queries, s), [RANKING[name](y, s)], rtol=1e-9)


def test_formula_of_costs():
    cost, f = np.array([[0.0, 1.0, 4.0], [2.0, -1.0, 3.0], [5.0, 1.0, 0.0]]), np.array([[0.3, -1.0, 0.8]] * 3)
    loss = Loss.make("cross_entropy")
    bound = CostSensitive("cross_entropy", cost).bind(np.arange(3), 3, "classification")
    first = np.zeros(1, dtype=int)
    height = loss.value(first, np.zeros(1))[0] - loss.value(first, np.array([-10.0]))[0]
    sharpness = 1.25 * loss.gradient(first, np.zeros(1))[0] / height
    expected = []
    for row in cost - cost.min(axis=1, keepdims=True):
        others = [np.delete(f[0], k) for k in range(3)]
        t = [f[0, k] - np.log(np.mean(np.exp(sharpness * others[k]))) / sharpness for k in range(3)]
        expected.append(row @ np.log(1 + np.exp(t)))
    np.testing.assert_allclose(bound.value(np.arange(3), f), expected, rtol=1e-9)


def test_text_of_formulas_is_marked_as_mathematics():
    for name, maker in Loss.names().items():
        assert re.search(r"^\.\. math::$", inspect.getdoc(maker), flags=re.MULTILINE), name
