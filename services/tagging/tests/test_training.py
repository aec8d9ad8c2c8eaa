"""The rubrics' model: learns what can be learned, measures itself on what it has not seen, and is used only where it helps."""

from datetime import UTC, datetime, timedelta

import pytest

from chassis.ids import new_id
from contracts.content import Paragraph, Rubric, StoryContent
from contracts.events import StoryRevised, TagsReviewed
from tagging.domain.classifier import Classifier, train
from tagging.domain.gazetteer import Gazetteer
from tagging.domain.propose import Tools
from tagging.domain.training import FiledText, TooFewStoriesError, train_rubrics
from tagging.domain.vocabulary import Vocabulary
from tagging.handlers import stories, training
from tagging.library import Library
from tagging.store.models import Models

AT = datetime(2026, 11, 12, 9, tzinfo=UTC)
FIELD = [
    "Сеялки вышли в поле, агрономы проверили всходы ячменя",
    "Комбайны намолотили ячмень, агрономы довольны всходами",
]
STAGE = ["Артисты вышли на сцену, зрители хлопали балету", "Балет показали зрителям, артисты кланялись со сцены"]


def filed(count, by_rules=frozenset()):
    return [
        FiledText(f"{(FIELD, STAGE)[n % 2][n // 2 % 2]} {n}", frozenset({("Село", "Сцена")[n % 2]}), by_rules)
        for n in range(count)
    ]


def test_what_can_be_learned_is_learned_and_measured_on_what_was_not_seen():
    trained = train_rubrics(filed(60))

    assert (trained.stories, trained.measured) == (60, 12)
    assert [(one.name, one.gold, one.precision, one.recall) for one in trained.by_rubric] == [
        ("Село", 6, 1.0, 1.0),
        ("Сцена", 6, 1.0, 1.0),
    ]
    assert trained.rules_alone.f1 == 0
    assert trained.is_better


def test_what_cannot_be_learned_is_said_so():
    noise = [
        FiledText("одни и те же слова", frozenset({("Село", "Сцена")[n * 7 % 5 % 2]}), frozenset()) for n in range(60)
    ]

    trained = train_rubrics(noise)

    assert trained.micro.f1 < 0.8


def test_a_model_that_does_not_help_the_rules_is_not_better():
    perfect = [FiledText(one.text, one.rubrics, one.rubrics) for one in filed(60)]

    assert not train_rubrics(perfect).is_better


def test_too_few_stories_are_refused_with_the_numbers():
    with pytest.raises(TooFewStoriesError, match="49 published stories with rubrics; 50 are the least"):
        train_rubrics(filed(49))


def test_the_same_stories_give_the_same_model_and_it_survives_json():
    texts, rubrics = [one.text for one in filed(20)], [sorted(one.rubrics) for one in filed(20)]
    model = train(texts, rubrics)

    again = train(texts, rubrics)
    read = Classifier.from_json(model.to_json())

    assert model.to_json() == again.to_json()
    assert max(read.classify(FIELD[0]), key=read.classify(FIELD[0]).get) == "Село"
    assert read.classify("") == {}
    assert read.classify("совсем чужие буквы") == {}


@pytest.mark.stack
def test_published_stories_become_a_model_that_all_workers_ask(database):
    for number in range(60):
        story_id, at = new_id(), AT + timedelta(minutes=number)
        text, rubric = (FIELD, STAGE)[number % 2][number // 2 % 2], ("Село", "Сцена")[number % 2]
        content = StoryContent(headline=f"Номер {number}", blocks=(Paragraph(html=text),))
        tools = Tools(Gazetteer(Vocabulary([], "0")), lambda _: [])
        stories.tag_story(
            StoryRevised(story_id=story_id, revision=1, content=content, revised_at=at),
            database.unit_of_work(),
            lambda tools=tools: make_tagger(tools),
        )
        stories.take_review(
            TagsReviewed(story_id=story_id, revision=1, rubrics=(Rubric(label=rubric),), reviewed_at=at),
            database.unit_of_work(),
        )

    heard = []
    trained = training.train_model(
        tools, database, 1_000, read=lambda *done: heard.append(done), learned=lambda *done: heard.append(done)
    )
    version = training.use(trained, database.unit_of_work())

    assert (version, heard[59], heard[-1]) == (1, (60, 60), (2, 2))
    current, versions = Library(database, lambda _: [], "RU").current()
    assert versions.model.endswith("ranking=0 rubrics=1 rules=0")
    assert current.classify(STAGE[1])["Сцена"] > 0.9
    with database.connection() as connection:
        assert Models(connection).get("rubrics").metrics["scores"]["rules and model"]["f1"] == 1.0


def make_tagger(tools):
    from tagging.bootstrap import LoadedTagger  # noqa: PLC0415 - one test needs it
    from tagging.library import Versions  # noqa: PLC0415

    return LoadedTagger(tools, Versions())
