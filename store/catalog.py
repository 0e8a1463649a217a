"""The one table of commands: keys, footer, palette, help, README and headless help come from it.

Plain data and nothing else: no Textual, no store. A command that works on the command line
names its subcommand in `cli`; the headless parser takes its help line from here.

Keys are written as people type them: `j`, `G`, `ctrl+r`, `space`, `/`. Two words are a
chord: `g g` is g, then g. A person's own keys, in `chartkeep.toml`, are given by command id.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

When = Literal["any", "tree", "outline", "chart", "contexts"]
"""Which pane must have the focus for the keys to work: `tree` is the outline or the chart."""


class Command(NamedTuple):
    """One thing a person can ask chartkeep to do."""

    id: str
    """Stable name: what settings, transactions and tests use."""
    name: str
    """As the palette shows it: a verb and its object."""
    help: str
    """One sentence that says what happens."""
    keys: tuple[str, ...] = ()
    when: When = "any"
    group: str = "General"
    cli: str = ""
    """Headless subcommand; empty where there is none."""
    palette: bool = True
    footer: bool = False
    writes: bool = False
    """True where it changes the store: refused in a read-only session."""
    counts: bool = False
    """True where a number typed before it repeats it: `5j`."""


def _move() -> tuple[Command, ...]:
    def row(id: str, name: str, help: str, *keys: str, counts: bool = True) -> Command:
        return Command(id, name, help, keys, "tree", "Move", palette=False, counts=counts)

    return (
        row("cursor.down", "Next row", "Move the cursor one row down.", "j", "down"),
        row("cursor.up", "Previous row", "Move the cursor one row up.", "k", "up"),
        row("cursor.page_down", "Page down", "Move the cursor one screen down.", "pagedown", "ctrl+f"),
        row("cursor.page_up", "Page up", "Move the cursor one screen up.", "pageup", "ctrl+b"),
        row("cursor.half_down", "Half a page down", "Move the cursor half a screen down.", "ctrl+d"),
        row("cursor.half_up", "Half a page up", "Move the cursor half a screen up.", "ctrl+u"),
        row("cursor.first", "First row", "Go to the first row, or with a number to that row.", "g g", "home"),
        row("cursor.last", "Last row", "Go to the last row, or with a number to that row.", "G", "end"),
        row("cursor.parent", "Parent row", "Go to the row this one belongs to.", "g p", "{", counts=False),
        row("cursor.next_chart", "Next chart", "Go to the next chart on the same level.", "}", "ctrl+n"),
    )


def _fold() -> tuple[Command, ...]:
    def row(id: str, name: str, help: str, *keys: str, footer: bool = False) -> Command:
        return Command(id, name, help, keys, "outline", "Fold and telescope", footer=footer)

    return (
        row(
            "fold.open",
            "Unfold, or go in",
            "Unfold the row; when it is open, telescope into it.",
            "l",
            "right",
        ),
        row(
            "fold.close",
            "Fold, or go out",
            "Fold the row, else go to its parent, else telescope out.",
            "h",
            "left",
        ),
        row("fold.toggle", "Fold or unfold", "Fold the row if it is open, unfold it if not.", "z a", "o"),
        row("fold.open_one", "Unfold", "Unfold the row.", "z o"),
        row("fold.close_one", "Fold", "Fold the row.", "z c"),
        row("fold.open_all", "Unfold everything", "Unfold every chart that is listed.", "z R"),
        row("fold.close_all", "Fold everything", "Fold every chart that is listed.", "z M"),
        row(
            "scope.in",
            "Telescope in",
            "Make the chart under the cursor the root of the outline.",
            "enter",
            footer=True,
        ),
        Command(
            "scope.out",
            "Telescope out",
            "Go back out to the chart that holds this one.",
            ("backspace",),
            "tree",
            "Fold and telescope",
        ),
        Command(
            "scope.top",
            "Telescope all the way out",
            "Show every chart of the context again.",
            ("g t",),
            "tree",
            "Fold and telescope",
        ),
        row("view.done", "Show or hide completed charts", "List completed charts, or leave them out.", "z d"),
        row(
            "view.sort",
            "Sort charts otherwise",
            "Sort by last change, due date, title or age, in turn.",
            "z s",
        ),
    )


def _find() -> tuple[Command, ...]:
    group = "Find"
    return (
        Command(
            "find.filter",
            "Filter as you type",
            "Mark the rows that hold a text; Enter keeps it.",
            ("/",),
            "tree",
            group,
            footer=True,
        ),
        Command(
            "find.next",
            "Next match",
            "Go to the next row that matches the filter.",
            ("n",),
            "tree",
            group,
            palette=False,
            counts=True,
        ),
        Command(
            "find.previous",
            "Previous match",
            "Go to the previous row that matches.",
            ("N",),
            "tree",
            group,
            palette=False,
            counts=True,
        ),
        Command(
            "find.clear",
            "Clear filter and selection",
            "Drop the filter, the selection or a half-typed command.",
            ("escape",),
            "any",
            group,
            palette=False,
        ),
        Command(
            "find.jump",
            "Jump to any chart",
            "Go to a chart of any context by typing part of its name.",
            ("'", "ctrl+o"),
            "any",
            group,
            footer=True,
        ),
        Command(
            "find.search",
            "Search all text",
            "Search outcomes, steps, notes and realities of every context.",
            ("g s",),
            "any",
            group,
            cli="search",
        ),
        Command(
            "find.overdue",
            "Go to the next overdue row",
            "Go to the next row whose due date has passed.",
            ("g !",),
            "tree",
            group,
        ),
    )


def _make() -> tuple[Command, ...]:
    def row(
        id: str, name: str, help: str, *keys: str, cli: str = "", footer: bool = False, counts: bool = False
    ) -> Command:
        return Command(
            id, name, help, keys, "tree", "Charts and steps", cli, footer=footer, writes=True, counts=counts
        )

    return (
        row(
            "chart.add_line",
            "New chart in one line",
            "Type an outcome, and a due date after @.",
            "c",
            footer=True,
        ),
        row(
            "chart.add",
            "New chart",
            "Start a chart: outcome, current reality, due date, steps.",
            "C",
            cli="add",
        ),
        row(
            "step.add",
            "Add a step",
            "Add an action step to the chart.",
            "a",
            cli="step",
            footer=True,
        ),
        row("chart.add_child", "Add a sub-chart", "Add a step that is a chart of its own.", "A"),
        row(
            "step.telescope",
            "Telescope the step",
            "Make the step a chart of its own.",
            "t",
            cli="telescope",
            footer=True,
        ),
        row(
            "step.done",
            "Complete, or take it back",
            "Mark the step or chart complete, or open it again.",
            "x",
            cli="done",
            footer=True,
        ),
        row("edit.text", "Edit in place", "Edit the text under the cursor.", "e", "f2", footer=True),
        row("edit.external", "Edit in $EDITOR", "Edit the whole chart as text in your editor.", "E"),
        row("edit.outcome", "Edit the outcome", "Edit the desired outcome of the chart.", "O"),
        row("reality.add", "Add to current reality", "Add a fact to the current reality of the chart.", "r"),
        row("step.note", "Note progress", "Add a progress note to the step or the outcome.", "m", cli="note"),
        row(
            "edit.due",
            "Set the due date",
            "Set a due date: fri, +2w, 12 dec, 2026-12-01; empty takes it away.",
            "D",
            cli="due",
        ),
        row(
            "step.down",
            "Move the step down",
            "Swap the step with the one below it.",
            "J",
            "shift+down",
            counts=True,
        ),
        row(
            "step.up",
            "Move the step up",
            "Swap the step with the one above it.",
            "K",
            "shift+up",
            counts=True,
        ),
        row(
            "chart.move",
            "Move to another context",
            "Move charts with all below them to another context.",
            "M",
            cli="move",
        ),
        row(
            "chart.archive",
            "Archive",
            "Move completed charts to the archive, or bring them back.",
            "X",
            cli="archive",
        ),
        row(
            "chart.remove",
            "Delete",
            "Delete charts or steps with all below them; undo brings them back.",
            "d d",
            "delete",
            cli="rm",
        ),
    )


def _select() -> tuple[Command, ...]:
    group = "Select and copy"
    return (
        Command(
            "select.toggle",
            "Select the row",
            "Select or unselect the row and go on to the next.",
            ("space", "v"),
            "outline",
            group,
            counts=True,
        ),
        Command(
            "select.all",
            "Select all rows like this",
            "Select every row beside this one.",
            ("*",),
            "outline",
            group,
        ),
        Command(
            "copy.markdown",
            "Copy as Markdown",
            "Copy the selected charts as Markdown to the clipboard.",
            ("y",),
            "tree",
            group,
        ),
    )


def _history() -> tuple[Command, ...]:
    group = "History"
    return (
        Command(
            "undo",
            "Undo",
            "Take back your last change.",
            ("u",),
            "any",
            group,
            "undo",
            footer=True,
            writes=True,
            counts=True,
        ),
        Command(
            "redo",
            "Redo",
            "Do again what was undone last.",
            ("ctrl+r", "U"),
            "any",
            group,
            "redo",
            writes=True,
            counts=True,
        ),
        Command(
            "show.activity",
            "Activity",
            "Who changed what, newest first; undo any of it.",
            ("g a",),
            "any",
            group,
            cli="history",
        ),
        Command(
            "show.chart_history",
            "History of this chart",
            "Who changed this chart, newest first.",
            ("g y",),
            "tree",
            group,
        ),
    )


def _panes() -> tuple[Command, ...]:
    def row(id: str, name: str, help: str, *keys: str, counts: bool = False) -> Command:
        return Command(id, name, help, keys, "any", "Panes", counts=counts)

    return (
        row("pane.next", "Next pane", "Give the next pane the keyboard.", "tab", "ctrl+w w"),
        row(
            "pane.previous", "Previous pane", "Give the previous pane the keyboard.", "shift+tab", "ctrl+w W"
        ),
        row("pane.contexts", "Go to contexts", "Give the contexts pane the keyboard.", "g c"),
        row("pane.outline", "Go to the hierarchy", "Give the chart hierarchy the keyboard.", "g o"),
        row(
            "pane.chart",
            "Go to the chart",
            "Give the chart the keyboard, to edit its parts in place.",
            "g v",
            "i",
        ),
        row("pane.workflows", "Go to workflow status", "Give workflow status the keyboard.", "g w"),
        row("pane.health", "Go to storage health", "Give storage health the keyboard.", "g h"),
        row(
            "pane.fold", "Fold the pane", "Fold the pane with the keyboard to one line, or unfold it.", "z p"
        ),
        row("pane.zoom", "Zoom the pane", "Give the whole screen to the pane, or take it back.", "_", "z z"),
        row("pane.taller", "Taller", "Make the pane taller.", "+", counts=True),
        row("pane.shorter", "Shorter", "Make the pane less tall.", "-", counts=True),
        row("pane.wider", "Wider", "Make the left column wider.", ">", counts=True),
        row("pane.narrower", "Narrower", "Make the left column narrower.", "<", counts=True),
        row("pane.reset", "Layout as it was at first", "Put every pane back to its first size.", "="),
    )


def _contexts() -> tuple[Command, ...]:
    group = "Contexts"
    return (
        Command(
            "context.next",
            "Next context",
            "Show the charts of the next context.",
            ("]",),
            "any",
            group,
            counts=True,
        ),
        Command(
            "context.previous",
            "Previous context",
            "Show the charts of the context before.",
            ("[",),
            "any",
            group,
            counts=True,
        ),
        Command(
            "context.all",
            "All contexts together",
            "List the charts of every context together.",
            ("g A",),
            "any",
            group,
        ),
        Command(
            "context.new",
            "New context",
            "Make a new context in this store.",
            ("a", "c"),
            "contexts",
            group,
            writes=True,
            footer=True,
        ),
        Command(
            "context.rename",
            "Rename the context",
            "Give the context another name.",
            ("e", "r"),
            "contexts",
            group,
            writes=True,
            footer=True,
        ),
        Command(
            "context.archive",
            "Archive the context",
            "Put the context away; its files stay in the archive.",
            ("X", "d d"),
            "contexts",
            group,
            writes=True,
        ),
        Command(
            "context.list",
            "List contexts",
            "List the contexts of the store with their figures.",
            (),
            "any",
            group,
            cli="contexts",
            palette=False,
        ),
    )


def _storage() -> tuple[Command, ...]:
    group = "Storage"
    return (
        Command(
            "store.init",
            "Make a store",
            "Make a store in this folder.",
            (),
            "any",
            group,
            "init",
            palette=False,
        ),
        Command(
            "store.sync",
            "Sync now",
            "Read what other programs wrote and publish what is new here.",
            ("f5", "g r"),
            "any",
            group,
            "sync",
        ),
        Command(
            "store.verify",
            "Verify the store",
            "Check every journal line by line and report what is found.",
            ("f6",),
            "any",
            group,
            "verify",
        ),
        Command(
            "store.rebuild", "Rebuild the index", "Make the index anew from the journals.", (), "any", group
        ),
        Command(
            "store.status",
            "Status of the store",
            "Show sizes, counts, locks and findings of the store.",
            (),
            "any",
            group,
            "status",
            palette=False,
        ),
        Command(
            "store.import",
            "Import a file",
            "Bring the charts of a file into this context.",
            (),
            "any",
            group,
            "import",
            writes=True,
        ),
        Command(
            "store.export",
            "Export",
            "Write charts as Markdown, CSV or JSONL to a file.",
            (),
            "any",
            group,
            "export",
        ),
        Command(
            "store.plots",
            "Draw growth over time",
            "Draw the plots of the health pane now.",
            ("g P",),
            "any",
            group,
        ),
    )


def _general() -> tuple[Command, ...]:
    group = "General"
    return (
        Command("show.help", "Help", "Every command and its keys.", ("?", "f1"), "any", group, footer=True),
        Command(
            "show.palette",
            "Command palette",
            "Find a command by name.",
            (":", "ctrl+p"),
            "any",
            group,
            palette=False,
            footer=True,
        ),
        Command("show.errors", "Errors", "What went wrong, from the error log.", ("g e",), "any", group),
        Command(
            "show.findings",
            "Findings",
            "What verify and the readers found in the files.",
            ("g f",),
            "any",
            group,
        ),
        Command(
            "view.theme",
            "Change the theme",
            "Dark, light, or the colours of your terminal.",
            ("g T",),
            "any",
            group,
        ),
        Command(
            "view.mouse",
            "Mouse on or off",
            "Leave the mouse to the terminal, or take it back.",
            ("g m",),
            "any",
            group,
        ),
        Command("view.redraw", "Redraw", "Draw the whole screen again.", ("ctrl+l",), "any", group),
        Command(
            "repeat",
            "Repeat the last change",
            "Do the last change again on the row under the cursor.",
            (".",),
            "tree",
            group,
            writes=True,
            palette=False,
        ),
        Command(
            "list", "List charts", "List the charts of a context.", (), "any", group, "list", palette=False
        ),
        Command(
            "show",
            "Show a chart",
            "Show a chart as a tree, now or as it was at a time.",
            (),
            "any",
            group,
            "show",
            palette=False,
        ),
        Command(
            "chart.edit",
            "Edit a chart or step",
            "Change the outcome, a title or the current reality.",
            (),
            "any",
            "Charts and steps",
            "edit",
            palette=False,
            writes=True,
        ),
        Command(
            "store.demo",
            "Make the demo store",
            "Make the demo store, to try things on.",
            (),
            "any",
            "Storage",
            "demo",
            palette=False,
        ),
        Command(
            "cli.completion",
            "Shell completion",
            "Print the completion script of bash, zsh or fish.",
            (),
            "any",
            group,
            "completion",
            palette=False,
        ),
        Command(
            "cli.keys",
            "Key table",
            "Print every command and its keys as Markdown.",
            (),
            "any",
            group,
            "keys",
            palette=False,
        ),
        Command(
            "cli.help",
            "Help on the command line",
            "Explain a command, the exit codes, or what --json prints.",
            (),
            "any",
            group,
            "help",
            palette=False,
        ),
        Command(
            "quit", "Quit", "Leave chartkeep; everything is saved already.", ("q", "ctrl+q"), "any", group
        ),
    )


COMMANDS: tuple[Command, ...] = (
    *_move(),
    *_fold(),
    *_find(),
    *_make(),
    *_select(),
    *_history(),
    *_contexts(),
    *_panes(),
    *_storage(),
    *_general(),
)
"""Every command, in the order help shows them."""

BY_ID: dict[str, Command] = {command.id: command for command in COMMANDS}

BY_CLI: dict[str, Command] = {command.cli: command for command in COMMANDS if command.cli}
"""Headless subcommand to command: its `help` is the subcommand's help line."""


def get(command_id: str) -> Command:
    """The command with that id; raises KeyError where there is none."""
    return BY_ID[command_id]


def groups() -> dict[str, list[Command]]:
    """Commands by group, both in table order."""
    found: dict[str, list[Command]] = {}
    for command in COMMANDS:
        found.setdefault(command.group, []).append(command)
    return found
