"""Sizes of the panes: what folds by itself on small screens, and what the person made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.panes.base import Pane
    from tui.screens.main import MainScreen
    from tui.session import Session

ORDER = ("contexts", "outline", "chart", "workflows", "health")
"""Panes in the order `tab` goes through."""

FOLDING = ("contexts", "workflows", "health")
"""Panes that fold to one line by themselves where the screen is small."""

SMALL = (100, 32)
"""Columns and lines below which they do."""

LIMITS = {"left": (20, 120), "contexts": (2, 40), "status": (3, 40)}


class Sizes:
    """Folds, sizes and zoom of one main screen."""

    def __init__(self, screen: MainScreen) -> None:
        self._screen = screen
        self._folded: dict[str, bool] = {}
        """What the person chose, by pane; the others follow the size of the screen."""
        self._sizes: dict[str, int] = {}
        self._zoomed = ""
        self._zoom_shown = ""

    # -- remembering -------------------------------------------------------------------------------

    def restore(self, session: Session) -> None:
        """Take sizes and folds from the session."""
        for word in session.folded_panes:
            name, _, state = word.partition(":")
            if name in ORDER:
                self._folded[name] = state != "open"
        self._sizes = {name: size for name, size in session.sizes.items() if name in LIMITS}
        self.apply()

    def remember(self, session: Session) -> None:
        """Put sizes and folds into the session."""
        session.folded_panes = [
            f"{name}:{'folded' if fold else 'open'}" for name, fold in self._folded.items()
        ]
        session.sizes = dict(self._sizes)

    # -- applying ----------------------------------------------------------------------------------

    def _small(self) -> bool:
        width, height = self._screen.size
        return width < SMALL[0] or height < SMALL[1]

    def folded(self, name: str) -> bool:
        """Whether a pane shows its heading only."""
        return self._folded.get(name, name in FOLDING and self._small())

    def usable(self, name: str) -> bool:
        """Whether a pane can take the focus as it is."""
        return not self.folded(name) and (not self._zoomed or name == self._zoomed)

    def apply(self) -> None:
        """Bring the screen to what is set."""
        screen = self._screen
        for name, pane in screen.panes().items():
            if pane.folded != self.folded(name):
                pane.folded = self.folded(name)
        left, status = screen.left, screen.status
        status.set_class(self.folded("workflows") and self.folded("health"), "-folded")
        if "left" in self._sizes and not self._zoomed:
            left.styles.width = max(LIMITS["left"][0], min(self._sizes["left"], screen.size.width - 24))
        elif left.styles.inline.has_rule("width"):
            left.styles.clear_rule("width")
            left.refresh(layout=True)
        self._height("contexts", screen.contexts)
        if "status" in self._sizes and not self._zoomed and not status.has_class("-folded"):
            status.styles.height = min(self._sizes["status"], max(3, screen.size.height - 10))
        elif status.styles.inline.has_rule("height"):
            status.styles.clear_rule("height")
            status.refresh(layout=True)
        self._apply_zoom()

    def fit_contexts(self) -> None:
        """Make the contexts pane as high as its rows, at most a third of the screen; the hierarchy has the rest."""
        self._height("contexts", self._screen.contexts)

    def _own_height(self, name: str) -> int | None:
        """Lines a pane has where nobody chose: None leaves it to the style sheet."""
        rows = len(self._screen.contexts.list.items)
        if name != "contexts" or not rows:
            return None
        return max(3, min(rows + 1, self._screen.size.height // 3))

    def _height(self, name: str, pane: Pane) -> None:
        lines = self._sizes.get(name) or self._own_height(name)
        if lines is not None and not self._zoomed and not pane.folded:
            lines = min(lines, max(2, self._screen.size.height - 8))
            if pane.styles.height is None or pane.styles.height.value != lines:
                pane.styles.height = lines
        elif pane.styles.inline.has_rule("height"):
            pane.styles.clear_rule("height")
            pane.refresh(layout=True)

    def _apply_zoom(self) -> None:
        screen, zoomed = self._screen, self._zoomed
        if zoomed == self._zoom_shown:
            return
        self._zoom_shown = zoomed
        panes = screen.panes()
        for name, pane in panes.items():
            pane.display = not zoomed or name == zoomed
        screen.left.display = not zoomed or zoomed in ("contexts", "outline")
        screen.right.display = not zoomed or zoomed in ("chart", "workflows", "health")
        screen.status.display = not zoomed or zoomed in ("workflows", "health")
        screen.set_class(bool(zoomed), "-zoomed")

    # -- what the person does ----------------------------------------------------------------------

    def toggle_fold(self, name: str) -> None:
        """Fold a pane to its heading, or unfold it; the keyboard goes to the hierarchy."""
        if name in ("", "outline"):
            self._screen.desk.say("The hierarchy stays open; fold another pane, or zoom with _.")
            return
        self._folded[name] = not self.folded(name)
        self.apply()
        if self._folded[name]:
            self._screen.focus_pane("outline")

    def reveal(self, name: str) -> None:
        """Make a pane visible that is to have the keyboard."""
        changed = False
        if self._zoomed and self._zoomed != name:
            self._zoomed, changed = "", True
        if self.folded(name):
            self._folded[name], changed = False, True
        if changed:
            self.apply()

    def toggle_zoom(self, name: str) -> None:
        """Give a pane the whole screen, or take it back."""
        self._zoomed = "" if self._zoomed else name
        if self._zoomed and self.folded(name):
            self._folded[name] = False
        self.apply()

    def grow_width(self, delta: int) -> None:
        """Make the left column wider."""
        left = self._screen.left
        self._grow("left", left.size.width, delta)

    def grow_height(self, name: str, delta: int) -> None:
        """Make a pane taller; the panes that fill the rest give and take."""
        screen = self._screen
        if name == "contexts":
            self._grow("contexts", screen.contexts.size.height, delta)
        elif name == "outline":
            self._grow("contexts", screen.contexts.size.height, -delta)
        elif name == "chart":
            self._grow("status", screen.status.size.height, -delta)
        else:
            self._grow("status", screen.status.size.height, delta)

    def _grow(self, which: str, present: int, delta: int) -> None:
        low, high = LIMITS[which]
        self._sizes[which] = max(low, min(high, present + delta))
        self.apply()

    def reset(self) -> None:
        """Back to how it was at first."""
        self._sizes.clear()
        self._folded.clear()
        self._zoomed = ""
        self.apply()
