"""Which losses to try first: a short list with the evidence for each, measured on the data.

The rules are a list (`RULES`): when a rule applies, which losses it speaks for and how strongly, what it says, and who
found it out. Losses that the registry does not have drop out, so the next best stands first. A suggestion is where
`compare_losses` starts, not where it ends.
"""

import warnings
from typing import NamedTuple

import numpy as np
from scipy import sparse, stats
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_consistent_length, check_random_state, column_or_1d

from sklearn_losses.core.floating import ignoring_floating_errors
from sklearn_losses.estimators import LossClassifier, LossRegressor
from sklearn_losses.losses import Huber
from sklearn_losses.losses.base import Loss
from sklearn_losses.model_selection.label_noise import wrong_label_share

__all__ = ["RULES", "LossSuggestions", "Rule", "Suggestion", "suggest_losses"]

MOST_ROWS = 5000  # beyond that, measured on a random part
NORMAL_TAILS = 2 * stats.norm.ppf(0.975) / (2 * stats.norm.ppf(0.75))
CONSISTENT = {  # metric -> the losses whose minimiser it rewards
    "r2": ("mse",),
    "neg_mean_squared_error": ("mse",),
    "neg_root_mean_squared_error": ("mse",),
    "explained_variance": ("mse",),
    "neg_mean_absolute_error": ("mae", "quantile"),
    "neg_median_absolute_error": ("tukey", "mae", "huber"),
    "neg_mean_poisson_deviance": ("poisson",),
    "neg_mean_gamma_deviance": ("gamma",),
    "neg_log_loss": ("cross_entropy",),
    "neg_brier_score": ("cross_entropy",),
    "neg_perplexity": ("cross_entropy",),
    "roc_auc": ("cross_entropy", "ranknet"),
    "ndcg": ("lambdarank", "listnet"),
}
BALANCED = ("balanced_accuracy", "f1", "f1_macro", "recall", "average_precision")


class Rule(NamedTuple):
    """One piece of advice.

    Attributes
    ----------
    applies : callable
        ``facts -> bool``.
    points : dict of str to float
        How strongly it speaks for each loss (or, below 0, against).
    says : str
        A format string over the facts.
    source : str
    """

    applies: object
    points: dict
    says: str
    source: str


def _plain(facts):
    """A real target for which the residuals decide."""
    return facts["kind"] == "continuous"


