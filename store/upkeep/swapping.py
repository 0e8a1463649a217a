"""Files of a store exchanged for prepared ones, all of them, whenever a crash comes.

1. Before the intent file is there, no file of the store has been touched; prepared files are waste.
2. Once it is there, every prepared file is whole and on disk, and whoever opens the store next does what
   is left to do (`finish`). Each step may be done again.
3. A file that is replaced gets a second name below `.recovery/` first. So nothing is ever lost by this.
4. A file keeps its name throughout: the new one is renamed over it.
5. An exchange that depends on what it replaces (`strict`: a mended journal) is given up where somebody
   has written to the file since the crash; another look at it is needed then.
6. Witnesses are removed first and set last: a journal that is exchanged never seems shortened.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from store import durable, records
from store.errors import Damaged
from store.model import Position
from store.witness import Witness

RECOVERY = ".recovery"
"""The folder beside `.journal` that holds all of this."""
INTENT = ".swapping.json"
LOCK = ".swapping.lock"


class Swap(NamedTuple):
    """One file: `new` takes the place of `target` (None: that goes), whose bytes stay as `kept`."""

    new: Path | None
    target: Path
    kept: Path | None = None


def begun(home: Path) -> bool:
    """True where an exchange was decided and not finished in the store at `home`: one system call."""
    return os.access(home / RECOVERY / INTENT, os.F_OK)


@contextmanager
def alone(home: Path, timeout: float, what: str) -> Iterator[None]:
    """Hold off every other exchange, and finish one that was cut short. Not re-entrant."""
    durable.make_dirs(home / RECOVERY)
    with durable.Lock(home / RECOVERY / LOCK).held(timeout, what):
        if begun(home):
            _finish(home, timeout)
        yield


def finish(home: Path, timeout: float) -> bool:
    """Do what is left of an exchange that was cut short; True where there was one."""
    if not begun(home):
        return False
    with alone(home, timeout, "finishing what was begun"):
        return True


def decide(
    home: Path,
    swaps: list[Swap],
    *,
    locks: list[Path],
    positions: dict[Path, Position | None] | None = None,
    aside: Path | None = None,
    strict: bool = True,
) -> None:
    """Write the intent, then exchange. Call holding `alone` and all `locks` (named for who has to finish).

    `positions` are witnesses to be set, or removed, afterwards. `aside` is a folder that goes at the end.
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
    }
    durable.write_file(home / RECOVERY / INTENT, records.dumps(intent))
    _do(home, intent)


def _finish(home: Path, timeout: float) -> None:
    path = home / RECOVERY / INTENT
    try:
        intent = records.loads(b"".join(durable.read_blocks(path)))
        swaps = intent["swaps"]
        assert isinstance(swaps, list)
    except (records.BadJson, KeyError, TypeError, AssertionError) as error:
        raise Damaged(
            f"{path} cannot be read ({error}), so what it stands for cannot be finished. What was replaced is "
            "whole below .recovery; put it back or restore a backup, then delete that file.",
            path=path,
        ) from None
    with ExitStack() as stack:
        for name in intent["locks"]:
            lock = _path(home, name)
            if lock is not None and lock.parent.is_dir():
                stack.enter_context(durable.Lock(lock).held(timeout, "finishing what was begun"))
        _do(home, intent)


def _do(home: Path, intent: dict[str, Any]) -> None:
    witnesses = [(home / name, position) for name, position in intent["witnesses"]]
    if not intent["strict"] or not _changed(home, intent):
        for path, _ in witnesses:
            durable.remove_file(path, sync=False)
        for new, target, kept, _ in intent["swaps"]:
            _exchange(_path(home, new), home / target, _path(home, kept))
        for path, position in witnesses:
            if position is not None and path.parent.is_dir():
                Witness(path).advance(Position(*position))
    for new, *_ in intent["swaps"]:
        if (path := _path(home, new)) is not None:
            durable.remove_file(path, sync=False)
    if (aside := _path(home, intent["aside"])) is not None:
        remove_tree(aside)
    durable.remove_file(home / RECOVERY / INTENT)


def _changed(home: Path, intent: dict[str, Any]) -> bool:
    """True where a file that is still to be replaced is not the one that was looked at."""
    for new, target, _, seen in intent["swaps"]:
        waiting = new is None or os.path.lexists(home / new)
        if waiting and _identity(home / target) != seen:
            return True
    return False


def _exchange(new: Path | None, target: Path, kept: Path | None) -> None:
    """Do one swap, or see that it is done."""
    if not os.path.lexists(target if new is None else new):
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
