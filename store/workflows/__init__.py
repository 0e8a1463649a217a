"""Workflows: batch operations with a life cycle, recorded in the journals they write to.

What others use is named here and imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from store.workflows.cleaning import clean
    from store.workflows.engine import run, start
    from store.workflows.lifecycle import cancel, pause, resume, retry
    from store.workflows.lists import beat, find_id, get, listing, rejects, steps
    from store.workflows.previewing import Preview, preview
    from store.workflows.submitting import submit
    from store.workflows.undoing import RollbackRefused, Undoing, rollback, survey

__all__ = [
    "Preview",
    "RollbackRefused",
    "Undoing",
    "beat",
    "cancel",
    "clean",
    "find_id",
    "get",
    "listing",
    "pause",
    "preview",
    "rejects",
    "resume",
    "retry",
    "rollback",
    "run",
    "start",
    "steps",
    "submit",
    "survey",
]

_MODULES = {
    "cleaning": ("clean",),
    "engine": ("run", "start"),
    "lifecycle": ("cancel", "pause", "resume", "retry"),
    "lists": ("beat", "find_id", "get", "listing", "rejects", "steps"),
    "previewing": ("Preview", "preview"),
    "submitting": ("submit",),
    "undoing": ("RollbackRefused", "Undoing", "rollback", "survey"),
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{place}"), name)
