"""A family of components: names, aliases and variants, parameters and their ranges."""

import math

import numpy as np
import pytest

from sklearn_losses.core.component import Component, Integer, Interval, Options, all_or_nothing, check_parameters


@pytest.fixture
def family():
    class Shape(Component, family="shape"):
        known_elsewhere = {"disc": "circle", "prism": "unknown here"}

    class Circle(Shape, name="circle", aliases=("round",)):
        parameter_constraints = {"radius": Interval(0.0, closed="neither")}

        def __init__(self, radius=1.0, inner=None):
            self.radius = radius
            self.inner = inner

    Circle.add_variant("large_circle", radius=10.0)
    Shape.circle = Circle
    return Shape


def test_a_name_an_alias_and_a_variant_make_an_object(family):
    for name, radius in (("circle", 1.0), ("round", 1.0), ("large_circle", 10.0)):
        made = family.make(name)
        assert type(made) is family.circle and made.radius == radius
    assert family.make("round").label == "circle"


def test_an_object_comes_back_as_it_is(family):
    circle = family.circle(2.0)
    assert family.make(circle) is circle


def test_aliases_are_no_names_of_their_own(family):
    assert list(family.names()) == ["circle", "large_circle"]
    assert family.aliases == {"round": "circle"}


def test_families_keep_their_names_apart(family):
    class Colour(Component, family="colour"):
        pass

    class Red(Colour, name="circle"):
        pass

    assert type(Colour.make("circle")) is Red and type(family.make("circle")) is family.circle


def test_a_class_without_a_name_is_no_entry(family):
    class Square(family):
        pass

    class Rectangle(family):
        name = "oblong"

    assert Square.name == "Square" and Rectangle.name == "oblong"
    assert family.names().keys().isdisjoint({"Square", "Rectangle", "oblong"})


def test_a_name_is_taken_once(family):
    with pytest.raises(ValueError, match="The shape name 'round' is already taken by .*Circle; choose another name"):

        class Other(family, name="round"):
            pass

    class Square(family, name="square"):
        pass

    with pytest.raises(ValueError, match="'large_circle' is already taken by .*Circle"):
        Square.add_variant("large_circle")
    assert type(family.make("large_circle")) is family.circle and family.make("large_circle").radius == 10.0


def test_a_class_that_is_defined_again_takes_its_own_name_over(family):
    def define():
        class Cell(family, name="cell"):
            pass

        return Cell

    first, second = define(), define()
    assert first is not second and type(family.make("cell")) is second


@pytest.mark.parametrize(
    ("spelt", "meant"),
    [
        ("Circle", "circle"),
        ("circel", "circle"),
        ("large-circle", "large_circle"),
        ("neg_circle", "circle"),
        ("disc", "circle"),
        ("DISCS", "circle"),
    ],
)
def test_what_was_meant(family, spelt, meant):
    with pytest.raises(
        ValueError, match=f"Unknown shape {spelt!r}. Did you mean {meant!r}\\? Known names: circle, large_circle"
    ):
        family.make(spelt)


@pytest.mark.parametrize("spelt", ["hexagon", "prism", ""])
def test_nothing_is_guessed_where_nothing_is_close(family, spelt):
    with pytest.raises(ValueError, match=f"Unknown shape {spelt!r}. Known names: circle, large_circle"):
        family.make(spelt)


def test_a_class_and_other_things_are_refused(family):
    with pytest.raises(ValueError, match=r"Got the class Circle; write Circle\(\)"):
        family.make(family.circle)
    with pytest.raises(ValueError, match="must be a name or an object, such as 'circle'. Got 3"):
        family.make(3)


def test_old_names_of_attributes_are_taken_with_a_warning(family):
    with pytest.warns(FutureWarning, match="Old.conditions is called parameter_constraints now"):

        class Old(family):
            conditions = {"size": Integer(1)}

    assert str(Old.parameter_constraints["size"]) == str(Integer(1))


@pytest.mark.parametrize(
    ("condition", "good", "bad", "said"),
    [
        (Interval(0.0), (0, 1.5, np.float32(2)), (-1e-9, "1", None, True, math.nan), "a float in the range [0.0, inf)"),
        (Interval(0.0, 1.0, closed="neither"), (0.5,), (0.0, 1.0), "a float in the range (0.0, 1.0)"),
        (Interval(0.0, 1.0, closed="right"), (1.0,), (0.0, 1.1), "a float in the range (0.0, 1.0]"),
        (Interval(0.0, 1.0, closed="both"), (0, 1), (-0.1, 1.1), "a float in the range [0.0, 1.0]"),
        (Integer(1), (1, np.int64(7)), (0, 1.0, True, np.True_), "an int in the range [1, inf)"),
        (Integer(1, 3), (1, 2), (3,), "an int in the range [1, 3)"),
        (Options("a", None, True), ("a", None, True), ("b", 1, False), "'a' or None or True"),
        (Options("auto", Integer(2)), ("auto", 2), (1, "none"), "'auto' or an int in the range [2, inf)"),
        (Options(Options("a"), Interval(1.0)), ("a", 2.0), ("b", 0.0), "'a' or a float in the range [1.0, inf)"),
    ],
)
def test_ranges_of_parameters(condition, good, bad, said):
    assert all(value in condition for value in good)
    assert not any(value in condition for value in bad)
    assert str(condition) == said


def test_a_parameter_outside_its_range_is_named(family):
    circle = family.circle(radius=0.0)  # the constructor says nothing
    with pytest.raises(
        ValueError, match=r"The 'radius' parameter of Circle must be a float in the range \(0.0, inf\). Got 0.0"
    ):
        circle.check()
    check_parameters(circle, {"radius": Interval(0.0)})


def test_parameters_are_set_all_or_none(family):
    circle = family.circle(radius=1.0, inner=family.circle(radius=0.5))
    with pytest.raises(ValueError, match="Invalid parameter 'colour'"):
        circle.set_params(inner__radius=0.1, radius=3.0, colour="red")
    assert circle.radius == 1.0 and circle.inner.radius == 0.5
    assert circle.set_params(inner__radius=0.1) is circle and circle.inner.radius == 0.1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_gives_all_owners_their_parameters_back(family, error):
    inner = family.circle(radius=0.5)
    one, other = family.circle(radius=1.0, inner=inner), family.circle(radius=2.0)
    with pytest.raises(error), all_or_nothing(one, other, "no component"):
        one.radius, other.radius, inner.radius, one.inner = 7.0, 7.0, 7.0, None
        raise error
    assert (one.radius, other.radius, inner.radius) == (1.0, 2.0, 0.5) and one.inner is inner
    with all_or_nothing(one):
        one.radius = 4.0
    assert one.radius == 4.0
