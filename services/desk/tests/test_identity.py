"""Sign-in by an identity provider that speaks OpenID Connect: a real one beside the desk."""

import json
import socket
import subprocess
import sys
import time
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from desk.api import create_app
from desk.handlers import people
from desk.identity import IdentityProvider, IdentityRefused
from desk.settings import Settings
from desk.store.people import People
from stack.processes import wait_until

from . import desk_builders as make

pytestmark = pytest.mark.stack

ACCOUNTS = [
    {"sub": "u-1", "email": "boris@example.org", "email_verified": True, "name": "Борис Лавров"},
    {"sub": "u-2", "email": "boris@example.org", "email_verified": False, "name": "Лжеборис"},
    {"sub": "u-3", "email": "eva@example.org", "email_verified": True, "name": "Ева Юн"},
]


@pytest.fixture(scope="module")
def issuer():
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true"]
    for account in ACCOUNTS:
        command += ["--user-claims", json.dumps(account)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(port), "the identity provider", timeout_s=60)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _answers(port):
    with socket.socket() as door:
        return door.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def desk(database, settings_for, issuer):
    """`desk(new_role)`: a browser at the door of a desk that knows the provider."""
    opened = []

    def open_browser(new_role=""):
        settings = Settings(
            **settings_for("desk"), oidc_issuer=issuer, oidc_client_id="desk", oidc_client_secret="s",
            oidc_name="Портал", oidc_new_role=new_role, desk_url="https://testserver",
        )  # fmt: skip
        browser = TestClient(create_app(settings), base_url="https://testserver", follow_redirects=False)
        opened.append(browser.__enter__())
        return browser

    yield open_browser
    for one in opened:
        one.__exit__(None, None, None)


@pytest.fixture
def boris(database):
    token = people.invite("chief", "Анна", database.unit_of_work())
    people.accept_invitation(token, "boris@example.org", "Борис", "долгий пароль", database.unit_of_work())


def go(browser, account, path="/sign-in/oidc?to=/delivery"):
    """To the provider, through its form, and back: the desk's answer."""
    there = browser.get(path).headers["location"]
    back = httpx2.post(there, data={"sub": account}, trust_env=False).headers["location"]
    parts = urlsplit(back)
    return browser.get(f"{parts.path}?{parts.query}")


def everybody(database):
    with database.connection() as connection:
        return [(one.name, one.email, one.role) for one in People(connection).all()]


def test_an_invited_person_signs_in_at_the_provider_and_comes_back_where_they_were(desk, boris, database):
    browser = desk()
    assert 'href="/sign-in/oidc?to=/">Войти через Портал' in browser.get("/sign-in").text

    answer = go(browser, "u-1")

    assert answer.headers["location"] == "/delivery"
    assert browser.get("/delivery").status_code == 200
    cookie = answer.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("__host-desk=", "httponly", "secure", "samesite=lax"))
    assert everybody(database) == [("Борис", "boris@example.org", "chief")]


def test_an_address_that_the_provider_has_not_verified_opens_nobodys_account(desk, boris, database):
    answer = go(desk(), "u-2")

    assert answer.headers["location"] == "/sign-in?problem=nobody-invited"
    assert "__Host-desk=" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize(("new_role", "people_then"), [("", []), ("reporter", [("Ева Юн", "eva@example.org", "reporter")])])  # fmt: skip
def test_whoever_nobody_invited_comes_in_only_where_newcomers_have_a_role(desk, database, new_role, people_then):
    browser = desk(new_role)

    answer = go(browser, "u-3")

    assert everybody(database) == people_then
    assert answer.headers["location"] == ("/delivery" if new_role else "/sign-in?problem=nobody-invited")
    if new_role:
        typed = {"email": "eva@example.org", "password": "какой-нибудь"}
        assert browser.post("/sign-in", data=typed, headers={"origin": "https://testserver"}).status_code == 401


def test_an_account_stays_the_same_person_when_its_address_changes(desk, boris, database):
    browser = desk()
    go(browser, "u-1")
    with database.unit_of_work() as uow:
        uow.connection.execute("UPDATE person SET email = 'lavrov@example.org'")

    assert go(browser, "u-1").headers["location"] == "/delivery"
    assert everybody(database) == [("Борис", "lavrov@example.org", "chief")]


