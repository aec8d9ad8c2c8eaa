"""Agencies' own formats: ninjs of three versions and NewsML-G2, and what hostile ones do."""

import json
from datetime import UTC, datetime

import pytest

from chassis.testing import recorded_events
from ingestion.domain import newsml, ninjs
from ingestion.domain.items import Item, Trouble, Withdrawn

from .fakes.web_server import Page

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
PHOTO = "https://agency.example/1.jpg"
NINJS_3 = {
    "standard": {"name": "ninjs", "version": "3.1"},
    "uri": "urn:agency:1",
    "type": "text",
    "versionCreated": "2026-11-28T10:00:00+05:00",
    "pubStatus": "usable",
    "urgency": 3,
    "language": "ru",
    "headlines": [{"role": "short", "value": "Мост"}, {"role": "main", "value": "Мост открыли"}],
    "descriptions": [{"value": "Движение пустили в полдень."}],
    "bodies": [
        {"contentType": "text/plain", "value": "x"},
        {"contentType": "text/html", "value": "<p>Раз <b>два</b>.</p><script>x()</script>"},
    ],
    "by": "Анна Орлова",
    "subjects": [{"name": "транспорт", "uri": "medtop:20000337"}],
    "places": [{"name": "Орск"}],
    "associations": [
        {
            "name": "main",
            "type": "picture",
            "descriptions": [{"value": "Первые машины"}],
            "by": "Пётр Ильин / ИА «Урал»",
            "renditions": [
                {"name": "small", "href": "https://agency.example/s.jpg", "width": 100, "height": 75},
                {"name": "large", "href": PHOTO, "width": 3000, "height": 2000},
            ],
        }
    ],
}
NINJS_2 = {
    "uri": "urn:agency:1",
    "type": "text",
    "versioncreated": "2026-11-28T10:00:00+05:00",
    "pubstatus": "usable",
    "urgency": 3,
    "language": "ru",
    "headline": "Мост открыли",
    "description_text": "Движение пустили в полдень.",
    "body_xhtml": "<p>Раз <b>два</b>.</p>",
    "byline": "Анна Орлова",
    "subject": [{"name": "транспорт"}],
    "place": [{"name": "Орск"}],
    "associations": {
        "main": {
            "type": "picture",
            "description_text": "Первые машины",
            "byline": "Пётр Ильин / ИА «Урал»",
            "renditions": {"large": {"href": PHOTO, "width": 3000, "height": 2000}},
        }
    },
}
G2 = 'xmlns="http://iptc.org/std/nar/2006-10-01/" standard="NewsML-G2" standardversion="2.34" conformance="power"'


def text_item(guid="urn:agency:1", status="stat:usable", extra="", headline="Мост открыли"):
    return f"""<newsItem {G2} guid="{guid}" version="2" xml:lang="ru">
      <itemMeta><itemClass qcode="ninat:text"/><versionCreated>2026-11-28T10:00:00+05:00</versionCreated><pubStatus qcode="{status}"/>{extra}</itemMeta>
      <contentMeta><urgency>3</urgency><by>Анна Орлова</by><language tag="ru"/><subject qcode="medtop:20000337"><name>транспорт</name></subject>
        <headline>{headline}</headline><description role="drol:summary">Движение пустили в полдень.</description></contentMeta>
      <contentSet><inlineXML contenttype="application/xhtml+xml"><html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head>
        <body><p>Раз <b>два</b>.</p><h3>Дальше</h3><script>x()</script></body></html></inlineXML></contentSet></newsItem>"""


def picture_item(guid="urn:agency:p1", href=PHOTO):
    return f"""<newsItem {G2} guid="{guid}"><itemMeta><itemClass qcode="ninat:picture"/></itemMeta>
      <contentMeta><creditline>Пётр Ильин</creditline><headline>h</headline><description>Первые машины</description></contentMeta>
      <contentSet><remoteContent href="https://agency.example/s.jpg" width="100" height="75"/><remoteContent href="{href}" width="3000" height="2000"/></contentSet></newsItem>"""


def message(*items):
    return f'<newsMessage xmlns="http://iptc.org/std/nar/2006-10-01/"><header/><itemSet>{"".join(items)}</itemSet></newsMessage>'.encode()


def facts(form):
    return (
        form.external_id,
        form.headline,
        form.lede,
        form.language,
        form.urgency,
        form.authors,
        form.published_at.isoformat(),
        form.body[0].html,
        [(image.url, image.caption) for image in form.images],
    )


EXPECTED = (
    "urn:agency:1",
    "Мост открыли",
    "Движение пустили в полдень.",
    "ru",
    3,
    ["Анна Орлова"],
    "2026-11-28T10:00:00+05:00",
    "Раз <b>два</b>.",
    [(PHOTO, "Первые машины")],
)


@pytest.mark.parametrize("given", [NINJS_3, NINJS_2], ids=["3.1", "2.x"])
def test_ninjs_of_every_version_tells_the_same(given):
    [item] = ninjs.parse(json.dumps(given).encode(), NOW)

    assert facts(item.form) == EXPECTED
    assert item.form.tags == ["транспорт", "Орск"]
    assert item.form.images[0].credit == "Пётр Ильин / ИА «Урал»"


