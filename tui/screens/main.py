"""The main screen: four panes and the chart, the breadcrumb above, the bottom line below.

It routes: keys to commands, what a pane posts to the pane that answers it, changes to all.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from store.catalog import BY_ID, COMMANDS, Command
from store.model import Change
from tui import actions
from tui.guard import Guarded
from tui.keymap import FITS, shown
from tui.layout import Sizes
from tui.panes.base import Pane
from tui.panes.chart import ChartPane
from tui.panes.contexts import ContextsPane
from tui.panes.foot import Foot
from tui.panes.health import HealthPane
from tui.panes.outline import OutlinePane
from tui.panes.workflows import WorkflowsPane
from tui.rows import Key
from tui.screens.asking import Asking
from tui.widgets.breadcrumb import Breadcrumb

if TYPE_CHECKING:
    from tui.app import ChartkeepApp
    from tui.boot import Boot
    from tui.session import Session


NEAR = 6
"""Rows on either side of the cursor whose charts are read beforehand."""


class MainScreen(Guarded, Asking):
    """Everything one sees at work."""

    AUTO_FOCUS = "#outline"
    HORIZONTAL_BREAKPOINTS = [
        (0, "-narrow"),
        (100, "-normal"),
        (160, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall"), (54, "-high")]

    def __init__(self) -> None:
        super().__init__()
        self.foot = Foot()
        self.doing = ""
        self.sizes = Sizes(self)
        self.has_parts = False

    @property
    def desk(self) -> ChartkeepApp:
        """The app, by its own type."""
        return cast("ChartkeepApp", self.app)

    def _preset(self) -> None:
        """Set the classes of the breakpoints beforehand: set later, they cost a second layout."""
        for size, points in zip(
            self.app.size, (self.HORIZONTAL_BREAKPOINTS, self.VERTICAL_BREAKPOINTS), strict=True
        ):
            self.add_class(*[name for least, name in points if size >= least][-1:], update=False)

    def compose(self) -> ComposeResult:
        self._preset()
        mouse = self.desk.config.mouse
        self.contexts = ContextsPane(id="contexts-pane", mouse=mouse)
        self.outline = OutlinePane(id="outline-pane", mouse=mouse)
        self.chart = ChartPane(id="chart-pane", mouse=mouse)
        self.workflows = WorkflowsPane(id="workflows-pane", mouse=mouse)
        self.health = HealthPane(id="health-pane")
        self.crumb = Breadcrumb(id="crumb")
        self.status = Horizontal(self.workflows, self.health, id="status")
        self.left = Vertical(self.contexts, self.outline, id="left")
        self.right = Vertical(self.chart, self.status, id="right")
        yield self.crumb
        yield Horizontal(self.left, self.right, id="body")
        yield self.foot

    def on_mount(self) -> None:
        """The parts are there: what the boot thread has read can be shown."""
        self.has_parts = True
        self.outline.body.at_once = self._follow_at_once
        self.chart.near = partial(self.outline.near, NEAR)
        self.desk.fill()

    def on_screen_resume(self) -> None:
        """What was above is gone: show what has happened meanwhile."""
        if self.has_parts and self.desk.opened:
            self.workflows.uncovered()

    def on_resize(self) -> None:
        """What folds by itself depends on the size of the screen."""
        if self.has_parts and self.desk.opened:
            self.sizes.apply()

    # -- opening -----------------------------------------------------------------------------------

    def opened(self, boot: Boot) -> None:
        """Fill the panes from what the boot thread has read."""
        session = boot.session
        self.sizes.restore(session)
        self.contexts.show(boot.contexts, session.context)
        if boot.page is not None:
            cursor = tuple(session.cursor) if session.cursor else None
            self.outline.query_now = boot.page.query
            self.outline.fresh_look()
            self.outline.remember_unfolded(tuple(key) for key in session.unfolded)
            self.outline.show_page(boot.page, cursor)
            if boot.chart is not None:
                self.chart.prime(boot.chart, self.outline.key)
        self.jobs_changed()
        self.show_hints()

    def remember(self, session: Session) -> None:
        """Put the state of the screen into the session."""
        query = self.outline.query_now
        session.context = query.context
        session.scope = None if query.scope is None else list(query.scope)
        session.cursor = None if self.outline.key is None else list(self.outline.key)
        session.unfolded = [list(key) for key in self.outline.unfolded_keys()[:2000]]
        session.hide_done = query.hide_done
        session.sort = query.sort
        self.sizes.remember(session)

    # -- keys --------------------------------------------------------------------------------------

    def panes(self) -> dict[str, Pane]:
        """Panes by name."""
        return {
            "contexts": self.contexts,
            "outline": self.outline,
            "chart": self.chart,
            "workflows": self.workflows,
            "health": self.health,
        }

    @property
    def pane_name(self) -> str:
        """The pane with the focus; empty while something else, such as a prompt, has it."""
        focused = self.focused
        if focused is None:
            return "outline"
        for name, pane in self.panes().items():
            if pane.body is focused:
                return name
        return ""

    def take_key(self, key: str) -> bool:
        """Feed one key to the key map; False where it means nothing here."""
        if self.holds_back(key):
            return True
        pane = self.pane_name if self.has_parts else ""
        if not pane:
            return False
        keymap = self.desk.keymap
        found = keymap.feed(pane, key)
        if found.command is not None:
            self.foot.pending("")
            self.run_command(found.command, found.times)
        elif found.taken:
            self.foot.pending(found.waiting)
            self._offer(pane)
        return found.taken

    def _offer(self, pane: str) -> None:
        """While a chord is half typed, the bottom line says what may follow."""
        pending = self.desk.keymap.pending
        if pending and not pending.isdecimal():
            offers = self.desk.keymap.completions(pane)
            self.foot.hints(tuple((shown(key), command.name) for key, command in offers))
        else:
            self.show_hints()

    def run_command(self, command: Command, times: int | None = None) -> None:
        """Do what a command says, as if its key had been typed."""
        self.doing = command.name
        if not self.desk.opened and command.id not in actions.WITHOUT_STORE:
            return
        if command.writes and self.desk.readonly:
            self.desk.say(f"{command.name}: this store is open for reading only.", error=True)
            return
        if command.id in actions.ON_A_CHART and actions.target(self) is None:
            self.desk.say(f"There is no chart here; {self.desk.keymap.first('chart.add_line')} starts one.")
            return
        if command.group != "Move":
            self.foot.quiet()
            self.show_hints()
        actions.run(self, command, times)

    def show_hints(self) -> None:
        """Keys that help in the pane with the focus."""
        pane = self.pane_name or "outline"
        readonly = self.desk.readonly
        keymap = self.desk.keymap
        hints = tuple(
            (keymap.first(command.id), command.short)
            for command in (BY_ID["show.help"], *(c for c in COMMANDS if c.id != "show.help"))
            if command.footer and pane in FITS[command.when] and not (readonly and command.writes)
        )
        self.foot.hints(hints, "read only" if readonly else "")

    def on_descendant_focus(self) -> None:
        """Another pane: other keys help."""
        self.desk.keymap.clear()
        self.show_hints()

    def _follow_at_once(self, key: object) -> None:
        """The cursor moved: where the chart is at hand it is drawn in the same frame."""
        self.chart.follow_at_hand(key if isinstance(key, tuple) else None)

    # -- routing -----------------------------------------------------------------------------------

    @on(OutlinePane.CursorOn)
    def _cursor_on(self, message: OutlinePane.CursorOn) -> None:
        if not self.chart.folded:
            self.chart.follow(message.key, message.repeat)

    @on(OutlinePane.Entered)
    def _entered(self) -> None:
        actions.by_id(self, "scope.in")

    @on(OutlinePane.Shown)
    def _shown(self, message: OutlinePane.Shown) -> None:
        page = message.page
        self.outline.sum_up()
        self.contexts.mark(page.query.context)
        self.crumb.show((page.query.context or "All contexts", *(title for _, title in page.trail)))

    @on(WorkflowsPane.Opened)
    def _workflow_opened(self) -> None:
        actions.by_id(self, "workflow.open")

    @on(Breadcrumb.Chosen)
    def _crumb_chosen(self, message: Breadcrumb.Chosen) -> None:
        trail = self.outline.trail
        query = self.outline.query_now
        if message.index == 0 and query.scope is not None:
            self.outline.go_out(None, trail[0][0])
        elif 0 < message.index < len(trail):
            self.outline.go_out(trail[message.index - 1][0], query.scope or trail[-1][0])

    @on(ContextsPane.Chosen)
    def _context_chosen(self, message: ContextsPane.Chosen) -> None:
        self.show_context(message.name)

    def show_context(self, name: str | None) -> None:
        """Show the charts of a context, or of all."""
        query = self.outline.query_now
        if name != query.context or query.scope is not None:
            self.outline.ask(query._replace(context=name, scope=None, text=""))

    # -- changes -----------------------------------------------------------------------------------

    def committed(self, changes: list[Change]) -> None:
        """A command of this session is on disk: say so, and show it."""
        real = [change for change in changes if not change.empty]
        if not real:
            self.desk.say(changes[0].hints[0] if changes and changes[0].hints else "Nothing to change.")
            return
        label = real[0].label if len(real) == 1 else f"{real[0].label} (and {len(real) - 1} more)"
        undone = real[0].command == "undo"
        key = self.desk.keymap.first("redo" if undone else "undo")
        self.desk.say(f"{label} · {key} {'does it again' if undone else 'undoes'}" if key else label)
        for hint in dict.fromkeys(hint for change in real for hint in change.hints):
            self.desk.notify(hint, title="Hint", timeout=self.desk.config.settings.message_seconds * 2)
        self.reload(cursor=actions.focus_key(real))

    def reload(self, cursor: Key | None = None, opened: tuple[Key, ...] = ()) -> None:
        """Ask the store again for all that is shown."""
        self.outline.refresh_page(cursor, opened)
        self.chart.refresh_view()
        self.contexts.refresh_list()
        self.health.refresh_figures()

    def changed(self, contexts: frozenset[str]) -> None:
        """Others changed something."""
        shown_context = self.outline.query_now.context
        if shown_context is None or shown_context in contexts or "" in contexts:
            self.outline.refresh_page()
            self.chart.refresh_view()
        self.contexts.refresh_list()
        self.health.refresh_figures()

    def jobs_changed(self) -> None:
        """Background work moved."""
        if self.desk.opened:
            jobs = self.desk.store.jobs.all()
            self.workflows.show(jobs)
            self.health.jobs_changed(jobs)

    def focus_pane(self, name: str) -> None:
        """Give a pane the keyboard; a folded one unfolds."""
        pane = self.panes()[name]
        self.sizes.reveal(name)
        target: Widget = pane.body
        target.focus(scroll_visible=False)
