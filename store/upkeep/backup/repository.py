"""Reading a repository: which backups there are, what each holds, and its bytes, verified.

Whatever is read is checked against its name, which is a hash: a manifest's id is that of its
content, an object is called by its content. Nothing here
writes but what came of trying a backup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from store import clock, records
from store.errors import Damaged, NotFound
from store.model import Finding
from store.syscalls import guard
from store.upkeep.backup import manifest as manifests
from store.upkeep.backup import sealing
from store.upkeep.backup.manifest import CHUNK, BackedFile, Backup, Chunk, Manifest
from store.upkeep.backup.places import Place, Stored, all_of
from store.upkeep.backup.sealing import Sealer, Unsealable

if TYPE_CHECKING:
    from datetime import datetime


MARKS = "marks.jsonl"
_MANIFEST_MOST = 64 << 20
_NAME = re.compile(r"manifests/(\d{6,12})-(\d{8}T\d{6}Z)-(full|differential|incremental)-([0-9a-f]{16})")


class Config(NamedTuple):
    """`config.json` of a repository."""

    id: str
    encryption: sealing.Encryption
    store: str
    """The store it was made for, where that one lay then."""


class Name(NamedTuple):
    """A manifest by its file name alone."""

    seq: int
    at: datetime
    kind: manifests.Kind
    id: str
    name: str


class Mark(NamedTuple):
    """What came of the last drill or verification of a backup."""

    id: str
    at: str
    ok: bool
    what: str
    why: str


class Repository:
    """The backups in one place. Safe to share between threads."""

    def __init__(self, place: Place, config: Config, sealer: Sealer) -> None:
        """Made by `open_repository`."""
        self.place = place
        self.config = config
        self.sealer = sealer
        self._manifests: dict[str, Manifest] = {}
        self._files: tuple[str, dict[str, BackedFile]] | None = None

    # -- which there are ---------------------------------------------------------------------------

    def names(self) -> list[Name]:
        """Every backup by its manifest's name, newest first; nothing is decrypted for it."""
        return names_at(self.place)

    def backups(self) -> list[Backup]:
        """Every backup whose manifest can be read, newest first; `findings` names the others."""
        marks = self.marks()
        found = []
        for name in self.names():
            with suppress(Damaged, NotFound):
                found.append(self.backup(name, marks))
        return found

    def findings(self) -> list[Finding]:
        """Manifests that cannot be read, and backups whose parents are missing."""
        found, names = [], self.names()
        present = {name.id for name in names}
        for name in names:
            where = self.place.where(name.name)
            try:
                parent = self.manifest(name.name).parent
            except (Damaged, NotFound) as error:
                found.append(Finding("error", "backup-manifest", str(error), where))
                continue
            if parent is not None and parent not in present:
                why = f"the backup {parent}, which it stands on, is missing; it cannot be restored"
                found.append(Finding("error", "backup-parent", why, where))
        return found

    def find(self, id: str | None = None, at: datetime | None = None) -> Backup:
        """The newest backup; or the one with this id (its beginning will do), or the newest not after `at`.

        Raises NotFound, and Damaged where the one named cannot be read.
        """
        names = self.names()
        if id is not None:
            names = [name for name in names if name.id.startswith(id.lower())] if id else []
            if len(names) != 1:
                what = "several backups whose ids begin" if names else "no backup whose id begins"
                raise NotFound(
                    f"There is {what} with “{id}” in {self.place.url}; look at `chartkeep backups`."
                )
            return self.backup(names[0], self.marks())
        marks = self.marks()
        for name in names:
            with suppress(Damaged, NotFound):
                backup = self.backup(name, marks)
                if at is None or clock.parse(backup.at) <= at:
                    return backup
        when = f" from before {clock.stamp(at)}" if at is not None else ""
        raise NotFound(f"There is no backup{when} in {self.place.url}. `chartkeep backup` makes one.")

    def backup(self, name: Name, marks: dict[str, list[Mark]]) -> Backup:
        """The backup with this name. Raises NotFound, Damaged."""
        found = self.manifest(name.name)
        own = marks.get(name.id, [])
        passed = [mark.at for mark in own if mark.ok and mark.what == "drill"]
        latest = {mark.what: mark for mark in own}
        return Backup(
            name.id,
            name.name,
            name.seq,
            found.at,
            found.kind,
            found.parent,
            found.bytes,
            found.stored,
            found.files,
            found.seconds,
            found.damaged,
            passed[-1] if passed else None,
            next((mark.why for mark in latest.values() if not mark.ok), ""),
        )

    def marks(self) -> dict[str, list[Mark]]:
        """What drills and verifications found, by backup, oldest first."""
        return marks_at(self.place)

    def mark(self, id: str, what: str, why: str) -> None:
        """Note that a backup passed, or with `why` failed, a drill or a verification. Raises StorageError."""
        marks = self.marks()
        kept = [one for one in marks.get(id, []) if one.what != what or one.ok != (not why)]
        marks[id] = [*kept, Mark(id, clock.stamp(), not why, what, why)]
        self._write_marks(marks)

    def forget_marks(self, known: set[str]) -> None:
        """Drop what was noted of backups that are not `known`."""
        marks = self.marks()
        if not marks.keys() <= known:
            self._write_marks({id: own for id, own in marks.items() if id in known})

    def _write_marks(self, marks: dict[str, list[Mark]]) -> None:
        lines = [records.dumps(mark._asdict()) + b"\n" for own in marks.values() for mark in own]
        self.place.write(MARKS, b"".join(lines))

    # -- what one holds ----------------------------------------------------------------------------

    def manifest(self, name: str) -> Manifest:
        """The manifest with this file name. Raises NotFound, Damaged."""
        if name not in self._manifests:
            where = self.place.where(name)
            try:
                raw = self.sealer.unseal(self.place.read(name, most=_MANIFEST_MOST), _MANIFEST_MOST)
            except Unsealable as error:
                raise Damaged(f"{where}: the manifest is not what was written: {error}.") from None
            if self.sealer.name(raw)[:16] != name.rpartition("-")[2]:
                raise Damaged(f"{where}: the manifest is not what was written.")
            self._manifests[name] = manifests.decode(raw, where)
        return self._manifests[name]

    def chain(self, backup: Backup | Name) -> list[tuple[str, Manifest]]:
        """(where, manifest) of what a backup stands on and itself, the full one first. Raises Damaged."""
        by_id = {name.id: name.name for name in self.names()}
        chain: list[tuple[str, Manifest]] = []
        wanted: str | None = backup.id
        while wanted is not None:
            if wanted not in by_id:
                raise Damaged(
                    f"The backup {backup.id} in {self.place.url} stands on the backup {wanted}, which is missing. "
                    "Restore another one."
                )
            found = self.manifest(by_id[wanted])
            if chain and found.seq >= chain[-1][1].seq:
                raise Damaged(f"{self.place.where(by_id[wanted])}: a backup cannot stand on a later one.")
            chain.append((self.place.where(by_id[wanted]), found))
            wanted = found.parent
        return chain[::-1]

    def files(self, backup: Backup | Name) -> dict[str, BackedFile]:
        """Every file of a backup by its path. Chart files in `published` are not among them. Raises Damaged."""
        if self._files is None or self._files[0] != backup.id:
            self._files = backup.id, manifests.resolve(self.chain(backup))
        return self._files[1]

    def published(self, backup: Backup) -> tuple[str, ...]:
        """Chart files that were as published when it was taken: publish them anew from their journals."""
        return self.manifest(backup.name).published

    def read(self, backup: Backup, path: str, offset: int = 0, size: int | None = None) -> Iterator[bytes]:
        """The bytes of a file of a backup, each chunk verified, one in memory.

        Raises NotFound for a file it does not hold, Damaged naming the chunk.
        """
        file = self.files(backup).get(path)
        if file is None:
            raise NotFound(f"The backup {backup.id} holds no file {path}.")
        end = file.size if size is None else min(file.size, offset + size)
        at = 0
        for chunk in file.chunks:
            start, at = at, at + chunk.size
            if at > offset and start < end:
                plain = self.chunk(chunk, path, start)
                yield plain[max(0, offset - start) : end - start]

    def chunk(self, chunk: Chunk, path: str, offset: int, *, fresh: bool = False) -> bytes:
        """One verified chunk; `path` and `offset` are what it is part of, for messages. Raises Damaged."""
        name = object_name(chunk.name)
        where = f"{self.place.where(name)}: the chunk of {path} at offset {offset}"
        try:
            sealed = self.place.read(name, most=sealing.sealed_most(CHUNK), fresh=fresh)
            plain = self.sealer.unseal(sealed, chunk.size)
        except NotFound:
            raise Damaged(f"{where} is missing. {_ELSEWHERE}", offset=offset) from None
        except Unsealable as error:
            raise Damaged(f"{where} is not what was written: {error}. {_ELSEWHERE}", offset=offset) from None
        if len(plain) != chunk.size or self.sealer.name(plain) != chunk.name:
            raise Damaged(f"{where} is not what was written. {_ELSEWHERE}", offset=offset)
        return plain

    def differs(self, file: BackedFile, path: Path) -> int | None:
        """The offset of the first chunk in which a file on disk differs from one of a backup; None if it does not.

        Only the file on disk is read: chunks are called by their hash. Raises StorageError.
        """
        at = 0
        with guard("read", path), path.open("rb", buffering=0) as disk:
            for chunk in file.chunks:
                if self.sealer.name(all_of(disk, chunk.size)) != chunk.name:
                    return at
                at += chunk.size
            return at if disk.read(1) else None


