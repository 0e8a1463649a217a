"""Retention rules: how old a record may grow before it is put away, compressed, or forgotten.

A rule is a text in `chartkeep.toml`, one per collection: `metrics = "warm 30d, cold 90d, delete 2y"`.
What it leaves out never happens; `keep`, the rule of charts at first, leaves out everything.
"""

from __future__ import annotations

import re
import reprlib
from datetime import timedelta
from typing import Any, NamedTuple

_UNITS = {"h": 1 / 24, "d": 1, "w": 7, "m": 30, "y": 365}
_PART = re.compile(r"(warm|cold|delete)\s+(\d{1,7})\s*([hdwmy])")
_OLDEST = timedelta(days=365_000)
"""The calendar has no dates much before."""


class Rule(NamedTuple):
    """Ages from which something is done with the records of a collection; None for never.

    Hot records are in the live journal; warm ones only in archived generations; cold ones in compressed
    archives; deleted ones nowhere.
    """

    warm: timedelta | None = None
    cold: timedelta | None = None
    delete: timedelta | None = None


def parse_rule(text: Any) -> Rule:
    """The rule a text states. Raises ValueError that says what may stand there."""
    if isinstance(text, str):
        if text.strip() == "keep":
            return Rule()
        found = [_PART.fullmatch(part.strip()) for part in text.split(",")]
        ages = {
            match[1]: timedelta(days=int(match[2]) * _UNITS[match[3]]) for match in found if match is not None
        }
        rule = Rule(ages.get("warm"), ages.get("cold"), ages.get("delete"))
        given = [age for age in rule if age is not None]
        if (
            all(found)
            and len(ages) == len(found)
            and given == sorted(given)
            and max(given, default=_OLDEST) <= _OLDEST
        ):
            return rule
    raise ValueError(
        'a retention rule is "keep", or ages that grow, such as "warm 30d, cold 90d, delete 2y" (h, d, w, m, y; 1000 '
        f"years at most), not {reprlib.repr(text)}"
    )
