"""`check_model`: what is wrong with a model, and by how much."""

import pickle
import sys
from copy import copy
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_losses.core.sparse_rows import SparseRows
from sklearn_losses.models import Model, Vector
from sklearn_losses.testing.component import check_component, fail, relative

__all__ = ["check_model"]

_ROWS, _COLUMNS, _STEP = 25, 6, 1e-5


def check_model(model: str | Model) -> None:
    """Find faults in a model of your own: a wrong derivative, shapes, sparse rows, pickling.

    It binds the model for one output and for three, with and without intercepts, and compares its
    derivatives with differences. The models of the package pass the same checks. It returns nothing
    where it finds no fault.

    Parameters
    ----------
    model : str or Model
        The model, with the parameters to check.

    Raises
    ------
    AssertionError
        At the first fault, with a message that says what is wrong and by how much: parameters that
        are lost, a wrong number or type of parameters, wrong shapes, parameters or rows that are
        changed, random numbers that do not come from `rng`, rows that depend on each other,
        intercepts that do not act as intercepts, a wrong derivative, a `jvp` and a `vjp` that
        disagree, sparse rows that give other numbers, float32 that becomes float64, fitted
        attributes that do not hold the parameters, and attributes that pickle loses.

    See Also
    --------
    sklearn_losses.models.Model : Base class of all models.
    sklearn_losses.testing.check_loss : The same for a loss.
    sklearn_losses.testing.check_solver : The same for a solver.

    Examples
    --------
    >>> from sklearn_losses.models import FactorizationMachine
    >>> from sklearn_losses.testing import check_model
    >>> check_model(FactorizationMachine(rank=3))
    """
    model = Model.make(model)
    check_component(model)
    for n_outputs in (1, 3):
        for fit_intercept in (True, False):
            _check_bound(model, n_outputs, fit_intercept)


def _check_bound(model, n_outputs, fit_intercept):
    bind = partial(model.bind, _COLUMNS, n_outputs, fit_intercept)
    before, bound = repr(model), bind()
    complain = partial(fail, f"{model!r}.bind({_COLUMNS}, {n_outputs}, {fit_intercept})")
    if bound is model or repr(model) != before:
        complain("bind must return a copy and leave the model as it is.")
    for name, expected in (("n_outputs", n_outputs), ("fit_intercept", fit_intercept)):
        if getattr(bound, name, None) != expected:
            complain(f"bind must set {name} to {expected}; call super().bind(...).")
    rng = np.random.RandomState(0)
    X = rng.standard_normal((_ROWS, _COLUMNS)) * (rng.random_sample((_ROWS, _COLUMNS)) < 0.7)
    _check_columns(bound, bind(), X, complain)
    params = _start(bound, bind(), complain)
    params = params + 0.1 * rng.standard_normal(len(params))
    rows = bound.columns(X)
    raw = _check_values(bound, params, rows, complain)
    _check_intercepts(bound, params, rows, raw, complain)
    _check_derivatives(bound, params, rows, raw, rng, complain)
    _check_forms(bound, params, X, raw, rng, complain)
    _check_copies(bound, params, rows, raw, complain)


def _check_columns(bound, again, X, complain):
    kept = X.copy()
    rows = bound.columns(X)
    if rows.shape[0] != len(X) or rows.shape[1] != bound.n_features:
        complain(f"columns must return rows of shape {(len(X), bound.n_features)}, (n, n_columns). Got {rows.shape}.")
    if not np.array_equal(X, kept):
        complain(f"columns changes its input, by up to {np.max(np.abs(X - kept)):.3g}.")
    difference = _largest(_dense(rows) - _dense(again.columns(X)))
    if difference > 0:
        complain(f"columns gives other rows once the model is bound again, by up to {difference:.3g}; use a fixed seed.")


