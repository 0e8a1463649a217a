"""What the UI runs with: the settings of the store, the terminal, and the words it was started with."""

from __future__ import annotations

import os
from dataclasses import dataclass

from store.settings import Settings
from tui.__main__ import Wanted


@dataclass(slots=True)
class Config:
    """The UI's own choices, worked out once."""

    settings: Settings
    lean: bool
    """Fewest bytes: no hover, plots on demand, no live repainting of figures."""
    mouse: bool
    theme: str

    @classmethod
    def of(cls, settings: Settings, asked: Wanted) -> Config:
        """The choices for these settings, this terminal and these arguments."""
        return cls(
            settings,
            lean=asked.lean or is_lean(settings.lean),
            mouse=settings.mouse and not asked.no_mouse,
            theme=settings.theme,
        )


def is_lean(setting: str) -> bool:
    """Whether to save bytes: as set, and by itself when the terminal is at the other end of SSH."""
    if setting != "auto":
        return setting == "on"
    return bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"))
