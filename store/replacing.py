"""Files of a store replaced by prepared ones, all of them, whenever a crash comes.

Recovery, restoring, erasure and retention put several new files in the place of old ones at once. What they
have prepared is listed in an intent below `.recovery`; from then on it is decided.

1. Before the intent is there, no file of the store has been touched; prepared files are waste. What is
   prepared beside its target (`prepare`) is noted before (`begin`), and removed by the next to come.
2. Once it is there, every prepared file is whole and on disk, and nothing is written to a journal it names:
   whoever opens the store, or takes any journal's lock, does what is left to do first (`finish`). Each step
   may be done again.
3. Who decides holds the locks that the intent names; who finishes takes them.
4. A file that is replaced keeps a second name below `.recovery`, where it is given one. Only an erasure
   gives none.
5. A file keeps its name throughout: the new one is renamed over it, in the order given.
6. What depends on the file it replaces (`strict`: a mended journal) is given up where somebody has written
   to that since the crash; another look at it is needed then.
7. Witnesses are removed first and set last: a journal that is replaced never seems shortened.
8. What follows once files are replaced (index, chart files) is noted by the rename that ends the intent
   (`owed`), and stays noted until its maker, or the next to come, has done it: nothing is replaced again then.
9. An intent names files, positions and hashes, never what was erased.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from store import durable, records
from store.errors import Damaged, Locked
from store.model import Position
from store.witness import Witness

RECOVERY = ".recovery"
"""The folder beside `.journal` that holds all of this."""
INTENT = ".replacing.json"
OWED = ".replaced.json"
LOCK = ".replacing.lock"
PREPARED = ".prepared"
"""Ends the name of a file prepared beside the one it is to replace."""
OWN = (INTENT, OWED, PREPARED)
"""Endings of what is no part of a store, but of what is being done to it."""
_SLICE = 0.05
_FINISHING = "finishing what was begun"


class Swap(NamedTuple):
    """One file: `new` takes the place of `target` (None: that goes), whose bytes stay as `kept`."""

    new: Path | None
    target: Path
    kept: Path | None = None


def begun(home: Path) -> bool:
    """True where files of the store at `home` are to be replaced still: one system call, as every commit asks."""
    return os.access(home / RECOVERY / INTENT, os.F_OK)


def noted(home: Path) -> bool:
    """True where something was begun, or is owed since files were replaced: one system call."""
    return os.access(home / RECOVERY / OWED, os.F_OK)


@contextmanager
def alone(home: Path, timeout: float, what: str) -> Iterator[None]:
    """Hold off all others who replace files, and finish what was cut short. Not re-entrant. Raises Locked."""
    durable.make_dirs(home / RECOVERY)
    with durable.Lock(home / RECOVERY / LOCK).held(timeout, what):
        if begun(home):
            _finish(home, timeout)
        if noted(home) and owed(home) is None:
            discard(home)
        yield


def finish(home: Path, timeout: float) -> bool:
    """Do what is left to be replaced, or wait until its maker has; True where there was something.

    Raises Locked, StorageError, Damaged.
    """
    if not begun(home):
        return False
    deadline = time.monotonic() + timeout
    while True:
        try:
            with alone(home, _SLICE, _FINISHING):
                return True
        except Locked:
            if not begun(home):  # its maker is at what follows
                return True
            if time.monotonic() > deadline:
                raise


# -- preparing -------------------------------------------------------------------------------------


def begin(home: Path) -> None:
    """Note that files are going to be prepared beside those they replace. Call holding `alone`."""
    durable.write_file(home / RECOVERY / OWED, records.sealed({"then": None}))


def prepare(target: Path, like: Path, chunks: bytes | Iterable[bytes]) -> Path:
    """Write what is to take the place of `target` beside it, durably, with the permissions of `like`."""
    durable.make_dirs(target.parent)
    new = prepared(target)
    temp = durable.write_aside(new, chunks)
    with suppress(OSError):
        temp.chmod(stat.S_IMODE(like.stat().st_mode))
    durable.replace_file(temp, new)
    return new


def prepared(target: Path) -> Path:
    """Where `prepare` puts what is to replace `target`."""
    return target.with_name(target.name + PREPARED)


def discard(home: Path) -> None:
    """Remove what was prepared and never decided, and the note of it. Call holding `alone`."""
    for path in waste(home):
        durable.remove_file(path, sync=False)
    durable.remove_file(home / RECOVERY / OWED)


def waste(home: Path) -> list[Path]:
    """Files prepared beside their targets, also half written ones."""
    found = []
    for folder in (home / ".journal", home / RECOVERY, home / ".workflows"):
        for top, _, names in os.walk(folder):
            found += [Path(top) / name for name in names if is_prepared(name)]
    return found


def is_prepared(name: str) -> bool:
    """True for the name of a file that `prepare` has written, or is writing."""
    if name.endswith(durable.TEMP_SUFFIX):
        name = name.removesuffix(durable.TEMP_SUFFIX).rpartition(".")[0]
    return name.endswith(PREPARED)


# -- deciding --------------------------------------------------------------------------------------


def decide(
    home: Path,
    swaps: list[Swap],
    *,
    locks: list[Path],
    positions: dict[Path, Position | None] | None = None,
    aside: Path | None = None,
    strict: bool = True,
    then: dict[str, Any] | None = None,
) -> None:
    """Write the intent, then replace. Call holding `alone` and all `locks` (named for who has to finish).

    `positions` are witnesses to be set, or removed, afterwards. `aside` is a folder that goes at the end.
    `then` is owed afterwards, until `settle`.
    """
    intent = {
        "swaps": [
            [*(_shown(home, path) for path in swap), _identity(swap.target) if strict else None]
            for swap in swaps
        ],
        "strict": strict,
        "locks": [_shown(home, path) for path in locks],
        "witnesses": [
            [_shown(home, path), list(position) if position is not None else None]
            for path, position in (positions or {}).items()
        ],
        "aside": _shown(home, aside),
        "then": then,
    }
    durable.write_file(home / RECOVERY / INTENT, records.sealed(intent))
    _do(home, intent)


def owed(home: Path) -> dict[str, Any] | None:
    """What is still to be done since files were replaced; None where nothing is. Raises Damaged, StorageError."""
    if not noted(home):
        return None
    then = _read(home / RECOVERY / OWED).get("then")
    return then if isinstance(then, dict) else None


def settle(home: Path) -> None:
    """Note that what was owed is done. Call holding `alone`."""
    durable.remove_file(home / RECOVERY / OWED)


# -- replacing -------------------------------------------------------------------------------------


def _finish(home: Path, timeout: float) -> None:
    intent = _read(home / RECOVERY / INTENT)
    with ExitStack() as stack:
        for name in intent["locks"]:
            lock = _path(home, name)
            if lock is not None and lock.parent.is_dir():
                stack.enter_context(durable.Lock(lock).held(timeout, _FINISHING))
        _do(home, intent)


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = records.unsealed(b"".join(durable.read_blocks(path)))
    except records.BadJson as error:
        raise Damaged(
            f"{path} cannot be read ({error}), so what it stands for cannot be finished. What was replaced, but by "
            "an erasure, is whole below .recovery; put it back or restore a backup, then delete that file.",
            path=path,
        ) from None
    return found


def _do(home: Path, intent: dict[str, Any]) -> None:
    witnesses = [(home / name, position) for name, position in intent["witnesses"]]
    if not intent["strict"] or not _changed(home, intent):
        for path, _ in witnesses:
            durable.remove_file(path, sync=False)
        for new, target, kept, _ in intent["swaps"]:
            _replace(_path(home, new), home / target, _path(home, kept))
        for path, position in witnesses:
            if position is not None and path.parent.is_dir():
                Witness(path).advance(Position(*position))
    for new, *_ in intent["swaps"]:
        if (path := _path(home, new)) is not None:
            durable.remove_file(path, sync=False)
    if (aside := _path(home, intent["aside"])) is not None:
        remove_tree(aside)
    if intent["then"] is None:
        durable.remove_file(home / RECOVERY / INTENT)
    else:
        durable.move(home / RECOVERY / INTENT, home / RECOVERY / OWED)


def _changed(home: Path, intent: dict[str, Any]) -> bool:
    """True where a file that is still to be replaced is not the one that was looked at."""
    for new, target, _, seen in intent["swaps"]:
        waiting = new is None or os.path.lexists(home / new)
        if waiting and _identity(home / target) != seen:
            return True
    return False


def _replace(new: Path | None, target: Path, kept: Path | None) -> None:
    """Do one swap, or see that it is done."""
    if not os.path.lexists(target if new is None else new):
        if target.parent.is_dir():
            durable.sync_dir(target.parent)  # done before, perhaps by one who could not sync it
        return
    if kept is not None and os.path.lexists(target):
        number = 1
        while os.path.lexists(kept) and not kept.samefile(target):
            number += 1
            kept = kept.with_name(f"{kept.name}.{number}")
        if not os.path.lexists(kept):
            durable.make_dirs(kept.parent)
            durable.link_file(target, kept)
    if new is None:
        durable.remove_file(target)
    else:
        durable.make_dirs(target.parent)
        durable.move(new, target)


def remove_tree(folder: Path) -> None:
    """Remove a folder of prepared files with all below it."""
    if not folder.is_dir():
        return
    for top, folders, files in os.walk(folder, topdown=False):
        for name in files:
            durable.remove_file(Path(top) / name, sync=False)
        for name in folders:
            with suppress(OSError):
                (Path(top) / name).rmdir()
    with suppress(OSError):
        folder.rmdir()


def _identity(path: Path) -> list[int] | None:
    """Which file it is and how long: what tells that nobody has written to it."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return [found.st_dev, found.st_ino, found.st_size]


def _shown(home: Path, path: Path | None) -> str | None:
    """A path relative to the store, which may itself be moved before the rest is done."""
    return os.path.relpath(path, home) if path is not None else None


def _path(home: Path, name: str | None) -> Path | None:
    return home / name if name is not None else None
