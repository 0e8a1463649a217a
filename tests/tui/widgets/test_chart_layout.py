"""A chart at any width: every line as wide as asked, every part of it owned by a line."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from store.model import ChartRow, ChartView, Progress, StepRow
from tui.widgets.chart_layout import Element, Look, lay_out

TODAY = date(2026, 11, 21)
LOOK = Look(TODAY)
TEXT = st.text(st.one_of(st.characters(), st.sampled_from("漢字 🙂\u200d\n\t")), max_size=60)
DUE = st.sampled_from([None, "2026-11-20", "2026-11-25", "2027-12-01T00:00:00Z", "some day"])


def chart(title: str = "t", due: str | None = None, *, done: bool = False) -> ChartRow:
    return ChartRow("default", "1", title, due, done, Progress(1, 3), 0, None, None, 3, None, None)


def step(n: int, title: str, due: str | None = None, done: bool = False, child: str | None = None) -> StepRow:
    return StepRow("default", "1", f"s{n}", title, due, done, 1, child, Progress(0, 2), None)


def view(
    outcome: str, steps: tuple[StepRow, ...] = (), reality: tuple[str, ...] = (), **more: object
) -> ChartView:
    return ChartView(chart(outcome, "2026-12-01"), outcome, ("a note",), reality, steps, (), (), **more)  # type: ignore[arg-type]


STEP = st.tuples(TEXT, DUE, st.booleans(), st.sampled_from([None, "c"]))


@given(
    TEXT,
    st.lists(STEP, max_size=5),
    st.lists(TEXT, max_size=4),
    st.integers(1, 90),
    st.booleans(),
    st.integers(0, 40),
)
def test_every_line_is_as_wide_as_asked(
    outcome: str,
    steps: list[tuple[str, str | None, bool, str | None]],
    reality: list[str],
    width: int,
    notes: bool,
    height: int,
) -> None:
    shown = view(
        outcome,
        tuple(step(n, *values) for n, values in enumerate(steps)),
        tuple(reality),
        notes={"s0": ("one", "two")},
        hints=("a hint",),
    )
    laid = lay_out(shown, width, Look(TODAY, notes=notes), height)
    assert len(laid.lines) == len(laid.owners) >= height
    for line in laid.lines:
        assert cell_len("".join(text for text, _ in line)) == max(width, 1)
    wanted = {Element("outcome"), *(Element("step", n) for n in range(len(steps)))}
    wanted |= {Element("fact", n) for n in range(len(reality))}
    assert wanted <= set(laid.elements)
    for element in laid.elements:
        start, end = laid.span(element)
        assert start < end
        assert laid.owners.count(element) == end - start


def texts(shown: ChartView, width: int = 50, height: int = 0, look: Look = LOOK) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in lay_out(shown, width, look, height).lines]


def test_outcome_on_top_reality_at_the_bottom_steps_between_with_dates_at_the_right() -> None:
    shown = view(
        "A garden", (step(0, "Dig", "2026-11-20", True), step(1, "Plant", "2026-11-25")), ("Bare ground",)
    )
    lines = texts(shown, 50, 12)
    assert lines[0].startswith("Desired outcome")
    assert lines[1] == "A garden"
    dig, plant = (next(line for line in lines if word in line) for word in ("Dig", "Plant"))
    assert dig.startswith("✓")
    assert dig.endswith("Nov 20")
    assert plant.startswith("~")
    assert plant.endswith("Nov 25")
    assert len(lines) == 12
    assert lines[-1].endswith("Bare ground")
    assert lines[-2] == "Current reality"


def test_overdue_and_telescoped_are_marked_by_signs() -> None:
    line = next(
        line for line in texts(view("x", (step(0, "Dig", "2026-11-01", child="c"),))) if "Dig" in line
    )
    assert line.startswith("! ▸ Dig")
    assert "0/2" in line


def test_long_reality_shows_its_end_when_asked() -> None:
    lines = texts(view("x", (), tuple(f"fact {n}" for n in range(142))), look=Look(TODAY, facts=3))
    assert lines[-4].strip() == "139 earlier"
    assert lines[-1].endswith("fact 141")


def test_an_empty_chart_says_so() -> None:
    lines = texts(ChartView(chart(""), "", (), (), (), (), ()))
    assert any("no action steps" in line for line in lines)
    assert any("nothing recorded" in line for line in lines)
    assert any("no desired outcome" in line for line in lines)
