"""Submitting a batch: a file by its path, how it is to be taken, and what would come of it before it is.

The batch then runs in a process of its own, so that the screen stays quick; workflow status shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Label

from store.errors import ChartkeepError, UsageError
from store.knowledge.kinds import KINDS
from store.workflows.model import Workflow
from tui import pathing
from tui.screens.dialog import Dialog
from tui.widgets.choice import Choice
from tui.widgets.preview import PreviewLines, Told
from tui.widgets.prompt import Hint, HintLine, LineInput

if TYPE_CHECKING:
    from store.store import Store
    from store.workflows.previewing import Preview

TYPES = (("import", "import as they are"), ("create", "create from drafts"))
"""Types of workflow that take a file."""
STRICT, ATOMIC, UPDATE = "strict", "atomic", "update"
OPTIONS = ((STRICT, "strict"), (ATOMIC, "all or nothing"), (UPDATE, "renew what is there"))
AS_THEY_SAY = ""
MEMBERS = 8
"""Members that are named of those that records lack."""
NAMES = 6
"""Names of files that are offered at once."""


class Asked(NamedTuple):
    """What the form says."""

    path: str
    type: str
    kind: str
    """Of records that do not say theirs; empty for none."""
    context: str
    id: str
    strict: bool
    atomic: bool
    update: bool

    def arguments(self) -> dict[str, Any]:
        """As the engine takes them, but for context, type and file."""
        return {
            "strict": self.strict,
            "atomic": self.atomic,
            "update": self.update,
            "options": {"kind": self.kind} if self.kind else {},
        }

    def alike(self, other: Asked) -> bool:
        """Whether the same would come of both: the id changes nothing."""
        return self._replace(id="") == other._replace(id="")

    @property
    def file(self) -> Path:
        """The file, its `~` spelt out. Raises UsageError."""
        try:
            return Path(self.path).expanduser()
        except RuntimeError as error:
            raise UsageError(f"{self.path}: {error}") from None


class PathInput(LineInput):
    """An input whose tab completes the path in it, and goes on where there is nothing to complete."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", "Complete the path", show=False)]

    def __init__(self, value: str, ask: Callable[[str, Callable[[list[str]], None]], None]) -> None:
        """ask(folder, then): have a folder's names read, without holding up the screen."""
        super().__init__(value, id="batch-path", placeholder="a .jsonl file; tab completes")
        self._ask = ask
        self._folder: str | None = None
        self._names: list[str] = []
        self.on_names: Callable[[list[str]], None] = lambda _: None

    def look(self) -> None:
        """Offer what goes on from what is typed; a folder is read when it is first typed."""
        folder, beginning = pathing.parts_of(self.value)
        if folder != self._folder:
            self._folder, self._names = folder, []
            self._ask(folder, partial(self._take, folder))
        self.on_names(pathing.fitting(beginning, self._names))

    def _take(self, folder: str, names: list[str]) -> None:
        if folder == self._folder and self.is_attached:
            self._names = names
            self.on_names(pathing.fitting(pathing.parts_of(self.value)[1], names))

    def action_complete(self) -> None:
        """As far as there is one way; nothing left to complete: to the next field."""
        longer = pathing.completed(self.value, self._names)
        if longer == self.value:
            self.screen.focus_next()
            return
        self.value = longer
        self.cursor_position = len(longer)


