"""The subcommands query and domains: find records of knowledge, and ask across domains."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from store.errors import Locked, Refused, UsageError
from store.headless import dates
from store.headless.args_knowledge import given
from store.headless.output import safe

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from store.headless.output import Output
    from store.knowledge.domains import Pair, Without
    from store.knowledge.model import Filter, Found, Row, Sort
    from store.store import Store

PAGE = 50
"""Rows shown where nobody said how many."""
ALL = "all"
_RISING = ("title", "kind", "key")
"""Sorts that begin with the smallest; the others begin with the newest or best."""
_AT_ONCE = 500


@contextmanager
def _opened(space: Namespace, out: Output) -> Iterator[Store]:
    """The store, its knowledge indexed as far as it is written."""
    from store import open_store

    with open_store(space.store, program="cli", readonly=space.read_only) as store:
        if space.context is not None:
            store.contexts.require(space.context)
        try:
            for synced in store.library.sync(space.context):
                if synced.damage is not None:
                    out.remark(safe(f"Only what lies before the damage is found. {synced.damage}"))
        except Locked as error:  # a batch at work: what is indexed by now is an answer too
            out.remark(safe(f"What was written last may be missing. {error}"))
        yield store


# -- query -----------------------------------------------------------------------------------------


def query(space: Namespace, out: Output) -> int:
    """Records that meet criteria: a table, or with --json and --output their exact bytes, one a line."""
    with _opened(space, out) as store:
        wanted = _wanted(space, out)
        if wanted is None:
            return _collections(store, space, out)
        if space.count:
            count = store.library.count(wanted)
            out.say(f"{count:,}")
            out.result({"count": count})
            return 0
        if space.checked and (space.deleted or space.sort or space.reverse):
            raise UsageError("--checked reads along the journal: leave --sort, --reverse and --deleted out.")
        if space.output:
            return _export(store, wanted, space, out)
        if out.json:
            for part in _raws(store, wanted, space):
                _write(out, b"\n".join(part) + b"\n")
            return 0
        return _table(store, wanted, space, out)


def _wanted(space: Namespace, out: Output) -> Filter | None:
    """What the arguments mean; None where they name no collection and no criterion."""
    from store.knowledge import criteria

    words = given(space) | {"kinds": _kinds(space), "context": space.context, "deleted": space.deleted}
    found = criteria.criteria(**words, may_be_empty=True)
    for said in found.said:
        out.remark(said)
    asked = space.collection is not None or found.filter.names_something or space.deleted or space.count
    return found.filter if asked or space.output else None


def _kinds(space: Namespace) -> list[str]:
    """The kinds that the arguments name, by the collection or one by one. Raises UsageError."""
    from store.knowledge import kinds

    word = space.collection
    if word is None or word == ALL:
        return list(space.kind)
    named = kinds.named(word)
    if named is None:
        known = ", ".join((*kinds.BY_COLLECTION, ALL))
        raise UsageError(f"“{word}” is no collection; there are {known}.")
    if space.kind:
        raise UsageError(f"Name the collection {named.collection} or kinds with --kind, not both.")
    return [named.name]


def _collections(store: Store, space: Namespace, out: Output) -> int:
    """What collections there are, with the number of their records."""
    found = store.library.collections(space.context)
    out.result({"collections": [{"context": c, "collection": n, "records": live} for c, n, live in found]})
    if not found:
        out.say("There are no records of knowledge. Bring some in: chartkeep batch import FILE")
    several = len({context for context, _, _ in found}) > 1
    out.table(
        [(name, f"{live:,}", safe(context) if several else "") for context, name, live in found], right=(1,)
    )
    return 0


def _order(space: Namespace) -> tuple[Sort | None, bool]:
    """(sort, whether it falls): in the order of the journals where nobody asked."""
    from store.knowledge.model import Sort

    if space.sort is None:
        return ("changed", True) if space.reverse else (None, False)
    assert space.sort in get_args(Sort)
    return space.sort, (space.sort not in _RISING) != space.reverse


def _raws(store: Store, wanted: Filter, space: Namespace) -> Iterator[list[bytes]]:
    """The exact bytes of the records, some at a time.

    A whole collection is read along its journal with the hash chain checked, as everything is with --checked.
    """
    if space.limit == 0:
        return
    if space.checked or (_whole(wanted) and not space.sort and not space.reverse and space.limit is None):
        from store.knowledge import streaming

        left = space.limit
        for raws in streaming.stream(store, wanted):
            yield raws if left is None else raws[:left]
            if left is not None and (left := left - len(raws)) <= 0:
                return
        return
    sort, descending = _order(space)
    walk: Iterator[Found] = islice(store.library.stream(wanted, sort, descending), space.limit)
    while part := list(islice(walk, _AT_ONCE)):
        lines = [line for one in part if (line := _line(store, one)) is not None]
        if lines:
            yield lines


def _whole(wanted: Filter) -> bool:
    """True where whole collections are meant: nothing but contexts and kinds is asked."""
    return replace(wanted, context=None, kinds=()) == type(wanted)()


def _line(store: Store, one: Found) -> bytes | None:
    """A record's bytes; of a deleted one those it had before."""
    if one.raw is not None:
        return one.raw
    for version in store.library.history(one.row.context, one.row.key):
        if version.op == "put":
            return store.library.record(one.row.context, one.row.key, version.ver).raw
    return None


