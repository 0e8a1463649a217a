"""The `tx` member of a transaction's first line: what it says as a value, and back.

Invariants:

1. A journal without `conflicts` and `resolves` reads as before; members of `tx` that this version
   does not know, or that have another shape than it knows, are written back as they were read.
2. The values in `conflicts` are JSON text within strings: JSON of a record, put there as it is,
   could hold the mark by which a reader finds where the line's record begins (see `records`).
"""

from __future__ import annotations

from typing import Any

from store.model import Collision, TxMeta

_PLAIN = frozenset({"cmd", "label", "session", "undoes", "redoes", "group"})
"""Members of `tx` that are plain text."""
_USUAL = 3
"""Members of most: `cmd`, `label`, `session`."""


def meta_of(tx: dict[str, Any] | None) -> TxMeta | None:
    """The `tx` member of a transaction's first line as a value."""
    if tx is None:
        return None
    if len(tx) == _USUAL:  # a journal is read a million of these at a time
        try:
            return TxMeta(tx["cmd"], tx["label"], tx["session"])
        except KeyError:
            pass
    get = tx.get
    meta = TxMeta(
        get("cmd", ""), get("label", ""), get("session", ""), get("undoes"), get("redoes"), get("group")
    )
    if tx.keys() <= _PLAIN:
        return meta
    more = {name: value for name, value in tx.items() if name not in _PLAIN}
    conflicts, resolves = _collisions(more.get("conflicts")), _ids(more.get("resolves"))
    # What a newer version has given another shape is kept as it is, like any unknown member.
    for name, read in (("conflicts", conflicts), ("resolves", resolves)):
        if read is not None:
            more.pop(name, None)
    return meta._replace(conflicts=conflicts or (), resolves=resolves or (), more=more or None)


def _collisions(value: Any) -> tuple[Collision, ...] | None:
    """The `conflicts` of a `tx`; None where they are of another shape, or not there."""
    if not isinstance(value, list):
        return None
    found = [_collision(item) for item in value]
    return None if None in found else tuple(item for item in found if item is not None)


def _collision(item: Any) -> Collision | None:
    """One conflict; None where it is of another shape."""
    if not isinstance(item, dict):
        return None
    key, path, ver = item.get("key"), _ids(item.get("path")), item.get("ver")
    ours, theirs, base = sides = [item.get(name) for name in ("ours", "theirs", "base")]
    if path is None or not isinstance(key, str) or not isinstance(ver, int):
        return None
    if not all(text is None or isinstance(text, str) for text in sides):
        return None
    return Collision(key, path, ours, theirs, base, ver)


def _ids(value: Any) -> tuple[str, ...] | None:
    """A list of texts; None where it is something else."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    return None


def meta_dict(meta: TxMeta) -> dict[str, Any]:
    """`meta` as the journal writes it: absent members left out."""
    made: dict[str, Any] = {"cmd": meta.command, "label": meta.label, "session": meta.session}
    for name in ("undoes", "redoes", "group"):
        value = getattr(meta, name)
        if value is not None:
            made[name] = value
    if meta.conflicts:
        made["conflicts"] = [
            {name: value for name, value in item._asdict().items() if value is not None}
            for item in meta.conflicts
        ]
    if meta.resolves:
        made["resolves"] = list(meta.resolves)
    return made if meta.more is None else {**made, **meta.more}