RULES = (
    Rule(
        lambda f: _plain(f) and f["outliers"] <= 0.01 and f["tails"] < 1.25,
        {"mse": 4, "huber": 3, "log_cosh": 2, "mae": 1},
        "The residuals look normal (tails {tails:.2f} times as wide as the normal's, {outliers:.1%} outliers): "
        "squared errors are the most efficient, and Huber's loss nearly so (95 %).",
        "Gauss-Markov; tail weight: Crow and Siddiqui, JASA 62 (1967)",
    ),
    Rule(
        lambda f: _plain(f) and f["outliers"] > 0.01,
        {"tukey": 6, "welsch": 5, "cauchy": 5, "huber": 4, "mae": 3.5},
        "{outliers:.1%} of the residuals lie beyond 5 robust standard deviations: a loss with a bounded pull ignores them.",
        "Huber 1964; Beaton and Tukey 1974; the rule of 5 robust deviations is far outside the normal (6e-7)",
    ),
    Rule(
        lambda f: _plain(f) and f["outliers"] <= 0.01 and f["tails"] >= 1.25,
        {"huber": 4, "cauchy": 3, "mae": 3, "log_cosh": 2, "mse": 1},
        "The residuals have tails {tails:.2f} times as wide as the normal's: large errors should count less than squared.",
        "Huber, Annals of Mathematical Statistics 35 (1964)",
    ),
    Rule(
        lambda f: f["kind"] == "counts",
        {"poisson": 8, "tweedie": 4, "mse": 1, "huber": 0.5},
        "The target holds counts (whole numbers from 0, mean {mean:.3g}): a log link keeps predictions positive, and their "
        "variance grows with the mean.",
        "McCullagh and Nelder 1989, chapter 6; right for any counts: Gourieroux, Monfort and Trognon, Econometrica 52 (1984)",
    ),
    Rule(
        lambda f: f["kind"] == "positive",
        {"gamma": 8, "poisson": 5, "tweedie": 4, "mae": 1.5, "huber": 1, "mse": 0.5},
        "The target is positive and skewed (quantile skewness {skewness:.2f}, of its logarithm {log_skewness:.2f}): errors are "
        "relative, so a log link and a variance that grows with the square of the mean fit.",
        "McCullagh and Nelder 1989, chapter 8; Santos Silva and Tenreyro, Review of Economics and Statistics 88 (2006)",
    ),
    Rule(
        lambda f: f["kind"] == "zeros",
        {"tweedie": 8, "poisson": 6, "mse": 1, "mae": 0.5},
        "{zeros:.0%} of the target is exactly 0 and the rest positive: a compound of zeros and positive amounts.",
        "Jorgensen, JRSS B 49 (1987); Smyth and Jorgensen, ASTIN Bulletin 32 (2002)",
    ),
    Rule(
        lambda f: _plain(f) and f["spread_trend"] > 0.2 and f["spread_trend_p"] < 1e-3,
        {"quantile": 2},
        "The size of the residuals changes with the prediction (rank correlation {spread_trend:.2f}): quantiles show the "
        "changing spread, which one mean cannot.",
        "Koenker and Bassett, Econometrica 50 (1982)",
    ),
    Rule(
        lambda f: f["kind"] in ("binary", "classes"),
        {"cross_entropy": 3, "squared_hinge": 1, "hinge": 1},
        "{n_classes} classes: cross_entropy gives calibrated probabilities; the hinges decide from few rows and give none.",
        "Cox, JRSS B 20 (1958); Vapnik 1995",
    ),
    Rule(
        lambda f: f["kind"] in ("binary", "classes") and f["label_noise"] > 0.1,
        {
            "generalized_cross_entropy": 6,
            "symmetric_cross_entropy": 5,
            "bi_tempered": 4,
            "bootstrapped": 2,
            "hinge": 0.5,
        },
        "About {label_noise:.0%} of the labels look wrong: also where the features say most, rows that were left out have "
        "other labels, more than uncertain labels explain (twice the log-likelihood ratio {noise_evidence:.3g}, more than "
        "{noise_threshold:.3g}). A loss with a bounded value follows such rows less.",
        "Copas, JRSS B 50 (1988); Hausman, Abrevaya and Scott-Morton, Journal of Econometrics 87 (1998); "
        "Zhang and Sabuncu, NeurIPS 2018",
    ),
    Rule(
        lambda f: f["kind"] in ("binary", "classes") and f["rarest"] < 0.2,
        {"cross_entropy": 2, "focal": 2},
        "The rarest class has {rarest:.0%} of an even share: keep the likelihood, and move the threshold or use "
        "class_weight='balanced' where rare rows count more.",
        "King and Zeng, Political Analysis 9 (2001); Lin et al., ICCV 2017",
    ),
    Rule(
        lambda f: f["kind"] == "ranking",
        {"lambdarank": 5, "listnet": 4, "ranknet": 3.5, "xe_ndcg": 3.5, "approx_ndcg": 2, "pairwise_hinge": 2, "mse": 1},
        "Rows come in {n_queries} queries with {n_grades} grades: only the order inside a query counts.",
        "Burges, MSR-TR-2010-82; Cao et al., ICML 2007",
    ),
    Rule(
        lambda f: f["rows_per_parameter"] < 10,
        {"tukey": -3, "welsch": -3, "cauchy": -2, "generalized_cross_entropy": -1, "bi_tempered": -1},
        "Only {rows_per_parameter:.1f} rows per parameter: convex losses first, and a search over alpha.",
        "Peduzzi et al., Journal of Clinical Epidemiology 49 (1996), on 10 events per variable",
    ),
)


class Suggestion(NamedTuple):
    """One loss of the short list.

    Attributes
    ----------
    loss : str
        Its name.
    spec : str or Loss
        For an estimator's ``loss=``: the name, or an object whose width is set from the data.
    points : float
    evidence : list of str
        The sentences of the rules that speak for or against it, strongest first.
    sources : list of str
    """

    loss: str
    spec: object
    points: float
    evidence: list
    sources: list


