"""What the displays share: colours, dashes and markers, axes, legends, names of losses."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLORS", "MARKERS", "axes", "grid_of_axes", "label_of", "legend", "plain", "series_in", "style", "tidy", "titled"]

# The colours of Okabe and Ito, without the yellow, which is hard to see on white.
COLORS = ("#000000", "#E69F00", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9")
DASHES = ("-", (0, (6, 2)), (0, (2, 1.2)), (0, (7, 2, 1.5, 2)), (0, (1, 1.6)), (0, (4, 1.5, 1, 1.5, 1, 1.5)))
MARKERS = "osD^vP*X"
OWN = "sklearn_losses legend"  # the mark of a legend of ours below the axes


def style(number: int) -> dict[str, Any]:
    """Colour and dashes of a line; the same pair comes back after 42 lines."""
    return {"color": COLORS[number % len(COLORS)], "linestyle": DASHES[number % len(DASHES)]}


def _pyplot(owner):
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"{owner} needs matplotlib: pip install matplotlib.") from error
    return plt


def axes(ax: Any, owner: str, columns: int = 1, size: tuple[float, float] = (6.4, 4.2)) -> Any:
    """The given axes, or new ones."""
    plt = _pyplot(owner)
    if ax is None:
        _, ax = plt.subplots(1, columns, figsize=size, layout="constrained")
    return ax


def grid_of_axes(
    ax: Any, owner: str, n_panels: int, *, columns: int, size: tuple[float, float], **options: Any
) -> NDArray[Any]:
    """The given axes, or a new figure with a grid of panels, one after another.

    Parameters
    ----------
    ax : matplotlib axes, array of these, or None
        The axes that the user passed.
    owner : str
        The display, for messages.
    n_panels : int
        How many panels are drawn.
    columns : int
        Panels side by side in a new figure.
    size : tuple of float
        Width and height of one panel in inches.
    **options : dict
        For ``plt.subplots``.

    Returns
    -------
    ndarray of axes of shape (n_panels,)
        The panels, row by row.
    """
    plt = _pyplot(owner)
    if ax is not None:
        panels = np.ravel(np.asarray(ax, dtype=object))
        if len(panels) != n_panels:
            raise ValueError(f"{owner} draws {n_panels} panels here; pass an array of {n_panels} axes. Got {len(panels)}.")
        return panels
    columns = min(columns, n_panels)
    rows = -(-n_panels // columns)
    figsize = (columns * size[0], rows * size[1])
    _, grid = plt.subplots(rows, columns, figsize=figsize, layout="constrained", squeeze=False, **options)
    for spare in grid.ravel()[n_panels:]:
        spare.set_visible(False)
    return grid.ravel()[:n_panels]


def series_in(ax: Any, what: str) -> int:
    """How many series of a kind axes have already, told by the mark that the displays leave."""
    return sum(artist.get_gid() == what for artist in ax.get_children())


def tidy(ax: Any) -> None:
    """Leave out the frame's upper and right lines, and draw a light grid behind the data."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="0.9", linewidth=0.8)
    ax.set_axisbelow(True)


def titled(ax: Any, title: str) -> None:
    """Give axes a title, unless they have one."""
    if not ax.get_title():
        ax.set_title(title, fontsize="medium")


def legend(panels: Any, alone: bool, *, columns: int = 2) -> None:
    """Draw a legend: below the panels of a figure of our own, where it hides nothing, else inside.

    Each label stands there once.
    """
    panels = np.ravel(np.asarray(panels, dtype=object))
    for earlier in [old for old in panels[0].figure.legends if old.get_gid() == OWN]:
        earlier.remove()  # of a display to which this one is added
        alone = True
    if not alone:
        for panel in panels:
            if panel.get_legend_handles_labels()[1]:
                panel.legend(frameon=False, fontsize="small")
        return
    found = {label: handle for panel in panels for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    if found:
        below = panels[0].figure.legend(
            found.values(), found.keys(), frameon=False, fontsize="small", ncols=columns, loc="outside lower center"
        )
        below.set_gid(OWN)


def plain(name: Any, most: int = 60) -> str:
    """Turn a name into a text that matplotlib draws as it is: no formulas, one line, not too long.

    Parameters
    ----------
    name : object
        A name that the user gave, such as that of a feature, a class or a model.
    most : int, default=60
        Number of characters from which on the middle of the name is left out.

    Returns
    -------
    str
        The text, in which a dollar sign does not begin a formula.
    """
    text = " ".join(str(name).split())
    if len(text) > most:
        end = most // 2
        text = f"{text[: most - end - 1]}…{text[-end:]}"
    return text.replace("$", r"\$")


def label_of(loss: Any) -> str:
    """A loss in a legend: its name, its object with the parameters, or its function."""
    return loss if isinstance(loss, str) else " ".join(repr(loss).split()) if hasattr(loss, "get_params") else loss.__name__
