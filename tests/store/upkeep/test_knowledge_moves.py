"""What belongs to knowledge goes where its context goes, and comes back from backups: journals, vectors, staged items."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import charts, durable, records, workflows
from store.errors import Refused, StorageError
from store.store import Store
from store.upkeep.backup import open_repository
from store.upkeep.backup.taking import take
from store.upkeep.recovery import restoring
from tests.store.upkeep.knowing import analogy, known, put
from tests.stores import Opener, chart


def laid(store: Store, context: str, *, model: str = "lexical", shards: int = 2) -> dict[str, bytes]:
    """Files where vectors of a context lie, by path in the context's folder."""
    folder = store.layout.vectors / context / model
    folder.mkdir(parents=True, exist_ok=True)
    files = {f"{number:06}.npz": f"{context}{number}".encode() * 50 for number in range(1, shards + 1)}
    files["model.json"] = b"{}"
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return {f"{model}/{name}": data for name, data in files.items()}


def there(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


@pytest.fixture
def work(store: Store) -> Store:
    """A store whose context `work` has a chart, knowledge and vectors."""
    store.contexts.create("work")
    chart(store, "Book", context="work")
    put(store, analogy(1), analogy(2), context="work")
    store.settle()
    return store


def test_renaming_takes_knowledge_and_vectors_along(work: Store) -> None:
    files, before = laid(work, "work"), known(work, "work")
    work.contexts.rename("work", "play")
    assert known(work, "play") == before
    assert there(work.layout.vectors / "play") == files
    assert not (work.layout.vectors / "work").exists()


def test_vectors_left_by_a_context_of_that_name_make_way(work: Store) -> None:
    files, stale = laid(work, "work"), laid(work, "play", model="old")
    work.contexts.rename("work", "play")
    assert there(work.layout.vectors / "play") == files
    (kept,) = work.layout.recovery.glob("vectors-play-*")
    assert there(kept) == stale


def test_putting_away_and_bringing_back_takes_them_along(work: Store) -> None:
    files, before = laid(work, "work"), known(work, "work")
    place = work.contexts.archive("work")
    assert there(place / "vectors") == files
    assert not (work.layout.vectors / "work").exists()
    work.contexts.restore("work")
    assert known(work, "work") == before
    assert there(work.layout.vectors / "work") == files
    assert work.contexts.archived() == []


@pytest.mark.parametrize("nth", range(1, 4))
@pytest.mark.parametrize("way", ["rename", "archive"])
def test_a_move_cut_short_is_finished_by_the_next(
    work: Store, opened: Opener, monkeypatch: pytest.MonkeyPatch, nth: int, way: str
) -> None:
    files, before = laid(work, "work"), known(work, "work")
    real, count = durable.move, 0

    def refused(source: Path, target: Path) -> None:
        nonlocal count
        count += 1
        if count == nth:
            raise StorageError("no")
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(durable, "move", refused)
        with pytest.raises(StorageError):
            work.contexts.rename("work", "play") if way == "rename" else work.contexts.archive("work")
    other = opened("bob")
    other.catch_up()
    if way == "archive":
        assert other.contexts.archived() == ["work"]
        other.contexts.restore("work")
    name = "play" if way == "rename" else "work"
    assert known(other, name) == before
    assert there(other.layout.vectors / name) == files


def test_a_crash_before_the_indexes_forget_leaves_no_row(
    work: Store, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.library.sync()
    with monkeypatch.context() as patch:
        patch.setattr(type(work.library), "forget", lambda *_: (_ for _ in ()).throw(StorageError("no")))
        with pytest.raises(StorageError):
            work.contexts.rename("work", "play")
    other = opened("bob")
    other.catch_up()
    other.library.sync()
    assert other.library.collections() == [("play", "analogies", 2)]
    with other.snapshot() as snap:
        assert [row.name for row in snap.contexts()] == ["play"]


def test_a_context_with_knowledge_alone_is_a_context(store: Store, opened: Opener) -> None:
    store.contexts.create("lab")
    put(store, analogy(1), context="lab")
    store.layout.chart_file("lab").unlink()
    other = opened("bob")
    assert other.contexts.names() == ["default", "lab"]
    other.catch_up()
    other.settle()
    assert other.verify() == []
    assert [info.name for info in other.contexts.info()] == ["default", "lab"]
    other.contexts.rename("lab", "bench")
    assert len(known(other, "bench")) == 1
    made = other.run("bench", charts.create_chart, "A bench", "No bench", steps=[])
    assert made.focus
    other.settle()
    assert other.verify() == []


@pytest.mark.parametrize("way", ["rename", "archive"])
def test_a_context_is_not_taken_from_under_a_workflow(work: Store, way: str) -> None:
    made = workflows.submit(work, "work", "import", [records.dumps(analogy(5))])

    def move() -> object:
        return work.contexts.rename("work", "play") if way == "rename" else work.contexts.archive("work")

    with pytest.raises(Refused, match=f"have not ended .{made.id}"):
        move()
    assert "work" in work.contexts.names()
    workflows.cancel(work, made.id)
    move()
    assert "work" not in work.contexts.names()


def test_what_workflows_wrote_goes_along(work: Store) -> None:
    made = workflows.submit(work, "work", "import", [records.dumps(analogy(5)), b"{"])
    workflows.run(work, made.id)
    work.contexts.rename("work", "play")
    moved = workflows.get(work, made.id)
    assert (moved.context, moved.written, moved.rejected) == ("play", 1, 1)
    assert work.verify() == []
    workflows.rollback(work, made.id)
    assert "analogy:a5" not in known(work, "play")


# -- backups -----------------------------------------------------------------------------------------


def test_a_backup_brings_back_knowledge_vectors_and_staged_items(work: Store) -> None:
    files, before = laid(work, "work"), known(work, "work")
    folder = work.layout.workflows / "w1"
    folder.mkdir(parents=True)
    (folder / "items.jsonl").write_bytes(b"{}\n")
    (folder / "beat.json").write_bytes(b"{}")
    (folder / "run.lock").write_bytes(b"")
    take(work)
    put(work, analogy(3), context="work")
    laid(work, "work", shards=3)
    (folder / "items.jsonl").write_bytes(b"other\n")
    other = work.layout.workflows / "w2"
    other.mkdir()
    (other / "items.jsonl").write_bytes(b"later\n")
    repository = open_repository(work)
    done = restoring.restore_store(work, repository, repository.find())
    assert known(work, "work") == before
    assert work.library.collections() == [("work", "analogies", 2)]
    assert there(work.layout.vectors / "work") == files
    assert there(work.layout.workflows) == {"w1/items.jsonl": b"{}\n"}
    assert done.replaced is not None
    assert there(done.replaced / ".workflows") == {
        "w1/items.jsonl": b"other\n",
        "w1/beat.json": b"{}",
        "w2/items.jsonl": b"later\n",
    }


def test_manifests_of_vectors_are_read_before_their_shards(
    work: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shards that join meanwhile are no matter; where merging takes one away all are read again."""
    from store.upkeep.backup.copying import Copier

    laid(work, "work")
    folder = work.layout.vectors / "work" / "lexical"
    real, merged, order = Copier.file, [], []

    def copied(self: Copier, plain: object) -> None:
        path = plain.source  # type: ignore[attr-defined]
        if path.parent == folder:
            order.append(path.name)
            if path.name == "000001.npz" and not merged:
                merged.append(path)
                (folder / "000003.npz").write_bytes(b"merged")
                (folder / "model.json").write_bytes(b'{"new":1}')
                path.unlink()
        real(self, plain)  # type: ignore[arg-type]

    monkeypatch.setattr(Copier, "file", copied)
    backup = take(work)
    assert order[0] == "model.json"
    repository = open_repository(work)
    files = repository.files(repository.find(backup.id))
    held = {
        name.rpartition("/")[2]: b"".join(repository.read(backup, name))
        for name in files
        if name.startswith(".vectors/")
    }
    assert held["model.json"] == b'{"new":1}'
    assert held["000003.npz"] == b"merged"


def test_staged_items_of_every_workflow_in_the_backup_are_in_it(
    work: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workflow submitted while the backup is taken is in it with its items, or not at all."""
    from store.upkeep.backup import snapshot

    put(work, analogy(9))
    real = snapshot.journals

    def submitted(store: Store) -> object:
        folder = store.layout.workflows / "w9"
        folder.mkdir(parents=True)
        (folder / "items.jsonl").write_bytes(b"{}\n")
        put(store, {"type": "workflow", "id": "w9", "state": "pending"})
        return real(store)

    monkeypatch.setattr(snapshot, "journals", submitted)
    backup = take(work)
    repository = open_repository(work)
    assert ".workflows/w9/items.jsonl" in repository.files(repository.find(backup.id))
