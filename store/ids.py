"""The one maker of ids: charts, sessions, groups of transactions.

A chart id is `chart_` and 16 digits: the milliseconds since 1970, as the peers write them (13
digits), and three random ones. The peers use the milliseconds alone, so two charts made in one
millisecond get one name and the second is silently dropped. Sixteen digits keep the form the
peers match (`chart_<digits>`), still sort by age beside theirs, and stay below 2^53, so a
program that reads them as a JavaScript number reads the same number.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable

from store import clock

_guard = threading.Lock()
_issued: set[int] = set()
_KEEP = 4096


def chart_id(taken: Callable[[str], bool]) -> str:
    """A new `chart_<16 digits>`; counted up while `taken` says that the id is in use.

    Two calls in one process never give the same id, even for contexts that do not see each other.
    """
    number = int(clock.now().timestamp() * 1000) * 1000 + secrets.randbelow(1000)
    with _guard:
        while number in _issued or taken(f"chart_{number}"):
            number += 1
        if len(_issued) >= _KEEP:
            _issued.clear()
        _issued.add(number)
    return f"chart_{number}"


def session_id() -> str:
    """A new id for one run of a program: 12 hex digits."""
    return secrets.token_hex(6)


def group_id() -> str:
    """A new id shared by the transactions of one command over several journals."""
    return "g" + secrets.token_hex(8)


def sample_id() -> str:
    """A new id of one sample of the health figures: it sorts by time."""
    return f"{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(5)}"
