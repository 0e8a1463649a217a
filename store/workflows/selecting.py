"""Which records a workflow is about: criteria of its options, keys staged beforehand, records read by key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from store import records
from store.errors import UsageError
from store.knowledge.kinds import FAMILY, kind_of
from store.knowledge.model import Filter
from store.workflows.types import Run, Staged

if TYPE_CHECKING:
    from store.knowledge.model import Found

AT_ONCE = 500
"""Records looked up in one question."""


class Named(NamedTuple):
    """A record that was staged by its key."""

    line: int
    key: str
    ver: int
    """The version that was live when it was named."""


def meant(options: dict[str, Any], context: str, kinds: Sequence[str] = (), *, only: bool = True) -> Filter:
    """The criteria in a workflow's options, of which all must hold; `kinds` where they name none.

    With `only` a kind that is not among `kinds` is refused. Raises UsageError, Refused.
    """
    from store.knowledge.criteria import from_options

    found = from_options(options, may_be_empty=True).filter
    if only and kinds and (others := [kind for kind in found.kinds if kind not in kinds]):
        raise UsageError(
            f"This workflow is about {_listed(kinds)}, not about {_listed(others)}: leave --kind out."
        )
    return replace(found, context=context, kinds=found.kinds or tuple(kinds), deleted=False)


def _listed(kinds: Sequence[str]) -> str:
    return ", ".join(kind_of(kind).collection if kind_of(kind).code else kind for kind in kinds)


def staged(found: Iterable[Found]) -> Iterator[bytes]:
    """Records as lines of staged items: their keys and versions."""
    for one in found:
        yield records.dumps({"key": one.row.key, "ver": one.row.ver})


def named(lines: Sequence[Staged]) -> list[Named]:
    """The records that staged lines name."""
    found = []
    for line, raw, _ in lines:
        value = records.loads(raw)
        found.append(Named(line, value["key"], value["ver"]))
    return found


def live(run: Run, keys: Sequence[str]) -> dict[str, bytes]:
    """The bytes of those of these records that are live, as far as they are indexed. Raises StorageError.

    The index is taken as it is: it follows by itself while a workflow runs, and is not waited for.
    """
    journal = run.store.journal(run.context, FAMILY)
    made: dict[str, bytes] = {}
    with run.store.library.index.snapshot() as snap:
        for at in range(0, len(keys), AT_ONCE):
            for key, place in snap.newest(run.context, keys[at : at + AT_ONCE]).items():
                if not place.deleted:
                    raw = journal.record_raw(place.generation, place.offset, place.length)
                    if raw is not None:
                        made[key] = raw
    return made


def value_of(raw: bytes) -> dict[str, Any]:
    """A record's members; none where it is no object."""
    try:
        value = records.loads(raw)
    except records.BadJson:
        return {}
    return value if isinstance(value, dict) else {}
