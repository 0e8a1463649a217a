"""What a workflow refused: line, code and reason of every item, and the item itself, to mend and try again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from store.errors import Refused, UsageError
from store.workflows.model import Rejected, Workflow
from tui.screens.dialog import ListDialog
from tui.widgets.cells import clean, clean_lines, wrap
from tui.widgets.lines import Lines, Pieces
from tui.widgets.listing import Item, Listing
from tui.widgets.prompt import LineInput

if TYPE_CHECKING:
    from store.store import Store

MOST = 5_000
"""Rejects that are listed; written to a file are all of them."""
EDITED = 2 << 20
"""Bytes of items that are handed to an editor at once."""


class RejectsScreen(ListDialog[None]):
    """Rejects by line; the one under the cursor whole below."""

    KEYS_TEXT = (
        "y copy   w write to a file   r retry all   e edit and retry   E edit all and retry   "
        "J K scroll   q closes"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy"),
        Binding("w", "write", "Write to a file"),
        Binding("r", "retry", "Retry all"),
        Binding("e", "edit(False)", "Edit and retry"),
        Binding("E", "edit(True)", "Edit all and retry"),
        Binding("J,shift+down", "look(1)", "Down in the item", show=False),
        Binding("K,shift+up", "look(-1)", "Up in the item", show=False),
    ]

    def __init__(self, workflow: Workflow) -> None:
        super().__init__(empty=("", "  Looking…"))
        self.workflow = workflow
        self.item = RejectLines(id="dialog-sides")
        self.line = LineInput(
            id="dialog-line", placeholder="a name that ends with .jsonl: the items; else a report"
        )
        self._rejects: list[Rejected] = []

    def title_text(self) -> str:
        count = self.workflow.rejected
        return f"{count:,} rejected by {self.workflow.title or self.workflow.id}"

    def body(self) -> Sequence[Widget]:
        self.line.display = False
        return (self.list, self.item, self.line)

    def start(self) -> None:
        """Ask for them."""
        from store import workflows

        store, name = self.desk.store, self.workflow.id
        self.desk.bridge.read.ask(
            lambda: list(islice(workflows.rejects(store, name, MOST), MOST)), self._show, name="rejects"
        )

    def _show(self, found: Sequence[Rejected]) -> None:
        if not self.is_attached:
            return
        self._rejects = list(found)
        self.list.empty = ("", "  The rejects are gone: their records were deleted or erased.")
        wide = max((len(f"{one.line:,}") for one in found), default=1)
        self.list.show([_item(n, one, wide) for n, one in enumerate(self._rejects)])
        self.list.refresh()
        self._detail()

    @property
    def reject(self) -> Rejected | None:
        """The one under the cursor."""
        return self._rejects[self.list.cursor] if self.list.cursor < len(self._rejects) else None

    def on_listing_moved(self, message: Listing.Moved) -> None:
        """Show another one whole."""
        message.stop()
        self._detail()

    def _detail(self) -> None:
        self.item.show(self.reject)

    def action_look(self, delta: int) -> None:
        """Scroll an item that is longer than its room."""
        self.item.jump(self.item.top_line + delta)

    # -- taking them elsewhere -----------------------------------------------------------------------

    def action_copy(self) -> None:
        """The item under the cursor, as it was submitted, to the clipboard."""
        from tui import clipboard

        one = self.reject
        if one is not None:
            self.desk.say(clipboard.copy(self.app, one.item, f"line {one.line:,}", form=""))

    def action_write(self) -> None:
        """Ask where to."""
        self.line.value = f"{self.workflow.id}-rejects.jsonl"
        self.line.cursor_position = len(self.line.value)
        self.line.display = True
        self.line.focus(scroll_visible=False)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Write them there; a name that cannot be taken stays to be corrected."""
        message.stop()
        store, name = self.desk.store, self.workflow.id
        text = message.value.strip()
        if not text:
            self._close_line()
            return
        path = Path(text).expanduser()

        def done(said: str) -> None:
            self._close_line()
            self.desk.say(said, whole=True)

        self.desk.bridge.work.ask(lambda: write(store, name, path), done)

    def action_close(self) -> None:
        """Escape closes the line first."""
        if self.line.display:
            self._close_line()
        else:
            super().action_close()

    def _close_line(self) -> None:
        if self.is_attached:
            self.line.display = False
            self.list.focus()

    # -- trying again --------------------------------------------------------------------------------

    def action_choose(self) -> None:
        """Enter edits the one under the cursor."""
        self.action_edit(False)

    def action_retry(self) -> None:
        """All of them as they are: where the records they lacked are there now, they are taken."""
        from tui.actions import workflows

        workflows.retry_it(self.desk, self.workflow)
        if not self.desk.readonly:
            self.dismiss(None)

    def action_edit(self, everything: bool) -> None:
        """Mend the item, or all of them, in $EDITOR; what comes back is submitted as a workflow of its own."""
        from tui import editor
        from tui.actions import workflows

        if self.desk.readonly:
            self.desk.say("This store is open for reading only.", error=True)
            return
        one = self.reject
        chosen = self._rejects if everything else [one] if one is not None else []
        text = self._editable(chosen)
        if not text:
            return
        edited = editor.hand_over(self.desk, text, suffix=".jsonl")
        lines = [line for line in (edited or "").splitlines() if line.strip()]
        if not lines:
            self.desk.say("Nothing was changed in the editor: nothing is submitted.")
            return
        workflows.submit_lines(self.desk, self.workflow, lines)
        self.dismiss(None)

    def _editable(self, chosen: Sequence[Rejected]) -> str:
        """The items, one a line; empty, and why is said, where they cannot be edited."""
        whole = [one.item for one in chosen if one.whole]
        if len(whole) < len(chosen):
            self.desk.say("Items longer than what is shown of them are not edited here; w writes the others.")
            return ""
        text = "".join(f"{item}\n" for item in whole)
        if len(text) > EDITED or (len(chosen) > 1 and self.workflow.rejected > len(chosen)):
            self.desk.say("These are too many for an editor; w writes them to a file.")
            return ""
        return text


