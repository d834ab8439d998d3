"""The multi-layer perceptron."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any, NamedTuple, Self

import numpy as np
from scipy.special import expit

from sklearn_losses.core.component import Integer, Options
from sklearn_losses.core.protocols import RowMatrix
from sklearn_losses.models.base import Derivative, Model, Vector, squeezed

__all__ = ["ACTIVATIONS", "MLP"]


class Activation(NamedTuple):
    """An activation, its derivative as a function of its output, and the gain of random weights."""

    apply: Callable[[Vector], Vector]
    slope: Callable[[Vector], Vector]
    gain: float


def _relu(z):
    return np.maximum(z, 0, out=z)


ACTIVATIONS = {
    "relu": Activation(_relu, lambda a: a > 0, 6.0),
    "tanh": Activation(lambda z: np.tanh(z, out=z), lambda a: 1 - a * a, 6.0),
    "logistic": Activation(lambda z: expit(z, out=z), lambda a: a * (1 - a), 2.0),
    "identity": Activation(lambda z: z, lambda a: np.ones(1, a.dtype), 6.0),
}


def hidden_sizes(owner: Any) -> tuple[int, ...]:
    """The `hidden_layer_sizes` of a model or an estimator as a tuple, checked."""
    sizes = owner.hidden_layer_sizes
    sizes = (sizes,) if isinstance(sizes, Integral) else sizes
    try:
        sizes = tuple(sizes)
    except TypeError:
        sizes = (None,)
    if not all(size in Integer(1) for size in sizes):
        raise ValueError(
            f"The 'hidden_layer_sizes' parameter of {type(owner).__name__} must be a tuple of ints in the range [1, inf)"
            f"{'' if isinstance(owner, MLP) else ', () for a linear model'}. Got {owner.hidden_layer_sizes!r} instead."
        )
    return sizes


class MLP(Model, name="mlp"):
    r"""Multi-layer perceptron with fully connected layers, for any loss.

    Choose it where the target depends on the features in a way that is not linear. Layer :math:`k`
    of :math:`K` computes

    .. math::

        h_k &= \sigma(h_{k-1} W_k + b_k)

        f &= h_{K-1} W_K + b_K

    with :math:`h_0` the row, :math:`\sigma` the activation, :math:`W_k` the weights, :math:`b_k`
    the intercepts and :math:`f` the raw predictions. The objective is not convex, and
    ``solver="adam"`` is the default. In an estimator it is ``model="mlp"``, ``model=MLP((100,
    50))``, or short ``hidden_layer_sizes=(100, 50)``.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(30,)
        Number of units in each hidden layer, at least one layer. More units and layers fit more
        complex functions, take more time and overfit sooner.
    activation : {"relu", "tanh", "logistic", "identity"}, default="relu"
        The activation of the hidden units: max(0, z), the hyperbolic tangent, the logistic
        function, or z itself.

    See Also
    --------
    sklearn_losses.models.Linear : The model without hidden layers.
    sklearn_losses.models.FactorizationMachine : Interactions of pairs of features.
    sklearn_losses.solvers.Adam : The default solver for it.

    Notes
    -----
    An estimator has the fitted attributes ``coefs_`` and ``intercepts_``, lists with an array per
    layer. The flat vector of parameters holds, layer by layer, the weights, row by row, then the
    intercepts. Weights start uniform on :math:`\pm\sqrt{g / (n_{in} + n_{out})}` [1]_, with
    :math:`g` 2 for "logistic" and 6 for the others.

    References
    ----------
    .. [1] Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
           networks", AISTATS 2010, equation 16.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.models import MLP
    >>> X, y = load_diabetes(return_X_y=True)
    >>> network = MLP((8,), activation="tanh")
    >>> model = LossRegressor("huber", model=network, tol=0.1, random_state=0)
    >>> [weights.shape for weights in model.fit(X, y).coefs_]
    [(10, 8), (8, 1)]
    """

    parameter_constraints = {"activation": Options(*ACTIVATIONS)}

    def __init__(self, hidden_layer_sizes: Sequence[int] | int = (30,), activation: str = "relu") -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation

    def check(self) -> None:
        super().check()
        if not hidden_sizes(self):
            raise ValueError(
                "The 'hidden_layer_sizes' parameter of MLP must name at least one layer; use model='linear' for a linear model."
            )

    def bind(self, n_features: int, n_outputs: int, fit_intercept: bool = True) -> Self:
        bound = super().bind(n_features, n_outputs, fit_intercept)
        sizes = (n_features, *hidden_sizes(self), n_outputs)
        bound._layers, start = [], 0
        for fan_in, fan_out in zip(sizes[:-1], sizes[1:], strict=True):
            end = start + fan_in * fan_out
            stop = end + fan_out * fit_intercept
            bound._layers.append((slice(start, end), slice(end, stop), (fan_in, fan_out)))
            start = stop
        return bound

    @property
    def n_params(self) -> int:
        return self._layers[-1][1].stop

    @property
    def _hidden_units(self) -> Activation:
        # Looked up, since functions without a name do not pickle.
        return ACTIVATIONS[self.activation]

    def init(self, constant: Vector, rng: Any) -> Vector:
        """Return random weights and intercepts; the last intercepts are `constant`.

        They are uniform on +-sqrt(gain / (n_in + n_out)).

        Parameters
        ----------
        constant : ndarray of shape (n_outputs,)
            The best constant prediction.
        rng : numpy.random.RandomState
            The only source of chance.

        Returns
        -------
        ndarray of shape (n_params,)
            The parameters.
        """
        params = np.zeros(self.n_params)
        for weights, intercepts, (fan_in, fan_out) in self._layers:
            bound = np.sqrt(self._hidden_units.gain / (fan_in + fan_out))
            params[weights] = rng.uniform(-bound, bound, fan_in * fan_out)
            params[intercepts] = rng.uniform(-bound, bound, fan_out) if self.fit_intercept else 0
        params[self._layers[-1][1]] = constant if self.fit_intercept else 0
        return params

    def unpack(self, params: Vector) -> tuple[list[Vector], list[Vector]]:
        """Return the weights and the intercepts of each layer.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The parameters.

        Returns
        -------
        weights : list of ndarray of shape (n_in, n_out)
            The weights of each layer.
        intercepts : list of ndarray of shape (n_out,)
            The intercepts of each layer.
        """
        weights = [params[w].reshape(shape) for w, _, shape in self._layers]
        intercepts = [params[b] if self.fit_intercept else np.zeros(shape[1], params.dtype) for _, b, shape in self._layers]
        return weights, intercepts

    def pack(self, weights: Sequence[Vector], intercepts: Sequence[Vector]) -> Vector:
        """Return the flat vector of the weights and intercepts of the layers.

        Parameters
        ----------
        weights : list of ndarray of shape (n_in, n_out)
            The weights of each layer.
        intercepts : list of ndarray of shape (n_out,)
            The intercepts of each layer; left out if the model has none.

        Returns
        -------
        ndarray of shape (n_params,)
            The parameters.
        """
        parts = []
        for matrix, vector in zip(weights, intercepts, strict=True):
            parts.append(matrix.ravel())
            if self.fit_intercept:
                parts.append(vector)
        return np.concatenate(parts)

    def fitted(self, params: Vector, flat: bool = False) -> dict[str, Any]:
        """Return the fitted attributes ``coefs_`` and ``intercepts_``.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            The parameters.
        flat : bool, default=False
            Not used: the layers have their shapes in any case.

        Returns
        -------
        dict of str to object
            ``coefs_``, a list of arrays (n_in, n_out), and ``intercepts_``, one of arrays (n_out,).
        """
        weights, intercepts = self.unpack(params)
        return {"coefs_": [w.copy() for w in weights], "intercepts_": [b.copy() for b in intercepts]}

    def from_fitted(self, fitted: Mapping[str, Any]) -> Vector:
        return self.pack(fitted["coefs_"], fitted["intercepts_"])

    def with_last_layer(self, fitted: Mapping[str, Any], change: Callable[..., tuple[Vector, Vector]]) -> dict[str, Any]:
        weights, intercepts = list(fitted["coefs_"]), list(fitted["intercepts_"])
        weights[-1], intercepts[-1] = change(weights[-1], intercepts[-1])
        return {"coefs_": weights, "intercepts_": intercepts}

    def rescaled(self, params: Vector, center: Vector, scale: Vector) -> Vector:
        [weights, *later_weights], [intercept, *later_intercepts] = self.unpack(params)
        weights = weights / scale[:, None]
        return self.pack([weights, *later_weights], [intercept - center @ weights, *later_intercepts])

    def weights(self, hidden: float = 1.0) -> Vector:
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
                layer_input = self._hidden_units.apply(layer_input)
        return inputs, layer_input

    def predict(self, params: Vector, X: RowMatrix) -> Vector:
        return squeezed(self._forward(params, X)[1])

    def linearize(self, params: Vector, X: RowMatrix) -> tuple[Vector, Derivative, Derivative]:
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
                    delta *= self._hidden_units.slope(inputs[depth])
            return pulled

        def jvp(direction):
            direction = np.asarray(direction, dtype=X.dtype)
            change = None
            for depth, (weights, intercepts, shape) in enumerate(self._layers):
                moved = inputs[depth] @ direction[weights].reshape(shape)
                if self.fit_intercept:
                    moved += direction[intercepts]
                if depth:
                    moved += (change * self._hidden_units.slope(inputs[depth])) @ params[weights].reshape(shape)
                change = moved
            return squeezed(change)

        return squeezed(raw), jvp, vjp
