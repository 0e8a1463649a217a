"""Verifying a part at a time, so that everything is covered again and again at low cost.

A *round* covers what `verify` does but for reading old backups back. Journals go by byte range, the
rest by the piece. Where the round stands is kept in `.recovery/verifying.json`: for every generation
the end of the last line that was right, which is looked for again before going on, so that a file
that was replaced or cut back meanwhile is read anew. That file is a hint; without it a round begins anew.

The first round goes as fast as its budget allows. Later ones are spread over half of
`upkeep.verify_hours`: a call does what is due by now, and at most its budget, or four times that where
the round lags. When a round is done its findings are noted as those of a verification; an error is
noted as soon as it is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from store import clock, durable, journal_pass, journal_verify, records
from store.errors import ChartkeepError, Damaged, StorageError
from store.journal_read import OffChain, ReadFile, pread
from store.knowledge.kinds import FAMILY as KNOWLEDGE
from store.model import Finding, Position
from store.upkeep.verification import filed, indexed, known, meanings, related, verify

if TYPE_CHECKING:
    from store.store import Store

STATE = "verifying.json"
PIECE = 2 << 20
"""Bytes of a journal between two looks at the time: some 10 to 20 ms."""
MOST_KEPT = 500
"""Findings of a round that are kept."""
_LATE = 4


class Task(NamedTuple):
    """One piece of a round. `name` is its id in the state, `weight` about what it costs, in bytes read."""

    name: str
    weight: int
    work: Callable[[Round, Callable[[], bool]], bool]
    """Does the piece, or as much as it may; True when it is done."""


class Round:
    """The round that a store is in."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.path = store.layout.recovery / STATE
        state = _read(store)
        self.begun = clock.try_parse(state.get("begun"))
        self.ended = bool(state.get("ended"))
        self.done: dict[str, Any] = dict(state.get("done", {}))
        self.found = [verify.unplain(item) for item in state.get("found", ()) if isinstance(item, dict)]
        self.new: list[Finding] = []

    def begin(self) -> None:
        """Start from the beginning."""
        self.begun, self.ended = clock.now(), False
        self.done, self.found = {}, []

    def note(self, finding: Finding) -> None:
        """Remember a finding."""
        self.new.append(finding)
        if len(self.found) < MOST_KEPT or finding.severity == "error":
            self.found.append(finding)

    def save(self) -> None:
        """Write down where the round stands; one that cannot be is begun again some time."""
        state = {
            "begun": clock.stamp(self.begun) if self.begun else None,
            "ended": self.ended,
            "done": self.done,
            "found": [verify.plain(item) for item in self.found[-MOST_KEPT:]],
        }
        with suppress(StorageError):
            durable.make_dirs(self.path.parent)
            durable.write_file(self.path, records.dumps(state), sync=False)


def go_on(store: Store, budget_seconds: float) -> list[Finding]:
    """What `verify.rolling` does."""
    current, now = Round(store), clock.now()
    period = timedelta(hours=store.settings.upkeep_verify_hours) / 2
    if current.begun is None or now < current.begun or (current.ended and now - current.begun >= period):
        current.begin()
    if current.ended:
        return []
    tasks = list(_tasks(store))
    total = sum(task.weight for task in tasks) or 1
    share = 1.0 if verify.last_verification(store) is None else _share(current.begun, now, period)
    started = clock.monotonic()
    late = _covered(current, tasks) / total < share - 0.25
    limit = budget_seconds * (_LATE if late else 1)

    def enough() -> bool:
        return clock.monotonic() - started >= limit or _covered(current, tasks) >= share * total

    worked = False
    for task in tasks:
        if _is_done(current, task):
            continue
        if worked and enough():
            break
        worked = True
        if task.work(current, enough):
            current.done[task.name] = {**_part(current, task.name), "whole": True}
    _conclude(current, all(_is_done(current, task) for task in tasks))
    return current.new


def _share(begun: datetime | None, now: datetime, period: timedelta) -> float:
    """How much of the round is due by now; never nothing, so that each call gets on."""
    return 1.0 if begun is None else min(1.0, (now - begun) / period + 0.01)


def _covered(current: Round, tasks: list[Task]) -> float:
    """The weight of what this round has done."""
    found = 0.0
    for task in tasks:
        part = _part(current, task.name)
        found += task.weight if part.get("whole") else min(task.weight, _offset(part))
    return found


