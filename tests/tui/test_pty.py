"""The real program in a terminal: what it sends, what it loads, and how it leaves the terminal.

Bytes are counted, not seconds: they are the same on any machine.
"""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from bench import stores
from bench.ptybench import Terminal
from store.store import open_store

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a Linux terminal")

READY = "stands in full"
CHARTS = 200
PROGRAM = [sys.executable, "-m", "tui"]
_MODE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
_COLOUR = re.compile(rb"\x1b\[([0-9;]*)m")
RESTED = {b"25": b"h", b"7": b"h"}
"""Modes that are on in a terminal at rest: the cursor shows, lines wrap. All others are off."""


class Recorded(Terminal):
    """A terminal that keeps every byte it was sent."""

    def __init__(self, command: list[str], environment: dict[str, str] | None = None) -> None:
        self.raw = b""
        super().__init__(command, {"CHARTKEEP_BY": "ada@home"} | (environment or {}))

    def _answer(self, data: bytes) -> None:
        self.raw += data
        super()._answer(data)

    def opened(self) -> Recorded:
        """Wait until the charts show and nothing more comes."""
        self.wait_for(READY, 60)
        self.settle(1.0)
        return self

    def modes(self) -> dict[bytes, bytes]:
        """Every private mode that was ever set or reset, and how it stands now."""
        found: dict[bytes, bytes] = {}
        for numbers, way in _MODE.findall(self.raw):
            found |= dict.fromkeys(numbers.split(b";"), way)
        return found


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 200 charts, all of it in step."""
    store = tmp_path_factory.mktemp("pty") / ".coaia"
    store.mkdir()
    (store / "charts.jsonl").write_bytes(b"")
    with open_store(store) as opened:
        stores.fill(opened.journal("default"), CHARTS)
        opened.settle()
    return store


@pytest.fixture
def terminal(many: Path) -> Iterator[Recorded]:
    """The program on that store, at rest."""
    with Recorded([*PROGRAM, "--store", str(many)]) as found:
        yield found.opened()


def test_a_cursor_move_sends_at_most_1_kb(terminal: Recorded) -> None:
    sent = [terminal.key(key).sent for key in ["down"] * 12 + ["up"] * 4]
    assert all(sent), "every key moved the cursor"
    assert median(sent) <= 1024, sent
    assert max(sent) <= 2048, sent


def test_a_held_key_sends_at_most_2_kb_each(terminal: Recorded) -> None:
    sent, _ = terminal.hold("down", 30)
    assert 0 < sent <= 2048


def test_page_down_sends_at_most_15_kb(terminal: Recorded) -> None:
    sent = [terminal.key("pagedown").sent for _ in range(3)]
    assert all(sent)
    assert max(sent) <= 15 * 1024, sent


def test_a_key_that_changes_nothing_sends_next_to_nothing(terminal: Recorded) -> None:
    assert terminal.key("up").sent <= 64


def test_idle_sends_nothing_and_rests(terminal: Recorded) -> None:
    sent, cpu = terminal.idle(3.0)
    assert sent == 0
    assert cpu < 10


def test_quitting_leaves_the_terminal_as_it_was(terminal: Recorded) -> None:
    modes = terminal.modes()
    assert modes[b"1049"] == b"h"
    assert modes[b"25"] == b"l"
    assert modes[b"1000"] == b"h"
    terminal.quit("q")
    assert terminal.process.wait(5) == 0
    _rests(terminal)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_as_quitting_does(terminal: Recorded, end: signal.Signals) -> None:
    terminal.process.send_signal(end)
    terminal.settle(0.5)
    assert terminal.process.wait(10) == 128 + end
    _rests(terminal)


def _rests(terminal: Recorded) -> None:
    modes = terminal.modes()
    assert {mode: RESTED.get(mode, b"l") for mode in modes} == modes
    pushed, popped = (len(re.findall(code, terminal.raw)) for code in (rb"\x1b\[>\d*u", rb"\x1b\[<\d*u"))
    assert popped >= pushed, "the keyboard's own protocol is off again"


def test_no_mouse_leaves_the_mouse_to_the_terminal(many: Path) -> None:
    with Recorded([*PROGRAM, "--store", str(many), "--no-mouse"]) as terminal:
        modes = terminal.opened().modes()
        assert not {mode for mode in (b"1000", b"1002", b"1003") if modes.get(mode) == b"h"}


def test_no_color_sends_no_colour(many: Path) -> None:
    with Recorded([*PROGRAM, "--store", str(many)], {"NO_COLOR": "1"}) as terminal:
        terminal.opened()
        terminal.key("down")
        terminal.key("?")
        colours = {
            code for codes in _COLOUR.findall(terminal.raw) for code in codes.split(b";") if _colour(code)
        }
        assert not colours
        assert b"\x1b[7m" in terminal.raw or re.search(rb"\x1b\[[0-9;]*\b7\b[0-9;]*m", terminal.raw), (
            "the cursor shows"
        )


def _colour(code: bytes) -> bool:
    number = int(code or 0)
    return 30 <= number <= 38 or 40 <= number <= 48 or 90 <= number <= 107


def test_a_session_loads_no_heavy_library(many: Path, tmp_path: Path) -> None:
    told = tmp_path / "modules"
    code = (
        "import sys, pathlib; from tui.__main__ import main; code = main(['--store', sys.argv[1]]); "
        "pathlib.Path(sys.argv[2]).write_text(' '.join(sys.modules)); sys.exit(code)"
    )
    with Recorded([sys.executable, "-c", code, str(many), str(told)]) as terminal:
        terminal.opened()
        terminal.key("down")
        terminal.quit("q")
    loaded = set(told.read_text().split())
    assert "textual.app" in loaded
    assert not loaded & {"sqlmodel", "sqlalchemy", "pydantic", "numpy", "plotext"}
    assert not loaded & {"store.cli", "store.importing", "store.charts.export", "store.demo"}


def test_without_a_terminal_it_says_so(many: Path) -> None:
    import subprocess

    done = subprocess.run([*PROGRAM, "--store", str(many)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
