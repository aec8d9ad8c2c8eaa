"""How good the tagger is, as numbers: names for `ner_eval.py --system tagging.evaluation:factory`, tags and rubrics against an editor's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.content import Paragraph, StoryContent, Tag
from tagging import ner
from tagging.domain.names import link_persons
from tagging.domain.propose import Proposals
from tagging.domain.reading import read_entities
from tagging.domain.spans import Span
from tagging.domain.vocabulary import Vocabulary
from tagging.shipped import shipped

FIRST = 5
RIGHT_AMONG_FIRST = 4


def factory() -> Callable[[str], list[dict[str, Any]]]:
    """A function: text -> its mentions with `start`, `stop`, `type` (PER, LOC, ORG), `norm` (nominative) and `key` (whom it is linked to)."""
    find_names, identify = ner.load(), shipped().identify

    def mentions(text: str) -> list[dict[str, Any]]:
        return [
            {"start": one.span.start, "stop": one.span.end, "type": entity.kind, "norm": one.name, "key": entity.name}
            for entity in read_entities(text, find_names, identify)
            for one in entity.mentions
        ]

    return mentions


def nominatives_right(path: Path) -> tuple[int, int, list[str]]:
    """How many names of a file in the form of tests/gold/names.txt come out in their nominative, of how many, and the others."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "=" in line and not line.startswith("#")]
    wrong = []
    for line in lines:
        sentence, _, expected = line.partition(" = ")
        start = sentence.index("[")
        text = sentence.replace("[", "").replace("]", "")
        [person] = link_persons(text, [Span(start, sentence.index("]") - 1)])
        name = person.name
        parts = (name.first, name.patronymic, name.surname)
        if " ".join(filter(None, parts)) != expected:
            wrong.append(f"{line}: {' '.join(filter(None, parts))}")
    return len(lines) - len(wrong), len(lines), wrong


@dataclass(frozen=True)
class GoldStory:
    """A story as an editor tagged it: each tag and rubric with the labels that are equally right."""

    name: str
    content: StoryContent
    tags: tuple[frozenset[str], ...]
    rubrics: tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Scores:
    """Over all stories; `four_in_five`: the share in which four right tags (or all, where there are fewer) stand among the first five."""

    stories: int
    four_in_five: float
    auto_precision: float
    auto_recall: float
    brier: float
    """Mean squared error of the confidence; lower is better."""
    rubric_precision: float
    rubric_recall: float


def read_gold(path: Path) -> list[GoldStory]:
    """A file in the form of tests/gold/README.md."""
    return [_story(part.splitlines()) for part in path.read_text(encoding="utf-8").split("# ")[1:]]


def _story(lines: list[str]) -> GoldStory:
    name, headline, lede, *rest = (line for line in lines if line.strip())
    paragraphs = tuple(Paragraph(html=line) for line in rest if line[0] not in "=@")
    labels = {line[0]: tuple(map(_equals, line[1:].split(";"))) for line in rest if line[0] in "=@"}
    return GoldStory(name, StoryContent(headline=headline, lede=lede, blocks=paragraphs), labels["="], labels["@"])


def _equals(text: str) -> frozenset[str]:
    return frozenset(_plain(label) for label in text.split("|"))


def _plain(label: str) -> str:
    return label.strip().casefold().replace("ё", "е").replace("«", "").replace("»", "")


def score(stories: Sequence[GoldStory], propose: Callable[[StoryContent], Proposals], vocabulary: Vocabulary) -> Scores:
    """`vocabulary`: a subject that is narrower than an editor's counts as right: «шахматы» for «спорт»."""
    enough = auto = auto_right = gold = shown = rubrics = rubrics_right = rubrics_gold = 0
    squares = 0.0
    for story in stories:
        proposals = propose(story.content)
        right = find_right([one.tag for one in proposals.tags], story.tags, vocabulary)
        enough += sum(right[:FIRST]) >= min(RIGHT_AMONG_FIRST, len(story.tags))
        sure = [is_right for one, is_right in zip(proposals.tags, right, strict=True) if one.band == "auto"]
        auto, auto_right, gold = auto + len(sure), auto_right + sum(sure), gold + len(story.tags)
        squares += sum((one.confidence - is_right) ** 2 for one, is_right in zip(proposals.tags, right, strict=True))
        shown += len(right)
        filed = [one.rubric.label for one in proposals.rubrics if one.band == "auto"]
        rubrics, rubrics_gold = rubrics + len(filed), rubrics_gold + len(story.rubrics)
        rubrics_right += sum(_hits([[label] for label in filed], story.rubrics))
    return Scores(
        stories=len(stories),
        four_in_five=enough / len(stories),
        auto_precision=auto_right / max(auto, 1),
        auto_recall=auto_right / gold,
        brier=squares / max(shown, 1),
        rubric_precision=rubrics_right / max(rubrics, 1),
        rubric_recall=rubrics_right / rubrics_gold,
    )


def find_right(tags: Sequence[Tag], gold: Sequence[frozenset[str]], vocabulary: Vocabulary) -> list[bool]:
    """Which of the tags are right; each of an editor's tags is found once."""
    return _hits([_labels(tag, vocabulary) for tag in tags], gold)


def _labels(tag: Tag, vocabulary: Vocabulary) -> list[str]:
    concept = vocabulary.by_id.get(tag.concept_id or "")
    broader = vocabulary.by_id.get(concept.broader or "") if concept and concept.kind == "subject" else None
    return [tag.label, *([broader.label] if broader else [])]


def _hits(labels: Sequence[Sequence[str]], gold: Sequence[frozenset[str]]) -> list[bool]:
    left = list(gold)
    found = []
    for names in labels:
        hit = next((one for one in left if any(_plain(name) in one for name in names)), None)
        if hit is not None:
            left.remove(hit)
        found.append(hit is not None)
    return found
