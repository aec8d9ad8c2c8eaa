"""What editors do, in a real browser."""

import re
import signal
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from desk.domain.people import Actor
from desk.handlers import releasing
from desk.handlers.releasing import Order
from desk.store.stories import Stories
from stack.processes import wait_until

from .. import desk_builders as make

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.timeout(240)]

CHIEF = Actor(make.new_story_id(), "Анна Ким", "chief")


def test_from_an_incoming_post_to_published_in_two_clicks(person, desk, house):
    anna = person()
    anna.open(desk.url)

    house.send()
    anna.click(".row .headline")
    anna.page.wait_for_selector("html[data-ready=page]", state="attached")
    anna.click("#go")
    expect(anna.page.locator("#panel .badge").first).to_have_text("В пути")
    house.publish_ordered()
    expect(anna.page.locator("#panel .badge").first).to_have_text("Вышло")
    house.deliver("delivered", 1)
    expect(anna.page.locator(".sites .delivered")).to_contain_text("получил")

    assert anna.clicks <= 4
    assert anna.complaints == []


def test_from_an_incoming_post_to_published_by_keyboard_alone(person, desk, house):
    anna = person()
    anna.open(desk.url)
    house.send()
    expect(anna.page.locator(".row")).to_have_count(1)

    anna.page.keyboard.press("j")
    anna.page.keyboard.press("p")

    wait_until(lambda: len(house.orders()) == 1, "the order", timeout_s=20)
    house.publish_ordered()
    expect(anna.page.locator("#panel .badge").first).to_have_text("Вышло")
    assert anna.complaints == []


def test_a_story_appears_without_a_reload_and_moves_when_it_changes(person, desk, house):
    anna, boris = person("Анна Ким"), person("Борис Лавров")
    anna.open(desk.url)
    boris.open(f"{desk.url}/?view=all&layout=board")

    house.send(12)

    expect(anna.page.locator(".row .headline")).to_have_text("Мост через Тую откроют 12 мая")
    expect(boris.page.locator('[data-states="received"] .row')).to_have_count(1)
    anna.page.keyboard.press("j")
    anna.page.keyboard.press("x")
    anna.click('#batch [value="ready"]')
    expect(boris.page.locator('[data-states="ready publishing"] .row')).to_have_count(1)
    assert anna.complaints + boris.complaints == []


def test_typing_is_saved_and_told_truly(person, desk, house, database):
    story_id = house.send()
    anna = person()
    anna.open(f"{desk.url}/stories/{story_id}")

    anna.page.fill("#headline", "Мост откроют раньше срока")
    anna.page.locator(".ProseMirror p").first.click()
    anna.page.keyboard.press("End")
    anna.page.keyboard.type(" Так решили в управе.")

    expect(anna.page.locator("#save-state")).to_have_text(re.compile(r"Сохранено \d\d:\d\d:\d\d"))
    wait_until(lambda: "Так решили" in _story(database, story_id).draft.blocks[0].html, "the save", timeout_s=20)
    story = _story(database, story_id)
    assert story.draft.headline == "Мост откроют раньше срока"
    assert story.draft.blocks[0].html == "Движение по мосту откроют <strong>12 мая</strong>. Так решили в управе."
    assert anna.complaints == []


def test_two_editors_in_one_text_see_both_texts_and_lose_none(person, desk, house, database):
    story_id = house.send()
    anna, boris = person("Анна Ким"), person("Борис Лавров")
    anna.open(f"{desk.url}/stories/{story_id}")
    boris.open(f"{desk.url}/stories/{story_id}")

    boris.page.focus("#headline")
    anna.page.fill("#headline", "Заголовок Анны")
    expect(anna.page.locator("#save-state")).to_contain_text("Сохранено")
    boris.page.fill("#headline", "Заголовок Бориса")

    dialog = boris.page.locator("#conflict")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("Заголовок Анны")
    expect(dialog).to_contain_text("Заголовок Бориса")
    assert _story(database, story_id).draft.headline == "Заголовок Анны"
    assert boris.page.input_value("#headline") == "Заголовок Бориса"
    boris.click('[data-conflict="ours"]')
    wait_until(lambda: _story(database, story_id).draft.headline == "Заголовок Бориса", "his save", timeout_s=20)
    with database.connection() as connection:
        drafts = connection.execute(
            "SELECT draft->>'headline' FROM version WHERE story_id = %s ORDER BY revision", (story_id,)
        ).fetchall()
    assert [row[0] for row in drafts][1:] == ["Заголовок Анны", "Заголовок Бориса"]


