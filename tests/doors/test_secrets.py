"""Secrets at rest are sealed again by one command, wherever a service keeps them."""

import importlib

import psycopg
import pytest
from cryptography.fernet import Fernet
from fastapi.testclient import TestClient
from psycopg import sql
from typer.testing import CliRunner

from chassis.commands import app
from chassis.vault import Vault

pytestmark = pytest.mark.stack

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
SENT = {
    "delivery": (
        "/endpoints",
        {"name": "Сайт", "url": "http://127.0.0.1:9/hook", "headers": {"x-key": "sesame"}},
    ),
    "ingestion": (
        "/sources",
        {
            "source_id": "telegram:x",
            "kind": "telegram",
            "name": "Канал",
            "settings": {"channel": "@solntsev_official", "bot_token": "1:сезам", "webhook_secret": "s" * 32},
        },
    ),
}


@pytest.fixture
def run(stack, monkeypatch):
    """`run(service, keys, *words)`: `depesha secrets …` in the environment of that service."""

    def go(service, keys, *words):
        for name, value in {**stack.environment(service), "DEPESHA_SECRET_KEYS": keys}.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(app, ["secrets", *words])

    return go


def sealed_with(stack, service, key_name):
    """(table, column) of every text in the service's schema that this key sealed, found without asking the service."""
    with psycopg.connect(stack.admin_url) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s AND data_type = 'text'",
            (service,),
        ).fetchall()
        count = sql.SQL("SELECT count(*) FROM {} WHERE starts_with({}, %s)")
        return {
            (table, column)
            for table, column in columns
            if connection.execute(
                count.format(sql.Identifier(service, table), sql.Identifier(column)), (f"{key_name}:gAAAA",)
            ).fetchone()[0]
        }


@pytest.mark.parametrize("service", SENT)
def test_after_a_rotation_nothing_needs_the_old_key(service, stack, database_for, settings_for, bearer, run):
    database_for(service)
    settings = importlib.import_module(f"{service}.settings").Settings
    ours = settings(
        **{**settings_for(service), "secret_keys": f"old:{OLD}", "allowed_networks": "127.0.0.0/8", "allow_http": True}
    )
    path, body = SENT[service]
    with TestClient(importlib.import_module(f"{service}.api").create_app(ours), headers=bearer) as client:
        answer = client.post(path, json=body)
        assert answer.status_code == 201, answer.text
    before = sealed_with(stack, service, "old")

    done = run(service, f"new:{NEW},old:{OLD}", "rotate", service)

    assert done.exit_code == 0, done.output
    assert before
    assert before <= set(importlib.import_module(f"{service}.store").SEALED)
    assert sealed_with(stack, service, "new") == before
    assert sealed_with(stack, service, "old") == set()
    again = run(service, f"new:{NEW}", "rotate", service)
    assert (again.exit_code, "0 sealed again" in again.output) == (0, True)


def test_a_key_that_is_missing_is_named_and_nothing_is_lost(stack, database_for, settings_for, bearer, run):
    test_after_a_rotation_nothing_needs_the_old_key("delivery", stack, database_for, settings_for, bearer, run)

    done = run("delivery", f"third:{OLD}", "rotate", "delivery")

    assert done.exit_code == 1
    assert (
        "sealed with the key 'new'; known are third; put that key behind the newest"
        in str(done.exception or done.output) + done.output
    )
    assert sealed_with(stack, "delivery", "new")


def test_a_new_key_opens_what_it_sealed(run):
    made = run("delivery", f"old:{OLD}", "new-key", "2027").output.strip()

    assert made.startswith("2027:")
    assert Vault(made).open(Vault(made).seal("сезам")) == "сезам"
