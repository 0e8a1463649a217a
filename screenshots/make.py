"""Make the pictures of README from the real app on the demo store: `make screenshots`.

Each picture is the app at one size after some keys, as SVG and, where cairo is installed, as
PNG. The day is fixed, so that two runs make the same pictures.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
NOW = "2026-11-21T09:00:00Z"


class Picture(NamedTuple):
    """One picture: how large the terminal is and what is typed."""

    name: str
    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    theme: str = ""
    before: Callable[[Path], None] | None = None
    """What happens to the store first."""


def rewritten(root: Path) -> None:
    """Another program changes wordings and a due date in a file it read before we changed them."""
    from store import charts, open_store

    with open_store(root) as store:
        store.settle()
        path = store.layout.chart_file("work")
        theirs = path.read_text(encoding="utf-8")
        with store.snapshot() as snap:
            rows = [row for row in snap.rows(snap.roots(["work"])) if row is not None]
            chart = next(row for row in rows if row.title.startswith("Version 2"))
            steps = list(snap.steps("work", chart.chart_id))
        for step in steps[:2]:
            store.run("work", charts.edit_text, step.name, f"{step.title}, with Ben")
            theirs = theirs.replace(f'"{step.title}"', f'"{step.title}, once more"')
        store.settle()
        path.write_text(theirs, encoding="utf-8")
        store.absorb(at_rest=True)
        store.settle()


PICTURES = (
    Picture("main-120x40", (120, 40), ("G", "l", "j")),
    Picture("main-80x24", (80, 24), ("G", "l")),
    Picture("main-200x60", (200, 60), ("j", "j", "z", "R")),
    Picture("light-120x40", (120, 40), ("j", "j", "l"), "light"),
    Picture("filter-120x40", (120, 40), ("slash", *"vers")),
    Picture("new-chart-120x40", (120, 40), ("C", *"Fix the squeaking door")),
    Picture("help-120x40", (120, 40), ("question_mark",)),
    Picture("activity-120x40", (120, 40), ("g", "a")),
    Picture("backups-120x40", (120, 40), ("f7", "x", "f7", "g", "b", "d")),
    Picture("conflicts-120x40", (120, 40), ("g", "x"), before=rewritten),
    Picture("library-120x40", (120, 40), ("g", "l", "1", "slash", *"time", "enter", "j", "j")),
    Picture("workflows-120x40", (120, 40), ("g", "w", "enter")),
    Picture("rejects-120x40", (120, 40), ("g", "w", "e")),
    Picture("similar-120x40", (120, 40), ("g", "l", "1", "j", "s")),
)


async def take(picture: Picture, store: Path) -> None:
    """Run the app, type, and write the picture."""
    from tui import themes
    from tui.__main__ import Wanted
    from tui.app import ChartkeepApp
    from tui.boot import Boot

    boot = Boot(Wanted(path=str(store)))
    boot.run()
    app = ChartkeepApp(boot)
    async with app.run_test(size=picture.size, notifications=False) as pilot:
        await settle(app, pilot)
        if picture.theme:
            app.theme = themes.choose(picture.theme)
        for key in picture.keys:
            await pilot.press(key)
            await settle(app, pilot)
        await settle(app, pilot)
        svg = plain(app.export_screenshot(title="chartkeep"))
    path = HERE / f"{picture.name}.svg"
    path.write_text(svg, encoding="utf-8")
    print(path.name, to_png(path))


def plain(svg: str) -> str:
    """The picture with every blank kept, and fonts of the viewer's own system, none fetched from elsewhere."""
    svg = svg.replace("<text ", '<text xml:space="preserve" ')
    svg = re.sub(r"@font-face\s*{[^}]*}", "", svg)
    return re.sub(
        r"font-family: [^;]*;", "font-family: 'DejaVu Sans Mono', 'Liberation Mono', monospace;", svg
    )


async def settle(app, pilot) -> None:  # type: ignore[no-untyped-def]
    """Wait until no thread of the app has anything left to do."""
    for _ in range(100):
        await pilot.pause(0.03)
        store = app.boot.store
        background = store.background if store is not None else None
        if app.bridge.idle and (background is None or background.idle):
            await pilot.pause(0.1)
            return


def to_png(path: Path) -> str:
    """Turn an SVG into a PNG beside it; says so where the system has nothing to do it with."""
    target = path.with_suffix(".png")
    if tool := shutil.which("rsvg-convert"):  # looks for each letter in another font where one lacks it
        subprocess.run([tool, str(path), "-o", str(target)], check=True)
        return target.name
    try:
        import cairosvg
    except (ImportError, OSError) as error:
        return f"(no PNG: {error})"
    cairosvg.svg2png(url=str(path), write_to=str(target), scale=1.0)
    return target.name


def main() -> int:
    """Make all pictures, or those named."""
    os.environ["CHARTKEEP_NOW"] = NOW
    os.environ["CHARTKEEP_BY"] = "ada@home"
    for name in ("SSH_CONNECTION", "SSH_TTY", "NO_COLOR", "COLORFGBG"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for name in ("STATE", "DATA", "CACHE", "CONFIG"):
            os.environ[f"XDG_{name}_HOME"] = str(Path(folder) / name.lower())
        from store.demo import make_demo

        wanted = sys.argv[1:]
        for picture in PICTURES:
            if not wanted or picture.name in wanted:
                store = make_demo(Path(folder) / picture.name / "demo" / ".coaia")
                if picture.before is not None:
                    picture.before(store)
                asyncio.run(take(picture, store))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
