"""What the fuzzer has read: journals, chart files, witnesses, settings, cold archives, backups."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from store import charts, init_store, open_store
from store.store import Store
from tests.stores import DATA

Read = Callable[[Path], object]


def make(folder: Path) -> dict[str, tuple[list[bytes], Read]]:
    """A small store in `folder`, and the readers of its files."""
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    root = init_store(folder / "seed")
    with open_store(root) as store:
        for n in range(4):
            name = store.run("default", charts.create_chart, f"Book {n}", "r", steps=["a", "b"]).focus
            store.run("default", charts.add_fact, name, "Fact")
        store.settle()
        journal = store.layout.journal("default").read_bytes()
        chart_file = store.layout.chart_file("default").read_bytes()
        witness = store.layout.journal("default").with_suffix(".witness").read_bytes()
        log = (store.layout.journal_dir("default") / "published.jsonl").read_bytes()
        cold = _cold(store)
        backups = _backups(store)
    samples = [path.read_bytes()[:60_000] for path in sorted(DATA.rglob("*.jsonl"))[:6]]
    plain = Placed(folder)
    made: dict[str, tuple[list[bytes], Read]] = {
        "journal": ([journal], plain.as_journal),
        "chart-file": ([chart_file, *samples], plain.as_chart_file),
        "witness": ([witness], plain.beside("charts.witness")),
        "published-log": ([log], plain.beside("published.jsonl")),
        "settings": (
            [b'[ui]\ntheme = "dark"\n[retention]\nmetrics = "warm 3d"\n[keys]\n"undo" = ["u"]\n'],
            _settings,
        ),
        "cold-archive": ([cold], _cold_file),
    }
    for name, data in backups.items():
        made[f"backup-{name.partition('/')[0]}"] = ([data], plain.in_backup(root, name))
    return made


class Placed:
    """Puts a case in the place of a store's file and reads the store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    def _store(self) -> Path:
        shutil.rmtree(self.folder / "store", ignore_errors=True)
        return init_store(self.folder / "store")

    def as_journal(self, case: Path) -> None:
        """Open, read, verify, write to."""
        from store.upkeep.recovery import recover as recovery

        root = self._store()
        place = root / ".journal" / "default"
        place.mkdir(parents=True)
        shutil.copy(case, place / "charts.jsonl")
        with open_store(root) as store:
            _use(store)
        with open_store(root) as store:
            recovery.recover(store)
            store.run("default", charts.create_chart, "After", "r")

    def as_chart_file(self, case: Path) -> None:
        """Take it in, publish, and take in what was published."""
        root = self._store()
        shutil.copy(case, root / "charts.jsonl")
        with open_store(root) as store:
            _use(store)

    def beside(self, name: str) -> Read:
        """A file beside a sound journal."""

        def read(case: Path) -> None:
            root = self._store()
            shutil.copytree(self.folder / "seed" / ".coaia", root, dirs_exist_ok=True)
            shutil.copy(case, root / ".journal" / "default" / name)
            with open_store(root) as store:
                _use(store)

        return read

    def in_backup(self, root: Path, name: str) -> Read:
        """One file of a backup repository, which is then verified and restored from."""
        from store.upkeep.backup import checking, open_repository

        def read(case: Path) -> None:
            place = root / ".backup" / name
            sound = place.read_bytes()
            place.write_bytes(case.read_bytes())
            try:
                with open_store(root) as store:
                    checking.verify(store)
                    repository = open_repository(store)
                    for found in repository.backups():
                        for path in repository.files(found):
                            for _ in repository.read(found, path):
                                pass
            finally:
                place.write_bytes(sound)

        return read


def _use(store: Store) -> None:
    store.catch_up()
    store.verify()
    with store.snapshot() as snap:
        ids = snap.chart_ids("default")[:3]
    for chart_id in ids:
        store.chart("default", chart_id)
    store.run("default", charts.create_chart, "After", "r")
    store.settle()


def _settings(case: Path) -> None:
    from store import settings

    settings.load(case)


def _cold(store: Store) -> bytes:
    from store.upkeep import compaction

    compaction.compact(store, "default")
    (path,) = compaction.freeze_all(store)
    return path.read_bytes()


def _cold_file(case: Path) -> None:
    from store.cold import ColdFile

    file = ColdFile(case)
    for offset in range(0, min(file.size, 1 << 22), 1 << 16):
        file.pread(1 << 16, offset)


def _backups(store: Store) -> dict[str, bytes]:
    """A manifest, an object and the configuration of a backup, by name within the repository."""
    from store.upkeep.backup import taking

    taking.take(store)
    place = store.layout.backups
    found: dict[str, bytes] = {}
    for path in sorted(path for path in place.rglob("*") if path.is_file()):
        name = path.relative_to(place).as_posix()
        kind = name.partition("/")[0]
        if kind in ("config.json", "manifests", "objects") and kind not in {
            key.partition("/")[0] for key in found
        }:
            found[name] = path.read_bytes()
    return found
