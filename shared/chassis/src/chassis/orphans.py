"""Objects that no row names any more: found by reading all rows of all tables, collected only when they are old enough.

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

HASH: Final = re.compile(rb"[0-9a-f]{32}")
TABLES: Final = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Orphan:
    bucket: Bucket
    key: str
    size_bytes: int
    changed_at: datetime


def find_orphans(connection: psycopg.Connection, buckets: Sequence[Bucket], minimum_age: timedelta) -> list[Orphan]:
    """Objects under hashed keys that are older than `minimum_age` and named by no row. Needs a role that reads all tables.

    The listing comes first: what a row begins to name while we look was written or written again just now, and is young.
    """
    oldest_kept = datetime.now(UTC) - minimum_age
    listed = [one for bucket in buckets for one in _listed(bucket) if one.changed_at < oldest_kept]
    named = set(_named(connection)) if listed else set()
    return [one for one in listed if (found := HASHED.match(one.key)) and found[1].encode() not in named]


def collect(orphans: Sequence[Orphan]) -> int:
    """Delete them. One that was written again since it was listed stays. Returns how many went."""
    gone = 0
    for one in orphans:
        if one.bucket.exists(one.key) and one.bucket.head(one.key)["LastModified"] <= one.changed_at:
            one.bucket.delete([one.key])
            gone += 1
    return gone


def _listed(bucket: Bucket) -> Iterator[Orphan]:
    for page in bucket.client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name):
        for item in page.get("Contents", []):
            if HASHED.match(item["Key"]):
                yield Orphan(bucket, item["Key"], item["Size"], item["LastModified"])


def _named(connection: psycopg.Connection) -> Iterator[bytes]:
    """Everything in any row that could be a hash; a few too many do no harm."""
    for schema, table in connection.execute(TABLES).fetchall():
        query = sql.SQL("COPY (SELECT t::text FROM {}.{} t) TO STDOUT").format(*map(sql.Identifier, (schema, table)))
        with connection.cursor() as cursor, cursor.copy(query) as rows:
            for row in rows:
                yield from HASH.findall(bytes(row))
