"""Signing in, showing once more who one is, and what is kept from whom."""

import pytest
from fastapi.testclient import TestClient

from chassis.testing import recorded_events
from desk.domain.people import FREE_FAILURES, wait_after
from desk.handlers import people
from desk.store.people import People, Sessions

from . import desk_builders as make

pytestmark = pytest.mark.stack

PASSWORD = "долгий пароль"
STORY = f"/stories/{make.STORY}"
KILL = {"action": "kill", "reason": "Ошибка.", "confirmation": "аннулировать"}
SCRIPT = {"hx-request": "true"}


@pytest.fixture
def boris(database):
    token = people.invite("chief", "Анна", database.unit_of_work())
    people.accept_invitation(token, "boris@example.org", "Борис", PASSWORD, database.unit_of_work())


def sign_in(database, password=PASSWORD, email="boris@example.org", address="192.0.2.1"):
    return people.sign_in(email, password, address, database.unit_of_work())[0]


def fail(database, times, **whom):
    for _ in range(times):
        with pytest.raises(people.SignInRefused):
            sign_in(database, "не тот", **whom)


def age(database, table, column, seconds):
    with database.unit_of_work() as uow:
        uow.connection.execute(f"UPDATE {table} SET {column} = {column} - make_interval(secs => %s)", (seconds,))


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0), (4, 0), (5, 15), (6, 30), (8, 120), (12, 1920), (13, 3600), (60, 3600)])  # fmt: skip
def test_each_failure_beyond_the_free_ones_doubles_the_wait_up_to_an_hour(failures, seconds):
    assert wait_after(failures) == seconds


def test_after_five_failures_even_the_right_password_waits_and_then_holds(database, boris):
    fail(database, FREE_FAILURES)

    with pytest.raises(people.TooManyFailures) as refused:
        sign_in(database)
    assert 13 <= refused.value.wait_s <= 15

    age(database, "sign_in_failure", "at", 16)
    assert sign_in(database)
    fail(database, FREE_FAILURES)  # a success has wiped the older ones out


def test_a_wait_grows_with_a_failure_that_comes_after_it(database, boris):
    fail(database, FREE_FAILURES)
    age(database, "sign_in_failure", "at", 16)
    fail(database, 1)

    with pytest.raises(people.TooManyFailures) as refused:
        sign_in(database)

    assert 28 <= refused.value.wait_s <= 30


def test_failures_from_one_address_hinder_others_there_only_when_they_are_many(database, boris):
    for number in range(people.FREE_PER_ADDRESS):
        fail(database, 1, email=f"nobody-{number}@example.org")

    with pytest.raises(people.TooManyFailures):
        sign_in(database)
    assert sign_in(database, address="192.0.2.2")


def browser(app, token):
    return TestClient(
        app, base_url="https://testserver", cookies={"__Host-desk": token}, follow_redirects=False,
        headers={"origin": "https://testserver", "accept": "text/html"},
    )  # fmt: skip


def test_a_kill_by_somebody_who_signed_in_long_ago_asks_for_the_password(app, database, boris, story):
    chief = browser(app, sign_in(database))
    chief.post(f"{STORY}/release", data={"action": "publish"})
    age(database, "session", "confirmed_at", 60 * people.CONFIRMED_MINUTES + 1)
    assert 'name="password"' in chief.get(f"{STORY}/kill").text

    without = chief.post(f"{STORY}/release", data=KILL, headers=SCRIPT)
    wrong = chief.post(f"{STORY}/release", data={**KILL, "password": "не тот"}, headers=SCRIPT)
    assert (without.status_code, wrong.status_code) == (403, 401)
    assert [one["action"] for one in recorded_events(database, "release.ordered.v1")] == ["publish"]

    right = chief.post(f"{STORY}/release", data={**KILL, "password": PASSWORD}, headers=SCRIPT)
    assert right.status_code == 200
    assert [one["action"] for one in recorded_events(database, "release.ordered.v1")] == ["publish", "kill"]
    assert 'name="password"' not in chief.get(f"{STORY}/kill").text


