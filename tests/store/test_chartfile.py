"""A chart file is read whatever is in it: nothing is lost, nothing raises, everything is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import chartfile, filelines, records
from store.chartfile import broken_bytes, dangling, quarantine, read_chart_file, signature
from store.errors import StorageError

DATA = Path(__file__).parents[1] / "data" / "coaia"
STEP = (
    b'{"type":"entity","name":"a","entityType":"action_step","observations":["A"],"metadata":{"chartId":"c"}}'
)
LINK = b'{"type":"relation","from":"a","to":"b","relationType":"contains"}'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "charts.jsonl"


def codes(read: chartfile.ChartFile) -> list[str]:
    return [finding.code for finding in read.findings]


@pytest.mark.parametrize("name", sorted(path.relative_to(DATA).as_posix() for path in DATA.rglob("*.jsonl")))
def test_every_real_file_is_read_line_by_line(name: str) -> None:
    path = DATA / name
    read = read_chart_file(path)
    kept = {line.line_no: line for line in read.lines}
    for number, raw in enumerate(path.read_bytes().split(b"\n"), 1):
        if raw.strip() and number not in {broken.line_no for broken in read.broken}:
            assert kept[number].raw == raw.strip()
    assert read.usable
    assert read.signature.size == path.stat().st_size


def test_lines_are_named_by_number_and_offset(file: Path) -> None:
    file.write_bytes(b"# note\n\n" + STEP + b"\n{broken\n" + LINK + b"\n")
    read = read_chart_file(file)
    assert [(line.line_no, line.offset, line.kind) for line in read.lines] == [
        (1, 0, "comment"),
        (3, 8, "entity"),
        (5, 8 + len(STEP) + 1 + 8, "relation"),
    ]
    assert read.lines[0].value == {"type": "comment", "text": "# note"}
    assert read.lines[2].key == 'r:["a","contains","b"]'
    found = next(finding for finding in read.findings if finding.code == "broken-line")
    assert (found.line, found.offset, found.path) == (4, 8 + len(STEP) + 1, "charts.jsonl")
    assert [broken.data for broken in read.broken] == [b"{broken\n"]
    assert not read.whole
    assert not read.torn


def test_bom_and_crlf_are_read_through(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + STEP + b"\r\n" + LINK + b"\r\n")
    read = read_chart_file(file)
    assert [line.raw for line in read.lines] == [STEP, LINK]
    assert codes(read) == ["bom", "crlf"]
    assert read.whole


def test_a_last_line_without_newline_is_good_a_torn_one_is_not(file: Path) -> None:
    file.write_bytes(STEP + b"\n" + LINK)
    assert codes(read_chart_file(file)) == ["no-newline"]
    file.write_bytes(STEP + b"\n" + LINK[:20])
    read = read_chart_file(file)
    assert read.torn
    assert "torn-line" in codes(read)
    assert b"".join(broken_bytes(read)) == LINK[:20]


@pytest.mark.parametrize("content", [b"", b"\n\n \n"])
def test_an_empty_file_is_no_error(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    read = read_chart_file(file)
    assert (read.lines, read.broken, read.usable) == ([], [], True)


def test_a_missing_file_says_so(file: Path) -> None:
    read = read_chart_file(file)
    assert (read.exists, read.whole) == (False, False)
    assert signature(file) is None


def test_duplicates_are_both_read_and_named(file: Path) -> None:
    file.write_bytes(STEP + b"\n" + STEP.replace(b'"A"', b'"B"') + b"\n")
    read = read_chart_file(file)
    assert [line.key for line in read.lines] == ["e:a", "e:a"]
    assert read.first == {"e:a": 1}
    assert codes(read) == ["duplicate-name"]


def test_bytes_that_are_no_utf8_are_named(file: Path) -> None:
    file.write_bytes(STEP.replace(b"A", b"\xff") + b"\n# caf\xe9\n" + LINK + b"\n")
    read = read_chart_file(file)
    assert any(finding.message == "not UTF-8" for finding in read.findings)
    comment = read.lines[0].value
    assert records.comment_bytes(comment["text"]) == b"# caf\xe9"


def test_other_schemas_are_kept_byte_for_byte(file: Path) -> None:
    lines = [
        b'{"from_entity": "a", "to_entity": "b"}',
        b'{"id":1,"outcome":"o","reality":"r","steps":[]}',
        b'{"z":1}',
    ]
    file.write_bytes(b"\n".join(lines) + b"\n")
    read = read_chart_file(file)
    assert [line.raw for line in read.lines] == lines
    assert codes(read) == ["foreign-schema", "unknown-shape"]


def test_what_javascript_cannot_read_is_named(file: Path) -> None:
    file.write_bytes(
        STEP.replace(b'"chartId":"c"', b'"x":NaN')
        + b"\n"
        + STEP.replace(b'"A"', rb'"\ud800 NaN"')
        + b"\n"
        + STEP.replace(b'"name":"a"', rb'"name":"\ud800"')
        + b"\n"
    )
    read = read_chart_file(file)
    assert codes(read) == ["not-a-number", "duplicate-name", "lone-surrogate", "lone-surrogate"]
    assert read.lines[2].key.startswith("x:")


def test_integers_beyond_2_53_keep_their_digits(file: Path) -> None:
    file.write_bytes(STEP.replace(b'"chartId":"c"', b'"n":123456789012345678901234567890') + b"\n")
    assert read_chart_file(file).lines[0].value["metadata"]["n"] == 123456789012345678901234567890


def test_the_wrapper_is_named_and_looked_through() -> None:
    read = read_chart_file(DATA / "narrative" / "example.jsonl")
    assert "wrapper" in codes(read)
    assert "e:Alice_Smith" in read.first


@pytest.mark.parametrize(
    "content",
    [b'[{"type":"entity"}]', b"[\n" + STEP + b"\n]", b"\x1f\x8b\x08\x00" * 999, b"{\n\n]", b"hello\nworld\n"],
)
def test_another_format_is_not_a_chart_file(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    read = read_chart_file(file)
    assert not read.usable
    assert "not-a-chart-file" in codes(read)


def test_lines_too_long_are_quarantined_unread(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filelines, "LONGEST_LINE", 3 << 20)
    long = b'{"x":"' + b"y" * (4 << 20) + b'"}'
    fine = b'{"x":"' + b"y" * (2 << 20) + b'"}'
    file.write_bytes(STEP + b"\n" + long + b"\n" + fine + b"\n")
    read = read_chart_file(file)
    assert [len(line.raw) for line in read.lines] == [len(STEP), len(fine)]
    assert codes(read)[0] == "long-line"
    kept = quarantine(
        tmp_path / "r" / ".recovery", "charts.jsonl", "2026-11-21T06:00:00Z", broken_bytes(read)
    )
    assert kept.read_bytes() == long + b"\n"


def test_many_broken_lines_stop_being_listed(file: Path) -> None:
    file.write_bytes(STEP + b"\n" + b"x\n" * 3000)
    read = read_chart_file(file)
    assert len(read.findings) == chartfile.MANY + 1
    assert read.findings[-1].message == "2,000 more of these"
    assert len(read.broken) == 3000
    file.write_bytes(b"x\n" * (chartfile.HOPELESS + 5000))
    assert len(read_chart_file(file).broken) == chartfile.HOPELESS


def test_hostile_nesting_is_a_broken_line(file: Path) -> None:
    file.write_bytes(STEP + b"\n" + b'{"a":' * 300 + b"1" + b"}" * 300 + b"\n" + b"[" * 100_000 + b"\n")
    assert len(read_chart_file(file).broken) == 2


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="not a plain file"):
        read_chart_file(tmp_path)
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    with pytest.raises(StorageError, match="not a plain file"):
        read_chart_file(fifo)


def test_known_lines_are_not_parsed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_bytes(STEP + b"\n" + LINK + b"\n" + STEP + b"\n")
    monkeypatch.setattr(records, "loads", lambda _raw: pytest.fail("parsed"))
    current = {"e:a": STEP, 'r:["a","contains","b"]': LINK}
    read = read_chart_file(file, known=lambda key, raw: current.get(key) == raw)
    assert read.unchanged == set(current)
    assert [line.line_no for line in read.lines] == [3]
    assert read.count == 3


def test_a_file_that_changes_while_it_is_read_is_not_steady(file: Path) -> None:
    file.write_bytes(STEP + b"\n")

    def meanwhile(_key: str, _raw: bytes) -> bool:
        with file.open("ab") as other:
            other.write(LINK)
        return False

    assert not read_chart_file(file, known=meanwhile).steady


def test_signatures_tell_content_apart(file: Path) -> None:
    file.write_bytes(STEP)
    first, again = signature(file, digest=True), read_chart_file(file).signature
    assert first == again
    assert first is not None
    os.utime(file, ns=(1, 1))
    touched = signature(file, digest=True)
    assert touched is not None
    assert not first.same_stat(touched)
    assert first.same_content(touched)


def test_relations_and_parents_that_lead_nowhere_are_named() -> None:
    lines = read_chart_file(DATA / "rewrites" / "ava-pi.v01.jsonl").lines
    assert dangling(lines) == []
    assert len(dangling(lines[:1] + lines[3:])) == 4


def test_quarantine_never_overwrites(tmp_path: Path) -> None:
    paths = {quarantine(tmp_path, "a/b.jsonl", "2026-11-21T06:00:00Z", b"x") for _ in range(3)}
    assert len(paths) == 3
    assert all(path.parent == tmp_path for path in paths)


FRAGMENTS = st.sampled_from(
    [STEP, LINK, b"\n", b"\r\n", b"\xef\xbb\xbf", b"#", b"{", b"[", b'"', b"NaN", b"\\ud800", b"\x00"]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.binary(max_size=40), FRAGMENTS), max_size=20).map(b"".join))
def test_any_bytes_are_survived_and_none_is_lost(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.jsonl"
    path.write_bytes(content)
    read = read_chart_file(path)
    taken = {line.line_no for line in read.lines} | {broken.line_no for broken in read.broken}
    for number, raw in enumerate(content.split(b"\n"), 1):
        assert number in taken or not raw.removeprefix(b"\xef\xbb\xbf" if number == 1 else b"").strip(
            b" \t\r\n"
        )
    for line in read.lines:
        assert line.raw in content
        records.dumps(line.value)
    assert all(broken.data is not None and broken.data in content for broken in read.broken)
    dangling(read.lines)
