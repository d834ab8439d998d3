"""The data and the problems of `python -m benchmarks real`, as far as scikit-learn brings them."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes

from benchmarks import report
from benchmarks.ladder import settle
from benchmarks.real import problems
from benchmarks.real_data import DATA, Data, design
from benchmarks.real_losses import ROWS
from sklearn_losses.losses import Loss

ROOT = Path(__file__).parents[2]
CONTAINED = ["diabetes", "diabetes raw", "breast_cancer", "breast_cancer raw", "iris", "wine", "digits"]


@pytest.fixture(scope="module")
def found():
    """The problems of scikit-learn's own sets by name."""
    names = [f"{name}/" for name in CONTAINED]
    return {contest.name: contest for contest in problems(names)}


def test_at_least_twenty_sets_with_losses():
    names = {name for sets in DATA.values() for name in sets}
    assert len(names) > 40 and set(CONTAINED) <= names
    assert set(DATA) == set(ROWS)


@pytest.mark.parametrize("name", CONTAINED)
def test_sets_of_scikit_learn(name):
    [data] = [sets[name]() for sets in DATA.values() if name in sets]
    X, y = data
    assert len(X) == len(y) and np.all(np.isfinite(X)) and data.entries == X.size
    if not name.endswith("raw") and name != "digits":
        np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(X.std(axis=0), 1)
    if name.startswith("diabetes"):
        assert y.dtype.kind == "f"
    else:
        np.testing.assert_array_equal(np.unique(y), np.arange(len(np.unique(y))))


@pytest.mark.parametrize("task, name", [("sparse two classes", "one-hot 20,000 x 950"), ("many classes", "1,000 classes")])
def test_sets_made_up(task, name):
    X, y = DATA[task][name]()
    assert X.shape == ((20_000, 950) if "hot" in name else (3000, 100))
    assert len(np.unique(y)) == (2 if "hot" in name else 1000)
    if "hot" in name:
        assert sparse.issparse(X) and np.all(X.sum(axis=1) == 7)


def test_design():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"age": [20, 40, np.nan], "level": [1, 2, 3], "job": ["a", "b", "a"]})
    np.testing.assert_allclose(
        design(frame, codes=["level"], scale=False), [[20, 1, 0, 0, 1, 0], [40, 0, 1, 0, 0, 1], [30, 0, 0, 1, 1, 0]]
    )
    np.testing.assert_allclose(design(frame, drop="first").std(axis=0)[:2], 1)
    rows = design(frame, as_sparse=True)
    assert sparse.issparse(rows)
    np.testing.assert_allclose(rows.toarray(), design(frame))
    assert Data(rows, None).entries == rows.nnz


def test_chosen_problems():
    assert [contest.name for contest in problems(["iris/hinge", "diabetes raw/ma"])] == [
        "diabetes raw/mae",
        "iris/hinge, several classes",
    ]


def test_sets_that_are_not_installed_are_left_out(capsys):
    def missing():
        raise ImportError("no module named ISLP")

    tasks = {"regression": {"absent": missing, "diabetes": DATA["regression"]["diabetes"]}}
    assert [contest.name for contest in problems(["/mse"], tasks)] == ["diabetes/mse"]
    assert "absent is left out: no module named ISLP" in capsys.readouterr().err


def test_all_losses_of_a_set(found):
    assert {name.split("/")[1] for name in found if name.startswith("iris/")} == set(ROWS["classes"])
    assert {name.split("/")[1] for name in found if name.startswith("breast_cancer/")} == set(ROWS["two classes"])


def test_null_is_the_best_constant(found):
    y = load_diabetes().target
    assert found["diabetes/mse"].null == pytest.approx(y.var())
    assert found["diabetes/lasso"].null == pytest.approx(y.var())
    assert found["diabetes/mae"].null == pytest.approx(np.abs(y - np.median(y)).mean())
    assert found["iris/cross_entropy, several classes"].null == pytest.approx(np.log(3))
    assert found["iris/hinge, several classes"].null == pytest.approx(2.0)
    # A column of ones in place of the intercept has a penalty.
    assert found["breast_cancer/hinge"].null == 1.0
    share = 212 / 569
    assert found["breast_cancer/cross_entropy"].null == pytest.approx(
        -share * np.log(share) - (1 - share) * np.log(1 - share), rel=1e-6
    )


