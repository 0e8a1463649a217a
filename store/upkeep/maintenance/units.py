"""systemd units for the upkeep of one store: a service that goes on, or a timer that comes by each hour.

Texts are made here and written by `chartkeep maintain --units DIR`. They are system units that run as
the person who made them, may write to the store and to the folders of its backups, and to nothing else.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from store import durable
from store.errors import Locked, UsageError

if TYPE_CHECKING:
    from store.store import Store

SERVICE, ONCE, TIMER = "chartkeep-maintain.service", "chartkeep-once.service", "chartkeep-once.timer"
WATCHDOG_SECONDS = 300

_HARDENING = """\
User={user}
Nice=10
IOSchedulingClass=idle
ProtectSystem=strict
ReadWritePaths={writable}
NoNewPrivileges=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
LockPersonality=yes
"""

_SERVICE = """\
[Unit]
Description=chartkeep upkeep of {shown}
After=local-fs.target network.target

[Service]
Type=notify
NotifyAccess=main
ExecStart={command} maintain
Restart=on-failure
RestartSec=30
WatchdogSec={watchdog}
KillMode=mixed
TimeoutStopSec=60
{hardening}
[Install]
WantedBy=multi-user.target
"""

_ONCE = """\
[Unit]
Description=chartkeep upkeep of {shown}, once

[Service]
Type=oneshot
ExecStart={command} maintain --once
# Somebody else does the upkeep of this store: nothing is wrong.
SuccessExitStatus={locked}
KillMode=mixed
TimeoutStopSec=60
{hardening}"""

_TIMER = """\
[Unit]
Description=chartkeep upkeep of {shown}, each hour

[Timer]
OnCalendar=hourly
RandomizedDelaySec=60
Persistent=true

[Install]
WantedBy=timers.target
"""


def quoted(text: str, *, command: bool = False) -> str:
    """`text` as one word of a unit file: quoted, nothing in it expanded. Raises UsageError for what cannot be."""
    if any(ord(char) < 32 for char in text):
        raise UsageError(f"A path with control characters cannot stand in a unit file: {text!r}.")
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text.replace("$", "$$") if command else text}"'


def texts(store: Store) -> dict[str, str]:
    """The unit files for a store, by name."""
    place = store.layout.single or store.layout.root
    command = " ".join(quoted(word, command=True) for word in (*program(), "--store", str(place)))
    filled = {
        "shown": str(place).replace("%", "%%"),
        "command": command,
        "watchdog": WATCHDOG_SECONDS,
        "locked": Locked.exit_code,
        "hardening": _HARDENING.format(
            user=_user(), writable=" ".join(quoted(str(path)) for path in writable(store))
        ),
    }
    return {
        SERVICE: _SERVICE.format(**filled),
        ONCE: _ONCE.format(**filled),
        TIMER: _TIMER.format(**filled),
    }


def write(store: Store, folder: Path) -> list[Path]:
    """Write the unit files into a folder; where they are. Raises StorageError, UsageError."""
    made = texts(store)
    durable.make_dirs(folder)
    for name, text in made.items():
        durable.write_file(folder / name, text.encode())
    return [folder / name for name in made]


def program() -> list[str]:
    """How this very chartkeep is run: its script, or the interpreter with its module."""
    script = Path(sys.executable).with_name("chartkeep")
    return [str(script)] if os.access(script, os.X_OK) else [sys.executable, "-m", "store.cli"]


def writable(store: Store) -> list[Path]:
    """The folders that upkeep writes to: the store, and where its backups lie."""
    layout, settings = store.layout, store.settings
    found = [layout.root, layout.home]
    for named in (settings.backup_folder, *settings.backup_offsite):
        place = named.removeprefix("file://")
        if place and "://" not in place:
            found.append(layout.home / Path(place).expanduser())
    kept: list[Path] = []
    for path in found:
        if not any(path == above or above in path.parents for above in kept):
            kept.append(path)
    return kept


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name
