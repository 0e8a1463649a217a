"""The chart pane's drawn part: a chart in Fritz's layout with a cursor over its elements.

A new view is laid out and compared with the one on screen, line by line; only from the first to the
last cell that differs is repainted, so that the pane can follow the hierarchy's cursor at once.
"""

from __future__ import annotations

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from store import clock
from store.model import ChartView
from tui.widgets.cells import clean, fit
from tui.widgets.chart_layout import Element, Laid, Look, Pieces, lay_out
from tui.widgets.drawn import Drawn
from tui.widgets.lines import differing


class ChartPane(Drawn):
    """Draws one `ChartView`. `show` changes it; the pane posts where its own cursor goes."""

    DEFAULT_CSS = """
    ChartPane > .drawn--rule { color: $text-primary; text-style: underline; }
    ChartPane > .drawn--outcome { text-style: bold; }
    ChartPane:nocolor > .drawn--rule { text-style: underline; }
    ChartPane:ansi > .drawn--rule { color: ansi_default; text-style: underline; }
    ChartPane > .drawn--step { text-style: reverse; }
    """
    COMPONENT_CLASSES = {"drawn--rule", "drawn--outcome", "drawn--step"}

    class ElementMoved(Message):
        """The pane's cursor stands on another element."""

        def __init__(self, pane: ChartPane, element: Element | None) -> None:
            super().__init__()
            self.pane = pane
            self.element = element

        @property
        def control(self) -> ChartPane:
            """The pane it came from."""
            return self.pane

    class ElementActivated(ElementMoved):
        """Enter or a double click on an element."""

    def __init__(
        self,
        *,
        id: str | None = None,
        classes: str | None = None,
        ascii_only: bool = False,
        mouse: bool = True,
        soon_days: int = 7,
        empty: str = "",
    ) -> None:
        """soon_days: how near a due date counts as soon. empty: shown where there is no chart."""
        super().__init__(id=id, classes=classes, ascii_only=ascii_only, mouse=mouse)
        self.soon_days = soon_days
        self.empty = empty
        self._view: ChartView | None = None
        self._laid = Laid((), (), ())
        self._element: Element | None = None
        self._step: str | None = None
        self._notes = False
        self._laid_for = Size(0, 0)

    # ------------------------------------------------------------------ what is shown

    @property
    def view(self) -> ChartView | None:
        """The chart on screen."""
        return self._view

    @property
    def element(self) -> Element | None:
        """The element under the pane's cursor."""
        return self._element

    @property
    def notes(self) -> bool:
        """Whether progress notes are shown in full."""
        return self._notes

    @notes.setter
    def notes(self, shown: bool) -> None:
        if shown != self._notes:
            self._notes = shown
            self._relay()

    def show(self, view: ChartView | None, step: str | None = None) -> None:
        """Draw a chart; `step` names the action step to point at (the one under the hierarchy's cursor).

        The same chart again keeps scroll offset and element; another one starts at its top.
        """
        same = view is not None and self._view is not None and _id(view) == _id(self._view)
        if view is self._view and step == self._step:
            return
        mark = self._marked()
        self._view, self._step = view, step
        self._relay(top=None if same else 0, mark=mark)

    def _relay(self, top: int | None = None, mark: tuple[int, int] | None = None) -> None:
        """Lay out again and repaint what differs; `mark`: the lines marked before, where that changed too."""
        old, offset = self._laid, self.top_line
        old_mark = mark or self._marked()
        self._lay()
        if self._element not in self._laid.elements or (top == 0 and not self.has_focus):
            self._element = self._near(self._element)
        self.set_lines(max(1, len(self._laid.lines)))
        if top is not None:
            self.jump(top)
        self._show_mark()
        if self.top_line == offset:
            self._repaint(old, old_mark)
        else:
            self.refresh()

    def _lay(self) -> None:
        """Lay out for the present size; before there is one, nothing."""
        self._laid_for = self.size
        if self._view is None or not self.size.width:
            self._laid = Laid((), (), ())
        else:
            self._laid = lay_out(self._view, max(1, self.size.width - 1), self._look(), self.size.height)

    def _look(self) -> Look:
        return Look(clock.today(), self.soon_days, self.signs, self._notes)

    def _near(self, gone: Element | None) -> Element | None:
        """The element to stand on when the one before is gone: of the same kind if there is one."""
        elements = self._laid.elements
        alike = [e for e in elements if gone and e.kind == gone.kind and e.index <= gone.index]
        return alike[-1] if alike else elements[0] if elements else None

    def _marked(self) -> tuple[int, int]:
        """Lines drawn as cursor: the element where the pane has focus, else the step pointed at."""
        if self.has_focus:
            return self._laid.span(self._element)
        if self._view is not None and self._step is not None:
            for n, step in enumerate(self._view.steps):
                if step.name == self._step:
                    return self._laid.span(Element("step", n))
        return (0, 0)

    def _show_mark(self) -> None:
        start, end = self._marked()
        if end and not self.top_line <= start <= end <= self.top_line + self.size.height:
            self.keep_visible(start, len(self._laid.lines))

    def _repaint(self, old: Laid, old_mark: tuple[int, int]) -> None:
        """Repaint, of each line on screen, the cells that differ."""
        mark = self._marked()
        top = self.top_line
        blank: Pieces = ((" " * self.size.width, ""),)
        for line in range(top, top + self.size.height):
            was = old.lines[line] if line < len(old.lines) else blank
            now = self._laid.lines[line] if line < len(self._laid.lines) else blank
            if (old_mark[0] <= line < old_mark[1]) != (mark[0] <= line < mark[1]):
                self.redraw([line])
            elif was != now:
                left, right = differing(was, now)
                self.redraw([line], left, right)

    # ------------------------------------------------------------------ moving

    def go_to(self, element: Element | None) -> None:
        """Put the pane's cursor on an element."""
        if element == self._element or element not in self._laid.elements:
            return
        before = self._marked()
        self._element = element
        start, end = self._marked()
        self.redraw([*range(*before), *range(start, end)])
        self._show_mark()
        self.post_message(self.ElementMoved(self, element))

    def action_move(self, delta: int) -> None:
        """To the next element, or so many on."""
        elements = self._laid.elements
        if not elements:
            return
        at = elements.index(self._element) if self._element in elements else 0
        if not 0 <= at + delta < len(elements):
            self.jump(self.top_line + delta)
        self.go_to(elements[max(0, min(at + delta, len(elements) - 1))])

    def action_page(self, delta: int) -> None:
        """Scroll by screens."""
        self.jump(self.top_line + delta * max(1, self.page_lines - 2))

    def action_half_page(self, delta: int) -> None:
        """Scroll by half screens."""
        self.jump(self.top_line + delta * max(1, self.page_lines // 2))

    def action_home(self) -> None:
        """To the desired outcome."""
        self.action_move(-len(self._laid.elements))

    def action_end(self) -> None:
        """To the last fact of current reality."""
        self.action_move(len(self._laid.elements))

    def action_activate(self) -> None:
        """Post `ElementActivated` for the element under the cursor."""
        if self._element is not None:
            self.post_message(self.ElementActivated(self, self._element))

    # ------------------------------------------------------------------ drawing

    def on_resize(self) -> None:
        """Lay out for the new size."""
        self._relay()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.size.width
        if self.size != self._laid_for:
            self._lay()  # painted before the news of the size came: the first frame
        line = y + self.top_line
        if line >= len(self._laid.lines):
            text = self.empty if self._view is None and line == 1 else ""
            return self.strip([(fit(clean(text), width), "muted" if text else "")], width)
        start, end = self._marked()
        pieces = self._laid.lines[line]
        if start <= line < end:
            return self.strip(pieces, width, over="cursor")
        if pieces and pieces[0][1] == "rule":
            text = "".join(text for text, _ in pieces)
            return Strip([Segment(text, self.look("rule"))]).adjust_cell_length(width, self.look("rule"))
        return self.strip(pieces, width)

    async def _on_click(self, event: events.Click) -> None:
        """Click: the element there; double: activate it."""
        where = event.get_content_offset(self)
        if not self.mouse or where is None:
            return
        line = self.top_line + where.y
        if line < len(self._laid.owners) and (owner := self._laid.owners[line]):
            event.stop()
            self.go_to(owner)
            if event.chain == 2:
                self.action_activate()


def _id(view: ChartView) -> tuple[str, str]:
    return view.row.context, view.row.chart_id
