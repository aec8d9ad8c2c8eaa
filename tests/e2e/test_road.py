"""The road of a story, from a source to a partner's site, through the doors that everybody uses."""

import base64
import json
import re
import urllib.request
import uuid
from urllib.parse import quote

import pytest
import pyvips
from driving import until
from lxml import html

from stack.demo import web
from stack.demo.stories import DELEGATION
from stack.processes import wait_until
from stack.telegram.channel import entity

pytestmark = [pytest.mark.e2e, pytest.mark.stack, pytest.mark.timeout(180)]

NBSP = "\u00a0"


def push(doors, photos, external_id, **changes):
    images = [{"file": photo.name, "caption": photo.line, "alt_text": photo.alt} for photo in DELEGATION.photos]
    form = {**DELEGATION.form, "external_id": external_id, "images": images, **changes}
    answer = web.post_multipart(
        f"{doors.urls['ingestion']}/stories",
        form,
        {photo.name: photos[photo.name] for photo in DELEGATION.photos},
        token=doors.token,
    )
    return answer["story_id"]


def at_desk(doors, story_id, is_good, what):
    return until(lambda: doors.call("desk", "GET", f"/api/stories/{story_id}"), is_good, what)


def is_whole(story):
    ready = {image["image_id"] for image in story["images"] if image["manifest"]}
    return story["tagged_revision"] > 0 and len(ready) == len(story["draft"]["images"]) > 0


def order(doors, story_id, action, **more):
    return doors.call("desk", "POST", f"/api/stories/{story_id}/releases", {"action": action, **more})["version"]


def live(doors, story_id, version):
    return until(
        lambda: doors.call("publication", "GET", f"/stories/{story_id}"),
        lambda found: found["version"] >= version,
        f"version {version} of {story_id} on the site",
        timeout_s=30,
    )


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, dict(answer.headers), answer.read()


def text_of(element):
    return " ".join(element.text_content().replace(NBSP, " ").split())


def plain(text):
    return " ".join(re.sub(r"<[^>]+>", "", text).split())


@pytest.fixture
def published(doors, photos, partner):
    story_id = push(doors, photos, f"e2e-{uuid.uuid4()}")
    at_desk(doors, story_id, is_whole, "photos and tags at the desk")
    version = order(doors, story_id, "publish")
    site = live(doors, story_id, version)
    wait_until(lambda: partner.versions_of(site["url"]), "the partner's first webhook", timeout_s=30)
    return story_id, site


def test_the_page_holds_the_whole_story_in_order(published):
    _, site = published

    status, headers, body = fetch(site["url"])

    page = html.fromstring(body.decode())
    shown = text_of(page.xpath("//article")[0])
    form = DELEGATION.form
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert text_of(page.xpath("//h1")[0]) == form["headline"]
    assert text_of(page.xpath("//p[@class='lede']")[0]) == form["lede"]
    assert [text_of(one) for one in page.xpath("//ul[@class='rubrics']/li")] == form["rubrics"]
    assert [text_of(one) for one in page.xpath("//ul[@class='tags']/li")][:4] == form["tags"]
    texts = [plain(block.get("html") or block.get("text") or "") for block in form["body"] if block["kind"] != "image"]
    places = [shown.find(text) for text in texts if text]
    assert -1 not in places
    assert places == sorted(places)
    assert [text_of(item) for item in page.xpath("//div[@class='text']/ul/li")] == form["body"][6]["items"]
    assert [
        (
            text_of(one.xpath(".//span[@class='caption']")[0]),
            text_of(one.xpath(".//span[@class='credit']")[0]),
            one.xpath(".//a/@href")[0],
        )
        for one in page.xpath("//figcaption")
    ] == [
        (
            "Переговоры прошли в здании областного акимата",
            "Фото: telegram-канал Евгения Солнцева",
            "https://t.me/solntsev_official",
        ),
        (
            "Дорога к пункту пропуска «Сагарчин» идёт через степь",
            "Фото: telegram-канал Евгения Солнцева",
            "https://t.me/solntsev_official",
        ),
        (
            "Актобе вечером (2026)",
            "Фото: пресс-служба правительства Оренбургской области",
            "https://orenburg-gov.example",
        ),
    ]
    assert page.xpath("//figure//img/@alt") == [photo.alt for photo in DELEGATION.photos]


