"""`Status`: one value for how a fit ended."""

import copy
import pickle

import pytest
from scipy.optimize import OptimizeResult

from sklearn_losses.core.status import Status, set_status

ENOUGH = {Status.CONVERGED, Status.CALLBACK}


@pytest.mark.parametrize("status", Status)
def test_a_status_has_a_word_a_sentence_and_a_verdict(status):
    assert status.value == status.name.lower() and Status(status.value) is status
    assert status.sentence[0].isupper() or status.sentence.startswith(("max_iter", "KeyboardInterrupt"))
    assert status.sentence.endswith(".")
    assert status.success == (status in ENOUGH)


@pytest.mark.parametrize("status", Status)
def test_the_documentation_has_each_member_with_its_sentence(status):
    assert f'- ``{status.name}``: "{status.sentence}"' in (Status.__doc__ or "")


def test_sentences_differ():
    assert len({status.sentence for status in Status}) == len(Status)


@pytest.mark.parametrize("status", Status)
def test_copies_are_the_same_object(status):
    assert pickle.loads(pickle.dumps(status)) is status and copy.deepcopy(status) is status


def test_what_others_may_go_on_from():
    assert {status for status in Status if status.ended_by_itself} == {Status.CONVERGED, Status.STALLED}
    assert {status for status in Status if status.is_final} == {Status.CALLBACK, Status.DIVERGED}


def test_message_and_success_follow_the_status():
    result = OptimizeResult(x=1.0, success=True, message="other")
    assert set_status(result, Status.STALLED, fun=2.0) is result
    assert (result.x, result.fun, result.success) == (1.0, 2.0, False)
    assert result.message == Status.STALLED.sentence and result.status is Status.STALLED
