"""What is due: one backup, of the largest kind whose time has come; and whether a drill is.

However long the machine slept, one backup is due and never a backlog. Backups that seem to be from
the future, as after the clock was set back, do not count: they would hold up the next for as long.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from store import clock
from store.upkeep.backup import manifest
from store.upkeep.backup.manifest import Kind

if TYPE_CHECKING:
    from store.settings import Settings
    from store.store import Store

_NEVER = timedelta.max


def due(store: Store, now: datetime | None = None) -> Kind | None:
    """The kind of backup that is due; None where none is, or `backup.enabled` is off. No key is needed."""
    from store.upkeep.backup.opening import home_place
    from store.upkeep.backup.repository import names_at

    if not store.settings.backup_enabled:
        return None
    times = [(name.kind, name.at) for name in names_at(home_place(store))]
    return pick(times, now or clock.now(), store.settings)


def pick(times: Iterable[tuple[Kind, datetime]], now: datetime, settings: Settings) -> Kind | None:
    """The largest kind whose interval has passed since the last backup of it, or of a larger kind."""
    ages = dict.fromkeys(manifest.KINDS, _NEVER)
    for kind, at in times:
        if at <= now:
            ages[kind] = min(ages[kind], now - at)
    since_full = ages["full"]
    since_differential = min(since_full, ages["differential"])
    since_any = min(since_differential, ages["incremental"])
    if since_full >= timedelta(days=settings.backup_full_days):
        return "full"
    if since_differential >= timedelta(days=settings.backup_differential_days):
        return "differential"
    if since_any >= timedelta(minutes=settings.backup_incremental_minutes):
        return "incremental"
    return None


def drill_due(store: Store, now: datetime | None = None) -> bool:
    """Whether a restore drill is due: there are backups, and none was tried for `backup.drill_days`."""
    from store.upkeep.backup.opening import home_place
    from store.upkeep.backup.repository import marks_at, names_at

    place = home_place(store)
    if not store.settings.backup_enabled or not names_at(place):
        return False
    now = now or clock.now()
    drills = [
        at
        for marks in marks_at(place).values()
        for mark in marks
        if mark.what == "drill" and (at := clock.try_parse(mark.at)) is not None and at <= now
    ]
    return not drills or now - max(drills) >= timedelta(days=store.settings.backup_drill_days)
