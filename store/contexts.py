"""The contexts of a store: found by scanning, made when needed, renamed, archived, brought back.

A context is its journal folder, its chart file and its vectors. Renaming and archiving move all three;
an intent file written first lets the next one to come finish what a crash cut short. All of this, and
taking in a chart file that has no journal yet, happens under one lock: in between, one of them lies
under the old name and would pass for a context of its own. The staged items of its workflows lie by
their ids and stay where they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from store import clock, durable, records, replacing
from store.errors import Damaged, NotFound, Refused, UsageError
from store.knowledge.kinds import FAMILY as KNOWLEDGE
from store.layout import check_context_name
from store.model import ARCHIVE, DEFAULT, ContextInfo

if TYPE_CHECKING:
    from store.store import Store

_INTENT = ".renaming.json"
_LOCK = ".contexts.lock"
_VECTORS = "vectors"


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
        if not folder.is_dir():
            return []
        return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and any(entry.iterdir()))

    def info(self) -> list[ContextInfo]:
        """What the contexts pane lists, archived contexts last."""
        layout = self._store.layout
        with self._store.snapshot() as snap:
            counted = {row.name: row for row in snap.contexts()}
        empty = ContextInfo("", "", 0, 0, 0, None)
        live = [
            counted.get(name, empty)._replace(name=name, file=layout.chart_file(name).name)
            for name in self.names()
        ]
        away = [
            empty._replace(name=name, file=layout.chart_file(name).name, archived=True)
            for name in self.archived()
        ]
        return live + away

    def require(self, name: str) -> None:
        """NotFound where there is no such context; the archive and the default one are made when needed."""
        if name in self._made:
            return
        if name not in self.names() and name not in (ARCHIVE, DEFAULT):
            raise NotFound(
                f"There is no context “{name}” here; there are {', '.join(self.names()) or 'none'}. "
                f"Make it with `chartkeep contexts new {name}`."
            )
        self._made.add(name)

    def forget(self, name: str) -> None:
        """Look for the context again when it is next used."""
        self._made.discard(name)

    def create(self, name: str) -> str:
        """Make a context with an empty chart file; its name. Refused where it is there already."""
        self._store.writable()
        check_context_name(name)
        with self.steady():
            self._free(name)
            durable.write_file(self._store.layout.chart_file(name), b"")
        return name

    def ensure(self, name: str) -> str:
        """`create` unless it is there."""
        return name if name in self.names() or name == ARCHIVE else self.create(name)

    def rename(self, old: str, new: str) -> str:
        """Rename a context with its chart file and whole history."""
        self._store.writable()
        self._movable(old)
        self._at_rest(old)
        check_context_name(new)
        self._free(new)
        layout = self._store.layout
        self._relocate(
            old,
            [
                (layout.journal_dir(old), layout.journal_dir(new)),
                (layout.chart_file(old), layout.chart_file(new)),
                *self._no_vectors(new),
                (layout.vectors / old, layout.vectors / new),
            ],
            free=new,
        )
        self._store.sync(new)
        return new

    def archive(self, name: str) -> Path:
        """Put a context away whole, journal and chart file; the folder it lies in now."""
        self._store.writable()
        self._movable(name)
        self._at_rest(name)
        layout = self._store.layout
        place = layout.retired / name
        if name in self.archived():
            raise Refused(f"{place} exists already: move it aside first.")
        durable.make_dirs(place)
        self._relocate(
            name,
            [
                (layout.journal_dir(name), place / "journal"),
                (layout.chart_file(name), place / layout.chart_file(name).name),
                (layout.vectors / name, place / _VECTORS),
            ],
        )
        return place

    def restore(self, name: str) -> str:
        """Bring an archived context back."""
        self._store.writable()
        layout = self._store.layout
        place = layout.retired / name
        if name not in self.archived():
            raise NotFound(f"No archived context “{name}”; there are {', '.join(self.archived()) or 'none'}.")
        if name in self.names():
            raise Refused(f"There is a live context “{name}”: rename that one first.")
        self._relocate(
            name,
            [
                (place / "journal", layout.journal_dir(name)),
                (place / layout.chart_file(name).name, layout.chart_file(name)),
                *self._no_vectors(name),
                (place / _VECTORS, layout.vectors / name),
            ],
        )
        place.rmdir()
        self._store.sync(name)
        return name

    def _no_vectors(self, name: str) -> Iterator[tuple[Path, Path]]:
        """Vectors of a context of that name that is none any more make way for those that come."""
        left = self._store.layout.vectors / name
        if left.exists():
            yield left, self._store.layout.recovery / f"{_VECTORS}-{name}-{clock.file_stamp()}"

    def _free(self, name: str) -> None:
        if name in self.names():
            raise Refused(f"There is a context “{name}” already: choose another name.")
        if name in self.archived():
            raise Refused(
                f"There is an archived context “{name}”: bring that one back, or choose another name."
            )

    def _movable(self, name: str) -> None:
        if name not in self.names():
            raise NotFound(f"There is no context “{name}” here; there are {', '.join(self.names())}.")
        if name in (DEFAULT, ARCHIVE) or self._store.layout.single is not None:
            raise UsageError(
                f"The context “{name}” has a fixed chart file and cannot be renamed or archived."
            )

    def _at_rest(self, name: str) -> None:
        """Refuse to take a context away from under workflows that are at work on it, or wait to be."""
        if not self._store.layout.journal(name, KNOWLEDGE).exists():
            return
        from store.workflows import lists

        self._store.library.sync(name)
        found = lists.listing(self._store, context=name, running_only=True, limit=None)
        if found:
            raise Refused(
                f"Workflows of “{name}” have not ended ({', '.join(one.id for one in found[:3])}): "
                "let them end, or cancel them with `chartkeep workflows cancel`, then try again."
            )

    # -- moving files ------------------------------------------------------------------------------

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Hold off renames; one that was cut short is finished first. Not re-entrant."""
        folder = self._store.layout.journals
        durable.make_dirs(folder)
        lock = durable.Lock(folder / _LOCK)
        with lock.held(self._store.settings.lock_timeout, "renaming or making a context"):
            self._finish()
            yield

    def _relocate(self, name: str, moves: list[tuple[Path, Path]], free: str | None = None) -> None:
        """Do all `moves`, or have the next one to come do the rest."""
        store = self._store
        if name in self.names():
            store.publish(name)
        with self.steady(), ExitStack() as stack:
            self._finish_replacing()
            if not any(os.path.lexists(old) for old, _ in moves[:2]):  # its journals and its chart file
                raise NotFound(f"The context “{name}” is not there any more: somebody moved it meanwhile.")
            if free is not None:
                self._free(free)
            if moves[0][0].is_dir():
                # Nobody publishes to a file that is being moved.
                lock = durable.Lock(moves[0][0] / "chartfile.lock")
                stack.enter_context(lock.held(store.settings.lock_timeout, f"moving {name}"))
            shown = [[self._shown(old), self._shown(new)] for old, new in moves]
            durable.write_file(store.layout.journals / _INTENT, records.sealed(shown))
            self._finish()
        store.forget(name)
        self._made.discard(name)

    def finish(self) -> bool:
        """Finish an erasure, a rename or an archiving that was cut short; True where there was one of the latter."""
        if replacing.noted(self._store.layout.home):
            self._finish_replacing()
        if not (self._store.layout.journals / _INTENT).exists():
            return False
        with self.steady():
            return True

    def _finish_replacing(self) -> None:
        """Finish what has been begun by one who died: it names files by the names contexts have now."""
        home = self._store.layout.home
        if replacing.begun(home) or replacing.noted(home):
            from store.upkeep.retention import cutting

            cutting.finish(self._store)

    def _finish(self) -> None:
        """Do what the intent file says is still to be done. Call under the lock."""
        layout = self._store.layout
        intent = layout.journals / _INTENT
        if not intent.exists():
            return
        try:
            moves = records.unsealed(b"".join(durable.read_blocks(intent)))
        except records.BadJson as error:
            raise Damaged(
                f"{intent} cannot be read ({error}): a context was being renamed or archived. See that its chart "
                "file and its folder of the journal have the same name, then delete that file.",
                path=intent,
            ) from None
        for old, new in moves:
            source, target = layout.home / old, layout.home / new
            if os.path.lexists(source):
                _clear(target)
            if os.path.lexists(source) and not os.path.lexists(target):
                durable.make_dirs(target.parent)
                durable.move(source, target)
        for old, _ in moves:
            if Path(old).parent == Path(os.path.relpath(layout.journals, layout.home)):
                self._forget(Path(old).name)
        durable.remove_file(intent)

    def _forget(self, name: str) -> None:
        """Have the indexes forget a context that is gone: before the intent is, so that a crash leaves none of it."""
        store = self._store
        store.index.forget(name)
        if store.layout.knowledge_index.exists():
            store.library.forget(name)

    def _shown(self, path: Path) -> str:
        """A path relative to the store, which may itself be moved before the rest is done."""
        return os.path.relpath(path, self._store.layout.home)


def _clear(folder: Path) -> None:
    """Remove a folder that holds nothing but lock files: what a late visitor to an old name leaves behind."""
    if folder.is_dir() and not folder.is_symlink():
        left = list(folder.iterdir())
        if all(entry.suffix == ".lock" for entry in left):
            for entry in left:
                durable.remove_file(entry, sync=False)
            folder.rmdir()
