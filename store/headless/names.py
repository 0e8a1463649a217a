"""Which chart or step a person means: by id, by part of it, by its number, by words of its title.

Nothing is guessed: words that fit more than one thing are refused with the list of what
they fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from store.errors import NotFound, UsageError
from store.headless.output import safe
from store.headless.working import contexts_of

if TYPE_CHECKING:
    from argparse import Namespace

    from store.index import Snapshot
    from store.store import Store

T = TypeVar("T")
SHOWN = 8
"""Candidates listed where words fit several."""
MOST_HITS = 1000
"""Places looked at for the words of a step's title."""
SHORTEST = 3
"""Characters of an id that name it."""


class Target(NamedTuple):
    """What a command is to work on: a chart, or one step of it."""

    context: str
    chart_id: str
    step: str | None
    """Entity name of the step; None where the chart is meant."""
    title: str

    def __str__(self) -> str:
        kind = "step" if self.step else "chart"
        return f"{kind} {safe(self.step or self.chart_id)} “{safe(self.title)}” in {safe(self.context)}"


def chart(
    store: Store, space: Namespace, words: str | Sequence[str], *, contexts: list[str] | None = None
) -> tuple[str, str]:
    """(context, chart id) of the chart that `words` name.

    Raises NotFound, or UsageError where several fit.
    """
    text = _joined(words)
    places = contexts if contexts is not None else contexts_of(store, space, archive=True)
    with store.snapshot() as snap:
        found = _charts(snap, text, places)
    one = _only(found, text, "chart", "See `chartkeep list`.")
    return one.context, one.chart_id


def charts(
    store: Store, space: Namespace, words: Sequence[str], *, contexts: list[str] | None = None
) -> list[tuple[str, str]]:
    """The charts that each of `words` names; where only all of them together name one, that one."""
    return _each(words, lambda word: chart(store, space, word, contexts=contexts))


def step(store: Store, space: Namespace, words: str | Sequence[str], *, within: str | None = None) -> Target:
    """The step that `words` name. Raises NotFound, or UsageError where several fit."""
    text = _joined(words)
    places = contexts_of(store, space)
    with store.snapshot() as snap:
        found = _steps(snap, text, places, _charts_named(snap, within, places))
    return _only(found, text, "step", "See `chartkeep show CHART`; a step can be named CHART:NUMBER.")


def target(
    store: Store, space: Namespace, words: str | Sequence[str], *, within: str | None = None
) -> Target:
    """The chart or step that `words` name; with `within`, a step of that chart."""
    if within is not None:
        return step(store, space, words, within=within)
    text = _joined(words)
    places = contexts_of(store, space, archive=True)
    with store.snapshot() as snap:
        exact = _exact(snap, text, places)
        found = exact or _charts(snap, text, places) + _steps(snap, text, places, None)
    return _only(found, text, "chart or step", "See `chartkeep list` and `chartkeep show CHART`.")


def targets(
    store: Store, space: Namespace, words: Sequence[str], *, within: str | None = None
) -> list[Target]:
    """The charts and steps that each of `words` names; where only all of them together name one, that one."""
    return _each(words, lambda word: target(store, space, word, within=within))


def _each(words: Sequence[str], find: Callable[[str | Sequence[str]], T]) -> list[T]:
    """What `find` finds for each word, or else for all of them as one name; each once."""
    try:
        return list(dict.fromkeys(find(word) for word in words))
    except (NotFound, UsageError):
        if len(words) == 1:
            raise
        try:
            return [find(words)]
        except (NotFound, UsageError):
            pass
        raise


def _joined(words: str | Sequence[str]) -> str:
    text = (words if isinstance(words, str) else " ".join(words)).strip()
    if not text:
        raise UsageError("An empty name names nothing.")
    return text


def _only(found: list[Target], text: str, what: str, see: str) -> Target:
    if not found:
        raise NotFound(f"No {what} is called “{safe(text)}”. {see}")
    if len(found) == 1:
        return found[0]
    shown = "\n".join(f"  {one}" for one in found[:SHOWN])
    more = f"\n  … and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    raise UsageError(f"“{safe(text)}” fits {len(found)} things. Name one by its id:\n{shown}{more}")


def _exact(snap: Snapshot, text: str, places: Iterable[str]) -> list[Target]:
    """The chart with the id `text`, or the step with that name."""
    found = []
    for context in places:
        row = snap.chart(context, text)
        if row is not None:
            found.append(Target(context, row.chart_id, None, row.title))
            continue
        record = snap.record(context, f"e:{text}")
        if record is not None and record.chart_id:
            found += [one for one in _steps_of(snap, context, record.chart_id) if one.step == text]
    return found


def _charts(snap: Snapshot, text: str, places: list[str]) -> list[Target]:
    found = [
        Target(context, row.chart_id, None, row.title)
        for context in places
        if (row := snap.chart(context, text)) is not None
    ]
    if not found and " " not in text and len(text) >= SHORTEST:
        found = [
            Target(context, row.chart_id, None, row.title)
            for context in places
            for chart_id in snap.chart_ids(context)
            if _part_of_id(text, chart_id) and (row := snap.chart(context, chart_id)) is not None
        ]
    if found:
        return found
    rows = [row for row in snap.rows(snap.matching(text, places)) if row is not None]
    return _by_title([Target(row.context, row.chart_id, None, row.title) for row in rows], text)


def _part_of_id(text: str, chart_id: str) -> bool:
    return chart_id.startswith((text, f"chart_{text}")) or chart_id.endswith(text)


def _by_title(rows: list[Target], text: str) -> list[Target]:
    """Rows whose title is `text`, else begins with it, else holds all of its words."""
    wanted = text.casefold()
    folded = [(row, row.title.casefold()) for row in rows]
    if found := [row for row, title in folded if title == wanted]:
        return found
    if found := [row for row, title in folded if title.startswith(wanted)]:
        return found
    words = wanted.split()
    return [row for row, title in folded if all(word in title for word in words)]


def _charts_named(snap: Snapshot, within: str | None, places: list[str]) -> tuple[str, str] | None:
    if within is None:
        return None
    one = _only(_charts(snap, within, places), within, "chart", "See `chartkeep list`.")
    return one.context, one.chart_id


def _steps(snap: Snapshot, text: str, places: list[str], within: tuple[str, str] | None) -> list[Target]:
    if within is not None:
        rows = _steps_of(snap, *within)
        if text.isdigit() and 1 <= int(text) <= len(rows):
            return [rows[int(text) - 1]]
        return [row for row in rows if row.step == text] or _by_title(rows, text)
    if exact := [one for one in _exact(snap, text, places) if one.step]:
        return exact
    named, colon, number = text.rpartition(":")
    if colon and named and number.isdigit():
        numbered = []
        for one in _charts(snap, named, places):
            rows = _steps_of(snap, one.context, one.chart_id)
            numbered += rows[int(number) - 1 : int(number)] if int(number) else []
        if numbered:
            return numbered
    hits = snap.search(text, places, limit=MOST_HITS, order="rank")
    charts = dict.fromkeys((hit.context, hit.chart_id) for hit in hits if hit.kind == "step" and hit.chart_id)
    return _by_title([row for chart in charts for row in _steps_of(snap, *chart)], text)


def _steps_of(snap: Snapshot, context: str, chart_id: str) -> list[Target]:
    return [Target(context, chart_id, row.name, row.title) for row in snap.steps(context, chart_id)]
