"""The newsroom's pages over the other services' own APIs, which run beside the desk as real processes."""

import re

import pytest
from fastapi.testclient import TestClient

from desk.api import create_app
from desk.domain.settings_form import Line, lines_of, values_of
from desk.settings import Settings
from desk.store.work import Audit
from stack.telegram.server import Server

from . import desk_builders as make
from .neighbour_processes import running

pytestmark = pytest.mark.stack

SCHEMA = {
    "properties": {
        "channel": {"type": "string", "description": "its @name"},
        "bot_token": {"type": "string", "format": "password", "writeOnly": True},
        "every": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        "watches": {"type": "boolean", "default": True},
        "mode": {"$ref": "#/$defs/Mode", "default": "a"},
        "senders": {"type": "array", "items": {"type": "string"}, "default": []},
    },
    "required": ["channel", "bot_token"],
    "$defs": {"Mode": {"enum": ["a", "b"], "type": "string"}},
}


def test_a_schema_becomes_lines_of_a_form_and_back():
    lines = lines_of(SCHEMA, {"channel": "gov", "senders": ["a@x", "b@x"], "bot_token": "***"})

    assert [(one.name, one.kind, one.is_required, one.value) for one in lines] == [
        ("channel", "text", True, "gov"),
        ("bot_token", "secret", True, "***"),
        ("every", "number", False, ""),
        ("watches", "yes", False, "true"),
        ("mode", "choice", False, "a"),
        ("senders", "lines", False, "a@x\nb@x"),
    ]
    typed = {"channel": " gov ", "bot_token": "", "every": "1,5", "mode": "b", "senders": "a@x\n\n c@x "}
    assert values_of(lines, typed) == {
        "channel": "gov",
        "every": 1.5,
        "watches": False,
        "mode": "b",
        "senders": ["a@x", "c@x"],
    }
    assert values_of([Line("n", "number", is_required=False, about="")], {"n": "много"}) == {"n": "много"}


@pytest.fixture(scope="module")
def addresses(stack):
    with running(stack, "ingestion", "tagging", "delivery") as addresses:
        yield addresses


@pytest.fixture
def app(database, settings_for, addresses):
    urls = {f"{service}_url": url for service, url in addresses.items()}
    return create_app(Settings(**settings_for("desk"), **urls))


@pytest.mark.usefixtures("database")
def test_a_source_is_added_paused_changed_and_forgotten(person):
    chief = person("chief")
    form = {
        "kind": "telegram_preview",
        "source_id": "telegram_preview:uprava",
        "name": "Управа",
        "settings.channel": "@uprava_zar",
        "settings.credit": "пресс-служба управы",
        "settings.preview_url": "https://192.0.2.7",
        "act": "add",
    }
    assert "settings.channel" in chief.get("/admin/sources/new?kind=telegram_preview").text

    wrong = chief.post("/admin/sources", data={**form, "settings.channel": "?"})
    refusal = wrong.text.split('role="alert">')[1].split("</div>")[0]
    assert " ".join(re.sub(r"<[^>]+>", " ", refusal).split()) == (
        "Настройки не подходят для этого вида источника. Канал: записано не так, как нужно"
    )
    added = chief.post("/admin/sources", data=form)
    assert added.headers["location"] == "/admin/sources/telegram_preview%3Auprava"

    page = added.headers["location"]
    assert "uprava_zar" in chief.get(page).text
    assert "Telegram-канал, по публичной странице" in chief.get("/admin/sources").text
    assert 'value="resume"' in chief.post(f"{page}/act", data={"act": "pause"}).text
    changed = chief.post(page, data={**form, "name": "Управа Заречного", "quiet_after_s": "7200"})
    assert 'value="Управа Заречного"' in changed.text
    assert 'value="7200"' in changed.text
    assert chief.post(f"{page}/act", data={"act": "delete"}).headers["location"] == "/admin/sources"
    assert chief.get(page).status_code == 404
    log = chief.get("/admin/log").text
    assert [re.search(r"<small>(.*?)</small>", line)[1] for line in log.split("<tr>")[1:5]] == [
        "Управа Заречного",
        "Управа Заречного",
        "Управа",
        "Управа",
    ]