def test_the_page_says_the_same_to_machines(published):
    _, site = published

    page = html.fromstring(fetch(site["url"])[2].decode())

    article = json.loads(page.xpath("//script[@type='application/ld+json']")[0].text)
    assert article["@type"] == "NewsArticle"
    assert article["headline"].replace(NBSP, " ") == DELEGATION.form["headline"]
    assert article["keywords"][:4] == DELEGATION.form["tags"]
    assert {image["creditText"] for image in article["image"]} == {
        "telegram-канал Евгения Солнцева",
        "пресс-служба правительства Оренбургской области",
    }
    assert [(image["width"]["value"], image["height"]["value"]) for image in article["image"][:3]] == [
        (1280, 720),
        (1280, 960),
        (1280, 1280),
    ]
    assert re.fullmatch(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\+05:00", article["datePublished"])
    assert page.xpath("//link[@rel='canonical']/@href") == [site["url"]]


def test_every_rendition_answers_with_its_type_and_size(published):
    _, site = published

    item = json.loads(fetch(site["data_url"])[2])

    renditions = [one for photo in item["associations"] for one in photo["renditions"]]
    assert len(renditions) == 3 * 17
    for one in renditions:
        status, headers, body = fetch(one["href"])
        image = pyvips.Image.new_from_buffer(body, "")
        assert (status, headers["Content-Type"], len(body)) == (200, one["contentType"], one["sizeInBytes"])
        assert (image.width, image.height) == (one["width"], one["height"])
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    upright = [one for one in item["associations"][2]["renditions"] if one["name"] == "w960"]
    assert {(one["width"], one["height"]) for one in upright} == {(960, 720)}


def test_the_front_page_the_rubric_and_the_feed_name_it(doors, published):
    _, site = published
    root = site["url"].partition("/news/")[0] + "/news"

    def named_in(path):
        try:
            return site["url"] in fetch(f"{root}/{path}")[2].decode()
        except OSError:
            return False

    for path in ("index.html", "rss.xml", "rubric/za-rubezhom.html", "rubric/orenburgskaya-oblast.xml"):
        wait_until(lambda path=path: named_in(path), f"{path} names the story", timeout_s=10)


def test_the_webhook_verifies_and_carries_the_story(partner, published):
    _, site = published

    [message] = [one for one in partner.received if one["data"]["uri"] == site["url"]]

    item = message["data"]
    assert partner.refused == []
    assert message["type"] == "story.published"
    assert (item["type"], item["version"], item["pubStatus"]) == ("text", "1", "usable")
    assert item["headlines"][0]["value"].replace(NBSP, " ") == DELEGATION.form["headline"]
    assert [one["name"] for one in item["people"]] == ["Евгений Солнцев"]
    assert item["associations"][0]["by"] == "telegram-канал Евгения Солнцева"
    assert json.loads(fetch(site["data_url"])[2]) == item


def test_a_correction_reaches_page_and_partner_as_version_2(doors, partner, published):
    story_id, site = published
    story = doors.call("desk", "GET", f"/api/stories/{story_id}")
    headline = "Солнцев договорился в Казахстане о трёх автобусных рейсах"
    doors.call(
        "desk", "PATCH", f"/api/stories/{story_id}", {"headline": headline, "expected_revision": story["revision"]}
    )

    version = order(doors, story_id, "correct", correction_note="Рейсов будет три, а не два.")

    assert version == 2
    wait_until(
        lambda: ("story.corrected", "2") in partner.versions_of(site["url"]), "the partner has version 2", timeout_s=30
    )
    page = html.fromstring(fetch(site["url"])[2].decode())
    assert text_of(page.xpath("//h1")[0]) == headline
    assert text_of(page.xpath("//p[@class='correction']")[0]) == "Исправлено. Рейсов будет три, а не два."
    assert partner.versions_of(site["url"]) == [("story.published", "1"), ("story.corrected", "2")]

    def known_at_desk():
        shown = doors.call("desk", "GET", f"/api/stories/{story_id}/releases")
        return shown["sites_delivered"] == shown["sites_total"] >= 1

    wait_until(known_at_desk, "the desk knows that all sites have version 2", timeout_s=20)


def test_a_killed_story_is_gone_from_page_lists_and_partner(doors, partner, published):
    story_id, site = published

    order(doors, story_id, "kill", reason="Сведения не подтвердились.")

    wait_until(
        lambda: ("story.killed", "2") in partner.versions_of(site["url"]), "the partner knows of the kill", timeout_s=30
    )
    body = fetch(site["url"])[2].decode()
    assert DELEGATION.form["headline"].replace(" в Казахстане", "") not in body
    assert "Материал снят с публикации" in body
    item = partner.received[-1]["data"]
    assert item["pubStatus"] == "canceled"
    assert not {"headlines", "bodies", "associations"} & set(item)
    root = site["url"].partition("/news/")[0] + "/news"
    for path in ("index.html", "rss.xml"):
        wait_until(
            lambda path=path: site["url"] not in fetch(f"{root}/{path}")[2].decode(),
            f"{path} forgets the story",
            timeout_s=10,
        )


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"mood": "sad"}, "/body/mood"),
        ({"headline": 7}, "/body/headline"),
        ({"headline": " \u200b "}, "/body"),
        ({"images": [{"file": "nowhere.jpg"}]}, "/images/0/file"),
        ({"images": [{"url": "http://127.0.0.1:9/nobody.jpg"}]}, "/images/0/url"),
        ({"images": [{"url": "http://169.254.169.254/latest"}]}, "/images/0/url"),
    ],
)
def test_a_push_that_is_wrong_is_refused_whole_with_the_field_named(doors, change, pointer):
    external_id = f"wrong-{uuid.uuid4()}"
    form = {**DELEGATION.form, "external_id": external_id, "body": "", **change}
    request = urllib.request.Request(
        f"{doors.urls['ingestion']}/stories",
        json.dumps(form).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {doors.token}"},
    )

    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=30)

    problem = json.loads(caught.value.read())
    assert caught.value.status == 422
    assert caught.value.headers["content-type"] == "application/problem+json"
    assert problem["errors"][0]["pointer"] == pointer
    assert "Traceback" not in json.dumps(problem)
    del form[next(iter(change))]
    again = doors.call("ingestion", "POST", "/stories", {**DELEGATION.form, "external_id": external_id, "body": ""})
    assert again["revision"] == 1, "nothing of the refused push was kept"


