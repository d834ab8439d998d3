"""One loss on one fold: the search for its parameters, its fit and its scores."""

import time
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn import clone
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

from sklearn_losses.core.loss_parameter import LossParameter
from sklearn_losses.fitting.costs import takes_costs
from sklearn_losses.losses.base import Loss
from sklearn_losses.metrics.scorers import LossScorer
from sklearn_losses.model_selection.equal_terms import judged, relative_alpha
from sklearn_losses.model_selection.folds import Data, splits_of
from sklearn_losses.model_selection.scoring import Scorer, score

__all__ = ["Cell", "Experiment", "fit_quietly", "fresh"]


def fresh(spec: Any) -> Any:
    """A copy of the user's loss, which is never the one that is changed."""
    return clone(spec) if isinstance(spec, BaseEstimator) else spec


def fit_quietly(estimator: Any, parameter: LossParameter, data: Data) -> Any:
    """Fit with the weights, queries and costs of the rows, without warnings.

    Costs go to losses that wait for them. Whether fits converged is a column of the table.
    """
    known = data.metadata()
    if not takes_costs(Loss.make(parameter.part(estimator).loss)):
        known.pop("cost", None)
    arguments = {parameter.fit_prefix + name: value for name, value in known.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(data.X, data.y, **arguments)


class Cell(NamedTuple):
    """One loss on one fold."""

    test: dict[str, float]
    train: dict[str, float]
    fit_time: float = np.nan
    score_time: float = np.nan
    n_iter: float = np.nan
    converged: float = np.nan
    params: dict[str, Any] | None = None
    error: str | None = None
    missing: dict[str, str] | None = None  # metric -> why it has no value
    # Loss -> its mean over the training rows, see `equal_terms`.
    judged: dict[str, float] | None = None
    strength: float = np.nan  # alpha as a multiple of that of alpha="auto"


class Experiment(NamedTuple):
    """What is the same for all losses and folds.

    Parameters
    ----------
    estimator : estimator
        With every random state set.
    parameter : LossParameter
        Where in it the loss is set.
    data : Data
    scorers : dict of str to callable
        The first is the metric that chooses.
    judges : dict of str to LossScorer
        See `equal_terms`.
    inner_cv : int, splitter or iterable
        The folds of the searches.
    seed : int
    """

    estimator: Any
    parameter: LossParameter
    data: Data
    scorers: dict[str, Scorer]
    judges: dict[str, LossScorer]
    inner_cv: Any
    seed: int

    @property
    def primary(self) -> str:
        """The name of the metric that chooses."""
        return next(iter(self.scorers))

    def with_loss(self, spec: Any) -> Any:
        """The estimator with this loss, not fitted."""
        return clone(self.estimator).set_params(**{f"{self.parameter.prefix}loss": fresh(spec)})

    def fitted(self, spec: Any, candidates: list[dict[str, Any]], data: Data) -> tuple[Any, dict[str, Any], float]:
        """Fit the estimator with this loss and the best of the candidates.

        Returns the fitted estimator, these parameters and the seconds of the last fit.
        """
        estimator = self.with_loss(spec)
        params = self._search(estimator, candidates, data)
        began = time.perf_counter()
        estimator = fit_quietly(estimator.set_params(**params), self.parameter, data)
        return estimator, params, time.perf_counter() - began

    def _search(self, estimator, candidates, data):
        """The setting with the best mean score over inner folds of `data`, the first of equals."""
        if len(candidates) < 2:
            return candidates[0]
        rng = np.random.RandomState(self.seed)
        splits = splits_of(self.inner_cv, data.y, self.parameter.task, data.kept_together, rng, data.X)
        means, error = [], None
        for candidate in candidates:
            try:
                scores = []
                for train, test in splits:
                    fitted = fit_quietly(clone(estimator).set_params(**candidate), self.parameter, data.rows(train))
                    scores.append(score(self.scorers[self.primary], fitted, data.rows(test)))
                mean = np.mean(scores)
                means.append(mean if np.isfinite(mean) else -np.inf)
            except Exception as problem:
                error = problem
                means.append(-np.inf)
        if error is not None and not np.isfinite(np.max(means)):
            raise error
        return candidates[int(np.argmax(means))]

    def cell(
        self,
        label: str,
        spec: Any,
        candidates: list[dict[str, Any]],
        train: NDArray[np.intp],
        test: NDArray[np.intp],
    ) -> Cell:
        """Fit one loss on one fold and score it; what goes wrong becomes part of the answer."""
        rows, held_out = self.data.rows(train), self.data.rows(test)
        try:
            estimator, params, fit_time = self.fitted(spec, candidates, rows)
        except Exception as problem:
            nothing = dict.fromkeys(self.scorers, np.nan)
            return Cell(nothing, nothing, error=f"{type(problem).__name__}: {problem}")
        missing: dict[str, str] = {}
        began = time.perf_counter()
        test_scores = self._scores(estimator, held_out, missing)
        score_time = time.perf_counter() - began
        part = self.parameter.fitted_part(estimator)
        return Cell(
            test_scores,
            self._scores(estimator, rows, missing),
            fit_time,
            score_time,
            float(np.mean(getattr(part, "n_iter_", np.nan))),
            float(getattr(part, "converged_", np.nan)),
            params,
            missing=missing,
            judged=judged(self.judges, estimator, self.parameter, label, rows),
            strength=relative_alpha(estimator, self.parameter, rows),
        )

    def _scores(self, estimator, data, missing):
        """The value of each metric; why a metric has none is written into `missing`."""
        scores = {}
        for name, scorer in self.scorers.items():
            try:
                scores[name] = score(scorer, estimator, data)
            except Exception as problem:
                scores[name] = np.nan
                missing[name] = str(problem).split("\n")[0]
        return scores
