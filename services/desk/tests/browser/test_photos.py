"""A photo's dialog in a real browser: the focus by pointer and keys, crops that follow at once, a crop drawn by hand and given back."""

import pytest
from playwright.sync_api import expect

from chassis.testing import recorded_events
from desk.handlers import events
from desk.store.facts import Facts
from stack.processes import wait_until

from .. import desk_builders as make
from ..desk_scenes import paint

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.timeout(240)]

LEFT = "document.querySelector('.crop-1x1 img').style.left"


@pytest.fixture
def dialog(person, desk, house, database):
    story_id = house.send(images=(make.image(),))
    done = make.processed(1, story_id)
    urls = tuple(
        one.model_copy(update={"url": f"{house.public_url}/photo-1-{one.name}.jpg"}) for one in done.manifest.renditions
    )
    manifest = done.manifest.model_copy(update={"renditions": urls, "crops": {}})
    events.take_image(done.model_copy(update={"manifest": manifest}), database.unit_of_work())
    anna = person()
    anna.page.route(
        "**/photo-*", lambda route: route.fulfill(body=paint(route.request.url), content_type="image/svg+xml")
    )
    anna.open(f"{desk.url}/stories/{story_id}")
    anna.click(".photo-list .photo")
    expect(anna.page.locator("#photo[open] .crops figure")).to_have_count(4)
    return anna


def moves(database):
    return recorded_events(database, "image.focal_point_moved.v1")


def test_the_focus_is_moved_by_pointer_and_by_keys_and_every_crop_follows_at_once(dialog, database):
    # 4000 x 3000: a square shows three quarters of the width, at first the middle ones
    assert dialog.page.evaluate(LEFT) == "-16.6667%"

    box = dialog.page.locator("[data-focus]").bounding_box()
    dialog.page.mouse.click(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.5)

    assert dialog.page.evaluate(LEFT) == "-33.3333%"
    wait_until(lambda: len(moves(database)) == 1, "the move", timeout_s=20)
    assert moves(database)[0]["focal_point"] == {"x": pytest.approx(0.9, abs=0.01), "y": pytest.approx(0.5, abs=0.01)}
    dialog.page.focus("[data-focus]")
    for _ in range(5):
        dialog.page.keyboard.press("Shift+ArrowLeft")
    wait_until(lambda: len(moves(database)) == 2, "the second move", timeout_s=20)
    assert moves(database)[1]["focal_point"]["x"] == pytest.approx(0.4, abs=0.01)
    assert dialog.complaints == []


def test_a_crop_is_drawn_by_hand_and_given_back_to_the_focus(dialog, database):
    dialog.page.click("[data-crop='16x9']")
    expect(dialog.page.locator(".cropping-stage cropper-selection")).to_be_visible()
    dialog.page.click("[data-crop-keep]")

    expect(dialog.page.locator("figure.by-hand")).to_have_count(1)
    wait_until(lambda: len(moves(database)) == 1, "the crop", timeout_s=20)
    box = moves(database)[0]["crops"]["16x9"]
    assert box["width"] * 4000 / (box["height"] * 3000) == pytest.approx(16 / 9, rel=0.05)
    with database.connection() as connection:
        assert list(Facts(connection).hand_crops(make.image().image_id)) == ["16x9"]

    dialog.page.click("figure.by-hand .automatic")
    wait_until(lambda: len(moves(database)) == 2, "the way back", timeout_s=20)
    assert moves(database)[1]["crops"] == {"16x9": None}
    expect(dialog.page.locator("figure.by-hand")).to_have_count(0)
    assert dialog.complaints == []
