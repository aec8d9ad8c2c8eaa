"""From a story to proposals: everything it names, weighed by how much the story is about it, with the reason in words."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeAlias

from contracts.content import RubricProposal, StoryContent, Tag, TagProposal
from contracts.content import Span as TextSpan
from tagging.domain.choice import Key, key_of
from tagging.domain.context import is_attribution, is_namesake
from tagging.domain.entities import Entity
from tagging.domain.gazetteer import Gazetteer, Mention
from tagging.domain.people import read_people
from tagging.domain.ranking import SHIPPED, Candidate, compare, confidence, features
from tagging.domain.reading import FindNames, read_entities
from tagging.domain.rubrics import POLITICAL_OFFICES, SHIPPED_RULES, Classify, Rule, choose_rubrics
from tagging.domain.spans import Span
from tagging.domain.texts import Text, text_of
from tagging.domain.vocabulary import Vocabulary
from tagging.domain.wording import reasons
from tagging.domain.words import is_nominative, is_noun, is_plural

AUTO_FROM, SUGGEST_FROM = 0.83, 0.25
MOST_TAGS = 12
MOST_AUTO = 6
MOST_EVIDENCE = 20
NEAR = 60
"""Characters within which an office belongs to a person."""
NEAR_BY = re.compile(r"\b(?:под|близ|вблизи|недалеко от|неподалёку от|рядом с|возле|около)\s$", re.IGNORECASE)
NOT_ONLY = re.compile(r"\b(?:не только|не столько|кроме|помимо)\s(?:[^\W\d_]+\s)?$", re.IGNORECASE)
"""What is said beside the point: «не только дороги, но и семьи»."""
BORDER = re.compile(r"[.!?;:»\n]\s")
APPOSITION = re.compile(r"\s*(?:,|—|–|-|\()\s*|\s+")
WORD_BEFORE = re.compile(r"([А-ЯЁа-яё-]{3,})\s$")
AGENCY = re.compile(r"(?:\b[А-ЯЁ]{2,}|\b(?:Мин|Рос|Ген)[а-яё]{2,})\s$")
OPENING, CLOSING = tuple('«“„"'), tuple('»”“"')

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
    weighed.sort(key=lambda row: (not _is_hero(*row[:2]), -row[0], row[1].position, row[1].tag.label))
    shown = [(sure, one) for sure, one, _ in weighed]
    learned = tools.classify(text.whole) if text.whole else {}
    return Proposals(
        tuple(_proposal(sure, one, place) for place, (sure, one) in enumerate(shown[:MOST_TAGS])),
        choose_rubrics(shown, tools.vocabulary, tools.rules, tools.home_country, learned),
        text.language,
        tuple((one.tag, found) for _, one, found in weighed[:MOST_TAGS]),
    )


def _is_hero(sure: float, one: Candidate) -> bool:
    """Whom a story is surely about stands first."""
    return one.tag.kind == "person" and sure >= AUTO_FROM


def find_candidates(text: Text, tools: Tools, day: date | None = None) -> list[Candidate]:
    """All that a text names, in order. A concept inside a person's name is none: «Владимир» in «Владимир Орлов»."""
    if not text.whole:
        return []
    language, vocabulary = text.language, tools.vocabulary
    hits = tools.gazetteer.find(text.whole, is_kazakh=language == "kk", day=day)
    mentions = [
        one
        for one in hits
        if one.kind != "place"
        or not (_is_quoted(text.whole, one) or _is_of_agency(text.whole, one, tools.home_country))
    ]
    if language == "ru":
        entities = read_entities(text.whole, tools.find_names, vocabulary.identify)
    else:
        entities = read_people(
            text.whole, language, [Span(one.start, one.end) for one in mentions if one.kind != "person"]
        )
    people = [entity for entity in entities if entity.kind == "PER"]
    names = [mention.span for person in people for mention in person.mentions]
    mentions = [
        one
        for one in mentions
        if one.kind == "office" or not any(name.start < one.end and one.start < name.end for name in names)
    ]
    quoted = [
        it.span
        for entity in entities
        if entity.kind == "ORG"
        for it in entity.mentions
        if text.whole[it.span.start - 1 : it.span.start] in OPENING and it.span.start > 0
    ]
    mentions = [
        one
        for one in mentions
        if one.kind != "place" or not any(it.start <= one.start and one.end < it.end for it in quoted)
    ]
    persons = _merged([_person(text, person, vocabulary, day) for person in _not_namesakes(text.whole, people)])
    found = [
        *_concepts(text, mentions, vocabulary, persons),
        *persons,
        *_unknown(text, entities, mentions, vocabulary),
    ]
    candidates = _merged(found)
    candidates += _implied(candidates, vocabulary, tools.home_country)
    _mark_places(candidates, vocabulary, tools.home_country)
    _mark_subjects(candidates, vocabulary)
    _guess_holders(candidates)
    compare(candidates)
    return candidates