def test_a_server_that_is_killed_while_saving_costs_no_word(person, desk, house, database):
    story_id = house.send()
    anna = person()
    anna.open(f"{desk.url}/stories/{story_id}")

    desk.end(signal.SIGKILL)
    anna.page.fill("#headline", "Написано без сервера")
    expect(anna.page.locator("#save-state")).to_have_attribute("data-state", "failed")
    desk.start()

    expect(anna.page.locator("#save-state")).to_contain_text("Сохранено")
    assert _story(database, story_id).draft.headline == "Написано без сервера"


def test_a_tab_that_died_with_unsaved_words_has_them_again(person, desk, house, database):
    story_id = house.send()
    anna = person()
    anna.open(f"{desk.url}/stories/{story_id}")
    desk.end(signal.SIGKILL)
    anna.page.fill("#headline", "Слова мёртвой вкладки")
    expect(anna.page.locator("#save-state")).to_have_attribute("data-state", "failed")

    anna.page.close()
    desk.start()
    anna.page = anna.context.new_page()
    anna.open(f"{desk.url}/stories/{story_id}")

    assert anna.page.input_value("#headline") == "Слова мёртвой вкладки"
    wait_until(lambda: _story(database, story_id).draft.headline == "Слова мёртвой вкладки", "the save", timeout_s=20)


def test_a_monitor_that_lost_its_stream_shows_what_it_missed(person, desk, house):
    anna = person()
    anna.open(desk.url)
    expect(anna.page.locator("#pulse")).to_have_attribute("data-state", "live")

    desk.end(signal.SIGKILL)
    house.send(7)
    desk.start()

    expect(anna.page.locator(".row .headline")).to_have_text("Мост через Тую откроют 7 мая")


def test_a_kill_asks_twice_and_shows_each_site_until_it_has_confirmed(person, desk, house):
    story_id = house.send()
    anna = person()
    anna.open(f"{desk.url}/stories/{story_id}")
    anna.click("#go")
    house.publish_ordered()
    house.deliver("delivered", 1)
    expect(anna.page.locator(".sites .delivered")).to_have_count(1)

    anna.click('[data-dialog="kill"]')
    anna.page.fill("#kill [name=reason]", "Источник ошибся.")
    anna.click("#kill .primary.danger")
    assert len(house.orders()) == 1
    anna.page.fill("#kill [name=confirmation]", "аннулировать")
    anna.click("#kill .primary.danger")

    expect(anna.page.locator("#panel .badge").first).to_have_text("Аннулировано")
    expect(anna.page.locator(".sites .stale")).to_contain_text("у него версия 1")
    house.kill_ordered()
    house.deliver("delivered", 2, version=2)
    expect(anna.page.locator(".sites .delivered")).to_contain_text("получил")
    assert [order["action"] for order in house.orders()] == ["publish", "kill"]
    assert anna.complaints == []


