"""The outline: one line-drawn widget over a flat list of visible rows.

It serves the hierarchy, and any other list with folds, a selection or more rows than one would
keep in memory. It binds no keys: panes bind its actions.
"""

from __future__ import annotations

from textual import events

from tui.widgets.outline_core import OutlineCore


class Outline(OutlineCore):
    """The outline with its actions: moving, folding, selecting, and the mouse."""

    # ------------------------------------------------------------------ moving

    def action_move(self, delta: int, select: bool = False) -> None:
        """Move by lines; `select` extends the selection."""
        self.move_to(self._cursor + delta, select=select)

    def action_page(self, delta: int) -> None:
        """Move by screens, the text with the cursor."""
        self._scroll_move(delta * max(1, self.page_lines - 2))

    def action_half_page(self, delta: int) -> None:
        """Move by half screens, the text with the cursor."""
        self._scroll_move(delta * max(1, self.page_lines // 2))

    def _scroll_move(self, lines: int) -> None:
        line = max(0, min(self._cursor + lines, len(self.model) - 1))
        if line != self._cursor:
            self.jump(self.top_line + lines)
            self.move_to(line)

    def action_home(self) -> None:
        """To the first row."""
        self.move_to(0)

    def action_end(self) -> None:
        """To the last row."""
        self.move_to(len(self.model) - 1)

    def action_go(self, number: int) -> None:
        """To row `number`, counted from 1."""
        self.move_to(number - 1)

    def action_parent(self) -> None:
        """To the parent row."""
        if len(self.model) and (line := self.model.parent(self._cursor)) is not None:
            self.move_to(line)

    def action_sibling(self, delta: int) -> None:
        """To the next (1) or previous (-1) row with the same parent."""
        if len(self.model) and (line := self.model.sibling(self._cursor, delta)) is not None:
            self.move_to(line)

    def action_activate(self) -> None:
        """Post `Activated` for the row under the cursor."""
        if (key := self.cursor_key) is not None:
            self.post_message(self.Activated(self, key))

    # ------------------------------------------------------------------ folding and selecting

    def action_unfold(self) -> None:
        """Unfold the row; on one already unfolded, go to its first child."""
        row = self.cursor_row
        if row is None or not row.children:
            return
        if self.model.is_open(self._cursor):
            self.action_move(1)
        else:
            self.post_message(self.FoldRequested(self, row.key))

    def action_fold(self) -> None:
        """Fold the row; on one that is not unfolded, go to its parent."""
        if self.model.is_open(self._cursor):
            self._fold(self._cursor)
        else:
            self.action_parent()

    def action_toggle_fold(self) -> None:
        """Fold or unfold the row."""
        if self.model.is_open(self._cursor):
            self._fold(self._cursor)
        else:
            self.action_unfold()

    def action_fold_all(self) -> None:
        """Fold everything; the cursor goes to the top row it was under."""
        line = self._cursor
        at = self.model.top_position(line + 1) - 1
        self.model.fold_all()
        self.wanted.clear()
        self._cursor = max(0, at)
        self._lines_changed(moved=at != line)
        self.post_message(self.Folded(self))

    def action_unfold_all(self) -> None:
        """Ask for everything to be unfolded."""
        self.post_message(self.FoldAllRequested(self))

    def _fold(self, line: int) -> None:
        gone = self.model.fold(line)
        if self._cursor > line:
            self._cursor = line if self._cursor <= line + gone else self._cursor - gone
        self._lines_changed(start=line)
        self.post_message(self.Folded(self))

    def action_toggle_select(self, advance: bool = True) -> None:
        """Select the row or not, and go on to the next."""
        if not len(self.model):
            return
        self.set_range(False)
        self.model.toggle(self._cursor)
        self._selection_changed({self.model.ids[self._cursor]})
        if advance:
            self.action_move(1)

    def action_select_none(self) -> None:
        """Nothing is selected."""
        gone = set(self.model.selected)
        self.model.selected.clear()
        self.set_range(False)
        self._selection_changed(gone)

    # ------------------------------------------------------------------ mouse

    async def _on_click(self, event: events.Click) -> None:
        """Click: move there; on the fold mark: fold; with ctrl: select; double: activate."""
        where = event.get_content_offset(self)
        if not self.mouse or where is None:
            return
        line = self.top_line + where.y
        if line >= len(self.model):
            return
        event.stop()
        if event.shift:
            self.move_to(line, select=True)
            return
        self.move_to(line)
        fold_at = 1 + 2 * self.model.depths[line]
        if event.ctrl:
            self.action_toggle_select(advance=False)
        elif fold_at <= where.x <= fold_at + 1:
            self.action_toggle_fold()
        elif event.chain == 2:
            self.action_activate()
