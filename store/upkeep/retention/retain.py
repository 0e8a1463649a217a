"""Retention: what a rule lets grow old is put away, compressed, and at last forgotten for good.

Rules are by collection, in `[retention]` of `chartkeep.toml` (`rules.Rule`). What they mean:

- *warm*: records older than that are left out when the next generation begins: they lie in the archive only.
- *cold*: archived generations whose newest line is older than that are compressed.
- *delete*: what is older than that is forgotten in archive and live journal alike, the way an erasure
  does it (`cutting`); the journal says so in a transaction of the command `retention`.

Of charts a rule forgets only what is not there any more: versions superseded for so long, and records
deleted for so long. A live chart is never forgotten, nor put away. Without a rule all is kept.

Ages are exact when a person asks (`at_once`). In the background a rule is applied once something is a
tenth older than it says: else every look would write a generation anew for the sake of a few lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from store import clock, ids
from store.cold import freeze, is_cold
from store.errors import ChartkeepError
from store.journal_next import exclusive
from store.journal_read import pread
from store.knowledge import kinds
from store.model import Position, TxMeta
from store.rechain import head_of, verified
from store.records import BadJson, decode_line
from store.upkeep.retention import cutting, remaking
from store.upkeep.retention.sieve import ERASED, Head, Sieve, Survey, Tally, survey
from store.upkeep.rules import Rule

if TYPE_CHECKING:
    from pathlib import Path

    from store.journal import Journal
    from store.journal_read import ReadFile
    from store.store import Store
    from store.upkeep.retention.cutting import Place

__all__ = ["COLLECTIONS", "Cut", "Part", "apply", "collection_of"]

CHARTS = "charts"
COMMAND = "retention"
COLLECTIONS = {
    "metric": "metrics",
    "activity": "activity",
    "event": "experience",
    "experience": "experience",
}
"""The collection that records of a type are in; of any other type, the one named after their family.

