"""A list of any length of which only the stretches that were looked at are held."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")
Made = TypeVar("Made")

PAGE = 100
MOST_PAGES = 200
"""Pages held; the ones looked at longest ago go first."""


class Pages(Generic[Value]):
    """Rows by their place in the list; those not fetched yet are None."""

    def __init__(self, count: int = 0) -> None:
        self.count = count
        self._pages: OrderedDict[int, list[Value | None]] = OrderedDict()

    def __len__(self) -> int:
        return self.count

    def get(self, at: int) -> Value | None:
        """The row at a place, where it is held."""
        page = self._pages.get(at // PAGE)
        if page is None or not 0 <= at < self.count:
            return None
        return page[at % PAGE]

    def put(self, first: int, rows: Sequence[Value]) -> None:
        """Hold these rows, the first of which stands at `first`."""
        for at, row in enumerate(rows, first):
            number = at // PAGE
            page = self._pages.get(number)
            if page is None:
                page = self._pages[number] = [None] * PAGE
            page[at % PAGE] = row
            self._pages.move_to_end(number)
        while len(self._pages) > MOST_PAGES:
            self._pages.popitem(last=False)

    def lacks(self, first: int, end: int) -> bool:
        """Whether any row from `first` up to `end` is not held."""
        return any(self.get(at) is None for at in range(max(0, first), min(end, self.count)))

    def held(self) -> Iterator[tuple[int, Value]]:
        """The rows that are held, with their places."""
        for number, page in self._pages.items():
            for at, row in enumerate(page, number * PAGE):
                if row is not None and at < self.count:
                    yield at, row


class Mapped(Sequence[Made], Generic[Value, Made]):
    """Pages as a sequence of what each row is drawn as."""

    def __init__(self, pages: Pages[Value], made: Callable[[Value | None], Made]) -> None:
        self.pages = pages
        self._made = made

    def __len__(self) -> int:
        return self.pages.count

    @overload
    def __getitem__(self, at: int) -> Made: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Made]: ...
    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self._made(self.pages.get(n)) for n in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        return self._made(self.pages.get(at % len(self) if at < 0 else at))
