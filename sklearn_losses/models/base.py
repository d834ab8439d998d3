"""The models: from parameters to raw predictions, and derivatives back.

A model is a map from one flat vector of parameters; it uses X only in ``X @ A`` and ``X.T.dot(G)``, so that arrays, sparse
matrices and rescaled views of either need no branch. `linearize` evaluates the map at a point and hands out its derivative
there in both directions: `jvp` (a change of parameters -> the change of raw) and `vjp` (a gradient in raw -> a gradient in
the parameters).

Sums over rows are products by `dot`: ``@`` keeps Python's lock while it makes a small result, so that other threads wait.
"""

from abc import ABC, abstractmethod

import numpy as np
from scipy.special import expit

__all__ = ["ACTIVATIONS", "MLP", "Linear", "Model", "WithConstants"]


class Model(ABC):
    """A differentiable map from (params, X) to raw predictions.

    Attributes
    ----------
    n_params : int
        Length of the flat vector.
    linear : bool
        `raw` is linear in `params`, so a convex loss gives a convex objective.
    """

    linear = False
    n_constants = 0

    @property
    def base(self):
        """The model without further constants."""
        return self

    @abstractmethod
    def init(self, constant, rng):
        """Parameters to start from; the last intercepts are `constant`, (n_outputs,)."""

    @abstractmethod
    def predict(self, params, X):
        """Raw predictions, (n,) for one output, (n, n_outputs) for more."""

    @abstractmethod
    def linearize(self, params, X):
        """`predict` at `params`, and its derivative there.

        Returns
        -------
        raw : ndarray of shape (n,) or (n, n_outputs)
        jvp : callable
            Direction (n_params,) -> change of `raw`.
        vjp : callable
            Gradient in `raw` -> gradient (n_params,), in the dtype of `raw`.
        """

    @abstractmethod
    def weights(self, hidden=1.0):
        """1 for each penalised parameter (a weight), 0 for each other (an intercept), (n_params,).

        Parameters
        ----------
        hidden : float, default=1.0
            What stands in place of 1 for the weights of hidden layers.
        """

    @abstractmethod
    def unpack(self, params):
        """Lists of weight matrices (n_in, n_out) and of intercept vectors (n_out,), one entry per layer."""


def _squeeze(raw):
    return raw[:, 0] if raw.shape[1] == 1 else raw


def _weighted_gram(X, weight, definite):
    """``X.T diag(weight) X`` and ``X.T weight`` of the rows that have a weight."""
    some = np.flatnonzero(weight)
    if 2 * len(some) < len(weight):
        X, weight = X[some], weight[some]
    if definite and np.all(weight >= 0):  # the product of a matrix with itself takes half the work
        root = np.sqrt(weight)
        weighted = (X * root[:, None]).T
        return weighted.dot(weighted.T), weighted.dot(root)
    weighted = X.T * weight
    return weighted.dot(X), weighted.sum(axis=1)


