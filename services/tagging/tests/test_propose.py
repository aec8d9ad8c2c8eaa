"""Tags and rubrics, as an editor would write them."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.content import Heading, ListBlock, Paragraph, Quote, StoryContent, Tag
from contracts.content import Span as TextSpan
from tagging.domain.gazetteer import Gazetteer
from tagging.domain.names import link_persons
from tagging.domain.people import read_people
from tagging.domain.propose import Tools, propose
from tagging.domain.ranking import Candidate
from tagging.domain.reading import read_entities
from tagging.domain.rubrics import Rule, choose_rubrics
from tagging.domain.spans import Span
from tagging.domain.texts import fields_of
from tagging.domain.vocabulary import Concept, Vocabulary
from tagging.evaluation import nominatives_right
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
        "Политика": "должность: губернатор",
        "За рубежом": "заметна другая страна: Казахстан",
        "Оренбургская область": "регион: Оренбургская область",
    }
    assert {one.rubric.label: one.reasons["en"] for one in proposals.rubrics if one.band == "auto"} == {
        "Политика": "office: governor",
        "За рубежом": "another country stands out: Kazakhstan",
        "Оренбургская область": "region: Orenburg Region",
    }


def test_a_rule_in_one_language_only_is_told_in_its_words_and_braces_of_its_own_do_no_harm():
    spans = [TextSpan(field="headline", start=0, end=4)]
    orsk = Candidate(Tag(label="Орск", kind="place", concept_id="city-orsk"), spans=spans)
    rule = Rule(rubric="Города", when="concept", concepts=("city-orsk",), reason="{label} {0} {label.x}")

    [rubric] = choose_rubrics([(0.9, orsk)], shipped(), [rule], "RU", {})

    assert (rubric.reason, rubric.reasons) == ("Орск {0} {label.x}", {"ru": "Орск {0} {label.x}"})


def test_names_that_differ_only_in_their_numbers_stay_apart(find_names):
    concepts = [
        Concept("school-5", "organisation", "Школа № 5"),
        Concept("school-15", "organisation", "Школа № 15"),
        Concept("hospital-1", "organisation", "1-я городская больница"),
    ]
    numbered = Gazetteer(Vocabulary(concepts, "1"))
    text = "В Школе № 15 праздник. 5 детей из Школы № 5. Любая Школа рада, и школа №5. Есть 11-я городская больница и 1-я городская больница."

    found = [(one.concept_id, text[one.start : one.end]) for one in numbered.find(text)]
    entities = read_entities("Школа № 5 и Школа № 15 соревнуются. Школу № 15 хвалят.", find_names, lambda _: None)

    assert found == [
        ("school-15", "Школе № 15"),
        ("school-5", "Школы № 5"),
        ("hospital-1", "1-я городская больница"),
    ]
    assert [one.name for one in entities] == ["Школа № 5", "Школа № 15"]


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


def test_at_least_95_in_100_lone_names_come_out_in_the_nominative():
    right, names, wrong = nominatives_right(Path(__file__).parent / "gold" / "names.txt")

    assert names == 60
    assert right >= 58, wrong


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Дело [Роберта Гаева-младшего] закрыто", "Роберт Гаев-младший"),
        ("Говорили с [Ильёй Дорном-старшим] дважды", "Илья Дорн-старший"),
        ("Машину [Льва Коваля] нашли", "Лев Коваль"),
        ("Стихи [Мусы Джалиля] читали", "Муса Джалиль"),
        ("Встреча с [Эммануэлем Макроном] прошла", "Эммануэль Макрон"),
        ("Роль [Чулпан Хаматовой] сыграла другая", "Чулпан Хаматова"),
        ("Письмо [Ким Чен Ыну] передали", "Ким Чен Ын"),
        ("Встреча с [Ким Чен Ыном] прошла", "Ким Чен Ын"),
        ("Визит [Нарендры Моди] начался", "Нарендра Моди"),
        ("Гол [Карлоса Альберто] засчитали", "Карлос Альберто"),
    ],
)
def test_a_lone_name_in_an_oblique_case_comes_out_in_the_nominative(sentence, expected):
    span = Span(sentence.index("["), sentence.index("]") - 1)

    [person] = link_persons(sentence.replace("[", "").replace("]", ""), [span])

    assert person.name.label == expected


def test_a_surname_alone_may_be_the_younger_bearer_of_the_story():
    text = "Для Кирилла Пескова-младшего это первый полёт. Пескова ждут дома. Кирилл Песков-младший рад."
    spans = [
        Span(text.index(name), text.index(name) + len(name))
        for name in ("Кирилла Пескова-младшего", "Пескова ", "Кирилл Песков-младший")
    ]

    assert [(one.name.label, len(one.spans)) for one in link_persons(text, spans)] == [("Кирилл Песков-младший", 3)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Второй стала Алия Иксанова. Иксанова рада.", ["Алия Иксанова"]),
        ("Лыжница Непряева выиграла. Дарья Непряева довольна.", ["Дарья Непряева"]),
        ("Галина Немченко лечит. «Куда я», — смеётся Галина Петровна.", ["Галина Немченко"]),
        ("Дело братьев Ямадаевых закрыли.", []),
        ("Министр Саясат Нурбек пообещал грант.", ["Саясат Нурбек"]),
        ("Полина Гагарина споёт. Гагарина не была здесь давно.", ["Полина Гагарина"]),
        ("Хирурга оправдали. Хирург рад.", []),
        ("Камала Харрис снова пойдёт на выборы, сказала Камала Харрис.", ["Камала Харрис"]),
        ("О решении объявила Кая Каллас.", ["Кая Каллас"]),
    ],
)
def test_people_are_found_named_and_put_together(find_names, text, expected):
    entities = read_entities(text, find_names, shipped().identify)

    assert [one.name for one in entities if one.kind == "PER"] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Governor Yevgeny Solntsev met farmers. Solntsev said trade had grown. On Monday Orenburg Region waited.",
            [("Yevgeny Solntsev", 2)],
        ),
        ("The New Theatre opened in Orenburg City.", []),
        ("Tokayev\n\nPresident Joe Biden said little. Biden left.", [("Joe Biden", 2)]),
        ("Anna Bell told reporters. Bell's car was there.", [("Anna Bell", 2)]),
    ],
)
def test_people_in_english_are_those_who_act(text, expected):
    assert [(one.name, len(one.mentions)) for one in read_people(text, "en", [])] == expected


def test_people_in_kazakh_lose_their_endings():
    text = "Асхат Шахаровтың сөзі. Шахаров облыстың әкімі. Нариман Төреғалиевке рахмет."

    assert [(one.name, len(one.mentions)) for one in read_people(text, "kk", [])] == [
        ("Асхат Шахаров", 2),
        ("Нариман Төреғалиев", 1),
    ]


def test_a_region_that_only_its_town_names_is_proposed_with_the_reason(tagged):
    proposals = tagged(StoryContent(headline="Орск встретил весну", blocks=(Paragraph(html="В Орске тает снег."),)))

    [region] = [one for one in proposals.tags if one.tag.label == "Оренбургская область"]
    assert region.reasons == {
        "ru": "не назван, но назван Орск",
        "en": "not named, but Orsk is",
        "kk": "аталмаған, бірақ Орск аталған",
    }


def test_the_country_in_an_agencys_name_is_no_tag(tagged):
    story = StoryContent(headline="УФСБ России задержало чиновника", lede="Минздрав России и МЧС России молчат.")

    assert "Россия" not in [one.tag.label for one in tagged(story).tags]


def test_a_place_in_quotes_is_a_club(tagged):
    story = StoryContent(
        headline="«Южный Урал» выиграл", lede="Хоккеисты «Южного Урала» забили трижды. «Южный Урал» рад."
    )

    kinds = {one.tag.kind for one in tagged(story).tags if one.tag.label in ("Южный Урал", "Челябинская область")}
    assert kinds <= {"organisation"}


def _labels(tagged, headline, *paragraphs):
    story = StoryContent(headline=headline, blocks=tuple(Paragraph(html=one) for one in paragraphs))
    return [one.tag.label for one in tagged(story).tags]


@pytest.mark.parametrize(
    ("headline", "text", "named", "unnamed"),
    [
        ("Переговоры о рейсах", "Говорили не только о дорогах.", "транспорт", "дороги"),
        ("Жеребёнка назвали Лучом", "Это детёныш лошади Пржевальского.", "животные", "Пржевальский"),
        ("Открыта премия", "Премию имени Ивана Бунина вручат в Ельце.", None, "Иван Бунин"),
        ("Нового главу Беляевского района избрали", "Им стал Виктор Сермягин.", "глава района", None),
        ("Датчик чует газ", "Работу вели в Институте автоматики и электрометрии.", "Институт автоматики и электрометрии", None),
        ("Уфимцы выиграли", "Уфимцы рады.", "Уфа", None),
        ("Хоккей в Уфе", "Победил «Салават Юлаев».", "Уфа", "Салават"),
    ],
)  # fmt: skip
def test_what_a_text_is_about_is_told_from_what_it_passes_by(tagged, headline, text, named, unnamed):
    labels = _labels(tagged, headline, text)

    assert (named is None or named in labels, unnamed in labels) == (True, False), labels


def test_whose_words_are_quoted_is_told_from_whom_a_story_is_about(tagged):
    quoted = StoryContent(
        headline="Волки вышли к посёлку",
        blocks=(Paragraph(html="«Стая мала», — успокаивает Кочкин. «Ждём зимы», — вздыхает охотовед Степан Кочкин."),),
    )
    acting = StoryContent(
        headline="Волки вышли к посёлку",
        blocks=(Paragraph(html="Стаю прогнал Кочкин. Ружья охотовед Степан Кочкин не взял."),),
    )

    sure = [
        next(one.confidence for one in tagged(story).tags if one.tag.label == "Степан Кочкин")
        for story in (quoted, acting)
    ]

    assert sure[0] < sure[1]


def test_a_town_that_a_story_plays_near_weighs_less_than_one_it_plays_in(tagged):
    near, inside = (
        next(
            one.confidence
            for one in tagged(StoryContent(headline=f"{where} нашли клад")).tags
            if one.tag.label == "Пенза"
        )
        for where in ("Под Пензой", "В Пензе")
    )

    assert near < inside
