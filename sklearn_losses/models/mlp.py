"""The multi-layer perceptron."""

import numpy as np
from scipy.special import expit

from sklearn_losses.models.base import Model, squeezed

__all__ = ["ACTIVATIONS", "MLP"]


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
        return squeezed(self._forward(params, X)[1])

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
            return squeezed(change)

        return squeezed(raw), jvp, vjp
