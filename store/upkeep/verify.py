"""Reading a store whole and naming everything that is wrong with it.

Journals are checked byte by byte along their hash chains, chart files line by line, and the
index against the journals. What was set aside earlier is listed with where its bytes lie.
Nothing is changed, but for a note of when this was done.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store import clock, durable, records
from store.errors import ChartkeepError, Damaged, StorageError
from store.model import Finding

if TYPE_CHECKING:
    from store.store import Store

FINDINGS = "findings.jsonl"
LAST = "last-verification.json"


def verify(store: Store) -> list[Finding]:
    """All findings, errors first. Shows as a job while it runs."""
    names = store.contexts.names()
    found: list[Finding] = []
    with store.jobs.run("verify", "Verify the store", total=len(names)) as job:
        for done, context in enumerate(names):
            job.at(done)
            found.extend(_journal(store, context))
            found.extend(_chart_file(store, context))
            found.extend(_index(store, context))
        known = {(item.path, item.line, item.code) for item in found}
        found.extend(item for item in quarantined(store) if (item.path, item.line, item.code) not in known)
        errors = sum(item.severity == "error" for item in found)
        job.note(f"{len(found)} findings, {errors} errors" if found else "nothing wrong")
    rank = {"error": 0, "warning": 1, "info": 2}
    found.sort(key=lambda item: (rank[item.severity], item.path, item.line or 0))
    _remember(store, found)
    return found


def last_verification(store: Store) -> dict[str, Any] | None:
    """When the store was last verified and what came of it; None where it never was."""
    try:
        value = records.loads((store.layout.recovery / LAST).read_bytes())
    except (OSError, records.BadJson):
        return None
    return value if isinstance(value, dict) else None


def record_findings(store: Store, found: list[Finding]) -> None:
    """Keep what absorbing found, since the published file no longer shows it."""
    if not found:
        return
    path = store.layout.recovery / FINDINGS
    lines = b"".join(
        records.dumps(
            {
                "at": clock.stamp(),
                "severity": item.severity,
                "code": item.code,
                "message": item.message,
                "path": item.path,
                "line": item.line,
                "offset": item.offset,
                "kept": item.kept,
            }
        )
        + b"\n"
        for item in found
    )
    durable.make_dirs(path.parent)
    if not path.exists():
        durable.write_file(path, b"")
    log = durable.AppendFile(path)
    log.append(lines)
    log.sync()


def quarantined(store: Store) -> list[Finding]:
    """What was found and set aside while chart files were taken in, oldest first."""
    found = []
    for value in _logged(store.layout.recovery / FINDINGS):
        kept = value.get("kept")
        found.append(
            Finding(
                value.get("severity", "info"),
                value.get("code", "kept"),
                str(value.get("message", "")),
                str(value.get("path", "")),
                value.get("line"),
                value.get("offset"),
                kept,
            )
        )
    return found


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


def _journal(store: Store, context: str) -> Iterator[Finding]:
    path = store.layout.journal(context)
    if not path.exists() and not path.with_suffix(".witness").exists():
        return
    try:
        yield from store.journal(context).check()
    except Damaged as error:
        yield Finding("error", "damaged", str(error), str(error.path or ""), error.line, error.offset)
    except ChartkeepError as error:
        yield Finding("error", "unreadable", str(error), str(store.layout.journal(context)))


def _chart_file(store: Store, context: str) -> Iterator[Finding]:
    from store import exchange
    from store.chartfile import read_chart_file

    path = store.layout.chart_file(context)
    if not path.exists():
        if store.layout.journal(context).exists():
            yield Finding(
                "warning", "missing-chart-file", "the chart file is missing; it is published anew.", str(path)
            )
        return
    try:
        if not path.stat().st_size and not exchange.begun(store, context):
            return  # a context just made: there is nothing to miss in it
        yield from read_chart_file(path).findings
    except StorageError as error:
        yield Finding("error", "unreadable", str(error), str(path))


def _index(store: Store, context: str) -> Iterator[Finding]:
    """The index must stand on the journal's chain and hold as many versions as it has lines."""
    if not store.layout.journal(context).exists():
        return
    try:
        store.sync(context)
        lines = sum(len(tx.lines) for tx in store.journal(context).read())
        with store.snapshot() as snap:
            indexed = snap.counts().get(context, {}).get("versions", 0)
    except ChartkeepError:
        return  # named by the journal's own check
    if lines > indexed:
        yield Finding(
            "error",
            "index-differs",
            f"the index holds {indexed} versions of “{context}”, its journal {lines}: run `chartkeep sync --rebuild`.",
            str(store.layout.index),
        )


def _remember(store: Store, found: list[Finding]) -> None:
    path = store.layout.recovery / LAST
    counts = {level: sum(item.severity == level for item in found) for level in ("error", "warning", "info")}
    try:
        durable.make_dirs(path.parent)
        durable.write_file(path, records.dumps({"at": clock.stamp(), **counts}))
    except StorageError as error:  # what was found counts for more than the note of it
        found.append(Finding("warning", "not-noted", str(error), str(path)))