class Linear(Model):
    """``raw = X @ W + b``; `params` holds W (n_features, n_outputs), row by row, then b.

    Parameters
    ----------
    n_features, n_outputs : int
    fit_intercept : bool
    """

    linear = True

    def __init__(self, n_features, n_outputs, fit_intercept=True):
        self.n_features = n_features
        self.n_outputs = n_outputs
        self.fit_intercept = fit_intercept
        self.layer_sizes = (n_features, n_outputs)
        self.n_weights = n_features * n_outputs
        self.n_params = self.n_weights + n_outputs * fit_intercept

    def init(self, constant, rng):
        return self.pack(np.zeros((self.n_features, self.n_outputs)), constant)

    def pack(self, weights, intercept):
        """The flat vector of W and b."""
        return np.concatenate([weights.ravel(), intercept]) if self.fit_intercept else weights.ravel().copy()

    def unpack(self, params):
        intercept = params[self.n_weights :] if self.fit_intercept else np.zeros(self.n_outputs, params.dtype)
        return [params[: self.n_weights].reshape(self.n_features, self.n_outputs)], [intercept]

    def weights(self, hidden=1.0):
        mask = np.zeros(self.n_params)
        mask[: self.n_weights] = 1
        return mask

    def resized(self, n_features):
        """The same model for another number of features."""
        return Linear(n_features, self.n_outputs, self.fit_intercept)

    def restricted(self, features):
        """The model of some of the features, and where its parameters are among this one's, both in order."""
        weights = (features[:, None] * self.n_outputs + np.arange(self.n_outputs)).ravel()
        intercept = np.arange(self.n_weights, self.n_params)
        return Linear(len(features), self.n_outputs, self.fit_intercept), np.concatenate([weights, intercept])

    def predict(self, params, X):
        [weights], [intercept] = self.unpack(np.asarray(params, dtype=X.dtype))
        if self.n_outputs == 1:  # a vector product is faster than one with a matrix of one column
            raw = X @ weights[:, 0]
            return raw + intercept[0] if self.fit_intercept else raw
        if not isinstance(X, np.ndarray):
            raw = X @ weights
        else:
            # Column by column in memory, so that what a loss does over a row's few outputs runs along whole columns. With a
            # copy that is the faster way to get there in float32, and without one in float64.
            raw = np.asfortranarray(X @ weights) if X.dtype == np.float32 else (weights.T @ X.T).T
        return raw + intercept if self.fit_intercept else raw

    def linearize(self, params, X):
        return self.predict(params, X), *self.derivative(X)

    def derivative(self, X):
        """The two maps of `linearize`, the same at every point."""

        def jvp(direction):
            return self.predict(direction, X)

        def vjp(gradient):
            # With X on the right it is read once, row by row.
            pulled = (gradient.T.dot(X).T if isinstance(X, np.ndarray) else X.T.dot(gradient)).ravel()
            return np.concatenate([pulled, np.atleast_1d(gradient.sum(axis=0))]) if self.fit_intercept else pulled

        return jvp, vjp

    def curvature(self, X, hessian):
        """The second derivative in `params` when that in `raw` is `hessian`: J.T H J as a matrix.

        Parameters
        ----------
        X : ndarray of shape (n, n_features)
        hessian : ndarray of shape (n,) or (n, n_outputs, n_outputs)

        Returns
        -------
        ndarray of shape (n_params, n_params)
        """
        outputs, features = self.n_outputs, self.n_features
        curved = hessian != 0 if hessian.ndim == 1 else np.any(hessian != 0, axis=(1, 2))
        if 4 * np.count_nonzero(curved) < 3 * len(curved):  # rows on a straight piece of the loss add nothing
            X, hessian = X[curved], hessian[curved]
        matrix = np.zeros((self.n_params, self.n_params))
        weights = matrix[: self.n_weights, : self.n_weights].reshape(features, outputs, features, outputs)
        cross = matrix[: self.n_weights, self.n_weights :].reshape(features, outputs, outputs * self.fit_intercept)
        corner = matrix[self.n_weights :, self.n_weights :]
        for j in range(outputs):
            for k in range(j, outputs):
                weight = hessian if hessian.ndim == 1 else hessian[:, j, k]
                gram, sums = _weighted_gram(X, weight, definite=j == k)
                weights[:, j, :, k] = gram
                weights[:, k, :, j] = gram.T
                if self.fit_intercept:
                    cross[:, j, k] = cross[:, k, j] = sums
                    corner[j, k] = corner[k, j] = weight.sum()
        matrix[self.n_weights :, : self.n_weights] = matrix[: self.n_weights, self.n_weights :].T
        return matrix

    @property
    def by_output(self):
        """The parameters in the order of `curvature_by_output`: all weights of an output together, intercepts last."""
        weights = np.arange(self.n_weights).reshape(self.n_features, self.n_outputs)
        return np.concatenate([weights.T.ravel(), np.arange(self.n_weights, self.n_params)])

    def curvature_by_output(self, X, hessian):
        """`curvature` of several outputs in the order of `by_output`, in the precision of X: only the upper triangle counts."""
        features, weights = self.n_features, self.n_weights
        matrix = np.zeros((self.n_params, self.n_params), dtype=X.dtype)
        for j in range(self.n_outputs):
            of_j = slice(j * features, (j + 1) * features)
            for k in range(j, self.n_outputs):
                weight, of_k = hessian[:, j, k], slice(k * features, (k + 1) * features)
                matrix[of_j, of_k], sums = _weighted_gram(X, weight, definite=j == k)
                if self.fit_intercept:
                    matrix[of_j, weights + k] = matrix[of_k, weights + j] = sums
                    matrix[weights + j, weights + k] = weight.sum()
        return matrix

    def diagonal(self, squares, hessian):
        """The diagonal of `curvature`, given the squares of the rows and that of `hessian`, (n,) or (n, n_outputs)."""
        sums = squares.T.dot(hessian).ravel()
        return np.concatenate([sums, np.atleast_1d(hessian.sum(axis=0))]) if self.fit_intercept else sums

    def rows(self, X, gradients):
        """The gradient in `params` of each row by itself, given its gradient in `raw`, (n, n_outputs): (n, n_params)."""
        weights = (X[:, :, None] * gradients[:, None, :]).reshape(len(X), self.n_weights)
        return np.hstack([weights, gradients]) if self.fit_intercept else weights


