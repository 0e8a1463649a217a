"""The workflow pane and the screens about workflows, on a stand-in for the engine and on the engine itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from store import workflows
from store.knowledge.model import Filter
from store.workflows.model import Workflow
from store.workflows.undoing import Undoing
from tests.tui.conftest import NOW, Desk, Opener
from tests.tui.workflow_engine import (
    ALL,
    BROKEN,
    CANCELLED,
    DONE,
    FAILED,
    PARTLY,
    PAUSED,
    PENDING,
    RUNNING,
    UNDONE,
    Engine,
    stand_in,
)  # fmt: skip
from tui.screens.batch import BatchScreen


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A stand-in in place of the engine, with nothing in it."""
    return stand_in(monkeypatch)


def line_of(d: Desk, text: str) -> str:
    """The line of the screen that holds a text."""
    lines = d.screen().splitlines()
    return next((line for line in lines if text in line and not line.startswith(" Workflows")), "")


async def go_to(d: Desk, engine: Engine, *shown: Workflow, zoomed: bool = True) -> None:
    """Give the pane the keyboard, with these workflows in it."""
    engine.all = list(shown)
    await d.press("g", "w", *(["underscore"] if zoomed else []))
    d.app.main.workflows.refresh_list(at_once=True)
    await d.settle()


def done_to(engine: Engine) -> list[tuple[Any, ...]]:
    return [one for one in engine.asked if one[0] not in ("preview", "clean")]


async def test_every_state_is_said_in_words_with_a_sign(desk: Opener, engine: Engine) -> None:
    async with desk() as d:
        await go_to(d, engine, *ALL)
        running = line_of(d, "Import birds")
        assert running.split("processing")[0].rstrip().endswith("3 rejected")
        assert "45/100   45%  10/s  5.5 s left" in running
        assert "━━━━━━━─────────" in running
        signs = {}
        for title, words in (
            ("birds", "processing"), ("fish", "paused"), ("moss", "interrupted"), ("algae", "pending"),
            ("trees", "completed"), ("ferns", "2 rejected  completed"), ("mould", "failed"),
            ("lichen", "cancelled"), ("rocks", "rolled back"),
        ):  # fmt: skip
            line = line_of(d, f"Import {title}")
            assert words in line, line
            signs[line.strip("▏ ")[0]] = title
        assert len(signs) == 9
        assert "Import mould: the disk is full" in d.screen()


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_a_small_pane_says_the_rest_of_the_one_under_the_cursor_below(
    desk: Opener, engine: Engine, size: tuple[int, int]
) -> None:
    async with desk(size=size) as d:
        await go_to(d, engine, RUNNING, PARTLY, zoomed=False)
        text = d.screen()
        assert "45%" in text
        assert "5.5 s left" in text
        assert "3 rejected" in text
        await d.press("j")
        assert "completed" in d.screen()


async def test_what_goes_on_comes_first_and_the_cursor_stays_on_its_workflow(
    desk: Opener, engine: Engine
) -> None:
    async with desk() as d:
        await go_to(d, engine, DONE, PARTLY, RUNNING)
        titles = [work.title for work in d.app.main.workflows.list._works if work.key[0] == "default"]
        assert titles[0] == "Import birds"
        chosen = d.app.main.workflows
        while chosen.chosen is None or chosen.chosen.id != "partly":
            await d.press("j")
        engine.all.insert(0, PENDING)
        chosen.refresh_list(at_once=True)
        await d.settle()
        assert chosen.chosen is not None
        assert chosen.chosen.id == "partly"


async def test_a_job_that_has_a_record_shows_once(desk: Opener, engine: Engine) -> None:
    async with desk() as d:
        store = d.app.store
        with store.jobs.run("verify", "Verify all") as job:
            job.job.workflow = "upkeep-1"
        with store.jobs.run("sync", "Only a job"):
            pass
        await go_to(d, engine, DONE._replace(id="upkeep-1", title="Verify all", kind="verify"))
        assert d.screen().count("Verify all") == 1
        assert "Only a job" in d.screen()


