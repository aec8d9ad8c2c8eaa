"""Events in, events out: repeated and late ones do no harm, and a tag that an editor threw out stays out."""

from datetime import UTC, datetime
from itertools import permutations
from uuid import uuid4

import pytest

from chassis.testing import recorded_events
from contracts.content import Source, StoryContent, Tag, TagProposal
from contracts.events import StoryReceived, StoryRevised, TagsReviewed
from tagging import handlers
from tagging.domain.propose import Proposals

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 12, tzinfo=UTC)


def tagger(content):
    words = content.headline.split()
    return Proposals(tuple(TagProposal(tag=Tag(label=word), confidence=0.9, band="auto") for word in words), ())


@pytest.fixture
def database(database_for):
    return database_for("tagging")


@pytest.fixture
def story():
    return uuid4()


def received(story, headline, revision=1):
    return StoryReceived(
        story_id=story,
        revision=revision,
        source=Source(source_id="s", name="s"),
        external_id="1",
        content=StoryContent(headline=headline),
        received_at=NOW,
    )


def revised(story, headline, revision):
    return StoryRevised(story_id=story, revision=revision, content=StoryContent(headline=headline), revised_at=NOW)


def handle(event, database):
    if isinstance(event, TagsReviewed):
        handlers.learn(event, database.unit_of_work())
    else:
        handlers.tag_story(event, database.unit_of_work(), tagger, ("model", "vocabulary"))


def labels(database):
    return [
        (event["revision"], [one["tag"]["label"] for one in event["tags"]])
        for event in recorded_events(database, "story.tagged.v1")
    ]


def test_each_revision_is_tagged_with_the_versions_of_model_and_vocabulary(database, story):
    handle(received(story, "Орск Урал"), database)

    [event] = recorded_events(database)
    assert labels(database) == [(1, ["Орск", "Урал"])]
    assert (event["model_version"], event["vocabulary_version"], event["language"]) == ("model", "vocabulary", "ru")


def test_any_order_of_revisions_ends_with_the_newest(database):
    for order in permutations([("раз", 1), ("два", 2), ("три", 3)]):
        story = uuid4()
        for headline, revision in order:
            handle(revised(story, headline, revision), database)
            handle(revised(story, headline, revision), database)

        with database.connection() as connection:
            row = connection.execute(
                "SELECT revision, tags->0->'tag'->>'label' FROM suggestion WHERE story_id = %s", (story,)
            ).fetchone()
        assert row == (3, "три")


def test_a_late_revision_says_nothing(database, story):
    handle(revised(story, "новое", 2), database)
    handle(received(story, "старое", 1), database)

    assert labels(database) == [(2, ["новое"])]


def test_a_tag_that_an_editor_threw_out_does_not_come_back(database, story):
    handle(received(story, "Орск Урал"), database)
    handle(TagsReviewed(story_id=story, revision=1, removed=(Tag(label="Урал"),), reviewed_at=NOW), database)
    handle(revised(story, "Орск Урал паводок", 2), database)

    assert labels(database)[-1] == (2, ["Орск", "паводок"])
