"""Background work as lines: state sign, title, bar, count, rate, time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from store import clock
from store.jobs import Job
from tui.widgets.cells import clean, fit, fit_right, wrap
from tui.widgets.lines import Lines, Pieces
from tui.widgets.signs import Signs

BAR = 16

_STATES = {
    "waiting": ("todo", "muted"),
    "running": ("closed", ""),
    "completed": ("done", "done"),
    "failed": ("overdue", "overdue"),
}


class JobList(Lines):
    """Draws the jobs it is given, in their order; `limit` of them (0: all)."""

    def __init__(
        self,
        *,
        id: str | None = None,
        ascii_only: bool = False,
        limit: int = 0,
        empty: str = "Nothing is running.",
    ) -> None:
        super().__init__(id=id, ascii_only=ascii_only)
        self.limit = limit
        self.empty = empty
        self._jobs: tuple[Job, ...] = ()

    def show(self, jobs: Iterable[Job]) -> None:
        """Draw these jobs."""
        self._jobs = tuple(jobs)
        self.renew()

    def draw(self, width: int) -> Sequence[Pieces]:
        """One line a job."""
        jobs = self._jobs[: self.limit] if self.limit else self._jobs
        if not jobs:
            lead = self.empty[: len(self.empty) - len(self.empty.lstrip())]
            parts = wrap(self.empty.strip(), max(1, width - len(lead)))
            return [((fit(lead + part, width), "muted"),) for part in parts]
        return [job_pieces(job, width, self.signs) for job in jobs]


def job_pieces(job: Job, width: int, signs: Signs) -> Pieces:
    """A job on one line of exactly `width` cells."""
    sign, style = _STATES.get(job.state, ("problem", "soon"))
    parts: list[tuple[str, str]] = [(f"{getattr(signs, sign)} ", style)]
    right = figures(job, short=width < 40)
    tail = fit_right(right, min(len(right) + 1, max(0, width - 12)), signs.ellipsis)
    shows_bar = job.state == "running" and job.total > 0 and width >= 40
    bar = bar_text(job.done, job.total, BAR, signs) if shows_bar else ""
    room = width - 2 - len(bar) - bool(bar) - len(tail)
    title = f"{job.title}: {job.note}" if job.note else job.title
    parts.append((fit(clean(title), room, signs.ellipsis), "overdue" if job.state == "failed" else ""))
    if bar:
        parts.append((f" {bar}", "done"))
    parts.append((tail, "muted"))
    return tuple((text, name) for text, name in parts if text)


def bar_text(done: int, total: int, cells: int, signs: Signs) -> str:
    """A progress bar of `cells` cells."""
    full = min(cells, cells * done // total) if total > 0 else 0
    return signs.full * full + signs.empty * (cells - full)


def figures(job: Job, *, short: bool = False) -> str:
    """Count, share, rate and time of a job in few characters; `short`: of one that has ended, its hour only."""
    words = []
    if job.total and job.state != "completed":
        words.append(f"{job.done:,}/{job.total:,}")
        if job.state == "running":
            words.append(f"{100 * job.done // job.total}%")
    elif job.done:
        words.append(f"{job.done:,}")
    if job.seconds >= 0.1 and job.done:
        words.append(f"{job.done / job.seconds:,.0f}/s")
    if job.state == "completed":
        words = [] if short else words
        words += [f"{job.seconds:.1f} s"] if job.seconds >= 0.1 else []
        began = clock.try_parse(job.started)
        words += [f"{began.astimezone():%H:%M}"] if began else []
    elif job.state != "running":
        words.append(job.state)
    return "  ".join(words)