async def test_heartbeats_are_read_while_one_runs_and_is_seen(desk: Opener, engine: Engine) -> None:
    async with desk() as d:
        await go_to(d, engine, RUNNING)
        pane = d.app.main.workflows
        listed = engine.listed
        engine.become("run", processed=60)
        await d.seen("60/100   60%")
        assert engine.beaten
        assert engine.listed == listed
        await d.press("underscore", "g", "o", "underscore")  # the hierarchy has the whole screen
        beaten = engine.beaten
        pane._look()
        await d.settle()
        assert engine.beaten == beaten
        await d.press("underscore", "question_mark")  # help is above
        beaten = engine.beaten
        pane._look()
        await d.settle()
        assert engine.beaten == beaten


async def test_a_screen_above_keeps_the_pane_from_repainting_until_it_is_gone(
    desk: Opener, engine: Engine
) -> None:
    async with desk() as d:
        await go_to(d, engine, RUNNING)
        pane = d.app.main.workflows
        await d.press("enter")
        drawn = list(pane.list._drawn)
        engine.become("run", processed=77)
        assert "77/100" in await d.seen("77/100")
        assert pane.list._drawn == drawn
        await d.press("q")
        assert "77/100" in line_of(d, "Import birds")


async def test_lists_keep_a_distance_while_one_runs_but_not_from_what_a_person_did(
    desk: Opener, engine: Engine
) -> None:
    async with desk() as d:
        await go_to(d, engine, RUNNING)
        pane, listed = d.app.main.workflows, engine.listed
        for _ in range(5):
            pane.refresh_list()
        await d.settle()
        assert engine.listed == listed
        await d.press("p")
        assert engine.listed == listed + 1
        assert "paused" in line_of(d, "Import birds")


async def test_one_that_ended_is_listed_again_and_looked_after_no_more(desk: Opener, engine: Engine) -> None:
    async with desk() as d:
        await go_to(d, engine, RUNNING)
        pane = d.app.main.workflows
        assert pane._beats is not None
        engine.become("run", state="completed", processed=100, ended="2026-11-21T08:00:10Z", rejected=0)
        pane._look()
        await d.settle()
        for _ in range(100):
            if pane._beats is None:
                break
            await d.settle()
        assert pane._beats is None
        assert "completed" in line_of(d, "Import birds")


async def test_a_runner_that_is_gone_is_listed_before_it_is_called_interrupted(
    desk: Opener, engine: Engine
) -> None:
    async with desk() as d:
        await go_to(d, engine, RUNNING)
        pane = d.app.main.workflows
        engine.beat = lambda _store, one: one._replace(interrupted=True)  # type: ignore[method-assign]
        workflows.beat = engine.beat  # type: ignore[attr-defined]
        engine.all = [RUNNING._replace(state="completed", ended="2026-11-21T08:00:10Z")]
        seen: list[str] = []
        show = pane.list.show_works
        pane.list.show_works = lambda works: (seen.extend(one.state for one in works), show(works))  # type: ignore[method-assign,func-returns-value,assignment]
        pane._look()
        await d.seen("completed")
        assert "interrupted" not in seen


# -- what the keys do ------------------------------------------------------------------------------


async def test_p_pauses_and_goes_on(desk: Opener, engine: Engine) -> None:
    async with desk() as d:
        await go_to(d, engine, RUNNING)
        await d.press("p")
        assert done_to(engine) == [("pause", "run")]
        assert "paused" in line_of(d, "Import birds")
        await d.press("p")
        assert done_to(engine)[-1] == ("resume", "run")


