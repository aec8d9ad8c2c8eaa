"""Every screen as a picture, in both languages and themes, wide and narrow: `DEPESHA_PICTURES=folder make test-browser`."""

import os
import re
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from contracts.content import Box, ImageBlock, Paragraph, Rubric, RubricProposal
from contracts.events import StoryKilled
from desk.domain.people import Actor
from desk.handlers import editing, events, releasing
from desk.handlers.releasing import Order
from desk.store.notices import Notices

from .. import desk_builders as make
from ..desk_scenes import paint
from ..neighbour_processes import running

FOLDER = os.environ.get("DEPESHA_PICTURES", "")
MANY = os.environ.get("DEPESHA_PICTURES_ONLY", "")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.stack,
    pytest.mark.timeout(540),
    pytest.mark.skipif(not FOLDER, reason="pictures are made only where DEPESHA_PICTURES names a folder"),
]

VIEWS = tuple(product(("light", "dark"), (1440, 360)))

HEADLINES = (
    ("Мост через Тую откроют для движения на два месяца раньше срока", "Транспорт", 3),
    ("Губернатор Евгений Солнцев вручил ключи от домов сорока семьям, пострадавшим от паводка", "Общество", 5),
    ("В Заречном районе начали сев яровых: первыми вышли хозяйства юга", "Экономика", 5),
    ("Хоккеисты «Туи» обыграли гостей в овертайме и вышли в полуфинал", "Спорт", 6),
    ("Школа № 12 закрыта на карантин до понедельника", "Общество", 4),
    ("Open-air concert on Victory Square gathers eight thousand people", "Культура", 7),
)


@pytest.fixture(scope="module")
def addresses(stack):
    with running(stack, "ingestion", "imaging", "tagging", "publication", "delivery") as addresses:
        yield addresses


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_screen_is_a_picture(language, person, desk, house, database):
    shoot_empty(person, desk, language)
    work, live = fill(house, database)
    invited = set_up(person(), desk)
    for theme, width in VIEWS:
        shoot(person, desk, (work, live, invited), language, theme, width)


def fill(house, database):
    """A morning in a newsroom. Returns the story in work and one that is published."""
    chief = Actor(make.new_story_id(), "Анна Ким", "chief")
    ids = []
    for number, (headline, rubric, _urgency) in enumerate(HEADLINES):
        photo = make.image(number)
        told = {
            "headline": headline,
            "lede": "Об этом сообщила управа Заречного района утром во вторник.",
            "images": (photo,) if number != 4 else (),
            "rubrics": (),
            "blocks": (
                Paragraph(
                    html="Движение по мосту через Тую откроют <b>12 мая</b>, сообщила управа. Ремонт шёл два года."
                ),
                *((ImageBlock(image_id=photo.image_id),) if number == 0 else ()),
                Paragraph(
                    html="«Мы успели раньше, потому что строители работали в две смены», — сказал глава управы Пётр Лавров."
                ),
                Paragraph(html="До этого водители ехали в объезд через Каменку, и дорога занимала сорок минут."),
            ),
        }
        story_id = house.send(number, **told)
        ids.append(story_id)
        events.take_tags(
            make.tagged(
                story_id=story_id,
                tags=(
                    make.proposal("Туя"),
                    make.proposal("Заречный район"),
                    make.proposal("Пётр Лавров", "suggest", 0.71),
                    make.proposal("ремонт", "suggest", 0.58),
                ),
                rubrics=(RubricProposal(rubric=Rubric(label=rubric), confidence=0.94, band="auto"),),
            ),
            database.unit_of_work(),
        )
        if number != 2:
            done = make.processed(number, story_id)
            faces = (Box(x=0.42, y=0.2, width=0.12, height=0.2),)
            manifest = done.manifest.model_copy(
                update={
                    "faces": faces,
                    "renditions": tuple(
                        one.model_copy(update={"url": f"{house.public_url}/photo-{number}-{one.name}.jpg"})
                        for one in done.manifest.renditions
                    ),
                }
            )
            events.take_image(
                done.model_copy(update={"image_id": make.image(number).image_id, "manifest": manifest}),
                database.unit_of_work(),
            )
    work, published, _, killed, waiting, _ = ids
    editing.take_step(work, "take", chief, database.unit_of_work())
    editing.save_draft(
        work, {"lede": "Ремонт шёл два года и кончился раньше срока."}, 1, chief, database.unit_of_work()
    )
    for story in (published, killed):
        releasing.order_release(story, Order("publish"), chief, database.unit_of_work())
        house.publish_ordered()
        house.deliver("delivered", 1)
        for n, state in enumerate(("delivered", "failing", "failed", "pending")):
            events.note_delivery(
                make.delivered(
                    story,
                    n + 2,
                    state,
                    endpoint_id=make.uuid5(make.STORY, f"site {n}"),
                    endpoint_name=("Степной вестник", "Новости Каменки", "Портал 56", "Агентство «Юг»")[n],
                    delivered=2,
                    total=5,
                    attempts=1 + n,
                    status_code=503 if "fail" in state else 204,
                    detail="Service Unavailable" if "fail" in state else "",
                    next_attempt_at=datetime.now(UTC) + timedelta(minutes=4) if state == "failing" else None,
                    changed_at=datetime.now(UTC),
                ),
                database.unit_of_work(),
            )
    releasing.order_release(killed, Order("kill", reason="Источник ошибся"), chief, database.unit_of_work())
    house.publish_ordered(StoryKilled)
    releasing.schedule_release(
        waiting, datetime.now(UTC) + timedelta(hours=3, minutes=12), Order("publish"), chief, database.unit_of_work()
    )
    events.open_story(
        make.received(
            work,
            2,
            source=house.source,
            content=make.content(headline="Мост через Тую откроют 1 мая", images=(make.image(0),)),
        ),
        database.unit_of_work(),
    )
    with database.unit_of_work() as uow:
        Notices(uow.connection).add("publish_failed", published, detail="S3 не отвечает")
    return work, published