Of knowledge: those of `store.knowledge.kinds`.
"""
_SLACK = 1.1
_LAST_LINE = 1 << 16


class Part(NamedTuple):
    """What was done to one journal, or with a dry run would be."""

    context: str
    family: str
    forgotten: dict[str, int]
    """Versions forgotten for good, by collection."""
    put_away: int
    """Lines that lie in the archive only."""
    frozen: tuple[str, ...]
    """Archived generations that were compressed, relative to the store."""
    bytes: int
    """Of journal lines forgotten."""
    oldest: str | None
    """When the oldest version still kept was written."""
    problem: str = ""
    """Why nothing could be done here."""


class Cut(NamedTuple):
    """What retention did, by journal; journals without a rule are not among them."""

    parts: tuple[Part, ...]
    dry_run: bool

    @property
    def empty(self) -> bool:
        """True where nothing was due."""
        return not any(part.forgotten or part.put_away or part.frozen for part in self.parts)


def apply(store: Store, dry_run: bool = False, *, at_once: bool = False) -> Cut:
    """Apply the rules of `settings.retention`. A journal in trouble says so in its part; the others go on.

    Raises ReadOnly.
    """
    if not dry_run:
        store.writable()
    rules = store.settings.retention
    parts = []
    with store.jobs.run("retention", "Apply retention rules", quiet=not rules) as job:
        for place in store.layout.families() if rules else ():
            ages = _Ages(place, rules, clock.now(), 1.0 if at_once or dry_run else _SLACK)
            if not ages.rules:
                continue
            try:
                parts.append(_journal(store, ages, dry_run))
            except ChartkeepError as error:
                parts.append(Part(*place, {}, 0, (), 0, None, str(error)))
        count = sum(sum(part.forgotten.values()) for part in parts)
        job.note(f"{count:,} versions forgotten" if count else "nothing to forget")
    return Cut(tuple(parts), dry_run)


def collection_of(family: str, key: str) -> str:
    """The collection that a record is in, by its family and key."""
    if family == CHARTS:
        return CHARTS
    if family == kinds.FAMILY:
        return kinds.kind_of(kinds.parts_of(key)[0]).collection
    kind = key.split(":", 2)[1] if key.startswith("x:") else ""
    return COLLECTIONS.get(kind, family)


def in_words(rule: Rule) -> str:
    """A rule as `chartkeep.toml` would have it, in days."""
    ages = [(name, age) for name, age in zip(rule._fields, rule, strict=True) if age is not None]
    return ", ".join(f"{name} {age.total_seconds() / 86_400:g}d" for name, age in ages) or "keep"


@dataclass(slots=True)
class _Ages:
    """The rules that concern one journal, as instants."""

    place: Place
    given: dict[str, Rule]
    now: datetime
    slack: float
    rules: dict[str, Rule] = field(default_factory=dict)

    def __post_init__(self) -> None:
        family = self.place[1]
        if family == kinds.FAMILY:
            names = set(kinds.BY_COLLECTION)
        else:
            names = {CHARTS} if family == CHARTS else {*COLLECTIONS.values(), family}
        self.rules = {name: rule for name, rule in self.given.items() if name in names and any(rule)}

    def rule(self, key: str) -> Rule:
        return self.rules.get(collection_of(self.place[1], key), Rule())

    def before(self, age: timedelta | None, slack: float = 1.0) -> str:
        """The instant before which what was written is older than `age`; "" where nothing ever is."""
        return "" if age is None else clock.stamp(self.now - age * slack)

    def due(self, name: str, oldest: str) -> bool:
        """Whether a rule of that kind (`warm`, `delete`) is to be applied, by the oldest it concerns."""
        ages = [age for rule in self.rules.values() if (age := getattr(rule, name)) is not None]
        return any(oldest < self.before(age, self.slack) for age in ages)


def _journal(store: Store, ages: _Ages, dry_run: bool) -> Part:
    """Apply the rules to one journal: forget, put away, compress, in that order."""
    journal = store.journal(*ages.place)
    end = journal.position()
    forgotten: dict[str, int] = {}
    tally = Tally()
    if ages.due("delete", _first_at(journal) or "\U0010ffff"):
        if dry_run:
            tally = _tally(journal, ages, end)[1]
        else:
            tally = _forget(store, ages)
        for key, _ in tally.versions:
            name = collection_of(ages.place[1], key)
            forgotten[name] = forgotten.get(name, 0) + 1
    put_away = _put_away(store, ages, dry_run)
    frozen = tuple(store.layout.relative(path) for path in _frozen(journal, ages, dry_run))
    return Part(*ages.place, forgotten, put_away, frozen, tally.bytes, _first_at(journal))


# -- forgetting ------------------------------------------------------------------------------------


def _rule_of(ages: _Ages, found: Survey, *, marks: bool = True) -> Callable[[Head], bool]:
    """Whether a line is forgotten. Without `marks` no deletion is: the chart file may still hold its record."""
    if ages.place[1] != CHARTS:
        before = {name: ages.before(rule.delete) for name, rule in ages.rules.items()}
        family = ages.place[1]
        return lambda head: head["at"] < before.get(collection_of(family, head["key"]), "")
    limit = ages.before(ages.rules[CHARTS].delete)

    def goes(head: Head) -> bool:
        key, ver = head["key"], head["ver"]
        last = found.newest[key]
        if marks and last.deleted and last.at < limit:
            return True
        since = found.until.get((key, ver))
        return since is not None and since < limit and (ERASED not in head or last.deleted)

    return goes


def _tally(journal: Journal, ages: _Ages, end: Position, *, marks: bool = True) -> tuple[Sieve, Tally]:
    charts = journal.family == CHARTS
    found = survey(journal, end.offset, ends=charts)
    if charts and ages.rules[CHARTS].delete is None:
        return Sieve("", lambda _: False, found.newest, found.refs, private=False, charts=charts), Tally()
    goes = _rule_of(ages, found, marks=marks)
    sieve = Sieve(ids.session_id(), goes, found.newest, found.refs, private=False, charts=charts)
    return sieve, sieve.tally(journal, end.offset)


def _forget(store: Store, ages: _Ages) -> Tally:
    """Forget in one journal what is too old, and have the journal say so."""
    context, family = ages.place
    journal = store.journal(*ages.place)
    with cutting.alone(store), cutting.desks(store, [context] if family == CHARTS else []) as desks:
        for desk in desks.values():
            desk.publish(None)
        marks = not any(desk.behind() for desk in desks.values())
        with cutting.journals(store, [ages.place]) as ends:
            end = ends[ages.place]
            sieve, tally = _tally(journal, ages, end, marks=marks)
            if not tally.lines:
                return tally
            then = cutting.carry_out(store, desks, [_cut(store, ages, end, sieve, tally)])
        cutting.conclude(store, desks, then)
    return tally


def _cut(store: Store, ages: _Ages, end: Position, sieve: Sieve, tally: Tally) -> remaking.Cut:
    counts: dict[str, int] = {}
    for key, _ in tally.versions:
        name = collection_of(ages.place[1], key)
        counts[name] = counts.get(name, 0) + 1
    record = {
        "type": COMMAND,
        "id": sieve.id,
        "by": store.session.by,
        "rules": {name: in_words(rule) for name, rule in ages.rules.items()},
        "older_than": {name: ages.before(ages.rules[name].delete) for name in counts},
        "versions": counts,
        "lines": tally.lines,
        "bytes": tally.bytes,
        "oldest": tally.oldest,
    }
    said = ", ".join(f"{count:,} versions of {name}" for name, count in counts.items())
    return remaking.Cut(
        store.journal(*ages.place),
        end,
        sieve,
        tally,
        f"x:retention:{sieve.id}",
        record,
        TxMeta(COMMAND, f"Forget {said}", store.session.id),
        carries=lambda head: _hot(ages, head),
        drops=ages.place[1] != CHARTS,
    )


def _hot(ages: _Ages, head: Head) -> bool:
    """True where a live record belongs into the live journal."""
    return ages.place[1] == CHARTS or head["at"] >= ages.before(ages.rule(head["key"]).warm)


# -- putting away, compressing ---------------------------------------------------------------------


def _put_away(store: Store, ages: _Ages, dry_run: bool) -> int:
    """Begin a new generation without what is warm, where that is due; how many lines that leaves out."""
    journal = store.journal(*ages.place)
    if not any(rule.warm for rule in ages.rules.values()):
        return 0
    end = journal.position()
    reader = journal.generation_file(end.generation)
    if not ages.due("warm", _at_of_first(reader) or "\U0010ffff"):
        return 0
    if ages.place[1] == CHARTS:
        return _compact_charts(store, ages, end, dry_run)
    kept: dict[str, tuple[int, int, int]] = {}
    lines = 0
    for head, offset, length in _lines(reader, end):
        lines += 1
        kept.pop(head["key"], None)
        if head["op"] == "put" and _hot(ages, head):
            kept[head["key"]] = (end.generation, offset, length)
    if not dry_run and lines > len(kept):
        with exclusive(journal, cutting.JOURNAL_SECONDS):
            journal.compact(end, kept.values())
    return lines - len(kept)


def _compact_charts(store: Store, ages: _Ages, end: Position, dry_run: bool) -> int:
    """Of charts only superseded versions are put away: that is what compaction does."""
    from store.upkeep import compaction

    context = ages.place[0]
    found = survey(store.journal(*ages.place), end.offset, ends=True)
    limit = ages.before(ages.rules[CHARTS].warm, ages.slack)
    reader = store.journal(*ages.place).generation_file(end.generation)
    old = sum(
        found.until.get((head["key"], head["ver"]), "\U0010ffff") < limit
        for head, _, _ in _lines(reader, end)
    )
    if old and not dry_run:
        return compaction.compact(store, context, CHARTS).dropped
    return old


def _lines(reader: ReadFile, end: Position) -> Iterator[tuple[Head, int, int]]:
    """Every line of a generation up to its end: its head, offset and length."""
    for group in verified(reader, end.offset):
        offset, total = group.offset, len(group.bodies)
        for nth, body in enumerate(group.bodies, 1):
            # What follows the body is its place, and 42 bytes of hash and newline.
            length = len(body) + len(b',"_t":["%x",%d,%d]' % (group.offset, nth, total)) + 42
            yield head_of(body), offset, length
            offset += length


def _frozen(journal: Journal, ages: _Ages, dry_run: bool) -> list[Path]:
    """Compress archived generations all of which is cold; which those are."""
    cold = [rule.cold for rule in ages.rules.values() if rule.cold is not None]
    if not cold:
        return []
    limit = ages.before(max(cold))
    found = []
    for number in sorted(journal.archived_generations()):
        path = journal.archived(number)
        if is_cold(path) or number == journal.position().generation:
            continue
        if (_at_of_last(journal.generation_file(number)) or "") < limit:
            found.append(path)
    if found and not dry_run:
        with exclusive(journal, cutting.JOURNAL_SECONDS):
            for path in found:
                freeze(path)
    return found


def _first_at(journal: Journal) -> str | None:
    """When the oldest line there is was written."""
    for number in journal.generations():
        at = _at_of_first(journal.generation_file(number))
        if at is not None:
            return at
    return None


def _at_of_first(reader: ReadFile) -> str | None:
    return _at(pread(reader.fd, _LAST_LINE, reader.header.end, reader.path).partition(b"\n")[0])


def _at_of_last(reader: ReadFile) -> str | None:
    start = max(reader.header.end, reader.size - _LAST_LINE)
    lines = pread(reader.fd, reader.size - start, start, reader.path).splitlines()
    return _at(lines[-1]) if lines else reader.header.created


def _at(line: bytes) -> str | None:
    """When a journal line was written; a long one, cut off, says it before its record."""
    cut = line.partition(b',"record":')[0]
    try:
        return decode_line(line).at if line.endswith(b"}") else str(_loads(cut)["at"])
    except (BadJson, KeyError):
        return None


def _loads(head: bytes) -> Any:
    from store.records import loads

    return loads(head + b"}")