def _start(bound, again, complain):
    """The first parameters."""
    if not isinstance(bound.n_params, (int, np.integer)):
        complain(f"n_params must be an int. Got {bound.n_params!r}.")
    if bound.n_intercepts not in (0, bound.n_outputs):
        complain(f"n_intercepts must be 0 or {bound.n_outputs}, n_outputs. Got {bound.n_intercepts}.")
    constant = np.arange(1.0, bound.n_outputs + 1)
    params = np.asarray(bound.init(constant, np.random.RandomState(1)))
    if params.shape != (bound.n_params,) or params.dtype.kind != "f":
        complain(f"init must return floats of shape {(bound.n_params,)}, (n_params,). Got {params.dtype} of {params.shape}.")
    difference = _largest(params - again.init(constant, np.random.RandomState(1)))
    if difference > 0:
        complain(f"init is not repeatable: the same rng gives parameters that differ by up to {difference:.3g}.")
    factors = np.asarray(bound.weights(2.0))
    if factors.shape != params.shape or np.any(factors < 0):
        complain(f"weights must return factors of at least 0 of shape {params.shape}. Got {factors.shape}.")
    return params


def _check_values(bound, params, rows, complain):
    """The raw predictions."""
    kept, kept_rows = params.copy(), _dense(rows).copy()
    expected = (_ROWS,) if bound.n_outputs == 1 else (_ROWS, bound.n_outputs)
    found = bound.linearize(params, rows)
    if not (isinstance(found, (tuple, list)) and len(found) == 3 and all(map(callable, found[1:]))):
        what = f"{len(found)} values" if isinstance(found, (tuple, list)) else type(found).__name__
        complain(f"linearize must return (raw, jvp, vjp), the last two of them functions. Got {what}.")
    linearized, _, vjp = found
    raw = bound.predict(params, rows)
    for name, values in (("predict", raw), ("linearize", linearized)):
        if np.shape(values) != expected:
            complain(f"{name} must return raw predictions of shape {expected}. Got {np.shape(values)}.")
    gradient = np.ones(expected)
    vjp(gradient)
    for name, before, after in (("params", kept, params), ("X", kept_rows, _dense(rows)), ("gradient", 1.0, gradient)):
        if not np.array_equal(before * np.ones_like(after), after):
            complain(f"predict or linearize changes its input {name}, by up to {_largest(after - before):.3g}.")
    if (error := relative(linearized, raw)) > 1e-9:
        complain(f"linearize gives other raw predictions than predict, by {error:.3g} relative.")
    parts = [bound.predict(params, rows[part]) for part in (slice(0, 10), slice(10, None))]
    if (error := relative(np.concatenate(parts), raw)) > 1e-9:
        complain(f"rows depend on each other: predictions change by {error:.3g} relative when others are left out.")
    return raw


def _check_intercepts(bound, params, rows, raw, complain):
    first = bound.n_params - bound.n_intercepts
    if np.any(bound.weights()[first:]):
        complain("weights penalises intercepts: the factors of the last n_intercepts parameters must be 0.")
    for output in range(bound.n_intercepts):
        moved = params.copy()
        moved[first + output] += 1.0
        change = (bound.predict(moved, rows) - raw).reshape(_ROWS, -1)
        error = _largest(change - np.eye(bound.n_outputs)[output])
        if error > 1e-6:
            complain(
                f"the last {bound.n_intercepts} parameters must be intercepts, added to the raw predictions; with 1 more in "
                f"one of them these are off by {error:.3g}. Without intercepts set n_intercepts to 0."
            )


