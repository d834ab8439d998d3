"""A picture of each loss, as SVG: the loss of a row and its slope.

The colours are legible on white and on black paper, and differ for readers who see few colours; the
slope is dashed besides.
"""

from functools import cache
from importlib import import_module
from typing import NamedTuple

import numpy as np
from public_names import public_names

from sklearn_losses.core.queries import Queries
from sklearn_losses.losses import CostSensitive, Huber, Loss, Quantile, SoftLabels

CURVE, SLOPE, GREY = "#2A86C8", "#D55E00", "#808080"
SPAN = (-3.0, 3.0)
ACROSS = {
    "regression": "residual: target − raw prediction",
    "log link": "log(target / prediction)",
    "classification": "margin: raw prediction for the right class",
    "ranking": "score of the relevant row − score of the other",
}
# Losses that need an argument, as they are drawn.
ARGUMENTS = {"ExpectedCost": {"cost": [[0.0, 1.0], [1.0, 0.0]]}}
POINTS = np.linspace(*SPAN, 241)


def _with_costs(t):
    return CostSensitive(cost=[[0.0, 1.0], [5.0, 0.0]]).value(np.ones(len(t), dtype=np.intp), t) / 5


# Losses of other losses: what a row adds to the objective, by its residual or its margin, the task
# and a sentence.
OF_LOSSES = {
    "CVaR": (
        lambda t: np.maximum(0.0, t**2 - 1.0),
        "regression",
        "The squared error of a row, of which only the part above a quantile of all losses counts",
    ),
    "CostSensitive": (
        _with_costs,
        "classification",
        "The cross-entropy of a row of class 1, whose wrong decision costs five times as much, over five",
    ),
    "CustomLoss": (
        lambda t: np.where(t > 0, 3.0, 1.0) * t**2 / 2,
        "regression",
        "An example: a squared error that counts three times where the prediction is too low",
    ),
    "SoftLabels": (
        lambda t: SoftLabels("cross_entropy").value(np.tile([0.3, 0.7], (len(t), 1)), t),
        "classification",
        "The cross-entropy of a row that is of the second class with probability 0.7",
    ),
    "Tilted": (
        lambda t: np.expm1(0.25 * t**2) / 0.25,
        "regression",
        "The squared error of a row with a tilt of 0.25: the weight of the row grows with its loss",
    ),
    "Trimmed": (
        lambda t: np.minimum(t**2, 3.0),
        "regression",
        "The squared error of a row, whose slope is 0 where the row is left out",
    ),
    "WeightedSum": (
        lambda t: (0.7 * Huber(scale=1.0) + 0.3 * Quantile(0.9)).value(np.zeros(len(t)), -t),
        "regression",
        "An example: 0.7 times Huber's loss plus 0.3 times the quantile loss of level 0.9",
    ),
}


class Picture(NamedTuple):
    """The curves of a loss, the name of their axis, and a sentence on what is seen."""

    values: np.ndarray
    slopes: np.ndarray
    across: str
    caption: str


@cache
def picture(name):
    """The picture of a public name; None where it is no loss that can be used as it is."""
    if name in OF_LOSSES:
        curve, task, sentence = OF_LOSSES[name]
        values = curve(POINTS)
        return Picture(values, np.gradient(values, POINTS), ACROSS[task], f"{sentence} (solid), and the slope (dashed).")
    value = getattr(import_module(public_names()[name]), name)
    if not (isinstance(value, type) and issubclass(value, Loss) and vars(value).get("name") in Loss.names()):
        return None
    loss = value(**ARGUMENTS.get(name, {}))
    if isinstance(loss.get_params().get("scale"), str):
        loss = loss.set_params(scale=1.0)
    what = {
        "regression": f"a row, by its residual{', at scale 1' if hasattr(loss, 'scale') else ''}",
        "log link": "a row with the target 1, by the logarithm of target over prediction",
        "classification": "a row, by its margin",
        "ranking": "a query of two rows, by the difference of their scores",
    }
    kind = "log link" if loss.task == "regression" and _linked(loss) else loss.task
    sentence = f"The loss of {what[kind]} (solid), and its slope (dashed)."
    return Picture(*_curves(loss), ACROSS[kind], sentence)


def _linked(loss):
    """Whether the prediction is the exponential of the raw prediction."""
    return not np.array_equal(loss.inverse_link(np.zeros(1)), [0.0])


def _curves(loss):
    """The loss at `POINTS`, and its slope there."""
    if loss.task == "ranking":
        query = Queries(np.array([1.0, 0.0]), np.array([0, 2]))
        pairs = [loss.value_and_gradient(query, np.array([point, 0.0])) for point in POINTS]
        return np.array([value[0] for value, _ in pairs]), np.array([slope[0] for _, slope in pairs])
    if loss.task == "classification":
        return loss.value_and_gradient(np.ones(len(POINTS), dtype=np.intp), POINTS)
    values, gradient = loss.value_and_gradient(np.full(len(POINTS), float(_linked(loss))), -POINTS)
    return values, -gradient


def write(folder, names):
    """Write the small and the large picture of each loss among the names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if shown := picture(name):
            for suffix, size in (("_small", (132, 84)), ("", (480, 300))):
                (folder / f"{name}{suffix}.svg").write_text(draw(shown, name, size), encoding="utf-8")


def draw(shown, title, size):
    """The SVG of one loss; a picture below 200 pixels has no numbers and no labels."""
    small = size[0] < 200
    left, right, top, bottom = (4, 4, 4, 4) if small else (44, 12, 34, 44)
    points, (low, high) = POINTS, _limits(shown.values, shown.slopes)

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
    for curve, colour, dashes in ((shown.slopes, SLOPE, ' stroke-dasharray="6 4"'), (shown.values, CURVE, "")):
        line = "L".join(f"{x:.1f} {y:.1f}" for x, y in zip(*place(points, curve), strict=True))
        style = f'stroke="{colour}" stroke-width="{2 if small else 2.5}"{dashes}'
        parts.append(f'<path d="M{line}" clip-path="url(#a)" fill="none" {style}/>')
    if not small:
        parts += _labels(place, (points[0], points[-1]), (low, high), shown.across, title, size)
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
