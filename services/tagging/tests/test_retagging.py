"""An archive is tagged again in bulk: exact progress, no flood of events, nothing that an editor chose is touched."""

from datetime import UTC, date, datetime

import pytest

from chassis.ids import new_id
from chassis.testing import recorded_events
from contracts.content import StoryContent, Tag, TagProposal
from contracts.event import Envelope
from contracts.events import RetagOrdered, StoryRevised, TagsReviewed
from tagging.domain.propose import Proposals
from tagging.handlers import retagging, stories
from tagging.store.retags import LANES, Retags

pytestmark = pytest.mark.stack

AT = datetime(2026, 11, 12, 9, tzinfo=UTC)


class Tagger:
    """Each word of the headline is a tag, with a mark."""

    def __init__(self, mark):
        self.mark = mark

    def __call__(self, content, accepted, day):
        del accepted, day
        words = [f"{word}{self.mark}" if word != "степь" else word for word in content.headline.split()]
        return Proposals(tuple(TagProposal(tag=Tag(label=word), confidence=0.9, band="auto") for word in words), ())

    def versions(self):
        return "model", self.mark


def take(database, count, headline="Орск степь", at=AT):
    ids = [new_id() for _ in range(count)]
    for story_id in ids:
        event = StoryRevised(story_id=story_id, revision=1, content=StoryContent(headline=headline), revised_at=at)
        stories.tag_story(event, database.unit_of_work(), lambda: Tagger(""))
    return ids


def bulk(database):
    """Events of the archive that nobody has heard yet, in the order in which they were said."""
    with database.connection() as connection:
        rows = connection.execute(
            "SELECT envelope FROM ledger.event WHERE type = 'archive.retag_ordered.v1' ORDER BY event_id"
        ).fetchall()
    return [Envelope.model_validate(row[0]) for row in rows]


def run(database, mark="!", most=1_000, start=0):
    done = start
    while done < min(most, len(bulk(database))):
        retagging.retag_stories(bulk(database)[done].open(), database.unit_of_work(), lambda: Tagger(mark))
        done += 1


def order(database, since=None, until=None):
    return retagging.order_retag(since, until, "test", database.unit_of_work())


def state(database, retag):
    with database.connection() as connection:
        one = Retags(connection).get(retag.retag_id)
    return one.total, one.done, one.changed, one.finished_at is not None


def test_all_stories_are_tagged_again_with_low_priority_and_exact_progress(database):
    ids = take(database, 30)
    retag = order(database)

    assert [one.priority for one in bulk(database)] == ["bulk"] * LANES
    run(database, most=3)
    assert state(database, retag)[3] is False
    run(database, start=3)

    assert state(database, retag) == (30, 30, 30, True)
    tagged = recorded_events(database, "story.tagged.v1")[30:]
    assert {one["story_id"] for one in tagged} == set(map(str, ids))
    assert {tuple(tag["tag"]["label"] for tag in one["tags"]) for one in tagged} == {("Орск!", "степь")}


def test_the_desk_hears_only_of_stories_whose_proposals_changed(database):
    take(database, 3)
    take(database, 5, headline="степь")
    before = len(recorded_events(database, "story.tagged.v1"))
    retag = order(database)

    run(database)

    assert state(database, retag) == (8, 8, 3, True)
    assert len(recorded_events(database, "story.tagged.v1")) - before == 3


def test_only_the_days_that_were_named_are_tagged_again(database):
    take(database, 2, at=datetime(2026, 1, 1, tzinfo=UTC))
    take(database, 3, at=datetime(2026, 1, 2, tzinfo=UTC))

    retag = order(database, since=date(2026, 1, 2), until=date(2026, 1, 2))
    run(database)

    assert state(database, retag) == (3, 3, 3, True)


def test_an_empty_archive_is_done_at_once(database):
    assert state(database, order(database)) == (0, 0, 0, True)
    assert bulk(database) == []


def test_an_order_that_is_stopped_goes_no_further(database):
    take(database, 12)
    retag = order(database)

    retagging.stop_retag(retag.retag_id, database.unit_of_work())
    run(database)

    assert state(database, retag) == (12, 0, 0, False)


def test_what_an_editor_chose_survives(database):
    [story_id] = take(database, 1)
    review = TagsReviewed(
        story_id=story_id, revision=1, kept=(Tag(label="Орск"),), removed=(Tag(label="Орск!"),), reviewed_at=AT
    )
    stories.take_review(review, database.unit_of_work())

    order(database)
    run(database)

    last = recorded_events(database, "story.tagged.v1")[-1]
    assert [(one["tag"]["label"], one["band"]) for one in last["tags"]] == [("Орск", "auto"), ("степь", "suggest")]


def test_a_long_lane_is_a_chain_of_small_events(database):
    take(database, 12 * retagging.STORIES_AN_EVENT)
    retag = order(database)

    run(database)

    events = [one.open() for one in bulk(database)]
    assert state(database, retag)[:2] == (120, 120)
    assert len(events) >= 120 / retagging.STORIES_AN_EVENT
    assert all(isinstance(one, RetagOrdered) for one in events)


def test_the_api_orders_shows_and_stops(api, database):
    take(database, 2)

    made = api.post("/retags", json={}).json()
    assert (made["state"], made["total"], made["done"], made["ordered_by"]) == ("running", 2, 0, "house:operator")
    assert api.get(f"/retags/{made['retag_id']}").json() == made
    assert api.post(f"/retags/{made['retag_id']}/stop").json()["state"] == "stopped"
    assert [one["retag_id"] for one in api.get("/retags").json()] == [made["retag_id"]]
    wrong = api.post("/retags", json={"since": "2026-02-01", "until": "2026-01-01"})
    assert (wrong.status_code, "since 2026-02-01 is after until 2026-01-01" in wrong.text) == (422, True)
    assert api.get(f"/retags/{new_id()}").status_code == 404


@pytest.mark.parametrize("day", [0, 1.5, "0", "20260101"])
def test_a_number_is_no_day(api, database, day):
    take(database, 1)

    orders = [api.post("/retags", json={"since": day}), api.post("/retags", json={"until": day})]
    concept = {"kind": "place", "label": "Орск", "valid_from": day}

    assert [(one.status_code, "a day is written 2026-11-12" in one.text) for one in orders] == [(422, True)] * 2
    assert api.post("/concepts", json=concept).status_code == 422
    assert api.get("/retags").json() == []
