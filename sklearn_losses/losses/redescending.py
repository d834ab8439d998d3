"""Robust losses whose gradient returns to 0 far out: they leave gross outliers out."""

import numpy as np

from sklearn_losses.core.component import Integer, Options
from sklearn_losses.losses.annotations import FloatArray, Targets, derived
from sklearn_losses.losses.robust import _POSITIVE, _SCALE, RobustLoss

__all__ = ["Cauchy", "GemanMcClure", "Redescending", "Tukey", "Welsch"]

START = Options("resistant", "mae")


class Redescending(RobustLoss):
    r"""Base class of losses whose influence falls again far out: gross outliers hardly count.

    They are losses :math:`s^2 \rho(u)` of the residual :math:`u` in units of the scale :math:`s`,
    as `RobustLoss` describes, with :math:`\psi(u) = \rho'(u)` returning towards 0. A subclass gives
    `rho` and `weight`, which is :math:`\psi(u) / u`. They are not convex: where a fit ends depends
    on where it starts.

    The weight is never negative and an upper bound of the second derivative. Newton's method with
    it as a Hessian is iteratively reweighted least squares: each step lowers the objective, and the
    fit ends at the local minimum next to its start.

    See Also
    --------
    sklearn_losses.losses.Tukey : Ignores residuals beyond a limit.
    sklearn_losses.losses.Welsch : A smooth counterpart of Tukey's bisquare.
    sklearn_losses.losses.Cauchy : Reduces the weight of outliers without ignoring them.
    sklearn_losses.losses.Trimmed : Ignores the rows of largest loss, for any loss.

    Notes
    -----
    With ``start="resistant"`` a fit begins at a deterministic S-estimate, which tolerates outliers
    in up to half of the rows, whether they are outliers in the target or leverage points, which are
    outliers in the features. With ``scale="mad"`` the scale is then the M-scale of its residuals
    and stays fixed, so that the fit is an MM-estimate [1]_. A `scale` that is a number stays as it
    is. Where no resistant start is possible, as for too few rows, the fit starts as with "mae", and
    the fitted attribute ``start_`` says why.

    With ``start="mae"`` the fit begins at the least absolute deviations, which resist outliers in
    the target alone, and the scale is the median absolute deviation of their residuals.

    With `n_init` above 1 there are further starts, for which the rows get random weights, and the
    fit of the lowest objective is kept. A stochastic solver and a model that is not linear start
    once; such a model takes the scale alone from the resistant start.

    References
    ----------
    .. [1] Yohai, "High breakdown-point and high efficiency robust estimates for regression", Annals
           of Statistics 15 (1987).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> X, y = (part[:200] for part in load_diabetes(return_X_y=True))
    >>> X[:20] *= 20  # leverage points
    >>> for loss in ("huber", "tukey"):
    ...     model = LossRegressor(loss, alpha=0).fit(X, y)
    ...     print(loss, round(float(np.median(np.abs(y - model.predict(X))))))
    huber 49
    tukey 38
    """

    convex = False
    hessian_bound = True
    initial_estimator = "mae"
    start: str = "resistant"
    parameter_constraints = {"c": _POSITIVE, "scale": _SCALE, "n_init": Integer(1), "start": START}

    @derived
    def resistant(self) -> bool | None:
        """Whether the fit begins with the resistant start."""
        return self.start == "resistant"

    def weight(self, u: FloatArray) -> FloatArray:
        """Return the weight of a residual in reweighted least squares: ``psi(u) / u``.

        Parameters
        ----------
        u : ndarray
            Residuals in units of their scale.

        Returns
        -------
        ndarray of the shape of `u`
            At least 0, and an upper bound of the second derivative of `rho`.
        """
        raise NotImplementedError

    def psi(self, u: FloatArray) -> FloatArray:
        return u * self.weight(u)

    def psi_prime(self, u: FloatArray) -> FloatArray:
        return self.weight(u)

    def row_weights(self, y: Targets, raw: FloatArray) -> FloatArray:
        """Return the weight of each row in a step of reweighted least squares.

        Parameters
        ----------
        y : ndarray of shape (n,)
            Targets.
        raw : ndarray of shape (n,)
            Predictions.

        Returns
        -------
        ndarray of shape (n,)
            ``weight(u)`` over ``weight(0)``: 1 for a residual of 0, towards 0 for a gross outlier.
        """
        return self.weight((y - raw) / self._unit) / self.weight(np.zeros(1))


