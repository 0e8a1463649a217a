"""What subcommands write: text that is safe on a terminal, colour only where it is wanted, JSON.

Charts come from files other programs wrote, so nothing in them reaches a terminal as a
control sequence. Colour is used on a terminal only, never with NO_COLOR, TERM=dumb or
`--no-color`, and is never the only sign of anything.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, TextIO

DONE, OPEN, CHART = "✓", "○", "◇"
"""The marks of a completed row, of an open one, and of a chart among steps."""
PAPER = 100
LONGEST = 400
"""Cells in the longest line of a table where no one's terminal would break it."""
STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}

Looks = Callable[[int, int], tuple[str, ...]]
"""The styles of the cell at (row, column) of a table."""

_CONTROLS: dict[int, int | None] = {code: 0x2400 + code for code in range(32)}
_CONTROLS |= dict.fromkeys(range(127, 160), 65533)
_CONTROLS |= dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F))
_CONTROLS |= {ord("\t"): 0x20, ord("\n"): 0x20, ord("\r"): 0x20}


def safe(text: str) -> str:
    """`text` on one line, with control characters and direction overrides made harmless."""
    return text if text.isprintable() else text.translate(_CONTROLS)


def width(text: str) -> int:
    """Terminal cells `text` takes: two for wide characters and emoji, none for joining marks."""
    if text.isascii():
        return len(text)
    cells = sum(map(_CELLS.__getitem__, text))
    if "\ufe0f" in text:  # asks for a character's emoji form, which is wide
        cells += sum(_CELLS[char] == 1 for char, after in pairwise(text) if after == "\ufe0f")
    return cells


class _Cells(dict[str, int]):
    """Cells of each character met so far: lists are made of few different ones."""

    def __missing__(self, char: str) -> int:
        from unicodedata import category, east_asian_width

        if category(char) in ("Mn", "Me", "Cf"):
            cells = 0
        else:
            cells = 2 if east_asian_width(char) in "WF" else 1
        self[char] = cells
        return cells


_CELLS = _Cells()


def clip(text: str, cells: int) -> str:
    """`text` cut to at most `cells` terminal cells, an ellipsis showing that it was cut."""
    if cells <= 0:
        return ""
    if width(text) <= cells:
        return text
    kept = ""
    room = cells - 1
    for char in text:
        room -= width(char)
        if room < 0:
            break
        kept += char
    return kept.rstrip() + "…"


def wrap(text: str, cells: int) -> list[str]:
    """`text` broken at blanks into lines of at most `cells` terminal cells (longer words stay whole)."""
    lines: list[str] = []
    line = ""
    for word in safe(text).split():
        if line and width(line) + 1 + width(word) > cells:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line] if line or not lines else lines


class Output:
    """Where one run of the program writes: results to `out`, remarks to `err`.

    `json` is True where results are printed as JSON: then `say` and `table` write nothing
    and `result` writes the one document of the command.
    """

    def __init__(self, *, json: bool = False, colour: bool = True, quiet: bool = False) -> None:
        self.out: TextIO = sys.stdout
        self.err: TextIO = sys.stderr
        self.json = json
        self.quiet = quiet
        self.terminal = self.out.isatty()
        wanted = colour and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.colour = wanted and self.terminal
        self.err_colour = wanted and self.err.isatty()

    @property
    def columns(self) -> int:
        """Cells to break text at: the terminal's width, or 100 where the output is a file or a pipe."""
        if not self.terminal:
            return PAPER
        try:
            return max(40, os.get_terminal_size(self.out.fileno()).columns or 80)  # 0: it does not say
        except (OSError, ValueError):
            return 80

    def style(self, text: str, *names: str) -> str:
        """`text` in the named styles, or as it is where colour is off."""
        if not self.colour or not names or not text:
            return text
        return f"\x1b[{';'.join(STYLES[name] for name in names)}m{text}\x1b[0m"

    def say(self, text: str = "") -> None:
        """A line of the result for people; nothing where the result is JSON."""
        if not self.json:
            self.out.write(text + "\n")

    def lines(self, lines: Iterable[str]) -> None:
        """Many lines of the result in one write."""
        if not self.json:
            text = "\n".join(lines)
            if text:
                self.out.write(text + "\n")

    def result(self, document: Any) -> None:
        """The JSON document of the command, indented on a terminal; nothing where people read."""
        if not self.json:
            return
        import orjson

        options = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if self.terminal else 0)
        try:
            text = orjson.dumps(document, option=options).decode()
        except orjson.JSONEncodeError:  # lone surrogates and integers beyond 64 bits, from foreign files
            import json

            text = json.dumps(document, indent=2 if self.terminal else None) + "\n"
        self.out.write(text)

    def result_line(self, document: Any) -> None:
        """One JSON document on a line, at once, of a command that goes on; nothing where people read."""
        if self.json:
            import orjson

            self.out.write(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE).decode())
            self.out.flush()

    def raw(self, text: str) -> None:
        """Text that is the result itself in either mode, such as an export."""
        self.out.write(text)

    def remark(self, text: str) -> None:
        """A word beside the result (a hint, what was decided), on the error stream."""
        if not self.quiet:
            self.err.write(text + "\n")

    def table(
        self,
        rows: Sequence[Sequence[str]],
        *,
        right: Sequence[int] = (),
        stretch: int = -1,
        looks: Looks | None = None,
    ) -> None:
        """Rows in aligned columns; column `stretch` is cut where lines would be too long for the terminal.

        Columns named in `right` are aligned on the right; a column empty in every row is left
        out. Texts must be `safe` already; `looks(row, column)` gives the styles of a cell.
        """
        if self.json or not rows:
            return
        cells = [list(map(width, row)) for row in rows]
        rooms = fit(cells, self.columns if self.terminal else LONGEST, stretch)
        shown = [column for column, room in enumerate(rooms) if room]
        coloured = self.colour and looks is not None
        lines = []
        for index, row in enumerate(rows):
            parts = []
            for column in shown:
                text, taken = row[column], cells[index][column]
                if taken > rooms[column]:
                    text = clip(text, rooms[column])
                    taken = width(text)
                blanks = " " * (rooms[column] - taken)
                if coloured and looks is not None:
                    text = self.style(text, *looks(index, column))
                parts.append(blanks + text if column in right else text + blanks)
            lines.append("  ".join(parts).rstrip())
        self.lines(lines)


def fit(cells: Sequence[Sequence[int]], total: int, stretch: int = -1) -> list[int]:
    """Room for each column of texts that wide, so that a line fits in `total`: column `stretch` gives way."""
    rooms = [max(column) for column in zip(*cells, strict=True)]
    if stretch >= 0:
        others = sum(room + 2 for column, room in enumerate(rooms) if room and column != stretch)
        rooms[stretch] = min(rooms[stretch], max(12, total - others))
    return rooms