def set_up(one, desk):
    """Sites, sources, a rule: through the pages themselves. Returns where somebody who is invited joins."""

    def post(path, **form):
        answer = one.page.context.request.post(desk.url + path, form=form, headers={"origin": desk.url})
        assert answer.ok, answer.text()[:500]
        return answer.text()

    for name in ("Степной вестник", "Новости Каменки", "Портал 56"):
        post("/admin/sites", name=name, url=f"http://192.0.2.{len(name)}/hook")
    for channel, name in (("solntsev_gov", "Губернатор Евгений Солнцев"), ("uprava_zar", "Управа Заречного района")):
        form = {"settings.channel": f"@{channel}", "settings.preview_url": "https://192.0.2.7", "settings.credit": name}
        post("/admin/sources", kind="telegram_preview", source_id=f"telegram:{channel}", name=name, act="add", **form)
    post("/admin/routing", name="Срочное от управы", source_id="telegram:uprava", words="мост, паводок", urgency="3", outcome="ready")  # fmt: skip
    return re.search(r"/join/[\w-]+", post("/admin/invitations", role="editor"))[0]


OPENERS = {
    "monitor": {
        "nav": ".sections",
        "notices": "[popovertarget=notices]",
        "me": "[popovertarget=me]",
        "link": "[popovertarget=add-link]",
    },
    "live": {
        "unpublish": "[data-dialog=unpublish]",
        "kill": "[data-dialog=kill]",
        "attempts": "[data-dialog=attempts]",
    },
    "story": {"later": "[popovertarget=later]"},
}
"""What opens over a page, by the button that opens it."""


BEHIND = {"sites": ("site", "td a"), "vocabulary": ("concept", "td a"), "routing": ("routing-tried", "a[href*=tried]")}
"""The page behind the first such link of another."""


def shoot_empty(person, desk, language):
    """The newsroom before its first story."""
    for theme, width in VIEWS:
        one = person(language=language, theme=theme, width=width)
        for name, path in {"empty": "/?view=open", "empty-board": "/?layout=board", "empty-delivery": "/delivery", "empty-sources": "/admin/sources", "empty-sites": "/admin/sites", "empty-ops": "/ops"}.items():  # fmt: skip
            if wanted(name):
                visit(one, desk, path)
                snap(one, name, language, theme, width)
        one.page.context.close()


