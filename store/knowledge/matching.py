"""Whether one record meets a Filter, and if not which criterion it fails: the same answer as the index gives.

For those who must know it of bytes that no index has seen yet, under a journal's lock.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from store.index.knowledge.extract import Extract, extract
from store.index.knowledge.filters import micros, words_of
from store.knowledge.kinds import OTHER, kind_of, parts_of
from store.records import BadJson, loads

if TYPE_CHECKING:
    from store.knowledge.model import Filter

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def unmet(wanted: Filter, key: str, raw: bytes, workflow: str | None) -> str | None:
    """The first criterion that a live record fails, in words; None where it meets all of them.

    `workflow` is the one that wrote the version. A record that does not say when it was created fails
    criteria of time: the index goes by its first version then, which is not known here.
    """
    kind = parts_of(key)[0]
    told = extract(kind_of(kind).code, raw)
    return next(_failures(wanted, kind, told, raw, workflow), None)


def _failures(wanted: Filter, kind: str, told: Extract, raw: bytes, workflow: str | None) -> Iterator[str]:
    if wanted.deleted:
        yield "it is not deleted"
    if not _of_kind(wanted, kind):
        yield f"it is of kind {kind}"
    for tag in wanted.tags:
        if tag not in told.tags:
            yield f"it has no tag “{tag}”"
    ends = {told.source, told.target}
    if wanted.domains and not ends & set(wanted.domains):
        yield f"its domains are {told.source or 'none'} and {told.target or 'none'}"
    if wanted.source is not None and told.source != wanted.source:
        yield f"its source domain is {told.source or 'none'}"
    if wanted.target is not None and told.target != wanted.target:
        yield f"its target domain is {told.target or 'none'}"
    if wanted.quality_below is not None and not (
        told.quality is not None and told.quality < wanted.quality_below
    ):
        yield f"its quality is {_number(told.quality)}, not below {wanted.quality_below:g}"
    if wanted.quality_from is not None and not (
        told.quality is not None and told.quality >= wanted.quality_from
    ):
        yield f"its quality is {_number(told.quality)}, below {wanted.quality_from:g}"
    yield from _times(wanted, told.created)
    if wanted.workflow is not None and workflow != wanted.workflow:
        yield f"it was last written by {workflow or 'no workflow'}"
    if wanted.words and not _has_words(told.text, wanted.words):
        yield f"“{wanted.words}” does not occur in it"
    if wanted.where is not None and not _holds(wanted, raw):
        yield f"{wanted.where} does not hold"


def _of_kind(wanted: Filter, kind: str) -> bool:
    """No kinds mean all but chartkeep's own; `other` means every type it does not know."""
    known = kind_of(kind)
    if not wanted.kinds:
        return not known.own
    return kind in wanted.kinds or (known is OTHER and OTHER.name in wanted.kinds)


def _times(wanted: Filter, created: int | None) -> Iterator[str]:
    said = f"it was created {_shown(created)}"
    after, before = wanted.created_after, wanted.created_before
    if after is not None and not (created is not None and created > micros(after)):
        yield said
    if before is not None and not (created is not None and created < micros(before)):
        yield said


def _shown(created: int | None) -> str:
    if created is None:
        return "at a time it does not say"
    try:
        return f"{_EPOCH + timedelta(microseconds=created):%Y-%m-%d %H:%M:%S} UTC"
    except OverflowError:
        return "at no time there is"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"


def _holds(wanted: Filter, raw: bytes) -> bool:
    try:
        value = loads(raw)
    except BadJson:
        return False
    return isinstance(value, dict) and wanted.where is not None and wanted.where.evaluate(value)


def _has_words(text: str, asked: str) -> bool:
    """True where all words occur, the last one perhaps as a beginning."""
    words = [_plain(word) for word in words_of(asked)]
    if not words:
        return False
    there = {_plain(word) for word in words_of(text)}
    typing = not asked[-1].isspace()
    *whole, last = words
    return all(word in there for word in whole) and (
        any(word.startswith(last) for word in there) if typing else last in there
    )


def _plain(word: str) -> str:
    """A word without case and accents."""
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))