# One for each way to convert a penalty; QuantileRegressor has none, skglm may not be installed.
CONVERTED = [
    ("diabetes/mse", "Ridge(cholesky)"),
    ("diabetes/mse", "Ridge(lsqr)"),
    ("diabetes/huber", "HuberRegressor"),
    ("diabetes/mae", "QuantileRegressor"),
    ("diabetes/quantile 0.9", "QuantileRegressor"),
    ("diabetes/lasso", "Lasso"),
    ("diabetes/elastic net", "ElasticNet"),
    ("breast_cancer/cross_entropy", "newton-cholesky"),
    ("breast_cancer/squared_hinge", "LinearSVC(primal)"),
    ("breast_cancer/hinge", "LinearSVC(dual)"),
    ("iris/cross_entropy, several classes", "newton-cg"),
    ("iris/crammer_singer", "LinearSVC(crammer_singer)"),
]


@pytest.mark.parametrize("name, peer", CONVERTED, ids=[f"{name}: {peer}" for name, peer in CONVERTED])
def test_both_sides_have_one_objective(found, name, peer):
    """Some tolerance of the peer reaches our optimum, which is below the best constant."""
    contest = found[name]
    ours, theirs = settle(dataclasses.replace(contest, peers={peer: contest.peers[peer]}))
    assert ours.reached and theirs.reached
    assert ours.objective < contest.null


@pytest.mark.parametrize("loss, estimator", [("poisson", "PoissonRegressor"), ("gamma", "GammaRegressor")])
def test_deviances_have_one_objective(loss, estimator):
    X, y = load_diabetes(return_X_y=True)
    y = np.round(y / 20) + 1
    [built] = {rows[loss] for rows in ROWS.values() if loss in rows}
    contest = built("diabetes", loss, Data(X * 20, y))
    ours, theirs, _ = settle(contest)
    assert ours.reached and theirs.reached and theirs.name == f"{estimator}(lbfgs)"
    assert contest.null == pytest.approx(Loss.make(loss).value(y, np.full(len(y), np.log(y.mean()))).mean())


def line(name, loss, ratio, won="yes", peers="1"):
    return [name, loss, "2 x 1", "1", "1", str(ratio), won, "peer", "1", peers, "", ""]


def test_summary_and_merging():
    lines = [
        line("a", "mse", 0.5),
        line("b", "mse", 4, "no"),
        line("c", "mse", 1.5, "no"),
        line("a", "hinge", 2, "no", "other"),
    ]
    assert report.summary(lines) == [["mse", "3", "1", "1.5", "4", "b"], ["hinge (time alone)", "1", "0", "2", "2", "a"]]
    again = report.merged(lines, [line("b", "mse", 0.9), line("d", "mse", 1)])
    assert [row[:2] + row[5:6] for row in again] == [
        ["a", "mse", "0.5"], ["b", "mse", "0.9"], ["c", "mse", "1.5"], ["a", "hinge", "2"], ["d", "mse", "1"],
    ]  # fmt: skip


def test_the_kinds_of_losses_have_each_problem_once():
    lines = [line("a", "mae", 0.5), line("b", "huber", 4, "no"), line("a", "hinge, several classes", 2, "no", "other")]
    assert report.by_kind(lines) == [["`mae`, `quantile`, `huber`", "2", "1", "2.2"], ["several classes", "1", "0", "2"]]
    named = [loss for losses in report.KINDS.values() for loss in losses]
    assert len(named) == len(set(named)) and set(named) <= {row for rows in ROWS.values() for row in rows}


def test_write(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write([line("a", "mse", 0.5), line("gone", "mse", 0.5)], tmp_path)
    report.write([line("b", "mse", 2)], tmp_path, order=[("b", "mse"), ("a", "mse")])
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert "| `mse`, `poisson`, `gamma` | 2 | 2 | 1.2 |" in text
    with (tmp_path / "docs" / "real_data.csv").open(newline="") as file:
        assert [row[0] for row in csv.reader(file)] == ["data set", "b", "a"]


def test_the_documentation_has_the_summary_of_its_table():
    with (ROOT / "docs" / "real_data.csv").open(newline="", encoding="utf-8") as file:
        head, *lines = csv.reader(file)
    assert tuple(head) == report.HEAD
    known = {(name, loss) for task, sets in DATA.items() for name in sets for loss in ROWS[task]}
    assert {tuple(row[:2]) for row in lines} <= known
    summary = report.summary(lines)
    with (ROOT / "docs" / "real_data_summary.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [list(report.SUMMARY), *summary]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert report.markdown(report.SHORT, report.by_kind(lines)) in text
