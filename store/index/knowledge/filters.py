"""A Filter as SQL: what drives the query, and what is left to be asked of the records themselves."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from store.index.knowledge import rows
from store.index.knowledge.extract import FOREIGN, SCORES
from store.knowledge import kinds
from store.knowledge.where import Column

if TYPE_CHECKING:
    from store.index.knowledge.names import Names
    from store.knowledge.model import Filter
    from store.knowledge.where import Condition

_NAMED = "(SELECT name FROM names WHERE id = i.{})"
_COLUMNS = {
    "name": Column("i.name", "text"),
    "source_domain": Column(_NAMED.format("source"), "text"),
    "target_domain": Column(_NAMED.format("target"), "text"),
    "tags": Column(
        "(i.tags IS NOT NULL AND instr(i.tags, ' ' || (SELECT id FROM names WHERE name = ?) || ' ') > 0) IS TRUE",
        "set",
    ),
}
"""Members of records that a condition may ask of the index."""
WORKFLOWS = kinds.BY_NAME["workflow"].code
_OWN = tuple(kind.code for kind in kinds.KINDS if kind.own)


@dataclass(slots=True)
class Compiled:
    """What a Filter asks of the index. Every part is a condition on `items i` unless it says otherwise."""

    match: str = ""
    """A question to the full text; empty where it has no part in it."""
    parts: list[str] = field(default_factory=list)
    bind: list[Any] = field(default_factory=list)
    rest: Condition | None = None
    """What must be asked of the records themselves."""
    nothing: bool = False
    """True where no record can be meant."""
    of_kinds: str = "1"
    """The condition on `{kind}`."""
    codes: tuple[int, ...] = ()
    """The kinds that are named one by one."""
    instead: list[tuple[str, list[Any]]] = field(default_factory=list)
    """Conditions on a row that together mean what `match` does."""
    words: bool = False
    """True where words are looked for."""
    plain: bool = True
    """True where only context, kinds and deletion are asked for: the facets know how many there are."""
    deleted: bool = False

    def add(self, part: str, *values: Any) -> None:
        """One more condition."""
        self.parts.append(part)
        self.bind.extend(values)


def compiled(wanted: Filter, names: Names) -> Compiled:
    """`wanted` as SQL."""
    made = Compiled(deleted=wanted.deleted)
    made.add(f"i.deleted = {int(wanted.deleted)}")
    made.codes = codes = _kinds(made, wanted, names)
    before = len(made.parts)
    terms = [*_words(made, wanted.words), *_tags(made, wanted.tags, names), *_domains(made, wanted, names)]
    made.match = " AND ".join(terms)
    _numbers(made, wanted)
    if wanted.where is not None:
        told = wanted.where.sql(_columns(codes))
        if told is not None:
            made.add(f"({told.sql})", *told.params)
        if told is None or not told.exact:
            made.rest = wanted.where
    made.plain = not made.match and len(made.parts) == before and made.rest is None
    return made


def _columns(codes: tuple[int, ...]) -> dict[str, Column]:
    """What may be asked of records of these kinds: the score only where all have it from the same member."""
    members = {SCORES.get(code, ()) for code in codes}
    scores = {member: Column("i.quality", "number") for member in members.pop()} if len(members) == 1 else {}
    return {**_COLUMNS, **scores}


def _kinds(made: Compiled, wanted: Filter, names: Names) -> tuple[int, ...]:
    """The kinds that are named, after the condition for them is made."""
    codes = tuple(code for name in wanted.kinds if (code := names.code(name)) is not None)
    among = f"{{kind}} IN ({', '.join(map(str, codes))})"
    if not wanted.kinds:
        made.of_kinds = f"{{kind}} NOT IN ({', '.join(map(str, _OWN))})"
    elif kinds.OTHER.name in wanted.kinds:
        made.of_kinds = f"({among} OR {{kind}} >= {FOREIGN})"
        codes = ()
    else:
        made.of_kinds = among
        made.nothing = not codes
    made.add(made.of_kinds.format(kind="i.kind"))
    return codes


def words_of(text: str) -> list[str]:
    """The words of a text as the full text cuts them."""
    plain = "".join(char if char.isalnum() or unicodedata.category(char)[0] == "M" else " " for char in text)
    return plain.split()


def _words(made: Compiled, text: str) -> list[str]:
    words = words_of(text)
    if not words:
        made.nothing = made.nothing or bool(text.strip())
        return []
    typing = not text[-1].isspace()
    terms = [f'"{word}"' for word in words[:-1]] + [f'"{words[-1]}"' + ("*" if typing else "")]
    asked = "EXISTS (SELECT 1 FROM words x WHERE x.words MATCH ? AND x.rowid = i.seq)"
    made.words = True
    made.instead.append((asked, [" AND ".join(terms)]))
    return terms


def _tags(made: Compiled, tags: Iterable[str], names: Names) -> list[str]:
    numbers = [names.number(tag) for tag in tags]
    made.nothing = made.nothing or None in numbers
    made.instead += [("instr(i.tags, ?) > 0", [f" {number} "]) for number in numbers]
    return [f'"{rows.tag_word(number)}"' for number in numbers if number is not None]


def _domains(made: Compiled, wanted: Filter, names: Names) -> list[str]:
    terms = []
    either = [number for name in wanted.domains if (number := names.number(name)) is not None]
    if either:
        words = [f'"{word(number)}"' for number in either for word in (rows.source_word, rows.target_word)]
        terms.append(f"({' OR '.join(words)})")
        among = ", ".join(map(str, either))
        made.instead.append((f"(i.source IN ({among}) OR i.target IN ({among}))", []))
    elif wanted.domains:
        made.nothing = True
    for column, name, word in (
        ("source", wanted.source, rows.source_word),
        ("target", wanted.target, rows.target_word),
    ):
        if name is not None:
            number = names.number(name)
            made.nothing = made.nothing or number is None
            made.instead.append((f"i.{column} = ?", [number]))
            terms.append(f'"{word(number or 0)}"')
    return terms


def _numbers(made: Compiled, wanted: Filter) -> None:
    if wanted.quality_below is not None:
        made.add("i.quality < ?", wanted.quality_below)
    if wanted.quality_from is not None:
        made.add("i.quality >= ?", wanted.quality_from)
    if wanted.created_after is not None:
        made.add("i.created > ?", micros(wanted.created_after))
    if wanted.created_before is not None:
        made.add("i.created < ?", micros(wanted.created_before))
    if wanted.workflow is not None:
        # The first condition leads to the rows, the second is exact: workflows may have run side by side.
        made.add(
            "i.seq >= (SELECT MIN(seq) FROM transactions WHERE workflow = ?) AND i.seq < COALESCE((SELECT seq FROM"
            " transactions WHERE seq > (SELECT MAX(seq) FROM transactions WHERE workflow = ?) ORDER BY seq LIMIT 1),"
            " (SELECT MAX(seq) + 1 FROM items))",
            wanted.workflow,
            wanted.workflow,
        )
        made.add(
            "(SELECT workflow FROM transactions WHERE seq <= i.seq ORDER BY seq DESC LIMIT 1) = ?",
            wanted.workflow,
        )


def micros(moment: datetime) -> int:
    """An instant as microseconds since 1970; one without a zone is in UTC."""
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e6)