def names_at(place: Place) -> list[Name]:
    """Every backup at a place by its manifest's name, newest first; no key is needed for it."""
    named = [_named(stored) for stored in place.names("manifests")]
    return sorted((name for name in named if name is not None), reverse=True)


def _named(stored: Stored) -> Name | None:
    match = _NAME.fullmatch(stored.name)
    if match is None:
        return None
    kind: Any = match[3]
    try:
        return Name(int(match[1]), clock.parse(match[2]), kind, match[4], stored.name)
    except ValueError:
        return None


def marks_at(place: Place) -> dict[str, list[Mark]]:
    """What drills and verifications found, by backup, oldest first; lines that cannot be read are left out."""
    found: dict[str, list[Mark]] = {}
    with suppress(NotFound):
        for line in place.read(MARKS, most=_MANIFEST_MOST).splitlines():
            with suppress(ValueError, TypeError, KeyError):
                value = records.loads(line)
                told = (str(value["id"]), str(value["at"]), value["ok"] is True, str(value["what"]))
                found.setdefault(told[0], []).append(Mark(*told, str(value.get("why", ""))))
    return found


_ELSEWHERE = "Restore another backup, or from another place."


def object_name(name: str) -> str:
    """Where an object lies in a repository."""
    return f"objects/{name[:1]}/{name}"
