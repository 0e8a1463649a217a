"""Backups with damage: every flipped bit, missing chunk and half-written manifest is told, and nothing else hurt."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import charts, records
from store.errors import ChartkeepError, Damaged, NotFound, TooNew
from store.store import Store
from store.upkeep.backup import Backup, drilling, keys, open_repository
from store.upkeep.backup import manifest as manifests
from store.upkeep.backup.checking import verify
from store.upkeep.backup.drilling import drill
from store.upkeep.backup.repository import object_name
from store.upkeep.backup.sealing import Sealer, Unsealable
from store.upkeep.backup.taking import take
from tests.store.backup.restored import settings
from tests.stores import chart

JOURNAL = ".journal/default/charts.jsonl"


def chunk_of(store: Store, backup: Backup, path: str = JOURNAL, number: int = 0) -> Path:
    chunk = open_repository(store).files(backup)[path].chunks[number]
    return store.layout.backups / object_name(chunk.name)


@pytest.mark.parametrize("encrypt", ["none", "key"])
def test_every_flipped_byte_of_a_chunk_is_found(store: Store, tmp_path: Path, encrypt: str) -> None:
    """A flip may hit a bit of zstd's header that means nothing; what is read is never other than what was written."""
    keys.make(path=tmp_path / "key")
    settings(store, encrypt=f'"{encrypt}"', key_file=f'"{tmp_path / "key"}"')
    chart(store, "Book")
    backup = take(store)
    repository, path = open_repository(store), chunk_of(store, backup)
    raw, found = path.read_bytes(), 0
    for place in range(len(raw)):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        try:
            assert b"".join(repository.read(backup, JOURNAL)) == store.layout.journal("default").read_bytes()
        except Damaged as error:
            found += "charts.jsonl at offset 0" in str(error)
    assert found >= len(raw) - 2
    for length in range(len(raw)):
        path.write_bytes(raw[:length])
        with pytest.raises(Damaged):
            list(repository.read(backup, JOURNAL))
    path.write_bytes(raw)
    assert b"".join(repository.read(backup, JOURNAL)) == store.layout.journal("default").read_bytes()


def test_verify_names_chunks_by_file_and_offset(store: Store) -> None:
    name = chart(store, "Book")
    first = take(store)
    end = open_repository(store).files(first)[JOURNAL].size
    store.run("default", charts.add_fact, name, "More")
    second = take(store)
    assert verify(store, all=True) == []
    chunk_of(store, second, number=1).unlink()
    found = verify(store)
    assert [(item.severity, item.code, item.offset) for item in found] == [("error", "backup-chunk", end)]
    assert found[0].path == str(chunk_of(store, second, number=1))
    assert "missing" in found[0].message
    assert verify(store, first.id) == []
    backups = {one.id: one for one in open_repository(store).backups()}
    assert backups[first.id].good
    assert not backups[second.id].good
    chunk_of(store, first).write_bytes(b"something else")
    assert len(verify(store, all=True)) == 3, "one chunk of two backups, and the one that is missing"


def test_every_flipped_byte_of_a_manifest_is_found(store: Store) -> None:
    chart(store, "Book")
    take(store)
    second = take(store)
    path = store.layout.backups / second.name
    raw, found = path.read_bytes(), 0
    for place in range(len(raw)):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        repository = open_repository(store)
        try:
            assert repository.find(second.id) == second
        except Damaged:
            found += 1
            assert repository.find().id != second.id
    assert found >= len(raw) - 2
    path.write_bytes(raw[:-1])
    assert [item.code for item in verify(store, all=True)] == ["backup-manifest"]


def test_a_missing_parent_is_told(store: Store) -> None:
    chart(store, "Book")
    first = take(store)
    second = take(store)
    (store.layout.backups / first.name).unlink()
    assert [item.code for item in open_repository(store).findings()] == ["backup-parent"]
    assert {item.code for item in verify(store, all=True)} == {"backup-parent"}
    with pytest.raises(Damaged, match=first.id):
        drill(store, second.id)
    assert take(store).kind == "full"


