"""A feed over real HTTP: asked only for what changed, as often as it wishes, and followed where it moves."""

import gzip
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from chassis.testing import recorded_events

from .fakes.web_server import Page

pytestmark = pytest.mark.stack

JPEG = b"\xff\xd8\xff\xe0" + b"photo" * 100
MOVED = "Sat, 14 Nov 2026 10:00:00 GMT"
NOW = datetime.now(UTC)
"""One moment for all: an item whose date moves by a second is a changed item."""


def rss(*numbers, head="", text="Текст."):
    items = "".join(
        f"<item><title>Новость {n}</title><guid>{n}</guid><link>/{n}</link><description>{text}</description></item>"
        for n in numbers
    )
    return f"<rss version='2.0'><channel><title>Орск</title>{head}{items}</channel></rss>".encode()


@pytest.fixture
def feed(client, web):
    """Adds the source, and gives its id."""
    source = {"source_id": "feed:orsk", "kind": "feed", "name": "Орск", "settings": {"url": web.url("/rss")}}
    assert client.post("/sources", json=source).status_code == 201
    return "feed:orsk"


def received(database):
    return [(event["external_id"], event["revision"]) for event in recorded_events(database, "story.received.v1")]


@pytest.mark.parametrize(
    "page", [Page(rss(1)), Page(rss(1), has_etag=False, last_modified=MOVED), Page(rss(1), last_modified=MOVED)]
)
def test_what_did_not_change_is_answered_with_304(feed, web, visit, database, page):
    web.pages["/rss"] = page

    rows = [visit(feed), visit(feed), visit(feed)]

    assert web.statuses("/rss") == [200, 304, 304]
    assert received(database) == [("1", 1)]
    assert [(row.failures, row.problem) for row in rows] == [(0, "")] * 3


def test_the_same_body_under_a_new_etag_is_not_read_again(feed, web, visit, database):
    web.pages["/rss"] = Page(rss(1), has_etag=False)

    visit(feed)
    visit(feed)

    assert web.statuses("/rss") == [200, 200]
    with database.connection() as connection:
        assert connection.execute("SELECT count(*), max(came_at) = min(came_at) FROM raw").fetchone() == (1, True)


def test_a_changed_item_is_a_revision_and_a_late_one_is_not_skipped(feed, web, visit, database):
    web.pages["/rss"] = Page(rss(5, 4))
    visit(feed)
    web.pages["/rss"] = Page(rss(5, 4, 2))
    visit(feed)
    web.pages["/rss"] = Page(rss(5, 4, 2, text="Исправлено."))
    visit(feed)

    assert received(database) == [("5", 1), ("4", 1), ("2", 1), ("5", 2), ("4", 2), ("2", 2)]


def test_a_feed_comes_packed_and_its_story_with_links_and_photos(feed, web, visit, database):
    web.pages["/a.jpg"] = Page(JPEG, headers={"content-type": "image/jpeg"})
    body = rss(1).replace(b"</item>", b"<enclosure url='/a.jpg' type='image/jpeg'/></item>")
    web.pages["/rss"] = Page(body, headers={"content-encoding": "gzip-me", "content-type": "application/rss+xml"})

    visit(feed)

    [event] = recorded_events(database)
    assert web.asked[0].headers["accept-encoding"] == "gzip, deflate"
    assert event["canonical_url"] == web.url("/1")
    assert event["content"]["images"][0]["source_url"] == web.url("/a.jpg")
    assert event["content"]["images"][0]["original"]["size_bytes"] == len(JPEG)


def test_the_archived_original_is_the_feed_as_it_came(feed, client, web, visit, database, private_bucket):
    web.pages["/rss"] = Page(rss(1))
    visit(feed)

    [event] = recorded_events(database)
    assert private_bucket.get(event["raw_key"]) == rss(1)


def test_410_ends_the_source_and_404_does_not(feed, client, web, visit):
    web.pages["/rss"] = Page(status=404)
    assert (visit(feed).state, visit(feed).failures) == ("active", 2)

    web.pages["/rss"] = Page(status=410)
    row = visit(feed)

    assert (row.state, row.problem) == ("ended", f"{web.url('/rss')}: answered 410, the feed is gone for good")


def test_retry_after_and_ttl_are_obeyed(feed, web, visit):
    web.pages["/rss"] = Page(status=429, headers={"retry-after": "4000"})
    busy = visit(feed)
    web.pages["/rss"] = Page(rss(1, head="<ttl>60</ttl>"))
    fresh, same = visit(feed), visit(feed)

    pauses = [(row.due_at - row.visited_at).total_seconds() for row in (busy, fresh, same)]
    assert [round(pause / 100) for pause in pauses] == [40, 36, 36]


def dated(number, days_ago, text="Текст."):
    at = format_datetime(NOW - timedelta(days=days_ago)) if days_ago is not None else ""
    return f"<item><title>Новость {number}</title><guid>{number}</guid><description>{text}</description><pubDate>{at}</pubDate></item>"


def serve_dated(web, *items):
    web.pages["/rss"] = Page(f"<rss version='2.0'><channel>{''.join(items)}</channel></rss>".encode())


def test_a_new_feed_brings_the_news_of_a_week_and_later_all_that_is_younger(feed, web, visit, database):
    archive = [dated(number, 8 + number) for number in range(10, 200)]
    serve_dated(web, dated(3, 1), dated(2, 6.9), dated(1, 7.1), dated(0, None), *archive)
    visit(feed)
    assert [one for one, _ in received(database)] == ["3", "2", "0"]

    serve_dated(web, dated(4, 5), dated(3, 1), dated(2, 6.9), *archive)
    visit(feed)

    assert [one for one, _ in received(database)] == ["3", "2", "0", "4"]


