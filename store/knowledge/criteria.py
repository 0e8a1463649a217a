"""Which records are meant, as people and scripts say it: criteria in words, made into a Filter.

1. Every criterion that is given narrows the choice; one that cannot be understood is refused, never left out.
2. No criteria at all mean nothing, not everything: they are refused unless the caller says otherwise.
3. Instants have a zone. A time without one is taken as local, and that is said; "3d" and "yesterday" are
   worked out once, so that a workflow that stores its criteria (`to_options`) means the same ever after.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple

from store import clock
from store.errors import Refused, UsageError
from store.knowledge import kinds as table
from store.knowledge.model import Filter
from store.knowledge.where import Condition, parse

_AGO = re.compile(r"(\d{1,6})\s*(min|mo|h|d|w|m|y)[a-z]*(?:\s+ago)?")
_UNITS = {"min": 1 / 1440, "h": 1 / 24, "d": 1.0, "w": 7.0, "m": 30.0, "mo": 30.0, "y": 365.0}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_EXPECTED = "Write 2026-11-01, 2026-11-01T14:30+01:00, yesterday, 2h or 3d."

_LISTS = ("kinds", "domains", "tags")
_TEXTS = ("source", "target", "words", "workflow", "where", "created_after", "created_before")
_SCORES = {"below": "quality_below", "quality_from": "quality_from"}
MEMBERS = (*_LISTS, *_TEXTS, *_SCORES)
"""Members of a workflow's options that are criteria."""


class Criteria(NamedTuple):
    """What was understood."""

    filter: Filter
    said: list[str]
    """What a person should hear: how a time was taken, a kind that chartkeep does not know."""


def criteria(
    kinds: Iterable[str] = (),
    domains: Iterable[str] = (),
    source: str | None = None,
    target: str | None = None,
    tags: Iterable[str] = (),
    below: float | None = None,
    quality_from: float | None = None,
    created_after: str | datetime | None = None,
    created_before: str | datetime | None = None,
    workflow: str | None = None,
    where: str | Condition | None = None,
    words: str | None = None,
    context: str | None = None,
    deleted: bool = False,
    *,
    may_be_empty: bool = False,
) -> Criteria:
    """What these criteria mean; all that are given must hold. None and empty lists are not given.

    Scores without a kind are of analogies: instances, clusters and fields have scores of another meaning, and
    nobody who deletes poor analogies means those. Raises UsageError for one that cannot be understood or for
    two that nothing can meet, and Refused where none is given and `may_be_empty` is False.
    """
    said: list[str] = []
    made = Filter(
        context=context,
        kinds=tuple(dict.fromkeys(_kind(word, said) for word in kinds)),
        words="" if words is None else _text("words", words),
        tags=tuple(dict.fromkeys(_text("tag", tag) for tag in tags)),
        domains=tuple(dict.fromkeys(_text("domain", name) for name in domains)),
        source=None if source is None else _text("source domain", source),
        target=None if target is None else _text("target domain", target),
        quality_below=_score("below", below),
        quality_from=_score("from", quality_from),
        created_after=_moment("created after", created_after, said),
        created_before=_moment("created before", created_before, said),
        workflow=None if workflow is None else _text("workflow", workflow),
        where=where if isinstance(where, Condition) or where is None else parse(_text("condition", where)),
        deleted=deleted,
    )
    if not made.kinds and (below is not None or quality_from is not None):
        made = replace(made, kinds=("analogy",))
        said.append("Quality is asked of analogies; for confidence or coherence name the kinds too.")
    _possible(made)
    if not may_be_empty and not made.names_something:
        raise Refused(
            "Nothing says which records are meant: give at least one criterion (kind, domain, tag, quality, time, "
            "words or a condition). Without any it would be every record there is, so nothing was done."
        )
    return Criteria(made, said)


def to_options(
    wanted: Filter | None = None, *, said: list[str] | None = None, **given: Any
) -> dict[str, Any]:
    """Criteria as members of a workflow's options: those of a Filter, or those `criteria` takes as keywords.

    Times become instants; what a person should hear of it joins `said`. Raises UsageError.
    """
    if wanted is not None:
        made = wanted
    else:
        made, remarks = criteria(**given, may_be_empty=True)
        if said is not None:
            said += remarks
    options: dict[str, Any] = {
        "kinds": list(made.kinds),
        "domains": list(made.domains),
        "tags": list(made.tags),
        "source": made.source,
        "target": made.target,
        "words": made.words or None,
        "workflow": made.workflow,
        "where": None if made.where is None else str(made.where),
        "created_after": None if made.created_after is None else _stamp(made.created_after),
        "created_before": None if made.created_before is None else _stamp(made.created_before),
        "below": made.quality_below,
        "quality_from": made.quality_from,
    }
    return {name: value for name, value in options.items() if value is not None and value != []}


