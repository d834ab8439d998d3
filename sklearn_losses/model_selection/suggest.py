"""Which losses to try first: a short list with the evidence for each, measured on the data.

The rules are a list (`RULES`): when a rule applies, which losses it speaks for and how strongly,
what it says, and who found it out. Losses that the registry does not have drop out, so the next
best stands first. A suggestion is where `compare_losses` starts, not where it ends.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array, check_consistent_length, check_random_state, column_or_1d

from sklearn_losses.core.floating import ignoring_floating_errors
from sklearn_losses.losses import Huber, Loss
from sklearn_losses.model_selection.data_facts import data_facts, target_kind
from sklearn_losses.model_selection.report import paragraph, section, wrapped
from sklearn_losses.model_selection.rules import BALANCED, CONSISTENT, RULES, Rule, consistent_rule, ranked

__all__ = ["LossSuggestions", "Suggestion", "suggest_losses"]

TRY = "Try them: compare_losses(estimator, X, y, suggestions.losses)"


class Suggestion(NamedTuple):
    """One loss of the list of `suggest_losses`, with the evidence for it.

    It is a named tuple.

    Parameters
    ----------
    loss : str
        Name of the loss.
    spec : str or Loss
        What to pass as ``loss=``: the name, or an object whose width is set from the data.
    points : float
        Sum of the points of the rules that apply; more is better.
    evidence : list of str
        Sentences of the rules that speak for or against the loss, strongest first.
    sources : list of str
        The reference of each sentence.

    See Also
    --------
    suggest_losses : Makes the list.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import suggest_losses
    >>> X, y = load_diabetes(return_X_y=True)
    >>> suggestion = suggest_losses(X, y)[0]
    >>> suggestion.loss, len(suggestion.evidence) == len(suggestion.sources)
    ('mse', True)
    """

    loss: str
    spec: str | Loss
    points: float
    evidence: list[str]
    sources: list[str]


class LossSuggestions:
    """The result of `suggest_losses`: a list of losses, best first, with the evidence for each.

    It has a length, and ``suggestions[0]`` is the best suggestion.

    Parameters
    ----------
    facts : dict
        What was measured on the data.
    suggestions : list of Suggestion
        The losses, best first.
    remarks : list of str
        Sentences about the whole list.

    Attributes
    ----------
    facts_ : dict
        What was measured on the data.
    suggestions_ : list of Suggestion
        The losses, best first.
    losses : dict of str to str or Loss
        Name to loss, best first, as `compare_losses` takes them.

    See Also
    --------
    suggest_losses : Makes it.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_losses import LossRegressor, compare_losses, suggest_losses
    >>> X, y = load_diabetes(return_X_y=True)
    >>> suggestions = suggest_losses(X, y, max_losses=2)
    >>> comparison = compare_losses(LossRegressor(), X, y, suggestions.losses)
    >>> comparison.losses_[0] in suggestions.losses
    True
    """

    def __init__(self, facts: dict[str, Any], suggestions: list[Suggestion], remarks: list[str]) -> None:
        self.facts_, self.suggestions_, self.remarks = facts, suggestions, remarks

    @property
    def losses(self) -> dict[str, str | Loss]:
        """Name to loss, best first, as `compare_losses` takes them."""
        return {suggestion.loss: suggestion.spec for suggestion in self.suggestions_}

    def __len__(self) -> int:
        return len(self.suggestions_)

    def __getitem__(self, place: int) -> Suggestion:
        return self.suggestions_[place]

    def _told(self) -> Iterator[tuple[int, str, list[tuple[str, str]], str | None]]:
        """For each suggestion: the loss, its evidence with sources, and where the rest stands.

        A sentence that speaks for several losses stands under the first of them.
        """
        said: dict[str, int] = {}  # sentence -> the place where it stands
        for place, suggestion in enumerate(self.suggestions_, start=1):
            shown = suggestion.spec if isinstance(suggestion.spec, str) else " ".join(repr(suggestion.spec).split())
            evidence, earlier = [], set()
            for sentence, source in zip(suggestion.evidence, suggestion.sources, strict=True):
                if sentence in said:
                    earlier.add(said[sentence])
                else:
                    said[sentence] = place
                    evidence.append((sentence, source))
            yield place, shown, evidence, f"As under {' and '.join(map(str, sorted(earlier)))}." if earlier else None

    def __repr__(self) -> str:
        lines = [wrapped(self.facts_["description"], hanging="")]
        for place, shown, evidence, earlier in self._told():
            lines += ["", f"{place}. {shown}"]
            lines += [wrapped(f"{sentence} [{source}]", "   ", "") for sentence, source in evidence]
            lines += [f"   {earlier}"] if earlier else []
        return "\n".join([*lines, "", *(wrapped(remark, hanging="") for remark in self.remarks), TRY])

    def _repr_html_(self) -> str:
        items = []
        for _, shown, evidence, earlier in self._told():
            told = [f"{html.escape(said)} <span class=note>[{html.escape(source)}]</span>" for said, source in evidence]
            told += [earlier] if earlier else []
            items.append(f"<li><code class=best>{html.escape(shown)}</code><br>{'<br>'.join(told)}</li>")
        return section(
            paragraph("Losses to try first, best first", "title"), paragraph(self.facts_["description"]),
            f"<ol>{''.join(items)}</ol>", *map(paragraph, self.remarks), paragraph(TRY, "note"),
        )  # fmt: skip


@ignoring_floating_errors
def suggest_losses(
    X: Any,
    y: ArrayLike,
    *,
    metric: str | None = None,
    task: str | None = None,
    qid: ArrayLike | None = None,
    estimator: Any = None,
    max_losses: int = 4,
    random_state: int | np.random.RandomState | None = 0,
) -> LossSuggestions:
    """Suggest losses for your data, best first, with the evidence for each.

    Measures the target, the residuals of a robust linear fit and the labels, and applies the rules
    `RULES` to them. It takes little time and does not consider networks. Compare the suggested
    losses with `compare_losses`.

    Parameters
    ----------
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        Rows of numbers, or what the first steps of the pipeline `estimator` turn into numbers.
    y : array-like of shape (n_samples,)
        Targets, labels or relevances.
    metric : str, default=None
        The scorer that counts, such as "neg_mean_absolute_error". The loss that estimates what it
        rewards [1]_ comes first. A metric that no rule knows has no influence, and the result says
        so.
    task : {"regression", "classification", "ranking"}, default=None
        The task. None takes ranking with `qid`, else what `estimator` is. Without an estimator,
        text, booleans, categories and up to 10 different integers are classes, unless these go from
        0 to 3 or more and look like counts: one peak, and the largest hardly occurs. All else is a
        real target.
    qid : array-like of shape (n_samples,), default=None
        Query of each row, for rankings.
    estimator : estimator, default=None
        What is to be fitted. A classifier takes y as classes, a regressor as numbers. The steps of
        a pipeline before its last are fitted on all rows to prepare X. It is cloned, not changed.
    max_losses : int, default=4
        Maximum number of suggestions.
    random_state : int, RandomState or None, default=0
        Seed that picks the rows that are looked at, if there are more than 5,000, and the folds.

    Returns
    -------
    LossSuggestions
        The list. It prints in sentences.

    Raises
    ------
    ValueError
        For an unknown `task`, several columns of y, missing values, and columns of X that are no
        numbers.
    TypeError
        If an estimator is given as X.

    See Also
    --------
    compare_losses : Compares the suggested losses by cross-validation.
    noise_curve : How losses react to outliers and wrong labels.

    Notes
    -----
    The residuals are those of an out-of-fold linear fit by least absolute deviations: what that
    cannot fit, such as a curve, looks like noise. Wrong labels are estimated by an out-of-fold
    linear fit of the likelihood. Labels that are uncertain by nature are not wrong; wrong ones go
    against what the features say most clearly [2]_. They are found where a linear model separates
    the classes well and rows are many; elsewhere nothing is said of them.

    References
    ----------
    .. [1] Gneiting, "Making and evaluating point forecasts", Journal of the American Statistical
       Association 106 (2011).
    .. [2] Copas, "Binary regression models for contaminated data", Journal of the Royal Statistical
       Society B 50 (1988).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses import suggest_losses
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((300, 2))
    >>> y = X[:, 0] + rng.standard_normal(300)
    >>> suggest_losses(X, y)[0].loss
    'mse'
    >>> suggest_losses(X, y, metric="neg_mean_absolute_error")[0].loss
    'mae'
    """
    if task not in (None, "regression", "classification", "ranking"):
        raise ValueError(f"task must be None, 'regression', 'classification' or 'ranking'. Got {task!r}.")
    if task is None and qid is None:
        task = _task_of(estimator, y)
    targets = _one_target(y)
    X = _numbers(X, targets, estimator)
    check_consistent_length(X, targets, qid)
    facts = data_facts(X, targets, target_kind(targets, task, qid), qid, check_random_state(random_state))
    rules = [rule for rule in RULES if rule.applies(facts)]
    if metric in CONSISTENT:
        rules.insert(0, consistent_rule(metric))
    return LossSuggestions(facts, _ranked(rules, facts)[:max_losses], _remarks(facts, metric, task is None))


def _task_of(estimator, y):
    """What an estimator or categories in y say of the task, None if nothing."""
    if estimator is not None and (is_classifier(estimator) or is_regressor(estimator)):
        return "classification" if is_classifier(estimator) else "regression"
    return "classification" if str(getattr(y, "dtype", "")) == "category" else None


def _one_target(y: Any) -> NDArray[Any]:
    """The targets as a vector without missing values."""
    shape = np.shape(y)
    if len(shape) == 2 and shape[1] > 1:
        raise ValueError(f"suggest_losses takes one target, but y has {shape[1]} columns; call it for each column.")
    y = column_or_1d(y)
    if y.dtype.kind == "O" and any(value is None or type(value).__name__ == "NAType" or value != value for value in y):
        raise ValueError("y contains missing values; leave out these rows of X and y.")
    if y.dtype.kind == "f" and not np.all(np.isfinite(y)):
        raise ValueError("y contains nan or infinity; leave out these rows of X and y.")
    return y


def _numbers(X, y, estimator):
    """X as numbers without NaN, prepared by a pipeline's first steps.

    Else it raises an error that says how to get there.
    """
    if hasattr(X, "fit"):
        raise TypeError(
            f"suggest_losses takes the data first: suggest_losses(X, y, estimator=...). Got {type(X).__name__} as X."
        )
    if isinstance(estimator, Pipeline) and len(estimator) > 1:
        X = clone(estimator[:-1]).fit_transform(X, y)
    way = "pass a pipeline that does so as estimator=."
    try:
        X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32], ensure_all_finite=False)
    except (ValueError, TypeError) as error:
        if "convert" not in str(error) and "float()" not in str(error):
            raise
        raise ValueError(
            f"X has columns that are no numbers ({error}). Encode them, for example with OneHotEncoder, or {way}"
        ) from error
    if not np.all(np.isfinite(X.data if sparse.issparse(X) else X)):
        raise ValueError(f"X contains nan or infinity. Replace them, for example with SimpleImputer, or {way}")
    return X


def _remarks(facts, metric, guessed):
    remarks = []
    if facts["kind"] in ("binary", "classes"):
        if guessed:
            remarks.append("y was taken as classes; pass task='regression' for numbers or counts.")
        if facts["rarest"] < 0.2 and metric in BALANCED:
            remarks.append(f"{metric} counts rare classes more than their share: use class_weight='balanced'.")
    if facts["kind"] == "counts" and guessed:
        remarks.append("y was taken as counts; pass task='classification' for classes.")
    if metric is not None and metric not in CONSISTENT and metric not in BALANCED:
        remarks.append(f"No rule knows the metric {metric!r}; the order rests on the data alone.")
    return remarks


def _ranked(rules: list[Rule], facts: dict[str, Any]) -> list[Suggestion]:
    """The losses of the registry that some rule speaks for, best first."""
    found = []
    for name, points in ranked(rules, facts["kind"]).items():
        speaking = sorted((rule for rule in rules if name in rule.points), key=lambda rule: -abs(rule.points[name]))
        evidence = [rule.says.format(**facts) for rule in speaking]
        found.append(Suggestion(name, _spec(name, facts), points, evidence, [rule.source for rule in speaking]))
    return found


def _spec(name, facts):
    """The name; for a Huber loss that does not scale itself, an object whose width fits the
    residuals.
    """
    if name == "huber" and facts.get("residual_scale") and "scale" not in Huber().get_params():
        return Huber(delta=float(f"{1.345 * facts['residual_scale']:.3g}"))
    return name
