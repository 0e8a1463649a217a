"""What charts mean: their names and records, and commands as plain functions from a view to a plan.

Nothing here touches a disk. The rules, in one place each: due dates in `dates` and `due`,
completion in `steps`, progress and states in `rules`, wording in `advice`.
"""

from __future__ import annotations

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
