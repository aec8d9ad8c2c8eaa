"""Events in, events out, on a real database and a real S3. Repeated and late events do no harm."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from chassis.testing import recorded_events
from contracts.content import Image, Point, Source, StoredObject, StoryContent
from contracts.events import FocalPointMoved, ImageAttached, ImageProcessed, StoryKilled, StoryReceived, StoryRevised
from imaging import bootstrap, handlers
from imaging.domain.renditions import Rendition
from imaging.handlers import words_of
from imaging.settings import Settings
from imaging.store import Assets, RenditionSets

from .conftest import picture
from .test_credentials import Hand, read

pytestmark = pytest.mark.stack

NOW = datetime(2026, 11, 12, tzinfo=UTC)
STORY = uuid4()


@pytest.fixture
def image(private_bucket):
    body = picture(1000, 750, seed=9).jpegsave_buffer()
    private_bucket.put("originals/test/photo", body, content_type="image/jpeg")
    original = StoredObject(
        bucket="private", key="originals/test/photo", content_type="image/jpeg", size_bytes=len(body)
    )
    return Image(image_id=uuid4(), original=original, caption="Мост", credit="Пётр")


def received(*images, revision=1):
    content = StoryContent(headline="Мост открыт", images=images)
    return StoryReceived(
        story_id=STORY,
        revision=revision,
        source=Source(source_id="t", name="t"),
        external_id="1",
        content=content,
        received_at=NOW,
    )


def revised(headline, revision=2):
    return StoryRevised(story_id=STORY, revision=revision, content=StoryContent(headline=headline), revised_at=NOW)


def killed(version=1):
    return StoryKilled(
        release_id=uuid4(), story_id=STORY, version=version, url="http://x/a", item={}, ordered_at=NOW, released_at=NOW
    )


def process(event, database, studio):
    handlers.process_story(event, database.unit_of_work(), studio)


def test_a_photo_is_rendered_put_away_and_told_of(database, studio, image, public_bucket):
    process(received(image), database, studio)

    [event] = recorded_events(database, "image.processed.v1")
    manifest = event["manifest"]
    assert (event["image_id"], manifest["version"], manifest["width"], manifest["height"]) == (
        str(image.image_id),
        1,
        1000,
        750,
    )
    assert len(manifest["renditions"]) == 17
    for one in manifest["renditions"]:
        head = public_bucket.head(one["url"].removeprefix(public_bucket.base_url + "/"))
        assert (head["ContentLength"], head["ContentType"]) == (one["size_bytes"], one["content_type"])
        assert head["CacheControl"] == "public, max-age=31536000, immutable"


def test_the_same_story_again_renders_nothing(database, studio, image):
    for _ in range(2):
        process(received(image), database, studio)

    assert len(recorded_events(database)) == 1


def test_new_words_from_the_source_are_written_into_new_files(database, studio, image):
    process(received(image), database, studio)
    process(received(image.model_copy(update={"caption": "Мост через Урал"}), revision=2), database, studio)
    process(received(image, revision=1), database, studio)

    first, second = recorded_events(database)
    assert second["manifest"]["version"] == 2
    urls = [{one["url"] for one in event["manifest"]["renditions"] if one["width"] >= 640} for event in (first, second)]
    assert urls[0].isdisjoint(urls[1])


def test_a_moved_focus_crops_again_and_a_late_one_does_not(database, studio, image):
    process(received(image), database, studio)
    for revision, x in ((2, 0.0), (1, 1.0), (2, 0.5)):
        event = FocalPointMoved(
            story_id=STORY, image_id=image.image_id, revision=revision, focal_point=Point(x=x, y=0.5)
        )
        handlers.move_focus(event, database.unit_of_work(), studio)

    events = recorded_events(database)
    assert [event["manifest"]["version"] for event in events] == [1, 2]
    assert events[1]["manifest"]["focal_point"] == {"x": 0.0, "y": 0.5}
    assert events[1]["manifest"]["crops"]["1x1"]["x"] == 0.0


def moved(image, revision=1, **values):
    return FocalPointMoved(story_id=STORY, image_id=image.image_id, revision=revision, **values)


def test_a_focus_that_comes_before_its_photo_is_kept_for_it(database, studio, image):
    handlers.move_focus(moved(image, focal_point=Point(x=0.1, y=0.5)), database.unit_of_work(), studio)
    assert recorded_events(database) == []

    process(received(image), database, studio)

    [event] = recorded_events(database)
    assert (event["manifest"]["focal_point"], event["manifest"]["focal_point_by"]) == ({"x": 0.1, "y": 0.5}, "editor")


def test_the_sources_new_words_are_written_after_a_focus_was_moved_but_not_over_an_editors(database, studio, image):
    process(received(image), database, studio)
    handlers.move_focus(
        moved(image, focal_point=Point(x=0.1, y=0.5), caption="Мост ночью"), database.unit_of_work(), studio
    )
    newer = image.model_copy(update={"caption": "Мост через Урал", "credit": "Анна Лугова"})

    process(received(newer, revision=2), database, studio)

    with database.connection() as connection:
        words = words_of(Assets(connection).get(image.image_id))
    assert (words.caption, words.credit) == ("Мост ночью", "Анна Лугова")
    assert [event["manifest"]["version"] for event in recorded_events(database)] == [1, 2, 3]


def test_a_wish_made_while_the_photo_is_rendered_is_not_lost(database, studio, image):
    asset = handlers._with_words(image, STORY, 1, None)
    rendered = handlers._render(asset, studio)
    handlers.move_focus(moved(image, focal_point=Point(x=0.1, y=0.5)), database.unit_of_work(), studio)

    with pytest.raises(handlers.RacedError, match="wants it otherwise"), database.unit_of_work() as uow:
        handlers._save(rendered, uow)

    assert recorded_events(database) == []


def test_nothing_more_is_made_of_a_killed_storys_photos(database, studio, image):
    process(received(image), database, studio)

    handlers.drop_killed(killed(), database.unit_of_work())
    process(received(image.model_copy(update={"caption": "Другая подпись"}), revision=2), database, studio)
    with database.unit_of_work() as uow:
        Assets(uow.connection).render_all_again()
    handlers.work_off(database, studio)
    handlers.make_smaller(database, studio)

    assert [event["manifest"]["version"] for event in recorded_events(database)] == [1]


def test_a_photo_that_was_being_rendered_when_its_story_was_killed_is_not_told_of(database, studio, image):
    rendered = handlers._render(handlers._with_words(image, STORY, 1, None), studio)
    handlers.drop_killed(killed(), database.unit_of_work())

    with database.unit_of_work() as uow:
        handlers._save(rendered, uow)

    assert recorded_events(database) == []
    with database.connection() as connection:
        assert Assets(connection).get(image.image_id).manifest is None


@pytest.mark.parametrize(
    ("alt_text", "status"),
    [
        ("", "missing"),
        ("Пролёт", "short"),
        ("У моста", "short"),
        ("МОСТ через Урал!", "same_as_caption"),
        ("Люди идут по мосту", "present"),
    ],
)
def test_the_sources_description_is_kept_and_its_worth_is_told(database, studio, image, alt_text, status):
    with database.unit_of_work() as uow:
        RenditionSets(uow.connection).add([Rendition("w320", 320, None, ("jpeg",))])
    photo = image.model_copy(update={"caption": "Мост через Урал", "alt_text": alt_text})

    process(received(photo), database, studio)

    [event] = recorded_events(database)
    assert event["manifest"]["alt_text_status"] == status
    with database.connection() as connection:
        assert words_of(Assets(connection).get(image.image_id)).alt_text == alt_text


def test_with_the_newsrooms_certificate_in_the_settings_the_files_in_the_bucket_are_signed(
    database, settings_for, image, public_bucket
):
    newsroom = Hand("Orenburg newsroom")
    settings = Settings(**settings_for("imaging"), c2pa_certificate=newsroom.certificates, c2pa_key=newsroom.key_pem)
    with database.unit_of_work() as uow:
        RenditionSets(uow.connection).add([Rendition("w640", 640, formats=("jpeg",))])
    signing = bootstrap.studio(settings)

    process(received(image), database, signing)
    signing.decoder.close()

    [event] = recorded_events(database)
    [file] = event["manifest"]["renditions"]
    body = public_bucket.get(file["url"].removeprefix(public_bucket.base_url + "/"))
    assert read("jpeg", body, newsroom.root)["validation_state"] == "Trusted"


def test_files_that_differ_by_their_signature_only_are_no_news(database, studio, image):
    process(received(image), database, studio)
    with database.connection() as connection:
        asset = Assets(connection).get(image.image_id)

    def second_pass(**changes):
        first, *rest = asset.manifest.renditions
        renditions = (first.model_copy(update=changes), *rest)
        manifest = asset.manifest.model_copy(update={"stage": "small", "renditions": renditions})
        return ImageProcessed(story_id=STORY, image_id=image.image_id, manifest=manifest)

    assert handlers.is_same(asset.manifest, second_pass(url="http://x/signed-again"))
    assert not handlers.is_same(asset.manifest, second_pass(url="http://x/smaller", size_bytes=1))


def test_an_attached_photo_is_rendered(database, studio, image):
    handlers.process_image(ImageAttached(story_id=STORY, image=image, attached_at=NOW), database.unit_of_work(), studio)

    assert [event["manifest"]["version"] for event in recorded_events(database, "image.processed.v1")] == [1]


def test_a_photo_that_is_none_is_rejected_and_the_others_are_rendered(database, studio, image, private_bucket):
    private_bucket.put("originals/test/text", b"hello", content_type="image/jpeg")
    text = Image(
        image_id=uuid4(),
        original=StoredObject(bucket="private", key="originals/test/text", content_type="image/jpeg", size_bytes=5),
    )
    lost = Image(
        image_id=uuid4(),
        original=StoredObject(bucket="private", key="originals/test/nowhere", content_type="image/jpeg", size_bytes=5),
    )
    never = Image(image_id=uuid4(), original=None, problem="404")

    process(received(text, image, lost, never), database, studio)

    rejected = {event["image_id"]: event["reason"] for event in recorded_events(database, "image.rejected.v1")}
    assert rejected == {
        str(text.image_id): "not_an_image",
        str(lost.image_id): "missing",
        str(never.image_id): "missing",
    }
    assert [event["image_id"] for event in recorded_events(database, "image.processed.v1")] == [str(image.image_id)]


def test_two_events_about_one_photo_at_once_do_not_overwrite_each_other(database, studio, image):
    process(received(image), database, studio)
    stale = handlers._render(handlers._with_words(image, STORY, 1, None), studio)

    with pytest.raises(handlers.RacedError), database.unit_of_work() as uow:
        handlers._save(stale, uow)

    assert len(recorded_events(database)) == 1