def _conclude(current: Round, ended: bool) -> None:
    """Note the end of the round, and at once where a part of it found an error."""
    store, wrong = current.store, any(item.severity == "error" for item in current.new)
    if ended:
        current.ended = True
        known = {(item.path, item.line, item.code) for item in current.found}
        old = [one for one in verify.quarantined(store) if (one.path, one.line, one.code) not in known]
        verify.remember(store, [*current.found, *old])
    elif wrong:
        last = verify.last_verification(store)
        verify.remember(store, list(current.found), str(last["at"]) if last and "at" in last else None)
    current.save()


# -- the tasks of a round --------------------------------------------------------------------------


def _tasks(store: Store) -> Iterator[Task]:
    """All there is to do in a round, in order."""
    for context, family in verify.journals_of(store):
        name = f"{context}/{family}"
        try:
            journal = store.journal(context, family)
            numbers = journal.generations()
        except ChartkeepError:
            yield Task(f"journal:{name}", 1, _whole(partial(verify.journal, context=context, family=family)))
            continue
        for number in numbers:
            size = _size(journal, number)
            yield Task(f"pass:{name}/{number}", size, _generation(context, family, number))
        yield Task(f"ends:{name}", 1, _ends(context, family))
    for context in store.contexts.names():
        size = _bytes(store, context)
        yield Task(f"file:{context}", size, _whole(partial(filed.chart_file, context=context)))
        if store.layout.journal(context).exists():
            yield Task(f"index:{context}", 4 * size, partial(_index, context))
    for context in verify.knowing(store):
        size = verify.bytes_of(store, context, KNOWLEDGE)
        yield Task(f"known:{context}", 4 * size, partial(_known, context))
    if verify.knowing(store) or store.layout.vectors.is_dir():
        yield Task("knowledge", 1, _whole(verify.beside_knowledge))
    yield Task("store", 1, _whole(_rest))


def _whole(check: Callable[[Store], Iterator[Finding]]) -> Callable[[Round, Callable[[], bool]], bool]:
    """A task that is done in one go."""

    def work(current: Round, _enough: Callable[[], bool]) -> bool:
        for finding in check(current.store):
            current.note(finding)
        return True

    return work


def _index(context: str, current: Round, enough: Callable[[], bool]) -> bool:
    """The task of comparing the index of a context with its journal, a part at a time."""
    store, name = current.store, f"index:{context}"
    state = _compared(current.done.get(name))
    said: list[str] = []
    while not state.ended and not said:
        found = indexed.step(store, context, state, said)
        if isinstance(found, OffChain) and state.after is not None:
            found = indexed.Compared()  # written anew meanwhile
        elif isinstance(found, ChartkeepError):
            break  # said below, or with the journal
        state = found
        current.done[name] = {"after": state.after, "seen": state.seen, "ended": state.ended}
        if enough() and not state.ended and not said:
            return False
    # What seems to differ is looked at in one go: lines may have been written anew between two parts.
    check = verify.derived if said or not state.ended else _sound
    for finding in check(store, context):
        current.note(finding)
    return True


def _known(context: str, current: Round, enough: Callable[[], bool]) -> bool:
    """The task of comparing the index of knowledge of a context with its journal, a part at a time."""
    store, name = current.store, f"known:{context}"
    state, said = _compared_known(current.done.get(name)), list[str]()
    while not state.ended and not said:
        found = known.step(store, context, state, said)
        if isinstance(found, OffChain) and state.after is not None:
            found = known.Compared()
        elif isinstance(found, ChartkeepError):
            break
        state = found
        current.done[name] = {"after": state.after, "seq": state.seq, "ended": state.ended}
        if enough() and not state.ended and not said:
            return False
    if said or not state.ended:
        checks = [verify.derived_knowledge(store, context)]
    else:
        checks = [known.records_of(store, context), related.check(store, context)]
    for check in checks:
        for finding in check:
            current.note(finding)
    return True


def _compared_known(part: Any) -> known.Compared:
    with suppress(KeyError, TypeError, ValueError):
        generation, offset, digest = part["after"]
        after = Position(int(generation), int(offset), str(digest))
        return known.Compared(after, int(part["seq"]), bool(part["ended"]))
    return known.Compared()


def _sound(store: Store, context: str) -> Iterator[Finding]:
    """What is left to look at where every row has its line."""
    differs = False
    for finding in indexed.records_of(store, context):
        differs = True
        yield finding
    if not differs:
        yield from meanings.check(store, context)


