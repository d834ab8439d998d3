"""Components: what a user can name ("huber") or build (``Huber(delta=2)``).

These are the losses, the solvers and the models.

A family (losses, solvers, models) is a class that opens a registry; every subclass that gives
itself a name enters it. Everything else that is offered by name (the estimators' errors, the
tables of the documentation, the generated tests) reads the registry.
"""

import difflib
import math
from abc import ABCMeta
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_losses.core.notebook import PartInNotebooks
from sklearn_losses.core.renamed import OldName, warn_of_old

__all__ = ["Options", "Component", "Interval", "Integer", "all_or_nothing", "check_parameters", "description"]


class Interval(NamedTuple):
    """The numbers a parameter may take, with scikit-learn's words for them."""

    low: float
    high: float = math.inf
    closed: str = "left"
    kind: type = Real

    def __contains__(self, value: Any) -> bool:
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, self.kind):
            return False
        number: Any = value
        above = number >= self.low if self.closed in ("left", "both") else number > self.low
        below = number <= self.high if self.closed in ("right", "both") else number < self.high
        return bool(above and below)

    def __str__(self) -> str:
        opening = "[" if self.closed in ("left", "both") else "("
        closing = "]" if self.closed in ("right", "both") else ")"
        number = "an int" if self.kind is Integral else "a float"
        return f"{number} in the range {opening}{self.low}, {self.high}{closing}"


def Integer(low: int, high: float = math.inf) -> Interval:
    """The whole numbers from `low` on."""
    return Interval(low, high, closed="left", kind=Integral)


class Options(tuple):
    """A few admissible values, or further constraints of which one must hold."""

    def __new__(cls, *options: Any) -> Self:
        return super().__new__(cls, options)

    def __contains__(self, value: Any) -> bool:
        return any(
            value in option if isinstance(option, (Interval, Options)) else type(value) is type(option) and value == option
            for option in self
        )

    def __str__(self) -> str:
        return " or ".join(str(option) if isinstance(option, (Interval, Options)) else repr(option) for option in self)


def check_parameters(owner: object, constraints: Mapping[str, Any]) -> None:
    """Raise for the first attribute of `owner` outside its condition, in scikit-learn's words.

    Parameters
    ----------
    owner : object
        An estimator, a loss or a solver.
    constraints : dict of str to Interval or Options
        What each parameter may be.

    Raises
    ------
    ValueError
        "The 'alpha' parameter of LossRegressor must be a float in the range [0.0, inf). Got -1
        instead."
    """
    for name, condition in constraints.items():
        value = getattr(owner, name)
        if value not in condition:
            raise ValueError(f"The {name!r} parameter of {type(owner).__name__} must be {condition}. Got {value!r} instead.")


def description(component: "Component") -> str:
    """What tells a component from others: its class and its parameters.

    Unlike `repr` it looks up no default values, which takes long in a small fit.
    """
    return f"{type(component).__module__}.{type(component).__qualname__}({vars(component)})"


@contextmanager
def all_or_nothing(*owners: Any) -> Iterator[None]:
    """A context in which the parameters of some owners are set.

    After an error the owners, and the components inside, have their old ones back.
    """
    before = [(part, vars(part).copy()) for owner in owners for part in _with_components(owner)]
    try:
        yield
    except BaseException:
        for part, state in before:
            part.__dict__ = state
        raise


def _with_components(owner):
    if isinstance(owner, BaseEstimator):
        yield owner
        for value in vars(owner).values():
            if isinstance(value, Component):
                yield from _with_components(value)


def _letters(name):
    """A name without what spellings differ in: "L-BFGS" as "lbfgs"."""
    return "".join(character for character in name.lower() if character.isalnum())


def _origin(maker):
    made = getattr(maker, "func", maker)
    return made.__module__, made.__qualname__


class _WithoutOldNames(ABCMeta):
    """The class of components: `dir`, and so help() and the documentation, show no old names."""

    def __dir__(cls):
        return _without_old_names(cls, super().__dir__())


def _without_old_names(kind, names):
    """The names under which a class, or the first of its bases that has one, has no `OldName`."""
    own = ((name, next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None)) for name in names)
    return [name for name, value in own if not isinstance(value, OldName)]


