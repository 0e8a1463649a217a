"""Records of knowledge with their bytes: what the index says where to find, read from the journals."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from store.errors import NotFound
from store.index.extract import scrub
from store.index.knowledge.extract import extract
from store.index.knowledge.filters import words_of
from store.index.knowledge.queries import Snapshot, stamp_of, title_of
from store.knowledge.kinds import FAMILY
from store.knowledge.model import Filter, Found, Row, Sort
from store.records import BadJson, loads, record_of

if TYPE_CHECKING:
    from store.knowledge.where import Test
    from store.store import Store

RANKED = 1_000
"""Newest rows that are put in the order of their titles."""
PART = 500
"""Rows fetched at a time."""
GAP = 4096
"""Bytes between two lines over which one read takes both."""
MOST = 1 << 20
"""Bytes read at a time."""


def found(
    store: Store, snap: Snapshot, wanted: Filter, sort: Sort | None, descending: bool
) -> Iterator[Found]:
    """The records a filter means with their bytes, a few hundred in memory."""
    plan = snap.plan(wanted)
    by = "changed" if sort is None or sort == "match" else sort
    walk = iter(snap.walk(plan, wanted.context, by, descending and sort is not None))
    while part := list(islice(walk, PART)):
        for one in with_bytes(store, snap.rows_of(part)):
            if plan.rest is None or holds(one, plan.rest.test):
                yield one


def ranked(snap: Snapshot, wanted: Filter, most: int | None) -> array[int]:
    """The rows that hold the words of a filter, at most `most`: of the newest, those with them in the title first."""
    words = [word.casefold() for word in words_of(wanted.words)]
    ids = snap.ids(wanted, limit=most if most is None else max(most, RANKED))
    if not words:
        return ids[:most]
    first = snap.rows_of(ids[:RANKED])
    scores = [_score(row.title, words) for row in first]
    order = sorted(range(len(first)), key=lambda n: (-scores[n], n))
    return (array("q", [ids[n] for n in order]) + ids[RANKED:])[:most]


def _score(title: str, words: list[str]) -> int:
    """How well a title answers for words: a word in it counts two, one that begins so one."""
    there = [word.casefold() for word in words_of(title)]
    return sum(
        2 if word in there else 1 if any(one.startswith(word) for one in there) else 0 for word in words
    )


def holds(one: Found, test: Test) -> bool:
    """True where a condition holds of the record itself; a deleted one has no members."""
    try:
        return test(loads(one.raw) if one.raw is not None else {})
    except BadJson:
        return False


def with_bytes(store: Store, rows: list[Row]) -> Iterator[Found]:
    """Each row with its record's bytes; lines that lie close together are read at once."""
    begin = 0
    while begin < len(rows):
        first = rows[begin]
        end, reach = begin + 1, first.offset + first.length
        while end < len(rows):
            row = rows[end]
            near = row.context == first.context and row.generation == first.generation
            if not near or not reach <= row.offset <= reach + GAP or row.offset - first.offset > MOST:
                break
            reach = row.offset + row.length
            end += 1
        if end - begin == 1:
            yield Found(first, raw_of(store, first))
        else:
            data = store.journal(first.context, FAMILY).line_bytes(
                first.generation, first.offset, reach - first.offset
            )
            for row in rows[begin:end]:
                at = row.offset - first.offset
                yield Found(row, None if row.deleted else record_of(data[at : at + row.length]))
        begin = end


def raw_of(store: Store, row: Row) -> bytes | None:
    """A record's exact bytes; None where it is deleted. Raises StorageError, Damaged."""
    if row.deleted:
        return None
    return store.journal(row.context, FAMILY).record_raw(row.generation, row.offset, row.length)


def as_it_was(store: Store, snap: Snapshot, row: Row, ver: int) -> Found:
    """An earlier version of a record. Raises NotFound where there is none with that number."""
    history = snap.versions(row.context, row.key)
    version = next((one for one in history if one.ver == ver), None)
    if version is None:
        known = ", ".join(str(one.ver) for one in history[:20])
        raise NotFound(f"{row.key} has no version {ver}; it has {known}{', …' if len(history) > 20 else ''}.")
    earlier = row._replace(
        generation=version.generation,
        offset=version.offset,
        length=version.length,
        ver=ver,
        deleted=version.op == "delete",
        changed_at=version.at,
        workflow=version.workflow,
    )
    raw = raw_of(store, earlier)
    if raw is None:
        return Found(earlier, None)
    code = snap.names.code(row.kind)
    said = extract(code if code is not None else 0, raw)
    return Found(
        earlier._replace(
            title=title_of(said.name, said.title, said.source, said.target) or row.id,
            quality=said.quality,
            source=said.source,
            target=said.target,
            name=said.name,
            tags=tuple(said.tags),
            created=stamp_of(said.created) if said.created is not None else row.created,
        ),
        raw,
    )


def meant(snap: Snapshot, text: str, context: str | None, most: int) -> Iterator[list[Row]]:
    """What a person may mean by a word, the surest first: each time the rows that it could be."""
    contexts = snap.contexts() if context is None else [context]
    if ":" in text:
        rows = [row for name in contexts if (row := snap.row(name, text)) is not None]
        yield [row for row in rows if not row.deleted] or rows
    exact = snap.rows_of(snap.with_id(text, context)[:most])
    yield [row for row in exact if not row.deleted] or exact
    kind, colon, begun = text.partition(":")
    begins = snap.rows_of(snap.beginning(scrub(begun if colon else text), context, most))
    yield [row for row in begins if not colon or row.kind == kind]
    yield snap.rows_of(snap.ids(Filter(context=context, words=text), limit=most))
