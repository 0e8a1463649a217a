"""compact: what it would save, what it does, and what it says as JSON."""

from __future__ import annotations

from pathlib import Path

from tests.store.cli.conftest import Run


def fill(run: Run, book: str, times: int = 12) -> None:
    for number in range(times):
        assert run("edit", book, "--add-reality", f"Fact {number}").code == 0


def test_a_dry_run_only_says_what_would_be_saved(run: Run, folder: Path, book: str) -> None:
    fill(run, book)
    before = (folder / ".journal/default/charts.jsonl").read_bytes()
    shown = run("compact", "--dry-run", "--force")
    assert "would be compacted" in shown.out
    saving = run("compact", "--dry-run", "--json").document["savings"][0]
    assert saving["before"] == len(before)
    assert 0 < saving["share"] < 1
    assert saving["due"] is False, "it is far too small"
    assert (folder / ".journal/default/charts.jsonl").read_bytes() == before
    assert not (folder / ".journal/default/archive").exists()


def test_it_compacts_where_it_pays_or_when_told_to(run: Run, folder: Path, book: str) -> None:
    fill(run, book)
    assert "Nothing to compact" in run("compact").out
    done = run("compact", "--force", "--cold", "--json").document
    made = done["compacted"][0]
    assert (made["context"], made["family"], made["generation"]) == ("default", "charts", 2)
    assert made["before"] > made["after"]
    assert made["dropped"] > 10
    assert done["frozen"] == [".journal/default/archive/charts.1.jsonl.zst"]
    assert (folder / done["frozen"][0]).exists()
    assert run("verify").code == 0
    assert "Fact 11" in run("show", book).out
    assert len(run("history", "--json", "--limit", "100").document["transactions"]) >= 12


def test_only_the_context_named_is_compacted(run: Run, folder: Path, book: str) -> None:
    assert run("contexts", "new", "work").code == 0
    assert run("add", "Work well", "--context", "work").code == 0
    said = run("compact", "--force", "--context", "work").out
    assert "work charts:" in said
    assert "default" not in said
    assert not (folder / ".journal/default/archive").exists()
    assert run("compact", "--context", "nowhere").code == 3


def test_a_store_for_reading_only_is_not_compacted(run: Run, book: str) -> None:
    assert run("compact", "--force", "--read-only").code == 6
    assert run("compact", "--dry-run", "--read-only").code == 0
