"""What every subcommand does around its own work: open the store, catch up, acknowledge, publish."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from store.errors import ChartkeepError, NotFound, UsageError
from store.headless.output import safe
from store.model import ARCHIVE, DEFAULT, Change

if TYPE_CHECKING:
    from argparse import Namespace

    from store.headless.output import Output
    from store.store import Store


@contextmanager
def opened(space: Namespace, out: Output, *, writes: bool = False) -> Iterator[Store]:
    """The store that is meant, caught up with what other programs wrote. Raises ReadOnly before any work.

    What was found on the way (a foreign change, bytes set aside, damage) is said on the error stream.
    """
    from store import open_store

    with open_store(space.store, program="cli", readonly=space.read_only) as store:
        if writes:
            store.writable()
        for line in store.catch_up().said:
            out.remark(safe(line))
        if space.context is not None and space.context not in store.contexts.names():
            known = ", ".join(store.contexts.names()) or "none yet"
            raise NotFound(f"There is no context “{space.context}” in {store.root}. There are: {known}.")
        yield store


def contexts_of(store: Store, space: Namespace, *, archive: bool = False) -> list[str]:
    """The contexts a command looks in: the one named, else all; the archive only where asked for."""
    if space.context is not None:
        return [space.context]
    return [name for name in store.contexts.names() if archive or name != ARCHIVE]


def context_for_new(store: Store, space: Namespace) -> str:
    """The context a new chart goes to: the one named, else the default one, else the only one."""
    if space.context is not None:
        return str(space.context)
    names = [name for name in store.contexts.names() if name != ARCHIVE]
    if DEFAULT in names or not names:
        return DEFAULT
    if len(names) == 1:
        return names[0]
    raise UsageError(f"Which context is the chart to go to? Name it with --context: {', '.join(names)}.")


def acknowledge(store: Store, out: Output, changes: Sequence[Change]) -> int:
    """Tell what was committed, then bring the index and the chart files up to date.

    What is told is on disk already. A chart file that cannot be written now loses nothing: it is
    published by the next command that can, so that is a remark and not a failure.
    """
    from store.headless import shapes
    from store.headless.output import safe

    made = [change for change in changes if not change.empty]
    for change in made:
        name = _written(change)
        named = f"  ({safe(name)})" if name else ""
        out.say(out.style("✓ ", "green") + safe(change.label) + out.style(named, "dim"))
    if not made:
        out.say("Nothing to change.")
    for hint in dict.fromkeys(hint for change in changes for hint in change.hints):
        out.remark(f"hint: {safe(hint)}")
    out.out.flush()
    published = True
    if made:
        try:
            store.settle()
        except ChartkeepError as error:
            published = False
            out.remark(
                f"The change is kept in the journal, but the chart file is not up to date yet: {error}"
            )
    out.result({"changes": [shapes.change(change) for change in made], "published": published})
    return 0


@contextmanager
def acknowledging(store: Store, out: Output) -> Iterator[list[Change]]:
    """Collects what several transactions changed, and acknowledges it.

    Also where a later one fails: what was committed is committed, and must be told and published.
    """
    changes: list[Change] = []
    try:
        yield changes
    except ChartkeepError:
        if changes:
            acknowledge(store, out, changes)
        raise
    acknowledge(store, out, changes)


def _written(change: Change) -> str | None:
    """What a change leads to, where that is what it wrote: after a deletion it is a neighbour."""
    name = change.focus
    if name is None or not any(
        edit.op == "put" and edit.key.startswith(f"e:{name}") for edit in change.edits
    ):
        return None
    return name


def confirm(out: Output, question: str, yes: bool) -> bool:
    """True where the person says yes, or said so beforehand; asks on a terminal only."""
    import sys

    if yes:
        return True
    if not sys.stdin.isatty() or out.json:
        return False
    out.err.write(f"{question} [y/N] ")
    out.err.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
