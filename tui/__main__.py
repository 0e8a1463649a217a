"""The `chartkeep` command: opens the UI, or hands over to the headless commands.

Which of the two is decided before anything heavy is imported: with no subcommand, or with
a path, the UI opens; everything else is `store.cli`'s.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_FLAGS = {"--read-only": "readonly", "--demo": "demo", "--lean": "lean", "--no-mouse": "no_mouse"}
_VALUES = {"--store": "path", "--context": "context", "-c": "context"}


class Wanted(NamedTuple):
    """How the UI was asked to open."""

    path: str | None = None
    context: str | None = None
    readonly: bool = False
    demo: bool = False
    lean: bool = False
    no_mouse: bool = False


def wanted(words: Sequence[str]) -> Wanted | None:
    """What the UI should open for these arguments; None where they are a headless command's."""
    found: dict[str, str | bool] = {}
    rest = list(words)
    while rest:
        word, given, value = rest.pop(0).partition("=")
        if word in _FLAGS and not given:
            found[_FLAGS[word]] = True
        elif word in _VALUES:
            if not given and not rest:
                return None
            found[_VALUES[word]] = value if given else rest.pop(0)
        elif not word.startswith("-") and "path" not in found and _is_path(word + given + value):
            found["path"] = word + given + value
        else:
            return None
    return Wanted(**found)  # type: ignore[arg-type]


def _is_path(word: str) -> bool:
    """Whether a word names a store rather than a subcommand: subcommands go first."""
    from store.catalog import BY_CLI

    if word in BY_CLI:
        return False
    return os.sep in word or word.startswith((".", "~")) or word.endswith(".jsonl") or Path(word).is_dir()


def main(argv: Sequence[str] | None = None) -> int:
    """Run chartkeep; the result is the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    ui = wanted(words)
    if ui is None:
        from store.cli import main as headless

        return headless(words)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(
            "chartkeep: the UI needs a terminal; chartkeep --help lists what works without.", file=sys.stderr
        )
        return 2
    import gc

    gc.disable()  # until the first frame is out: collecting while importing finds nothing and costs 20 ms
    from tui.boot import Boot

    boot = Boot(ui)
    boot.start()
    from tui.app import run

    return run(boot)


if __name__ == "__main__":
    sys.exit(main())