@pytest.mark.parametrize("workflow", [BROKEN, FAILED, CANCELLED, PAUSED])
async def test_s_resumes_what_stands_still(desk: Opener, engine: Engine, workflow: Workflow) -> None:
    async with desk() as d:
        await go_to(d, engine, workflow)
        await d.press("s")
        assert done_to(engine) == [("resume", workflow.id)]
        assert "goes on" in d.foot


@pytest.mark.parametrize(
    ("key", "workflow", "says"),
    [
        ("p", DONE, "nothing to pause"),
        ("p", BROKEN, "s goes on with it"),
        ("s", RUNNING, "at work already"),
        ("s", PARTLY, "r tries its rejects again"),
        ("c", DONE, "nothing to cancel"),
        ("B", RUNNING, "c cancels it first"),
        ("B", UNDONE, "rolled back already"),
        ("e", DONE, "refused nothing"),
        ("r", DONE, "nothing to try again"),
    ],
)
async def test_what_cannot_be_done_says_why(
    desk: Opener, engine: Engine, key: str, workflow: Workflow, says: str
) -> None:
    async with desk(size=(200, 50)) as d:
        await go_to(d, engine, workflow)
        await d.press(key)
        assert says in d.foot
        assert done_to(engine) == []


async def test_cancelling_asks_and_says_what_stays(desk: Opener, engine: Engine) -> None:
    async with desk() as d:
        await go_to(d, engine, RUNNING)
        await d.press("d", "d")
        assert "The 42 records it has written stay" in d.screen().replace("\n", " ")
        await d.press("n")
        assert done_to(engine) == []
        await d.press("c", "y")
        assert done_to(engine) == [("cancel", "run")]


async def test_rolling_back_says_what_it_would_do_first(desk: Opener, engine: Engine) -> None:
    async with desk() as d:
        await go_to(d, engine, DONE)
        await d.press("B")
        assert "90 records that it added are deleted again" in d.screen()
        assert done_to(engine) == []
        await d.press("y")
        assert done_to(engine) == [("rollback", "done", False)]


async def test_rolling_back_names_what_was_changed_since_and_offers_to_leave_it(
    desk: Opener, engine: Engine
) -> None:
    engine.undoing = Undoing(90, 3, 0, ["analogy:a1", "frame:f2"])
    async with desk() as d:
        await go_to(d, engine, DONE)
        await d.press("B")
        text = d.screen()
        assert "2 records were changed after" in text
        assert "· analogy:a1" in text
        assert "· frame:f2" in text
        await d.press("n")
        assert done_to(engine) == []
        await d.press("B", "y")
        assert done_to(engine) == [("rollback", "done", True)]


async def test_enter_shows_counts_options_and_audit_trail_and_follows(desk: Opener, engine: Engine) -> None:
    async with desk() as d:
        await go_to(d, engine, PARTLY._replace(strict=True, options={"kind": "frame"}))
        await d.press("enter")
        text = await d.seen("all gone through")
        for words in ("Written       98", "Rejected      2", "strict", "kind          frame", "birds.jsonl",
                      "source_domain  12 records", "Audit trail", "by bob@work", "completed, 2 rejected"):  # fmt: skip
            assert words in text, (words, text)
        await d.press("s")
        assert done_to(engine) == []
        await d.press("q")
        await go_to(d, engine, RUNNING, zoomed=False)
        await d.press("enter")
        assert "45/100" in d.screen()
        engine.become("run", processed=99)
        assert "99/100" in await d.seen("99/100")
        await d.press("p")
        assert done_to(engine) == [("pause", "run")]


async def test_a_double_click_opens_and_a_click_chooses(desk: Opener, engine: Engine) -> None:
    async with desk() as d:
        await go_to(d, engine, RUNNING, PARTLY)
        pane = d.app.main.workflows
        line = next(n for n, work in enumerate(pane.list._works) if work.title == "Import ferns")
        await d.pilot.click(pane.list, offset=(5, line))
        await d.settle()
        assert pane.chosen == PARTLY
        await d.pilot.click(pane.list, offset=(5, line), times=2)
        await d.settle()
        assert "Audit trail" in await d.seen("Audit trail")


