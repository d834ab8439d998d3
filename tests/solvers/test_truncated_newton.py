"""Newton's method by products with the Hessian ends where it proves, and makes few of them."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits

from sklearn_losses.core.allowance import allowance, null_value
from sklearn_losses.core.batches import Batches
from sklearn_losses.core.penalties import ElasticNet
from sklearn_losses.losses import Loss
from sklearn_losses.models import Linear
from sklearn_losses.objective import Objective
from sklearn_losses.solvers import Newton
from sklearn_losses.solvers.line_search import BACKTRACKING, newton_step, searched_step
from sklearn_losses.solvers.run import Run
from sklearn_losses.solvers.truncated_newton import TRUNCATION, truncated_newton

BY_PRODUCTS, BY_MATRIX = Newton(largest_matrix=0), Newton(largest_matrix=10**6)


class Counted(Batches):
    """Rows that note how many of them are read at a time."""

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.reads = []

    def each(self, function, dense=False):
        self.reads.append(self.n_rows)
        return super().each(function, dense)

    def as_float32(self):
        return None

    def some(self, rows):
        part = super().some(rows)
        part = Counted(part.X, part.y, part.sample_weight, part.standardization, part.dtype)
        part.reads = self.reads
        return part


def objective(loss, X, y, outputs=1, alpha=0.01, weight=None, kind=Batches, dtype=np.float64):
    model = Linear().bind(X.shape[1], outputs)
    made = Loss.make(loss)
    made = made.bind(y, outputs, made.task)
    return Objective(made, model, ElasticNet(alpha, 0.0, model.weights()), kind(X, y, weight, None, dtype))


def start(problem):
    return np.zeros(problem.n_params)


def rows(n=400, p=12, classes=3, positive=False):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p)) * (rng.random((n, p)) < 0.5)
    score = X @ rng.standard_normal(p) + rng.standard_normal(n)
    y = np.digitize(score, np.quantile(score, np.arange(1, classes) / classes)) if classes else score
    return X, np.exp(0.3 * y) if positive else y


SUM = 0.5 * Loss.make("cross_entropy") + Loss.make("squared_hinge")
CASES = [
    *[(loss, 3) for loss in ("cross_entropy", "squared_hinge", "modified_huber", "exponential")],
    *[(loss, 2) for loss in ("cross_entropy", "squared_hinge", "modified_huber", "exponential")],
    (SUM, 3),
    (SUM, 2),
    *[(loss, 0) for loss in ("mse", "log_cosh", "expectile", "poisson", "gamma", "tweedie")],
]


@pytest.mark.parametrize("weighted", [False, True], ids=["equal weights", "weights"])
@pytest.mark.parametrize("form", ["dense", "sparse", "float32"])
@pytest.mark.parametrize(("loss", "classes"), CASES, ids=lambda case: getattr(case, "label", str(case)))
def test_it_ends_within_tol_of_the_optimum(loss, classes, form, weighted):
    X, y = rows(classes=classes, positive=loss in ("poisson", "gamma", "tweedie"))
    weight = None
    if weighted:
        weight = 0.5 + np.arange(len(y)) % 3
        weight = weight / weight.mean()
    X = {"dense": np.asarray, "sparse": sparse.csr_matrix, "float32": np.float32}[form](X)
    problem = objective(loss, X, y, classes if classes > 2 else 1, weight=weight)
    exact = BY_MATRIX.minimize(problem, start(problem), max_iter=100, tol=1e-12)
    found = BY_PRODUCTS.minimize(problem, start(problem), max_iter=100, tol=1e-4)
    assert found.success and exact.success
    allowed = allowance(problem, exact.fun, null_value(problem, exact.x), 1e-4)
    assert -1e-12 <= found.fun - exact.fun <= 1.01 * allowed
    closer = BY_PRODUCTS.minimize(problem, start(problem), max_iter=100, tol=1e-10)
    assert closer.success and closer.fun - exact.fun <= 1e-9 * abs(exact.fun)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("alpha", [1e-6, 1e-3, 1.0])
@pytest.mark.parametrize(("loss", "classes"), [("cross_entropy", 3), ("squared_hinge", 3), ("log_cosh", 0)])
def test_what_it_calls_proven_is_true(loss, classes, alpha, scale):
    X, y = rows(classes=classes)
    X = X * scale ** np.linspace(0, 1, X.shape[1])
    problem = objective(loss, X, y, max(1, classes), alpha=alpha)
    exact = BY_MATRIX.minimize(problem, start(problem), max_iter=300, tol=1e-13)
    for tol in (1e-2, 1e-4, 1e-6):
        run = Run(start(problem), 300, None)
        if truncated_newton(problem, start(problem), run, tol):
            allowed = allowance(problem, run.value, null_value(problem, run.params), tol)
            assert run.value - exact.fun <= 1.01 * allowed


def test_without_a_penalty_nothing_is_proven():
    X, y = rows(classes=0)
    problem = objective("mse", X, y, alpha=0.0)
    run = Run(start(problem), 50, None)
    assert not truncated_newton(problem, start(problem), run, 1e-6)
    A = np.hstack([X, np.ones((len(y), 1))])
    np.testing.assert_allclose(run.params, np.linalg.lstsq(A, y, rcond=None)[0], atol=1e-3)


def test_an_optimum_takes_no_step():
    X, y = rows()
    problem = objective("cross_entropy", X, y, 3)
    optimum = BY_MATRIX.minimize(problem, start(problem), max_iter=100, tol=1e-12).x
    run = Run(optimum, 50, None)
    assert truncated_newton(problem, optimum, run, 1e-4)
    assert len(run.history) == 1 and np.array_equal(run.params, optimum)


def counted(loss, X, y, outputs, limits=TRUNCATION, alpha=None):
    problem = objective(loss, X, y, outputs, alpha=alpha or 1 / len(y), kind=Counted)
    run = Run(start(problem), 1000, None)
    assert truncated_newton(problem, problem.model.init(np.zeros(outputs), None), run, 1e-4, limits=limits)
    return sum(problem.batches.reads) / len(y), len(run.history)


def text_like():
    """Documents of four classes, whose words have the frequencies of Zipf's law."""
    rng = np.random.default_rng(0)
    n, p, classes = 600, 5000, 4
    y = rng.integers(0, classes, n)
    words = 1 / np.arange(1, p + 1) * np.exp(0.9 * rng.standard_normal((classes, p)))
    X = np.zeros((n, p))
    for row in range(n):
        X[row, rng.choice(p, 60, p=words[y[row]] / words[y[row]].sum())] = 1
    X /= np.linalg.norm(X, axis=1)[:, None]
    return sparse.csr_matrix(X), y


