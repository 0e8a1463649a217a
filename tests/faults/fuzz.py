"""A fuzzer for what chartkeep reads: `python -m tests.faults.fuzz [--seconds N] [--seed N] [TARGET…]`.

Takes sound files, breaks them by chance (bytes, lines, lengths, numbers, nesting), and has them read. Allowed
is an answer or a `ChartkeepError`; anything else, a case that takes longer than `SLOWEST` seconds, or more
memory than `MEMORY` bytes, is a find: the case is kept in a file and named.
"""

from __future__ import annotations

import argparse
import random
import resource
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from store.errors import ChartkeepError

SLOWEST = 10
MEMORY = 2 << 30
ODD = (
    b"\0", b"\xff", b"\n", b"{", b"[", b'"', b"\\", b"\\ud800", b"null", b"NaN", b"-0", b"1e999", b"9" * 400,
    b'{"a":' * 50, b"[" * 2000, b'"_t":["0",1,1]', b"\xe2\x80\xa8", b"\r\n", b"{}", b"\x28\xb5\x2f\xfd",
)  # fmt: skip

Read = Callable[[Path], object]


class Slow(Exception):
    """A case took too long."""


def mutate(data: bytes, dice: random.Random, other: bytes = b"") -> bytes:
    """`data` with one to eight things wrong."""
    found = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        at = dice.randrange(len(found) + 1)
        size = min(dice.choice((1, 1, 4, 40, 400)), len(found) - at)
        what = dice.randrange(8)
        if what == 0 and size:
            found[at] ^= 1 << dice.randrange(8)
        elif what == 1:
            del found[at : at + size]
        elif what == 2:
            found[at:at] = dice.choice(ODD)
        elif what == 3:
            found[at : at + size] = bytes(size)
        elif what == 4:
            found[at:at] = found[at : at + size]
        elif what == 5:
            lines = bytes(found).splitlines(keepends=True)
            dice.shuffle(lines)
            found = bytearray(b"".join(lines[: dice.randrange(len(lines) + 1)]))
        elif what == 6 and other:
            found[at : at + size] = other[: dice.randrange(len(other) + 1)]
        else:
            del found[at:]
    return bytes(found)


@contextmanager
def limited(seconds: int = SLOWEST) -> Iterator[None]:
    """An alarm ends a case that hangs."""

    def late(*_: object) -> None:
        raise Slow(f"took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def targets(folder: Path) -> dict[str, tuple[list[bytes], Read]]:
    """By name: sound inputs, and what reads them at a path."""
    from tests.faults import fuzz_targets

    return fuzz_targets.make(folder)


def run(name: str, seeds: list[bytes], read: Read, folder: Path, dice: random.Random, until: float) -> int:
    """Cases run for one target; raises AssertionError at a find."""
    place = folder / name
    place.mkdir(exist_ok=True)
    count = 0
    while time.monotonic() < until:
        case = mutate(dice.choice(seeds), dice, dice.choice(seeds))
        path = place / "case"
        path.write_bytes(case)
        try:
            with limited():
                read(path)
        except ChartkeepError:
            pass
        except Exception as error:
            kept = Path(tempfile.gettempdir()) / f"chartkeep-fuzz-{name}-{count}"
            kept.write_bytes(case)
            raise AssertionError(f"{name}: case {count} is kept in {kept}") from error
        count += 1
    return count


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("target", nargs="*")
    space = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    seed = space.seed if space.seed is not None else random.randrange(1 << 32)
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chosen = {
            key: made for key, made in targets(folder).items() if not space.target or key in space.target
        }
        each = space.seconds / len(chosen)
        for key, (seeds, read) in chosen.items():
            done = run(key, seeds, read, folder, random.Random(seed), time.monotonic() + each)
            print(f"{key}: {done:,} cases, no find")


if __name__ == "__main__":
    main()
