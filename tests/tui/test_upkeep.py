"""Backup, restore, recovery, compaction, retention and erasure as a person meets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import clock, open_store
from store.knowledge import editing
from tests.tui.conftest import Desk, Opener
from tui.actions.upkeep import _restore

GARDEN = "The garden feeds us"


async def command(d: Desk, name: str) -> None:
    """Run a command from the palette."""
    await d.press("colon")
    await d.type(name)


async def test_a_backup_is_taken_tried_and_gone_back_to(desk: Opener, store_path: Path) -> None:
    async with desk() as d:
        await d.press("f7")
        assert d.foot.startswith("Backed up: ")
        await d.press("j", "d", "d", "y")
        assert GARDEN not in d.titles
        await d.press("g", "b")
        text = d.screen()
        assert "full" in text
        assert "no restore of it was tried yet" in text
        await d.press("d")
        assert "restore tried" in d.screen()
        await d.press("v", "r")
        assert "Go back to the full backup" in d.screen()
        await d.press("y")
        assert GARDEN in d.titles
        assert list((store_path / ".recovery").glob("replaced-*"))


async def test_backups_of_a_store_without_any_say_how_to_make_one(desk: Opener) -> None:
    async with desk() as d:
        await d.press("g", "b")
        assert "No backups yet. b makes the first one." in d.screen()
        await d.press("b")
        assert "full" in d.screen()
        await d.press("p")
        assert "Backups" in d.screen()


async def test_a_chart_is_restored_as_of_a_time_and_undo_takes_it_back(desk: Opener) -> None:
    async with desk() as d:
        clock.fix(clock.parse("2026-11-21T12:00:00Z"))
        await d.press("j", "e", "ctrl+u")
        await d.type("Changed")
        assert "Changed" in d.titles
        await command(d, "Restore")
        assert "Restore 1 chart of default as of" in d.screen()
        await d.type("1h")
        assert "records are put back" in d.screen()
        await d.press("y")
        assert GARDEN in d.titles
        await d.press("u")
        assert "Changed" in d.titles


async def test_restoring_all_charts_says_that_knowledge_stays(desk: Opener, store_path: Path) -> None:
    with open_store(store_path) as other:
        editing.add(other, "default", b'{"type":"concept","id":"c","name":"c"}')
    async with desk() as d:
        clock.fix(clock.parse("2026-11-21T12:00:00Z"))
        await d.press("j", "e", "ctrl+u")
        await d.type("Changed")
        _restore(d.app.main, "default", [], clock.parse("2026-11-21T11:00:00Z"), "1h")
        assert "Knowledge stays" in await d.seen("Knowledge stays")
        await d.press("n")


async def test_recovery_says_what_it_would_do_and_then_what_it_did(desk: Opener, store_path: Path) -> None:
    async with desk() as d:
        await d.press("f8")
        assert "nothing to recover" in d.foot
    path = store_path / ".journal" / "default" / "charts.jsonl"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    async with desk(faults=True) as d:
        await d.press("f8")
        assert "y: recover it" in d.screen()
        await d.press("y")
        text = d.screen()
        assert "Recovered" in text
        assert "The log is" in text
        await d.press("q", "f6")
        assert [item for item in d.app.store.verify() if item.severity == "error"] == []


async def test_compaction_is_asked_for_and_loses_no_history(desk: Opener) -> None:
    async with desk() as d:
        await d.press("x")
        await command(d, "Compact")
        assert "superseded" in d.screen()
        await d.press("y")
        assert "Compacted" in d.foot
        await d.press("u")
        assert d.foot.startswith("Undo: ")


async def test_retention_without_rules_keeps_everything(desk: Opener) -> None:
    async with desk() as d:
        await command(d, "Apply retention rules")
        assert d.foot == "No rule in chartkeep.toml lets anything go. Everything is kept."


@pytest.mark.parametrize("word", ["erase", "no"])
async def test_erasing_wants_the_word(desk: Opener, store_path: Path, word: str) -> None:
    async with desk() as d:
        await d.press("j")
        await command(d, "Erase for good")
        assert "would be erased" in d.screen()
        await d.press("y")
        await d.type(word)
        if word == "no":
            assert "nothing is erased yet" in d.screen()
            await d.press("escape")
            assert GARDEN in d.titles
            return
        assert "are erased" in d.screen()
        await d.press("q")
        assert GARDEN not in d.titles
    for path in store_path.rglob("*"):
        if path.is_file():
            assert GARDEN.encode() not in path.read_bytes(), path


async def test_a_store_for_reading_only_refuses_all_of_it(desk: Opener) -> None:
    async with desk(readonly=True) as d:
        for key in ("f7", "f8"):
            await d.press(key)
            assert "reading only" in d.foot
        await d.press("g", "b")
        assert "Backups" in d.screen()
