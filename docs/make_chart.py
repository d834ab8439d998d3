"""Draw the decision chart for the choice of a loss from the rules of `suggest_losses`.

``docs/conf.py`` calls `write` when the documentation is built, so that a changed rule changes the
chart. A tree asks one condition at a time: first those of the noise, then those of the complexity.
Its leaves name the losses in the order in which `suggest_losses` suggests them.
"""

from pathlib import Path
from typing import NamedTuple

from sklearn_losses.losses import Loss
from sklearn_losses.model_selection.data_facts import KINDS
from sklearn_losses.model_selection.rules import (
    BALANCED,
    CONSISTENT,
    FACTS,
    RULES,
    Condition,
    consistent_rule,
    ranked,
    task_of,
)

SHOWN = 3  # losses in a leaf
OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
WORDS = {"<": "less than", "<=": "at most", ">": "more than", ">=": "at least"}
PARTS = ("noise", "complexity")
LARGE_IS_USUAL = ("rarest", "rows_per_parameter")
PROBLEMS = {
    "continuous": "a real number",
    "counts": "a count (0, 1, 2, ...)",
    "positive": "a positive and skewed amount",
    "zeros": "an amount with many zeros",
    "binary": "two classes",
    "classes": "several classes",
    "ranking": "grades of rows in queries",
}


class Question(NamedTuple):
    """A condition, and the trees (or the names of losses) for the two answers."""

    condition: Condition
    yes: "Question | tuple[str, ...]"
    no: "Question | tuple[str, ...]"


def tree(kind, metric=None, shown=SHOWN, rules=RULES):
    """The questions for targets of a kind; a tuple of losses where nothing needs to be asked."""
    rules = [rule for rule in rules if rule.concerns(kind)]
    asked = {_asked(condition): None for rule in rules for condition in rule.when}
    order = sorted(asked, key=lambda condition: PARTS.index(FACTS[condition.fact].part))
    first = [consistent_rule(metric)] if metric else []

    def grow(answers):
        if len(answers) == len(order):
            holding = [rule for rule in rules if all(_holds(condition, answers) for condition in rule.when)]
            return tuple(ranked([*first, *holding], kind))[:shown]
        condition = order[len(answers)]
        yes, no = (grow({**answers, condition: answer}) for answer in (True, False))
        # A question that changes nothing is not asked.
        return yes if yes == no else Question(condition, yes, no)

    return grow({})


def follow(chart, facts):
    """The losses of the leaf to which the facts lead."""
    while isinstance(chart, Question):
        chart = chart.yes if chart.condition.holds(facts) else chart.no
    return chart


def _asked(condition):
    """The question of a condition and of its opposite. A fact that is nan is answered by no."""
    return condition if condition.relation.startswith(">") else _opposite(condition)


def _opposite(condition):
    return condition._replace(relation=OPPOSITE[condition.relation])


def _holds(condition, answers):
    return answers[condition] if condition in answers else not answers[_opposite(condition)]


def additions(kind, rules=RULES):
    """The rules for a kind whose conditions its tree does not ask for."""
    asked = set(_conditions(tree(kind, rules=rules)))
    own = [rule for rule in rules if kind in rule.problem and rule.when]
    return [rule for rule in own if not asked & {_asked(condition) for condition in rule.when}]


def _conditions(chart):
    if isinstance(chart, Question):
        yield chart.condition
        for branch in (chart.yes, chart.no):
            yield from _conditions(branch)


def kinds_of(metric):
    """The kinds of targets that a metric of `CONSISTENT` judges."""
    tasks = {Loss.make(name).task for name in CONSISTENT[metric]}
    return [kind for kind in KINDS if task_of(kind) in tasks]


def equal(charts):
    """Lists of keys that have the same tree, with the tree."""
    groups = []
    for key, chart in charts.items():
        same = next((keys for keys, other in groups if other == chart), None)
        if same is None:
            groups.append(([key], chart))
        else:
            same.append(key)
    return groups


def text(condition):
    """A condition in words."""
    fact = FACTS[condition.fact]
    return f"{fact.name} {WORDS[condition.relation]} {fact.shown.format(condition.number)}"


def losses(names):
    """Links to the pages of losses."""
    return ", ".join(f":class:`{name} <sklearn_losses.losses.{type(Loss.make(name)).__name__}>`" for name in names)


def _item(label, part, children=()):
    lines = [f"- .. rst-class:: chart-{part}", "", f"  {label}", ""]
    for child in children:
        lines += [f"  {line}".rstrip() for line in child]
    return lines


def _branches(chart):
    if not isinstance(chart, Question):
        return [_item(losses(chart), "losses")]
    fact = FACTS[chart.condition.fact]
    answers = [(chart.condition, chart.yes), (_opposite(chart.condition), chart.no)]
    if chart.condition.fact not in LARGE_IS_USUAL:
        answers.reverse()
    return [_item(_capital(text(condition)), fact.part, _branches(branch)) for condition, branch in answers]


def by_problem(rules=RULES):
    """The tree of all kinds of targets as a nested list."""
    lines = [".. rst-class:: loss-chart", ""]
    for kinds, chart in equal({kind: tree(kind, rules=rules) for kind in KINDS}):
        branches = _branches(chart)
        for rule in additions(kinds[0], rules):
            conditions = " and ".join(text(condition) for condition in rule.when)
            branches.append(_item(f"In addition, {conditions}", "noise", [_item(losses(rule.points), "losses")]))
        lines += _item(_title(kinds), "problem", branches)
    return lines


def by_metric():
    """The first losses for the metrics that decide, as a nested list."""
    lines = [".. rst-class:: loss-chart", ""]
    trees = {metric: {kind: tree(kind, metric, 1) for kind in kinds_of(metric)} for metric in CONSISTENT}
    for metrics, charts in equal(trees):
        branches = []
        for kinds, chart in equal(charts):
            own = _branches(chart)
            branches += own if len(kinds) == len(charts) else [_item(_title(kinds), "problem", own)]
        lines += _item(_codes(metrics), "metric", branches)
    return lines


def _title(kinds):
    return _capital(" or ".join(PROBLEMS[kind] for kind in kinds))


def _capital(words):
    return words[0].upper() + words[1:]


def _codes(words):
    return ", ".join(f"``{word}``" for word in words)


def facts():
    """What the conditions measure, as a list of definitions."""
    lines = []
    for fact in FACTS.values():
        lines += [_capital(fact.name), f"   {fact.meaning}", ""]
    return lines


def write(folder):
    """Write the parts of the chart for the guide, ``loss_chart_*.txt``."""
    parts = {"problem": by_problem(), "metric": by_metric(), "facts": facts(), "balanced": [_codes(BALANCED)]}
    for name, lines in parts.items():
        Path(folder, f"loss_chart_{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
