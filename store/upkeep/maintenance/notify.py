"""Telling systemd how the service is: `READY=1`, `WATCHDOG=1`, `STOPPING=1`, to the socket it names."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

from store import clock

BEAT_SECONDS = 10.0
"""How often the service manager hears that all is well."""


def notify(state: str) -> bool:
    """Tell the service manager; False where none listens. Never raises."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.sendall(state.encode())
        return True
    return False


class Beat:
    """Called at every turn, tells the service manager now and then that all is well."""

    def __init__(self) -> None:
        self._last = float("-inf")

    def __call__(self) -> None:
        if clock.monotonic() - self._last >= BEAT_SECONDS:
            self._last = clock.monotonic()
            notify("WATCHDOG=1")
