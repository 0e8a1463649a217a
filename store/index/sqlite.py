"""Everything that is SQLite's own: opening, pragmas, full text, what its errors mean, swapping files.

`chartkeep.sqlite` is a symbolic link to the database proper, `chartkeep-<hex>.db`; those of the other
schemas go by their own stems. A rebuild makes a new file and turns the link over. Renaming over the
database itself would not do: its write-ahead log is found by name, so a process still in the old file
would share, or at its last close delete, the log of the new one. SQLite names the log after what the
link points to.
Where links cannot be made, the new pages are copied into the old file by SQLite's backup.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson

from store import durable
from store.errors import StorageError
from store.index.schema import CHARTS, Schema

BUSY_SECONDS = 10.0
"""How long a connection waits for another process's transaction."""

_PAUSE = 0.005
"""Seconds between two attempts to write while another process does."""
_CORRUPT, _NOT_A_DB = 11, 26
_PAGES = 1 << 16
"""Bytes that SQLite takes for the index of a write-ahead log, at least."""
_FULL, _CANTOPEN, _READONLY, _IOERR, _BUSY = 13, 14, 8, 10, 5


class Broken(Exception):
    """The database file is damaged, no database, or of another schema version: make it anew."""


def numbers(ask: Callable[[str], sqlite3.Cursor], sql: str) -> array[int]:
    """The numbers of the one column `id` of a query, in its order, fetched as one value.

    Python lets go of its interpreter lock for every row it fetches, and must get it back each time.
    Beside a busy UI a list of 100,000 takes seconds that way, and 30 ms this way.
    """
    joined = ask(f"SELECT group_concat(id) FROM ({sql})").fetchone()[0]
    return array("q", orjson.loads(f"[{joined or ''}]"))


def create_tables(conn: sqlite3.Connection, schema: Schema = CHARTS) -> None:
    """Tables and full text, without the secondary indexes."""
    for statement in (*schema.statements()[0], *schema.full_text):
        conn.execute(statement)
    conn.execute("INSERT INTO meta VALUES ('schema', ?)", (schema.version,))


def create_indexes(
    conn: sqlite3.Connection,
    first: tuple[str, ...] = ("",),
    but: tuple[str, ...] = (),
    *,
    schema: Schema = CHARTS,
) -> None:
    """The secondary indexes whose names begin with one of `first` and with none of `but`."""
    for statement in schema.statements()[1]:
        name = statement.partition(" INDEX ")[2]
        if name.startswith(first) and not name.startswith(but):
            conn.execute(statement)


def connect(path: Path, *, readonly: bool = False, schema: Schema = CHARTS) -> sqlite3.Connection:
    """A connection in autocommit mode that has read the schema version.

    Raises Broken where the file is not a sound index of this version, StorageError.
    """
    real = Path(os.path.realpath(path))
    with translated(path):
        uri = f"{real.as_uri()}?mode={'ro' if readonly else 'rw'}"
        conn = sqlite3.connect(
            uri,
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=300,
        )
        try:
            _prepare(conn, readonly, schema)
        except BaseException:
            conn.close()
            raise
    return conn


def _prepare(conn: sqlite3.Connection, readonly: bool, schema: Schema) -> None:
    conn.execute("PRAGMA cache_size=-8000")
    if not readonly:
        conn.execute("PRAGMA journal_mode=WAL")
        conn.execute("PRAGMA synchronous=OFF")
    row = conn.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    if row is None or row[0] != schema.version:
        raise Broken("made by another version of chartkeep")
    if not readonly:
        for statement in schema.temporary:
            conn.execute(statement)


def begin(conn: sqlite3.Connection, needless: Callable[[], bool]) -> bool:
    """Begin to write; False as soon as that is `needless` while another process writes.

    So whoever syncs beside a batch that is indexed without a pause does not wait for its end.
    """
    latest = time.monotonic() + BUSY_SECONDS
    conn.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                conn.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF != _BUSY or time.monotonic() > latest:
                    raise
            else:
                return True
            if needless():
                return False
            time.sleep(_PAUSE)
    finally:
        conn.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")


