"""What tests of backups share: writing one out, settings for a store, and the state a restored one holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from store.layout import Layout
from store.store import Store, open_store
from store.upkeep.backup import Backup, Repository, open_repository
from store.upkeep.backup.drilling import write_out
from tests.stores import live


def settings(store: Store, **values: str) -> None:
    """Write `[backup]` settings, TOML values as text, and have the store read them."""
    lines = [f"{name} = {value}" for name, value in values.items()]
    store.layout.settings.write_text("\n".join(["[backup]", *lines, ""]), encoding="utf-8")
    store._settings = None
    assert store.settings.problems == ()


def out(store: Store, backup: Backup, folder: Path, repository: Repository | None = None) -> Path:
    """The store that a backup holds, written below `folder`."""
    single = store.layout.single
    layout = Layout.of(folder / (single.name if single is not None else ".coaia"))
    with store.jobs.run("backup", "test") as job:
        write_out(repository or open_repository(store), backup, layout, job)
    return layout.single or layout.root


def states(path: Path) -> dict[str, Any]:
    """The live records of every context of a restored store, once it is sound."""
    with open_store(path) as restored:
        for context, family in restored.layout.families():
            assert [
                item for item in restored.journal(context, family).check() if item.severity == "error"
            ] == []
        restored.catch_up()
        return {name: live(restored, name) for name in restored.contexts.names()}


def stored(store: Store) -> dict[str, bytes]:
    """Every file of the store's own repository but locks and logs, by path."""
    top = store.layout.backups
    return {
        path.relative_to(top).as_posix(): path.read_bytes()
        for path in sorted(top.rglob("*"))
        if path.is_file() and path.name not in ("repository.lock", "log.jsonl", "marks.jsonl")
    }
