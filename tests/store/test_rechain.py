"""A generation written anew: other lines keep every byte of their bodies, and the new chain is whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import rechain, records
from store.errors import Damaged
from store.journal_read import ReadFile, Scanner
from store.model import TxMeta
from store.records import Draft, encode_header, encode_lines

Made = list[tuple[TxMeta | None, list[tuple[str, bytes | None]]]]


def told(command: str, label: str, session: str, undoes: str | None) -> TxMeta:
    return TxMeta(command, label, session, undoes)


TEXT = st.text(max_size=12) | st.sampled_from([',"record":', ',"_t":[', '"tx":', ',"deleted_at":', "\\"])
RAW = st.none() | st.dictionaries(TEXT, TEXT | st.integers(), max_size=3).map(records.dumps)
META = st.none() | st.builds(told, TEXT, TEXT, TEXT, st.none() | st.just("1:a0"))
TRANSACTIONS = st.lists(
    st.tuples(META, st.lists(st.tuples(TEXT, RAW), min_size=1, max_size=4)), min_size=1, max_size=6
)


def written(path: Path, made: Made) -> ReadFile:
    """A generation of those transactions."""
    header, digest = encode_header(
        generation=3, created="then", context="default", family="charts", previous=None
    )
    chunks, offset = [header], len(header)
    for meta, lines in made:
        drafts = [
            Draft("delete" if raw is None else "put", key, n, raw) for n, (key, raw) in enumerate(lines, 1)
        ]
        out, digest = encode_lines(
            drafts, offset=offset, previous=digest, at="2026-01-01", by="ann", meta=meta
        )
        chunks += out
        offset += sum(map(len, out))
    path.write_bytes(b"".join(chunks))
    return ReadFile(path)


def rewritten(source: ReadFile, path: Path, remake: rechain.Remake) -> list[object]:
    """What a scanner finds in the generation that `remake` leaves, by key, record, by and meta."""
    header, digest = encode_header(
        generation=3,
        created="now",
        context="default",
        family="charts",
        previous={"file": "x", "size": 7, "hash": "f" * 32},
    )
    chain = rechain.Chain(header, digest, 3)
    path.write_bytes(
        b"".join(rechain.blocks(header, rechain.rewrite(rechain.verified(source), remake, chain)))
    )
    reader = ReadFile(path)
    scanner = Scanner(reader.fd, path, reader.header.position)
    found: list[object] = [
        (tx.meta, [(line.op, line.key, line.ver, line.at, line.by, line.raw) for line in tx.lines])
        for tx in scanner.transactions()
    ]
    assert scanner.tail is not None
    assert scanner.tail.size == 0
    assert chain.position == scanner.position
    return found


@given(TRANSACTIONS, st.data())
def test_what_is_kept_keeps_record_version_time_person_and_meta(
    tmp_path_factory: pytest.TempPathFactory, made: Made, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("rechain")
    source = written(folder / "old", made)
    gone = {
        (t, n) for t, (_, lines) in enumerate(made) for n in range(len(lines)) if data.draw(st.booleans())
    }
    bodies = [group.bodies for group in rechain.verified(source)]
    dropped = {id(bodies[t][n]) for t, n in gone}
    groups = iter(bodies)

    def remake(group: rechain.Group) -> list[bytes]:
        same = next(groups)
        return list(
            rechain.keeping(lambda body: None if id(body) in dropped else body)(group._replace(bodies=same))
        )

    expected = [
        (meta, kept)
        for t, (meta, lines) in enumerate(made)
        if (
            kept := [
                ("delete" if raw is None else "put", key, n + 1, "2026-01-01", "ann", raw)
                for n, (key, raw) in enumerate(lines)
                if (t, n) not in gone
            ]
        )
    ]
    assert rewritten(source, folder / "new", remake) == expected


def test_damage_is_not_chained_anew(tmp_path: Path) -> None:
    source = written(tmp_path / "old", [(None, [("a", b"1"), ("b", b'"word"')]), (None, [("c", b"3")])])
    data = bytearray(source.path.read_bytes())
    data[data.index(b"word")] ^= 1
    source.path.write_bytes(data)
    with pytest.raises(Damaged):
        rewritten(ReadFile(source.path), tmp_path / "new", rechain.keeping(lambda body: body))


def test_loose_lines_come_back_as_the_transactions_they_state(tmp_path: Path) -> None:
    source = written(tmp_path / "old", [(None, [("a", b"1"), ("b", b"2")]), (None, [("c", b"3")])])
    lines = source.path.read_bytes().splitlines(keepends=True)[1:]
    found = [[rechain.head_of(body)["key"] for body in group.bodies] for group in rechain.grouped(lines)]
    assert found == [["a", "b"], ["c"]]
