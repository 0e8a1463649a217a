"""The type `embed`: makes the vectors that are missing or of earlier versions, by one model.

Without criteria the model goes on from the point of the journal that it has seen, charts with it; with criteria
only what they mean is looked at. Vectors lie beside the journals and are derived: nothing is written to a
journal but the workflow's own record, and an interrupted run does again only what was not yet kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from store.errors import UsageError
from store.knowledge.model import Filter
from store.workflows.selecting import meant
from store.workflows.types import Batch, Decision, Run, WorkType

if TYPE_CHECKING:
    from store.knowledge.writing import View
    from store.vectors.values import Counts


class Embedding(WorkType):
    """Embeds what has no vector of its present version."""

    name = "embed"
    title = "Embed records"

    def __init__(self) -> None:
        self._counts: Counts | None = None

    def check(self, options: dict[str, Any]) -> None:
        """Raises UsageError for criteria or a model that there is not."""
        from store.vectors import embedders

        meant(options, "")
        model = model_of(options)
        if model is not None and not embedders.exists(model):
            raise UsageError(
                f"No embedder makes vectors of the model “{model}”; there are {', '.join(embedders.names())}."
            )

    def batches(self, run: Run) -> Iterator[Batch]:
        """One batch that writes nothing: the vectors are kept beside it, shard by shard."""
        if run.cursor is not None:
            return
        from store.vectors import collection

        wanted = meant(run.options, run.context)
        keys = None
        if wanted.names_something:
            keys = [found.row.key for found in run.store.library.stream(wanted)]
        if run.preview:
            yield Batch("looked", processed=0, total=len(keys) if keys is not None else None)
            return
        counts = collection.embed_missing(
            run.store, run.context, model_of(run.options), keys, progress_in_items(run)
        )
        self._counts = counts
        done = counts.embedded + counts.unchanged
        yield Batch("done", processed=done, unchanged=counts.unchanged, total=done)

    def decide(self, run: Run, view: View, batch: Batch) -> Decision:  # noqa: ARG002
        """Counts as written what was embedded."""
        return Decision([], [], batch.unchanged, (batch.processed or 0) - batch.unchanged)

    def note(self, run: Run) -> str:  # noqa: ARG002
        """How many vectors there are now."""
        if self._counts is None:
            return ""
        anew = ", all made anew: the corpus has outgrown the model" if self._counts.renewed else ""
        return f"{self._counts.embedded:,} embedded; {self._counts.total:,} vectors in all{anew}"


def progress_in_items(run: Run) -> Callable[[int, int], None]:
    """What hears of bytes of the journal, and tells the workflow of records, as far as one can say."""
    count = run.store.library.count(Filter(context=run.context))

    def told(done: int, total: int) -> None:
        run.at(count * done // total if total else 0, count)

    return told


def model_of(options: dict[str, Any]) -> str | None:
    """The model named in a workflow's options; None for the one in the settings."""
    model = options.get("model")
    return model if isinstance(model, str) and model else None
