"""Nothing is left untranslated, and nothing is translated that nobody says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import desk
from desk.domain import faults, refusals
from desk.i18n import choose_language, words_in

HERE = Path(desk.__file__).parent
SENTENCES = (*faults.SENTENCES.values(), *refusals.SENTENCES.values(), *(sentence for _, sentence in refusals.REASONS))


def said() -> dict[str, object]:
    found = extract_from_dir(HERE / "templates", method_map=[("**.html", "jinja2")])
    pages = {one[2][0] if isinstance(one[2], tuple) else one[2]: one[2] for one in found}
    return {**pages, **{sentence: sentence for sentence in SENTENCES}}


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


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Field required", "не указано"),
        ("String should match pattern '^@?[A-Za-z]'", "записано не так, как нужно"),
        ("String should have at least 1 character", "слишком коротко: нужно не меньше 1"),
        ("List should have at most 20 items after validation, not 21", "слишком длинно: можно не больше 20"),
        ("Input should be greater than or equal to 60", "слишком мало: нужно не меньше 60"),
        ("Input should be less than or equal to 3600", "слишком много: можно не больше 3600"),
        ("Input should be a valid integer, unable to parse string as an integer", "это не число"),
        ("Input should be 'webhook', 'polling' or 'shared'", "может быть 'webhook', 'polling' or 'shared'"),
        ("must be https://host/…, without user name and fragment", "начинается с https:// и без имени пользователя"),
        (
            "Value error, webhook_secret: must be 16 to 256 of A-Z a-z 0-9 _ -",
            "нужно от 16 до 256 знаков: A-Z a-z 0-9 _ -",
        ),
        ("something else altogether", "something else altogether"),
    ],
)
def test_what_another_service_says_of_a_field_is_told_in_the_readers_language(words, told):
    assert words_in("ru").reason(words) == told


def test_a_refusal_is_told_by_its_slug_and_an_unknown_one_as_a_refusal():
    russian, english = words_in("ru"), words_in("en")

    assert russian.refused("source-taken") == "Источник с таким коротким именем уже есть."
    assert english.refused("source-taken") == "There is a source of this short name already."
    assert russian.refused("never-heard-of") == "Отказано."
