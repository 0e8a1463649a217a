"""The index: rows derived from the journals, for every question that is not "what does this line say".

`Index` opens, syncs and rebuilds; `Snapshot` asks. Delete the files and they are made anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.index.handle import Index
    from store.index.queries import Snapshot
    from store.index.sync import Synced

__all__ = ["Index", "Snapshot", "Synced"]

_HOME = {"Index": "handle", "Snapshot": "queries", "Synced": "sync"}


def __getattr__(name: str) -> object:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"store.index.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
