"""What the displays share: colours and dashes, axes, names of losses."""

from typing import Any

__all__ = ["COLORS", "axes", "label_of", "style", "tidy"]

COLORS = ("#000000", "#E69F00", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9")
DASHES = ("-", (0, (6, 2)), (0, (2, 1.2)), (0, (7, 2, 1.5, 2)), (0, (1, 1.6)), (0, (4, 1.5, 1, 1.5, 1, 1.5)))


def style(number: int) -> dict[str, Any]:
    """Colour and dashes; 42 pairs before one comes back."""
    return {"color": COLORS[number % len(COLORS)], "linestyle": DASHES[number % len(DASHES)]}


def axes(ax: Any, owner: str, columns: int = 1, size: tuple[float, float] = (6.4, 4.2)) -> Any:
    """The given axes, or new ones."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"{owner} needs matplotlib: pip install 'sklearn-losses[plot]'.") from error
    if ax is None:
        _, ax = plt.subplots(1, columns, figsize=size, layout="constrained")
    return ax


def tidy(ax: Any) -> None:
    """Leave out the frame's upper and right lines, and draw a light grid behind the data."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="0.9", linewidth=0.8)
    ax.set_axisbelow(True)


def label_of(loss: Any) -> str:
    """A loss in a legend: its name, its object with the parameters, or its function."""
    return loss if isinstance(loss, str) else " ".join(repr(loss).split()) if hasattr(loss, "get_params") else loss.__name__
