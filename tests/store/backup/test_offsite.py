"""Copies elsewhere: a folder, and S3 as a server on this machine speaks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from store import charts
from store.errors import ChartkeepError, StorageError, UsageError
from store.store import Store
from store.upkeep.backup import open_repository, places
from store.upkeep.backup.attempts import history
from store.upkeep.backup.checking import findings_of, verify
from store.upkeep.backup.drilling import drill
from store.upkeep.backup.keeping import prunings
from store.upkeep.backup.places import FsspecPlace, LocalPlace, place_of
from store.upkeep.backup.taking import take, told
from tests.store.backup.restored import out, settings, states, stored
from tests.store.backup.sftp import Server
from tests.stores import Opener, chart, live


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The URL of an empty folder in a bucket, of an S3 server on the loopback interface."""
    from moto.server import ThreadedMotoServer

    patch = pytest.MonkeyPatch()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    patch.setenv("AWS_ACCESS_KEY_ID", "test")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    import s3fs

    s3fs.S3FileSystem(skip_instance_cache=True).mkdir("backups")
    yield "s3://backups"
    server.stop()
    patch.undo()


def test_every_object_is_there_before_the_manifest(store: Store, tmp_path: Path) -> None:
    settings(store, offsite=f'["{tmp_path / "away"}"]')
    name = chart(store, "Book")
    take(store)
    store.run("default", charts.add_fact, name, "More")
    backup = take(store)
    assert backup.problems == ()
    here = {name: data for name, data in stored(store).items() if not name.endswith(".ckpart")}
    assert files(tmp_path / "away") == here
    assert verify(store, all=True, place=str(tmp_path / "away")) == []


def test_a_place_that_fails_is_told_and_gets_what_it_missed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = tmp_path / "away"
    settings(store, offsite=f'["{away}"]')
    name = chart(store, "Book")
    take(store)
    away.rename(tmp_path / "unplugged")
    away.write_bytes(b"")  # in the way
    store.run("default", charts.add_fact, name, "More")
    backup = take(store)
    assert [(item.code, item.path) for item in told(backup)] == [("off-site", str(away))]
    assert open_repository(store).find().id == backup.id
    assert [(one.what, one.ok) for one in history(store)][-2:] == [("backup", True), ("copy", False)]
    away.unlink()
    (tmp_path / "unplugged").rename(away)
    store.run("default", charts.add_fact, name, "Still more")
    assert take(store).problems == ()
    assert files(away) == stored(store)
    assert findings_of(store) == []


def test_a_copy_cut_short_is_none_and_is_finished_by_the_next(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = tmp_path / "away"
    settings(store, offsite=f'["{away}"]')
    name = chart(store, "Book")
    store.contexts.create("play")
    chart(store, "Game", context="play")
    real = LocalPlace.write
    for nth in range(1, 20):
        store.run("default", charts.add_fact, name, f"Fact {nth}")
        count = [0]

        def write(
            self: LocalPlace,
            name: str,
            data: bytes,
            *,
            later: bool = False,
            nth: int = nth,
            count: list[int] = count,
        ) -> None:
            if self.folder == away:
                count[0] += 1
                if count[0] >= nth:
                    raise StorageError("the cable was pulled")
            real(self, name, data, later=later)

        with monkeypatch.context() as patch:
            patch.setattr(LocalPlace, "write", write)
            problems = take(store, "full").problems
        if (away / "config.json").exists():
            assert verify(store, all=True, place=str(away)) == [], nth
        if not problems:
            break
    assert nth > 4
    (away / "marks.jsonl").unlink()
    assert files(away) == stored(store)


def test_what_is_kept_here_is_kept_there(store: Store, tmp_path: Path) -> None:
    """Otherwise the next backup would copy it again, and the next pruning remove it."""
    away = tmp_path / "away"
    settings(store, offsite=f'["{away}"]', keep_hourly="1", keep_daily="0", keep_weekly="0")
    name = chart(store, "Book")
    drill(store, take(store, "full").id)
    for number in range(3):
        store.run("default", charts.add_fact, name, f"Fact {number}")
        take(store, "full")
    assert [len(one.removed) for one in prunings(store)] == [2, 2]
    assert files(away).keys() == stored(store).keys()
    assert take(store).problems == ()
    assert [len(one.removed) for one in prunings(store, dry_run=True)] == [0, 0]


def test_an_object_cut_off_there_is_copied_again(store: Store, tmp_path: Path) -> None:
    away = tmp_path / "away"
    settings(store, offsite=f'["{away}"]')
    chart(store, "Book")
    take(store)
    for path in (away / "objects").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1])
    assert take(store, "full").problems == ()
    assert verify(store, all=True, place=str(away)) == []


def test_what_was_copied_wrong_is_noticed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = tmp_path / "away"
    settings(store, offsite=f'["{away}"]')
    chart(store, "Book")
    real = LocalPlace.write

    def write(self: LocalPlace, name: str, data: bytes, *, later: bool = False) -> None:
        wrong = self.folder == away and name.startswith("objects/")
        real(self, name, data[:-1] + b"?" if wrong else data, later=later)

    monkeypatch.setattr(LocalPlace, "write", write)
    assert [item.code for item in take(store).problems] == ["off-site"]
    assert not (away / "manifests").exists()


