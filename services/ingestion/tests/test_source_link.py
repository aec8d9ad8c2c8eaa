"""A link that an editor pastes: over real HTTP, with its photos, as often as it is pasted."""

import pytest

from chassis.testing import recorded_events

from .fakes.web_server import Page
from .test_pages import page

pytestmark = pytest.mark.stack

JPEG = b"\xff\xd8\xff\xe0" + b"photo" * 100
HTML = {"content-type": "text/html; charset=utf-8"}


@pytest.fixture
def article(web):
    web.pages["/a.jpg"] = Page(JPEG, headers={"content-type": "image/jpeg"})
    web.pages["/news/most"] = Page(page().replace("https://orsk.example", web.url("")).encode(), headers=HTML)
    return web.url("/news/most")


def test_a_pasted_link_comes_in_as_its_sites_story(client, web, article, database, private_bucket):
    answer = client.post("/links", json={"url": article})

    [event] = recorded_events(database)
    assert (answer.status_code, answer.json()) == (
        202,
        {"story_id": event["story_id"], "revision": 1, "status": "received"},
    )
    assert event["source"] == {"source_id": "link:127.0.0.1", "name": "Орск.ру", "kind": "link", "url": web.url("/")}
    assert (event["content"]["headline"], event["canonical_url"]) == ("Мост построят", article)
    assert [bool(image["original"]) for image in event["content"]["images"]] == [True, False]
    assert private_bucket.get(event["raw_key"]) == web.pages["/news/most"].body
    [source] = client.get("/sources").json()
    assert (source["source_id"], source["kind"], source["due_at"], source["items_all"]) == (
        "link:127.0.0.1",
        "link",
        None,
        1,
    )
    assert len(client.get("/sources/link:127.0.0.1/troubles").json()) == 1


def test_the_same_link_again_is_no_news_and_a_changed_page_a_revision(client, web, article, database):
    first, again = client.post("/links", json={"url": article}), client.post("/links", json={"url": article})
    web.pages["/news/most"].body = web.pages["/news/most"].body.replace("Коротко".encode(), "Подробно".encode())
    changed = client.post("/links", json={"url": article})

    assert [answer.status_code for answer in (first, again, changed)] == [202, 200, 202]
    assert (again.json()["status"], changed.json()["revision"]) == ("unchanged", 2)
    assert {answer.json()["story_id"] for answer in (first, again, changed)} == {first.json()["story_id"]}


def test_a_link_is_tried_out(client, article, database):
    shown = client.post("/links/try", json={"url": article}).json()

    assert (shown["content"]["headline"], shown["is_known"]) == ("Мост построят", False)
    assert recorded_events(database) == []
    assert client.get("/sources").json() == []
    client.post("/links", json={"url": article})
    assert client.post("/links/try", json={"url": article}).json()["is_known"] is True


@pytest.mark.parametrize(
    ("path", "given", "problem"),
    [
        ("/pdf", Page(b"%PDF", headers={"content-type": "application/pdf"}), "is application/pdf, not a web page"),
        ("/empty", Page(b"<html></html>", headers=HTML), "no article was found on the page"),
        ("/gone", Page(status=410), "answered 410"),
        ("/meta", Page(status=302, headers={"location": "http://[fd00::1]/"}), "fd00::1 is not a public address"),
    ],
)
def test_a_link_that_leads_to_no_article_is_refused_with_the_reason(client, web, database, path, given, problem):
    web.pages[path] = given

    answer = client.post("/links", json={"url": web.url(path)})

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert problem in answer.json()["detail"]
    assert recorded_events(database) == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x.example/", "orsk.example", ""])
def test_only_web_addresses_are_links(client, url):
    assert client.post("/links", json={"url": url}).status_code == 422
