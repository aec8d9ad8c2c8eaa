"""Fits the ranking's weights to the gold stories that may be looked at, and says how well such weights do on stories that they were not fitted to.

    python services/tagging/tests/fit.py

prints `ranking.SHIPPED` anew; the test half is never read here.
"""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

from tagging import ner
from tagging.domain.gazetteer import Gazetteer
from tagging.domain.propose import Tools, find_candidates
from tagging.domain.ranking import SHIPPED, Candidate, confidence, features, fit
from tagging.domain.texts import text_of
from tagging.evaluation import FIRST, RIGHT_AMONG_FIRST, GoldStory, find_right, read_gold
from tagging.shipped import shipped

GOLD = Path(__file__).parent / "gold"
FOLDS, SHUFFLES = 8, 3
PULL = 2.0
SET_BY_HAND = {"acceptance": 0.9, "caption_only": -1.6, "other": -0.5}
"""No story of the gold set has these; newsrooms' own do, and move them."""
START = {name: SET_BY_HAND.get(name, 0.0) for name in SHIPPED}

Story = tuple[GoldStory, list[Candidate]]


def main() -> None:
    tools = Tools(Gazetteer(shipped()), ner.load())
    gold = [one for name in ("tune", "tune-wide") for one in read_gold(GOLD / f"{name}.txt")]
    stories = [(one, find_candidates(text_of(one.content), tools)) for one in gold]
    unseen = mean(four_in_five(*halves) for seed in range(SHUFFLES) for halves in folds(stories, seed))
    weights = fit(examples(stories), START, pull=PULL)
    print(f"{len(stories)} stories; four right tags in five: {unseen:.3f} where not fitted to, in {FOLDS} folds")
    print(f"{mean(is_enough(one, weights) for one in stories):.3f} on themselves")
    print("\n".join(f'    "{name}": {round(value, 2)},' for name, value in weights.items()))


def folds(stories: Sequence[Story], seed: int) -> list[tuple[list[Story], list[Story]]]:
    """(fitted to, measured on), each story measured on once."""
    shuffled = random.Random(seed).sample(stories, len(stories))
    return [
        ([one for place, one in enumerate(shuffled) if place % FOLDS != fold], shuffled[fold::FOLDS])
        for fold in range(FOLDS)
    ]


def four_in_five(fitted_to: Sequence[Story], measured_on: Sequence[Story]) -> float:
    weights = fit(examples(fitted_to), START, pull=PULL)
    return mean(is_enough(one, weights) for one in measured_on)


def is_enough(story: Story, weights: Mapping[str, float]) -> bool:
    right = find_right([one.tag for one in ranked(story[1], weights)], story[0].tags, shipped())
    return sum(right[:FIRST]) >= min(RIGHT_AMONG_FIRST, len(story[0].tags))


def ranked(candidates: Sequence[Candidate], weights: Mapping[str, float]) -> list[Candidate]:
    return sorted(candidates, key=lambda one: (-confidence(features(one), weights), one.position, one.tag.label))


def examples(stories: Sequence[Story]) -> list[tuple[dict[str, float], bool]]:
    """Of «спорт» and «хоккей», both right for an editor's «спорт», the narrower is to win."""
    found = []
    for gold, candidates in stories:
        ordered = sorted(ranked(candidates, SHIPPED), key=lambda one: one.has_narrower)
        right = find_right([one.tag for one in ordered], gold.tags, shipped())
        found += [(features(one), is_right) for one, is_right in zip(ordered, right, strict=True)]
    return found


if __name__ == "__main__":
    main()
