"""The quick pass over a large journal by several processes at once.

Every line states its hash and its place, so a file may be cut at any line end and each part passed
over by itself: where all parts fit, and each ends as the next one began, so does the whole.

The processes are started by exec, not forked, so that threads and locks of this one are none of
their concern. They get the open file as their standard input: all parts are of the same file,
whatever its name leads to by then. Where no process is to be had this one does its work.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from store import journal_pass
from store.journal_pass import part

Place = tuple[int, str, int, int, int]
"""See `journal_pass`."""
Read = Callable[[int, int], bytes]
Passed = tuple[Place | None, Place, bool]

PART = 4 << 20
"""Bytes from which a further process pays: starting one takes as long as passing over 3 MB."""
MOST_PARTS = 8

PROGRAM = (
    # Imported, not run by its name, so that it need not be compiled again.
    f"import sys; sys.path.append({str(Path(journal_pass.__file__).parent)!r}); "
    "from journal_pass import main; main(sys.argv[1:])"
)
"""What such a process runs (`journal_pass.main`)."""
_STATED = re.compile(rb',"_t":\["([0-9a-f]+)",(\d+),(\d+)\],"_h":"([0-9a-f]{32})"\}\n\Z')


def passed(
    read: Read, fd: int | None, start: Place, upto: int, told: Callable[[int], None] | None = None
) -> Passed:
    """`journal_pass.part`, by several processes where the file is large; `fd` is theirs to read, None for none."""
    cuts = _cuts(read, start, upto) if fd is not None else []
    ends = [*(place[0] for place in cuts), upto]
    workers = [_Worker(fd, place, ends[number + 1]) for number, place in enumerate(cuts)]
    try:
        end, last, fits = part(read, start, ends[0], told)
        for place, worker in zip(cuts, workers, strict=True):
            if not fits or last != place:
                return end, last, False
            more, last, fits = worker.result() or part(read, place, worker.upto)
            end = more or end
            if told is not None:
                told(last[0])
        return end, last, fits
    finally:
        for worker in workers:
            worker.stop()


def line_end(read: Read, offset: int, upto: int) -> Place | None:
    """The first line end after `offset` and before `upto`, as its line states it; None where there is none."""
    while offset < upto:
        block = read(min(journal_pass.BLOCK, upto - offset), offset)
        cut = block.find(b"\n") + 1
        if cut:
            return stated(read, offset + cut) if offset + cut < upto else None
        if not block:
            return None
        offset += len(block)
    return None


def stated(read: Read, at: int) -> Place | None:
    """The place after the line that ends at `at`, by its own words."""
    size = min(160, at)
    found = _STATED.search(read(size, at - size))
    if found is None:
        return None
    return at, found[4].decode("ascii"), int(found[1], 16), int(found[2]), int(found[3])


def _cuts(read: Read, start: Place, upto: int) -> list[Place]:
    """Line ends that divide what there is between the processors, so that all are done at the same time."""
    size = upto - start[0]
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    count = min(cores, size // PART, MOST_PARTS)
    found: list[Place] = []
    late = PART * 3 // 4  # what this process passes over while the others start
    each = (size + (count - 1) * late) // max(count, 1)
    for number in range(1, count):
        place = line_end(read, start[0] + each + (number - 1) * (each - late), upto)
        if place is not None and (not found or place[0] > found[-1][0]):
            found.append(place)
    return found


class _Worker:
    """A process that passes over one part."""

    def __init__(self, fd: int | None, start: Place, upto: int) -> None:
        self.upto = upto
        self._process: subprocess.Popen[bytes] | None = None
        words = [sys.executable, "-I", "-S", "-c", PROGRAM, *map(str, (*start, upto))]
        with suppress(OSError):
            if sys.executable:
                self._process = subprocess.Popen(
                    words, stdin=fd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
                )

    def result(self) -> Passed | None:
        """What it found; None where it cannot say."""
        if self._process is None:
            return None
        said, _ = self._process.communicate()
        words = said.decode("ascii", "replace").split()
        if self._process.returncode or len(words) != 12:
            return None
        return _place(words[1:6]) if words[0] == "1" else None, _place(words[6:11]), words[11] == "1"

    def stop(self) -> None:
        """End it, whether or not it was asked."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _place(words: list[str]) -> Place:
    offset, digest, origin, nth, total = words
    return int(offset), digest, int(origin), int(nth), int(total)
