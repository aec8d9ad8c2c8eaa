"""Objects that may go: those that no row names any more, found by reading all rows of all tables, and those that are made again on demand.

Whatever names a hash anywhere (a draft, an old version, a release's snapshot, an event that is not pruned yet) keeps its object;
so a new table keeps what it names without telling anybody here.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
from psycopg import sql

from chassis.backup import HASHED
from chassis.bucket import Bucket

UPLOADED: Final = re.compile(r"^(uploads/[0-9a-f-]{32,36})$")
"""A file that was put straight into the storage; a row names it only if somebody then said so."""
NAME: Final = re.compile(rb"uploads/[0-9a-f-]{32,36}|[0-9a-f]{32}")
MADE_ON_DEMAND: Final = "media/r/"
"""Sizes that somebody asked for by a signed address."""
TABLES: Final = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Stored:
    """An object as the listing has it."""

    bucket: Bucket
    key: str
    size_bytes: int
    changed_at: datetime


def find_orphans(connection: psycopg.Connection, buckets: Sequence[Bucket], minimum_age: timedelta) -> list[Stored]:
    """Objects under hashed keys and uploads that are older than `minimum_age` and named by no row. Needs a role that reads all tables.

    The listing comes first: what a row begins to name while we look was written or written again just now, and is young.
    """
    listed = [(name, one) for bucket in buckets for one in _older(bucket, minimum_age) if (name := _name_of(one.key))]
    named = set(_named(connection)) if listed else set()
    return [one for name, one in listed if name not in named]


def find_made_on_demand(bucket: Bucket, minimum_age: timedelta) -> list[Stored]:
    """Sizes made by signed addresses that are older than `minimum_age`; who asks again has them made again."""
    return list(_older(bucket, minimum_age, MADE_ON_DEMAND))


def collect(orphans: Sequence[Stored]) -> int:
    """Delete them. One that was written again since it was listed stays. Returns how many went."""
    gone = 0
    for one in orphans:
        if one.bucket.exists(one.key) and one.bucket.head(one.key)["LastModified"] <= one.changed_at:
            one.bucket.delete([one.key])
            gone += 1
    return gone


def _older(bucket: Bucket, minimum_age: timedelta, prefix: str = "") -> Iterator[Stored]:
    oldest_kept = datetime.now(UTC) - minimum_age
    for page in bucket.client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name, Prefix=prefix):
        for item in page.get("Contents", []):
            if item["LastModified"] < oldest_kept:
                yield Stored(bucket, item["Key"], item["Size"], item["LastModified"])


def _name_of(key: str) -> bytes | None:
    """What a row that names the object has in it; None of objects that live by other rules, such as pages."""
    found = HASHED.match(key) or UPLOADED.match(key)
    return found[1].encode() if found else None


def _named(connection: psycopg.Connection) -> Iterator[bytes]:
    """Everything in any row that could name an object; a few too many do no harm."""
    for schema, table in connection.execute(TABLES).fetchall():
        query = sql.SQL("COPY (SELECT t::text FROM {}.{} t) TO STDOUT").format(*map(sql.Identifier, (schema, table)))
        with connection.cursor() as cursor, cursor.copy(query) as rows:
            for row in rows:
                yield from NAME.findall(bytes(row))
