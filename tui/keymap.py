"""From keys to commands: the table's keys, a person's own, chords and counts.

Keys are compared in the names Textual gives them; settings and help use what people type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from store.catalog import BY_ID, COMMANDS, Command, When

Sequence = tuple[str, ...]

_NAMES = {
    "!": "exclamation_mark", '"': "quotation_mark", "#": "number_sign", "$": "dollar_sign",
    "%": "percent_sign", "&": "ampersand", "'": "apostrophe", "(": "left_parenthesis",
    ")": "right_parenthesis", "*": "asterisk", "+": "plus", ",": "comma", "-": "minus", ".": "full_stop",
    "/": "slash", ":": "colon", ";": "semicolon", "<": "less_than_sign", "=": "equals_sign",
    ">": "greater_than_sign", "?": "question_mark", "@": "at", "[": "left_square_bracket",
    "\\": "backslash", "]": "right_square_bracket", "^": "circumflex_accent", "_": "underscore",
    "`": "grave_accent", "{": "left_curly_bracket", "|": "vertical_line", "}": "right_curly_bracket",
    "~": "tilde", "esc": "escape", "return": "enter", "del": "delete", "pgup": "pageup", "pgdn": "pagedown",
}  # fmt: skip
_SHOWN = {
    "down": "↓", "up": "↑", "left": "←", "right": "→", "enter": "⏎", "escape": "esc", "backspace": "⌫",
    "pagedown": "pgdn", "pageup": "pgup", "delete": "del",
}  # fmt: skip
_CHARS = {name: char for char, name in _NAMES.items() if len(char) == 1}

FITS: dict[When, frozenset[str]] = {
    "any": frozenset({"outline", "chart", "contexts", "workflows", "health"}),
    "tree": frozenset({"outline", "chart"}),
    "outline": frozenset({"outline"}),
    "chart": frozenset({"chart"}),
    "contexts": frozenset({"contexts"}),
    "workflows": frozenset({"workflows"}),
    "library": frozenset({"library"}),
}
"""Panes in which a command's keys work; the library is a screen of its own."""
PLACES = frozenset().union(*FITS.values())


def parse(text: str) -> Sequence:
    """A key or chord as people type it, in Textual's names: `g g`, `ctrl+r`, `?`."""
    return tuple(_NAMES.get(word, word) for word in text.split())


def shown(text: str) -> str:
    """A key or chord for help and footer: chords of letters without blanks, arrows as arrows."""
    words = [_SHOWN.get(word, word) for word in text.split()]
    return "".join(words) if all(len(word) == 1 for word in words) else " ".join(words)


def typed(key: str) -> str:
    """A Textual key name as the character it stands for."""
    return _CHARS.get(key, key)


class Found(NamedTuple):
    """What a key led to."""

    command: Command | None
    times: int | None
    waiting: str
    """What was typed so far, while a chord or count is not complete; else empty."""
    taken: bool
    """False where the key means nothing here and may go on to the widget."""


class Keymap:
    """Bindings in force, and the state of what is being typed."""

    def __init__(self, own: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self.keys: dict[str, tuple[str, ...]] = {command.id: command.keys for command in COMMANDS}
        self.problems: list[str] = []
        self._own = dict(own or {})
        self.keys.update({name: keys for name, keys in self._own.items() if name in self.keys})
        self._bound: dict[str, dict[Sequence, Command]] = {pane: {} for pane in PLACES}
        self._prefixes: dict[str, set[Sequence]] = {pane: set() for pane in PLACES}
        self._typed: list[str] = []
        self._count = ""
        self._bind()

    def _bind(self) -> None:
        """Give keys to commands: own keys first, so that a clash takes the key from the table's command."""
        clashes: dict[tuple[str, str, str], str] = {}
        for command_id in (*self._own, *(name for name in self.keys if name not in self._own)):
            if command_id not in BY_ID:
                continue
            command = BY_ID[command_id]
            for text in self.keys[command_id]:
                keys = parse(text)
                for pane in sorted(FITS[command.when]):
                    other = self._clash(pane, keys)
                    if other is None:
                        self._bound[pane][keys] = command
                    elif other.id != command.id:
                        clashes.setdefault((text, command.id, other.id), pane)
        for pane, bound in self._bound.items():
            self._prefixes[pane] = {keys[:end] for keys in bound for end in range(1, len(keys))}
        for (text, loser, winner), pane in clashes.items():
            self.problems.append(
                f"Key “{text}” of {loser} is taken by {winner} in the {pane} pane. "
                "Give one of them another key under [keys] in chartkeep.toml."
            )

    def _clash(self, pane: str, keys: Sequence) -> Command | None:
        """The command whose keys are the same, or begin these, or are begun by them."""
        for bound, command in self._bound[pane].items():
            shorter = min(len(bound), len(keys))
            if bound[:shorter] == keys[:shorter]:
                return command
        return None

    @property
    def pending(self) -> str:
        """The count and chord typed so far."""
        return self._count + "".join(typed(key) for key in self._typed)

    def clear(self) -> None:
        """Forget what was typed so far."""
        self._typed.clear()
        self._count = ""

    def feed(self, pane: str, key: str) -> Found:
        """Take one key typed in a pane; says which command it completes, if any."""
        if not self._typed and key.isdecimal() and len(key) == 1 and (self._count or key != "0"):
            self._count = (self._count + key)[:5]
            return Found(None, None, self.pending, True)
        keys = (*self._typed, key)
        count = int(self._count) if self._count else None
        command = self._bound[pane].get(keys)
        if command is not None:
            self.clear()
            return Found(command, count, "", True)
        if keys in self._prefixes[pane]:
            self._typed.append(key)
            return Found(None, None, self.pending, True)
        taken = bool(self._typed or self._count)
        self.clear()
        return Found(None, None, "", taken)

    def first(self, command_id: str) -> str:
        """The first key of a command as help shows it; empty where it has none."""
        keys = self.keys.get(command_id, ())
        return shown(keys[0]) if keys else ""

    def all(self, command_id: str) -> str:
        """All keys of a command as help shows them."""
        return "  ".join(shown(key) for key in self.keys.get(command_id, ()))

    def completions(self, pane: str) -> list[tuple[str, Command]]:
        """What may follow the keys typed so far: (next key as shown, command)."""
        start = tuple(self._typed)
        found = [
            (" ".join(typed(key) for key in keys[len(start) :]), command)
            for keys, command in self._bound[pane].items()
            if keys[: len(start)] == start and len(keys) > len(start)
        ]
        return sorted(found, key=lambda pair: (pair[0].casefold(), pair[0]))
