"""check_model: every model of the package passes, and each fault is found and named."""

import numpy as np
import pytest

from sklearn_losses.models import MLP, FactorizationMachine, LinearModel, Model, squeezed
from sklearn_losses.testing import check_model

OURS = [maker() for _, maker in sorted(Model.names().items())]


@pytest.mark.parametrize("model", [*OURS, MLP((4, 3), "tanh"), MLP(5, "logistic"), FactorizationMachine(1)], ids=repr)
def test_every_model_keeps_its_promises(model):
    check_model(model)


class Mine(Model):
    """A sound model, ``exp(X @ W / 4) + b``, from which each fault differs by one line."""

    def __init__(self, spread=0.1):
        self.spread = spread

    @property
    def n_params(self):
        return self.n_features * self.n_outputs + self.n_intercepts

    def init(self, constant, rng):
        weights = self.spread * rng.standard_normal(self.n_features * self.n_outputs)
        return np.append(weights, constant[: self.n_intercepts])

    def parts(self, params, X):
        weights, intercept = np.split(np.asarray(params, dtype=X.dtype), [self.n_features * self.n_outputs])
        return weights.reshape(self.n_features, -1) / 4, intercept if self.fit_intercept else 0

    def linearize(self, params, X):
        weights, intercept = self.parts(params, X)
        value = np.exp(X @ weights)

        def jvp(direction):
            change, shift = self.parts(direction, X)
            return squeezed(value * (X @ change) + shift)

        def vjp(gradient):
            gradient = gradient.reshape(value.shape)
            return np.append(X.T.dot(value * gradient) / 4, gradient.sum(axis=0)[: self.n_intercepts])

        return squeezed(value + intercept), jvp, vjp


class WrongJvp(Mine):
    def linearize(self, params, X):
        raw, jvp, vjp = super().linearize(params, X)
        return raw, lambda direction: 1.01 * jvp(direction), vjp


class WrongVjp(Mine):
    def linearize(self, params, X):
        raw, jvp, vjp = super().linearize(params, X)
        return raw, jvp, lambda gradient: 1.01 * vjp(gradient)


class OtherPrediction(Mine):
    def predict(self, params, X):
        return 1.01 * super().predict(params, X)


class MixesRows(Mine):
    def linearize(self, params, X):
        raw, jvp, vjp = super().linearize(params, X)
        return raw - raw.mean(), jvp, vjp


class ChangesParams(Mine):
    def predict(self, params, X):
        raw = super().predict(params, X)
        params += 0.5
        return raw


class ChangesGradient(Mine):
    def linearize(self, params, X):
        raw, jvp, vjp = super().linearize(params, X)

        def scaled(gradient):
            gradient *= 2
            return vjp(gradient) / 2

        return raw, jvp, scaled


class KeepsColumn(Mine):
    def linearize(self, params, X):
        raw, jvp, vjp = super().linearize(params, X)
        return raw.reshape(len(raw), -1), jvp, vjp


class FlatVjp(Mine):
    def linearize(self, params, X):
        raw, jvp, vjp = super().linearize(params, X)
        return raw, jvp, lambda gradient: vjp(gradient)[:-1]


class DenseOnly(Mine):
    def linearize(self, params, X):
        raw, jvp, vjp = super().linearize(params, X)
        return (raw if isinstance(X, np.ndarray) else 1.1 * raw), jvp, vjp


class LosesType(Mine):
    def parts(self, params, X):
        return super().parts(params, X.astype(np.float64) if isinstance(X, np.ndarray) else X)


class WrongFloat32(Mine):
    def linearize(self, params, X):
        raw, jvp, vjp = super().linearize(params, X)
        return (raw if X.dtype == np.float64 else raw * np.float32(1.1)), jvp, vjp


class OwnChance(Mine):
    def init(self, constant, rng):
        return super().init(constant, np.random.default_rng())


class WrongLength(Mine):
    def init(self, constant, rng):
        return np.append(super().init(constant, rng), 0.0)


class Integers(Mine):
    def init(self, constant, rng):
        return np.zeros(self.n_params, dtype=int)


class FloatCount(Mine):
    @property
    def n_params(self):
        return float(super().n_params)


class NoIntercepts(Mine):
    def linearize(self, params, X):
        silent = np.append(params[: self.n_features * self.n_outputs], np.zeros(self.n_intercepts))
        return super().linearize(silent, X)


class PenalisesIntercepts(Mine):
    def weights(self, hidden=1.0):
        return np.ones(self.n_params)


class NegativeFactors(Mine):
    def weights(self, hidden=1.0):
        return -super().weights(hidden)


class OddIntercepts(Mine):
    n_intercepts = 2


class LosesDigits(Mine):
    def fitted(self, params, flat=False):
        return {"params_": params.astype(np.float32)}


class CutsParams(Mine):
    def from_fitted(self, fitted):
        return fitted["params_"][1:]


