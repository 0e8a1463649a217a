"""Advice on wording: hints shown beside a field, never a refusal.

Words are matched whole: `prefix` is not `fix`, and neither is `non-stop` `stop`.
"""

from __future__ import annotations

import re

PROBLEM_WORDS = ("fix", "solve", "eliminate", "prevent", "stop", "avoid", "reduce", "remove")
READY_PHRASES = ("ready to", "ready for", "prepared to", "prepared for", "all set")

_PROBLEM = re.compile(rf"(?<![\w-])({'|'.join(PROBLEM_WORDS)})(?![\w-])", re.IGNORECASE)
_READY = re.compile(
    r"(?<![\w-])(?P<no>(?:not|never|n't|n’t)\s+(?:yet\s+)?)?"
    rf"(?P<phrase>{'|'.join(phrase.replace(' ', chr(92) + 's+') for phrase in READY_PHRASES)})(?![\w-])",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"(?:\bnot|\bnever|n['’]t)(?:\s+\w+)?\s*$", re.IGNORECASE)
_VAGUE = re.compile(
    r"\s*(?:to\s+)?(?:(?:keep\s+)?working\s+on|work\s+(?:on|towards?)|try(?:ing)?|look\s+(?:into|at)|"
    r"think\s+about|explor(?:e|ing)|investigat(?:e|ing)|research|continue|keep|get\s+better|be\s+better|"
    r"do\s+(?:better|more)|improve|help|learn\s+more|spend\s+(?:more\s+)?time)(?![\w-])",
    re.IGNORECASE,
)


def problem_words(text: str) -> list[str]:
    """The problem words in a text, in lower case, each once, in order."""
    return list(dict.fromkeys(match.lower() for match in _PROBLEM.findall(text)))


def for_outcome(text: str) -> tuple[str, ...]:
    """Hints on a desired outcome; empty for an empty text, which has nothing to advise on yet."""
    if not text.strip():
        return ()
    hints = []
    found = problem_words(text)
    if found:
        words = ", ".join(f"“{word}”" for word in found)
        hints.append(f"{words} names a problem to be rid of. What will be there instead?")
    if _VAGUE.match(text) and not any(char.isdigit() for char in text):
        hints.append("This says what you will do. What result could you see when it is there?")
    elif not found and len(text.split()) == 1 and text.isascii():
        hints.append("One word is hard to recognise when it has come true. What result could you see?")
    return tuple(hints)


def for_reality(text: str) -> tuple[str, ...]:
    """Hints on a fact of current reality."""
    for match in _READY.finditer(text):
        if match["no"] is None and not _NEGATED.search(text[: match.start()]):
            phrase = " ".join(match["phrase"].lower().split())
            return (f"“{phrase}” tells what comes next. What is so right now?",)
    return ()
