"""Machine tokens at the desk: made, shown once, used at a door, revoked, and all of it written down."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient

from chassis import tokens
from desk.handlers import people
from desk.store.work import Audit

pytestmark = pytest.mark.stack

PAGE = "/admin/tokens"
FORM = {"name": "Вечерний Орск", "scope": ["desk:read"], "days": "30", "per_minute": "60"}


@pytest.fixture
def name():
    """Tokens outlive a test: their schema is not the desk's."""
    return f"Вечерний Орск {uuid4()}"


def shown_in(answer):
    return answer.text.split('class="link-box">')[1].split("</p>")[0]


def row_of(answer, name):
    return next((row for row in answer.text.split("<tr>") if f"<td>{name}</td>" in row), "")


def ask(app, token):
    return TestClient(app).get("/api/stories", headers={"authorization": f"Bearer {token}"}).status_code


def actions(database):
    with database.connection() as connection:
        lines = Audit(connection).lines()
    return [(one.who, one.action, one.detail.get("name")) for one in lines if one.who != "Depesha"]


@pytest.mark.parametrize("role", ["chief", "ops"])
def test_a_token_is_shown_once_opens_its_door_and_is_shut_by_a_click(app, person, database, name, monkeypatch, role):
    monkeypatch.setattr(tokens, "KEPT_S", 0)
    who = person(role)

    token = shown_in(who.post(PAGE, data={**FORM, "name": name}))
    listed = who.get(PAGE)
    row = row_of(listed, name)
    opened = ask(app, token)
    revoked = who.post(f"/admin/tokens/{re.search('tokens/([0-9a-f-]{36})/revoke', row)[1]}/revoke")

    assert re.fullmatch(r"dps_[\w-]{43}", token)
    assert token not in listed.text
    assert "видеть материалы редакции" in row
    assert ">60</td>" in row
    assert opened == 200
    assert name in revoked.text.split('role="status"')[1].split("</p>")[0]
    assert "отозван" in row_of(revoked, name)
    assert ask(app, token) == 401
    assert actions(database) == [("Анна Ким", "revoke_token", name), ("Анна Ким", "make_token", name)]


def test_it_ends_when_it_was_said_to_and_has_its_rate(person, stack, name):
    person().post(PAGE, data={**FORM, "name": name})

    with psycopg.connect(stack.admin_url) as connection:
        made = next(one for one in tokens.listed(connection) if one.name == name)
    assert (made.scopes, made.per_minute) == (("desk:read",), 60)
    assert abs(made.expires_at - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"scope": []}, "хотя бы одно право"), ({"scope": ["all"]}, "право"), ({"name": "house:desk"}, "house:")],
)
def test_a_token_without_a_right_or_with_a_name_of_the_house_is_not_made(person, database, change, said):
    answer = person().post(PAGE, data={**FORM, **change})

    assert said in answer.text.split('role="alert"')[1].split("</p>")[0]
    assert 'class="link-box"' not in answer.text
    assert actions(database) == []


def test_the_house_s_own_tokens_are_shown_and_cannot_be_revoked(person, stack, database):
    who = person("ops")
    with psycopg.connect(stack.admin_url) as connection:
        house = next(one for one in tokens.listed(connection) if one.name == "house:desk")

    row = row_of(who.get(PAGE), "house:desk")
    answer = who.post(f"/admin/tokens/{house.token_id}/revoke")

    assert row
    assert "revoke" not in row
    assert answer.status_code == 404
    with psycopg.connect(stack.admin_url) as connection:
        assert next(one for one in tokens.listed(connection) if one.token_id == house.token_id).revoked_at is None
    assert actions(database) == []


def test_tokens_are_shown_made_and_revoked_only_by_somebody_who_has_just_shown_who_they_are(person, database, name):
    who = person("ops")
    who.post(PAGE, data={**FORM, "name": name})
    with database.unit_of_work() as uow:
        uow.connection.execute(
            "UPDATE session SET confirmed_at = now() - make_interval(mins => %s)", (people.CONFIRMED_MINUTES + 1,)
        )

    here = {"referer": f"https://testserver{PAGE}"}
    answers = [
        who.get(PAGE),
        who.post(PAGE, data=FORM, headers=here),
        who.post(f"{PAGE}/{uuid4()}/revoke", headers=here),
    ]

    assert [one.headers["location"] for one in answers] == [f"/confirm?to={PAGE}"] * 3
    assert [action for _, action, _ in actions(database)] == ["make_token"]


@pytest.mark.parametrize("role", ["reporter", "editor"])
def test_reporters_and_editors_see_no_tokens(person, role):
    assert person(role).get(PAGE).status_code == 403


def test_every_right_has_its_russian_words(person):
    page = person().get(PAGE).text

    assert [scope for scope in tokens.SCOPES if f"<code>{scope}</code>" not in page] == []
    assert [words for words in tokens.SCOPES.values() if f">{words} <code>" in page] == []
