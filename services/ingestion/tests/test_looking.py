"""A photo that a site replaces under the same address, while the feed stays as it was."""

import pytest

from chassis.testing import recorded_events
from ingestion.handlers import looking
from ingestion.handlers.looking import look_at_photos

from .fakes.web_server import Page

pytestmark = pytest.mark.stack

JPEG = b"\xff\xd8\xff\xe0" + b"photo" * 100
OTHER = JPEG + b"2"
MOVED = "Sat, 14 Nov 2026 10:00:00 GMT"


def photo(body=JPEG, **more):
    return Page(body, headers={"content-type": "image/jpeg"}, **more)


@pytest.fixture
def feed(client, web, visit):
    """A feed of one item with one photo, already visited."""
    item = f"<item><title>Новость</title><guid>1</guid><enclosure url='{web.url('/a.jpg')}' type='image/jpeg'/></item>"
    web.pages["/rss"] = Page(f"<rss version='2.0'><channel>{item}</channel></rss>".encode())
    web.pages.setdefault("/a.jpg", photo())
    source = {"source_id": "feed:orsk", "kind": "feed", "name": "Орск", "settings": {"url": web.url("/rss")}}
    assert client.post("/sources", json=source).status_code == 201
    visit("feed:orsk")
    return "feed:orsk"


@pytest.fixture
def look(database, intake, our_settings):
    """Ask for all photos that are asked for at all, now. Gives the pause until the next look in minutes."""

    def go():
        with database.connection() as connection:
            connection.execute("UPDATE photo SET look_at = look_at - interval '1 day'")
        look_at_photos(intake, our_settings.vault)
        with database.connection() as connection:
            [pause, *_] = connection.execute("SELECT extract(epoch FROM look_at - now()) / 60 FROM photo").fetchone()
        return pause and round(pause)

    return go


def sizes(database):
    return [
        (
            event["revision"],
            [image["original"] and image["original"]["size_bytes"] for image in event["content"]["images"]],
        )
        for event in recorded_events(database, "story.received.v1")
    ]


@pytest.mark.parametrize("page", [photo(), photo(has_etag=False, last_modified=MOVED)])
def test_a_photo_that_changed_is_a_revision_and_one_that_did_not_costs_a_304(web, request, look, database, page):
    web.pages["/a.jpg"] = page
    request.getfixturevalue("feed")

    look()
    assert (web.statuses("/a.jpg"), sizes(database)) == ([200, 304], [(1, [len(JPEG)])])
    web.pages["/a.jpg"] = photo(OTHER)
    look()

    assert sizes(database) == [(1, [len(JPEG)]), (2, [len(OTHER)])]


@pytest.mark.usefixtures("feed")
def test_it_is_asked_for_five_times_in_a_day_and_then_no_more(web, look):
    pauses = [look() for _ in range(6)]

    assert pauses == [30, 90, 270, 810, None, None]
    assert web.statuses("/a.jpg") == [200, 304, 304, 304, 304, 304]


@pytest.mark.usefixtures("feed")
@pytest.mark.parametrize(
    "page",
    [Page(status=404), Page(b"<html>", headers={"content-type": "text/html"}), photo(b""), photo(has_etag=False)],
)
def test_what_tells_of_no_other_photo_changes_nothing(web, look, database, page):
    web.pages["/a.jpg"] = page

    look()

    assert sizes(database) == [(1, [len(JPEG)])]


def test_a_photo_that_we_have_is_not_lost_because_its_site_is_down(feed, web, visit, database):
    web.pages["/rss"] = Page(web.pages["/rss"].body.replace("Новость".encode(), "Уточнено".encode()))
    web.pages["/a.jpg"] = Page(status=503)

    visit(feed)

    assert sizes(database) == [(1, [len(JPEG)]), (2, [len(JPEG)])]


def test_photos_of_stories_that_were_taken_back_are_not_asked_for_and_keep_no_other_waiting(
    feed, web, look, database, monkeypatch, client
):
    monkeypatch.setattr(looking, "AT_ONCE", 1)
    web.pages["/b.jpg"] = photo()
    story = {"external_id": "2", "headline": "Другая", "images": [{"url": web.url("/b.jpg")}]}
    assert client.post("/stories", json=story).status_code == 202
    with database.connection() as connection:
        connection.execute("UPDATE item SET withdrawn_at = now() WHERE source_id = %s", (feed,))
        connection.execute(
            "UPDATE photo SET fetched_at = now() - interval '1 hour', looks = 4 WHERE place LIKE '%/a.jpg'"
        )
        connection.execute("UPDATE photo SET look_at = now() - interval '1 hour' WHERE place LIKE '%/a.jpg'")

    look()
    look()

    assert (web.statuses("/a.jpg"), web.statuses("/b.jpg")) == ([200], [200, 304])


@pytest.mark.usefixtures("feed")
def test_a_photo_of_three_days_ago_is_not_asked_for(web, look, database):
    with database.connection() as connection:
        connection.execute("UPDATE photo SET fetched_at = now() - interval '3 days'")

    look()

    assert web.statuses("/a.jpg") == [200]


@pytest.mark.usefixtures("feed")
def test_a_turn_asks_for_no_more_than_its_bound(web, look, monkeypatch):
    monkeypatch.setattr(looking, "AT_ONCE", 0)

    look()

    assert web.statuses("/a.jpg") == [200]


def test_photos_without_a_mark_of_their_state_are_not_asked_for_again(web, request, look):
    web.pages["/a.jpg"] = photo(has_etag=False)
    request.getfixturevalue("feed")

    assert look() is None
    assert web.statuses("/a.jpg") == [200]