def _merged(found: Sequence[Candidate]) -> list[Candidate]:
    """Those with one key are one, in the order of their first mentions."""
    merged: dict[Key, Candidate] = {}
    for one in sorted(found, key=lambda one: one.position):
        known = merged.setdefault(key_of(one.tag), one)
        if known is not one:
            known.spans.extend(span for span in one.spans if span not in known.spans)
            known.places.extend(one.places)
            known.speaks += one.speaks
    return list(merged.values())


def _is_of_agency(text: str, one: Mention, home_country: str) -> bool:
    """«МЧС России», «Кубок России»: the name of an agency, a title, a contest, not a story about the country."""
    if one.concept_id != home_country:
        return False
    before = WORD_BEFORE.search(text, max(0, one.start - 40), one.start)
    return before is not None and (
        AGENCY.search(text, max(0, one.start - 40), one.start) is not None or is_noun(before.group(1))
    )


def _is_quoted(text: str, one: Mention) -> bool:
    """«Южный Урал» in quotes is a club, not the region."""
    return text[one.start - 1 : one.start] in OPENING and text[one.end : one.end + 1] in CLOSING and one.start > 0


def _concepts(
    text: Text, mentions: Sequence[Mention], vocabulary: Vocabulary, persons: Sequence[Candidate]
) -> list[Candidate]:
    found: dict[str, Candidate] = {}
    names = sorted((*span, place) for place, person in enumerate(persons) for span in person.places)
    people = [(start, end, persons[place]) for start, end, place in names]
    for mention in mentions:
        concept = vocabulary.by_id[mention.concept_id]
        if concept.kind == "rubric" or (
            concept.kind == "office" and is_plural(text.whole[mention.start : mention.end])
        ):
            continue  # «депутаты» are nobody's office
        if concept.kind == "subject" and NOT_ONLY.search(text.whole, max(0, mention.start - 30), mention.start):
            continue
        one = found.get(concept.concept_id)
        if one is None:
            tag = Tag(label=concept.label, kind=concept.kind, concept_id=concept.concept_id)
            one = found[concept.concept_id] = Candidate(tag, position=mention.start / len(text.whole))
        one.spans.append(text.span(mention.start, mention.end))
        one.aliases += mention.by_alias
        one.near += NEAR_BY.search(text.whole, max(0, mention.start - 20), mention.start) is not None
        one.words.add(text.whole[mention.start : mention.start + 4].casefold())
        if concept.kind == "office":
            one.acts = one.acts or is_nominative(text.whole[mention.start : mention.end])
            holder = _holder(text.whole, mention, people)
            one.holder = _fuller(one.holder, holder)
            if holder is None and _begins_sentence(text.whole, mention.start):
                before = [person for _, end, person in people if end <= mention.start]
                one.holder_before = _fuller(one.holder_before, before[-1] if before else None)
    return list(found.values())


def _fuller(one: Candidate | None, other: Candidate | None) -> Candidate | None:
    """The one that is named more often."""
    return max((person for person in (one, other) if person is not None), key=lambda it: len(it.spans), default=None)


def _holder(text: str, office: Mention, people: Sequence[tuple[int, int, Candidate]]) -> Candidate | None:
    """Whose office it is: the person named right after it in the same sentence, or right before it and a comma."""
    for start, end, person in people:
        between = text[office.end : start] if start >= office.end else text[end : office.start]
        if start >= office.end and len(between) <= NEAR and not BORDER.search(between):
            return person
        if end <= office.start and APPOSITION.fullmatch(between):
            return person
    return None


def _begins_sentence(text: str, start: int) -> bool:
    return start == 0 or text[start - 1] == "\n" or text[max(0, start - 2) : start] in (". ", "! ", "? ", "« ", "— ")


def _not_namesakes(text: str, people: Sequence[Entity]) -> list[Entity]:
    """People without the streets, prizes and theatres that bear their names."""
    meant = [
        replace(one, mentions=tuple(it for it in one.mentions if not is_namesake(text, it.span.start)))
        for one in people
    ]
    return [one for one in meant if one.mentions]


def _person(text: Text, entity: Entity, vocabulary: Vocabulary, day: date | None) -> Candidate:
    concept = vocabulary.person(entity.name, day)
    label, concept_id = (concept.label, concept.concept_id) if concept else (entity.name, None)
    return Candidate(
        Tag(label=label[:2_000], kind="person", concept_id=concept_id),
        spans=[text.span(one.span.start, one.span.end) for one in entity.mentions],
        position=entity.mentions[0].span.start / len(text.whole),
        places=[(one.span.start, one.span.end) for one in entity.mentions],
        speaks=sum(is_attribution(text.whole, one.span.start, one.span.end) for one in entity.mentions),
        is_part_of_name=" " not in label,
    )