def _write(out: Output, data: bytes) -> None:
    """Bytes as they are: a text stream may know none of them."""
    buffer = getattr(out.out, "buffer", None)
    if buffer is None:
        out.raw(data.decode("utf-8", "surrogateescape"))
        return
    out.out.flush()
    buffer.write(data)
    buffer.flush()


def _export(store: Store, wanted: Filter, space: Namespace, out: Output) -> int:
    """Write the records to a file, whole or not at all."""
    from store import durable
    from store.upkeep.retention import exported

    path = Path(space.output).expanduser()
    if path.exists() and not space.force:
        raise Refused(f"{path} exists already. Say --force to replace it, or name another file.")
    counts = [0, 0]

    def chunks() -> Iterator[bytes]:
        with store.jobs.run("export", f"Export to {path.name}") as job:
            for part in _raws(store, wanted, space):
                data = b"\n".join(part) + b"\n"
                counts[0] += len(part)
                counts[1] += len(data)
                job.at(counts[0])
                yield data

    durable.write_file(path.absolute(), chunks())
    exported.note(store, path, counts[0])
    mark = out.style("✓", "green")
    out.say(f"{mark} Wrote {counts[0]:,} records to {safe(space.output)} ({dates.size(counts[1])})")
    out.result({"file": space.output, "records": counts[0], "bytes": counts[1]})
    return 0


def _table(store: Store, wanted: Filter, space: Namespace, out: Output) -> int:
    """Records in rows, the last changed first where nobody asked for another order."""
    sort, descending = _order(space)
    if sort is None and not space.checked:
        sort, descending = "changed", True
    limit = PAGE if space.limit is None else space.limit
    found = store.library.stream(wanted, sort, descending)
    several = space.context is None and len(store.library.contexts()) > 1
    shown = 0
    while rows := [one.row for one in islice(found, min(_AT_ONCE, limit - shown))]:
        _print(rows, out, several=several)
        shown += len(rows)
    if not shown:
        out.say("No record meets these criteria." if limit else "")
    elif shown == limit and (total := store.library.count(wanted)) > shown:
        out.remark(f"{shown:,} of {total:,}; --limit N shows more, --json or --output writes all of them.")
    return 0


def _print(rows: list[Row], out: Output, *, several: bool) -> None:
    def looks(_: int, column: int) -> tuple[str, ...]:
        return () if column == 0 else ("dim",)

    table = [
        (
            safe(row.title) + (" (deleted)" if row.deleted else ""),
            f"{row.quality:.2f}" if row.quality is not None else "",
            safe(", ".join(row.tags)),
            dates.moment(row.changed_at),
            safe(row.context) if several else "",
            safe(row.key),
        )
        for row in rows
    ]
    out.table(table, right=(1,), stretch=0, looks=looks)


# -- domains ---------------------------------------------------------------------------------------


def domains(space: Namespace, out: Output) -> int:
    """Which domains analogies liken to which, how well, the best of each pair, and tags they share."""
    if space.limit < 0 or space.per < 1:
        raise UsageError("--limit takes a number from 0, --per one from 1.")
    answer = {"list": _listed, "pairs": _pairs, "best": _best, "shared": _shared}[space.question]
    with _opened(space, out) as store:
        answer(store, space, out)
    return 0


