"""`chartkeep verify`: what is read, what is said, and the exit code."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from store.errors import Damaged
from tests.store.cli.conftest import Run


def spoil_index(folder: Path) -> None:
    path = (folder / ".index" / "chartkeep.sqlite").resolve()
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("UPDATE versions SET size = size + 1")


def test_an_index_that_differs_is_an_error_and_quick_does_not_look(run: Run, folder: Path, book: str) -> None:
    spoil_index(folder)
    ran = run("verify", "--json")
    assert ran.code == Damaged.exit_code
    assert {item["code"] for item in ran.document["findings"]} >= {"index-differs", "index-record"}
    ran = run("verify", "--quick", "--json")
    assert (ran.code, ran.document) == (0, {"ok": True, "findings": []})
    assert run("sync", "--rebuild").code == 0
    assert run("verify").code == 0


@pytest.mark.parametrize("words", [(), ("--quick",)])
def test_a_backup_is_read_back_only_when_asked(
    run: Run, folder: Path, book: str, words: tuple[str, ...]
) -> None:
    assert run("backup").code == 0
    piece = max(
        (folder / ".backup" / "objects").rglob("*"), key=lambda path: path.is_file() and path.stat().st_size
    )
    data = bytearray(piece.read_bytes())
    data[len(data) // 2] ^= 1
    piece.chmod(0o644)
    piece.write_bytes(data)
    assert run("verify", *words).code == 0
    ran = run("verify", "--backups", *words)
    assert ran.code == Damaged.exit_code
    assert "backup-chunk" in ran.out


def test_warnings_and_notices_are_no_failure(run: Run, folder: Path, book: str) -> None:
    (folder / "chartkeep.toml").write_text("nonsense")
    (folder / ".charts.jsonl.99999999-ab.ckpart").write_bytes(b"")
    ran = run("verify")
    assert ran.code == 0
    assert "setting" in ran.out
    assert "0 errors, 1 warning, 1 notice." in ran.out
