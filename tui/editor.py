"""Long text in the person's own editor, while the app is suspended."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from store.errors import UsageError


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
