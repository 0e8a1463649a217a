"""Encryption at rest: what it hides, and what is said where keys do not fit."""

from __future__ import annotations

import builtins
import hashlib
import stat
from pathlib import Path
from typing import Any

import pytest

from store.errors import ChartkeepError, Refused
from store.store import Store
from store.upkeep.backup import keys, open_repository, sealing
from store.upkeep.backup.drilling import drill
from store.upkeep.backup.taking import take
from tests.store.backup.restored import out, settings, states, stored
from tests.stores import chart, live

JOURNAL = ".journal/default/charts.jsonl"


@pytest.fixture
def sealed(store: Store, tmp_path: Path) -> Store:
    keys.make(path=tmp_path / "key")
    settings(store, encrypt='"key"', key_file=f'"{tmp_path / "key"}"')
    chart(store, "A secret book", "Draft")
    return store


def test_nothing_readable_lies_in_an_encrypted_repository(sealed: Store) -> None:
    backup = take(sealed)
    chunk = open_repository(sealed).files(backup)[JOURNAL].chunks[0]
    assert chunk.name != hashlib.sha256(sealed.layout.journal("default").read_bytes()).hexdigest()
    for name, data in stored(sealed).items():
        assert b"secret" not in data
        assert b"default" not in data
        if name.startswith(("objects/", "manifests/")) or name.endswith(".age"):
            assert data.startswith(b"age-encryption.org/v1")


def test_what_is_unchanged_is_not_copied_again_though_encrypted(sealed: Store, tmp_path: Path) -> None:
    take(sealed)
    again = take(sealed, "full")
    assert again.stored == 0
    assert drill(sealed).drilled
    assert states(out(sealed, again, tmp_path / "there"))["default"] == live(sealed)


def test_a_passphrase_opens_and_a_wrong_one_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings(store, encrypt='"passphrase"')
    with pytest.raises(Refused, match="passphrase_file"):
        take(store)
    assert stored(store) == {}
    monkeypatch.setenv("CHARTKEEP_PASSPHRASE", "open sesame")
    take(store)
    before = stored(store)
    sealing._opened.clear()  # as in another process
    monkeypatch.setenv("CHARTKEEP_PASSPHRASE", "open barley")
    for doing in (take, open_repository):
        with pytest.raises(Refused, match="passphrase does not open"):
            doing(store)
    assert stored(store) == before
    monkeypatch.delenv("CHARTKEEP_PASSPHRASE")
    file = tmp_path / "pass"
    file.write_text("open sesame\n")
    settings(store, encrypt='"passphrase"', passphrase_file=f'"{file}"')
    assert take(store).kind == "incremental"
    file.write_text("\n")
    with pytest.raises(Refused, match="is empty"):
        take(store)


def test_settings_that_differ_from_the_repository_are_refused(
    sealed: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    take(sealed)
    before = stored(sealed)
    settings(sealed, encrypt='"none"')
    monkeypatch.setenv("CHARTKEEP_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(Refused, match="encrypted"):
        take(sealed)
    assert stored(sealed) == before
    assert open_repository(sealed).find(), "reading follows the repository"


def test_a_key_file_is_made_once_for_its_owner_alone(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "backup.key"
    settings(store, encrypt='"key"', key_file=f'"{path}"')
    with pytest.raises(ChartkeepError, match="does not exist"):
        take(store)
    made, recipient = keys.make(store.root)
    assert made == path
    assert recipient.startswith("age1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    with pytest.raises(Refused, match="exists already"):
        keys.make(store.root)
    assert path.read_text() == text
    assert [entry.name for entry in path.parent.iterdir()] == ["backup.key"]
    chart(store, "Book")
    backup = take(store)
    assert states(out(store, backup, tmp_path / "there"))["default"] == live(store)


def test_another_key_does_not_open_it(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(store, encrypt='"key"', key_file=f'"{tmp_path / "one"}"')
    keys.make(path=tmp_path / "one")
    keys.make(path=tmp_path / "two")
    take(store)
    before = stored(store)
    monkeypatch.setenv("CHARTKEEP_KEY_FILE", str(tmp_path / "two"))
    with pytest.raises(Refused, match="key does not open"):
        take(store)
    (tmp_path / "two").write_text("not a key\n")
    with pytest.raises(Refused, match="holds no age identity"):
        take(store)
    assert stored(store) == before


def test_without_pyrage_it_is_said_what_to_install(sealed: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def importing(name: str, *args: Any, **words: Any) -> Any:
        if name == "pyrage":
            raise ImportError(name)
        return real(name, *args, **words)

    monkeypatch.setattr(builtins, "__import__", importing)
    with pytest.raises(ChartkeepError, match=r"chartkeep\[crypt\]"):
        take(sealed)
    assert stored(sealed) == {}