async def test_a_store_for_reading_only_shows_and_changes_nothing(desk: Opener, engine: Engine) -> None:
    async with desk(readonly=True) as d:
        await go_to(d, engine, RUNNING)
        for key in ("p", "s", "c", "B", "r"):
            await d.press(key)
            assert "reading only" in d.foot
        await d.press("g", "i")
        assert "reading only" in d.foot
        await d.press("enter")
        assert "Audit trail" in await d.seen("Audit trail")
        for key in ("p", "s", "c", "B", "r"):
            await d.press(key)
        await d.press("e")
        assert "line 17" in await d.seen("line 17")
        await d.press("e")
        await d.press("r")
        assert done_to(engine) == []


# -- rejects ---------------------------------------------------------------------------------------


async def rejects_shown(d: Desk, engine: Engine) -> None:
    await go_to(d, engine, PARTLY)
    await d.press("e")
    await d.seen("no-type")


async def test_rejects_show_line_reason_code_and_the_item(desk: Opener, engine: Engine) -> None:
    async with desk() as d:
        await rejects_shown(d, engine)
        text = d.screen()
        assert "   17" in text
        assert "it has no member type" in text
        assert '{"id": "f17"}' in text
        assert "1,200" in text
        await d.press("j")
        assert "{oops" in d.screen()


