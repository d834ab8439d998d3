"""What a fit that did not end well says: what happened, and what to change."""

from sklearn_losses.core.status import Status
from sklearn_losses.fitting.problem import Problem
from sklearn_losses.fitting.solve import Outcome

__all__ = ["advice"]

TELLS_NOTHING = 0.5  # of a duality gap, as a share of the objective


def advice(outcome: Outcome, problem: Problem, loss: str) -> str | None:
    """The sentence of a `ConvergenceWarning`; None where the fit ended well.

    Parameters
    ----------
    outcome : Outcome
    problem : Problem
    loss : str
        The name of the user's loss.
    """
    solver, nit, settings = outcome.solver, outcome.nit, problem.settings
    match outcome.status:
        case status if status.success or outcome.interruption is not None:
            return None
        case Status.DIVERGED:
            return (
                f"solver {solver!r} diverged in iteration {nit + 1} (non-finite values) and the last finite "
                f"parameters were kept; {_calmer(problem.solver)}."
            )
        case Status.ROSE:
            return (
                f"under solver {solver!r} the objective rose from {outcome.losses[0]:.3g} to {outcome.losses[-1]:.3g} in {nit} "
                f"iterations; {_calmer(problem.solver)}."
            )
        case Status.UNBOUNDED:
            return (
                f"{problem.task.unbounded_where}, and alpha=0, so the loss has no minimum and the coefficients only show where "
                "the solver stopped; use alpha > 0."
            )
        case Status.BOTTOMLESS:
            return (
                f"loss {loss!r} has no minimum: the objective falls without end as the coefficients grow, and they only show "
                "where the solver stopped; look for a wrong sign in the loss."
            )
        case Status.MAX_ITER:
            many = f"max_iter={settings.max_iter} iterations"
            if nit < settings.max_iter:
                many = f"{nit} iterations, with as many products with the rows as max_iter={settings.max_iter} allows,"
            return (
                f"solver {solver!r} stopped after {many} before it reached tol={settings.tol}; increase max_iter, raise tol, "
                "standardise the features, or try another solver."
            )
    if outcome.certificate.get("dual_gap_", 0.0) > TELLS_NOTHING:
        return (
            f"solver {solver!r} ended after iteration {nit}, and how far from the optimum cannot be told: columns without a "
            "penalty are nearly dependent; use alpha > 0, leave such columns out, or take solver='interior_point'."
        )
    return (
        f"solver {solver!r} found no lower value after iteration {nit} ({outcome.said}), though tol={settings.tol} is "
        "not reached; the result may still be good: compare objective_ with another solver's."
    )


def _calmer(solver):
    """What keeps a solver's steps from growing."""
    first = "lower solver__learning_rate, or " if solver.stochastic else ""
    return f"{first}standardise the features (StandardScaler)"
