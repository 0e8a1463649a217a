"""The one table of commands: keys, footer, palette, help, README and headless help come from it.

Plain data and nothing else: no Textual, no store. A command that works on the command line
names its subcommand in `cli`; the headless parser takes its help line from here.

Keys are written as people type them: `j`, `G`, `ctrl+r`, `space`, `/`. Two words are a
chord: `g g` is g, then g. A person's own keys, in `chartkeep.toml`, are given by command id.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

When = Literal["any", "tree", "outline", "chart", "contexts", "workflows", "library"]
"""Where the keys work: the pane that must have the focus (`tree` is the outline or the chart, `any` all of
them), or the library screen."""


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
    short: str = ""
    """Word for the bottom line; empty where the bottom line leaves it out."""
    writes: bool = False
    """True where it changes the store: refused in a read-only session."""
    counts: bool = False
    """True where a number typed before it repeats it: `5j`."""

    @property
    def footer(self) -> bool:
        """Whether the bottom line shows it."""
        return bool(self.short)


# fmt: off
COMMANDS: tuple[Command, ...] = (
    # Move
    Command("cursor.down", "Next row", "Move the cursor one row down.",
            ("j", "down"), group="Move", palette=False, counts=True),
    Command("cursor.up", "Previous row", "Move the cursor one row up.",
            ("k", "up"), group="Move", palette=False, counts=True),
    Command("cursor.page_down", "Page down", "Move the cursor one screen down.",
            ("pagedown", "ctrl+f"), group="Move", palette=False, counts=True),
    Command("cursor.page_up", "Page up", "Move the cursor one screen up.",
            ("pageup", "ctrl+b"), group="Move", palette=False, counts=True),
    Command("cursor.half_down", "Half a page down", "Move the cursor half a screen down.",
            ("ctrl+d",), group="Move", palette=False, counts=True),
    Command("cursor.half_up", "Half a page up", "Move the cursor half a screen up.",
            ("ctrl+u",), group="Move", palette=False, counts=True),
    Command("cursor.first", "First row", "Go to the first row, or with a number to that row.",
            ("g g", "home"), group="Move", palette=False, counts=True),
    Command("cursor.last", "Last row", "Go to the last row, or with a number to that row.",
            ("G", "end"), group="Move", palette=False, counts=True),
    Command("cursor.parent", "Parent row", "Go to the row this one belongs to.",
            ("g p", "{"), group="Move", when="tree", palette=False),
    Command("cursor.next_chart", "Next chart", "Go to the next chart on the same level.",
            ("}", "ctrl+n"), group="Move", when="tree", palette=False, counts=True),
    # Fold and telescope
    Command("fold.open", "Unfold, or go in", "Unfold the row; when it is open, telescope into it.",
            ("l", "right"), group="Fold and telescope", when="outline"),
    Command("fold.close", "Fold, or go out", "Fold the row, else go to its parent, else telescope out.",
            ("h", "left"), group="Fold and telescope", when="outline"),
    Command("fold.toggle", "Fold or unfold", "Fold the row if it is open, unfold it if not.",
            ("z a", "o"), group="Fold and telescope", when="outline"),
    Command("fold.open_one", "Unfold", "Unfold the row.",
            ("z o",), group="Fold and telescope", when="outline"),
    Command("fold.close_one", "Fold", "Fold the row.", ("z c",), group="Fold and telescope", when="outline"),
    Command("fold.open_all", "Unfold everything", "Unfold every chart that is listed.",
            ("z R",), group="Fold and telescope", when="outline"),
    Command("fold.close_all", "Fold everything", "Fold every chart that is listed.",
            ("z M",), group="Fold and telescope", when="outline"),
    Command("scope.in", "Telescope in", "Make the chart under the cursor the root of the outline.",
            ("enter",), group="Fold and telescope", when="outline", short="In"),
    Command("scope.out", "Telescope out", "Go back out to the chart that holds this one.",
            ("backspace",), group="Fold and telescope", when="tree"),
    Command("scope.top", "Telescope all the way out", "Show every chart of the context again.",
            ("g t",), group="Fold and telescope", when="tree"),
    Command("view.done", "Show or hide completed charts", "List completed charts, or leave them out.",
            ("z d",), group="Fold and telescope", when="outline"),
    Command("view.sort", "Sort charts otherwise", "Sort by last change, due date, title or age, in turn.",
            ("z s",), group="Fold and telescope", when="outline"),
    # Find
    Command("find.filter", "Filter as you type", "Mark the rows that hold a text; Enter keeps it.",
            ("/",), group="Find", when="tree", short="Filter"),
    Command("find.next", "Next match", "Go to the next row that matches the filter.",
            ("n",), group="Find", when="tree", palette=False, counts=True),
    Command("find.previous", "Previous match", "Go to the previous row that matches.",
            ("N",), group="Find", when="tree", palette=False, counts=True),
    Command("find.clear", "Clear filter and selection",
            "Drop the filter, the selection or a half-typed command.",
            ("escape",), group="Find", palette=False),
    Command("find.jump", "Jump to any chart", "Go to a chart of any context by typing part of its name.",
            ("'", "ctrl+o"), group="Find", short="Jump"),
    Command("find.search", "Search all text", "Search outcomes, steps, notes and realities of every context.",
            ("g s",), group="Find", cli="search"),
    Command("find.overdue", "Go to the next overdue row", "Go to the next row whose due date has passed.",
            ("g !",), group="Find", when="tree"),
    # Charts and steps
    Command("chart.add_line", "New chart in one line", "Type an outcome, and a due date after @.",
            ("c",), group="Charts and steps", when="tree", short="New chart", writes=True),
    Command("chart.add", "New chart", "Start a chart: outcome, current reality, due date, steps.",
            ("C",), group="Charts and steps", when="tree", cli="add", writes=True),
    Command("step.add", "Add a step", "Add an action step to the chart.",
            ("a",), group="Charts and steps", when="tree", cli="step", short="Step", writes=True),
    Command("chart.add_child", "Add a sub-chart", "Add a step that is a chart of its own.",
            ("A",), group="Charts and steps", when="tree", writes=True),
    Command("step.telescope", "Telescope the step", "Make the step a chart of its own.",
            ("t",), group="Charts and steps", when="tree", cli="telescope", short="Telescope", writes=True),
    Command("step.done", "Complete, or take it back", "Mark the step or chart complete, or open it again.",
            ("x",), group="Charts and steps", when="tree", cli="done", short="Done", writes=True),
    Command("edit.text", "Edit in place", "Edit the text under the cursor.",
            ("e", "f2"), group="Charts and steps", when="tree", short="Edit", writes=True),
    Command("edit.external", "Edit in $EDITOR", "Edit the whole chart as text in your editor.",
            ("E",), group="Charts and steps", when="tree", writes=True),
    Command("edit.outcome", "Edit the outcome", "Edit the desired outcome of the chart.",
            ("O",), group="Charts and steps", when="tree", writes=True),
    Command("reality.add", "Add to current reality", "Add a fact to the current reality of the chart.",
            ("r",), group="Charts and steps", when="tree", writes=True),
    Command("step.note", "Note progress", "Add a progress note to the step or the outcome.",
            ("m",), group="Charts and steps", when="tree", cli="note", writes=True),
    Command("edit.due", "Set the due date",
            "Set a due date: fri, +2w, 12 dec, 2026-12-01; empty takes it away.",
            ("D",), group="Charts and steps", when="tree", cli="due", writes=True),
    Command("step.down", "Move the step down", "Swap the step with the one below it.",
            ("J", "shift+down"), group="Charts and steps", when="tree", writes=True, counts=True),
    Command("step.up", "Move the step up", "Swap the step with the one above it.",
            ("K", "shift+up"), group="Charts and steps", when="tree", writes=True, counts=True),
    Command("chart.move", "Move to another context", "Move charts with all below them to another context.",
            ("M",), group="Charts and steps", when="tree", cli="move", writes=True),
    Command("chart.archive", "Archive", "Move completed charts to the archive, or bring them back.",
            ("X",), group="Charts and steps", when="tree", cli="archive", writes=True),
    Command("chart.remove", "Delete", "Delete charts or steps with all below them; undo brings them back.",
            ("d d", "delete"), group="Charts and steps", when="tree", cli="rm", writes=True),
    Command("chart.edit", "Edit a chart or step", "Change the outcome, a title or the current reality.",
            (), group="Charts and steps", cli="edit", palette=False, writes=True),
    # Select and copy
    Command("select.toggle", "Select the row", "Select or unselect the row and go on to the next.",
            ("space",), group="Select and copy", when="outline", counts=True),
    Command("select.range", "Select a range", "Select from this row to where the cursor goes; again ends it.",
            ("v",), group="Select and copy", when="outline"),
    Command("select.all", "Select all rows like this", "Select every row beside this one.",
            ("*",), group="Select and copy", when="outline"),
    Command("copy.markdown", "Copy as Markdown", "Copy the selected charts as Markdown to the clipboard.",
            ("y",), group="Select and copy", when="tree"),
    # History
    Command("undo", "Undo", "Take back your last change.",
            ("u",), group="History", cli="undo", short="Undo", writes=True, counts=True),
    Command("redo", "Redo", "Do again what was undone last.",
            ("ctrl+r", "U"), group="History", cli="redo", writes=True, counts=True),
    Command("show.activity", "Activity", "Who changed what, newest first; undo any of it.",
            ("g a",), group="History", cli="history"),
    Command("show.chart_history", "History of this chart", "Who changed this chart, newest first.",
            ("g y",), group="History", when="tree"),
    # Contexts
    Command("context.next", "Next context", "Show the charts of the next context.",
            ("]",), group="Contexts", counts=True),
    Command("context.previous", "Previous context", "Show the charts of the context before.",
            ("[",), group="Contexts", counts=True),
    Command("context.all", "All contexts together", "List the charts of every context together.",
            ("g A",), group="Contexts"),
    Command("context.open", "Show the context's charts", "Give the hierarchy of the context the keyboard.",
            ("enter",), group="Contexts", when="contexts", palette=False),
    Command("context.new", "New context", "Make a new context in this store.",
            ("a", "c"), group="Contexts", when="contexts", short="New", writes=True),
    Command("context.rename", "Rename the context", "Give the context another name.",
            ("e", "r"), group="Contexts", when="contexts", short="Rename", writes=True),
    Command("context.archive", "Archive the context", "Put the context away; its files stay in the archive.",
            ("X", "d d"), group="Contexts", when="contexts", writes=True),
    Command("context.list", "List contexts", "List the contexts of the store with their figures.",
            (), group="Contexts", cli="contexts", palette=False),
    # Panes
    Command("pane.next", "Next pane", "Give the next pane the keyboard.", ("tab", "ctrl+w w"), group="Panes"),
    Command("pane.previous", "Previous pane", "Give the previous pane the keyboard.",
            ("shift+tab", "ctrl+w W"), group="Panes"),
    Command("pane.contexts", "Go to contexts", "Give the contexts pane the keyboard.",
            ("g c",), group="Panes"),
    Command("pane.outline", "Go to the hierarchy", "Give the chart hierarchy the keyboard.",
            ("g o",), group="Panes"),
    Command("pane.chart", "Go to the chart", "Give the chart the keyboard, to edit its parts in place.",
            ("g v", "i"), group="Panes"),
    Command("pane.workflows", "Go to workflow status", "Give workflow status the keyboard.",
            ("g w",), group="Panes"),
    Command("pane.health", "Go to storage health", "Give storage health the keyboard.",
            ("g h",), group="Panes"),
    Command("pane.fold", "Fold the pane", "Fold the pane with the keyboard to one line, or unfold it.",
            ("z p",), group="Panes"),
    Command("pane.zoom", "Zoom the pane", "Give the whole screen to the pane, or take it back.",
            ("_", "z z"), group="Panes"),
    Command("pane.taller", "Taller", "Make the pane taller.", ("+",), group="Panes", counts=True),
    Command("pane.shorter", "Shorter", "Make the pane less tall.", ("-",), group="Panes", counts=True),
    Command("pane.wider", "Wider", "Make the left column wider.", (">",), group="Panes", counts=True),
    Command("pane.narrower", "Narrower", "Make the left column narrower.",
            ("<",), group="Panes", counts=True),
    Command("pane.reset", "Layout as it was at first", "Put every pane back to its first size.",
            ("=",), group="Panes"),
    # Storage
    Command("store.init", "Make a store", "Make a store in this folder.",
            (), group="Storage", cli="init", palette=False),
    Command("store.sync", "Sync now", "Read what other programs wrote and publish what is new here.",
            ("f5", "g r"), group="Storage", cli="sync"),
    Command("store.verify", "Verify the store", "Check every journal line by line and report what is found.",
            ("f6",), group="Storage", cli="verify"),
    Command("store.rebuild", "Rebuild the index", "Make the index anew from the journals.",
            (), group="Storage"),
    Command("store.recover", "Recover", "Bring back what is damaged or missing, from every copy there is.",
            ("f8",), group="Storage", cli="recover", writes=True),
    Command("store.conflicts", "Conflicts", "Fields that two sides changed at once: pick the value to keep.",
            ("g x",), group="Storage", cli="conflicts"),
    Command("store.difference", "Show the difference",
            "What was in a chart file that was set aside, beside what was published in its place.",
            ("g d",), group="Storage"),
    Command("store.backup", "Back up now", "Back up what changed since the last backup, and read it back.",
            ("f7",), group="Storage", cli="backup", writes=True),
    Command("store.backups", "Backups", "List the backups; restore, verify or drill one.",
            ("g b",), group="Storage", cli="backups"),
    Command("store.restore", "Restore", "Bring back a chart, a context or the whole store as it was.",
            (), group="Storage", cli="restore", writes=True),
    Command("store.compact", "Compact", "Start new generations of the journals; the old ones go to the archive, whole.",
            (), group="Storage", cli="compact", writes=True),
    Command("store.retention", "Apply retention rules", "Put away or forget what the rules in chartkeep.toml name.",
            (), group="Storage", cli="retention", writes=True),
    Command("store.erase", "Erase for good", "Erase charts or superseded versions from the whole history, for privacy.",
            (), group="Storage", cli="erase", writes=True),
    Command("store.maintain", "Maintain", "Sync, verify, back up, compact and sample on a schedule, until stopped.",
            (), group="Storage", cli="maintain", palette=False, writes=True),
    Command("store.status", "Status of the store", "Show sizes, counts, locks and findings of the store.",
            (), group="Storage", cli="status", palette=False),
    Command("store.import", "Import a file", "Bring the charts of a file into this context.",
            (), group="Storage", cli="import", writes=True),
    Command("store.export", "Export", "Write charts as Markdown, CSV or JSONL to a file.",
            (), group="Storage", cli="export"),
    Command("store.plots", "Plot figures over time",
            "Go through plots of size, query time, disk sync and free disk in the health pane.",
            ("g P",), group="Storage"),
    Command("store.demo", "Make the demo store", "Make the demo store, to try things on.",
            (), group="Storage", cli="demo", palette=False),
    # Workflows
    Command("workflow.open", "Show a workflow", "Counts, options and audit trail of the workflow.",
            ("enter",), group="Workflows", when="workflows", palette=False, short="Show"),
    Command("workflow.pause", "Pause a workflow", "Have it wait after its present transaction; again to go on.",
            ("p",), group="Workflows", when="workflows", short="Pause", writes=True),
    Command("workflow.resume", "Resume a workflow", "Go on with one that was interrupted, paused, cancelled or failed.",
            ("s",), group="Workflows", when="workflows", short="Resume", writes=True),
    Command("workflow.cancel", "Cancel a workflow", "End it; what it has committed stays.",
            ("c", "d d"), group="Workflows", when="workflows", short="Cancel", writes=True),
    Command("workflow.rollback", "Roll a workflow back", "Take back all it wrote, as new versions; the history stays.",
            ("B",), group="Workflows", when="workflows", short="Roll back", writes=True),
    Command("workflow.rejects", "Show rejected items", "What was refused, with line and reason.",
            ("e",), group="Workflows", when="workflows", short="Rejects"),
    Command("workflow.retry", "Retry rejected items", "Submit the rejected items again, as a workflow of their own.",
            ("r",), group="Workflows", when="workflows", writes=True),
    Command("workflow.clean", "Remove old workflows", "Remove what is kept of workflows that ended long ago.",
            (), group="Workflows", writes=True),
    Command("workflow.submit", "Submit a batch", "Records from a JSONL file, with a preview of what would happen.",
            ("g i",), group="Workflows", cli="batch", writes=True),
    Command("workflow.list", "Workflows", "List workflows; show, pause, resume, cancel or roll back one.",
            (), group="Workflows", cli="workflows", palette=False),
    # Library
    Command("library.show", "Library", "Analogies, frames, concepts and all other records, to browse and change.",
            ("g l",), group="Library"),
    Command("similar.show", "What is similar", "Charts and records that are like the chart under the cursor.",
            ("g k",), group="Library", cli="similar"),
    Command("library.open", "Show the record", "Give the record's details the keyboard, or follow a reference in them.",
            ("enter",), group="Library", when="library", palette=False),
    Command("library.filter", "Filter records", "Words, tag:x, domain:y, >0.8, where:…; Enter keeps it.",
            ("/",), group="Library", when="library", palette=False, short="Filter"),
    Command("library.sort", "Sort records", "By last change, creation, quality or title, in turn.",
            ("S",), group="Library", when="library", palette=False, short="Sort"),
    Command("library.collection", "Next collection", "Show the next collection.",
            ("tab",), group="Library", when="library", palette=False),
    Command("library.facets", "Tags and domains", "Tags and domains with their counts, to filter by.",
            ("t",), group="Library", when="library", palette=False, short="Tags"),
    Command("library.similar", "Similar records", "Records and charts that are like this one.",
            ("s",), group="Library", when="library", palette=False, short="Similar"),
    Command("library.history", "History of a record", "Its versions, and what differs between two.",
            ("H",), group="Library", when="library", palette=False, short="History"),
    Command("library.restore", "Restore a version", "Make an earlier version the present one.",
            ("R",), group="Library", when="library", palette=False, writes=True),
    Command("library.new", "New record", "Type a record as JSON; it is checked before it is kept.",
            ("a",), group="Library", when="library", palette=False, short="New", writes=True),
    Command("library.edit", "Edit a record", "Edit the record as JSON; it is checked before it is kept.",
            ("E",), group="Library", when="library", palette=False, writes=True),
    Command("library.delete", "Delete records", "Delete this record or the selected ones; restoring brings them back.",
            ("d d", "delete"), group="Library", when="library", palette=False, writes=True),
    Command("library.delete_by", "Delete by criteria", "Say which; a dry run shows how many, with examples, before it is done.",
            ("D",), group="Library", when="library", palette=False, writes=True),
    Command("library.import", "Import records", "Submit a JSONL file, with a preview.",
            ("i",), group="Library", when="library", palette=False, writes=True),
    Command("library.write", "Export what is listed", "Write the records that are listed to a JSONL file.",
            ("w",), group="Library", when="library", palette=False),
    Command("query", "Query records", "Find records by field, words and tags; stream them out.",
            (), group="Library", cli="query", palette=False),
    Command("domains", "Questions across domains", "Pairs of domains, the best analogies of each, tags they share.",
            (), group="Library", cli="domains", palette=False),
    Command("record", "One record", "Show, add, change, delete or restore a record.",
            (), group="Library", cli="record", palette=False, writes=True),
    Command("vectors", "Vectors", "Embeddings of records: list, add, make, check, index, measure.",
            (), group="Library", cli="vectors", palette=False, writes=True),
    # General
    Command("show.help", "Help", "Every command and its keys.", ("?", "f1"), group="General", short="Help"),
    Command("show.palette", "Command palette", "Find a command by name.",
            (":", "ctrl+p"), group="General", palette=False, short="Commands"),
    Command("show.errors", "Errors", "What went wrong, from the error log.", ("g e",), group="General"),
    Command("show.findings", "Findings", "What verify and the readers found in the files.",
            ("g f",), group="General"),
    Command("view.theme", "Change the theme", "Dark, light, or the colours of your terminal.",
            ("g T",), group="General"),
    Command("view.mouse", "Mouse on or off", "Leave the mouse to the terminal, or take it back.",
            ("g m",), group="General"),
    Command("view.redraw", "Redraw", "Draw the whole screen again.", ("ctrl+l",), group="General"),
    Command("list", "List charts", "List the charts of a context.",
            (), group="General", cli="list", palette=False),
    Command("show", "Show a chart", "Show a chart as a tree, now or as it was at a time.",
            (), group="General", cli="show", palette=False),
    Command("cli.completion", "Shell completion", "Print the completion script of bash, zsh or fish.",
            (), group="General", cli="completion", palette=False),
    Command("cli.keys", "Key table", "Print every command and its keys as Markdown.",
            (), group="General", cli="keys", palette=False),
    Command("cli.help", "Help on the command line",
            "Explain a command, the exit codes, or what --json prints.",
            (), group="General", cli="help", palette=False),
    Command("quit", "Quit", "Leave chartkeep; everything is saved already.",
            ("q", "ctrl+q"), group="General"),
)
# fmt: on
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
