"""What health asks of the other parts of upkeep: backups, and who does the upkeep.

Each is imported when asked, and what does not answer leaves its figures unknown: health is told
about a store in whatever state it is.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from store import clock
from store.errors import ChartkeepError

if TYPE_CHECKING:
    from store.store import Store


class Backed(NamedTuple):
    """What is known of a store's backups without reading one."""

    there: int = 0
    newest: datetime | None = None
    oldest: datetime | None = None
    drilled: datetime | None = None
    succeeded: int = 0
    tried: int = 0

    def document(self) -> dict[str, Any]:
        """As `status` gives it."""
        return {
            "count": self.there,
            "newest": clock.stamp(self.newest) if self.newest else None,
            "drilled": clock.stamp(self.drilled) if self.drilled else None,
            "succeeded": self.succeeded,
            "tried": self.tried,
        }


def backed(store: Store, since: datetime) -> Backed:
    """The backups there are, by their names, and how the attempts since an instant ended.

    No key is asked for and no place over a network: what lies there is known by the attempts alone.
    """
    from store.upkeep.backup.attempts import history
    from store.upkeep.backup.opening import home_place
    from store.upkeep.backup.places import LocalPlace
    from store.upkeep.backup.repository import names_at

    try:
        ended = [(at, one) for one in history(store) if (at := clock.try_parse(one.at)) is not None]
        place = home_place(store)
        times = [name.at for name in names_at(place)] if isinstance(place, LocalPlace) else []
    except (ChartkeepError, OSError):
        return Backed()
    tried = [one.ok for at, one in ended if one.what in ("backup", "copy") and at >= since]
    times = times or [at for at, one in ended if one.what == "backup" and one.ok]
    return Backed(
        len(times),
        max(times, default=None),
        min(times, default=None),
        max((at for at, one in ended if one.what == "drill" and one.ok), default=None),
        sum(tried),
        len(tried),
    )


def upkeep(store: Store) -> dict[str, Any]:
    """Who does the upkeep of this store now, and why which tasks fail: `holder` is null where nobody does."""
    from store.upkeep.maintenance import lease, schedule

    failing = schedule.failing(schedule.load(schedule.path_of(store.layout)))
    return {"holder": lease.holder(store), "failing": failing}
