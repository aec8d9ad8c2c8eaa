"""Machine tokens and limits at the doors of an API, on a real PostgreSQL and a real Valkey."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import psycopg
import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from chassis import doors, limits, pool, tokens
from chassis.commands import app as command_line
from chassis.database import Database
from chassis.doors import Policy, needs, public
from chassis.limits import Bucket, Limiter
from chassis.settings import Settings
from chassis.web import create_app

pytestmark = pytest.mark.stack


@pytest.fixture
def admin(stack):
    with psycopg.connect(stack.admin_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def make(admin):
    def make_token(*scopes, **more):
        return tokens.create(admin, "проба", scopes, **more)[1]

    return make_token


@pytest.fixture
def reached():
    return []


def build(stack, reached, **more):
    settings = Settings(**{**stack.settings("imaging"), "address_per_minute": 0, **more})
    database = Database(settings.database_url, "imaging", size=4)
    policy = Policy(settings, database, reads="media:read", writes="media:write")
    app = create_app(service="test", title="Test", database=database, doors=policy)

    @app.get("/photos/{number}")
    def photo(number: int, request: Request) -> str:
        reached.append(("photo", number))
        return request.state.caller.name

    @app.post("/photos")
    def take(body: dict[str, int]) -> None:
        reached.append(("take", body))

    @app.post("/stories")
    @needs("ingest:write")
    def story() -> None:
        reached.append("story")

    @app.get("/keys")
    @public
    def keys() -> list[str]:
        return ["open"]

    @app.post("/confirmations")
    @public
    def confirm() -> None:
        reached.append("confirm")

    return app


@pytest.fixture
def client(stack, reached):
    with TestClient(build(stack, reached)) as opened:
        yield opened


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def test_without_a_token_only_what_is_public_opens(client, reached):
    statuses = {path: client.get(path).status_code for path in ("/photos/1", "/keys", "/healthz", "/nothing")}

    answer = client.post("/photos", json={"a": 1})

    assert statuses == {"/photos/1": 401, "/keys": 200, "/healthz": 200, "/nothing": 404}
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["type"] == "urn:depesha:problem:not-signed-in"
    assert reached == []


def test_a_token_opens_the_doors_of_its_scopes_and_no_others(client, reached, make):
    reader = bearer(make("media:read"))

    assert client.get("/photos/7", headers=reader).json() == "проба"
    refused = client.post("/photos", json={"a": 1}, headers=reader)
    other = client.post("/stories", headers=reader)

    assert refused.status_code == other.status_code == 403
    assert refused.json()["needs"] == "media:write"
    assert other.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="ingest:write"'
    assert reached == [("photo", 7)]


def test_a_route_can_name_its_own_scope(client, reached, make):
    assert client.post("/stories", headers=bearer(make("media:write"))).status_code == 403
    assert client.post("/stories", headers=bearer(make("ingest:write"))).status_code == 200
    assert reached == ["story"]


@pytest.mark.parametrize("header", ["Bearer dps_wrong", "Bearer ", "Basic YTpi", "dps_x", "Bearer \xff\xfe"])
def test_a_token_that_is_none_is_refused(client, reached, header):
    answer = client.get("/photos/1", headers={"authorization": header.encode("latin-1")})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert reached == []


def test_an_expired_token_is_refused_at_once(client, admin, make):
    token = make("media:read")
    assert client.get("/photos/1", headers=bearer(token)).status_code == 200
    short = make("media:read")
    admin.execute(
        "UPDATE tokens.token SET expires_at = now() + interval '300 ms' WHERE digest = %s", (tokens.digest_of(short),)
    )
    assert client.get("/photos/1", headers=bearer(short)).status_code == 200

    deadline = time.monotonic() + 3
    while client.get("/photos/1", headers=bearer(short)).status_code != 401:
        assert time.monotonic() < deadline

    assert client.get("/photos/1", headers=bearer(token)).status_code == 200


def test_a_revoked_token_is_refused_as_soon_as_the_process_asks_again(client, admin, make, monkeypatch):
    monkeypatch.setattr(tokens, "KEPT_S", 0)
    token_id, token = tokens.create(admin, "проба", ["media:read"])
    assert client.get("/photos/1", headers=bearer(token)).status_code == 200

    assert tokens.revoke(admin, token_id) == "проба"

    assert client.get("/photos/1", headers=bearer(token)).status_code == 401


def test_only_the_digest_is_kept_and_the_last_use_is_noted(client, admin, make):
    token = make("media:read")
    before = admin.execute(
        "SELECT last_used_at FROM tokens.token WHERE digest = %s", (tokens.digest_of(token),)
    ).fetchone()

    client.get("/photos/1", headers=bearer(token))

    row = admin.execute(
        "SELECT t::text, last_used_at IS NOT NULL FROM tokens.token t WHERE digest = %s", (tokens.digest_of(token),)
    ).fetchone()
    assert before == (None,)
    assert token not in row[0]
    assert row[1] is True


TABLE_OF_TOKENS = (
    "SELECT * FROM tokens.token",
    "UPDATE tokens.token SET scopes = '{ops:write}'",
    "DELETE FROM tokens.token",
    "INSERT INTO tokens.token (name, digest, scopes, per_minute) VALUES ('x', ''::bytea, '{}', 1)",
)
ADMINISTRATION = (
    "SELECT * FROM tokens.list_tokens()",
    "SELECT tokens.create_token('x', ''::bytea, '{ops:write}', 1, now())",
    "SELECT tokens.revoke_token(gen_random_uuid())",
)


@pytest.mark.parametrize(
    ("service", "refused"),
    [
        *((service, TABLE_OF_TOKENS + ADMINISTRATION) for service in ("delivery", "ingestion")),
        ("desk", TABLE_OF_TOKENS),
    ],
)
def test_a_service_may_ask_about_a_token_but_neither_list_nor_change_them(stack, service, refused):
    with psycopg.connect(stack.settings(service)["database_url"], autocommit=True) as connection:
        assert connection.execute("SELECT * FROM tokens.use_token(%s)", (b"0" * 32,)).fetchall() == []
        for statement in refused:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_the_desk_makes_no_token_of_the_house_and_none_without_an_end(stack):
    with psycopg.connect(stack.settings("desk")["database_url"], autocommit=True) as connection:
        for name, until in (("house:desk", "now() + interval '1 day'"), ("x", "NULL")):
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute(f"SELECT tokens.create_token('{name}', sha256('x'), '{{desk:read}}', 1, {until})")


def test_a_token_that_asks_too_often_is_told_when_to_come_again(client, reached, make):
    slow, other = bearer(make("media:read", per_minute=12)), bearer(make("media:read"))

    statuses = [client.get("/photos/1", headers=slow).status_code for _ in range(4)]
    last = client.get("/photos/1", headers=slow)

    assert statuses == [200, 200, 200, 429]  # a quarter of a minute's worth at once
    assert 1 <= int(last.headers["retry-after"]) <= 5
    assert last.json()["type"] == "urn:depesha:problem:too-many-requests"
    assert client.get("/photos/1", headers=other).status_code == 200
    assert len(reached) == 4


def test_an_address_may_write_only_so_often_with_or_without_a_token(stack, reached, make):
    with TestClient(build(stack, reached, address_per_minute=8), client=(f"host-{uuid4()}", 1)) as client:
        token = bearer(make("media:write", "media:read"))
        statuses = [client.post("/photos", json={"a": 1}, headers=token).status_code for _ in range(2)]
        without = client.post("/confirmations")
        reading = client.get("/photos/1", headers=token)

    assert statuses == [200, 200]
    assert without.status_code == 429
    assert int(without.headers["retry-after"]) >= 1
    assert reading.status_code == 200


def test_strangers_who_keep_knocking_are_slowed_down(stack, reached, monkeypatch):
    monkeypatch.setattr(doors, "STRANGER_PER_MINUTE", 6)  # a new one each 10 s, longer than this test takes
    with TestClient(build(stack, reached), client=(f"host-{uuid4()}", 1)) as client:
        statuses = [client.get("/photos/1", headers=bearer(f"dps_{n}")).status_code for n in range(7)]

    assert statuses == [401] * 6 + [429]


def test_limits_hold_over_processes_and_threads(stack):
    bucket = Bucket(f"test:{uuid4()}", per_minute=1, burst=20)
    doors = [Limiter(stack.valkey.url) for _ in range(4)]

    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(lambda n: doors[n % 4].take([bucket]), range(60)))

    assert sum(wait == 0 for wait in waits) == 20
    assert all(0 < wait <= 60 for wait in waits if wait)
    for door in doors:
        door.close()


def test_a_take_from_several_buckets_takes_from_all_or_none(stack):
    limiter, name = Limiter(stack.valkey.url), uuid4()
    wide, narrow = Bucket(f"wide:{name}", 1, 3), Bucket(f"narrow:{name}", 1, 1)

    first, second = limiter.take([wide, narrow]), limiter.take([wide, narrow])
    left = [limiter.take([wide]) for _ in range(3)]

    assert first == 0
    assert second > 0
    assert [wait == 0 for wait in left] == [True, True, False]
    limiter.close()


def test_without_redis_each_process_counts_for_itself():
    limiter = Limiter("redis://127.0.0.1:1/0")
    bucket = Bucket("x", 1, 2)

    waits = [limiter.take([bucket]) for _ in range(3)]

    assert waits[:2] == [0, 0]
    assert 0 < waits[2] <= 60
    limiter.close()


def test_a_bucket_fills_again_at_its_rate(stack):
    limiter, bucket = Limiter(stack.valkey.url), Bucket(f"test:{uuid4()}", per_minute=600, burst=1)
    assert limiter.take([bucket]) == 0
    wait = limiter.take([bucket])
    assert 0 < wait <= 0.1

    deadline = time.monotonic() + 3
    while limiter.take([bucket]):
        assert time.monotonic() < deadline

    assert limits.KEY_PREFIX == "depesha:limit:"
    limiter.close()


def test_the_openapi_document_says_what_each_door_wants(client):
    paths = client.get("/openapi.json").json()["paths"]

    wanted = {f"{method} {path}": one["security"] for path, ones in paths.items() for method, one in ones.items()}
    assert wanted == {
        "get /photos/{number}": [{"token": ["media:read"]}],
        "post /photos": [{"token": ["media:write"]}],
        "post /stories": [{"token": ["ingest:write"]}],
        "get /keys": [],
        "post /confirmations": [],
        "get /healthz": [],
        "get /readyz": [],
        "get /metrics": [],
    }
    assert {"401", "403", "429"} <= set(paths["/stories"]["post"]["responses"])


def test_where_the_database_is_down_nobody_new_is_let_in(stack, reached, monkeypatch):
    monkeypatch.setattr(pool, "TAKE_WITHIN_S", 0.2)
    settings = {**stack.settings("imaging"), "database_url": "postgresql://a:b@127.0.0.1:1/c"}
    policy_settings = Settings(**settings)
    database = Database(policy_settings.database_url, "imaging", size=1)
    app = create_app(service="t", title="T", doors=Policy(policy_settings, database, "media:read", "media:write"))
    app.get("/x")(lambda: reached.append("x"))

    answer = TestClient(app).get("/x", headers=bearer("dps_x"))

    assert answer.status_code == 503
    assert reached == []
    database.close()


def test_a_scope_that_there_is_not_is_named_with_those_that_there_are(admin):
    with pytest.raises(tokens.WrongScope, match=r"got media:eat; there are ingest:write, "):
        tokens.create(admin, "x", ["media:eat", "media:read"])
    with pytest.raises(ValueError, match="there is no scope 'media:eat'"):
        needs("media:eat")


def test_tokens_are_made_listed_and_revoked_on_the_command_line(stack, monkeypatch):
    monkeypatch.setenv("DEPESHA_ADMIN_DATABASE_URL", stack.admin_url)
    name = f"Вечерний Орск {uuid4()}"

    def run(*words):
        result = CliRunner().invoke(command_line, ["token", *words])
        return result.exit_code, result.output

    made = json.loads(run("create", name, "--scope", "content:read", "--days", "30", "--json")[1])
    known = {one["token_id"]: one for one in json.loads(run("list", "--json")[1])}
    revoked = run("revoke", made["token_id"])
    after = {one["token_id"]: one for one in json.loads(run("list", "--json")[1])}

    assert made["token"].startswith("dps_")
    assert len(made["token"]) == 47
    assert known[made["token_id"]]["scopes"] == ["content:read"]
    assert known[made["token_id"]]["revoked_at"] is None
    assert revoked == (0, f"revoked: {name}\n")
    assert after[made["token_id"]]["revoked_at"] is not None
    assert made["token"] not in run("list")[1]
    assert run("revoke", str(UUID(int=0)))[0] == 1
    assert run("create", "x", "--scope", "no:no")[0] == 1


def test_a_new_token_in_the_environment_makes_the_old_one_bad(admin, stack):
    asked = tokens.Tokens(Database(stack.settings("desk")["database_url"], "desk", size=1))
    old, new = tokens.new_token(), tokens.new_token()
    try:
        tokens.register(admin, {"desk": old})
        tokens.register(admin, {"desk": new})
        first, second = asked.caller(old), asked.caller(new)
    finally:
        tokens.register(admin, stack.tokens)

    assert first is None
    assert second.name == "house:desk"
    assert "endpoints:admin" in second.scopes
    assert "people:admin" not in second.scopes
    asked._database.close()
