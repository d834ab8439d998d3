"""Two models as a user writes them, for the tests."""

import numpy as np
from scipy.special import expit

from sklearn_losses.models import LinearModel, Model, squeezed


class Fourier(LinearModel):
    """Random Fourier features of the Gaussian kernel (Rahimi and Recht 2007)."""

    def __init__(self, n_components=40, width=1.0, seed=0):
        self.n_components = n_components
        self.width = width
        self.seed = seed

    def n_columns(self, n_features):
        return self.n_components

    def columns(self, X):
        rng = np.random.default_rng(self.seed)
        directions = rng.normal(scale=1 / self.width, size=(X.shape[1], self.n_components)).astype(X.dtype)
        shifts = rng.uniform(0, 2 * np.pi, self.n_components).astype(X.dtype)
        return np.cos(X @ directions + shifts)


class Gated(Model):
    """A linear model times a gate of its own: ``(X @ W) * expit(X @ V) + b``."""

    def __init__(self, spread=0.1):
        self.spread = spread

    @property
    def n_params(self):
        return 2 * self.n_features * self.n_outputs + self.n_intercepts

    def init(self, constant, rng):
        weights = self.spread * rng.standard_normal(self.n_params - self.n_intercepts)
        return np.append(weights, constant[: self.n_intercepts])

    def linearize(self, params, X):
        def parts(vector):
            weights, intercept = np.split(np.asarray(vector, dtype=X.dtype), [self.n_params - self.n_intercepts])
            return weights.reshape(self.n_features, -1), intercept if self.fit_intercept else 0

        matrix, intercept = parts(params)
        line, gate = np.split(X @ matrix, 2, axis=1)
        gate = expit(gate)
        slopes = np.hstack([gate, line * gate * (1 - gate)])

        def jvp(direction):
            change, shift = parts(direction)
            return squeezed(sum(np.split(slopes * (X @ change), 2, axis=1)) + shift)

        def vjp(gradient):
            gradient = gradient.reshape(line.shape)
            pulled = X.T.dot(slopes * np.hstack([gradient, gradient]))
            return np.append(pulled, gradient.sum(axis=0)[: self.n_intercepts])

        return squeezed(line * gate + intercept), jvp, vjp
