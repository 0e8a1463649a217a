"""What charts mean: their names and records, and commands as plain functions from a view to a plan.

Nothing here touches a disk. The rules, in one place each: due dates in `dates` and `due`,
completion in `steps`, progress and states in `rules`, wording in `advice`. A name is imported
when it is first used, so that a program loads only the commands it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from store.charts.create import add_step, create_chart, telescope
    from store.charts.dates import describe, file_due, parse_due
    from store.charts.due import set_due
    from store.charts.editing import (
        PHASES,
        add_fact,
        edit_fact,
        edit_note,
        edit_text,
        remove_fact,
        remove_note,
        set_phase,
        set_reality,
    )
    from store.charts.moving import home_of, plan_archive, plan_transfer, plan_unarchive
    from store.charts.reading import chart_row, chart_view, roots
    from store.charts.removing import Size, remove, subtree_size
    from store.charts.rules import DEFAULT_LIMITS, Limits, hints, is_done, progress, state, with_hints
    from store.charts.steps import complete, note, reorder
    from store.charts.view import View

__all__ = [
    "DEFAULT_LIMITS",
    "PHASES",
    "Limits",
    "Size",
    "View",
    "add_fact",
    "add_step",
    "chart_row",
    "chart_view",
    "complete",
    "create_chart",
    "describe",
    "edit_fact",
    "edit_note",
    "edit_text",
    "file_due",
    "hints",
    "home_of",
    "is_done",
    "note",
    "parse_due",
    "plan_archive",
    "plan_transfer",
    "plan_unarchive",
    "progress",
    "remove",
    "remove_fact",
    "remove_note",
    "reorder",
    "roots",
    "set_due",
    "set_phase",
    "set_reality",
    "state",
    "subtree_size",
    "telescope",
    "with_hints",
]

_HOMES = {
    "DEFAULT_LIMITS": "rules",
    "Limits": "rules",
    "PHASES": "editing",
    "Size": "removing",
    "View": "view",
    "add_fact": "editing",
    "add_step": "create",
    "chart_row": "reading",
    "chart_view": "reading",
    "complete": "steps",
    "create_chart": "create",
    "describe": "dates",
    "edit_fact": "editing",
    "edit_note": "editing",
    "edit_text": "editing",
    "file_due": "dates",
    "hints": "rules",
    "home_of": "moving",
    "is_done": "rules",
    "note": "steps",
    "parse_due": "dates",
    "plan_archive": "moving",
    "plan_transfer": "moving",
    "plan_unarchive": "moving",
    "progress": "rules",
    "remove": "removing",
    "remove_fact": "editing",
    "remove_note": "editing",
    "reorder": "steps",
    "roots": "reading",
    "set_due": "due",
    "set_phase": "editing",
    "set_reality": "editing",
    "state": "rules",
    "subtree_size": "removing",
    "telescope": "create",
    "with_hints": "rules",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found
