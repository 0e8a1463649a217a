"""Plans of a change to single records: add, put, delete, restore a version; each is one transaction.

1. What is asked is decided under the journal's lock, on the very newest version: `put` onto a version that
   is no longer the newest is refused, never merged and never lost.
2. A put keeps the key: type and id of a record never change.
3. Bytes are kept as given, but for newlines between members, which become blanks, and for `type` and `id`, which
   are put in front where they are missing (for a new record also the time it was created).
4. A deletion that would leave others pointing at nothing is refused unless it is forced.
5. What schemas or contracts refuse joins the audit trail as a `validation` record; that it cannot be
   written never hides the refusal.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import orjson

from store import clock, records
from store.errors import ChartkeepError, Refused, UsageError
from store.knowledge import contracts, writing
from store.knowledge.contracts import Breach, ensures, requires
from store.knowledge.kinds import kind_of, named, parts_of
from store.knowledge.looking import Json, Look, looking, value_of
from store.model import Change, Edit, Plan

if TYPE_CHECKING:
    from store.knowledge.writing import Newest, View
    from store.store import Store

SHOWN = 4096
"""Bytes of a refused record that the audit trail keeps."""


class Asked(NamedTuple):
    """What somebody wants done to one record, and what stands there."""

    asked: str
    """In words, for a refusal."""
    key: str
    newest: Newest | None
    live: bytes | None
    look: Look
    body: bytes
    onto: int | None = None
    """The version that must be the newest."""
    strict: bool = False

    @property
    def ver(self) -> int:
        """The newest version; 0 where there never was one."""
        return self.newest.ver if self.newest is not None else 0


def add(store: Store, context: str, raw: bytes, *, kind: str | None = None, strict: bool = False) -> Change:
    """Write a new record; `kind` is its type where it does not say. One that was deleted is revived.

    Raises Refused where it is no sound record or is there already, and what `writing.write` raises.
    """
    writing.begin(store, context)
    known = named(kind) if kind is not None else None
    word = known.name if known is not None else kind
    key, body = _checked(store, context, "add a record", raw, word, strict)
    title = title_of(key, body)

    def plan(view: View) -> Plan:
        return _add(_asked(store, context, view, f"add {title}", key, body)._replace(strict=strict))

    return _write(store, context, "knowledge.add", f"Add {title}", plan, body)


def put(
    store: Store, context: str, key: str, raw: bytes, *, ver: int | None = None, strict: bool = False
) -> Change:
    """Write a new version of a live record; with `ver` only onto that version. The same bytes change nothing.

    Raises NotFound, Refused, and what `writing.write` raises.
    """
    writing.begin(store, context)
    _known(store, context, key)
    kind, record_id = parts_of(key)
    body = _identified(_one_line(raw), kind, record_id)
    found, body = _checked(store, context, f"put {key}", body, kind, strict)
    title = title_of(key, body)
    if found != key:
        breach = Breach(f"put {found} in the place of {key}", "type and id of a record never change")
        _tell(store, context, breach, key, body)
        raise breach

    def plan(view: View) -> Plan:
        words = f"put {title}" + (f" onto version {ver}" if ver is not None else "")
        asked = _asked(store, context, view, words, key, body)
        if asked.live == body and (ver is None or ver == asked.ver):
            return Plan("", "")
        return _put(asked._replace(onto=ver, strict=strict))

    return _write(store, context, "knowledge.put", f"Change {title}", plan, body)


def delete(store: Store, context: str, keys: str | Sequence[str], *, force: bool = False) -> Change:
    """Delete live records in one transaction; with `force` also where others point to them.

    Those that are deleted already are left alone. Raises NotFound, Refused, and what `writing.write` raises.
    """
    writing.begin(store, context)
    wanted = list(dict.fromkeys([keys] if isinstance(keys, str) else keys))
    if not wanted:
        raise UsageError("Name the records to delete.")
    for key in wanted:
        _known(store, context, key)
    named_so = wanted[0] if len(wanted) == 1 else f"{len(wanted)} records"
    if not force and (pointed := contracts.pointing(store, context, wanted)):
        breach = Breach(f"delete {named_so}", _pointed(pointed), "pointed-at")
        _tell(store, context, breach, wanted[0], b"")
        raise breach

    def plan(view: View) -> Plan:
        newest = view.newest(wanted)
        live = [key for key in wanted if key in newest and not newest[key].deleted]
        return Plan("", "", [Edit("delete", key) for key in live])

    title = named_so
    if len(wanted) == 1 and (found := store.library.newest(context, wanted[0])) is not None:
        title = title_of(wanted[0], found.raw or b"{}")
    return _write(store, context, "knowledge.delete", f"Delete {title}", plan, b"")


def restore(store: Store, context: str, key: str, ver: int | None = None) -> Change:
    """Make an earlier version the newest again; without `ver` the last one of a deleted record.

    Raises NotFound, Refused, UsageError, and what `writing.write` raises.
    """
    writing.begin(store, context)
    _known(store, context, key)
    if ver is None:
        history = store.library.history(context, key)
        if history[0].op != "delete":
            raise UsageError(f"{key} is not deleted: say with --ver which of its versions is to be restored.")
        ver = next((version.ver for version in history if version.op == "put"), history[0].ver)
    body = store.library.record(context, key, ver).raw
    if body is None:
        raise Refused(f"Version {ver} of {key} is its deletion: restore an earlier one, or delete it.")
    title = title_of(key, body)
    old = body

    def plan(view: View) -> Plan:
        asked = _asked(store, context, view, f"restore version {ver} of {title}", key, old)
        return Plan("", "") if asked.live == old else _restore(asked)

    return _write(store, context, "knowledge.restore", f"Restore version {ver} of {title}", plan, body)


# -- what is planned under the lock ----------------------------------------------------------------


def _is_new(asked: Asked) -> str:
    if asked.live is None:
        return ""
    return f"{asked.key} is there already (version {asked.ver}); put changes it"


def _is_there(asked: Asked) -> str:
    if asked.live is None:
        return f"{asked.key} is deleted (version {asked.ver}); add or restore revives it"
    if asked.onto is not None and asked.onto != asked.ver:
        return f"it is at version {asked.ver} by now: somebody else has changed it"
    return ""


def _sound(asked: Asked) -> str:
    return contracts.forbids(asked.look, asked.key, value_of(asked.body) or {}, strict=asked.strict)


def _only_its_key(plan: Plan, asked: Asked) -> str:
    keys = [(edit.op, edit.key) for edit in plan.edits]
    return (
        "" if keys == [("put", asked.key)] else f"it would write {keys} instead of one version of {asked.key}"
    )


@requires(_is_new)
@requires(_sound)
@ensures(_only_its_key)
def _add(asked: Asked) -> Plan:
    return Plan("", "", [Edit("put", asked.key, None, asked.body)])


@requires(_is_there)
@requires(_sound)
@ensures(_only_its_key)
def _put(asked: Asked) -> Plan:
    return Plan("", "", [Edit("put", asked.key, None, asked.body)])


@requires(_sound)
@ensures(_only_its_key)
def _restore(asked: Asked) -> Plan:
    return Plan("", "", [Edit("put", asked.key, None, asked.body)])


def _asked(store: Store, context: str, view: View, words: str, key: str, body: bytes) -> Asked:
    newest = view.newest((key,)).get(key)
    live = None if newest is None else view.raw(newest)
    return Asked(words, key, newest, live, looking(store, context, view), body)


def _write(
    store: Store, context: str, command: str, label: str, plan: writing.Planner, body: bytes
) -> Change:
    """Commit a plan. A breach joins the audit trail first, once the journal's lock is given back."""

    def told(view: View) -> Plan:
        made = plan(view)
        made.command, made.label = command, label
        return made

    try:
        return writing.write(store, context, told)
    except Breach as breach:
        _tell(store, context, breach, "", body)
        raise


