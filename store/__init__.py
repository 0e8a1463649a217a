"""chartkeep's store: charts kept in journals, indexed, published; no terminal needed.

    from store import open_store
    from store.charts import add_step

    with open_store() as store:
        store.run("default", add_step, "chart_1767399970220", "Draft the outline", due="fri")

The names below are the public ones; each is imported when it is first used, so that a
command that only prints help loads next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from store.errors import ChartkeepError
    from store.layout import demo_store, find_store
    from store.store import Notice, Store, init_store, open_store

__version__ = "0.1.0"
__all__ = ["ChartkeepError", "Notice", "Store", "demo_store", "find_store", "init_store", "open_store"]

_HOMES = {
    "ChartkeepError": "store.errors",
    "Notice": "store.store",
    "Store": "store.store",
    "demo_store": "store.layout",
    "find_store": "store.layout",
    "init_store": "store.store",
    "open_store": "store.store",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
