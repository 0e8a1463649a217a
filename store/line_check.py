"""Are the lines at these places what was written there? Asked of a process of its own, while the lines are used.

Carrying a line over takes two hashes: the one it has is checked, the new one made. The new ones follow
one from the other; the checking needs nothing of them, so where there are many lines it runs beside
(`python -I -S`, importing next to nothing) and its answer is awaited before anything counts. What the
process cannot answer, because there is none or it failed, is checked here.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from array import array
    from collections.abc import Callable, Iterable, Sequence
    from hashlib import blake2b
    from typing import Any

    Read = Callable[[int, int], bytes]
    """Bytes of the file: (size, offset)."""
else:
    try:
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b

MANY = 20_000
"""Lines from which a process of its own pays."""
_RUN = 1 << 16
"""Bytes of lines that follow each other, checked at once."""
_TAIL = 41
"""Bytes of `,"_h":"<32 hex>"}` at the end of a line, without the newline."""
_BEFORE = 35
"""Bytes of `<32 hex>"}` and the newline, at the end of the line before."""
_BODY, _REST = slice(-_TAIL), slice(-_TAIL, None)
_EMPTY = blake2b(digest_size=16)


def first_bad(read: Read, offsets: Sequence[int], lengths: Sequence[int]) -> int:
    """Which line is the first that is not what was written; their number where all are."""
    at, count = 0, len(offsets)
    while at < count:
        first, start = at, offsets[at]
        end, upto = start, start + _RUN
        while at < count and offsets[at] == end and end < upto:
            end += lengths[at]
            at += 1
        data = read(end - start + _BEFORE, start - _BEFORE)
        if not _whole(data, lengths[first:at]):
            if at - first == 1:
                return first
            alone = ((offsets[n : n + 1], lengths[n : n + 1]) for n in range(first, at))
            return first + next((n for n, one in enumerate(alone) if first_bad(read, *one) == 0), 0)
    return count


def _whole(data: bytes, lengths: Sequence[int]) -> bool:
    """True where `data`, after the end of the line before, is lines of these lengths that hash to what they state."""
    lines = data[_BEFORE:].split(b"\n")
    if lines.pop() or [len(line) + 1 for line in lines] != list(lengths):
        return False
    digest, body = data[: _BEFORE - 3], _BODY
    made: list[bytes] = []
    new, add = _EMPTY.copy, made.append  # a copy is made faster than a fresh one
    for line in lines:  # once for every line: no calls it can do without
        hashed = new()
        hashed.update(digest + line[body])
        digest = hashed.hexdigest().encode()
        add(digest)
    return b"".join([line[_REST] for line in lines]) == b',"_h":"%b"}' % b'"},"_h":"'.join(made)


class Check:
    """The checking of the lines at `places` that lie in `generation`, which `fd` is to read."""

    def __init__(self, fd: int, generation: int, columns: Iterable[array[int]]) -> None:
        generations, self.offsets, self.lengths = columns
        if generations.count(generation) != len(generations):
            for name in ("offsets", "lengths"):
                column = getattr(self, name)
                kept = (
                    value for value, where in zip(column, generations, strict=True) if where == generation
                )
                setattr(self, name, type(column)("q", kept))
        self._process: subprocess.Popen[bytes] | None = None
        if len(self.offsets) >= MANY and sys.executable:
            self._start(fd)

    def _start(self, fd: int) -> None:
        import subprocess
        from contextlib import suppress

        words = [sys.executable, "-I", "-S", "-c", _PROGRAM, str(fd)]
        pipe: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "pass_fds": [fd]}
        with suppress(OSError):
            self._process = subprocess.Popen(words, stderr=subprocess.DEVNULL, **pipe)
            assert self._process.stdin is not None
            with self._process.stdin as places:
                places.write(self.offsets.tobytes() + self.lengths.tobytes())

    def bad(self, read: Read) -> int | None:
        """The offset of the first line that is not what was written; None where all are. Raises what `read` does."""
        found = self._answer()
        if found is None:
            found = first_bad(read, self.offsets, self.lengths)
        return self.offsets[found] if found < len(self.offsets) else None

    def _answer(self) -> int | None:
        """What the process found; None where it cannot say."""
        process = self._process
        if process is None or process.stdout is None:
            return None
        said = process.stdout.read()
        return int(said) if not process.wait() and said.strip().isdigit() else None

    def stop(self) -> None:
        """End the process, whether or not it was asked."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


_PROGRAM = (
    f"import sys; sys.path.append({__file__.rpartition('/')[0]!r}); "
    "from line_check import main; main(int(sys.argv[1]))"
)


def main(fd: int) -> None:
    """Check the lines at the places told by the standard input, offsets first; print which is the first bad one."""
    from array import array
    from posix import pread

    columns = array("q")
    columns.frombytes(sys.stdin.buffer.read())
    half = len(columns) // 2
    print(first_bad(lambda size, at: pread(fd, size, at), columns[:half], columns[half:]))
