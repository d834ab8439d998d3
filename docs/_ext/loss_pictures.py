"""A picture of each loss, as SVG: the loss of a row and its slope.

The colours are legible on white and on black paper, and differ for readers who see few colours; the
slope is dashed besides.
"""

from importlib import import_module

import numpy as np
from public_names import public_names

from sklearn_losses.core.queries import Queries
from sklearn_losses.losses import Loss
from sklearn_losses.plotting import LossFunctionDisplay

CURVE, SLOPE, GREY = "#2A86C8", "#D55E00", "#808080"
SPAN = (-3.0, 3.0)
ACROSS = {
    "regression": "residual: target − raw prediction",
    "classification": "margin: raw prediction for the right class",
    "ranking": "score of the relevant row − score of the other",
}
# Losses that need an argument, as they are drawn.
EXAMPLES = {"ExpectedCost": {"cost": [[0.0, 1.0], [1.0, 0.0]]}}


def made(name):
    """The loss that is drawn for a public name; None where there is none."""
    value = getattr(import_module(public_names()[name]), name)
    if not (isinstance(value, type) and issubclass(value, Loss) and value.__dict__.get("name") in Loss.names()):
        return None
    return value(**EXAMPLES.get(name, {}))


def has_picture(name):
    """Whether a public name is a loss with a picture."""
    return made(name) is not None


def caption(name):
    """What the picture shows."""
    loss = made(name)
    if loss.task == "ranking":
        what = "a query of two rows, by the difference of their scores"
    elif loss.task == "classification":
        what = "a row, by its margin"
    else:
        what = f"a row, by its residual{', at scale 1' if hasattr(loss, 'scale') else ''}"
    return f"The loss of {what} (solid), and its slope (dashed)."


def curves(loss):
    """Points, the loss there, and its slope."""
    if loss.task == "ranking":
        points = np.linspace(*SPAN, 241)
        query = Queries(np.array([1.0, 0.0]), np.array([0, 2]))
        pairs = [loss.value_and_gradient(query, np.array([point, 0.0])) for point in points]
        return points, np.array([value[0] for value, _ in pairs]), np.array([slope[0] for _, slope in pairs])
    shown = LossFunctionDisplay.from_losses([loss], span=SPAN, n_points=241)
    [values], [pulls] = shown.values.values(), shown.pulls.values()
    return shown.points, values, pulls if loss.task == "regression" else -pulls


def write(folder, names):
    """Write the small and the large picture of each loss among the names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        loss = made(name)
        if loss is None:
            continue
        for suffix, size in (("_small", (132, 84)), ("", (480, 300))):
            (folder / f"{name}{suffix}.svg").write_text(draw(*curves(loss), ACROSS[loss.task], name, size), encoding="utf-8")


def draw(points, values, slopes, across, title, size):
    """The SVG of one loss; a picture below 200 pixels has no numbers and no labels."""
    small = size[0] < 200
    left, right, top, bottom = (4, 4, 4, 4) if small else (44, 12, 34, 44)
    low, high = _limits(values, slopes)

    def place(x, y):
        across = left + (x - points[0]) / (points[-1] - points[0]) * (size[0] - left - right)
        return across, size[1] - bottom - (y - low) / (high - low) * (size[1] - top - bottom)

    (x0, y0), (x1, y1), (zero_x, zero_y) = place(points[0], low), place(points[-1], high), place(0.0, 0.0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" height="{size[1]}" '
        'font-family="system-ui, sans-serif" font-size="13">',
        f'<clipPath id="a"><rect x="{x0:.1f}" y="{y1:.1f}" width="{x1 - x0:.1f}" height="{y0 - y1:.1f}"/></clipPath>',
        f'<path d="M{x0:.1f} {zero_y:.1f}H{x1:.1f}M{zero_x:.1f} {y0:.1f}V{y1:.1f}" stroke="{GREY}" stroke-width="1"/>',
    ]
    for curve, colour, dashes in ((slopes, SLOPE, ' stroke-dasharray="6 4"'), (values, CURVE, "")):
        line = "L".join(f"{x:.1f} {y:.1f}" for x, y in zip(*place(points, curve), strict=True))
        style = f'stroke="{colour}" stroke-width="{2 if small else 2.5}"{dashes}'
        parts.append(f'<path d="M{line}" clip-path="url(#a)" fill="none" {style}/>')
    if not small:
        parts += _labels(place, (points[0], points[-1]), (low, high), across, title, size)
    return "\n".join([*parts, "</svg>\n"])


def _limits(values, slopes):
    """What the curves need, where one that is steep far out does not press the other flat."""
    high = min(max(values.max(), slopes.max()), 5.0)
    low = max(min(values.min(), slopes.min(), 0.0), -3.0)
    margin = 0.05 * (high - low)
    return low - margin, high + margin


def _labels(place, xs, ys, across, title, size):
    """Numbers, names of the axes, title and legend."""
    ticks = [
        *(("middle", *place(x, ys[0]), 16, f"{x:g}") for x in range(int(xs[0]), int(xs[1]) + 1)),
        *(("end", *place(xs[0], y), 4, f"{y:g}") for y in _ticks(*ys)),
    ]
    parts = []
    for anchor, x, y, down, text in ticks:
        at = f'x="{x - 6 if anchor == "end" else x:.1f}" y="{y + down:.1f}"'
        parts.append(f'<text {at} fill="{GREY}" text-anchor="{anchor}">{text.replace("-", "−")}</text>')
    middle = size[0] / 2
    parts.append(f'<text x="{middle}" y="{size[1] - 8}" fill="{GREY}" text-anchor="middle">{across}</text>')
    parts.append(
        f'<text x="{middle}" y="20" text-anchor="middle"><tspan fill="{GREY}" font-weight="600">{title}: </tspan>'
        f'<tspan fill="{CURVE}">loss (solid)</tspan><tspan fill="{GREY}">, </tspan>'
        f'<tspan fill="{SLOPE}">slope (dashed)</tspan></text>'
    )
    return parts


def _ticks(low, high):
    step = next(step for step in (0.05, 0.1, 0.2, 0.5, 1.0, 2.0) if (high - low) / step <= 8 or step == 2.0)
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
