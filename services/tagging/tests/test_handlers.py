"""Events in, events out: repeated and late ones do no harm, and a tag that an editor threw out stays out."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import uuid4

import pytest

from chassis.testing import recorded_events
from contracts.content import Rubric, Source, StoryContent, Tag, TagProposal
from contracts.events import StoryReceived, StoryRevised, TagsReviewed
from tagging.domain.choice import key_of
from tagging.domain.propose import Proposals
from tagging.domain.ranking import SHIPPED
from tagging.handlers import stories
from tagging.store.models import Models
from tagging.store.stories import Feedback

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 12, tzinfo=UTC)


class Tagger:
    """Each word of the headline is a tag; «?» before it: only suggested."""

    def __call__(self, content, accepted, day):
        del day
        tags = [Tag(label=word.lstrip("?")) for word in content.headline.split()]
        opinions = accepted([key_of(tag) for tag in tags])
        proposals = [
            TagProposal(tag=tag, confidence=0.9, band="suggest" if word.startswith("?") else "auto")
            for tag, word in zip(tags, content.headline.split(), strict=True)
        ]
        weighed = [(tag, {"bias": 1.0, "acceptance": opinions.get(key_of(tag), 0.0)}) for tag in tags]
        return Proposals(tuple(proposals), (), weighed=tuple(weighed))

    def versions(self):
        return "model", "vocabulary"


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
        stories.take_review(event, database.unit_of_work())
    else:
        stories.tag_story(event, database.unit_of_work(), Tagger)


def review(story, database, *, kept=(), removed=(), added=(), rubrics=(), revision=1, at=NOW):
    words = {"kept": kept, "removed": removed, "added": added}
    tags = {name: tuple(Tag(label=label) for label in labels) for name, labels in words.items()}
    filed = tuple(Rubric(label=label) for label in rubrics)
    event = TagsReviewed(story_id=story, revision=revision, rubrics=filed, reviewed_at=at, **tags)
    handle(event, database)


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
    review(story, database, removed=["Урал"], kept=["Орск"])
    handle(revised(story, "Орск Урал паводок", 2), database)

    assert labels(database)[-1] == (2, ["Орск", "паводок"])


def test_a_tag_that_was_thrown_out_stays_out_though_the_next_review_says_nothing_of_it(database, story):
    handle(received(story, "Орск Урал"), database)
    review(story, database, removed=["Урал"], kept=["Орск"])
    handle(revised(story, "Орск Урал паводок", 2), database)
    review(story, database, kept=["Орск", "паводок"], revision=2)
    handle(revised(story, "Орск Урал вода", 3), database)

    assert labels(database)[-1] == (3, ["паводок", "Орск", "вода"])


def test_a_tag_that_an_editor_takes_again_is_no_longer_out(database, story):
    handle(received(story, "Орск Урал"), database)
    review(story, database, removed=["Урал"], kept=["Орск"])
    review(story, database, kept=["Орск"], added=["Урал"], revision=2)
    handle(revised(story, "Орск Урал", 3), database)

    assert labels(database)[-1] == (3, ["Орск", "Урал"])


def test_what_an_editor_kept_or_added_stays_though_the_text_no_longer_says_it(database, story):
    handle(received(story, "Орск Урал"), database)
    review(story, database, kept=["Орск"], added=["паводок"])
    handle(revised(story, "Урал степь", 2), database)

    last = recorded_events(database, "story.tagged.v1")[-1]
    assert [(one["tag"]["label"], one["band"]) for one in last["tags"]] == [
        ("Орск", "auto"),
        ("паводок", "auto"),
        ("Урал", "suggest"),
        ("степь", "suggest"),
    ]


def test_tags_that_editors_keep_elsewhere_gain_and_those_that_they_remove_lose(database):
    for number in range(5):
        story = uuid4()
        handle(received(story, "Орск Урал"), database)
        review(story, database, kept=["Орск"], removed=["Урал"], at=NOW + timedelta(minutes=number))

    with database.connection() as connection:
        opinions = Feedback(connection).acceptance([("other", "орск"), ("other", "урал"), ("other", "степь")])
    assert opinions == {
        ("other", "орск"): pytest.approx(0.896, abs=1e-3),
        ("other", "урал"): pytest.approx(-0.896, abs=1e-3),
    }


def test_reviews_in_any_order_and_repeated_count_once(database, story):
    handle(received(story, "Орск Урал"), database)
    for order in permutations([1, 2, 3]):
        for revision in (*order, order[0]):
            kept, removed = (["Орск"], ["Урал"]) if revision == 3 else (["Урал"], ["Орск"])
            review(story, database, kept=kept, removed=removed, revision=revision)

        with database.connection() as connection:
            rows = connection.execute("SELECT key, kept, removed FROM usage ORDER BY key").fetchall()
        assert rows == [("орск", 1, 0), ("урал", 0, 1)]


def test_the_ranking_learns_from_reviews_once_a_release_and_forgets_nothing_on_the_way(database, monkeypatch):
    for number in range(40):
        story = uuid4()
        handle(received(story, "Орск ?Урал"), database)
        review(story, database, kept=["Орск", "Урал"], at=NOW + timedelta(minutes=number))

    stories.learn(database)
    stories.learn(database)
    with monkeypatch.context() as release:
        release.setattr(stories, "SHIPPED_VERSION", "next")
        stories.learn(database)

    with database.connection() as connection:
        kept = Models(connection).get("ranking")
    assert kept.version == 2
    assert kept.metrics["reviewed"] == 40
    assert kept.metrics["examples"] == 80
    assert kept.body["bias"] > SHIPPED["bias"]
    assert {name: kept.body[name] for name in ("mentions", "headline")} == {
        name: SHIPPED[name] for name in ("mentions", "headline")
    }
