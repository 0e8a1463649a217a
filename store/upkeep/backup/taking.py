"""Taking a backup while people and programs write.

1. *Data first, the manifest last*, each synced before the next: what has no manifest is no backup.
   Chunks of one that was cut short are used by the next, or swept by `prune`.
2. *Nothing counts that was not read back* (`writing`), here and off-site; the manifest neither.
3. *What is there already is not copied*: full backups cut journals at fixed offsets, so that their
   chunks repeat; the others copy only what follows their parent's end, found by one small read.
4. *Chains stay short*: a differential stands on the last full backup, an incremental on the last
   backup of any kind, and after `LONGEST` of them comes a differential.
5. *Nothing builds on what is known to be bad*: after a failed drill or verification, or where the
   parent cannot be read, the next backup is a full one.
6. *An off-site place that fails* is told, and fails nothing here: the next backup copies what is
   missing there, with the backups before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from store import clock, durable
from store.errors import ChartkeepError, Damaged, NotFound, StorageError
from store.model import Finding
from store.upkeep.backup import manifest as manifests
from store.upkeep.backup import offsite, opening, schedule, snapshot
from store.upkeep.backup.attempts import Timed
from store.upkeep.backup.copying import Copier
from store.upkeep.backup.manifest import Backup, Kind, Manifest
from store.upkeep.backup.repository import Name, Repository
from store.upkeep.backup.sealing import Unsealable
from store.upkeep.backup.writing import Writer

if TYPE_CHECKING:
    from store.jobs import Progressing
    from store.store import Store

LONGEST = 64
"""Incremental backups in a row before one is made differential."""
TRIES = 3


class Base(NamedTuple):
    """What the new backup stands on."""

    kind: Kind
    parent: Name | None


@contextmanager
def locked(store: Store, what: str) -> Iterator[None]:
    """Hold off every other backup and pruning of this store. Raises Locked, StorageError."""
    durable.make_dirs(store.layout.backups)
    lock = durable.Lock(store.layout.backups / "repository.lock")
    with lock.held(store.settings.lock_timeout, what):
        yield


def take(store: Store, kind: Kind | None = None, place: str | None = None) -> Backup:
    """Back up a store; `kind` as is due if not given, `place` as `chartkeep.toml` says.

    What went wrong off-site is in `problems` of the backup. Raises Locked, ReadOnly, StorageError,
    Refused for a key that does not fit; the backups there stay as they were.
    """
    store.writable()
    where = opening.home_place(store, place).url
    with locked(store, "a backup"), store.jobs.run("backup", "Back up") as job:
        timed = Timed(store, "backup", where, kind or "")
        try:
            repository = opening.writable_repository(store, place)
            base = _base(store, repository, kind)
            job.job.title = f"Back up ({base.kind})"
            copies = [] if place else offsite.copies(store, repository)
            backup = _Taking(store, repository, base, job, copies).take(timed)
        except BaseException as error:
            why = str(error) if isinstance(error, ChartkeepError) else type(error).__name__
            timed.ended(why=why)
            raise
        timed.ended(id=backup.id, bytes=backup.bytes, stored=backup.stored, kind=backup.kind)
        problems = tuple(copy.finish(backup) for copy in copies)
        job.note(f"{backup.kind} backup {backup.id}, {backup.stored:,} bytes written")
    return replace(backup, problems=tuple(item for item in problems if item is not None))


def _base(store: Store, repository: Repository, kind: Kind | None) -> Base:
    """The kind to take and its parent: a full backup where there is nothing sound to stand on (rule 5)."""
    names = repository.names()
    wanted = kind or schedule.pick([(one.kind, one.at) for one in names], clock.now(), store.settings)
    wanted = wanted or "incremental"
    if wanted == "incremental":
        run = next((place for place, one in enumerate(names) if one.kind != "incremental"), len(names))
        if run >= LONGEST:
            wanted = "differential"
    possible = [one for one in names if wanted == "incremental" or one.kind == "full"]
    if wanted == "full" or not possible or not _sound(repository, possible[0]):
        return Base("full", None)
    return Base(wanted, possible[0])


def _sound(repository: Repository, name: Name) -> bool:
    """Whether a backup can be built on: its whole chain is readable and not known to be bad."""
    try:
        chain = repository.chain(name)
        repository.files(name)
        marks = repository.marks()
        by_seq = {one.seq: one for one in repository.names()}
        links = [repository.backup(by_seq[found.seq], marks) for _, found in chain]
    except (Damaged, NotFound):
        return False
    return not any(link.failed for link in links)


class _Taking:
    """One backup on its way."""

    def __init__(
        self, store: Store, repository: Repository, base: Base, job: Progressing, copies: list[offsite.Copy]
    ) -> None:
        self.store = store
        self.repository = repository
        self.base = base
        self.job = job
        self.copies = copies
        self.before = repository.files(base.parent) if base.parent is not None else {}

    def take(self, timed: Timed) -> Backup:
        """Copy, read back, and write the manifest (rules 1 and 2)."""
        with Writer(self.repository, self.job, again=self.base.kind == "full") as writer:
            copier, at = self._copied(writer)
            entries = copier.entries()
        chunks = [chunk for entry in entries.values() for chunk in entry.file.chunks]
        for copy in self.copies:
            copy.bring(chunks)
        whole = copier.whole(entries)
        made = Manifest(
            self._next(),
            at,
            self.base.kind,
            self.base.parent.id if self.base.parent else None,
            entries,
            copier.gone(),
            copier.published,
            tuple(copier.damaged),
            sum(file.size for file in whole.values()),
            writer.stored,
            len(whole),
            timed.seconds,
        )
        return self._write(made)

    def _copied(self, writer: Writer) -> tuple[Copier, str]:
        """Everything handed to the writer; again where contexts were renamed meanwhile."""
        for _ in range(TRIES):
            before = snapshot.outline(self.store)
            copier = Copier(writer, self.before)
            others = snapshot.others(self.store)
            copier.published = tuple(others.published)
            for file in others.files:
                copier.file(file)
            self._vectors(copier)
            journals = snapshot.journals(self.store)
            at = clock.stamp()
            sizes = sum(one.size for one in journals if self.base.kind == "full")
            self.job.at(0, sizes)
            for file in snapshot.staged(self.store):
                copier.file(file)
            for generation in journals:
                copier.generation(generation)
            del journals
            if snapshot.outline(self.store) == before:
                return copier, at
        raise ChartkeepError(
            "Contexts were renamed, made or put away again and again while the backup was taken. Try it again."
        )

    def _vectors(self, copier: Copier) -> None:
        """Vectors as one manifest names them; again where shards were merged, and so deleted, meanwhile."""
        for _ in range(TRIES):
            files = snapshot.vectors(self.store)
            for file in files:
                copier.file(file)
            if all(file.source.exists() for file in files):
                return

    def _next(self) -> int:
        names = self.repository.names()
        return names[0].seq + 1 if names else 1

    def _write(self, made: Manifest) -> Backup:
        """The manifest, durably, read back; off-site copies of it come after (`Copy.finish`)."""
        raw, sealer, place = manifests.encode(made), self.repository.sealer, self.repository.place
        id = sealer.name(raw)[:16]
        compact = clock.parse(made.at).strftime("%Y%m%dT%H%M%SZ")
        name = Name(
            made.seq,
            clock.parse(made.at),
            made.kind,
            id,
            f"manifests/{made.seq:06}-{compact}-{made.kind}-{id}",
        )
        place.write(name.name, sealer.seal(raw))
        try:
            same = sealer.unseal(place.read(name.name, most=len(raw) + 8192, fresh=True), len(raw)) == raw
        except (Unsealable, NotFound):
            same = False
        if not same:
            place.delete(name.name)
            raise StorageError(
                f"{place.where(name.name)} was not read back as it was written. Check the disk."
            )
        return self.repository.backup(name, {})


def told(backup: Backup) -> list[Finding]:
    """What a person should hear of a backup that was taken: damage copied with it, places not reached."""
    damage = [
        Finding(
            "error",
            "backup-of-damage",
            f"the file is damaged, and the backup {backup.id} holds it as it is; earlier backups hold it whole. "
            "Run `chartkeep recover`.",
            path,
        )
        for path in backup.damaged
    ]
    return [*damage, *backup.problems]
