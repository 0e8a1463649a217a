"""What background threads tell the app. Messages carry plain values and coalesce."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.message import Message


class Answer(Message, bubble=False):
    """A job in a lane has ended well: call `then` with `value`, in the UI's thread."""

    def __init__(self, then: Callable[[Any], None], value: Any) -> None:
        self.then = then
        self.value = value
        super().__init__()


class Failed(Message, bubble=False):
    """A job in a lane has failed."""

    def __init__(
        self, error: Exception, what: str, otherwise: Callable[[Exception], bool] | None = None
    ) -> None:
        self.error = error
        self.what = what
        self.otherwise = otherwise
        """Asked first; True means that it dealt with the error."""
        super().__init__()


class Changed(Message, bubble=False):
    """The store changed, by this process or another. Several make one."""

    def __init__(self, contexts: frozenset[str]) -> None:
        self.contexts = contexts
        super().__init__()

    def can_replace(self, message: Message) -> bool:
        """The later notice stands for the earlier one; contexts of both count."""
        if isinstance(message, Changed) and type(message) is type(self):
            self.contexts |= message.contexts
            return True
        return False


class KnowledgeChanged(Changed, bubble=False):
    """The same of knowledge: records and workflows, not charts."""


class JobsChanged(Message, bubble=False):
    """Background work began, moved on or ended; ask the store for its list."""

    def can_replace(self, message: Message) -> bool:
        """One look at the list serves any number of notices."""
        return isinstance(message, JobsChanged)


class Opened(Message, bubble=False):
    """The boot thread has opened the store, or found why it could not."""
