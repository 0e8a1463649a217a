"""What is typed into the library's filter, as a Filter of the store.

`bird tag:flight domain:biology >0.8 where:metadata.lang = "en"`: words and forms, in any order, all of
which must hold; `where:` takes the rest of the line. What is no form, or a form that cannot be
understood, counts as words, so that nothing typed is ever an error; what was not understood is said.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from store.errors import ChartkeepError
from store.knowledge.model import Filter

GRAMMAR = (
    "words  tag:x  domain:y  source:a  target:b  >0.8  <0.5  after:2026-11-01  before:…  where:name = 'x'"
)
"""Shown beside the field."""
SHORT_GRAMMAR = "words tag:x domain:y >0.8 <0.5 after:DATE before:DATE where:name = 'x'"
"""The same for 80 columns."""

_WHERE = re.compile(r"(?:^|\s)where:", re.IGNORECASE)
_WORD = re.compile(r"""(?:[^\s"]+:)?"[^"]*"?|\S+""")
_SCORE = re.compile(r"([<>])(=?)(\d*\.?\d+)(%?)")
_LISTS = {"tag": "tags", "domain": "domains"}
_TEXTS = {"source": "source", "target": "target", "workflow": "workflow"}
_TIMES = {"after": "created_after", "before": "created_before"}


class Typed(NamedTuple):
    """A filter as typed."""

    filter: Filter
    """Context and kinds are not its business: they stay as they were given."""
    problem: str = ""
    """What was not understood, in words; the rest holds all the same."""


def parse(text: str, base: Filter) -> Typed:
    """`base` narrowed by what was typed. Never raises."""
    problems: list[str] = []
    head, condition = _split(text)
    found = base
    if condition:
        found = _where(found, condition, problems)
    words: list[str] = []
    for part in _WORD.findall(head):
        narrowed = _form(found, part, problems)
        if narrowed is None:
            words.append(part.replace('"', " ").strip())
        else:
            found = narrowed
    text = " ".join(word for word in words if word)
    return Typed(replace(found, words=text) if text else found, "; ".join(problems))


def added(text: str, form: str) -> str:
    """The typed filter with one more form, before its `where:`; without it where it is there already."""
    head, condition = _split(text)
    parts = _WORD.findall(head)
    parts = [part for part in parts if part != form] if form in parts else [*parts, form]
    return " ".join([*parts, *([f"where:{condition}"] if condition else [])])


def form(name: str, value: str) -> str:
    """`tag:x`, in quotes where the value has blanks in it."""
    value = value.replace('"', "")
    return f'{name}:"{value}"' if re.search(r"\s", value) or not value else f"{name}:{value}"


def _split(text: str) -> tuple[str, str]:
    """(what stands before `where:`, the condition)"""
    at = _WHERE.search(text)
    return (text, "") if at is None else (text[: at.start()], text[at.end() :].strip())


def _where(found: Filter, condition: str, problems: list[str]) -> Filter:
    from store.knowledge import where

    try:
        return replace(found, where=where.parse(condition))
    except ChartkeepError as error:
        problems.append(str(error))
        return found


def _form(found: Filter, part: str, problems: list[str]) -> Filter | None:
    """The filter narrowed by one form; None for a word."""
    score = _SCORE.fullmatch(part)
    if score is not None:
        return _score(found, *score.groups())
    name, colon, value = part.partition(":")
    name, value = name.casefold(), value.strip('"').strip()
    if not colon or not value:
        return found if name in {*_LISTS, *_TEXTS, *_TIMES} and colon else None
    if name in _LISTS:
        member = _LISTS[name]
        return _with(found, member, (*getattr(found, member), value))
    if name in _TEXTS:
        return _with(found, _TEXTS[name], value)
    if name in _TIMES:
        instant = _instant(value)
        if instant is None:
            problems.append(f"“{value}” is no time: {name}:2026-11-01, {name}:3d")
            return found
        return _with(found, _TIMES[name], instant)
    return None


def _with(found: Filter, member: str, value: Any) -> Filter:
    return replace(found, **{member: value})


def _score(found: Filter, side: str, equal: str, digits: str, percent: str) -> Filter:
    """`>0.8` leaves 0.8 out, `>=0.8` takes it in; the filter itself has one of either for each side."""
    score = float(digits) / (100 if percent else 1)
    if side == ">":
        return replace(found, quality_from=score if equal else math.nextafter(score, math.inf))
    return replace(found, quality_below=math.nextafter(score, math.inf) if equal else score)


def _instant(text: str) -> datetime | None:
    """The instant meant, as the command line takes it: a day alone is its beginning."""
    from store.knowledge.criteria import criteria

    try:
        return criteria(created_after=text, may_be_empty=True).filter.created_after
    except ChartkeepError:
        return None
