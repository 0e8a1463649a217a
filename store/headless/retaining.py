"""The subcommands retention and erase: what is let go of for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from store.errors import Refused, StorageError, UsageError
from store.headless import dates
from store.headless.output import safe
from store.headless.working import confirm, contexts_of, opened

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable

    from store.headless.output import Output
    from store.store import Store
    from store.upkeep.retention.erasing import Erased, What
    from store.upkeep.retention.retain import Cut, Part

SHOWN = 8
"""Files, backups or records listed of each kind."""


# -- retention -------------------------------------------------------------------------------------


def retention(space: Namespace, out: Output) -> int:
    """Apply the rules in chartkeep.toml, or with --dry-run say what they would do."""
    from store.upkeep.retention import retain as rules

    with opened(space, out, writes=not space.dry_run) as store:
        given = store.settings.retention
        cut = rules.apply(store, space.dry_run, at_once=True)
        for part in cut.parts:
            _tell_part(part, out, dry_run=space.dry_run)
        if not any(any(rule) for rule in given.values()):
            out.say("No rule in chartkeep.toml lets anything go: everything is kept.")
        elif cut.empty and not any(part.problem for part in cut.parts):
            out.say("Nothing is old enough: everything is kept.")
        shown = {name: rules.in_words(rule) for name, rule in given.items()}
        out.result({"dry_run": cut.dry_run, "rules": shown, "journals": _parts(cut)})
    return StorageError.exit_code if any(part.problem for part in cut.parts) else 0


def _parts(cut: Cut) -> list[dict[str, Any]]:
    return [{**part._asdict(), "frozen": list(part.frozen)} for part in cut.parts]


def _tell_part(part: Part, out: Output, *, dry_run: bool) -> None:
    where = f"{safe(part.family)} of {safe(part.context)}"
    if part.problem:
        out.say(f"{out.style('✗', 'red')} {where}: {safe(part.problem)}")
        return
    did = [
        f"{dates.plural(count, 'version')} of {safe(name)} forgotten"
        for name, count in part.forgotten.items()
    ]
    if part.put_away:
        did.append(f"{dates.plural(part.put_away, 'line')} put away in the archive")
    if part.frozen:
        did.append(f"{dates.plural(len(part.frozen), 'archive')} compressed")
    if did:
        sign = "would be:" if dry_run else out.style("✓", "green")
        size = f" ({dates.size(part.bytes)})" if part.bytes else ""
        out.say(f"{sign} {where}: {', '.join(did)}{size}")
    if part.oldest:
        out.say(out.style(f"  the oldest kept is of {dates.moment(part.oldest)}", "dim"))


# -- erasing ---------------------------------------------------------------------------------------


def erase(space: Namespace, out: Output) -> int:
    """Erase charts, records or old versions for good, after saying how much and where else it is."""
    from store.upkeep.retention import erasing

    with opened(space, out, writes=not space.dry_run) as store:
        if space.everywhere and not (space.charts or space.key or space.deleted or space.superseded):
            return _older(store, space, out)
        what = _what(store, space)
        planned = erasing.erase(store, what, dry_run=True)
        if not planned.versions:
            out.say("There is nothing to erase.")
            out.result(_document(store, planned))
            return 0
        if space.dry_run:
            _tell(planned, out)
            out.result(_document(store, planned))
            return 0
        question = (
            f"Erase {_count(planned)} for good? Nothing brings that back: not undo, not the history"
            f"{', and no backup' if space.everywhere else ''}."
        )
        if not confirm(out, question, space.yes):
            raise Refused(f"{question} On the command line --yes confirms it; --dry-run shows what goes.")
        done = erasing.erase(store, what, why=space.why, everywhere=space.everywhere)
        _tell(done, out)
        out.result(_document(store, done))
    return 0


def _older(store: Store, space: Namespace, out: Output) -> int:
    """With --everywhere alone: the backups made before the last erasure, which was made without it."""
    from store.upkeep.retention import erasing

    done = erasing.prune_older(store, dry_run=True)
    if done.backups and not space.dry_run:
        question = f"Remove {dates.plural(len(done.backups), 'backup')} made before the last erasure?"
        if not confirm(out, question, space.yes):
            raise Refused(f"{question} On the command line --yes confirms it; --dry-run lists them.")
        done = erasing.prune_older(store)
    _list(out, "Backups removed", [f"{item.id}  {item.place}" for item in done.pruned])
    _list(out, "Backups made before the last erasure", [f"{item.id}  {item.place}" for item in done.backups])
    _list(out, "Out of reach", done.unreachable)
    if not (done.pruned or done.backups):
        out.say("No backup is older than the last erasure.")
    out.result(_document(store, done))
    return 0


def _what(store: Store, space: Namespace) -> What:
    from store import clock
    from store.upkeep.retention.erasing import What

    before = clock.stamp(dates.past(space.before)) if space.before else None
    if before is not None and not (space.deleted or space.superseded):
        raise UsageError("--before goes with --deleted or --superseded.")
    return What(
        charts=tuple(_charts(store, space)),
        keys=tuple(space.key),
        deleted=space.deleted,
        superseded=space.superseded,
        before=before,
        contexts=(space.context,) if space.context is not None else None,
    ).check()


def _charts(store: Store, space: Namespace) -> list[tuple[str, str]]:
    """The charts named; one that was deleted is known by its whole id."""
    from store.headless import names

    if not space.charts:
        return []
    gone = {word: found for word in space.charts if (found := _deleted(store, space, word))}
    left = [word for word in space.charts if word not in gone]
    live = names.charts(store, space, left) if left else []
    return [*live, *dict.fromkeys(pair for pairs in gone.values() for pair in pairs)]


def _deleted(store: Store, space: Namespace, word: str) -> list[tuple[str, str]]:
    """Where a chart with that id was, and is not any more; nothing where it is there somewhere."""
    found = []
    with store.snapshot() as snap:
        for context in contexts_of(store, space, archive=True):
            last = snap.last_version(context, f"e:{word}_chart")
            if last is not None and last.op != "delete":
                return []
            if last is not None:
                found.append((context, word))
    return found[:1]


def _count(done: Erased) -> str:
    return f"{dates.plural(done.versions, 'version')} of {dates.plural(done.records, 'record')}"


def _tell(done: Erased, out: Output) -> None:
    if done.dry_run:
        out.say(f"Would erase {_count(done)} ({dates.size(done.bytes)}) for good:")
    else:
        out.say(
            f"{out.style('✓', 'green')} Erased {_count(done)} ({dates.size(done.bytes)}) for good: from the"
            " journals, the chart files, the index and copies set aside."
        )
    for context, count in done.contexts.items():
        out.say(f"  {safe(context)}: {dates.plural(count, 'version')}")
    verb = "would be written anew" if done.dry_run else "written anew"
    _list(out, f"Files {verb}", [*done.files, *done.copies])
    _list(out, "Copies set aside removed whole", done.discarded)
    _list(
        out,
        "Whole journals and states set aside that may hold it still; --everywhere removes them",
        done.folders,
    )
    _list(out, "Backups removed", [f"{item.id}  {item.place}" for item in done.pruned])
    _list(
        out,
        "Backups that hold it still; --everywhere removes them once a fresh one is made",
        [f"{item.id}  {dates.moment(item.at)}  {item.place}" for item in done.backups],
    )
    _list(out, "Exported files deleted", done.removed)
    _list(out, "Exported files that hold it still; --everywhere deletes them", done.exports)
    _list(
        out,
        "The same words still stand in these records, which are left as they are",
        [f"{item.key}  in {item.context}" for item in done.standing],
    )
    _list(out, "Out of reach", done.unreachable)
    out.say(
        out.style(
            "Exports that were moved, copies of chart files that other people or programs hold, and what they send "
            "back are not known here: look after those yourself.",
            "dim",
        )
    )


def _list(out: Output, title: str, lines: Iterable[str]) -> None:
    found = list(lines)
    if not found:
        return
    out.say(f"{title}:")
    out.lines([f"  {safe(line)}" for line in found[:SHOWN]])
    if len(found) > SHOWN:
        out.say(f"  … and {len(found) - SHOWN} more")


def _document(store: Store, done: Erased) -> dict[str, Any]:
    from dataclasses import asdict

    shown = asdict(done)
    for name in ("backups", "pruned", "standing"):
        shown[name] = [item._asdict() for item in getattr(done, name)]
    return {"store": str(store.root), **shown}
