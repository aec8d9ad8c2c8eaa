"""Any order and any repetition of a photo's events ends in the same state, also where workers die before their commit."""

import pytest

from chassis.testing import assert_any_order_ends_alike
from contracts.content import Point
from contracts.events import FocalPointMoved, StoryReceived
from imaging import handlers
from imaging.store import Assets

from .test_handlers import STORY, image, process, received, studio  # noqa: F401 - fixtures

pytestmark = pytest.mark.stack


def test_any_order_and_any_repetition_of_words_and_focus_ends_in_the_same_state(database_for, studio, image):  # noqa: F811
    """A focus is only ever moved in a photo that was seen, so the first event comes first."""
    photo = image.model_copy(update={"caption": "Мост"})
    told = [
        received(photo),
        received(photo.model_copy(update={"caption": "Мост через Урал"}), revision=2),
        moved(photo, revision=1, x=0.2),
        moved(photo, revision=2, x=0.8),
    ]

    def world():
        database = database_for("imaging")
        process(told[0], database, studio)
        return database, (database, studio, photo.image_id)

    end = assert_any_order_ends_alike(told, world, _hear, _state, examples=4)

    assert end == (Point(x=0.8, y=0.5), 2, "Мост, весна 2", Point(x=0.8, y=0.5))


def moved(photo, *, revision, x):
    return FocalPointMoved(
        story_id=STORY,
        image_id=photo.image_id,
        revision=revision,
        focal_point=Point(x=x, y=0.5),
        caption=f"Мост, весна {revision}",
    )


def _hear(event, uow, world):
    _, studio, _ = world  # noqa: F811
    handle = handlers.process_story if isinstance(event, StoryReceived) else handlers.move_focus
    handle(event, uow, studio)


def _state(world):
    database, _, image_id = world
    with database.connection() as connection:
        asset = Assets(connection).get(image_id)
    return asset.focal_point, asset.focus_revision, asset.caption, asset.manifest.focal_point
