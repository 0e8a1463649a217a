"""The subcommand status: how a store is, by figures measured now; it ends with a code that says so.

0 healthy, 10 where a figure warns, 11 where one is critical: `EXIT_CODES`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from store.errors import Damaged
from store.headless import dates
from store.headless.output import safe

if TYPE_CHECKING:
    from argparse import Namespace

    from store.headless.output import Output
    from store.store import Store

WARNING, CRITICAL = 10, 11
CODES = {"ok": 0, "unknown": 0, "warning": WARNING, "critical": CRITICAL}
SIGNS = {"ok": "✓", "warning": "~", "critical": "!", "unknown": "·"}
"""The sign of each severity: colour is never the only one."""
_LOOKS = {"ok": ("green",), "warning": ("yellow",), "critical": ("red", "bold"), "unknown": ("dim",)}
_WORDS = {"ok": "healthy", "warning": "look at what is marked ~", "critical": "act on what is marked !"}


def status(space: Namespace, out: Output) -> int:
    """Print the measured figures of the store; the code tells the worst severity."""
    from store import open_store
    from store.upkeep.health import measuring
    from store.upkeep.health import status as health

    with open_store(space.store, program="cli", readonly=space.read_only) as store:
        # What lags is measured before this very command catches up, what is held after it.
        behind = measuring.waiting(store)
        _catch_up(store)
        figures = health.status(store, behind)
    if space.prometheus:
        from store.upkeep.health.prometheus import exposition

        out.raw(exposition(figures))
    else:
        _print(figures, out)
        out.result(figures)
    return CODES[figures["health"]["severity"]]


def _catch_up(store: Store) -> None:
    """Bring the store into step; damage stops other commands, and is what this one is asked about."""
    try:
        store.catch_up()
    except Damaged as error:
        with suppress(Damaged):
            store.sync()
        if not store.damage:
            store.damage[error.path.parent.name if error.path else ""] = error


def _print(figures: dict[str, Any], out: Output) -> None:
    found = figures["health"]
    severity = found["severity"]
    sign = out.style(SIGNS[severity], *_LOOKS[severity])
    out.say(f"{sign} {safe(figures['store'])}: {_WORDS[severity]}")
    out.say()
    rows = [("", "FIGURE", "NOW", "HEALTHY")]
    rows += [
        (SIGNS[one["severity"]], one["label"], safe(one["text"]), one["threshold"])
        for one in found["figures"]
    ]

    def looks(row: int, column: int) -> tuple[str, ...]:
        if row == 0:
            return ("bold",)
        rated = found["figures"][row - 1]["severity"]
        return _LOOKS[rated] if column == 0 or (column == 2 and rated != "ok") else ()

    out.table(rows, stretch=2, looks=looks)
    out.say()
    out.lines(safe(line) for line in _whole(figures))
    _contexts(figures, out)


def _whole(figures: dict[str, Any]) -> list[str]:
    """What a whole store holds, one subject to a line."""
    sizes = ", ".join(
        f"{name.replace('_', ' ')} {dates.size(size)}" for name, size in figures["sizes"].items()
    )
    counts = ", ".join(
        dates.plural(count, name.removesuffix("s")) for name, count in figures["counts"].items()
    )
    last = figures["samples"]["last"]
    lines = {
        "holds": counts + (" (for reading only)" if figures["readonly"] else ""),
        **({"knows": known} if (known := _knowledge(figures["knowledge"])) else {}),
        "sizes": sizes,
        "backups": _backups(figures["backups"]),
        "sampled": dates.moment(last) if last else "never; `chartkeep maintain` does",
        "upkeep": _upkeep(figures["upkeep"]),
    }
    return [f"{name:<12}{text}" for name, text in lines.items()]


def _knowledge(known: dict[str, Any]) -> str:
    """What is known, and what its workflows are at; empty where nothing is."""
    words = [f"{count:,} {name}" for name, count in known["records"].items() if count]
    work = known["workflows"]
    words += [f"{work[name]:,} workflows {name}" for name in ("running", "pending", "paused") if work[name]]
    return ", ".join(words)


def _backups(backups: dict[str, Any]) -> str:
    if not backups["count"]:
        return "none; `chartkeep backup` makes one"
    drilled = f", a restore tried {dates.moment(backups['drilled'])}" if backups["drilled"] else ""
    return f"{backups['count']:,}, the newest {dates.moment(backups['newest'])}{drilled}"


def _upkeep(upkeep: dict[str, Any]) -> str:
    words = [f"by {upkeep['holder']}" if upkeep.get("holder") else "by nobody now"]
    words += [f"{task} failed: {why}" for task, why in upkeep["failing"].items()]
    return "; ".join(words)


def _contexts(figures: dict[str, Any], out: Output) -> None:
    rows = [("CONTEXT", "CHART FILE", "JOURNAL", "GENERATION")]
    rows += [
        (
            safe(one["name"]),
            dates.size(one["chart_file_bytes"]),
            dates.size(one["journal_bytes"]),
            str(one["generation"]),
        )
        for one in figures["contexts"]
    ]
    out.say()
    out.table(rows, right=(1, 2, 3), looks=lambda row, _column: ("bold",) if row == 0 else ())