POST = "Мост через Сакмару открыли на месяц раньше\n\nДвижение пустили в полдень.\n\nОбъезда через Татарскую Каргалу больше нет.\n\n#мост"
GOVERNOR = "telegram-канал Евгения Солнцева"


def item_of(doors, channel, message_id, revision):
    found = {}

    def look():
        items = doors.call("ingestion", "GET", f"/sources/{quote(channel.source_id)}/items")
        found.update({one["external_id"]: one for one in items})
        return found.get(str(message_id), {}).get("revision") == revision

    wait_until(look, f"revision {revision} of post {message_id}", timeout_s=40)
    return found[str(message_id)]


def headline_at_desk(doors, story_id, headline):
    return at_desk(doors, story_id, lambda story: story["draft"]["headline"].replace(NBSP, " ") == headline, headline)


def test_a_post_with_an_album_reaches_the_partner_and_its_edits_are_revisions(doors, partner, photos, channel):
    pictures = [
        {"body": base64.b64encode(path.read_bytes()).decode(), "width": 4000, "height": 3000}
        for path in list(photos.values())[:2]
    ]
    marks = [entity(POST, "Мост через Сакмару открыли на месяц раньше", "bold")]
    first, _ = channel("publish", text=POST, entities=marks, pictures=pictures)

    story_id = item_of(doors, channel, first, 1)["story_id"]
    channel("edit", message_id=first, text=POST.replace("на месяц", "на два месяца"), entities=[])
    assert item_of(doors, channel, first, 2)["story_id"] == story_id
    headline_at_desk(doors, story_id, "Мост через Сакмару открыли на два месяца раньше")
    story = at_desk(doors, story_id, is_whole, "photos and tags at the desk")
    filed = {"expected_revision": story["revision"], "rubrics": [{"label": "Общество"}]}
    doors.call("desk", "PATCH", f"/api/stories/{story_id}", filed)
    site = live(doors, story_id, order(doors, story_id, "publish"))
    wait_until(lambda: partner.versions_of(site["url"]), "the partner's webhook", timeout_s=30)

    [item] = [one["data"] for one in partner.received if one["data"].get("uri") == site["url"]]
    assert item["headlines"][0]["value"].replace(NBSP, " ") == "Мост через Сакмару открыли на два месяца раньше"
    assert [photo["by"] for photo in item["associations"]] == [GOVERNOR, GOVERNOR]
    page = fetch(site["url"])[2].decode().replace(NBSP, " ")
    assert page.count(f"https://t.me/{channel.name}") >= 2
    assert "Объезда через Татарскую Каргалу больше нет." in page
