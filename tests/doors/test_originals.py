"""What strangers sent lies where no browser gets it; the one door that gives it out has it saved, not shown."""

import importlib

import httpx2
import psycopg
import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from chassis import tokens
from chassis.bucket import Bucket
from chassis.settings import Settings
from ingestion.store.items import NewOriginal, Originals
from stack.engines import SERVICES

pytestmark = pytest.mark.stack

HOSTILE = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
KEYS = ("originals/ab/hostile", "raw/hostile", "uploads/hostile")


@pytest.fixture
def hostile(private_bucket):
    for key in KEYS:
        private_bucket.put(key, HOSTILE, content_type="image/svg+xml")


def application(service, settings_for):
    settings = importlib.import_module(f"{service}.settings").Settings
    return importlib.import_module(f"{service}.api").create_app(settings(**settings_for(service)))


def test_nobody_reads_an_original_from_the_storage_without_a_key(stack, hostile):
    answers = [httpx2.get(f"{stack.s3.url}/depesha-private/{key}", trust_env=False) for key in (*KEYS, "")]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert all(b"script" not in answer.content for answer in answers)


def test_an_address_for_putting_a_photo_up_reads_none(stack, hostile):
    bucket = Bucket.private(Settings(**stack.settings("ingestion")))
    address = bucket.presign_put("originals/ab/hostile", "image/svg+xml", len(HOSTILE), 60)

    answer = httpx2.get(address, headers={"content-type": "image/svg+xml"}, trust_env=False)

    assert answer.status_code == 403
    assert HOSTILE not in answer.content


def test_the_one_door_that_gives_an_original_out_has_it_saved(stack, hostile, database_for, settings_for):
    with database_for("ingestion").unit_of_work() as uow:
        raw_id = Originals(uow.connection).save("x", NewOriginal(KEYS[1], "image/svg+xml", "", {}, len(HOSTILE)))
    with psycopg.connect(stack.admin_url, autocommit=True) as admin:
        token = tokens.create(admin, "originals", ["sources:admin"])[1]

    with TestClient(application("ingestion", settings_for)) as client:
        answer = client.get(f"/originals/{raw_id}", headers={"authorization": f"Bearer {token}"})

    assert answer.content == HOSTILE
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == f'attachment; filename="original-{raw_id}"'
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("service", SERVICES)
def test_no_other_service_has_a_door_for_originals(service, database_for, settings_for):
    database_for(service)
    doors = [
        context.path_format
        for context in iter_route_contexts(application(service, settings_for).routes)
        if "GET" in (context.methods or ()) and "original" in (context.path_format or "")
    ]

    assert doors == (["/originals/{raw_id}"] if service == "ingestion" else [])