def test_the_place_of_another_repository_is_left_alone(opened: Opener, tmp_path: Path) -> None:
    from store import init_store

    away = tmp_path / "away"
    for name in ("one", "two"):
        store = opened(path=init_store(tmp_path / name))
        settings(store, offsite=f'["{away}"]')
        problems = take(store).problems
        assert bool(problems) == (name == "two")
    assert "belong to another repository" in problems[0].message
    assert len(list((away / "manifests").iterdir())) == 1


def test_backing_up_to_a_place_by_hand(store: Store, tmp_path: Path) -> None:
    place = str(tmp_path / "stick")
    chart(store, "Book")
    take(store)
    by_hand = take(store, place=place)
    assert by_hand.kind == "full"
    assert len(open_repository(store).backups()) == 1
    settings(store, offsite=f'["{place}"]')
    assert take(store).problems == ()
    assert len(open_repository(store, place).backups()) == 3
    assert verify(store, all=True, place=place) == []


def test_s3(store: Store, tmp_path: Path, bucket: str) -> None:
    """Taken, copied, listed, verified, restored from there, and pruned."""
    url = f"{bucket}/charts"
    settings(store, offsite=f'["{url}"]', keep_hourly="1", keep_daily="0", keep_weekly="0")
    name = chart(store, "Book", "Draft")
    take(store)
    store.run("default", charts.add_fact, name, "More")
    backup = take(store)
    assert backup.problems == ()
    place = FsspecPlace(url)
    there = {one.name: one.size for folder in ("objects", "manifests") for one in place.names(folder)}
    here = {name: len(data) for name, data in stored(store).items() if "/" in name}
    assert there == here
    remote = open_repository(store, url)
    assert [one.id for one in remote.backups()] == [one.id for one in open_repository(store).backups()]
    assert verify(store, all=True, place=url) == []
    assert states(out(store, backup, tmp_path / "there", remote))["default"] == live(store)
    assert drill(store, place=url).drilled
    place.delete(next(name for name in there if name.startswith("objects/")))
    assert {item.code for item in verify(store, all=True, place=url)} == {"backup-chunk"}
    take(store, "full")
    assert [len(one.removed) for one in prunings(store)] == [2, 2], "the drilled one has gone bad since"
    assert verify(store, all=True, place=url) == []
    assert place.size("nothing") is None
    place.delete("nothing")


def test_sftp(store: Store, tmp_path: Path) -> None:
    """Taken, copied, verified and pruned over SFTP; a server that is gone is told."""
    served = tmp_path / "served"
    served.mkdir()
    server = Server(served)
    url = f"{server.url}/charts"
    settings(store, offsite=f'["{url}"]', keep_hourly="1", keep_daily="0", keep_weekly="0")
    name = chart(store, "Book", "Draft")
    try:
        take(store)
        store.run("default", charts.add_fact, name, "More")
        assert take(store, "full").problems == ()
        assert files(served / "charts") == stored(store)
        assert verify(store, all=True, place=url) == []
        assert [len(one.removed) for one in prunings(store)] == [1, 1]
        left = files(served / "charts").keys()
        assert stored(store).keys() <= left
        assert len([one for one in left if one.startswith("manifests/")]) == 1
        assert [one for one in left - stored(store).keys() if one.startswith("objects/")], (
            "young objects stay"
        )
    finally:
        server.close()
    (problem,) = take(store).problems
    assert "127.0.0.1" in problem.message
    assert ":pw@" not in f"{problem}{history(store)}", "passwords stay out of messages and logs"


def test_a_place_out_of_reach_is_named(store: Store, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(store, offsite=f'["{bucket}-that-is-not-there/x"]')
    (problem,) = take(store).problems
    assert "s3://backups-that-is-not-there/x" in problem.message
    assert problem.severity == "error"


def test_a_place_nobody_knows_is_refused(store: Store) -> None:
    settings(store, offsite='["nonsense://x"]')
    assert "nonsense://x" in take(store).problems[0].message
    with pytest.raises(UsageError, match="nonsense"):
        open_repository(store, "nonsense://x")


def test_without_fsspec_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def importing(name: str, *args: Any, **words: Any) -> Any:
        if name.startswith("fsspec"):
            raise ImportError(name)
        return real(name, *args, **words)

    monkeypatch.setattr(builtins, "__import__", importing)
    with pytest.raises(ChartkeepError, match=r"chartkeep\[sftp\]"):
        FsspecPlace("sftp://host/folder").names("objects")


def test_places_that_rename_show_a_file_only_once_it_is_whole(tmp_path: Path) -> None:
    """Any protocol that is no object store writes aside first; fsspec's own local one stands for SFTP here."""
    place = FsspecPlace(f"local://{tmp_path / 'there'}")
    place.write("objects/ab/x", b"one")
    place.write("objects/ab/x", b"other")
    assert place.read("objects/ab/x", most=100) == b"other"
    assert place.read("objects/ab/x", most=2) == b"ot"
    assert [(one.name, one.size) for one in place.names("objects")] == [("objects/ab/x", 5)]
    assert place.size("objects/ab/x") == 5
    place.delete("objects/ab/x")
    assert place.names("objects") == []
    assert files(tmp_path / "there") == {}


def test_places_are_folders_or_urls(tmp_path: Path) -> None:
    for text, folder in (
        ("sub/x", tmp_path / "sub/x"),
        ("/a/b", Path("/a/b")),
        ("file:///a/b", Path("/a/b")),
    ):
        place = place_of(text, tmp_path)
        assert isinstance(place, LocalPlace)
        assert place.folder == folder
    with pytest.raises(UsageError):
        places.place_of("", tmp_path)
