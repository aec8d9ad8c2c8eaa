"""Tags and rubrics, as an editor would write them."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.content import Heading, ListBlock, Paragraph, Quote, StoryContent
from tagging.domain.names import link_persons
from tagging.domain.propose import Tools, propose
from tagging.domain.spans import Span
from tagging.domain.texts import fields_of
from tagging.shipped import shipped

DELEGATION = StoryContent(
    headline="Евгений Солнцев провёл переговоры с акимом Актюбинской области",
    lede="Губернатор Оренбургской области рассказал об итогах поездки делегации в Казахстан.",
    blocks=(
        Paragraph(
            html="Делегация Оренбуржья побывала в Актобе. <b>Солнцев</b> и аким Асхат Шахаров обсудили автобусные рейсы и торговлю."
        ),
        Paragraph(
            html="По словам Евгения Солнцева, соседям нужны прямые дороги. С Солнцевым приехали министры. В Казахстане делегацию ждали."
        ),
        Quote(html="Мы договорились с Касым-Жомартом Токаевым о встрече"),
    ),
)


def test_the_four_right_tags_are_sure_and_in_the_nominative(tagged):
    proposals = tagged(DELEGATION)

    sure = {(one.tag.label, one.tag.kind) for one in proposals.tags if one.band == "auto"}
    assert {
        ("Евгений Солнцев", "person"),
        ("губернатор", "office"),
        ("Оренбургская область", "place"),
        ("Казахстан", "place"),
    } <= sure
    assert proposals.tags[0].tag.label == "Евгений Солнцев"


def test_the_rubrics_follow_rules_an_editor_can_read(tagged):
    proposals = tagged(DELEGATION)

    assert {one.rubric.label: one.reason for one in proposals.rubrics if one.band == "auto"} == {
        "Политика": "тема: международные отношения",
        "За рубежом": "заметна другая страна: Казахстан",
        "Оренбургская область": "регион: Оренбургская область",
    }


def test_a_tag_says_how_often_and_where_it_was_found(tagged):
    [person] = [one for one in tagged(DELEGATION).tags if one.tag.label == "Евгений Солнцев"]

    assert person.reason == "4 упоминания, в заголовке"
    texts = dict(fields_of(DELEGATION))
    assert [texts[span.field][span.start : span.end] for span in person.evidence] == [
        "Евгений Солнцев",
        "Солнцев",
        "Евгения Солнцева",
        "Солнцевым",
    ]


def test_the_same_text_gives_the_same_proposals(tagged):
    assert tagged(DELEGATION) == tagged(DELEGATION)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Оренбуржцы встретили гостей", "Оренбургская область"),
        ("Дороги Оренбуржья отремонтируют", "Оренбургская область"),
        ("В Башкирии собрали урожай", "Башкортостан"),
        ("Казахстанские водители поедут", "Казахстан"),
        ("Жители Соль-Илецка ждут", "Соль-Илецк"),
        ("Вице-губернатора назначили", "вице-губернатор"),
        ("Первого вице-губернатора назначили", "вице-губернатор"),
        ("В Орске открыли парк", "Орск"),
        ("The governor of the region spoke in Kazakhstan", "Казахстан"),
    ],
)
def test_everyday_names_and_any_case_lead_to_the_concept(gazetteer, text, label):
    assert label in [gazetteer.vocabulary.by_id[one.concept_id].label for one in gazetteer.find(text)]


def test_a_city_leads_up_to_its_region_and_country():
    vocabulary = shipped()

    assert vocabulary.way_up("city-orsk") == ["city-orsk", "ru-ore", "RU"]
    assert vocabulary.country_of("city-aktobe") == "KZ"


def test_the_vocabulary_holds_every_region_of_russia_and_kazakhstan():
    ids = shipped().by_id

    assert len([one for one in ids if one.startswith("ru-")]) == 89
    assert len([one for one in ids if one.startswith("kz-")]) == 20
    assert len([one for one in ids if one.isupper()]) > 240


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("Ирина Белова сказала. У Беловой спросили.", ["Ирина Белова", "Беловой"], ["Ирина Белова"]),
        (
            "Ивана Петрова и Марию Петрову наградили.",
            ["Ивана Петрова", "Марию Петрову"],
            ["Иван Петров", "Мария Петрова"],
        ),
        ("С Алексеем Лавровым говорили.", ["Алексеем Лавровым"], ["Алексей Лавров"]),
        ("Nina Hale spoke.", ["Nina Hale"], ["Nina Hale"]),
    ],
)
def test_persons_are_put_together_in_the_nominative(text, names, expected):
    spans = [Span(text.index(name), text.index(name) + len(name)) for name in names]

    assert sorted(person.name.label for person in link_persons(text, spans)) == sorted(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ВСЁ ПИШЕМ ПРОПИСНЫМИ ПРО ОРЕНБУРГ",
        "🙂🙂 #тег @кто",
        "a" * 10_000,
        "без знаков препинания и точек совсем " * 200,
        "\u200bОрен\u200bбург",
        "<b>Орск",
        "кк " * 3000,
    ],
)
def test_odd_texts_give_a_result(tagged, text):
    proposals = tagged(
        StoryContent(
            headline="Заголовок", blocks=(Paragraph(html=text), Heading(text=text[:2000]), ListBlock(items=(text,)))
        )
    )

    assert all(0 <= one.confidence <= 1 for one in proposals.tags)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet="АБабвгдея ОрскКазахст.,-«»\n🙂", max_size=200))
def test_no_text_crashes_it(gazetteer, text):
    proposals = propose(StoryContent(headline="x", blocks=(Paragraph(html=text),)), Tools(gazetteer, lambda _: []))

    assert isinstance(proposals.tags, tuple)