def from_options(options: Mapping[str, Any], *, may_be_empty: bool = False) -> Criteria:
    """The criteria in a workflow's options; members that are none are left to its type.

    Raises UsageError where one is not of the right type or cannot be understood, Refused where there is none.
    """
    given = {name: value for name in MEMBERS if (value := options.get(name)) is not None}
    for name, value in given.items():
        if name in _LISTS:
            right = isinstance(value, list) and all(isinstance(item, str) for item in value)
        elif name in _TEXTS:
            right = isinstance(value, str)
        else:
            right = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not right:
            expected = "a list of texts" if name in _LISTS else "text" if name in _TEXTS else "a number"
            raise UsageError(f"The option {name} must be {expected}, not {value!r:.80}.")
    return criteria(**given, may_be_empty=may_be_empty)


# -- one criterion ---------------------------------------------------------------------------------


def _text(what: str, value: str) -> str:
    """A text that says something. Raises UsageError."""
    if not value.strip():
        raise UsageError(f"The {what} that was given is empty: leave it out, or say which.")
    return value


def _kind(word: str, said: list[str]) -> str:
    """The `type` of records that a word means; one chartkeep does not know is taken as it stands."""
    known = table.named(_text("kind", word))
    if known is not None:
        return known.name
    named = ", ".join(kind.name for kind in table.KINDS)
    said.append(f"“{word}” is no kind chartkeep knows ({named}): records of that very type are meant.")
    return word


def _score(name: str, value: float | None) -> float | None:
    """A bound of the quality. Raises UsageError."""
    if value is None:
        return None
    if isinstance(value, bool) or not math.isfinite(value) or not 0 <= value <= 1:
        raise UsageError(f"The quality “{name}” must be a number from 0 to 1, not {value}.")
    return float(value)


def _moment(what: str, value: str | datetime | None, said: list[str]) -> datetime | None:
    """An instant in UTC. A day alone is its beginning. Raises UsageError."""
    if value is None:
        return None
    try:
        if isinstance(value, datetime):
            return _zoned(what, value, said)
        return _read(what, _text(f"time “{what}”", value).strip(), said)
    except (ValueError, OverflowError):
        raise UsageError(f"{what}: “{value}” is no time. {_EXPECTED}") from None


def _read(what: str, text: str, said: list[str]) -> datetime:
    """The instant a text names. Raises ValueError, OverflowError."""
    words = text.lower()
    if words == "now":
        return clock.now()
    if match := _AGO.fullmatch(words):
        return clock.now() - timedelta(days=int(match[1]) * _UNITS[match[2]])
    if words in ("today", "yesterday"):
        day = clock.now().astimezone().date() - timedelta(days=words == "yesterday")
        return _zoned(what, datetime.combine(day, time()), said)
    if not _DAY.match(text):
        raise ValueError(text)
    return _zoned(what, datetime.fromisoformat(text.replace(" ", "T", 1)), said)


def _zoned(what: str, moment: datetime, said: list[str]) -> datetime:
    """`moment` in UTC; one without a zone is local time, and that is said."""
    if moment.tzinfo is None:
        local = moment.astimezone()
        said.append(
            f"{what} {local.isoformat(sep=' ', timespec='minutes')}: no zone was given, so it is local time."
        )
        moment = local
    return moment.astimezone(UTC)


def _stamp(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise UsageError(f"The time {moment.isoformat()} has no zone.")
    return clock.stamp(moment)


def _possible(made: Filter) -> None:
    """Raise UsageError where two criteria exclude each other: then one of them is a slip."""
    after, before = made.created_after, made.created_before
    if after is not None and before is not None and after >= before:
        raise UsageError(
            f"No record was created after {clock.stamp(after)} and before {clock.stamp(before)}."
        )
    low, high = made.quality_from, made.quality_below
    if low is not None and high is not None and low >= high:
        raise UsageError(f"No quality is {low:g} or more and below {high:g}.")
