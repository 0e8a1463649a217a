"""A series drawn as a text plot: the only module that touches plotext, imported when one is first drawn.

It draws when its data or size change and never by the clock. In lean mode, or where there is little room,
a line of figures stands for the plot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tui.widgets.cells import clean, fit
from tui.widgets.lines import Lines, Pieces

SMALLEST = (24, 7)
_SGR = re.compile("\x1b\\[[0-9;]*m")
_BLOCKS = "▁▂▃▄▅▆▇█"
_BLOCKS_ASCII = "_.-=+*#@"


class Series(NamedTuple):
    """Points in time: `labels[i]` (such as a date) and `values[i]`, of one length."""

    title: str
    labels: tuple[str, ...]
    values: tuple[float, ...]
    unit: Callable[[float], str] = "{:,.0f}".format
    """How a value is written."""


class Plot(Lines):
    """Draws one series."""

    def __init__(self, *, id: str | None = None, lean: bool = False, ascii_only: bool = False) -> None:
        """lean: never more than the line of figures, until `lean` is set to False."""
        super().__init__(id=id, ascii_only=ascii_only)
        self._lean = lean
        self._series: Series | None = None

    @property
    def lean(self) -> bool:
        """Whether the plot is left out."""
        return self._lean

    @lean.setter
    def lean(self, lean: bool) -> None:
        if lean != self._lean:
            self._lean = lean
            self.renew()

    def show(self, series: Series | None) -> None:
        """Draw this series; nothing is drawn again for equal data."""
        if series != self._series:
            self._series = series
            self.renew()

    def draw(self, width: int) -> Sequence[Pieces]:
        """The plot, or the line that stands for it."""
        series, height = self._series, self.size.height
        if series is None or not series.values:
            return [((fit("nothing measured yet", width), "muted"),)]
        small = width < SMALLEST[0] or height < SMALLEST[1] or len(series.values) < 2
        if self._lean or small or self.signs.thumb.isascii():
            return [((fit(summary(series, width, self.signs.thumb.isascii()), width), "muted"),)]
        return [((fit(line, width), ""),) for line in plot_lines(series, width, height)]


def summary(series: Series, width: int, ascii_only: bool = False) -> str:
    """A series on one line: title, sparkline, first and last value."""
    low, high = min(series.values), max(series.values)
    ends = f"{series.unit(series.values[0])} to {series.unit(series.values[-1])}"
    if len(series.values) == 1:
        ends = series.unit(series.values[0])
    title = clean(series.title)
    room = min(len(series.values), width - len(title) - len(ends) - 4)
    blocks = _BLOCKS_ASCII if ascii_only else _BLOCKS
    spark = ""
    for i in range(max(0, room)):
        value = series.values[i * len(series.values) // room]
        spark += blocks[int((value - low) / (high - low) * 7) if high > low else 0]
    return "  ".join(filter(None, (title, spark, ends)))


def plot_lines(series: Series, width: int, height: int) -> list[str]:
    """A line plot of `width` by `height` cells, without colours."""
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(width, height)
    plotext.title(clean(series.title))
    places = list(range(len(series.values)))
    plotext.plot(places, list(series.values), marker="braille")
    few = max(2, min(len(places), width // 14))
    ticks = sorted({i * (len(places) - 1) // (few - 1) for i in range(few)})
    plotext.xticks(ticks, [clean(series.labels[i]) for i in ticks])
    low, high = min(series.values), max(series.values)
    levels = [low, (low + high) / 2, high] if high > low else [low]
    plotext.yticks(levels, [series.unit(level) for level in levels])
    text: str = plotext.build()
    return [_SGR.sub("", line) for line in text.splitlines()][:height]
