"""Keys, chords, counts, own keys and clashes."""

from __future__ import annotations

import pytest

from store.catalog import BY_ID, COMMANDS
from tui import actions
from tui.keymap import FITS, Keymap, parse, shown


def _typed(keymap: Keymap, *keys: str, pane: str = "outline") -> tuple[str, int | None]:
    for key in keys:
        found = keymap.feed(pane, key)
    return (found.command.id if found.command else "", found.times)


def test_the_table_has_no_clash() -> None:
    assert Keymap().problems == []


def test_every_command_with_keys_does_something() -> None:
    for command in COMMANDS:
        assert (actions.handler(command) is not None) == bool(command.keys or command.palette), command.id


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        (("j",), ("cursor.down", None)),
        (("5", "j"), ("cursor.down", 5)),
        (("1", "0", "k"), ("cursor.up", 10)),
        (("g", "g"), ("cursor.first", None)),
        (("3", "g", "g"), ("cursor.first", 3)),
        (("z", "R"), ("fold.open_all", None)),
        (("z", "M"), ("fold.close_all", None)),
        (("z", "o"), ("fold.open_one", None)),
        (("d", "d"), ("chart.remove", None)),
        (("question_mark",), ("show.help", None)),
        (("apostrophe",), ("find.jump", None)),
    ],
)
def test_keys_chords_and_counts(keys: tuple[str, ...], found: tuple[str, int | None]) -> None:
    assert _typed(Keymap(), *keys) == found


def test_a_chord_that_leads_nowhere_is_forgotten() -> None:
    keymap = Keymap()
    assert _typed(keymap, "g", "Q") == ("", None)
    assert keymap.pending == ""
    assert _typed(keymap, "j") == ("cursor.down", None)


def test_the_same_key_may_mean_another_thing_in_another_pane() -> None:
    assert _typed(Keymap(), "a", pane="outline")[0] == "step.add"
    assert _typed(Keymap(), "a", pane="contexts")[0] == "context.new"


def test_own_keys_replace_the_usual_ones() -> None:
    keymap = Keymap({"step.add": ("insert",)})
    assert _typed(keymap, "insert") == ("step.add", None)
    assert _typed(keymap, "a") == ("", None)


def test_a_clash_names_both_commands_and_what_to_do() -> None:
    keymap = Keymap({"step.add": ("x",)})
    assert _typed(keymap, "x") == ("step.add", None)
    assert len(keymap.problems) == 1
    assert "“x”" in keymap.problems[0]
    assert "step.add" in keymap.problems[0]
    assert "step.done" in keymap.problems[0]
    assert "chartkeep.toml" in keymap.problems[0]


def test_a_key_that_begins_a_chord_clashes_with_it() -> None:
    assert any("fold." in problem for problem in Keymap({"step.add": ("z",)}).problems)


def test_keys_are_shown_as_people_type_them() -> None:
    assert parse("g g") == ("g", "g")
    assert parse("?") == ("question_mark",)
    assert shown("g g") == "gg"
    assert shown("down") == "↓"
    assert Keymap().first("show.help") == "?"


def test_help_texts_are_sentences() -> None:
    for command in COMMANDS:
        assert command.help.endswith("."), command.id
        assert command.id in BY_ID
        assert command.when in FITS