def wanted(name):
    return not MANY or name in MANY.split(",")


def visit(one, desk, path):
    one.page.goto(desk.url + path)
    one.page.wait_for_selector("html[data-ready=page], html[data-ready=shell]", state="attached")
    one.page.wait_for_timeout(400)


def shoot(person, desk, places, language, theme, width):
    story_id, live_id, invited = places
    one = person(language=language, theme=theme, width=width)
    one.page.route(
        "**/photo-*", lambda route: route.fulfill(body=paint(route.request.url), content_type="image/svg+xml")
    )
    screens = {
        "monitor": "/?view=all",
        "board": "/?view=all&layout=board",
        "story": f"/stories/{story_id}",
        "delivery": "/delivery",
        "people": "/admin",
        "routing": "/admin/routing",
        "checks": "/admin/checks",
        "sources": "/admin/sources",
        "sites": "/admin/sites",
        "source": "/admin/sources/telegram:solntsev_gov",
        "source-new": "/admin/sources/new?kind=telegram_preview",
        "source-kinds": "/admin/sources/new",
        "found": "/?view=all&q=мост",
        "found-nothing": "/?view=all&q=криптовалюта",
        "killed": "/?view=killed",
        "live": f"/stories/{live_id}",
        "consumer": "/ops/imaging",
        "way": f"/ops/stories/{live_id}",
        "missing": "/stories/00000000-0000-0000-0000-000000000000",
        "join": invited,
        "join-over": "/join/no-such-link",
        "vocabulary": "/admin/vocabulary",
        "confirm": "/confirm",
        "password": "/password",
        "tokens": "/admin/tokens",
        "ops": "/ops",
        "log": "/admin/log",
    }
    for name, path in screens.items():
        if not wanted(name):
            continue
        visit(one, desk, path)
        snap(one, name, language, theme, width)
        shoot_opened(one, name, language, theme, width)
        if name == "story":
            shoot_tabs(one, language, theme, width)
    one.page.context.clear_cookies()
    if not MANY or "door" in MANY:
        one.page.goto(f"{desk.url}/sign-in")
        snap(one, "door", language, theme, width)


def shoot_opened(one, name, language, theme, width):
    """What opens over a page, and the page behind its first link."""
    for opened, opener in OPENERS.get(name, {}).items():
        if one.page.locator(opener).first.is_visible():
            one.page.locator(opener).first.click()
            one.page.wait_for_timeout(300)
            snap(one, opened, language, theme, width)
            one.page.reload()
            one.page.wait_for_selector("html[data-ready]", state="attached")
    if name in BEHIND:
        behind, link = BEHIND[name]
        one.page.locator(link).first.click()
        one.page.wait_for_url(lambda url: name not in url.rpartition("/")[2] or "?" in url)
        one.page.wait_for_selector("html[data-ready]", state="attached")
        snap(one, behind, language, theme, width)


def shoot_tabs(one, language, theme, width):
    for tab in ("source", "preview", "versions", "notes", "log"):
        handle = one.page.locator(f'.paper-bar [data-tab="{tab}"]')
        if handle.count():
            handle.click()
            one.page.wait_for_timeout(500)
            snap(one, f"story-{tab}", language, theme, width)
        if tab == "preview":
            one.page.click("[data-width=cards]")
            one.page.wait_for_timeout(500)
            snap(one, "story-cards", language, theme, width)
    one.page.locator(".photo").first.click()
    one.page.wait_for_timeout(500)
    snap(one, "photo", language, theme, width)


def snap(one, name, language, theme, width):
    path = Path(FOLDER) / f"{name}-{language}-{theme}-{width}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    one.page.screenshot(path=path, full_page=True)
    across = one.page.evaluate("document.documentElement.scrollWidth")
    assert across <= width, f"{path.name}: {across} px wide"