class BatchScreen(Dialog[None]):
    """A form, and below it what would happen."""

    TITLE_TEXT = "Submit a batch"
    KEYS_TEXT = (
        "enter preview   ctrl+s submit   tab completes, ↑ ↓ field   ← → choose   space mark   esc cancels"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f2", "submit", "Submit", priority=True),
        Binding("enter", "preview", "Preview", show=False),
        Binding("down", "app.focus_next", "Next field", show=False, priority=True),
        Binding("up", "app.focus_previous", "Field before", show=False, priority=True),
        Binding("pagedown,ctrl+f", "page(1)", "Preview down", show=False, priority=True),
        Binding("pageup,ctrl+b", "page(-1)", "Preview up", show=False, priority=True),
    ]

    def __init__(self, context: str = "", kind: str = "", path: str = "") -> None:
        super().__init__()
        kinds = [(AS_THEY_SAY, "as each says"), *((one.name, one.title) for one in KINDS if not one.own)]
        self.path = PathInput(path, self._read_folder)
        self.type = Choice(TYPES, id="batch-type")
        self.kind = Choice(kinds, (kind,), id="batch-kind")
        self.context = LineInput(context or "default", id="batch-context")
        self.id_line = LineInput(id="batch-id", placeholder="made for you")
        self.choices = Choice(OPTIONS, many=True, id="batch-options")
        self.hint = HintLine(id="batch-hint")
        self.seen = PreviewLines(id="batch-preview")
        self._looked: Asked | None = None
        """What the preview is of."""
        self._submitting = False

    def body(self) -> Sequence[Widget]:
        rows = (
            ("File", self.path),
            ("Type", self.type),
            ("Kind", self.kind),
            ("Context", self.context),
            ("Id", self.id_line),
            ("Options", self.choices),
        )
        first, *others = (_Row(label, widget) for label, widget in rows)
        return (first, self.hint, *others, self.seen)

    def on_mount(self) -> None:
        """Ready to type the path."""
        self.path.on_names = self._offer
        self.path.focus()
        self.path.cursor_position = len(self.path.value)
        self.path.look()
        self.seen.say("Enter shows what would happen; nothing is written before ctrl+s.")

    @property
    def asked(self) -> Asked:
        """What the form says now."""
        values = self.choices.values
        return Asked(
            self.path.value.strip(),
            self.type.value,
            self.kind.value,
            self.context.value.strip(),
            self.id_line.value.strip(),
            STRICT in values,
            ATOMIC in values,
            UPDATE in values,
        )

    # -- the path --------------------------------------------------------------------------------------

    def _read_folder(self, folder: str, then: Callable[[list[str]], None]) -> None:
        self.desk.bridge.read.ask(lambda: pathing.names_in(folder), then, name="paths")

    def _offer(self, names: list[str]) -> None:
        """Say below the path what it may become."""
        if names == [pathing.parts_of(self.path.value)[1]]:
            names = []
        more = f"  and {len(names) - NAMES:,} more" if len(names) > NAMES else ""
        self.hint.say(Hint("  ".join(names[:NAMES]) + more), "plain")

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        message.stop()
        if message.input is self.path:
            self.path.look()
        self._aged()

    @on(Choice.Changed)
    def _chosen(self, message: Choice.Changed) -> None:
        message.stop()
        self._aged()

    def _aged(self) -> None:
        """The preview is of other choices than the form's: say so."""
        if self._looked is not None:
            same = self.asked.alike(self._looked)
            self.seen.age("" if same else "This is of what the form said before; enter looks again.")

    # -- the preview -----------------------------------------------------------------------------------

    @on(Input.Submitted)
    def _entered(self, message: Input.Submitted) -> None:
        message.stop()
        self.action_preview()

    def action_preview(self) -> None:
        """Go through the file without writing anything."""
        asked, store = self.asked, self.desk.store
        if not asked.path:
            self.seen.say("Which file? Type its path above.", error=True)
            self.path.focus()
            return
        self.seen.say(f"Looking through {asked.path}…")
        self._looked = None

        def refused(error: Exception) -> bool:
            if not isinstance(error, ChartkeepError):
                return False
            self._refuse(error)
            return True

        self.desk.bridge.work.ask(
            lambda: preview(store, asked), partial(self._show, asked), name="preview", otherwise=refused
        )

    def _show(self, asked: Asked, found: Preview) -> None:
        if self.is_attached:
            self._looked = asked
            self.seen.show(told(found, atomic=asked.atomic))
            self._aged()

    def _refuse(self, error: ChartkeepError) -> None:
        if self.is_attached:
            self.seen.say(str(error), error=True)

    def action_page(self, delta: int) -> None:
        """Scroll what would happen."""
        self.seen.jump(self.seen.top_line + delta * max(1, self.seen.page_lines - 1))

    # -- submitting ------------------------------------------------------------------------------------

    def action_submit(self) -> None:
        """Submit what the preview shows; without one of just this, show that first."""
        asked, store = self.asked, self.desk.store
        if self.desk.readonly:
            self.desk.say("This store is open for reading only.", error=True)
            return
        if self._looked is None or not asked.alike(self._looked):
            self.action_preview()
            return
        if self._submitting:
            return
        self._submitting = True
        self.seen.say("Submitting…")

        def refused(error: Exception) -> bool:
            self._submitting = False
            if isinstance(error, ChartkeepError):
                self._refuse(error)
                return True
            return False

        self.desk.bridge.work.ask(lambda: submit(store, asked), self._submitted, otherwise=refused)

    def _submitted(self, made: Workflow) -> None:
        desk = self.desk
        desk.main.workflows.refresh_list(at_once=True)
        if self.is_attached:
            self.dismiss(None)
        key = desk.keymap.first("pane.workflows")
        desk.say(f"Submitted {made.id}: {made.total:,} items. {key} shows how far it is.")


