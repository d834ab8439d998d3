"""The rules of suggestions: the names that they speak for, and the sentences that they say."""

from string import Formatter

import numpy as np
import pytest

from sklearn_losses.losses import Loss
from sklearn_losses.model_selection import RULES
from sklearn_losses.model_selection.data_facts import data_facts, target_kind
from sklearn_losses.model_selection.rules import CONSISTENT, consistent_rule


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: next(iter(rule.points)))
def test_a_rule_names_losses_and_a_source(rule):
    assert set(rule.points) <= set(Loss.names())
    assert rule.source and rule.says.endswith(".")


@pytest.mark.parametrize("metric", CONSISTENT)
def test_the_first_loss_of_a_metric_has_the_most_points(metric):
    rule = consistent_rule(metric)
    assert max(rule.points, key=rule.points.get) == CONSISTENT[metric][0] and set(rule.points) <= set(Loss.names())
    assert metric in rule.says and rule.applies({})


def facts_of(y, qid=None):
    X = np.random.default_rng(0).standard_normal((len(y), 2))
    return data_facts(X, y, target_kind(y, None, qid), qid, np.random.RandomState(0))


@pytest.mark.parametrize(
    "kind, y",
    [
        ("continuous", np.random.default_rng(1).standard_normal(90)),
        ("counts", np.random.default_rng(1).poisson(3.0, 90)),
        ("positive", np.random.default_rng(1).lognormal(0, 1.5, 90)),
        ("zeros", np.random.default_rng(1).gamma(2, 1, 90) * (np.arange(90) % 3 > 0)),
        ("binary", np.arange(90) % 2),
        ("classes", np.array(["a", "b", "c"])[np.arange(90) % 3]),
    ],
)
def test_every_sentence_finds_its_facts(kind, y):
    facts = facts_of(y)
    assert facts["kind"] == kind and facts["n_rows"] == 90 and "90 rows, 2 features" in facts["description"]
    for rule in RULES:
        if rule.applies(facts):
            fields = {field for _, field, _, _ in Formatter().parse(rule.says) if field}
            assert fields <= set(facts)
            assert "{" not in rule.says.format(**facts)


def test_the_facts_of_queries():
    facts = facts_of(np.arange(90) % 4, np.repeat(np.arange(9), 10))
    assert (facts["kind"], facts["n_queries"], facts["n_grades"], facts["n_parameters"]) == ("ranking", 9, 4, 2)
