"""What a context's journal held when: the `History` that absorbing asks, from index and journal."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from store import records
from store.absorb import Version
from store.model import Collision, ConflictRow, Held, Json, Position
from store.paths import same_text
from store.publish import published_form

if TYPE_CHECKING:
    from store.state import State

FOREIGN = "file:"
"""Begins the `by` of what was absorbed from a chart file."""

CHUNK = 10_000
"""Versions kept at hand before they are forgotten: a rewrite of everything must not fill the memory."""


class JournalHistory:
    """The versions of one context as of a state's end."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._context = state.context
        self._bodies: dict[tuple[int, int], Json] = {}
        self._listed: list[ConflictRow] | None = None

    def current(self, key: str) -> Held | None:
        return self._state.get(key)

    def same_raw(self, key: str, raw: bytes) -> bool:
        """Whether these are the bytes other programs get to read for the live record of `key`."""
        held = self._state.tail.get(key)
        if held is not None:
            return held.record is not None and published_form(records.dumps(held.record)) == raw
        newest = self._state.snap.newest(self._context, key)
        if newest is None or newest[1]:
            return False
        ours = self._state.journal.record_raw(*newest[2:])
        return ours is not None and (ours == raw or published_form(ours) == raw)

    def raw(self, key: str) -> bytes | None:
        """The bytes of the live record of `key`, as they were journaled."""
        held = self._state.tail.get(key)
        if held is not None:
            return None if held.record is None else records.dumps(held.record)
        newest = self._state.snap.newest(self._context, key)
        return None if newest is None or newest[1] else self._state.journal.record_raw(*newest[2:])

    def listed(self, conflict: Collision) -> bool:
        """Whether it is open already; a deletion of what we hold unchanged since is settled once for all.

        A program that has forgotten a record leaves it out again with every rewrite.
        """
        if self._listed is None:
            self._listed = self._state.snap.conflicts(self._context, open_only=False)
        return any(
            (row.key, row.path) == (conflict.key, conflict.path)
            and (row.state == "open" or row.theirs is None)
            and same_text(row.ours, conflict.ours)
            and same_text(row.theirs, conflict.theirs)
            for row in self._listed
        )

    def at(self, position: Position, key: str) -> Json | None:
        version = self._state.snap.version_at(self._context, key, position)
        if version is None or version.op == "delete":
            return None
        return self._body(version.generation, version.offset, version.length)

    def versions(self, key: str) -> Iterator[Version]:
        held = self._state.tail.get(key)
        seen = 0
        if held is not None:
            seen = held.ver
            yield Version(held.record, foreign=False, ver=held.ver)
        for version in reversed(self._state.snap.versions(self._context, key)):
            if seen and version.ver >= seen:
                continue
            body = (
                None
                if version.op == "delete"
                else self._body(version.generation, version.offset, version.length)
            )
            yield Version(body, version.by.startswith(FOREIGN), version.ver)

    def live_keys(self) -> Collection[str]:
        tail = self._state.tail
        keys = [row.key for row in self._state.snap.live_records(self._context)]
        if not tail:
            return keys
        known = set(keys)
        kept = [key for key in keys if key not in tail or tail[key].record is not None]
        return kept + [key for key, held in tail.items() if held.record is not None and key not in known]

    def changed_since(self, position: Position) -> Collection[str]:
        return self._state.snap.changed_since(self._context, position) | set(self._state.tail)

    def _body(self, generation: int, offset: int, length: int) -> Json | None:
        place = (generation, offset)
        body = self._bodies.get(place)
        if body is None:
            raw = self._state.journal.record_raw(generation, offset, length)
            if raw is None:
                return None
            if len(self._bodies) > CHUNK:
                self._bodies.clear()
            body = self._bodies[place] = records.loads(raw)
        return body
