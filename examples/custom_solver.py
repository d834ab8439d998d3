"""
Write your own solver
=====================

A solver is any object with a method ``minimize``. This example writes the gradient method of
Barzilai and Borwein (1988) in a few lines, checks it, and compares it with built-in solvers on a
logistic regression for the breast cancer data. A second solver, a subclass of
:class:`~sklearn_losses.solvers.SmoothSolver`, also works for losses with kinks, such as the
absolute error.
"""

# sphinx_gallery_thumbnail_number = 1

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import OptimizeResult
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.preprocessing import StandardScaler

from sklearn_losses import LossClassifier, LossRegressor
from sklearn_losses.solvers import SmoothSolver
from sklearn_losses.solvers.base import Run
from sklearn_losses.testing import check_solver

# %%
# A solver in one method
# ----------------------
#
# The solver sees only the objective: its value and gradient at a vector of parameters. After each
# iteration it calls ``callback(params, value)``, which records the loss curve and may stop the fit.
#
# A step goes along the negative gradient. Its length follows from the last two points and
# gradients: it is the inverse of the curvature between them.


class BarzilaiBorwein:
    def minimize(self, objective, params, *, max_iter, tol, callback):
        value, gradient = objective.value_and_gradient(params)
        step = 0.1 / np.linalg.norm(gradient)
        small = 1e-3 * tol * np.linalg.norm(gradient)
        for _ in range(max_iter):
            moved = -step * gradient
            value, new_gradient = objective.value_and_gradient(params + moved)
            change = new_gradient - gradient
            params, gradient = params + moved, new_gradient
            if callback(params, value) or np.linalg.norm(gradient) <= small:
                break
            step = (moved @ moved) / (moved @ change)
        success = bool(np.linalg.norm(gradient) <= small)
        return OptimizeResult(x=params, fun=value, success=success)


X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X)
model = LossClassifier(solver=BarzilaiBorwein(), alpha=0.01).fit(X, y)
print(f"{model.n_iter_} iterations, converged: {model.converged_}")
print(f"accuracy on the training rows {model.score(X, y):.3f}")

# %%
# Compare it with built-in solvers
# --------------------------------
#
# All solvers minimise the same objective, so the distance from its minimum can be compared.

solvers = {
    "newton": "newton",
    "lbfgs": "lbfgs",
    "gd": "gd",
    "BarzilaiBorwein": BarzilaiBorwein(),
}
models = {
    name: LossClassifier(solver=solver, alpha=0.01, tol=1e-8).fit(X, y)
    for name, solver in solvers.items()
}
minimum = min(min(model.loss_curve_) for model in models.values())

figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
looks = (("#000000", "-"), ("#0072B2", "--"), ("#E69F00", "-."), ("#D55E00", "-"))
for (name, fitted), (color, dashes) in zip(models.items(), looks, strict=True):
    distance = np.maximum(np.array(fitted.loss_curve_) - minimum, 1e-12)
    ax.semilogy(
        np.arange(1, len(distance) + 1),
        distance,
        color=color,
        linestyle=dashes,
        label=name,
    )
    print(f"{name:18}{fitted.n_iter_:5} iterations, mean loss {fitted.loss_:.6f}")
ax.set(
    title="Solvers on one logistic regression",
    xlabel="iteration",
    ylabel="objective minus its minimum",
)
ax.grid(color="0.9")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
plt.show()

# %%
# The objective of the Barzilai-Borwein method does not fall in every iteration, and yet the method
# is faster than ``gd``. Newton's method needs the fewest iterations, and each of them costs more.
# Differences below 1e-12 are drawn at 1e-12.
#
# A solver for losses with kinks
# ------------------------------
#
# A subclass of :class:`~sklearn_losses.solvers.SmoothSolver` has a method ``minimize_smooth``.
# Losses with kinks reach it as a sequence of smooth losses. ``refusal`` returns a sentence if the
# solver cannot take a problem, here for an L1 penalty. ``Run`` counts the iterations and calls the
# callback, and its method ``settled`` decides whether what is left to gain is small.
# :func:`~sklearn_losses.testing.check_solver` checks the solver on small problems with known
# answers.


class SafeBarzilaiBorwein(SmoothSolver):
    """No value may exceed the largest of the last ten (Raydan 1997)."""

    def refusal(self, objective):
        if not objective.smooth_penalty:
            return "No L1 penalty here; use solver='proximal_newton'."
        return None

    def minimize_smooth(self, objective, params, *, max_iter, tol, callback):
        run = Run(params, max_iter, callback)
        value, gradient = objective.value_and_gradient(params)
        step = 1 / (1 + np.linalg.norm(gradient))
        while not run.record(params, value):
            if run.settled(tol, window=10):
                run.converged()
                break
            highest = max(run.history[-10:])
            while True:
                moved = -step * gradient
                point = params + moved
                new_value, new_gradient = objective.value_and_gradient(point)
                low_enough = highest + 1e-4 * gradient @ moved
                if new_value <= low_enough or step < 1e-20:
                    break
                step /= 2
            curvature = moved @ (new_gradient - gradient)
            params, value, gradient = point, new_value, new_gradient
            step = (moved @ moved) / curvature if curvature > 0 else 2 * step
        return run.result()


check_solver(SafeBarzilaiBorwein())
X_diabetes, y_diabetes = load_diabetes(return_X_y=True)
median = LossRegressor("mae", solver=SafeBarzilaiBorwein()).fit(X_diabetes, y_diabetes)
reference = LossRegressor("mae").fit(X_diabetes, y_diabetes)
for fitted in (median, reference):
    print(f"{fitted.solver_}: mean absolute error {fitted.loss_:.4f}", end=", ")
    print(f"duality gap {fitted.dual_gap_:.0e}")

# %%
# Both fits reach the same minimum. The duality gap proves it: the objective is at most this share
# of its value above the minimum.
