"""Press releases by mail: bodies, attachments, pictures in the text, and a mailbox that is watched."""

import threading
import time
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.testing import recorded_events
from ingestion.domain.items import Item, Trouble
from ingestion.domain.mails import parse

from .fakes.imap_server import PASSWORD, USER, ImapServer
from .fakes.office import docx, packed

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
JPEG = b"\xff\xd8\xff\xe0" + b"photo" * 2_000
DOCX = "application", "vnd.openxmlformats-officedocument.wordprocessingml.document"


def message(subject="Мост открыли", text="", html="", **headers):
    mail = EmailMessage()
    mail["Subject"], mail["From"] = subject, "Пресс-служба Орска <press@orsk.example>"
    mail["Message-ID"], mail["Date"] = "<m1@orsk.example>", "Sat, 28 Nov 2026 10:00:00 +0500"
    for name, value in headers.items():
        del mail[name]
        mail[name] = value
    mail.set_content(text or "Текст.")
    if html:
        mail.add_alternative(html, subtype="html")
    return mail


def read(mail, senders=()):
    body = mail if isinstance(mail, bytes) else mail.as_bytes()
    return list(parse(body, senders, NOW))


def form(mail):
    [item] = read(mail)
    assert isinstance(item, Item), item
    return item.form


def htmls(story):
    return [getattr(block, "html", block.kind) for block in story.body]


def test_a_text_comes_under_its_subject_without_greeting_and_signature():
    story = form(
        message(
            "Fwd: Re: Мост открыли",
            "Уважаемые коллеги!\n\nДвижение пустили в полдень.\n\nДальше — подходы.\n-- \nПресс-служба",
        )
    )

    assert (story.headline, story.lede) == ("Мост открыли", "Движение пустили в полдень.")
    assert htmls(story) == ["Дальше — подходы."]
    assert (story.external_id, story.authors) == ("m1@orsk.example", ["Пресс-служба Орска"])
    assert story.published_at.isoformat() == "2026-11-28T10:00:00+05:00"


def test_what_a_text_begins_with_is_kept_where_the_subject_says_something_else():
    story = form(message("Пресс-релиз", "Мост открыли\n\nДвижение пустили в полдень.\n\nДальше — подходы."))

    assert (story.headline, story.lede) == ("Пресс-релиз", "Мост открыли")
    assert htmls(story) == ["Движение пустили в полдень.", "Дальше — подходы."]


def test_html_is_read_before_text_and_its_pictures_stand_in_their_places():
    mail = message(
        html='<p>Мост открыли</p><p>В полдень.</p><img src="cid:a@x"><p>Дальше.</p><img src="cid:logo@x"><script>x()</script>'
    )
    page = mail.get_payload()[1]
    page.add_related(JPEG, "image", "jpeg", cid="<a@x>", filename="мост.jpg")
    page.add_related(b"\x89PNG tiny", "image", "png", cid="<logo@x>", filename="logo.png")
    mail.add_attachment(JPEG + b"2", "image", "jpeg", filename="опора.jpg")

    [item] = read(mail)

    assert (item.form.headline, item.form.lede) == ("Мост открыли", "В полдень.")
    assert [block.kind for block in item.form.body] == ["paragraph", "image"]
    assert [item.files[image.file].body for image in item.form.images] == [JPEG, JPEG + b"2"]


def test_a_docx_is_the_text_where_the_body_only_says_so():
    mail = message("Пресс-релиз", "Добрый день! Релиз во вложении.")
    release = docx(("Heading1", "Дамба готова"), ("Normal", "До паводка."), ("Normal", "Насыпь закроет 1140 домов."))
    mail.add_attachment(release, *DOCX, filename="релиз.docx")

    story = form(mail)

    assert (story.headline, story.lede, htmls(story)) == ("Дамба готова", "До паводка.", ["Насыпь закроет 1140 домов."])


def test_a_broken_docx_and_a_bomb_are_told_of_and_the_mail_comes():
    mail = message("Мост открыли", "Во вложении.")
    mail.add_attachment(b"not a docx", *DOCX, filename="релиз.docx")
    mail.add_attachment(packed({"a.jpg": b"\0" * 30_000_000}), "application", "zip", filename="фото.zip")
    mail.add_attachment(packed({"b.jpg": JPEG}), "application", "zip", filename="ещё.zip")

    item, bomb, broken = read(mail)

    assert [image.file for image in item.form.images] == ["1-b.jpg"]
    assert bomb.reason.endswith("times its size; the most is 100")
    assert (broken.place, broken.reason[:28]) == ("attached: релиз.docx", "is no DOCX that can be read:")


