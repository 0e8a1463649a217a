"""What people ask of the knowledge of a store: lists, words, single records, histories, what there is."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from store.errors import NotFound, Refused
from store.index.knowledge import lists
from store.knowledge import library as module
from store.knowledge import reading
from store.knowledge.kinds import FAMILY
from store.knowledge.library import Library
from store.knowledge.model import Filter, Row
from store.knowledge.where import parse
from store.model import TxMeta
from store.records import dumps
from store.store import Notice, Store
from tests.store.knowledge.histories import Writer, analogy
from tests.stores import Opener, until


@pytest.fixture
def writer(store: Store) -> Writer:
    """Writes to the journal itself, so that the index hears of nothing."""
    made = Writer(store.root)
    made.journal = store.journal("default", FAMILY)
    return made


@pytest.fixture
def library(store: Store) -> Library:
    return store.library


def ids(rows: list[Row]) -> list[str]:
    return [row.id for row in rows]


def put(writer: Writer, library: Library, *edits: tuple[str, Any], **options: Any) -> None:
    writer.write(edits, **options)
    library.sync()


def test_an_analogy_is_listed_with_what_it_says(writer: Writer, library: Library) -> None:
    key, value = analogy(
        "a", "bird", "fish", quality_score=0.87, tags=["air", "water"], created_at="2025-07-05T23:11:43+02:00"
    )
    put(writer, library, (key, value), meta=TxMeta("workflow.create", "Create", "s", group="wf-1"))
    (row,) = library.rows(Filter())
    assert (row.key, row.kind, row.id, row.title) == ("analogy:a", "analogy", "a", "bird → fish")
    assert (row.source, row.target, row.quality, row.tags) == ("bird", "fish", 0.87, ("air", "water"))
    assert (row.workflow, row.ver, row.deleted) == ("wf-1", 1, False)
    assert row.created == "2025-07-05T21:11:43.000000Z"
    assert library.record("default", "analogy:a").raw == dumps(value)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), "abcdf"),
        (Filter(kinds=("frame",)), "f"),
        (Filter(kinds=("frame", "concept")), "cf"),
        (Filter(kinds=("validation",)), "v"),
        (Filter(kinds=("other",)), "d"),
        (Filter(kinds=("odd",)), "d"),
        (Filter(kinds=("unheard",)), ""),
        (Filter(tags=("x",)), "ab"),
        (Filter(tags=("x", "y")), "a"),
        (Filter(tags=("nowhere",)), ""),
        (Filter(domains=("sun",)), "ab"),
        (Filter(domains=("sun", "none")), "ab"),
        (Filter(domains=("none",)), ""),
        (Filter(source="sun"), "a"),
        (Filter(target="sun"), "b"),
        (Filter(source="sun", target="sun"), ""),
        (Filter(quality_from=0.5), "ad"),
        (Filter(quality_below=0.5), "b"),
        (Filter(created_after=datetime(2026, 1, 1, tzinfo=UTC), kinds=("analogy",)), "b"),
        (Filter(created_before=datetime(2026, 1, 1, tzinfo=UTC)), "a"),
        (Filter(words="planet orb"), "a"),
        (Filter(words="orb planet"), ""),
        (Filter(words="ÜBUNG"), "f"),
        (Filter(words="ubung"), "f"),
        (Filter(words="solar-system"), "a"),
        (Filter(words="→"), ""),
        (Filter(words="quality_score"), ""),
        (Filter(workflow="wf-2"), "c"),
        (Filter(context="work"), ""),
        (Filter(context="unheard"), ""),
        (Filter(deleted=True), "g"),
        (Filter(deleted=True, tags=("x",)), "g"),
        (Filter(deleted=True, words="gone"), "g"),
        (Filter(where=parse("quality_score >= 0.5")), "a"),
        (Filter(where=parse("quality_score >= 0.5 or name = 'Übung'")), "af"),
        (Filter(where=parse("metadata.depth > 2")), "a"),
        (Filter(where=parse("tags has 'y' and missing name"), kinds=("analogy",)), "a"),
        (Filter(where=parse("not quality_score >= 0.5"), kinds=("analogy",)), "b"),
    ],
    ids=str,
)
@pytest.mark.parametrize("wide", [0, 10_000])
def test_every_condition_of_a_filter_is_honoured(
    writer: Writer,
    library: Library,
    wanted: Filter,
    expected: str,
    wide: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lists, "WIDE", wide)
    writer.write(
        [
            analogy("a", "sun", "atom", tags=["x", "y"], quality_score=0.5, created_at="2025-12-31T23:59:59Z",
                    concept_mappings={"planet": "electron orbit"}, note="solar system", metadata={"depth": 3}),
            analogy("b", "moon", "sun", tags=["x"], quality_score=0.25, created_at="2026-01-01T00:00:01Z"),
            ("odd:d", {"type": "odd", "confidence": 2}),
            ("frame:f", {"type": "frame", "name": "Übung"}),
            ("validation:v", {"type": "validation", "reason": "planet orbit"}),
            analogy("g", "gone", "away", tags=["x"]),
        ]
    )  # fmt: skip
    writer.write([("concept:c", {"name": "c"})], meta=TxMeta("c", "", "s", group="wf-2"))
    writer.write([("analogy:g", None)])
    writer.write([("workflow:wf-2", {"state": "completed", "title": "Planet orbit"})])
    library.sync()
    for sort in ("changed", "created", "quality", "title", "kind", "key", "match"):
        for limit in (None, 100):
            found = library.rows(wanted, sort, limit=limit)  # type: ignore[arg-type]
            assert sorted(ids(found)) == list(expected), sort
    assert library.count(wanted) == len(expected)
    assert sorted(item.row.id for item in library.stream(wanted)) == list(expected)


@pytest.mark.parametrize("wide", [0, 10_000])
@pytest.mark.parametrize(
    ("sort", "expected"),
    [("changed", "abcd"), ("created", "cabd"), ("quality", "acbd"), ("title", "dbac"), ("key", "abcd")],
)
def test_sorts_are_total_and_pages_are_parts_of_them(
    writer: Writer, library: Library, sort: Any, expected: str, wide: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "WIDE", wide)
    monkeypatch.setattr(module, "NEAR", 2)
    day = "2026-01-0{}T00:00:00Z".format
    writer.write([analogy("a", "m", "z", quality_score=0.1, created_at=day(2))])
    writer.write([analogy("b", "B", "z", quality_score=0.7, created_at=day(2))])
    writer.write([analogy("c", "x", "z", quality_score=0.1005, created_at=day(1))])
    writer.write([analogy("d", "a", "z", created_at=day(3))])
    library.sync()
    up = library.rows(Filter(), sort, descending=False)
    assert ids(up) == list(expected)
    down = library.rows(Filter(), sort)
    without = [row for row in down if row.quality is None] if sort == "quality" else []
    rest = [row for row in down if row not in without]
    assert [*rest[::-1], *without] == up
    for offset in range(5):
        assert library.rows(Filter(), sort, limit=2, offset=offset) == down[offset : offset + 2]


def test_changes_of_several_contexts_come_together_by_time(store: Store, library: Library) -> None:
    writers = {}
    for context in ("default", "work"):
        writers[context] = Writer(store.root, context)
        writers[context].journal = store.journal(context, FAMILY)
    for n, context in enumerate(["default", "work", "work", "default", "work"]):
        writers[context].write([analogy(str(n))])
        time.sleep(0.001)
    library.sync("work")
    library.sync("default")
    assert ids(library.rows(Filter())) == list("43210")
    assert ids(library.rows(Filter(), descending=False, limit=2, offset=1)) == list("12")
    assert ids(library.rows(Filter(context="work"))) == list("421")
    assert library.collections() == [("default", "analogies", 2), ("work", "analogies", 3)]
    assert library.count(Filter(context="work")) == 3


def test_a_record_that_is_deleted_and_comes_back_goes_on_with_its_versions(
    writer: Writer, library: Library
) -> None:
    put(writer, library, analogy("a", "one", "x", tags=["t"]))
    put(writer, library, ("analogy:a", None))
    assert library.rows(Filter()) == []
    (gone,) = library.rows(Filter(deleted=True))
    assert (gone.title, gone.tags, gone.ver) == ("one → x", ("t",), 2)
    assert library.record("default", "analogy:a").raw is None
    assert library.tags() == []
    put(writer, library, analogy("a", "three", "x"))
    assert [row.title for row in library.rows(Filter())] == ["three → x"]
    assert library.rows(Filter(deleted=True)) == []
    assert library.rows(Filter(words="one")) == [], "a superseded version is not found by its words"
    history = library.history("default", "analogy:a")
    assert [(row.ver, row.op) for row in history] == [(3, "put"), (2, "delete"), (1, "put")]
    first = library.record("default", "analogy:a", 1)
    assert (first.row.title, first.row.tags, first.row.ver) == ("one → x", ("t",), 1)
    assert library.record("default", "analogy:a", 2).raw is None
    with pytest.raises(NotFound, match="no version 4; it has 3, 2, 1"):
        library.record("default", "analogy:a", 4)


def test_a_record_is_found_by_key_id_beginning_and_words(writer: Writer, library: Library) -> None:
    put(
        writer, library,
        analogy("abc1", "sun", "atom"), analogy("abd2", "bird", "fish"), ("frame:abc1", {"name": "Motion"}),
        analogy("zzz", "bird", "plane"),
    )  # fmt: skip
    assert library.find("analogy:abc1").id == "abc1"
    assert library.find("abd2").key == "analogy:abd2"
    assert library.find("abd").key == "analogy:abd2"
    assert library.find("frame:ab").key == "frame:abc1"
    assert library.find("motion").key == "frame:abc1"
    assert library.find("bird pla").key == "analogy:zzz"
    with pytest.raises(Refused, match=r"analogy:abc1 .*frame:abc1"):
        library.find("abc1")
    with pytest.raises(Refused, match="bird → fish"):
        library.find("bird")
    with pytest.raises(NotFound, match="no record “nothing”"):
        library.find("nothing")
    put(writer, library, ("analogy:abc1", None))
    assert library.find("abc1").key == "frame:abc1", "a live one wins"
    assert library.find("analogy:abc1").deleted


def test_what_holds_the_words_in_its_title_comes_first(writer: Writer, library: Library) -> None:
    writer.write([("concept:a", {"name": "bird"})])
    writer.write([("concept:b", {"name": "birdsong"}), ("concept:c", {"name": "x", "definition": "a bird"})])
    assert ids(library.rows(Filter(words="bird"), "match")) == []
    library.sync()
    assert ids(library.rows(Filter(words="bird"), "match")) == ["a", "b", "c"]
    assert ids(library.rows(Filter(words="bird"), "match", limit=1, offset=1)) == ["b"]


def test_facets_count_live_records(writer: Writer, library: Library) -> None:
    put(
        writer, library,
        analogy("a", "sun", "atom", tags=["x"]), analogy("b", "atom", "sun", tags=["x", "y"]),
        ("frame:f", {"tags": ["y"]}), ("odd:o", {}), ("odd too:o", {}), ("workflow:w", {"state": "pending"}),
    )  # fmt: skip
    put(writer, library, analogy("a", "sun", "sea", tags=["y"]))
    assert library.collections() == [
        ("default", "analogies", 2), ("default", "frames", 1), ("default", "workflows", 1), ("default", "others", 2),
    ]  # fmt: skip
    assert library.tags() == [("y", 3), ("x", 1)]
    assert library.tags(kinds=("frame",)) == [("y", 1)]
    assert library.domains() == [("sun", 1, 1), ("atom", 1, 0), ("sea", 0, 1)]
    assert library.domains(limit=1) == [("sun", 1, 1)]


def test_workflows_are_listed_and_what_they_wrote(writer: Writer, library: Library) -> None:
    meta = TxMeta("w", "", "s", group="one")
    writer.write([analogy("a"), ("workflow:one", {"state": "processing", "created_at": "2026-01-01T00:00:00Z"})],
                 meta=meta)  # fmt: skip
    writer.write([analogy("a", "other", "by hand")])
    writer.write([analogy("b"), ("workflow:one", {"state": "completed", "created_at": "2026-01-01T00:00:00Z"})],
                 meta=meta)  # fmt: skip
    writer.write([("workflow:two", {"state": "pending", "created_at": "2026-01-02T00:00:00Z"})])
    library.sync()
    assert [item.row.id for item in library.workflows()] == ["two", "one"]
    assert [item.row.id for item in library.workflows(open_only=True)] == ["two"]
    assert [item.row.id for item in library.workflows(limit=1)] == ["two"]
    wrote = library.written_by("default", "one")
    assert [(row.key, row.ver) for _, row, _ in wrote] == [
        ("analogy:a", 1), ("workflow:one", 1), ("analogy:b", 1), ("workflow:one", 2),
    ]  # fmt: skip
    assert [before and before.ver for _, _, before in wrote] == [None, None, None, 1]
    assert library.written_by("default", "one", after=wrote[1][0], limit=1) == wrote[2:3]
    assert [row.id for row in library.rows(Filter(workflow="one"))] == ["b"]


def test_own_writes_are_seen_at_once(store: Store, writer: Writer, library: Library) -> None:
    tx = writer.write([analogy("a")])
    assert library.rows(Filter()) == []
    library.written("default", tx)
    assert ids(library.rows(Filter())) == ["a"]
    library.written("default", writer.write([analogy("b")]))
    store.close()
    with library.index.snapshot() as snap:
        assert snap.count(Filter()) == 2, "closing leaves nothing for others to read"


def test_a_stream_is_of_the_state_at_its_beginning(
    writer: Writer, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PART", 2)
    put(writer, library, *(analogy(str(n), note="n" * n) for n in range(9)))
    stream = library.stream(Filter())
    first = next(stream)
    put(writer, library, ("analogy:8", None), analogy("9"), analogy("7", "new", "one"))
    rest = [first, *stream]
    assert [item.row.id for item in rest] == [str(n) for n in range(9)]
    assert [item.raw for item in rest] == [dumps(analogy(str(n), note="n" * n)[1]) for n in range(9)]


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        (b'{"source_pair": ["knight", "sword"], "target_pair": ["wizard", "staff"]}', "knight:sword → wizard:staff"),
        (b'{"source_concept": "bird", "target_concept": "fish"}', "bird → fish"),
        (b'{"context": "somewhere", "x": 1}', "somewhere"),
        (b'{"name": "", "definition": " two\\nlines "}', "two lines"),
        (b'{"source_domain": "only"}', "only"),
        (b"[1, 2]", "k"),
        (b"{}", "k"),
        (b'{"name": "lone \\ud800 half"}', "lone \\ud800 half"),
    ],
)  # fmt: skip
def test_every_record_has_a_title(writer: Writer, library: Library, raw: bytes, title: str) -> None:
    put(writer, library, ("analogy:k", raw))
    assert library.rows(Filter())[0].title == title
    assert library.record("default", "analogy:k").raw == raw


def test_a_damaged_journal_is_read_up_to_the_damage(store: Store, writer: Writer, library: Library) -> None:
    writer.write([analogy("a")])
    size = writer.journal.path.stat().st_size
    writer.write([analogy("b")])
    writer.write([analogy("c")])
    store.close()
    data = bytearray(writer.journal.path.read_bytes())
    data[size + 40] ^= 1
    writer.journal.path.write_bytes(data)
    (synced,) = store.library.sync()
    assert synced.damage is not None
    assert ids(store.library.rows(Filter())) == ["a"]


def test_two_processes_index_at_once(store: Store, writer: Writer, library: Library) -> None:
    code = (
        "import sys; from store import open_store\n"
        "with open_store(sys.argv[1]) as store:\n"
        "    print('ready', flush=True); sys.stdin.readline()\n"
        "    for _ in range(50): store.library.sync()\n"
    )
    others = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(store.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for other in others:
        assert other.stdout is not None
        assert other.stdin is not None
        other.stdout.readline()
        other.stdin.write("go\n")
        other.stdin.flush()
    for n in range(150):
        tx = writer.write([analogy(f"{n}-{m}") for m in range(20)])
        if n % 3:
            library.sync("default", [tx])
    for other in others:
        other.communicate(timeout=60)
        assert other.returncode == 0
    library.sync()
    assert library.count(Filter()) == len(library.rows(Filter())) == 3000
    library.rebuild()
    assert len(library.rows(Filter())) == 3000


def test_knowledge_left_unindexed_by_its_writer_is_taken_in_and_told(
    store: Store, opened: Opener, folder: Path
) -> None:
    told: list[Notice] = []
    store.on_change(told.append)
    store.start_background()
    other = Writer(folder)
    other.write([analogy("a")])
    until(lambda: any(notice.knowledge for notice in told), "a notice")
    until(lambda: store.library.lag("default")[1] == 0, "the index")
    assert ids(store.library.rows(Filter())) == ["a"]
    until(lambda: sum(notice.knowledge for notice in told) >= 2, "a notice that it is indexed")
