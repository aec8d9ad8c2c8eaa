"""RSS, Atom, RDF and JSON feeds, asked politely: only for what changed, and not more often than they wish."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field

from chassis.errors import Refusal
from chassis.safe_http import Fetched, FetchFailed
from ingestion.domain.feed_xml import NotAFeedError
from ingestion.domain.feeds import read_feed, ttl_s
from ingestion.domain.items import Part, Raw
from ingestion.sources.plugin import Plugin, SourceSettings, Visit

ACCEPT = "application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5"
GONE = 410


class FeedSettings(SourceSettings):
    url: Annotated[str, Field(max_length=2_000, pattern=r"^https?://", description="the feed's address")]
    first_days: int = Field(
        default=7,
        ge=0,
        le=36_500,
        description="what was published more than so many days before the source was added does not come in",
    )

    def oldest(self, added_at: datetime) -> datetime:
        return added_at - timedelta(days=self.first_days)


class NotAFeed(Refusal):
    """What is at the address is no feed."""

    title = "This is no feed"
    slug = "not-a-feed"


def poll(visit: Visit) -> Iterator[Raw]:
    """The feed, where it changed since the last visit. 410 ends the source; a permanent move is followed from then on."""
    memory = visit.memory
    url = memory.get("moved_to") or visit.settings.url
    asked = {"if-none-match": memory.get("etag", ""), "if-modified-since": memory.get("last_modified", "")}
    try:
        fetched = visit.client.get(url, {"accept": ACCEPT, **{name: value for name, value in asked.items() if value}})
    except FetchFailed as failure:
        memory.pop("moved_to", None)  # the next visit asks at the old address
        if failure.extra.get("answer_status") != GONE:
            raise
        visit.ended = f"{url}: answered 410, the feed is gone for good"
        return
    if fetched.moved_to:
        memory["moved_to"] = fetched.moved_to
    visit.wait_at_least_s = memory.get("ttl_s", 0)
    if fetched.status != 304:
        yield from _news(fetched, visit)


def _news(fetched: Fetched, visit: Visit) -> Iterator[Raw]:
    """The body, unless it is what we had; ETags that change with every answer are common."""
    digest = hashlib.blake2b(fetched.body, digest_size=16).hexdigest()
    is_known = visit.memory.get("hash") == digest
    visit.wait_at_least_s = ttl_s(fetched.body)
    visit.memory.update(
        etag=fetched.headers.get("etag", "")[:1_000],
        last_modified=fetched.headers.get("last-modified", "")[:100],
        hash=digest,
        ttl_s=visit.wait_at_least_s,
    )
    if not is_known:
        kind = fetched.headers.get("content-type", "application/octet-stream")[:200]
        yield Raw(fetched.body, kind, url=fetched.url, note={"at": datetime.now(UTC).isoformat()})


def parse(raw: Raw, _settings: FeedSettings) -> Iterator[Part]:
    """Raises NotAFeed."""
    try:
        yield from read_feed(raw)
    except NotAFeedError as error:
        raise NotAFeed(f"{raw.url}: {error}") from None


PLUGIN = Plugin(
    "feed",
    told_as="feed",
    about="RSS, Atom, RDF or JSON Feed",
    settings=FeedSettings,
    parse=parse,
    poll=poll,
    every_s=300,
)
