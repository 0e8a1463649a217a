"""Completing the path of a file while it is typed."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

MOST = 5_000
"""Names of one folder that are looked at."""


def parts_of(text: str) -> tuple[str, str]:
    """What is typed as (folder with its last slash, beginning of a name)."""
    at = text.rfind("/") + 1
    return text[:at], text[at:]


def names_in(folder: str) -> list[str]:
    """What a folder, as typed, holds: folders with a slash, sorted; empty where it cannot be read."""
    try:
        with os.scandir(Path(folder or ".").expanduser()) as found:
            names = [one.name + "/" * one.is_dir() for one in islice(found, MOST)]
    except (OSError, RuntimeError):  # RuntimeError: the home of nobody
        return []
    return sorted((name for name in names if name.isprintable()), key=lambda name: (name.casefold(), name))


def fitting(beginning: str, names: list[str]) -> list[str]:
    """Those that go on from what is typed; hidden ones where their dot is typed."""
    hidden = beginning.startswith(".")
    return [name for name in names if name.startswith(beginning) and (hidden or not name.startswith("."))]


def completed(text: str, names: list[str]) -> str:
    """`text` as far as there is only one way to go on."""
    folder, beginning = parts_of(text)
    found = fitting(beginning, names)
    if not found:
        return text
    first, last = min(found), max(found)
    same = next((n for n, char in enumerate(first) if last[n : n + 1] != char), len(first))
    return folder + first[:same]
