"""Deciding what a chart file changed by someone else means. Pure: a plan comes out, nothing is written.

Another program read the file some time ago, changed something, and wrote all of it back. So most
of what differs from our state is not news but our own past. Each record of the file is compared
with every version that program can have read (the *candidates*): a value one of them held was
only carried along, anything else is news and is merged into what we hold now.

Rules:

1. No value is taken for news that a candidate held; no edit of ours is undone by it.
2. A record is believed deleted only when every candidate held it, we have not changed it since,
   the file was read whole and has been at rest, and the file is not distrusted. Where all of that
   holds but that we changed it, our change stays, and the deletion is kept as a conflict.
3. An empty, torn or suddenly short file is distrusted: its good lines are absorbed, nothing else.
4. Peers keep the first of two lines with one name. So where lines of one key are all news, the
   first one is applied last; the others stay in the history.
5. The bytes of a line taken over unmodified are journaled as they are.
6. What both sides changed is kept as a conflict, with the value that gave way. Which side wins goes
   by the order in the journal, never by a clock: theirs comes later. A conflict that is listed
   already is not listed again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import NamedTuple, Protocol

from store.chartfile import ChartFile, FileLine, dangling
from store.merge import Path, Sides, collisions, merge, similarity
from store.model import Collision, Edit, Finding, Held, Json, Position
from store.publish import published_value
from store.records import dumps, kind_of, same

ENOUGH = 8
"""Records a file must have held before it can be called suddenly short."""

SAMPLE = 300
"""Keys by which positions are compared when the most similar one is looked for."""

POOL = 64
"""Positions compared, at most; the newest."""


RECENT = 64
"""Versions of a record looked through for what our own edits removed."""


class Version(NamedTuple):
    """One version of a record: None where it was deleted; `foreign` if absorbing wrote it."""

    record: Json | None
    foreign: bool
    ver: int = 0


class History(Protocol):
    """What absorbing asks of one context's journal. All answers are as of one moment.

    `at` and `current` are asked for the same few keys over and over: keep a key's versions at hand,
    and give the same object for the same version.
    """

    def current(self, key: str) -> Held | None:
        """The live record, or None."""

    def same_raw(self, key: str, raw: bytes) -> bool:
        """True where the live record of `key` has exactly these bytes (or is published as them)."""

    def at(self, position: Position, key: str) -> Json | None:
        """The record as of `position`, None where it was not there or deleted."""

    def versions(self, key: str) -> Iterable[Version]:
        """Every version kept of `key`, newest first, deletions included; asked only where there is news."""

    def live_keys(self) -> Collection[str]:
        """Keys of all live records, in the order they are published."""

    def changed_since(self, position: Position) -> Collection[str]:
        """Keys with a version committed after `position`."""

    def listed(self, conflict: Collision) -> bool:
        """True where a conflict that is listed says the same already."""

    def raw(self, key: str) -> bytes | None:
        """The bytes of the live record of `key`."""


@dataclass(slots=True)
class Absorption:
    """What a foreign file means: the edits of one transaction, and what to tell the person."""

    edits: list[Edit] = field(default_factory=list)
    """In order; a key can occur several times, then the last one is what is live."""
    conflicts: list[Collision] = field(default_factory=list)
    """What both sides had changed, with the value of either."""
    findings: list[Finding] = field(default_factory=list)
    believed_deletions: list[str] = field(default_factory=list)
    """Keys deleted by `edits`."""
    held_against: list[str] = field(default_factory=list)
    """Keys deleted there and changed here: `edits` write them once more as they are, for the conflict's sake."""
    waiting: list[str] = field(default_factory=list)
    """Keys whose deletion would be believed were the file at rest: do not publish before it is."""
    distrust: str | None = None
    """Why the file is not taken as truth: keep its bytes, publish again, tell the person."""
    stale: bool = False
    """The file does not hold what will be the state: it has to be published."""
    first: bool = False
    """A first import: there was nothing to compare with."""
    positions: list[Position] = field(default_factory=list)
    """What the file was compared with, best first; noted in the log with the absorption.

    Empty where the file holds exactly what the state is then.
    """

    @property
    def added(self) -> int:
        """Number of edits that change a record."""
        return len(self.edits) - len(self.believed_deletions) - len(self.held_against)


