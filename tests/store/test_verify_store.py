"""Each finding of `verify` but those of journals: what produces it, and that a sound store has none of it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from store import charts, init_store, open_store, records
from store.demo import make_demo
from store.index.schema import statements
from store.journal import Draft
from store.model import Finding
from store.store import Store
from store.upkeep.verification import indexed, meanings
from tests.stores import DATA, Opener, chart

CREATED, LATER, EARLIER = "2026-01-02T08:00:00.000Z", "2026-02-02T08:00:00.000Z", "2025-12-02T08:00:00.000Z"


def named(store: Store, **options: bool) -> list[str]:
    return [item.code for item in store.verify(**options)]


def only(store: Store, code: str, **options: bool) -> Finding:
    """The one finding there is, which has that code."""
    (found,) = store.verify(**options)
    assert found.code == code, found
    return found


@pytest.fixture
def book(store: Store) -> Store:
    """A store with a chart, its telescoped step, and everything in step."""
    name = chart(store, "A finished book", "Draft it", "Edit it")
    for n in range(3):
        store.run("default", charts.add_fact, name, f"Fact {n}")
    store.settle()
    return store


# -- sound stores ----------------------------------------------------------------------------------


def test_a_sound_store_has_no_finding_of_any_kind(book: Store) -> None:
    assert book.verify() == []
    assert book.verify(quick=True) == []
    assert book.verify(backups=True) == []


def test_the_demo_store_is_sound(tmp_path: Path) -> None:
    with open_store(make_demo(tmp_path / "demo")) as store:
        store.catch_up()
        store.settle()
        assert store.verify() == []


@pytest.mark.parametrize("folder", sorted(path.name for path in DATA.iterdir() if path.is_dir()))
def test_files_of_other_programs_are_no_errors(folder: str, tmp_path: Path) -> None:
    root = init_store(tmp_path / ".coaia")
    for path in (DATA / folder).glob("*.jsonl"):
        name = path.name if path.name.startswith("charts") else f"charts-{path.name}"
        shutil.copy(path, root / name)
    with open_store(root) as store:
        store.catch_up()
        store.settle()
        assert [item for item in store.verify() if item.severity == "error"] == []
        assert [item for item in store.verify() if item.code.startswith("index")] == []


# -- what records say ------------------------------------------------------------------------------


def entity(
    name: str, kind: str = "action_step", chart_id: str | None = None, **metadata: Any
) -> dict[str, Any]:
    if chart_id is not None:
        metadata["chartId"] = chart_id
    return {
        "type": "entity",
        "name": name,
        "entityType": kind,
        "observations": [name],
        "metadata": {"createdAt": CREATED, "updatedAt": CREATED, **metadata},
    }


def relation(start: str, end: str) -> dict[str, Any]:
    return {"type": "relation", "from": start, "to": end, "relationType": "contains"}


def a_chart(chart_id: str, **metadata: Any) -> list[dict[str, Any]]:
    parts = {"_chart": "structural_tension_chart", "_desired_outcome": "desired_outcome"}
    return [entity(chart_id + end, kind, chart_id, **metadata) for end, kind in parts.items()]


def write(store: Store, *values: dict[str, Any], context: str = "default") -> None:
    """Commit records as some other program's file had them."""
    drafts = [Draft("put", records.key_of(value, b""), 1, records.dumps(value)) for value in values]
    with store.journal(context).writer() as writer:
        writer.append(drafts, by="other")
    store.settle()


