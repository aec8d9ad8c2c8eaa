import re
import socket
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import SimpleNamespace

import pytest
import pyvips

from stack.demo import tour, web
from stack.demo.photos import HEIGHT, SCENES, WIDTH, make_photo
from stack.demo.stories import STORIES, Photo
from stack.demo.tour import Trip
from stack.partner import OWN_NEWS

pytestmark = pytest.mark.timeout(60)

PHOTOS = [photo for story in STORIES for photo in story.photos]


def words_of(story):
    return " ".join(
        part
        for block in story.form["body"]
        for part in (block.get("html", ""), block.get("text", ""), *block.get("items", ()))
    )


def test_two_stories_are_russian_and_one_is_english():
    languages = [story.form.get("language", "ru") for story in STORIES]
    cyrillic = [bool(re.search("[а-яё]", story.form["headline"])) for story in STORIES]

    assert languages == ["ru", "ru", "en"]
    assert cyrillic == [True, True, False]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.form["external_id"])
def test_a_story_has_all_that_a_newsroom_writes(story):
    kinds = [block["kind"] for block in story.form["body"]]
    quotes = [block for block in story.form["body"] if block["kind"] == "quote"]

    assert 20 < len(story.form["headline"]) <= 90
    assert story.form["lede"].endswith(".")
    assert all(quote["attribution"] for quote in quotes)
    assert quotes
    assert kinds.count("image") == len(story.photos) - 1 >= 1, "the first photo leads, each other stands in the text"
    assert story.form["rubrics"]
    assert story.form["tags"]
    assert "lorem" not in words_of(story).lower()


def test_the_russian_stories_quote_a_telegram_channel_under_three_rubrics():
    for story in STORIES[:2]:
        assert len(story.form["rubrics"]) == 3
        assert story.form["source"]["kind"] == "telegram"
        assert "telegram-канал" in str(story.form["body"])


def test_the_partners_own_news_come_in_however_old_the_demo_is(monkeypatch):
    asked = []
    monkeypatch.setattr(tour, "_ask", lambda *question: asked.append(question) or [])

    tour.follow_feed(SimpleNamespace(url=lambda _: "http://127.0.0.1:8090"))

    [(_, _, method, path, source)] = asked[1:]
    oldest = min(parsedate_to_datetime(date) for _, _, date in OWN_NEWS)
    assert (method, path, source["settings"]["url"]) == ("POST", "/sources", "http://127.0.0.1:8090/feed.xml")
    assert timedelta(days=source["settings"]["first_days"]) > datetime.now(UTC) - oldest


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda photo: photo.name)
def test_a_photo_says_what_it_shows_and_whose_it_is(photo):
    caption, credit = re.split(r"\s*\|\s*", photo.line)

    assert caption
    assert re.fullmatch(r"(Фото|Photo): .+ / \S+\.\S+", credit)
    assert photo.alt
    assert photo.scene in SCENES


def test_names_and_outside_ids_are_not_used_twice():
    assert len({photo.name for photo in PHOTOS}) == len(PHOTOS)
    assert len({(one.form["source"]["source_id"], one.form["external_id"]) for one in STORIES}) == len(STORIES)


@pytest.fixture(scope="module")
def upright(tmp_path_factory):
    return make_photo(
        tmp_path_factory.mktemp("photos") / "a.jpg", "river", 7, "Река у Орска", "пресс-служба области", orientation=6
    )


def test_a_photo_has_12_megapixels_and_stands_as_its_exif_says(upright):
    raw = pyvips.Image.new_from_file(str(upright))
    shown = raw.autorot()

    assert raw.get("orientation") == 6
    assert (raw.width, raw.height) == (HEIGHT, WIDTH)
    assert (shown.width, shown.height) == (WIDTH, HEIGHT) == (4000, 3000)


def test_a_photo_names_caption_and_credit_in_iptc_and_xmp_and_place_in_exif(upright):
    image = pyvips.Image.new_from_file(str(upright))

    for field in ("iptc-data", "xmp-data"):
        text = bytes(image.get(field)).decode(errors="replace")
        assert "Река у Орска" in text
        assert "пресс-служба области" in text
    assert image.get("exif-ifd3-GPSLatitude").startswith("51/1 46/1 6/1")


def test_a_photo_looks_like_one_with_many_tones_and_no_flat_sheets(upright):
    image = pyvips.Image.thumbnail(str(upright), 400)

    tones = len({tuple(pixel) for row in image.numpy()[::4, ::4] for pixel in row})
    left_out = [band.min() for band in image.bandsplit()], [band.max() for band in image.bandsplit()]

    assert tones > 3000
    assert max(left_out[0]) < 90
    assert min(left_out[1]) > 130


def test_photos_that_are_there_are_not_made_again(upright):
    before = upright.stat().st_mtime_ns

    make_photo(upright, "river", 8, "Другая подпись", "кто-то")

    assert upright.stat().st_mtime_ns == before


def test_a_story_that_meets_trouble_is_told_and_stops_nothing(monkeypatch):
    def refuse(*_args):
        raise web.WebError("POST http://127.0.0.1:8001/stories: 422 no")

    monkeypatch.setattr(tour, "travel", refuse)

    trip = tour.attempt(STORIES[0], None, {}, lambda _: None)

    assert trip == Trip(headline=STORIES[0].form["headline"], trouble="POST http://127.0.0.1:8001/stories: 422 no")


@pytest.mark.parametrize(
    ("images", "tagged", "ready"),
    [
        ([("a", True, ""), ("b", True, "")], 1, True),
        ([("a", True, ""), ("b", False, "too small")], 1, True),
        ([("a", True, ""), ("b", False, "")], 1, False),
        ([("a", True, ""), ("b", True, "")], 0, False),
        ([("a", True, "")], 1, False),
    ],
)
def test_a_story_is_ready_when_every_photo_is_answered_and_tags_are_there(images, tagged, ready):
    story = {
        "images": [{"image_id": name, "manifest": manifest, "rejected": why} for name, manifest, why in images],
        "draft": {"images": [{"image_id": "a"}, {"image_id": "b"}]},
        "tagged_revision": tagged,
    }

    assert tour.is_ready(story) is ready


def test_a_door_that_does_not_answer_is_named():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/stories"

        with pytest.raises(web.WebError, match=f"GET {url}: "):
            web.call("GET", url)
        assert web.is_ok(url) is False


def test_a_photo_of_the_demo_is_made_from_its_line(tmp_path):
    photo = Photo("b.jpg", "town", 3, "Вечер | Фото: Анна Орлова / t.me/x", "Город")

    made = tour._make(tmp_path, photo)

    text = bytes(pyvips.Image.new_from_file(str(made)).get("iptc-data")).decode(errors="replace")
    assert "Вечер" in text
    assert "Анна Орлова" in text
    assert "t.me" not in text
