"""Subcommands about chartkeep itself: completion scripts, the key table, help on a subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.errors import UsageError
from store.headless.args import ALIASES, EXIT_CODES, SUBS, Parser, build

if TYPE_CHECKING:
    from argparse import Namespace

    from store.headless.output import Output


def completion(space: Namespace, out: Output) -> int:
    """Print the completion script of a shell."""
    import shtab

    parser = build()
    for child in (parser, *_subparsers(parser).values()):
        for action in child._actions:
            if action.metavar in ("FILE", "PATH"):
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif action.metavar == "FOLDER":
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    text = shtab.complete(parser, shell=space.shell)
    if out.json:
        out.result({"shell": space.shell, "script": text})
    else:
        out.raw(text if text.endswith("\n") else text + "\n")
    return 0


def _subparsers(parser: Parser) -> dict[str, Parser]:
    subs = next(action for action in parser._actions if action.dest == "command")
    return dict(subs.choices or {})


def keys(_space: Namespace, out: Output) -> int:
    """Print every key as Markdown tables, for the README."""
    from store.catalog import groups

    out.say(key_table())
    out.result(
        {
            "commands": [
                {
                    "id": one.id,
                    "name": one.name,
                    "help": one.help,
                    "keys": list(one.keys),
                    "cli": one.cli or None,
                }
                for commands in groups().values()
                for one in commands
            ]
        }
    )
    return 0


def key_table() -> str:
    """The commands that have keys or a subcommand as Markdown, one table per group."""
    from store.catalog import groups

    parts = []
    for group, commands in groups().items():
        shown = [one for one in commands if one.keys or one.cli]
        if not shown:
            continue
        rows = [f"### {group}", "", "| keys | what happens | headless |", "| --- | --- | --- |"]
        for one in shown:
            typed = " ".join(f"`{key.replace('|', chr(92) + '|')}`" for key in one.keys)
            rows.append(f"| {typed} | {one.help} | {f'`{one.cli}`' if one.cli else ''} |")
        parts.append("\n".join(rows))
    return "\n\n".join(parts)


def help_page(space: Namespace, out: Output) -> int:
    """Print the help of a subcommand, of everything, the exit codes, or the shapes of `--json`."""
    topic = ALIASES.get(space.topic, space.topic)
    if topic == "exit-codes":
        for code, meaning in EXIT_CODES:
            out.say(f"{code:>3}  {meaning}")
        out.result({"exit_codes": [{"code": code, "meaning": meaning} for code, meaning in EXIT_CODES]})
        return 0
    if topic == "json":
        from store.headless import shapes

        out.say((shapes.__doc__ or "").strip())
        out.result({"help": shapes.__doc__})
        return 0
    if topic is not None and topic not in SUBS:
        raise UsageError(
            f"There is no help on “{topic}”. `chartkeep help` lists the commands; also: exit-codes, json."
        )
    parser = build([topic] if topic else ())
    if topic is not None:
        parser = _subparsers(parser)[topic]
    out.raw(parser.format_help())
    return 0
