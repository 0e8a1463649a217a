"""Backups: taken while writers run, read back, tried out, kept by generations, copied off-site.

A *repository* is a folder or an fsspec URL that holds

    config.json               format, id, how it is encrypted
    key.age  names.age        with encryption: its identity (under the passphrase), its secret for names
    objects/a/<64 hex>        pieces of files, zstd-compressed, then encrypted; named by what they hold
    manifests/<number>-<time>-<kind>-<id>   one backup each: which files, of which pieces
    marks.jsonl               which backups passed or failed a drill or a verification

`opening` finds and unlocks one, `repository` reads it. `taking` writes a backup into one: `snapshot`
says of what, `copying` which of its bytes, `writing` how; `offsite` copies it elsewhere. `keeping`
decides what may go, `checking` reads backups back, `drilling` tries a restore, `schedule` says what
is due, `attempts` remembers how each attempt ended.
"""

from store.upkeep.backup.manifest import BackedFile, Backup, Kind
from store.upkeep.backup.opening import open_repository
from store.upkeep.backup.repository import Repository

__all__ = ["BackedFile", "Backup", "Kind", "Repository", "open_repository"]
