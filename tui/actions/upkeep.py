"""Recovery, backup, restore, compaction, retention and erasure: what would happen first, then a yes, then the work."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from store.errors import UsageError
from store.upkeep.health.thresholds import size
from tui.actions import handles, targets

if TYPE_CHECKING:
    from store.upkeep.compaction import Saving
    from store.upkeep.recovery.recover import Recovered
    from store.upkeep.retention.erasing import Erased, What
    from store.upkeep.retention.retain import Cut
    from tui.screens.main import MainScreen
    from tui.screens.report import Line


def report(
    screen: MainScreen, title: str, lines: list[Line], yes: str = "", go: Callable[[], None] | None = None
) -> None:
    """Show lines; `go` where the person says yes to them."""
    from tui.screens.report import ReportScreen

    def answered(said: bool | None) -> None:
        if said and go is not None:
            go()

    screen.app.push_screen(ReportScreen(title, lines, yes), answered)


def work(screen: MainScreen, saying: str, task: Callable[[], Any], done: Callable[[Any], None]) -> None:
    """Do something long beside everything else; it shows in workflow status."""
    screen.desk.say(saying)
    screen.desk.bridge.work.ask(task, done)


# -- recovery --------------------------------------------------------------------------------------


@handles("store.recover")
def recover(screen: MainScreen, _times: int | None) -> None:
    """Say what would be brought back, and from where; then do it."""
    from store.upkeep.recovery import recover as recovery

    store = screen.desk.store

    def shown(found: Recovered) -> None:
        if not found.said:
            screen.desk.say("Nothing is damaged and nothing is missing: there is nothing to recover.")
            return
        report(screen, "Recover", _plain(found.lines), "recover it", go)

    def go() -> None:
        work(screen, "Recovering…", lambda: recovery.recover(store), done)

    def done(found: Recovered) -> None:
        screen.desk.findings = found.findings
        screen.reload()
        where: list[Line] = [(f"The log is {found.log}", "muted")] if found.log is not None else []
        report(screen, "Recovered", [*_plain(found.lines), ("", ""), *where])

    work(screen, "Looking for damage…", lambda: recovery.recover(store, dry_run=True), shown)


def _plain(lines: list[str]) -> list[Line]:
    return [(line, "") for line in lines]


# -- backups ---------------------------------------------------------------------------------------


@handles("store.backup")
def backup(screen: MainScreen, _times: int | None) -> None:
    """Back up what changed since the last backup."""
    from tui.screens.backups import taken

    store = screen.desk.store

    def done(said: str) -> None:
        screen.health.refresh_figures()
        screen.desk.say(said)

    work(screen, "Backing up…", lambda: taken(store), done)


@handles("store.backups")
def backups(screen: MainScreen, _times: int | None) -> None:
    """List them."""
    from tui.screens.backups import BackupsScreen

    screen.app.push_screen(BackupsScreen())


@handles("store.restore")
def restore(screen: MainScreen, _times: int | None) -> None:
    """Ask as of when; the charts chosen, else the context, become what they were then."""
    context, names = targets(screen)
    rows = [key for key in screen.outline.targets() if len(key) > 1]
    charts = [key[1] for key in rows] if names else []
    context = context or screen.outline.query_now.context or ""
    if not context:
        screen.desk.say("Which context? Choose one, or a chart, first.")
        return
    count = len(dict.fromkeys(charts))
    what = f"{count} chart{'s' if count != 1 else ''} of {context}" if charts else f"all charts of {context}"

    def go(line: str) -> None:
        _restore(screen, context, list(dict.fromkeys(charts)), _moment(line), line.strip())

    screen.ask(
        f"Restore {what} as of", go, placeholder="yesterday, 2h, 3d ago, 2026-11-01, 14:30", hint=_moment_hint
    )


def _restore(screen: MainScreen, context: str, charts: list[str], at: Any, words: str) -> None:
    from store.upkeep.recovery import restore_knowledge, restore_past

    store = screen.desk.store

    def planned() -> tuple[str, int, int]:
        with restore_past.past_of(store, context, at) as past:
            plan = restore_past.planned(store, context, past, words, charts)
        puts = sum(edit.op == "put" for edit in plan.edits)
        return plan.label, puts, len(plan.edits) - puts

    def ask(found: tuple[str, int, int]) -> None:
        label, puts, gone = found
        if not puts and not gone:
            screen.desk.say("Nothing has changed since then.")
            return
        from tui.screens.confirm import ConfirmScreen

        question = f"{label}? {puts} records are put back, {gone} deleted. Undo takes it back."
        if not charts and restore_knowledge.known(store, context):
            question += (
                f" Knowledge stays: `chartkeep restore --context {context} --at {words}` takes that too."
            )
        screen.app.push_screen(ConfirmScreen(question, "restore"), lambda yes: change() if yes else None)

    def change() -> None:
        def run() -> Any:
            with restore_past.past_of(store, context, at) as past:
                if charts:
                    return restore_past.restore_charts(store, context, charts, past, words)
                return restore_past.restore_context(store, context, past, words)

        screen.desk.change(run)

    screen.desk.bridge.read.ask(planned, ask)


def _moment(line: str) -> Any:
    from store.headless import dates

    return dates.past(line.strip())


def _moment_hint(line: str) -> str:
    if not line.strip():
        return ""
    try:
        return f"{_moment(line).astimezone():%A %d %B %Y, %H:%M}"
    except UsageError as error:
        return str(error)


# -- compaction and retention ----------------------------------------------------------------------


@handles("store.compact")
def compact(screen: MainScreen, _times: int | None) -> None:
    """Say what compaction would save, then do it."""
    from store.upkeep import compaction

    store = screen.desk.store

    def reckoned() -> list[Saving]:
        places = [place for place in store.layout.families() if place[1] == "charts"]
        return [compaction.estimate(store, *place) for place in places]

    def ask(found: list[Saving]) -> None:
        if not found:
            screen.desk.say("There is no journal yet.")
            return
        lines: list[Line] = [
            (f"{one.context}: {size(one.before)}, {size(one.before - one.after)} of it superseded "
             f"({one.share:.0%})", "" if one.share > 0.1 else "muted")
            for one in sorted(found, key=lambda one: one.after - one.before)
        ]  # fmt: skip
        lines += [
            ("", ""),
            ("The generations that end go to the archive whole: no version is lost.", "muted"),
        ]
        report(screen, "Compact", lines, "compact them", go)

    def go() -> None:
        def run() -> int:
            return sum(
                one.before - one.after for one in (compaction.compact(store, *place) for place in all_of())
            )

        work(screen, "Compacting…", run, done)

    def all_of() -> list[tuple[str, str]]:
        return [place for place in store.layout.families() if place[1] == "charts"]

    def done(saved: int) -> None:
        screen.health.refresh_figures()
        screen.desk.say(f"Compacted: the live journals are {size(max(0, saved))} smaller.")

    work(screen, "Reckoning…", reckoned, ask)


@handles("store.retention")
def retention(screen: MainScreen, _times: int | None) -> None:
    """Say what the rules would put away or forget, then do it."""
    from store.upkeep.retention import retain as rules

    store = screen.desk.store

    def ask(cut: Cut) -> None:
        if cut.empty:
            none = (
                "Nothing is old enough."
                if store.settings.retention
                else "No rule in chartkeep.toml lets anything go."
            )
            screen.desk.say(f"{none} Everything is kept.")
            return
        lines: list[Line] = [(text, "") for part in cut.parts for text in _part(part)]
        report(screen, "Apply retention rules", lines, "apply them", go)

    def go() -> None:
        work(screen, "Applying the rules…", lambda: rules.apply(store, at_once=True), done)

    def done(cut: Cut) -> None:
        screen.reload()
        count = sum(sum(part.forgotten.values()) for part in cut.parts)
        screen.desk.say(f"{count:,} versions are forgotten.")

    work(screen, "Looking at ages…", lambda: rules.apply(store, dry_run=True), ask)


def _part(part: Any) -> list[str]:
    where = f"{part.family} of {part.context}"
    if part.problem:
        return [f"{where}: {part.problem}"]
    lines = [f"{where}: {count:,} versions of {name} forgotten" for name, count in part.forgotten.items()]
    if part.put_away:
        lines.append(f"{where}: {part.put_away:,} lines put away in the archive")
    if part.frozen:
        lines.append(f"{where}: {len(part.frozen)} archives compressed")
    return lines


# -- erasure ---------------------------------------------------------------------------------------


@handles("store.erase")
def erase(screen: MainScreen, _times: int | None) -> None:
    """Ask for the word `erase`, after saying what goes and where else it is."""
    rows = [key for key in screen.outline.targets() if len(key) > 1]
    charts = tuple(dict.fromkeys((key[0], key[1]) for key in rows))
    if not charts:
        screen.desk.say("Erase what? Put the cursor on a chart, or select some.")
        return
    from store.upkeep.retention import erasing

    store, what = screen.desk.store, _what(charts)

    def shown(planned: Erased) -> None:
        if not planned.versions:
            screen.desk.say("There is nothing to erase.")
            return
        report(screen, "Erase for good", _erased(planned), "erase it", lambda: sure(screen, go))

    def go() -> None:
        work(screen, "Erasing…", lambda: erasing.erase(store, what, why="asked for in the UI"), done)

    def done(found: Erased) -> None:
        screen.reload()
        report(screen, "Erased", _erased(found))

    work(screen, "Looking for every copy…", lambda: erasing.erase(store, what, dry_run=True), shown)


def _what(charts: tuple[tuple[str, str], ...]) -> What:
    from store.upkeep.retention.erasing import What

    return What(charts=charts)


def sure(screen: MainScreen, go: Callable[[], None]) -> None:
    """Nothing takes an erasure back: the word has to be typed."""

    def typed(line: str) -> None:
        if line.strip().casefold() != "erase":
            raise UsageError("Type erase to do it, or press Escape: nothing is erased yet.")
        go()

    screen.ask("Nothing brings it back. Type erase", typed, placeholder="erase")


def _erased(found: Erased) -> list[Line]:
    verb = "would be erased" if found.dry_run else "are erased"
    lines: list[Line] = [
        (
            f"{found.versions:,} versions of {found.records:,} records {verb} ({size(found.bytes)}), in",
            "bold",
        ),
        *((f"· {path}", "") for path in found.files[:20]),
    ]
    if found.standing:
        lines += [("", ""), ("Words of it stand in other records too, which stay as they are:", "soon")]
        lines += [(f"· {one.context}: {one.key}", "") for one in found.standing[:20]]
    if found.folders:
        said = "Set aside whole, these may hold it still; `chartkeep erase --everywhere` removes them:"
        lines += [("", ""), (said, "soon"), *((f"· {path}", "") for path in found.folders[:20])]
    if found.backups:
        lines += [
            ("", ""),
            ("These backups hold it still; `chartkeep erase --everywhere` removes them:", "soon"),
        ]
        lines += [
            (f"· {one.at[:16].replace('T', ' ')}  {one.id}  {one.place}", "") for one in found.backups[:20]
        ]
    if found.exports:
        lines += [("", ""), ("These exported files hold it still:", "soon")]
        lines += [(f"· {path}", "") for path in found.exports[:20]]
    if found.unreachable:
        lines += [("", ""), ("Not reached:", "soon"), *((f"· {text}", "") for text in found.unreachable)]
    return lines
