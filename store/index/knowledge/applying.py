"""From lines to rows, some thousand at a time: the one way rows of knowledge come about.

A line tells which version of its key it is. What this process has just written itself is taken at its
word, so that the first version of a key is inserted without looking for it; of lines that are read from
a journal every key is looked up, for the journal may have been put together by other hands. Sync and
rebuild make their rows here, so they end in the same ones.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from store.index import carried
from store.index.extract import bind_key, read_key, scrub
from store.index.knowledge import keys, rows
from store.index.knowledge.extract import FOREIGN, Extract, extract, instant
from store.index.knowledge.rows import ItemRow
from store.knowledge import kinds

if TYPE_CHECKING:
    from store.journal import Line, Tx

BATCH = 4_000
"""Lines whose rows are made and written together."""
_MOST_NAMES = 100_000
_CODES = {kind.name: kind.code for kind in kinds.KINDS}
_TYPES = {kind.code: kind.name for kind in kinds.KINDS}
_WORKFLOW = _CODES["workflow"]
_SAID = ItemRow._fields.index("source")
"""From here on a row holds what the record says."""
_ROW = ", ".join(f"i.{column}" for column in ItemRow._fields)
_new = tuple.__new__
Part = tuple["Tx", "Sequence[Line]", bool, bool]
"""A transaction, some of its lines, whether they are its first, whether they are taken at their word."""


class Pair:
    """What records of a kind with the same two domains have in common, and how many have come."""

    __slots__ = ("kind", "live", "source", "target", "words")

    def __init__(self, kind: int, source: int | None, target: int | None) -> None:
        self.kind, self.source, self.target, self.live = kind, source, target, 0
        self.words = _marks(kind, source, target, (), None)


class Tag:
    """A tag on records of a kind, and how many with it have come."""

    __slots__ = ("kind", "live", "number", "words")

    def __init__(self, kind: int, number: int) -> None:
        self.kind, self.number, self.live = kind, number, 0
        self.words = rows.tag_word(number)


class Memory:
    """The numbers of names, kept from one sync to the next: good for one connection to one file.

    Whoever rolls back what was written with it must let it go.
    """

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.pairs: dict[tuple[int, str | None, str | None], Pair] = {}
        self.tags: dict[tuple[int, str], Tag] = {}

    def trim(self) -> None:
        """Keep it small."""
        for known in (self.names, self.pairs, self.tags):
            if len(known) > _MOST_NAMES:
                known.clear()


class Applier:
    """Applies transactions of one context; `finish` writes what is still held."""

    def __init__(self, conn: sqlite3.Connection, ctx: int, seq: int, memory: Memory | None = None) -> None:
        """`seq` is that of the context's last version, or `rows.base` of it."""
        self.conn = conn
        self.ctx = ctx
        self.seq = self._begun = seq
        self.lines = 0
        """Lines applied, news or not."""
        self.transactions = 0
        """Transactions that brought news."""
        self._queue: list[Part] = []
        self._queued = 0
        self._memory = memory or Memory()
        self._names, self._pairs, self._tags = self._memory.names, self._memory.pairs, self._memory.tags
        self._last: tuple[int, Tx] | None = None
        """The transaction being applied, and the number of its first version."""
        self._clear()

    def _clear(self) -> None:
        self._fresh: dict[str, ItemRow] = {}
        self._held: dict[str, ItemRow] = {}
        self._states: dict[int, str] = {}
        self._words: list[tuple[int, str]] = []
        self._superseded: list[tuple[Any, ...]] = []
        self._dropped: list[tuple[int]] = []
        self._moved: list[tuple[int, int, int, int]] = []
        self._facets: dict[tuple[int, int, int], int] = {}
        self._headers: list[tuple[Any, ...]] = []
        self._met_pairs: list[Pair] = []
        self._met_tags: list[Tag] = []

    @property
    def news(self) -> int:
        """Versions that were not known."""
        return self.seq - self._begun

    def apply(self, tx: Tx, *, trusted: bool = False) -> None:
        """One transaction, now or with those that follow; a trusted one this process has written itself."""
        lines = tx.lines
        trusted = trusted and not carried.copied(tx)
        for begin in range(0, len(lines), BATCH):
            part = lines[begin : begin + BATCH] if len(lines) > BATCH else lines
            self._queue.append((tx, part, begin == 0, trusted))
            self._queued += len(part)
            if self._queued >= BATCH:
                self.finish()

    def finish(self) -> None:
        """Write the rows of everything applied so far."""
        queue, self._queue, self._queued = self._queue, [], 0
        if not queue:
            return
        self._look_up(queue)
        for part in queue:
            self._make(*part)
        self._write()
        self._clear()
        keys.enter_some(self.conn, self.ctx, self.seq)
        self._memory.trim()

    # -- making rows -------------------------------------------------------------------------------

    def _make(self, tx: Tx, lines: Sequence[Line], begins: bool, _trusted: bool) -> None:
        if begins:
            self._last = None
        said = instant(tx.at) or 0
        fresh, held = self._fresh, self._held
        for line in lines:
            key = line.key
            old = fresh.get(key)
            if old is None and held:
                old = held.get(key)
            if old is not None and old.ver >= line.ver:
                if old.ver == line.ver:
                    self._move(old, line)
                continue
            self.seq += 1
            if self._last is None:
                self._begin(tx)
            if old is not None:
                self._supersede(key, old)
            self._put(line, old, said)
        self.lines += len(lines)

    def _key(self, text: str) -> tuple[int, str | bytes]:
        """The kind and the id of a key."""
        kind, colon, item = text.partition(":")
        code = _CODES.get(kind)
        if code is None:
            if not colon or not kind:
                kind, item = "", text
            code = FOREIGN + self._name(scrub(kind))
        return code, item if item.isascii() else bind_key(item)

    def _look_up(self, queue: Iterable[Part]) -> None:
        """Fetch the rows of the keys that may be there already."""
        wanted = {
            line.key
            for _, lines, _, trusted in queue
            for line in lines
            if not trusted or line.ver > 1 or line.raw is None
        }
        for row in keys.find(self.conn, self.ctx, map(keys.hash_of, wanted), _ROW):
            item = ItemRow._make(row)
            if (key := self._key_of(item)) in wanted:
                self._held[key] = item

    def _key_of(self, row: ItemRow) -> str:
        kind = _TYPES.get(row.kind)
        if kind is None:
            found = self.conn.execute("SELECT name FROM names WHERE id = ?", (row.kind - FOREIGN,)).fetchone()
            kind = str(found[0]) if found is not None else ""
        text = read_key(row.id)
        return kinds.key_of(kind, text) if kind else text

    def _begin(self, tx: Tx) -> None:
        """The first news of a transaction."""
        self._last = (self.seq, tx)
        self.transactions += 1
        meta = tx.meta
        said = (scrub(meta.command), scrub(meta.label), scrub(meta.session)) if meta else ("", "", "")
        group = scrub(meta.group) if meta and meta.group is not None else None
        place = (self.seq, self.ctx, tx.generation, tx.offset, tx.at, scrub(tx.by))
        self._headers.append((*place, *said, len(tx.lines), group))

    def _put(self, line: Line, old: ItemRow | None, said: int) -> None:
        generation, start, size, _, key, ver, _, _, raw = line
        if old is None:
            (kind, item), number, first, prev = self._key(key), keys.hash_of(key), None, None
        else:
            kind, item, number, first, prev = old.kind, old.id, old.hash, old.first or old.seq, old.seq
        seq, facets = self.seq, self._facets
        head = (
            seq,
            self.ctx,
            kind,
            item,
            number,
            ver,
            1 if raw is None else 0,
            first,
            prev,
            generation,
            start,
            size,
        )
        if raw is None:
            kept = (None, None, None, said, None, None, None) if old is None else old[_SAID:]
            facets[rows.DELETED, 0, kind] = facets.get((rows.DELETED, 0, kind), 0) + 1
            row = _new(ItemRow, head + kept)
            self._fresh[key] = row
            self._words.append((seq, f"{self._title(row)} {_marks_of(row)}"))
            return
        said_of: Any = raw  # a workflow hands over what it has extracted already: `store.workflows.feeding`
        found = said_of if type(said_of) is Extract else extract(kind, raw)
        source_name, target_name, tag_names, quality, created, name, title, text, state = found
        if created is None:
            created = said if old is None else old.created
        pair = self._pairs.get((kind, source_name, target_name))
        if pair is None:
            pair = self._pair(kind, source_name, target_name)
        if not pair.live:
            self._met_pairs.append(pair)
        pair.live += 1
        words = pair.words
        if quality is not None:
            words = f"{words} {rows.quality_word(quality)}"
        tags = None
        if tag_names:
            tags = " "
            for tag in [self._tags.get((kind, tag)) or self._tag(kind, tag) for tag in tag_names]:
                if not tag.live:
                    self._met_tags.append(tag)
                tag.live += 1
                tags = f"{tags}{tag.number} "
                words = f"{words} {tag.words}"
        columns = (*head, pair.source, pair.target, quality, created, name, title, tags)
        self._fresh[key] = _new(ItemRow, columns)
        if kind == _WORKFLOW:  # it has a version for every step, and nobody looks for its words
            self._states[seq] = state
            return
        self._words.append((seq, f"{text} {words}"))

    def _pair(self, kind: int, source: str | None, target: str | None) -> Pair:
        made = Pair(kind, *(None if name is None else self._name(name) for name in (source, target)))
        self._pairs[kind, source, target] = made
        return made

    def _tag(self, kind: int, name: str) -> Tag:
        made = self._tags[kind, name] = Tag(kind, self._name(name))
        return made

    def _counted(self) -> Iterator[tuple[int, int, int, int, int]]:
        """What the facets have to add."""
        facets = self._facets
        for pair in self._met_pairs:
            self._add(_had(pair), pair.kind, pair.live)
            pair.live = 0
        for tag in self._met_tags:
            self._add([(rows.TAG, tag.number)], tag.kind, tag.live)
            tag.live = 0
        for facet, by in facets.items():
            if by:
                yield (self.ctx, *facet, by)

    def _add(self, had: Iterable[tuple[int, int | None]], kind: int, by: int) -> None:
        """More live records of a kind that have these, or fewer."""
        for what, number in had:
            if number is not None:
                facet = (what, number, kind)
                self._facets[facet] = self._facets.get(facet, 0) + by

    def _title(self, row: ItemRow) -> str:
        """The words a deleted record is still found by."""
        if row.name or row.title:
            return row.name or row.title or ""
        numbers = [number for number in (row.source, row.target) if number is not None]
        texts = [
            self.conn.execute("SELECT name FROM names WHERE id = ?", (number,)).fetchone()
            for number in numbers
        ]
        return " ".join(str(text[0]) for text in texts if text is not None)

    def _supersede(self, key: str, old: ItemRow) -> None:
        """A version is not the newest of its key any more."""
        self._superseded.append(rows.version_row(old))
        if self._fresh.pop(key, None) is None:
            self._dropped.append((old.seq,))
        if old.deleted:
            facet = (rows.DELETED, 0, old.kind)
            self._facets[facet] = self._facets.get(facet, 0) - 1
        else:
            self._add([*_had(old), *((rows.TAG, tag) for tag in _tags_of(old))], old.kind, -1)

    def _move(self, old: ItemRow, line: Line) -> None:
        """A new generation carried the version over: its line stands elsewhere."""
        key = line.key
        moved = old._replace(generation=line.generation, start=line.offset, size=line.length)
        if key in self._fresh:
            self._fresh[key] = moved
        else:
            self._held[key] = moved
            self._moved.append((line.generation, line.offset, line.length, old.seq))

    def _name(self, name: str) -> int:
        """The number of a domain, tag or foreign type."""
        found = self._names.get(name)
        if found is None:
            row = self.conn.execute("SELECT id FROM names WHERE name = ?", (name,)).fetchone()
            if row is None:
                found = self.conn.execute("INSERT INTO names (name) VALUES (?)", (name,)).lastrowid or 0
            else:
                found = int(row[0])
            self._names[name] = found
        return found

    # -- writing them ------------------------------------------------------------------------------

    def _write(self) -> None:
        run = self.conn.executemany
        if self._moved:
            run("UPDATE items SET generation = ?, start = ?, size = ? WHERE seq = ?", self._moved)
        if self._dropped:
            run("DELETE FROM items WHERE seq = ?", self._dropped)
            run("DELETE FROM workflows WHERE seq = ?", self._dropped)
        run(rows.INSERT_ITEM, self._fresh.values())
        if self._superseded:
            run(rows.INSERT_VERSION, self._superseded)
        run(rows.INSERT_WORDS, self._words)
        run(rows.INSERT_TX, self._headers)
        run(rows.ADD_FACET, self._counted())
        for row in self._fresh.values() if self._states else ():
            if row.seq in self._states:
                self.conn.execute(
                    "INSERT INTO workflows VALUES (?, ?, ?)", (row.seq, self.ctx, self._states[row.seq])
                )


def _tags_of(row: ItemRow) -> list[int]:
    return [int(number) for number in row.tags.split()] if row.tags else []


def _marks_of(row: ItemRow) -> str:
    return _marks(row.kind, row.source, row.target, _tags_of(row), row.quality)


def _had(side: Pair | ItemRow) -> list[tuple[int, int | None]]:
    """What is counted of a record besides its tags."""
    return [(rows.LIVE, 0), (rows.SOURCE, side.source), (rows.TARGET, side.target)]


def _marks(
    kind: int, source: int | None, target: int | None, tags: Iterable[int], quality: float | None
) -> str:
    """The words that stand for what a record is and has."""
    words = [rows.kind_word(kind)]
    if source is not None:
        words.append(rows.source_word(source))
    if target is not None:
        words.append(rows.target_word(target))
    if quality is not None:
        words.append(rows.quality_word(quality))
    words.extend(map(rows.tag_word, tags))
    return " ".join(words)