def test_the_way_back_holds_once_and_in_the_browser_that_set_out(desk, boris):
    browser, other = desk(), desk()
    there = browser.get("/sign-in/oidc").headers["location"]
    back = urlsplit(httpx2.post(there, data={"sub": "u-1"}, trust_env=False).headers["location"])
    path = f"{back.path}?{back.query}"

    stolen = other.get(path)
    first = browser.get(path)
    again = browser.get(path)

    refused = "/sign-in?problem=identity-refused"
    assert [one.headers["location"] for one in (stolen, first, again)] == [refused, "/", refused]


def test_a_sign_in_that_does_not_say_when_it_was_proved_is_not_fresh_for_a_kill(desk, boris, database, story):
    browser = desk()
    go(browser, "u-1")
    with database.unit_of_work() as uow:
        uow.connection.execute("UPDATE session SET confirmed_at = to_timestamp(0)")

    assert "/sign-in/oidc?again=true" in browser.get(f"/stories/{make.STORY}/kill").text
    asked = parse_qs(urlsplit(browser.get("/sign-in/oidc?again=true").headers["location"]).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["code_challenge"][0]) == 43


def test_nobody_is_led_to_another_site_on_the_way_back(desk, boris):
    assert go(desk(), "u-1", "/sign-in/oidc?to=//evil.example/").headers["location"] == "/"


def test_a_provider_that_does_not_answer_leaves_the_door_for_passwords_open(database, settings_for, boris):
    settings = Settings(**settings_for("desk"), oidc_issuer="http://127.0.0.1:1", oidc_client_id="desk")
    with TestClient(create_app(settings), base_url="https://testserver", follow_redirects=False) as browser:
        answer = browser.get("/sign-in/oidc")

        assert answer.headers["location"] == "/sign-in?problem=neighbour-down"
        assert browser.post("/sign-in", data={"email": "boris@example.org", "password": "долгий пароль"}, headers={"origin": "https://testserver"}).status_code == 303  # fmt: skip


KEY = RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"}, private=True)


def claims(**changes):
    now = int(time.time())
    given = {"iss": "https://id.example", "aud": "desk", "sub": "7", "nonce": "n", "iat": now, "exp": now + 60}
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


@pytest.fixture
def provider(settings_for):
    one = IdentityProvider(Settings(**settings_for("desk"), oidc_issuer="https://id.example", oidc_client_id="desk"))
    one._metadata = {"issuer": "https://id.example"}
    one._keys = KeySet([RSAKey.import_key(KEY.as_dict(private=False))])
    one._known_at = time.monotonic() + 3600
    yield one
    one.close()


def judged(provider, token):
    provider._refresh = lambda: None
    return provider._judge(token, "n", "access")


def test_a_good_token_is_taken(provider):
    token = jwt.encode({"alg": "RS256", "kid": "1"}, claims(), KEY)

    assert judged(provider, token)["sub"] == "7"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"}, {"aud": "another"}, {"aud": ["desk", "another"]}, {"azp": "another"}, {"nonce": "other"}, {"nonce": None},
        {"exp": 1}, {"exp": None}, {"sub": None}, {"iat": None}, {"at_hash": "wrong"},
    ],
)  # fmt: skip
def test_a_token_for_somebody_else_another_time_or_another_sign_in_is_refused(provider, changes):
    token = jwt.encode({"alg": "RS256", "kid": "1"}, claims(**changes), KEY)

    with pytest.raises(IdentityRefused):
        judged(provider, token)


def test_a_token_signed_by_a_stranger_or_by_nobody_is_refused(provider):
    stranger = RSAKey.generate_key(2048, {"kid": "1"}, private=True)
    unsigned = "eyJhbGciOiJub25lIn0." + jwt.encode({"alg": "RS256"}, claims(), KEY).split(".")[1] + "."
    shared = jwt.encode({"alg": "HS256"}, claims(), OctKey.import_key("a secret that both would have to know"))

    for token in (jwt.encode({"alg": "RS256", "kid": "1"}, claims(), stranger), unsigned, shared, "", "a.b.c"):
        with pytest.raises(IdentityRefused):
            judged(provider, token)
