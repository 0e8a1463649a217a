"""What a chart file that could not be believed held, beside the chart file as it is now.

A file another program emptied, cut short or half wrote is set aside whole in `.recovery/` and
published again. `difference` compares two such files record by record, whatever state they are
in; `set_aside` lists what is kept, the newest first. Pure but for reading.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from store import records
from store.conflicts import field_in_words, in_words, record_in_words, record_name
from store.errors import NotFound
from store.syscalls import guard

if TYPE_CHECKING:
    from store.store import Store

Kind = Literal["lacked", "had", "changed", "unreadable"]

_STAMPED = re.compile(r"(\d{4}-\d\d-\d\dT\d{6})-(.+\.jsonl)(?:\.(\d+))?")
_WIDEST = 400
"""Characters of an unreadable line that are shown."""


class Part(NamedTuple):
    """One member in which the two differ; None where one has no such member."""

    field: str
    then: str | None
    now: str | None


class Row(NamedTuple):
    """One record in which the two files differ, or a line of the old one that is none."""

    kind: Kind
    """`lacked`: it is only in the file as it is now. `had`: it was only in the one set aside."""
    key: str
    name: str
    parts: tuple[Part, ...] = ()
    """Of a changed record its members; else the whole record in words, of a relation nothing more."""
    line: int | None = None
    """Of an unreadable line its number in the old file."""


class Aside(NamedTuple):
    """A chart file set aside."""

    path: Path
    context: str
    at: str
    """When, in UTC: `2026-11-21T06:00:00Z`."""


class Differing(NamedTuple):
    """A chart file set aside beside the one that is there now."""

    aside: Aside
    rows: list[Row]
    same: int
    """Records that are the same in both."""
    older: int
    """How many more are kept that are older than this one."""


def difference(old: bytes, new: bytes) -> list[Row]:
    """Where two chart files differ: what of the old one cannot be read, is gone or differs, then what it lacked."""
    return _compare(_Read(old), _Read(new))


def set_aside(store: Store, context: str | None = None) -> list[Aside]:
    """The chart files kept in `.recovery/`, the newest first; of one context, or of all."""
    names = {store.layout.chart_file(name).name: name for name in store.contexts.names()}
    found = []
    recovery = store.layout.recovery
    with guard("read", recovery):
        listed = [path.name for path in recovery.iterdir()] if recovery.is_dir() else []
    for name in listed:
        match = _STAMPED.fullmatch(name)
        belongs = names.get(match[2]) if match else None
        if match is None or belongs is None or context not in (None, belongs):
            continue
        day, _, time = match[1].partition("T")
        at = f"{day}T{time[:2]}:{time[2:4]}:{time[4:]}Z"
        found.append((at, int(match[3] or 1), Aside(recovery / name, belongs, at)))
    return [aside for _, _, aside in sorted(found, reverse=True)]


def differing(store: Store, context: str | None = None, number: int = 0) -> Differing:
    """The chart file set aside last (or the `number`-th before it) beside the one that is there now.

    Raises NotFound where none is kept, StorageError.
    """
    kept = set_aside(store, context)
    if not kept:
        raise NotFound(
            "No chart file was ever set aside here: every one that other programs wrote could be taken in."
        )
    aside = kept[min(number, len(kept) - 1)]
    old, new = _Read(_bytes(aside.path)), _Read(_bytes(store.layout.chart_file(aside.context)))
    rows = _compare(old, new)
    differ = sum(row.kind in ("had", "changed") for row in rows)
    return Differing(aside, rows, len(old.records) - differ, len(kept) - 1 - kept.index(aside))


def _bytes(path: Path) -> bytes:
    with guard("read", path):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return b""


class _Read:
    """The records of a file by key, the first of each, and its lines that are none."""

    def __init__(self, data: bytes) -> None:
        self.records: dict[str, Any] = {}
        self.broken: list[tuple[int, bytes]] = []
        for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
            raw = line.strip(b" \t\r")
            if not raw or raw.startswith(b"#"):
                continue
            try:
                value = records.loads(raw)
            except records.BadJson:
                value = None
            if isinstance(value, dict):
                self.records.setdefault(records.key_of(value, raw), value)
            else:
                self.broken.append((number, raw))


def _compare(old: _Read, new: _Read) -> list[Row]:
    rows = [Row("unreadable", "", "", (Part("", _cut(raw), None),), number) for number, raw in old.broken]
    lacked = []
    for key, then in old.records.items():
        now = new.records.get(key)
        if now is None:
            rows.append(Row("had", key, _name(key, then), _only(key, then=then)))
        elif not records.same(then, now):
            rows.append(Row("changed", key, _name(key, now), tuple(_parts(then, now))))
    for key, now in new.records.items():
        if key not in old.records:
            lacked.append(Row("lacked", key, _name(key, now), _only(key, now=now)))
    return rows + lacked


def _parts(then: dict[str, Any], now: dict[str, Any], path: tuple[str, ...] = ()) -> list[Part]:
    """The members in which two objects differ, objects within them taken apart."""
    found = []
    for name in {**now, **then}:
        one, other = then.get(name, _ABSENT), now.get(name, _ABSENT)
        here = (*path, name)
        if one is not _ABSENT and other is not _ABSENT and records.same(one, other):
            continue
        if isinstance(one, dict) and isinstance(other, dict) and len(path) < 3:
            found += _parts(one, other, here)
        elif isinstance(one, list) and isinstance(other, list):
            found += _items(one, other, here)
        else:
            found.append(Part(field_in_words(here), _shown(here, one), _shown(here, other)))
    return found


_ABSENT: Any = object()


def _items(one: list[Any], other: list[Any], path: tuple[str, ...]) -> list[Part]:
    """Lists item by item, where an item of one is not in the other."""
    found = []
    for place in range(max(len(one), len(other))):
        then = one[place] if place < len(one) else _ABSENT
        now = other[place] if place < len(other) else _ABSENT
        if then is _ABSENT or now is _ABSENT or not records.same(then, now):
            where = (*path, str(place))
            field = field_in_words(where) if place == 0 else f"{field_in_words(path)} {place + 1}"
            found.append(Part(field, _shown(where, then), _shown(where, now)))
    return found


def _shown(path: tuple[str, ...], value: Any) -> str | None:
    return None if value is _ABSENT else in_words(path, records.dumps(value).decode("utf-8"))


def _name(key: str, value: Any) -> str:
    if key.startswith("r:"):
        start, kind, end = records.relation_ends(key)
        return f"{start} {kind} {end}"
    body = records.body_of(value)
    return record_name(body, key.partition(":")[2]) if isinstance(body, dict) else key


def _only(key: str, *, then: Any = None, now: Any = None) -> tuple[Part, ...]:
    """A record that only one of the two has, in words; nothing where its name says it all."""
    if key.startswith("r:"):
        return ()
    return (Part("", *(None if side is None else record_in_words(side) for side in (then, now))),)


def _cut(raw: bytes) -> str:
    text = raw[:_WIDEST].decode("utf-8", "replace")
    return text + "…" if len(raw) > _WIDEST else text
