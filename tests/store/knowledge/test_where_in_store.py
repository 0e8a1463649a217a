"""Conditions asked of a store mean what they mean of a record, whatever of them the index answers."""

from __future__ import annotations

import itertools
from typing import Any

import orjson
import pytest

from store.knowledge import writing
from store.knowledge.criteria import criteria
from store.knowledge.where import parse
from store.model import Edit, Plan
from store.store import Store

RECORDS: list[dict[str, Any]] = [
    {"type": kind, "id": f"{kind}{n}", **members}
    for kind in ("analogy", "concept", "rumour")
    for n, members in enumerate(
        [
            {},
            {"quality_score": 0.8, "name": "Bank", "source_domain": "a", "target_domain": "b", "tags": ["x"]},
            {
                "quality_score": 1,
                "name": "bank",
                "source_domain": "b",
                "tags": ["x", "y"],
                "metadata": {"lang": "en"},
            },
            {"quality_score": "high", "name": "", "source_domain": None, "tags": []},
            {"quality_score": 0.7999999, "confidence": 0.9, "name": "Ünï “q” 'r'", "tags": ["X", "x y"]},
            {
                "quality_score": 0,
                "name": "Bank",
                "target_domain": "b" * 3000,
                "tags": ["y"],
                "deep": [{"a": 1}],
            },
        ]
    )
    if kind != "analogy" or members.get("quality_score") != "high"
]
ATOMS = [
    "quality_score >= 0.8",
    "quality_score < 0.8",
    "quality_score = 1",
    "quality_score != 0",
    "exists quality_score",
    "confidence > 0.5",
    'name = "Bank"',
    'name != "Bank"',
    "name = ''",
    "name = \"Ünï “q” 'r'\"",
    'name in ("bank", "Bank")',
    'name > "B"',
    "missing name",
    'source_domain = "b"',
    'source_domain != "b"',
    f'target_domain = "{"b" * 3000}"',
    'tags has "x"',
    'tags has "x y"',
    'tags has "nowhere"',
    'metadata.lang = "en"',
    "deep.a = 1",
    'type = "concept"',
]


@pytest.fixture
def full(store: Store) -> Store:
    edits = [Edit("put", f"{one['type']}:{one['id']}", None, orjson.dumps(one)) for one in RECORDS]
    writing.write(store, "default", lambda _view: Plan("test", "Test", edits))
    return store


def test_the_store_answers_as_the_records_do(full: Store) -> None:
    pairs = [
        f"({a}) {op} not ({b})"
        for (a, b), op in zip(itertools.combinations(ATOMS, 2), itertools.cycle(("and", "or")))
    ]
    for text, kind in itertools.product(
        [*ATOMS, *(f"not {one}" for one in ATOMS), *pairs], (None, "analogy")
    ):
        wanted = criteria(where=text, kinds=[kind] if kind else []).filter
        found = {row.key for row in full.library.rows(wanted)}
        holds = parse(text).test
        expected = {
            f"{one['type']}:{one['id']}" for one in RECORDS if holds(one) and kind in (None, one["type"])
        }
        assert found == expected, (text, kind)
        assert full.library.count(wanted) == len(expected)
