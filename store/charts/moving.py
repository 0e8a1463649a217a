"""Moving charts between contexts, and to the archive and back: whole subtrees, relations kept.

A chart that leaves a parent behind is a root where it arrives. What tied it to the parent is
kept in its chart entity as `metadata.movedFrom`: `{context, parentChart, parentActionStep, level,
relations}`; when it comes to a context where that parent lives, it hangs there again, and the
member goes away. An archived chart also carries `archivedFrom` (a context) and `archivedAt`.
The step it telescoped from stays behind as a plain step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from store import records
from store.charts import links, names, parts, rules
from store.charts.removing import Subtree, collect
from store.charts.view import View
from store.charts.work import Work, count, listed, quote
from store.errors import NeedsConfirm, Refused
from store.model import ARCHIVE, Json, Plan


def plan_transfer(
    source: View, target: View, chart_ids: str | Iterable[str], *, command: str = "chart.move"
) -> tuple[Plan, Plan]:
    """Plans to move charts with all below them: what to write in the target, and in the source.

    The target's plan is to be committed first: a crash between the two leaves a chart twice,
    never nowhere. Raises Refused where the target has a record of the same name already.
    """
    roots, found = _roots(source, listed(chart_ids))
    into, out = Work(target), Work(source)
    _refuse_clash(target, found)
    moved = {key.removeprefix("e:") for key in found.entities}
    for key in found.entities:
        held = source.get(key)
        if held is not None and held.record is not None:
            into.put_at(key, held.record)
    left: dict[str, list[Json]] = {root: [] for root in roots}
    for key in found.relations:
        held = source.get(key)
        if held is None or held.record is None:
            continue
        start, _, end = parts.ends(key)
        stays = next((name for name in (start, end) if name not in moved and _there(source, name)), None)
        if stays is None:  # both ends move, or the other end hangs loose anyway
            into.put_at(key, held.record)
        else:
            left[_root_of(source, roots, end if stays == start else start)].append(held.record)
    for root in roots:
        _uproot(into, source, root, left[root], archive=target.context == ARCHIVE)
        _reattach(into, root)
    out.delete([*found.entities, *found.relations])
    for holder in found.holders:
        out.touch(holder)
    return _labelled(into, out, source, roots, command)


def plan_archive(
    source: View, archive: View, chart_ids: str | Iterable[str], *, confirmed: bool = False
) -> tuple[Plan, Plan]:
    """`plan_transfer` to the archive. Raises NeedsConfirm for charts that are not complete."""
    wanted = listed(chart_ids)
    charts = [_chart(source, name) for name in wanted]
    unfinished = [chart for chart in charts if not rules.done_of(chart) or rules.open_units(source, chart)]
    if unfinished and not confirmed:
        what = quote(unfinished[0].title) if len(unfinished) == 1 else count(len(unfinished), "chart")
        verb = "is" if len(unfinished) == 1 else "are"
        raise NeedsConfirm(
            f"{what} {verb} not complete with all steps. Complete first, or confirm to archive all the same."
        )
    return plan_transfer(source, archive, wanted, command="chart.archive")


def plan_unarchive(archive: View, target: View, chart_ids: str | Iterable[str]) -> tuple[Plan, Plan]:
    """`plan_transfer` back from the archive; `home_of` says which context a chart came from."""
    return plan_transfer(archive, target, chart_ids, command="chart.archive")


def home_of(archive: View, chart_id: str) -> str | None:
    """The context an archived chart came from, None where it does not say."""
    home = _chart(archive, chart_id).meta.get("archivedFrom")
    return home if isinstance(home, str) and home else None


def _chart(view: View, name: str) -> parts.Parts:
    chart, step = parts.resolve(view, name)
    if step is not None:
        raise Refused(f"{quote(step.title)} is a step; only charts move. Telescope it first.")
    return chart


def _roots(source: View, wanted: list[str]) -> tuple[list[str], Subtree]:
    """The charts to move without those that lie below another of them, and all they hold."""
    ids = list(dict.fromkeys(_chart(source, name).chart_id for name in wanted))
    below = {child for root in ids for child in links.subtree(source, root)[1:]}
    roots = [root for root in ids if root not in below] or ids[:1]
    return roots, collect(source, roots)


def _refuse_clash(target: View, found: Subtree) -> None:
    for key in found.entities:
        if target.get(key) is not None:
            raise Refused(
                f"The context {target.context} already has a record named {key.removeprefix('e:')}. "
                "Remove one of the two, or rename it in the chart file, then move again."
            )


def _there(view: View, name: str) -> bool:
    return view.get(names.entity_key(name)) is not None


def _root_of(source: View, roots: list[str], name: str) -> str:
    """Which moved chart a name lies in."""
    if len(roots) > 1:
        part = parts.entity(source, name)
        owner = parts.chart_of(source, part) if part is not None else None
        for root in roots:
            if owner in links.subtree(source, root):
                return root
    return roots[0]


def _uproot(into: Work, source: View, root: str, left: list[Json], *, archive: bool) -> None:
    """Make a moved chart a root, noting where it came from."""
    part = parts.chart_entity(into, root)
    if part is None:
        return
    meta: Json = {}
    parent = part.meta.get("parentChart")
    tied = isinstance(parent, str) and bool(parent)
    if tied or left:
        origin: Json = {"context": source.context}
        origin |= {
            member: part.meta[member] for member in ("parentChart", "parentActionStep") if member in part.meta
        }
        origin["level"] = part.meta.get("level", 0)
        if left:
            origin["relations"] = left
        meta = {"movedFrom": origin}
    if tied:
        meta |= {"parentChart": None, "parentActionStep": None}
        _shift_levels(into, root, -_level(part.meta.get("level")))
    if archive:
        meta |= {"archivedFrom": source.context, "archivedAt": into.now}
    elif "archivedFrom" in part.meta or "archivedAt" in part.meta:
        meta |= {"archivedFrom": None, "archivedAt": None}
    into.change(part, meta=meta)


def _reattach(into: Work, root: str) -> None:
    """Hang a chart below the parent it once left, where that parent is in the target."""
    part = parts.chart_entity(into, root)
    origin = part.meta.get("movedFrom") if part is not None else None
    if part is None or not isinstance(origin, dict) or into.context == ARCHIVE:
        return
    parent = origin.get("parentChart")
    above = parts.chart_entity(into.base, parent) if isinstance(parent, str) else None
    if above is None and origin.get("context") != into.context:
        return
    meta: Json = {"movedFrom": None} if above is not None or parent is None else {}
    if above is not None:
        step = origin.get("parentActionStep")
        meta["parentChart"] = parent
        taken = links.step_children(into.base, parts.read(into.base, str(parent)))[0]
        if isinstance(step, str) and _there(into.base, step) and step not in taken:
            meta["parentActionStep"] = step  # else the step was telescoped anew in the meantime
        _shift_levels(into, root, _level(above.meta.get("level")) + 1 - _level(part.meta.get("level")))
        into.touch(str(parent))
    into.change(part, meta=meta)
    for record in origin.get("relations") or ():
        if isinstance(record, dict) and _ends_live(into, record):
            into.put(record)


def _ends_live(work: Work, record: Json) -> bool:
    body = records.body_of(record)
    return all(isinstance(body.get(end), str) and _there(work, body[end]) for end in ("from", "to"))


def _shift_levels(into: Work, root: str, delta: int) -> None:
    for chart_id in links.subtree(into, root) if delta else ():
        part = parts.chart_entity(into, chart_id)
        if part is not None and isinstance(part.meta.get("level"), int):
            into.change(part, meta={"level": max(_level(part.meta["level"]) + delta, 0)}, stamp=False)


def _level(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _labelled(into: Work, out: Work, source: View, roots: list[str], command: str) -> tuple[Plan, Plan]:
    first = parts.read(source, roots[0])
    what = quote(first.title) if len(roots) == 1 else count(len(roots), "chart")
    if into.context == ARCHIVE:
        there, here = f"Archive {what} from {source.context}", f"Archive {what}"
    elif source.context == ARCHIVE:
        there, here = f"Bring {what} back from the archive", f"Bring {what} back to {into.context}"
    else:
        there, here = f"Move {what} here from {source.context}", f"Move {what} to {into.context}"
    focus = first.parent if first.parent is not None else None
    return into.plan(command, there, roots[0]), out.plan(command, here, focus)
