"""A frame has what it inherits; circles are refused by name; analogies speak of instances."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.knowledge import expansion
from store.knowledge.expansion import Circle, Frames, frame_of, name_of
from store.knowledge.instances import Evoking, lemma, sides


def frame(name: str, parents: object = (), **members: Any) -> dict[str, Any]:
    found = {"type": "frame", "id": name.lower(), "name": name, "inherits_from": parents}
    return found | members


def frames(*given: dict[str, Any]) -> Frames:
    return Frames(frame_of(f"frame:{one['id']}", one) for one in given)


def whole(found: Frames, name: str) -> expansion.Whole:
    one = found.find(name)
    assert one is not None
    return found.whole(one)


def shown(elements: tuple[Any, ...]) -> list[str | None]:
    return [name_of(element) for element in elements]


def test_elements_and_units_come_down_from_every_ancestor() -> None:
    found = frames(
        frame("Event", core_elements=["Time"], lexical_units=["happen.v"]),
        frame("Motion", ["Event"], core_elements=["Theme"], peripheral_elements=["Path"]),
        frame("Fly", "Motion", core_elements=[{"name": "Wings"}], lexical_units=["fly.v"]),
    )
    fly = whole(found, "Fly")
    assert shown(fly.core) == ["Wings", "Theme", "Time"]
    assert shown(fly.peripheral) == ["Path"]
    assert fly.units == ("fly.v", "happen.v")
    assert [one.name for one in fly.ancestors] == ["Motion", "Event"]
    assert fly.origins == {"Theme": "Motion", "Path": "Motion", "Time": "Event", "happen.v": "Event"}
    assert fly.inherited == {
        "core_elements": ["Theme", "Time"],
        "peripheral_elements": ["Path"],
        "lexical_units": ["happen.v"],
        "from": fly.origins,
        "ancestors": ["Motion", "Event"],
    }
    assert whole(found, "Event").inherited == {}


def test_the_nearer_frame_decides() -> None:
    found = frames(
        frame("Event", core_elements=["Time", "Place"]),
        frame("Motion", ["Event"], peripheral_elements=["time"]),
        frame("Fly", ["Motion"], peripheral_elements=["Place"]),
    )
    fly = whole(found, "Fly")
    assert shown(fly.core) == []
    assert shown(fly.peripheral) == ["Place", "time"]


def test_of_several_parents_the_first_named_is_nearer_and_a_diamond_counts_once() -> None:
    found = frames(
        frame("Top", core_elements=["T"]),
        frame("Left", ["Top"], core_elements=["X"]),
        frame("Right", ["Top"], peripheral_elements=["x", "R"]),
        frame("Low", ["Right", "Left"]),
    )
    low = whole(found, "Low")
    assert [one.name for one in low.ancestors] == ["Right", "Left", "Top"]
    assert shown(low.core) == ["T"]
    assert shown(low.peripheral) == ["x", "R"]


def test_parents_are_found_by_id_and_by_name_in_any_case_and_missing_ones_named() -> None:
    found = frames(frame("Event", core_elements=["Time"]), frame("Fly", ["EVENT", "Gone", "event"]))
    fly = whole(found, "fly")
    assert fly.unknown == ("Gone",)
    assert [one.name for one in fly.ancestors] == ["Event"]
    assert fly.inherited["unknown"] == ["Gone"]


def test_circles_are_refused_with_the_way_round() -> None:
    found = frames(frame("A", ["B"]), frame("B", ["C"]), frame("C", ["B"]), frame("D", ["D"]))
    for name, way in (("A", "B → C → B"), ("B", "B → C → B"), ("C", "C → B → C"), ("D", "D → D")):
        with pytest.raises(Circle, match=f"^{way}$"):
            whole(found, name)


@given(st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=3), max_size=10))
def test_inheritance_ends_or_is_refused(parents: dict[int, list[int]]) -> None:
    found = frames(
        *(frame(f"f{n}", [f"f{p}" for p in ps], core_elements=[f"e{n}"]) for n, ps in parents.items())
    )

    def above(number: int, seen: tuple[int, ...] = ()) -> set[int] | None:
        """All it inherits from, by plain recursion; None where that does not end."""
        if number in seen:
            return None
        result: set[int] = set()
        for parent in parents[number]:
            if parent in parents:
                more = above(parent, (*seen, number))
                if more is None:
                    return None
                result |= more | {parent}
        return result

    for number in parents:
        expected = above(number)
        if expected is None:
            with pytest.raises(Circle):
                whole(found, f"f{number}")
        else:
            got = whole(found, f"f{number}")
            assert {one.name for one in got.ancestors} == {f"f{n}" for n in expected}
            assert len(got.core) == len(expected) + 1
            assert shown(got.core)[0] == f"e{number}"


def test_a_long_line_of_frames_is_no_matter_of_the_stack() -> None:
    count = 5_000
    found = frames(*(frame(f"f{n}", [f"f{n + 1}"], core_elements=[f"e{n}"]) for n in range(count)))
    assert len(whole(found, "f0").core) == count


def test_members_of_other_shapes_are_left_out() -> None:
    odd = frame_of(
        "frame:x", {"name": 7, "core_elements": [1, None, {"name": " "}, "A", "a"], "inherits_from": 3}
    )
    assert odd.name == odd.id == "x"
    assert shown(odd.core) == ["A"]
    assert odd.parents == ()
    named = frame_of("frame:y", {"id": "y", "core_elements": {"Theme": "what moves"}, "lexical_units": "fly"})
    assert shown(named.core) == ["Theme"]
    assert named.units == ()


def test_sides_of_an_analogy_in_every_shape_met() -> None:
    source, target = sides(
        {
            "source_domain": "birds",
            "target_domain": 4,
            "concept_mappings": {"wing": "fin", "air": ["water", "sea"]},
            "frame_mappings": [{"source_frame": "Fly", "target_frame": "Swim"}, ["A", "B"]],
            "source_pair": ["bird", "wing"],
            "target_concept": {"name": "fish"},
        }
    )
    assert source == ("source", "birds", ("Fly", "A"), ("wing", "air", "bird"))
    assert target == ("target", None, ("Swim", "B"), ("fin", "water", "sea", "fish"))


def test_lexical_units_lose_their_part_of_speech_only() -> None:
    assert [lemma(unit) for unit in ("Move.v", "U.S.A", "e.g.", " swim ", "v", ".v")] == [
        "move",
        "u.s.a",
        "e.g.",
        "swim",
        "v",
        ".v",
    ]


@pytest.fixture
def evoking() -> Evoking:
    made = Evoking(
        frames(
            frame("Event", core_elements=["Time"]),
            frame("Motion", ["Event"], core_elements=["Theme"], peripheral_elements=[
                {"name": "Path", "typical_fillers": ["Air", "water"]}
            ], lexical_units=["fly.v", "swim.v"]),
            frame("Round", ["Round"], lexical_units=["fly.v"]),
        )
    )  # fmt: skip
    made.learn({"name": "bird", "roles": {"motion": "theme", "Nowhere": "X"}})
    made.learn({"name": "noon", "roles": [{"frame": "Event", "role": "Time"}]})
    made.learn({"name": "dawn", "roles": ["Nowhere.Path", "Event.Time"]})
    made.learn({"name": "trail", "roles": ["Goal", "path"]})
    return made


def test_a_frame_named_by_an_analogy_has_an_instance_with_its_bindings(evoking: Evoking) -> None:
    analogy = {
        "frame_mappings": {"Motion": "Nowhere"},
        "concept_mappings": {"bird": "fish", "air": "water", "noon": "night", "cloud": "wave"},
        "quality_score": 0.5,
    }
    (found,) = evoking.instances(analogy)
    assert found.frame.name == "Motion"
    assert found.side.name == "source"
    assert found.bindings == {"Theme": "bird", "Path": "air", "Time": "noon"}
    assert found.unbound == ("cloud",)
    assert found.evoked == ()
    assert found.confidence == 0.5


def test_a_lexical_unit_evokes_its_frame_on_either_side(evoking: Evoking) -> None:
    found = list(evoking.instances({"concept_mappings": {"Fly": "SWIM"}}))
    assert [(one.frame.name, one.side.name, one.evoked) for one in found] == [
        ("Motion", "source", ("Fly",)),
        ("Motion", "target", ("SWIM",)),
    ]
    assert found[0].confidence == pytest.approx(1 / 3, abs=1e-6)
    assert list(evoking.instances({"concept_mappings": {"Fly": "x"}}, frozenset({"event"}))) == []


def test_roles_are_read_as_texts_too(evoking: Evoking) -> None:
    (found,) = evoking.instances(
        {"concept_mappings": {"dawn": "", "trail": ""}, "frame_mappings": {"frame:motion": ""}}
    )
    assert found.bindings == {"Time": "dawn", "Path": "trail"}


def test_an_element_is_bound_once_and_a_frame_in_a_circle_evokes_nothing(evoking: Evoking) -> None:
    evoking.learn({"name": "bat", "frame_roles": {"Motion": "Theme"}})
    (found,) = evoking.instances(
        {"concept_mappings": {"bat": "", "bird": ""}, "frame_mappings": {"Motion": ""}}
    )
    assert found.bindings == {"Theme": "bat"}
    assert found.unbound == ("bird",)
    assert list(evoking.instances({"frame_mappings": {"Round": "Round"}})) == []


@given(st.one_of(st.floats(), st.booleans(), st.text(), st.none(), st.integers()))
def test_confidence_is_from_0_to_1_whatever_the_quality(quality: object) -> None:
    made = Evoking(frames(frame("Motion", core_elements=["Theme"])))
    (found,) = made.instances({"frame_mappings": {"Motion": "x"}, "quality_score": quality})
    assert 0.0 <= found.confidence <= 0.5