class Component(PartInNotebooks, BaseEstimator, metaclass=_WithoutOldNames):
    """Base of losses, solvers and models.

    Gives parameters, clone and repr as in scikit-learn, and a registry of names.

    A class keyword ``family="loss"`` opens a registry; ``name="huber", aliases=("h",)`` enters it.
    """

    family: ClassVar[str]  # what its members are called in messages
    registry: ClassVar[dict[str, Callable[[], Any]]]  # name -> what makes the object, of the family
    aliases: ClassVar[dict[str, str]]  # further names -> the name
    root: ClassVar[type[Any]]  # the class that opened the family
    name: Any  # str; a property where the name of an object follows from its parts
    # Parameter -> `Interval` or `Options`; checked when it is used, never before.
    parameter_constraints: ClassVar[dict[str, Any]] = {}
    # What other libraries call things -> the name here, for the messages of a family.
    known_elsewhere: ClassVar[dict[str, str]] = {}
    # What an author may still write -> the name now.
    renamed: ClassVar[dict[str, str]] = {"conditions": "parameter_constraints"}
    conditions = OldName("conditions", "parameter_constraints")

    def __init__(self) -> None:
        """Take no parameters.

        scikit-learn's `repr` looks up a signature, which `object` tells slowly.
        """

    def __dir__(self):
        return _without_old_names(type(self), super().__dir__())

    def set_params(self, **params: Any) -> Self:
        """Set parameters: all of them or, where one is unknown, none.

        Parameters
        ----------
        **params : dict
            Names and values.

        Returns
        -------
        self
            The same object.
        """
        with all_or_nothing(self):
            return super().set_params(**params)

    def __init_subclass__(
        cls, name: str | None = None, aliases: tuple[str, ...] = (), family: str | None = None, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        cls._accept_old_names()
        in_messages = "name" in vars(cls) or isinstance(getattr(cls, "name", None), property)
        if name or not in_messages:
            cls.name = name or cls.__name__
        if family is not None:
            cls.family, cls.registry, cls.aliases, cls.root = family, {}, {}, cls
        if name is not None:
            cls._enter(name, cls)
            for alias in aliases:
                cls._enter(alias, cls)
                cls.aliases[alias] = name

    @classmethod
    def _accept_old_names(cls):
        for old, new in cls.renamed.items():
            if old in vars(cls):
                warn_of_old(f"{cls.__name__}.{old} is called {new} now; rename it.")
                setattr(cls, new, vars(cls)[old])
            elif not any(old in vars(kind) for kind in cls.__mro__):
                setattr(cls, old, OldName(old, new))

    @classmethod
    def _enter(cls, name, maker):
        known = cls.registry.get(name)
        # Running a notebook's cell again is no clash.
        if known is not None and _origin(known) != _origin(maker):
            raise ValueError(f"The {cls.family} name {name!r} is already taken by {_origin(known)[1]}; choose another name.")
        cls.registry[name] = maker

    @classmethod
    def add_variant(cls, name: str, **params: Any) -> None:
        """Register a further name, which stands for this class with other parameters.

        Parameters
        ----------
        name : str
            The name, which no other member of the family may have.
        **params : dict
            The parameters that it stands for.
        """
        cls._enter(name, partial(cls, **params))

    @classmethod
    def names(cls) -> dict[str, Callable[[], Any]]:
        """Return every name of the family, without aliases, with what makes its object.

        Returns
        -------
        dict of str to callable
            The names, and functions without arguments.
        """
        return {name: maker for name, maker in cls.registry.items() if name not in cls.aliases}

    @property
    def label(self) -> str:
        """The name that messages and ``solver_`` give to this object."""
        return self.name

    @classmethod
    def make(cls, spec: Any) -> Self:
        """Turn a name or an object into an object; an object comes back as it is.

        Parameters
        ----------
        spec : str or object
            A name of the family, or one of its objects.

        Returns
        -------
        Component
            The object.

        Raises
        ------
        ValueError
            If there is no such name; the message suggests the closest one.
        """
        if isinstance(spec, cls.root):
            return spec
        if isinstance(spec, str):
            if spec in cls.registry:
                return cls.registry[spec]()
            guess = cls._meant(spec)
            hint = f" Did you mean {guess!r}?" if guess else ""
            raise ValueError(
                f"Unknown {cls.family} {spec!r}.{hint} Known names: {', '.join(sorted(cls.names()))}; "
                f"or pass an object from {'.'.join(cls.root.__module__.split('.')[:2])}."
            )
        return cls._make_other(spec)

    @classmethod
    def _meant(cls, spec):
        """The name that an unknown one most likely stands for; None where none is close.

        It may be misspelt, or that of another library.
        """
        own = {_letters(name): name for name in cls.registry}
        elsewhere = {_letters(name): meant for name, meant in cls.known_elsewhere.items() if meant in cls.registry}
        letters = _letters(spec).removeprefix("neg")
        for names in (own, elsewhere):
            if letters in names:
                return names[letters]
        for names in (own, elsewhere):
            if close := difflib.get_close_matches(letters, names, n=1):
                return names[close[0]]
        return None

    @classmethod
    def _make_other(cls, spec):
        if isinstance(spec, type):
            raise ValueError(
                f"A {cls.family} must be a name or an object. Got the class {spec.__name__}; write {spec.__name__}()."
            )
        raise ValueError(f"A {cls.family} must be a name or an object, such as {sorted(cls.names())[0]!r}. Got {spec!r}.")

    def check(self) -> None:
        """Raise ValueError if a parameter is outside its range.

        Fits call this; constructors never do.

        Raises
        ------
        ValueError
            If a parameter is outside its range.
        """
        check_parameters(self, self.parameter_constraints)


def __getattr__(name):
    renamed = {"Whole": "Integer", "Choice": "Options"}
    if name not in renamed:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warn_of_old(f"{name} is called {renamed[name]} now.")
    return globals()[renamed[name]]
