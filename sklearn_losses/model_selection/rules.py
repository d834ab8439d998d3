"""The rules of `suggest_losses`: the losses that facts speak for, and the sources.

The decision chart of the documentation is made from them too (``docs/make_chart.py``).
"""

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from sklearn_losses.losses import Loss

__all__ = ["BALANCED", "CONSISTENT", "FACTS", "RULES", "Condition", "Fact", "Rule", "consistent_rule", "ranked", "task_of"]

RELATIONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}

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


class Fact(NamedTuple):
    """What the conditions of rules say of a measured number.

    Attributes
    ----------
    name : str
        Its name in a chart.
    part : {"noise", "complexity"}
        The part of the choice to which it belongs.
    shown : str
        A format string for a number of its kind.
    meaning : str
        What is measured, as a sentence.
    """

    name: str
    part: str
    shown: str
    meaning: str


FACTS = {
    "outliers": Fact(
        "outliers",
        "noise",
        "{:.0%}",
        "The share of the residuals beyond 5 robust standard deviations, after a fit of the least absolute deviations.",
    ),
    "tails": Fact(
        "tails",
        "noise",
        "{:.2f}",
        "The width of the middle 95 % of the residuals over the width of the middle 50 %, relative to the normal distribution.",
    ),
    "spread_trend": Fact(
        "trend of the spread",
        "noise",
        "{:.1f}",
        "The rank correlation of the size of the residuals with the prediction.",
    ),
    "spread_trend_p": Fact("p-value of this trend", "noise", "{:.3f}", "The p-value of the trend of the spread."),
    "label_noise": Fact(
        "wrong labels",
        "noise",
        "{:.0%}",
        "The estimated share of labels that contradict what the features say most clearly.",
    ),
    "rarest": Fact(
        "rarest class",
        "noise",
        "{:.0%} of an even share",
        "The share of the rarest class, divided by an even share (1 / number of classes).",
    ),
    "rows_per_parameter": Fact(
        "rows per parameter",
        "complexity",
        "{:.0f}",
        "The number of rows over the number of parameters of a linear model.",
    ),
}


class Condition(NamedTuple):
    """A comparison of a measured fact with a number.

    The rules of `suggest_losses` consist of such conditions, so that a program can read them. The
    decision chart of the documentation is made from them.

    Parameters
    ----------
    fact : str
        The name of the fact, a key of `LossSuggestions.facts_` such as "outliers".
    relation : {"<", "<=", ">", ">="}
        How the fact is compared.
    number : float
        The number on the right side of the comparison.

    See Also
    --------
    Rule : Advice that holds under conditions.

    Examples
    --------
    >>> from sklearn_losses.model_selection import Condition
    >>> Condition("outliers", ">", 0.01).holds({"outliers": 0.1})
    True
    """

    fact: str
    relation: str
    number: float

    def holds(self, facts: dict[str, Any]) -> bool:
        """Compare the fact with the number.

        Parameters
        ----------
        facts : dict of str to float
            The measured facts.

        Returns
        -------
        bool
            Whether the condition is met. A fact that is nan meets no condition.
        """
        return bool(RELATIONS[self.relation](facts[self.fact], self.number))


class Rule(NamedTuple):
    """One piece of advice of `suggest_losses`.

    A rule states for which kinds of targets and under which conditions it holds, how many points it
    gives to which losses, and the publications behind it. `suggest_losses` adds the points of all
    rules that apply.

    Parameters
    ----------
    problem : tuple of str
        The kinds of targets for which it holds: "continuous", "counts", "positive", "zeros",
        "binary", "classes" or "ranking". Empty: all kinds.
    when : tuple of Condition
        The conditions on the measured facts, all of which must hold.
    points : dict of str to float
        Name of a loss -> points for it; negative points count against it.
    says : str
        The advice as a format string over the facts.
    source : str
        The publications behind it.

    See Also
    --------
    suggest_losses : Suggest losses for data by these rules.

    Examples
    --------
    >>> from sklearn_losses.model_selection import RULES
    >>> facts = {"kind": "counts", "rows_per_parameter": 100}
    >>> [rule.points["poisson"] for rule in RULES if rule.applies(facts)]
    [8]
    """

    problem: tuple[str, ...]
    when: tuple[Condition, ...]
    points: dict[str, float]
    says: str
    source: str

    def applies(self, facts: dict[str, Any]) -> bool:
        """Tell whether the advice holds for data with these facts.

        Parameters
        ----------
        facts : dict
            The measured facts, as in `LossSuggestions.facts_`.

        Returns
        -------
        bool
            Whether the kind of the target is right and all conditions hold.
        """
        return self.concerns(facts.get("kind", "")) and all(condition.holds(facts) for condition in self.when)

    def concerns(self, kind: str) -> bool:
        """Tell whether the rule is about targets of this kind.

        Parameters
        ----------
        kind : str
            A kind of target, such as "counts".

        Returns
        -------
        bool
            Whether `kind` is in `problem`, or `problem` is empty.
        """
        return not self.problem or kind in self.problem


