"""The rules of `suggest_losses`: the losses that facts speak for, and the sources."""

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["BALANCED", "CONSISTENT", "RULES", "Rule", "consistent_rule"]

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
# Metrics that count a rare class more than its share.
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

    applies: Callable[[dict[str, Any]], bool]
    points: dict[str, float]
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


def consistent_rule(metric: str) -> Rule:
    """The rule that the losses come first whose minimiser a metric of `CONSISTENT` rewards."""
    points = {name: 20.0 - place for place, name in enumerate(CONSISTENT[metric])}
    return Rule(lambda facts: True, points, f"It estimates what {metric} rewards.", "Gneiting, JASA 106 (2011)")
