"""The same story from several sources: exact, nearly the same, one inside the other; told, never dropped."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.testing import recorded_events
from contracts.content import Heading, ListBlock, Paragraph, StoryContent
from ingestion.domain.duplicates import likeness, sketch_of, unpack
from ingestion.handlers.housekeeping import keep_house

WORDS = [f"слово{number}" for number in range(3000)]
RELEASE = (
    "Глава региона осмотрел новый мост через реку и поручил открыть движение до конца ноября. Строители завершили укладку "
    "покрытия, осталось смонтировать освещение и нанести разметку. Мост свяжет два берега города и разгрузит центр. По словам "
    "подрядчика, работы идут с опережением графика на три недели. Стоимость контракта составила два миллиарда рублей из "
    "областного и федерального бюджетов. Движение по старому мосту закроют на ремонт весной следующего года."
)
OTHER = (
    "Вечером в городе прошёл концерт симфонического оркестра. Зрители услышали произведения русских композиторов, а солистка "
    "исполнила несколько романсов. Следующее выступление коллектива состоится в декабре, билеты уже поступили в продажу."
)


def content(*paragraphs, headline="Мост"):
    return StoryContent(headline=headline, blocks=tuple(Paragraph(html=text) for text in paragraphs))


def alike(one, other):
    return likeness(sketch_of(content(one)).shingles, sketch_of(content(other)).shingles)


def edited(text, every, seed=1):
    """The text with every so many words replaced."""
    words, dice = text.split(), random.Random(seed)
    return " ".join(dice.choice(WORDS) if place % every == every - 1 else word for place, word in enumerate(words))


def test_markup_case_and_signs_do_not_count():
    plain = content("Мост через Урал — «новый»!", "Ещё слова")
    marked = StoryContent(
        headline="МОСТ",
        blocks=(Heading(text="мост через"), Paragraph(html="<b>Урал</b> новый"), ListBlock(items=("еще слова",))),
    )

    assert sketch_of(plain).body_hash == sketch_of(marked).body_hash
    assert sketch_of(plain) == sketch_of(marked)


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (RELEASE, True),
        (edited(RELEASE, 20), True),
        (edited(RELEASE, 10), True),
        (edited(RELEASE, 4), False),
        (" ".join(RELEASE.split()[:30]), True),
        (RELEASE + " " + " ".join(WORDS[:400]), True),
        (OTHER, False),
        (" ".join(RELEASE.split()[:8]), False),
        ("", False),
    ],
)
def test_what_is_the_same_story_and_what_is_not(other, is_same):
    assert (alike(RELEASE, other) > 0) is is_same
    assert alike(RELEASE, other) == alike(other, RELEASE)


@given(st.lists(st.sampled_from(WORDS[:50]), max_size=60))
def test_a_sketch_comes_back_from_the_database_as_it_was(words):
    sketch = sketch_of(content(" ".join(words)))

    assert unpack(sketch.pack()) == sketch.shingles
    assert set(sketch.sample) <= sketch.shingles
    assert len(sketch.pack()) == 8 * len(sketch.shingles)
    assert likeness(sketch.shingles, sketch.shingles) in (0.0, 1.0)


def push(client, number, body, **more):
    story = {
        "source": {"source_id": f"s{number}", "name": f"Источник {number}"},
        "external_id": "1",
        "headline": f"Заголовок {number}",
        "body": body,
    }
    return client.post("/stories", json={**story, **more}).json()["story_id"]


def duplicates(database):
    return [event["duplicate_of"] for event in recorded_events(database)]


@pytest.mark.stack
def test_the_same_story_of_three_sources_is_told_as_such(client, database):
    first = push(client, 1, RELEASE)
    push(client, 2, OTHER)
    third = push(client, 3, edited(RELEASE, 12))
    push(client, 4, RELEASE.partition("По словам")[0])

    *told, last = duplicates(database)
    assert told == [[], [], [first]]
    assert set(last) == {first, third}


@pytest.mark.stack
def test_the_same_words_and_the_same_address_come_first(client, database):
    near = push(client, 1, edited(RELEASE, 12), headline="Мост")
    by_words = push(client, 2, RELEASE, headline="Мост")
    by_address = push(client, 3, OTHER, canonical_url="https://orsk.example/1")
    push(client, 4, RELEASE, headline="Мост", canonical_url="https://orsk.example/1")

    last = duplicates(database)[-1]
    assert set(last[:2]) == {by_words, by_address}
    assert last[2] == near


@pytest.mark.stack
def test_a_revision_is_no_duplicate_of_itself_and_its_old_words_are_forgotten(client, database):
    push(client, 1, RELEASE)
    push(client, 1, OTHER)
    push(client, 2, RELEASE)

    assert duplicates(database) == [[], [], []]


@pytest.mark.stack
def test_what_is_older_than_a_week_is_told_again_and_forgotten(client, database, intake):
    push(client, 1, RELEASE)
    with database.connection() as connection:
        for table in ("sketch", "shingle"):
            connection.execute(f"UPDATE {table} SET came_at = now() - interval '8 days'")
    push(client, 2, RELEASE)
    keep_house(intake, 90)

    assert duplicates(database) == [[], []]
    with database.connection() as connection:
        assert connection.execute("SELECT count(*) FROM sketch").fetchone() == (1,)


@pytest.mark.stack
def test_how_often_a_phrase_is_used_does_not_make_the_search_long(client, database):
    for number in range(60):
        push(
            client,
            number,
            f"Об этом сообщает пресс-служба администрации города. Номер {WORDS[number]}. {' '.join(WORDS[number * 40 : number * 40 + 40])}",
        )

    assert duplicates(database) == [[]] * 60