def _implied(candidates: Sequence[Candidate], vocabulary: Vocabulary, home_country: str) -> list[Candidate]:
    """Regions at home, and other countries, that are not named but a place in them is."""
    named = {one.tag.concept_id for one in candidates}
    found: dict[str, Candidate] = {}
    for one in candidates:
        if one.tag.kind != "place" or one.tag.concept_id is None:
            continue
        for above in vocabulary.way_up(one.tag.concept_id)[1:]:
            is_sought = above.startswith(f"{home_country.lower()}-") or (above.isupper() and above != home_country)
            if not is_sought or above in named or above not in vocabulary.by_id:
                continue
            tag = Tag(label=vocabulary.by_id[above].label, kind="place", concept_id=above)
            known = found.setdefault(above, Candidate(tag, position=one.position, is_implied=True))
            known.spans.extend(one.spans)
            known.implied_by = known.implied_by or vocabulary.by_id[one.tag.concept_id].labels()
    return [found[above] for above in sorted(found)]


def _unknown(
    text: Text, entities: Sequence[Entity], mentions: Sequence[Mention], vocabulary: Vocabulary
) -> list[Candidate]:
    """Organisations and places that the vocabulary does not know; those that are known stand among the concepts."""
    taken = [one for one in mentions if one.kind in ("place", "organisation", "person")]
    whole = {(one.start, one.end) for one in mentions}
    return [
        Candidate(
            Tag(label=_titled(entity.name)[:2_000], kind="organisation" if entity.kind == "ORG" else "place"),
            spans=[text.span(one.span.start, one.span.end) for one in entity.mentions],
            position=entity.mentions[0].span.start / len(text.whole),
            is_unlinked=True,
        )
        for entity in entities
        if entity.kind != "PER"
        and (
            entity.concept_id is None or (entity.kind == "ORG" and vocabulary.by_id[entity.concept_id].kind == "place")
        )
        and not any(
            (one.span.start, one.span.end) in whole
            or any(known.start < one.span.end and one.span.start < known.end for known in taken)
            for one in entity.mentions
        )
    ]


def _titled(name: str) -> str:
    return name[:1].upper() + name[1:]


def _mark_places(candidates: Sequence[Candidate], vocabulary: Vocabulary, home_country: str) -> None:
    """Which places are countries or regions, and how often a part of each is named."""
    inside: Counter[str] = Counter()
    spans: dict[str, list[TextSpan]] = defaultdict(list)
    for one in candidates:
        if one.tag.kind == "place" and one.tag.concept_id and not one.is_implied:
            for above in vocabulary.way_up(one.tag.concept_id)[1:]:
                inside[above] += len(one.spans)
                spans[above].extend(one.spans)
    for one in candidates:
        concept_id = one.tag.concept_id or ""
        if one.tag.kind == "place":
            one.place_kind = "country" if concept_id.isupper() else "region" if concept_id[2:3] == "-" else ""
            one.narrower = inside[concept_id]
            one.narrower_spans = spans[concept_id]
            country = vocabulary.country_of(concept_id)
            one.is_home = country == home_country or country is None


def _mark_subjects(candidates: Sequence[Candidate], vocabulary: Vocabulary) -> None:
    """Which subjects are part of another that is named, too."""
    subjects = {one.tag.concept_id: one for one in candidates if one.tag.kind == "subject" and one.tag.concept_id}
    for concept_id, one in subjects.items():
        broader = subjects.get(vocabulary.by_id[concept_id].broader or "")
        if broader is not None and not (len(one.spans) == 1 and not one.in_lead and broader.in_headline):
            broader.has_narrower, one.broader_mentions = True, len(broader.spans)


def _guess_holders(candidates: Sequence[Candidate]) -> None:
    """«Новый ректор обещает»: an office that stands alone is that of the most prominent person who has no other."""
    offices = [one for one in candidates if one.tag.kind == "office"]
    for one in offices:
        one.is_official = one.tag.concept_id in POLITICAL_OFFICES
    taken = [id(one.holder or one.holder_before) for one in offices]
    free = [one for one in candidates if one.tag.kind == "person" and id(one) not in taken]
    main = max(free, key=lambda one: (len(one.spans) + 2 * one.in_headline + one.in_lede, -one.position), default=None)
    for one in offices:
        if one.acts and one.holder is None and one.holder_before is None:
            one.guessed_holder = main


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
