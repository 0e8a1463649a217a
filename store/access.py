"""What may be done with a store's folder: write, only read, or nothing.

A store that may only be read still needs an index, and journals for chart files that have
none: those go to the user's cache directory, keyed by the store's path.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

from store.errors import StorageError
from store.layout import Layout


def usable(layout: Layout, readonly: bool) -> tuple[Layout, bool]:
    """The layout to work with and whether it is for reading only. Raises StorageError."""
    for place in _places(layout):
        if not os.access(place, os.R_OK | os.X_OK if place.is_dir() else os.R_OK):
            raise StorageError(
                f"{place} cannot be read by {_me()}: it belongs to {_owner(place)}. Ask them for access, "
                "or open another store with --store.",
                path=place,
            )
    if os.access(layout.root, os.W_OK | os.X_OK) and (
        not layout.journals.exists() or os.access(layout.journals, os.W_OK | os.X_OK)
    ):
        return (replace(layout, shadow=_shadow(layout)) if readonly else layout), readonly
    return replace(layout, shadow=_shadow(layout)), True


def _places(layout: Layout) -> Iterator[Path]:
    """What must be readable, outermost first."""
    for place in (layout.root, layout.single, layout.journals):
        if place is not None and place.exists():
            yield place
    if layout.journals.is_dir():
        yield from (folder for folder in sorted(layout.journals.iterdir()) if folder.is_dir())


def _shadow(layout: Layout) -> Path:
    import platformdirs

    name = str(layout.single or layout.root)
    digest = blake2b(os.fsencode(name), digest_size=8).hexdigest()
    return Path(platformdirs.user_cache_dir("chartkeep", appauthor=False)) / "read-only" / digest


def _me() -> str:
    return f"user {os.getuid()}" if hasattr(os, "getuid") else "this user"


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except (KeyError, OSError, NotImplementedError):
        return "another user"