ODD: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], str]] = {
    "updated-before-created": (
        [*a_chart("c"), entity("c_action_1", chart_id="c", updatedAt=EARLIER)],
        [*a_chart("c"), entity("c_action_1", chart_id="c", updatedAt=LATER)],
        "warning",
    ),
    "completed-before-created": (
        [*a_chart("c"), entity("c_action_1", chart_id="c", completionStatus=True, completedAt=EARLIER)],
        [*a_chart("c"), entity("c_action_1", chart_id="c", completionStatus=True, completedAt=LATER)],
        "warning",
    ),
    "child-due-after-parent": (
        [*a_chart("c", dueDate="2026-03-01"), *a_chart("d", dueDate="2026-03-02", parentChart="c")],
        [*a_chart("c", dueDate="2026-03-01"), *a_chart("d", dueDate="2026-03-01", parentChart="c")],
        "warning",
    ),
    "step-due-after-chart": (
        [
            *a_chart("c", dueDate="2026-03-01"),
            entity("c_action_1", chart_id="c", dueDate="2026-03-02T12:00:00Z"),
        ],
        [*a_chart("c", dueDate="2026-03-01"), entity("c_action_1", chart_id="c", dueDate="2026-03-01")],
        "warning",
    ),
    "circle": (
        [*a_chart("c", parentChart="d"), *a_chart("d", parentChart="c")],
        [*a_chart("c"), *a_chart("d", parentChart="c")],
        "warning",
    ),
    "dangling-relation": (
        [*a_chart("c"), relation("c_chart", "nowhere")],
        [*a_chart("c"), relation("c_chart", "c_desired_outcome")],
        "info",
    ),
    "unknown-chart": (
        [*a_chart("c"), entity("d_action_1", chart_id="d")],
        [*a_chart("c"), entity("c_action_1", chart_id="c")],
        "info",
    ),
    "unknown-parent": ([*a_chart("c", parentChart="gone")], [*a_chart("c")], "info"),
    "duplicate-part": (
        [*a_chart("c"), entity("other_outcome", "desired_outcome", "c")],
        [*a_chart("c"), entity("c_current_reality", "current_reality", "c")],
        "info",
    ),
}


@pytest.mark.parametrize("code", ODD)
def test_what_cannot_be_is_named_by_its_line(store: Store, code: str) -> None:
    odd, _, severity = ODD[code]
    write(store, *odd)
    found = store.verify()
    assert {item.code for item in found} == {code}
    assert {item.severity for item in found} == {severity}
    journal = store.journal("default")
    starts = {line.offset: number for number, line in enumerate(next(iter(journal.read())).lines, 2)}
    for item in found:
        assert item.path == str(journal.path)
        assert item.line == starts[item.offset or 0]


@pytest.mark.parametrize("code", ODD)
def test_the_same_as_it_should_be_is_not(store: Store, code: str) -> None:
    _, sound, _ = ODD[code]
    write(store, *sound)
    assert store.verify() == []


def test_a_circle_names_every_chart_in_it(store: Store) -> None:
    write(
        store, *a_chart("c", parentChart="e"), *a_chart("d", parentChart="c"), *a_chart("e", parentChart="d")
    )
    said = [item.message for item in store.verify()]
    assert len(said) == 3
    assert all(f"“{name}”" in " ".join(said) for name in "cde")


def test_a_chart_of_two_contexts_is_named(store: Store) -> None:
    store.contexts.create("work")
    write(store, *a_chart("c"))
    write(store, *a_chart("c"), context="work")
    found = only(store, "chart-twice")
    assert (found.severity, found.path) == ("info", str(store.layout.journal("work")))


def test_many_oddities_are_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meanings, "NAMED", 5)
    write(store, *a_chart("c"), *(relation("c_chart", f"nowhere {n}") for n in range(9)))
    found = store.verify()
    assert len(found) == 6
    assert any("4 more" in item.message for item in found)


def test_oddities_are_named_in_the_generation_that_holds_them(store: Store) -> None:
    write(store, *ODD["dangling-relation"][0])
    journal = store.journal("default")
    journal.start_generation([])
    (found,) = [item for item in store.verify() if item.code == "dangling-relation"]
    assert found.path == str(journal.archived(1))
    assert found.line == 4


# -- the index -------------------------------------------------------------------------------------


@contextmanager
def database(store: Store) -> Iterator[sqlite3.Connection]:
    """The index, to be spoiled."""
    with closing(sqlite3.connect(store.layout.index.resolve(), isolation_level=None)) as conn:
        yield conn


