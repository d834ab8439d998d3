"""An estimator's loss, solver and model: objects of names and short forms."""

from typing import Any, TypeAlias

from sklearn_losses.core.component import Component, check_parameters
from sklearn_losses.fitting.settings import Settings
from sklearn_losses.losses.base import Loss
from sklearn_losses.models import MLP, Linear, LinearModel, Model
from sklearn_losses.models.mlp import hidden_sizes
from sklearn_losses.solvers import Auto, Solver
from sklearn_losses.solvers.base import SolverLike

__all__ = [
    "FAMILIES",
    "ModelLike",
    "SolverLike",
    "checked_components",
    "model_of",
    "settings_of",
    "steps_on_batches",
    "with_objects",
]

ModelLike: TypeAlias = str | Model | None  # what users pass: a name, an object, or nothing

FAMILIES: dict[str, type[Component]] = {"loss": Loss, "solver": Solver, "model": Model}


def model_of(estimator: Any) -> Model:
    """The model that an estimator's parameters name.

    `hidden_layer_sizes` and `activation` are short for a multi-layer perceptron.
    """
    sizes = hidden_sizes(estimator)
    if estimator.model is None:
        return MLP(sizes, estimator.activation) if sizes else Linear()
    if sizes or estimator.activation != "relu":
        raise ValueError(
            f"{type(estimator).__name__} takes either model, or hidden_layer_sizes and activation, which are short for "
            f"model=MLP(hidden_layer_sizes={sizes or (30,)}, activation={estimator.activation!r}). Leave one of the two out."
        )
    return Model.make(estimator.model)


def with_objects(estimator: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Parameters to set, with objects in place of names.

    A name gives way to its object if parameters of the object are set, such as ``loss__delta``.
    """
    objects: dict[str, Any] = {}
    for name, family in FAMILIES.items():
        if not any(key.startswith(f"{name}__") for key in params):
            continue
        spec = params.get(name, getattr(estimator, name))
        if name == "solver" and isinstance(family.make(spec), Auto):
            raise ValueError(
                "solver='auto' has no parameters to set; name the solver, such as solver='adam' for solver__learning_rate."
            )
        if name == "model" and spec is None:
            raise ValueError(
                "model=None has no parameters to set; name the model, such as model='factorization_machine' for model__rank."
            )
        function = name == "loss" and callable(spec) and not hasattr(spec, "set_params")
        if isinstance(spec, str) or function:
            objects[name] = family.make(spec)
    return {**params, **objects}


def checked_components(estimator: Any) -> tuple[Loss, Solver, Model]:
    """Loss, solver and model as objects with valid parameters.

    ValueError for a wrong parameter, or for a loss of another task.
    """
    check_parameters(estimator, estimator._constraints)
    loss, solver, model = estimator._loss_spec(), estimator._solver_spec(), model_of(estimator)
    if loss.task not in (None, estimator._task, *estimator._more_tasks):
        other = {"regression": "LossRegressor", "classification": "LossClassifier", "ranking": "LossRanker"}[loss.task]
        known = sorted(name for name, maker in Loss.names().items() if maker().task == estimator._task)
        raise ValueError(
            f"The loss {loss.label!r} is a {loss.task} loss; use {other} for it. {type(estimator).__name__} takes "
            f"{estimator._task} losses: {', '.join(known)}."
        )
    for component in (loss, solver, model):
        component.check()
    return loss, solver, model


def settings_of(estimator: Any, model: Model) -> Settings:
    """The parameters of an estimator that its fit needs, with its model."""
    return Settings(
        alpha=estimator.alpha, l1_ratio=estimator.l1_ratio, fit_intercept=estimator.fit_intercept, max_iter=estimator.max_iter,
        tol=estimator.tol, validation_fraction=estimator.validation_fraction if estimator.early_stopping else None,
        patience=estimator.n_iter_no_change, verbose=int(estimator.verbose), model=model,
        resumable=estimator.warm_start or estimator.checkpoint is not None,
    )  # fmt: skip


def steps_on_batches(estimator: Any) -> bool:
    """Whether `partial_fit` is there; an AttributeError with the way out where it is not."""
    solver = Solver.make(estimator.solver)
    if isinstance(solver, Auto) and not isinstance(model_of(estimator), LinearModel):
        return True
    if solver.stochastic:
        return True
    raise AttributeError(
        f"partial_fit needs a solver that steps on batches; use solver='sgd' or solver='adam'. Got {solver.label!r}."
    )
