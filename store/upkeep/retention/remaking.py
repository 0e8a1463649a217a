"""The new generations of one journal that loses lines: prepared beside the old ones, for `cutting` to put there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from store import clock, durable, records, replacing
from store.cold import SUFFIX
from store.journal_read import ReadFile, pread
from store.model import Position, TxMeta
from store.publishing import Publishing
from store.rechain import Chain, Group, blocks, body_of, head_of, verified, with_meta
from store.records import Draft, encode_header, encode_lines
from store.replacing import Swap
from store.upkeep.compaction import KEEP_DELETIONS
from store.upkeep.retention.sieve import ERASED, NOWHERE, Head, Sieve, Tally

if TYPE_CHECKING:
    from pathlib import Path

    from store.journal import Journal
    from store.journal_read import Header
    from store.store import Store


@dataclass(slots=True)
class Cut:
    """What is to be cut of one journal, and what its journal says of it."""

    journal: Journal
    end: Position
    sieve: Sieve
    tally: Tally
    key: str
    """Of the record that tells of it."""
    record: dict[str, Any]
    meta: TxMeta
    carries: Callable[[Head], bool] = lambda _: True
    """Which live records the new generation begins with; the rest lies in the archive alone."""
    drops: bool = False
    """Generations at the beginning of which nothing is left go altogether."""


class Part(NamedTuple):
    """What was prepared for one journal."""

    swaps: list[Swap]
    end: Position
    """Where the journal will end."""
    then: dict[str, Any]
    """What is to be done afterwards."""


@dataclass(slots=True)
class _Making:
    """One journal while its new generations are prepared."""

    cut: Cut
    wanted: set[Position]
    """Positions that the log of publications names."""
    swaps: list[Swap] = field(default_factory=list)
    remove: list[Swap] = field(default_factory=list)
    freeze: list[str] = field(default_factory=list)
    """Archives to be compressed again afterwards, relative to the store."""
    positions: list[list[Any]] = field(default_factory=list)
    proof: list[dict[str, Any]] = field(default_factory=list)
    live: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Where the live records lie in the last generation as it is now: offset and length."""
    gone: dict[str, tuple[int, int]] = field(default_factory=dict)
    """The same of the deletions that may still be needed."""
    begin: int = 0
    """Where the lines of the generation at work begin."""
    marks: str = field(default_factory=lambda: clock.stamp(clock.now() - KEEP_DELETIONS))


def part(store: Store, cut: Cut, desk: Publishing | None) -> Part:
    """Prepare all new files of one journal."""
    journal = cut.journal
    first = cut.tally.first
    assert first is not None, "nothing is cut of it"
    entries = desk.log.entries() if desk is not None and journal.family == "charts" else []
    made = _Making(cut, {where for entry in entries for where in (entry.position, *entry.bases)})
    previous: dict[str, Any] | None = None
    numbers = [number for number in journal.generations() if number >= first]
    for number in numbers:
        reader = journal.generation_file(number)
        if number == first and reader.header.previous is not None:
            previous = _stated(journal, number - 1)
        previous = _generation(store, made, reader, previous, last=number == numbers[-1])
    end = _next(store, made, previous)
    then = {
        "context": journal.context,
        "family": journal.family,
        "freeze": made.freeze,
        "positions": made.positions,
    }
    # What was live is archived first, then the journal goes on, so that no moment is without it; the older
    # archives come after that.
    return Part(made.swaps[-2:] + made.swaps[:-2] + made.remove, end, then)


def _stated(journal: Journal, number: int) -> dict[str, Any]:
    """What a generation says of the one before, `number`: where it ends."""
    reader = journal.generation_file(number)
    tail = pread(reader.fd, 35, reader.size - 35, reader.path)
    name = f"{journal.family}.{number}.jsonl"
    return {"file": f"archive/{name}", "size": reader.size, "hash": tail[:32].decode("ascii", "replace")}


