"""Publishing swaps whole files, keeps what slipped in, and remembers which states were visible."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from store import durable
from store.chartfile import Signature, read_chart_file, signature
from store.errors import StorageError
from store.model import Position
from store.publish import KEEP_ENTRIES, PublishedLog, leftovers, publish, published_form

ENTITY = b'{"type":"entity","name":"a","entityType":"action_step","observations":["A"]}'
LINK = b'{"type":"relation","from":"a","to":"b","relationType":"contains"}'
SECOND = 1_000_000_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "charts.jsonl"


@pytest.fixture(params=["exchange", "link and rename"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "exchange":
        monkeypatch.setattr(durable, "exchange_file", lambda _temp, _path: False)


def names(file: Path) -> list[str]:
    return sorted(path.name for path in file.parent.iterdir())


def test_the_first_publication_makes_the_file(file: Path) -> None:
    done = publish(file, [ENTITY, LINK], expected=None)
    assert file.read_bytes() == ENTITY + b"\n" + LINK + b"\n"
    assert (done.lines, done.replaced, done.slipped) == (2, None, None)
    assert done.signature == signature(file, digest=True)
    assert names(file) == ["charts.jsonl"]


@pytest.mark.usefixtures("either_way")
def test_what_was_expected_is_replaced_and_can_be_discarded(file: Path) -> None:
    first = publish(file, [ENTITY], expected=None)
    done = publish(file, [ENTITY, LINK], expected=first.signature)
    assert done.slipped is None
    assert done.replaced is not None
    assert done.replaced.read_bytes() == ENTITY + b"\n"
    assert not done.still_changing()
    done.discard()
    assert names(file) == ["charts.jsonl"]
    assert file.read_bytes() == ENTITY + b"\n" + LINK + b"\n"


@pytest.mark.usefixtures("either_way")
def test_a_write_that_slipped_in_is_in_hand(file: Path) -> None:
    first = publish(file, [ENTITY], expected=None)
    file.write_bytes(ENTITY + b"\n" + LINK)
    done = publish(file, [ENTITY], expected=first.signature)
    assert done.slipped is not None
    assert done.slipped.read_bytes() == ENTITY + b"\n" + LINK
    assert leftovers(file) == [done.slipped]


def test_a_slip_of_the_same_size_and_time_is_seen_by_content(file: Path) -> None:
    first = publish(file, [ENTITY], expected=None)
    with file.open("r+b") as other:
        other.write(ENTITY.replace(b"A", b"B"))
    os.utime(file, ns=(first.signature.mtime_ns, first.signature.mtime_ns))
    assert publish(file, [ENTITY], expected=first.signature).slipped is not None


def test_a_touched_file_did_not_slip(file: Path) -> None:
    first = publish(file, [ENTITY], expected=None)
    os.utime(file)
    assert publish(file, [ENTITY], expected=first.signature).slipped is None


def test_a_file_that_was_not_expected_slipped(file: Path) -> None:
    file.write_bytes(LINK + b"\n")
    done = publish(file, [ENTITY], expected=None)
    assert done.slipped is not None
    assert done.slipped.read_bytes() == LINK + b"\n"


def test_a_writer_that_held_the_replaced_file_open_is_noticed(file: Path) -> None:
    first = publish(file, [ENTITY], expected=None)
    with file.open("r+b") as slow:
        done = publish(file, [ENTITY, ENTITY], expected=first.signature)
        assert (done.slipped, done.still_changing()) == (None, False)
        slow.write(LINK + b"\n")
    assert done.still_changing()
    assert done.slipped is not None
    assert read_chart_file(done.slipped).lines[0].raw == LINK
    assert not done.still_changing()


def test_a_write_after_truncation_is_not_lost(file: Path) -> None:
    """Peers open with truncation, then write: the swap may come between the two."""
    first = publish(file, [ENTITY], expected=None)
    with file.open("wb") as slow:
        done = publish(file, [ENTITY], expected=first.signature)
        assert done.slipped is not None
        assert read_chart_file(done.slipped).lines == []
        slow.write(ENTITY + b"\n" + LINK + b"\n")
    assert done.still_changing()
    assert [line.raw for line in read_chart_file(done.slipped).lines] == [ENTITY, LINK]


def test_mode_and_symbolic_link_stay(file: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "memory.jsonl"
    real.parent.mkdir()
    real.write_bytes(ENTITY + b"\n")
    real.chmod(0o640)
    file.symlink_to(real)
    done = publish(file, [LINK], expected=signature(file, digest=True))
    assert (done.path, done.slipped) == (real, None)
    assert file.is_symlink()
    assert real.read_bytes() == LINK + b"\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_publishing_is_streamed(file: Path) -> None:
    big = ENTITY.replace(b"A", b"x" * 100_000)
    done = publish(file, (big for _ in range(50)), expected=None)
    assert done.lines == 50
    assert file.stat().st_size == 50 * (len(big) + 1)
    assert done.signature == signature(file, digest=True)


def test_an_empty_state_is_an_empty_file(file: Path) -> None:
    publish(file, [], expected=None)
    assert file.read_bytes() == b""


def test_a_failure_leaves_the_live_file_and_nothing_beside_it(file: Path) -> None:
    publish(file, [ENTITY], expected=None)

    def failing() -> object:
        yield LINK
        raise StorageError("the journal cannot be read")

    with pytest.raises(StorageError):
        publish(file, failing(), expected=None)  # type: ignore[arg-type]
    assert names(file) == ["charts.jsonl"]
    assert file.read_bytes() == ENTITY + b"\n"


def test_peers_never_get_what_they_cannot_read() -> None:
    assert published_form(b'{"type":"comment","text":"# x"}') is None
    assert published_form(b'{"a":NaN,"b":[-Infinity,"NaN"]}') == b'{"a":null,"b":[null,"NaN"]}'
    assert published_form(b'{"a":"NaN is \\" NaN"}') == b'{"a":"NaN is \\" NaN"}'
    assert published_form(b'{"a":\n1}') == b'{"a": 1}'


# -- the log ---------------------------------------------------------------------------------------


def at(number: int) -> Position:
    return Position(1, number, f"{number:032x}")


def sig(seconds: float) -> Signature:
    return Signature(10, int(seconds * SECOND), int(seconds * 10), "d")


def log_of(path: Path, *seconds: float) -> PublishedLog:
    log = PublishedLog(path)
    for number, second in enumerate(seconds, 1):
        log.absorbed(at(number), sig(second), 3)
    return log


def test_the_log_gives_back_what_was_noted(file: Path, tmp_path: Path) -> None:
    log = PublishedLog(tmp_path / ".journal" / "default" / "published.jsonl")
    assert (log.entries(), log.last()) == ([], None)
    done = publish(file, [ENTITY], expected=None)
    log.published(at(1), done)
    log.absorbed(at(2), sig(5), 7, [at(0), at(1)])
    again = PublishedLog(log.path)
    assert again.entries() == log.entries()
    first, second = again.entries()
    assert (first.kind, first.position, first.signature, first.lines) == ("publish", at(1), done.signature, 1)
    assert second.bases == (at(1), at(0))
    assert again.pool() == {at(2): (at(1), at(0)), at(1): ()}
    assert again.around(5 * SECOND) == [at(2), at(1), at(0)]
    assert again.last("publish") == first
    assert again.last() == second
    assert again.knows(sig(5))
    assert not again.knows(sig(6))


def test_around_gives_all_a_program_can_have_read(tmp_path: Path) -> None:
    log = log_of(tmp_path / "log", 100, 200, 205, 209, 300, 400)
    assert log.around(211 * SECOND) == [at(6), at(4), at(3), at(2)]
    assert log.around(212 * SECOND) == [at(6), at(4), at(3), at(2)]
    assert log.around(299 * SECOND + SECOND // 2) == [at(6), at(5), at(4)]
    assert log.around(1 * SECOND) == [at(6), at(1)]
    assert log.around(900 * SECOND) == [at(6)]


def test_torn_and_foreign_lines_of_the_log_are_passed_over(tmp_path: Path) -> None:
    log = log_of(tmp_path / "log", 1, 2)
    data = log.path.read_bytes()
    log.path.write_bytes(b'\xff\n{}\n[1]\n{"generation":Infinity}\n' + data[:-20])
    log.absorbed(at(3), sig(3), 3)
    assert [entry.position for entry in PublishedLog(log.path).entries()] == [at(1), at(3)]


def test_the_log_stays_bounded(tmp_path: Path) -> None:
    log = log_of(tmp_path / "log", *range(1, 3 * KEEP_ENTRIES))
    assert KEEP_ENTRIES <= len(log.entries()) <= 2 * KEEP_ENTRIES
    assert next(iter(log.pool())) == at(3 * KEEP_ENTRIES - 1)
    assert log.path.read_bytes().count(b"\n") <= 2 * KEEP_ENTRIES
