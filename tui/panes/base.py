"""What every pane has: a heading that sums it up in one line, a body, and folding.

Folded, a pane is its heading: what it says must be enough to know whether to look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.segment import Segment
from textual.containers import Vertical
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.guard import Guarded
from tui.widgets.cells import clean, cut, width_of

if TYPE_CHECKING:
    from tui.app import ChartkeepApp


class Heading(Widget, can_focus=False):
    """One line: a title on the left, a summary on the right."""

    class Clicked(Message):
        """The heading was clicked: its pane wants the focus, or to be unfolded."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title = title
        self.summary = ""

    def show(self, summary: str, title: str | None = None) -> None:
        """Another summary (and title); repaints only where it differs."""
        if (summary, title or self.title) != (self.summary, self.title):
            self.summary = summary
            self.title = title or self.title
            self.refresh()

    def render_line(self, _y: int) -> Strip:
        """The line, cut so that the title stays."""
        width = self.size.width
        style = self.rich_style
        title = cut(f" {clean(self.title)} ", width)
        rest = width - width_of(title)
        summary = cut(shortened(clean(self.summary), rest - 1), max(0, rest - 1))
        gap = " " * max(0, rest - width_of(summary) - 1)
        text = f"{title}{gap}{summary} " if summary else title + " " * rest
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)

    def on_click(self) -> None:
        """Tell the pane."""
        self.post_message(self.Clicked())


def shortened(summary: str, room: int) -> str:
    """A summary without what does not fit: its last facts, or the outermost charts of a way."""
    while width_of(summary) > room and " · " in summary:
        summary = summary.rpartition(" · ")[0]
    way = summary.split(" ▸ ")
    while width_of(summary) > room and len(way) > 1:
        way = way[1:]
        summary = " ▸ ".join(("…", *way))
    return summary


class Pane(Guarded, Vertical):
    """A heading and a body. Subclasses set `TITLE`, compose the body and say what has the focus."""

    TITLE = ""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="pane")
        self.heading = Heading(self.TITLE)

    @property
    def desk(self) -> ChartkeepApp:
        """The app, by its own type."""
        return cast("ChartkeepApp", self.app)

    @property
    def body(self) -> Widget:
        """What takes the focus."""
        raise LookupError(self.id)

    @property
    def folded(self) -> bool:
        """Whether only the heading shows."""
        return self.has_class("-folded")

    @folded.setter
    def folded(self, folded: bool) -> None:
        self.set_class(folded, "-folded")
        if not folded:
            self.unfolded()

    def unfolded(self) -> None:
        """Called when the body shows again: fill it."""

    def on_heading_clicked(self, message: Heading.Clicked) -> None:
        """Take the focus; a folded pane unfolds."""
        message.stop()
        if self.desk.config.mouse:
            self.folded = False
            self.body.focus()