# -- what is asked ---------------------------------------------------------------------------------


def _known(store: Store, context: str, key: str) -> None:
    """Raise NotFound where there never was such a record, Refused where only chartkeep writes it."""
    kind = kind_of(parts_of(key)[0])
    if kind.own:
        raise Refused(f"{key} is a {kind.title}: only chartkeep writes those, they are its audit trail.")
    store.library.history(context, key)


def _checked(
    store: Store, context: str, asked: str, raw: bytes, kind: str | None, strict: bool
) -> tuple[str, bytes]:
    """(key, bytes) of a sound record, made whole where it lacks type, id or time. Raises Breach."""
    from store.knowledge.checking import Checker, Reject

    longest = int(store.settings.workflows_line_megabytes * (1 << 20))
    body = _one_line(raw)
    value = _peek(body)
    creating = value is not None and "id" not in value
    if value is not None and not creating and "type" not in value and kind is not None:
        body = _in_front(body, value, {"type": kind})
    check = Checker(kind, strict=strict, creating=creating, now=clock.stamp(), longest=longest)
    found = check.check(1, body)
    if isinstance(found, Reject):
        breach = Breach(asked, found.reason, found.code)
        _tell(store, context, breach, "", body)
        raise breach
    return found.key, found.raw


def _one_line(raw: bytes) -> bytes:
    """The record on one line: JSON has newlines between members only, and they are blanks there."""
    body = raw.strip()
    if b"\n" in body and _peek(body) is not None:
        body = body.replace(b"\r\n", b" ").replace(b"\n", b" ")
    return body


