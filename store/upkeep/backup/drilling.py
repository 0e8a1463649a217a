"""Restore drills: a backup is restored into a temporary folder, opened as a store, and looked at.

A backup has passed when every file could be written out, every chain of every journal is whole, each
journal ends where the manifest says, and the store can be opened and indexed. Files it holds as
damaged ones, known to be so when it was taken, make it fail: it is no backup to rely on.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from store import durable
from store.errors import ChartkeepError, Damaged
from store.layout import STORE_NAME, Layout
from store.model import Position
from store.upkeep.backup import manifest as manifests
from store.upkeep.backup import opening
from store.upkeep.backup.attempts import Timed
from store.upkeep.backup.manifest import BackedFile, Backup
from store.upkeep.backup.repository import Repository

if TYPE_CHECKING:
    from store.jobs import Progressing
    from store.store import Store


def drill(store: Store, id: str | None = None, place: str | None = None) -> Backup:
    """Try to restore the newest backup, or the one named, and note what came of it in the repository.

    Raises Damaged saying what is wrong with it, NotFound, StorageError where the temporary folder
    cannot be written.
    """
    store.writable()
    repository = opening.open_repository(store, place)
    backup = repository.find(id)
    timed = Timed(store, "drill", repository.place.url, backup.kind)
    with store.jobs.run("backup", f"Restore drill of {backup.id}", 2 * backup.bytes) as job:
        folder = Path(tempfile.mkdtemp(prefix="chartkeep-drill-"))
        try:
            _tried(store, repository, backup, folder, job)
        except Damaged as error:
            repository.mark(backup.id, "drill", str(error))
            timed.ended(id=backup.id, bytes=backup.bytes, why=str(error))
            raise
        except ChartkeepError as error:
            timed.ended(id=backup.id, bytes=backup.bytes, why=str(error))
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        repository.mark(backup.id, "drill", "")
        job.note("passed")
    timed.ended(id=backup.id, bytes=backup.bytes)
    return repository.find(backup.id)


def _tried(store: Store, repository: Repository, backup: Backup, folder: Path, job: Progressing) -> None:
    if backup.damaged:
        raise Damaged(
            f"The backup {backup.id} holds {', '.join(backup.damaged)} damaged, as it was when it was taken."
        )
    single = store.layout.single
    layout = Layout.of(folder / (single.name if single is not None else STORE_NAME))
    done = write_out(repository, backup, layout, job)
    _check(layout, repository.files(backup), job, done)


def write_out(repository: Repository, backup: Backup, layout: Layout, job: Progressing) -> int:
    """Every file of a backup into the folders of a layout, in constant memory; the bytes written."""
    done = 0
    for path, file in repository.files(backup).items():
        target = manifests.target(layout, path)
        durable.make_dirs(target.parent)
        durable.write_file(target, repository.read(backup, path), sync=False)
        done += file.size
        job.at(done)
    durable.make_dirs(layout.root)
    if layout.single is not None and not layout.single.exists():
        durable.write_file(layout.single, b"", sync=False)  # as published: its journal makes it anew
    return done


def _check(layout: Layout, files: dict[str, BackedFile], job: Progressing, done: int) -> None:
    from store.store import open_store

    with open_store(layout.single or layout.root, program="drill") as restored:
        for file in files.values():
            if file.journal is None or not file.live:
                continue
            context, family = file.journal.context, file.journal.family
            journal = restored.journal(context, family)
            _same_position(file, journal.position())
            for finding in journal.check():
                if finding.severity == "error":
                    raise Damaged(f"The restored {file.path}: {finding}")
            done += file.size
            job.at(done)
        restored.sync()
        for context, damage in restored.damage.items():
            raise Damaged(f"The restored journal of “{context}” cannot be indexed: {damage}")


def _same_position(file: BackedFile, position: Position) -> None:
    if position != file.position:
        raise Damaged(f"The restored {file.path} ends at {position}, its manifest says {file.position}.")
