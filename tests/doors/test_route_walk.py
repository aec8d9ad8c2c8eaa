"""Walks every route of every service, in its OpenAPI document or not: what a stranger, a wrong token and each role get."""

import importlib
import uuid
from collections import Counter

import psycopg
import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from chassis import doors, tokens
from chassis.ids import new_id
from desk.handlers import people
from desk.routes.sign_in import COOKIE
from desk.store.people import People, Sessions
from stack.engines import SERVICES

pytestmark = pytest.mark.stack

PROBES = {"GET /healthz", "GET /readyz", "GET /metrics"}
DOCUMENTS = {"GET /openapi.json"}
OPEN = {
    "desk": {
        *("GET /sign-in", "POST /sign-in", "POST /sign-out"),
        *("GET /join/{token}", "POST /join/{token}", "POST /join/{token}/password"),
    },
    "delivery": {"GET /.well-known/webhook-keys.json", "GET /webhooks/types"},
}
"""All that answers without a token or a session, besides probes and documents. A new one must be thought about here."""
BY_LINK = {
    "imaging": {"GET /r/{signature}/{spec}/{image_id}"},
    "delivery": {
        "GET /messages/{message_id}/data",
        "GET /partner/{token}",
        "POST /partner/{token}/ping",
        "POST /partner/{token}/secret",
        "POST /partner/{token}/deliveries/{delivery_id}/resend",
    },
}
"""Opened by a secret in the address alone; without a good one it leads nowhere."""
BY_SECRET = {"ingestion": {"POST /telegram/{source_id}", "POST /max/{source_id}"}}
"""Opened by the secret that we gave a messenger, in a header of its own; a token of ours is nothing there."""
ADMINS = ("chief", "ops")
ROLES = ("reporter", "editor", *ADMINS)
TURNED_AWAY = (401, 403)


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    monkeypatch.setattr(doors, "STRANGER_PER_MINUTE", 1_000_000)


@pytest.fixture
def token(stack):
    def make(*scopes):
        with psycopg.connect(stack.admin_url, autocommit=True) as connection:
            made = tokens.create(connection, "walk", scopes, per_minute=1_000_000)[1]
        return {"authorization": f"Bearer {made}"}

    return make


@pytest.fixture(params=SERVICES)
def house(request, database_for, settings_for):
    """(service, its application, its policy, a client)."""
    service = request.param
    database_for(service)
    settings = importlib.import_module(f"{service}.settings").Settings
    app = importlib.import_module(f"{service}.api").create_app(
        settings(**{**settings_for(service), "address_per_minute": 0})
    )
    policy = next(one.kwargs["policy"] for one in app.user_middleware if one.cls is doors.Doors)
    with TestClient(
        app, base_url="https://testserver", follow_redirects=False, raise_server_exceptions=False
    ) as client:
        yield service, app, policy, client


def routes_of(app):
    """(method, path with parameters, path to ask, endpoint, whether its answer never ends)."""
    for context in iter_route_contexts(app.routes):
        for method in sorted((context.methods or set()) - {"HEAD"}):
            kind = getattr(context.original_route, "response_class", None)
            endless = "EventSource" in getattr(kind, "__name__", "")
            yield method, context.path_format, fill(context.path_format), context.endpoint, endless


def fill(path):
    """The path with something in place of each parameter."""
    values = {"version": "1", "revision": "1", "token": "nobodys-token"}
    return "/".join(
        values.get(part[1:-1].partition(":")[0], str(uuid.UUID(int=7))) if part.startswith("{") else part
        for part in path.split("/")
    )


def is_open(service, door):
    return door in PROBES | DOCUMENTS | OPEN.get(service, set())


def is_by_link(service, door):
    return door in BY_LINK.get(service, set())


def has_own_key(service, door):
    return is_open(service, door) or is_by_link(service, door) or door in BY_SECRET.get(service, set())


def say(capsys, service, counts):
    with capsys.disabled():
        print(
            f"\n  doors of {service}: " + ", ".join(f"{count} {what}" for what, count in sorted(counts.items())), end=""
        )


