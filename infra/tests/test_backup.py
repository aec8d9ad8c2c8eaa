"""Kill everything, restore, and nothing that was published is missing; orphans are found, and nothing that a row names is one."""

import json
import shutil
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from typer.testing import CliRunner

from chassis import backup
from chassis.bucket import Bucket, content_hash
from chassis.commands import app
from chassis.database import Database
from chassis.ids import new_id
from chassis.orphans import collect, find_made_on_demand, find_orphans
from chassis.settings import Settings
from contracts.catalogue import example
from contracts.event import Envelope
from contracts.events import StoryReceived
from stack.engines import start_engines
from stack.postgres import POSTGRES_BIN

pytestmark = pytest.mark.stack


def buckets_of(engines):
    key = {"s3_access_key": engines.s3.access_key, "s3_secret_key": engines.s3.secret_key}
    settings = Settings(**{**engines.settings("desk"), **key})
    return [Bucket.private(settings), Bucket.public(settings)]


def hashed(prefix, body):
    digest = content_hash(body)
    return f"{prefix}/{digest[:2]}/{digest}"


def publish_something(engines, buckets):
    """An event in the ledger, its original, a page with its headers."""
    private, public = buckets
    key = hashed("originals", b"a photo")
    private.put(key, b"a photo", content_type="image/jpeg")
    public.put(
        "news/bridge.html",
        "<p>Мост</p>".encode(),
        content_type="text/html",
        cache_control="max-age=5",
        attributes={"version": "7"},
    )
    database = Database(engines.settings("ingestion")["database_url"], "ingestion")
    received = Envelope.model_validate(example(StoryReceived)).open()
    image = received.content.images[0]
    original = image.original.model_copy(update={"key": key})
    content = received.content.model_copy(update={"images": (image.model_copy(update={"original": original}),)})
    with database.unit_of_work() as uow:
        uow.publish(received.model_copy(update={"content": content, "story_id": new_id()}))
    database.close()
    return key


def everything(engines, buckets):
    """All rows of all tables, and all objects with what readers see of them."""
    with psycopg.connect(engines.admin_url, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information)' ORDER BY 1, 2"
        ).fetchall()
        rows = {
            name: sorted(
                row[0]
                for row in connection.execute(
                    psycopg.sql.SQL("SELECT t::text FROM {}.{} t").format(*map(psycopg.sql.Identifier, name))
                ).fetchall()
            )
            for name in tables
        }
    objects = {}
    for bucket in buckets:
        for key in bucket.list():
            head = bucket.head(key)
            objects[bucket.name, key] = (
                bucket.get(key),
                head["ContentType"],
                head.get("CacheControl"),
                head["Metadata"],
            )
    return rows, objects


@pytest.fixture
def house(tmp_path):
    root = tmp_path / "house"
    engines = start_engines(root)
    engines.migrate()
    yield root, engines
    engines.stop()


@pytest.mark.timeout(240)
def test_kill_everything_restore_and_nothing_published_is_missing(house, tmp_path):
    root, engines = house
    folder, told = tmp_path / "backup", []
    publish_something(engines, buckets_of(engines))
    backup.back_up(folder, engines.admin_url, buckets_of(engines), told.append, POSTGRES_BIN)
    publish_something(engines, buckets_of(engines))
    count = backup.back_up(folder, engines.admin_url, buckets_of(engines), told.append, POSTGRES_BIN)
    before = everything(engines, buckets_of(engines))

    for engine in engines.all:
        engine.kill()
        shutil.rmtree(engine.folder)
    engines.lock.close()
    fresh = start_engines(root)
    try:
        fresh.migrate()
        put = backup.restore(folder, fresh.admin_url, buckets_of(fresh), told.append, POSTGRES_BIN)
        fresh.migrate()
        after = everything(fresh, buckets_of(fresh))
        again = backup.restore(folder, fresh.admin_url, buckets_of(fresh), told.append, POSTGRES_BIN)
        with Database(fresh.settings("desk")["database_url"], "desk").connection() as connection:
            deliveries = connection.execute("SELECT count(*) FROM ledger.delivery").fetchone()[0]
    finally:
        fresh.stop()

    assert (count, put, again, deliveries) == (2, 2, 0, 6)
    assert before == after


