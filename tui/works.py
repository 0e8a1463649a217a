"""Workflows and this process's jobs as one list of works: what the workflow pane shows, in its order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from store import clock
from store.jobs import Job
from store.knowledge.kinds import FAMILY
from store.workflows.model import Workflow
from tui.widgets.jobs import Work, WorkState

if TYPE_CHECKING:
    from store.store import Store

MOST = 100
"""Workflows that are listed."""
_JOB_STATES: dict[str, WorkState] = {
    "waiting": "pending",
    "running": "processing",
    "completed": "completed",
    "failed": "failed",
}

JOB = "job"
"""First part of the key of a job; that of a workflow is its context and its id."""
_RANKS = {"processing": 0, "paused": 0, "interrupted": 0, "pending": 1}


def works(workflows: Sequence[Workflow], jobs: Sequence[Job]) -> list[Work]:
    """Both kinds: what goes on or waits for somebody first, then the newest first."""
    states = {workflow.id: workflow.state for workflow in workflows}
    found = [(workflow.started or workflow.submitted, of_workflow(workflow)) for workflow in workflows]
    found += [(job.started, of_job(job)) for job in jobs if not _told_of(job, states)]
    found.sort(key=lambda pair: pair[0], reverse=True)
    return [work for _, work in sorted(found, key=lambda pair: _RANKS.get(pair[1].state, 2))]


def _told_of(job: Job, states: Mapping[str, str]) -> bool:
    """Whether a workflow's line tells of a job already: not of how far its rolling back is."""
    state = states.get(job.workflow)
    return state is not None and (job.state != "running" or state == "processing")


def runs(workflow: Workflow) -> bool:
    """Whether somebody works on it: then it has a heartbeat."""
    return workflow.state == "processing" and not (workflow.interrupted or workflow.paused)


class Listed(NamedTuple):
    """The workflows there are, by what the index knows."""

    workflows: list[Workflow]
    behind: int
    """Bytes of journal that the index lacks though nobody is at work on it: the list may be old."""


def keeps_any(store: Store) -> bool:
    """Whether there can be workflows. Most stores hold charts only: nothing is imported for them, no index made."""
    return any(family == FAMILY for _, family in store.layout.families())


def listing(store: Store) -> Listed:
    """The newest workflows of every context, as index and heartbeats tell of them."""
    if not keeps_any(store):
        return Listed([], 0)
    from store import workflows
    from tui import library_catching

    found = list(workflows.listing(store, limit=MOST))
    return Listed(found, 0 if any(map(runs, found)) else library_catching.behind(store, None))


def catch_up(store: Store) -> None:
    """Have the index take in what it lacks."""
    from tui import library_catching

    library_catching.catch_up(store, None)


def beats(store: Store, running: Sequence[Workflow]) -> list[Workflow]:
    """The same workflows as their heartbeats tell of them now."""
    from store import workflows

    return [workflows.beat(store, workflow) for workflow in running]


def of_workflow(workflow: Workflow) -> Work:
    """A workflow as a line shows it."""
    state = workflow.shown if workflow.state == "processing" else workflow.state
    if state == "pending" and workflow.paused:
        state = "paused"
    took = _seconds(workflow.started, workflow.ended) if workflow.state != "rolled back" else 0.0
    return Work(
        (workflow.context, workflow.id),
        workflow.title or workflow.id,
        cast("WorkState", state),
        workflow.processed,
        workflow.total,
        workflow.rate if state == "processing" else workflow.processed / took if took >= 0.1 else 0.0,
        workflow.seconds_left,
        workflow.rejected,
        workflow.note,
        hour(workflow.ended or workflow.started or workflow.submitted),
        took,
    )


def of_job(job: Job) -> Work:
    """A job of this process."""
    since = clock.try_parse(job.started) if job.state == "running" else None
    seconds = job.seconds if since is None else (clock.now() - since).total_seconds()
    rate = job.done / seconds if seconds >= 0.1 else 0.0
    return Work(
        (JOB, str(job.id)),
        job.title,
        _JOB_STATES[job.state],
        job.done,
        job.total,
        rate,
        (job.total - job.done) / rate if rate and job.total else None,
        note=job.note,
        at=hour(job.started),
        took=job.seconds,
    )


def hour(at: str | None) -> str:
    """When something was: the hour of today, else the day."""
    instant = clock.try_parse(at) if at else None
    if instant is None:
        return ""
    local, today = instant.astimezone(), clock.today()
    return f"{local:%H:%M}" if local.date() == today else f"{local:%d %b}"


def _seconds(begin: str | None, end: str | None) -> float:
    """From one instant to another; 0 where either is not known."""
    first, last = (clock.try_parse(at) if at else None for at in (begin, end))
    return max(0.0, (last - first).total_seconds()) if first is not None and last is not None else 0.0