def test_a_value_that_is_refused_is_told_and_nothing_is_drawn_over(person, desk, house):
    story_id = house.send()
    anna = person()
    anna.open(f"{desk.url}/stories/{story_id}")

    anna.click(".details summary")
    anna.page.fill("[name=authors]", "я" * 2100)
    anna.page.keyboard.press("Tab")

    expect(anna.page.locator("#toasts .alert")).to_have_text("Не сохранено: нарушено ограничение")
    expect(anna.page.locator("#go")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_page_is_free_of_barriers_and_fits_a_phone(person, desk, house, database, theme, language, axe):
    story_id = house.send()
    killed = house.send(2)
    releasing.order_release(killed, Order("publish"), CHIEF, database.unit_of_work())
    house.publish_ordered()
    house.deliver("failed", 1)
    releasing.order_release(killed, Order("kill", reason="Источник ошибся"), CHIEF, database.unit_of_work())
    paths = [
        "/?view=open",
        "/?view=all&layout=board",
        f"/stories/{story_id}",
        "/delivery",
        "/admin",
        "/admin/routing",
        "/admin/checks",
        "/admin/sources",
        "/admin/sites",
        "/admin/log",
        "/admin/tokens",
        "/confirm",
        "/password",
        f"/stories/{story_id}#source",
        f"/stories/{story_id}#notes",
        f"/stories/{story_id}#versions",
        f"/stories/{killed}#log",
    ]
    wide, narrow = person(language=language, theme=theme), person(language=language, theme=theme, width=360)

    found = {}
    for path in paths:
        for one in (wide, narrow):
            one.page.goto(desk.url + path)
            one.page.wait_for_selector("html[data-ready]", state="attached")
            one.page.wait_for_load_state("load")
            if "#" in path:
                one.page.click(f".paper-bar [data-tab={path.partition('#')[2]}]")
                one.page.wait_for_selector("#aside-view .aside")
        found |= axe(wide.page, path)
        if (width := narrow.page.evaluate("document.documentElement.scrollWidth")) > 360:
            found[f"{path} at 360"] = width

    assert found == {}
    assert wide.complaints + narrow.complaints == []


def _story(database, story_id):
    with database.connection() as connection:
        return Stories(connection).get(story_id)


def test_a_tab_that_slept_for_a_minute_shows_all_that_came_meanwhile(person, desk, house):
    """Chromium freezes tabs in the background; here the page lives through one and through its own letting go of the stream."""
    anna = person()
    anna.page.clock.install()
    anna.open(desk.url)
    expect(anna.page.locator("#pulse")).to_have_attribute("data-state", "live")
    anna.page.evaluate(
        "() => { Object.defineProperty(document, 'hidden', {value: true, configurable: true}); document.dispatchEvent(new Event('visibilitychange')); }"
    )
    anna.page.clock.run_for(60_000)
    for number in range(1, 6):
        house.send(number)
    expect(anna.page.locator(".row")).to_have_count(0)

    anna.page.evaluate(
        "() => { Object.defineProperty(document, 'hidden', {value: false, configurable: true}); document.dispatchEvent(new Event('visibilitychange')); }"
    )

    expect(anna.page.locator(".row")).to_have_count(5)
    assert anna.complaints == []


def test_a_schedule_holds_across_a_restart_and_fires_when_the_house_is_back(person, desk, house, database):
    story_id = house.send()
    anna = person()
    anna.open(f"{desk.url}/stories/{story_id}")
    anna.click('[popovertarget="later"]')
    at = (datetime.now(ZoneInfo("Asia/Yekaterinburg")) + timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M")
    anna.page.fill("#later [name=at]", at)
    anna.click("#later .primary")
    expect(anna.page.locator("#panel .note.accent")).to_contain_text("Asia/Yekaterinburg")

    desk.end(signal.SIGKILL)
    with database.unit_of_work() as uow:  # its time comes while nobody is there
        uow.connection.execute("UPDATE schedule SET due_at = now() - interval '1 minute'")
    desk.start()
    releasing.fire_due(database)

    anna.open(f"{desk.url}/stories/{story_id}")
    expect(anna.page.locator("#panel .badge").first).to_have_text("В пути")
    assert [order["action"] for order in house.orders()] == ["publish"]


def test_ten_thousand_rows_stay_quick(person, desk, house, database):
    """The longest a key waits, and a row that comes in, with ten thousand rows in the page."""
    with database.unit_of_work() as uow:
        uow.connection.execute(MANY, (10_000,))
    house.send(1)
    anna = person()
    anna.open(f"{desk.url}/?view=all")
    anna.page.evaluate(LOAD_ALL)
    anna.page.wait_for_function("document.querySelectorAll('.row').length >= 10000", timeout=120_000)

    keys_ms = anna.page.evaluate(
        """async () => {
          const taken = [];
          for (let press = 0; press < 30; press += 1) {
            const started = performance.now();
            document.dispatchEvent(new KeyboardEvent("keydown", {key: "j", code: "KeyJ", bubbles: true}));
            await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
            taken.push(performance.now() - started);
          }
          return taken.sort((a, b) => a - b)[15];
        }"""
    )
    anna.page.evaluate("scrollTo(0, 0)")
    house.send(2)
    expect(anna.page.locator(".row .headline").first).to_have_text("Мост через Тую откроют 2 мая")

    print(f"a key with 10 000 rows: {keys_ms:.0f} ms")
    assert keys_ms < 200
    assert anna.complaints == []


MANY = """
INSERT INTO story (story_id, revision, draft, source, source_id, external_id, source_content, source_revision, source_seen, received_at,
                   headline, urgency, rubric, rubrics, text_size, tags_known, tags_chosen, state)
SELECT gen_random_uuid(), 1, '{"headline": "-"}', '{"name": "Источник", "kind": "telegram"}', 'telegram:1', n::text, '{}', 1, 1,
       now() - n * interval '7 s', 'Заголовок новости номер ' || n, 5, 'Общество', ARRAY['Общество'], 900, true, 4, 'received'
FROM generate_series(1, %s::int) n
"""

LOAD_ALL = """async () => {
  for (;;) {
    const more = document.querySelector("#rows > .more");
    if (!more) return;
    const answer = await fetch(more.getAttribute("hx-get"));
    const box = document.createElement("template");
    box.innerHTML = await answer.text();
    more.replaceWith(box.content);
  }
}"""