def _compared(part: Any) -> indexed.Compared:
    """How far the comparison had come; from the beginning where that cannot be read."""
    with suppress(KeyError, TypeError, ValueError):
        generation, offset, digest = part["after"]
        after = Position(int(generation), int(offset), str(digest))
        return indexed.Compared(after, int(part["seen"]), bool(part["ended"]))
    return indexed.Compared()


def _rest(store: Store) -> Iterator[Finding]:
    yield from meanings.twice(store)
    yield from filed.retired(store)
    yield from filed.leftovers(store)
    yield from filed.settings(store)
    yield from filed.newest_backup(store)


def _generation(context: str, family: str, number: int) -> Callable[[Round, Callable[[], bool]], bool]:
    """The task of passing over one generation, a piece at a time."""

    def work(current: Round, enough: Callable[[], bool]) -> bool:
        journal = current.store.journal(context, family)
        name = f"pass:{context}/{family}/{number}"
        try:
            reader = journal.generation_file(number)
            place = _resumed(reader, current.done.get(name))
            while place[0] < reader.size:
                before = place
                place, fits = _piece(reader, place)
                if not fits:
                    for finding in journal_verify.generation(reader):
                        verify.doubt(journal, finding)
                        current.note(finding)
                    return True
                if place == before:
                    break  # the end of the last whole line
                current.done[name] = {"header": reader.header.hash, "place": list(place)}
                if enough() and place[0] < reader.size:
                    return False
        except Damaged as error:
            current.note(journal_verify.damage("damaged-archive", error, error.path or journal.path))
        except ChartkeepError as error:
            current.note(Finding("error", "unreadable-journal", str(error), str(journal.path)))
        return True

    return work


Place = tuple[int, str, int, int, int]


def _piece(reader: ReadFile, place: Place) -> tuple[Place, bool]:
    """Pass over some more lines; a line longer than a piece is taken whole."""
    size = PIECE
    while True:
        upto = min(place[0] + size, reader.size)
        _, last, fits = journal_pass.part(
            lambda length, at: pread(reader.fd, length, at, reader.path), place, upto
        )
        if last != place or not fits or upto == reader.size:
            return last, fits
        size *= 4


def _resumed(reader: ReadFile, part: Any) -> Place:
    """Where to go on in a generation: where the last piece ended, if that line is still there."""
    header = reader.header
    start = (header.end, header.hash, 0, 1, 1)
    with suppress(KeyError, TypeError, ValueError):
        offset, digest, origin, nth, total = part["place"]
        want = b'"%b"}\n' % str(digest).encode("ascii")
        known = part["header"] == header.hash and header.end < offset
        if known and pread(reader.fd, len(want), offset - len(want), reader.path) == want:
            return int(offset), str(digest), int(origin), int(nth), int(total)
    return start


def _ends(context: str, family: str) -> Callable[[Round, Callable[[], bool]], bool]:
    """The task of comparing where generations end with what the next one, or the witness, says."""

    def work(current: Round, _enough: Callable[[], bool]) -> bool:
        journal = current.store.journal(context, family)
        ends = {}
        for name, part in current.done.items():
            head, _, number = name.rpartition("/")
            if head == f"pass:{context}/{family}" and isinstance(part, dict) and part.get("place"):
                ends[int(number)] = Position(int(number), *part["place"][:2])
        for finding in journal_verify.ends(journal, ends):
            verify.doubt(journal, finding)
            current.note(finding)
        return True

    return work


# -- small things ----------------------------------------------------------------------------------


def _read(store: Store) -> dict[str, Any]:
    try:
        value = records.loads((store.layout.recovery / STATE).read_bytes())
    except (OSError, records.BadJson):
        return {}
    sound = (
        isinstance(value, dict)
        and isinstance(value.get("done"), dict)
        and isinstance(value.get("found"), list)
    )
    return value if sound else {}


def _part(current: Round, name: str) -> dict[str, Any]:
    part = current.done.get(name)
    return part if isinstance(part, dict) else {}


def _offset(part: dict[str, Any]) -> int:
    place = part.get("place")
    return place[0] if isinstance(place, list) and place and isinstance(place[0], int) else 0


def _is_done(current: Round, task: Task) -> bool:
    return bool(_part(current, task.name).get("whole"))


def _size(journal: Any, number: int) -> int:
    try:
        size: int = journal.generation_file(number).size
    except ChartkeepError:
        return 1
    return size


def _bytes(store: Store, context: str) -> int:
    try:
        return store.layout.chart_file(context).stat().st_size + 1
    except OSError:
        return 1
