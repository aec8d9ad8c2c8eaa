"""From a story to proposals: everything it names, weighed by how much the story is about it, with the reason in words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeAlias

from contracts.content import RubricProposal, StoryContent, Tag, TagProposal
from tagging.domain.choice import Key, key_of
from tagging.domain.entities import Entity
from tagging.domain.gazetteer import Gazetteer, Mention
from tagging.domain.ranking import SHIPPED, Candidate, confidence, features
from tagging.domain.reading import FindNames, read_entities
from tagging.domain.rubrics import SHIPPED_RULES, Classify, Rule, choose_rubrics
from tagging.domain.texts import Text, text_of
from tagging.domain.vocabulary import Vocabulary
from tagging.domain.wording import reasons

AUTO_FROM, SUGGEST_FROM = 0.6, 0.25
MOST_TAGS = 12
MOST_AUTO = 6
MOST_EVIDENCE = 20
NEAR = 60
"""Characters within which an office belongs to a person."""

Acceptance: TypeAlias = Callable[[Sequence[Key]], Mapping[Key, float]]
"""Keys of tags -> what editors thought of them on other stories (ranking.acceptance)."""


def knows_no_rubric(_text: str) -> dict[str, float]:
    """Before anything is trained."""
    return {}


@dataclass(frozen=True)
class Tools:
    """What the tagger works with; one of these is swapped for another as a whole."""

    gazetteer: Gazetteer
    find_names: FindNames
    home_country: str = "RU"
    weights: Mapping[str, float] = field(default_factory=lambda: SHIPPED)
    rules: tuple[Rule, ...] = SHIPPED_RULES
    classify: Classify = knows_no_rubric

    @property
    def vocabulary(self) -> Vocabulary:
        return self.gazetteer.vocabulary


@dataclass(frozen=True)
class Proposals:
    tags: tuple[TagProposal, ...]
    rubrics: tuple[RubricProposal, ...]
    language: str = "ru"
    weighed: tuple[tuple[Tag, Mapping[str, float]], ...] = ()
    """What each tag was weighed by, to learn from."""


def nobody_knows(keys: Sequence[Key]) -> Mapping[Key, float]:
    return dict.fromkeys(keys, 0.0)


def propose(
    content: StoryContent, tools: Tools, accepted: Acceptance = nobody_knows, day: date | None = None
) -> Proposals:
    """Tags best first, and rubrics. The same text gives the same proposals on every worker. `day`: concepts not valid then are left out."""
    text = text_of(content)
    candidates = find_candidates(text, tools, day)
    opinions = accepted([key_of(one.tag) for one in candidates])
    weighed = []
    for one in candidates:
        one.acceptance = opinions.get(key_of(one.tag), 0.0)
        found = features(one)
        weighed.append((confidence(found, tools.weights), one, found))
    weighed.sort(key=lambda row: (-row[0], row[1].position, row[1].tag.label))
    shown = [(sure, one) for sure, one, _ in weighed]
    learned = tools.classify(text.whole) if text.whole else {}
    return Proposals(
        tuple(_proposal(sure, one, place) for place, (sure, one) in enumerate(shown[:MOST_TAGS])),
        choose_rubrics(shown, tools.vocabulary, tools.rules, tools.home_country, learned),
        text.language,
        tuple((one.tag, found) for _, one, found in weighed[:MOST_TAGS]),
    )


def find_candidates(text: Text, tools: Tools, day: date | None = None) -> list[Candidate]:
    """All that a text names, in order. A concept inside a person's name is none: «Владимир» in «Владимир Орлов»."""
    entities = read_entities(text.whole, tools.find_names, tools.vocabulary.identify) if text.whole else []
    people = [entity for entity in entities if entity.kind == "PER"]
    names = [mention.span for person in people for mention in person.mentions]
    mentions = [
        one
        for one in tools.gazetteer.find(text.whole, is_kazakh=text.language == "kk", day=day)
        if one.kind == "office" or not any(name.start < one.end and one.start < name.end for name in names)
    ]
    found = [
        *_concepts(text, mentions, tools.vocabulary, people),
        *(_person(text, person, tools.vocabulary, day) for person in people),
        *_organisations(text, entities, mentions),
    ]
    merged: dict[Key, Candidate] = {}
    for one in sorted(found, key=lambda one: one.position):
        known = merged.setdefault(key_of(one.tag), one)
        if known is not one:
            known.spans.extend(span for span in one.spans if span not in known.spans)
    _mark_places(list(merged.values()), tools.vocabulary)
    return list(merged.values())