def test_what_is_not_there_is_said(store: Store) -> None:
    with pytest.raises(NotFound, match="There are no backups"):
        open_repository(store)
    take(store)
    repository = open_repository(store)
    backup = repository.find()
    with pytest.raises(NotFound, match="no backup whose id"):
        repository.find("ffff")
    with pytest.raises(NotFound, match="no file"):
        list(repository.read(backup, "nothing"))
    from datetime import UTC, datetime

    with pytest.raises(NotFound, match="before 2020"):
        repository.find(at=datetime(2020, 1, 1, tzinfo=UTC))
    while len({one.id[0] for one in repository.backups()}) == len(repository.backups()):
        take(store)
    common = Counter(one.id[0] for one in repository.backups()).most_common(1)[0][0]
    with pytest.raises(NotFound, match="several"):
        repository.find(common)


def test_a_drill_passes_a_sound_backup_and_fails_one_whose_chain_is_broken(store: Store) -> None:
    chart(store, "Book", "Draft")
    backup = drill(store, take(store).id)
    assert backup.drilled is not None
    path = store.layout.journal("default")
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"Draft", b"Craft", 1))  # the end of the chain is whole, its middle not
    bad = take(store, "full")
    with pytest.raises(Damaged, match="line"):
        drill(store)
    found = open_repository(store).find(bad.id)
    assert found.drilled is None
    assert "line" in found.failed
    assert not list(Path(store.layout.root.parent).glob("chartkeep-drill-*"))


def test_a_drill_fails_where_a_journal_ends_before_its_position(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every line that is there is sound."""
    name = chart(store, "Book")
    short = store.layout.journal("default").stat().st_size
    store.run("default", charts.add_fact, name, "More")
    take(store)
    real = drilling.write_out

    def cut(repository: Any, backup: Any, layout: Any, job: Any) -> int:
        done = real(repository, backup, layout, job)
        os.truncate(layout.journal("default"), short)
        return done

    monkeypatch.setattr(drilling, "write_out", cut)
    with pytest.raises(Damaged, match="its manifest says"):
        drill(store)


def test_a_newer_format_is_not_guessed_at(store: Store) -> None:
    take(store)
    config = store.layout.backups / "config.json"
    config.write_bytes(config.read_bytes().replace(b'"format_version":1', b'"format_version":2'))
    with pytest.raises(TooNew):
        open_repository(store)
    with pytest.raises(TooNew):
        take(store)
    config.unlink()
    with pytest.raises(Damaged, match=r"config\.json is missing"):
        take(store)


def test_what_unpacks_to_more_than_it_says_is_cut_off() -> None:
    sealer = Sealer()
    bomb = sealer.seal(bytes(1 << 26))
    assert len(bomb) < 1 << 14
    with pytest.raises(Unsealable):
        sealer.unseal(bomb, 1 << 16)


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside", ".journal/../../x", "", "a//b", "./a", "x\0y"])
def test_a_manifest_cannot_name_files_outside_the_store(path: str) -> None:
    plain = {"size": 0, "mtime": 0, "mode": 420, "inode": 1, "settled": True, "chunks": []}
    with pytest.raises(Damaged):
        manifests.decode(records.dumps({**HEAD, "files": {path: plain}}), "here")


HEAD = {
    "format": manifests.FORMAT,
    "format_version": 1,
    "seq": 1,
    "at": "2026-11-21T12:00:00.000000Z",
    "kind": "full",
    "parent": None,
    "bytes": 0,
    "stored": 0,
    "count": 0,
    "seconds": 0.0,
    "gone": [],
    "published": [],
    "damaged": [],
    "files": {},
}

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(HEAD)), values, max_size=4), values)
def test_any_manifest_is_read_or_refused(changes: dict[str, object], file: object) -> None:
    for document in ({**HEAD, **changes}, {**HEAD, "files": {"a": file}}, file):
        try:
            found = manifests.decode(records.dumps(document), "here")
        except (ChartkeepError, records.BadJson):
            continue
        manifests.resolve([("here", found)])


@given(st.binary(max_size=200))
def test_any_bytes_are_unsealed_or_refused(raw: bytes) -> None:
    with suppress(Unsealable):
        assert len(Sealer().unseal(raw, 100)) <= 100
