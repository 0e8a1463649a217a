"""The subcommand restore, as far as it is about knowledge: whole contexts, and single records by key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from store import clock
from store.errors import ChartkeepError, Damaged, NotFound, Refused
from store.headless import dates
from store.headless.output import safe
from store.headless.running import run_here
from store.headless.working import confirm

if TYPE_CHECKING:
    from argparse import Namespace
    from datetime import datetime

    from store.headless.output import Output
    from store.store import Store
    from store.upkeep.recovery.restore_knowledge import Planned, Then


@contextmanager
def source(
    store: Store, space: Namespace, context: str, at: datetime | None, keys: Sequence[str] = ()
) -> Iterator[tuple[Then, str]]:
    """The knowledge that is meant, and in words as of when: of the journal itself where it knows, else of a backup.

    Raises NotFound where neither knows it.
    """
    from store.upkeep.backup import open_repository
    from store.upkeep.recovery import restore_knowledge

    with ExitStack() as stack:
        then, why = None, None
        if at is not None and space.place is None:
            try:
                then = restore_knowledge.then_of(store, context, at, keys)
            except (NotFound, Damaged) as error:  # a backup may know it
                why = error
        if then is None:
            try:
                repository = open_repository(store, space.place)
                backup = repository.find(space.id, at)
                then = stack.enter_context(restore_knowledge.then_in(store, repository, backup, context, at))
            except NotFound as error:
                raise NotFound(f"{why} {error}" if why is not None else str(error)) from None
            at = at or clock.parse(backup.at)
        assert at is not None
        yield then, dates.moment(clock.stamp(at))


def records_named(store: Store, space: Namespace, context: str | None) -> dict[str, list[str]]:
    """The records that the words of a restore name, by context; deleted ones too.

    A word is a key, else an id, else what `store.library.find` makes of it. Raises NotFound, Refused.
    """
    found: dict[str, list[str]] = {}
    store.library.sync()
    for word in space.charts:
        row = store.library.find(word, context)
        found.setdefault(row.context, []).append(row.key)
    return found


def looks_like_keys(words: Sequence[str]) -> bool:
    """Whether all words are keys of a kind of knowledge that people write."""
    from store.knowledge.kinds import BY_NAME, parts_of

    kinds = [BY_NAME.get(parts_of(word)[0]) for word in words if ":" in word]
    return bool(words) and len(kinds) == len(words) and all(kind and not kind.own for kind in kinds)


def restore_records(store: Store, space: Namespace, out: Output, context: str | None) -> int:
    """Bring single records back. Raises NotFound, Refused, and what a workflow raises."""
    from store.upkeep.recovery import restore_knowledge

    at = dates.past(space.at) if space.at else None
    named = _gone_too(store, space, context, at) or records_named(store, space, context)
    code = 0
    for name, keys in named.items():
        keys = list(dict.fromkeys(keys))  # noqa: PLW2901
        with source(store, space, name, at, keys) as (then, when):
            if unknown := restore_knowledge.unheard_of(store, then, keys):
                raise NotFound(
                    f"There is no record {safe(unknown[0])} in {safe(name)}, and was none as of {when}."
                )
            code = max(code, restore(store, space, out, then, when, keys))
    return code


def _gone_too(
    store: Store, space: Namespace, context: str | None, at: datetime | None
) -> dict[str, list[str]]:
    """Whole keys, where the store itself does not know one: a backup may. Nothing where it knows all."""
    from store.model import DEFAULT

    if not looks_like_keys(space.charts):
        return {}
    store.library.sync()
    with store.library.snapshot() as snap:
        names = [context] if context is not None else snap.contexts()
        if all(any(snap.row(name, key) for name in names) for key in space.charts):
            return {}
    if at is not None and space.place is None and space.id is None and not _backups(store):
        return {}
    return {context or DEFAULT: list(space.charts)}


def _backups(store: Store) -> bool:
    from store.upkeep.backup import open_repository

    try:
        return bool(open_repository(store).names())
    except ChartkeepError:
        return False


def restore(
    store: Store,
    space: Namespace,
    out: Output,
    then: Then,
    when: str,
    keys: Sequence[str] = (),
    *,
    asked: bool = False,
) -> int:
    """Say what it would do, ask unless that was `asked` before, and run it as a workflow; the exit code."""
    from store.upkeep.recovery import restore_knowledge

    foreseen = restore_knowledge.planned(store, then, keys)
    if space.dry_run:
        tell(foreseen, then, when, out)
        return 0
    if not foreseen.total:
        out.say(f"The records of “{safe(then.context)}” are what they were.")
        out.result_line({"knowledge": document(foreseen, then)})
        return 0
    if not asked:
        question = f"As of {when}: {words(foreseen, then)}. Do it?"
        if not confirm(out, question, space.yes):
            raise Refused(f"{question} Nothing was changed. Say --yes to do it.")
    made = restore_knowledge.submit(store, then, when, keys)
    code = run_here(store, made.id, out)
    out.say(f"  chartkeep workflows rollback {made.id} takes it back.")
    return code


def words(foreseen: Planned, then: Then) -> str:
    """What would be done, in one line."""
    return (
        f"{dates.plural(foreseen.put, 'record')} of knowledge put back, {foreseen.deleted:,} deleted in "
        f"“{safe(then.context)}”"
    )


def tell(foreseen: Planned, then: Then, when: str, out: Output) -> None:
    """A dry run."""
    if not foreseen.total:
        out.say(f"No record of knowledge in “{safe(then.context)}” would change.")
    else:
        out.say(f"As of {when}: {words(foreseen, then)}")
    out.lines([f"  {op:6}  {safe(key)}" for op, key in foreseen.examples])
    if foreseen.total > len(foreseen.examples):
        out.say(f"  and {foreseen.total - len(foreseen.examples):,} more")
    out.result_line({"dry_run": True, "knowledge": document(foreseen, then)})


def document(foreseen: Planned, then: Then) -> dict[str, Any]:
    """What would be done, as JSON."""
    return {
        "context": then.context,
        "put": foreseen.put,
        "deleted": foreseen.deleted,
        "examples": [{"op": op, "key": key} for op, key in foreseen.examples],
    }
