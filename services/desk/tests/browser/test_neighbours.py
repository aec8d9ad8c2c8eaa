"""What the desk shows of other services, which run beside it, in a real browser: cards, photos used before, recoveries, tokens."""

import re

import psycopg
import pytest
from playwright.sync_api import expect

from chassis import tokens
from delivery import handlers as delivery_handlers
from desk.handlers import events
from imaging.store import Asset, Assets

from .. import desk_builders as make
from ..desk_scenes import paint
from ..neighbour_processes import running

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def addresses(stack):
    with running(stack, "imaging", "publication", "delivery") as addresses:
        yield addresses


@pytest.fixture
def with_photo(house, database, database_for):
    """`with_photo(1)`: a story with that photo, rendered; imaging knows it too."""
    imaging = database_for("imaging")

    def send(number):
        story_id = house.send(number, images=(make.image(number),))
        done = make.processed(number, story_id)
        urls = tuple(
            one.model_copy(update={"url": f"{house.public_url}/photo-{number}-{one.name}.jpg"})
            for one in done.manifest.renditions
        )
        manifest = done.manifest.model_copy(update={"renditions": urls, "crops": {}})
        events.take_image(done.model_copy(update={"manifest": manifest}), database.unit_of_work())
        with imaging.unit_of_work() as uow:
            asset = Asset(make.image(number).image_id, story_id, f"originals/{number}", "", "", 1)
            Assets(uow.connection).save(asset)
            uow.connection.execute(
                "UPDATE asset SET manifest = %s WHERE image_id = %s",
                (manifest.model_dump_json(), make.image(number).image_id),
            )
        return story_id

    return send


@pytest.fixture
def anna(person):
    one = person()
    one.page.route(
        "**/photo-*", lambda route: route.fulfill(body=paint(route.request.url), content_type="image/svg+xml")
    )
    return one


@pytest.mark.parametrize("width", [1440, 360])
def test_the_cards_show_what_the_published_page_will_say_to_telegram_vk_dzen_and_google(
    anna, desk, with_photo, axe, width
):
    anna.page.set_viewport_size({"width": width, "height": 900})
    anna.open(f"{desk.url}/stories/{with_photo(1)}")
    anna.click("[data-tab=preview]")
    anna.click("[data-width=cards]")

    shown = anna.page.locator("#preview-cards")
    expect(shown.locator(".share")).to_have_count(4)
    expect(shown.locator(".telegram .site")).to_have_text("Степной вестник")
    expect(shown.locator(".google b")).to_have_text("Мост через Тую откроют 1 мая")
    expect(shown.locator(".google .crumbs")).to_have_text(
        re.compile(r" › \d{4} › \d\d › \d\d › most-cherez-tuyu-.*\.html$")
    )
    assert axe(anna.page, "cards") == {}
    assert anna.page.evaluate("document.documentElement.scrollWidth") <= width
    assert anna.complaints == []


def test_a_photo_that_was_used_before_is_shown_with_its_story(anna, desk, with_photo):
    with_photo(1)
    anna.open(f"{desk.url}/stories/{with_photo(2)}")
    anna.click(".photo-list .photo")

    before = anna.page.locator("#photo .similar a")
    expect(before).to_have_count(1)
    expect(before.locator(".badge")).to_have_text("то же")
    expect(before.locator("img")).to_have_attribute("title", "Мост через Тую откроют 1 мая")
    assert anna.complaints == []


def test_a_site_that_was_down_gets_all_of_it_again_by_one_button(anna, desk, database_for, stack):
    delivery = database_for("delivery")
    anna.page.goto(f"{desk.url}/admin/sites")
    anna.page.fill("input[name=name]", "Степной вестник")
    anna.page.fill("input[name=url]", "http://192.0.2.1/hook")
    anna.click("form.card .primary")
    anna.click("td a")
    anna.page.wait_for_url("**/admin/sites/*")
    with delivery.unit_of_work() as uow:
        uow.connection.execute(NOT_TAKEN)

    anna.page.click("form[action$=recoveries] button")
    expect(anna.page.locator("#recovery")).to_contain_text("0 из 3")
    delivery_handlers.recover(delivery)

    expect(anna.page.locator("#recovery.accent")).to_contain_text("Снова уходят 3 сообщения")
    with delivery.connection() as connection:
        states = connection.execute("SELECT DISTINCT state FROM delivery WHERE story_id IS NOT NULL").fetchall()
    assert states == [("held",)]  # the site has not confirmed its address yet
    assert anna.complaints == []


NOT_TAKEN = """
WITH said AS (
    INSERT INTO message (message_id, type, story_id, version, body)
    SELECT 'msg_' || n, 'story.published', gen_random_uuid(), 1, '{}' FROM generate_series(1, 3) n RETURNING *
)
INSERT INTO delivery (endpoint_id, message_id, story_id, version, rank, state, attempts)
SELECT endpoint_id, message_id, story_id, version, 1, 'failed', 9 FROM said, endpoint
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 360])
def test_a_token_is_made_by_keyboard_and_revoked(person, desk, stack, axe, theme, width):
    ops = person(role="ops", theme=theme, width=width)
    ops.page.goto(f"{desk.url}/admin/tokens")
    name = f"Партнёр {theme} {width}"

    ops.page.focus("input[name=name]")
    ops.page.keyboard.type(name)
    ops.page.focus("input[value='content:read']")
    ops.page.keyboard.press("Space")
    ops.page.keyboard.press("Enter")
    expect(ops.page.locator(".link-box")).to_have_text(re.compile(r"^dps_[\w-]{43}$"))
    barriers = axe(ops.page, "tokens")
    ops.page.click(f"[aria-label='Отозвать «{name}»']")
    expect(ops.page.locator("[role=status].note")).to_contain_text(name)

    assert barriers == {}
    assert ops.page.evaluate("document.documentElement.scrollWidth") <= width
    with psycopg.connect(stack.admin_url) as connection:
        made = next(one for one in tokens.listed(connection) if one.name == name)
    assert made.scopes == ("content:read",)
    assert made.revoked_at is not None
    assert ops.complaints == []