def _listed(store: Store, space: Namespace, out: Output) -> None:
    from store.knowledge import domains as asked

    with store.library.snapshot() as snap:
        found = asked.domains(snap, space.context, space.names, space.limit)
        rest = None if space.names else asked.without(store, snap, space.context, 0)
    out.result({"domains": [one._asdict() for one in found], "without_domains": _without(rest)})
    rows = [(safe(one.name), f"{one.source:,}", f"{one.target:,}") for one in found]
    if rows:
        out.table([("domain", "as source", "as target"), *rows], right=(1, 2), stretch=0, looks=_headed)
    else:
        out.say(_NONE)
    _say_without(rest, out)


def _pairs(store: Store, space: Namespace, out: Output) -> None:
    from store.knowledge import domains as asked

    with store.library.snapshot() as snap:
        found = asked.pairs(snap, space.context, space.names, space.limit)
        rest = None if space.names else asked.without(store, snap, space.context, space.limit)
    out.result({"pairs": [one._asdict() for one in found], "without_domains": _without(rest)})
    rows = [(*_ends(one), f"{one.analogies:,}", _score(one.mean), _score(one.best)) for one in found]
    if rows:
        head = ("source", "target", "analogies", "mean quality", "best")
        out.table([head, *rows], right=(2, 3, 4), stretch=0, looks=_headed)
    else:
        out.say(_NONE)
    _say_without(rest, out)


def _best(store: Store, space: Namespace, out: Output) -> None:
    from store.knowledge import domains as asked

    with store.library.snapshot() as snap:
        found = asked.best(snap, space.context, space.names, space.limit, space.per)
    made = []
    for pair, rows in found:
        listed = [
            {"context": row.context, "key": row.key, "quality": row.quality, "tags": list(row.tags)}
            for row in rows
        ]
        made.append({**pair._asdict(), "analogies": pair.analogies, "best_analogies": listed})
    out.result({"best": made})
    table = [
        (*_ends(pair), _score(row.quality), safe(", ".join(row.tags)), safe(row.key))
        for pair, rows in found
        for row in rows
    ]
    out.table(table, right=(2,), stretch=0)
    if not table:
        out.say(_NONE)


def _shared(store: Store, space: Namespace, out: Output) -> None:
    from store.knowledge import domains as asked

    with store.library.snapshot() as snap:
        found = asked.shared(snap, space.context, space.names, space.limit)
    out.result(
        {
            "shared": [
                {"tag": one.tag, "analogies": one.analogies, "domains": dict(one.domains)} for one in found
            ]
        }
    )
    rows = [
        (
            safe(one.tag),
            f"{len(one.domains):,}",
            f"{one.analogies:,}",
            safe(", ".join(f"{name} ({count})" for name, count in one.domains)),
        )
        for one in found
    ]
    if rows:
        out.table([("tag", "domains", "analogies", ""), *rows], right=(1, 2), stretch=3, looks=_headed)
    else:
        out.say("No tag is shared by analogies of several domains.")


_NONE = "No analogy names its domains (source_domain, target_domain)."


def _headed(row: int, _: int) -> tuple[str, ...]:
    return ("dim",) if row == 0 else ()


def _ends(pair: Pair) -> tuple[str, str]:
    return safe(pair.source), safe(pair.target)


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _without(rest: Without | None) -> dict[str, Any] | None:
    if rest is None:
        return None
    likened = [{"source": source, "target": target, "analogies": n} for source, target, n in rest.pairs]
    return {"analogies": rest.analogies, "read": rest.read, "concept_pairs": likened}


def _say_without(rest: Without | None, out: Output) -> None:
    """Say plainly which analogies are not among the domains, and what they liken."""
    if rest is None or not rest.analogies:
        return
    noun = "analogy names" if rest.analogies == 1 else "analogies name"
    out.say()
    out.say(f"{rest.analogies:,} {noun} no domains" + (": by their concepts" if rest.pairs else "."))
    if not rest.read:
        out.say("`chartkeep domains pairs` shows which concepts they liken.")
    out.table(
        [(safe(source), safe(target), f"{n:,}") for source, target, n in rest.pairs], right=(2,), stretch=0
    )
    if rest.pairs and rest.read < rest.analogies:
        out.say(f"(the first {rest.read:,} of them)")
