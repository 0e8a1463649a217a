"""What the records of a context say that cannot be, each named by the line it stands in.

The index finds whom to look at, `timelines` judges. Files of other programs are full of such things,
and nothing is lost by them: they are warnings where a person should look, and notices otherwise.

| code | severity | means |
|---|---|---|
| `updated-before-created` | warning | a record was changed before it was made |
| `completed-before-created` | warning | it was completed before it was made |
| `child-due-after-parent` | warning | a chart is due after the one it hangs under |
| `step-due-after-chart` | warning | a step is due after its chart |
| `circle` | warning | charts are each other's parents |
| `dangling-relation` | info | an end of a relation is no record |
| `unknown-chart` | info | a record belongs to a chart that is not there |
| `unknown-parent` | info | a chart hangs under one that is not there |
| `duplicate-part` | info | a second entity that claims to be the same chart, or its outcome |
| `chart-twice` | info | another context holds a chart of the same id |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from store import records
from store.errors import ChartkeepError
from store.journal_read import BLOCK, pread
from store.model import Finding, Severity
from store.upkeep.verification import timelines
from store.upkeep.verification.timelines import Dates, Wrong

if TYPE_CHECKING:
    from store.index import Snapshot
    from store.index.checking import Odd
    from store.journal import Journal
    from store.store import Store

NAMED = 100
"""Findings of one code named for a context; the rest is counted."""

_WARNINGS = {
    "updated-before-created",
    "completed-before-created",
    "child-due-after-parent",
    "step-due-after-chart",
    "circle",
}
_COMPLETED = ("completedAt", "completionDate", "completed_at")


class Said(NamedTuple):
    """Something said of one record, before its line is looked up."""

    wrong: Wrong
    generation: int
    offset: int


def check(store: Store, context: str) -> Iterator[Finding]:
    """What cannot be in one context. Nothing where journal or index cannot be read: that is named elsewhere."""
    journal = store.journal(context)
    try:
        with store.index.snapshot() as snap:
            said = [one for what, judge in _JUDGES.items() for one in _judged(snap, journal, what, judge)]
        yield from _located(journal, said)
    except ChartkeepError:
        return


def twice(store: Store) -> Iterator[Finding]:
    """Charts that several contexts hold."""
    from store.index import checking

    try:
        with store.index.snapshot() as snap:
            found = checking.in_two_contexts(snap)
    except ChartkeepError:
        return
    for context, chart_id in found[:NAMED]:
        why = f"“{chart_id}” of “{context}” is a chart of another context too"
        yield Finding("info", "chart-twice", why, str(store.layout.journal(context)))
    if len(found) > NAMED:
        yield Finding(
            "info",
            "chart-twice",
            f"{len(found) - NAMED:,} more charts of several contexts",
            str(store.layout.journals),
        )


# -- judging ---------------------------------------------------------------------------------------

Judge = Callable[["Journal", "Odd"], list[Wrong]]


def _judged(snap: Snapshot, journal: Journal, what: str, judge: Judge) -> Iterator[Said]:
    """What is wrong with the records found for one question, at most `NAMED` of a code."""
    from store.index import checking

    counts: dict[str, int] = {}
    for odd in checking.oddities(snap, journal.context, what):
        for wrong in judge(journal, odd):
            counts[wrong.code] = count = counts.get(wrong.code, 0) + 1
            if count <= NAMED:
                named = wrong._replace(message=f"{_shown(odd.key)}: {wrong.message}")
                yield Said(named, odd.generation, odd.offset)
    for code, count in counts.items():
        if count > NAMED:
            yield Said(Wrong(code, f"{count - NAMED:,} more of the kind “{code}”"), 0, 0)


def _shown(key: str) -> str:
    """A key as a person knows the record."""
    if key.startswith("r:"):
        return "relation " + " ".join(records.relation_ends(key))
    return key[2:] if key.startswith("e:") else key


def _dangling(_journal: Journal, odd: Odd) -> list[Wrong]:
    start, _, end, has_start, has_end = odd.facts
    missing = [f"“{name}”" for name, there in ((start, has_start), (end, has_end)) if not there]
    return [Wrong("dangling-relation", f"{' and '.join(missing)} is not there")]


def _chartless(_journal: Journal, odd: Odd) -> list[Wrong]:
    return [Wrong("unknown-chart", f"the chart “{odd.facts[0]}” it belongs to is not there")]


def _orphan(_journal: Journal, odd: Odd) -> list[Wrong]:
    return [Wrong("unknown-parent", f"the chart “{odd.facts[0]}” above it is not there")]


def _circle(_journal: Journal, odd: Odd) -> list[Wrong]:
    chart_id, parent = odd.facts
    return [Wrong("circle", f"“{chart_id}” and “{parent}” above it hang in a circle")]


def _dated(journal: Journal, odd: Odd) -> list[Wrong]:
    """By the record's own words: the index may know better when it changed."""
    raw = journal.record_raw(odd.generation, odd.offset, odd.facts[0])
    return timelines.of_record(dates_of(records.loads(raw))) if raw is not None else []


def dates_of(value: Any) -> Dates:
    """The dates a record states, wherever programs put them."""
    body = records.body_of(value)
    metadata = body.get("metadata") if isinstance(body, dict) else None
    if not isinstance(metadata, dict):
        return Dates()
    completed = next((metadata[name] for name in _COMPLETED if metadata.get(name)), None)
    texts = (metadata.get("createdAt"), metadata.get("updatedAt"), completed)
    return Dates(*(text if isinstance(text, str) else None for text in texts))


def _second_part(_journal: Journal, odd: Odd) -> list[Wrong]:
    chart_id, kind = odd.facts
    return [Wrong("duplicate-part", f"“{chart_id}” has a {str(kind).replace('_', ' ')} already")]


_JUDGES: dict[str, Judge] = {
    "dates": _dated,
    "child-due": lambda _, odd: timelines.of_child(*odd.facts),
    "step-due": lambda _, odd: timelines.of_step(*odd.facts),
    "circle": _circle,
    "dangling-relation": _dangling,
    "unknown-chart": _chartless,
    "unknown-parent": _orphan,
    "duplicate-part": _second_part,
}


# -- where it stands -------------------------------------------------------------------------------


def _located(journal: Journal, said: list[Said]) -> Iterator[Finding]:
    """Findings with the file and line of what they are said of."""
    lines: dict[tuple[int, int], int] = {}
    for generation in {one.generation for one in said if one.generation}:
        offsets = sorted({one.offset for one in said if one.generation == generation})
        lines.update(((generation, offset), line) for offset, line in _lines(journal, generation, offsets))
    for wrong, generation, offset in said:
        severity: Severity = "warning" if wrong.code in _WARNINGS else "info"
        line = lines.get((generation, offset))
        if line is None:
            yield Finding(severity, wrong.code, wrong.message, str(journal.path))
        else:
            path = str(journal.generation_file(generation).path)
            yield Finding(severity, wrong.code, wrong.message, path, line, offset)


def _lines(journal: Journal, generation: int, offsets: Iterable[int]) -> Iterator[tuple[int, int]]:
    """(offset, number of the line that starts there), in one pass over the file."""
    reader = journal.generation_file(generation)
    number, at = 1, 0
    for offset in offsets:
        while at < offset:
            block = pread(reader.fd, min(BLOCK, offset - at), at, reader.path)
            if not block:
                return
            number += block.count(b"\n")
            at += len(block)
        yield offset, number