async def test_a_reject_is_copied_and_all_are_written(
    desk: Opener, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with desk() as d:
        await rejects_shown(d, engine)
        await d.press("y")
        assert d.app.clipboard == '{"id": "f17"}'
        await d.press("w", "enter")
        assert (tmp_path / "partly-rejects.jsonl").read_text() == '{"id": "f17"}\n{oops\n'
        await d.press("w", "enter")
        assert "exists already" in d.foot
        await d.press("ctrl+u")
        await d.type("report.txt")
        text = (tmp_path / "report.txt").read_text()
        assert text.startswith('line 17: no-type: it has no member type\n    {"id": "f17"}\n')
        await d.press("w", "escape", "j")
        assert "{oops" in d.screen()


async def test_rejects_are_tried_again_as_they_are(desk: Opener, engine: Engine) -> None:
    async with desk() as d:
        await rejects_shown(d, engine)
        await d.press("r")
        assert done_to(engine) == [("retry", "partly", None), ("start", "partly-retry-1")]
        assert "2 items are tried again" in d.foot


@pytest.mark.parametrize("key", ["e", "E"])
async def test_rejects_are_mended_in_an_editor_and_tried_again(
    desk: Opener, engine: Engine, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    given: list[str] = []

    def mend(_desk: Any, text: str, *, suffix: str) -> str:
        given.extend((text, suffix))
        return text.replace("{oops", '{"type":"frame"}').replace('"id"', '"type":"frame","id"')

    monkeypatch.setattr("tui.editor.hand_over", mend)
    async with desk() as d:
        await rejects_shown(d, engine)
        await d.press(key)
        first = b'{"type":"frame","id": "f17"}'
        items = [first] if key == "e" else [first, b'{"type":"frame"}']
        assert done_to(engine) == [("retry", "partly", items), ("start", "partly-retry-1")]
        assert given[1] == ".jsonl"


async def test_nothing_changed_in_the_editor_submits_nothing(
    desk: Opener, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.editor.hand_over", lambda *_, **__: None)
    async with desk() as d:
        await rejects_shown(d, engine)
        await d.press("e")
        assert done_to(engine) == []
        engine.refused = [one._replace(whole=False) for one in engine.refused]
        await d.press("q", "e", "e")
        assert done_to(engine) == []


async def test_old_ones_are_named_before_they_are_removed(desk: Opener, engine: Engine) -> None:
    async with desk() as d:
        await go_to(d, engine, DONE)
        await d.press("colon")
        await d.type("Remove old workflows")
        assert "Import trees" in d.screen()
        assert engine.asked == [("clean", True)]
        await d.press("y")
        assert engine.asked == [("clean", True), ("clean", False)]


# -- submitting ------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with files to submit."""
    place = tmp_path / "files"
    (place / "deep").mkdir(parents=True)
    for name in ("birds.jsonl", "birds-of-prey.jsonl", "deep/fish.jsonl", ".hidden"):
        (place / name).write_text('{"type":"frame","id":"f1","name":"x"}\n')
    monkeypatch.chdir(place)
    return place


async def test_a_path_is_completed_as_far_as_there_is_one_way(
    desk: Opener, engine: Engine, folder: Path
) -> None:
    async with desk() as d:
        await d.press("g", "i")
        assert "birds-of-prey.jsonl  birds.jsonl  deep/" in d.screen()
        assert ".hidden" not in d.screen()
        await d.press("b", "tab")
        assert (
            "File      birds" in d.screen().replace("│ ", "").replace("  birds ", " birds ")
            or "birds" in d.screen()
        )
        screen = d.app.screen
        assert screen.path.value == "birds"  # type: ignore[attr-defined]
        await d.press(".", "tab")
        assert screen.path.value == "birds.jsonl"  # type: ignore[attr-defined]
        await d.press("ctrl+u", "d", "tab", "tab")
        assert screen.path.value == "deep/fish.jsonl"  # type: ignore[attr-defined]
        await d.press("tab")
        assert d.app.focused is screen.type  # type: ignore[attr-defined]


async def test_a_batch_is_previewed_and_only_then_submitted(
    desk: Opener, engine: Engine, folder: Path
) -> None:
    async with desk() as d:
        await d.press("g", "i")
        await d.type("birds.jsonl", end="")
        await d.press("ctrl+s")
        text = d.screen()
        assert "12 items: 8 new, 1 renewed, 1 there already, 2 rejected" in text
        assert "line 17: it has no member type (no-type)" in text
        assert "line 1: bird → plane" in text
        assert "source_domain (8)" in text
        assert done_to(engine) == []
        await d.press("ctrl+s")
        kind = {"strict": False, "atomic": False, "update": False, "options": {}}
        asked = {"id": None, "title": "Import birds.jsonl", **kind}
        assert done_to(engine) == [
            ("submit", "default", "import", "birds.jsonl", asked),
            ("start", "import-1"),
        ]
        assert "Submitted import-1: 12 items" in d.foot


async def test_a_key_that_is_held_submits_once(desk: Opener, engine: Engine, folder: Path) -> None:
    async with desk() as d:
        await d.press("g", "i")
        await d.type("birds.jsonl")
        screen = d.app.screen
        assert isinstance(screen, BatchScreen)
        for _ in range(3):
            screen.action_submit()
        await d.settle()
        assert [one[0] for one in done_to(engine)] == ["submit", "start"]


async def test_options_are_chosen_by_the_mouse_too(desk: Opener, engine: Engine, folder: Path) -> None:
    async with desk() as d:
        await d.press("g", "i")
        screen = d.app.screen
        assert isinstance(screen, BatchScreen)
        await d.pilot.click(screen.type, offset=(30, 0))
        await d.pilot.click(screen.choices, offset=(15, 0))
        await d.pilot.click(screen.choices, offset=(40, 0))
        await d.pilot.click(screen.kind, offset=(1, 0))
        asked = screen.asked
        assert (asked.type, asked.kind) == ("create", "analogy")
        assert (asked.strict, asked.atomic, asked.update) == (False, True, True)


async def test_what_is_chosen_goes_along_and_makes_the_preview_old(
    desk: Opener, engine: Engine, folder: Path
) -> None:
    async with desk() as d:
        await d.press("g", "i")
        await d.type("birds.jsonl")
        assert "12 items" in d.screen()
        await d.press("down", "right", "down", "right", "right", "down", "down", *"mine")
        await d.press("down", "space", "right", "space", "right", "right", "left", "space")
        assert "This is of what the form said before" in d.screen()
        await d.press("ctrl+s")
        assert "This is of what the form said before" not in d.screen()
        assert "All or nothing: with these rejects nothing would be written" in d.screen()
        assert done_to(engine) == []
        await d.press("ctrl+s")
        asked = done_to(engine)[0]
        assert asked[1:4] == ("default", "create", "birds.jsonl")
        assert asked[4]["id"] == "mine"
        assert asked[4]["options"] == {"kind": "frame"}
        assert (asked[4]["strict"], asked[4]["atomic"], asked[4]["update"]) == (True, True, True)


async def test_what_is_refused_stands_in_the_form_to_be_corrected(
    desk: Opener, engine: Engine, folder: Path
) -> None:
    async with desk() as d:
        await d.press("g", "i", "enter")
        assert "Which file?" in d.screen()
        await d.type("nothing.jsonl")
        assert "! There is no file" in d.screen()
        await d.press("ctrl+u")
        await d.type("birds.jsonl", end="")
        await d.press("down", "down", "down", "down", *"done", "ctrl+s", "ctrl+s")
        assert "nothing was submitted" in d.screen()
        await d.press("backspace", "ctrl+s")
        assert "Submitted don" in d.foot or "Submitted don" in await d.seen("Submitted don")


# -- the engine itself -----------------------------------------------------------------------------


async def test_a_batch_is_submitted_mended_and_rolled_back(
    desk: Opener, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("CHARTKEEP_NOW", NOW)
    lines = [json.dumps({"type": "frame", "id": f"f{n}", "name": f"Frame {n}"}) for n in range(300)]
    lines[16] = "{oops"
    (folder / "many.jsonl").write_text("".join(f"{line}\n" for line in lines))
    monkeypatch.setattr(
        "tui.editor.hand_over",
        lambda _, text, **__: text.replace("{oops", '{"type":"frame","id":"f16","name":"x"}'),
    )
    async with desk() as d:
        await d.press("g", "i")
        await d.type("many.jsonl", end="")
        await d.press("ctrl+s")
        assert "300 items: 299 new" in await d.seen("300 items")
        assert "line 17" in d.screen()
        await d.press("ctrl+s", "g", "w", "underscore")
        assert "1 rejected" in await ended(d, "Import many.jsonl", "completed")
        assert d.app.store.library.count(Filter(context="default")) == 299
        await d.press("e")
        assert "line 17 · not-json" in await d.seen("line 17")
        await d.press("e")
        await ended(d, "rejects again", "completed")
        assert d.app.store.library.count(Filter(context="default")) == 300
        while "many.jsonl," in (work.title if (work := d.app.main.workflows.list.work) else ""):
            await d.press("j")
        await d.press("B")
        assert "299 records that it added are deleted again" in await d.seen("299 records")
        await d.press("y")
        await ended(d, "Import many.jsonl:", "rolled back")
        assert d.app.store.library.count(Filter(context="default")) == 1
        await d.press("enter")
        assert "by ada@home" in await d.seen("rolled back   by")


async def ended(d: Desk, title: str, state: str) -> str:
    """The line of a workflow once another process has brought it there."""
    for _ in range(400):
        if state in line_of(d, title):
            return line_of(d, title)
        await d.pilot.pause(0.05)
    raise AssertionError(d.screen())


async def test_a_store_of_charts_only_gets_no_index_of_knowledge(desk: Opener, store_path: Path) -> None:
    async with desk() as d:
        await d.press("g", "w")
        assert "Workflows" in d.screen()
    assert list((store_path / ".index").glob("chartkeep*"))
    assert not list((store_path / ".index").glob("knowledge*"))