def test_other_senders_do_not_come_in():
    [trouble] = read(message(), senders=["gov.example", "boss@orsk.example"])
    [item] = read(message(), senders=["orsk.example"])

    assert trouble == Trouble("m1@orsk.example", "came from press@orsk.example, who is not among the source's senders")
    assert isinstance(item, Item)


@pytest.mark.parametrize("date", ["Sat, 28 Nov 2030 10:00:00 +0500", "вчера", "Sat, 28 Nov 2026 25:00:00 +0500"])
def test_a_date_that_is_none_or_has_not_come_is_not_believed(date):
    assert form(message(Date=date)).published_at is None


@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_crash_it(junk, has_head):
    head = b"Subject: =?utf-8?b?x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" if has_head else b""

    for part in read(head + junk):
        assert isinstance(part, (Item, Trouble))


@pytest.fixture
def imap():
    with ImapServer() as server:
        yield server


@pytest.fixture
def add(client, imap):
    def go(**more):
        settings = {
            "host": "127.0.0.1",
            "port": imap.port,
            "security": "plain",
            "user": USER,
            "password": PASSWORD,
            "listens_s": 0,
        }
        source = {"source_id": "mail:orsk", "kind": "mail", "name": "Почта Орска", "settings": {**settings, **more}}
        answer = client.post("/sources", json=source)
        assert answer.status_code == 201, answer.text

    return go


def headlines(database):
    return [event["content"]["headline"] for event in recorded_events(database, "story.received.v1")]


@pytest.mark.stack
def test_a_mailbox_is_read_on_from_the_last_message_and_none_twice(add, imap, visit, database, private_bucket):
    add()
    mail = message("Мост открыли", "Раз.\n\nДва.")
    mail.add_attachment(JPEG, "image", "jpeg", filename="a.jpg")
    imap.deliver(mail.as_bytes().replace(b"\n", b"\r\n"))
    visit("mail:orsk")
    visit("mail:orsk")
    imap.deliver(message("Дамба готова", "Раз.", **{"Message-ID": "<m2@orsk.example>"}).as_bytes())
    row = visit("mail:orsk")

    [first, _] = recorded_events(database, "story.received.v1")
    assert headlines(database) == ["Мост открыли", "Дамба готова"]
    assert row.memory == {"validity": 7, "uid": 2}
    assert first["source"]["kind"] == "mail"
    assert private_bucket.get(first["content"]["images"][0]["original"]["key"]) == JPEG
    assert [what for _, what in imap.fetched if "BODY" in what] == ["(BODY.PEEK[])"] * 2


@pytest.mark.stack
def test_a_new_message_comes_while_the_mailbox_is_watched(add, imap, visit, database):
    add(listens_s=3)
    visit("mail:orsk")
    later = threading.Timer(0.3, imap.deliver, [message("Мост открыли", "Раз.").as_bytes()])
    later.start()
    started = time.monotonic()

    visit("mail:orsk")

    later.join()
    assert headlines(database) == ["Мост открыли"]
    assert time.monotonic() - started < 10


@pytest.mark.stack
def test_a_message_too_large_is_told_of_by_its_headers_alone_and_the_others_come(add, imap, visit, database, client):
    add(most_bytes=10_000)
    imap.deliver(message("Слишком большое", "x").as_bytes().replace(b"\n", b"\r\n"))
    imap.sizes[1] = 5_000_000_000
    imap.deliver(message("Мост открыли", "Раз.", **{"Message-ID": "<m2@orsk.example>"}).as_bytes())

    visit("mail:orsk")

    assert headlines(database) == ["Мост открыли"]
    [trouble] = client.get("/sources/mail:orsk/troubles").json()
    assert trouble["reason"] == "has 5000000000 bytes; the most that is fetched is 10000"
    assert [what for uid, what in imap.fetched if uid == 1] == ["(RFC822.SIZE)", "(BODY.PEEK[HEADER])"]


@pytest.mark.stack
def test_a_wrong_password_is_the_sources_problem(add, visit):
    add(password="wrong")

    row = visit("mail:orsk")

    assert row.problem == "127.0.0.1: the mailbox does not open with this user and password"


@pytest.mark.stack
def test_a_mail_server_inside_is_not_reached(add, visit):
    add(host="10.11.12.13")

    assert visit("mail:orsk").problem == "10.11.12.13: 10.11.12.13 is not a public address"