def _generation(
    store: Store, made: _Making, reader: ReadFile, previous: dict[str, Any] | None, *, last: bool
) -> dict[str, Any] | None:
    """Prepare one generation without what goes; what the next one says of it."""
    cut, old = made.cut, reader.header
    journal = cut.journal
    header, digest = encode_header(
        generation=old.generation,
        created=old.created,
        context=old.context,
        family=old.family,
        previous=previous,
    )
    chain = Chain(header, digest, old.generation)
    made.begin = chain.offset
    target = journal.archive / f"{journal.family}.{old.generation}.jsonl"
    was = old.position
    _lead(made, was, chain.position)

    def lines() -> Iterator[bytes]:
        nonlocal was
        for group in verified(reader, cut.end.offset if last else None):
            before = chain.position
            bodies = cut.sieve.remake(group)
            out = chain.lines(bodies)
            _placed(made, group, before, chain.position)
            was = Position(group.generation, group.end, group.hash)
            if last:
                _living(made, bodies, out, before.offset)
            yield from out

    prepared = replacing.prepare(target, reader.path, blocks(header, lines()))
    cold = target.with_name(target.name + SUFFIX)
    if cold.exists():
        made.remove.append(Swap(None, cold))
        made.freeze.append(os.path.relpath(target, store.layout.home))
    return _ended(made, target, prepared, was, chain, first=previous is None)


def _ended(
    made: _Making, target: Path, prepared: Path, was: Position, chain: Chain, *, first: bool
) -> dict[str, Any] | None:
    """Note what becomes of a generation that ended at `was`; what the next one says of it."""
    empty = made.cut.drops and first and chain.offset == made.begin
    if empty:
        durable.remove_file(prepared, sync=False)
        made.remove.append(Swap(None, target))
    else:
        made.swaps.append(Swap(prepared, target))
    now = {"size": chain.offset, "hash": chain.hash}
    made.proof.append(
        {
            "generation": was.generation,
            "lines": made.cut.tally.by_generation.get(was.generation, 0),
            "was": {"size": was.offset, "hash": was.hash},
            "now": None if empty else now,
        }
    )
    return None if empty else {"file": f"archive/{target.name}", **now}


def _placed(made: _Making, group: Group, before: Position, after: Position) -> None:
    """Remember where a transaction came to lie, for those that refer to it."""
    sieve = made.cut.sieve
    if group.tx in sieve.refs:
        sieve.moved[group.tx] = f"{after.generation}:{before.offset:x}" if after != before else NOWHERE
    _lead(made, Position(group.generation, group.end, group.hash), after)


def _lead(made: _Making, old: Position, new: Position) -> None:
    if old in made.wanted:
        made.positions.append([list(old), list(new)])


def _living(made: _Making, bodies: Sequence[bytes], lines: Sequence[bytes], at: int) -> None:
    """Bring the places of what is live along by one transaction that starts at `at`."""
    for body, line in zip(bodies, lines, strict=True):
        head = head_of(body)
        key = head["key"]
        if head["op"] == "put":
            made.gone.pop(key, None)
            made.live[key] = (at, len(line))  # one that is there keeps its place in the order
        else:
            made.live.pop(key, None)
            made.gone.pop(key, None)
            if head["at"] >= made.marks and ERASED not in head:
                made.gone[key] = (at, len(line))
        at += len(line)


def _next(store: Store, made: _Making, previous: dict[str, Any] | None) -> Position:
    """Prepare the generation that the journal goes on with; its end."""
    cut, journal = made.cut, made.cut.journal
    old: Header = journal.generation_file(cut.end.generation).header
    header, digest = encode_header(
        generation=old.generation + 1,
        created=clock.stamp(),
        context=journal.context,
        family=journal.family,
        previous=previous,
    )
    chain = Chain(header, digest, old.generation + 1)
    record = {**cut.record, "generations": made.proof}
    drafts = [Draft("put", cut.key, 1, records.dumps(record)), Draft("delete", cut.key, 2, None)]

    def lines() -> Iterator[bytes]:
        yield from _carried(made, chain)
        told, chain.hash = encode_lines(
            drafts,
            offset=chain.offset,
            previous=chain.hash,
            at=clock.stamp(),
            by=store.session.by,
            meta=cut.meta,
        )
        chain.offset += sum(map(len, told))
        yield from told

    prepared = replacing.prepare(journal.path, journal.path, blocks(header, lines()))
    made.swaps.append(Swap(prepared, journal.path))
    return chain.position


def _carried(made: _Making, chain: Chain) -> Iterator[bytes]:
    """What is live of the generation before, in its order there, each a transaction of its own."""
    if not made.live and not made.gone:
        return
    cut = made.cut
    name = f"{cut.journal.family}.{cut.end.generation}.jsonl"
    reader = ReadFile(replacing.prepared(cut.journal.archive / name))
    for offset, length in (*made.gone.values(), *made.live.values()):
        body = body_of(pread(reader.fd, length, offset, reader.path))
        if cut.carries(head_of(body)):
            yield from chain.lines([with_meta(body, None)])
    made.live.clear()
    made.gone.clear()
