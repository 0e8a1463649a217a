"""Reading a store whole and naming everything that is wrong with it.

Nothing is changed, but for a note of when this was done. Each subject has a module, whose
docstring lists its codes:

| subject | module |
|---|---|
| journals and their archived generations, byte by byte along the hash chain | `store.journal_verify` |
| chart files, leftovers of crashes, settings, backups | `filed` |
| the index of charts, row by row against the journals | `indexed` |
| the index of knowledge, in the same way | `known` |
| what records say that cannot be: dates, circles, ends that are not there | `meanings`, by the rules in `timelines` |
| what records of knowledge say that cannot be | `related` |
| workflows, their counts and what was submitted to them | `worked` |
| vectors | `store.vectors.collection` |
| the same, a part at a time | `rolling` |

An *error* is a byte that is not what was written, or something that cannot be restored: the exit
code says so. A *warning* is for a person to look at. An *info* is worth knowing. What was set aside
earlier while chart files were taken in is listed with where its bytes lie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store import clock, durable, records
from store.errors import ChartkeepError, Damaged, StorageError
from store.knowledge.kinds import FAMILY as KNOWLEDGE
from store.layout import FAMILIES
from store.model import Finding

if TYPE_CHECKING:
    from store.journal import Journal
    from store.store import Store

FINDINGS = "findings.jsonl"
LAST = "last-verification.json"

TOLD = 20
"""Errors and warnings that the note of a verification names."""

_RANK = {"error": 0, "warning": 1, "info": 2}

_LAST_LINE = 1 << 62
"""What is said of a whole file, such as how many more there are, stands behind what is said of its lines."""

Told = Callable[[int], None]
"""Hears how many bytes more have been read."""


def verify(
    store: Store, *, backups: bool = False, quick: bool = False, full: bool | None = None
) -> list[Finding]:
    """All findings, errors first. Shows as a job while it runs.

    `backups` reads every backup back, not only looks for the newest one's pieces. `quick` leaves out
    the index and what records mean. `full` compares every table of the index with one built aside;
    not said, that is done where it takes no time.
    """
    found: list[Finding] = []
    journals = journals_of(store)
    size = sum(bytes_of(store, *place) for place in journals)
    total = size if quick else 2 * size
    with store.jobs.run("verify", "Verify the store", total=total) as job:
        done = 0

        def told(more: int) -> None:
            nonlocal done
            done += more
            job.at(min(done, total))

        for context, family in journals:
            found.extend(journal(store, context, family, told))
        found.extend(_beside(store))
        if not quick:
            found.extend(_derived(store, found, told, small=size, full=full))
            found.extend(_backups(store, every=backups))
        elif backups:
            found.extend(_backups(store, every=True))
        known = {(item.path, item.line, item.code) for item in found}
        found.extend(item for item in quarantined(store) if (item.path, item.line, item.code) not in known)
        errors = sum(item.severity == "error" for item in found)
        job.note(f"{len(found)} findings, {errors} errors" if found else "nothing wrong")
    found.sort(key=lambda item: (_RANK[item.severity], item.path, item.line or _LAST_LINE))
    if not quick:
        remember(store, found)
    return found


def rolling(store: Store, budget_seconds: float = 0.5) -> list[Finding]:
    """Go on verifying for about so long, where the last call left off; what this part found.

    Called now and then it covers everything within `upkeep.verify_hours`, then notes it as `verify` does.
    """
    from store.upkeep.verification.rolling import go_on

    return go_on(store, budget_seconds)


# -- the parts -------------------------------------------------------------------------------------


def journals_of(store: Store) -> list[tuple[str, str]]:
    """(context, family) of every journal there is or, by its witness, should be."""
    layout = store.layout
    found = []
    names = dict.fromkeys([*store.contexts.names(), *(context for context, _ in layout.families())])
    for context in names:
        for family in FAMILIES:
            path = layout.journal(context, family)
            if path.exists() or path.with_suffix(".witness").exists():
                found.append((context, family))
    return found


def bytes_of(store: Store, context: str, family: str) -> int:
    """Bytes of a journal's files, archived generations included, as they lie on the disk."""
    path = store.layout.journal(context, family)
    files = [path, *(path.parent / "archive").glob(f"{family}.*.jsonl*")]
    return sum(file.stat().st_size for file in files if file.exists())


def journal(store: Store, context: str, family: str, told: Told | None = None) -> Iterator[Finding]:
    """What is wrong with one journal; once damage was seen it is verified whole before the next write."""
    from store import journal_verify

    try:
        opened = store.journal(context, family)
        for finding in journal_verify.verify(opened, told):
            doubt(opened, finding)
            yield finding
    except Damaged as error:
        yield Finding("error", "damaged", str(error), str(error.path or ""), error.line, error.offset)
    except ChartkeepError as error:
        if isinstance(error, StorageError) and error.path == store.layout.index:
            raise  # no room for the index, say: the journal has no part in it
        yield Finding("error", "unreadable", str(error), str(store.layout.journal(context, family)))


def doubt(opened: Journal, finding: Finding) -> None:
    """Have a journal verified whole before its next write, where the finding is an error."""
    opened.suspect = opened.suspect or finding.severity == "error"


