"""Sync, verify, rebuild, import and export: each a job that workflow status shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from store.model import Change, Finding
from tui.actions import handles
from tui.actions.making import context_for_new

if TYPE_CHECKING:
    from tui.screens.main import MainScreen


@handles("store.sync")
def sync(screen: MainScreen, _times: int | None) -> None:
    store = screen.desk.store

    def work() -> list[str]:
        said = [] if store.readonly else store.absorb()
        store.sync()
        if not store.readonly:
            said += [f"published {name}" for name in store.publish()]
        return said

    def done(said: list[str]) -> None:
        screen.reload()
        screen.desk.say("; ".join(said) if said else "In step: nothing new in the files, nothing to publish.")

    screen.desk.bridge.write.ask(work, done)


@handles("store.verify")
def verify(screen: MainScreen, _times: int | None) -> None:
    store = screen.desk.store
    screen.desk.say("Verifying every journal…")

    def done(findings: list[Finding]) -> None:
        screen.desk.findings = findings
        screen.health.refresh_figures()
        if not findings:
            screen.desk.say("Verified: nothing wrong with any journal or chart file.")
            return
        screen.desk.say(f"Verified: {len(findings)} findings.")
        show_findings(screen, findings)

    screen.desk.bridge.work.ask(store.verify, done, name="verify")


def show_findings(screen: MainScreen, findings: list[Finding]) -> None:
    """List what was found."""
    from tui.screens.findings import FindingsScreen

    screen.app.push_screen(FindingsScreen(findings))


@handles("store.rebuild")
def rebuild(screen: MainScreen, _times: int | None) -> None:
    store = screen.desk.store
    screen.desk.say("Rebuilding the index…")

    def done(_: object) -> None:
        screen.reload()
        screen.desk.say("The index is built anew.")

    screen.desk.bridge.work.ask(store.rebuild, done, name="rebuild")


@handles("store.import")
def import_file(screen: MainScreen, _times: int | None) -> None:
    store, context = screen.desk.store, context_for_new(screen)

    def work(path: Path) -> list[Change]:
        return [store.import_file(path, context)]

    def go(line: str) -> None:
        path = Path(line.strip()).expanduser()
        screen.desk.change(lambda: work(path))

    screen.ask(f"Import into {context}", go, placeholder="path of a chart file (JSONL)", hint=_file_hint)


def _file_hint(line: str) -> str:
    path = Path(line.strip()).expanduser()
    if not line.strip() or path.is_file():
        return ""
    return f"{path} is a folder." if path.is_dir() else f"{path} is not there (yet)."


@handles("store.export")
def export(screen: MainScreen, _times: int | None) -> None:
    """Ask for a file; its ending says the format."""
    from tui import exporting

    keys = [screen.outline.chart_of(key)[:2] for key in screen.outline.targets() if len(key) > 1]
    keys = keys if screen.outline.outline.model.selected else []
    query = screen.outline.query_now
    what = f"{len(keys)} charts" if keys else "every chart that is listed"
    store = screen.desk.store

    def go(line: str) -> None:
        path = Path(line.strip()).expanduser()
        screen.desk.bridge.read.ask(
            lambda: exporting.write(store, path, keys, query.context), screen.desk.say
        )

    screen.ask(
        f"Export {what} to", go, placeholder="charts.md, charts.csv, charts.jsonl", hint=exporting.hint
    )


@handles("store.plots")
def plots(screen: MainScreen, _times: int | None) -> None:
    screen.focus_pane("health")
    screen.health.draw()
    if screen.health.narrow:
        zoom = screen.desk.keymap.first("pane.zoom")
        screen.desk.say(f"The pane is too narrow for a plot: {zoom} gives it the whole screen.")