def test_people_are_changed_only_by_somebody_who_has_just_shown_who_they_are(app, database, boris):
    chief = browser(app, sign_in(database))
    age(database, "session", "confirmed_at", 60 * people.CONFIRMED_MINUTES + 1)

    answers = [chief.get("/admin"), chief.post("/admin/invitations", data={"role": "chief"})]

    assert [one.headers["location"] for one in answers] == ["/confirm?to=/admin"] * 2
    with database.connection() as connection:
        assert connection.execute("SELECT count(*) FROM invitation WHERE used_at IS NULL").fetchone() == (0,)
    assert chief.post("/confirm", data={"password": "не тот", "to": "/admin"}).status_code == 401
    back = chief.post("/confirm", data={"password": PASSWORD, "to": "/admin"})
    assert back.headers["location"] == "/admin"
    assert chief.get("/admin").status_code == 200


def test_wrong_passwords_at_the_confirmation_count_like_those_at_the_door(app, database, boris):
    chief = browser(app, sign_in(database))

    statuses = [chief.post("/confirm", data={"password": "не тот"}).status_code for _ in range(FREE_FAILURES + 1)]

    assert statuses == [401] * FREE_FAILURES + [429]


def test_a_confirmation_leads_to_no_other_site(app, database, boris):
    chief = browser(app, sign_in(database))

    answer = chief.post("/confirm", data={"password": PASSWORD, "to": "//evil.example/"})

    assert answer.headers["location"] == "/"


def test_whoever_leaves_is_signed_out_everywhere(database, boris):
    tokens = [sign_in(database), sign_in(database)]
    with database.unit_of_work() as uow:
        person = People(uow.connection).by_email("boris@example.org")
        People(uow.connection).set_role(person.person_id, "chief", is_active=False)

    with database.connection() as connection:
        assert [Sessions(connection).person(token) for token in tokens] == [None, None]


def link_in(page):
    return page.split('class="link-box">')[1].split("</p>")[0].partition("/join/")[2]


def test_whoever_forgot_the_password_chooses_a_new_one_by_a_link_that_holds_once(app, database, boris, person):
    old_session = sign_in(database)
    with database.connection() as connection:
        person_id = People(connection).by_email("boris@example.org").person_id
    link = f"/join/{link_in(person('ops', 'Ева').post(f'/admin/people/{person_id}/password').text)}"
    stranger = browser(app, "")

    assert "boris@example.org" in stranger.get(link).text
    assert stranger.post(f"{link}/password", data={"password": "коротко"}).status_code == 422
    assert stranger.post(link, data={"email": "x@example.org", "name": "Х", "password": PASSWORD}).status_code == 410
    chosen = stranger.post(f"{link}/password", data={"password": "совсем новый пароль"})

    assert chosen.headers["location"] == "/"
    assert sign_in(database, "совсем новый пароль")
    with pytest.raises(people.SignInRefused):
        sign_in(database, PASSWORD)
    with database.connection() as connection:
        assert Sessions(connection).person(old_session) is None
    assert stranger.post(f"{link}/password", data={"password": "ещё один пароль"}).status_code == 410


def test_a_newcomers_link_changes_nobodys_password(app, database, boris):
    token = people.invite("editor", "Анна", database.unit_of_work())

    answer = browser(app, "").post(f"/join/{token}/password", data={"password": "совсем новый пароль"})

    assert answer.status_code == 410
    assert sign_in(database)


def test_a_password_is_changed_by_whoever_knows_it_and_ends_all_other_sessions(app, database, boris):
    here, elsewhere = sign_in(database), sign_in(database)
    chief = browser(app, here)

    wrong = chief.post("/password", data={"old": "не тот", "new": "совсем новый пароль"})
    short = chief.post("/password", data={"old": PASSWORD, "new": "коротко"})
    done = chief.post("/password", data={"old": PASSWORD, "new": "совсем новый пароль"})

    assert (wrong.status_code, short.status_code, done.status_code) == (401, 422, 303)
    with database.connection() as connection:
        assert [Sessions(connection).person(token) for token in (here, elsewhere)] == [None, None]
    assert "__Host-desk=" in done.headers["set-cookie"]
    assert sign_in(database, "совсем новый пароль")
