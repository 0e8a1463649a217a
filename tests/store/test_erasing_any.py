"""Whatever was done to a store before: erasing takes what it is told, and all else is as it was."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import charts, init_store, open_store
from store.errors import ChartkeepError
from store.store import Store
from store.upkeep.retention.erasing import What, erase
from tests.store.test_erasing import compacted, errors, versions
from tests.stores import chart, live

EXAMPLES = 150 if os.environ.get("CHARTKEEP_FAULTS") == "full" else 4
CONTEXTS = ("default", "work")
DEEDS = st.lists(
    st.tuples(
        st.sampled_from(
            ["chart", "fact", "reword", "done", "sub", "remove", "undo", "redo", "move", "compact", "publish"]
        ),
        st.integers(0, 7),
    ),
    min_size=4,
    max_size=14,
)


def done(store: Store, deed: str, number: int, names: list[str]) -> None:
    """Do one thing, to one of the charts there were; what is refused does not happen."""
    name = names[number % len(names)]
    with store.snapshot() as snap:
        home = next((context for context in CONTEXTS if snap.chart(context, name)), "default")
    other = CONTEXTS[home == "default"]
    made: Any = None
    try:
        match deed:
            case "chart":
                names.append(chart(store, f"Outcome {len(names)}", "One", "Two"))
            case "fact":
                store.run(home, charts.add_fact, name, f"Fact {number}")
            case "reword":
                store.run(home, charts.edit_text, f"{name}_action_1", f"Words {number}")
            case "done":
                store.run(home, charts.complete, f"{name}_action_1")
            case "sub":
                made = store.run(home, charts.add_step, name, "Below", as_chart=True, reality=["r"])
            case "remove":
                store.run(home, charts.remove, name)
            case "undo":
                store.undo()
            case "redo":
                store.redo()
            case "move":
                store.move(home, [name], other)
            case "compact":
                compacted(store, home)
            case "publish":
                store.publish(home)
    except ChartkeepError:
        return
    if made is not None and made.focus is not None:
        names.append(made.focus)


def told(store: Store, context: str) -> dict[tuple[Any, ...], Any]:
    """What each version's transaction says of itself, and of the one that took it back, by version."""
    found: dict[tuple[Any, ...], Any] = {}
    with store.snapshot() as snap:
        rows = snap.transactions([context], limit=1000)
        named = {row.tx: (row.command, row.label, row.at) for row in rows}
        for row in rows:
            for version in snap.tx_versions(context, row.tx):
                undone = named.get(row.undone_by) if row.undone_by else None
                undoes = named.get(row.undoes, "gone") if row.undoes else None
                found[version.key, version.ver] = (row.by, row.session, row.at, named[row.tx], undone, undoes)
    return found


@pytest.mark.parametrize("mode", ["chart", "deleted", "superseded"])
@settings(max_examples=EXAMPLES)
@given(deeds=DEEDS, pick=st.integers(0, 7))
def test_all_else_is_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, mode: str, deeds: list[tuple[str, int]], pick: int
) -> None:
    folder = init_store(tmp_path_factory.mktemp("any") / ".coaia")
    with open_store(folder) as store:
        store.contexts.create("work")
        names = [chart(store, "First", "One", "Two")]
        for deed, number in deeds:
            done(store, deed, number, names)
        store.settle()
        before = {context: versions(store, context) for context in CONTEXTS if there(store, context)}
        state = {context: live(store, context) for context in before}
        said = {context: told(store, context) for context in before}
        chosen = names[pick % len(names)]
        what = {
            "chart": What(charts=tuple((c, chosen) for c in before if has(before[c], chosen))[:1]),
            "deleted": What(deleted=True),
            "superseded": What(superseded=True),
        }[mode]
        erase(store, what)
        for context, past in before.items():
            same(store, context, past, state[context], said[context], chosen, mode)
        assert errors(store) == []
        if mode != "chart":
            assert erase(store, what).versions == 0
        files = {context: store.layout.chart_file(context).read_bytes() for context in before}
        store.rebuild()
        store.settle()
        assert {context: store.layout.chart_file(context).read_bytes() for context in before} == files
        assert [item for item in store.absorb() if item] == []


def there(store: Store, context: str) -> bool:
    return store.layout.journal(context).exists()


def has(past: dict[tuple[str, int], Any], chart_id: str) -> bool:
    return any(chart_id in key for key, _ in past)


def same(store: Store, context: str, past: Any, state: Any, said: Any, chosen: str, mode: str) -> None:
    """Versions that stay are the same to the byte, with the same transaction but for one that lost lines."""
    now, tells = versions(store, context), told(store, context)
    newest = {key: max(ver for name, ver in past if name == key) for key, _ in past}
    for (key, ver), value in past.items():
        deleted = past[key, newest[key]][0] == "delete"
        goes = {
            "chart": chosen in key,
            "deleted": deleted,
            "superseded": ver < newest[key],
        }[mode]
        if mode == "chart" and (key, ver) not in now:
            continue  # what was below goes as well, and a live copy elsewhere stays
        if goes and (key, ver) in now:
            assert mode == "chart" or now[key, ver][3] is None, "it only keeps the place"
        elif not goes:
            assert now[key, ver] == value
            if (key, ver) in said and tells[key, ver][3][0] != "erased":
                assert tells[key, ver][:3] == said[key, ver][:3]
                (command, label, at), was = tells[key, ver][3], said[key, ver][3]
                assert (command, at) == (was[0], was[2])
                assert label == was[1] or (label == "(erased)" and mode == "superseded")
                # A transaction that names another names the same one, where that is there still.
                undoes = tells[key, ver][5]
                assert undoes in (said[key, ver][5], "gone") or undoes[0] == "erased"
    alive = live(store, context)
    if mode == "chart":
        assert all(value == state[key] for key, value in alive.items())
    else:
        assert alive == state