def _identified(body: bytes, kind: str, record_id: str) -> bytes:
    """A record with its type and id in front where it lacks them."""
    value = _peek(body)
    if value is None:
        return body
    whole = {"type": kind, "id": record_id}
    return _in_front(body, value, {name: word for name, word in whole.items() if name not in value})


def _in_front(body: bytes, value: Json, members: dict[str, str]) -> bytes:
    if not members:
        return body
    head = records.dumps(members)[:-1]
    return b"%b,%b" % (head, body[1:].lstrip()) if value else head + b"}"


def _peek(body: bytes) -> Json | None:
    """The members of a record that may not be sound; None where it is no object."""
    try:
        value = orjson.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _pointed(pointed: dict[str, list[str]]) -> str:
    by = list(dict.fromkeys(key for keys in pointed.values() for key in keys))
    more = f" and {len(by) - contracts.SHOWN} more" if len(by) > contracts.SHOWN else ""
    whom = next(iter(pointed)) if len(pointed) == 1 else f"{len(pointed)} of them"
    return f"{', '.join(by[: contracts.SHOWN])}{more} would point at nothing ({whom}); --force deletes all the same"


def title_of(key: str, raw: bytes) -> str:
    """A record as labels name it: `analogy “bird → fish”`."""
    value = _peek(raw) or {}
    kind, record_id = parts_of(key)
    source, target = value.get("source_domain"), value.get("target_domain")
    title = (
        f"{source} → {target}" if source and target else value.get("name") or value.get("frame") or record_id
    )
    text = " ".join(str(title).split())
    named_so = kind_of(kind).title if kind_of(kind).code else kind
    return f"{named_so} “{text if len(text) <= 60 else text[:59] + '…'}”"


# -- the audit trail -------------------------------------------------------------------------------


def _tell(store: Store, context: str, breach: Breach, key: str, body: bytes) -> None:
    """Record a refusal; where that cannot be done the refusal itself still reaches whoever asked."""
    made: Json = {
        "type": "validation",
        "id": f"edit-{secrets.token_hex(8)}",
        "code": breach.code,
        "asked": breach.asked,
        "reason": breach.forbids,
        "item": body[:SHOWN].decode("utf-8", "replace"),
        "at": clock.stamp(),
    }
    if key:
        made["key"] = key
    if len(body) > SHOWN:
        made["whole"] = False
    edit = Edit("put", f"validation:{made['id']}", None, records.dumps(made))
    with suppress(ChartkeepError, OSError):
        writing.write(
            store, context, lambda _view: Plan("knowledge.refused", f"Refused: {breach.asked}", [edit])
        )
