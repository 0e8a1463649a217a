"""What a backup holds, and what it does not copy again."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from store import charts, clock, cold, open_store
from store.errors import Damaged, Locked, ReadOnly
from store.journal import Journal
from store.journal_read import raw_lines
from store.store import Store
from store.upkeep.backup import open_repository
from store.upkeep.backup import taking as taking_module
from store.upkeep.backup.attempts import history
from store.upkeep.backup.manifest import CHUNK
from store.upkeep.backup.repository import object_name
from store.upkeep.backup.snapshot import Generation
from store.upkeep.backup.taking import take, told
from store.upkeep.backup.writing import Writer
from tests.store.backup.restored import out, settings, states, stored
from tests.stores import Opener, chart, live

JOURNAL = ".journal/default/charts.jsonl"


def compact(journal: Journal) -> None:
    """Start the next generation with every line of this one."""
    with journal.path.open("rb") as file:
        lines = file.read().splitlines(keepends=True)[1:]
    journal.start_generation(lines)


def test_a_backup_restores_to_the_store_it_was_taken_of(store: Store, tmp_path: Path) -> None:
    chart(store, "Book", "Draft", "Print")
    store.contexts.create("play")
    chart(store, "Game", context="play")
    store.contexts.create("old")
    chart(store, "Past", context="old")
    store.contexts.archive("old")
    store.settle()
    backup = take(store)
    assert (backup.kind, backup.parent, backup.good) == ("full", None, True)
    path = out(store, backup, tmp_path / "there")
    assert states(path) == {"default": live(store), "play": live(store, "play")}
    for name in (JOURNAL, ".journal/play/charts.jsonl", ".journal/default/published.jsonl"):
        assert (path / name).read_bytes() == (store.layout.root / name).read_bytes()
    assert list((path / ".archived" / "old").rglob("charts.jsonl"))


def test_chart_files_as_published_are_published_anew_and_others_copied(store: Store, tmp_path: Path) -> None:
    chart(store, "Book", "Draft")
    store.settle()
    published = store.layout.chart_file("default").read_bytes()
    foreign = store.layout.root / "charts-theirs.jsonl"
    foreign.write_bytes(b'{"type":"entity","name":"x","entityType":"t","observations":[]}\n')
    backup = take(store)
    assert open_repository(store).published(backup) == ("charts.jsonl",)
    path = out(store, backup, tmp_path / "there")
    assert (path / foreign.name).read_bytes() == foreign.read_bytes()
    assert not (path / "charts.jsonl").exists()
    with open_store(path) as restored:
        restored.catch_up()
        restored.settle()
    assert (path / "charts.jsonl").read_bytes() == published
    store.layout.chart_file("default").write_bytes(published + foreign.read_bytes())
    changed = take(store)
    assert "charts.jsonl" in open_repository(store).files(changed)


def test_what_is_unchanged_is_not_copied_again(store: Store) -> None:
    chart(store, "Book", "Draft")
    (store.layout.home / ".vectors").mkdir()
    (store.layout.home / ".vectors" / "big").write_bytes(os.urandom(CHUNK + 100))
    store.settle()
    first = take(store)
    assert first.stored > CHUNK
    before = stored(store)
    for kind in ("full", "incremental", "differential"):
        again = take(store, kind)
        assert (again.kind, again.stored) == (kind, 0)
    after = stored(store)
    assert {name: data for name, data in after.items() if name in before} == before
    assert [name for name in after.keys() - before.keys() if not name.startswith("manifests/")] == []


def test_an_incremental_reads_and_writes_only_what_is_new(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = chart(store, "Book", *(f"Step {n}" for n in range(300)))
    os.utime(store.layout.chart_file("default"), (1e9, 1e9))  # changed long ago, so its time can be relied on
    first = take(store)
    end = open_repository(store).files(first)[JOURNAL].size
    store.run("default", charts.add_fact, name, "One more")
    read: list[tuple[int, int]] = []
    real = Generation.read

    def reading(self: Generation, offset: int, size: int) -> bytes:
        read.append((offset, size))
        return real(self, offset, size)

    put: list[int] = []
    putting = Writer.put
    monkeypatch.setattr(Generation, "read", reading)
    monkeypatch.setattr(Writer, "put", lambda self, plain: (put.append(len(plain)), putting(self, plain))[1])
    second = take(store)
    size = store.layout.journal("default").stat().st_size
    assert second.kind == "incremental"
    assert second.parent == first.id
    assert read == [(end, size - end)]
    assert put == [size - end]
    manifest = open_repository(store).manifest(second.name)
    assert list(manifest.entries) == [JOURNAL]
    assert (manifest.entries[JOURNAL].of, manifest.entries[JOURNAL].kept) == (JOURNAL, end)


def test_a_chain_of_all_kinds_restores_each_of_its_states(store: Store, tmp_path: Path) -> None:
    name = chart(store, "Book", "Draft")
    made = []
    for number, kind in enumerate(
        ("full", "incremental", "incremental", "differential", "incremental", "full")
    ):
        store.run("default", charts.add_fact, name, f"Fact {number}")
        made.append((take(store, kind), live(store)))
    parents = [backup.parent for backup, _ in made]
    ids = [backup.id for backup, _ in made]
    assert parents == [None, ids[0], ids[1], ids[0], ids[3], None]
    for number, (backup, state) in enumerate(made):
        assert states(out(store, backup, tmp_path / str(number)))["default"] == state
    repository = open_repository(store)
    assert [one.id for one in repository.backups()] == ids[::-1]
    assert repository.find(ids[2][:6]).id == ids[2]
    assert repository.find(at=clock.parse(made[3][0].at)).id == ids[3]
    assert repository.find().id == ids[5]


def test_an_archived_generation_goes_on_from_what_was_copied_of_it_live(store: Store, tmp_path: Path) -> None:
    name = chart(store, "Book", *(f"Step {n}" for n in range(200)))
    take(store)
    copied = store.layout.journal("default").stat().st_size
    store.run("default", charts.add_fact, name, "Later")
    compact(store.journal("default"))
    store.run("default", charts.add_fact, name, "After")
    second = take(store, "incremental")
    entry = open_repository(store).manifest(second.name).entries[".journal/default/archive/charts.1.jsonl"]
    assert (entry.of, entry.kept) == (JOURNAL, copied)
    path = out(store, second, tmp_path / "there")
    archive = ".journal/default/archive/charts.1.jsonl"
    assert (path / archive).read_bytes() == (store.layout.root / archive).read_bytes()
    assert states(path)["default"] == live(store)


def test_a_generation_compressed_later_is_not_copied_again(store: Store, tmp_path: Path) -> None:
    chart(store, "Book", *(f"Step {n}" for n in range(200)))
    compact(store.journal("default"))
    first = take(store)
    archive = store.layout.journal_dir("default") / "archive" / "charts.1.jsonl"
    plain = archive.read_bytes()
    cold.freeze(archive)
    store.journal("default").close()
    for kind in ("incremental", "full"):
        backup = take(store, kind)
        assert backup.stored == 0, kind
        path = out(store, backup, tmp_path / kind)
        assert (path / ".journal/default/archive/charts.1.jsonl").read_bytes() == plain
    assert first.files == backup.files


def test_an_archive_written_anew_in_the_same_size_is_copied_anew(store: Store, tmp_path: Path) -> None:
    chart(store, "Book", "A secret step")
    compact(store.journal("default"))
    take(store)
    archive = store.layout.journal_dir("default") / "archive" / "charts.1.jsonl"
    erased = archive.read_bytes().replace(b"A secret step", b"A xxxxxx step")
    archive.unlink()
    archive.write_bytes(erased)
    path = out(store, take(store, "incremental"), tmp_path / "there")
    assert (path / ".journal/default/archive/charts.1.jsonl").read_bytes() == erased


def test_a_journal_cut_back_behind_its_parent_is_copied_anew(store: Store, tmp_path: Path) -> None:
    name = chart(store, "Book", "Draft")
    path = store.layout.journal("default")
    cut = path.stat().st_size
    store.run("default", charts.add_fact, name, "Taken back")
    take(store)
    os.truncate(path, cut)  # as after a sync that failed
    path.with_suffix(".witness").unlink()
    store.close()
    with open_store(store.root) as other:
        other.run("default", charts.add_fact, name, "Another fact, and longer")
        backup = take(other)
        assert states(out(other, backup, tmp_path / "there"))["default"] == live(other)


def test_files_that_go_are_gone_from_the_next_backup(store: Store, tmp_path: Path) -> None:
    store.contexts.create("play")
    chart(store, "Game", context="play")
    take(store)
    store.contexts.rename("play", "game")
    backup = take(store)
    assert backup.kind == "incremental"
    assert set(states(out(store, backup, tmp_path / "there"))) == {"default", "game"}


def test_a_single_chart_file_is_backed_up_with_what_lies_beside_it(opened: Opener, tmp_path: Path) -> None:
    path = tmp_path / "notes" / "memory.jsonl"
    path.parent.mkdir()
    path.write_bytes(b"")
    (path.parent / "private.jsonl").write_bytes(b"{}\n")
    store = opened(path=path)
    chart(store, "Book", "Draft", context=store.contexts.names()[0])
    store.settle()
    backup = take(store)
    assert all("private" not in name for name in open_repository(store).files(backup))
    there = out(store, backup, tmp_path / "there")
    name = store.contexts.names()[0]
    assert states(there)[name] == live(store, name)


def test_damage_is_copied_as_it_is_and_told(store: Store, tmp_path: Path) -> None:
    chart(store, "Book", "Draft", "Print")
    store.contexts.create("play")
    chart(store, "Game", context="play")
    good = take(store)
    path = store.layout.journal("default")
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    path.with_suffix(".witness").unlink()
    store.close()
    with open_store(store.root) as other:
        backup = take(other)
        assert backup.damaged == (JOURNAL,)
        assert not backup.good
        assert [(item.code, item.path) for item in told(backup)] == [("backup-of-damage", JOURNAL)]
        there = out(other, backup, tmp_path / "there")
        assert (there / JOURNAL).read_bytes() == raw
        assert (there / ".journal/play/charts.jsonl").exists()
        assert open_repository(other).find(good.id).good


def test_a_long_row_of_incrementals_ends_in_a_differential(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking_module, "LONGEST", 3)
    assert [take(store, kind).kind for kind in ("full", *["incremental"] * 5)] == [
        "full",
        "incremental",
        "incremental",
        "incremental",
        "differential",
        "incremental",
    ]


def test_nothing_is_built_on_a_backup_that_failed(store: Store) -> None:
    chart(store, "Book")
    take(store)
    second = take(store)
    open_repository(store).mark(second.id, "drill", "a chain is broken")
    third = take(store)
    assert third.kind == "full"
    repository = open_repository(store)
    repository.place.write(third.name, b"garbage")
    assert take(store).kind == "full"
    assert len(open_repository(store).findings()) == 1


def test_a_full_backup_mends_a_chunk_that_went_bad(store: Store, tmp_path: Path) -> None:
    chart(store, "Book", "Draft")
    first = take(store)
    chunk = open_repository(store).files(first)[JOURNAL].chunks[0]
    path = store.layout.backups / object_name(chunk.name)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    repository = open_repository(store)
    with pytest.raises(Damaged, match="offset 0"):
        list(repository.read(first, JOURNAL))
    take(store, "full")
    assert b"".join(repository.read(first, JOURNAL)) == store.layout.journal("default").read_bytes()


def test_parts_of_a_file_are_read_across_chunks(store: Store) -> None:
    big = os.urandom(2 * CHUNK + 5)
    (store.layout.home / ".vectors").mkdir()
    (store.layout.home / ".vectors" / "v").write_bytes(big)
    backup, repository = take(store), open_repository(store)
    for offset, size in ((0, 3), (CHUNK - 2, 4), (CHUNK, CHUNK), (2 * CHUNK - 1, 100), (5, None)):
        assert (
            b"".join(repository.read(backup, ".vectors/v", offset, size)) == big[offset:][: size or len(big)]
        )
    file = repository.files(backup)[".vectors/v"]
    there = store.layout.home / ".vectors" / "v"
    assert repository.differs(file, there) is None
    there.write_bytes(big[:CHUNK] + b"?" + big[CHUNK + 1 :])
    assert repository.differs(file, there) == CHUNK
    there.write_bytes(big + b"?")
    assert repository.differs(file, there) == len(big)


def test_one_backup_at_a_time_and_none_of_a_store_that_is_read_only(
    store: Store, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(store)
    store.layout.settings.write_text("[store]\nlock_timeout = 0.1\n", encoding="utf-8")
    store._settings = None
    with taking_module.locked(store, "a backup"), pytest.raises(Locked, match="a backup"):
        take(store)
    with pytest.raises(ReadOnly):
        take(opened(readonly=True))


def test_every_attempt_is_remembered(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    chart(store, "Book")
    good = take(store)
    settings(store, encrypt='"key"', key_file='"nowhere.key"')
    with pytest.raises(Exception, match="not encrypted"):
        take(store)
    first, second = history(store)
    assert (first.ok, first.id, first.kind, first.stored) == (True, good.id, "full", good.stored)
    assert (second.ok, second.id) == (False, "")
    assert "not encrypted" in second.why


def test_order_is_that_of_taking_whatever_the_clock_says(store: Store) -> None:
    name = chart(store, "Book")
    now = clock.now()
    clock.fix(now)
    first = take(store)
    clock.fix(now - timedelta(hours=1))
    store.run("default", charts.add_fact, name, "Later")
    second = take(store, "incremental")
    assert second.parent == first.id
    assert open_repository(store).find().id == second.id


def test_a_folder_that_belongs_to_another_store_is_refused(opened: Opener, tmp_path: Path) -> None:
    from store import init_store

    one = opened(path=init_store(tmp_path / "one"))
    two = opened(path=init_store(tmp_path / "two"))
    for store in (one, two):
        settings(store, folder=f'"{tmp_path / "shared"}"')
    take(one)
    with pytest.raises(Exception, match="belong to the store"):
        take(two)
    assert len(open_repository(one).backups()) == 1


def test_lines_of_the_journal_lie_in_whole_chunks(store: Store) -> None:
    """A chunk boundary falls anywhere; what is put together is the journal, line by line."""
    chart(store, "Book", *(f"Step {n}" for n in range(50)))
    backup, repository = take(store), open_repository(store)
    whole = b"".join(repository.read(backup, JOURNAL))
    path = store.layout.journal("default")
    with path.open("rb") as file:
        assert whole.splitlines() == list(raw_lines(file.fileno(), 0, path, None))
