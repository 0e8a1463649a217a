"""From lines to rows, some thousand at a time: the one way rows of knowledge come about.

Most lines are first versions of new keys. Those are inserted without looking for the key; where it
was there all the same (a journal put together by other hands), the unique index says so and the part
is done again with every key looked up. Sync and rebuild do the same, so they end in the same rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from store.index import carried
from store.index.extract import bind_key, scrub
from store.index.knowledge import rows
from store.index.knowledge.extract import FOREIGN, extract, instant
from store.index.knowledge.rows import ItemRow
from store.knowledge import kinds

if TYPE_CHECKING:
    from store.journal import Line, Tx

BATCH = 4_000
"""Lines whose rows are made and written together."""
_MOST_NAMES = 100_000
_CODES = {kind.name: kind.code for kind in kinds.KINDS}
_WORKFLOW = _CODES["workflow"]
_new = tuple.__new__
Key = tuple[int, str | bytes]
"""(kind, id)"""


class Applier:
    """Applies transactions of one context; `finish` writes what is still held."""

    def __init__(self, conn: sqlite3.Connection, ctx: int, seq: int) -> None:
        """`seq` is that of the context's last version, or `rows.base` of it."""
        self.conn = conn
        self.ctx = ctx
        self.seq = seq
        self.lines = 0
        """Lines applied, news or not."""
        self.transactions = 0
        """Transactions that brought news."""
        self.news = 0
        """Versions that were not known."""
        self._queue: list[tuple[Tx, Sequence[Line], bool]] = []
        self._queued = 0
        self._names: dict[str, int] = {}
        self._last: tuple[int, Tx] | None = None
        """The transaction being applied, and the number of its first version."""
        self._clear()

    def _clear(self) -> None:
        self._fresh: dict[Key, ItemRow] = {}
        self._held: dict[Key, ItemRow] = {}
        self._states: dict[int, str] = {}
        self._words: list[tuple[int, str]] = []
        self._superseded: list[tuple[Any, ...]] = []
        self._dropped: list[tuple[int]] = []
        self._moved: list[tuple[int, int, int, int]] = []
        self._facets: dict[tuple[int, int], int] = {}
        self._headers: list[tuple[Any, ...]] = []

    def apply(self, tx: Tx) -> None:
        """One transaction, now or with those that follow."""
        lines = tx.lines
        for begin in range(0, len(lines), BATCH):
            part = lines[begin : begin + BATCH] if len(lines) > BATCH else lines
            self._queue.append((tx, part, begin == 0))
            self._queued += len(part)
            if self._queued >= BATCH:
                self.finish()

    def finish(self) -> None:
        """Write the rows of everything applied so far."""
        queue, self._queue, self._queued = self._queue, [], 0
        if not queue:
            return
        before = (self.seq, self.lines, self.transactions, self.news, self._last)
        self.conn.execute("SAVEPOINT part")
        try:
            self._make(queue, sure=False)
            self._write_items()
        except sqlite3.IntegrityError:
            self.conn.execute("ROLLBACK TO part")
            self._clear()
            self._names.clear()
            self.seq, self.lines, self.transactions, self.news, self._last = before
            self._make(queue, sure=True)
            self._write_items()
        self.conn.execute("RELEASE part")
        self._write_rest()
        self._clear()
        if len(self._names) > _MOST_NAMES:
            self._names.clear()

    # -- making rows -------------------------------------------------------------------------------

    def _make(self, queue: Iterable[tuple[Tx, Sequence[Line], bool]], *, sure: bool) -> None:
        self._look_up(queue, sure)
        held = self._held
        for tx, lines, begins in queue:
            if begins:
                self._last = None
            copied = carried.copied(tx)
            said = instant(tx.at) or 0
            for line in lines:
                key = self._key(line.key)
                old = self._fresh.get(key)
                if old is None and (sure or copied or line.ver > 1 or line.raw is None):
                    old = held.get(key)
                if old is not None and old.ver >= line.ver:
                    if old.ver == line.ver:
                        self._move(key, old, line)
                    continue
                self.seq += 1
                self.news += 1
                if self._last is None:
                    self._begin(tx)
                if old is not None:
                    self._supersede(key, old)
                self._put(key, line, old, said)
            self.lines += len(lines)

    def _key(self, text: str) -> Key:
        kind, colon, item = text.partition(":")
        code = _CODES.get(kind)
        if code is None:
            if not colon or not kind:
                kind, item = "", text
            code = FOREIGN + self._name(scrub(kind))
        return code, item if item.isascii() else bind_key(item)

    def _look_up(self, queue: Iterable[tuple[Tx, Sequence[Line], bool]], sure: bool) -> None:
        """Fetch the rows of the keys that may be there already."""
        ids: list[str] = []
        for tx, lines, _ in queue:
            every = sure or carried.copied(tx)
            for line in lines:
                if every or line.ver > 1 or line.raw is None:
                    item = self._key(line.key)[1]
                    if isinstance(item, str):
                        ids.append(item)
                    else:
                        self._held.update(self._rows_of("i.id = ? AND i.ctx = ?", (item, self.ctx)))
        if ids:
            among = "i.id IN (SELECT value FROM json_each(?)) AND i.ctx = ?"
            self._held.update(self._rows_of(among, (orjson.dumps(ids).decode(), self.ctx)))

    def _rows_of(self, where: str, bind: tuple[Any, ...]) -> Iterable[tuple[Key, ItemRow]]:
        sql = f"SELECT {rows.COLUMNS} FROM items i WHERE {where}"
        for row in map(ItemRow._make, self.conn.execute(sql, bind)):
            yield (row.kind, row.id), row

    def _begin(self, tx: Tx) -> None:
        """The first news of a transaction."""
        self._last = (self.seq, tx)
        self.transactions += 1
        meta = tx.meta
        said = (scrub(meta.command), scrub(meta.label), scrub(meta.session)) if meta else ("", "", "")
        group = scrub(meta.group) if meta and meta.group is not None else None
        place = (self.seq, self.ctx, tx.generation, tx.offset, tx.at, scrub(tx.by))
        self._headers.append((*place, *said, len(tx.lines), group))

    def _put(self, key: Key, line: Line, old: ItemRow | None, said: int) -> None:
        kind, item = key
        raw = line.raw
        first, prev = (None, None) if old is None else (old.first or old.seq, old.seq)
        place = (line.generation, line.offset, line.length)
        head = (self.seq, self.ctx, kind, item, line.ver, 1 if raw is None else 0, first, prev, *place)
        facets = self._facets
        if raw is None:
            kept = (None, None, None, said, None, None, None) if old is None else old[11:]
            facets[rows.DELETED, kind] = facets.get((rows.DELETED, kind), 0) + 1
            row = _new(ItemRow, head + kept)
            self._fresh[key] = row
            self._words.append((self.seq, f"{self._title(row)} {_marks_of(row)}"))
            return
        found = extract(kind, raw) if kind != _WORKFLOW else self._workflow(raw)
        source_name, target_name, tag_names, quality, created, name, title, text, _ = found
        if created is None:
            created = said if old is None else old.created
        source = self._name(source_name) if source_name is not None else None
        target = self._name(target_name) if target_name is not None else None
        numbers = [self._name(tag) for tag in tag_names]
        tags = f" {' '.join(map(str, numbers))} " if numbers else None
        row = _new(ItemRow, (*head, source, target, quality, created, name, title, tags))
        self._fresh[key] = row
        self._count(row, numbers, 1)
        self._words.append((self.seq, f"{text} {_marks(kind, source, target, numbers)}"))

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

    def _workflow(self, raw: bytes) -> Any:
        """A workflow has a version for every step: only its state is news, and nobody looks for its words."""
        found = extract(_WORKFLOW, raw)
        self._states[self.seq] = found.state
        return found._replace(text="")

    def _count(self, row: ItemRow, tags: Iterable[int], by: int) -> None:
        facets = self._facets
        for facet in ((rows.LIVE, row.kind), (rows.SOURCE, row.source), (rows.TARGET, row.target)):
            if facet[1] is not None:
                facets[facet] = facets.get(facet, 0) + by  # type: ignore[index,arg-type]
        for tag in tags:
            facets[rows.TAG, tag] = facets.get((rows.TAG, tag), 0) + by

    def _supersede(self, key: Key, old: ItemRow) -> None:
        """A version is not the newest of its key any more."""
        self._superseded.append(rows.version_row(old))
        if self._fresh.pop(key, None) is None:
            self._dropped.append((old.seq,))
        if old.deleted:
            facet = (rows.DELETED, old.kind)
            self._facets[facet] = self._facets.get(facet, 0) - 1
        else:
            self._count(old, _tags_of(old), -1)

    def _move(self, key: Key, old: ItemRow, line: Line) -> None:
        """A new generation carried the version over: its line stands elsewhere."""
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

    def _write_items(self) -> None:
        run = self.conn.executemany
        if self._moved:
            run("UPDATE items SET generation = ?, start = ?, size = ? WHERE seq = ?", self._moved)
        if self._dropped:
            run("DELETE FROM items WHERE seq = ?", self._dropped)
            run("DELETE FROM workflows WHERE seq = ?", self._dropped)
        run(rows.INSERT_ITEM, self._fresh.values())

    def _write_rest(self) -> None:
        run = self.conn.executemany
        run(rows.INSERT_VERSION, self._superseded)
        run(rows.INSERT_WORDS, self._words)
        run(rows.INSERT_TX, self._headers)
        run(rows.ADD_FACET, [(self.ctx, *facet, by) for facet, by in self._facets.items() if by])
        for row in self._fresh.values():
            if row.kind == _WORKFLOW and not row.deleted:
                state = self._states[row.seq]
                self.conn.execute("INSERT INTO workflows VALUES (?, ?, ?)", (row.seq, self.ctx, state))


def _tags_of(row: ItemRow) -> list[int]:
    return [int(number) for number in row.tags.split()] if row.tags else []


def _marks_of(row: ItemRow) -> str:
    return _marks(row.kind, row.source, row.target, _tags_of(row))


def _marks(kind: int, source: int | None, target: int | None, tags: Iterable[int]) -> str:
    """The words that stand for what a record is and has."""
    words = [rows.kind_word(kind)] if kind != _WORKFLOW else []
    if source is not None:
        words.append(rows.source_word(source))
    if target is not None:
        words.append(rows.target_word(target))
    words.extend(map(rows.tag_word, tags))
    return " ".join(words)
