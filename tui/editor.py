"""Long text in the person's own editor, while the app is suspended."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import ChartkeepError, UsageError

if TYPE_CHECKING:
    from tui.app import ChartkeepApp


def command(setting: str = "") -> list[str]:
    """The editor as words: the setting, else $VISUAL, else $EDITOR, else vi."""
    text = setting or os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"The editor “{text}” cannot be understood ({error}). Set $EDITOR or ui.editor."
        ) from error
    return words or ["vi"]


def edit(text: str, *, setting: str = "", suffix: str = ".md") -> str | None:
    """`text` as the person left it in the editor; None where it was left as it was.

    Call while the app is suspended. Raises UsageError where the editor cannot be started or
    ends with an error: then nothing is changed.
    """
    words = command(setting)
    handle, name = tempfile.mkstemp(prefix="chartkeep-", suffix=suffix, text=True)
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(text)
        try:
            code = subprocess.call([*words, name])
        except OSError as error:
            raise UsageError(
                f"The editor “{words[0]}” did not start ({error.strerror}). Set $EDITOR or ui.editor."
            ) from error
        if code:
            raise UsageError(f"The editor “{words[0]}” ended with code {code}; nothing was changed.")
        edited = path.read_text(encoding="utf-8", errors="surrogateescape")
    finally:
        path.unlink(missing_ok=True)
    return None if edited == text else edited


def configured(setting: str = "") -> bool:
    """Whether the person has named an editor; else vi would be a guess."""
    return bool(setting or os.environ.get("VISUAL") or os.environ.get("EDITOR"))


def hand_over(desk: ChartkeepApp, text: str, *, suffix: str = ".md") -> str | None:
    """`edit` in place of the screens, which come back afterwards. Raises UsageError."""
    from textual.app import SuspendNotSupported

    edited: str | None = None
    failure: Exception | None = None
    try:
        with desk.suspend():
            try:
                edited = edit(text, setting=desk.config.settings.editor, suffix=suffix)
            except (ChartkeepError, OSError, ValueError) as error:
                failure = error  # raised in here, Textual would leave the screen to the shell
    except SuspendNotSupported as error:
        raise UsageError("This terminal cannot be handed to an editor; edit in place with e.") from error
    finally:
        desk.refresh(layout=True)
    if failure is not None:
        raise failure
    return edited
