"""What differs between two versions of a record, member by member. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from store import records

MOST = 2_000
"""Differences listed."""
WIDEST = 2_000
"""Characters of a value that are shown."""
_GONE = object()


class Differing(NamedTuple):
    """One member in which two versions differ; None where one has no such member."""

    member: str
    """`metadata.lang`, `members[3].strength`; empty for the record as a whole."""
    then: str | None
    now: str | None


def differences(then: Any, now: Any) -> list[Differing]:
    """Every member in which two values differ, in the order of the newer one; the first MOST of them."""
    found: list[Differing] = []
    for each in _walk(then, now, ""):
        found.append(each)
        if len(found) >= MOST:
            break
    return found


def _walk(then: Any, now: Any, path: str) -> Iterator[Differing]:
    if then is not _GONE and now is not _GONE and records.same(then, now):
        return
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        names = [*now, *(name for name in then if name not in now)]
        for name in names:
            below = f"{path}.{name}" if path else str(name)
            yield from _walk(then.get(name, _GONE), now.get(name, _GONE), below)
    elif isinstance(then, list) and isinstance(now, list) and _few(then, now):
        for n in range(max(len(then), len(now))):
            before = then[n] if n < len(then) else _GONE
            after = now[n] if n < len(now) else _GONE
            yield from _walk(before, after, f"{path}[{n}]")
    else:
        yield Differing(path, _text(then), _text(now))


def _few(then: list[Any], now: list[Any]) -> bool:
    """Whether lists are better shown item by item: not where all is moved, nor of vectors."""
    if len(then) != len(now):
        return False
    return sum(not records.same(a, b) for a, b in zip(then, now, strict=True)) * 2 <= len(now)


def _text(value: Any) -> str | None:
    if value is _GONE:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= WIDEST else f"{text[:WIDEST]}… ({len(text):,} characters)"