class Activation:
    """An activation with its derivative; `slope` reads it off the activation's own output."""

    def __init__(self, apply, slope, gain):
        self.apply, self.slope, self.gain = apply, slope, gain


def _relu(z):
    return np.maximum(z, 0, out=z)


ACTIVATIONS = {
    "relu": Activation(_relu, lambda a: a > 0, 6.0),
    "tanh": Activation(lambda z: np.tanh(z, out=z), lambda a: 1 - a * a, 6.0),
    "logistic": Activation(lambda z: expit(z, out=z), lambda a: a * (1 - a), 2.0),
    "identity": Activation(lambda z: z, lambda a: np.ones(1, a.dtype), 6.0),
}


class MLP(Model):
    """A multi-layer perceptron with fully connected layers; the last one is linear.

    `params` holds, layer by layer, the weights (n_in, n_out), row by row, then the intercepts.

    Parameters
    ----------
    layer_sizes : sequence of int
        n_features, the hidden sizes, n_outputs.
    activation : {"relu", "tanh", "logistic", "identity"}
    fit_intercept : bool
    """

    def __init__(self, layer_sizes, activation, fit_intercept=True):
        self.layer_sizes = tuple(layer_sizes)
        self.n_features = self.layer_sizes[0]
        self.n_outputs = self.layer_sizes[-1]
        self.activation_name = activation
        self.fit_intercept = fit_intercept
        self._layers = []
        start = 0
        for fan_in, fan_out in zip(self.layer_sizes[:-1], self.layer_sizes[1:], strict=True):
            end = start + fan_in * fan_out
            stop = end + fan_out * fit_intercept
            self._layers.append((slice(start, end), slice(end, stop), (fan_in, fan_out)))
            start = stop
        self.n_params = start

    @property
    def activation(self):
        return ACTIVATIONS[self.activation_name]  # looked up, since functions without a name do not pickle

    def init(self, constant, rng):
        """Uniform on +-sqrt(gain / (fan_in + fan_out)), Glorot and Bengio 2010, equation 16; the last intercepts `constant`."""
        params = np.zeros(self.n_params)
        for weights, intercepts, (fan_in, fan_out) in self._layers:
            bound = np.sqrt(self.activation.gain / (fan_in + fan_out))
            params[weights] = rng.uniform(-bound, bound, fan_in * fan_out)
            params[intercepts] = rng.uniform(-bound, bound, fan_out) if self.fit_intercept else 0
        params[self._layers[-1][1]] = constant if self.fit_intercept else 0
        return params

    def unpack(self, params):
        weights = [params[w].reshape(shape) for w, _, shape in self._layers]
        intercepts = [params[b] if self.fit_intercept else np.zeros(shape[1], params.dtype) for _, b, shape in self._layers]
        return weights, intercepts

    def pack(self, weights, intercepts):
        """The flat vector of the layers' matrices and vectors."""
        parts = []
        for matrix, vector in zip(weights, intercepts, strict=True):
            parts.append(matrix.ravel())
            if self.fit_intercept:
                parts.append(vector)
        return np.concatenate(parts)

    def weights(self, hidden=1.0):
        mask = np.zeros(self.n_params)
        for weights, _, _ in self._layers:
            mask[weights] = hidden
        mask[self._layers[-1][0]] = 1
        return mask

    def _forward(self, params, X):
        """The input of each layer, and the raw output."""
        params = np.asarray(params, dtype=X.dtype)
        inputs, layer_input = [], X
        last = len(self._layers) - 1
        for depth, (weights, intercepts, shape) in enumerate(self._layers):
            inputs.append(layer_input)
            layer_input = layer_input @ params[weights].reshape(shape)
            if self.fit_intercept:
                layer_input += params[intercepts]
            if depth < last:
                layer_input = self.activation.apply(layer_input)
        return inputs, layer_input

    def predict(self, params, X):
        return _squeeze(self._forward(params, X)[1])

    def linearize(self, params, X):
        inputs, raw = self._forward(params, X)
        params = np.asarray(params, dtype=X.dtype)

        def vjp(gradient):
            pulled = np.empty(self.n_params, dtype=raw.dtype)
            ones = np.ones(len(raw), dtype=raw.dtype)
            delta = gradient.reshape(raw.shape)
            for depth in range(len(self._layers) - 1, -1, -1):
                weights, intercepts, shape = self._layers[depth]
                pulled[weights] = inputs[depth].T.dot(delta).ravel()
                if self.fit_intercept:
                    pulled[intercepts] = ones.dot(delta)  # the sum over rows, faster as a product
                if depth:
                    delta = delta @ params[weights].reshape(shape).T
                    delta *= self.activation.slope(inputs[depth])
            return pulled

        def jvp(direction):
            direction = np.asarray(direction, dtype=X.dtype)
            change = None
            for depth, (weights, intercepts, shape) in enumerate(self._layers):
                moved = inputs[depth] @ direction[weights].reshape(shape)
                if self.fit_intercept:
                    moved += direction[intercepts]
                if depth:
                    moved += (change * self.activation.slope(inputs[depth])) @ params[weights].reshape(shape)
                change = moved
            return _squeeze(change)

        return _squeeze(raw), jvp, vjp


