"""The built-in demo store: a handful of charts in three contexts, in every state a chart can be in."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

from store import clock
from store.charts import add_step, complete, create_chart, note, telescope
from store.layout import demo_store
from store.model import DEFAULT
from store.store import Store, init_store, open_store


def make_demo(path: Path | None = None, *, fresh: bool = False) -> Path:
    """Make the demo store at `path` (default: in the user data directory) unless it is there; its folder."""
    root = path or demo_store()
    if fresh and root.exists():
        shutil.rmtree(root)
    if root.exists() and any(root.iterdir()):
        return root
    init_store(root)
    with open_store(root, program="demo") as store:
        for context in ("health", "work"):
            store.contexts.create(context)
        _fill(store)
        store.settle()
    return root


def _fill(store: Store) -> None:
    course = _chart(
        store,
        DEFAULT,
        "I play three Chopin nocturnes from memory for friends",
        ["I can play one nocturne with the score", "I practise twice a week"],
        60,
        [
            "Learn the B-flat minor nocturne by heart",
            "Play it once a week for someone",
            "Choose the other two",
        ],
    )
    _steps_done(store, DEFAULT, course, 1)
    _chart(
        store,
        DEFAULT,
        "The garden gives vegetables from April to October",
        ["Two raised beds lie fallow", "The soil test came back: good"],
        120,
        ["Draw the bed plan", "Order seed", "Build the cold frame", "Sow the first bed"],
    )
    _launch(store)
    _chart(
        store,
        "work",
        "Fix the slow reports",
        ["Month-end reports take 40 minutes"],
        5,
        ["Measure where the time goes", "Cache the ledger totals"],
    )
    finished = _chart(
        store,
        "work",
        "Two colleagues run the release without me",
        ["Only I can release"],
        20,
        ["Write it down", "Let them do one"],
    )
    _steps_done(store, "work", finished, 2)
    store.run("work", complete, finished)
    run = _chart(
        store,
        "health",
        "I run ten kilometres with ease — 十公里 🏃",
        ["I run three kilometres and am out of breath"],
        45,
        ["Run three times a week", "Five kilometres without stopping", "Sign up for the spring run"],
    )
    _steps_done(store, "health", run, 2)


def _launch(store: Store) -> None:
    launch = _chart(
        store,
        "work",
        "Version 2 is in the hands of a thousand happy users",
        ["The beta has 140 users", "Sign-up still needs an invitation"],
        30,
        ["Open sign-up to everyone", "Write the launch story", "Answer every question within a day"],
    )
    first, second, _ = _names(store, "work", launch)
    child = store.run("work", telescope, first, reality=["Invitations are sent by hand"]).focus or ""
    for title in ("Remove the invitation gate", "Watch the load for a week", "Tell the waiting list"):
        store.run("work", add_step, child, title)
    store.run("work", complete, _names(store, "work", child)[0])
    store.run("work", note, second, "Two users agreed to be quoted")
    inner = (
        store.run("work", telescope, _names(store, "work", child)[1], reality=["No dashboard yet"]).focus
        or ""
    )
    store.run("work", add_step, inner, "Graph requests and errors")


def _chart(store: Store, context: str, outcome: str, reality: list[str], days: int, steps: list[str]) -> str:
    due = (clock.today() + timedelta(days=days)).isoformat()
    return store.run(context, create_chart, outcome, reality, due=due, steps=steps).focus or ""


def _names(store: Store, context: str, chart_id: str) -> list[str]:
    with store.snapshot() as snap:
        return [step.name for step in snap.steps(context, chart_id)]


def _steps_done(store: Store, context: str, chart_id: str, count: int) -> None:
    for name in _names(store, context, chart_id)[:count]:
        store.run(context, complete, name)
