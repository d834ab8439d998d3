"""Rows in files against rows in memory: the same objective, counted and measured."""

import numpy as np
import pytest

from benchmarks import stream


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows")
    assert stream.written(path, 3000, 4) == 3000 * 7 * 8 + 128
    return str(path)


def task(folder, loss, how, **given):
    return {"loss": loss, "folder": folder, "columns": 4, "form": "npy", "how": how, **given}


@pytest.mark.parametrize("loss", stream.LOSSES)
def test_files_and_memory_have_one_objective(folder, loss):
    files, memory = (stream.fit_once(task(folder, loss, how)) for how in ("files", "memory"))
    assert files["objective"] == pytest.approx(memory["objective"], rel=1e-8)
    assert files["converged"] and memory["converged"]
    assert files["passes"] >= 2 and memory["passes"] is None


def test_a_peer_is_held_to_our_objective(folder):
    ours = stream.fit_once(task(folder, "cross_entropy", "files"))
    peer = stream.fit_once(task(folder, "cross_entropy", "partial_fit", objective=ours["objective"]))
    assert peer["objective"] > ours["objective"] * (1 - 1e-9)
    assert peer["passes"] == stream.EPOCHS or peer["converged"]


@pytest.mark.parametrize("form", ["npy", "parquet"])
def test_files_of_a_size(tmp_path, form):
    if form == "parquet":
        pytest.importorskip("pyarrow")
    stream.written(tmp_path, 3000, 4, form, piece=8 * 7 * 1000)
    assert len(list(tmp_path.iterdir())) == 3
    X, y = stream.in_memory(stream.source_of(tmp_path, "class", 4, form))
    assert X.shape == (3000, 4) and set(np.unique(y)) == {0.0, 1.0}
    assert abs(X.mean()) < 0.1 and len(np.unique(X)) == X.size


@pytest.mark.slow
def test_the_table(tmp_path, capsys):
    lines = stream.compare(tmp_path, ["quantile"], 3000, 4, "npy")
    assert [line[:2] for line in lines] == [["quantile", "files"], ["quantile", "memory"]]
    assert all(float(line[5]) < 100 for line in lines)
    printed = capsys.readouterr().out
    assert printed.startswith("3000 x 4, 0 MB of npy files") and printed.count("| quantile |") == 2