REAL, CLASSES = ("continuous",), ("binary", "classes")
MANY_OUTLIERS, FEW_OUTLIERS = Condition("outliers", ">", 0.01), Condition("outliers", "<=", 0.01)
WIDE_TAILS, NORMAL_TAILS = Condition("tails", ">=", 1.25), Condition("tails", "<", 1.25)

RULES = (
    Rule(
        REAL,
        (FEW_OUTLIERS, NORMAL_TAILS),
        {"mse": 4, "huber": 3, "log_cosh": 2, "mae": 1},
        "The residuals look normal (tails {tails:.2f} times as wide as the normal's, {outliers:.1%} outliers): "
        "the squared error is the most efficient loss, and Huber's loss has 95 % of its efficiency.",
        "Gauss-Markov; tail weight: Crow and Siddiqui, JASA 62 (1967)",
    ),
    Rule(
        REAL,
        (MANY_OUTLIERS,),
        {"tukey": 6, "welsch": 5, "cauchy": 5, "huber": 4, "mae": 3.5},
        "{outliers:.1%} of the residuals lie beyond 5 robust standard deviations: a loss with a bounded gradient "
        "limits their influence.",
        "Huber 1964; Beaton and Tukey 1974; the rule of 5 robust deviations is far outside the normal (6e-7)",
    ),
    Rule(
        REAL,
        (FEW_OUTLIERS, WIDE_TAILS),
        {"huber": 4, "cauchy": 3, "mae": 3, "log_cosh": 2, "mse": 1},
        "The residuals have tails {tails:.2f} times as wide as the normal's: large errors should count less than their square.",
        "Huber, Annals of Mathematical Statistics 35 (1964)",
    ),
    Rule(
        ("counts",),
        (),
        {"poisson": 8, "tweedie": 4, "mse": 1, "huber": 0.5},
        "The target holds counts (whole numbers from 0, mean {mean:.3g}). Their variance grows with the mean, and "
        "a log link keeps predictions positive.",
        "McCullagh and Nelder 1989, chapter 6; right for any counts: Gourieroux, Monfort and Trognon, Econometrica 52 (1984)",
    ),
    Rule(
        ("positive",),
        (),
        {"gamma": 8, "poisson": 5, "tweedie": 4, "mae": 1.5, "huber": 1, "mse": 0.5},
        "The target is positive and skewed (quantile skewness {skewness:.2f}, of its logarithm {log_skewness:.2f}): a loss "
        "with a log link and a variance that grows with the square of the mean measures relative errors.",
        "McCullagh and Nelder 1989, chapter 8; Santos Silva and Tenreyro, Review of Economics and Statistics 88 (2006)",
    ),
    Rule(
        ("zeros",),
        (),
        {"tweedie": 8, "poisson": 6, "mse": 1, "mae": 0.5},
        "{zeros:.0%} of the target is exactly 0 and the rest is positive: Tweedie's distribution has both zeros and "
        "positive amounts.",
        "Jorgensen, JRSS B 49 (1987); Smyth and Jorgensen, ASTIN Bulletin 32 (2002)",
    ),
    Rule(
        REAL,
        (Condition("spread_trend", ">", 0.2), Condition("spread_trend_p", "<", 1e-3)),
        {"quantile": 2},
        "The size of the residuals changes with the prediction (rank correlation {spread_trend:.2f}): quantiles "
        "describe a spread that changes, and a mean does not.",
        "Koenker and Bassett, Econometrica 50 (1982)",
    ),
    Rule(
        CLASSES,
        (),
        {"cross_entropy": 3, "squared_hinge": 1, "hinge": 1},
        "{n_classes} classes: cross_entropy estimates probabilities. hinge and squared_hinge give labels but no probabilities.",
        "Cox, JRSS B 20 (1958); Vapnik 1995",
    ),
    Rule(
        CLASSES,
        (Condition("label_noise", ">", 0.1),),
        {
            "generalized_cross_entropy": 6,
            "symmetric_cross_entropy": 5,
            "bi_tempered": 4,
            "bootstrapped": 2,
            "hinge": 0.5,
        },
        "About {label_noise:.0%} of the labels look wrong: they contradict out-of-fold predictions that are nearly certain, "
        "more often than chance explains (twice the log-likelihood ratio is {noise_evidence:.3g}, the threshold "
        "{noise_threshold:.3g}). A loss for wrong labels limits the influence of such rows.",
        "Copas, JRSS B 50 (1988); Hausman, Abrevaya and Scott-Morton, Journal of Econometrics 87 (1998); "
        "Zhang and Sabuncu, NeurIPS 2018",
    ),
    Rule(
        CLASSES,
        (Condition("rarest", "<", 0.2),),
        {"cross_entropy": 2, "focal": 2},
        "The rarest class has {rarest:.0%} of an even share: keep cross_entropy, and use "
        "class_weight='balanced' or another threshold if the rare rows count more.",
        "King and Zeng, Political Analysis 9 (2001); Lin et al., ICCV 2017",
    ),
    Rule(
        ("ranking",),
        (),
        {"lambdarank": 5, "listnet": 4, "ranknet": 3.5, "xe_ndcg": 3.5, "approx_ndcg": 2, "pairwise_hinge": 2, "mse": 1},
        "Rows come in {n_queries} queries with {n_grades} grades: only the order within a query counts.",
        "Burges, MSR-TR-2010-82; Cao et al., ICML 2007",
    ),
    Rule(
        (),
        (Condition("rows_per_parameter", "<", 10),),
        {"tukey": -3, "welsch": -3, "cauchy": -2, "generalized_cross_entropy": -1, "bi_tempered": -1},
        "There are only {rows_per_parameter:.1f} rows per parameter: try convex losses first, and search over alpha.",
        "Peduzzi et al., Journal of Clinical Epidemiology 49 (1996), on 10 events per variable",
    ),
)