def _beside(store: Store) -> Iterator[Finding]:
    """Chart files, contexts put away, leftovers and settings."""
    from store.upkeep.verification import filed

    for context in store.contexts.names():
        yield from filed.chart_file(store, context)
    yield from filed.retired(store)
    yield from filed.leftovers(store)
    yield from filed.settings(store)


def _derived(
    store: Store, found: list[Finding], told: Told, *, small: int, full: bool | None
) -> Iterator[Finding]:
    """The index and what it shows, of every context whose journal is sound."""
    from store.upkeep.verification import indexed, known, meanings

    broken = {item.path for item in found if item.severity == "error"}
    sound = True
    for context in store.contexts.names():
        path = store.layout.journal(context)
        if not path.exists():
            continue
        if any(one.startswith(str(path.parent)) for one in broken):
            sound = False
            continue
        yield from derived(store, context, told)
    for context in knowing(store):
        path = store.layout.journal(context, KNOWLEDGE)
        if any(one.startswith((str(path), f"{path.parent}/archive/{KNOWLEDGE}.")) for one in broken):
            sound = False
            continue
        yield from derived_knowledge(store, context, told)
    yield from beside_knowledge(store)
    if sound:
        yield from meanings.twice(store)
        if full or (full is None and small <= indexed.SMALL):
            yield from indexed.compare_whole(store)
            yield from known.compare_whole(store)


def derived(store: Store, context: str, told: Told | None = None) -> Iterator[Finding]:
    """The index of one context, and what it shows where it is as it should be."""
    from store.upkeep.verification import indexed, meanings

    differs = False
    for finding in indexed.check(store, context, told):
        differs = True
        yield finding
    if not differs:
        yield from meanings.check(store, context)


def knowing(store: Store) -> list[str]:
    """The contexts that have a journal of knowledge."""
    return [context for context, family in store.layout.families() if family == KNOWLEDGE]


def derived_knowledge(store: Store, context: str, told: Told | None = None) -> Iterator[Finding]:
    """The index of knowledge of one context, and what its records mean where it is as it should be."""
    from store.upkeep.verification import known, related

    differs = False
    for finding in known.check(store, context, told):
        differs = True
        yield finding
    if not differs:
        yield from related.check(store, context)


def beside_knowledge(store: Store) -> Iterator[Finding]:
    """Workflows and vectors."""
    from store.upkeep.verification import worked

    if knowing(store):
        yield from worked.check(store)
    if store.layout.vectors.is_dir():
        from store.vectors import collection

        yield from collection.check(store)


def _backups(store: Store, *, every: bool) -> Iterator[Finding]:
    from store.upkeep.verification import filed

    yield from filed.every_backup(store) if every else filed.newest_backup(store)


# -- what is remembered ----------------------------------------------------------------------------


def last_verification(store: Store) -> dict[str, Any] | None:
    """When everything was last verified and what came of it; None where it never was.

    `{"at", "error", "warning", "info"}`, the last three counts, and `findings`, the worst of them.
    """
    try:
        value = records.loads((store.layout.recovery / LAST).read_bytes())
    except (OSError, records.BadJson):
        return None
    return value if isinstance(value, dict) else None


def remember(store: Store, found: list[Finding], at: str | None = None) -> None:
    """Note what a verification found, `at` if it was then. Where that cannot be written `found` says so too."""
    path = store.layout.recovery / LAST
    counts = {level: sum(item.severity == level for item in found) for level in _RANK}
    worst = [plain(item) for item in found if item.severity != "info"][:TOLD]
    try:
        durable.make_dirs(path.parent)
        durable.write_file(path, records.dumps({"at": at or clock.stamp(), **counts, "findings": worst}))
    except StorageError as error:  # what was found counts for more than the note of it
        found.append(Finding("warning", "not-noted", str(error), str(path)))


def plain(item: Finding) -> dict[str, Any]:
    """A finding as JSON keeps it."""
    return {
        "severity": item.severity,
        "code": item.code,
        "message": item.message,
        "path": item.path,
        "line": item.line,
        "offset": item.offset,
        "kept": item.kept,
    }


def unplain(value: dict[str, Any]) -> Finding:
    """The finding that JSON kept."""
    get = value.get
    severity = get("severity")
    return Finding(
        severity if severity in _RANK else "info",
        str(get("code", "kept")),
        str(get("message", "")),
        str(get("path", "")),
        get("line"),
        get("offset"),
        get("kept"),
    )


def record_findings(store: Store, found: list[Finding]) -> None:
    """Keep what absorbing found, since the published file no longer shows it."""
    if not found:
        return
    path = store.layout.recovery / FINDINGS
    lines = b"".join(records.dumps({"at": clock.stamp(), **plain(item)}) + b"\n" for item in found)
    durable.make_dirs(path.parent)
    if not path.exists():
        durable.write_file(path, b"")
    log = durable.AppendFile(path)
    log.append(lines)
    log.sync()


def quarantined(store: Store) -> list[Finding]:
    """What was found and set aside while chart files were taken in, oldest first."""
    return [unplain(value) for value in _logged(store.layout.recovery / FINDINGS)]


def _logged(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            value = records.loads(line)
        except records.BadJson:
            continue
        if isinstance(value, dict):
            yield value
