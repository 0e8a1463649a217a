"""The detail of one record: what it is, when and by whom it was changed, then every member."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from store import clock
from store.headless.dates import size
from store.knowledge.kinds import kind_of
from tui.library_text import Line, Reference, lines
from tui.widgets.cells import clean, cut, wrap

if TYPE_CHECKING:
    from tui.library_reading import Shown


def head(found: Shown, followed: int) -> tuple[str, str]:
    """(summary, title) of the heading over the detail."""
    back = f" · backspace goes back ({followed})" if followed else ""
    return f"version {found.row.ver}{back}", kind_title(found.row.kind)


def whole(found: Shown, width: int) -> Sequence[Line]:
    """The lines of the detail."""
    row = found.row
    top = [Line(((part, "heading"),)) for part in wrap(clean(row.title), width)]
    facts = [row.context, _when(row.changed_at)]
    if row.deleted:
        facts.insert(0, "deleted")
    if found.size:
        facts.append(size(found.size))
    top += [Line(((part, "muted"),)) for part in wrap(clean(" · ".join(facts)), width)]
    top.append(Line(((cut(clean(row.key), width), "muted"),)))
    if row.workflow:
        text = cut(f"written by workflow {clean(row.workflow)}", width)
        top.append(Line(((text, "muted"),), Reference(f"workflow:{row.workflow}")))
    top.append(Line((("", ""),)))
    if row.deleted:
        return [*top, Line((("Deleted. R brings it back; H shows what it was.", ""),))]
    return [*top, *lines(found.record, found.titles, width)]


def kind_title(kind: str) -> str:
    """What a record of a type is called, its own word for one that is not known."""
    known = kind_of(kind)
    title = known.title if known.code else clean(kind)
    return title[:1].upper() + title[1:]


def _when(at: str) -> str:
    instant = clock.try_parse(at)
    return f"{instant.astimezone():%d %b %Y %H:%M}" if instant is not None else at
