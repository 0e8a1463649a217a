"""What is taken as a knowledge record and what is refused: each kind of bad input, and whatever bytes are thrown."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.knowledge import schemas
from store.knowledge.checking import Checker, Item, Reject, repeats
from store.knowledge.kinds import KINDS

SAMPLES = Path(__file__).parents[2] / "data" / "softlogic"
NOW = "2026-11-21T06:00:00.000000Z"
ANALOGY = {
    "type": "analogy",
    "id": "a1",
    "source_domain": "biology",
    "target_domain": "software",
    "quality_score": 0.87,
    "concept_mappings": {"cell": "module"},
    "tags": ["boundary"],
}


def line(**members: object) -> bytes:
    return orjson.dumps({**ANALOGY, **members})


def importing(raw: bytes, *, strict: bool = False, kind: str | None = None, number: int = 2) -> Item | Reject:
    """Checked twice: the second time the form of the record is known."""
    check = Checker(kind, strict=strict)
    first = check.check(number, raw)
    assert check.check(number, raw) == first
    return first


def creating(raw: bytes, kind: str | None = "analogy") -> Item | Reject:
    return Checker(kind, workflow="wf", creating=True, now=NOW).check(2, raw)


def item(checked: Item | Reject) -> Item:
    assert isinstance(checked, Item), checked
    return checked


def reject(checked: Item | Reject) -> Reject:
    assert isinstance(checked, Reject), checked
    assert checked.reason
    return checked


@pytest.mark.parametrize(
    ("raw", "code", "word"),
    [
        (b"", "blank", "blank"),
        (b" \t ", "blank", "blank"),
        (b"\r\n", "blank", "blank"),
        (b'{"type":"analogy","id":"a', "torn", "torn"),
        (b'{"type":"analogy"', "torn", "17 bytes"),
        (b"# a comment", "not-json", "character 1"),
        (b'{"type":"analogy","id":"a"} {}', "not-json", "after"),
        (b"[1,2]", "not-a-record", "a list of 2"),
        (b'"text"', "not-a-record", "the text 'text'"),
        (b"null", "not-a-record", "null"),
        (b'{"id":"a"}', "no-type", "type"),
        (b'{"type":null,"id":"a"}', "no-type", "type"),
        (b'{"type":["analogy"],"id":"a"}', "bad-type", "a list of 1"),
        (b'{"type":"","id":"a"}', "bad-type", "empty"),
        (b'{"type":"a:b","id":"a"}', "bad-type", "colon"),
        (b'{"type":"workflow","id":"a"}', "own-kind", "workflow"),
        (b'{"type":"validation","id":"a"}', "own-kind", "validation"),
        (line(id=["a"]), "bad-id", "a list of 1"),
        (line(id=17), "bad-id", "the number 17"),
        (line(id=""), "bad-id", "empty"),
        (line(id="  "), "bad-id", "empty"),
        (line(id="a\nb"), "bad-id", "U+000A"),
        (line(id="a\x7fb"), "bad-id", "U+007F"),
        (line(id="a\u2028b"), "bad-id", "U+2028"),
        (line(id="é" * 257), "bad-id", "514 bytes"),
        (b'{"type":"analogy","idempotency_key":["k"]}', "bad-member", "idempotency_key"),
        (b'{"type":"analogy","idempotency_key":"a\\nb"}', "bad-key", "U+000A"),
        (b'{"type":"analogy","id":"a","quality_score":NaN}', "bad-number", "NaN"),
        (b'{"type":"analogy","id":"a","quality_score":-Infinity}', "bad-number", "-Infinity"),
        (b'{"type":"analogy","id":"a","quality_score":1e400}', "bad-number", "double"),
        (b'{"type":"analogy","id":"a","any":NaN}', "bad-number", "NaN"),
        (line(quality_score=True), "bad-score", "found true"),
        (line(quality_score="0.9"), "bad-score", "the text '0.9'"),
        (line(quality_score=1.01), "bad-score", "from 0 to 1"),
        (line(quality_score=-0.01), "bad-score", "from 0 to 1"),
        (line(quality_score=2), "bad-score", "from 0 to 1"),
        (line(tags={"a": 1}), "bad-member", "a list of texts, found an object of 1"),
        (line(tags=["a", 1]), "bad-member", "tags[1]"),
        (line(tags="a"), "bad-member", "tags"),
        (line(metadata=[]), "bad-member", "an object, found an empty list"),
        (line(source_domain=3), "bad-member", "source_domain"),
        (line(type="cluster", members=[{"key": "a", "strength": True}]), "bad-score", "members[0].strength"),
        (line(type="cluster", members=[{"strength": 1}]), "bad-member", "members[0].key"),
        (line(type="cluster", members={"key": "a"}), "bad-member", "members"),
        (line(type="cluster", centroid=[1, "x"]), "bad-member", "centroid[1]"),
        (line(type="cluster", coherence=7), "bad-score", "coherence"),
        (line(type="frame_instance", confidence=True), "bad-score", "confidence"),
        (line(type="concept", name=""), "bad-member", "not empty"),
        (line(type="frame", inherits_from=[1]), "bad-member", "inherits_from"),
        (line(type="semantic_field", related_concepts={"a": 2}), "bad-member", "related_concepts"),
        (b'{"type":"analogy","id":"a","id":"b"}', "duplicate-member", "'id'"),
        (b'{"type":"analogy","id":"a","metadata":{"x":1,"x":1}}', "duplicate-member", "'x'"),
        (b'{"type":"analogy","id":"a","i\\u0064":"b"}', "duplicate-member", "'id'"),
        (b'{"type":"analogy","id":"a","id" :"b","x":"\\":"}', "duplicate-member", "'id'"),
        (b'{"type":"analogy","id":"a","created_at":"\\u003a","x":1,"x":2}', "duplicate-member", "'x'"),
        (b'{"type":"x","id":"a","a":[[{"b":1,"b":2}]]}', "duplicate-member", "'b'"),
        *(
            (
                b'{"type":"x","id":"a","created_at":"a:b",%b}' % b",".join([b'"x":1'] * many),
                "duplicate-member",
                "'x'",
            )
            for many in range(2, 14)
        ),
        (b'{"type":"x","id":"a","id" :"b"}', "duplicate-member", "'id'"),
        (b'{"type":"x","id":"a","id"\t:"b"}', "duplicate-member", "'id'"),
        (b'{"type":"x","id":"a","id"\r:"b"}', "duplicate-member", "'id'"),
        (b'{"type":"x","id":"a","m":{"b":{"c":1},"b":2}}', "duplicate-member", "'b'"),
        (b'{"type":"x","id":"a","m":["a:",{"b":2,"b":2}]}', "duplicate-member", "'b'"),
        (b'{"type":"x","id":"a","m":{"a":{"b":2,"b":2},"c":1}}', "duplicate-member", "'b'"),
        (b'{"type":"analogy","id":"a","x":"\\ud800"}', "bad-text", "surrogate"),
        (b'{"type":"analogy","id":"a","\\udc00":1}', "bad-text", "surrogate"),
        (b'{"type":"analogy","id":"\xff"}', "not-utf8", "0xff"),
        (b'{"type":"analogy",\n"id":"a"}', "not-one-line", "newline"),
        (b"\xef\xbb\xbf" + line(), "not-json", "byte order mark"),
        (b"[" * 5000, "too-deep", "128"),
        (b'{"type":"x","id":"a","a":' + b"[" * 200 + b"]" * 200 + b"}", "too-deep", "128"),
        (b'{"a":' * 100_000, "too-deep", "128"),
        (b"\x00" * 10, "not-json", "character 1"),
    ],
)
def test_bad_input_is_rejected_with_a_code_and_a_reason(raw: bytes, code: str, word: str) -> None:
    refused = reject(importing(raw))
    assert refused.code == code
    assert word in refused.reason
    assert refused.line == 2


@pytest.mark.parametrize(
    "raw", [b'{"id":"mine"}', b'{"type":"frame"}', b'{"workflow_id":"other"}', b'{"id":null}']
)
def test_a_draft_cannot_say_its_own_id_type_or_workflow(raw: bytes) -> None:
    refused = reject(creating(raw))
    assert refused.code == "overwrites"
    assert repr(next(iter(orjson.loads(raw)))).strip("'") in refused.reason


def test_a_draft_may_repeat_the_type_it_gets_and_keeps_its_time_of_creation() -> None:
    made = item(creating(b'{"created_at":"2020-01-01","type":"analogy","workflow_id":"wf","x":1}'))
    record = json.loads(made.raw)
    assert record["created_at"] == "2020-01-01"
    assert list(record) == ["id", "created_at", "type", "workflow_id", "x"]
    assert record["id"] == made.key.partition(":")[2]


def test_a_created_record_is_the_draft_with_four_members_in_front() -> None:
    made = item(creating(b'  { "x" : 12345678901234567890123, "y":"\\u00e9" }  '))
    assert made.raw.endswith(b'"x" : 12345678901234567890123, "y":"\\u00e9" }')
    record = json.loads(made.raw)
    assert list(record) == ["type", "id", "workflow_id", "created_at", "x", "y"]
    assert (record["type"], record["workflow_id"], record["created_at"]) == ("analogy", "wf", NOW)
    assert not made.given
    assert json.loads(item(creating(b"{ }")).raw).keys() == {"type", "id", "workflow_id", "created_at"}


def test_the_same_draft_has_the_same_key_in_every_run() -> None:
    first = item(creating(b'{"x":1}'))
    again = item(
        Checker("analogy", workflow="later", creating=True, now="2027-01-01T00:00:00Z").check(
            9, b' {"x":1}\n'
        )
    )
    other = item(creating(b'{"x":2}'))
    assert first.key == again.key != other.key
    assert first.raw != again.raw
    assert repeats(again.raw, first.raw)
    assert not repeats(other.raw, first.raw)


def test_an_idempotency_key_names_the_item_whatever_it_holds() -> None:
    first = item(creating(b'{"idempotency_key":"order \\"17\\"","x":1}'))
    second = item(creating(b'{"idempotency_key":"order \\"17\\"","x":2}'))
    assert first.key == second.key == 'analogy:order "17"'
    assert not repeats(second.raw, first.raw)
    assert json.loads(first.raw)["id"] == 'order "17"'
    assert item(importing(b'{"type":"analogy","idempotency_key":"k"}')).key == "analogy:k"


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\r"])
def test_line_ends_are_no_part_of_a_record(end: bytes) -> None:
    assert item(importing(line() + end)).raw == line()


def test_a_byte_order_mark_is_read_over_at_the_beginning_of_a_file() -> None:
    assert item(importing(b"\xef\xbb\xbf" + line(), number=1)).raw == line()


def test_blanks_around_and_within_are_kept() -> None:
    raw = b'  {"type" : "analogy" , "id"\t: "a1" }  '
    assert item(importing(raw)).raw == raw


def test_integers_keep_their_digits() -> None:
    raw = b'{"type":"analogy","id":"a","n":123456789012345678901234567890}'
    assert item(importing(raw)).raw == raw


def test_a_line_of_100_mb_is_rejected_unparsed_in_bounded_memory(tmp_path: Path) -> None:
    from store.workflows.types import Run, type_of

    path = tmp_path / "items.jsonl"
    with path.open("wb") as file:
        file.write(line(id="first") + b"\n")
        file.truncate(file.tell() + (100 << 20))
        file.seek(0, 2)
        file.write(b"\n" + line() + b"\n")
    run = Run(None, "default", "wf", {}, items=path, longest=1 << 20)  # type: ignore[arg-type]
    tracemalloc.start()
    (batch,) = type_of("import").batches(run)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [one.key for one in batch.items] == ["analogy:first", "analogy:a1"]
    (refused,) = batch.rejects
    assert (refused.line, refused.code) == (2, "too-long")
    assert peak < 8 << 20


def test_the_checker_itself_parses_nothing_that_is_too_long() -> None:
    check = Checker(None, longest=1000)
    raw = line(note="x" * 1000)
    refused = reject(check.check(2, raw))
    assert refused.code == "too-long"
    assert f"{len(raw):,} bytes" in refused.reason
    assert item(check.check(2, line(note="x" * 500)))


def test_real_shapes_are_taken_leniently_with_what_is_missing_and_refused_strictly() -> None:
    raws = (SAMPLES / "analogies.v40.jsonl").read_bytes().splitlines()
    lenient, strict = Checker(None), Checker(None, strict=True)
    counted: dict[str, int] = {}
    for number, raw in enumerate(raws, 1):
        taken = item(lenient.check(number, raw))
        assert taken.raw == raw
        assert taken.given
        for name in taken.missing:
            counted[name] = counted.get(name, 0) + 1
        refused = reject(strict.check(number, raw))
        assert refused.code == "missing"
        assert "source_domain" in refused.reason
    assert len({tuple(json.loads(raw)) for raw in raws}) == 5
    assert counted == {"source_domain": 40, "target_domain": 40, "quality_score": 4}


def test_a_strict_check_wants_a_real_time_of_creation_and_takes_whole_records() -> None:
    assert item(importing(line(), strict=True)).missing == ()
    assert item(importing(line(created_at="2026-01-01T00:00:00+01:00"), strict=True))
    assert reject(importing(line(created_at="soon"), strict=True)).code == "bad-member"
    assert item(importing(line(created_at="soon")))
    assert reject(importing(b'{"type":"x","a":1}', strict=True)).code == "missing"


def test_records_without_a_type_take_the_kind_that_was_named() -> None:
    taken = item(importing(b'{"id":"a","name":"n"}', kind="concept"))
    assert (taken.key, taken.missing) == ("concept:a", ("type",))
    assert taken.raw == b'{"id":"a","name":"n"}'


def test_unknown_kinds_and_members_are_kept() -> None:
    raw = b'{"type":"rumour","id":"r1","deep":{"a":[{"b":[1.5,null,true]}]},"quality_score":"high"}'
    assert item(importing(raw)).raw == raw


def test_null_counts_as_not_given() -> None:
    taken = item(importing(line(source_domain=None, tags=None)))
    assert taken.missing == ("source_domain",)


def test_scores_may_be_whole_numbers() -> None:
    assert item(importing(line(quality_score=1)))
    assert item(importing(line(quality_score=0)))


def test_texts_may_hold_colons_brackets_and_quotes() -> None:
    raw = line(note='a: b, {c} [d] "e":', created_at="2026-11-21T06:00:00Z", url="http://x/:y")
    assert item(importing(raw)).raw == raw


def test_many_shapes_and_kinds_use_no_memory_without_bound() -> None:
    check = Checker(None)
    for n in range(3000):
        item(check.check(2, b'{"type":"k%d","id":"a"}' % n))
        item(check.check(2, b'{"type":"analogy","id":"a","m%d":1}' % n))
    assert len(check._shapes) <= 1000
    assert all(len(shape.seen) <= 256 for shape in check._shapes.values())


# -- whatever is thrown ----------------------------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0, 1, 0.5, 1.5, -0.0, ""])
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
NAMES = sorted(
    {name for model in schemas.MODELS.values() for name in model.model_fields} | {"id", "type", "x:y"}
)
RECORDS = st.builds(
    lambda kind, body: {"type": kind, "id": "i", **body},
    st.sampled_from([kind.name for kind in KINDS if not kind.own] + ["other"]),
    st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6),
)


@given(
    st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()), st.booleans(), st.booleans()
)
def test_any_bytes_are_an_item_with_those_bytes_or_a_reject_with_a_reason(
    raw: bytes, strict: bool, making: bool
) -> None:
    found = Checker("analogy", strict=strict, creating=making, workflow="w", now=NOW).check(2, raw)
    if isinstance(found, Reject):
        assert found.code
        assert found.reason
    elif making:
        made = json.loads(found.raw)
        assert {name: made[name] for name in json.loads(raw)} == json.loads(raw)
    else:
        assert found.raw == raw.rstrip(b"\r\n")
        assert isinstance(json.loads(found.raw), dict)


@settings(max_examples=300)
@given(RECORDS, st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : ")]))
def test_plain_checks_say_what_the_models_say(record: dict[str, object], separators: tuple[str, str]) -> None:
    raw = json.dumps(record, separators=separators).encode()
    check = Checker("analogy")
    found = check.check(2, raw)
    again = check.check(2, raw)  # the second time its form may be known
    assert found == again
    if isinstance(found, Reject) and found.code in (
        "bad-type",
        "no-type",
        "own-kind",
        "bad-id",
        "bad-number",
        "bad-key",
    ):
        return
    faults = schemas.faults(str(record["type"]), record)
    if faults:
        assert isinstance(found, Reject)
        assert (found.code, found.reason) == faults[0]
    else:
        assert item(found).raw == raw


@given(st.dictionaries(st.text(max_size=3), JSON, min_size=1, max_size=4), st.data())
def test_a_member_named_twice_is_always_seen(body: dict[str, object], data: st.DataObject) -> None:
    separators = data.draw(st.sampled_from([(",", ":"), (", ", ": "), (",", " :"), (",", "\t:")]))
    name = data.draw(st.sampled_from(sorted(body)))
    value = data.draw(JSON)
    raw = json.dumps({"type": "x", "in": body}, separators=separators)
    twice = f"{raw[:-2]},{json.dumps(name)}{separators[1]}{json.dumps(value)}}}}}".encode()
    found = importing(twice)
    assert isinstance(found, Reject)
    assert found.code in ("duplicate-member", "bad-number", "bad-text")
