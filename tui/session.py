"""What the UI remembers of a store between runs: where one was, what was open, how it looked.

Kept in the user's state directory, one small file per store path. A file that cannot be
read or written costs the memory of the layout and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Session:
    """State of the main screen."""

    context: str | None = None
    """Context shown; None for all together."""
    scope: list[str] | None = None
    """(context, chart id) of the chart the outline is rooted at."""
    cursor: list[str] | None = None
    """(context, chart id, step name or empty) of the row under the cursor."""
    unfolded: list[list[str]] = field(default_factory=list)
    """(context, chart id) of the unfolded charts, at most 2,000."""
    folded_panes: list[str] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    hide_done: bool | None = None
    sort: str | None = None
    theme: str | None = None
    library: list[str] = field(default_factory=list)
    """(collection, filter, number of its sort) of the library when it was left."""


def path_for(store: Path) -> Path:
    """The file that remembers the store at `store`."""
    import platformdirs

    name = hashlib.blake2b(os.fsencode(store), digest_size=8).hexdigest()
    return Path(platformdirs.user_state_dir("chartkeep", appauthor=False)) / "sessions" / f"{name}.json"


def load(store: Path) -> Session:
    """What was remembered; a fresh state where there is nothing that can be used."""
    try:
        document = json.loads(path_for(store).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Session()
    return _read(document) if isinstance(document, Mapping) else Session()


def _read(document: Mapping[str, Any]) -> Session:
    """A session of the members that have the right shape."""
    fresh = Session()
    texts = ("context", "sort", "theme")
    lists = ("scope", "cursor", "unfolded", "folded_panes", "library")
    for member in fields(Session):
        value = document.get(member.name)
        name = member.name
        right = (
            (name in texts and isinstance(value, str))
            or (name in lists and isinstance(value, list))
            or (
                name == "sizes"
                and isinstance(value, dict)
                and all(isinstance(v, int) for v in value.values())
            )
            or (name == "hide_done" and isinstance(value, bool))
        )
        if right:
            setattr(fresh, name, value)
    return fresh


def save(store: Path, session: Session) -> None:
    """Remember `session` for the store; silently not, where the state directory cannot be written."""
    path = path_for(store)
    text = json.dumps({"store": str(store), **asdict(session)}, ensure_ascii=False)
    temp = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temp.write_text(text, encoding="utf-8", errors="surrogatepass")
        temp.replace(path)
    except OSError:
        return
