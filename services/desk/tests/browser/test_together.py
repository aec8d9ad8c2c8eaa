"""Two people in one story, in two real browsers."""

import re

import pytest
from playwright.sync_api import expect

from contracts.content import Paragraph
from desk.store.stories import Stories
from stack.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.timeout(240)]


def story_of(database, story_id):
    with database.connection() as connection:
        return Stories(connection).get(story_id)


def test_what_a_colleague_writes_appears_where_nobody_types(person, desk, house):
    story_id = house.send()
    anna, boris = person("Анна Ким"), person("Борис Лавров")
    anna.open(f"{desk.url}/stories/{story_id}")
    boris.open(f"{desk.url}/stories/{story_id}")
    expect(anna.page.locator("#presence")).to_contain_text("Борис Лавров")

    boris.page.fill("#headline", "Заголовок Бориса")
    boris.page.locator(".ProseMirror p").first.click()
    boris.page.keyboard.press("Home")
    boris.page.keyboard.type("Срочно. ")

    expect(anna.page.locator("#headline")).to_have_value("Заголовок Бориса")
    expect(anna.page.locator(".ProseMirror p").first).to_contain_text("Срочно. Движение")
    anna.page.fill("#headline", "Заголовок Анны")
    expect(anna.page.locator("#save-state")).to_contain_text("Сохранено")
    expect(anna.page.locator("#conflict")).to_be_hidden()
    assert anna.complaints + boris.complaints == []


def test_typing_is_never_drawn_over_and_a_newer_text_is_offered(person, desk, house, database):
    story_id = house.send()
    anna, boris = person("Анна Ким"), person("Борис Лавров")
    anna.open(f"{desk.url}/stories/{story_id}")
    boris.open(f"{desk.url}/stories/{story_id}")

    anna.page.focus("#headline")
    boris.page.fill("#headline", "Заголовок Бориса")

    expect(anna.page.locator("#meanwhile")).to_contain_text("Борис Лавров")
    expect(anna.page.locator("#headline")).to_have_value("Мост через Тую откроют 1 мая")
    anna.page.click("#meanwhile button")
    expect(anna.page.locator("#headline")).to_have_value("Заголовок Бориса")
    expect(anna.page.locator("#meanwhile")).to_be_hidden()


def test_a_lede_saved_meanwhile_does_not_let_an_old_headline_over_a_new_one(person, desk, house, database):
    """The way in which words were lost: one save told the screen a revision whose other fields it had never shown."""
    story_id = house.send()
    anna, boris = person("Анна Ким"), person("Борис Лавров")
    anna.open(f"{desk.url}/stories/{story_id}")
    boris.open(f"{desk.url}/stories/{story_id}")
    anna.page.route("**/document", lambda route: route.abort())

    boris.page.fill("#headline", "Заголовок Бориса")
    expect(boris.page.locator("#save-state")).to_contain_text("Сохранено")
    anna.page.fill("#lede", "Лид Анны.")
    expect(anna.page.locator("#save-state")).to_contain_text("Сохранено")
    anna.page.fill("#headline", "Старый заголовок с поправкой")

    expect(anna.page.locator("#conflict")).to_be_visible()
    assert story_of(database, story_id).draft.headline == "Заголовок Бориса"


def test_the_source_stands_beside_the_text_with_what_it_changed(person, desk, house, database):
    story_id = house.send()
    anna = person()
    anna.open(f"{desk.url}/stories/{story_id}")
    anna.page.fill("#headline", "Наш заголовок")
    expect(anna.page.locator("#save-state")).to_contain_text("Сохранено")

    house.send_again(story_id, 2, blocks=(Paragraph(html="Движение по мосту откроют <b>15 мая</b>."),))
    anna.click("#panel [data-tab=source]")

    expect(anna.page.locator(".changes")).to_contain_text("15")
    expect(anna.page.locator(".changes")).not_to_contain_text("Наш заголовок")
    expect(anna.page.locator("#headline")).to_be_visible()
    anna.click("#aside-view .primary")
    wait_until(lambda: "15 мая" in story_of(database, story_id).draft.blocks[0].html, "the source's text", timeout_s=20)
    expect(anna.page.locator(".ProseMirror")).to_contain_text("15 мая")


def test_a_colleague_who_is_named_in_a_note_sees_it_without_a_reload(person, desk, house):
    story_id = house.send()
    anna, boris = person("Анна Ким"), person("Борис Лавров")
    boris.open(desk.url)
    anna.open(f"{desk.url}/stories/{story_id}")

    anna.click('[data-tab="notes"]')
    anna.page.select_option("[data-mention-person]", label="Борис Лавров")
    anna.page.locator("[name=text]").press_sequentially("проверь дату")
    anna.page.keyboard.press("Control+Enter")

    expect(anna.page.locator(".note-text")).to_have_text("@Борис Лавров проверь дату")
    expect(boris.page.locator("#bell-count .dot")).to_have_text("1")
    boris.click('[popovertarget="notices"]')
    expect(boris.page.locator(".notice.is-new")).to_contain_text(re.compile("Вас упомянули|упомянут"))
    assert anna.complaints + boris.complaints == []


def test_tags_are_kept_and_thrown_out_by_one_key(person, desk, house, database):
    story_id = house.send()
    anna = person()
    anna.open(f"{desk.url}/stories/{story_id}")
    expect(anna.page.locator("[data-suggested]")).to_have_count(1)

    anna.page.keyboard.press("d")

    expect(anna.page.locator("[data-suggested]")).to_have_count(0)
    wait_until(lambda: story_of(database, story_id).tags_dismissed == ["мост"], "the dismissal", timeout_s=20)
    assert [tag.label for tag in story_of(database, story_id).draft.tags] == ["Туя"]


def test_a_card_is_carried_to_the_next_column(person, desk, house, database):
    story_id = house.send()
    anna = person()
    anna.open(f"{desk.url}/?layout=board")

    anna.page.drag_and_drop(f"#s-{story_id}", '[data-states="ready publishing"]')

    expect(anna.page.locator('[data-states="ready publishing"] .row')).to_have_count(1)
    assert story_of(database, story_id).state == "ready"


def test_publishing_what_the_checks_stop_says_so_and_leads_there(person, desk, house):
    story_id = house.send(blocks=())
    anna = person()
    anna.open(f"{desk.url}/stories/{story_id}")

    anna.page.keyboard.press("p")

    expect(anna.page.locator("#toasts")).to_contain_text("Проверки")
    assert house.orders() == []


def test_on_a_phone_the_sections_are_a_menu_that_leads_to_each(person, desk):
    anna = person(width=360)
    anna.open(f"{desk.url}/?view=all")
    expect(anna.page.locator("#nav")).to_be_hidden()

    anna.click(".sections")
    expect(anna.page.locator("#nav a")).to_have_text(["Лента", "Доставка", "Эксплуатация", "Редакция"])
    anna.click("#nav a[href='/delivery']")
    anna.page.wait_for_selector("html[data-ready=page]", state="attached")

    expect(anna.page.locator(".sections")).to_have_text("Доставка")
    expect(anna.page.locator("#nav")).to_be_hidden()
    assert anna.page.evaluate("document.documentElement.scrollWidth") == 360
    assert anna.complaints == []
