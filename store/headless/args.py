"""What each subcommand takes: the argument parser, made from the command table.

Help lines come from `store.catalog`. Only the parser of the subcommand that was typed is
filled, so that neither help nor a command pays for the others; nothing here imports a store.
"""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

from store import errors
from store.catalog import BY_CLI
from store.headless import args_knowledge as library
from store.headless import args_upkeep as care
from store.headless.args_upkeep import yes

EXIT_CODES: tuple[tuple[int, str], ...] = (
    (0, "done"),
    (errors.ChartkeepError.exit_code, "something went wrong"),
    (errors.UsageError.exit_code, "the command was not understood"),
    (errors.NotFound.exit_code, "no such store, context, chart, step or transaction"),
    (errors.Refused.exit_code, "a rule forbids it, or it was not confirmed; nothing was changed"),
    (errors.Locked.exit_code, "another program held a lock for too long"),
    (errors.ReadOnly.exit_code, "the store, or this run, may only be read"),
    (errors.StorageError.exit_code, "the disk refused: full, failing, not readable, not writable"),
    (errors.Damaged.exit_code, "damage was found; `verify` names file, line and offset"),
    (errors.TooNew.exit_code, "the store was written by a newer chartkeep"),
    (10, "`status`: a figure warns"),
    (11, "`status`: a figure is critical"),
    (130, "stopped with ctrl+c"),
)
"""Exit codes and what they mean: shown by `chartkeep --help` and in the README."""

_TARGETS = """
A chart is named by its id, the beginning or end of its id, or words of its title; a step by
its name, by CHART:NUMBER (chart_1767399970220:2, or 220:2), or by words of its title.
"""
_INSTALL = """
bash: eval "$(chartkeep completion bash)" in ~/.bashrc
zsh:  chartkeep completion zsh > _chartkeep, in a folder of $fpath
fish: chartkeep completion fish > ~/.config/fish/completions/chartkeep.fish
"""
_DATES = "fri, +2w, 12 dec, tomorrow, 2026-12-01"

Fill = Callable[[ArgumentParser], None]


class Sub(NamedTuple):
    """One subcommand: the function that does it (`module:function` in `store.headless`) and its arguments."""

    run: str
    fill: Fill
    notes: str = ""


class Parser(ArgumentParser):
    """An argument parser that raises `UsageError` rather than end the program."""

    def error(self, message: str) -> NoReturn:
        raise errors.UsageError(f"{message}. `{self.prog} --help` says what it takes.")


def _init(parser: ArgumentParser) -> None:
    parser.add_argument(
        "path", nargs="?", metavar="FOLDER", help="where (default: here); .coaia is made in it"
    )


def _contexts(parser: ArgumentParser) -> None:
    parser.add_argument(
        "action", nargs="?", choices=("list", "new", "rename", "archive", "restore"), default="list"
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="the context; for rename, the old name and the new"
    )


def _list(parser: ArgumentParser) -> None:
    parser.add_argument("--roots", action="store_true", help="only charts that stand under no other")
    parser.add_argument("--done", action="store_true", help="only completed charts")
    parser.add_argument("--open", action="store_true", help="only charts still open")
    parser.add_argument("--overdue", action="store_true", help="only open charts whose due date has passed")
    parser.add_argument(
        "--sort", choices=("file", "updated", "due", "title", "created", "progress"), default="file"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="at most N charts")


def _show(parser: ArgumentParser) -> None:
    parser.add_argument("chart", nargs="+", metavar="CHART")
    parser.add_argument("--at", metavar="TIME", help="as it was: 2026-11-01, 14:30, yesterday, 2h, 3d ago")
    parser.add_argument("--depth", type=int, default=9, metavar="N", help="unfold so many levels (default 9)")
    parser.add_argument("--notes", action="store_true", help="with the progress notes of every step")


def _add(parser: ArgumentParser) -> None:
    parser.add_argument("outcome", nargs="+", metavar="OUTCOME", help="the desired outcome, in words")
    parser.add_argument(
        "--reality", action="append", default=[], metavar="TEXT", help="a fact; repeat for more"
    )
    parser.add_argument("--due", metavar="DATE", help=_DATES)
    parser.add_argument(
        "--step", action="append", default=[], metavar="TEXT", help="an action step; repeat for more"
    )
    yes(parser, "take a due date that has passed")


def _step(parser: ArgumentParser) -> None:
    parser.add_argument("chart", metavar="CHART")
    parser.add_argument("title", nargs="+", metavar="TITLE")
    parser.add_argument("--due", metavar="DATE", help=_DATES)
    parser.add_argument("--sub-chart", action="store_true", help="make it a chart of its own under CHART")
    parser.add_argument(
        "--reality", action="append", default=[], metavar="TEXT", help="with --sub-chart: a fact"
    )
    yes(parser, "take a due date that has passed")


def _within(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--chart", dest="within", metavar="CHART", help="look for the step in this chart only"
    )


