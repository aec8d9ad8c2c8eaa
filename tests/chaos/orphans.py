"""S3 objects of photos that no story at the desk names: written by a process that died before its commit, and harmless."""

from collections.abc import Iterable
from typing import Any

from chassis.bucket import Bucket
from chassis.settings import Settings

ORIGINALS, RENDITIONS = "originals/", "media/"


def find_orphans(running: Any, story_ids: Iterable[str]) -> tuple[int, list[str]]:
    """(objects found, those that are orphans), by the house's S3 and the desk's door."""
    found = _stored(running.engines)
    named = {key for story_id in story_ids for key in _named(running.call("desk", "GET", f"/api/stories/{story_id}"))}
    return len(found), sorted(found - named)


def _stored(engines: Any) -> set[str]:
    settings = Settings(
        database_url="postgresql://nobody@127.0.0.1/none",
        s3_endpoint=engines.s3.url,
        s3_access_key=engines.s3.access_key,
        s3_secret_key=engines.s3.secret_key,
    )
    return {*Bucket.private(settings).list(ORIGINALS), *Bucket.public(settings).list(RENDITIONS)}


def _named(story: dict[str, Any]) -> Iterable[str]:
    for image in story["draft"]["images"]:
        if image["original"]:
            yield image["original"]["key"]
    for image in story["images"]:
        for rendition in (image["manifest"] or {}).get("renditions", []):
            yield RENDITIONS + rendition["url"].partition(f"/{RENDITIONS}")[2]
