"""What a person sees when the disk, the files, the settings or the program itself give trouble."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from store import layout, syscalls
from store.locks import Lock
from store.store import Store
from tests.tui.conftest import Desk, Opener
from tui import errorlog, reading


def _refuse(code: int) -> Any:
    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    return refuse


async def _usable(d: Desk) -> None:
    """The keyboard works, and nothing covers the hierarchy."""
    assert d.app.screen is d.app.main
    await d.press("g", "g")
    before = d.under
    await d.press("j")
    assert d.under != before


@pytest.mark.parametrize(
    ("code", "word"),
    [(errno.ENOSPC, "the disk is full"), (errno.EIO, "input/output error"), (errno.EROFS, "read-only")],
)
async def test_a_disk_that_refuses_is_one_clear_message_and_the_work_goes_on(
    desk: Opener, monkeypatch: pytest.MonkeyPatch, code: int, word: str
) -> None:
    async with desk(boxes=True) as d:
        with monkeypatch.context() as patch:
            patch.setattr(syscalls, "write", _refuse(code))
            await d.press("c")
            await d.type("The chart that did not fit")
            assert word in d.foot
            assert "The chart that did not fit" not in d.titles
            assert len(d.app._notifications) <= 1, "said once"
            assert word.split()[-1] in d.screen(), "in full, however long the path"
            await _usable(d)
        await d.press("c")
        await d.type("The chart that fits")
        assert "The chart that fits" in d.titles
        assert "The chart that did not fit" not in d.titles


async def test_a_sync_that_fails_is_not_called_done(desk: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk() as d:
        with monkeypatch.context() as patch:
            patch.setattr(syscalls, "fdatasync", _refuse(errno.EIO))
            await d.press("c")
            await d.type("Not on disk")
            assert "input/output error" in d.foot
            assert "undoes" not in d.foot
        await _usable(d)


async def test_a_locked_journal_names_who_holds_it_and_keeps_the_keyboard(
    desk: Opener, store_path: Path
) -> None:
    (store_path / "chartkeep.toml").write_text("[store]\nlock_timeout = 0.5\n")
    async with desk() as d:
        lock = Lock(store_path / ".journal" / "default" / "charts.lock")
        with lock.held(5, "a long import"):
            await d.press("c")
            await d.pilot.press(*"Later", "enter")
            await d.pilot.press("j", "j")
            await d.pilot.pause(0.05)
            assert d.under == "A book of poems is printed", "the cursor moves while the command waits"
            await d.settle()
            assert str(os.getpid()) in d.foot
            assert "a long import" in d.foot
        await d.press("c")
        await d.type("Later again")
        assert "Later again" in d.titles
        assert "Later" not in d.titles


async def test_a_store_deleted_while_open_is_told_and_the_app_goes_on(desk: Opener, store_path: Path) -> None:
    async with desk() as d:
        shutil.rmtree(store_path)
        await d.press("j")
        await d.press("c")
        await d.type("Written to nowhere")
        assert d.app.is_running
        assert d.foot
        assert "Traceback" not in d.screen()
        assert "Created" not in d.foot
        await d.press("k")
        assert d.app.screen is d.app.main


async def test_a_journal_damaged_in_the_middle_shows_what_lies_before_and_says_so(
    desk: Opener, store_path: Path
) -> None:
    async with desk() as d:
        await d.press("c")
        await d.type("The last of them")
    journal = store_path / ".journal" / "default" / "charts.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if b"A book of poems" in line)
    lines[at] = lines[at].replace(b"A book of poems", b"A cXXk of pXXms")
    journal.write_bytes(b"".join(lines))
    shutil.rmtree(store_path / ".index")
    async with desk(faults=True) as d:
        assert "I sing in a choir" in d.titles
        assert "line 47, offset" in d.foot
        assert "chartkeep verify" in d.foot
        assert d.app.main.health.status["damaged"]
        await _usable(d)
        await d.press("f6")
        assert "charts.jsonl" in d.screen()


async def test_a_folder_that_may_not_be_read_is_named(desk: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout.os, "scandir", _refuse(errno.EACCES))
    async with desk(faults=True) as d:
        text = d.screen()
        assert "permission denied" in text
        assert "Traceback" not in text


async def test_clashing_keys_and_bad_values_are_told_and_the_rest_works(
    desk: Opener, store_path: Path
) -> None:
    (store_path / "chartkeep.toml").write_text(
        '[ui]\nfollow_delay = "soon"\n[store]\nlock_timeout = -4\n[keys]\n"step.add" = "x"\n'
    )
    async with desk() as d:
        told = "\n".join(note.message for note in d.app._notifications)
        for word in ("follow_delay", "lock_timeout", "step.add"):
            assert word in told
        await _usable(d)


async def test_a_fault_in_a_worker_is_told_and_stands_in_the_error_log(
    desk: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(faults=True) as d:

        def broken(*_: object) -> None:
            raise RuntimeError("a fault in a worker")

        with monkeypatch.context() as patch:
            patch.setattr(reading, "chart", broken)
            d.app.main.chart.refresh_view()
            await d.settle()
        assert "a fault in a worker" in d.foot
        assert d.app.screen is d.app.main, "what nobody asked for must not take the keyboard"
        assert "a fault in a worker" in errorlog.read()[0].summary
        await d.press("g", "e")
        assert "a fault in a worker" in d.screen()
        await d.press("q")
        await _usable(d)


async def test_a_fault_in_a_command_changes_nothing(desk: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk(faults=True) as d:
        with monkeypatch.context() as patch:
            patch.setattr(Store, "_append", _refuse_all)
            await d.press("j", "l", "j", "x")
            assert "Something went wrong" in d.screen()
        await d.press("enter")
        assert d.states()["Step 1.0"] != "done"
        await d.press("x")
        assert d.states()["Step 1.0"] == "done"


def _refuse_all(*_: object, **__: object) -> None:
    raise RuntimeError("a fault in a command")


async def test_a_slow_store_leaves_the_keyboard_alone(desk: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Store.run

    def slow(*args: Any, **kwargs: Any) -> Any:
        time.sleep(1.5)
        return real(*args, **kwargs)

    async with desk() as d:
        monkeypatch.setattr(Store, "run", slow)
        await d.press("j", "l", "j")
        await d.pilot.press("x")
        await d.pilot.press("k", "k", "j", "j", "j", "j")
        await d.pilot.pause(0.01)
        assert not d.app.bridge.write.idle, "the command is still under way"
        assert d.under == "Step 1.2"
        await d.pilot.press("slash", *"poem")
        await d.pilot.pause(0.3)
        assert not d.app.bridge.write.idle
        assert d.titles == ["A book of poems is printed"]
        while not d.app.bridge.write.idle:
            await d.pilot.pause(0.05)
        await d.press("escape")
        assert d.states()["Step 1.0"] == "done"


async def test_a_slow_read_leaves_the_keyboard_alone(desk: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Store.snapshot

    def slow(*args: Any) -> Any:
        time.sleep(0.5)
        return real(*args)

    async with desk() as d:
        d.app.main.chart._stale = True
        monkeypatch.setattr(Store, "snapshot", slow)
        await d.pilot.press("j", "j")
        assert d.under == "A book of poems is printed"
        view = d.app.main.chart.view
        assert view is not None
        assert view.outcome == "I sing in a choir", "the pane follows when it can"
        await d.settle()
        view = d.app.main.chart.view
        assert view is not None
        assert view.outcome == "A book of poems is printed"
