"""A terminal shows the same after a thrifty update as after Textual's own, for fewer bytes."""

from __future__ import annotations

import pyte
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate
from textual.app import App
from textual.screen import Screen
from textual.strip import Strip

from tui.widgets.thrift import ThriftyCompositor, ThriftyUpdate, economise, switch

WIDTH, CUT = 30, 17
STYLES = st.builds(
    Style,
    color=st.sampled_from([None, "red", "#123456", "default"]),
    bgcolor=st.sampled_from([None, "blue", "#654321"]),
    bold=st.sampled_from([None, True, False]),
    italic=st.sampled_from([None, True]),
    underline=st.sampled_from([None, True]),
    reverse=st.sampled_from([None, True]),
)


@st.composite
def strips(draw: st.DrawFn, width: int) -> Strip:
    pieces: list[Segment] = []
    left = width
    while left:
        size = draw(st.integers(1, left))
        letters = draw(st.text("ab c", min_size=size, max_size=size))
        pieces.append(Segment(letters, draw(st.one_of(st.none(), STYLES))))
        left -= size
    return Strip(pieces, width)


def screen_after(data: str, before: str) -> list[object]:
    screen = pyte.Screen(WIDTH, 3)
    stream = pyte.Stream(screen)
    stream.feed(before + data)
    return [screen.buffer[y][x] for y in range(3) for x in range(WIDTH)] + [screen.cursor.attrs]


@settings(deadline=None)
@given(st.data())
def test_the_same_screen_for_no_more_bytes(data: st.DataObject) -> None:
    chops = [{0: data.draw(strips(CUT)), CUT: data.draw(strips(WIDTH - CUT))} for _ in range(3)]
    spans = []
    for y in range(3):
        left = data.draw(st.integers(0, WIDTH - 1))
        spans.append((y, left, data.draw(st.integers(left + 1, WIDTH))))
    ends = [[CUT, WIDTH]] * 3
    console = Console(color_system="truecolor", force_terminal=True)
    everything = ChopsUpdate(chops, [(y, 0, WIDTH) for y in range(3)], ends).render_segments(console)
    theirs = ChopsUpdate(chops, spans, ends).render_segments(console)
    ours = ThriftyUpdate(chops, spans, ends).render_segments(console)
    assert len(ours) <= len(theirs)
    # What a span covers is as drawn; what it does not cover is as it was.
    assert screen_after(ours, everything) == screen_after("", everything)
    blank = [*screen_after("", "")]
    after = screen_after(ours, "")
    drawn = screen_after("", everything)
    for y, left, right in spans:
        for x in range(WIDTH):
            cell = after[y * WIDTH + x]
            assert cell == (drawn if left <= x < right else blank)[y * WIDTH + x]


@given(STYLES, STYLES, STYLES)
def test_switching_twice_is_switching_once(a: Style, b: Style, c: Style) -> None:
    system = ColorSystem.TRUECOLOR
    start = switch(Style(), a, system)
    there = start + switch(a, b, system) + switch(b, c, system) + "x"
    direct = switch(Style(), c, system) + "x"
    assert screen_after(there, "")[0] == screen_after(direct, "")[0]
    assert switch(a, a, system) == ""


async def test_a_screen_is_economised_once_and_before_it_is_shown() -> None:
    async with App[None]().run_test() as pilot:
        screen = Screen[object]()
        assert economise(screen)
        assert not economise(screen)
        assert isinstance(screen._compositor, ThriftyCompositor)
        assert not economise(pilot.app.screen)