class LossSuggestions:
    """The short list of `suggest_losses`; prints in plain sentences.

    Attributes
    ----------
    facts_ : dict
        What was measured.
    suggestions_ : list of Suggestion
        Best first.
    losses : dict of str to (str or Loss)
        For ``compare_losses(estimator, X, y, suggestions.losses)``.
    """

    def __init__(self, facts, suggestions, remarks):
        self.facts_, self.suggestions_, self.remarks = facts, suggestions, remarks

    @property
    def losses(self):
        return {suggestion.loss: suggestion.spec for suggestion in self.suggestions_}

    def __len__(self):
        return len(self.suggestions_)

    def __getitem__(self, place):
        return self.suggestions_[place]

    def __repr__(self):
        lines = [f"{self.facts_['description']}"]
        said = {}  # sentence -> the place where it stands
        for place, suggestion in enumerate(self.suggestions_, start=1):
            shown = suggestion.spec if isinstance(suggestion.spec, str) else " ".join(repr(suggestion.spec).split())
            lines += ["", f"{place}. {shown}"]
            earlier = set()
            for sentence, source in zip(suggestion.evidence, suggestion.sources, strict=True):
                if sentence in said:
                    earlier.add(said[sentence])
                else:
                    said[sentence] = str(place)
                    lines.append(f"   {sentence} [{source}]")
            if earlier:
                lines.append(f"   As under {' and '.join(sorted(earlier))}.")
        return "\n".join([*lines, "", *self.remarks, "Try them: compare_losses(estimator, X, y, suggestions.losses)"])


@ignoring_floating_errors
def suggest_losses(X, y, *, metric=None, task=None, qid=None, estimator=None, max_losses=4, random_state=0):
    """Suggest losses for the data at hand, best first, each with its evidence.

    Parameters
    ----------
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        Numbers, or what the first steps of the pipeline `estimator` turn into numbers.
    y : array-like of shape (n_samples,)
        Targets.
    metric : str, default=None
        The scorer that counts, such as "neg_mean_absolute_error": the loss that estimates what it rewards comes first [1]_.
    task : {"regression", "classification", "ranking"}, default=None
        None: with `qid` it is a ranking, else what `estimator` is. Without one, text, booleans, categories and up to 10
        different whole numbers are classes, unless these go from 0 to 3 or more and look like counts: one peak, and the largest
        hardly occurs. All else is a real target.
    qid : array-like of shape (n_samples,), default=None
        Query of each row.
    estimator : estimator, default=None
        What is to be fitted. A classifier takes y as classes, a regressor as numbers; the steps of a pipeline before its last
        are fitted on all rows to prepare X. It is cloned, not changed.
    max_losses : int, default=4
    random_state : int, RandomState or None, default=0
        Picks the rows that are looked at where there are more than 5,000, and the folds.

    Returns
    -------
    LossSuggestions

    Notes
    -----
    Residuals come from an out-of-fold linear fit by the least absolute deviations: what it cannot fit, such as a curve, looks
    like noise. Wrong labels come from an out-of-fold linear fit of the likelihood. Labels that are uncertain by nature are not
    wrong; wrong ones differ by going against what the features say most clearly [2]_. They are found where a linear model
    separates the classes well and rows are many; elsewhere nothing is said of them.

    References
    ----------
    .. [1] Gneiting, "Making and evaluating point forecasts", JASA 106 (2011).
    .. [2] Copas, "Binary regression models for contaminated data", JRSS B 50 (1988).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_losses.model_selection.suggest import suggest_losses
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
    y = _one_target(y)
    X = _numbers(X, y, estimator)
    check_consistent_length(X, y, qid)
    rng = check_random_state(random_state)
    kind = _kind(y, task, qid)
    facts = {"kind": kind, "n_rows": len(y), "n_features": X.shape[1]}
    if kind == "ranking":
        facts |= _ranking_facts(X, y, qid)
    else:
        rows = np.sort(rng.permutation(len(y))[:MOST_ROWS])
        X, y = X[rows], y[rows]
        measure = _class_facts if kind in ("binary", "classes") else _real_facts
        facts |= measure(X, y, kind, rng.randint(2**31 - 1))
    facts["rows_per_parameter"] = facts["n_rows"] / facts["n_parameters"]
    facts["description"] = _description(facts)
    rules = [rule for rule in RULES if rule.applies(facts)]
    if metric in CONSISTENT:
        points = {name: 20.0 - place for place, name in enumerate(CONSISTENT[metric])}
        rules.insert(0, Rule(None, points, f"It estimates what {metric} rewards.", "Gneiting, JASA 106 (2011)"))
    return LossSuggestions(facts, _ranked(rules, facts, facts["kind"])[:max_losses], _remarks(facts, metric, task is None))


def _task_of(estimator, y):
    """What an estimator or categories in y say of the task, None if nothing."""
    if estimator is not None and (is_classifier(estimator) or is_regressor(estimator)):
        return "classification" if is_classifier(estimator) else "regression"
    return "classification" if str(getattr(y, "dtype", "")) == "category" else None


def _one_target(y):
    shape = np.shape(y)
    if len(shape) == 2 and shape[1] > 1:
        raise ValueError(f"y has {shape[1]} columns. Ask for each target by itself, with one column of y.")
    y = column_or_1d(y)
    if y.dtype.kind == "O" and any(value is None or type(value).__name__ == "NAType" or value != value for value in y):
        raise ValueError("y contains missing values. Leave out these rows, in X too.")
    if y.dtype.kind == "f" and not np.all(np.isfinite(y)):
        raise ValueError("y contains nan or inf. Leave out these rows, in X too.")
    return y


def _numbers(X, y, estimator):
    """X as numbers without NaN, prepared by a pipeline's first steps, or an error that says how to get there."""
    if hasattr(X, "fit"):
        raise TypeError(f"The data come first: suggest_losses(X, y, estimator=...). Got {type(X).__name__} for X.")
    if isinstance(estimator, Pipeline) and len(estimator) > 1:
        X = clone(estimator[:-1]).fit_transform(X, y)
    way = "pass a pipeline that does it as estimator=."
    try:
        X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32], ensure_all_finite=False)
    except (ValueError, TypeError) as error:
        if "convert" not in str(error) and "float()" not in str(error):
            raise
        raise ValueError(
            f"X has columns that are no numbers ({error}). Encode them, with OneHotEncoder say, or {way}"
        ) from error
    if not np.all(np.isfinite(X.data if sparse.issparse(X) else X)):
        raise ValueError(f"X contains nan or inf. Fill these in, with SimpleImputer say, or {way}")
    return X


