"""Backups against `tar | zstd` and restic: a full one, an incremental at two sizes, and a restore.

All of them get the same store: its journals (and so all it takes to make the rest anew), repeated
charts of the benches' own. The floor of a full backup is `tar --create | zstd -3` into a file that is
synced; restic is shown for comparison where it is installed. Neither reads back what it wrote, as ours
does. All begin with warm caches.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import stores
from bench.measure import Figure, in_turns, median, timed
from store import records
from store.charts import names
from store.journal import Draft
from store.layout import Layout
from store.store import Store, open_store
from store.upkeep.backup import open_repository
from store.upkeep.backup.drilling import write_out
from store.upkeep.backup.taking import take

MEGABYTES, FULL_MEGABYTES = 100, 1000
SMALL = 10
"""A store this many times smaller, for the incremental."""
EDITS = 100
ROUNDS = 3
_BYTES_A_CHART = 6_100


def figures(*, full: bool) -> Iterator[Figure]:
    megabytes = FULL_MEGABYTES if full else MEGABYTES
    with tempfile.TemporaryDirectory(prefix="chartkeep-bench-") as name:
        folder = Path(name)
        large, small = _made(folder / "large", megabytes), _made(folder / "small", megabytes // SMALL)
        size = _size(large) >> 20
        yield from _whole(folder, large, f"{size:,} MB")
        yield _incremental(large, small, f"{EDITS} edits, {size:,} MB to {size // SMALL:,} MB")
        yield from _restored(folder, large, f"{size:,} MB")


def _made(folder: Path, megabytes: int) -> Path:
    """A store whose journal is about so large, without index and chart file."""
    store = folder / ".coaia"
    store.mkdir(parents=True)
    journal = stores.fill(stores.journal_of(store), megabytes * 1_000_000 // _BYTES_A_CHART)
    journal.close()
    return store


def _size(store: Path) -> int:
    return sum(path.stat().st_size for path in (store / ".journal").rglob("*") if path.is_file())


def _whole(folder: Path, source: Path, size: str) -> Iterator[Figure]:
    """A full backup into an empty repository; each round begins without one."""
    target = folder / "backup.tar.zst"

    def tar() -> None:
        command = f"tar -C {source} -cf - .journal | zstd -3 -q -f -o {target}"
        subprocess.run(command, shell=True, check=True)
        with target.open("rb") as file:
            os.fsync(file.fileno())

    def ours() -> None:
        with open_store(source) as store:
            take(store, "full")

    works = {"tar": tar, "ours": ours}
    environment = {**os.environ, "RESTIC_PASSWORD": "bench", "RESTIC_REPOSITORY": str(folder / "restic")}
    if shutil.which("restic"):
        works["restic"] = lambda: _restic(environment, "backup", "--quiet", str(source / ".journal"))
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        shutil.rmtree(source / ".backup", ignore_errors=True)
        shutil.rmtree(folder / "restic", ignore_errors=True)
        if "restic" in works:
            _restic(environment, "init", "--quiet")
        for name, spent in in_turns(1, works).items():
            times[name] += spent
    spent = {name: min(values) for name, values in times.items()}
    yield Figure(
        f"full backup of {size}, read back, to tar | zstd -3", "s", spent["ours"], spent["tar"], most=3
    )
    if "restic" in works:
        yield Figure(
            f"full backup of {size}, read back, to restic", "s", spent["ours"], spent["restic"], most=1
        )
    stored = sum(path.stat().st_size for path in (source / ".backup").rglob("*") if path.is_file())
    yield Figure(
        "its size to that of tar | zstd -3", "MB", stored / 1e6, target.stat().st_size / 1e6, most=1.2
    )
    yield Figure("memory of a full backup, with the interpreter", "MiB", _memory(source), limit=128)
    with open_store(source) as store:
        yield Figure(f"full backup of {size} once more, nothing new", "s", timed(lambda: take(store, "full")))


_PEAK = """
import resource, shutil, sys
from store.store import open_store
from store.upkeep.backup.taking import take
shutil.rmtree(sys.argv[1] + "/.backup")
with open_store(sys.argv[1]) as store:
    take(store, "full")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def _memory(source: Path) -> float:
    """Peak memory of a process that takes a full backup into an empty repository."""
    root = Path(__file__).resolve().parent.parent
    words = [sys.executable, "-c", _PEAK, str(source)]
    return float(subprocess.run(words, cwd=root, check=True, capture_output=True, text=True).stdout)


def _restic(environment: dict[str, str], *words: str) -> None:
    subprocess.run(["restic", "--no-cache", *words], check=True, env=environment, stdout=subprocess.DEVNULL)


def _incremental(large: Path, small: Path, what: str) -> Figure:
    """Time of an incremental backup after some edits, in a large store beside that in a small one."""
    with open_store(small) as little, open_store(large) as much:
        take(little, "full")
        turns = {"small": little, "large": much}
        times: dict[str, list[float]] = {name: [] for name in turns}
        for number in range(10):
            for name, store in turns.items():
                _edited(store, number)
                times[name].append(timed(lambda store=store: take(store, "incremental")))  # type: ignore[misc]
    floor, ours = (1e3 * median(times[name]) for name in ("small", "large"))
    return Figure(f"incremental after {what}", "ms", ours, floor, most=1.5)


def _edited(store: Store, number: int) -> None:
    journal = store.journal("default")
    for edit in range(EDITS):
        cid = stores.chart_id(edit)
        step = names.step_entity(cid, 10 + number, [f"one more step {number}"], now=stores.NOW)
        with journal.writer() as writer:
            writer.append(
                [Draft("put", names.key_of(step), 1, records.dumps(step))], by="bench", meta=stores.META
            )


def _restored(folder: Path, source: Path, size: str) -> Iterator[Figure]:
    """Writing a backup out, every chunk verified, beside unpacking the archive."""
    there = folder / "there"
    there.mkdir()
    archive = folder / "backup.tar.zst"

    def tar() -> None:
        subprocess.run(f"zstd -dcq {archive} | tar -C {there} -xf -", shell=True, check=True)

    with open_store(source) as store:
        repository = open_repository(store)
        backup = repository.find()

        def ours() -> None:
            with store.jobs.run("backup", "bench") as job:
                write_out(repository, backup, Layout.of(folder / "restored" / ".coaia"), job)

        begun = time.perf_counter()
        tar()
        floor = time.perf_counter() - begun
        yield Figure(f"restore of {size}, verified, to zstd -d | tar", "s", timed(ours), floor, most=3)