def test_a_stranger_gets_in_nowhere_but_where_it_is_written(house, capsys):
    service, app, _, client = house
    counts = Counter()

    for method, path, address, _, _ in routes_of(app):
        door = f"{method} {path}"
        if is_open(service, door):
            counts["open"] += 1
            assert client.request(method, address).status_code not in (401, 403, 404, 405), door
        elif is_by_link(service, door):
            counts["opened by a secret link"] += 1
            assert client.request(method, address).status_code in (403, 404, 422), door
        else:
            counts["closed to strangers"] += 1
            assert client.request(method, address).status_code == 401, door
            assert client.request(method, address, headers={"authorization": "Bearer dps_wrong"}).status_code == 401, (
                door
            )
    say(capsys, service, counts)


def test_every_other_scope_is_a_wrong_scope(house, token, capsys):
    service, app, policy, client = house
    counts = Counter()
    others = {}

    for method, path, address, endpoint, _ in routes_of(app):
        wanted = policy.scope_of(endpoint, method)
        if has_own_key(service, f"{method} {path}"):
            continue
        if wanted not in others:
            others[wanted] = token(*(scope for scope in tokens.SCOPES if scope != wanted))
        answer = client.request(method, address, headers=others[wanted])
        counts["refuse fifteen wrong scopes"] += 1
        assert answer.status_code == 403, (method, path)
        assert answer.json()["needs"] == wanted
    say(capsys, service, counts)


def test_the_right_scope_alone_opens_the_door(house, token, capsys):
    service, app, policy, client = house
    counts = Counter()
    rights = {}
    described = app.openapi()["paths"]

    for method, path, address, endpoint, _ in routes_of(app):
        if has_own_key(service, f"{method} {path}"):
            continue
        wanted = policy.scope_of(endpoint, method)
        if wanted not in rights:
            rights[wanted] = token(wanted)
        answer = client.request(method, address, headers=rights[wanted])
        if path.startswith("/api/") or method.lower() in described.get(path, ()):
            counts["open to their scope"] += 1
            assert answer.status_code not in (*TURNED_AWAY, 429, 500), (method, path, answer.text)
        else:
            counts["for people only"] += 1  # a page wants a session, whatever the token
            assert answer.status_code == 401, (method, path)
    say(capsys, service, counts)


def test_every_operation_of_every_document_says_what_it_wants(house, capsys):
    service, app, policy, client = house
    document = client.get("/openapi.json").json()
    endpoints = {(path, method): endpoint for method, path, _, endpoint, _ in routes_of(app)}
    counts = Counter()

    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            wanted = policy.scope_of(endpoints[path, method.upper()], method.upper())
            session = [{"session": []}] if policy.knows_people else []
            assert operation["security"] == ([{"token": [wanted]}, *session] if wanted else []), (method, path)
            counts["operations described"] += 1
    say(capsys, service, counts)


@pytest.mark.parametrize("house", ["desk"], indirect=True)
def test_each_role_gets_into_its_rooms_and_only_there(house, database_for, capsys):
    service, app, _, _ = house
    counts = Counter()
    database = database_for("desk")
    with TestClient(
        app, base_url="https://testserver", follow_redirects=False, raise_server_exceptions=False
    ) as client:
        for role in ROLES:
            who = new_id()
            with database.unit_of_work() as uow:
                People(uow.connection).add(who, f"{who}@example.org", role, role, people.NOBODY)
            for method, path, address, _, endless in routes_of(app):
                if is_open(service, f"{method} {path}") or endless:
                    continue
                session = f"walk-{new_id()}"  # one a door: some doors end the session
                with database.unit_of_work() as uow:
                    Sessions(uow.connection).add(session, who)
                headers = {"cookie": f"{COOKIE}={session}", "origin": "https://testserver"}
                status = client.request(method, address, headers=headers).status_code
                for_admins = path.startswith("/admin")
                assert status not in (401, 500), (role, method, path)
                if for_admins:
                    assert (status == 403) is (role not in ADMINS), (role, method, path, status)
                counts[f"{role}: {'refused' if status == 403 else 'let in'}"] += 1
    say(capsys, service, counts)