def _concepts(
    text: Text, mentions: Sequence[Mention], vocabulary: Vocabulary, people: Sequence[Entity]
) -> list[Candidate]:
    found: dict[str, Candidate] = {}
    names = [mention.span for person in people for mention in person.mentions]
    for mention in mentions:
        concept = vocabulary.by_id[mention.concept_id]
        if concept.kind == "rubric":
            continue
        one = found.get(concept.concept_id)
        if one is None:
            tag = Tag(label=concept.label, kind=concept.kind, concept_id=concept.concept_id)
            one = found[concept.concept_id] = Candidate(tag, position=mention.start / len(text.whole))
        one.spans.append(text.span(mention.start, mention.end))
        one.aliases += mention.by_alias
        if concept.kind == "office":
            one.is_beside_person |= any(mention.end <= name.start <= mention.end + NEAR for name in names)
    return list(found.values())


def _person(text: Text, entity: Entity, vocabulary: Vocabulary, day: date | None) -> Candidate:
    concept = vocabulary.person(entity.name, day)
    label, concept_id = (concept.label, concept.concept_id) if concept else (entity.name, None)
    return Candidate(
        Tag(label=label[:2_000], kind="person", concept_id=concept_id),
        spans=[text.span(one.span.start, one.span.end) for one in entity.mentions],
        position=entity.mentions[0].span.start / len(text.whole),
        is_part_of_name=" " not in label,
    )


def _organisations(text: Text, entities: Sequence[Entity], mentions: Sequence[Mention]) -> list[Candidate]:
    """Organisations that the vocabulary does not know; those that are known stand among the concepts."""
    taken = {(one.start, one.end) for one in mentions}
    return [
        Candidate(
            Tag(label=_titled(entity.name)[:2_000], kind="organisation"),
            spans=[text.span(one.span.start, one.span.end) for one in entity.mentions],
            position=entity.mentions[0].span.start / len(text.whole),
        )
        for entity in entities
        if entity.kind == "ORG"
        and entity.concept_id is None
        and not any((one.span.start, one.span.end) in taken for one in entity.mentions)
    ]


def _titled(name: str) -> str:
    return name[:1].upper() + name[1:]


def _mark_places(candidates: Sequence[Candidate], vocabulary: Vocabulary) -> None:
    """Which places are countries or regions, and of which a part is named too."""
    above = {
        up
        for one in candidates
        if one.tag.kind == "place" and one.tag.concept_id
        for up in vocabulary.way_up(one.tag.concept_id)[1:]
    }
    for one in candidates:
        concept_id = one.tag.concept_id or ""
        if one.tag.kind == "place":
            one.place_kind = "country" if concept_id.isupper() else "region" if concept_id[2:3] == "-" else ""
            one.has_narrower = concept_id in above


def _proposal(sure: float, one: Candidate, place: int) -> TagProposal:
    words = reasons(one)
    band = "auto" if sure >= AUTO_FROM and place < MOST_AUTO else "suggest" if sure >= SUGGEST_FROM else "hide"
    return TagProposal(
        tag=one.tag,
        confidence=sure,
        band=band,
        reason=words["ru"],
        reasons=words,
        evidence=tuple(one.spans[:MOST_EVIDENCE]),
    )
