"""What counts as healthy: one table of limits, and the figures that are held against it.

Nothing here measures or touches a disk. `Facts` are what was measured (`measuring` does), `figures`
says how each of them is and why, and `worst` how the whole is. Codes and names are stable: scripts
and Prometheus rules hang on them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from store.settings import Settings

Health = Literal["ok", "warning", "critical", "unknown"]

RANKS: dict[Health, int] = {"critical": 3, "warning": 2, "unknown": 1, "ok": 0}
SMALL_GROWTH = 16e6
"""Bytes a month that are healthy whatever share of the store they are: a young store doubles at once."""
FEWEST_READS = 1000
"""Reads from which a hit rate says anything: at first every read is a miss."""
GRACE = timedelta(days=1)
"""How long a store may be without its first verification and backup."""
UNSAVED_MOST = timedelta(days=7)
"""Changes that no backup holds for longer than this are critical."""
BEHIND_SECONDS = 60.0
"""A chart file that lags its journal for longer is not just about to be published."""


class Limit(NamedTuple):
    """Where healthy ends and where a warning ends; beyond that it is critical.

    `healthy` belongs to what is healthy where `inclusive`; `warning` always belongs to the warnings.
    """

    label: str
    unit: str
    healthy: float
    warning: float
    more: bool = False
    """True where more is better."""
    inclusive: bool = False

    def rate(self, value: float | None) -> Health:
        """How a value is; unknown where there is none."""
        if value is None or math.isnan(value):
            return "unknown"
        sign = -1 if self.more else 1
        found, healthy, warning = sign * value, sign * self.healthy, sign * self.warning
        if found < healthy or (self.inclusive and found == healthy):
            return "ok"
        return "warning" if found <= warning else "critical"

    @property
    def text(self) -> str:
        """The limits in words: `below 10 %, warning to 25 %`."""
        if not self.healthy and self.inclusive:
            return "none" if math.isinf(self.warning) else "none, any is critical"
        word = ("at least" if self.inclusive else "above") if self.more else "below"
        if self.inclusive and not self.more:
            word = "at most"
        said = f"{word} {amount(self.healthy, self.unit)}"
        return said if math.isinf(self.warning) else f"{said}, warning to {amount(self.warning, self.unit)}"


NEVER = math.inf
"""As a limit: never critical."""

LIMITS: dict[str, Limit] = {
    "damage": Limit("Damage", "journals", 0, 0, inclusive=True),
    "last_verification": Limit("Verified", "hours", 24, NEVER, inclusive=True),
    "verification_errors": Limit("Errors found", "errors", 0, 0, inclusive=True),
    "background": Limit("Background", "problems", 0, NEVER, inclusive=True),
    "free_disk": Limit("Disk free", "%", 10, 2, more=True, inclusive=True),
    "disk_forecast": Limit("Disk lasts", "days", 30, 7, more=True, inclusive=True),
    "backup_success": Limit("Backups done", "%", 100, 95, more=True, inclusive=True),
    "last_backup": Limit("Last backup", "hours", 24, 7 * 24),
    "last_drill": Limit("Last drill", "days", 14, NEVER, inclusive=True),
    "storage_growth": Limit("Growth", "% a month", 10, 25),
    "query_time": Limit("Query", "ms", 100, 1000),
    "cache_hits": Limit("Read from memory", "%", 90, 70, more=True),
    "index_lag": Limit("Index lag", "bytes", 1e6, 64e6),
    "index_lag_time": Limit("Index behind", "seconds", BEHIND_SECONDS, 3600),
    "fsync_latency": Limit("Disk sync", "ms", 20, 100),
    "unpublished": Limit("To publish", "contexts", 0, NEVER, inclusive=True),
    "open_conflicts": Limit("Conflicts", "conflicts", 0, NEVER, inclusive=True),
    "interrupted_workflows": Limit("Interrupted", "workflows", 0, NEVER, inclusive=True),
    "vectors_behind": Limit("Vectors behind", "bytes", 24e6, NEVER),
    "kept_aside": Limit("Kept aside", "files", 0, NEVER, inclusive=True),
    "superseded": Limit("Superseded", "%", 50, NEVER),
}
"""Every figure by name. Ages of verification, backup and drill follow the settings: see `limits`."""


class Facts(NamedTuple):
    """What was measured; None where it could not be, or there is nothing yet to measure."""

    now: datetime
    began_at: datetime | None = None
    """The first transaction of all; None for a store without any."""
    age: timedelta | None = None
    """Since then."""
    growth: float | None = None
    """Percent a month."""
    growth_bytes: float | None = None
    """Bytes a month."""
    query_ms: float | None = None
    hits: int = 0
    misses: int = 0
    backups_wanted: bool = False
    attempts: tuple[int, int] = (0, 0)
    """(succeeded, all) backups of the last 30 days."""
    backup_at: datetime | None = None
    drill_at: datetime | None = None
    first_backup_at: datetime | None = None
    changed_at: datetime | None = None
    """The last transaction of all."""
    lag_bytes: int = 0
    lag_seconds: float = 0.0
    followed: bool = False
    """True where a program is there whose business it is to keep the index in step."""
    fsync_ms: float | None = None
    disk_free: int = 0
    disk_total: int = 0
    days_left: float | None = None
    verified_at: datetime | None = None
    errors: int = 0
    conflicts: int = 0
    unpublished: tuple[str, ...] = ()
    unpublished_seconds: float = 0.0
    damaged: tuple[str, ...] = ()
    problem: str = ""
    kept_aside: int = 0
    kept_lately: bool = False
    journal_bytes: int = 0
    store_bytes: int = 0
    superseded_bytes: int = 0
    """Bytes of the journals that hold no live record."""
    interrupted: tuple[str, ...] = ()
    """Workflows that nobody runs any more."""
    vectors_behind: int = 0
    """Bytes of journals that no vectors were made of yet; 0 where there are no vectors."""


class Figure(NamedTuple):
    """One figure as scripts and people read it."""

    name: str
    label: str
    value: float | None
    unit: str
    severity: Health
    text: str
    threshold: str

    def document(self) -> dict[str, Any]:
        """The figure as plain JSON: no value is null."""
        found = self._asdict()
        if self.value is not None and not math.isfinite(self.value):
            found["value"] = None
        return found


def worst(figures: Iterable[Figure]) -> Health:
    """The severity of the whole: the worst there is; what is unknown does not count."""
    found = max((RANKS[figure.severity] for figure in figures), default=0)
    return "critical" if found == 3 else "warning" if found == 2 else "ok"


def limits(settings: Settings) -> dict[str, Limit]:
    """The table with the ages that the settings of upkeep give."""
    due = max(GRACE / timedelta(hours=1), 2 * settings.backup_incremental_minutes / 60)
    ages = {
        "last_verification": LIMITS["last_verification"]._replace(
            healthy=max(GRACE / timedelta(hours=1), 1.5 * settings.upkeep_verify_hours)
        ),
        "last_backup": LIMITS["last_backup"]._replace(
            healthy=due, warning=max(due, UNSAVED_MOST / timedelta(hours=1))
        ),
        "last_drill": LIMITS["last_drill"]._replace(healthy=2 * settings.backup_drill_days),
        "superseded": LIMITS["superseded"]._replace(healthy=100 * settings.upkeep_compact_share),
    }
    return {**LIMITS, **ages}


def figures(facts: Facts, settings: Settings) -> list[Figure]:
    """All figures, in the order of the table."""
    table = limits(settings)
    made = []
    for name, value, text, severity in (*_care(facts, settings), *_speed(facts)):
        limit = table[name]
        rated = limit.rate(value) if severity is None else severity
        made.append(Figure(name, limit.label, value, limit.unit, rated, text, limit.text))
    order = list(table)
    return sorted(made, key=lambda figure: order.index(figure.name))


Rated = tuple[str, float | None, str, Health | None]
"""Name, value, words, and a severity where the limits alone do not tell it."""


def _care(facts: Facts, settings: Settings) -> Iterator[Rated]:
    """What upkeep is there for: damage, verification, backups, what waits for a person."""
    yield ("damage", len(facts.damaged), "; ".join(facts.damaged) or "none", None)
    yield ("background", float(bool(facts.problem)), facts.problem or "well", None)
    yield from _verification(facts)
    if facts.backups_wanted:
        yield from _backups(facts, settings)
    else:
        for name in ("backup_success", "last_backup", "last_drill"):
            yield (name, None, "switched off", "unknown")
    waiting = facts.unpublished if facts.unpublished_seconds > BEHIND_SECONDS else ()
    named = ", ".join(facts.unpublished) or "nothing"
    yield ("unpublished", len(facts.unpublished), named, "warning" if waiting else "ok")
    yield ("open_conflicts", facts.conflicts, f"{facts.conflicts} open" if facts.conflicts else "none", None)
    named = ", ".join(facts.interrupted[:3]) + ("…" if len(facts.interrupted) > 3 else "")
    yield ("interrupted_workflows", len(facts.interrupted), named or "none", None)
    yield ("vectors_behind", facts.vectors_behind, amount(facts.vectors_behind, "bytes"), None)
    kept = f"{facts.kept_aside} in .recovery" if facts.kept_aside else "nothing"
    yield ("kept_aside", facts.kept_aside, kept, "warning" if facts.kept_lately else "ok")
    yield from _superseded(facts, settings)


def _superseded(facts: Facts, settings: Settings) -> Iterator[Rated]:
    if facts.journal_bytes:
        share = 100 * min(1.0, facts.superseded_bytes / facts.journal_bytes)
        small = facts.journal_bytes < settings.upkeep_compact_megabytes * 1e6
        said = f"{share:.0f} % of {amount(facts.journal_bytes, 'bytes')}"
        yield ("superseded", round(share, 1), said, "ok" if small else None)
    else:
        yield ("superseded", None, "no journals yet", None)


def _verification(facts: Facts) -> Iterator[Rated]:
    if facts.verified_at is None:
        young = facts.age is None or facts.age < GRACE
        yield ("last_verification", None, "never", "unknown" if young else "warning")
        yield ("verification_errors", None, "never verified", None)
        return
    hours = _since(facts, facts.verified_at) / 3600
    yield ("last_verification", round(hours, 2), ago(hours * 3600), None)
    found = f"{facts.errors} by verification" if facts.errors else "none"
    yield ("verification_errors", facts.errors, found, None)


def _backups(facts: Facts, settings: Settings) -> Iterator[Rated]:
    young = facts.age is None or facts.age < GRACE
    done, tried = facts.attempts
    if tried:
        yield ("backup_success", round(100 * done / tried, 2), f"{done} of {tried}, 30 days", None)
    else:
        yield ("backup_success", None, "none tried yet", None)
    if facts.backup_at is None:
        yield ("last_backup", None, "none yet", "unknown" if young else "warning")
    else:
        hours = _since(facts, facts.backup_at) / 3600
        saved = facts.changed_at is None or facts.changed_at <= facts.backup_at
        old = hours >= limits(settings)["last_backup"].healthy
        said = f"{span(hours * 3600)}, all saved" if saved and old else ago(hours * 3600)
        yield ("last_backup", round(hours, 2), said, "ok" if saved else None)
    if facts.drill_at is not None:
        days = _since(facts, facts.drill_at) / 86400
        yield ("last_drill", round(days, 2), ago(days * 86400), None)
    else:
        begun = facts.first_backup_at
        late = begun is not None and _since(facts, begun) / 86400 > limits(settings)["last_drill"].healthy
        yield ("last_drill", None, "none yet", "warning" if late else "unknown")


def _speed(facts: Facts) -> Iterator[Rated]:
    """What a person feels, and what the disk has left."""
    small = facts.growth_bytes is not None and facts.growth_bytes < SMALL_GROWTH
    if facts.growth is None:
        yield ("storage_growth", None, "too young to tell", None)
    else:
        per_month = amount(max(0.0, facts.growth_bytes or 0.0), "bytes")
        said = f"{facts.growth:.1f} %, {per_month}"
        yield ("storage_growth", round(facts.growth, 2), said, "ok" if small else None)
    query = facts.query_ms
    yield ("query_time", query, "not measured" if query is None else amount(query, "ms"), None)
    reads = facts.hits + facts.misses
    if reads < FEWEST_READS:
        yield ("cache_hits", None, "too few reads to tell", "unknown")
    else:
        share = 100 * facts.hits / reads
        yield ("cache_hits", round(share, 1), f"{share:.1f} %", None)
    lag = amount(facts.lag_bytes, "bytes") if facts.lag_bytes else "none"
    yield ("index_lag", facts.lag_bytes, lag, None)
    late = facts.lag_seconds if facts.lag_bytes else 0.0
    # Without a program that follows, the index waits for the next one to read: no harm in that.
    said = span(late) if late else "no"
    yield ("index_lag_time", round(late, 1), said, None if facts.followed else "ok")
    sync = facts.fsync_ms
    yield ("fsync_latency", sync, "not sampled yet" if sync is None else amount(sync, "ms"), None)
    yield from _disk(facts)


def _disk(facts: Facts) -> Iterator[Rated]:
    if facts.disk_total <= 0:
        yield ("free_disk", None, "not known", None)
        yield ("disk_forecast", None, "not known", None)
        return
    share = 100 * max(0, facts.disk_free) / facts.disk_total
    yield ("free_disk", round(share, 2), f"{amount(facts.disk_free, 'bytes')}, {share:.0f} %", None)
    if facts.days_left is None:
        yield ("disk_forecast", None, "after a day of samples", None)
    elif math.isinf(facts.days_left):
        yield ("disk_forecast", math.inf, "not shrinking", None)
    else:
        yield (
            "disk_forecast",
            round(facts.days_left, 1),
            span(facts.days_left * 86400),
            None,
        )


def _since(facts: Facts, then: datetime) -> float:
    """Seconds since an instant; never negative, wherever the clock was set."""
    return max(0.0, (facts.now - then).total_seconds())


def amount(value: float, unit: str) -> str:
    """A value with its unit, as people read it."""
    if unit == "bytes":
        return size(value)
    if unit == "hours":
        return span(value * 3600)
    if unit == "days":
        return span(value * 86400)
    if unit == "seconds":
        return span(value)
    shown = f"{value:.2f}" if unit == "ms" and value < 10 else f"{value:g}" if value < 1e4 else f"{value:.0f}"
    return f"{shown.rstrip('0').rstrip('.') if '.' in shown else shown} {unit}"


def size(value: float) -> str:
    """Bytes as people read them: `14.2 MB`."""
    for word in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {word}" if word == "B" or value >= 100 else f"{value:.1f} {word}"
        value /= 1000
    return f"{value:.1f} TB"


def span(seconds: float) -> str:
    """A length of time in its largest fitting unit: `90 s`, `3 h`, `12 days`."""
    for size, word in ((86400 * 365, "years"), (86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{min(seconds / size, 1e6):.0f} {word}"
    return f"{seconds:.0f} s"


def ago(seconds: float) -> str:
    """`just now`, or how long ago."""
    return "just now" if seconds < 60 else f"{span(seconds)} ago"
