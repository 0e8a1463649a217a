"""The subcommand record: show, history, add, put, delete and restore one record of knowledge."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.errors import NotFound, Refused, StorageError, UsageError
from store.headless import dates
from store.headless.output import safe
from store.headless.working import acknowledge, context_for_new, opened

if TYPE_CHECKING:
    from argparse import Namespace

    from store.headless.output import Output
    from store.knowledge.model import Found, Row
    from store.store import Store

_NEEDS_KEY = ("show", "history", "put", "delete", "restore")


def record(space: Namespace, out: Output) -> int:
    """Do to one record what is asked."""
    if space.action in _NEEDS_KEY and not space.key:
        raise UsageError(f"record {space.action} needs a KEY: analogy:ID, an id, how that begins, or words.")
    _fitting(space)
    with opened(space, out, writes=space.action not in ("show", "history")) as store:
        store.library.sync(space.context)
        doing = {
            "show": _show,
            "history": _history,
            "add": _add,
            "put": _put,
            "delete": _delete,
            "restore": _restore,
        }
        return doing[space.action](store, space, out)


def _fitting(space: Namespace) -> None:
    """Raise UsageError for an option the action does nothing with: what is given is honoured."""
    takes = {
        "--value": (space.value, ("add", "put")),
        "--file": (space.file, ("add", "put")),
        "--kind": (space.kind, ("add", "show", "history")),
        "--ver": (space.ver, ("show", "put", "restore")),
        "--strict": (space.strict or None, ("add", "put")),
        "--force": (space.force or None, ("delete",)),
        "--scope": (space.scope, ("show", "history")),
    }
    for option, (value, actions) in takes.items():
        if value is not None and space.action not in actions:
            raise UsageError(f"{option} goes with record {' and '.join(actions)}, not with {space.action}.")
    if space.value is not None and space.file is not None:
        raise UsageError("Give the record with --value or with --file, not both.")
    if space.action == "add" and space.key:
        raise UsageError(
            "record add takes no KEY: the record itself says its type, and its id if it has one."
        )
    if space.kind is not None and space.action != "add" and space.scope is None:
        raise UsageError("--kind goes with add, and with --scope.")


# -- reading ---------------------------------------------------------------------------------------


def _show(store: Store, space: Namespace, out: Output) -> int:
    """A record with its members, as it is or as a version was."""
    row, more = _meant(store, space)
    found = store.library.record(row.context, row.key, space.ver)
    out.result({"record": {**_document(found), **more}})
    _head(found.row, more, out)
    if found.raw is None:
        out.say()
        out.say("It is deleted; `chartkeep record restore` brings it back.")
        return 0
    value = _value(found.raw)
    out.say()
    out.lines(safe(line) for line in json.dumps(value, indent=2, ensure_ascii=False).split("\n"))
    return 0


def _head(row: Row, more: dict[str, Any], out: Output) -> None:
    """What is known of a record beside its members."""
    out.say(out.style(safe(row.title), "bold"))
    facts = [
        ("key", row.key),
        ("context", row.context),
        ("version", f"{row.ver}{' (deleted)' if row.deleted else ''}"),
        ("changed", dates.moment(row.changed_at)),
        ("created", dates.moment(row.created) if row.created else ""),
        ("workflow", row.workflow or ""),
        ("scope", f"{more['scope'] or 'every one'}, looked in {', '.join(more['way'])}" if more else ""),
    ]
    out.table(
        [(name, safe(text)) for name, text in facts if text],
        looks=lambda _row, column: ("dim",) * (not column),
    )


def _history(store: Store, space: Namespace, out: Output) -> int:
    """The versions of a record, newest first."""
    row, more = _meant(store, space)
    versions = store.library.history(row.context, row.key)
    documents = []
    for one in versions if out.json else ():
        found = store.library.record(row.context, row.key, one.ver)
        value = None if found.raw is None else _value(found.raw)
        documents.append(
            {
                "ver": one.ver,
                "op": one.op,
                "at": one.at,
                "by": one.by,
                "tx": one.tx,
                "workflow": found.row.workflow,
                "value": value,
            }
        )
    out.result({"context": row.context, "key": row.key, **more, "versions": documents})
    out.table(
        [
            (
                str(one.ver),
                dates.moment(one.at),
                "deleted" if one.op == "delete" else "",
                safe(one.by),
                safe(one.tx),
            )
            for one in versions
        ],
        right=(0,),
    )
    return 0


def _meant(store: Store, space: Namespace) -> tuple[Row, dict[str, Any]]:
    """The record that is meant, and where a scope was given what the lookup says."""
    if space.scope is None:
        return store.library.find(space.key, space.context), {}
    from store.knowledge import scopes
    from store.knowledge.kinds import named, parts_of

    prefix, name = parts_of(space.key)
    known = named(prefix) if name else None
    if known is None:
        name = space.key
        if space.kind is None:
            raise UsageError(
                f"Which kind of record is “{name}”? Say so with --kind, or as in concept:{name}."
            )
        known = named(space.kind)
    kind = known.name if known is not None else space.kind
    context = context_for_new(store, space)
    seen = scopes.lookup(store.library, space.scope, kind, name, context=context)
    if len(seen.records) > 1:
        keys = "; ".join(f"{one.row.key} “{one.row.title}”" for one in seen.records[:8])
        raise Refused(
            f"“{space.key}” may mean several records in “{seen.scope}”: {keys}. Give the key of one."
        )
    return seen.records[0].row, {"scope": seen.scope, "way": seen.way}


def _document(found: Found) -> dict[str, Any]:
    """A record as `--json` shows it."""
    row = found.row._asdict()
    for place in ("generation", "offset", "length"):
        del row[place]
    return {**row, "value": None if found.raw is None else _value(found.raw)}


def _value(raw: bytes) -> Any:
    """The members of a record; the text itself where another program wrote what is no JSON."""
    from store import records

    try:
        return records.loads(raw)
    except records.BadJson:
        return raw.decode("utf-8", "replace")


# -- writing ---------------------------------------------------------------------------------------


def _add(store: Store, space: Namespace, out: Output) -> int:
    from store.knowledge import editing

    raw = _given(store, space)
    change = editing.add(store, context_for_new(store, space), raw, kind=space.kind, strict=space.strict)
    return acknowledge(store, out, [change])


def _put(store: Store, space: Namespace, out: Output) -> int:
    from store.knowledge import editing

    row = store.library.find(space.key, space.context)
    raw = _given(store, space)
    change = editing.put(store, row.context, row.key, raw, ver=space.ver, strict=space.strict)
    return acknowledge(store, out, [change])


def _delete(store: Store, space: Namespace, out: Output) -> int:
    from store.knowledge import editing

    row = store.library.find(space.key, space.context)
    return acknowledge(store, out, [editing.delete(store, row.context, row.key, force=space.force)])


def _restore(store: Store, space: Namespace, out: Output) -> int:
    from store.knowledge import editing

    row = store.library.find(space.key, space.context)
    return acknowledge(store, out, [editing.restore(store, row.context, row.key, space.ver)])


def _given(store: Store, space: Namespace) -> bytes:
    """The bytes of the record: --value, --file, or standard input. No more is read than a record may have."""
    most = int(store.settings.workflows_line_megabytes * (1 << 20)) + 2
    if space.value is not None:
        return str(space.value).encode("utf-8", "surrogateescape")
    if space.file is not None and space.file != "-":
        path = Path(space.file).expanduser()
        try:
            with path.open("rb") as file:
                return file.read(most)
        except FileNotFoundError:
            raise NotFound(f"{path} is not a file. Name a file that holds the record.") from None
        except OSError as error:
            raise StorageError(
                f"{path} cannot be read: {error.strerror}.", path=path, errno=error.errno
            ) from None
    if sys.stdin.isatty():
        raise UsageError("Give the record as JSON: with --value, with --file, or on standard input.")
    return sys.stdin.buffer.read(most)