def consistent_rule(metric: str) -> Rule:
    """The rule that puts first the losses whose minimiser a metric of `CONSISTENT` rewards."""
    points = {name: 20.0 - place for place, name in enumerate(CONSISTENT[metric])}
    return Rule((), (), points, f"It estimates what {metric} rewards.", "Gneiting, JASA 106 (2011)")


def task_of(kind: str) -> str:
    """The task of losses for a kind of target: "regression", "classification" or "ranking"."""
    return {"binary": "classification", "classes": "classification", "ranking": "ranking"}.get(kind, "regression")


def ranked(rules: Sequence[Rule], kind: str) -> dict[str, float]:
    """The points of the losses for which the rules speak, highest first, equal ones by name.

    Parameters
    ----------
    rules : sequence of Rule
        Those that apply.
    kind : str
        The kind of the target. Losses for another task are left out, and so are names that the
        registry does not have.

    Returns
    -------
    dict of str to float
    """
    task = task_of(kind)
    # Rankers take regression losses too, point by point.
    tasks = (None, task, "regression") if task == "ranking" else (None, task)
    names = sorted({name for rule in rules for name in rule.points if name in Loss.registry})
    points = {name: sum(rule.points.get(name, 0.0) for rule in rules) for name in names if Loss.make(name).task in tasks}
    return {name: points[name] for name in sorted(points, key=lambda name: -points[name]) if points[name] > 0}
