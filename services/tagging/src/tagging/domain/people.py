"""People in English and Kazakh texts, by rules: the net reads only Russian.

A row of capitalised words is a person where something says so: a title before it, a word of speech beside it, a surname's ending
(Kazakh), or that its last word alone goes on acting. Later mentions by surname belong to the full name.
"""

import re
from collections.abc import Iterator, Sequence

from tagging.domain.entities import Entity, Mention
from tagging.domain.spans import Span

TITLES = frozenset(
    [
        *[
            "president",
            "governor",
            "mayor",
            "minister",
            "premier",
            "chancellor",
            "senator",
            "judge",
            "general",
            "professor",
            "dr",
            "mr",
            "mrs",
            "ms",
            "sir",
            "king",
            "queen",
        ],
        *[
            "secretary",
            "director",
            "chairman",
            "chairwoman",
            "chief",
            "speaker",
            "deputy",
            "coach",
            "captain",
            "bishop",
            "colonel",
            "prosecutor",
            "officer",
        ],
        *[
            "spokesman",
            "spokeswoman",
            "lawmaker",
            "actor",
            "actress",
            "singer",
            "writer",
            "engineer",
            "farmer",
            "scientist",
            "ambassador",
            "akim",
            "leader",
        ],
    ]
)
SPEECH = frozenset(
    [
        "said",
        "says",
        "told",
        "added",
        "asked",
        "announced",
        "noted",
        "explained",
        "argued",
        "warned",
        "wrote",
        "believes",
        "thinks",
        "called",
        "promised",
    ]
)
NO_NAMES = frozenset(
    [
        *[
            "the",
            "a",
            "an",
            "on",
            "in",
            "at",
            "of",
            "for",
            "and",
            "but",
            "by",
            "with",
            "from",
            "to",
            "as",
            "it",
            "he",
            "she",
            "they",
            "we",
            "i",
            "this",
            "that",
            "these",
            "those",
            "his",
            "her",
            "their",
            "our",
            "its",
        ],
        *[
            "monday",
            "tuesday",
            "wednesday",
            "thursday",
            "friday",
            "saturday",
            "sunday",
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
        ],
        *[
            "september",
            "october",
            "november",
            "december",
            "after",
            "before",
            "when",
            "while",
            "if",
            "then",
            "there",
            "here",
            "last",
            "next",
            "new",
            "one",
            "two",
        ],
        *[
            "region",
            "city",
            "university",
            "company",
            "bank",
            "council",
            "party",
            "street",
            "river",
            "ministry",
            "committee",
            "district",
            "club",
            "court",
        ],
        *[
            "school",
            "hospital",
            "airport",
            "association",
            "union",
            "federation",
            "agency",
            "department",
            "office",
            "service",
            "church",
            "museum",
            "theatre",
        ],
    ]
)
ENGLISH = re.compile(
    r"\b[A-Z][\w'’-]*[a-z](?:[^\S\n]+(?:(?:de|van|von|der|bin|al|da|la|el)[^\S\n]+)*[A-Z][\w'’-]*[a-z]\b)*"
)
LAST_WORD = re.compile(r"[\w'’-]+$")
# begun at a word's start and never taken back, so that a megabyte without spaces costs one look and not a look a letter
KAZAKH = re.compile(r"\b[А-ЯЁӘҒҚҢӨҰҮҺІ][\w-]++(?:[^\S\n]++[А-ЯЁӘҒҚҢӨҰҮҺІ][\w-]++){1,2}")
KAZAKH_SURNAME = re.compile(
    r"(.+?(?:ов|ев|ёв|ин|ова|ева|ина|ұлы|қызы|ский|ская))"
    r"(?:ның|нің|дың|дің|тың|тің|ға|ге|қа|ке|на|не|ны|ні|ды|ді|ты|ті|да|де|та|те|дан|ден|тан|тен|нан|нен|мен|бен|пен)?"
)


def read_people(text: str, language: str, taken: Sequence[Span]) -> list[Entity]:
    """In the order in which they are first named. `taken`: stretches that the vocabulary explains already."""
    full = list(_english(text, taken) if language == "en" else _kazakh(text, taken))
    by_surname: dict[str, tuple[str, list[Mention]]] = {}
    for span, name in full:
        known, mentions = by_surname.setdefault(name.split()[-1], (name, []))
        mentions.append(Mention(span, known))
    for surname, (name, mentions) in by_surname.items():
        ending = r"\b" if language == "en" else r"\w{0,4}\b"
        for found in re.finditer(rf"\b{re.escape(surname)}{ending}", text):
            if not any(one.span.start <= found.start() < one.span.end for one in mentions):
                mentions.append(Mention(Span(found.start(), found.end()), name))
    entities = [
        Entity("PER", name, tuple(sorted(mentions, key=lambda one: one.span))) for name, mentions in by_surname.values()
    ]
    return sorted(entities, key=lambda one: one.mentions[0].span)


def _english(text: str, taken: Sequence[Span]) -> Iterator[tuple[Span, str]]:
    for found in ENGLISH.finditer(text):
        words = list(re.finditer(r"\S+", found.group()))
        has_title = False
        while words and words[0].group().lower().strip("'’") in TITLES | NO_NAMES:
            has_title |= words.pop(0).group().lower() in TITLES
        if not 2 <= len(words) <= 5 or {word.group().lower() for word in words} & NO_NAMES:
            continue
        span = Span(found.start() + words[0].start(), found.end())
        if any(one.start < span.end and span.start < one.end for one in taken):
            continue
        name = text[span.start : span.end].removesuffix("'s").removesuffix("’s")
        if has_title or _acts(text, span):
            yield Span(span.start, span.start + len(name)), " ".join(name.split())


def _acts(text: str, span: Span) -> bool:
    """Whether a word beside the name is one of speech or a title, or its last word stands alone elsewhere, too."""
    after = re.findall(r"[\w’']+", text[span.end : span.end + 30])[:1]
    before = re.findall(r"[\w’']+", text[max(0, span.start - 30) : span.start])[-1:]
    if any(word.lower() in SPEECH | TITLES for word in (*after, *before)):
        return True
    last = LAST_WORD.search(text[: span.end])
    return last is not None and len(re.findall(rf"\b{re.escape(last.group())}\b", text)) > 1


def _kazakh(text: str, taken: Sequence[Span]) -> Iterator[tuple[Span, str]]:
    for found in KAZAKH.finditer(text):
        words = list(re.finditer(r"\S+", found.group()))
        for place, word in enumerate(words):
            surname = KAZAKH_SURNAME.fullmatch(word.group())
            span = Span(found.start() + words[place - 1].start(), found.start() + word.end()) if place else None
            if surname and span and not any(one.start < span.end and span.start < one.end for one in taken):
                yield span, f"{words[place - 1].group()} {surname.group(1)}"
                break