@pytest.mark.usefixtures("database")
def test_every_setting_of_every_kind_of_source_has_a_russian_name(person):
    chief = person("chief")
    kinds = re.findall(r'href="/admin/sources/new\?kind=(\w+)"', chief.get("/admin/sources/new").text)

    labels = {}
    for kind in kinds:
        page = chief.get(f"/admin/sources/new?kind={kind}").text
        for label in re.findall(r"<label.*?</label>", page, re.DOTALL):
            if name := re.search(r'name="settings\.(\w+)"', label):
                words = re.sub(r"<(small|select|textarea).*?</\1>|<[^>]+>", "", label, flags=re.DOTALL)
                labels[name[1]] = words.strip(" *\n")

    assert len(kinds) == 10
    assert len(labels) >= 18
    assert {name: label for name, label in labels.items() if not re.match(r"[А-ЯЁ]", label)} == {}


def plain(answer):
    """Its text without typography's spaces."""
    return answer.text.replace("\u00a0", " ")


@pytest.fixture
def telegram():
    server = Server().start()
    yield server
    server.stop()


@pytest.mark.usefixtures("database")
def test_a_source_is_tried_against_the_living_channel_before_it_is_added_and_after(person, telegram):
    chief = person("chief")
    channel = telegram.telegram.open_channel("uprava_zar", "Управа Заречного района")
    channel.publish("Мост через Тую откроют 12 мая\n\nРемонт шёл два года.")
    form = {
        "kind": "telegram_preview",
        "source_id": "telegram_preview:try",
        "name": "Управа",
        "settings.channel": "@uprava_zar",
        "settings.credit": "пресс-служба управы",
        "settings.preview_url": telegram.url,
    }

    before = chief.post("/admin/sources", data={**form, "act": "try"})
    wrong = chief.post("/admin/sources", data={**form, "act": "try", "settings.channel": "@nobody_there"})
    page = chief.post("/admin/sources", data={**form, "act": "add"}).headers["location"]
    channel.publish("В Заречном районе начали сев яровых\n\nПервыми вышли хозяйства юга.")
    after = chief.post(f"{page}/act", data={"act": "try"})

    assert "Пришёл бы 1 материал" in before.text
    assert "<b>Мост через Тую откроют 12 мая</b>" in plain(before)
    assert 'value="@uprava_zar"' in before.text
    assert "Мост через Тую" not in wrong.text
    assert 'role="alert"' in wrong.text or "note warn" in wrong.text
    assert "Пришли бы 2 материала" in after.text
    assert "<b>В Заречном районе начали сев яровых</b>" in plain(after)
    assert "От него ещё ничего не приходило" in after.text


@pytest.mark.usefixtures("database")
def test_what_a_site_did_not_take_is_sent_again_from_its_page(person):
    chief = person("chief")
    connected = chief.post("/admin/sites", data={"name": "Вестник", "url": "http://192.0.2.1/hook"}).text
    page = re.search(r"/admin/sites/[0-9a-f-]{36}", connected)[0]

    started = chief.post(f"{page}/recoveries", data={"since": "2026-03-04T09:00"})
    recovery = re.search(rf"{page}/recoveries/[0-9a-f-]{{36}}", started.text)
    later = chief.post(f"{page}/recoveries", data={"since": "вчера"})

    assert "С 4 мар" in started.text
    assert "сайт принял всё" in started.text
    assert recovery is not None
    assert "сайт принял всё" in chief.get(recovery[0]).text
    assert later.status_code == 422
    other = f"/admin/sites/{make.STORY}/recoveries/{recovery[0].rpartition('/')[2]}"
    assert chief.get(other).status_code == 404


def test_a_site_is_connected_pinged_filtered_given_a_new_secret_and_removed(person, database):
    chief = person("chief")

    refused = chief.post("/admin/sites", data={"name": "Вестник", "url": "ftp://192.0.2.1/"})
    assert 'role="alert"' in refused.text
    connected = chief.post("/admin/sites", data={"name": "Вестник", "url": "http://192.0.2.1/hook"}).text
    [secret, page_url] = re.findall(r'class="link-box">([^<]+)', connected)
    assert secret.startswith("whsec_")
    assert "/partner/" in page_url
    page = re.search(r"/admin/sites/[0-9a-f-]{36}", connected)[0]

    kept = chief.post(f"{page}/filter", data={"name": "Вестник Заречья", "rubrics": "Общество, Спорт", "tags": "", "least_urgent": "5"}).text  # fmt: skip
    assert 'value="Общество, Спорт"' in kept
    assert "Сохранено" in kept
    assert 'value="enable"' in chief.post(page, data={"act": "disable"}).text
    rotated = chief.post(f"{page}/rotate", data={"what": "secret"}).text
    [newer] = re.findall(r'class="link-box">([^<]+)', rotated)
    assert newer.startswith("whsec_")
    assert newer != secret
    assert newer not in chief.get(page).text
    assert chief.post(f"{page}/remove").headers["location"] == "/admin/sites"
    assert "Вестник Заречья" not in chief.get("/admin/sites").text
    with database.connection() as connection:
        done = [line.action for line in Audit(connection).lines()]
    assert done[::-1] == ["invite"] * done.count("invite") + [
        "add_site", "add_site", "change_site", "disable_site", "rotate_secret", "remove_site"
    ]  # fmt: skip


