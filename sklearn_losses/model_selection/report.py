"""How results are shown: as text of a limited width, and as HTML in notebooks."""

import html
import textwrap
from collections.abc import Iterable, Sequence

__all__ = ["Bold", "paragraph", "section", "table", "text_table", "wrapped"]

WIDTH = 80  # of text

# It needs no file and no network. Colours follow the notebook, light or dark: text has the colour
# that is around it, and lines are half transparent.
CSS = """
.sklearn-losses {max-width: 60em; line-height: 1.45;}
.sklearn-losses .scroll {overflow-x: auto; margin: .4em 0 1em;}
.sklearn-losses table {border-collapse: collapse; border: none; font-size: .95em; margin: 0; color: inherit;}
.sklearn-losses th, .sklearn-losses td {padding: .25em .8em; border: none; text-align: left; vertical-align: top;
  color: inherit; background: none;}
.sklearn-losses .number {white-space: nowrap;}
.sklearn-losses tbody th {max-width: 18em; overflow-wrap: break-word;}
.sklearn-losses tr {background: none; border-bottom: 1px solid rgba(128, 128, 128, .3);}
.sklearn-losses thead tr {border-bottom: 1px solid rgba(128, 128, 128, .9);}
.sklearn-losses tbody th {font-weight: normal;}
.sklearn-losses .best, .sklearn-losses tbody .best th {font-weight: bold;}
.sklearn-losses td.number, .sklearn-losses th.number {text-align: right; font-variant-numeric: tabular-nums;}
.sklearn-losses p {margin: .6em 0;}
.sklearn-losses .title {font-weight: bold; font-size: 1.05em;}
.sklearn-losses .note {opacity: .75; font-size: .9em;}
.sklearn-losses li {margin: .25em 0;}
@media (max-width: 500px) {.sklearn-losses th, .sklearn-losses td {padding: .25em .4em;}}
"""


class Bold(str):
    """A text that stands out in a table or a list."""


def wrapped(sentence: str, indent: str = "", hanging: str = "  ") -> str:
    """A sentence in lines of at most 80 characters; a longer word has a line of its own."""
    return textwrap.fill(
        sentence,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _shortened(name, most=36):
    """A name without its middle where it is too long for a table of text."""
    return name if len(name) <= most else f"{name[: most // 2 - 1]}...{name[-most // 2 + 2 :]}"


def text_table(first: Sequence[str], groups: Iterable[Sequence[Sequence[str]]]) -> list[str]:
    """The lines of a table of at most 80 characters; what does not fit follows below.

    Parameters
    ----------
    first : sequence of str
        The first column, its header first. The middle of a long cell is left out.
    groups : iterable of columns
        Further columns, each with its header first; those of a group stay together.
    """
    first = [_shortened(cell) for cell in first]
    left = [f"{cell:<{max(map(len, first))}}" for cell in first]
    blocks: list[list[str]] = []
    for group in groups:
        widths = [max(map(len, column)) for column in group]
        rows = [
            "".join(f"  {cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in zip(*group, strict=True)
        ]
        if blocks and len(blocks[-1][0]) + len(rows[0]) <= WIDTH:
            blocks[-1] = [before + row for before, row in zip(blocks[-1], rows, strict=True)]
        else:
            blocks.append([before + row for before, row in zip(left, rows, strict=True)])
    return [line.rstrip() for place, block in enumerate(blocks) for line in ([""] if place else []) + block]


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int]) -> str:
    """A table in HTML.

    Parameters
    ----------
    header : sequence of str
        The names of the columns.
    rows : iterable of sequences of str
        The cells; a row whose first cell is `Bold` is bold.
    numbers : iterable of int
        The columns of numbers, which are aligned on the right.
    """
    right = set(numbers)

    def cell(tag, place, text):
        look = ' class="number"' if place in right else ""
        return f"<{tag}{look}>{html.escape(text)}</{tag}>"

    top = "".join(cell("th", place, text) for place, text in enumerate(header))
    lines = []
    for row in rows:
        look = ' class="best"' if isinstance(row[0], Bold) else ""
        cells = "".join(cell("td" if place else "th", place, text) for place, text in enumerate(row))
        lines.append(f"<tr{look}>{cells}</tr>")
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def paragraph(text: str, look: str = "") -> str:
    """A paragraph in HTML; `look` is "title", "note" or nothing."""
    return f"<p{f' class={look}' if look else ''}>{html.escape(text)}</p>"


def section(*parts: str) -> str:
    """The whole of a result in HTML, with its own style."""
    return f'<div class="sklearn-losses"><style>{CSS}</style>{"".join(parts)}</div>'