class PlainName(Mine):
    def fitted(self, params, flat=False):
        return {"params": params.copy()}

    def from_fitted(self, fitted):
        return fitted["params"]


class LosesParameter(Mine):
    def __init__(self, spread=0.1):
        self.size = spread


class BindsItself(Mine):
    def bind(self, n_features, n_outputs, fit_intercept=True):
        self.n_features_in = self.n_features = n_features
        self.n_outputs, self.fit_intercept = n_outputs, fit_intercept
        return self


class ForgetsOutputs(Mine):
    def bind(self, n_features, n_outputs, fit_intercept=True):
        return super().bind(n_features, 1, fit_intercept)


class CannotBePickled(Mine):
    def bind(self, n_features, n_outputs, fit_intercept=True):
        bound = super().bind(n_features, n_outputs, fit_intercept)
        bound.helper = lambda: None
        return bound


class LosesSpread(Mine):
    def __getstate__(self):
        return {**vars(self), "spread": 0.1}


class DrawsColumns(LinearModel):
    def columns(self, X):
        return X @ np.random.default_rng().normal(size=(X.shape[1], X.shape[1])).astype(X.dtype)


class MiscountsColumns(LinearModel):
    def columns(self, X):
        return X[:, :3]


class ScalesInPlace(LinearModel):
    def columns(self, X):
        X *= 2
        return X


class WidensColumns(LinearModel):
    def columns(self, X):
        return X.astype(np.float64)


def test_the_sound_one_passes():
    check_model(Mine())


class NoDerivative(Mine):
    def linearize(self, params, X):
        return super().linearize(params, X)[:1]


class NoReturn(Mine):
    def linearize(self, params, X):
        super().linearize(params, X)


class NoFunction(Mine):
    def linearize(self, params, X):
        raw, jvp, vjp = super().linearize(params, X)
        return raw, jvp, vjp(raw)


@pytest.mark.parametrize(
    "broken, message",
    [
        (WrongJvp, r"jvp is wrong: it differs from central differences of predict by 0\.0[01]"),
        (WrongVjp, "vjp is not the transpose of jvp: <g, jvp"),
        (OtherPrediction, r"linearize gives other raw predictions than predict, by 0\.009"),
        (NoDerivative, r"linearize must return \(raw, jvp, vjp\).* Got 1 values"),
        (NoReturn, r"linearize must return \(raw, jvp, vjp\).* Got NoneType"),
        (NoFunction, r"linearize must return \(raw, jvp, vjp\), the last two of them functions"),
        (MixesRows, "rows depend on each other: predictions change by"),
        (ChangesParams, r"changes its input params, by up to 0\.5"),
        (ChangesGradient, "changes its input gradient, by up to 1"),
        (KeepsColumn, r"must return raw predictions of shape \(25,\). Got \(25, 1\)"),
        (FlatVjp, r"vjp must return an array of shape \(7,\). Got \(6,\)"),
        (DenseOnly, r"sparse rows give other numbers than dense ones, by 0\.(1|0999)"),
        (LosesType, "float32 is not kept: predict returns float64"),
        (WrongFloat32, r"float32 gives other numbers, by 0\.1"),
        (OwnChance, "init is not repeatable: the same rng gives parameters that differ by up to"),
        (WrongLength, r"init must return floats of shape \(7,\), \(n_params,\). Got float64 of \(8,\)"),
        (Integers, "init must return floats .* Got int64"),
        (FloatCount, r"n_params must be an int. Got 7\.0"),
        (NoIntercepts, "parameters must be intercepts, added to the raw predictions; .* off by 1"),
        (PenalisesIntercepts, "weights penalises intercepts"),
        (NegativeFactors, "weights must return factors of at least 0"),
        (OddIntercepts, "n_intercepts must be 0 or 1, n_outputs. Got 2"),
        (LosesDigits, "does not give the parameters back that fitted was given: a difference of up to"),
        (CutsParams, r"does not give the parameters back that fitted was given: shape \(6,\)"),
        (PlainName, "names that end in an underscore"),
        (LosesParameter, "a parameter is lost"),
        (BindsItself, "bind must return a copy"),
        (ForgetsOutputs, "bind must set n_outputs to 3"),
        (CannotBePickled, "cannot be pickled once it is bound"),
        (DrawsColumns, "columns gives other rows once the model is bound again, by up to .* use a fixed seed"),
        (MiscountsColumns, r"columns must return rows of shape \(25, 6\), \(n, n_columns\). Got \(25, 3\)"),
        (ScalesInPlace, "columns changes its input, by up to"),
        (WidensColumns, "float32 is not kept: columns returns float64"),
    ],
)
def test_each_fault_of_a_model_is_named(broken, message):
    with pytest.raises(AssertionError, match=message):
        check_model(broken())


def test_a_pickle_that_forgets():
    with pytest.raises(AssertionError, match=r"pickle gives another object: LosesSpread\(\)"):
        check_model(LosesSpread(2.0))
