"""Noticing what other programs write: file events where they work, looks at the files where they do not.

Events come from watchfiles in a thread of their own. Network file systems deliver none, so
there (and where settings say so) the files are looked at in turns. Either way the caller hears
`changed(context, kind)` with kind `journal`, `knowledge`, `chart` or `contexts`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from store.knowledge.kinds import FAMILY
from store.layout import Layout, context_of_file

STEP_MS = 20
"""How often watchfiles looks for events: 20 ms costs 0.3 % of a CPU, and half of it in delay."""
PATIENT_STEP_MS = 250
"""The same where nobody looks at a screen."""
_NETWORK = (
    "nfs",
    "cifs",
    "smb",
    "sshfs",
    "9p",
    "fuse.",
    "afs",
    "ceph",
    "gluster",
    "davfs",
    "lustre",
    "vboxsf",
)

Changed = Callable[[str, str], None]


def on_network(path: Path) -> bool:
    """True where `path` lies on a file system that tells nobody of other machines' writes."""
    best, kind = "", ""
    try:
        mounts = Path("/proc/self/mounts").read_text(errors="replace")
    except OSError:
        return False
    real = os.path.realpath(path)
    for line in mounts.splitlines():
        parts = line.split()
        if (
            len(parts) > 2
            and len(parts[1]) > len(best)
            and (real + "/").startswith(parts[1].rstrip("/") + "/")
        ):
            best, kind = parts[1], parts[2]
    return kind.startswith(_NETWORK)


class Watcher:
    """Watches one store until stopped."""

    def __init__(
        self,
        layout: Layout,
        changed: Changed,
        *,
        mode: str = "auto",
        poll_seconds: float = 1.0,
        step_ms: int = STEP_MS,
    ) -> None:
        self._layout = layout
        self._changed = changed
        self._poll = mode == "poll" or (mode == "auto" and on_network(layout.root))
        self._poll_seconds = poll_seconds
        self._step_ms = step_ms
        self._off = mode == "off"
        self._stop = threading.Event()
        self._again = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._seen: dict[Path, tuple[int, int, int]] = {}

    @property
    def polling(self) -> bool:
        """True where the files are looked at in turns."""
        return self._poll

    def start(self) -> None:
        if self._off or self._thread is not None:
            return
        self.look(tell=False)
        run = self._look_in_turns if self._poll else self._wait_for_events
        with self._starting:
            if self._stop.is_set():
                return
            self._thread = threading.Thread(target=run, name="chartkeep-watch", daemon=True)
            self._thread.start()

    def refresh(self) -> None:
        """Contexts came or went: watch the folders there are now."""
        self._again.set()

    def stop(self) -> None:
        with self._starting:  # it may be started by the background thread at this very moment
            self._stop.set()
            thread, self._thread = self._thread, None
        self._again.set()
        if thread is not None:
            thread.join(2.0)

    def look(self, *, tell: bool = True) -> None:
        """Compare every file with how it was at the last look; the net below missed events."""
        for path, context, kind in self._files():
            try:
                found = os.stat(path)
                state = (found.st_ino, found.st_size, found.st_mtime_ns)
            except OSError:
                state = (0, 0, 0)
            if self._seen.get(path) != state:
                known = path in self._seen
                self._seen[path] = state
                if tell and (known or state[0]):
                    self._changed(context, kind)

    def _files(self) -> Iterable[tuple[Path, str, str]]:
        for context in self._layout.contexts():
            yield self._layout.journal(context), context, "journal"
            yield self._layout.journal(context, FAMILY), context, "knowledge"
            yield self._layout.chart_file(context), context, "chart"

    def _look_in_turns(self) -> None:
        while not self._stop.wait(self._poll_seconds):
            self.look()

    def _wait_for_events(self) -> None:
        import watchfiles

        while not self._stop.is_set():
            self._again.clear()
            if self._stop.is_set():  # else it would be waited for until the next event
                return
            try:
                for batch in watchfiles.watch(
                    *self._folders(),
                    watch_filter=None,
                    debounce=100,
                    step=self._step_ms,
                    rust_timeout=1000,
                    stop_event=self._again,
                    recursive=False,
                    raise_interrupt=False,
                ):
                    self._heard({path for _, path in batch})
            except (OSError, RuntimeError):
                # No more watches to be had, or a folder went away: look instead, then try again.
                self.look()
            if not self._stop.is_set() and not self._again.is_set():
                self._stop.wait(self._poll_seconds)

    def _folders(self) -> list[Path]:
        layout = self._layout
        folders = {layout.root, layout.journals}
        folders.update(layout.journal_dir(context) for context in layout.contexts())
        return [folder for folder in folders if folder.is_dir()]

    def _heard(self, paths: Iterable[str]) -> None:
        told = set()
        for text in paths:
            path = Path(text)
            if path.parent == self._layout.root:
                context = context_of_file(path.name, single=path == self._layout.single)
                if context is not None:
                    told.add((context, "chart"))
            elif path.parent == self._layout.journals and path.name.startswith("."):
                continue  # locks
            elif path.parent == self._layout.journals:
                told.add(("", "contexts"))
                self._again.set()
            elif path.name == "charts.jsonl":
                told.add((path.parent.name, "journal"))
            elif path.name == f"{FAMILY}.jsonl":
                told.add((path.parent.name, "knowledge"))
        for context, kind in told:
            self._changed(context, kind)
