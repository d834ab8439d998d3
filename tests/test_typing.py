"""The user's file that mypy checks in ``.ci/run``, `tests/typing/user.py`, also runs."""

import runpy
from pathlib import Path

import numpy as np

from sklearn_losses.losses import Loss

USER = Path(__file__).parent / "typing" / "user.py"


def test_a_users_file_runs(monkeypatch):
    # The loss that the file defines stays there.
    monkeypatch.setattr(Loss, "registry", dict(Loss.registry))
    scores = runpy.run_path(str(USER))["main"]()
    assert len(scores) == 11 and np.isfinite(scores).all()