def plan_absorb(
    file: ChartFile,
    candidates: Sequence[Position],
    history: History,
    *,
    at_rest: bool,
    pool: Mapping[Position, Sequence[Position]] | None = None,
) -> Absorption:
    """What a chart file someone else wrote changes in our state.

    `candidates` are the positions published around the file's modification time
    (`PublishedLog.around`), `pool` those among which the most similar one is looked for as well,
    each with what comes along with it (`PublishedLog.pool`). Where both are empty, a record is
    compared with all its versions. `at_rest` says that the file has not changed for a while.
    """
    plan = Absorption(findings=list(file.findings))
    live = [key for key in history.live_keys() if kind_of(key) != "comment"]
    if not candidates and not pool and not live:
        return _first_import(file, plan)
    odd = [line for line in file.lines if not history.same_raw(line.key, line.raw)]
    missing = [key for key in live if key not in file.first]
    plan.distrust = _distrust(file, live, missing, candidates, history)
    positions = list(candidates)
    if odd or missing:
        positions = plan.positions = _with_most_similar(
            file, odd, missing, positions, pool or {}, history=history
        )
    for lines in _by_key(odd):
        _compare(plan, file, lines, positions, history)
    _deletions(plan, file, missing, positions, history, at_rest=at_rest)
    plan.stale = plan.stale or bool(file.broken) or plan.distrust is not None
    if not plan.stale:
        plan.positions = []
    return plan


def import_edits(file: ChartFile) -> Iterator[Edit]:
    """Every line of a file nothing is known about, as edits, bytes as they are.

    Of several lines with one name the first one comes last, so that it is the live one.
    """
    later: dict[str, list[FileLine]] = {}
    for line in file.lines:
        if file.first[line.key] != line.line_no:
            later.setdefault(line.key, []).append(line)
    for line in file.lines:
        if file.first[line.key] != line.line_no:
            continue
        for other in reversed(later.get(line.key, ())):
            if other.raw != line.raw:
                yield take_over(other, other.value)
        yield take_over(line, line.value)


def _first_import(file: ChartFile, plan: Absorption) -> Absorption:
    plan.first = True
    if not file.usable and file.exists:
        plan.distrust = "the file holds another format, not one record to a line"
        return plan
    plan.edits = list(import_edits(file))
    plan.stale = bool(file.broken)
    plan.findings.extend(dangling(file.lines, file.path.name))
    return plan


def take_over(line: FileLine, value: Json) -> Edit:
    """Write a line as it is; a comment has no JSON bytes of its own."""
    return Edit("put", line.key, value, None if line.kind == "comment" else line.raw)


def _by_key(odd: Iterable[FileLine]) -> list[list[FileLine]]:
    """Lines grouped by key, in the order of each key's first; within a key the first line last (rule 4)."""
    groups: dict[str, list[FileLine]] = {}
    for line in odd:
        groups.setdefault(line.key, []).insert(0, line)
    return list(groups.values())


def _compare(
    plan: Absorption,
    file: ChartFile,
    lines: list[FileLine],
    positions: Sequence[Position],
    history: History,
) -> None:
    """Rule 1 for the lines of one key: what is news in them becomes edits.

    A line behind another of its key is invisible to peers and stays in the file unchanged for
    long, so it is compared with every version there was.
    """
    key = lines[0].key
    versions = list(islice(history.versions(key), RECENT))
    every = [version.record for version in versions if version.record is not None]
    bases = _records_at(history, positions, key) if positions else every
    held = ours = versions[0].record if versions else None
    own_edits = [
        (before.record or {}, after.record or {}) for after, before in pairwise(versions) if not after.foreign
    ]
    paths: dict[Path, None] = {}
    for line in lines:
        theirs = line.value
        if line.line_no != file.first[key] and any(same(theirs, record) for record in every):
            continue
        merged = merge(bases, ours, theirs, own_edits)
        if merged.changed:
            assert merged.value is not None, "a change is never a deletion"
            verbatim = dumps(merged.value) == dumps(theirs)
            plan.edits.append(take_over(line, theirs) if verbatim else Edit("put", key, merged.value))
            plan.stale = plan.stale or not verbatim
            ours = merged.value
        elif line.kind != "comment" and (ours is None or not same(published_value(ours), theirs)):
            plan.stale = True
        paths.update(dict.fromkeys(merged.conflicts))
    sides = Sides(key, held, ours, bases[0] if bases else None, versions[0].ver if versions else 0)
    plan.conflicts += [found for found in collisions(sides, paths) if not history.listed(found)]


def _records_at(history: History, positions: Sequence[Position], key: str) -> list[Json]:
    """The different records of `key` at the positions, in their order."""
    found: list[Json] = []
    for position in positions:
        record = history.at(position, key)
        if record is not None and not any(record is other or same(record, other) for other in found):
            found.append(record)
    return found


def _deletions(
    plan: Absorption,
    file: ChartFile,
    missing: Sequence[str],
    positions: Sequence[Position],
    history: History,
    *,
    at_rest: bool,
) -> None:
    """Rule 2 for the records the file lacks."""
    if not missing:
        return
    plan.stale = True
    if not positions or not file.whole or plan.distrust is not None:
        return
    for key in missing:
        held = history.current(key)
        if held is None or held.record is None:
            continue
        then = [history.at(position, key) for position in positions]
        if any(version is None for version in then):
            continue
        other = next((version for version in then if not same(version, held.record)), None)
        if not at_rest:
            plan.waiting.append(key)
        elif other is not None:
            _hold_against(plan, history, held, other)
        else:
            plan.believed_deletions.append(key)
            plan.edits.append(Edit("delete", key))


