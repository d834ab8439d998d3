"""The folders of the package import one way only, and nothing optional is imported before it is
used.
"""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import sklearn_losses

PACKAGE = Path(sklearn_losses.__file__).parent
# folder or module -> those that it may import, besides itself: each floor only from the floors
# below it
MAY_IMPORT = {
    "core": set(),
    "blocks": {"core"},
    "models": {"core"},
    "losses": {"core"},
    "piecewise": {"core"},
    "objective": {"core", "piecewise"},
    "part_with_lines": {"core", "objective", "piecewise"},
    "summed_objective": {"core", "objective", "part_with_lines", "piecewise"},
    "distributed": {"blocks", "core"},
    "solvers": {"core", "piecewise"},
    "resistant": {"core", "losses", "models", "objective", "piecewise", "solvers"},
    "datasets": set(),
    "metrics": {"core", "datasets", "losses"},
    "plotting": {"core", "losses", "resistant"},
    "fitting": {"core", "losses", "models", "objective", "piecewise", "resistant", "solvers", "summed_objective"},
    "testing": {"core", "losses", "models", "objective", "solvers"},
    "estimators": {"blocks", "core", "distributed", "fitting", "losses", "metrics", "models", "objective", "solvers"},
    "model_selection": {"core", "estimators", "fitting", "losses", "metrics", "plotting"},
}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("sklearn_losses."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("sklearn_losses."):
                    yield alias.name.split(".")[1]


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_folders_import_one_way(folder):
    files = [PACKAGE / f"{folder}.py"] if (PACKAGE / f"{folder}.py").exists() else sorted((PACKAGE / folder).glob("*.py"))
    assert files
    for path in files:
        assert set(imports(path)) - {folder} <= MAY_IMPORT[folder], path.name


def test_every_folder_has_its_rule():
    lower = {path.stem if path.is_file() else path.name for path in PACKAGE.iterdir() if not path.name.startswith("_")}
    assert lower - {"py"} <= set(MAY_IMPORT)  # "py" is the marker py.typed


def module_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_modules_import_no_circle():
    """Of the imports that run with the module itself; those inside functions come later."""
    files = {module_of(path): path for path in PACKAGE.rglob("*.py")}
    graph = {}
    for name, path in files.items():
        found = graph.setdefault(name, set())
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ImportFrom) and node.module in files:
                inside = {f"{node.module}.{alias.name}" for alias in node.names} & set(files)
                found |= inside or {node.module}
    assert sum(map(len, graph.values())) > 150
    assert len(list(TopologicalSorter(graph).static_order())) >= len(files)  # it raises CycleError


LONGEST = {"estimators/base.py": 180}  # lines without docstrings; of all others 360


def lines_of_docstrings(tree):
    """How many lines of a module are docstrings: a limit for code must not make them shorter."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    first = [node.body[0] for node in ast.walk(tree) if isinstance(node, documented) and ast.get_docstring(node) is not None]
    return sum(node.end_lineno - node.lineno + 1 for node in first)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_are_short(path):
    source = path.read_text()
    length = len(source.splitlines()) - lines_of_docstrings(ast.parse(source))
    assert length <= LONGEST.get(path.relative_to(PACKAGE).as_posix(), 360)


def test_no_optional_package_is_imported():
    optional = "pandas polars matplotlib torch statsmodels pyarrow dask distributed"
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


def test_what_a_fit_does_not_need_is_imported_on_demand():
    code = """
import sys
import sklearn_losses
assert not {"sklearn.model_selection", "sklearn_losses.model_selection", "sklearn_losses.plotting"} & set(sys.modules)
assert set(sklearn_losses.__all__) <= set(dir(sklearn_losses))
assert not {"Any", "TYPE_CHECKING", "import_module"} & set(dir(sklearn_losses))
for name in sklearn_losses.__all__:
    assert getattr(sklearn_losses, name).__name__ == name
assert sklearn_losses.plotting is sys.modules["sklearn_losses.plotting"]
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        sklearn_losses.nothing  # noqa: B018  # the access raises
