"""From a story to proposals: every concept and person found, weighed by how much the story is about it, with the reason in words."""

import html
import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts.content import (
    Block,
    Heading,
    ListBlock,
    Paragraph,
    Quote,
    Rubric,
    RubricProposal,
    Span,
    StoryContent,
    Tag,
    TagProposal,
)
from tagging.domain.gazetteer import Gazetteer
from tagging.domain.reading import FindNames, read_entities
from tagging.domain.spans import Span as NameSpan

AUTO_FROM, SUGGEST_FROM = 0.6, 0.3
MOST_TAGS = 12
MOST_AUTO = 6
WEIGHT_BY_KIND = {
    "person": 1.1,
    "office": 1.0,
    "place": 0.9,
    "organisation": 0.9,
    "subject": 0.7,
    "event": 0.9,
    "other": 0.5,
}
TAGS = re.compile(r"<[^>]+>")


@dataclass
class Candidate:
    """A possible tag with where it stands."""

    tag: Tag
    spans: list[Span] = field(default_factory=list)

    @property
    def in_headline(self) -> bool:
        return any(span.field == "headline" for span in self.spans)

    @property
    def in_lede(self) -> bool:
        return any(span.field == "lede" for span in self.spans)


@dataclass(frozen=True)
class Proposals:
    tags: tuple[TagProposal, ...]
    rubrics: tuple[RubricProposal, ...]


def fields_of(content: StoryContent) -> list[tuple[str, str]]:
    """(field, plain text) in reading order."""
    texts = [("headline", content.headline), ("lede", content.lede)]
    texts += [(f"blocks.{place}", _text(block)) for place, block in enumerate(content.blocks)]
    return [(name, text) for name, text in texts if text]


def _text(block: Block) -> str:
    match block:
        case Paragraph() | Quote():
            return html.unescape(TAGS.sub("", block.html))
        case Heading():
            return block.text
        case ListBlock():
            return "\n".join(html.unescape(TAGS.sub("", item)) for item in block.items)
    return ""


def propose(content: StoryContent, gazetteer: Gazetteer, find_names: FindNames, home_country: str = "RU") -> Proposals:
    """Tags best first, and rubrics. The same text gives the same proposals on every worker."""
    texts = fields_of(content)
    candidates = _concepts(texts, gazetteer) | _persons(texts, find_names, gazetteer)
    weighed = sorted(
        ((_confidence(one), one) for one in candidates.values()), key=lambda pair: (-pair[0], pair[1].tag.label)
    )
    tags = [_proposal(confidence, one, place) for place, (confidence, one) in enumerate(weighed[:MOST_TAGS])]
    return Proposals(tuple(tags), tuple(_rubrics(weighed, gazetteer, home_country)))


def _concepts(texts: Sequence[tuple[str, str]], gazetteer: Gazetteer) -> dict[str, Candidate]:
    found: dict[str, Candidate] = {}
    for field_name, text in texts:
        for mention in gazetteer.find(text):
            concept = gazetteer.vocabulary.by_id[mention.concept_id]
            tag = Tag(label=concept.label, kind=concept.kind, concept_id=concept.concept_id)
            found.setdefault(concept.concept_id, Candidate(tag)).spans.append(
                Span(field=field_name, start=mention.start, end=mention.end)
            )
    return found


def _persons(texts: Sequence[tuple[str, str]], find_names: FindNames, gazetteer: Gazetteer) -> dict[str, Candidate]:
    whole, starts = "", {}
    for field_name, text in texts:
        starts[field_name] = len(whole)
        whole += text + "\n\n"
    found: dict[str, Candidate] = {}
    for entity in read_entities(whole, find_names, gazetteer.vocabulary.identify):
        if entity.kind == "PER":
            spans = [_place(one.span, starts) for one in entity.mentions]
            found[f"person:{entity.name}"] = Candidate(Tag(label=entity.name, kind="person"), spans)
    return found


def _place(span: NameSpan, starts: dict[str, int]) -> Span:
    name, start = max(
        ((name, start) for name, start in starts.items() if start <= span.start), key=lambda pair: pair[1]
    )
    return Span(field=name, start=span.start - start, end=span.end - start)


