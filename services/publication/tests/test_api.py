"""The doors: previews, releases, and the content API for sites that pull."""

import re

import pytest
from fastapi.testclient import TestClient

from publication.api import create_app

from .building import HEADLINE, number, order, snapshot

pytestmark = pytest.mark.stack


@pytest.fixture
def client(newsroom, bearer):
    with TestClient(create_app(newsroom.settings), headers=bearer, raise_server_exceptions=False) as opened:
        yield opened


def test_a_preview_is_the_page_and_nothing_is_kept(client, newsroom):
    answer = client.post(
        "/previews", json={"snapshot": snapshot().model_dump(mode="json"), "at": "2026-11-12T09:10:00Z"}
    )

    assert answer.status_code == 200
    assert f'<h1 dir="auto">{HEADLINE}</h1>' in answer.text
    assert list(newsroom.press.bucket.list(f"{newsroom.settings.site_prefix}/")) == []


def test_a_preview_says_where_the_story_would_be_or_where_it_is(client, newsroom):
    def address(value):
        asked = {
            "snapshot": snapshot().model_dump(mode="json"),
            "at": "2026-11-14T09:10:00Z",
            "story_id": str(number(value)),
        }
        return re.search('property="og:url" content="([^"]+)"', client.post("/previews", json=asked).text)[1]

    url = newsroom.publish(1)

    assert address(1) == url
    assert re.search(r"/2026/11/14/[a-z-]+-[0-9a-f]{8}\.html$", address(2))


def test_a_preview_that_would_be_broken_says_what_to_mend(client):
    broken = snapshot(images=()).model_dump(mode="json")

    answer = client.post("/previews", json={"snapshot": broken, "at": "2026-11-12T09:10:00Z"})

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert "которого нет среди фотографий материала" in answer.json()["detail"]


def test_releases_are_listed_with_their_outcomes(client, newsroom):
    newsroom.publish(1)
    newsroom.publish(1, 2, "kill")
    newsroom.handle(order(1, 3))

    answer = client.get(f"/stories/{number(1)}/releases").json()

    assert [(one["version"], one["action"], one["outcome"]) for one in answer["releases"]] == [
        (3, "publish", "refused"),
        (2, "kill", "released"),
        (1, "publish", "released"),
    ]


def test_every_file_that_shows_a_story_is_listed_with_its_state(client, newsroom):
    def states():
        outputs = client.get(f"/stories/{number(1)}/releases").json()["outputs"]
        return {
            one["url"].removeprefix(newsroom.url("")): (one["kind"], one["state"], one["version"]) for one in outputs
        }

    newsroom.handle(order(1, rubrics=(), authors=(), tags=()))
    before = states()
    newsroom.writer.run()
    after = states()
    newsroom.handle(order(1, 2, "kill"))
    newsroom.writer.run()

    path = "2026/11/12/delegatsiya-orenburzhya-vernulas-iz-aktobe-00000001"
    assert before[f"{path}.html"] == ("page", "written", 1)
    assert before["index.html"] == ("list", "waiting", 1)
    assert {url: kind for url, (kind, _, _) in after.items()} == {
        f"{path}.html": "page",
        f"{path}.json": "item",
        "index.html": "list",
        "rss.xml": "rss",
        "atom.xml": "atom",
        "feed.json": "json",
        "dzen.xml": "dzen",
        "yandex.xml": "yandex",
        "search.json": "search",
        "sitemaps/news.xml": "sitemap",
        "sitemap.xml": "sitemap",
    }
    assert {state for _, state, _ in after.values()} == {"written"}
    assert {(state, version) for _, state, version in states().values()} == {("gone", 2)}


def test_items_come_in_pages_by_cursor_and_changes_come_first(client, newsroom):
    for value in range(1, 6):
        newsroom.publish(value, headline=f"Новость {value}")
    newsroom.publish(2, 2, "correct", minute=30, headline="Новость 2, исправленная")

    first = client.get("/items", params={"limit": 3}).json()
    second = client.get("/items", params={"limit": 3, "cursor": first["next"]}).json()

    assert [one["title"] for one in first["items"]] == ["Новость 2, исправленная", "Новость 5", "Новость 4"]
    assert [one["title"] for one in second["items"]] == ["Новость 3", "Новость 1"]
    assert second["next"] is None


def test_items_are_filtered_and_answer_304(client, newsroom):
    newsroom.publish(1)
    newsroom.publish(2, headline="Other", language="en", tags=(), rubrics=())

    assert [one["title"] for one in client.get("/items", params={"language": "en"}).json()["items"]] == ["Other"]
    assert [one["title"] for one in client.get("/items", params={"tag": "Казахстан"}).json()["items"]] == [HEADLINE]
    assert [one["title"] for one in client.get("/items", params={"rubric": "Политика"}).json()["items"]] == [HEADLINE]
    assert client.get("/items", params={"since": "2030-01-01T00:00:00Z"}).json()["items"] == []
    answer = client.get(f"/items/{number(1)}")
    again = client.get(f"/items/{number(1)}", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_killed_story_is_gone_from_the_content_api_but_for_its_notice(client, newsroom):
    newsroom.publish(1)
    newsroom.publish(1, 2, "kill", reason="Ошибка.")

    gone = client.get(f"/items/{number(1)}")

    assert (gone.status_code, gone.json()["title"]) == (410, "Gone")
    [item] = client.get("/items").json()["items"]
    assert (item["pubStatus"], item["edNote"]) == ("canceled", "Ошибка.")
    assert HEADLINE not in str(item)


@pytest.mark.parametrize("cursor", ["x", "====", "0JA", "MjAyNi0xMS0xMlQwOToxMDowMCB4", "\x00"])
def test_a_cursor_that_was_not_made_here_is_refused(client, cursor):
    answer = client.get("/items", params={"cursor": cursor})

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:depesha:problem:bad-cursor")


def test_a_story_that_was_never_published_is_not_found(client):
    assert client.get(f"/stories/{number(9)}").status_code == client.get(f"/items/{number(9)}").status_code == 404
