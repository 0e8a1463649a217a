"""Subcommands that make a store and bring it into step: init, demo, sync."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import ReadOnly
from store.headless import dates
from store.headless.output import safe

if TYPE_CHECKING:
    from argparse import Namespace

    from store.headless.output import Output


def init(space: Namespace, out: Output) -> int:
    """Make a store in a folder; one that is there stays as it is."""
    from store import init_store

    if space.read_only:
        raise ReadOnly("A store cannot be made with --read-only.")
    root = init_store(space.path or space.store)
    out.say(f"{out.style('✓', 'green')} A store is at {safe(str(root))}")
    out.say("  Make a first chart: chartkeep add “What you want to have created” --due +3w")
    out.result({"store": str(root)})
    return 0


def demo(space: Namespace, out: Output) -> int:
    """Make the demo store, or say where it is."""
    from store.demo import make_demo

    if space.read_only:
        raise ReadOnly("The demo store cannot be made with --read-only.")
    named = space.path or space.store
    root = make_demo(Path(named).expanduser().absolute() if named else None)
    out.say(f"{out.style('✓', 'green')} The demo store is at {safe(str(root))}")
    out.say(f"  Look at it: chartkeep --store {safe(str(root))}")
    out.result({"store": str(root)})
    return 0


def sync(space: Namespace, out: Output) -> int:
    """Take in what other programs wrote, bring the index up to date and publish."""
    from store import open_store

    with open_store(space.store, program="cli", readonly=space.read_only) as store:
        said, synced = store.catch_up()
        if space.rebuild:
            store.rebuild()
        synced += store.library.sync()
        written = store.publish(space.context) if not store.readonly else []
        transactions = sum(one.transactions for one in synced)
        for line in said:
            out.say(safe(line))
        out.say(
            f"{out.style('✓', 'green')} {dates.plural(transactions, 'new transaction')} in the index; "
            + (f"published {', '.join(map(safe, written))}" if written else "every chart file was up to date")
        )
        out.result({"absorbed": said, "transactions": transactions, "published": written})
    return 0