SPOILS = {
    "a version is missing": "DELETE FROM versions WHERE key LIKE '%reality' AND ver = 2",
    "a version too many": "INSERT INTO versions SELECT seq, n + 100, ctx, key, ver + 50, 1, 1, 7, 9 FROM versions LIMIT 1",
    "another key": "UPDATE versions SET key = 'e:x' WHERE n = 1",
    "another version": "UPDATE versions SET ver = 9 WHERE n = 1",
    "another length": "UPDATE versions SET size = size + 1 WHERE n = 1",
    "another place": "UPDATE versions SET start = start + 1 WHERE n = 1",
    "deleted": "UPDATE versions SET deleted = 1 WHERE n = 1",
    "a transaction is missing": "DELETE FROM transactions WHERE seq = (SELECT MAX(seq) FROM transactions)",
    "a transaction too many": "INSERT INTO transactions SELECT seq + 1024, ctx, 1, 3, at, who, command, label,"
    " session, count, undoes, redoes, grp FROM transactions ORDER BY seq DESC LIMIT 1",
    "a transaction at another time": "UPDATE transactions SET at = '2020' WHERE seq = (SELECT MAX(seq) FROM transactions)",
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_an_index_that_differs_from_its_journal_is_named(
    book: Store, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    monkeypatch.setattr(indexed, "SMALL", 0)
    with database(book) as conn:
        assert conn.execute(SPOILS[spoil]).rowcount
    found = book.verify()
    assert "index-differs" in {item.code for item in found}
    assert {item.severity for item in found} == {"error"}
    assert {item.path for item in found} == {str(book.layout.index)}
    book.rebuild()
    assert book.verify() == []


RECORDS = {
    "an old version is live": "UPDATE records SET ver = 1 WHERE ver > 1",
    "a record is missing": "DELETE FROM records WHERE id = (SELECT MIN(id) FROM records)",
    "another place": "UPDATE records SET start = start + 1 WHERE id = (SELECT MIN(id) FROM records)",
    "another text": "UPDATE records SET text = 'x' WHERE role = 3",
    "another date": "UPDATE records SET updated = '2020' WHERE role = 2",
    "other observations": "UPDATE observations SET text = 'x' WHERE text LIKE 'Fact%'",
}


@pytest.mark.parametrize("spoil", RECORDS)
def test_a_live_record_that_is_not_what_its_line_says_is_named(
    book: Store, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    monkeypatch.setattr(indexed, "SMALL", 0)
    with database(book) as conn:
        assert conn.execute(RECORDS[spoil]).rowcount
    assert {item.code for item in book.verify()} == {"index-record"}


def test_an_old_version_in_its_own_place_is_named(book: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexed, "SMALL", 0)
    monkeypatch.setattr(indexed, "SAMPLED", 0)
    with database(book) as conn:
        assert conn.execute(
            "UPDATE records SET (ver, generation, start, size) = (SELECT ver, generation, start, size FROM versions v"
            " WHERE v.key = records.key AND v.ver = 1) WHERE ver > 1"
        ).rowcount
    assert {item.code for item in book.verify()} == {"index-record"}


DERIVED = {
    "charts": "UPDATE charts SET finished = 7",
    "steps": "DELETE FROM steps WHERE id = (SELECT MIN(id) FROM steps)",
    "relations": "UPDATE relations SET type = 'x' WHERE id = (SELECT MIN(id) FROM relations)",
    "transactions": "UPDATE transactions SET label = 'x'",
}


@pytest.mark.parametrize("table", DERIVED)
def test_a_derived_table_that_differs_from_a_rebuild_is_named(book: Store, table: str) -> None:
    with database(book) as conn:
        assert conn.execute(DERIVED[table]).rowcount
    found = [item for item in book.verify() if item.code == "index-derived"]
    assert any(f"“{table}”" in item.message for item in found)
    assert all(item.severity == "error" for item in found)


def test_every_table_of_the_index_is_compared(book: Store) -> None:
    """A table added later has to be added to the comparison, or named here with the reason why not."""
    made = {name.split()[2] for name in statements()[0]}
    aside = {"meta", "contexts", "positions"}
    assert made - aside <= set(indexed.SELECTS), "compare it, or say why not"


def test_many_differences_are_counted(book: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexed, "SMALL", 0)
    monkeypatch.setattr(indexed, "NAMED", 2)
    with database(book) as conn:
        conn.execute("UPDATE versions SET size = size + 1")
    found = [item for item in book.verify() if item.code == "index-differs"]
    assert len(found) == 3
    assert "more such" in found[-1].message


def test_the_index_of_a_compacted_journal_does_not_differ(book: Store) -> None:
    journal = book.journal("default")
    with book.snapshot() as snap:
        live = [
            journal.line_bytes(row.generation, row.offset, row.length) for row in snap.live_records("default")
        ]
    journal.start_generation(live)
    book.run("default", charts.create_chart, "Another")
    book.settle()
    assert book.verify() == []
    book.rebuild()
    assert book.verify() == []


def test_the_index_of_a_damaged_journal_is_not_blamed(book: Store, opened: Opener) -> None:
    path = book.layout.journal("default")
    book.close()
    path.write_bytes(path.read_bytes().replace(b"Fact 1", b"Fact 7", 1))
    found = [item for item in opened().verify() if item.severity == "error"]
    assert {item.code for item in found} == {"broken-chain"}


# -- files beside ----------------------------------------------------------------------------------


def test_a_chart_file_of_other_bytes_than_were_published_is_named(book: Store) -> None:
    path = book.layout.chart_file("default")
    before = path.stat()
    data = path.read_bytes()
    with path.open("r+b") as file:  # the very file, as a failing disk would
        file.write(data.replace(b"Draft", b"Drift", 1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    found = only(book, "chart-file-differs")
    assert (found.severity, found.path) == ("error", str(path))


def test_a_large_chart_file_is_compared_without_reading_its_lines(
    book: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store import chartfile
    from store.upkeep.verification import filed

    monkeypatch.setattr(filed, "LARGE", 0)
    with monkeypatch.context() as patch:
        patch.setattr(chartfile, "read_chart_file", None)
        assert book.verify(quick=True) == []
        chart(book, "Another")
        assert only(book, "not-published", quick=True).severity == "info"
        book.settle()
    test_a_chart_file_of_other_bytes_than_were_published_is_named(book)


@pytest.mark.parametrize("large", [True, False])
def test_a_chart_file_that_lags_is_named(book: Store, monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    from store.upkeep.verification import filed

    monkeypatch.setattr(filed, "LARGE", 0 if large else 1 << 30)
    chart(book, "Another")
    found = only(book, "not-published")
    assert (found.severity, found.path) == ("info", str(book.layout.chart_file("default")))
    book.settle()
    assert book.verify() == []


def test_a_chart_file_another_program_wrote_to_is_named(book: Store) -> None:
    path = book.layout.chart_file("default")
    with path.open("ab") as file:
        file.write(b'{"type":"entity","name":"theirs","entityType":"note","observations":[]}\n')
    assert only(book, "not-absorbed").severity == "info"
    book.catch_up()
    book.settle()
    assert book.verify() == []


def test_duplicate_names_in_a_chart_file_are_named(book: Store) -> None:
    path = book.layout.chart_file("default")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines, lines[0]]))
    (found,) = [item for item in book.verify() if item.code == "duplicate-name"]
    assert found.line == len(lines) + 1


def test_what_a_crash_left_is_named(book: Store) -> None:
    left = book.layout.home / ".journal" / "default" / ".charts.jsonl.99999999-abcd.ckpart"
    left.write_bytes(b"half")
    (book.layout.home / f".charts.jsonl.{os.getpid()}-abcd.ckpart").write_bytes(b"being written now")
    found = only(book, "leftover")
    assert (found.severity, found.path) == ("info", str(left))


def test_settings_that_cannot_be_used_are_named_by_line(book: Store) -> None:
    book.layout.settings.write_text('[store]\nwatch = "auto"\nlock_timeout = "long"\n')
    found = only(book, "setting")
    assert (found.severity, found.path, found.line) == ("warning", str(book.layout.settings), 3)
    book.layout.settings.write_text("nonsense")
    assert only(book, "setting").path == str(book.layout.settings)
    book.layout.settings.write_text('[store]\nwatch = "auto"\n')
    assert book.verify() == []


def test_damage_in_other_families_is_named(book: Store) -> None:
    journal = book.journal("default", "activity")
    for number in range(3):
        with journal.writer() as writer:
            writer.append([Draft("put", f"x:metric:{number}", 1, b'{"type":"metric"}')], by="me")
    assert book.verify() == []
    journal.path.write_bytes(journal.path.read_bytes().replace(b"metric:1", b"metric:7", 1))
    found = only(book, "broken-chain")
    assert (found.path, found.line) == (str(journal.path), 3)


def test_a_lost_journal_of_another_family_is_named(book: Store) -> None:
    journal = book.journal("default", "activity")
    with journal.writer() as writer:
        writer.append([Draft("put", "x:metric:1", 1, b'{"type":"metric"}')], by="me")
    journal.path.unlink()
    assert only(book, "missing-journal").severity == "error"


def test_damage_in_a_context_that_was_put_away_is_named(book: Store) -> None:
    book.contexts.create("work")
    chart(book, "Elsewhere", context="work")
    book.settle()
    place = book.contexts.archive("work")
    assert book.verify() == []
    path = place / "journal" / "charts.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Elsewhere", b"Elsewhare", 1))
    assert {(item.code, item.path) for item in book.verify()} == {("broken-chain", str(path))}


# -- backups ---------------------------------------------------------------------------------------


@pytest.fixture
def backed(book: Store) -> Store:
    from store.upkeep.backup.taking import take

    take(book)
    return book


def test_a_sound_backup_is_no_finding(backed: Store) -> None:
    assert backed.verify() == []
    assert backed.verify(backups=True) == []


def pieces(store: Store) -> list[Path]:
    return sorted(path for path in (store.layout.backups / "objects").rglob("*") if path.is_file())


def test_a_missing_piece_of_the_newest_backup_is_named(backed: Store) -> None:
    pieces(backed)[0].unlink()
    assert only(backed, "backup-chunk").severity == "error"
    assert backed.verify(quick=True) == []


def test_a_broken_manifest_is_named(backed: Store) -> None:
    (path,) = (backed.layout.backups / "manifests").iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    assert only(backed, "backup-manifest").path == str(path)


def test_flipped_bytes_of_a_backup_are_found_by_reading_it(backed: Store) -> None:
    path = max(pieces(backed), key=lambda piece: piece.stat().st_size)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    assert backed.verify() == []
    assert "backup-chunk" in named(backed, backups=True)


# -- what it leaves --------------------------------------------------------------------------------


def test_quick_leaves_out_what_follows_and_is_not_noted(book: Store) -> None:
    with database(book) as conn:
        conn.execute("UPDATE versions SET size = size + 1")
    assert book.verify(quick=True) == []
    assert book.status()["last_verification"] is None
    book.verify()
    assert book.status()["last_verification"]["error"]


def test_the_note_says_when_and_what(book: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from store.upkeep.verification.verify import last_verification

    monkeypatch.setenv("CHARTKEEP_NOW", "2026-11-21T08:00:00Z")
    book.layout.chart_file("default").unlink()
    book.verify()
    last = last_verification(book)
    assert last is not None
    assert (last["at"], last["error"], last["warning"], last["info"]) == (
        "2026-11-21T08:00:00.000000Z",
        0,
        1,
        0,
    )
    assert [item["code"] for item in last["findings"]] == ["missing-chart-file"]


def test_it_shows_as_a_job_that_gets_on(book: Store) -> None:
    seen: list[tuple[str, int, int]] = []
    book.jobs.listen(
        lambda job: seen.append((job.state, job.done, job.total)) if job.kind == "verify" else None
    )
    book.verify()
    size = book.layout.journal("default").stat().st_size
    assert seen[-1] == ("completed", 2 * size, 2 * size)


def test_verifying_changes_nothing(book: Store) -> None:
    def everything() -> dict[str, bytes]:
        files = (path for path in book.layout.home.rglob("*") if path.is_file())
        skipped = (".index", ".recovery")
        return {
            str(path): path.read_bytes() for path in files if not any(part in path.parts for part in skipped)
        }

    before = everything()
    book.verify()
    assert everything() == before
