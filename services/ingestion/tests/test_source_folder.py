"""Folders and ZIPs of texts and photos; documents; what hostile ones do."""

import struct
import zipfile

import pytest

from chassis.testing import recorded_events
from ingestion.domain import zips
from ingestion.domain.documents import read_document
from ingestion.domain.folders import parse_zip
from ingestion.domain.items import Item, Trouble

from .fakes.office import docx, packed

JPEG = b"\xff\xd8\xff\xe0" + b"photo" * 100
TEXT = "Мост открыли\n\nДвижение пустили в полдень.\n\nДальше — подходы."


def parts(files, **more):
    return list(parse_zip(packed(files, **more), "мост", "Пётр Ильин"))


def test_a_text_and_its_photos_are_a_story_with_captions_from_beside_them():
    [item] = parts(
        {
            "текст.txt": TEXT,
            "a.jpg": JPEG,
            "b.JPG": JPEG + b"2",
            "c.jpg": JPEG + b"3",
            "b.JPG.txt": "Подходы к мосту | Фото: Анна Орлова",
            "подписи.txt": "a.jpg — Первые машины\nc.jpg; Опора\n",
        }
    )

    form = item.form
    assert (form.headline, form.lede, form.external_id) == (
        "Мост открыли",
        "Движение пустили в полдень.",
        "мост/текст.txt",
    )
    assert [(image.file, image.caption, image.credit) for image in form.images] == [
        ("a.jpg", "Первые машины", "Пётр Ильин"),
        ("b.JPG", "Подходы к мосту | Фото: Анна Орлова", ""),
        ("c.jpg", "Опора", "Пётр Ильин"),
    ]
    assert item.files["b.JPG"].body == JPEG + b"2"
    assert [block.kind for block in form.body] == ["paragraph", "image", "image"]


def test_each_folder_is_a_story_and_photos_go_with_the_text_of_their_name():
    found = parts(
        {
            "мост/мост.txt": TEXT,
            "мост/мост-1.jpg": JPEG,
            "мост/дамба.md": "# Дамба\n\nГотова **вся**.\n\nДо паводка.",
            "мост/дамба-1.jpg": JPEG,
            "площадь/1.jpg": JPEG,
            "__MACOSX/._1.jpg": b"x",
        }
    )

    assert [(one.form.headline, [image.file for image in one.form.images]) for one in found] == [
        ("Дамба", ["дамба-1.jpg"]),
        ("Мост открыли", ["мост-1.jpg"]),
        ("площадь", ["1.jpg"]),
    ]


def test_a_docx_brings_its_heading_text_and_pictures():
    body = docx(
        ("Heading1", "Мост открыли"),
        ("Normal", "В полдень."),
        ("Normal", "Дальше — подходы."),
        picture=b"\x89PNG" + b"x" * 50,
    )

    [item] = parts({"релиз.docx": body})

    assert (item.form.headline, item.form.lede) == ("Мост открыли", "В полдень.")
    assert [block.html for block in item.form.body] == ["Дальше — подходы."]
    assert item.files[item.form.images[0].file].body == b"\x89PNG" + b"x" * 50


@pytest.mark.parametrize(
    ("name", "body", "headline"),
    [
        ("a.txt", TEXT.encode("cp1251"), "Мост открыли"),
        ("a.txt", TEXT.encode("utf-16"), "Мост открыли"),
        ("a.html", "<h1>Мост <b>открыли</b></h1><script>x()</script><p>В полдень.</p>".encode(), "Мост открыли"),
        ("a.md", "Мост открыли\n\n<script>x()</script>".encode(), "Мост открыли"),
    ],
)
def test_texts_of_every_kind_and_charset_are_read(name, body, headline):
    document = read_document(name, body)

    assert document.headline == headline
    assert "<script" not in str(document.body)


def test_names_of_russian_windows_are_read():
    info = zipfile.ZipInfo("x.jpg")
    raw = packed({"aaaa.jpg": JPEG}, compression=zipfile.ZIP_STORED).replace(b"aaaa.jpg", "мост.jpg".encode("cp866"))

    assert [member.name for member in zips.read_zip(raw)] == ["мост.jpg"]
    assert zips.name_of(info) == "x.jpg"


