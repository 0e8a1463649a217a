"""Files of several journals exchanged together: the part that anybody can finish who finds it begun.

Erasing and retention write whole generations anew, in several journals at once. The new files are
written beside the old ones first (`<name>.erasing`); then the intent file is. From then on it is
decided, and whoever comes next does what is left to do.

1. Until the intent says `swapping`, no file that is read has been touched; the prepared ones are waste.
2. Once it does, every prepared file is complete and on disk, and nothing is written to a journal it
   names until its files have been exchanged: whoever takes that journal's lock does so first (`settle`).
3. Exchanging is done by renames and deletions alone, each of which may be done again. The archive is
   given the generation that was live before the journal goes on with the next one: no moment
   is without it.
4. The intent names files, positions and hashes, never what was erased.

Who finishes the rest (index, chart file, log of publications) is `upkeep.cutting`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from store import durable, records
from store.errors import Damaged
from store.model import Position
from store.witness import Witness

INTENT = ".erasing.json"
LOCK = ".erasing.lock"
PREPARED = ".erasing"
PREPARING, SWAPPING = "preparing", "swapping"


def begun(journals: Path) -> bool:
    """True where there is an intent: one system call, as every commit asks."""
    return os.access(journals / INTENT, os.F_OK)


def read(journals: Path) -> dict[str, Any] | None:
    """The intent, None where there is none. Raises Damaged, StorageError."""
    path = journals / INTENT
    if not begun(journals):
        return None
    raw = b"".join(durable.read_blocks(path))
    try:
        found = records.loads(raw)
    except records.BadJson as error:
        raise Damaged(
            f"{path} cannot be read ({error}), so an erasure that was cut short cannot be finished. "
            "Put the journals back from a backup, then delete that file.",
            path=path,
        ) from None
    return found if isinstance(found, dict) else {}


def write(journals: Path, intent: dict[str, Any]) -> None:
    """Make the intent durable."""
    durable.write_file(journals / INTENT, records.dumps(intent))


def prepare(target: Path, like: Path, chunks: bytes | Any) -> Path:
    """Write what is to take the place of `target` beside it, durably, with the permissions of `like`."""
    durable.make_dirs(target.parent)
    prepared = target.with_name(target.name + PREPARED)
    durable.replace_file(durable.write_aside(like, chunks), prepared)
    return prepared


def settle(journal: Path) -> None:
    """Exchange the files of one journal where an intent says so. Call under that journal's lock."""
    journals = journal.parent.parent
    intent = read(journals)
    if intent is None or intent.get("state") != SWAPPING:
        return
    live = os.path.relpath(journal, journals)
    for part in intent["journals"]:
        if part["live"] == live:
            exchange(journals, part)


def exchange(journals: Path, part: dict[str, Any]) -> None:
    """Put prepared files in their places, in their order, and remove what is to go; again does no harm."""
    for name in part["swaps"]:
        target = journals / name
        prepared = target.with_name(target.name + PREPARED)
        if prepared.exists():
            durable.move(prepared, target)  # which, where it fails, leaves the only copy where it is
        else:
            durable.sync_dir(target.parent)  # renamed before, perhaps by one who could not sync it
    for name in part["remove"]:
        durable.remove_file(journals / name)
    if "position" in part:
        Witness((journals / part["live"]).with_suffix(".witness")).advance(Position(*part["position"]))


def waste(folders: list[Path]) -> list[Path]:
    """Prepared files in these folders and those below."""
    return [path for folder in folders if folder.is_dir() for path in folder.rglob(f"*{PREPARED}")]
