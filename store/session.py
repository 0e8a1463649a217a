"""Who is at work: the name and session that go with every transaction."""

from __future__ import annotations

import os
from typing import NamedTuple


class Session(NamedTuple):
    """One run of one program by one person."""

    by: str
    """`user@host`, or what `CHARTKEEP_BY` says: how an agent names itself."""
    id: str
    program: str
    """`tui`, `cli` or the name a script gave."""
    began: str = ""
    """When it was opened, as the journal writes it."""


def new_session(program: str) -> Session:
    """A session of `program` for the person who runs this process."""
    from store import clock, ids

    return Session(
        os.environ.get("CHARTKEEP_BY") or _person(), f"{program}-{ids.session_id()}", program, clock.stamp()
    )


def _person() -> str:
    user = os.environ.get("LOGNAME") or os.environ.get("USER") or ""
    if not user:
        try:
            import pwd

            user = pwd.getpwuid(os.getuid()).pw_name
        except (ImportError, KeyError, AttributeError):
            user = "someone"
    return f"{user}@{os.uname().nodename.split('.')[0] if hasattr(os, 'uname') else 'host'}"