def test_a_concept_is_made_renamed_suppressed_and_completed(person, story):
    chief = person("chief")
    made = chief.post("/admin/vocabulary", data={"kind": "place", "label": "Туя-на-Каменке", "aliases": "Туя Каменная"})
    page = made.headers["location"]
    assert "Туя Каменная" in chief.get(page).text

    renamed = chief.post(page, data={"act": "rename", "text": "Туя-Каменка"}).text
    assert "<h1>Туя-Каменка</h1>" in renamed
    assert "Туя-на-Каменке" in renamed
    assert 'value="Туя-Каменка"' in chief.get("/known-tags?label=туя-кам").text
    assert "Туя-Каменка" in chief.get("/admin/vocabulary?q=туя-кам").text
    more = chief.post(page, data={"act": "aliases", "text": "Туя Каменная\nКаменная Туя"}).text
    assert "Каменная Туя" in more
    assert 'value="restore"' in chief.post(page, data={"act": "suppress"}).text
    table = chief.get("/admin/vocabulary/export")
    assert table.headers["content-disposition"] == 'attachment; filename="vocabulary.csv"'
    looked = chief.post("/admin/vocabulary/import", data={"act": "look"}, files={"file": ("v.csv", table.content)})
    assert "0 добавлено, 0 изменено" in looked.text


def test_a_tag_that_completion_knows_is_worn_with_its_concept(person, story, database):
    editor = person("editor")
    label = re.search(r'value="([^"]+)"', editor.get("/known-tags?label=оренбург").text)[1]

    editor.post(f"/stories/{make.STORY}/tags", data={"label": label})

    with database.connection() as connection:
        tags = connection.execute("SELECT draft->'tags' FROM story").fetchone()[0]
    assert next(tag for tag in tags if tag["label"] == label)["concept_id"]


@pytest.mark.parametrize("role", ["editor", "reporter"])
def test_the_newsrooms_settings_are_closed_to_those_who_only_write(person, role):
    writer = person(role)

    paths = ["/admin", "/admin/sources", "/admin/sources/new", "/admin/sites", "/admin/vocabulary", "/admin/log"]

    assert {path: writer.get(path).status_code for path in paths} == dict.fromkeys(paths, 403)


def test_without_the_other_services_the_pages_say_so(database, settings_for, person, app):
    lonely = create_app(Settings(**settings_for("desk"), ingestion_url="http://127.0.0.1:1", delivery_url="http://127.0.0.1:1", tagging_url="http://127.0.0.1:1"))  # fmt: skip
    chief = person("chief")
    with TestClient(lonely, base_url="https://testserver", cookies=chief.cookies, headers={"accept": "text/html"}) as browser:  # fmt: skip
        pages = {path: browser.get(f"/admin/{path}") for path in ("sources", "sites", "vocabulary", "sources/new")}

    assert [answer.status_code for answer in pages.values()] == [200, 200, 200, 503]
    assert "Приём сейчас не отвечает" in pages["sources"].text
    assert "Доставка сейчас не отвечает" in pages["sites"].text
    assert "Служба тегов сейчас не отвечает" in pages["vocabulary"].text
    assert "Другая служба не отвечает" in pages["sources/new"].text


def test_where_a_service_does_not_know_the_desks_token_the_page_says_so(settings_for, person, app, addresses):
    urls = {f"{service}_url": url for service, url in addresses.items()}
    stranger = create_app(Settings(**{**settings_for("desk"), **urls, "service_token": "dps_of-nobody"}))
    chief = person("chief")
    with TestClient(stranger, base_url="https://testserver", cookies=chief.cookies, headers={"accept": "text/html"}) as browser:  # fmt: skip
        answer = browser.get("/admin/sources/new")

    assert answer.status_code == 503
    assert "Другая служба не отвечает" in answer.text
