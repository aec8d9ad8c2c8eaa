"""The rubrics' model: trained on the older stories, measured on the newest, which it has not seen; then trained on all."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tagging.domain.classifier import Classifier, train

SHARE_MEASURED = 0.2
LEAST_STORIES = 50
LEAST_OF_RUBRIC = 5
"""A rubric with fewer stories is left to the rules."""
AUTO_FROM = 0.5


class TooFewStoriesError(ValueError):
    """There is not enough to learn from; the message says how much there is and how much is needed."""


@dataclass(frozen=True)
class FiledText:
    """A published story: its text, the rubrics that an editor filed it under, those that the rules alone would give."""

    text: str
    rubrics: frozenset[str]
    by_rules: frozenset[str]


@dataclass(frozen=True)
class Score:
    """Of one rubric, or of all: how many stories have it, how many were said to, how many rightly."""

    name: str
    gold: int
    said: int
    right: int

    @property
    def precision(self) -> float:
        return self.right / self.said if self.said else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.said + self.gold) if self.said + self.gold else 0.0


@dataclass(frozen=True)
class Trained:
    """`by_rubric` and `micro` are measured on the newest stories; `rules_alone` and `with_rules` on the same ones."""

    classifier: Classifier
    stories: int
    measured: int
    by_rubric: tuple[Score, ...]
    micro: Score
    rules_alone: Score
    with_rules: Score

    @property
    def is_better(self) -> bool:
        """Whether the newsroom is better off with the model than with its rules alone."""
        return self.with_rules.f1 > self.rules_alone.f1


def train_rubrics(stories: Sequence[FiledText], told: Callable[[int, int], None] = lambda _done, _of: None) -> Trained:
    """`stories` oldest first. Raises TooFewStoriesError."""
    if len(stories) < LEAST_STORIES:
        raise TooFewStoriesError(
            f"{len(stories)} published stories with rubrics; {LEAST_STORIES} are the least to learn from"
        )
    cut = len(stories) - max(1, round(len(stories) * SHARE_MEASURED))
    older, newest = stories[:cut], stories[cut:]
    trial = _train(older, told)
    by_model = [_sure(trial, one.text) for one in newest]
    gold = [one.rubrics for one in newest]
    by_rules = [one.by_rules for one in newest]
    both = [model | rules for model, rules in zip(by_model, by_rules, strict=True)]
    return Trained(
        classifier=_train(stories, told),
        stories=len(stories),
        measured=len(newest),
        by_rubric=tuple(_score(label, gold, by_model, only=label) for label in trial.labels),
        micro=_score("model", gold, by_model),
        rules_alone=_score("rules alone", gold, by_rules),
        with_rules=_score("rules and model", gold, both),
    )


def _train(stories: Sequence[FiledText], told: Callable[[int, int], None]) -> Classifier:
    often = {label: sum(label in one.rubrics for one in stories) for label in _all(one.rubrics for one in stories)}
    kept = {label for label, count in often.items() if count >= LEAST_OF_RUBRIC}
    return train([one.text for one in stories], [sorted(one.rubrics & kept) for one in stories], told)


def _sure(classifier: Classifier, text: str) -> frozenset[str]:
    return frozenset(label for label, sure in classifier.classify(text).items() if sure >= AUTO_FROM)


def _score(name: str, gold: Sequence[frozenset[str]], said: Sequence[frozenset[str]], only: str | None = None) -> Score:
    if only is not None:
        gold, said = [one & {only} for one in gold], [one & {only} for one in said]
    right = sum(len(one & two) for one, two in zip(gold, said, strict=True))
    return Score(name, sum(map(len, gold)), sum(map(len, said)), right)


def _all(sets: Iterable[frozenset[str]]) -> list[str]:
    return sorted(set().union(*sets))