def _look_like_counts(values):
    """Whether whole numbers from 0 rise to one peak and fall to values that hardly occur; numbers of classes seldom do."""
    if values.min() != 0 or values.max() < 3:
        return False
    occur = np.bincount(values.astype(np.intp))
    peak = int(occur.argmax())
    # Between neighbours, three standard deviations of the difference of two counts are chance.
    steps, chance = np.diff(occur), 3 * np.sqrt(occur[1:] + occur[:-1])
    one_peak = np.all(steps[:peak] >= -chance[:peak]) and np.all(steps[peak:] <= chance[peak:])
    return bool(one_peak and occur[-1] <= 0.1 * occur[peak])


def _kind(y, task, qid):
    if task == "ranking" or (task is None and qid is not None):
        return "ranking"
    distinct = np.unique(y)
    numeric = y.dtype.kind in "iuf"
    whole = numeric and bool(np.all(distinct == np.round(distinct)))
    few = whole and len(distinct) <= 10 and not _look_like_counts(y)
    if task == "classification" or (task is None and (not numeric or few)):
        if len(distinct) < 2:
            raise ValueError(f"y has one value, {distinct[0]!r}: there is nothing to learn.")
        return "binary" if len(distinct) == 2 else "classes"
    if not numeric:
        raise ValueError(f"A {task} needs numbers in y. Got dtype {y.dtype}.")
    if whole and distinct[0] >= 0 and (distinct[0] == 0 or y.mean() < 20):
        return "counts"
    zeros = np.mean(y == 0)
    if distinct[0] >= 0 and zeros > 0.02:
        return "zeros"
    if distinct[0] > 0 and _skewness(y) > 0.25 and abs(_skewness(np.log(y))) < _skewness(y):
        return "positive"
    return "continuous"


def _skewness(values):
    """Octile skewness, between -1 and 1, which a tenth of outliers cannot move (Brys, Hubert and Struyf, JCGS 13 (2004))."""
    low, middle, high = np.quantile(values, [0.125, 0.5, 0.875])
    return float((high + low - 2 * middle) / (high - low)) if high > low else 0.0


