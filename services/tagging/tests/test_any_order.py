"""Any order and any repetition of a story's events ends in the same state, also where workers die before their commit."""

from datetime import timedelta
from uuid import UUID

import pytest

from chassis.testing import assert_any_order_ends_alike
from contracts.content import Tag
from contracts.events import TagsReviewed
from tagging.domain.choice import respect
from tagging.handlers import stories
from tagging.store.stories import Feedback, Suggestions

from .test_handlers import NOW, Tagger, received, revised

pytestmark = pytest.mark.stack
STORY = UUID("0193a5c0-7e1a-7c4e-9b1d-000000000001")


def test_any_order_and_any_repetition_of_texts_and_reviews_ends_in_the_same_state(database_for):
    told = [
        received(STORY, "Орск Урал"),
        revised(STORY, "Орск Урал паводок", 2),
        revised(STORY, "Орск паводок вода", 3),
        reviewed(1, kept=("Орск",), removed=("Урал",)),
        reviewed(2, kept=("Орск", "Урал"), removed=("паводок",)),
        reviewed(3, kept=("Орск", "Урал"), removed=()),
    ]

    end = assert_any_order_ends_alike(told, lambda: _tagging(database_for), _hear, _state)

    shown = [("Урал", "auto"), ("Орск", "auto"), ("вода", "suggest")]
    usage = [("Орск", 1, 0), ("Урал", 1, 0), ("паводок", 0, 1)]
    assert end == (3, "Орск паводок вода", ["паводок"], shown, usage)


def reviewed(revision, kept, removed):
    tags = {"kept": tuple(Tag(label=one) for one in kept), "removed": tuple(Tag(label=one) for one in removed)}
    return TagsReviewed(story_id=STORY, revision=revision, reviewed_at=NOW + timedelta(hours=revision), **tags)


def _tagging(database_for):
    database = database_for("tagging")
    return database, database


def _hear(event, uow, _database):
    if isinstance(event, TagsReviewed):
        stories.take_review(event, uow)
    else:
        stories.tag_story(event, uow, Tagger)


def _state(database):
    """The revision that was tagged, the text kept, what the editor threw out, what is shown, and what is remembered of each tag."""
    with database.connection() as connection:
        verdict = Feedback(connection).verdict(STORY)
        tags, _ = Suggestions(connection).get(STORY)
        tagged, text = connection.execute(
            "SELECT s.revision, t.content->>'headline' FROM suggestion s JOIN story t USING (story_id) WHERE story_id = %s",
            (STORY,),
        ).fetchone()
        usage = connection.execute(
            "SELECT label, kept, removed FROM usage WHERE kept <> 0 OR removed <> 0 ORDER BY label"
        ).fetchall()
    shown = [(one.tag.label, one.band) for one in respect(tags, verdict)]
    return tagged, text, [tag.label for tag in verdict.removed], shown, usage
