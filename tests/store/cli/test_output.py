"""What reaches the terminal: safe text, aligned columns, colour only where it is wanted."""

from __future__ import annotations

import io

import pytest

from store.headless import output
from store.headless.output import Output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "cells"),
    [("plain", 5), ("中文", 4), ("é", 1), ("e\u0301", 1), ("🎯", 2), ("", 0), ("a\u200db", 2)],
)
def test_width_counts_terminal_cells(text: str, cells: int) -> None:
    assert output.width(text) == cells


def test_control_sequences_never_reach_the_terminal() -> None:
    shown = output.safe("red \x1b[31m and \x9b31m\x07 \u202eesrever\nnext")
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char == "\u202e" for char in shown)


def test_clip_marks_what_it_cut_and_never_splits_a_wide_character() -> None:
    assert output.clip("desired outcome", 8) == "desired…"
    assert output.width(output.clip("中文中文", 6)) <= 6
    assert output.clip("short", 8) == "short"


def test_wrap_keeps_every_word() -> None:
    text = "words " * 40 + "averyveryverylongwordthatfitsnowhere"
    lines = output.wrap(text, 20)
    assert " ".join(lines).split() == text.split()
    assert all(len(line) <= 20 for line in lines[:-1])


def test_colour_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout", Terminal())
    assert Output().style("x", "red") == "\x1b[31mx\x1b[0m"
    assert Output(colour=False).style("x", "red") == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Output().style("x", "red") == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert Output().style("x", "red") == "x"


def test_table_aligns_and_leaves_empty_columns_out(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table([("one", "", "1"), ("中文", "", "22")], right=(2,))
    assert capsys.readouterr().out == "one    1\n中文  22\n"


def test_table_cuts_the_column_that_gives_way_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    Output().table([("t" * 200, "chart_1")], stretch=0)
    (line,) = terminal.getvalue().splitlines()
    assert len(line) == 80
    assert line.endswith("…  chart_1")


def test_table_in_a_pipe_keeps_long_titles_whole(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table([("t" * 200, "chart_1"), ("u" * 9000, "chart_2")], stretch=0)
    first, second = capsys.readouterr().out.splitlines()
    assert "t" * 200 in first
    assert len(second) == 400


def test_json_survives_what_foreign_files_hold(capsys: pytest.CaptureFixture[str]) -> None:
    Output(json=True).result({"big": 2**70, "lone": "\ud800"})
    assert '"big": 1180591620717411303424' in capsys.readouterr().out
