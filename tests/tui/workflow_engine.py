"""A stand-in for the engine of workflows, and workflows in every state, for tests of what shows them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from store import workflows
from store.errors import Refused, UsageError
from store.workflows.model import Rejected, Step, Workflow
from store.workflows.previewing import Preview
from store.workflows.undoing import Undoing
from tui import works

BLANK = Workflow(
    context="default",
    id="",
    kind="import",
    title="",
    state="completed",
    paused=False,
    interrupted=False,
    total=100,
    processed=100,
    written=100,
    unchanged=0,
    rejected=0,
    missing={},
    atomic=False,
    strict=False,
    submitted="2026-11-21T08:00:00Z",
    started="2026-11-21T08:00:00Z",
    ended="2026-11-21T08:00:10Z",
    by="ada@home",
    note="",
    rate=0.0,
    seconds_left=None,
    source="birds.jsonl",
    options={},
    ver=3,
)
RUNNING = BLANK._replace(
    id="run", title="Import birds", state="processing", ended=None, processed=45, written=42, rejected=3,
    rate=10.0, seconds_left=5.5,
)  # fmt: skip
PAUSED = RUNNING._replace(id="wait", title="Import fish", paused=True, rate=0.0, seconds_left=None)
BROKEN = RUNNING._replace(id="broken", title="Import moss", interrupted=True, rate=0.0, seconds_left=None)
DONE = BLANK._replace(id="done", title="Import trees")
PARTLY = BLANK._replace(
    id="partly", title="Import ferns", rejected=2, written=98, missing={"source_domain": 12}
)
FAILED = BLANK._replace(id="failed", title="Import mould", state="failed", note="the disk is full", written=5)
PENDING = BLANK._replace(
    id="later", title="Import algae", state="pending", processed=0, written=0, started=None, ended=None
)
CANCELLED = BLANK._replace(id="off", title="Import lichen", state="cancelled", processed=10)
UNDONE = BLANK._replace(id="undone", title="Import rocks", state="rolled back")
ALL = [RUNNING, PAUSED, BROKEN, PENDING, DONE, PARTLY, FAILED, CANCELLED, UNDONE]


class Engine:
    """Stands in for `store.workflows`: what was asked of it is in `asked`."""

    def __init__(self) -> None:
        self.all: list[Workflow] = []
        self.asked: list[tuple[Any, ...]] = []
        self.listed = 0
        self.beaten = 0
        self.undoing = Undoing(90, 3, 0, [])
        self.refused = [
            Rejected(
                "partly", 17, "no-type", "it has no member type", '{"id": "f17"}', "2026-11-21T08:00:05Z"
            ),
            Rejected(
                "partly", 1200, "not-json", "this is not JSON at character 3", "{oops", "2026-11-21T08:00:05Z"
            ),
        ]

    def listing(self, _store: Any, **_: Any) -> list[Workflow]:
        self.listed += 1
        return list(self.all)

    def beat(self, _store: Any, workflow: Workflow) -> Workflow:
        self.beaten += 1
        return next((one for one in self.all if one.id == workflow.id), workflow)

    def get(self, _store: Any, name: str) -> Workflow:
        return next(one for one in self.all if one.id == name)

    def become(self, name: str, **changes: Any) -> Workflow:
        found = self.get(None, name)
        changed = found._replace(ver=found.ver + 1, **changes)
        self.all[self.all.index(found)] = changed
        return changed

    def pause(self, _store: Any, name: str) -> Workflow:
        self.asked.append(("pause", name))
        return self.become(name, paused=True)

    def resume(self, _store: Any, name: str) -> Workflow:
        self.asked.append(("resume", name))
        return self.become(name, state="processing", paused=False, interrupted=False)

    def cancel(self, _store: Any, name: str) -> Workflow:
        self.asked.append(("cancel", name))
        return self.become(name, state="cancelled")

    def survey(self, _store: Any, name: str) -> Undoing:
        return self.undoing

    def rollback(self, _store: Any, name: str, *, skip_changed: bool = False) -> Workflow:
        self.asked.append(("rollback", name, skip_changed))
        return self.become(name, state="rolled back")

    def retry(self, _store: Any, name: str, *, items: list[bytes] | None = None) -> Workflow:
        self.asked.append(("retry", name, items))
        made = PENDING._replace(id=f"{name}-retry-1", title=f"{name} again", total=len(items or self.refused))
        self.all.insert(0, made)
        return made

    def start(self, _store: Any, name: str) -> None:
        self.asked.append(("start", name))

    def steps(self, _store: Any, name: str) -> list[Step]:
        return [
            Step("2026-11-21T08:00:00Z", "ada@home", "pending", 0, 0, "", 1),
            Step("2026-11-21T08:00:01Z", "ada@home", "processing", 0, 0, "", 2),
            Step("2026-11-21T08:00:10Z", "bob@work", "completed", 100, 7, "all gone through", 3),
        ]

    def rejects(self, _store: Any, name: str, limit: int | None = None) -> Iterator[Rejected]:
        return iter(self.refused[:limit])

    def clean(self, _store: Any, *, dry_run: bool = False) -> list[Workflow]:
        self.asked.append(("clean", dry_run))
        return [one for one in self.all if one.id == "done"]

    def preview(self, _store: Any, context: str, kind: str, source: Path, **asked: Any) -> Preview:
        self.asked.append(("preview", context, kind, source.name, asked))
        if not source.exists():
            raise UsageError(f"There is no file {source}.")
        return Preview(
            12,
            8,
            1,
            1,
            2,
            0,
            {"source_domain": 8},
            [(1, "analogy:a1", "bird → plane")],
            [],
            [],
            [],
            self.refused,
        )

    def submit(self, _store: Any, context: str, kind: str, source: Path, **asked: Any) -> Workflow:
        self.asked.append(("submit", context, kind, source.name, asked))
        if asked["id"] == "done":
            raise Refused("There is, or was, a workflow done already: nothing was submitted.")
        made = PENDING._replace(id=asked["id"] or "import-1", title=asked["title"], total=12)
        self.all.insert(0, made)
        return made


def stand_in(patch: pytest.MonkeyPatch) -> Engine:
    """Put one in place of the engine, with nothing in it."""
    found = Engine()
    for name in dir(found):
        if not name.startswith("_") and callable(getattr(found, name)) and name != "become":
            patch.setattr(workflows, name, getattr(found, name), raising=False)
    patch.setattr(works, "keeps_any", lambda _store: True)
    return found
