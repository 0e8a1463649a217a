"""What the demo store knows: analogies between domains, concepts, frames and how they hang together.

It comes in by two workflows, as a person would submit it; in the second some lines are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from store import records

if TYPE_CHECKING:
    from store.store import Store

_PAIRS: dict[tuple[str, str], tuple[tuple[str, float, dict[str, str], tuple[str, ...]], ...]] = {
    ("music", "language"): (
        ("melody", 0.91, {"melody": "sentence", "phrase": "clause", "cadence": "full stop"}, ("form", "time")),
        ("score", 0.84, {"score": "text", "reading at sight": "reading aloud"}, ("practice",)),
        ("improvising", 0.78, {"improvisation": "conversation", "call": "question"}, ("play", "time")),
    ),
    ("music", "architecture"): (
        ("fugue", 0.88, {"theme": "column", "entry": "bay", "development": "nave"}, ("form",)),
        ("rest", 0.73, {"rest": "courtyard", "resonance": "echo of a hall"}, ("space",)),
    ),
    ("gardening", "learning"): (
        ("sowing", 0.93, {"seed": "question", "soil": "what is known already", "season": "term"}, ("growth", "time")),
        ("pruning", 0.86, {"pruning": "revision", "deadwood": "habit"}, ("practice",)),
        ("compost", 0.81, {"compost": "mistakes", "heap": "notebook"}, ("growth",)),
        ("weeding", 0.69, {"weed": "misconception", "root": "reason"}, ("practice",)),
    ),
    ("gardening", "software"): (
        ("bed plan", 0.77, {"bed": "module", "path": "interface", "hedge": "boundary"}, ("form", "space")),
        ("grafting", 0.72, {"graft": "library", "rootstock": "platform"}, ("growth",)),
        ("perennials", 0.64, {"perennial": "core", "annual": "feature"}, ("time",)),
    ),
    ("cooking", "chemistry"): (
        ("searing", 0.95, {"browning": "Maillard reaction", "heat": "activation energy"}, ("change",)),
        ("emulsion", 0.92, {"mayonnaise": "emulsion", "yolk": "surfactant"}, ("change",)),
        ("leaven", 0.89, {"dough": "substrate", "leaven": "yeast culture"}, ("growth", "time")),
        ("salting", 0.75, {"salt": "ions", "brine": "osmosis"}, ("change",)),
    ),
    ("cooking", "software"): (
        ("recipe", 0.83, {"recipe": "script", "mise en place": "set-up", "tasting": "test"}, ("practice",)),
        ("stock", 0.58, {"stock": "cache", "reduction": "compression"}, ("time",)),
    ),
    ("running", "music"): (
        ("tempo", 0.79, {"pace": "tempo", "interval": "étude", "long run": "concert"}, ("time", "practice")),
        ("warming up", 0.74, {"warm-up": "scales", "injury": "strain"}, ("practice",)),
    ),
    ("running", "learning"): (
        ("base", 0.82, {"easy miles": "reading", "race": "exam", "rest day": "sleep"}, ("growth", "time")),
        ("pacing", 0.66, {"pace": "load", "wall": "overload"}, ("practice",)),
    ),
    ("navigation", "research"): (
        ("dead reckoning", 0.87, {"heading": "hypothesis", "fix": "measurement", "log": "notebook"}, ("method",)),
        ("chart", 0.85, {"chart": "theory", "shoal": "counterexample"}, ("space", "method")),
        ("current", 0.61, {"current": "bias", "drift": "systematic error"}, ("method",)),
    ),
    ("navigation", "software"): (
        ("log line", 0.71, {"log": "trace", "knot": "request per second"}, ("method",)),
        ("watch", 0.55, {"watch": "shift", "bell": "alert"}, ("time",)),
    ),
    ("weaving", "language"): (
        ("warp and weft", 0.9, {"warp": "grammar", "weft": "words", "pattern": "style"}, ("form",)),
        ("selvedge", 0.48, {"selvedge": "margin", "loose thread": "open question"}, ("form",)),
    ),
    ("water", "electricity"): (
        ("flow", 0.97, {"pressure": "voltage", "flow": "current", "narrowing": "resistance"}, ("method", "change")),
        ("tank", 0.88, {"tank": "capacitor", "flywheel": "inductor"}, ("method",)),
        ("valve", 0.8, {"valve": "transistor", "check valve": "diode"}, ("method", "change")),
    ),
}  # fmt: skip
_FRAMES: tuple[tuple[str, str, list[str], list[str], list[str], list[str]], ...] = (
    ("Process", "Something goes on over time.", ["Agent", "Course"], ["Pace"], ["go on", "proceed"], []),
    (
        "Growth",
        "Something becomes more by what it takes in.",
        ["Grower", "Nourishment"],
        ["Season"],
        ["grow"],
        ["Process"],
    ),
    (
        "Practice",
        "Somebody repeats something to become able.",
        ["Person", "Skill"],
        ["Teacher"],
        ["practise", "train"],
        ["Process"],
    ),
    (
        "Transfer",
        "Something goes from one place to another.",
        ["Source", "Goal", "Theme"],
        ["Path"],
        ["give", "carry"],
        ["Process"],
    ),
    (
        "Teaching",
        "A teacher brings a skill to a pupil.",
        ["Teacher", "Pupil"],
        ["Subject"],
        ["teach"],
        ["Practice", "Transfer"],
    ),
    (
        "Containment",
        "Something is within something.",
        ["Container", "Content"],
        ["Boundary"],
        ["hold", "contain"],
        [],
    ),
)
_CONCEPTS: tuple[tuple[str, str, str, dict[str, float]], ...] = (
    ("seed", "gardening", "what a plant begins as", {"Growth": 0.9}),
    ("soil", "gardening", "ground that things grow in", {"Growth": 0.7, "Containment": 0.4}),
    ("melody", "music", "tones that make a line", {"Process": 0.6}),
    ("cadence", "music", "how a phrase comes to its end", {"Process": 0.5}),
    ("tempo", "music", "how fast music goes", {"Process": 0.8}),
    ("recipe", "cooking", "how a dish is made, step by step", {"Process": 0.7, "Transfer": 0.3}),
    ("leaven", "cooking", "what makes dough rise", {"Growth": 0.8}),
    ("current", "electricity", "charge that flows", {"Transfer": 0.9}),
    ("current", "navigation", "water that carries a ship along", {"Transfer": 0.8}),
    ("module", "software", "a part with a boundary", {"Containment": 0.9}),
    ("hypothesis", "research", "an answer that is not yet tested", {"Process": 0.4}),
    ("question", "learning", "what a pupil begins with", {"Growth": 0.5, "Teaching": 0.6}),
)
_INSTANCES: tuple[tuple[str, str, dict[str, str], float], ...] = (
    ("lesson", "Teaching", {"Teacher": "Maria", "Pupil": "I", "Subject": "nocturnes"}, 0.9),
    ("first bed", "Growth", {"Grower": "beans", "Nourishment": "compost", "Season": "May"}, 0.8),
    ("intervals", "Practice", {"Person": "I", "Skill": "ten kilometres"}, 0.85),
    ("beta", "Transfer", {"Source": "the team", "Goal": "140 users", "Theme": "version 2"}, 0.6),
)
_REFUSED = (
    b'{"type":"analogy","id":"analogy-steep","source_domain":"mountains","target_domain":"careers","quality_score":1.7}',
    b'{"type":"analogy","id":["not","an","id"],"source_domain":"tides","target_domain":"moods","quality_score":0.4}',
    b'{"type":"analogy","id":"analogy-torn","source_domain":"chess","target_doma',
)
"""Lines that no policy accepts."""


def frames_and_concepts() -> Iterator[bytes]:
    """Frames that inherit from each other, instances of them, concepts in two scopes."""
    yield _line("context", "making", name="making", description="Crafts and arts")
    yield _line("context", "science", name="science", description="What is measured")
    yield _line("context", "craft", name="craft", parent="making", description="By hand")
    for name, definition, core, peripheral, units, above in _FRAMES:
        yield _line(
            "frame",
            f"frame-{name.lower()}",
            name=name,
            definition=definition,
            core_elements=core,
            peripheral_elements=peripheral,
            lexical_units=units,
            inherits_from=above,
        )
    for name, frame, bindings, confidence in _INSTANCES:
        given = {"frame": frame, "bindings": bindings, "confidence": confidence}
        yield _line("frame_instance", f"instance-{name.replace(' ', '-')}", **given)
    for name, domain, meaning, memberships in _CONCEPTS:
        given = {"name": name, "context": domain, "disambiguation": meaning, "memberships": memberships}
        yield _line("concept", f"concept-{domain}-{name}", **given)


def analogies() -> Iterator[bytes]:
    """Analogies between pairs of domains, and a few lines that are none."""
    for (source, target), found in _PAIRS.items():
        for name, score, mappings, tags in found:
            yield _line(
                "analogy",
                f"analogy-{source}-{target}-{name.replace(' ', '-')}",
                source_domain=source,
                target_domain=target,
                quality_score=score,
                concept_mappings=mappings,
                frame_mappings={},
                tags=[*tags],
                metadata={"title": name},
            )
        if source == "weaving":
            yield from _REFUSED


def tell_frames(store: Store, context: str) -> None:
    """Frames, their instances and concepts come in, whole."""
    _import(store, context, frames_and_concepts(), "Frames and concepts of the reading group")


def tell_analogies(store: Store, context: str) -> None:
    """Analogies come in, and three lines are refused."""
    _import(store, context, analogies(), "Analogies collected over a year")


def _import(store: Store, context: str, lines: Iterator[bytes], title: str) -> None:
    from store import workflows

    made = workflows.submit(store, context, "import", lines, title=title)
    workflows.run(store, made.id)


def _line(kind: str, record_id: str, **members: Any) -> bytes:
    return records.dumps({"type": kind, "id": record_id, **members})
