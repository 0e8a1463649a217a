"""The type `expand`: frames get what they inherit, and analogies the instances of frames they speak of.

A frame keeps what its record says; what it inherits stands in one more member, `inherited`, the last of a
new version: `core_elements`, `peripheral_elements`, `lexical_units`, `from` (for each the frame it comes
from), `ancestors`, and `unknown` for parents that are not there. So a frame can be expanded again when one
above it has changed, and what people wrote is never mixed with what follows from it. A frame that inherits
nothing is left as it is, and loses `inherited` where it has it from before. A frame in a circle is rejected,
with `--strict` also one whose parents are not all there.

An instance is made for each frame and each side of an analogy that uses it (`store.knowledge.instances`
says when that is). Its id follows from analogy, side and frame, so that expanding again changes only what
is to be said anew. Instances of analogies that are gone stay: delete them by criteria.

Staged are the keys of the frames that are meant, then those of all analogies. Criteria choose among
frames; instances are made of the chosen ones only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from store import records
from store.knowledge.expansion import Circle, Frames, frame_of
from store.knowledge.instances import Evoking, Instance
from store.knowledge.kinds import key_of, parts_of
from store.knowledge.model import Filter
from store.model import Edit
from store.workflows import deciding, deriving
from store.workflows.selecting import live, meant, named, staged, value_of
from store.workflows.types import Batch, Decision, Run, WorkType

if TYPE_CHECKING:
    from store.knowledge.checking import Reject
    from store.knowledge.expansion import Frame
    from store.knowledge.writing import View

INHERITED = "inherited"
_MARK = b',"inherited":'
_FRAME, _ANALOGY, _INSTANCE = "frame", "analogy", "frame_instance"


class Expansion(WorkType):
    """Expands frames, and makes instances of them from analogies."""

    name = "expand"
    title = "Expand frames"

    def __init__(self) -> None:
        self._frames = Frames(())

    def check(self, options: dict[str, Any]) -> None:
        """Raises UsageError for criteria that cannot be understood."""
        meant(options, "", (_FRAME,))

    def stage(self, run: Run) -> Iterable[bytes]:
        """The keys of the frames that are meant, then those of all analogies."""
        library = run.store.library
        yield from staged(library.stream(meant(run.options, run.context, (_FRAME,))))
        yield from staged(library.stream(Filter(context=run.context, kinds=(_ANALOGY,))))

    def batches(self, run: Run) -> Iterator[Batch]:
        """Frames with what they inherit, then instances."""
        frames = self._frames = _known(run)
        evoking = _learnt(run, frames)
        chosen = _chosen(run)
        for lines, cursor in run.staged():
            items = named(lines)
            found = live(run, [item.key for item in items])
            edits: list[Edit] = []
            rejects: list[Reject] = []
            for item in items:
                raw = found.get(item.key)
                if raw is None:
                    continue
                if parts_of(item.key)[0] == _FRAME:
                    made = expanded(frames, item.line, item.key, raw, strict=run.strict)
                    if isinstance(made, bytes):
                        edits.append(Edit("put", item.key, None, made))
                    elif made is not None:
                        rejects.append(made)
                else:
                    instances = evoking.instances(value_of(raw), chosen)
                    edits.extend(_edit(run, item.key, instance) for instance in instances)
                run.at(len(edits))
            yield Batch(cursor, (), edits, rejects, len(items))

    def decide(self, run: Run, view: View, batch: Batch) -> Decision:
        """A frame that was changed since it was read is expanded as it is now; items that led to nothing are unchanged."""
        found, made = [], []
        newest = view.newest([edit.key for edit in batch.edits])
        for edit in batch.edits:
            if parts_of(edit.key)[0] == _FRAME:
                raw = view.raw(newest[edit.key]) if edit.key in newest else None
                after = expanded(self._frames, 0, edit.key, raw) if raw is not None else None
                if isinstance(after, bytes):
                    found.append(edit._replace(raw=after))
            else:
                made.append(edit)
        edits = [*found, *deriving.settled(view, made)]
        decision = deciding.decide(run, view, batch._replace(edits=edits))
        idle = (batch.processed or 0) - len(decision.rejects) - decision.written
        return decision._replace(unchanged=max(0, idle))


def _known(run: Run) -> Frames:
    """All frames of the context: what is chosen may inherit from any."""
    found = run.store.library.stream(Filter(context=run.context, kinds=(_FRAME,)))
    return Frames(frame_of(one.row.key, value_of(one.raw)) for one in found if one.raw is not None)


def _learnt(run: Run, frames: Frames) -> Evoking:
    """What words evoke, with the roles that concepts say they have."""
    evoking = Evoking(frames)
    for done, one in enumerate(run.store.library.stream(Filter(context=run.context, kinds=("concept",)))):
        if one.raw is not None and b'roles"' in one.raw:
            evoking.learn(value_of(one.raw))
        if done % 1_000 == 0:
            run.at(0)
    return evoking


def _chosen(run: Run) -> frozenset[str] | None:
    """The ids of the frames that were staged; None where no criteria chose among them."""
    if meant(run.options, run.context, (_FRAME,)) == Filter(context=run.context, kinds=(_FRAME,)):
        return None
    if run.items is None:
        return frozenset()
    from store.workflows import staging

    parts = staging.chunks(run.items, None, run.size, run.longest)
    keys = (item.key for lines, _ in parts for item in named(lines))
    frames = takewhile(lambda key: parts_of(key)[0] == _FRAME, keys)
    return frozenset(parts_of(key)[1] for key in frames)


# -- frames ----------------------------------------------------------------------------------------


def expanded(
    frames: Frames, line: int, key: str, raw: bytes, *, strict: bool = False
) -> bytes | Reject | None:
    """The frame's next version; None where it says already what it inherits; a Reject where that cannot be said."""
    from store.knowledge.checking import Reject

    value = value_of(raw)
    frame = frame_of(key, value)
    known: Frame | None = frames.find(frame.id)
    try:
        whole = frames.whole(known if known is not None and known == frame else frame)
    except Circle as circle:
        return Reject(line, "circle", f"inherits_from goes in a circle: {circle}", raw)
    if strict and whole.unknown:
        missing = ", ".join(f"“{name}”" for name in whole.unknown)
        return Reject(line, "no-parent", f"inherits_from: there is no frame {missing}", raw)
    before = value.get(INHERITED)
    if before is not None and not _ours(before):
        why = f"the member {INHERITED} is not what an expansion makes, and would be replaced: rename it"
        return Reject(line, "taken", why, raw)
    after = whole.inherited
    if records.same(before or {}, records.loads(records.dumps(after))):
        return None
    return _with(raw, value, after)


