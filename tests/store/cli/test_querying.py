"""query and domains: what meets every criterion, as a table or as the exact bytes; questions across domains."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from store import open_store, records
from store.knowledge import writing
from store.model import Edit, Plan
from tests.store.cli.conftest import Run

SAMPLES = Path(__file__).parents[2] / "data" / "softlogic"


def put(folder: Path, *raws: bytes | dict[str, Any], context: str = "default") -> None:
    with open_store(folder) as store:
        edits = []
        for given in raws:
            raw = given if isinstance(given, bytes) else records.dumps(given)
            value = records.loads(raw)
            edits.append(Edit("put", f"{value['type']}:{value['id']}", None, raw))
        writing.write(store, context, lambda _: Plan("knowledge.put", "Put", edits))


def analogy(
    number: int, source: str | None, target: str | None, score: float | None, *tags: str
) -> dict[str, Any]:
    value: dict[str, Any] = {"type": "analogy", "id": f"a{number}", "tags": list(tags)}
    for name, member in (("source_domain", source), ("target_domain", target), ("quality_score", score)):
        if member is not None:
            value[name] = member
    return value


ODD = (
    b'{"type": "analogy",  "id":"odd", "quality_score": 0.50, "note":"caf\xc3\xa9 \\u001b[31m", "tags":["x"]}'
)


@pytest.fixture
def full(folder: Path) -> Path:
    put(
        folder,
        analogy(1, "sea", "sky", 0.9, "blue", "deep"),
        analogy(2, "sea", "sky", 0.4, "blue"),
        analogy(3, "sea", "sky", None),
        analogy(4, "sky", "sea", 0.7),
        analogy(5, "sea", "city", 0.8, "blue"),
        analogy(6, "sea", None, 0.1, "lone"),
        {"type": "frame", "id": "f", "name": "Motion"},
        {"type": "poem", "id": "p", "text": "of the sea"},
        ODD,
    )
    return folder


def lines(text: str) -> list[str]:
    return [json.loads(line)["id"] for line in text.splitlines()]


# -- query -----------------------------------------------------------------------------------------


def test_json_gives_the_exact_bytes_one_a_line(full: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "store.cli", "--store", str(full), "--json", "query", "--tag", "x"],
        capture_output=True,
        check=True,
    )
    assert ran.stdout == ODD + b"\n"


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (("analogies",), ["a1", "a2", "a3", "a4", "a5", "a6", "odd"]),
        (("analogies", "--checked"), ["a1", "a2", "a3", "a4", "a5", "a6", "odd"]),
        (("all",), ["a1", "a2", "a3", "a4", "a5", "a6", "f", "p", "odd"]),
        (("frame",), ["f"]),
        (("others",), ["p"]),
        (("others", "--where", "text contains 'sea' or id = 'f'"), ["p"]),
        (("--where", "quality_score >= 0.8"), ["a1", "a5"]),
        (("--where", "quality_score >= 0.8", "--checked"), ["a1", "a5"]),
        (("--tag", "blue", "--tag", "deep"), ["a1"]),
        (("--domain", "city", "--from", "0.1"), ["a5"]),
        (("--source", "sky"), ["a4"]),
        (("--below", "0.45"), ["a2", "a6"]),
        (("--words", "of the se"), ["p"]),
        (("--kind", "frame", "--kind", "poem"), ["f", "p"]),
        (("analogies", "--sort", "quality", "--limit", "2"), ["a1", "a5"]),
        (("analogies", "--sort", "quality", "--reverse", "--limit", "2", "--from", "0.1"), ["a6", "a2"]),
        (("analogies", "--sort", "key", "--limit", "2"), ["a1", "a2"]),
        (("analogies", "--reverse", "--limit", "2"), ["odd", "a6"]),
        (("analogies", "--limit", "2"), ["a1", "a2"]),
        (("analogies", "--checked", "--limit", "2"), ["a1", "a2"]),
        (("analogies", "--limit", "0"), []),
    ],
)
def test_every_criterion_counts(full: Path, run: Run, words: tuple[str, ...], ids: list[str]) -> None:
    ran = run("--json", "query", *words)
    assert ran.code == 0
    assert lines(ran.out) == ids
    if "--limit" not in words:
        assert run("--json", "query", *words, "--count").document == {"count": len(ids)}


def test_created_between_instants_with_zones(folder: Path, run: Run) -> None:
    for number, at in enumerate(
        ["2026-01-01T00:30:00+02:00", "2025-12-31T23:00:00Z", "2026-01-01T00:00:01Z"]
    ):
        put(folder, analogy(number, "a", "b", 0.5) | {"created_at": at})
    ran = run(
        "--json",
        "query",
        "--created-after",
        "2025-12-31T23:30:00+01:00",
        "--created-before",
        "2026-01-01T00:00:00Z",
    )
    assert lines(ran.out) == ["a1"]
    assert "no zone" in run("query", "--created-after", "2026-01-01T00:00").err


def test_the_table_is_for_people_and_says_what_is_left_out(full: Path, run: Run) -> None:
    ran = run("query", "analogies", "--limit", "2")
    assert ran.out.splitlines()[0].split("  ")[0] == "analogy:odd" or "analogy:odd" in ran.out
    assert "\x1b" not in ran.out
    assert "2 of 7" in ran.err
    assert "sea → sky" in run("query", "--tag", "deep").out
    assert run("query", "--tag", "nothing").out == "No record meets these criteria.\n"


def test_collections_are_listed_where_nothing_is_asked(full: Path, run: Run) -> None:
    found = {one["collection"]: one["records"] for one in run("--json", "query").document["collections"]}
    assert found == {"analogies": 7, "frames": 1, "others": 1}
    assert "analogies  7" in run("query").out


def test_deleted_records_show_what_they_were(full: Path, run: Run) -> None:
    with open_store(full) as store:
        writing.write(
            store, "default", lambda _: Plan("knowledge.delete", "Delete", [Edit("delete", "frame:f")])
        )
    assert lines(run("--json", "query", "--deleted").out) == ["f"]
    assert "(deleted)" in run("query", "--deleted").out
    assert run("--json", "query", "frames").out == ""


def test_a_file_is_written_whole_and_replaced_only_when_asked(full: Path, run: Run, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    assert run("--json", "query", "analogies", "-o", str(target)).document["records"] == 7
    assert target.read_bytes().endswith(ODD + b"\n")
    ran = run("query", "frames", "-o", str(target))
    assert ran.code == 4
    assert "--force" in ran.err
    assert run("query", "frames", "-o", str(target), "--force").code == 0
    assert target.read_bytes() == b'{"type":"frame","id":"f","name":"Motion"}\n'


def test_damage_ends_an_export_and_leaves_no_half_file(full: Path, run: Run, tmp_path: Path) -> None:
    run("query")
    path = full / ".journal" / "default" / "knowledge.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Motion", b"Potion"))
    target = tmp_path / "out.jsonl"
    ran = run("query", "all", "-o", str(target))
    assert ran.code == 8
    assert "line 8" in ran.err
    assert not target.exists()


def test_what_cannot_be_understood_is_refused(full: Path, run: Run) -> None:
    for words in (
        ("birds",),
        ("analogies", "--kind", "frame"),
        ("--where", "quality_score >>= 1"),
        ("others", "--where", "(a = 1"),
        ("analogies", "--checked", "--sort", "key"),
        ("analogies", "--checked", "--deleted"),
        ("--below", "7"),
    ):
        ran = run("query", *words)
        assert ran.code == 2, words
        assert "Traceback" not in ran.err
    assert run("--context", "nowhere", "query").code == 3


def test_a_real_file_comes_out_as_it_went_in(folder: Path, run: Run, tmp_path: Path) -> None:
    source = SAMPLES / "analogies.v40.jsonl"
    assert run("batch", "import", str(source)).code == 0
    run("query", "analogies", "-o", str(tmp_path / "out.jsonl"))
    assert (tmp_path / "out.jsonl").read_bytes() == source.read_bytes()


# -- domains ---------------------------------------------------------------------------------------


def test_domains_with_their_counts(full: Path, run: Run) -> None:
    found = run("--json", "domains").document
    assert found["domains"] == [
        {"name": "sea", "source": 5, "target": 1},
        {"name": "sky", "source": 1, "target": 3},
        {"name": "city", "source": 0, "target": 1},
    ]
    assert found["without_domains"]["analogies"] == 2
    assert "2 analogies name no domains" in run("domains").out
    assert [one["name"] for one in run("--json", "domains", "list", "city").document["domains"]] == ["city"]


def test_pairs_go_one_way_with_mean_and_best_quality(full: Path, run: Run) -> None:
    found = run("--json", "domains", "pairs").document["pairs"]
    assert found[0] == {
        "source": "sea",
        "target": "sky",
        "analogies": 3,
        "mean": pytest.approx(0.65),
        "best": 0.9,
    }
    assert [(one["source"], one["target"]) for one in found[1:]] == [("sea", "city"), ("sky", "sea")]
    assert len(run("--json", "domains", "pairs", "city").document["pairs"]) == 1
    assert len(run("--json", "domains", "pairs", "sea", "sky").document["pairs"]) == 2
    assert run("--json", "domains", "pairs", "city", "sky").document["pairs"] == []
    assert run("--json", "domains", "pairs", "nowhere").document["pairs"] == []
    assert "mean quality" in run("domains", "pairs").out


def test_the_best_of_each_pair(full: Path, run: Run) -> None:
    found = run("--json", "domains", "best", "--per", "2").document["best"]
    assert [[one["key"] for one in pair["best_analogies"]] for pair in found] == [
        ["analogy:a1", "analogy:a2"],
        ["analogy:a5"],
        ["analogy:a4"],
    ]
    found = run("--json", "domains", "best", "--limit", "1", "--per", "5").document["best"]
    assert [one["key"] for one in found[0]["best_analogies"]] == ["analogy:a1", "analogy:a2", "analogy:a3"]


def test_of_equally_good_analogies_the_older_comes_first(folder: Path, run: Run) -> None:
    put(folder, analogy(1, "a", "b", None), *(analogy(number, "a", "b", 0.5) for number in (2, 3, 4)))
    found = run("--json", "domains", "best", "--per", "9").document["best"]
    assert [one["key"] for one in found[0]["best_analogies"]] == [
        f"analogy:a{number}" for number in (2, 3, 4, 1)
    ]


def test_tags_that_domains_share(full: Path, run: Run) -> None:
    found = run("--json", "domains", "shared").document["shared"]
    assert found[0] == {"tag": "blue", "analogies": 3, "domains": {"sea": 3, "sky": 2, "city": 1}}
    assert found[1] == {"tag": "deep", "analogies": 1, "domains": {"sea": 1, "sky": 1}}
    assert len(found) == 2, "a tag of one domain is shared with none"
    assert [one["tag"] for one in run("--json", "domains", "shared", "city").document["shared"]] == ["blue"]


def test_deleted_analogies_and_other_contexts_do_not_count(full: Path, run: Run) -> None:
    with open_store(full) as store:
        store.contexts.create("work")
        gone = [Edit("delete", f"analogy:a{number}") for number in (1, 2, 3)]
        writing.write(store, "default", lambda _: Plan("knowledge.delete", "Delete", gone))
    put(full, analogy(9, "sea", "sky", 0.3), context="work")
    found = run("--json", "domains", "pairs").document["pairs"]
    assert {(one["source"], one["target"]): one["analogies"] for one in found} == {
        ("sea", "sky"): 1,
        ("sea", "city"): 1,
        ("sky", "sea"): 1,
    }
    assert len(run("--context", "work", "--json", "domains", "pairs").document["pairs"]) == 1


def test_without_domains_concepts_are_what_is_likened(folder: Path, run: Run) -> None:
    put(
        folder,
        {
            "type": "analogy",
            "id": "1",
            "source_pair": ["knight", "sword"],
            "target_pair": ["wizard", "staff"],
        },
        {"type": "analogy", "id": "2", "source_concept": "knight", "target_concept": "wizard"},
        {"type": "analogy", "id": "3", "text": "no more than that"},
    )
    found = run("--json", "domains", "pairs").document["without_domains"]
    assert found == {
        "analogies": 3,
        "read": 3,
        "concept_pairs": [
            {"source": "knight", "target": "wizard", "analogies": 2},
            {"source": "sword", "target": "staff", "analogies": 1},
        ],
    }
    assert "3 analogies name no domains: by their concepts" in run("domains", "pairs").out


def test_limits_that_make_no_sense(full: Path, run: Run) -> None:
    assert run("domains", "best", "--per", "0").code == 2
    assert run("domains", "--limit", "-1").code == 2
