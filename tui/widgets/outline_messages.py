"""What the outline says to its pane. They are reached as `Outline.CursorMoved` and so on."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.message import Message

from tui.widgets.outline_model import Key

if TYPE_CHECKING:
    from tui.widgets.outline import Outline
    from tui.widgets.outline_core import OutlineCore


class OutlineMessage(Message):
    """A message about one outline."""

    def __init__(self, outline: OutlineCore) -> None:
        super().__init__()
        self.outline = cast("Outline", outline)

    @property
    def control(self) -> Outline:
        """The outline it came from, for `@on(…, selector)`."""
        return self.outline


class CursorMoved(OutlineMessage, namespace="outline"):
    """The cursor stands on another row. `repeat`: a key is being held, so slow followers may wait."""

    def __init__(self, outline: OutlineCore, key: Key | None, repeat: bool) -> None:
        super().__init__(outline)
        self.key = key
        self.repeat = repeat

    def can_replace(self, message: Message) -> bool:
        """A newer move makes an older one, not yet handled, pointless."""
        return isinstance(message, CursorMoved) and message.outline is self.outline


class Activated(OutlineMessage, namespace="outline"):
    """Enter or a double click on a row."""

    def __init__(self, outline: OutlineCore, key: Key) -> None:
        super().__init__(outline)
        self.key = key


class NeedRows(OutlineMessage, namespace="outline"):
    """Rows `ids` are on screen or near it and not known: answer with `supply(ids, rows)`.

    lo, hi: the same window as positions among the top rows, for answers by position.
    """

    def __init__(self, outline: OutlineCore, lo: int, hi: int, ids: tuple[int, ...]) -> None:
        super().__init__(outline)
        self.lo = lo
        self.hi = hi
        self.ids = ids


class FoldRequested(OutlineMessage, namespace="outline"):
    """A row is to be unfolded: answer with `unfold(key, children)`. Folding needs no answer."""

    def __init__(self, outline: OutlineCore, key: Key) -> None:
        super().__init__(outline)
        self.key = key


class FoldAllRequested(OutlineMessage, namespace="outline"):
    """Everything is to be unfolded: answer with `unfold_many`."""


class Folded(OutlineMessage, namespace="outline"):
    """Something was folded or unfolded: `open_keys` differ, and may be kept in the session state."""


class SelectionChanged(OutlineMessage, namespace="outline"):
    """Other rows are selected now."""