def test_a_name_that_leads_out_and_a_locked_or_strange_file_are_told_of_and_the_rest_comes():
    found = parts({"../../etc/passwd.txt": "x", "/abs.jpg": JPEG, "C:\\win.jpg": JPEG, "a.exe": b"MZ", "т.txt": TEXT})

    assert {one.place: one.reason for one in found if isinstance(one, Trouble)} == {
        "../../etc/passwd.txt": "its name leads out of the ZIP",
        "/abs.jpg": "its name leads out of the ZIP",
        "C:/win.jpg": "its name leads out of the ZIP",
        "a.exe": "is neither a photo (.jpg, .jpeg, .png, .webp, .avif, .heic, .tif, .tiff, .gif) nor a text",
    }
    assert [one.form.headline for one in found if isinstance(one, Item)] == ["Мост открыли"]


def test_a_bomb_is_refused_before_it_is_unpacked():
    [trouble] = parts({"a.txt": b"\0" * 30_000_000})

    assert trouble.place == "мост"
    assert "times its size; the most is 100" in trouble.reason


def test_a_file_that_lies_about_its_size_is_told_of():
    raw = bytearray(packed({"a.jpg": JPEG * 100, "т.txt": TEXT}))
    central = raw.index(b"PK\x01\x02")
    struct.pack_into("<I", raw, central + 24, 10)  # the directory says ten bytes

    found = list(parse_zip(bytes(raw), "мост", ""))

    assert [one.place for one in found if isinstance(one, Trouble)] == ["a.jpg"]
    assert [one.form.headline for one in found if isinstance(one, Item)] == ["Мост открыли"]


@pytest.mark.parametrize("body", [b"", b"PK", b"no zip at all", packed({"a": b"x"})[:-30]])
def test_what_is_no_zip_is_told_plainly(body):
    [trouble] = parse_zip(body, "мост", "")

    assert trouble.reason.startswith("is no ZIP that can be read")


def test_a_broken_docx_troubles_only_itself():
    found = parts({"a.docx": b"not a docx", "b.txt": TEXT})

    assert [(one.place, one.reason[:28]) for one in found if isinstance(one, Trouble)] == [
        ("a.docx", "ValueError: is no DOCX that ")
    ]
    assert len(found) == 2


@pytest.fixture
def source(client):
    made = {"source_id": "upload:ilyin", "kind": "folder", "name": "Пётр Ильин", "settings": {"credit": "Пётр Ильин"}}
    assert client.post("/sources", json=made).status_code == 201


@pytest.mark.stack
def test_a_zip_is_uploaded_and_again_with_changes_is_a_revision(client, source, database, private_bucket):
    door = "/sources/upload:ilyin/uploads?name=bridge"
    zipped = {"content-type": "application/zip"}
    first = client.post(door, content=packed({"т.txt": TEXT, "a.jpg": JPEG, "x.exe": b"MZ"}), headers=zipped)
    again = client.post(door, content=packed({"т.txt": TEXT, "a.jpg": JPEG, "x.exe": b"MZ"}), headers=zipped)
    changed = client.post(door, files=[("f", ("т.txt", TEXT.replace("полдень", "час"))), ("f", ("a.jpg", JPEG))])

    assert first.json() == {"received": 1, "unchanged": 0, "troubles": 1}
    assert again.json()["unchanged"] == 1
    assert changed.json()["received"] == 1
    events = recorded_events(database, "story.received.v1")
    assert [event["revision"] for event in events] == [1, 2]
    assert events[0]["source"]["kind"] == "upload"
    assert private_bucket.get(events[0]["content"]["images"][0]["original"]["key"]) == JPEG


@pytest.mark.stack
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [(b"", "application/zip", 422), (b"x", "text/plain", 422), (b"x", "application/zip", 200)],
)
def test_what_is_no_upload_is_refused_or_told_of(client, source, database, body, kind, status):
    answer = client.post("/sources/upload:ilyin/uploads?name=x", content=body, headers={"content-type": kind})

    assert answer.status_code == status
    assert recorded_events(database) == []
