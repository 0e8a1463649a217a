"""A terminal program seen from outside: it runs in a pseudo-terminal, and what it writes is timed.

`Terminal` starts a program and plays a terminal emulator (pyte) for it, answering the queries that
a real one answers. Bytes are stamped as they arrive and parsed once the program has gone quiet, so
that no figure holds the emulator's own time. Linux; needs pyte and psutil.

    python -m bench.ptybench --ready REGEX [--keys down*10] -- PROGRAM ARGS…    prints the figures as JSON
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic, sleep

import psutil
import pyte

from bench.measure import median

COLUMNS, ROWS = 120, 40
KEYS = {
    "up": "\x1b[A",
    "down": "\x1b[B",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "enter": "\r",
    "escape": "\x1b",
    "ctrl+q": "\x11",
}
QUIET = 0.12
"""Seconds without output after which a key's effect is complete: longer than the app's own debouncing."""
KEY_TIMEOUT = 2.0

_QUERY = re.compile(rb"\x1b\[(\??>?)([0-9;]*)(\$?)([cnpq])|\x1b\](1[01]);\?")
_UNKNOWN = re.compile(
    rb"\x1b[P_^X][^\x1b]*\x1b\\|\x1b\[[<=>][0-9;:]*[ -/]*[@-~]|\x1b\[\??[0-9;:]*[ -/]+[@-~]", re.DOTALL
)
_COLONS = re.compile(rb"\x1b\[([0-9;:]*:[0-9;:]*)m")
_CUT_OFF = re.compile(rb"\x1b(?:\[[0-9;:<=>?]*[ -/]*|[P_^X\]][^\x07\x1b]*\x1b?)?\Z", re.DOTALL)


@dataclass(slots=True)
class KeyTime:
    """What one key did. Milliseconds from the key to the first and to the last visible change."""

    first: float | None
    last: float | None
    sent: int
    """Bytes the program wrote."""


@dataclass(slots=True)
class Session:
    """The figures of one run."""

    ready_ms: float = 0.0
    rss_mib: float = 0.0
    idle_bytes_s: float = 0.0
    idle_cpu: float = 0.0
    """Per cent of one CPU while nobody types."""
    keys: list[KeyTime] = field(default_factory=list)
    held_bytes: float = 0.0
    """Bytes per key of a key held down."""
    held_lag_ms: float = 0.0
    """From the last repeat of a held key until the screen is at rest."""
    page_bytes: float = 0.0
    quit_ms: float = 0.0


class Terminal:
    """One program in a terminal of its own, with a home of its own. A context manager."""

    def __init__(self, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="chartkeep-bench-")
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._unparsed: list[tuple[float, bytes]] = []
        self._rest = b""
        self._asked = b""
        self.received = 0
        self.last_byte = 0.0
        self.alive = True
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "USER", "SHELL")}
        looks = {
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LANG": "C.UTF-8",
            "HOME": self._home.name,
        }
        self._fd, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        os.set_blocking(self._fd, False)
        self._poll = select.poll()  # select() takes no descriptor beyond 1023
        self._poll.register(self._fd, select.POLLIN)
        self.started = monotonic()
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=kept | looks | (environment or {}),
            start_new_session=True,
            cwd=Path(__file__).resolve().parent.parent,
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._fd)
        self._home.cleanup()

    # -- bytes -------------------------------------------------------------------------------------

    def read(self, seconds: float) -> bool:
        """Wait up to `seconds` for output and stamp it; True where some came."""
        if not self._poll.poll(max(0.0, seconds) * 1000):
            return False
        try:
            data = os.read(self._fd, 1 << 18)
        except BlockingIOError:
            return False
        except OSError:  # the program ended
            self.alive = False
            return False
        self.last_byte = monotonic()
        self._unparsed.append((self.last_byte, data))
        self.received += len(data)
        self._answer(data)
        return True

    def write(self, data: bytes) -> None:
        """Type."""
        while data and self.alive:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                self.read(0.01)
            except OSError:
                self.alive = False

    def press(self, key: str) -> None:
        """Type a key by its name, or text as it is."""
        self.write(KEYS.get(key, key).encode())

    def _answer(self, data: bytes) -> None:
        """Reply to queries as xterm does; synchronized output (mode 2026) is offered."""
        text = self._asked + data
        for found in _QUERY.finditer(text):
            if found.end() <= len(self._asked):
                continue
            mark, number, dollar, letter, colour = found.groups()
            if colour:
                self.write(b"\x1b]%b;rgb:1e1e/1e1e/1e1e\x1b\\" % colour)
            elif letter == b"p" and dollar and mark == b"?":
                self.write(b"\x1b[?%b;%d$y" % (number, 2 if number == b"2026" else 0))
            elif letter == b"c":
                self.write(b"\x1b[?62;22c" if not mark else b"\x1b[>41;370;0c")
            elif letter == b"n":
                self.write(b"\x1b[0n" if number == b"5" else b"\x1b[1;1R")
            elif letter == b"q" and mark == b">":
                self.write(b"\x1bP>|bench(1)\x1b\\")
        self._asked = text[-24:]

    # -- the screen --------------------------------------------------------------------------------

    def parse(self, look: Callable[[float], bool] | None = None) -> float | None:
        """Bring the screen up to what was read; the stamp of the first piece after which `look` is true."""
        hit = None
        pieces, self._unparsed = self._unparsed, []
        for stamp, data in pieces:
            whole = self._rest + data
            cut = _CUT_OFF.search(whole[-4096:])
            at = len(whole) - len(cut[0]) if cut else len(whole)
            whole, self._rest = whole[:at], whole[at:]
            clean = _COLONS.sub(lambda m: b"\x1b[" + m[1].replace(b":", b";") + b"m", whole)
            self._stream.feed(_UNKNOWN.sub(b"", clean))
            if look is not None and hit is None and look(stamp):
                hit = stamp
        return hit

    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    def picture(self) -> int:
        """A number that changes with any cell."""
        buffer = self._screen.buffer
        return hash(tuple(buffer[y][x] for y in range(ROWS) for x in range(COLUMNS)))

    def wait_for(self, pattern: str, seconds: float) -> float:
        """Read until the screen matches; when the matching bytes came. Raises TimeoutError."""
        wanted = re.compile(pattern)
        end = monotonic() + seconds
        while self.alive and monotonic() < end:
            quiet = not self.read(0.004)
            if quiet and self._unparsed:
                stamp = self.parse(lambda _: wanted.search(self.text()) is not None)
                if stamp is not None:
                    return stamp
        raise TimeoutError(f"{pattern!r} never appeared on the screen:\n{self.text()}")

    def settle(self, quiet: float, most: float = 15.0) -> None:
        """Read until nothing came for `quiet` seconds."""
        end, mark = monotonic() + most, monotonic()
        while self.alive and monotonic() < end and monotonic() - mark < quiet:
            if self.read(0.005):
                mark = monotonic()
        self.parse()

    def key(self, name: str) -> KeyTime:
        """Press a key and see what it changes."""
        before, sent, stamps = self.picture(), self.received, []
        begun = mark = monotonic()
        self.press(name)
        while self.alive:
            left = (mark + QUIET if self.received > sent else begun + KEY_TIMEOUT) - monotonic()
            if left <= 0:
                break
            if self.read(left):
                mark = monotonic()

        def look(stamp: float) -> bool:
            nonlocal before
            after = self.picture()
            if after != before:
                stamps.append(stamp)
                before = after
            return False

        self.parse(look)
        times = [1000 * (stamp - begun) for stamp in (stamps[0], stamps[-1])] if stamps else [None, None]
        return KeyTime(times[0], times[1], self.received - sent)

    def hold(self, name: str, times: int, every: float = 0.033) -> tuple[float, float]:
        """Repeat a key as a held one; (bytes per key, milliseconds from the last until all is at rest)."""
        sent, begun = self.received, monotonic()
        for number in range(times):
            while (left := begun + number * every - monotonic()) > 0:
                self.read(left)
            self.press(name)
        last = monotonic()
        self.settle(0.4)
        return (self.received - sent) / times, max(0.0, self.last_byte - last) * 1000

    # -- the process -------------------------------------------------------------------------------

    def family(self) -> list[psutil.Process]:
        """The program and its children."""
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def memory(self) -> float:
        """Resident MiB."""
        return float(sum(process.memory_info().rss for process in self.family())) / (1 << 20)

    def cpu(self) -> float:
        """CPU seconds so far."""
        return float(sum(sum(process.cpu_times()[:2]) for process in self.family()))

    def idle(self, seconds: float) -> tuple[float, float]:
        """(bytes per second, per cent of a CPU) while nobody types."""
        sent, spent, begun = self.received, self.cpu(), monotonic()
        while (left := begun + seconds - monotonic()) > 0:
            self.read(left)
        self.parse()
        took = monotonic() - begun
        return (self.received - sent) / took, 100 * (self.cpu() - spent) / took

    def quit(self, key: str) -> float:
        """Press the quitting key; milliseconds until the program is gone."""
        begun = monotonic()
        self.press(key)
        while self.process.poll() is None and monotonic() - begun < 10:
            self.read(0.005)
        return 1000 * (monotonic() - begun)


def run(
    command: Sequence[str],
    ready: str,
    *,
    keys: Sequence[str] = ("down",) * 20,
    hold: int = 30,
    pages: int = 3,
    idle: float = 2.0,
    quit_key: str = "q",
    timeout: float = 60.0,
) -> Session:
    """Start a program, measure it through its paces, and end it."""
    with Terminal(command) as terminal:
        seen = Session(ready_ms=1000 * (terminal.wait_for(ready, timeout) - terminal.started))
        terminal.settle(1.0)
        sleep(0.2)
        seen.idle_bytes_s, seen.idle_cpu = terminal.idle(idle)
        seen.rss_mib = terminal.memory()
        seen.keys = [terminal.key(name) for name in keys]
        seen.held_bytes, seen.held_lag_ms = terminal.hold("down", hold)
        seen.page_bytes = median([terminal.key("pagedown").sent for _ in range(pages)])
        seen.quit_ms = terminal.quit(quit_key)
        return seen


def main() -> int:
    """One program from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ready", required=True, help="regular expression that the screen must match")
    parser.add_argument(
        "--keys", default="down*20", help="keys to time: name or name*count, separated by blanks"
    )
    parser.add_argument("--quit", default="q", help="the key that ends the program")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    keys: list[str] = []
    for word in options.keys.split():
        name, _, count = word.partition("*")
        keys += [name] * int(count or 1)
    print(json.dumps(asdict(run(options.command, options.ready, keys=keys, quit_key=options.quit)), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
