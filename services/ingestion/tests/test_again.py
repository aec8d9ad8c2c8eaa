"""Originals read again: missing photos that are there at last, and replays after the reading was mended."""

import json

import pytest

from chassis.testing import recorded_events
from ingestion.domain import feeds
from ingestion.handlers.again import fetch_missing_photos, replay_source

from .fakes.web_server import Page
from .test_source_feed import JPEG, rss

pytestmark = pytest.mark.stack


@pytest.fixture
def feed(client, web):
    source = {"source_id": "feed:orsk", "kind": "feed", "name": "Орск", "settings": {"url": web.url("/rss")}}
    assert client.post("/sources", json=source).status_code == 201
    return "feed:orsk"


def with_photo(feed):
    return feed.replace(b"</item>", b"<enclosure url='/a.jpg' type='image/jpeg'/></item>", 1)


def make_due(database):
    with database.connection() as connection:
        connection.execute("UPDATE item SET try_again_at = now() WHERE try_again_at IS NOT NULL")


def photos(database):
    return [
        (event["external_id"], event["revision"], [bool(image["original"]) for image in event["content"]["images"]])
        for event in recorded_events(database)
    ]


def test_a_photo_that_comes_later_joins_its_story_though_the_feed_is_silent(
    feed, web, visit, database, intake, our_settings
):
    web.pages["/rss"] = Page(with_photo(rss(1, 2)))
    visit(feed)
    make_due(database)
    fetch_missing_photos(intake, our_settings.vault)  # not there yet
    web.pages["/rss"] = Page(status=500)
    web.pages["/a.jpg"] = Page(JPEG, headers={"content-type": "image/jpeg"})
    make_due(database)
    fetch_missing_photos(intake, our_settings.vault)
    make_due(database)
    fetch_missing_photos(intake, our_settings.vault)

    assert photos(database) == [("1", 1, [False]), ("2", 1, []), ("1", 2, [True])]
    assert web.statuses("/a.jpg") == [404, 404, 200]


def test_a_missing_photo_is_not_tried_for_ever(feed, web, visit, database, intake, our_settings):
    web.pages["/rss"] = Page(with_photo(rss(1)))
    visit(feed)

    for _ in range(10):
        make_due(database)
        fetch_missing_photos(intake, our_settings.vault)

    assert len(web.statuses("/a.jpg")) == 7
    assert photos(database) == [("1", 1, [False])]


def replay(intake, settings, source_id="feed:orsk"):
    return sorted(
        (done.external_id, done.status, done.revision) for done in replay_source(source_id, intake, settings.vault)
    )


def test_a_replay_of_what_reads_as_before_changes_nothing(feed, web, visit, database, intake, our_settings):
    web.pages["/a.jpg"] = Page(JPEG, headers={"content-type": "image/jpeg"})
    web.pages["/rss"] = Page(with_photo(rss(1, 2)))
    visit(feed)
    web.pages["/rss"] = Page(rss(2, text="Исправлено."))
    visit(feed)
    web.pages.clear()

    assert replay(intake, our_settings) == [("1", "unchanged", 1), ("2", "unchanged", 2)]
    assert len(recorded_events(database)) == 3
    assert web.statuses("/a.jpg") == [200]


def test_a_mended_reading_gives_revisions_and_lost_items_from_the_archive_alone(
    feed, web, visit, database, intake, our_settings, monkeypatch
):
    real = feeds.to_item

    def broken(entry, base_url, at):
        if entry.identity == "2":
            raise ValueError("a bug of ours")
        return real(entry, base_url, at)

    monkeypatch.setattr(feeds, "to_item", broken)
    web.pages["/rss"] = Page(rss(1, 2, text="Те&lt;mark&gt;к&lt;/mark&gt;ст."))
    visit(feed)
    assert [event["external_id"] for event in recorded_events(database)] == ["1"]

    def mended(entry, base_url, at):
        item = real(entry, base_url, at)
        return item if entry.identity == "2" else type(item)(item.form.model_copy(update={"lede": "Найдено."}))

    monkeypatch.setattr(feeds, "to_item", mended)
    web.pages.clear()

    assert replay(intake, our_settings) == [("1", "received", 2), ("2", "received", 1)]
    assert [event["content"]["lede"] for event in recorded_events(database)] == ["", "Найдено.", ""]


def test_pushed_stories_are_replayed_with_their_files(client, database, intake, our_settings):
    story = {
        "source": {"source_id": "desk:x", "name": "Х"},
        "external_id": "1",
        "headline": "Раз",
        "images": [{"file": "a.jpg"}],
    }
    client.post("/stories", files=[("story", (None, json.dumps(story))), ("a.jpg", ("a.jpg", JPEG, "image/jpeg"))])

    assert replay(intake, our_settings, "desk:x") == [("1", "unchanged", 1)]


def test_an_original_that_is_gone_is_said_to_be_gone(feed, web, visit, database, intake, our_settings):
    web.pages["/rss"] = Page(rss(1))
    visit(feed)
    with database.connection() as connection:
        connection.execute("UPDATE raw SET key = 'raw/00/gone'")

    [done] = replay_source(feed, intake, our_settings.vault)
    assert (done.status, "no such object" in done.reason) == ("unreadable", True)
