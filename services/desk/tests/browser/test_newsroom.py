"""The newsroom's pages and the delivery board in a real browser, the other services beside it."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from desk.handlers import events

from .. import desk_builders as make
from ..neighbour_processes import running

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def addresses(stack):
    with running(stack, "ingestion", "tagging", "publication", "delivery") as addresses:
        yield addresses


def test_the_board_follows_a_story_and_a_kill_stands_there_until_each_site_has_confirmed(person, desk, house):
    anna = person()
    story_id = house.send()
    anna.open(f"{desk.url}/delivery")
    expect(anna.page.locator("#pulse")).to_have_attribute("data-state", "live")

    boris = person("Борис Лавров")
    boris.open(f"{desk.url}/stories/{story_id}")
    boris.click("#go")
    expect(anna.page.locator(".passages .now")).to_have_text("Готовится")
    house.publish_ordered()
    house.deliver("delivered", 1)
    expect(anna.page.locator(".stages")).to_contain_text("1 из 1 сайта")

    boris.page.click('[data-dialog="kill"]')
    boris.page.fill("#kill [name=reason]", "Источник ошибся.")
    boris.page.fill("#kill [name=confirmation]", "аннулировать")
    boris.click("#kill .primary.danger")
    expect(anna.page.locator(".kill-list")).to_contain_text("Вестник")
    expect(anna.page.locator(".kill-list")).to_contain_text("ещё на нашем сайте")
    house.kill_ordered()
    expect(anna.page.locator(".kill-list")).not_to_contain_text("ещё на нашем сайте")
    house.deliver("delivered", 2, version=2)
    expect(anna.page.locator(".kill-list")).to_have_count(0)
    assert anna.complaints + boris.complaints == []


def test_a_site_that_failed_is_sent_the_story_again_and_its_attempts_are_shown(person, desk, house, database):
    anna = person()
    story_id = house.send()
    anna.open(f"{desk.url}/stories/{story_id}")
    anna.click("#go")
    house.publish_ordered()
    fact = make.delivered(story_id, 1, "failed", attempts=8, status_code=503, changed_at=datetime.now(UTC))
    events.note_delivery(fact, database.unit_of_work())
    expect(anna.page.locator("#bell-count .dot")).to_have_text("1")

    anna.click(".sites [data-dialog=attempts]")
    expect(anna.page.locator("#attempts")).to_contain_text("Этому сайту ещё ничего не отправляли")
    anna.page.keyboard.press("Escape")
    anna.open(f"{desk.url}/delivery")
    anna.click(".board-view tbody button:has-text('Отправить снова')")
    expect(anna.page.locator(".board-view")).to_be_visible()
    assert anna.complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_over_the_other_services_are_free_of_barriers(person, desk, house, theme, axe):
    anna = person(theme=theme)
    anna.open(f"{desk.url}/stories/{house.send()}")
    anna.click("[data-tab=preview]")
    expect(anna.page.frame_locator("#preview-frame iframe").locator("h1")).to_contain_text("Мост через Тую")
    anna.click("[data-width=cards]")
    found = axe(anna.page, "preview")
    anna.page.goto(f"{desk.url}/admin/sites")
    anna.page.fill("[name=name]", "Вестник")
    anna.page.fill("[name=url]", "http://192.0.2.9/hook")
    anna.page.click(".card .primary")
    expect(anna.page.locator(".link-box")).to_have_count(2)
    paths = ["/admin/sites", "/admin/sources", "/admin/sources/new", "/admin/sources/new?kind=telegram", "/admin/vocabulary"]  # fmt: skip

    for path in paths:
        anna.page.goto(desk.url + path)
        found |= axe(anna.page, path)
    anna.page.goto(f"{desk.url}/admin/sites")
    anna.page.click("td a")
    found |= axe(anna.page, "site")
    anna.page.goto(f"{desk.url}/admin/vocabulary?q=оренбург")
    anna.page.click("td a")
    found |= axe(anna.page, "concept")

    assert found == {}
    assert anna.complaints == []
