"""backup and backups on the command line."""

from __future__ import annotations

from pathlib import Path

from tests.store.cli.conftest import Run


def test_a_backup_is_taken_listed_read_back_and_tried(run: Run) -> None:
    run("add", "A book", "--reality", "Ten pages")
    first = run("backup", "--json")
    assert (first.code, first.document["kind"]) == (0, "full")
    assert run("backup", "--full").code == 0
    run("add", "Another")
    last = run("backup", "--json").document
    assert last["kind"] == "incremental"
    listed = run("backups", "--json").document
    assert [one["kind"] for one in listed["backups"]] == ["incremental", "full", "full"]
    assert listed["backups"][0]["id"] == last["id"]
    assert last["id"] in run("backups").out
    assert run("backup", "verify", "--all", "--json").document == {"ok": True, "findings": []}
    assert run("backup", "drill", last["id"][:6]).code == 0
    assert "drill" in run("backups").out


def test_damage_is_named_and_the_exit_code_says_so(run: Run, folder: Path) -> None:
    run("add", "A book")
    run("backup")
    for path in (folder / ".backup" / "objects").rglob("*"):
        if path.is_file():
            path.write_bytes(b"?")
    found = run("backup", "verify", "--json")
    assert found.code == 8
    assert {item["code"] for item in found.document["findings"]} == {"backup-chunk"}
    assert run("backup", "drill").code == 8
    assert "bad" in run("backups").out


def test_pruning_says_first_what_would_go(run: Run, folder: Path) -> None:
    (folder / "chartkeep.toml").write_text("[backup]\nkeep_hourly = 1\n", encoding="utf-8")
    run("add", "A book")
    for _ in range(3):
        run("backup", "--full")
    dry = run("backup", "prune", "--dry-run", "--json").document
    assert dry["dry_run"]
    assert len(dry["places"][0]["removed"]) == 2
    assert len(run("backups", "--json").document["backups"]) == 3
    assert "2 backups removed" in run("backup", "prune").out
    assert len(run("backups", "--json").document["backups"]) == 1


def test_a_failing_place_off_site_is_told_though_the_backup_is_there(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    (folder / "chartkeep.toml").write_text(f'[backup]\noffsite = ["{tmp_path / "file"}"]\n', encoding="utf-8")
    found = run("backup")
    assert found.code == 1
    assert "off-site" in found.out
    assert len(run("backups", "--json").document["backups"]) == 1


def test_words_that_do_not_go_together_are_refused(run: Run) -> None:
    for words in (("verify", "--full"), ("now", "--dry-run"), ("prune", "--all"), ("now", "abc")):
        assert run("backup", *words).code == 2
    assert run("backups").code == 3
    assert run("--read-only", "backup").code == 6


def test_a_key_file_is_made_once(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "my.key"
    assert run("backup", "key", str(path)).code == 0
    text = path.read_text(encoding="utf-8")
    assert "AGE-SECRET-KEY-1" in text
    assert run("backup", "key", str(path)).code == 4
    assert path.read_text(encoding="utf-8") == text
