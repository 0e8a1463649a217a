"""Stores that may only be read, or not at all: a clear word, and nothing written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from store import charts
from store.errors import ChartkeepError, NotFound, ReadOnly, TooNew
from tests.stores import DATA, Opener, chart, live

NOBODY = 65534

AS_NOBODY = """
import os, sys
from store import charts, open_store
from store.errors import ChartkeepError
from store import init_store
import platformdirs
os.environ["HOME"] = os.environ["XDG_CACHE_HOME"] = sys.argv[3]
for readonly in (False, True):  # the interpreter itself may be out of the other user's reach: import all of it first
    with open_store(init_store(sys.argv[3]), readonly=readonly) as warm:
        warm.catch_up()
        readonly or warm.run("default", charts.create_chart, "Warm")
        warm.settle()
if os.getuid() == 0:
    os.setgroups([]); os.setgid({nobody}); os.setuid({nobody})
os.environ["HOME"] = os.environ["XDG_CACHE_HOME"] = sys.argv[2]
try:
    with open_store(sys.argv[1]) as store:
        store.catch_up()
        with store.snapshot() as snap:
            print("read", sum(len(snap.chart_ids(name)) for name in store.contexts.names()))
        store.run("default", charts.create_chart, "Theirs")
        store.settle()
        print("wrote")
except ChartkeepError as error:
    print(type(error).__name__, error)
"""


def as_nobody(folder: Path, tmp_path: Path) -> list[str]:
    """What a user without rights sees of a store; each line that was printed."""
    home = tmp_path / "nobody"
    home.mkdir(exist_ok=True)
    home.chmod(0o777)
    for place in (tmp_path, *tmp_path.parents):
        if place.owner() == "root" and place != Path("/") and not place.stat().st_mode & 0o001:
            place.chmod(place.stat().st_mode | 0o011)
    code = AS_NOBODY.replace("{nobody}", str(NOBODY))
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(home), str(tmp_path / "warm")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_store_opened_for_reading_is_not_written_to(folder: Path, opened: Opener) -> None:
    name = chart(opened())
    opened().settle()
    before = contents(folder)
    reader = opened(readonly=True)
    reader.catch_up()
    assert reader.chart("default", name).row.title
    for command in (
        lambda: reader.run("default", charts.create_chart, "Never"),
        reader.undo,
        lambda: reader.move("default", [name], "work"),
        lambda: reader.contexts.create("work"),
    ):
        with pytest.raises(ReadOnly, match="for reading only"):
            command()
    reader.verify()
    reader.settle()
    reader.close()
    assert contents(folder) == before


def test_a_chart_file_without_a_journal_is_read_through_a_shadow(folder: Path, opened: Opener) -> None:
    (folder / "charts.jsonl").write_bytes((DATA / "spiral" / "charts.jsonl").read_bytes())
    before = contents(folder)
    reader = opened(readonly=True)
    reader.start_background()
    reader.catch_up()
    with reader.snapshot() as snap:
        assert snap.chart_ids("default")
    reader.close()
    assert contents(folder) == before


@pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can become somebody else"
)
def test_another_users_store_is_read_and_not_written(folder: Path, tmp_path: Path, opened: Opener) -> None:
    store = opened()
    chart(store)
    store.settle()
    store.close()
    before = contents(folder)
    said = as_nobody(folder, tmp_path)
    assert said[0] == "read 1"
    assert said[1].startswith("ReadOnly")
    assert contents(folder) == before


@pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can become somebody else"
)
@pytest.mark.parametrize("what", ["the folder", "the journals", "a journal"])
def test_what_may_not_be_read_is_named(folder: Path, tmp_path: Path, opened: Opener, what: str) -> None:
    store = opened()
    chart(store)
    store.close()
    place = {
        "the folder": folder,
        "the journals": folder / ".journal",
        "a journal": folder / ".journal" / "default",
    }[what]
    place.chmod(0o700)
    (said,) = as_nobody(folder, tmp_path)
    assert said.split()[0] in ("StorageError", "ReadOnly")
    assert str(place) in said


@pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can become somebody else"
)
def test_an_index_that_may_not_be_written_is_named(folder: Path, tmp_path: Path, opened: Opener) -> None:
    store = opened()
    chart(store)
    store.close()
    for path in (folder, *folder.rglob("*")):
        if ".index" not in path.parts:
            path.chmod(0o777)
    said = as_nobody(folder, tmp_path)
    assert "wrote" in said or ".index" in said[-1], said


def test_a_newer_format_is_left_alone(folder: Path, opened: Opener) -> None:
    store = opened()
    chart(store)
    store.close()
    path = folder / ".journal" / "default" / "charts.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"format_version":1', b'"format_version":9'))
    before = path.read_bytes()
    store = opened()
    with pytest.raises(TooNew, match="newer chartkeep"):
        store.run("default", charts.create_chart, "Never")
    with pytest.raises(ChartkeepError):
        store.catch_up()
    assert path.read_bytes() == before


def test_a_store_that_is_not_there(tmp_path: Path, opened: Opener) -> None:
    with pytest.raises(NotFound, match="no store at"):
        opened(path=tmp_path / "none")
    with pytest.raises(NotFound, match="no store at"):
        opened(path=tmp_path / "none.jsonl")


def test_a_single_chart_file_of_any_name_is_a_store(tmp_path: Path, opened: Opener) -> None:
    path = tmp_path / "owner-repo.jsonl"
    path.write_bytes((DATA / "spiral" / "charts.jsonl").read_bytes())
    store = opened(path=path)
    store.catch_up()
    (context,) = store.contexts.names()
    chart(store, "Added", context=context)
    store.settle()
    assert b"Added" in path.read_bytes()
    assert len(live(store, context)) == len(path.read_bytes().splitlines())
    assert sorted(entry.name for entry in tmp_path.iterdir() if not entry.name.startswith(".")) == [
        "owner-repo.jsonl"
    ]


def test_a_file_of_another_kind_named_as_a_store_is_left_alone(tmp_path: Path, opened: Opener) -> None:
    path = tmp_path / "README.md"
    path.write_bytes(b"# Notes\nSome prose\n")
    store = opened(path=path)
    store.catch_up()
    store.settle()
    assert path.read_bytes() == b"# Notes\nSome prose\n"
