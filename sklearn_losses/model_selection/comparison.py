"""The result of a comparison: scores, tests, sentences and tables."""

from typing import Any

import numpy as np
from scipy import stats

from sklearn_losses.model_selection.cells import Cell
from sklearn_losses.model_selection.equal_terms import beaten, strength_sentence
from sklearn_losses.model_selection.report import Bold, paragraph, section, table, text_table, wrapped
from sklearn_losses.model_selection.significance import corrected_resampled_ttest, holm, least_difference
from sklearn_losses.plotting import LossComparisonDisplay

__all__ = ["LossComparison"]

ENOUGH_FOLDS = 5


class LossComparison:
    """The result of `compare_losses`: scores, significance tests and a table.

    Printed, it is a table with a row for each loss, best first by the first metric, and a sentence
    for each metric.

    Parameters
    ----------
    by_loss : dict of str to list of Cell
        What was measured, for each loss and fold.
    errors : dict of str to str or None
        The error of each loss that failed.
    metrics : list of str
        Names of the metrics. The first one chooses.
    test_train_ratio : float
        Number of test rows over number of training rows of a fold.
    level : float
        Significance level of the tests.
    description : str
        Name of the estimator, for the title.
    alpha : float or str, default="auto"
        Strength of the penalty of all losses.

    Attributes
    ----------
    losses_ : list of str
        Labels of the losses, best first by the first metric; those that failed last.
    metrics_ : list of str
        Names of the metrics; the first one chose.
    n_folds_ : int
        Number of folds.
    best_loss_ : str
        Label of the best loss.
    best_score_ : float
        Its mean test score under the first metric.
    best_estimator_ : estimator
        The estimator with the best loss, fitted on all rows. Only with ``refit=True``.
    best_params_ : dict
        Parameters that the search on all rows chose for the best loss; empty without a search. Only
        with ``refit=True``.
    test_scores_ : dict of str to ndarray of shape (n_losses, n_folds)
        Test scores by metric, with rows in the order of `losses_`.
    train_scores_ : dict of str to ndarray of shape (n_losses, n_folds)
        Training scores by metric, with rows in the order of `losses_`.
    p_values_ : dict of str to ndarray of shape (n_losses,)
        Adjusted p-values of the differences from the best loss, by metric; nan for the best loss
        itself and where there is no test.
    best_group_ : dict of str to list of str
        The best loss and all that are not significantly worse, by metric.
    errors_ : dict of str to str
        What went wrong, for losses that failed.
    missing_ : dict of str to dict of str to str
        Why a loss has no value of a metric, by metric and loss.
    beaten_ : dict of str to (str, float, float)
        Losses whose fits are poor: on the training rows the model of another loss has a lower mean
        of this very loss, by more than 5 % of that of a constant. The other loss, the mean of this
        loss's own model, and that of the other's.
    relative_alpha_ : dict of str to float
        How many times the strength of ``alpha="auto"`` the given alpha is, for each loss; nan
        unless the estimator is a regressor with a number as alpha.
    results_ : dict of str to ndarray or list
        The columns of `to_frame`.

    See Also
    --------
    compare_losses : Makes it.
    sklearn_losses.plotting.LossComparisonDisplay : Draws it.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor, compare_losses
    >>> X, y = load_diabetes(return_X_y=True)
    >>> comparison = compare_losses(LossRegressor(), X, y, ["mse", "mae"])
    >>> comparison.losses_, comparison.metrics_[0]
    (['mse', 'mae'], 'r2')
    >>> comparison.test_scores_["r2"].shape
    (2, 5)
    """

    best_estimator_: Any
    best_params_: dict[str, Any]

    def __init__(
        self,
        by_loss: dict[str, list[Cell]],
        errors: dict[str, str | None],
        metrics: list[str],
        test_train_ratio: float,
        level: float,
        description: str,
        alpha: float | str = "auto",
    ) -> None:
        self.metrics_, self.level, self.description, self.alpha = metrics, level, description, alpha
        self.test_train_ratio = test_train_ratio
        self.errors_ = {label: error for label, error in errors.items() if error}
        self.n_folds_ = len(next(iter(by_loss.values())))
        first = {
            label: -np.inf if label in self.errors_ else _finite(np.mean([cell.test[metrics[0]] for cell in row]))
            for label, row in by_loss.items()
        }
        self.losses_ = sorted(by_loss, key=lambda label: (label in self.errors_, -first[label]))
        cells = [by_loss[label] for label in self.losses_]
        self.test_scores_ = {m: np.array([[cell.test[m] for cell in row] for row in cells]) for m in metrics}
        self.train_scores_ = {m: np.array([[cell.train[m] for cell in row] for row in cells]) for m in metrics}
        self.best_loss_ = self.losses_[0]
        self.best_score_ = float(self.test_scores_[metrics[0]][0].mean())
        self.missing_: dict[str, dict[str, str]] = {m: {} for m in metrics}
        for label, row in zip(self.losses_, cells, strict=True):
            for cell in row:
                for m, why in (cell.missing or {}).items():
                    self.missing_[m].setdefault(label, why)
        self.p_values_ = {m: self._p_values(m, test_train_ratio) for m in metrics}
        self.best_group_ = {m: self._best_group(m) for m in metrics}
        self.results_ = self._columns(cells)
        fitted = {label: by_loss[label] for label in self.losses_ if label not in self.errors_}
        self.beaten_ = beaten({label: [cell.judged or {} for cell in row] for label, row in fitted.items()})
        self.relative_alpha_ = {label: float(np.mean([cell.strength for cell in row])) for label, row in fitted.items()}

    def _means(self, metric):
        return _finite(self.test_scores_[metric].mean(axis=1))

    def _p_values(self, metric, ratio):
        scores, means = self.test_scores_[metric], self._means(metric)
        best = int(np.argmax(means))
        p_values = np.full(len(means), np.nan)
        for row in range(len(means)):
            if row == best or not np.isfinite(means[[row, best]]).all():
                continue
            difference = scores[best] - scores[row]
            # Where two losses have the same optimum, how close their solvers came to it is no
            # evidence.
            size = np.max(np.abs(scores[[best, row]]))
            difference[np.abs(difference) <= 1e-5 * size] = 0
            p_values[row] = corrected_resampled_ttest(difference, ratio)
        return holm(p_values)

    def _best_group(self, metric):
        means = self._means(metric)
        best = int(np.argmax(means))
        if not np.isfinite(means[best]):
            return []
        # A p-value that is missing, as for a single fold, shows nothing.
        alike = [row for row in range(len(means)) if np.isfinite(means[row]) and not self.p_values_[metric][row] < self.level]
        return [self.losses_[row] for row in sorted(alike, key=lambda row: -means[row])]

    def _columns(self, cells):
        columns = {"loss": list(self.losses_)}
        for metric in self.metrics_:
            test, train = self.test_scores_[metric], self.train_scores_[metric]
            columns[f"mean_test_{metric}"] = test.mean(axis=1)
            columns[f"std_test_{metric}"] = _spread(test)
            columns[f"rank_test_{metric}"] = stats.rankdata(-self._means(metric), method="min").astype(int)
            columns[f"p_value_{metric}"] = self.p_values_[metric]
            columns[f"in_best_group_{metric}"] = np.array([label in self.best_group_[metric] for label in self.losses_])
            columns[f"mean_train_{metric}"] = train.mean(axis=1)
            columns[f"std_train_{metric}"] = _spread(train)
            columns[f"gap_{metric}"] = train.mean(axis=1) - test.mean(axis=1)
            for fold in range(self.n_folds_):
                columns[f"split{fold}_test_{metric}"] = test[:, fold]
        for name in ("fit_time", "score_time", "n_iter"):
            values = np.array([[getattr(cell, name) for cell in row] for row in cells])
            columns[f"mean_{name}"], columns[f"std_{name}"] = values.mean(axis=1), _spread(values)
        columns["converged"] = np.array([[cell.converged for cell in row] for row in cells]).mean(axis=1)
        columns["params"] = [[cell.params for cell in row] for row in cells]
        columns["error"] = [self.errors_.get(label) for label in self.losses_]
        return columns

    def to_frame(self) -> Any:
        """Return the whole table, with a row for each loss.

        The columns are named as in scikit-learn's `cv_results_`: ``mean_test_*``, ``std_test_*``,
        ``rank_test_*``, ``split0_test_*``, ``mean_train_*``, ``mean_fit_time`` and so on. Further
        columns are ``p_value_*`` (adjusted, against the best), ``in_best_group_*``, ``gap_*``
        (train minus test), ``mean_n_iter``, ``converged`` (share of the folds), ``params`` (chosen
        in each fold) and ``error``.

        Returns
        -------
        pandas.DataFrame or dict
            A dict of str to ndarray or list if pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            return dict(self.results_)
        return pandas.DataFrame(self.results_)

    def sentences(self) -> list[str]:
        """Say in words which losses are best, and what limits the comparison.

        One sentence for each metric comes first, then what makes the comparison unequal, then one
        for each loss that failed.

        Returns
        -------
        list of str
            The sentences that also stand below the printed table.
        """
        said = []
        for metric in self.metrics_:
            means, group = self._means(metric), self.best_group_[metric]
            if not group:
                said.append(f"{metric}: no loss has a value{_because(self.missing_[metric])}.")
                continue
            best = int(np.argmax(means))
            worse = [row for row in np.argsort(-means, kind="stable") if self.p_values_[metric][row] < self.level]
            parts = [f"{metric}: {self.losses_[best]} is best ({means[best]:.3g})"]
            if len(group) == len(means) > 3:
                parts.append(f"none of the {len(means) - 1} others is significantly different")
            elif len(group) > 1:
                parts.append(f"not significantly different: {_listed(group[1:])}")
            if len(worse):
                told = [f"{self.losses_[row]} (p {_p(self.p_values_[metric][row])})" for row in worse]
                parts.append(f"significantly worse: {_listed(told)}")
            lacking = [self.losses_[row] for row in range(len(means)) if not np.isfinite(means[row])]
            lacking = [label for label in lacking if label not in self.errors_]
            if lacking:
                parts.append(f"no finite value for {_listed(lacking)}")
            said.append("; ".join(parts) + ".")
        failed = [f"{label} failed: {error}" for label, error in self.errors_.items()]
        return said + self._unequal_terms() + failed

    def _unequal_terms(self):
        """What speaks against taking the differences, or that there are none, for those of the
        losses.
        """
        said = [self._few_folds(), strength_sentence(self.relative_alpha_, self.alpha)]
        for label, (other, own, lower) in self.beaten_.items():
            said.append(
                f"The fits of {label} are poor: on the training rows their mean {label} is {own:.3g}, and that of the model "
                f"fitted with {other} is {lower:.3g}. Lower alpha, or check whether the fits converged."
            )
        return [sentence for sentence in said if sentence]

    def _note(self):
        return (
            f"* best, or not significantly worse than the best: corrected resampled t-test over {self.n_folds_} "
            f"fold{'s' * (self.n_folds_ > 1)}, Holm-adjusted, level {self.level:g}"
        )

    def _few_folds(self):
        """Which differences so few folds can show; None where they are enough."""
        if self.n_folds_ >= ENOUGH_FOLDS:
            return None
        if self.n_folds_ == 1:
            return f"One fold cannot show a difference; use cv={ENOUGH_FOLDS} or more."
        least = least_difference(self.n_folds_, self.test_train_ratio, self.level)
        enough = least_difference(ENOUGH_FOLDS, 1 / (ENOUGH_FOLDS - 1), self.level)
        return (
            f"With {self.n_folds_} folds, only a difference of more than {least:.2g} times its standard deviation over the "
            f"folds is significant (with cv={ENOUGH_FOLDS}: {enough:.2g} times)."
        )

    def _title(self):
        best_first = f"best first by {self.metrics_[0]}"
        return f"{len(self.losses_)} losses for {self.description}, {best_first}; mean ± standard deviation over folds"

    def _scores(self, metric):
        """The test and the training score of each loss, as texts."""
        test, train = [], []
        for row, label in enumerate(self.losses_):
            mean, std = (self.results_[f"{kind}_test_{metric}"][row] for kind in ("mean", "std"))
            star = " *" if label in self.best_group_[metric] else "  "
            missing = "failed  " if label in self.errors_ else "-  "
            test.append(f"{_number(mean)} ± {_number(std)}{star}" if np.isfinite(mean) else missing)
            train.append(_number(self.results_[f"mean_train_{metric}"][row]))
        return test, train

    def _fits(self):
        """Seconds, iterations and convergence of the fits of each loss, as texts."""
        shares = self.results_["converged"]
        return (
            [f"{seconds:.2g}" if np.isfinite(seconds) else "-" for seconds in self.results_["mean_fit_time"]],
            [_number(count) for count in self.results_["mean_n_iter"]],
            ["-" if np.isnan(share) else "yes" if share == 1 else f"{share:.0%}" for share in shares],
        )

    def __repr__(self) -> str:
        groups = []
        for metric in self.metrics_:
            test, train = self._scores(metric)
            groups.append([[f"{metric} (test)", *test], ["train", *train]])
        names = ("fit [s]", "iterations", "converged")
        groups.append([[name, *column] for name, column in zip(names, self._fits(), strict=True)])
        lines = text_table(["loss", *self.losses_], groups)
        said = [wrapped(sentence) for sentence in self.sentences()]
        return "\n".join([wrapped(self._title()), "", *lines, "", wrapped(self._note()), "", *said])

    def _repr_html_(self) -> str:
        said = self.sentences()
        parts = [paragraph(self._title(), "title")]
        for metric, sentence in zip(self.metrics_, said, strict=False):
            rows = []
            for row, (label, test, train) in enumerate(zip(self.losses_, *self._scores(metric), strict=True)):
                if label not in self.errors_:
                    verdict = self._verdict(metric, row)
                    rows.append([Bold(label) if verdict == "best" else label, test.rstrip(" *"), train, verdict])
            header = ["loss", "test score", "training", "compared with the best"]
            parts += [paragraph(sentence), table(header, rows, (1, 2))]
        fitted = [cells for cells in zip(self.losses_, *self._fits(), strict=True) if cells[0] not in self.errors_]
        parts += [
            paragraph("The fits, mean over folds:"),
            table(["loss", "seconds", "iterations", "converged"], fitted, (1, 2, 3)),
        ]
        return section(
            *parts, *map(paragraph, said[len(self.metrics_) :]), paragraph(f"Test: {self._note().partition(': ')[2]}.", "note")
        )

    def _verdict(self, metric, row):
        """What the test says of one loss, in words."""
        means, p_value = self._means(metric), self.p_values_[metric][row]
        if not np.isfinite(means[row]):
            return "no finite value"
        if row == int(np.argmax(means)):
            return "best"
        if np.isnan(p_value):
            return "no test"
        told = f"(p {_p(p_value)})" if p_value < 0.001 else f"(p = {_p(p_value)})"
        return f"significantly worse {told}" if p_value < self.level else f"not significantly different {told}"

    def plot(self, metric: str | None = None, *, ax: Any = None) -> LossComparisonDisplay:
        """Draw the scores of one metric as a `LossComparisonDisplay`.

        Parameters
        ----------
        metric : str, default=None
            Name of the metric. None takes the first.
        ax : matplotlib axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        LossComparisonDisplay
            The display, whose attribute ``ax_`` are the axes.
        """
        return LossComparisonDisplay.from_comparison(self, metric=metric, ax=ax)


def _finite(values):
    """Values with minus infinity for what is not a number, so that it ranks last."""
    return np.where(np.isfinite(values), values, -np.inf)


def _spread(values):
    with np.errstate(invalid="ignore"):
        return values.std(axis=1)


def _number(value):
    return "-" if not np.isfinite(value) else f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _p(value):
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


def _listed(words):
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _because(reasons):
    return f" ({next(iter(reasons.values()))})" if reasons else ""
