"""Finding the loss inside an estimator, however deep."""

from collections.abc import Collection
from typing import Any

from sklearn import get_config
from sklearn.pipeline import Pipeline

__all__ = ["LossParameter"]


class LossParameter:
    """Where in an estimator (a pipeline, a wrapper) the loss is set, and what belongs to it.

    Parameters
    ----------
    estimator : estimator
        A loss estimator by itself, or something with one inside.

    Attributes
    ----------
    path : list of str
        The names of the parameters that lead to it.
    prefix : str
        What the names of the part's own parameters begin with in the whole.
    task : {"regression", "classification", "ranking"}
    more_tasks : tuple of str
        Further tasks whose losses the estimator takes.
    in_pipelines : bool
        Nothing but pipelines is around it, so that it predicts as the whole does.
    fit_prefix : str
        What the names of arguments of `fit` begin with.
    """

    def __init__(self, estimator: Any) -> None:
        params = estimator.get_params(deep=True)
        holders = [
            key for key, value in {"": estimator, **params}.items() if hasattr(value, "_task") and hasattr(value, "_loss_spec")
        ]
        if len(holders) != 1:
            raise ValueError(
                "There must be one LossRegressor, LossClassifier or LossRanker, by itself or in a pipeline or wrapper. "
                f"Found {len(holders)} of them in {type(estimator).__name__}."
            )
        self.path = holders[0].split("__") if holders[0] else []
        self.prefix = "".join(f"{name}__" for name in self.path)
        self.task = self.part(estimator)._task
        self.more_tasks = self.part(estimator)._more_tasks
        node, steps, self.in_pipelines = estimator, [], True
        for name in self.path:
            if isinstance(node, Pipeline):
                steps.append(f"{name}__")
            else:
                self.in_pipelines = False
            node = node.get_params()[name]
        # Pipelines want to know whose fit argument it is; wrappers hand on what they get.
        self.fit_prefix = "" if get_config()["enable_metadata_routing"] else "".join(steps)

    def part(self, estimator: Any) -> Any:
        """The estimator that holds the loss, as it was given."""
        return estimator.get_params()[self.prefix[:-2]] if self.path else estimator

    def fitted_part(self, estimator: Any) -> Any:
        """The fitted estimator that holds the loss."""
        for name in self.path:
            fitted = getattr(estimator, f"{name}_", None)
            estimator = estimator.get_params()[name] if fitted is None else fitted
        return estimator

    def full_name(self, name: str, params: Collection[str]) -> str | None:
        """The name of a parameter in the whole estimator; None where there is none.

        It is given as in the part itself ("alpha") or as in the whole.
        """
        for full in (self.prefix + name, name):
            if full in params:
                return full
        return None