def _ours(value: object) -> bool:
    names = {"core_elements", "peripheral_elements", "lexical_units", "from", "ancestors", "unknown"}
    return isinstance(value, dict) and value.keys() <= names


def _with(raw: bytes, value: dict[str, Any], inherited: dict[str, Any]) -> bytes:
    """The record with another `inherited`; every other byte as it was, where it stands last or not at all."""
    body = raw.rstrip()
    if INHERITED in value:
        cut = body.rfind(_MARK)
        rest = {name: member for name, member in value.items() if name != INHERITED}
        if cut > 0 and value_of(body[:cut] + b"}") == rest:
            body = body[:cut] + b"}"
        else:
            body = records.dumps(rest)
    if not inherited:
        return body
    comma = b"" if body[1:-1].strip() == b"" else _MARK[:1]
    return b"%b%b%b%b}" % (body[:-1].rstrip(), comma, _MARK[1:], records.dumps(inherited))


# -- instances -------------------------------------------------------------------------------------


def instance_id(analogy: str, side: str, frame: str) -> str:
    """The id of the instance of a frame that one side of an analogy makes."""
    return blake2b(
        "\0".join((analogy, side, frame)).encode("utf-8", "surrogatepass"), digest_size=10
    ).hexdigest()


def _edit(run: Run, analogy: str, made: Instance) -> Edit:
    members: dict[str, Any] = {"frame": made.frame.name, "bindings": made.bindings}
    if made.side.domain is not None:
        members["context"] = made.side.domain
    members |= {"confidence": made.confidence, "frame_key": key_of(_FRAME, made.frame.id)}
    members |= {"analogy": analogy, "side": made.side.name}
    if made.evoked:
        members["evoked_by"] = list(made.evoked)
    if made.unbound:
        members["unbound"] = list(made.unbound)
    return deriving.edit(run, _INSTANCE, instance_id(analogy, made.side.name, made.frame.id), members)
