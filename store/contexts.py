"""The contexts of a store: found by scanning, made when needed, renamed, archived, brought back.

A context is its chart file and its journal folder. Renaming and archiving move both; an intent
file written first lets the next open finish what a crash cut short.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from store import durable, records
from store.errors import NotFound, Refused, UsageError
from store.layout import check_context_name
from store.model import ARCHIVE, DEFAULT, ContextInfo

if TYPE_CHECKING:
    from store.store import Store

_INTENT = ".renaming.json"


class Contexts:
    """The contexts of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._made: set[str] = set()

    def names(self) -> list[str]:
        """Every live context: `default` first, the archive last."""
        return self._store.layout.contexts()

    def archived(self) -> list[str]:
        """Contexts put away whole."""
        folder = self._store.layout.retired
        return sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []

    def info(self) -> list[ContextInfo]:
        """What the contexts pane lists, archived contexts last."""
        layout = self._store.layout
        with self._store.snapshot() as snap:
            counted = {row.name: row for row in snap.contexts()}
        live = [
            counted.get(name, ContextInfo(name, "", 0, 0, 0, None))._replace(name=name, file=layout.chart_file(name).name)
            for name in self.names()
        ]
        away = [ContextInfo(name, layout.chart_file(name).name, 0, 0, 0, None, archived=True) for name in self.archived()]
        return live + away

    def require(self, name: str) -> None:
        """Make the archive or the default context where they are missing; NotFound for any other missing one."""
        if name in self._made:
            return
        if name not in self.names() and name not in (ARCHIVE, DEFAULT):
            raise NotFound(
                f"There is no context “{name}” here; there are {', '.join(self.names()) or 'none'}. "
                f"Make it with `chartkeep contexts new {name}`."
            )
        self._made.add(name)

    def create(self, name: str) -> str:
        """Make a context with an empty chart file; its name. Refused where it is there already."""
        self._store.writable()
        check_context_name(name)
        if name in self.names() or name in self.archived():
            raise Refused(f"There is a context “{name}” already.")
        durable.write_file(self._store.layout.chart_file(name), b"")
        return name

    def ensure(self, name: str) -> str:
        """`create` unless it is there."""
        return name if name in self.names() or name == ARCHIVE else self.create(name)

    def rename(self, old: str, new: str) -> str:
        """Rename a context with its chart file and whole history."""
        self._store.writable()
        self._movable(old)
        check_context_name(new)
        if new in self.names() or new in self.archived():
            raise Refused(f"There is a context “{new}” already: choose another name.")
        layout = self._store.layout
        self._relocate(
            old,
            [
                (layout.journal_dir(old), layout.journal_dir(new)),
                (layout.chart_file(old), layout.chart_file(new)),
            ],
        )
        self._store.sync(new)
        return new

    def archive(self, name: str) -> Path:
        """Put a context away whole, journal and chart file; the folder it lies in now."""
        self._store.writable()
        self._movable(name)
        layout = self._store.layout
        place = layout.retired / name
        if place.exists():
            raise Refused(f"{place} exists already: move it aside first.")
        durable.make_dirs(place)
        self._relocate(
            name,
            [
                (layout.journal_dir(name), place / "journal"),
                (layout.chart_file(name), place / layout.chart_file(name).name),
            ],
        )
        return place

    def restore(self, name: str) -> str:
        """Bring an archived context back."""
        self._store.writable()
        layout = self._store.layout
        place = layout.retired / name
        if not place.is_dir():
            raise NotFound(f"No archived context “{name}”; there are {', '.join(self.archived()) or 'none'}.")
        if name in self.names():
            raise Refused(f"There is a live context “{name}”: rename that one first.")
        self._relocate(
            name,
            [
                (place / "journal", layout.journal_dir(name)),
                (place / layout.chart_file(name).name, layout.chart_file(name)),
            ],
        )
        place.rmdir()
        self._store.sync(name)
        return name

    def _movable(self, name: str) -> None:
        if name not in self.names():
            raise NotFound(f"There is no context “{name}” here; there are {', '.join(self.names())}.")
        if name in (DEFAULT, ARCHIVE) or self._store.layout.single is not None:
            raise UsageError(f"The context “{name}” has a fixed chart file and cannot be renamed or archived.")

    def _relocate(self, name: str, moves: list[tuple[Path, Path]]) -> None:
        """Do all `moves`, or have the next open do the rest."""
        store = self._store
        store.publish(name)
        intent = store.layout.journals / _INTENT
        durable.make_dirs(intent.parent)
        durable.write_file(intent, records.dumps([[str(old), str(new)] for old, new in moves]))
        store.forget(name)
        store.index.forget(name)
        self._made.discard(name)
        self.finish()

    def finish(self) -> bool:
        """Finish a rename or archiving that was cut short; True where there was one."""
        intent = self._store.layout.journals / _INTENT
        try:
            moves = records.loads(intent.read_bytes())
        except FileNotFoundError:
            return False
        for old, new in moves:
            if os.path.lexists(old) and not os.path.lexists(new):
                durable.make_dirs(Path(new).parent)
                durable.move(Path(old), Path(new))
        durable.remove_file(intent)
        return True
