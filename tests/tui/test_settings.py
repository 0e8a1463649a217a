"""Settings: typed, bounded, and never a reason not to start."""

from __future__ import annotations

from pathlib import Path

import pytest

from store.settings import FIELDS, Settings, document, load, parse
from tests.tui.conftest import Opener


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path / "chartkeep.toml") == Settings()


def test_the_document_sets_every_setting_to_its_default() -> None:
    assert parse(document(), "f") == Settings()
    assert all(row.name.partition(".")[2] in document() for row in FIELDS)


def test_values_are_taken() -> None:
    found = parse('[charts]\ndue_soon_days = 3\n[ui]\ntheme = "light"\nlean = true\nfollow_delay = 0', "f")
    assert (found.due_soon_days, found.theme, found.lean, found.follow_delay) == (3, "light", "on", 0.0)
    assert found.problems == ()


def test_a_bad_value_names_file_line_and_what_is_used_instead() -> None:
    found = parse('[ui]\nmouse = false\ntheme = "pink"\n', "chartkeep.toml")
    assert found.theme == "auto"
    assert found.mouse is False
    assert found.problems == (
        'chartkeep.toml, line 3: ui.theme must be one of "auto", "dark", "light", "ansi-dark", "ansi-light", '
        'not "pink"; "auto" is used.',
    )


def test_out_of_bounds_unknown_and_wrong_types_are_named() -> None:
    found = parse('[charts]\ndue_soon_days = -1\nfoo = 1\nstalled_days = "x"\n', "f")
    assert [problem.partition(":")[0] for problem in found.problems] == [
        "f, line 2",
        "f, line 3",
        "f, line 4",
    ]
    assert (found.due_soon_days, found.stalled_days) == (7, 14)


def test_broken_toml_and_unreadable_text_use_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "chartkeep.toml"
    path.write_text("[ui\n")
    assert load(path).problems[0].startswith(f"{path}: not TOML")
    path.write_bytes(b"\xff\xfe")
    assert "not UTF-8" in load(path).problems[0]


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 3000,
        "a = " + "9" * 5000,
        "a." * 3000 + "b = 1",
        "[upkeep]\nsample_minutes = " + "9" * 400,
        '[retention]\nmetrics = "warm ' + "9" * 300 + 'd"',
        '[retention]\nmetrics = "delete 1001y"',
    ],
    ids=["nested values", "long number", "nested names", "no float", "no age", "before the calendar"],
)
def test_what_no_setting_can_hold_is_a_problem_like_any_other(text: str) -> None:
    found = parse(text, "chartkeep.toml")
    assert len(found.problems) == 1
    assert found == Settings(problems=found.problems)


def test_keys_by_command_id() -> None:
    found = parse('[keys]\n"step.add" = ["insert", "A"]\nstep.done = "X"\n"no.such" = "a"\n"undo" = 5', "f")
    assert found.keys == {"step.add": ("insert", "A"), "step.done": ("X",)}
    assert [
        "no.such" in found.problems[0],
        "undo" in found.problems[1] or "keys are" in found.problems[1],
    ] == [True, True]


async def test_the_app_says_what_is_wrong_and_starts(desk: Opener, store_path: Path) -> None:
    (store_path / "chartkeep.toml").write_text('[ui]\ntheme = 5\n[keys]\n"step.add" = "insert"\n')
    async with desk() as d:
        assert any("ui.theme" in note.message for note in d.app._notifications)
        await d.press("insert")
        assert d.app.main.asking
