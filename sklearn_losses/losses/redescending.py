"""Robust losses whose gradient returns to 0 far out: they leave gross outliers out."""

import numpy as np

from sklearn_losses.core.component import Integer, Options
from sklearn_losses.losses.annotations import FloatArray, Targets, derived
from sklearn_losses.losses.robust import _POSITIVE, _SCALE, RobustLoss

__all__ = ["Cauchy", "GemanMcClure", "Redescending", "Tukey", "Welsch"]

START = Options("resistant", "mae")


class Redescending(RobustLoss):
    """Base of the losses whose influence falls again far out, so that gross outliers hardly count.

    A subclass gives `rho` and `weight`, which is ``psi(u) / u``. It bounds the second derivative
    and is never negative, so with it for a Hessian Newton's method is iteratively reweighted least
    squares, which goes down all the way and does not leave the valley it starts in.

    These losses are not convex, and where a fit ends depends on where it starts. With
    ``start="resistant"`` that is a deterministic S-estimate, on which up to half of the rows have
    no influence, whether they are outliers in y or leverage points, outliers in X (see
    `sklearn_losses.resistant.resistant_start`). With ``scale="mad"`` the scale is then the M-scale
    of its residuals and stays fixed, so that the fit is an MM-estimate [1]_. A `scale` that is a
    number stays as it is. Where no resistant start is possible, as for too few rows, the fit starts
    as with "mae"; its attribute `start_` says why.

    With ``start="mae"`` it is the least absolute deviations, which resist outliers in y alone, and
    the scale is the median absolute deviation of their residuals.

    With `n_init` above 1 there are further starts, for which the rows get random weights, and the
    best end is kept. A stochastic solver and a model that is not linear start once; from the start
    such a model takes the scale alone.

    References
    ----------
    .. [1] Yohai, "High breakdown-point and high efficiency robust estimates for regression", Annals
       of Statistics 15 (1987).
    """

    convex = False
    hessian_bound = True
    initial_estimator = "mae"
    start: str = "resistant"
    parameter_constraints = {"c": _POSITIVE, "scale": _SCALE, "n_init": Integer(1), "start": START}

    @derived
    def resistant(self) -> bool | None:
        return self.start == "resistant"

    def psi(self, u: FloatArray) -> FloatArray:
        return u * self.weight(u)

    def psi_prime(self, u: FloatArray) -> FloatArray:
        return self.weight(u)

    def row_weights(self, y: Targets, raw: FloatArray) -> FloatArray:
        return self.weight((y - raw) / self._unit) / self.weight(np.zeros(1))


class Tukey(Redescending, name="tukey", aliases=("bisquare",)):
    """Tukey's bisquare: outliers beyond c scales do not count [1]_.

    It is ``c**2/6 (1 - (1 - (u/c)**2)**3)``, constant from c on.

    Parameters
    ----------
    c : float, default=4.685
        In units of the scale; 95 % efficiency at the normal distribution.
    scale : "mad" or float, default="mad"
        "mad": estimated from the data, by the start. A number fixes it.
    n_init : int, default=1
        Number of starts.
    start : "resistant" or "mae", default="resistant"
        Where the fit begins, see `Redescending`.

    References
    ----------
    .. [1] Beaton and Tukey, "The fitting of power series", Technometrics 16 (1974).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import Tukey
    >>> Tukey(scale=1.0).value(np.array([1.0, 100.0]), np.zeros(2)).round(4)
    array([0.4776, 3.6582])
    """

    def __init__(self, c: float = 4.685, scale: float | str = "mad", n_init: int = 1, start: str = "resistant") -> None:
        self.c = c
        self.scale = scale
        self.n_init = n_init
        self.start = start

    def _rest(self, u):
        return np.maximum(1 - (u / self.c) ** 2, 0)

    def rho(self, u: FloatArray) -> FloatArray:
        return self.c**2 / 6 * (1 - self._rest(u) ** 3)

    def weight(self, u: FloatArray) -> FloatArray:
        return self._rest(u) ** 2


