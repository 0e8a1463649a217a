"""The subcommands similar and vectors: what is like a record, chart or text, and the vectors that tell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.errors import Damaged, NotFound, Refused, UsageError
from store.headless import dates, shapes
from store.headless.output import safe
from store.headless.working import confirm, contexts_of, opened
from store.knowledge.kinds import named, parts_of
from store.model import DEFAULT

if TYPE_CHECKING:
    from argparse import Namespace

    from store.headless.output import Output
    from store.store import Store
    from store.vectors.values import Added, Measured, Model, Similar

REJECTS_SHOWN = 20
SHORTEST = 6
"""Characters of an id, with a digit among them, that are taken for one."""


def similar(space: Namespace, out: Output) -> int:
    """List the records and charts most like what is named."""
    from store.vectors import collection

    words = " ".join(space.what)
    if space.limit < 1:
        raise UsageError("--limit must be at least 1.")
    with opened(space, out) as store:
        query = words if space.text else _meant(store, space, words)
        found = collection.similar(
            store,
            query,
            context=space.context,
            limit=space.limit,
            model=space.model,
            kinds=[_kind(word) for word in space.kind],
            exact=space.exact,
            text=space.text,
        )
        several = space.context is None and len(contexts_of(store, space)) > 1
    _tell_hits(found, out, several=several)
    out.result(
        {
            "query": query,
            "model": found.model,
            "how": found.how,
            "recall": found.recall,
            "note": found.note,
            "hits": [{**hit._asdict(), "kind": parts_of(hit.key)[0]} for hit in found.hits],
        }
    )
    return 0


def _tell_hits(found: Similar, out: Output, *, several: bool) -> None:
    rows = [
        (f"{hit.score:.3f}", safe(hit.title), safe(hit.key), safe(hit.context) if several else "")
        for hit in found.hits
    ]
    out.table(rows, stretch=1, looks=lambda _, column: ("dim",) if column > 1 else ())
    if not rows:
        out.say("Nothing is like it.")
    if found.recall is not None:
        out.remark(f"By the approximate index (recall@10 {found.recall:.3f}); --exact looks at every vector.")
    if found.note:
        out.remark(safe(found.note))


def _kind(word: str) -> str:
    if word.strip().lower() in ("chart", "charts"):
        return "chart"
    kind = named(word)
    return kind.name if kind is not None else word


def _meant(store: Store, space: Namespace, words: str) -> str:
    """The key of the one record or chart whose id begins so, or as `list` shows charts ends so; else the words."""
    if " " in words or len(words) < SHORTEST or not any(char.isdigit() for char in words):
        return words
    found: set[str] = set()
    places = contexts_of(store, space)
    with store.snapshot() as snap:
        for place in places:
            ids = snap.chart_ids(place)
            found.update(f"chart:{one}" for one in ids if one == words or one.endswith(words))
    try:
        row = store.library.find(words, space.context)
    except (NotFound, Refused):
        pass
    else:
        if row.id.startswith(words) or row.key == words:
            found.add(row.key)
    return found.pop() if len(found) == 1 else words


# -- vectors -----------------------------------------------------------------------------------------


def vectors(space: Namespace, out: Output) -> int:
    """List, add, make, check, index, measure, merge or remove vectors."""
    work = {
        "list": _list,
        "add": _add,
        "embed": _embed,
        "check": _check,
        "index": _index,
        "measure": _measure,
        "merge": _merge,
        "remove": _remove,
    }[space.action]
    if space.file is not None and space.action != "add":
        raise UsageError(f"`vectors {space.action}` takes no file.")
    with opened(space, out, writes=space.action not in ("list", "check", "measure")) as store:
        return work(store, space, out)


def _list(store: Store, space: Namespace, out: Output) -> int:
    from store.vectors import collection, embedders

    found = [model for model in collection.models(store, space.context) if space.model in (None, model.name)]
    rows = [_model_row(model) for model in found]
    if rows:
        head = ("context", "model", "vectors", "dim", "form", "size", "shards", "index")
        out.table([head, *rows], right=(2, 3, 5, 6), stretch=1, looks=lambda row, _: () if row else ("bold",))
    else:
        out.say(
            "No vectors yet: `chartkeep vectors embed` makes them, `chartkeep vectors add FILE` takes given ones."
        )
    usable = embedders.names()
    if not space.model:
        out.say("")
        out.lines([f"Embedder {safe(name)}" for name in usable])
    out.result({"models": [_model(model) for model in found], "embedders": usable})
    return 0


def _model_row(model: Model) -> tuple[str, ...]:
    index = f"{model.indexed:,}" if model.indexed else ""
    if model.recall is not None:
        index += f", recall@10 {model.recall:.3f}"
    return (
        safe(model.context),
        safe(model.name) + ("" if model.made else " (given)"),
        f"{model.rows:,}",
        str(model.dimension),
        model.form,
        dates.size(model.bytes),
        str(model.shards),
        index,
    )


def _model(model: Model) -> dict[str, Any]:
    full = 4 * model.dimension * model.rows
    return {**model._asdict(), "times_smaller": round(full / model.bytes, 3) if model.bytes else None}


def _add(store: Store, space: Namespace, out: Output) -> int:
    from store.vectors import collection

    if space.file is None:
        raise UsageError("Name a file: `chartkeep vectors add FILE --model NAME`.")
    if space.model is None:
        raise UsageError("Give the vectors a name of their own, that of what made them: --model NAME.")
    keys = Path(space.keys).expanduser() if space.keys else None
    path = Path(space.file).expanduser()
    added = collection.add_given(
        store, space.context or DEFAULT, path, space.model, keys=keys, form=space.form
    )
    _tell_added(added, out)
    out.result(
        {
            "model": added.model,
            "written": added.written,
            "rejected": [one._asdict() for one in added.rejected],
        }
    )
    return 0 if added.written or not added.rejected else Refused.exit_code


def _tell_added(added: Added, out: Output) -> None:
    out.say(f"{dates.plural(added.written, 'vector')} of “{safe(added.model)}” added.")
    if added.rejected:
        out.say(f"{dates.plural(len(added.rejected), 'row')} rejected:")
        rows = [
            (f"  {one.line}", one.code, safe(one.key), safe(one.reason))
            for one in added.rejected[:REJECTS_SHOWN]
        ]
        out.table(rows, stretch=3)
        if len(added.rejected) > REJECTS_SHOWN:
            out.say(f"  … and {len(added.rejected) - REJECTS_SHOWN:,} more (--json lists all)")


def _embed(store: Store, space: Namespace, out: Output) -> int:
    from store.vectors import collection

    documents = []
    for context in contexts_of(store, space):
        counts = collection.embed_missing(store, context, space.model, form=space.form, repair=True)
        anew = ", all made anew" if counts.renewed else ""
        out.say(
            f"{safe(context)}: {counts.embedded:,} embedded, {counts.unchanged:,} unchanged, {counts.gone:,} deleted; "
            f"{dates.plural(counts.total, 'vector')}{anew}."
        )
        documents.append({"context": context, **counts._asdict()})
    out.result({"embedded": documents})
    return 0


def _check(store: Store, space: Namespace, out: Output) -> int:
    from store.headless.verifying import tell
    from store.vectors import collection

    inside = f"{store.layout.relative(store.layout.vectors)}/{space.context or ''}"
    findings = [one for one in collection.check(store) if one.path.startswith(inside)]
    for finding in findings:
        tell(finding, out)
    if not findings:
        out.say(f"{out.style('✓', 'green')} Nothing is wrong with the vectors.")
    errors = [finding for finding in findings if finding.severity == "error"]
    out.result({"ok": not errors, "findings": [shapes.finding(finding) for finding in findings]})
    return Damaged.exit_code if errors else 0


def _index(store: Store, space: Namespace, out: Output) -> int:
    from store.vectors import collection

    return _measured(
        [collection.index(store, context, model) for context, model in _models(store, space)], out
    )


def _measure(store: Store, space: Namespace, out: Output) -> int:
    from store.vectors import collection

    return _measured(
        [collection.measure(store, context, model) for context, model in _models(store, space)], out
    )


def _measured(found: list[Measured], out: Output) -> int:
    for one in found:
        out.say(
            f"{safe(one.context)}, {safe(one.model)}: recall@10 {one.recall:.3f} of {one.rows:,} vectors on a sample of "
            f"{one.sample}; {one.approximate_ms:.2f} ms, exact {one.exact_ms:.2f} ms."
        )
    out.result({"measured": [one._asdict() for one in found]})
    return 0


def _merge(store: Store, space: Namespace, out: Output) -> int:
    from store.vectors import collection

    merged = [(context, collection.merge(store, context, model)) for context, model in _models(store, space)]
    for context, one in merged:
        out.say(
            f"{safe(context)}, {safe(one.model)}: {one.shards_before} shards are {one.shards} now, "
            f"{dates.plural(one.dropped, 'vector')} dropped, {dates.size(max(0, one.saved))} saved."
        )
    out.result({"merged": [{"context": context, **one._asdict()} for context, one in merged]})
    return 0


def _remove(store: Store, space: Namespace, out: Output) -> int:
    from store.vectors import collection

    if space.model is None:
        raise UsageError("Name the model whose vectors are to go: --model NAME.")
    there = _models(store, space)
    given = any(
        not model.made for model in collection.models(store, space.context) if model.name == space.model
    )
    again = "Given vectors cannot be made again." if given else "They can be made again."
    question = (
        f"Delete all vectors of “{safe(space.model)}” in {', '.join(place for place, _ in there)}? {again}"
    )
    if not confirm(out, question, space.yes):
        raise Refused(f"{question} On the command line --yes confirms it.")
    count = sum(collection.remove(store, context, model) for context, model in there)
    out.say(f"{dates.plural(count, 'vector')} deleted.")
    out.result({"model": space.model, "removed": count})
    return 0


def _models(store: Store, space: Namespace) -> list[tuple[str, str]]:
    """(context, model) of those that are meant. Raises NotFound where there are none."""
    from store.vectors import collection

    name = space.model or store.settings.vectors_model
    found = [
        (model.context, model.name) for model in collection.models(store, space.context) if model.name == name
    ]
    if not found:
        raise NotFound(
            f"There are no vectors of “{name}” here; `chartkeep vectors list` shows those there are."
        )
    return found
