"""The error log: a text file in the user's log directory, and its last entries.

It holds what a report of a fault needs, and no text of any chart beyond what the error itself says.
"""

from __future__ import annotations

import os
import platform
import traceback
from pathlib import Path
from typing import NamedTuple

from store import clock

LIMIT = 512 * 1024
"""Bytes; a longer file is cut to its newer half when next written."""
_MARK = "=== "


class Entry(NamedTuple):
    """One error of the log."""

    at: str
    summary: str
    detail: str


def path() -> Path:
    """Where the log is."""
    import platformdirs

    return Path(platformdirs.user_log_dir("chartkeep", appauthor=False)) / "errors.log"


def write(error: BaseException, doing: str) -> Entry:
    """Add an error to the log and return it as an entry; a log that cannot be written is no second error."""
    detail = "".join(traceback.format_exception(error))
    summary = f"{type(error).__name__}: {error}".splitlines()[0] if str(error) else type(error).__name__
    entry = Entry(clock.stamp(), f"{doing}: {summary}" if doing else summary, detail)
    head = f"{_MARK}{entry.at} {entry.summary}\n"
    about = f"Python {platform.python_version()}, {platform.system()}, TERM={os.environ.get('TERM', '')}\n"
    try:
        where = path()
        where.parent.mkdir(parents=True, exist_ok=True)
        _shorten(where)
        with where.open("a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(head + about + detail.rstrip("\n") + "\n")
    except OSError:
        pass
    return entry


def read(limit: int = 200) -> list[Entry]:
    """The last entries, newest first."""
    try:
        text = path().read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    entries = []
    for block in ("\n" + text).split("\n" + _MARK)[1:]:
        head, _, detail = block.partition("\n")
        at, _, summary = head.partition(" ")
        entries.append(Entry(at, summary, detail))
    return entries[::-1][:limit]


def _shorten(where: Path) -> None:
    if not where.exists() or where.stat().st_size < LIMIT:
        return
    data = where.read_bytes()[-LIMIT // 2 :]
    start = data.find(b"\n" + _MARK.encode())
    where.write_bytes(data[start + 1 :] if start >= 0 else b"")