class Tukey(Redescending, name="tukey", aliases=("bisquare",)):
    r"""Tukey's bisquare: ignores outliers beyond a limit, leverage points too.

    Choose it where a part of the rows is wrong altogether, in the target or in the features. With
    :math:`u = (y - f) / s`, where :math:`y` is the target, :math:`f` the prediction and :math:`s`
    the scale of the residuals [1]_

    .. math::

        \ell(y, f) = s^2 \cdot \frac{c^2}{6} \left( 1 - \max\left(0,\ 1 - \frac{u^2}{c^2}\right)^3
            \right)

    with :math:`c` the parameter `c`. It is constant from :math:`|u| = c` on: such rows do not act
    on the fit. It is smooth but not convex. ``solver="newton"`` (iteratively reweighted least
    squares) finds the minimum next to the start; the default start makes this a minimum that
    resists outliers in the features too. In an estimator it is ``loss="tukey"`` or
    ``loss="bisquare"``.

    Parameters
    ----------
    c : float, default=4.685
        Size of a residual from which on a row does not count, in units of the scale, above 0. A
        smaller one ignores more rows; 4.685 has 95 % of the efficiency of least squares for normal
        noise.
    scale : {"mad"} or float, default="mad"
        The scale :math:`s`. "mad": estimated by the start, see `Redescending`. A number fixes it,
        in the unit of the target.
    n_init : int, default=1
        Number of starts, at least 1. More take more time and may find a lower objective.
    start : {"resistant", "mae"}, default="resistant"
        Where the fit begins, see `Redescending`. "resistant" withstands outliers in the features
        too; "mae" takes less time and withstands outliers in the target alone.

    See Also
    --------
    sklearn_losses.losses.Welsch : A bounded loss without a sharp limit.
    sklearn_losses.losses.Cauchy : Reduces the weight of outliers without ignoring them.
    sklearn_losses.losses.Huber : A convex loss, for outliers in the target alone.
    sklearn_losses.losses.Trimmed : Ignores a given share of the rows, for any loss.

    Notes
    -----
    The fitted estimator has the scale as ``scale_``, the weights of the rows as ``row_weights_``
    and the start as ``start_``.

    References
    ----------
    .. [1] Beaton and Tukey, "The fitting of power series", Technometrics 16 (1974).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import Tukey
    >>> Tukey(scale=1.0).value(np.array([1.0, 100.0]), np.zeros(2)).round(4)
    array([0.4776, 3.6582])
    >>> X, y = (part[:200] for part in load_diabetes(return_X_y=True))
    >>> y[:20] += 5000  # wrong entries
    >>> model = LossRegressor("tukey").fit(X, y)
    >>> float(model.row_weights_[:20].max())
    0.0
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
    r"""Cauchy's loss: outliers count less the further out they are, but always a little.

    Choose it for noise with very heavy tails. It is the negative log-likelihood of a Cauchy
    distribution, up to factors. With :math:`u = (y - f) / s`, where :math:`y` is the target,
    :math:`f` the prediction and :math:`s` the scale of the residuals [1]_

    .. math::

        \ell(y, f) = s^2 \cdot \frac{c^2}{2} \log\left(1 + \frac{u^2}{c^2}\right)

    with :math:`c` the parameter `c`. It is smooth but not convex. ``solver="newton"`` (iteratively
    reweighted least squares) finds the minimum next to the start; the default start makes this a
    minimum that resists outliers in the features too. In an estimator it is ``loss="cauchy"``.

    Parameters
    ----------
    c : float, default=2.385
        Size of a residual at which its influence is largest, in units of the scale, above 0. A
        smaller one resists outliers better; 2.385 has 95 % of the efficiency of least squares for
        normal noise.
    scale : {"mad"} or float, default="mad"
        The scale :math:`s`. "mad": estimated by the start, see `Redescending`. A number fixes it,
        in the unit of the target.
    n_init : int, default=1
        Number of starts, at least 1. More take more time and may find a lower objective.
    start : {"resistant", "mae"}, default="resistant"
        Where the fit begins, see `Redescending`. "resistant" withstands outliers in the features
        too; "mae" takes less time and withstands outliers in the target alone. The loss grows
        without bound, so that many leverage points may outweigh all other rows wherever the fit
        begins; `Tukey` resists them.

    See Also
    --------
    sklearn_losses.losses.Tukey : Ignores residuals beyond a limit.
    sklearn_losses.losses.Barron : A family of losses that has this one at the shape 0.
    sklearn_losses.losses.AdaptiveBarron : Learns from the data how heavy the tails are.

    Notes
    -----
    The fitted estimator has the scale as ``scale_``, the weights of the rows as ``row_weights_``
    and the start as ``start_``.

    References
    ----------
    .. [1] Holland and Welsch, "Robust regression using iteratively reweighted least-squares",
           Communications in Statistics 6 (1977), table 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import Cauchy
    >>> Cauchy(scale=1.0).value(np.array([1.0, 100.0]), np.zeros(2)).round(4)
    array([ 0.4606, 21.2527])
    >>> X, y = (part[:200] for part in load_diabetes(return_X_y=True))
    >>> y[:20] += 5000  # wrong entries
    >>> model = LossRegressor("cauchy").fit(X, y)
    >>> float(model.row_weights_[:20].max().round(3))
    0.001
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
    r"""Welsch's loss: bounded, so that outliers beyond a few scales hardly count.

    Choose it as `Tukey`, where the weights of the rows should fall smoothly instead of ending at a
    limit. With :math:`u = (y - f) / s`, where :math:`y` is the target, :math:`f` the prediction and
    :math:`s` the scale of the residuals [1]_

    .. math::

        \ell(y, f) = s^2 \cdot \frac{c^2}{2} \left( 1 - \exp\left(-\frac{u^2}{c^2}\right) \right)

    with :math:`c` the parameter `c`. It is smooth but not convex. ``solver="newton"`` (iteratively
    reweighted least squares) finds the minimum next to the start; the default start makes this a
    minimum that resists outliers in the features too. In an estimator it is ``loss="welsch"``.

    Parameters
    ----------
    c : float, default=2.985
        Size of a residual at which its weight is 37 %, in units of the scale, above 0. A smaller
        one reduces the weight of more rows; 2.985 has 95 % of the efficiency of least squares for
        normal noise.
    scale : {"mad"} or float, default="mad"
        The scale :math:`s`. "mad": estimated by the start, see `Redescending`. A number fixes it,
        in the unit of the target.
    n_init : int, default=1
        Number of starts, at least 1. More take more time and may find a lower objective.
    start : {"resistant", "mae"}, default="resistant"
        Where the fit begins, see `Redescending`. "resistant" withstands outliers in the features
        too; "mae" takes less time and withstands outliers in the target alone.

    See Also
    --------
    sklearn_losses.losses.Tukey : Ignores residuals beyond a limit.
    sklearn_losses.losses.GemanMcClure : A bounded loss whose weights fall more slowly.
    sklearn_losses.losses.Barron : A family of losses that has this one at the shape minus infinity.

    Notes
    -----
    The fitted estimator has the scale as ``scale_``, the weights of the rows as ``row_weights_``
    and the start as ``start_``.

    References
    ----------
    .. [1] Dennis and Welsch, "Techniques for nonlinear least squares and robust regression",
           Communications in Statistics 7 (1978).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import Welsch
    >>> Welsch(scale=1.0).value(np.array([1.0, 100.0]), np.zeros(2)).round(4)
    array([0.473 , 4.4551])
    >>> X, y = (part[:200] for part in load_diabetes(return_X_y=True))
    >>> y[:20] += 5000  # wrong entries
    >>> model = LossRegressor("welsch").fit(X, y)
    >>> float(model.row_weights_[:20].max().round(3))
    0.0
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
    r"""Geman and McClure's loss: bounded, with weights that fall already for small residuals.

    Choose it where most rows fit almost exactly and the others are wrong, as in computer vision.
    With :math:`u = (y - f) / s`, where :math:`y` is the target, :math:`f` the prediction and
    :math:`s` the scale of the residuals [1]_

    .. math::

        \ell(y, f) = s^2 \cdot \frac{2\,(u / c)^2}{(u / c)^2 + 4}

    with :math:`c` the parameter `c`; it is `Barron` with the shape -2. It is smooth but not convex.
    ``solver="newton"`` (iteratively reweighted least squares) finds the minimum next to the start;
    the default start makes this a minimum that resists outliers in the features too. In an
    estimator it is ``loss="geman_mcclure"``.

    Parameters
    ----------
    c : float, default=1.0
        Unit of the residuals, in units of the scale, above 0. The influence is largest at 1.15 c.
        With 1.0 the loss resists outliers well but is inefficient for normal noise; a larger one is
        more efficient.
    scale : {"mad"} or float, default="mad"
        The scale :math:`s`. "mad": estimated by the start, see `Redescending`. A number fixes it,
        in the unit of the target.
    n_init : int, default=1
        Number of starts, at least 1. More take more time and may find a lower objective.
    start : {"resistant", "mae"}, default="resistant"
        Where the fit begins, see `Redescending`. "resistant" withstands outliers in the features
        too; "mae" takes less time and withstands outliers in the target alone.

    See Also
    --------
    sklearn_losses.losses.Welsch : A bounded loss whose weights fall faster.
    sklearn_losses.losses.Tukey : Ignores residuals beyond a limit.
    sklearn_losses.losses.Barron : A family of losses that has this one at the shape -2.

    Notes
    -----
    The fitted estimator has the scale as ``scale_``, the weights of the rows as ``row_weights_``
    and the start as ``start_``.

    References
    ----------
    .. [1] Geman and McClure, "Bayesian image analysis: an application to single photon emission
           tomography", 1985.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> from sklearn_losses.losses import GemanMcClure
    >>> GemanMcClure(scale=1.0).value(np.array([1.0, 100.0]), np.zeros(2)).round(4)
    array([0.4   , 1.9992])
    >>> X, y = (part[:200] for part in load_diabetes(return_X_y=True))
    >>> y[:20] += 5000  # wrong entries
    >>> model = LossRegressor("geman_mcclure").fit(X, y)
    >>> float(model.row_weights_[:20].max().round(3))
    0.0
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