class Cauchy(Redescending, name="cauchy"):
    """``c**2/2 log(1 + (u/c)**2)``: outliers count less the further out they are [1]_.

    It is the likelihood of a Cauchy distribution.

    Parameters
    ----------
    c : float, default=2.385
        In units of the scale; 95 % efficiency at the normal distribution.
    scale : "mad" or float, default="mad"
        "mad": estimated from the data, by the start. A number fixes it.
    n_init : int, default=1
        Number of starts.
    start : "resistant" or "mae", default="resistant"
        Where the fit begins, see `Redescending`. The loss grows without bound, so that many
        leverage points may outweigh all other rows wherever it begins; `Tukey` resists them.

    References
    ----------
    .. [1] Holland and Welsch, "Robust regression using iteratively reweighted least-squares",
       Communications in Statistics 6 (1977), table 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import Cauchy
    >>> Cauchy(scale=1.0).value(np.array([1.0, 100.0]), np.zeros(2)).round(4)
    array([ 0.4606, 21.2527])
    """

    def __init__(self, c: float = 2.385, scale: float | str = "mad", n_init: int = 1, start: str = "resistant") -> None:
        self.c = c
        self.scale = scale
        self.n_init = n_init
        self.start = start

    def rho(self, u: FloatArray) -> FloatArray:
        return self.c**2 / 2 * np.log1p((u / self.c) ** 2)

    def weight(self, u: FloatArray) -> FloatArray:
        return 1 / (1 + (u / self.c) ** 2)


class Welsch(Redescending, name="welsch"):
    """``c**2/2 (1 - exp(-(u/c)**2))``: outliers beyond a few c do not count [1]_.

    Parameters
    ----------
    c : float, default=2.985
        In units of the scale; 95 % efficiency at the normal distribution.
    scale : "mad" or float, default="mad"
        "mad": estimated from the data, by the start. A number fixes it.
    n_init : int, default=1
        Number of starts.
    start : "resistant" or "mae", default="resistant"
        Where the fit begins, see `Redescending`.

    References
    ----------
    .. [1] Dennis and Welsch, "Techniques for nonlinear least squares and robust regression",
       Communications in Statistics 7 (1978).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import Welsch
    >>> Welsch(scale=1.0).value(np.array([1.0, 100.0]), np.zeros(2)).round(4)
    array([0.473 , 4.4551])
    """

    def __init__(self, c: float = 2.985, scale: float | str = "mad", n_init: int = 1, start: str = "resistant") -> None:
        self.c = c
        self.scale = scale
        self.n_init = n_init
        self.start = start

    def rho(self, u: FloatArray) -> FloatArray:
        return -(self.c**2) / 2 * np.expm1(-((u / self.c) ** 2))

    def weight(self, u: FloatArray) -> FloatArray:
        return np.exp(-((u / self.c) ** 2))


class GemanMcClure(Redescending, name="geman_mcclure"):
    """``2 (u/c)**2 / ((u/c)**2 + 4)``, bounded by 2 [1]_; `Barron` with shape -2.

    Parameters
    ----------
    c : float, default=1.0
        In units of the scale. The source's unit: residuals beyond 1.2 c already count less; larger
        is more efficient.
    scale : "mad" or float, default="mad"
        "mad": estimated from the data, by the start. A number fixes it.
    n_init : int, default=1
        Number of starts.
    start : "resistant" or "mae", default="resistant"
        Where the fit begins, see `Redescending`.

    References
    ----------
    .. [1] Geman and McClure, "Bayesian image analysis: an application to single photon emission
       tomography", 1985.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.losses import GemanMcClure
    >>> GemanMcClure(scale=1.0).value(np.array([1.0, 100.0]), np.zeros(2)).round(4)
    array([0.4   , 1.9992])
    """

    def __init__(self, c: float = 1.0, scale: float | str = "mad", n_init: int = 1, start: str = "resistant") -> None:
        self.c = c
        self.scale = scale
        self.n_init = n_init
        self.start = start

    def rho(self, u: FloatArray) -> FloatArray:
        square = (u / self.c) ** 2
        return 2 * square / (square + 4)

    def weight(self, u: FloatArray) -> FloatArray:
        return 1 / (self.c * ((u / self.c) ** 2 / 4 + 1)) ** 2
