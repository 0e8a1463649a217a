"""What commands do: one module per group of the command table, imported when first used.

A handler takes the main screen and the number typed before the key (None where there was none).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from store.catalog import BY_ID, Command
from store.model import Change
from tui.rows import Key

if TYPE_CHECKING:
    from tui.screens.main import MainScreen

Handler = Callable[["MainScreen", int | None], None]

HANDLERS: dict[str, Handler] = {}

_MODULES = {
    "Move": ("moving",),
    "Fold and telescope": ("folding",),
    "Find": ("finding",),
    "Charts and steps": ("making", "editing", "arranging"),
    "Select and copy": ("selecting",),
    "History": ("history",),
    "Contexts": ("contexts",),
    "Panes": ("panes",),
    "Storage": ("storage", "keeping", "upkeep"),
    "Workflows": ("workflows",),
    "Library": ("library", "library_changing"),
    "General": ("general",),
}

WITHOUT_STORE = frozenset(
    {
        "quit",
        "show.help",
        "show.errors",
        "show.palette",
        "view.theme",
        "view.redraw",
        "view.mouse",
        "find.clear",
    }
)
"""Commands that work before a store is open."""


ON_A_CHART = frozenset(
    command.id
    for command in BY_ID.values()
    if command.group == "Charts and steps" and command.id not in ("chart.add", "chart.add_line")
)
"""Commands about what the cursor is on: where that is nothing, they say so."""


def handles(command_id: str) -> Callable[[Handler], Handler]:
    """Register a function as what a command does."""

    def register(handler: Handler) -> Handler:
        HANDLERS[command_id] = handler
        return handler

    return register


def handler(command: Command) -> Handler | None:
    """What a command does; None for one that is for the command line only."""
    if command.id not in HANDLERS:
        for module in _MODULES[command.group]:
            import_module(f"tui.actions.{module}")
    return HANDLERS.get(command.id)


def run(screen: MainScreen, command: Command, times: int | None) -> None:
    """Do what a command says."""
    found = handler(command)
    if found is not None:
        found(screen, times)


def by_id(screen: MainScreen, command_id: str, times: int | None = None) -> None:
    """Do what the command of that id says, with the checks a key press gets."""
    screen.run_command(BY_ID[command_id], times)


class Target(NamedTuple):
    """What a command is about: the row or the part of the chart that the cursor is on."""

    kind: str
    """chart, step, outcome, note, step-note, fact."""
    context: str
    chart_id: str
    """The chart itself, or the one that holds the step or part."""
    step: str
    text: str
    row: Key | None
    """The outline's row, where the cursor is in the outline."""
    at: int = 0
    child: str = ""
    """Chart that the step telescoped into."""

    @property
    def name(self) -> str:
        """What planners take: a step's name or a chart's id."""
        return self.step or self.chart_id

    @property
    def opens(self) -> str:
        """The chart that steps are added to: the step's own chart, if it has one."""
        return self.child if self.kind == "step" and self.child else self.chart_id


def target(screen: MainScreen) -> Target | None:
    """What the cursor of the pane with the focus is on."""
    if screen.pane_name == "chart":
        part = screen.chart.part()
        if part is None:
            return None
        kind = {"child": "chart"}.get(part.kind, part.kind)
        return Target(kind, part.context, part.chart_id, part.step, part.text, None, part.at, part.child)
    key, row = screen.outline.key, screen.outline.row
    if key is None or row is None or len(key) < 2:
        return None
    child = screen.outline.charts.get(key)
    if len(key) == 2:
        view = screen.chart.view
        text = (
            view.outcome if view is not None and (view.row.context, view.row.chart_id) == key else row.title
        )
        return Target("chart", key[0], key[1], "", text, key)
    return Target("step", key[0], key[1], key[2], row.title, key, 0, child[1] if child else "")


def targets(screen: MainScreen) -> tuple[str, list[str]]:
    """(context, names) of the selected rows, else of the one under the cursor; of one context only."""
    if screen.pane_name == "chart":
        found = target(screen)
        return (found.context, [found.name]) if found else ("", [])
    keys = [key for key in screen.outline.targets() if len(key) > 1]
    if not keys:
        return "", []
    context = keys[0][0]
    return context, [key[-1] for key in keys if key[0] == context]


def focus_key(changes: list[Change]) -> Key | None:
    """The row on which the cursor should stand after these changes."""
    for change in changes:
        if not change.focus:
            continue
        for edit in change.edits:
            record = edit.record
            if record is None or record.get("name") != change.focus:
                continue
            meta = record.get("metadata")
            chart_id = meta.get("chartId") if isinstance(meta, dict) else None
            if not isinstance(chart_id, str):
                break
            if record.get("entityType") == "action_step":
                return (change.context, chart_id, change.focus)
            return (change.context, chart_id)
        return (change.context, change.focus)
    return None