def _out_of_fold(model, X, y, method, seed):
    from sklearn_losses.model_selection.compare import splits_of

    task = "regression" if method == "predict" else "classification"
    folds = splits_of(3, y, task, None, np.random.RandomState(seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return cross_val_predict(
            make_pipeline(StandardScaler(with_mean=not sparse.issparse(X)), model), X, y, cv=folds, method=method
        )


def _real_facts(X, y, kind, seed):
    y = y.astype(np.float64)
    if kind == "positive":
        # Where errors are relative, few values are far too high on the logarithmic scale; gross outliers still are.
        _, residual, scale = _residuals(X, np.log(y), seed)
        if np.mean(residual > 4 * scale) > 0.01:
            kind = "continuous"
    predicted, residual, scale = _residuals(X, y, seed)
    low, q1, q3, high = np.quantile(residual, [0.025, 0.25, 0.75, 0.975])
    trend = stats.spearmanr(np.abs(residual), predicted) if np.ptp(predicted) > 0 and scale > 0 else None
    return {
        "kind": kind,
        "n_parameters": X.shape[1] + 1,
        "mean": float(y.mean()),
        "zeros": float(np.mean(y == 0)),
        "skewness": _skewness(y),
        "log_skewness": _skewness(np.log(y)) if y.min() > 0 else np.nan,
        "residual_scale": float(scale),
        "outliers": float(np.mean(np.abs(residual) > 5 * scale)),
        "tails": float((high - low) / (q3 - q1) / NORMAL_TAILS) if q3 > q1 else np.inf,
        "spread_trend": abs(float(trend.statistic)) if trend else 0.0,
        "spread_trend_p": float(trend.pvalue) if trend else 1.0,
    }


def _residuals(X, y, seed):
    """Out-of-fold predictions of a robust fit, residuals less their median, and their robust standard deviation."""
    size = np.median(np.abs(y - np.median(y))) or y.std() or 1.0
    predicted = _out_of_fold(LossRegressor("mae", alpha=1e-3), X, y / size, "predict", seed) * size
    residual = y - predicted
    residual = residual - np.median(residual)
    return predicted, residual, np.median(np.abs(residual)) / 0.6745


def _class_facts(X, y, kind, seed):
    classes, codes = np.unique(y, return_inverse=True)
    counts = np.bincount(codes)
    noise, evidence, threshold = np.nan, np.nan, np.nan
    if counts.min() >= 3:
        log_proba = _out_of_fold(LossClassifier(alpha=1e-3), X, codes, "predict_log_proba", seed)
        noise, evidence, threshold = wrong_label_share(log_proba, codes)
    return {
        "n_parameters": (X.shape[1] + 1) * (1 if len(classes) == 2 else len(classes)),
        "n_classes": len(classes),
        "rarest": float(counts.min() * len(classes) / counts.sum()),
        "label_noise": noise,
        "noise_evidence": evidence,
        "noise_threshold": threshold,
    }


def _ranking_facts(X, y, qid):
    return {
        "n_parameters": X.shape[1],
        "n_queries": 1 if qid is None else len(np.unique(np.asarray(qid))),
        "n_grades": len(np.unique(y)),
    }


_KINDS = {
    "continuous": "a real target",
    "counts": "counts",
    "positive": "a positive, skewed target",
    "zeros": "amounts with many zeros",
    "binary": "two classes",
    "classes": "several classes",
    "ranking": "grades in queries",
}


def _description(facts):
    return (
        f"{facts['n_rows']} rows, {facts['n_features']} features, {_KINDS[facts['kind']]}; "
        f"{facts['rows_per_parameter']:.3g} rows per parameter of a linear model."
    )


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


def _ranked(rules, facts, kind):
    """The losses of the registry that some rule speaks for, best first."""
    names = sorted({name for rule in rules for name in rule.points if name in Loss.registry})
    task = {"binary": "classification", "classes": "classification", "ranking": "ranking"}.get(kind, "regression")
    found = []
    for name in names:
        # Rankers take regression losses too, point by point.
        if Loss.make(name).task not in (None, task, "regression" if task == "ranking" else task):
            continue
        speaking = sorted((rule for rule in rules if name in rule.points), key=lambda rule: -abs(rule.points[name]))
        points = sum(rule.points[name] for rule in speaking)
        if points > 0:
            evidence = [rule.says.format(**facts) for rule in speaking]
            found.append(Suggestion(name, _spec(name, facts), points, evidence, [rule.source for rule in speaking]))
    return sorted(found, key=lambda suggestion: -suggestion.points)


def _spec(name, facts):
    """The name; for a Huber loss that does not scale itself, an object whose width fits the residuals."""
    if name == "huber" and facts.get("residual_scale") and "scale" not in Huber().get_params():
        return Huber(delta=float(f"{1.345 * facts['residual_scale']:.3g}"))
    return name
