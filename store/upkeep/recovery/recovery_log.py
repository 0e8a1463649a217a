"""What a recovery found and did: a log that a person can read, and a line for programs.

`.recovery/recovery-<stamp>.log` is the one, `.recovery/recoveries.jsonl` the other. Both are written after
what they tell of; a crash in between loses the telling, never what was recovered.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store import clock, durable, records
from store.errors import StorageError

if TYPE_CHECKING:
    from store.layout import Layout
    from store.upkeep.recovery.bringing import Brought
    from store.upkeep.recovery.mending import Mending, Part

MACHINE = "recoveries.jsonl"
MOST = 500
"""Single lines and versions named; the rest is counted."""


class RecoveryLog:
    """Collects what is to be told of one recovery."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.stamp = clock.stamp()[:19].replace(":", "").replace("-", "") + "Z"
        self.said: list[str] = []
        """In a few words, for the screen."""
        self.lines: list[str] = []
        """In full, for the log."""
        self.facts: dict[str, Any] = {}
        """For programs."""

    def say(self, text: str) -> None:
        """Tell the person, and the log."""
        self.said.append(text)
        self.lines.append(text)

    def note(self, text: str) -> None:
        """Tell the log only."""
        self.lines.append("  " + text)

    def path(self) -> Path:
        """Where the log is to lie."""
        path, number = self._layout.recovery / f"recovery-{self.stamp}.log", 1
        while path.exists():
            number += 1
            path = self._layout.recovery / f"recovery-{self.stamp}-{number}.log"
        return path

    def write(self) -> Path | None:
        """Write both; None where there is nothing to tell."""
        if not self.lines:
            return None
        path = self.path()
        head = f"Recovery of {self._layout.root}, {clock.stamp()}"
        durable.make_dirs(path.parent)
        durable.write_file(path, "\n".join([head, "", *self.lines, ""]).encode("utf-8", "backslashreplace"))
        told = {"at": clock.stamp(), "log": path.name, "said": self.said, **self.facts}
        machine = self._layout.recovery / MACHINE
        if not machine.exists():
            durable.write_file(machine, b"")
        file = durable.AppendFile(machine)
        end = file.end()
        torn = end > 0 and file.read(end - 1, 1) != b"\n"
        file.append((b"\n" if torn else b"") + records.dumps(told) + b"\n")
        file.sync()
        return path

    # -- journals ----------------------------------------------------------------------------------

    def found(self, mending: Mending) -> None:
        """What is wrong with a journal, line by line."""
        for part in mending.parts:
            where = self._layout.relative(part.source.path or part.home)
            if part.source.why:
                self.note(f"{where}: {part.source.why}")
            for bad in part.found.bad[:MOST]:
                self.note(f"{where}, line {bad.line}, offset {bad.offset}, {bad.length} bytes: {bad.why}")
            more = part.found.more_bad + max(0, len(part.found.bad) - MOST)
            if more:
                self.note(f"{where}: {more} more such lines")
            for line, offset in part.found.gaps[:MOST]:
                self.note(f"{where}, line {line}, offset {offset}: here something is missing")
            self._about(part, where)
        if mending.witness_bad and mending.broken is None:
            self.note("its witness (the note of the last commit) cannot be used; it is written anew")

    def _about(self, part: Part, where: str) -> None:
        found = part.found
        for source, count in found.taken.items():
            self.note(f"{where}: {count} lines were brought back to the byte from {source}")
        if found.torn:
            self.note(
                f"{where}: {found.torn} bytes of a write that was cut off, never acknowledged, are left out"
            )
        if found.unchecked:
            self.note(
                f"{where}: {found.unchecked} lines after a gap read well and are kept; what they were chained to "
                "is missing, so their hashes could not be checked"
            )
        if part.source.size and not found.header:
            self.note(f"{where}: the first line, which names the journal, is made anew")

    def brought(self, brought: list[Brought]) -> None:
        """Which versions are lost, and which values are there again."""
        for item in brought[:MOST]:
            row = item.row
            what = f"{row.key}, version {row.ver}, written by {row.by} at {row.at}"
            if not item.newest:
                self.note(f"lost from the history, a later version is there: {what}")
            elif item.source:
                self.note(f"brought back from {item.source}: {what}")
            else:
                self.note(f"NOT brought back: {what}")
        if len(brought) > MOST:
            self.note(f"{len(brought) - MOST} more versions")


def history(layout: Layout) -> list[dict[str, Any]]:
    """What recoveries were done, oldest first."""
    found = []
    with suppress(OSError, StorageError):
        for line in b"".join(durable.read_blocks(layout.recovery / MACHINE)).splitlines():
            with suppress(records.BadJson):
                value = records.loads(line)
                if isinstance(value, dict):
                    found.append(value)
    return found
