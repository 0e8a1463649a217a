"""Every text has the width it is said to have, whatever a file brought."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.widgets.cells import clean, clean_lines, cut, fit, fit_right, wrap

TEXTS = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("漢字🙂👩\u200d👧e\u0301\ufe0f\u202eא\x1b\t\n\ud800🇩🇪☎ 　"),
    ),
    max_size=40,
)


@given(TEXTS, st.integers(0, 30))
def test_fit_is_exact(text: str, width: int) -> None:
    assert cell_len(fit(clean(text), width)) == width
    assert cell_len(fit_right(clean(text), width)) == width


@given(TEXTS, st.integers(0, 30))
def test_cut_never_exceeds(text: str, width: int) -> None:
    text = clean(text)
    assert cell_len(cut(text, width)) <= width
    if cell_len(text) <= width:
        assert cut(text, width) == text


@given(TEXTS, st.integers(2, 30))
def test_wrap_keeps_every_word_and_the_width(text: str, width: int) -> None:
    text = clean(text)
    lines = wrap(text, width)
    assert lines
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(TEXTS)
def test_clean_leaves_nothing_that_moves_cells(text: str) -> None:
    done = clean(text)
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in done)
    assert not any(c in done for c in "\u200d\ufe0f\u202e\u2066")
    assert clean(done) == done
    done.encode()


def test_escape_sequences_leave_with_what_they_say() -> None:
    assert clean("\x1b[31mred\x1b[0m \x1b]0;title\x07end") == "red end"


def test_lines_are_kept_apart() -> None:
    assert clean_lines("a\r\nb\nc") == ["a", "b", "c"]