def test_newsml_tells_the_same_with_its_picture_items():
    [item] = newsml.parse(message(text_item(), picture_item()), NOW)

    assert facts(item.form) == EXPECTED
    assert item.form.tags == ["транспорт"]
    assert item.form.images[0].credit == "Пётр Ильин"
    assert [block.kind for block in item.form.body] == ["paragraph", "heading"]


def test_of_several_texts_each_has_the_pictures_that_it_links_to():
    linked = '<link rel="itemrel:isA" residref="urn:agency:p1"/>'
    first, second = newsml.parse(message(text_item(extra=linked), text_item("urn:agency:2"), picture_item()), NOW)

    assert [len(one.form.images) for one in (first, second)] == [1, 0]


def test_nitf_and_plain_text_inside_are_read():
    nitf = text_item().replace("<html", "<nitf><!--").split("<nitf>")[0]
    nitf += "<nitf><body><body.head><hedline><hl1>x</hl1></hedline></body.head><body.content><p>Раз.</p><hl2>Дальше</hl2></body.content></body></nitf></inlineXML></contentSet></newsItem>"
    plain = (
        text_item().partition("<inlineXML")[0]
        + "<inlineData>Раз &amp; два.\n\nТри.</inlineData></contentSet></newsItem>"
    )

    [from_nitf] = newsml.parse(nitf.encode(), NOW)
    [from_plain] = newsml.parse(plain.encode(), NOW)

    assert [getattr(block, "html", None) or block.text for block in from_nitf.form.body] == ["Раз.", "Дальше"]
    assert from_plain.form.body[0].html.startswith("Раз &amp; два.")


def test_what_an_agency_takes_back_is_withdrawn():
    canceled = {**NINJS_3, "pubStatus": "canceled", "edNote": "Ошибка."}

    assert list(ninjs.parse(json.dumps(canceled).encode(), NOW)) == [Withdrawn("urn:agency:1", "Ошибка.")]
    assert list(newsml.parse(text_item(status="stat:canceled").encode(), NOW)) == [
        Withdrawn("urn:agency:1", "pubStatus is canceled")
    ]


def test_a_future_date_is_not_believed():
    [item] = ninjs.parse(json.dumps({**NINJS_3, "versionCreated": "2031-01-01T00:00:00Z"}).encode(), NOW)

    assert item.form.published_at is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "is no JSON: "),
        (b"[7]", "is int, not an object of ninjs"),
        (b"{}", "uri: is missing"),
        (b'{"uri": "x"}', "headline: String should have at least 1 character"),
        (b"[" * 100_000, "is no JSON: "),
    ],
)
def test_what_is_no_ninjs_is_told_plainly(body, reason):
    [trouble] = ninjs.parse(body, NOW)

    assert isinstance(trouble, Trouble)
    assert reason in trouble.reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<newsItem", "is no XML that can be read"),
        (b"", "is no XML that can be read"),
        (b"<rss/>", "has no newsItem; its root is rss"),
        (
            b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + text_item(headline="&e;").encode(),
            "has a DOCTYPE",
        ),
        (
            b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + text_item(headline="&b;").encode(),
            "has a DOCTYPE",
        ),
        (text_item(guid="").encode(), "guid: is missing"),
        (text_item(headline="").encode(), "headline: "),
    ],
)
def test_what_is_no_newsml_or_would_harm_is_told_plainly(body, reason):
    [trouble] = newsml.parse(body, NOW)

    assert isinstance(trouble, Trouble)
    assert reason in trouble.reason


def test_one_bad_item_of_a_message_troubles_only_itself():
    bad, good = newsml.parse(message(text_item(headline=""), text_item("urn:agency:2")), NOW)

    assert (type(bad), type(good)) == (Trouble, Item)


@pytest.mark.stack
@pytest.mark.parametrize(
    ("kind", "body"), [("ninjs", json.dumps(NINJS_3)), ("newsml", message(text_item(), picture_item()).decode())]
)
def test_an_agency_hands_in_at_its_door(client, web, database, private_bucket, kind, body):
    web.pages["/1.jpg"] = Page(b"\xff\xd8\xff\xe0photo", headers={"content-type": "image/jpeg"})
    source = {"source_id": f"{kind}:ural", "kind": kind, "name": "ИА «Урал»"}
    assert client.post("/sources", json=source).status_code == 201
    given = body.replace(PHOTO, web.url("/1.jpg")).encode()

    answers = [client.post(f"/sources/{kind}:ural/originals", content=given).json() for _ in range(2)]

    assert answers == [{"received": 1, "unchanged": 0, "troubles": 0}, {"received": 0, "unchanged": 1, "troubles": 0}]
    [event] = recorded_events(database, "story.received.v1")
    assert private_bucket.get(event["raw_key"]) == given
    assert private_bucket.get(event["content"]["images"][0]["original"]["key"]) == b"\xff\xd8\xff\xe0photo"


@pytest.mark.stack
@pytest.mark.parametrize(("body", "status"), [(b"", 422), (b"x" * 17_000_000, 413), (b"<x/>", 200)])
def test_what_is_no_delivery_is_refused_or_told_of(client, database, body, status):
    client.post("/sources", json={"source_id": "newsml:ural", "kind": "newsml", "name": "ИА «Урал»"})

    assert client.post("/sources/newsml:ural/originals", content=body).status_code == status
    assert recorded_events(database) == []
