"""What every API has: probes that tell the truth, limits, and errors as problems."""

import asyncio
import json
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict

from chassis import web
from chassis.bucket import StorageDown
from chassis.errors import Conflict, NotFound, Refusal
from chassis.problems import problem_of
from chassis.web import create_app


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: int


ERRORS = {
    "refusal": Refusal("story 42: no", fields=(("/number", "must be 1 to 9"),)),
    "missing": NotFound("story 42: not known here"),
    "conflict": Conflict("story 42: revision 3 is older than 5", theirs=5),
    "database": psycopg.OperationalError("password=secret is wrong"),
    "storage": StorageDown("no"),
    "nul": psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"),
    "number": psycopg.errors.NumericValueOutOfRange("bigint out of range\nCONTEXT: parameter $1 of a secret statement"),
    "date": OverflowError("date value out of range"),
    "bug": ZeroDivisionError("secret detail"),
}


def app(checks=None, max_body_bytes=1000):
    app = create_app(service="test", title="Test", checks=checks, max_body_bytes=max_body_bytes)

    @app.post("/forms")
    def take(form: Form) -> int:
        return form.number

    @app.get("/forms")
    def forms() -> list[int]:
        return []

    @app.get("/{anything}")
    def other(anything: str) -> str:
        return anything

    @app.get("/errors/{name}")
    def fail(name: str) -> None:
        raise ERRORS[name]

    return app


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nul", "PostgreSQL text fields cannot contain NUL (0x00) bytes"),
        ("number", "bigint out of range"),
        ("date", "date value out of range"),
    ],
)
def test_what_no_table_or_calendar_holds_is_the_callers_fault_and_said(client, name, reason):
    answer = client.get(f"/errors/{name}")

    assert (answer.status_code, answer.json()["detail"]) == (422, f"it holds what cannot be: {reason}")


@pytest.fixture
def client():
    return TestClient(app(), raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("name", "status", "title"),
    [
        ("refusal", 422, "This cannot be done"),
        ("missing", 404, "Not found"),
        ("conflict", 409, "Conflict"),
        ("database", 503, "Not available now"),
        ("storage", 503, "Not available now"),
        ("bug", 500, "Unexpected error"),
    ],
)
def test_every_error_is_a_problem_without_secrets(client, name, status, title):
    answer = client.get(f"/errors/{name}")

    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert (problem["status"], problem["title"]) == (status, title)
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


def test_a_refusal_names_its_fields_and_carries_its_extras(client):
    assert client.get("/errors/refusal").json()["errors"] == [{"pointer": "/number", "detail": "must be 1 to 9"}]
    assert client.get("/errors/conflict").json()["theirs"] == 5


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"number": "many"}', "/body/number"),
        (b'{"number": 1, "mood": "sad"}', "/body/mood"),
        (b"{}", "/body/number"),
        (b"[]", "/body"),
    ],
)
def test_a_wrong_body_is_refused_with_the_field_named(client, body, pointer):
    answer = client.post("/forms", content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("body", [b'{"number": ', b'{"number": "\xff\xfe"}', b"\x00"])
def test_a_body_that_is_no_json_is_refused(client, body):
    answer = client.post("/forms", content=body, headers={"content-type": "application/json"})

    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_over_the_limit_is_refused_whether_it_says_so_or_not(client):
    def in_parts():
        for _ in range(20):
            yield b"x" * 100

    declared = client.post("/forms", content=b"x" * 1001, headers={"content-type": "application/json"})
    streamed = client.post("/forms", content=in_parts(), headers={"content-type": "application/json"})

    for answer in (declared, streamed):
        assert answer.status_code == 413
        assert answer.json()["detail"] == "the body has more than 1000 bytes, the most that is taken here"


def test_ready_tells_what_is_down_and_healthy_does_not_ask():
    def down():
        raise ConnectionError("nobody listens")

    client = TestClient(app({"storage": down, "database": lambda: None}))

    ready = client.get("/readyz")

    assert (ready.status_code, ready.json()) == (
        503,
        {"ready": False, "down": {"storage": "ConnectionError: nobody listens"}},
    )
    assert client.get("/healthz").text == "ok"


def test_metrics_count_requests_by_route(client):
    client.post("/forms", json={"number": 1})

    assert (
        'depesha_http_requests_total{method="POST",route="/forms",service="test",status="200"}'
        in client.get("/metrics").text
    )


@pytest.mark.parametrize("asked", [("GET", "/healthz", b""), ("GET", "/nowhere", b""), ("POST", "/forms", b"x" * 1001)])
def test_every_answer_tells_browsers_to_trust_nothing(client, asked):
    method, path, body = asked

    told = client.request(method, path, content=body).headers

    assert told["x-content-type-options"] == "nosniff"
    assert told["referrer-policy"] == "no-referrer"
    assert told["content-security-policy"].startswith("default-src 'none'; frame-ancestors 'none'")
    assert "strict-transport-security" not in told


def test_by_tls_browsers_are_told_to_come_by_tls_only():
    with TestClient(app(), base_url="https://testserver") as client:
        assert client.get("/healthz").headers["strict-transport-security"] == "max-age=31536000"


def test_a_body_that_drips_is_cut_off(monkeypatch):
    monkeypatch.setattr(web, "UPLOAD_S", 0.2)
    told = []

    async def receive():
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def send(message):
        told.append(message)

    scope = {"type": "http", "method": "POST", "path": "/forms", "query_string": b"", "headers": []}
    asyncio.run(app()(scope, receive, send))

    assert (told[0]["status"], dict(told[0]["headers"])[b"connection"]) == (408, b"close")
    assert json.loads(told[1]["body"])["detail"] == "the body was not here after 0 s"


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_json_of_any_depth_is_a_problem_of_the_caller_not_of_ours(opening):
    client = TestClient(app(max_body_bytes=web.MIB), raise_server_exceptions=False)

    answer = client.post("/forms", content=opening * 100_000, headers={"content-type": "application/json"})

    assert answer.status_code in (400, 422)


def test_a_wrong_method_is_told_all_the_right_ones(client):
    answer = client.delete("/forms")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


def test_a_refusals_extra_fields_may_be_ids_and_times():
    problem = problem_of(Conflict("image 7: no credit", image_id=UUID(int=7), at=datetime(2026, 3, 4, tzinfo=UTC)))

    told = json.loads(problem.body)
    assert (problem.status_code, told["image_id"], told["at"]) == (409, str(UUID(int=7)), "2026-03-04T00:00:00+00:00")
