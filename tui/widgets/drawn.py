"""The base of every drawn widget: lines drawn by `render_line`, styles looked up once, no scrollbar.

One set of component styles serves them all (`Drawn > .drawn--done`, …), so that a theme or a
stylesheet says once what overdue looks like, and a terminal without colours still shows
the cursor (reversed) and a match (underlined).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, TypeAlias

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from tui.widgets.signs import ASCII, UNICODE, Signs

Piece: TypeAlias = tuple[str, str]
"""Text and the name of its style (a component style without `drawn--`; empty for the widget's own)."""

WHEEL_LINES = 3


class Drawn(ScrollView, can_focus=True, inherit_bindings=False):
    """A focusable widget of lines. Subclasses draw `render_line` and call `set_lines` with their height."""

    DEFAULT_CSS = """
    Drawn { overflow: hidden hidden; background: $surface; color: $foreground; }
    Drawn > .drawn--cursor {
        background: $block-cursor-blurred-background; color: $block-cursor-blurred-foreground;
    }
    Drawn:focus > .drawn--cursor {
        background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold;
    }
    Drawn > .drawn--muted { color: $text-muted; }
    Drawn > .drawn--bold { text-style: bold; }
    Drawn > .drawn--done { color: $text-success; }
    Drawn > .drawn--overdue { color: $text-error; }
    Drawn > .drawn--soon { color: $text-warning; }
    Drawn > .drawn--stalled { color: $text-accent; }
    Drawn > .drawn--problem { color: $text-warning; }
    Drawn > .drawn--match { text-style: bold underline; color: $text-accent; }
    Drawn > .drawn--heading { color: $text-primary; text-style: bold; }
    Drawn:nocolor > .drawn--cursor, Drawn:ansi > .drawn--cursor { text-style: underline; }
    Drawn:nocolor:focus > .drawn--cursor, Drawn:ansi:focus > .drawn--cursor { text-style: reverse; }
    Drawn:ansi { background: ansi_default; color: ansi_default; }
    Drawn:ansi > .drawn--cursor { background: ansi_default; color: ansi_default; }
    Drawn:ansi:focus > .drawn--cursor { background: ansi_default; color: ansi_default; }
    Drawn:ansi > .drawn--muted { color: ansi_default; text-style: dim; }
    Drawn:ansi > .drawn--done { color: ansi_green; }
    Drawn:ansi > .drawn--overdue { color: ansi_red; }
    Drawn:ansi > .drawn--soon { color: ansi_yellow; }
    Drawn:ansi > .drawn--stalled { color: ansi_magenta; }
    Drawn:ansi > .drawn--problem { color: ansi_yellow; }
    Drawn:ansi > .drawn--match { color: ansi_cyan; }
    Drawn:ansi > .drawn--heading { color: ansi_blue; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "drawn--cursor",
        "drawn--muted",
        "drawn--bold",
        "drawn--done",
        "drawn--overdue",
        "drawn--soon",
        "drawn--stalled",
        "drawn--problem",
        "drawn--match",
        "drawn--heading",
    }
    ALLOW_SELECT = False

    def __init__(
        self,
        *,
        id: str | None = None,
        classes: str | None = None,
        ascii_only: bool = False,
        mouse: bool = True,
    ) -> None:
        """ascii_only: draw signs a terminal without Unicode can show. mouse: answer clicks and the wheel."""
        super().__init__(id=id, classes=classes)
        self.signs: Signs = ASCII if ascii_only else UNICODE
        self.mouse = mouse
        self._styles_by_name: dict[str, Style] = {}

    # ------------------------------------------------------------------ styles

    def look(self, name: str) -> Style:
        """The Rich style of a component (`muted`, `done`, …); of the widget itself for the empty name."""
        style = self._styles_by_name.get(name)
        if style is None:
            if name.startswith("cursor-"):
                style = self.look("cursor") + Style(underline=True, bold=True)
            elif name:
                style = self.rich_style + self.get_component_rich_style(f"drawn--{name}")
            else:
                style = self.rich_style
            self._styles_by_name[name] = style
        return style

    def notify_style_update(self) -> None:
        """Forget looked-up styles: theme, focus or stylesheet changed."""
        self._styles_by_name.clear()
        self.forget_lines()
        super().notify_style_update()

    def forget_lines(self) -> None:
        """Drop cached strips; subclasses that keep some say so here."""

    def strip(self, pieces: Iterable[Piece], width: int, *, over: str = "") -> Strip:
        """A strip of exactly `width` cells with as few style switches as can be; `over` styles all of it."""
        merged: list[list[str]] = []
        for text, name in pieces:
            if not text:
                continue
            style = name if not over else f"{over}-{name}" if name == "match" else over
            last = merged[-1][1] if merged else None
            if last == style or (last is not None and not over and text.isspace() and last != "match"):
                merged[-1][0] += text
            else:
                merged.append([text, style])
        strip = Strip([Segment(text, self.look(name)) for text, name in merged])
        return strip.adjust_cell_length(width, self.look(over))

    # ------------------------------------------------------------------ size and scrolling

    def set_lines(self, lines: int) -> None:
        """Set how many lines there are, without a layout pass: the widget's own size stays."""
        size = Size(self.size.width, lines)
        if size != self.virtual_size:
            self.set_reactive(Widget.virtual_size, size)
        if self.scroll_offset.y > self.max_scroll_y:
            self.jump(self.max_scroll_y)

    def jump(self, top: int) -> None:
        """Scroll so that line `top` is the first on screen: at once, never animated."""
        self.scroll_to(y=max(0, min(top, self.max_scroll_y)), animate=False, force=True)

    @property
    def top_line(self) -> int:
        """The first line on screen."""
        return self.scroll_offset.y

    @property
    def page_lines(self) -> int:
        """How many lines the screen shows of this widget."""
        return self.scrollable_content_region.height

    def keep_visible(self, line: int, count: int) -> None:
        """Scroll by half a screen where `line` of `count` comes near the edge; else not at all.

        Line by line, every key would repaint the whole widget; this way one in many does.
        """
        height = self.page_lines
        if height <= 0:
            return
        margin = min(3, (height - 1) // 4)
        top = self.top_line
        if line < top + margin or line > top + height - 1 - margin:
            wanted = max(0, min(line - height // 2, count - height))
            near = top <= line < top + height
            if wanted != top and not (near and (wanted > top) != (line > top + height // 2)):
                self.jump(wanted)

    def redraw(self, lines: Sequence[int], left: int = 0, right: int | None = None) -> None:
        """Repaint these lines only (virtual line numbers), from cell `left` to `right`."""
        top, height = self.top_line, self.size.height
        end = self.size.width if right is None else right
        regions = [
            Region(left, line - top, end - left, 1) for line in set(lines) if top <= line < top + height
        ]
        if regions and end > left:
            self.refresh(*regions)

    def _on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        if self.mouse:
            self.jump(self.top_line + WHEEL_LINES)
            event.stop()

    def _on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        if self.mouse:
            self.jump(self.top_line - WHEEL_LINES)
            event.stop()

    def on_resize(self) -> None:
        """A new width draws every line anew."""
        self.forget_lines()