def building(folder: Path, schema: Schema = CHARTS) -> tuple[Path, sqlite3.Connection]:
    """A new database file in `folder` to load into, fast and without protection, and a connection."""
    durable.make_dirs(folder)
    path = folder / f"{schema.stem}-{secrets.token_hex(6)}.db"
    with translated(path):
        conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=300)
        for pragma in (
            f"journal_mode={schema.undo}",
            "synchronous=OFF",
            "locking_mode=EXCLUSIVE",
            "cache_size=-64000",
            "threads=2",
        ):
            conn.execute(f"PRAGMA {pragma}")
        for statement in schema.temporary:
            conn.execute(statement)
        conn.execute("BEGIN")
        create_tables(conn, schema)
    return path, conn


def install(built: Path, path: Path, *, clean: bool) -> None:
    """Make `built` the database at `path`; whoever has the old one open keeps it until they look again.

    `clean` removes database files nobody can reach any more: only for the holder of the rebuild lock.
    """
    link = path.with_name(f"{built.name}.link")
    try:
        link.symlink_to(built.name)
    except (OSError, NotImplementedError):
        _copy_into(built, path)
        return
    durable.replace_file(link, path, sync=False)
    if not clean:
        return
    stray = [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm")]
    for other in (*path.parent.glob(f"{path.stem}-*.db*"), *stray):
        if not other.name.startswith(built.name):
            with suppress(OSError):
                other.unlink()


def _copy_into(built: Path, path: Path) -> None:
    """For file systems without links: the pages go into the file that is there, as one transaction."""
    with translated(path):
        source, target = sqlite3.connect(built), sqlite3.connect(path, timeout=BUSY_SECONDS)
        try:
            source.backup(target)
            target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            source.close()
            target.close()
    discard(built)


def discard(path: Path) -> None:
    """Remove a database file and what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        with suppress(OSError):
            path.with_name(path.name + suffix).unlink()


def set_aside(path: Path) -> None:
    """Keep what `path` names as `<stem>.damaged` (the newest only): it may tell why it broke."""
    real = Path(os.path.realpath(path))
    with suppress(OSError):
        os.replace(real, path.with_suffix(".damaged"))
    for suffix in ("-wal", "-shm"):
        with suppress(OSError):
            real.with_name(real.name + suffix).unlink()
    with suppress(OSError):
        path.unlink()


def identity(path: Path) -> tuple[int, int] | None:
    """(device, inode) of the database `path` leads to; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's errors as Broken (make the file anew) or StorageError (tell the person)."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translate(error, path) from error


def _translate(error: sqlite3.Error, path: Path) -> Exception:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    text = str(error)
    if code in (_CORRUPT, _NOT_A_DB) or text.startswith(
        ("no such table", "no such column", "vtable constructor")
    ):
        return Broken(text)
    if code in (_IOERR, _CANTOPEN) and _no_room(path):
        code = _FULL  # what SQLite says of a log it cannot make room for
    advice = {
        _FULL: "The disk is full. Free some space and try again",
        _CANTOPEN: "It cannot be opened or made. Check the permissions of its folder",
        _READONLY: "It may not be written to. Check its permissions, or open the store with --read-only",
        _IOERR: "The disk reported an error. Check the disk",
        _BUSY: f"Another program has been writing to it for {BUSY_SECONDS:.0f} s. Try again",
    }.get(code, f"SQLite says: {text}. Delete it, it is made anew from the journals")
    return StorageError(f"The index {path} cannot be used: {advice}. No chart is lost by this.", path=path)


def _no_room(path: Path) -> bool:
    """True where the disk has no room for another page of the log."""
    try:
        return shutil.disk_usage(path.parent).free < _PAGES
    except OSError:
        return False
