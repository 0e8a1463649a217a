"""The subcommand compact: new generations of the journals, and cold archives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from store.headless import dates
from store.headless.output import safe

if TYPE_CHECKING:
    from argparse import Namespace

    from store.headless.output import Output
    from store.store import Store
    from store.upkeep.compaction import Compacted, Saving


def compact(space: Namespace, out: Output) -> int:
    """Compact the journals where it pays (with --force all), and compress archives that are old enough."""
    from store import open_store
    from store.upkeep import compaction

    with open_store(space.store, program="cli", readonly=space.read_only) as store:
        if space.context is not None:
            store.contexts.require(space.context)
        if not space.dry_run:
            store.writable()
        store.catch_up()
        paying = compaction.due(store)
        known = store.layout.families()
        wanted = [
            pair for pair in known if (space.force or pair in paying) and space.context in (None, pair[0])
        ]
        if space.dry_run:
            return _reckon(store, known, wanted, space.context, out)
        done = [compaction.compact(store, context, family) for context, family in wanted]
        frozen = compaction.freeze_all(store) if space.cold else compaction.freeze_old(store)
        store.settle()
        for one in done:
            out.say(f"{out.style('✓', 'green')} {_told(one)}")
        if not done:
            out.say("Nothing to compact: little would be saved. --force does it all the same.")
        for path in frozen:
            out.say(f"{out.style('✓', 'green')} Compressed {safe(store.layout.relative(path))}")
        out.result(
            {
                "compacted": [_document(store, one) for one in done],
                "frozen": [store.layout.relative(path) for path in frozen],
            }
        )
    return 0


def _reckon(
    store: Store,
    known: list[tuple[str, str]],
    wanted: list[tuple[str, str]],
    only: str | None,
    out: Output,
) -> int:
    """Say what compaction would save; nothing is changed."""
    from store.upkeep import compaction

    savings = [compaction.estimate(store, *pair) for pair in sorted(known) if only in (None, pair[0])]
    head = ("CONTEXT", "FAMILY", "NOW", "LIVE", "SAVES", "")
    rows = [head, *(_row(one, (one.context, one.family) in wanted) for one in savings)]
    out.table(rows, right=(2, 3, 4), looks=lambda row, _column: ("bold",) if row == 0 else ())
    out.result(
        {
            "savings": [
                {**one._asdict(), "share": round(one.share, 4), "due": (one.context, one.family) in wanted}
                for one in savings
            ]
        }
    )
    return 0


def _row(one: Saving, wanted: bool) -> tuple[str, ...]:
    return (
        safe(one.context),
        one.family,
        dates.size(one.before),
        dates.size(one.after),
        f"{one.share:.0%}",
        "would be compacted" if wanted else "",
    )


def _told(one: Compacted) -> str:
    return (
        f"{safe(one.context)} {one.family}: {dates.size(one.before)} before, {dates.size(one.after)} after; "
        f"{dates.plural(one.dropped, 'line')} now in the archive only, {dates.plural(one.lines, 'line')} carried "
        f"over in {one.seconds:.1f} s, writers held up for {1e3 * one.locked:.0f} ms"
    )


def _document(store: Store, one: Compacted) -> dict[str, Any]:
    return {
        **one._asdict(),
        "archived": store.layout.relative(one.archived),
        "seconds": round(one.seconds, 4),
        "locked": round(one.locked, 5),
    }
