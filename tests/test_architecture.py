"""The rooms of the house import one way only, and nothing optional is imported before it is used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sklearn_losses

PACKAGE = Path(sklearn_losses.__file__).parent
# room -> the rooms it may import, besides itself
MAY_IMPORT = {
    "component": set(),
    "floating": set(),
    "penalties": set(),
    "models": set(),
    "threads": set(),
    "batches": {"threads"},
    "queries": set(),
    "losses": {"component", "queries"},
    "curvature": {"batches"},
    "pieces": {"curvature"},
    "objective": {"batches", "curvature", "pieces"},
    "solvers": {"component"},
    "perplexity": {"floating"},
    "slot": set(),
    "metrics": {"estimators", "floating", "losses", "ranking_metrics"},
    "testing": {"component", "batches", "losses", "models", "objective", "penalties", "queries", "solvers"},
    "ranking_metrics": {"floating", "losses", "queries"},
    "display": {"losses", "slot"},
    "equal_terms": {"estimators", "losses", "metrics"},
    "comparison": {"display", "equal_terms", "floating", "losses", "perplexity", "queries", "slot"},
    "noise": {"comparison", "display", "floating", "losses", "slot"},
    "label_noise": set(),
    "suggestion": {"comparison", "estimators", "floating", "label_noise", "losses"},
    "estimators": {
        "component",
        "batches",
        "floating",
        "losses",
        "models",
        "objective",
        "penalties",
        "pieces",
        "queries",
        "ranking_metrics",
        "solvers",
        "threads",
    },
}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("sklearn_losses."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("sklearn_losses."):
                    yield alias.name.split(".")[1]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_rooms_import_one_way(room):
    files = [PACKAGE / f"{room}.py"] if (PACKAGE / f"{room}.py").exists() else sorted((PACKAGE / room).glob("*.py"))
    assert files
    for path in files:
        assert set(imports(path)) - {room} <= MAY_IMPORT[room], path.name


def test_every_room_has_its_rule():
    lower = {path.stem if path.is_file() else path.name for path in PACKAGE.iterdir() if not path.name.startswith("_")}
    assert lower - {"py"} <= set(MAY_IMPORT)  # "py" is the marker py.typed


def test_no_optional_package_is_imported():
    optional = "pandas polars matplotlib torch statsmodels"
    ask = f"; import sys; print([name for name in {optional.split()} if name in sys.modules])"
    ours, sklearns = (
        subprocess.run([sys.executable, "-c", text + ask], capture_output=True, text=True, check=True).stdout
        for text in ("import sklearn_losses", "import sklearn.model_selection, sklearn.utils.estimator_checks")
    )
    assert ours == sklearns


def test_no_private_scikit_learn():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "sklearn":
                assert not any(part.startswith("_") for part in node.module.split(".")), (path.name, node.module)
                assert not any(alias.name.startswith("_") for alias in node.names), (path.name, node.module)
