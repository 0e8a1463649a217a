"""The subcommands recover and restore: what they say, ask, print as JSON, and refuse."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from store import clock
from tests.store.cli.conftest import NOW, Run


@pytest.fixture
def journal(folder: Path) -> Path:
    return folder / ".journal/default/charts.jsonl"


def at(hours: float) -> None:
    clock.fix(NOW + timedelta(hours=hours))


def titles(run: Run) -> list[str]:
    return sorted(chart["title"] for chart in run("list", "--json").document["charts"])


# -- recover -------------------------------------------------------------------------------------------


def test_recover_where_nothing_is_wrong(run: Run, book: str) -> None:
    ran = run("recover")
    assert ran.code == 0
    assert "Nothing had to be recovered" in ran.out


def test_recover_mends_and_says_where_it_is_written(run: Run, book: str, journal: Path, folder: Path) -> None:
    data = journal.read_bytes()
    journal.write_bytes(data[:900] + b"#" * 300 + data[1200:])
    assert run("verify").code == 8
    looked = run("recover", "--dry-run", "--json")
    assert looked.code == 0
    assert looked.document["dry_run"] is True
    assert looked.document["log"] is None
    assert journal.read_bytes()[900:1200] == b"#" * 300
    ran = run("recover", "--json")
    assert ran.code == 0
    assert ran.document["ok"] is True
    log = Path(ran.document["log"])
    assert log.parent == folder / ".recovery"
    assert "offset" in log.read_text()
    assert run("verify").code == 0
    assert titles(run) == ["A book people finish"]
    assert "Nothing" in run("recover").out
    listed = run("history", "--json").document["transactions"]
    assert listed[0]["command"] == "recover"


def test_recover_of_a_missing_journal(run: Run, book: str, journal: Path) -> None:
    journal.unlink()
    assert "chartkeep recover" in run("list").err
    ran = run("recover")
    assert ran.code == 0
    assert "brought back" in ran.out
    assert titles(run) == ["A book people finish"]


def test_recover_needs_a_store_it_may_write(run: Run, book: str) -> None:
    assert run("recover", "--read-only").code == 6
    assert run("recover", "--read-only", "--dry-run").code == 0


# -- restore -------------------------------------------------------------------------------------------


def test_restore_asks_first(run: Run, book: str) -> None:
    assert run("backup").code == 0
    assert run("rm", book, "--yes").code == 0
    refused = run("restore")
    assert refused.code == 4
    assert "Replace" in refused.err
    assert titles(run) == []
    ran = run("restore", "--yes", "--json")
    assert ran.code == 0, ran.err
    assert ".recovery/replaced-" in ran.document["replaced"]
    assert titles(run) == ["A book people finish"]
    assert run("verify").code == 0


def test_restore_dry_run_says_what_would_change(run: Run, book: str, journal: Path) -> None:
    run("backup")
    run("rm", book, "--yes")
    run("contexts", "new", "work")
    before = journal.read_bytes()
    ran = run("restore", "--dry-run", "--json")
    assert ran.code == 0
    assert ".journal/default/charts.jsonl" in ran.document["write"]
    assert ran.document["put_away"] == ["charts-work.jsonl"]
    assert journal.read_bytes() == before
    assert "would be put away" in run("restore", "--dry-run").out


def test_restore_into_a_folder(run: Run, book: str, tmp_path: Path) -> None:
    run("backup")
    run("rm", book, "--yes")
    place = tmp_path / "elsewhere"
    ran = run("restore", "--to", str(place), "--json")
    assert ran.code == 0, ran.err
    assert Path(ran.document["store"]) == place / ".coaia"
    assert titles(run) == []
    again = run("restore", "--to", str(place))
    assert again.code == 4
    assert "not empty" in again.err
    assert run("restore", book, "--to", str(tmp_path / "x")).code == 2


def test_restore_names_what_there_is_not(run: Run, book: str) -> None:
    none = run("restore", "--yes")
    assert none.code == 3
    assert "chartkeep backup" in none.err
    run("backup")
    assert run("restore", "--id", "ffff", "--yes").code == 3
    early = run("restore", "--at", "2020-01-01", "--yes")
    assert early.code == 3
    assert "before" in early.err
    assert run("restore", book, "--at", "gibberish").code == 2
    assert run("restore", "--at", "1h", "--id", "ab").code == 2


def test_restore_a_chart_from_the_journal(run: Run, book: str) -> None:
    at(1)
    run("rm", book, "--yes")
    at(2)
    refused = run("restore", book, "--at", "90min")
    assert refused.code == 4
    assert "One undo takes it back" in refused.err
    looked = run("restore", book, "--at", "90min", "--dry-run", "--json")
    assert looked.code == 0
    assert {edit["op"] for edit in looked.document["edits"]} == {"put"}
    ran = run("restore", book, "--at", "90min", "--yes", "--json")
    assert ran.code == 0, ran.err
    assert ran.document["changes"][0]["command"] == "restore"
    assert titles(run) == ["A book people finish"]
    assert run("undo").code == 0
    assert titles(run) == []


def test_restore_a_chart_by_its_title_from_the_newest_backup(run: Run, book: str) -> None:
    run("backup")
    run("edit", book, "--outcome", "Another title")
    ran = run("restore", "A book people finish", "--yes")
    assert ran.code == 0, ran.err
    assert titles(run) == ["A book people finish"]
    assert run("restore", "No such thing", "--yes").code == 3


def test_restore_a_context(run: Run, book: str) -> None:
    at(1)
    run("add", "A house")
    at(2)
    ran = run("restore", "--context", "default", "--at", "90min", "--yes")
    assert ran.code == 0, ran.err
    assert titles(run) == ["A book people finish"]
    again = run("restore", "--context", "default", "--at", "90min", "--yes")
    assert "Nothing to change" in again.out or again.code == 0
    assert run("restore", "--context", "nowhere", "--at", "90min", "--yes").code == 3


def test_restore_asks_nothing_of_a_store_for_reading_only(run: Run, book: str) -> None:
    run("backup")
    assert run("restore", "--yes", "--read-only").code == 6
    assert run("restore", "--dry-run", "--read-only").code == 0


# -- knowledge -----------------------------------------------------------------------------------------


def concept(name: str, text: str) -> str:
    return json.dumps({"type": "concept", "id": name, "name": name, "definition": text})


def concepts(run: Run) -> dict[str, str]:
    """Live concepts: what they say, by id."""
    told = run("query", "concepts", "--json").out
    return {value["id"]: value["definition"] for value in map(json.loads, told.splitlines())}


@pytest.fixture
def known(run: Run, book: str) -> str:
    """A chart and two concepts, of which one is changed an hour later, one deleted, and one added."""
    for name in ("apple", "pear"):
        assert run("record", "add", "--value", concept(name, "then")).code == 0
    at(1)
    run("record", "put", "concept:apple", "--value", concept("apple", "now"))
    run("record", "delete", "concept:pear")
    run("record", "add", "--value", concept("plum", "now"))
    run("edit", book, "Later words")
    at(2)
    assert concepts(run) == {"apple": "now", "plum": "now"}
    return book


def test_restore_a_context_brings_back_its_knowledge_too(run: Run, known: str) -> None:
    refused = run("restore", "--context", "default", "--at", "90min")
    assert refused.code == 4
    assert "2 records of knowledge put back, 1 deleted" in refused.err
    looked = run("restore", "--context", "default", "--at", "90min", "--dry-run")
    assert "2 records of knowledge put back, 1 deleted" in looked.out
    assert "delete  concept:plum" in looked.out
    assert concepts(run) == {"apple": "now", "plum": "now"}
    ran = run("restore", "--context", "default", "--at", "90min", "--yes")
    assert ran.code == 0, ran.err
    assert concepts(run) == {"apple": "then", "pear": "then"}
    assert titles(run) == ["A book people finish"]
    (told,) = [line for line in ran.out.splitlines() if "takes it back" in line]
    workflow = told.split()[3]
    assert run("workflows", "rollback", workflow, "--yes").code == 0
    assert concepts(run) == {"apple": "now", "plum": "now"}
    documents = run("restore", "--context", "default", "--at", "90min", "--yes", "--json").out.splitlines()
    assert json.loads(documents[-1])["workflow"]["state"] == "completed"
    again = run("restore", "--context", "default", "--at", "90min", "--yes")
    assert "Nothing to change" in again.out
    assert "workflow" not in again.out


def test_restore_a_context_from_a_backup(run: Run, known: str) -> None:
    assert run("backup").code == 0
    run("record", "delete", "concept:apple")
    assert run("restore", "--context", "default", "--yes").code == 0
    assert concepts(run) == {"apple": "now", "plum": "now"}
    assert run("restore", "--context", "default", "--at", "90min", "--place", "nowhere", "--yes").code == 3


def test_what_no_backup_knows_is_left_as_it_is_and_told(run: Run, book: str) -> None:
    assert run("backup").code == 0
    at(1)
    run("record", "add", "--value", concept("apple", "now"))
    run("edit", book, "Later words")
    ran = run("restore", "--context", "default", "--yes")
    assert ran.code == 0
    assert "knowledge of “default” is left as it is" in ran.err
    assert titles(run) == ["A book people finish"]
    assert concepts(run) == {"apple": "now"}


@pytest.mark.parametrize("word", ["concept:pear", "pear"])
def test_restore_one_record(run: Run, known: str, word: str) -> None:
    refused = run("restore", word, "--at", "90min")
    assert refused.code == 4
    assert "1 record of knowledge put back" in refused.err
    assert "1 record of knowledge" in run("restore", word, "--at", "90min", "--dry-run").out
    ran = run("restore", word, "--at", "90min", "--yes")
    assert ran.code == 0
    assert "takes it back" in ran.out
    assert concepts(run) == {"apple": "now", "pear": "then", "plum": "now"}
    assert "are what they were" in run("restore", word, "--at", "90min", "--yes").out


def test_restore_one_record_from_a_backup(run: Run, known: str, folder: Path) -> None:
    assert run("restore", "concept:apple", "--yes").code == 3, "there is no backup"
    assert run("backup").code == 0
    assert run("erase", "--key", "concept:apple", "--yes").code == 0
    assert run("restore", "concept:apple", "--yes").code == 0
    assert concepts(run)["apple"] == "now"
    assert run("restore", "concept:nonesuch", "--yes").code == 3
    assert run("restore", "concept:nonesuch", "--at", "90min", "--yes").code == 3
    assert run("restore", "nonesuch", "--at", "90min", "--yes").code == 3