def _telescope(parser: ArgumentParser) -> None:
    parser.add_argument("step", nargs="+", metavar="STEP")
    parser.add_argument(
        "--reality", action="append", default=[], metavar="TEXT", help="a fact; repeat for more"
    )
    _within(parser)


def _done(parser: ArgumentParser) -> None:
    parser.add_argument("target", nargs="+", metavar="STEP|CHART")
    parser.add_argument("--undo", action="store_true", help="open it again")
    _within(parser)


def _undo(parser: ArgumentParser) -> None:
    parser.add_argument(
        "tx", nargs="?", metavar="TRANSACTION", help="as `history` names it (default: your last)"
    )
    parser.add_argument("--steps", type=int, default=1, metavar="N", help="take back N changes")


def _redo(parser: ArgumentParser) -> None:
    parser.add_argument("--steps", type=int, default=1, metavar="N", help="do N changes again")


def _note(parser: ArgumentParser) -> None:
    parser.add_argument("target", metavar="STEP|CHART")
    parser.add_argument("text", nargs="+", metavar="TEXT")
    parser.add_argument("--reality", action="store_true", help="say it in the chart's current reality too")
    _within(parser)


def _due(parser: ArgumentParser) -> None:
    parser.add_argument("target", metavar="STEP|CHART")
    parser.add_argument("date", nargs="+", metavar="DATE", help=f"{_DATES}; none takes it away")
    parser.add_argument("--move-steps", action="store_true", help="move the open steps in proportion")
    _within(parser)
    yes(parser, "take a due date that has passed")


def _edit(parser: ArgumentParser) -> None:
    parser.add_argument("target", nargs="+", metavar="CHART|STEP")
    parser.add_argument(
        "--outcome", "--title", dest="text", metavar="TEXT", help="the outcome, or the step's title"
    )
    parser.add_argument(
        "--reality", action="append", metavar="TEXT", help="the whole current reality; repeat"
    )
    parser.add_argument(
        "--add-reality", action="append", metavar="TEXT", help="one more fact; repeat for more"
    )
    _within(parser)


def _move(parser: ArgumentParser) -> None:
    parser.add_argument("charts", nargs="+", metavar="CHART")
    parser.add_argument(
        "--to", required=True, metavar="CONTEXT", help="the context they go to, with all below them"
    )


def _archive(parser: ArgumentParser) -> None:
    parser.add_argument("charts", nargs="+", metavar="CHART")
    parser.add_argument("--back", action="store_true", help="bring them back from the archive")
    yes(parser, "archive charts that are not complete")


def _rm(parser: ArgumentParser) -> None:
    parser.add_argument("targets", nargs="+", metavar="CHART|STEP")
    _within(parser)
    yes(parser, "do not ask")


def _search(parser: ArgumentParser) -> None:
    parser.add_argument("words", nargs="+", metavar="WORD")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="at most N hits (default 50)")
    parser.add_argument("--best", action="store_true", help="best match first, not newest first")


def _history(parser: ArgumentParser) -> None:
    parser.add_argument(
        "target", nargs="*", metavar="CHART|STEP", help="what happened to it (default: everything)"
    )
    parser.add_argument("--limit", type=int, default=30, metavar="N", help="at most N lines (default 30)")
    parser.add_argument(
        "--record", action="store_true", help="each version of the one record, with its value"
    )


def _nothing(_parser: ArgumentParser) -> None:
    pass


def _sync(parser: ArgumentParser) -> None:
    parser.add_argument("--rebuild", action="store_true", help="make the index anew from the journals")


def _export(parser: ArgumentParser) -> None:
    parser.add_argument(
        "charts", nargs="*", metavar="CHART", help="with all below them (default: the whole context)"
    )
    parser.add_argument("--format", choices=("markdown", "csv", "jsonl"), default="markdown")
    parser.add_argument("-o", "--output", metavar="FILE", help="write here, not on the screen")
    parser.add_argument("--force", action="store_true", help="replace FILE where it exists")


def _import(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a chart file (JSONL), or an outline (Markdown)"
    )


def _demo(parser: ArgumentParser) -> None:
    parser.add_argument("path", nargs="?", metavar="FOLDER", help="where (default: the user data folder)")