def test_a_backup_with_a_lost_file_restores_nothing(stack, tmp_path, private_bucket):
    folder = tmp_path / "backup"
    private_bucket.put("raw/lost", b"bytes", content_type="text/plain")
    try:
        backup.back_up(folder, stack.admin_url, [private_bucket], lambda _: None, POSTGRES_BIN)
        [lost] = [
            one
            for one in map(json.loads, (folder / "inventory.jsonl").read_text().splitlines())
            if one["key"] == "raw/lost"
        ]
        (folder / "objects" / lost["file"]).unlink()

        with pytest.raises(backup.BackupError, match="1 objects of the inventory are missing, 'raw/lost' is the first"):
            backup.restore(folder, stack.admin_url, [private_bucket], lambda _: None, POSTGRES_BIN)
        with pytest.raises(backup.BackupError, match="no whole backup lies here"):
            backup.restore(tmp_path / "nowhere", stack.admin_url, [private_bucket], lambda _: None, POSTGRES_BIN)
    finally:
        private_bucket.delete(["raw/lost"])


def test_a_database_that_does_not_answer_leaves_the_older_backup_as_it_was(stack, tmp_path):
    folder = tmp_path / "backup"
    backup.back_up(folder, stack.admin_url, [], lambda _: None, POSTGRES_BIN)
    before = (folder / "database.dump").read_bytes()

    with pytest.raises(backup.BackupError, match=r"pg_dump: .*refused"):
        backup.back_up(folder, "postgresql://postgres:x@127.0.0.1:1/depesha", [], lambda _: None, POSTGRES_BIN)

    assert (folder / "database.dump").read_bytes() == before


def test_an_orphan_is_old_and_named_by_no_row(stack, database_for, private_bucket, public_bucket):
    database_for("ingestion")
    named = publish_something(stack, [private_bucket, public_bucket])
    orphan = hashed("media", b"nobody's") + "/card.webp"
    public_bucket.put(orphan, b"nobody's", content_type="image/webp")
    buckets = [private_bucket, public_bucket]

    with psycopg.connect(stack.admin_url, autocommit=True) as connection:
        young = {one.key for one in find_orphans(connection, buckets, timedelta(hours=1))}
        found = [
            one
            for one in find_orphans(connection, buckets, timedelta(seconds=-5))
            if one.key in (named, orphan, "news/bridge.html")
        ]
    assert (young & {named, orphan}, [one.key for one in found]) == (set(), [orphan])
    assert collect(found) == 1
    assert not public_bucket.exists(orphan)
    assert private_bucket.exists(named)
    assert public_bucket.exists("news/bridge.html")
    public_bucket.delete(["news/bridge.html"])
    private_bucket.delete([named])


def test_an_upload_that_nobody_told_of_is_an_orphan_and_one_that_a_row_names_is_none(
    stack, database_for, private_bucket
):
    taken, left = f"uploads/{uuid4()}", f"uploads/{uuid4()}"
    for key in (taken, left):
        private_bucket.put(key, b"photo", content_type="image/jpeg")
    with database_for("imaging").connection() as connection:
        connection.execute(
            "INSERT INTO asset (image_id, story_id, original_key, caption, credit, words_revision) VALUES (%s, %s, %s, '', '', 0)",
            (uuid4(), uuid4(), taken),
        )

    with psycopg.connect(stack.admin_url, autocommit=True) as connection:
        found = find_orphans(connection, [private_bucket], timedelta(seconds=-5))

    assert [one.key for one in found if one.key in (taken, left)] == [left]
    private_bucket.delete([taken, left])


def test_sizes_made_on_demand_go_when_they_are_old_and_nothing_else_does(stack, public_bucket, monkeypatch):
    preview, rendition = f"media/r/{uuid4()}/1/w320.jpeg", hashed("media", b"a rendition") + "/card.webp"
    for key in (preview, rendition):
        public_bucket.put(key, b"photo", content_type="image/jpeg")

    young = find_made_on_demand(public_bucket, timedelta(days=1))
    found = find_made_on_demand(public_bucket, timedelta(seconds=-5))

    ours = [one for one in found if one.key in (preview, rendition)]
    assert ([one.key for one in young], [one.key for one in ours]) == ([], [preview])
    for name, value in {
        "DEPESHA_ADMIN_DATABASE_URL": stack.admin_url,
        "DEPESHA_S3_ENDPOINT": stack.s3.url,
        "DEPESHA_S3_ACCESS_KEY": stack.s3.access_key,
        "DEPESHA_S3_SECRET_KEY": stack.s3.secret_key,
    }.items():
        monkeypatch.setenv(name, value)
    told = CliRunner().invoke(app, ["storage", "previews"], catch_exceptions=False)
    assert told.output == "0 previews, 0 bytes; nothing was deleted (--delete collects them)\n"
    assert collect(ours) == 1
    assert not public_bucket.exists(preview)
    assert public_bucket.exists(rendition)
    public_bucket.delete([rendition])