class RejectLines(Lines):
    """Why an item was refused, and the item."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._reject: Rejected | None = None

    def show(self, reject: Rejected | None) -> None:
        """Show this one from its beginning."""
        self._reject = reject
        self.jump(0)
        self.renew()

    def draw(self, width: int) -> Sequence[Pieces]:
        one = self._reject
        if one is None:
            return ()
        lines: list[Pieces] = [((part, "soon"),) for part in wrap(clean(one.reason), width)]
        lines += [((f"line {one.line:,} · {clean(one.code)}", "muted"),), ()]
        for text in clean_lines(one.item[:20_000]):
            lines += [((part, ""),) for part in wrap(text, width)]
        if not one.whole or len(one.item) > 20_000:
            lines.append((("… it is longer than what is shown here", "muted"),))
        return lines


def _item(number: int, one: Rejected, wide: int) -> Item:
    return Item(str(number), one.reason, one.code, lead=f"{one.line:>{wide},}")


def write(store: Store, workflow_id: str, path: Path) -> str:
    """Write every reject to a new file; a sentence that says what was written.

    As `.jsonl` the items as they were submitted, to be mended and submitted again; else a report with
    line, code, reason and item. Refused where the file exists.
    """
    from store import durable, workflows
    from store.upkeep.retention import exported

    if path.exists():
        raise Refused(f"{path} exists already. Name another file.")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"There is no folder {path.absolute().parent}.")
    found = list(workflows.rejects(store, workflow_id))
    if path.suffix == ".jsonl":
        lines = [one.item for one in found if one.whole]
    else:
        lines = [f"line {one.line}: {one.code}: {one.reason}\n    {one.item}" for one in found]
    data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    durable.write_file(path.absolute(), data)
    exported.note(store, path, 0)
    cut = len(found) - len(lines)
    more = f" {cut:,} are left out: only their beginnings are kept." if cut else ""
    return f"Wrote {path}: {len(lines):,} rejected items.{more}"
