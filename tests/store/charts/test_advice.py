"""Advice on wording: whole words, hints and nothing more."""

from __future__ import annotations

import pytest

from store.charts import advice


@pytest.mark.parametrize(
    "word", ["fix", "solve", "eliminate", "prevent", "stop", "avoid", "reduce", "remove"]
)
def test_an_outcome_worded_as_a_problem(word: str) -> None:
    for text in (f"{word.title()} the noise", f"We {word}, always", word.upper() + " it"):
        assert f"“{word}”" in advice.for_outcome(text)[0]


@pytest.mark.parametrize(
    "text",
    [
        "A prefix for every name",
        "A fixed ladder of named rungs",
        "An unstoppable team of five",
        "Dissolved borders between teams",
        "Prevention plans in ten schools",
        "A non-stop service to Bern",
        "Noise removal built in",
        "Suffixes that rhyme",
    ],
)
def test_words_within_words_are_left_alone(text: str) -> None:
    assert advice.for_outcome(text) == ()


def test_each_word_is_named_once() -> None:
    assert advice.problem_words("Stop, stop and FIX") == ["stop", "fix"]


@pytest.mark.parametrize(
    "text", ["Ready to start", "We are all  set", "I am prepared to go", "It is ready for use"]
)
def test_a_reality_that_claims_readiness(text: str) -> None:
    assert len(advice.for_reality(text)) == 1


@pytest.mark.parametrize(
    "text",
    ["Not ready to start", "Already told them", "We aren't ready to ship", "Ten pages", "A small settee"],
)
def test_a_reality_that_claims_none(text: str) -> None:
    assert advice.for_reality(text) == ()


@pytest.mark.parametrize(
    "text", ["Work on my fitness", "Get better at chess", "Improve communication", "Fitness"]
)
def test_an_outcome_without_a_result_one_could_see(text: str) -> None:
    assert "result could you see" in advice.for_outcome(text)[0]


@pytest.mark.parametrize(
    "text",
    ["A garden with ten trees", "Run 10 km in an hour", "Improve page speed to 200 ms", "", "完成した本"],
)
def test_an_outcome_with_one(text: str) -> None:
    assert advice.for_outcome(text) == ()
