"""What a dry run of a batch says: counts, and the first of each sort."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.headless import dates
from store.headless.output import safe

if TYPE_CHECKING:
    from store.headless.output import Output
    from store.workflows import Preview


def tell_preview(found: Preview, out: Output) -> int:
    """What would happen; nothing was written."""
    counts = [
        (found.new, "new", found.new_examples),
        (found.changed, "changed", found.changed_examples),
        (found.deleted, "deleted", found.deleted_examples),
        (found.unchanged, "there already", found.unchanged_examples),
    ]
    out.say(f"Of {dates.plural(found.total, 'item')}, nothing of which was written:")
    for count, word, examples in counts:
        if count:
            out.say(f"  {count:,} {word}" + (kinds_of(found) if word == "deleted" else ""))
            out.lines(
                [
                    f"    {f'line {line}: ' if line else ''}{safe(key)}  {safe(title)}"
                    for line, key, title in examples
                ]
            )
    if found.rejected:
        out.say(out.style(f"  {found.rejected:,} rejected", "red"))
        out.lines([f"    line {one.line}: {safe(one.reason)}  ({one.code})" for one in found.rejects])
    for name, count in sorted(found.missing.items()):
        out.say(f"  {count:,} without {safe(name)}")
    sorts = ("new", "changed", "deleted", "unchanged")
    shown = [found.new_examples, found.changed_examples, found.deleted_examples, found.unchanged_examples]
    as_documents = {
        word: [{"line": line, "key": key, "title": title} for line, key, title in listed]
        for word, listed in zip(sorts, shown, strict=True)
    }
    out.result(
        {
            "dry_run": True,
            "total": found.total,
            "new": found.new,
            "changed": found.changed,
            "deleted": found.deleted,
            "deleted_kinds": found.deleted_kinds,
            "unchanged": found.unchanged,
            "rejected": found.rejected,
            "missing": found.missing,
            "examples": as_documents,
            "rejects": [one._asdict() for one in found.rejects],
        }
    )
    return 0


def kinds_of(found: Preview) -> str:
    """Of what kinds the records are that would be deleted."""
    from store.knowledge.kinds import kind_of

    if not found.deleted_kinds:
        return ""
    named = (
        f"{count:,} {kind_of(kind).collection if kind_of(kind).code else safe(kind)}"
        for kind, count in sorted(found.deleted_kinds.items(), key=lambda one: -one[1])
    )
    return f" ({', '.join(named)})"
