"""The journal's figures, each beside its floor measured in the same run, with the ratio between them.

    python bench/bench_journal.py [--lines N] [--commits N] [--processes N] [--dir PATH]

1. one durable transaction of three lines, against a bare append and fdatasync of the same bytes
   (target: at most 2 times);
2. several processes at once, against a bare flock, append and fdatasync loop (at least half);
3. streaming read with the chain checked, against orjson parsing the same lines (at most 3 times);
4. 10,000 records in one transaction, against one write and fdatasync of the same bytes.

Rounds of ours and of the floor alternate, so that a slow moment of the machine hits both; the
median round counts.
"""

from __future__ import annotations

import argparse
import fcntl
import gc
import multiprocessing
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from store.journal import Draft, Journal
from store.model import TxMeta

META = TxMeta("step.add", "Add step “Draft the outline”", "a1b2c3")


def record(number: int) -> bytes:
    """An action step as the peers write it, about 300 bytes."""
    return orjson.dumps(
        {
            "type": "entity",
            "name": f"chart_{1767225600000 + number}_action_1",
            "entityType": "action_step",
            "observations": [f"Step {number}: draft the outline", "First half is done"],
            "metadata": {
                "chartId": f"chart_{1767225600000 + number}",
                "dueDate": "2026-12-31T00:00:00.000Z",
                "completionStatus": False,
                "createdAt": "2026-11-21T06:00:00.123Z",
                "updatedAt": "2026-11-21T06:00:00.123Z",
            },
        }
    )


def drafts(start: int, count: int) -> list[Draft]:
    return [
        Draft("put", f"e:chart_{1767225600000 + n}_action_1", 1, record(n))
        for n in range(start, start + count)
    ]


def journal(folder: Path) -> Journal:
    return Journal(folder / "charts.jsonl", "default", recovery=folder / "recovery")


def show(name: str, ours: float, floor: float, unit: str, target: str) -> None:
    figures = f"ours {ours:>10,.1f} {unit}   floor {floor:>10,.1f} {unit}"
    print(f"{name:<34} {figures}   {ours / floor:5.2f}x   {target}")


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def bench_append(folder: Path, commits: int) -> None:
    made = journal(folder / "append")
    with made.writer() as writer:
        writer.append(drafts(0, 3), by="bench", meta=META)
    size = made.path.stat().st_size
    fd = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with made.writer() as writer:
        writer.append(drafts(0, 3), by="bench", meta=META)
    data = made.path.read_bytes()[size:]
    batch = drafts(7, 3)
    ours: list[float] = []
    floor: list[float] = []

    def commit() -> None:
        with made.writer() as writer:
            writer.append(batch, by="bench", meta=META)

    def bare() -> None:
        os.write(fd, data)
        os.fdatasync(fd)

    for _ in range(commits):
        ours.append(timed(commit))
        floor.append(timed(bare))
    os.close(fd)
    show(
        "durable append, 3 lines", statistics.median(ours) * 1e6, statistics.median(floor) * 1e6, "µs", "<= 2"
    )


def ours_loop(folder: str, commits: int, barrier: object) -> None:
    made = journal(Path(folder))
    batch = drafts(os.getpid() * 1000, 3)
    made.position()
    barrier.wait()  # type: ignore[attr-defined]
    for _ in range(commits):
        with made.writer(timeout=60) as writer:
            writer.append(batch, by="bench", meta=META)


def bare_loop(path: str, data: bytes, commits: int, barrier: object) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    lock = os.open(path + ".lock", os.O_RDWR | os.O_CREAT)
    barrier.wait()  # type: ignore[attr-defined]
    for _ in range(commits):
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.write(fd, data)
        os.fdatasync(fd)
        fcntl.flock(lock, fcntl.LOCK_UN)


def crowd(target: Callable[..., None], args: tuple[object, ...], processes: int, commits: int) -> float:
    """Commits per second of `processes` processes that start together."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(processes + 1)
    workers = [context.Process(target=target, args=(*args, commits, barrier)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    barrier.wait()
    begin = time.perf_counter()
    for worker in workers:
        worker.join()
    return processes * commits / (time.perf_counter() - begin)


def bench_crowd(folder: Path, processes: int, commits: int) -> None:
    ours, floor = [], []
    data = b"x" * 1350
    for turn in range(5):
        here = folder / f"crowd{turn}"
        ours.append(crowd(ours_loop, (str(here),), processes, commits))
        floor.append(crowd(bare_loop, (str(folder / f"bare{turn}"), data), processes, commits))
        seen = sum(1 for _ in journal(here).read())
        if seen != processes * commits:
            raise SystemExit(f"lost transactions: {seen} of {processes * commits}")
    show(f"{processes} processes at once", statistics.median(ours), statistics.median(floor), "/s", ">= 0.5")


def bench_read(folder: Path, lines: int) -> None:
    made = journal(folder / "read")
    for start in range(0, lines, 3000):
        with made.writer() as writer:
            for n in range(start, min(start + 3000, lines), 3):
                writer.append(drafts(n, 3), by="bench", meta=META)
    texts = made.path.read_bytes().split(b"\n")[:-1]

    def parse() -> None:
        for text in texts:
            orjson.loads(text)

    def read() -> None:
        for _ in made.read():
            pass

    gc.collect()
    gc.freeze()
    ours = [timed(read) for _ in range(3)]
    floor = [timed(parse) for _ in range(3)]
    ours += [timed(read) for _ in range(2)]
    floor += [timed(parse) for _ in range(2)]
    per = 1e6 / len(texts)
    show(
        "streaming read, a line", statistics.median(ours) * per, statistics.median(floor) * per, "µs", "<= 3"
    )


def bench_batch(folder: Path) -> None:
    made = journal(folder / "batch")
    made.append_many(drafts(0, 1), by="bench", meta=META)
    size = made.path.stat().st_size
    batch = drafts(0, 10_000)
    ours, floor = [], []
    data = b""
    for turn in range(5):
        ours.append(timed(lambda: made.append_many(batch, by="bench", meta=META)))
        data = data or made.path.read_bytes()[size:]
        fd = os.open(folder / f"barebatch{turn}", os.O_WRONLY | os.O_CREAT)
        floor.append(timed(lambda fd=fd, data=data: (os.write(fd, data), os.fdatasync(fd))))
        os.close(fd)
    show(
        "10,000 records, one transaction",
        statistics.median(ours) * 1e3,
        statistics.median(floor) * 1e3,
        "ms",
        "",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the journal beside its floors.")
    parser.add_argument("--lines", type=int, default=60_000)
    parser.add_argument("--commits", type=int, default=1_000)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument(
        "--dir", type=Path, default=None, help="where to write (default: the working directory)"
    )
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix=".bench-", dir=args.dir or Path.cwd()))
    try:
        bench_append(folder, args.commits)
        bench_crowd(folder, args.processes, max(args.commits // 4, 10))
        bench_read(folder, args.lines)
        bench_batch(folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main()