class _Row(Horizontal):
    """A label and what belongs to it on one line."""

    def __init__(self, label: str, widget: Widget) -> None:
        super().__init__(classes="batch-row")
        self._label = label
        self._widget = widget

    def compose(self) -> ComposeResult:
        yield Label(self._label, classes="batch-label", markup=False)
        yield self._widget

    def on_click(self, event: events.Click) -> None:
        """A click on the label goes to what it names."""
        event.stop()
        self._widget.focus()


def preview(store: Store, asked: Asked) -> Preview:
    """What would come of it. Raises UsageError, NotFound and what the file is refused for."""
    from store import workflows

    arguments = asked.arguments()
    del arguments["atomic"]  # it changes what is made of the rejects, not what is rejected
    return workflows.preview(store, asked.context, asked.type, asked.file, **arguments)


def submit(store: Store, asked: Asked) -> Workflow:
    """Submit it and start a process that runs it."""
    from store import workflows

    title = f"{asked.type.capitalize()} {asked.file.name}"
    made = workflows.submit(
        store, asked.context, asked.type, asked.file, id=asked.id or None, title=title, **asked.arguments()
    )
    workflows.start(store, made.id)
    return made


def told(found: Preview, *, atomic: bool) -> list[Told]:
    """A preview in words: counts, what records lack, what is refused and why, and the first examples."""
    counts = [
        f"{found.new:,} new",
        f"{found.changed:,} renewed",
        f"{found.unchanged:,} there already",
        f"{found.rejected:,} rejected",
    ]
    lines: list[Told] = [(f"{found.total:,} items: {', '.join(counts)}", "bold")]
    if atomic and found.rejected:
        lines.append(("! All or nothing: with these rejects nothing would be written.", "overdue"))
    elif found.rejected:
        lines.append(
            ("~ The rejected ones are kept with their reasons, to be mended and tried again.", "soon")
        )
    if not found.new and not found.changed:
        lines.append(("Nothing would be written.", "muted"))
    if found.missing:
        most = sorted(found.missing.items(), key=lambda pair: (-pair[1], pair[0]))
        more = f" and {len(most) - MEMBERS} others" if len(most) > MEMBERS else ""
        lacks = ", ".join(f"{name} ({count:,})" for name, count in most[:MEMBERS])
        lines.append((f"Documented members that records lack: {lacks}{more}", "muted"))
    if found.rejects:
        lines += [("", ""), (_headed("Rejected", len(found.rejects), found.rejected), "heading")]
        lines += [(f"line {one.line:,}: {one.reason} ({one.code})", "soon") for one in found.rejects]
    for title, count, examples in (
        ("New", found.new, found.new_examples),
        ("Renewed", found.changed, found.changed_examples),
        ("There already", found.unchanged, found.unchanged_examples),
    ):
        if examples:
            lines += [("", ""), (_headed(title, len(examples), count), "heading")]
            lines += [(f"line {line:,}: {text}", "") for line, _, text in examples]
    return lines


def _headed(title: str, shown: int, count: int) -> str:
    return title if shown >= count else f"{title}, the first {shown:,} of {count:,}"
