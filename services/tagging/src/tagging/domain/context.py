"""What the words around a name say of its case and gender: «президента … Медведева», «с …», «… сказала»."""

import re
from functools import lru_cache

from tagging.domain.words import parses

CASES_OF_PREPOSITION: dict[str, frozenset[str]] = {
    word: frozenset(cases.split())
    for cases, words in {
        "gent": "из от до у без для около после против из-за кроме среди вокруг вместо ради возле мимо",
        "datv": "к ко по благодаря согласно вопреки навстречу",
        "accs": "через про сквозь",
        "accs loct": "в во на",
        "gent ablt": "с со",
        "ablt": "над под перед между",
        "ablt accs": "за",
        "loct": "о об обо при",
    }.items()
    for word in words.split()
}

SPEECH = frozenset(
    [
        *[
            "сказать",
            "рассказать",
            "говорить",
            "заявить",
            "сообщить",
            "отметить",
            "добавить",
            "подчеркнуть",
            "уточнить",
            "пояснить",
            "признаться",
            "признать",
        ],
        *[
            "пообещать",
            "заверить",
            "напомнить",
            "считать",
            "объяснить",
            "ответить",
            "написать",
            "полагать",
            "предупредить",
            "заключить",
            "прокомментировать",
        ],
        *[
            "констатировать",
            "подытожить",
            "согласиться",
            "призвать",
            "отмечать",
            "утверждать",
            "пошутить",
            "вспомнить",
            "поделиться",
            "резюмировать",
        ],
        *[
            "объявить",
            "поблагодарить",
            "поздравить",
            "улыбнуться",
            "смеяться",
            "рассмеяться",
            "вздохнуть",
            "уверить",
            "поручить",
            "возразить",
        ],
    ]
)


NAMESAKES = frozenset(
    [
        "улица",
        "проспект",
        "площадь",
        "переулок",
        "бульвар",
        "набережная",
        "шоссе",
        "сквер",
        "парк",
        "аэропорт",
        "премия",
        "стипендия",
        "медаль",
        "орден",
        "кубок",
        "мемориал",
        "театр",
        "музей",
        "библиотека",
        "школа",
        "гимназия",
        "лицей",
        "училище",
        "колледж",
        "университет",
        "институт",
        "академия",
        "больница",
        "клиника",
        "завод",
        "фабрика",
        "дворец",
        "стадион",
        "чтения",
        "конкурс",
        "фестиваль",
        "имя",
        "болезнь",
        "синдром",
        "теорема",
        "закон",
        "лошадь",
        "тюльпан",
    ]
)
"""What bears somebody's name: «площадь Ленина», «лошадь Пржевальского»."""
NAMESAKE_BEFORE = re.compile(r"([^\W\d_]+)\s$")
ATTRIBUTION_BEFORE = re.compile(r"([^\W\d_]+)\s+(?:[^\W\d_]+\s+)?$")
AFTER_QUOTE = re.compile(r"[»”\"]\s?,?\s[—–-]\s(?:[^\W\d_-]+\s){1,4}$")
ATTRIBUTION_AFTER = re.compile(r"\s+([^\W\d_]+)")


def is_attribution(text: str, start: int, end: int) -> bool:
    """Whether a name only says whose words these are: «по словам …», «…», — сказал …, … отметил, что."""
    before = ATTRIBUTION_BEFORE.search(text, max(0, start - 50), start)
    after = ATTRIBUTION_AFTER.match(text, end)
    return (
        any(_is_speech(found.group(1)) for found in (before, after) if found)
        or text[max(0, start - 10) : start].endswith(("словам ", "мнению ", "данным "))
        or AFTER_QUOTE.search(text, max(0, start - 60), start) is not None
    )


def is_namesake(text: str, start: int) -> bool:
    """Whether a person's name is that of a street, a theatre, a prize: no mention of the person."""
    before = NAMESAKE_BEFORE.search(text, max(0, start - 30), start)
    return text[max(0, start - 4) : start] == "им. " or (before is not None and _bears_names(before.group(1)))


@lru_cache(maxsize=5_000)
def _bears_names(word: str) -> bool:
    return any(parse.normal_form in NAMESAKES for parse in parses(word.lower())[:2] if "NOUN" in parse.tag)


@lru_cache(maxsize=20_000)
def _is_speech(word: str) -> bool:
    return any(parse.normal_form in SPEECH for parse in parses(word.lower())[:2] if "VERB" in parse.tag)


@lru_cache(maxsize=20_000)
def case_weights(before: str) -> tuple[tuple[str, float], ...]:
    """(case, weight) that the word before a name suggests; cases it says nothing of are absent and weigh 1."""
    word = before.lower()
    if governed := CASES_OF_PREPOSITION.get(word):
        return tuple(
            (case, 2.0 if case in governed else 0.1) for case in ("nomn", "gent", "datv", "accs", "ablt", "loct")
        )
    nouns = [parse for parse in parses(word) if "NOUN" in parse.tag and "sing" in parse.tag and parse.score > 0.05]
    people = {str(parse.tag.case) for parse in nouns if "anim" in parse.tag}
    if people:
        return tuple((case, 2.5) for case in sorted(people))
    if any("nomn" in parse.tag for parse in nouns):
        return (("gent", 3.0),)  # «визит …»; after «в среду» and «на встрече» a subject may begin
    return (("gent", 1.6),) if nouns else ()


@lru_cache(maxsize=20_000)
def gender_after(after: str) -> str:
    """The gender of a verb in the past that stands after a name: its subject is then in the nominative. Empty: no such verb."""
    for parse in parses(after.lower())[:1]:
        if "VERB" in parse.tag and "past" in parse.tag and "sing" in parse.tag:
            return str(parse.tag.gender or "")
    return ""


@lru_cache(maxsize=20_000)
def gender_before(before: str) -> str:
    """The same of a verb of speech, or one without an object, before it: «…», — призналась Белова; второй стала Белова."""
    for parse in parses(before.lower())[:1]:
        tag = parse.tag
        if not ("VERB" in tag and "past" in tag and "sing" in tag):
            continue
        if parse.normal_form in SPEECH or "intr" in tag:
            return str(parse.tag.gender or "")
    return ""