def _hold_against(plan: Absorption, history: History, held: Held, base: Json) -> None:
    """Deleted there, changed here: the record stays, and is written once more beside the conflict."""
    for found in collisions(Sides(held.key, held.record, None, base, held.ver), [()]):
        if not history.listed(found):
            plan.conflicts.append(found)
            plan.held_against.append(held.key)
            plan.edits.append(Edit("put", held.key, held.record, history.raw(held.key)))


def _distrust(
    file: ChartFile, live: list[str], missing: list[str], candidates: Sequence[Position], history: History
) -> str | None:
    """Rule 3: why this file cannot be what anyone meant to write, None where it can."""
    if not file.exists:
        return "the file is gone"
    if not file.usable:
        return "the file holds another format, not one record to a line"
    if file.torn:
        return "the file ends in the middle of a record"
    if file.broken:
        return f"{len(file.broken)} line{'s' * (len(file.broken) > 1)} of the file cannot be read"
    if not live or not missing:
        return None
    if not file.first:
        return "the file is empty"
    return _short(live, missing, candidates, history)


def _short(
    live: list[str], missing: list[str], candidates: Sequence[Position], history: History
) -> str | None:
    """Whether too much is gone at once, whichever candidate it is measured by."""
    reason = None
    for position in sorted(candidates):
        changed = set(history.changed_since(position))
        held = [key for key in live if key not in changed or history.at(position, key) is not None]
        gone = set(missing).intersection(held)
        if len(held) < ENOUGH or not gone:
            return None
        if len(gone) * 2 > len(held):
            reason = f"{len(gone):,} of {len(held):,} records are suddenly gone"
        elif len(gone) * 4 >= len(held) and gone.issuperset(held[-len(gone) :]):
            reason = f"the last {len(gone):,} of {len(held):,} records are cut off"
        else:
            return None
    return reason


def _with_most_similar(
    file: ChartFile,
    odd: Sequence[FileLine],
    missing: Sequence[str],
    candidates: Sequence[Position],
    pool: Mapping[Position, Sequence[Position]],
    *,
    history: History,
) -> list[Position]:
    """The candidates and the most similar positions of the pool, best first.

    Likeness is counted over the keys that tell positions apart: every line the same as then
    counts for a position, every line missing against it, a changed line by how much it shares.
    """
    positions = sorted({*candidates, *sorted(pool, reverse=True)[:POOL]}, reverse=True)
    if len(positions) < 2:
        return positions
    lines = _evidence(file, odd, missing, positions, history)
    scores = dict.fromkeys(positions, 0.0)
    for key, value in lines.items():
        # Most positions share a version: each is weighed once. The records are held, so ids stay theirs.
        weighed: dict[int, tuple[Json | None, float]] = {}
        for position in positions:
            then = history.at(position, key)
            if id(then) not in weighed:
                weighed[id(then)] = (then, _likeness(value, then))
            scores[position] += weighed[id(then)][1]
    best = max(scores.values())
    tied = [position for position in positions if scores[position] == best]
    chosen = {*candidates, tied[0], tied[-1], *pool.get(tied[0], ()), *pool.get(tied[-1], ())}
    # Where nothing tells two apart, the older one: what was changed since is listed as a conflict rather
    # than given up without a word.
    return sorted(chosen, key=lambda position: (-scores.get(position, 0.0), position))


def _evidence(
    file: ChartFile,
    odd: Sequence[FileLine],
    missing: Sequence[str],
    positions: Sequence[Position],
    history: History,
) -> dict[str, Json | None]:
    """What the file holds (None: nothing) under the keys that tell positions apart, recent ones first."""
    lines: dict[str, Json | None] = {line.key: line.value for line in reversed(odd[:SAMPLE])}
    lines.update((key, None) for key in missing[:SAMPLE])
    unread = {line.key for line in odd[SAMPLE:]}
    for position in (positions[1], positions[len(positions) // 2], positions[-1]):
        for key in sorted(history.changed_since(position)):
            if len(lines) >= 2 * SAMPLE:
                return lines
            if key not in lines and key not in unread and kind_of(key) != "comment":
                held = history.current(key) if key in file.first else None
                lines[key] = held.record if held is not None else None
    return lines


def _likeness(value: Json | None, then: Json | None) -> float:
    """How much one key speaks for a position: 1 the same, -1 there then and missing now."""
    if value is None or then is None:
        return 0.0 if value is None and then is None else -1.0
    return 1.0 if same(value, then) else 0.9 * similarity(value, then)
