"""A whole store brought back from a backup: written beside, checked to the byte, then exchanged.

1. Until everything that is restored lies on disk, read back and compared with the backup, and the chain
   of every journal in it verified, nothing of the store is touched. Whatever fails before leaves no trace.
2. Then all journals, chart files and the list of contexts are locked, and all files replaced together
   (`replacing`): a crash anywhere is finished by whoever opens the store, or writes to it, next.
3. What is replaced stays whole in `.recovery/replaced-<stamp>/`. `.backup` and `.recovery` are not touched.
4. Lock files stay where they are: who waits for one goes on, and finds other files under their names.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from store import clock, durable, replacing
from store.errors import Damaged, Refused, StorageError
from store.journal import Journal
from store.layout import STORE_NAME, Layout
from store.locks import running
from store.model import Position
from store.replacing import Swap
from store.session import new_session
from store.upkeep.backup import manifest as manifests

if TYPE_CHECKING:
    from store.jobs import Progressing
    from store.store import Store
    from store.upkeep.backup import BackedFile, Backup, Repository

ASIDE = ".restoring-"
OLD_SECONDS = 86_400.0
ROOM = 1.05
"""Free space that must be there, in sizes of what is restored."""
_FOLDERS = (".journal", ".archived", ".vectors", ".workflows")
_STAYS = (".lock", durable.TEMP_SUFFIX)


class Restored(NamedTuple):
    """What a restore did."""

    backup: str
    folder: Path
    """The store that holds the restored state."""
    files: int
    bytes: int
    replaced: Path | None
    """Where the state that was replaced lies; None for a restore into a new folder."""


def restore_store(store: Store, repository: Repository, backup: Backup, to: Path | None = None) -> Restored:
    """Put the store, or a new folder `to`, in the state of a backup.

    Raises Damaged naming what is missing or wrong in the backup, Refused for a folder that is not empty,
    StorageError, Locked, ReadOnly. Nothing was changed then.
    """
    if to is None:
        store.writable()
        replacing.finish(store.layout.home, store.settings.lock_timeout)
        discard_old(store.layout.home)
    files = dict(repository.files(backup))
    if to is None:
        files = {path: file for path, file in files.items() if not path.startswith(".recovery/")}
    total = sum(file.size for file in files.values())
    with store.jobs.run("restore", f"Restore the backup {backup.id}", 2 * total) as job:
        if to is not None:
            return _beside(store, repository, backup, files, to, job)
        return _in_place(store, repository, backup, files, job)


def changes(store: Store, repository: Repository, backup: Backup) -> tuple[list[str], list[str]]:
    """Files that a restore in place would write, and files it would put away, relative to the store."""
    files = {path for path in repository.files(backup) if not path.startswith(".recovery/")}
    published = set(repository.published(backup))
    own = (path for path in _own_files(store.layout) if path.suffix != ".witness")
    there = {_name(store.layout, path): path for path in own}
    differing = [
        path
        for path, file in sorted(repository.files(backup).items())
        if path in files and _differs(repository, file, there.get(path))
    ]
    return differing, sorted(set(there) - files - published)


def _differs(repository: Repository, file: BackedFile, path: Path | None) -> bool:
    return path is None or repository.differs(file, path) is not None


# -- beside ------------------------------------------------------------------------------------------


def _beside(
    store: Store,
    repository: Repository,
    backup: Backup,
    files: dict[str, BackedFile],
    to: Path,
    job: Progressing,
) -> Restored:
    to = to.expanduser().absolute()
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise Refused(f"{to} exists and is not empty: name a new folder. Nothing was written.")
    single = store.layout.single
    durable.make_dirs(to.parent)
    aside = to.with_name(f".{to.name}{ASIDE}{os.getpid()}-{secrets.token_hex(4)}")
    inner = aside if to.name == STORE_NAME or single is not None else aside / STORE_NAME
    with _made(aside):
        _write(repository, backup, files, Layout.of(inner / single.name if single else inner), job)
        if to.exists():
            to.rmdir()
        durable.move(aside, to)
    root = to if inner == aside else to / STORE_NAME
    from store.store import open_store

    chart_file = root / single.name if single is not None else None
    if chart_file is not None and not chart_file.exists():
        durable.write_file(chart_file, b"")  # as published: its journal makes it anew
    with open_store(chart_file or root) as made:
        made.catch_up()
        made.settle()
    return Restored(backup.id, root, len(files), sum(file.size for file in files.values()), None)


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """A new folder, which goes again where something fails, unless it was decided that its files are to stay."""
    durable.make_dirs(folder)
    try:
        yield
    except BaseException:
        if not replacing.begun(folder.parent):
            with suppress(OSError):
                shutil.rmtree(folder)
        raise


def discard_old(home: Path) -> int:
    """Remove what restores that were cut short before they decided anything have left; how many there were.

    One whose process still runs is left alone for a day: another process may have got its number.
    """
    removed = 0
    for folder in home.glob(f"{ASIDE}*"):
        pid = folder.name.removeprefix(ASIDE).partition("-")[0]
        with suppress(OSError):
            old = clock.wall_ns() / 1e9 - folder.stat().st_mtime > OLD_SECONDS
            if folder.is_dir() and (old or pid == str(os.getpid()) or not running(pid)):
                replacing.remove_tree(folder)
                removed += 1
    return removed


def _write(
    repository: Repository, backup: Backup, files: dict[str, BackedFile], layout: Layout, job: Progressing
) -> dict[tuple[str, str], Position]:
    """Write the files of a backup out, read them back, and verify the journals; where those end."""
    _room(layout, sum(file.size for file in files.values()))
    done = 0
    for path, file in files.items():
        target = manifests.target(layout, path)
        durable.make_dirs(target.parent)
        durable.write_file(target, repository.read(backup, path))
        with suppress(OSError):
            target.chmod(file.mode & 0o777)
        done += file.size
        job.at(done)
    for path, file in files.items():
        target = manifests.target(layout, path)
        if (at := repository.differs(file, target)) is not None:
            raise Damaged(
                f"{target} was not written as the backup {backup.id} has it (offset {at}): check the disk. "
                "Nothing was replaced.",
                path=target,
                offset=at,
            )
        done += file.size
        job.at(done)
    return _verified(files, layout, backup)


def _room(layout: Layout, size: int) -> None:
    folder = layout.home
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < size * ROOM:
        raise StorageError(
            f"{folder} has {free:,} bytes free, and restoring takes {round(size * ROOM):,}: free some space and try "
            "again. Nothing was changed.",
            path=folder,
        )


def _verified(
    files: dict[str, BackedFile], layout: Layout, backup: Backup
) -> dict[tuple[str, str], Position]:
    """Where the journals end; Damaged where one is not whole, or does not end where the backup says."""
    ends = {}
    for path, file in files.items():
        if file.journal is None or not file.live:
            continue
        context, family = file.journal.context, file.journal.family
        journal = Journal(manifests.target(layout, path), context, family, recovery=layout.recovery)
        try:
            position = journal.position()
            if position != file.position:
                raise Damaged(f"{path} ends at {position}, and its manifest says {file.position}")
            for finding in journal.check():
                if finding.severity == "error":
                    raise Damaged(str(finding))
        except Damaged as error:
            raise Damaged(
                f"The backup {backup.id} is not restored: {error} Nothing was changed; restore another backup, "
                "`chartkeep backups` lists them.",
            ) from None
        finally:
            journal.close()
        ends[context, family] = position
    return ends


# -- in place ----------------------------------------------------------------------------------------


def _in_place(
    store: Store, repository: Repository, backup: Backup, files: dict[str, BackedFile], job: Progressing
) -> Restored:
    layout, timeout = store.layout, store.settings.lock_timeout
    aside = layout.home / f"{ASIDE}{os.getpid()}-{secrets.token_hex(4)}"
    single = layout.single
    place = Layout(aside, aside, aside / single.name if single is not None else None)
    stamp = clock.stamp()[:19].replace(":", "").replace("-", "") + "Z"
    with _made(aside):
        ends = _write(repository, backup, files, place, job)
        _publish(place, repository.published(backup))
        replaced = _new_folder(layout.recovery, f"replaced-{stamp}")
        with _all_locked(store, set(ends), timeout) as locks:
            swaps, positions = _swaps(layout, place, files, repository.published(backup), ends, replaced)
            durable.make_dirs(replaced)
            replacing.decide(layout.home, swaps, locks=locks, positions=positions, aside=aside, strict=False)
    for context in {*store.contexts.names(), *(context for context, _ in ends)}:
        store.forget(context)
        store.contexts.forget(context)
    store.damage.clear()
    store.rebuild()
    store.settle()
    return Restored(backup.id, layout.root, len(files), sum(file.size for file in files.values()), replaced)


def _publish(place: Layout, published: tuple[str, ...]) -> None:
    """Make the chart files that the backup does not hold, since their journals do."""
    from store.store import Store

    with Store(place, new_session("restore")) as made:
        for context in place.contexts():
            if place.chart_file(context).name in published:
                made.publish(context)


@contextmanager
def _all_locked(store: Store, restored: set[tuple[str, str]], timeout: float) -> Iterator[list[Path]]:
    """Hold off everybody: the locks that are held, for whoever has to finish."""
    layout, what = store.layout, "restoring a backup"
    with ExitStack() as stack:
        stack.enter_context(replacing.alone(layout.home, timeout, what))
        stack.enter_context(store.contexts.steady())
        places = sorted({*layout.families(), *restored})
        locks = [layout.journals / ".moves.lock"]
        for context in dict.fromkeys(context for context, _ in places):
            locks.append(layout.journal_dir(context) / "chartfile.lock")
        locks += [layout.journal(*place).with_suffix(".lock") for place in places]
        for path in locks:
            durable.make_dirs(path.parent)
            stack.enter_context(durable.Lock(path).held(timeout, what))
        yield locks


def _swaps(
    layout: Layout,
    place: Layout,
    files: dict[str, BackedFile],
    published: tuple[str, ...],
    ends: dict[tuple[str, str], Position],
    replaced: Path,
) -> tuple[list[Swap], dict[Path, Position | None]]:
    """Every file that comes or goes, and the witnesses to be set. Chart files come last."""
    swaps: list[Swap] = []
    coming = {*files, *published}
    for held in sorted(coming, key=lambda held: (not held.startswith("."), held)):
        new, target = manifests.target(place, held), manifests.target(layout, held)
        if os.path.lexists(new):
            swaps.append(Swap(new, target, replaced / held))
    for path in _own_files(layout):
        name = _name(layout, path)
        if name not in coming and path.suffix != ".witness":
            swaps.append(Swap(None, path, replaced / name))
    positions: dict[Path, Position | None] = {
        path: None for path in _own_files(layout) if path.suffix == ".witness"
    }
    for context, family in ends:
        journal = Journal(place.journal(context, family), context, family, recovery=place.recovery)
        positions[layout.journal(context, family).with_suffix(".witness")] = journal.position()
        journal.close()
    return swaps, positions


def _own_files(layout: Layout) -> Iterator[Path]:
    """What a store is made of: chart files of its contexts, and all below its folders, but for locks."""
    for context in layout.contexts():
        path = layout.chart_file(context)
        if path.is_file():
            yield path
    for folder in _FOLDERS:
        for top, folders, names in os.walk(layout.home / folder):
            folders.sort()
            yield from (Path(top) / name for name in sorted(names) if not name.endswith(_STAYS))


def _name(layout: Layout, path: Path) -> str:
    """What a backup calls a file of the store."""
    for base in (layout.home, layout.root):
        with suppress(ValueError):
            return path.relative_to(base).as_posix()
    return path.name


def _new_folder(recovery: Path, name: str) -> Path:
    folder, number = recovery / name, 1
    while folder.exists():
        number += 1
        folder = recovery / f"{name}-{number}"
    return folder