class WithConstants(Model):
    """A model with further raw outputs that are the same for all rows: numbers that a loss learns with the coefficients.

    `params` holds those of the model, then the constants over their units, which no penalty touches.

    Parameters
    ----------
    model : Model
    n_constants : int
    units : tuple of float, default=None
        See `Loss.constant_units`.
    """

    def __init__(self, model, n_constants, units=None):
        self.model, self.n_constants = model, n_constants
        self.units = np.ones(n_constants) if units is None else np.asarray(units, dtype=np.float64)
        self.n_params = model.n_params + n_constants
        self.n_outputs = model.n_outputs + n_constants
        self.linear = model.linear

    @property
    def base(self):
        return self.model

    def resized(self, n_features):
        """As `Linear.resized`."""
        return WithConstants(self.model.resized(n_features), self.n_constants, self.units)

    def derivative(self, X):
        """As `Linear.derivative`."""
        return self.linearize(np.zeros(self.n_params), X)[1:]

    def init(self, constant, rng):
        constants = constant[-self.n_constants :] / self.units
        return np.concatenate([self.model.init(constant[: -self.n_constants], rng), constants])

    def unpack(self, params):
        return self.model.unpack(params[: -self.n_constants])

    def weights(self, hidden=1.0):
        return np.concatenate([self.model.weights(hidden), np.zeros(self.n_constants)])

    def restricted(self, features):
        """As `Linear.restricted`; the constants stay."""
        model, coordinates = self.model.restricted(features)
        constants = np.arange(self.model.n_params, self.n_params)
        return WithConstants(model, self.n_constants, self.units), np.concatenate([coordinates, constants])

    def _joined(self, raw, constants):
        constants = np.broadcast_to((constants * self.units).astype(raw.dtype), (len(raw), self.n_constants))
        return np.hstack([raw.reshape(len(raw), -1), constants])

    def predict(self, params, X):
        return self._joined(self.model.predict(params[: -self.n_constants], X), params[-self.n_constants :])

    def linearize(self, params, X):
        raw, model_jvp, model_vjp = self.model.linearize(params[: -self.n_constants], X)

        def jvp(direction):
            return self._joined(model_jvp(direction[: -self.n_constants]), direction[-self.n_constants :])

        def vjp(gradient):
            own, constants = gradient[:, : -self.n_constants], gradient[:, -self.n_constants :]
            return np.concatenate([model_vjp(_squeeze(np.ascontiguousarray(own))), constants.sum(axis=0) * self.units])

        return self._joined(raw, params[-self.n_constants :]), jvp, vjp

    def curvature(self, X, hessian):
        """As `Linear.curvature`; the constants are columns of ones."""
        own, outputs = self.model.n_params, self.model.n_outputs
        matrix = np.zeros((self.n_params, self.n_params))
        inner = np.ascontiguousarray(hessian[:, :outputs, :outputs])
        matrix[:own, :own] = self.model.curvature(X, inner[:, 0, 0] if outputs == 1 else inner)
        pull = self.model.linearize(np.zeros(own), X)[2]
        for constant in range(self.n_constants):
            mixed = pull(_squeeze(np.ascontiguousarray(hessian[:, :outputs, outputs + constant])))
            matrix[:own, own + constant] = matrix[own + constant, :own] = self.units[constant] * mixed
        matrix[own:, own:] = hessian[:, outputs:, outputs:].sum(axis=0) * np.outer(self.units, self.units)
        return matrix
