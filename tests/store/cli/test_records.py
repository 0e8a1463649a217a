"""The subcommand record: one record shown, added, changed, deleted, restored; what is refused and why."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.store.cli.conftest import Run

BANK = '{"type":"concept","id":"c1","name":"bank","big":12345678901234567890123}'


def test_a_record_goes_through_its_life(run: Run) -> None:
    added = run("record", "add", "--value", BANK)
    assert added.code == 0, added.err
    assert "Add concept “bank”" in added.out
    shown = run("record", "show", "concept:c1", "--json").document["record"]
    assert (shown["key"], shown["ver"], shown["deleted"]) == ("concept:c1", 1, False)
    assert shown["value"] == json.loads(BANK)
    assert "offset" not in shown
    changed = run("record", "put", "c1", "--value", '{"name":"shore"}', "--ver", "1", "--json")
    assert changed.document["changes"][0]["edits"] == [{"op": "put", "key": "concept:c1"}]
    assert run("record", "delete", "c1").code == 0
    assert "deleted" in run("record", "show", "concept:c1").out
    assert run("record", "restore", "c1", "--ver", "1").code == 0
    text = run("record", "show", "bank").out
    assert '"big": 12345678901234567890123' in text
    assert "version  4" in text
    versions = run("record", "history", "c1", "--json").document["versions"]
    assert [(one["ver"], one["op"]) for one in versions] == [
        (4, "put"),
        (3, "delete"),
        (2, "put"),
        (1, "put"),
    ]
    assert [(one["value"] or {}).get("name") for one in versions] == ["bank", None, "shore", "bank"]
    assert run("record", "history", "c1").out.count("\n") == 4


def test_a_record_comes_from_a_file_or_from_standard_input(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.json"
    path.write_text('{\n  "name": "bank"\n}\n')
    assert run("record", "add", "--kind", "concept", "--file", str(path)).code == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BANK.encode())))
    assert run("record", "add").code == 0
    assert run("query", "concepts", "--count").out == "2\n"
    missing = run("record", "add", "--file", str(tmp_path / "none"))
    assert missing.code == 3
    assert "not a file" in missing.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show"], 2, "needs a KEY"),
        (["show", "nothing"], 3, "no record"),
        (["show", "concept:c1", "--ver", "9"], 3, "no version 9"),
        (["add", "concept:c1", "--value", BANK], 2, "takes no KEY"),
        (["add", "--value", BANK, "--file", "x"], 2, "not both"),
        (["add", "--value", BANK, "--force"], 2, "--force goes with record delete"),
        (["delete", "concept:c1", "--ver", "1"], 2, "--ver goes with"),
        (["show", "concept:c1", "--value", "{}"], 2, "--value goes with"),
        (["show", "concept:c1", "--kind", "concept"], 2, "--scope"),
        (["show", "bank", "--scope", "rivers"], 2, "--kind"),
        (["show", "concept:bank", "--scope", "nowhere"], 3, "nowhere"),
        (["add", "--value", BANK], 4, "there already (version 1)"),
        (["add", "--value", '{"name":"x"}'], 4, 'no-type|no "type"'),
        (["add", "--value", '{"type":"analogy","quality_score":NaN}'], 4, "NaN"),
        (["add", "--value", '{"type":"analogy","id":"a"}', "--strict"], 4, "source_domain"),
        (["put", "concept:c1", "--value", '{"id":"c2"}'], 4, "never change"),
        (["put", "concept:c1", "--value", '{"name":"x"}', "--ver", "7"], 4, "at version 1 by now"),
        (["restore", "concept:c1"], 2, "--ver"),
        (["delete", "workflow:w"], 3, "no record"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    run: Run, words: list[str], code: int, said: str
) -> None:
    assert run("record", "add", "--value", BANK).code == 0
    ran = run("record", *words)
    assert ran.code == code, ran.err
    assert any(word in ran.err for word in said.split("|")), ran.err
    assert "Traceback" not in ran.err
    shown = run("record", "show", "concept:c1", "--json").document["record"]
    assert (shown["ver"], shown["value"]) == (1, json.loads(BANK))


def test_refusals_are_listed_with_the_rejects(run: Run) -> None:
    run("record", "add", "--value", '{"type":"analogy","id":"a","quality_score":true}')
    (line,) = run("query", "rejects", "--json").out.splitlines()
    told = json.loads(line)
    assert (told["code"], told["asked"]) == ("bad-score", "add a record")
    assert "found true" in told["reason"]


def test_a_deletion_that_leaves_others_pointing_at_nothing_is_forced(run: Run) -> None:
    run("record", "add", "--value", BANK)
    run("record", "add", "--value", '{"type":"cluster","id":"k","members":[{"key":"concept:c1"}]}')
    refused = run("record", "delete", "c1")
    assert refused.code == 4
    assert "cluster:k would point at nothing" in refused.err
    assert run("record", "delete", "c1", "--force").code == 0


def test_a_name_is_looked_up_in_a_scope_and_then_above_it(run: Run) -> None:
    for record in (
        {"type": "context", "id": "s1", "name": "world"},
        {"type": "context", "id": "s2", "name": "rivers", "parent": "world"},
        {"type": "concept", "id": "c1", "name": "bank", "context": "world"},
        {"type": "concept", "id": "c2", "name": "bank", "context": "rivers"},
        {"type": "concept", "id": "c3", "name": "money", "context": "s1"},
    ):
        assert run("record", "add", "--value", json.dumps(record)).code == 0
    near = run("record", "show", "bank", "--kind", "concepts", "--scope", "rivers", "--json").document[
        "record"
    ]
    assert (near["key"], near["scope"], near["way"]) == ("concept:c2", "rivers", ["rivers", "world"])
    far = run("record", "show", "concept:money", "--scope", "rivers", "--json").document["record"]
    assert (far["key"], far["scope"]) == ("concept:c3", "world")
    assert (
        "scope    world, looked in rivers, world"
        in run("record", "show", "concept:money", "--scope", "rivers").out
    )


def test_what_other_programs_wrote_reaches_no_terminal_as_a_control_sequence(run: Run) -> None:
    assert run("record", "add", "--value", '{"type":"concept","id":"e","name":"\\u001b[31mred"}').code == 0
    for words in (["show", "concept:e"], ["history", "concept:e"], ["delete", "concept:e"]):
        ran = run("record", *words)
        assert "\x1b" not in ran.out + ran.err
