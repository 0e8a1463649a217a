"""chartkeep without its screens: `main` reads the arguments, runs one subcommand, gives the exit code.

No error that a person can cause ends in a traceback. Exit codes are those of `store.errors`;
`chartkeep --help` lists them. Everything a subcommand needs is imported when it runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from store.errors import ChartkeepError, StorageError

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand of `argv` (default: the program's own arguments); the exit code.

    Without a subcommand the help is printed: opening the screens is the business of `tui`.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in words
    try:
        code = _main(words)
        sys.stdout.flush()
        return code
    except ChartkeepError as error:
        return _complain(error, error.exit_code, as_json)
    except KeyboardInterrupt:
        _quietly(sys.stderr.write, "\n")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`chartkeep list | head`). Python would complain once more when it
        # flushes at exit, so standard output is pointed at nothing.
        _silence()
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _complain(error, StorageError.exit_code, as_json, f"{where}{error.strerror or error}")


def _main(words: list[str]) -> int:
    from store.headless.args import SUBS, build, parse

    try:
        space = parse(words)
    except SystemExit as stop:  # argparse, after it printed a help page
        return int(stop.code or 0)
    _prepare_streams()
    if space.version:
        from store import __version__

        print(f"chartkeep {__version__}")
        return 0
    if space.command is None:
        build(()).print_help()
        return 0
    from importlib import import_module

    from store.headless.output import Output

    module, _, name = SUBS[space.command].run.partition(":")
    handler = getattr(import_module(f"store.headless.{module}"), name)
    out = Output(json=space.json, colour=not space.no_color)
    return int(handler(space, out) or 0)


def _complain(error: BaseException, code: int, as_json: bool, message: str = "") -> int:
    message = message or str(error) or type(error).__name__
    if as_json:
        import json

        document = {"error": {"code": code, "kind": type(error).__name__, "message": message}}
        _quietly(sys.stderr.write, json.dumps(document) + "\n")
    else:
        from store.headless.output import safe

        text = "\n".join(safe(line) for line in message.split("\n"))
        _quietly(sys.stderr.write, f"chartkeep: {text}\n")
    return code


def _prepare_streams() -> None:
    """Text from foreign files may hold what the terminal's encoding lacks: show it as an escape."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _quietly(write: Callable[[str], object], text: str) -> None:
    try:
        write(text)
    except OSError:
        pass


def _silence() -> None:
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
    except (OSError, ValueError):
        pass


if __name__ == "__main__":
    sys.exit(main())
