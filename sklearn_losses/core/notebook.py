"""How estimators, losses, solvers and models show in notebooks.

scikit-learn draws the diagram of an estimator. Here is what it asks of it: the page of the
documentation, and which parameters the user has set.
"""

import inspect
import sys
from typing import Any

__all__ = ["DOCUMENTATION", "InNotebooks", "PartInNotebooks", "public_path"]

# The address of the documentation; pyproject.toml has the same one.
DOCUMENTATION = "https://sklearn-losses.github.io/sklearn-losses"


def public_path(kind: type) -> str | None:
    """The shortest path by which a class is imported, such as "sklearn_losses.losses.Huber".

    None for a class that is not public.
    """
    package, _, rest = kind.__module__.partition(".")
    for module in (package, f"{package}.{rest.split('.')[0]}"):
        loaded = sys.modules.get(module)
        if kind.__name__ in getattr(loaded, "__all__", ()) and getattr(loaded, kind.__name__) is kind:
            return f"{module}.{kind.__name__}"
    return None


class InNotebooks:
    """A mixin for what has parameters as in scikit-learn; it stands in front of `BaseEstimator`.

    The attributes `_doc_link_...` are those that scikit-learn's developer guide has for packages
    that build on it.
    """

    _doc_link_module = "sklearn_losses"
    _doc_link_template = "{page}"

    def _doc_link_url_param_generator(self):
        """The address of the page of this class; empty, and so no link, where it has none."""
        path = public_path(type(self))
        return {"page": "" if path is None else f"{DOCUMENTATION}/api/generated/{path}.html"}

    def _get_params_html(self, *args: Any, **kwargs: Any) -> Any:
        """scikit-learn's table of parameters, from version 1.7 on, with the right ones marked.

        It takes all parameters of a nested object, such as ``loss__scale``, for set by the user.
        """
        table = super()._get_params_html(*args, **kwargs)  # type: ignore[misc]
        values = dict(table)
        changed = [name for name in table.non_default if not _is_default(name, values)]
        table.non_default = tuple(changed)
        # Those that were set come first, as in other tables, and those of nested objects last.
        order = sorted(values, key=lambda name: (name not in changed, "__" in name))
        table.data = {name: values[name] for name in order}
        return table


class PartInNotebooks(InNotebooks):
    """The same for losses, solvers and models, which are not fitted and so not called so."""

    def _repr_html_inner(self):
        return _without_state(super()._repr_html_inner())  # type: ignore[misc]

    def _repr_mimebundle_(self, **kwargs):
        return {kind: _without_state(shown) for kind, shown in super()._repr_mimebundle_(**kwargs).items()}  # type: ignore[misc]


def _without_state(shown):
    """A diagram without the sign that says "Not fitted"."""
    return shown.replace('<span class="sk-estimator-doc-link ">i<span>Not fitted</span></span>', "")


def _is_default(name, values):
    """Whether a parameter of a nested object has the default of that object's class."""
    owner, _, parameter = name.rpartition("__")
    if owner not in values:
        return False
    found = inspect.signature(type(values[owner])).parameters.get(parameter)
    return found is not None and found.default is not found.empty and repr(found.default) == repr(values[name])
