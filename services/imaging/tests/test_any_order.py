"""Any order and any repetition of a photo's events ends in the same state, also where workers die before their commit."""

import pytest

from chassis.testing import assert_any_order_ends_alike
from contracts.content import Box, Point
from contracts.events import FocalPointMoved, StoryKilled, StoryReceived, StoryRevised
from imaging import handlers
from imaging.domain.renditions import Rendition
from imaging.handlers import words_of
from imaging.store import Assets, RenditionSets, Stories

from .test_handlers import STORY, image, killed, received, revised  # noqa: F401 - fixtures

pytestmark = pytest.mark.stack

DRAWN = Box(x=0.5, y=0, width=0.5, height=0.5)


@pytest.fixture
def world(database_for, studio, image):  # noqa: F811
    """An empty database whose set is small, so that many orders can be tried."""

    def make():
        database = database_for("imaging")
        with database.unit_of_work() as uow:
            sizes = (
                Rendition("w320", 320, formats=("jpeg",)),
                Rendition("1x1", 320, 320, ("jpeg",), with_headline=True),
            )
            RenditionSets(uow.connection).add(sizes)
        return database, (database, studio, image.image_id)

    return make


def test_any_order_and_any_repetition_of_words_and_wishes_ends_in_the_same_state(world, image):  # noqa: F811
    """Each thing is the editor's last word on it, and the source's last where no editor said anything; nothing is lost."""
    told = [
        received(image),
        received(image.model_copy(update={"caption": "Мост через Урал", "credit": "Анна"}), revision=2),
        received(image.model_copy(update={"credit": "ТАСС"}), revision=3),
        moved(image, revision=1, focal_point=Point(x=0.2, y=0.5), crops={"1x1": DRAWN, "16x9": DRAWN}),
        moved(image, revision=2, caption="Мост, весна", crops={"16x9": None}),
        moved(image, revision=3, focal_point=Point(x=0.8, y=0.5)),
        revised("Мост открыли", revision=4),
    ]

    end = assert_any_order_ends_alike(told, world, _hear, _state, examples=5)

    point = Point(x=0.8, y=0.5)
    assert end == (3, point, {"1x1": DRAWN}, "Мост, весна", "ТАСС", "Мост открыли", point, DRAWN)


def test_any_order_and_any_repetition_around_a_kill_ends_in_the_same_state(world, image):  # noqa: F811
    told = [
        received(image),
        received(image.model_copy(update={"caption": "Мост через Урал"}), revision=2),
        moved(image, revision=1, focal_point=Point(x=0.2, y=0.5)),
        killed(version=3),
    ]

    def state(world):
        database, _, image_id = world
        with database.connection() as connection:
            asset = Assets(connection).get(image_id)
            return words_of(asset).caption, asset.wanted.focal_point, Stories(connection).is_killed(STORY)

    end = assert_any_order_ends_alike(told, world, _hear, state, examples=4)

    assert end == ("Мост через Урал", Point(x=0.2, y=0.5), True)


def moved(photo, **values):
    return FocalPointMoved(story_id=STORY, image_id=photo.image_id, **values)


def _hear(event, uow, world):
    _, studio, _ = world
    match event:
        case StoryReceived():
            handlers.process_story(event, uow, studio)
        case StoryRevised():
            handlers.revise_headline(event, uow)
        case StoryKilled():
            handlers.drop_killed(event, uow)
        case FocalPointMoved():
            handlers.move_focus(event, uow, studio)


def _state(world):
    database, studio, image_id = world
    handlers.work_off(database, studio)
    with database.connection() as connection:
        asset = Assets(connection).get(image_id)
    words, wanted, manifest = words_of(asset), asset.wanted, asset.manifest
    told = (wanted.revision, wanted.focal_point, wanted.crops, words.caption, words.credit, asset.headline)
    return *told, manifest.focal_point, manifest.crops["1x1"]