def _confidence(candidate: Candidate) -> float:
    """Between 0 and 1: mentions count most, the headline and lede more; by kind. A single passing mention stays low."""
    strength = math.log2(1 + len(candidate.spans)) + 1.2 * candidate.in_headline + 1.0 * candidate.in_lede
    strength *= WEIGHT_BY_KIND[candidate.tag.kind]
    is_full_name = candidate.tag.kind != "person" or " " in candidate.tag.label
    return round(1 / (1 + math.exp(-1.5 * (strength - 1.7))) * (1 if is_full_name else 0.6), 3)


def _proposal(confidence: float, candidate: Candidate, place: int) -> TagProposal:
    band = (
        "auto" if confidence >= AUTO_FROM and place < MOST_AUTO else "suggest" if confidence >= SUGGEST_FROM else "hide"
    )
    return TagProposal(
        tag=candidate.tag,
        confidence=confidence,
        band=band,
        reason=_reason(candidate),
        evidence=tuple(candidate.spans[:20]),
    )


def _reason(candidate: Candidate) -> str:
    count = len(candidate.spans)
    words = [f"{count} {_plural(count)}"]
    words += ["в заголовке"] if candidate.in_headline else []
    words += ["в лиде"] if candidate.in_lede else []
    return ", ".join(words)


def _plural(count: int) -> str:
    if count % 10 == 1 and count % 100 != 11:
        return "упоминание"
    return "упоминания" if count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14) else "упоминаний"


RUBRIC_OF_SUBJECT = {
    "subject-sport": "Спорт",
    "subject-culture": "Культура",
    "subject-economy": "Экономика",
    "subject-trade": "Экономика",
    "subject-agriculture": "Экономика",
    "subject-education": "Общество",
    "subject-health": "Общество",
    "subject-housing": "Общество",
    "subject-transport": "Общество",
    "subject-roads": "Общество",
    "subject-flood": "Происшествия",
    "subject-fire": "Происшествия",
    "subject-elections": "Политика",
}
POLITICAL_OFFICES = {
    f"office-{name}"
    for name in (
        "governor",
        "vice-governor",
        "president",
        "prime-minister",
        "minister",
        "mayor",
        "akim",
        "deputy",
        "senator",
        "ambassador",
    )
}


def _rubrics(
    weighed: Sequence[tuple[float, Candidate]], gazetteer: Gazetteer, home_country: str
) -> list[RubricProposal]:
    """Rules an editor can read: a salient other country, a region of the home country, an office or a subject."""
    found: dict[str, tuple[float, str]] = defaultdict(lambda: (0.0, ""))

    def add(label: str, confidence: float, reason: str) -> None:
        found[label] = max(found[label], (confidence, reason))

    for confidence, one in weighed:
        concept_id = one.tag.concept_id or ""
        if one.tag.kind == "place":
            country = gazetteer.vocabulary.country_of(concept_id)
            if country and country != home_country:
                add("За рубежом", confidence, f"заметна другая страна: {gazetteer.vocabulary.by_id[country].label}")
            for region in gazetteer.vocabulary.way_up(concept_id):
                if region.startswith("ru-"):
                    add(gazetteer.vocabulary.by_id[region].label, confidence, f"регион: {one.tag.label}")
        elif concept_id in POLITICAL_OFFICES:
            add("Политика", min(confidence + 0.2, 0.99), f"должность: {one.tag.label}")
        elif concept_id in RUBRIC_OF_SUBJECT:
            add(RUBRIC_OF_SUBJECT[concept_id], confidence, f"тема: {one.tag.label}")
    ordered = sorted(found.items(), key=lambda pair: (-pair[1][0], pair[0]))
    return [
        RubricProposal(
            rubric=Rubric(label=label),
            confidence=confidence,
            band="auto" if confidence >= 0.6 else "suggest",
            reason=reason,
        )
        for label, (confidence, reason) in ordered
        if confidence >= SUGGEST_FROM
    ][:5]
