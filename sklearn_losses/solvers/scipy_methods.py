"""Any method of `scipy.optimize.minimize` that takes a gradient."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import BFGS, OptimizeResult

from sklearn_losses.core.component import Options
from sklearn_losses.core.protocols import Objective
from sklearn_losses.solvers.base import SmoothSolver
from sklearn_losses.solvers.run import Callback
from sklearn_losses.solvers.scipy_minimize import NEVER, Stuck, minimize_with_scipy

__all__ = ["Scipy"]


class _StillBFGS(BFGS):
    """scipy's BFGS update, left out without a warning where the gradient did not change."""

    def update(self, delta_x, delta_grad):
        if np.any(delta_grad):
            super().update(delta_x, delta_grad)


# The methods, each with its own stopping rules switched off: `Run` counts, and one rule,
# `Run.settled`, serves all.
_METHODS: dict[str, dict[str, Any]] = {
    "CG": {"gtol": 0.0, "maxiter": NEVER},
    "BFGS": {"gtol": 0.0, "maxiter": NEVER},
    "Newton-CG": {"xtol": 0.0, "maxiter": NEVER},
    "TNC": {"ftol": 0.0, "xtol": 0.0, "gtol": 0.0, "maxfun": NEVER},
    "SLSQP": {"ftol": 1e-16, "maxiter": NEVER},
    "trust-constr": {"gtol": 0.0, "xtol": 0.0, "maxiter": NEVER},
    "trust-krylov": {"gtol": 0.0, "maxiter": NEVER},
    "trust-ncg": {"gtol": 0.0, "maxiter": NEVER},
}
_WITH_HESSIAN = ("Newton-CG", "trust-krylov", "trust-ncg")


class Scipy(SmoothSolver, name="scipy"):
    """Methods of scipy.optimize.minimize that take a gradient, also by their own names.

    Choose it to compare with a method that you know. It takes any smooth loss and any model, and
    losses with kinks as a sequence of smooth ones, but no L1 penalty. In an estimator it is
    ``solver=Scipy("CG")``, or the name of the method in lower case: ``"bfgs"``, ``"cg"``,
    ``"newton-cg"``, ``"slsqp"``, ``"tnc"``, ``"trust-constr"``, ``"trust-krylov"`` or
    ``"trust-ncg"``. ``solver="scipy"`` is BFGS.

    Parameters
    ----------
    method : str, default="BFGS"
        "CG", "BFGS", "Newton-CG", "TNC", "SLSQP", "trust-constr", "trust-krylov" or "trust-ncg".
        "Newton-CG", "trust-krylov" and "trust-ncg" need second derivatives; "trust-constr" uses
        them where the loss has some. "BFGS" and "SLSQP" keep a matrix of the parameters, the others
        do not.
    options : dict, default=None
        Options of the method, such as ``{"gtol": 1e-8}``. By default its own stopping rules are
        switched off, so that `tol` and `max_iter` of the estimator decide.

    See Also
    --------
    sklearn_losses.solvers.LBFGS : The L-BFGS-B method of SciPy, with L1 penalties.
    sklearn_losses.solvers.Newton : An exact method for linear models.
    scipy.optimize.minimize : The function of SciPy.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> LossRegressor(solver="bfgs").fit(X, y).solver_
    'bfgs'
    """

    parameter_constraints = {"method": Options(*_METHODS)}

    def __init__(self, method: str = "BFGS", options: dict[str, Any] | None = None) -> None:
        self.method = method
        self.options = options

    @property
    def label(self) -> str:
        return self.method.lower()

    def refusal(self, objective: Objective) -> str | None:
        if not objective.smooth_penalty:
            return f"The method {self.method} of SciPy takes no L1 penalty; use l1_ratio=0 or solver='auto'."
        if self.method in _WITH_HESSIAN and not objective.smooth_form_has_hessian:
            return (
                f"The method {self.method} of SciPy needs a Hessian, and the {objective.describe()} has none; use "
                "solver='auto'."
            )
        return None

    def minimize_smooth(
        self, objective: Objective, params: NDArray[Any], *, max_iter: int, tol: float, callback: Callback | None
    ) -> OptimizeResult:
        more: dict[str, Any] = {}
        if self.method in _WITH_HESSIAN or (self.method == "trust-constr" and objective.has_hessian):
            unit = abs(objective.value(params)) or 1.0

            def product(point, direction):
                bent = objective.hessian_product(point, direction) / unit
                if not np.all(np.isfinite(bent)):
                    raise Stuck  # scipy's methods take no such numbers
                return bent

            more["hessp"] = product
        if self.method == "trust-constr":
            more["hess"] = _StillBFGS()
        return minimize_with_scipy(
            objective,
            params,
            objective.value_and_gradient,
            method=self.method,
            options=_METHODS[self.method] | (self.options or {}),
            max_iter=max_iter,
            tol=tol,
            callback=callback,
            **more,
        )


for _method in _METHODS:
    Scipy.add_variant(_method.lower(), method=_method)
