"""What the outline shows, without drawing: visible lines over row ids, folds, selection, identity.

Ids are 64-bit integers: those of top rows come from the app (stable while a row lives, such as
index row ids, and not negative); child rows get negative ids here, one per key for good. Rows are
fetched by window and kept by id, so that 100,000 top rows cost 900 kB and no Python object each.

Moving, folding and looking around a line never walk the list in Python: they are slices and
searches of two flat arrays (`ids`, and the depth of each line as a byte).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from tui.widgets.signs import State

Key: TypeAlias = str | tuple[str, ...]

MAX_DEPTH = 250
KEPT_ROWS = 16_384


class Row(NamedTuple):
    """One row as it is drawn. Texts are ready to show; `key` is what outlives a refresh."""

    key: Key
    title: str
    state: State = ""
    problem: bool = False
    progress: str = ""
    due: str = ""
    children: int = 0
    """Rows that unfolding brings; 0 draws no fold mark."""
    bold: bool = False
    dim: bool = False


class OutlineModel:
    """Visible lines, their rows where fetched, what is unfolded and what is selected."""

    def __init__(self) -> None:
        self.ids: array[int] = array("q")
        self.depths = bytearray()
        self.rows: dict[int, Row] = {}
        self.opened: dict[int, Key] = {}
        self.selected: set[int] = set()
        self.stale: set[int] = set()
        self._top: array[int] = array("q")
        self._top_ids: dict[Key, int] = {}
        self._child_ids: dict[Key, int] = {}

    # ------------------------------------------------------------------ reading

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def top_count(self) -> int:
        """Rows at depth 0."""
        return len(self._top)

    def row(self, line: int) -> Row | None:
        """The row on a line; None where there is no such line or it is not fetched."""
        return self.rows.get(self.ids[line]) if 0 <= line < len(self.ids) else None

    def key(self, line: int) -> Key | None:
        """The identity of the row on a line, where known."""
        row = self.row(line)
        return row.key if row else None

    def line_of(self, key: Key) -> int | None:
        """The line a key is visible on, or None. Linear in C (about 1 ms per 100,000 lines)."""
        for known in (self._top_ids, self._child_ids):
            if (row_id := known.get(key)) is not None and (line := self._line(row_id)) is not None:
                return line
        return None

    def _line(self, row_id: int) -> int | None:
        try:
            return self.ids.index(row_id)
        except ValueError:
            return None

    def is_open(self, line: int) -> bool:
        """Whether the row on a line is unfolded."""
        return 0 <= line < len(self.ids) and self.ids[line] in self.opened

    def open_keys(self) -> list[Key]:
        """Keys of all unfolded rows: what a session state keeps."""
        return list(self.opened.values())

    def selected_keys(self) -> list[Key]:
        """Keys of the selected rows, in the order they are shown (those hidden by a fold last)."""
        order = {row_id: line for line, row_id in enumerate(self.ids)} if len(self.selected) > 1 else {}
        ids = sorted(self.selected, key=lambda row_id: order.get(row_id, len(self.ids)))
        return [self.rows[row_id].key for row_id in ids if row_id in self.rows]

    def end_of(self, line: int) -> int:
        """The line after the last descendant of `line`."""
        found = re.compile(b"[\\x00-\\x%02x]" % self.depths[line]).search(self.depths, line + 1)
        return found.start() if found else len(self.depths)

    def parent(self, line: int) -> int | None:
        """The line of the parent, or None for a top row."""
        depth = self.depths[line]
        if not depth:
            return None
        found = self.depths.rfind(bytes((depth - 1,)), 0, line)
        return found if found >= 0 else None

    def sibling(self, line: int, delta: int) -> int | None:
        """The line of the next (1) or previous (-1) row with the same parent, or None."""
        depth = self.depths[line]
        if delta > 0:
            end = self.end_of(line)
            return end if end < len(self.depths) and self.depths[end] == depth else None
        above = self.parent(line)
        found = self.depths.rfind(bytes((depth,)), 0 if above is None else above + 1, line)
        return found if found >= 0 else None

    def missing(self, lo: int, hi: int) -> list[int]:
        """Ids on lines lo..hi that were never fetched, or not since the last `replace`."""
        window = self.ids[max(0, lo) : max(0, hi)]
        return [row_id for row_id in window if row_id not in self.rows or row_id in self.stale]

    def top_position(self, line: int) -> int:
        """How many top rows lie before `line`."""
        return self.depths.count(0, 0, line)

    # ------------------------------------------------------------------ filling

    def load(self, ids: Iterable[int]) -> None:
        """Show these top rows, nothing unfolded or selected; rows already fetched stay known."""
        self._top = ids if isinstance(ids, array) and ids.typecode == "q" else array("q", ids)
        self.ids = array("q", self._top)
        self.depths = bytearray(len(self._top))
        self.opened.clear()
        self.selected.clear()
        self.stale = {row_id for row_id in self.rows if row_id >= 0}

    def supply(self, at: int | Sequence[int], rows: Iterable[Row | None]) -> list[int]:
        """Give rows for top positions from `at` on, or for the ids in `at`; ids that now look different."""
        rows = list(rows)
        ids = self._top[at : at + len(rows)] if isinstance(at, int) else at
        changed = []
        for row_id, row in zip(ids, rows, strict=False):
            self.stale.discard(row_id)
            if row is not None and self.rows.get(row_id) != row:
                self._put(row_id, row)
                changed.append(row_id)
        if len(self.rows) > KEPT_ROWS + len(self._child_ids):
            self._forget(set(ids))
        return changed

    def _put(self, row_id: int, row: Row) -> None:
        self.rows[row_id] = row
        (self._top_ids if row_id >= 0 else self._child_ids)[row.key] = row_id

    def _forget(self, needed: set[int]) -> None:
        """Drop the longest known top rows down to half, but none in use; they are fetched again when seen."""
        for row_id in [i for i in self.rows if i >= 0][: KEPT_ROWS // 2]:
            if row_id in self.opened or row_id in self.selected or row_id in needed:
                continue
            row = self.rows.pop(row_id)
            if self._top_ids.get(row.key) == row_id:
                del self._top_ids[row.key]

    def _intern(self, rows: Iterable[Row]) -> array[int]:
        """Ids of child rows, the same for the same key every time; a key given twice counts once."""
        ids = array("q")
        seen: set[Key] = set()
        for row in rows:
            if row.key in seen:
                continue
            seen.add(row.key)
            row_id = self._child_ids.setdefault(row.key, -1 - len(self._child_ids))
            if self.rows.get(row_id) != row:
                self.rows[row_id] = row
            ids.append(row_id)
        return ids

    # ------------------------------------------------------------------ folding

    def unfold(self, key: Key, children: Iterable[Row]) -> tuple[int, int] | None:
        """Splice children in under a row: (its line, lines added), or None where the row is not shown.

        A row already unfolded gets these children instead; what was unfolded below it and is still
        there stays so.
        """
        line = self.line_of(key)
        if line is None or self.depths[line] >= MAX_DEPTH:
            return None
        ids, depths = self._expand(self._intern(children), self.depths[line] + 1, self._below(line), set())
        end = self.end_of(line)
        added = len(ids) - (end - line - 1)
        self.ids[line + 1 : end] = ids
        self.depths[line + 1 : end] = depths
        self.opened[self.ids[line]] = key
        return line, added

    def _below(self, line: int) -> dict[int, array[int]]:
        """Direct children of every unfolded row from `line` to the end of its subtree, by id."""
        kids: dict[int, array[int]] = {}
        path: list[array[int]] = []
        base = self.depths[line]
        for at in range(line, self.end_of(line)):
            depth = self.depths[at] - base
            if depth:
                path[depth - 1].append(self.ids[at])
            kids_here: array[int] = array("q")
            del path[depth:]
            path.append(kids_here)
            if self.ids[at] in self.opened:
                kids[self.ids[at]] = kids_here
        return kids

    def _expand(
        self, top: array[int], depth: int, kids: Mapping[int, array[int]], shown: set[int]
    ) -> tuple[array[int], bytearray]:
        """Lines of `top` at `depth` with the children of `kids` spliced in; none appears twice."""
        ids: array[int] = array("q")
        depths = bytearray()
        stack = [(row_id, depth) for row_id in reversed(top)]
        while stack:
            row_id, level = stack.pop()
            if row_id in shown:
                continue
            shown.add(row_id)
            ids.append(row_id)
            depths.append(level)
            if row_id in kids and level < MAX_DEPTH:
                stack.extend((child, level + 1) for child in reversed(kids[row_id]))
        return ids, depths

    def fold(self, line: int) -> int:
        """Take the lines below a row away; how many there were."""
        self.opened.pop(self.ids[line], None)
        end = self.end_of(line)
        for row_id in self.ids[line + 1 : end]:
            self.opened.pop(row_id, None)
        del self.ids[line + 1 : end]
        del self.depths[line + 1 : end]
        return end - line - 1

    def fold_all(self) -> None:
        """Only top rows remain."""
        self.opened.clear()
        self.ids = array("q", self._top)
        self.depths = bytearray(len(self._top))

    def unfold_many(self, children: Mapping[Key, Sequence[Row]]) -> None:
        """Unfold many rows in one pass (`unfold all`, restored folds); rows not known are left out."""
        self._rebuild(self._top, self._gather(children))

    def _gather(self, children: Mapping[Key, Sequence[Row]]) -> dict[int, array[int]]:
        """Direct children by id: what is unfolded now, replaced by what `children` gives."""
        kids: dict[int, array[int]] = {}
        if self.opened:
            for line in [
                n for n, row_id in enumerate(self.ids) if row_id in self.opened and not self.depths[n]
            ]:
                kids |= self._below(line)
        for key, rows in children.items():
            ids = self._intern(rows)
            for known in (self._top_ids, self._child_ids):
                if (row_id := known.get(key)) is not None:
                    kids[row_id] = ids
                    self.opened[row_id] = key
        return kids

    def _rebuild(self, top: array[int], kids: dict[int, array[int]]) -> None:
        """Lay all lines out again over `top`: slices between unfolded rows, so closed ones cost nothing."""
        places = [n for n, row_id in enumerate(top) if row_id in kids] if kids else []
        ids: array[int] = array("q")
        depths = bytearray()
        at = 0
        shown: set[int] = set()
        for place in places:
            ids.extend(top[at:place])
            depths.extend(bytes(place - at))
            more_ids, more_depths = self._expand(top[place : place + 1], 0, kids, shown)
            ids.extend(more_ids)
            depths.extend(more_depths)
            at = place + 1
        ids.extend(top[at:])
        depths.extend(bytes(len(top) - at))
        self._top, self.ids, self.depths = top, ids, depths
        if self.opened:
            visible = set(ids) if len(self.opened) > 64 else None
            for row_id in [
                i for i in self.opened if (i not in visible if visible else self._line(i) is None)
            ]:
                del self.opened[row_id]

    # ------------------------------------------------------------------ changes from outside

    def replace(
        self,
        ids: Iterable[int],
        *,
        rows: Mapping[int, Row] | None = None,
        children: Mapping[Key, Sequence[Row]] | None = None,
        cursor: int = 0,
    ) -> int:
        """New top rows after a change; folds and selection stay. The line where the cursor belongs now.

        rows: fresh rows by id, such as the ones on screen; the others are asked for when seen.
        children: fresh children of unfolded rows; the others keep theirs.
        """
        top = ids if isinstance(ids, array) and ids.typecode == "q" else array("q", ids)
        before, key = self.ids, self.key(cursor)
        kids = self._gather(children or {})
        self.stale = {row_id for row_id in self.rows if row_id >= 0}
        self.supply(list(rows or {}), (rows or {}).values())
        self._rebuild(top, kids)
        if self.selected:
            live = set(self.ids) | {i for below in kids.values() for i in below}
            self.selected &= live
        return self._nearest(before, cursor, key)

    def _nearest(self, before: array[int], cursor: int, key: Key | None) -> int:
        """Where the cursor row went, or else its nearest neighbour that is still there (below first)."""
        if key is not None and (line := self.line_of(key)) is not None:
            return line
        if not 0 <= cursor < len(before):
            return max(0, min(cursor, len(self.ids) - 1))
        if (line := self._line(before[cursor])) is not None:
            return line
        now = {row_id: line for line, row_id in enumerate(self.ids)}
        for lines in (range(cursor + 1, len(before)), range(cursor - 1, -1, -1)):
            for line in lines:
                if before[line] in now:
                    return now[before[line]]
        return max(0, min(cursor, len(self.ids) - 1))

    # ------------------------------------------------------------------ selecting

    def toggle(self, line: int) -> None:
        """Select the row on a line, or take it out of the selection."""
        self.selected ^= {self.ids[line]}

    def select_range(self, a: int, b: int) -> None:
        """Select all rows from one line to another, both included."""
        self.selected.update(self.ids[min(a, b) : max(a, b) + 1])