def _completion(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


def _help(parser: ArgumentParser) -> None:
    parser.add_argument(
        "topic", nargs="?", metavar="COMMAND", help="a command, exit-codes, or json: what --json prints"
    )


SUBS: dict[str, Sub] = {
    "init": Sub("upkeep:init", _init),
    "demo": Sub("upkeep:demo", _demo),
    "contexts": Sub("moving:contexts", _contexts),
    "list": Sub("reading:list_charts", _list),
    "show": Sub("reading:show", _show, notes=_TARGETS),
    "search": Sub("reading:search", _search),
    "history": Sub("reading:history", _history, notes=_TARGETS),
    "add": Sub("editing:add", _add),
    "step": Sub("editing:step", _step, notes=_TARGETS),
    "telescope": Sub("editing:telescope", _telescope, notes=_TARGETS),
    "done": Sub("editing:done", _done, notes=_TARGETS),
    "note": Sub("editing:note", _note, notes=_TARGETS),
    "due": Sub("editing:due", _due, notes=_TARGETS),
    "edit": Sub("editing:edit", _edit, notes=_TARGETS),
    "undo": Sub("moving:undo", _undo),
    "redo": Sub("moving:redo", _redo),
    "move": Sub("moving:move", _move, notes=_TARGETS),
    "archive": Sub("moving:archive", _archive, notes=_TARGETS),
    "rm": Sub("moving:remove", _rm, notes=_TARGETS),
    "export": Sub("transfer:export_charts", _export, notes=_TARGETS),
    "import": Sub("transfer:import_files", _import),
    "batch": Sub("workflows:batch", library.batch),
    "workflows": Sub("workflows:workflows", library.workflows),
    "query": Sub("querying:query", library.query),
    "domains": Sub("querying:domains", library.domains),
    "record": Sub("records:record", library.record),
    "similar": Sub("vectors:similar", library.similar),
    "vectors": Sub("vectors:vectors", library.vectors),
    "status": Sub("health:status", care.status),
    "sync": Sub("upkeep:sync", _sync),
    "verify": Sub("verifying:verify", care.verify),
    "recover": Sub("recovering:recover", care.recover),
    "conflicts": Sub("conflicts:conflicts", care.conflicts),
    "backup": Sub("backing:backup", care.backup),
    "backups": Sub("backing:backups", care.backups),
    "restore": Sub("restoring:restore", care.restore, notes=_TARGETS),
    "compact": Sub("compacting:compact", care.compact),
    "retention": Sub("retaining:retention", care.retention),
    "erase": Sub("retaining:erase", care.erase, notes=_TARGETS),
    "maintain": Sub("maintaining:maintain", care.maintain),
    "completion": Sub("completion:completion", _completion, notes=_INSTALL),
    "keys": Sub("completion:keys", _nothing),
    "help": Sub("completion:help_page", _help),
}
"""Every subcommand, in the order help shows them."""

ALIASES = {"ls": "list", "new": "add", "delete": "rm", "log": "history"}
"""Words people type from habit; not shown."""


def _shared(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("everywhere")
    group.add_argument("--store", metavar="PATH", default=SUPPRESS, help="a store folder, or one chart file")
    group.add_argument("--context", metavar="NAME", default=SUPPRESS, help="only this context")
    group.add_argument("--json", action="store_true", default=SUPPRESS, help="print JSON, in a stable shape")
    group.add_argument("--read-only", action="store_true", default=SUPPRESS, help="change nothing")
    group.add_argument("--no-color", action="store_true", default=SUPPRESS, help="as NO_COLOR does")


def build(wanted: Sequence[str] | None = None) -> Parser:
    """The parser of the whole program.

    Of the subcommands only those in `wanted` are made; where that is empty, all, but not filled;
    where it is None, all and filled.
    """
    codes = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES)
    parser = Parser(
        prog="chartkeep",
        description="Structural tension charts in the terminal. Without a command, the screens open.",
        epilog=f"exit codes:\n{codes}\n\n`chartkeep COMMAND --help` says what a command takes.",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    _shared(parser)
    subs = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=Parser)
    filled = wanted is None or bool(wanted)
    for name in wanted or SUBS:
        sub = SUBS[name]
        line = BY_CLI[name].help
        child = subs.add_parser(
            name,
            help=line,
            description=line,
            epilog=sub.notes.strip() or None,
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
            add_help=filled,
        )
        if filled:
            sub.fill(child)
            _shared(child)
    return parser


def parse(argv: Sequence[str]) -> Namespace:
    """`argv` (without the program's name) as a namespace; `command` is None where there was none.

    Raises UsageError for words it cannot take, SystemExit after `--help`.
    """
    words = list(argv)
    index = _command_at(words)
    if index is not None:
        words[index] = ALIASES.get(words[index], words[index])
        if words[index] not in SUBS:
            raise errors.UsageError(_unknown(words[index]))
    helped = not {"-h", "--help"}.isdisjoint(words[:index])  # before the command: of the whole program
    wanted = () if index is None or helped else (words[index],)
    return build(wanted).parse_args(words, Namespace(**_DEFAULTS))


def _command_at(words: Sequence[str]) -> int | None:
    """Where the subcommand stands: the first word that is no option and no option's value."""
    for index, word in enumerate(words):
        if not word.startswith("-") and (index == 0 or words[index - 1] not in ("--store", "--context")):
            return index
    return None


def _unknown(word: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, SUBS, n=3, cutoff=0.5)
    meant = f" Did you mean {' or '.join(close)}?" if close else ""
    return f"there is no command “{word}”.{meant} `chartkeep --help` lists them all."


_DEFAULTS = {"store": None, "context": None, "json": False, "read_only": False, "no_color": False}
