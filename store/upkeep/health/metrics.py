"""The store's own metrics: samples of its health figures, kept in a journal and read over time.

A sample is one record `{"type":"metric","id":…,"at":…,"severity":…,"figures":{name: number}}`, one
transaction of its own in the family `activity` of context `default`. It goes through `Journal` like
every word of a chart, so a kill leaves it there in full or not at all.

1. A store that may only be read is not sampled.
2. Keys are never used twice, so a sample supersedes nothing.
3. A figure that a sample leaves out was 0 or not known; there is no need to write nothing down.
4. Reading holds one block in memory and takes at most so many samples as are asked for, spread
   evenly: a year of samples costs what a day of them costs.
5. A generation that was begun anew holds the samples carried over from the one before. Of that one
   only what is older is read, by the samples' own times.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from store import clock, ids, records
from store.errors import Damaged, StorageError, TooNew
from store.journal_read import pread
from store.model import DEFAULT

if TYPE_CHECKING:
    from store.journal import Journal
    from store.store import Store

CONTEXT, FAMILY = DEFAULT, "activity"
COLLECTION = "metrics"
"""What retention rules call the samples."""
KIND = "metric"
MOST = 240
"""Samples read unless more are asked for: what a plot or a trend needs."""

_BLOCK = 1 << 13
_LONGEST = 1 << 20
"""A line without an end for so long is no sample."""


class Sample(NamedTuple):
    """The numeric figures of one moment, by name."""

    at: datetime
    figures: dict[str, float]
    severity: str = "unknown"


def sample(store: Store) -> dict[str, Any]:
    """Measure every figure, append them as one sample, and return its record; nothing where read-only.

    Raises Locked, StorageError, Damaged.
    """
    if store.readonly:
        return {}
    from store.upkeep.health import measuring, thresholds

    facts = measuring.measure(store, probe=True).facts
    figures = thresholds.figures(facts, store.settings)
    record = {
        "type": KIND,
        "id": ids.sample_id(),
        "at": clock.stamp(facts.now),
        "severity": thresholds.worst(figures),
        "figures": measuring.numbers(facts, figures),
    }
    append(store, record)
    return record


def append(store: Store, record: dict[str, Any]) -> None:
    """Commit one sample, or another note of what was done: it is on disk when this returns."""
    raw = records.dumps(record)
    draft = records.Draft("put", records.key_of(record, raw), 1, raw)
    with store.journal(CONTEXT, FAMILY).writer(store.settings.lock_timeout, "metrics") as writer:
        writer.append([draft], by=store.session.by, at=record["at"])


def samples(store: Store, since: datetime | None = None, most: int = MOST) -> list[Sample]:
    """Samples since an instant, oldest first; where there are more than `most`, evenly chosen ones.

    Archived and cold generations are read only as far as they hold what is asked for. Of a damaged
    one, which verify names, nothing is read.
    """
    if not store.layout.journal(CONTEXT, FAMILY).exists():
        return []
    try:
        spans = _spans(store.journal(CONTEXT, FAMILY), since)
        step = sum(span.end - span.begin for span in spans) // max(1, most)
        found = [sample for span in reversed(spans) for sample in _chosen(span, step)]
    except (Damaged, TooNew):
        return []
    return [sample for sample in found if since is None or sample.at >= since]


def ends(store: Store) -> tuple[Sample, Sample] | None:
    """The first and the last sample of the live generation; None where there is none."""
    path = store.layout.journal(CONTEXT, FAMILY)
    if not path.exists():
        return None
    try:
        span = _whole(store.journal(CONTEXT, FAMILY), None)
    except (Damaged, TooNew):
        return None
    first = next(_chosen(span, 0), None)
    last = _last(span)
    return (first, last) if first is not None and last is not None else None


# -- where samples lie -----------------------------------------------------------------------------


class _Span(NamedTuple):
    """Bytes of one generation: from the beginning of a line to the end of one."""

    read: Callable[[int, int], bytes]
    """Up to `size` bytes from `offset`, as `read(offset, size)`."""
    begin: int
    end: int


def _spans(journal: Journal, since: datetime | None) -> list[_Span]:
    """Where the samples since an instant lie, the newest generation first (rule 5)."""
    found: list[_Span] = []
    until: datetime | None = None
    for generation in reversed(journal.generations()):
        try:
            span = _whole(journal, generation)
        except (Damaged, TooNew, StorageError):  # the others are still worth reading
            continue
        if until is not None:
            span = span._replace(end=_first_since(span, until))
        first = next(_chosen(span, 0), None)
        if since is not None:
            span = span._replace(begin=_first_since(span, since))
        found.append(span)
        if first is None:
            continue
        until = first.at
        if since is not None and first.at <= since:
            break
    return found


def _whole(journal: Journal, generation: int | None) -> _Span:
    """All of a generation, or of the live one."""
    reader = journal.generation_file(generation if generation is not None else journal.generations()[-1])

    def read(offset: int, size: int) -> bytes:
        return pread(reader.fd, size, offset, reader.path)

    return _Span(read, reader.header.end, reader.size)


def _first_since(span: _Span, instant: datetime) -> int:
    """Offset of the first sample at or after an instant, found by halves; the end where there is none.

    Where a clock was set back, one of the places that may be meant.
    """
    low, high = span.begin, span.end
    while low < high:
        middle = (low + high) // 2
        found = _next(span, middle)
        if found is None or found[1].at >= instant:
            high = middle
        else:
            low = found[0]
    return low


def _chosen(span: _Span, step: int) -> Iterator[Sample]:
    """Samples of a span from its beginning, each at least `step` bytes after the one before."""
    here = span.begin
    while here < span.end and (found := _next(span, here)) is not None:
        after, sample = found
        yield sample
        here = max(after, here + step)


def _next(span: _Span, offset: int) -> tuple[int, Sample] | None:
    """(offset after it, sample) of the first line that begins at `offset` or later."""
    return next(_lines(span._replace(begin=offset)), None)


def _lines(span: _Span) -> Iterator[tuple[int, Sample]]:
    """(offset after it, sample) of the lines of a span. Where it begins within one, that part is no sample."""
    here, data = span.begin, b""
    while True:
        line, newline, rest = data.partition(b"\n")
        if not newline:
            block = span.read(here + len(data), min(_BLOCK, span.end - here - len(data)))
            if not block or len(data) > _LONGEST:
                return
            data += block
            continue
        here, data = here + len(line) + 1, rest
        found = _sample_of(line)
        if found is not None:
            yield here, found


def _last(span: _Span) -> Sample | None:
    """The last sample of a span."""
    size = _BLOCK
    while True:
        begin = max(span.begin, span.end - size)
        found = deque(_lines(span._replace(begin=begin)), maxlen=1)
        if found or begin == span.begin or size > _LONGEST:
            return found[0][1] if found else None
        size *= 4


def _sample_of(line: bytes) -> Sample | None:
    """The sample on a journal line; None for anything else, such as a deletion or a broken line."""
    try:
        raw = records.decode_line(line).raw
        record = None if raw is None else records.loads(raw)
    except records.BadJson:
        return None
    if not isinstance(record, dict) or record.get("type") != KIND:
        return None
    at, figures = clock.try_parse(record.get("at")), record.get("figures")
    if at is None or not isinstance(figures, dict):
        return None
    numbers = {name: float(value) for name, value in figures.items() if _is_number(value)}
    return Sample(at, numbers, str(record.get("severity", "unknown")))


def _is_number(value: object) -> bool:
    """True for a number that fits a plot: journals keep integers of any size, and NaN."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e300 < value < 1e300
