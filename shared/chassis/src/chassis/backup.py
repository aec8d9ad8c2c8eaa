"""Backup and restore of everything: the database at one moment, then every object of both buckets that its rows may name.

Rows name objects only after those exist, and objects that rows name are never changed in place, so a listing that is made after
the dump holds whatever the dump needs. A second backup into the same folder copies only what is new.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from chassis.bucket import Bucket

DUMP: Final = "database.dump"
INVENTORY: Final = "inventory.jsonl"
FACTS: Final = "backup.json"
KEPT_HEADERS: Final = (
    "ContentType",
    "CacheControl",
    "ContentEncoding",
    "ContentDisposition",
    "WebsiteRedirectLocation",
)
THREADS: Final = 8
OUR_SCHEMAS: Final = (
    "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')"
)

Say = Callable[[str], None]


class BackupError(Exception):
    """The backup or the restore did not come to its end; the message says why. An older backup is as it was."""


@dataclass(frozen=True)
class Kept:
    """One object of the inventory. `file`: its bytes in the folder, by their SHA-256; `headers`: as put_object takes them."""

    bucket: str
    key: str
    etag: str
    size_bytes: int
    file: str
    headers: dict[str, Any] = field(default_factory=dict)


def back_up(folder: Path, admin_url: str, buckets: list[Bucket], say: Say, programs: Path | None = None) -> int:
    """Write a backup into `folder`. Returns how many objects it holds.

    `programs`: where pg_dump lies, if not on PATH.

    Raises:
        BackupError: the database or the storage did not answer; what stood in the folder stands.

    """
    (folder / "objects").mkdir(parents=True, exist_ok=True)
    fresh = folder / f"{DUMP}.new"
    say("dumping the database")
    _run(programs, "pg_dump", admin_url, ["--format=custom", "--compress=3", f"--file={fresh}"])
    before = {(one.bucket, one.key, one.etag): one for one in _inventory(folder)}
    kept: list[Kept] = []
    for bucket in buckets:
        say(f"copying {bucket.name}")
        copy = partial(_copy, folder, bucket, before)
        with ThreadPoolExecutor(THREADS) as threads:
            kept += [one for one in threads.map(copy, _listed(bucket)) if one is not None]
    lines = "".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in kept)
    (folder / f"{INVENTORY}.new").write_text(lines, encoding="utf-8")
    (folder / f"{INVENTORY}.new").replace(folder / INVENTORY)
    fresh.replace(folder / DUMP)
    facts = {"made_at": datetime.now(UTC).isoformat(timespec="seconds"), "objects": len(kept)}
    (folder / FACTS).write_text(json.dumps(facts), encoding="utf-8")
    return len(kept)


def restore(folder: Path, admin_url: str, buckets: list[Bucket], say: Say, programs: Path | None = None) -> int:
    """Put a backup back: the database as a whole, then every object that is not there or is another. Returns how many were put.

    Roles and schemas must exist (`depesha migrate`); nothing else may be running.

    Raises:
        BackupError: the folder is no whole backup, or an engine does not answer; nothing is half restored in the database.

    """
    inventory = list(_inventory(folder))
    if not (folder / FACTS).exists() or not (folder / DUMP).exists():
        raise BackupError(f"{folder}: no whole backup lies here ({FACTS} or {DUMP} is missing)")
    missing = [one.key for one in inventory if not (folder / "objects" / one.file).exists()]
    if missing:
        raise BackupError(f"{folder}: {len(missing)} objects of the inventory are missing, {missing[0]!r} is the first")
    say("restoring the database")
    _restore_database(folder / DUMP, admin_url, programs)
    say("restoring the objects")
    by_name = {bucket.name: bucket for bucket in buckets}
    with ThreadPoolExecutor(THREADS) as threads:
        return sum(threads.map(lambda one: _put_back(folder, by_name[one.bucket], one), inventory))


def _restore_database(dump: Path, admin_url: str, programs: Path | None) -> None:
    """All in one transaction: our schemas go, those of the dump come. pg_restore's own --clean stumbles over partitions."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        schemas = [name for (name,) in connection.execute(OUR_SCHEMAS).fetchall()]
    with TemporaryDirectory() as scratch:
        drops, script = Path(scratch) / "drops.sql", Path(scratch) / "dump.sql"
        drops.write_text("".join(f'DROP SCHEMA "{name}" CASCADE;\n' for name in schemas), encoding="utf-8")
        _run(programs, "pg_restore", None, [f"--file={script}", str(dump)])
        words = ["--quiet", "--no-psqlrc", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
        _run(programs, "psql", admin_url, [*words, f"--file={drops}", f"--file={script}"])


def _run(programs: Path | None, program: str, admin_url: str | None, words: list[str]) -> None:
    found = str(programs / program) if programs else shutil.which(program)
    if not found:
        raise BackupError(f"{program} is not on PATH: install PostgreSQL's client programs")
    environment = dict(os.environ)
    if admin_url:
        target = {name: str(value) for name, value in conninfo_to_dict(admin_url).items()}
        environment["PGPASSWORD"] = target.pop("password", "")  # not among the arguments, which all may read
        words = ["--dbname=" + " ".join(f"{name}={value}" for name, value in target.items()), *words]
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own programs
        [found, *words], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BackupError(f"{program}: {done.stderr.strip()[-1000:]}")


def _listed(bucket: Bucket) -> Iterator[tuple[str, str]]:
    """(key, ETag) of each object."""
    for page in bucket.client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name):
        for item in page.get("Contents", []):
            yield item["Key"], item["ETag"]


def _copy(
    folder: Path, bucket: Bucket, before: dict[tuple[str, str, str], Kept], listed: tuple[str, str]
) -> Kept | None:
    key, etag = listed
    known = before.get((bucket.name, key, etag))
    if known is not None and (folder / "objects" / known.file).exists():
        return known
    try:
        answer = bucket.client.get_object(Bucket=bucket.name, Key=key)
    except bucket.client.exceptions.NoSuchKey:
        return None  # deleted since the listing: nothing that the dump needs
    body = answer["Body"].read()
    name = hashlib.sha256(body).hexdigest()
    file = folder / "objects" / name[:2] / name
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        fresh = file.with_name(f"{name}.{os.getpid()}.{abs(hash(key))}")
        fresh.write_bytes(body)
        fresh.replace(file)
    headers: dict[str, Any] = {header: answer[header] for header in KEPT_HEADERS if answer.get(header)}
    if answer.get("Metadata"):
        headers["Metadata"] = answer["Metadata"]
    return Kept(bucket.name, key, answer["ETag"], len(body), f"{name[:2]}/{name}", headers)


def _put_back(folder: Path, bucket: Bucket, one: Kept) -> int:
    if bucket.exists(one.key) and bucket.head(one.key)["ETag"] == one.etag:
        return 0
    body = (folder / "objects" / one.file).read_bytes()
    if hashlib.sha256(body).hexdigest() != Path(one.file).name:
        raise BackupError(f"{one.file}: the bytes of {one.bucket}/{one.key} are damaged")
    bucket.client.put_object(Bucket=bucket.name, Key=one.key, Body=body, **one.headers)
    return 1


def _inventory(folder: Path) -> Iterator[Kept]:
    file = folder / INVENTORY
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        yield Kept(**json.loads(line))


HASHED: Final = re.compile(r"^(?:raw|originals|media)/[0-9a-f]{2}/([0-9a-f]{32})(?:/|$)")
"""Keys that hold their content's hash; pages and feeds have keys of their own and are never orphans."""
