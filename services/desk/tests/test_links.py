"""A link pasted at the desk, ingestion played by a few lines."""

import pytest

from desk.handlers import events
from desk.neighbours import Neighbours, Reply

from . import desk_builders as make

pytestmark = pytest.mark.stack

URL = "https://orsk.example/news/most"


@pytest.fixture
def ingestion(monkeypatch):
    """What ingestion is asked, and what it answers."""
    asked, answers = [], []

    def ask(_self, service, method, path, body=None, *, wait_s=10):
        asked.append((service, method, path, body))
        return answers[-1]

    monkeypatch.setattr(Neighbours, "ask", ask)
    return asked, answers


def test_a_pasted_link_opens_its_draft(person, database, ingestion):
    asked, answers = ingestion
    told = make.received(story_id=make.new_story_id())
    events.open_story(told, database.unit_of_work())
    answers.append(Reply(202, {"story_id": str(told.story_id), "revision": 1, "status": "received"}))

    answer = person("reporter").post("/links", data={"url": f" {URL} "})

    assert (answer.status_code, answer.headers["location"]) == (303, f"/stories/{told.story_id}")
    assert asked == [("ingestion", "POST", "/links", {"url": URL})]


@pytest.mark.parametrize(
    ("slug", "extra", "english", "russian"),
    [
        ("fetch-failed", {}, "The site does not answer", "Сайт не отвечает"),
        ("fetch-failed", {"answer_status": 404}, "it has no such page", "такой страницы нет"),
        ("fetch-failed", {"answer_status": 403}, "it answers 403", "ответ 403"),
        ("fetch-refused", {}, "no web page of a public site", "не страница общедоступного сайта"),
        ("not-an-article", {}, "There is no article on this page", "На этой странице нет статьи"),
        ("invalid-request", {}, "it begins with http://", "он начинается с http://"),
        ("something-new", {}, "That was refused", "Отказано."),
    ],
)
def test_why_nothing_came_is_said_in_the_editors_language(person, ingestion, slug, extra, english, russian):
    _, answers = ingestion
    answers.append(Reply(422, {"type": f"urn:depesha:problem:{slug}", "detail": "the reason itself", **extra}))

    pages = [person("reporter", language=one).post("/links", data={"url": URL}).text for one in ("en", "ru")]

    assert [english in pages[0], russian in pages[1]] == [True, True]
    assert all("the reason itself" in page for page in pages)


def test_why_nothing_came_is_said_beside_the_address(person, ingestion):
    _, answers = ingestion
    answers.append(
        Reply(
            422, {"title": "There is no article at this address", "detail": f"{URL}: no article was found on the page"}
        )
    )

    answer = person("reporter").post("/links", data={"url": URL})

    assert answer.status_code == 422
    assert "no article was found on the page" in answer.text
    assert f'value="{URL}"' in answer.text


def test_the_monitor_offers_it(person):
    assert 'action="/links"' in person("reporter").get("/").text
