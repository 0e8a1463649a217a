"""How one row of the outline looks: pure, from plain values to pieces of text with style names."""

from __future__ import annotations

import re
from typing import NamedTuple

from tui.widgets.cells import clean, fit, fit_right, width_of
from tui.widgets.outline_model import Row
from tui.widgets.signs import Signs

_FAR = re.compile(r"\d{4}-\d\d-\d\d")
"""A date far off, in full: year and month are enough where there is little room."""


class Place(NamedTuple):
    """Where a row stands in the outline."""

    depth: int
    opened: bool
    selected: bool


def row_pieces(
    row: Row | None, place: Place, width: int, signs: Signs, *, thumb: str = "", needle: str = ""
) -> list[tuple[str, str]]:
    """Selection mark, guides, fold mark, state, title, progress, due date and thumb, as one line.

    row: None for one that is not fetched yet. thumb: the last cell, where the list is longer than the screen;
    else a blank is the margin.
    needle: casefolded text to mark in the title.
    """
    mark = signs.selected if place.selected else " "
    thumb = thumb or " "
    if row is None:
        return [(fit(f"{mark}    {signs.ellipsis}", max(0, width - 1)) + thumb, "muted")]
    fold = " " if not row.children else signs.opened if place.opened else signs.closed
    guide = (signs.guide + " ") * min(place.depth, max(0, width // 4 - 2))
    state = row.state or ("problem" if row.problem else "")
    pieces = [(mark, ""), (guide, "muted" if guide else ""), (f"{fold} ", "")]
    pieces.append((signs.of(row.state) + (signs.problem if row.problem else ""), state))
    tail = _tail(row, width)
    plain = "bold" if row.bold else "muted" if row.dim or row.state == "done" else ""
    room = width - 5 - len(guide) - row.problem - width_of(tail) - 1
    pieces += [(" ", plain), *marked(fit(clean(row.title), max(0, room), signs.ellipsis), plain, needle)]
    pieces.append((tail, row.state if row.state in ("overdue", "soon") else "muted"))
    pieces.append((thumb, pieces[-1][1] if tail else plain))
    return pieces


def _tail(row: Row, width: int) -> str:
    """Progress and due date in their columns, where there is room for them."""
    if width < 28:
        return ""
    progress = fit_right(row.progress, 6) if width >= 40 or not row.due else ""
    due = clean(row.due)
    if width < 50:
        due = due[:7] if _FAR.fullmatch(due) else due
    return f"{progress} {fit_right(due, 10 if width >= 50 else 7)}"


def marked(title: str, plain: str, needle: str) -> list[tuple[str, str]]:
    """A title in pieces, each place where it holds `needle` (casefolded) styled as a match."""
    low = title.casefold() if needle else ""
    if not needle or needle not in low or len(low) != len(title):
        return [(title, plain)]
    pieces: list[tuple[str, str]] = []
    at = 0
    while (found := low.find(needle, at)) >= 0:
        pieces += [(title[at:found], plain), (title[found : found + len(needle)], "match")]
        at = found + len(needle)
    pieces.append((title[at:], plain))
    return pieces
