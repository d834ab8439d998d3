"""What a fit that did not end well says."""

import re

import numpy as np
import pytest

from sklearn_losses.core.status import Status
from sklearn_losses.fitting.advice import advice
from sklearn_losses.fitting.solve import Outcome

SENTENCES = {
    Status.DIVERGED: r"solver 'gd' diverged in iteration 4 \(non-finite values\).*kept; standardise the features",
    Status.ROSE: r"under solver 'gd' the objective rose from 1 to 3 in 3 iterations; standardise the features",
    Status.UNBOUNDED: r"rows with targets of 0 from all others, and alpha=0, so the loss has no minimum.*use alpha > 0",
    Status.BOTTOMLESS: r"loss 'mine' has no minimum: the objective falls without end.*wrong sign",
    Status.MAX_ITER: r"stopped after 3 iterations, with as many products .* as max_iter=7 allows, before it reached tol=0.01",
    Status.STALLED: r"found no lower value after iteration 3 \(in my words\), though tol=0.01 is not reached",
}


def said(problem, status, **more):
    return advice(
        Outcome(status, np.zeros(4), 3, 0.5, solver="gd", losses=[1.0, 2.0, 3.0], said="in my words", **more), problem, "mine"
    )


def test_iterations_are_counted_where_they_were_what_ended_it(make_problem):
    assert "stopped after max_iter=3 iterations before it" in said(make_problem(max_iter=3), Status.MAX_ITER)


@pytest.mark.parametrize("status", Status)
def test_each_status_has_its_sentence(make_problem, status):
    sentence = said(make_problem(max_iter=7, tol=0.01), status)
    if status.success:
        assert sentence is None
    else:
        found = re.search(SENTENCES.get(status, SENTENCES[Status.STALLED]), sentence)
        assert found, sentence
        assert not any(text in sentence for text in ("Status.", "None"))


def test_a_gap_without_a_bound_names_nearly_dependent_columns(make_problem):
    sentence = said(make_problem("mae", "lbfgs"), Status.STALLED, certificate={"dual_gap_": np.inf})
    assert "cannot be told" in sentence and "nearly dependent" in sentence


def test_an_interrupted_fit_says_nothing(make_problem):
    assert said(make_problem(), Status.INTERRUPTED, interruption=KeyboardInterrupt()) is None


@pytest.mark.parametrize("status", [Status.DIVERGED, Status.ROSE])
def test_a_learning_rate_is_named_where_there_is_one(make_problem, status):
    assert "; lower solver__learning_rate, or standardise the features" in said(make_problem(solver="sgd"), status)
