"""The subcommand maintain: the upkeep of a store, until stopped or just once, and the units that run it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from store.errors import ReadOnly, UsageError
from store.headless.output import safe

if TYPE_CHECKING:
    from argparse import Namespace

    from store.headless.output import Output
    from store.store import Notice, Store
    from store.upkeep.maintenance.maintain import TaskResult

ONCE_WAIT = 0.0
"""Seconds that `--once` waits for the lease unless told otherwise: whoever has it does the work."""


def maintain(space: Namespace, out: Output) -> int:
    """Do the upkeep until SIGTERM or ctrl+c; with --once, do what is due and end."""
    from store import open_store

    _check_words(space)
    with open_store(space.store, program="maintain", readonly=space.read_only) as store:
        if space.units is not None:
            return _units(store, space, out)
        if store.readonly:
            raise ReadOnly(
                f"{store.root} is open for reading only, and upkeep changes files: nothing was done."
            )
        store.on_change(lambda notice: _told(notice, out))
        with _stopped_by_signals() as stop:
            return _once(store, space, out, stop) if space.once else _always(store, space, out, stop)


def _check_words(space: Namespace) -> None:
    if space.units is not None and (space.once or space.wait is not None):
        raise UsageError("--units writes files and ends; it takes neither --once nor --wait.")
    if space.wait is not None and not 0 <= space.wait < 1e9:
        raise UsageError(f"--wait takes seconds, 0 or more, not {space.wait:g}.")


@contextmanager
def _stopped_by_signals() -> Iterator[Event]:
    """An event that SIGTERM and ctrl+c set; a second one ends the program as usual."""
    stop = Event()
    before: dict[int, Any] = {}

    def heed(number: int, _frame: object) -> None:
        stop.set()
        signal.signal(number, before[number])

    for number in (int(signal.SIGTERM), int(signal.SIGINT)):
        before[number] = signal.signal(number, heed)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _once(store: Store, space: Namespace, out: Output, stop: Event) -> int:
    from store.upkeep.maintenance.lease import Lease
    from store.upkeep.maintenance.maintain import Maintainer, exit_code

    lease = Lease(store)
    if not lease.take(stop, ONCE_WAIT if space.wait is None else space.wait):
        return 0
    try:
        results = Maintainer(store, heard=lambda result: _heard(result, out)).run_once(stop)
    finally:
        lease.give_back()
    if not any(result.did or not result.ok for result in results):
        out.say("Nothing was due.")
    return exit_code(results)


def _always(store: Store, space: Namespace, out: Output, stop: Event) -> int:
    from store.upkeep.maintenance import lease as leasing
    from store.upkeep.maintenance.lease import Lease
    from store.upkeep.maintenance.maintain import Maintainer
    from store.upkeep.maintenance.notify import Beat, notify

    notify("READY=1\nSTATUS=Waiting for the lease")  # waiting to take over is what the second one is for
    if (other := leasing.holder(store)) is not None and not space.json:
        out.remark(f"The upkeep of this store is done by {safe(other)}; waiting to take over.")
    lease = Lease(store)
    if lease.take(stop, space.wait, Beat()):
        try:
            notify("STATUS=Looking after the store")
            _say(f"Looking after {safe(str(store.root))}.", out)
            store.start_background(patient=True)
            Maintainer(store, heard=lambda result: _heard(result, out)).run(stop)
            notify("STOPPING=1")
            store.close()  # publishes what is owed, while the lease is still ours
        finally:
            lease.give_back()
    notify("STOPPING=1")
    _say("Stopped.", out)
    return 0


def _units(store: Store, space: Namespace, out: Output) -> int:
    from store.upkeep.maintenance import units

    made = units.write(store, Path(space.units).expanduser().absolute())
    for path in made:
        out.say(f"{out.style('✓', 'green')} {safe(str(path))}")
    out.say(f"  sudo cp them to /etc/systemd/system; then sudo systemctl enable --now {units.SERVICE}")
    out.say(f"  or, to look once an hour only: sudo systemctl enable --now {units.TIMER}")
    out.result({"units": [str(path) for path in made]})
    return 0


# -- telling ---------------------------------------------------------------------------------------


def _heard(result: TaskResult, out: Output) -> None:
    """A line for each task that did something, or failed."""
    if out.json:
        out.result_line(result._asdict())
    elif result.did or not result.ok:
        sign = out.style("✓", "green") if result.ok and not result.damage else out.style("!", "red", "bold")
        note = f": {safe(result.note)}" if result.note else ""
        _say(f"{sign} {result.title}{note} ({result.seconds:.1f} s)", out)


def _told(notice: Notice, out: Output) -> None:
    if notice.text and not out.json:
        _say(safe(notice.text), out)


def _say(text: str, out: Output) -> None:
    """A line at once: whoever reads a log wants it now."""
    out.say(text)
    out.out.flush()