def _check_derivatives(bound, params, rows, raw, rng, complain):
    """`jvp` against differences of the map, and `vjp` against `jvp`, whose transpose it is."""
    _, jvp, vjp = bound.linearize(params, rows)
    for _ in range(3):
        direction, gradient = rng.standard_normal(bound.n_params), rng.standard_normal(raw.shape)
        ahead, behind = (bound.predict(params + step * direction, rows) for step in (_STEP, -_STEP))
        change, pulled = jvp(direction), vjp(gradient)
        for name, values, shape in (("jvp", change, raw.shape), ("vjp", pulled, params.shape)):
            if np.shape(values) != shape:
                complain(f"{name} must return an array of shape {shape}. Got {np.shape(values)}.")
        # The two sides agree away from the few rows that are next to a kink, such as that of
        # "relu".
        numeric, bend = (ahead - behind) / (2 * _STEP), np.abs(ahead - 2 * raw + behind) / _STEP
        scale = np.max(np.abs(numeric)) + 1e-300
        error = float(np.max(np.where(bend > 1e-2 * scale, 0, np.abs(change - numeric)) / scale))
        if error > 1e-4:
            complain(f"jvp is wrong: it differs from central differences of predict by {error:.3g} of the largest one.")
        forward, backward = float(np.sum(gradient * change)), float(direction @ pulled)
        error = abs(forward - backward) / (np.linalg.norm(gradient) * np.linalg.norm(change) + 1e-300)
        if error > 1e-8:
            complain(f"vjp is not the transpose of jvp: <g, jvp(d)> is {forward:.6g} and <vjp(g), d> is {backward:.6g}.")


def _check_forms(bound, params, X, raw, rng, complain):
    """Sparse rows give the same, and float32 stays float32."""
    gradient = rng.standard_normal(raw.shape)
    pulled = bound.linearize(params, bound.columns(X))[2](gradient)
    csr = bound.columns(sparse.csr_matrix(X))
    for form in (csr, SparseRows(csr) if sparse.issparse(csr) else csr):
        values, _, vjp = bound.linearize(params, form)
        error = max(relative(bound.predict(params, form), raw), relative(values, raw), relative(vjp(gradient), pulled))
        if error > 1e-9:
            complain(f"sparse rows give other numbers than dense ones, by {error:.3g} relative.")
    rows = bound.columns(X.astype(np.float32))
    if rows.dtype != np.float32:
        complain(f"float32 is not kept: columns returns {rows.dtype}.")
    values, jvp, vjp = bound.linearize(params, rows)
    outcomes = {"predict": bound.predict(params, rows), "linearize": values, "jvp": jvp(params)}
    outcomes["vjp"] = vjp(gradient.astype(np.float32))
    for name, outcome in outcomes.items():
        if outcome.dtype != np.float32:
            complain(f"float32 is not kept: {name} returns {outcome.dtype}; turn params into the dtype of X first.")
    if (error := _largest(values - raw) / _largest(raw)) > 1e-3:
        complain(f"float32 gives other numbers, by {error:.3g} of the largest one.")


def _check_copies(bound, params, rows, raw, complain):
    """Fitted attributes hold the parameters, and a bound model can be copied and pickled."""
    for flat in (False, True)[: 2 if bound.n_outputs == 1 else 1]:
        fitted = bound.fitted(params, flat)
        if not isinstance(fitted, dict) or not all(name.endswith("_") for name in fitted):
            complain(f"fitted must return a dict of names that end in an underscore. Got {fitted!r}.")
        back = np.asarray(bound.from_fitted(fitted))
        if back.shape != params.shape or (error := _largest(back - params)) > 0:
            difference = f"shape {back.shape}" if back.shape != params.shape else f"a difference of up to {error:.3g}"
            complain(f"from_fitted does not give the parameters back that fitted was given: {difference}.")
    copies: dict[str, Any] = {"copy": copy(bound)}
    try:
        copies["pickle"] = pickle.loads(pickle.dumps(bound))
    except (pickle.PicklingError, AttributeError, TypeError) as why:
        # A class that was written in a notebook or inside a function cannot be pickled, whatever
        # its objects hold.
        if _importable(type(bound)):
            complain(f"it cannot be pickled once it is bound ({why}).")
    for name, other in copies.items():
        if (error := relative(other.predict(params, rows), raw)) > 0:
            complain(f"{name} of the bound model predicts other numbers, by {error:.3g} relative.")


def _importable(kind: type) -> bool:
    module = sys.modules.get(kind.__module__)
    return module is not None and getattr(module, kind.__qualname__, None) is kind


def _dense(rows: Any) -> Vector:
    return rows.toarray() if sparse.issparse(rows) else np.asarray(rows)


def _largest(array: Vector) -> float:
    return float(np.max(np.abs(array), initial=0.0))
