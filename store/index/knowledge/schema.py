"""What the database of knowledge is made of."""

from __future__ import annotations

from store.index.knowledge.keys import TEMPORARY
from store.index.schema import Schema

KNOWLEDGE = Schema(
    "knowledge",
    "1",
    "store.index.knowledge",
    (
        # Neither texts nor positions of words are kept: the records are in the journal. No stemming, so that
        # half a word finds the whole.
        "CREATE VIRTUAL TABLE words USING fts5(text, content='', detail=none, columnsize=0,"
        " tokenize='unicode61 remove_diacritics 2')",
    ),
    TEMPORARY,
    undo="MEMORY",
)
