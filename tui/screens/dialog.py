"""The frame of every dialog and list over the main screen: a title, a body, a line of keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Static

from tui.guard import Guarded
from tui.widgets.cells import clean
from tui.widgets.lines import Lines
from tui.widgets.listing import Item, Listing

if TYPE_CHECKING:
    from tui.app import ChartkeepApp

Result = TypeVar("Result")


class Dialog(Guarded, ModalScreen[Result], Generic[Result]):
    """A box in the middle. Subclasses say in `body` what is in it."""

    CSS_PATH: ClassVar[list[str]] = ["../styles/dialog.tcss"]  # type: ignore[assignment]
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close")]
    TITLE_TEXT = ""
    KEYS_TEXT = "esc closes"

    @property
    def desk(self) -> ChartkeepApp:
        """The app, by its own type."""
        return cast("ChartkeepApp", self.app)

    def title_text(self) -> str:
        """What the dialog is about."""
        return self.TITLE_TEXT

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(clean(self.title_text()), id="dialog-title", markup=False)
            yield from self.body()
            yield Static(self.KEYS_TEXT, id="dialog-keys", markup=False)

    def body(self) -> Sequence[Widget]:
        """The widgets of the dialog."""
        return ()

    def action_close(self) -> None:
        """Close without a result."""
        self.dismiss(None)


class TextDialog(Dialog[Result], Generic[Result]):
    """A dialog around lines to read, with the keys that scroll them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("pagedown,ctrl+f,space", "page(1)", "Page down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("g,home", "top", "First", show=False),
        Binding("G,end", "bottom", "Last", show=False),
        Binding("q", "close", "Close", show=False),
    ]

    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self.lines = lines

    def action_scroll(self, delta: int) -> None:
        """By lines."""
        self.lines.jump(self.lines.top_line + delta)

    def action_page(self, delta: int) -> None:
        """By screens."""
        self.lines.jump(self.lines.top_line + delta * max(1, self.lines.page_lines - 2))

    def action_top(self) -> None:
        """To the first line."""
        self.lines.jump(0)

    def action_bottom(self) -> None:
        """To the last line."""
        self.lines.jump(self.lines.virtual_size.height)


class ListDialog(Dialog[Result], Generic[Result]):
    """A dialog around a list, with the keys lists have; with an input above it where `SEARCH` is set."""

    SEARCH = ""
    """Placeholder of the input; empty for none."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j,ctrl+n", "move(1)", "Down", show=False),
        Binding("up,k,ctrl+p", "move(-1)", "Up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("g,home", "first", "First", show=False),
        Binding("G,end", "last", "Last", show=False),
        Binding("enter", "choose", "Choose", show=False),
        Binding("q", "close", "Close", show=False),
    ]

    def __init__(self, empty: Sequence[str] = ()) -> None:
        super().__init__()
        self.list = Listing(id="dialog-list", empty=empty)

    def body(self) -> Sequence[Widget]:
        if not self.SEARCH:
            return (self.list,)
        entry = Input(placeholder=self.SEARCH, id="dialog-input", compact=True)
        entry.cursor_blink = False
        return (entry, self.list)

    def on_mount(self) -> None:
        """The input has the keyboard where there is one."""
        (self.query_one("#dialog-input") if self.SEARCH else self.list).focus()
        self.start()

    def start(self) -> None:
        """Fill the list."""

    @property
    def chosen(self) -> Item | None:
        """The item under the cursor."""
        return self.list.cursor_item

    def action_move(self, delta: int) -> None:
        """Move the cursor of the list, wherever the keyboard is."""
        self.list.action_move(delta)

    def action_page(self, delta: int) -> None:
        """Move by screens."""
        self.list.action_page(delta)

    def action_first(self) -> None:
        """To the first item."""
        self.list.action_home()

    def action_last(self) -> None:
        """To the last item."""
        self.list.action_end()

    def action_choose(self) -> None:
        """Take the item under the cursor; subclasses say what that means."""

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Enter in the input takes the item under the cursor."""
        message.stop()
        self.action_choose()

    def on_listing_chosen(self, message: Listing.Chosen) -> None:
        """A double click does, too."""
        message.stop()
        self.action_choose()
