"""What a model is: a differentiable map from one flat vector of parameters and the rows to raw predictions.

A model uses X only in ``X @ A`` and ``X.T.dot(G)``, so that arrays, sparse matrices and rescaled views of either need no
branch. `Model.linearize` evaluates the map at a point and returns its derivative there in both directions: `jvp` (a change of
the parameters -> the change of the raw predictions) and `vjp` (a gradient in the raw predictions -> a gradient in the
parameters).

Sums over rows are products by `dot`: ``@`` keeps Python's lock while it makes a small result, so that other threads wait.
"""

from abc import ABC, abstractmethod

__all__ = ["Model"]


class Model(ABC):
    """A differentiable map from (params, X) to raw predictions.

    Attributes
    ----------
    n_params : int
        Length of the flat vector.
    n_outputs : int
        Number of raw predictions per row.
    linear : bool
        The model is a `LinearModel`: `raw` is linear in `params`, so a convex loss gives a convex objective.
    n_constants : int
        How many of the outputs are learned constants, see `WithConstants`.
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


def squeezed(raw):
    """Raw predictions (n, n_outputs) in the shape in which losses take them: (n,) for one output."""
    return raw[:, 0] if raw.shape[1] == 1 else raw
