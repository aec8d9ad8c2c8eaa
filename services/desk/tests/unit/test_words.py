"""Nothing is left untranslated, and nothing is translated that nobody says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import desk
from desk.domain.faults import SENTENCES
from desk.i18n import choose_language, words_in

HERE = Path(desk.__file__).parent


def said() -> dict[str, object]:
    found = extract_from_dir(HERE / "templates", method_map=[("**.html", "jinja2")])
    pages = {one[2][0] if isinstance(one[2], tuple) else one[2]: one[2] for one in found}
    return {**pages, **{sentence: sentence for sentence in SENTENCES.values()}}


def test_every_word_of_the_pages_is_translated_into_russian():
    with (HERE / "locale" / "ru.po").open("rb") as file:
        catalog = read_po(file, locale="ru")

    assert {message for message in said() if not (catalog.get(message) and catalog.get(message).string)} == set()
    assert {message.id if isinstance(message.id, str) else message.id[0] for message in catalog if message.id} - set(
        said()
    ) == set()


def test_translations_keep_the_places_for_values():
    with (HERE / "locale" / "ru.po").open("rb") as file:
        catalog = read_po(file, locale="ru")

    def places(text):
        return {part.split(")")[0] for part in text.split("%(")[1:]}

    wrong = {m.id for m in catalog if isinstance(m.id, str) and m.id and places(m.id) != places(m.string)}

    assert wrong == set()


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "1 попытка"),
        (3, "3 попытки"),
        (11, "11 попыток"),
        (12, "12 попыток"),
        (21, "21 попытка"),
        (25, "25 попыток"),
    ],
)
def test_russian_counts_agree_with_their_nouns(number, text):
    assert words_in("ru").ngettext("%(num)d attempt", "%(num)d attempts", number) % {"num": number} == text


def test_a_fault_is_told_by_its_code_in_the_readers_language():
    faults = [{"code": "photo-lost", "values": {"photo": "Мост"}}, {"code": "no-headline", "values": {}}]

    assert words_in("ru").tell(faults, "?").startswith("Файлов фото «Мост» нет в хранилище")
    assert words_in("en").tell(faults, "?").endswith("in its place. The headline is empty.")


@pytest.mark.parametrize("code", ["new-one", "photo-lost"])
def test_a_fault_that_the_desk_has_no_sentence_or_no_value_for_is_told_in_the_words_that_came_with_it(code):
    assert words_in("en").tell([{"code": code, "values": {}}], "Файлов нет.") == "Файлов нет."
    assert words_in("en").tell([], "Файлов нет.") == "Файлов нет."


def test_a_day_of_another_year_is_told_with_its_year():
    moment = datetime(2020, 11, 24, 12, 4, tzinfo=UTC)

    assert words_in("ru").moment(moment, ZoneInfo("UTC")) == "24 нояб. 2020"


def test_a_wait_is_told_in_hours_and_minutes():
    at = datetime.now(UTC) + timedelta(hours=3, minutes=12)

    assert words_in("ru").until(at) == "3 ч 12 мин"
    assert words_in("en").until(at) == "3 hr 12 min"


@pytest.mark.parametrize(
    ("accepted", "language"), [("en-GB,en;q=0.9", "en"), ("fr, en;q=0.5", "en"), ("", "ru"), ("kk", "ru")]
)
def test_a_stranger_is_spoken_to_in_a_language_of_the_browser(accepted, language):
    assert choose_language(accepted) == language
