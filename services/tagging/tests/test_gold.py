"""The tagger against an editor: no fewer right tags than when this was written. `make bench S=tagging` has the goals."""

from pathlib import Path

import pytest

from tagging.evaluation import read_gold, score
from tagging.shipped import shipped

GOLD = Path(__file__).parent / "gold"


@pytest.mark.parametrize(
    ("half", "stories", "least"),
    [
        ("tune", 86, {"four_in_five": 0.88, "auto_precision": 0.95, "rubric_precision": 0.8, "rubric_recall": 0.8}),
        (
            "tune-wide",
            91,
            {"four_in_five": 0.72, "auto_precision": 0.95, "rubric_precision": 0.75, "rubric_recall": 0.75},
        ),
        ("test", 30, {"four_in_five": 0.7, "auto_precision": 0.95, "rubric_precision": 0.85, "rubric_recall": 0.75}),
    ],
)
def test_tags_and_rubrics_are_those_of_an_editor(tagged, half, stories, least):
    gold = read_gold(GOLD / f"{half}.txt")

    scores = score(gold, tagged, shipped())

    assert scores.stories == stories
    assert {name: getattr(scores, name) >= value for name, value in least.items()} == dict.fromkeys(least, True), scores
