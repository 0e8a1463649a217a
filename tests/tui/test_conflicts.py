"""Conflicts and differences at the keyboard: both values are seen, either is taken, undo opens it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store import charts
from store.store import open_store
from tests.tui.conftest import Desk, Opener

SIZES = [(80, 24), (120, 40)]


def rewritten(path: Path, change: Callable[[list[dict[str, Any]]], None], held: bytes | None = None) -> None:
    """Another program writes all of a chart file back."""
    lines = [json.loads(line) for line in (held or path.read_bytes()).splitlines()]
    change(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def reword(number: int, text: str) -> Callable[[list[dict[str, Any]]], None]:
    """Give a step of the first chart another wording."""

    def change(lines: list[dict[str, Any]]) -> None:
        steps = [line for line in lines if line.get("entityType") == "action_step"]
        steps[number]["observations"][0] = text

    return change


def reworded_by_both(store_path: Path) -> None:
    """Steps 2 and 3 of the first chart: in the journal worded by us, in the chart file by another program."""
    path = store_path / "charts.jsonl"
    held = path.read_bytes()
    with open_store(store_path, program="seed") as store:
        with store.snapshot() as snap:
            row = snap.charts(["default"])[0]
            names = [step.name for step in snap.steps("default", row.chart_id)]
        for name in names[1:]:
            store.run("default", charts.edit_text, name, f"Ours {name[-1]}")
        rewritten(path, lambda lines: [reword(n, f"Theirs {n + 1}")(lines) for n in (1, 2)] and None, held)
        store.absorb()
        store.settle()


def wordings(d: Desk) -> list[str]:
    with d.app.store.snapshot() as snap:
        row = snap.charts(["default"])[0]
        return [step.title for step in snap.steps("default", row.chart_id)][1:]


def count(d: Desk) -> int:
    with d.app.store.snapshot() as snap:
        return snap.open_conflicts()


@pytest.mark.parametrize("size", SIZES)
async def test_both_values_side_by_side_and_a_key_for_either(
    desk: Opener, store_path: Path, size: tuple[int, int]
) -> None:
    reworded_by_both(store_path)
    async with desk(size=size) as d:
        await d.press("g", "x")
        text = d.screen()
        assert len(text.splitlines()) == size[1]
        assert text.count("wording of the step") == 2
        beside = next(line for line in text.splitlines() if "← here" in line)
        assert beside.index("← here") < beside.index("→ there") < beside.index("▸ stands")
        assert any(
            "Ours 2" in line.split("│ Theirs 2")[0] for line in text.splitlines() if "│ Theirs 2" in line
        )
        for word in ("ada@home", "another program", "charts.jsonl", "before: Step 0.1", "h left", "q closes"):
            assert word in text
        await d.press("h")
        assert wordings(d) == ["Ours 2", "Theirs 3"]
        assert d.screen().count("wording of the step") == 1
        await d.press("right")
        assert (wordings(d), count(d)) == (["Ours 2", "Theirs 3"], 0)
        assert "No conflicts" in d.screen()
        await d.press("u")
        assert count(d) == 1
        await d.press("u")
        assert (wordings(d), count(d)) == (["Theirs 2", "Theirs 3"], 2)
        await d.press("u")
        assert count(d) == 2
        await d.press("q")
        assert d.app.screen is d.app.main


async def test_skip_and_edit_by_hand(desk: Opener, store_path: Path) -> None:
    reworded_by_both(store_path)
    async with desk() as d:
        await d.press("g", "x", "s")
        assert any("Ours 3" in line and "Theirs 3" in line for line in d.screen().splitlines())
        await d.press("e")
        await d.press("escape")
        assert "Conflicts" in d.screen()
        await d.press("e", "ctrl+u")
        await d.type("   ")
        assert count(d) == 2
        await d.type("Both of it")
        assert (wordings(d), count(d)) == (["Theirs 2", "Both of it"], 1)


async def test_edit_in_the_editor(desk: Opener, store_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tui import editor

    reworded_by_both(store_path)
    seen = []

    def hand_over(_desk: object, text: str) -> str | None:
        seen.append(text)
        return "From the editor\n" if len(seen) == 1 else None

    monkeypatch.setattr(editor, "hand_over", hand_over)
    async with desk() as d:
        await d.press("g", "x", "E")
        assert (seen, wordings(d), count(d)) == (["Theirs 2"], ["From the editor", "Theirs 3"], 1)
        await d.press("E")
        assert count(d) == 1


async def test_a_conflict_that_comes_is_announced_with_its_key(desk: Opener, store_path: Path) -> None:
    path = store_path / "charts.jsonl"
    held = path.read_bytes()
    async with desk() as d:
        step = next(
            record["name"]
            for record in map(json.loads, held.splitlines())
            if record.get("entityType") == "action_step"
        )
        d.app.store.run("default", charts.edit_text, step, "Ours")
        rewritten(path, reword(0, "Theirs"), held)
        for _ in range(200):
            await d.pilot.pause(0.02)
            if "conflict" in d.foot:
                break
        assert d.foot == "1 conflict in charts.jsonl: gx shows it"
        await d.settle()
        await d.press("g", "x")
        assert "Ours" in d.screen()


async def test_read_only_shows_conflicts_and_settles_none(desk: Opener, store_path: Path) -> None:
    reworded_by_both(store_path)
    async with desk(readonly=True, boxes=True) as d:
        await d.press("g", "x", "h")
        assert "reading only" in d.screen()
        await d.press("e")
        assert count(d) == 2


async def test_one_settled_by_somebody_else_meanwhile_is_told_and_leaves_the_list(
    desk: Opener, store_path: Path
) -> None:
    from store import conflicts

    reworded_by_both(store_path)
    async with desk(boxes=True) as d:
        await d.press("g", "x")
        with open_store(store_path, program="other") as other:
            first = conflicts.conflicts(other)[0]
            conflicts.resolve(other, first.row.id, "ours")
        await d.press("l")
        assert "settled already" in d.screen()
        assert count(d) == 1
        assert d.screen().count("wording of the step") == 1


async def test_what_others_settle_leaves_the_list_and_what_is_typed_stays_with_its_own(
    desk: Opener, store_path: Path
) -> None:
    from store import conflicts

    reworded_by_both(store_path)
    async with desk() as d:
        await d.press("g", "x", "e", "ctrl+u")
        await d.type("Typed", end="")
        with open_store(store_path, program="other") as other:
            first = conflicts.conflicts(other)[0]
            conflicts.resolve(other, first.row.id, "theirs")
        for _ in range(200):
            await d.pilot.pause(0.02)
            if d.screen().count("wording of the step") == 1:
                break
        assert d.screen().count("wording of the step") == 1
        await d.press("enter")
        assert wordings(d) == ["Theirs 2", "Theirs 3"], "it was for the one that is settled by now"
        assert count(d) == 1


# -- the difference --------------------------------------------------------------------------------


def in_dialog(screen: str) -> list[str]:
    """The lines of a dialog; what stands around it goes on by itself."""
    return [line for line in screen.splitlines() if "│" in line]


@pytest.mark.parametrize("size", SIZES)
async def test_a_file_cut_short_is_published_again_and_one_key_shows_the_difference(
    desk: Opener, store_path: Path, size: tuple[int, int]
) -> None:
    path = store_path / "charts.jsonl"
    whole = path.read_bytes()
    async with desk(size=size, boxes=True) as d:
        path.write_bytes(whole[:700] + b"\n{half")
        for _ in range(300):
            await d.pilot.pause(0.02)
            if path.read_bytes() == whole:
                break
        assert path.read_bytes() == whole
        for _ in range(100):
            await d.pilot.pause(0.02)
            if "published again: gd" in d.screen():
                break
        assert "shows the difference" in d.screen()
        await d.settle()
        await d.press("g", "d")
        text = d.screen()
        assert len(text.splitlines()) == size[1]
        assert "charts.jsonl as another program left it" in text
        assert "records that it lacked" in text
        assert "? line" in text
        assert "{half" in text
        lacked = [line for line in text.splitlines() if "    + " in line]
        assert lacked, "what is there now has a sign of its own"
        shown = in_dialog(text)
        await d.press("G")
        assert in_dialog(d.screen()) != shown
        await d.press("g")
        assert in_dialog(d.screen()) == shown
        await d.press("o")
        assert "There is no older one" in " ".join(d.screen().split())
        await d.press("q")


async def test_older_files_that_were_set_aside_can_be_seen(desk: Opener, store_path: Path) -> None:
    recovery = store_path / ".recovery"
    recovery.mkdir(exist_ok=True)
    (recovery / "2026-11-20T100000-charts.jsonl").write_bytes(b'{"type":"entity","name":"older"}\n')
    (recovery / "2026-11-21T080000-charts.jsonl").write_bytes(b"")
    async with desk() as d:
        await d.press("g", "d")
        assert "older" not in d.screen().replace("o older", "").replace("n newer", "")
        await d.press("o")
        assert "- record older" in d.screen()
        assert "1 record that only it had" in d.screen()
        await d.press("n")
        assert "that only it had" not in d.screen()


async def test_where_nothing_was_set_aside_that_is_said(desk: Opener) -> None:
    async with desk() as d:
        await d.press("g", "d")
        assert "No chart file was ever set aside" in d.foot