def test_what_came_in_is_never_too_old_for_its_correction(feed, web, visit, database):
    serve_dated(web, dated(1, 6))
    visit(feed)
    with database.connection() as connection:
        connection.execute("UPDATE source SET created_at = created_at + interval '30 days'")
    serve_dated(web, dated(1, 6, "Исправлено."), dated(2, 6))

    visit(feed)

    assert received(database) == [("1", 1), ("1", 2)]


def test_whoever_wants_the_archive_says_so_and_has_it_at_the_next_visit(feed, client, web, visit, database):
    serve_dated(web, dated(1, 1), dated(2, 400))
    visit(feed)

    client.patch(f"/sources/{feed}", json={"settings": {"url": web.url("/rss"), "first_days": 36_500}})
    visit(feed)

    assert received(database) == [("1", 1), ("2", 1)]


def test_a_test_run_tells_what_is_too_old_to_come_in(client, web):
    serve_dated(web, dated(1, 1), dated(2, 8))
    source = {"source_id": "feed:x", "kind": "feed", "name": "Х", "settings": {"url": web.url("/rss")}}

    stories = client.post("/sources/try", json=source).json()["stories"]

    assert [(one["external_id"], one["is_too_old"]) for one in stories] == [("1", False), ("2", True)]


def test_a_permanent_move_is_remembered_and_a_dead_end_forgotten(feed, web, visit, database):
    web.pages["/rss"] = Page(status=301, headers={"location": "/new"})
    web.pages["/new"] = Page(rss(1))
    visit(feed)
    visit(feed)
    assert (web.statuses("/rss"), web.statuses("/new")) == ([301], [200, 304])

    web.pages["/new"], web.pages["/rss"] = Page(status=404), Page(rss(1, 2))
    assert visit(feed).problem == f"{web.url('/new')}: answered 404"
    visit(feed)

    assert received(database) == [("1", 1), ("2", 1)]


def test_a_page_instead_of_a_feed_is_said_to_be_one(feed, client, web, visit):
    web.pages["/rss"] = Page(
        b"<!doctype html><html><head><link rel=alternate type='application/rss+xml' href='/feed'></head></html>"
    )

    row = visit(feed)

    assert row.problem == f"{web.url('/rss')}: this is an HTML page, not a feed; it names as its feeds: /feed"
    [trouble] = client.get(f"/sources/{feed}/troubles").json()
    assert (trouble["reason"], client.get(f"/originals/{trouble['raw_id']}").content) == (
        row.problem,
        web.pages["/rss"].body,
    )


def hang(handler):
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.flush()
    handler.rfile.read(1)  # until the client goes


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"<rss>" * 10_000)
    except OSError:
        return


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        (
            Page(headers={"content-length": "5000000000"}, write=lambda handler: declare(handler, 5_000_000_000)),
            "5000000000 bytes; the most that is taken is 2000000",
        ),
        (Page(write=endless), "more than 2000000 bytes"),
        (Page(write=hang), "took longer than 2 s"),
        (Page(status=302, headers={"location": "/rss"}), "more than 5 redirects"),
        (
            Page(status=302, headers={"location": "http://169.254.169.254/latest/meta-data"}),
            "169.254.169.254 is not a public address",
        ),
        (Page(gzip.compress(bytes(50_000_000)), headers={"content-encoding": "gzip"}), "bytes unpack to more than "),
        (Page(b"<rss/>", headers={"content-encoding": "gzip"}), "said to be gzip, but does not unpack"),
        (Page(b""), "the feed is empty"),
        (Page(status=500), "answered 500"),
    ],
)
def test_a_hostile_server_costs_one_visit_and_is_told_of(feed, client, web, visit, page, problem):
    web.pages["/rss"] = page

    row = visit(feed)

    assert (row.state, row.failures) == ("active", 1)
    assert problem in row.problem
    assert problem in client.get(f"/sources/{feed}").json()["problem"]

    web.pages["/rss"] = Page(rss(1))
    assert (visit(feed).failures, client.get(f"/sources/{feed}").json()["items_all"]) == (0, 1)


def declare(handler, size):
    handler.send_response(200)
    handler.send_header("content-length", str(size))
    handler.end_headers()


def test_a_photo_behind_a_broken_address_leaves_the_others(feed, client, web, visit, database):
    for number in range(10):
        web.pages[f"/{number}.jpg"] = Page(JPEG + bytes([number]), headers={"content-type": "image/jpeg"})
    web.pages["/4.jpg"] = Page(write=lambda handler: declare(handler, 99))
    photos = "".join(f"<enclosure url='/{number}.jpg' type='image/jpeg'/>" for number in range(10))
    web.pages["/rss"] = Page(rss(1).replace(b"</item>", f"{photos}</item>".encode()))

    visit(feed)

    [event] = recorded_events(database)
    had = [bool(image["original"]) for image in event["content"]["images"]]
    assert had == [number != 4 for number in range(10)]
    [trouble] = client.get(f"/sources/{feed}/troubles").json()
    assert trouble["place"] == f"1: {web.url('/4.jpg')}"


def test_a_feed_is_tried_out_before_it_is_added(client, web):
    web.pages["/rss"] = Page(rss(1, 2))

    answer = client.post(
        "/sources/try", json={"source_id": "feed:x", "kind": "feed", "name": "x", "settings": {"url": web.url("/rss")}}
    )

    assert [story["content"]["headline"] for story in answer.json()["stories"]] == ["Новость 1", "Новость 2"]
    assert client.get("/sources").json() == []
