"""Old import paths: they still work, with a FutureWarning that names the new one."""

import sys
import warnings
from importlib import import_module
from importlib.machinery import ModuleSpec

MOVED = {
    "batches": "core.batches",
    "comparison": "model_selection",
    "component": "core.component",
    "curvature": "core.hessian_operator",
    "display": "plotting",
    "equal_terms": "model_selection.equal_terms",
    "estimators.monitor": "fitting.monitor",
    "estimators.progress": "fitting.progress",
    "estimators.staged": "fitting.staged",
    "estimators.strength": "fitting.strength",
    "estimators.trimming": "fitting.trimming",
    "floating": "core.floating",
    "label_noise": "model_selection.label_noise",
    "noise": "model_selection",
    "penalties": "core.penalties",
    "perplexity": "metrics",
    "pieces": "piecewise.terms",
    "queries": "core.queries",
    "ranking_metrics": "metrics",
    "slot": "core.loss_parameter",
    "solvers.certificate": "piecewise.duality_gap",
    "solvers.proximal": "solvers.proximal_newton",
    "solvers.subgradient": "core.subgradient",
    "suggestion": "model_selection",
    "threads": "core.threads",
}


class OldPaths:
    """A finder and loader of modules (`sys.meta_path`) that answers for the old paths alone."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        """The spec of an old path; None for all others."""
        package, _, old = name.partition(".")
        return ModuleSpec(name, OldPaths) if package == "sklearn_losses" and old in MOVED else None

    @staticmethod
    def create_module(spec):
        """The module that has what the old one had."""
        new = f"sklearn_losses.{MOVED[spec.name.partition('.')[2]]}"
        warnings.warn(f"{spec.name} has moved to {new}; import it from there.", FutureWarning, stacklevel=2)
        module = import_module(new)
        spec.loader_state = module.__spec__, module.__loader__
        return module

    @staticmethod
    def exec_module(module):
        """Give the module its own spec back, which the import has just replaced."""
        module.__spec__, module.__loader__ = module.__spec__.loader_state


sys.meta_path.append(OldPaths)