@pytest.mark.parametrize(
    ("loss", "data", "most_reads", "most_steps"),
    [
        ("cross_entropy", "digits", 90, 8),
        ("squared_hinge", "digits", 110, 13),
        ("cross_entropy", "text", 42, 5),
        ("squared_hinge", "text", 120, 8),
    ],
)
def test_how_often_the_rows_are_read(loss, data, most_reads, most_steps):
    """L-BFGS reads them some hundred times on the digits."""
    X, y = load_digits(return_X_y=True) if data == "digits" else text_like()
    reads, steps = counted(loss, X / 16 if data == "digits" else X, y, 10 if data == "digits" else 4)
    assert reads <= most_reads and steps <= most_steps


def test_means_over_the_last_move_save_products_where_the_curvature_jumps():
    X, y = load_digits(return_X_y=True)
    as_it_is, _ = counted("squared_hinge", X / 16, y, 10, TRUNCATION._replace(spread=0.0), alpha=1e-5)
    assert counted("squared_hinge", X / 16, y, 10, alpha=1e-5)[0] < 0.95 * as_it_is


@pytest.mark.parametrize(("loss", "classes"), [("cross_entropy", 3), ("squared_hinge", 2), ("poisson", 0)])
def test_slopes_along_a_line(loss, classes):
    X, y = rows(classes=classes, positive=loss == "poisson")
    problem = objective(loss, sparse.csr_matrix(X), y, 3 if classes == 3 else 1)
    rng = np.random.default_rng(1)
    params, direction = 0.1 * rng.standard_normal((2, problem.n_params))
    slope = problem.slope_along(params, direction)
    for t in (0.0, 0.3, 2.0):
        assert slope(t) == pytest.approx(problem.value_and_gradient(params + t * direction)[1] @ direction, rel=1e-10)


@pytest.mark.parametrize("factor", [0.2, 1.0, 5.0])
def test_a_step_of_the_wrong_length_is_searched_for(factor):
    X, y = rows(classes=0)
    problem = objective("mse", X, y, alpha=0.1)
    begin = start(problem)
    value, gradient = problem.value_and_gradient(begin)
    direction = factor * -np.linalg.solve(problem.hessian(begin), gradient)
    lowest = problem.value(begin + direction / factor)
    _, found, _ = searched_step(problem, begin, value, gradient, direction)
    _, halved, _ = newton_step(problem, begin, value, gradient, direction)
    # Of a quadratic function so much is left where the slope is that share of the first one.
    assert found - lowest <= BACKTRACKING.steep**2 * (value - lowest) * (1 + 1e-9) and found <= halved


def test_no_weights_need_no_rows():
    X, y = rows()
    weight = 0.5 + np.arange(len(y)) % 3
    problem = objective("cross_entropy", X, y, 3, weight=weight / weight.mean())
    params = np.arange(float(problem.n_params))
    bare = np.where(problem.penalized > 0, 0.0, params)
    assert problem.value_without_weights(params) == pytest.approx(problem.value(bare), rel=1e-13)


def test_a_matrix_takes_over_where_directions_take_many_products():
    X, y = load_digits(return_X_y=True)
    problem = objective("squared_hinge", X / 16, y, 10, alpha=1e-5)
    run = Run(start(problem), 1000, None)
    assert not truncated_newton(problem, start(problem), run, 1e-4, largest_matrix=1000)
    found = Newton().minimize(problem, start(problem), max_iter=1000, tol=1e-4)
    assert found.success and found.certain
    assert run.status is None and 0 < len(run.history) < found.nit


def test_rows_without_an_entry():
    X, y = sparse.csr_matrix((6, 3)), np.array([0, 1, 2, 0, 1, 1])
    problem = objective("cross_entropy", X, y, outputs=3)
    run = Run(start(problem), 20, None)
    truncated_newton(problem, start(problem), run, 1e-6)
    assert run.status.success
    np.testing.assert_allclose(np.bincount(y) / 6, np.exp(run.params[-3:]) / np.exp(run.params[-3:]).sum(), atol=1e-3)
