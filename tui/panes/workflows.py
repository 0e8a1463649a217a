"""Workflow status: the background work of this process, newest first."""

from __future__ import annotations

from textual.app import ComposeResult

from store.jobs import Job
from tui.panes.base import Pane
from tui.widgets.jobs import JobList


class Work(JobList, can_focus=True):
    """The list of jobs, able to take the keyboard and to scroll."""

    def action_move(self, delta: int) -> None:
        """Scroll by lines."""
        self.jump(self.top_line + delta)

    def action_page(self, delta: int) -> None:
        """Scroll by screens."""
        self.jump(self.top_line + delta * max(1, self.page_lines - 2))

    def action_half_page(self, delta: int) -> None:
        """Scroll by half screens."""
        self.jump(self.top_line + delta * max(1, self.page_lines // 2))

    def action_home(self) -> None:
        """To the top."""
        self.jump(0)

    def action_end(self) -> None:
        """To the bottom."""
        self.jump(self.virtual_size.height)


class WorkflowsPane(Pane):
    """Jobs with their progress."""

    TITLE = "Workflows"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.list = Work(id="workflows", empty="  Nothing has run yet; sync, verify and import show here.")
        self.jobs: list[Job] = []

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.list

    @property
    def body(self) -> Work:
        return self.list

    def show(self, jobs: list[Job]) -> None:
        """Show these jobs; folded, what runs or failed is in the heading."""
        self.jobs = jobs
        running = [job for job in jobs if job.state in ("running", "waiting")]
        failed = [job for job in jobs if job.state == "failed"]
        if running:
            job = running[0]
            share = f" {100 * job.done // job.total} %" if job.total else ""
            self.heading.show(f"{job.title}{share}")
        else:
            self.heading.show(f"{len(failed)} failed" if failed else "idle" if jobs else "")
        if not self.folded:
            self.list.show(jobs)

    def unfolded(self) -> None:
        self.show(self.jobs)
