"""Builds the real things once, from the settings."""

import gc
from concurrent.futures import ThreadPoolExecutor
from zoneinfo import ZoneInfo

from chassis.bucket import Bucket
from chassis.database import Database
from publication.channels import Channel
from publication.channels.max_messenger import MaxMessenger
from publication.channels.pings import CdnPurge, IndexNow, WebSub
from publication.channels.telegram import Telegram
from publication.channels.vk import Vk
from publication.domain.site import FootnoteRule, Site
from publication.press import Edition, Press, Shelf
from publication.rendering import Theme
from publication.settings import ChannelSettings, Settings, SiteSettings

FULL_COLLECTION_AFTER = 1_000
"""Collections of the middle generation; Python's own is 10."""


def database(settings: Settings) -> Database:
    return Database(settings.database_url, "publication", size=max(settings.pool_size, 8))


def calm_collector() -> None:
    """For a worker: a full garbage collection walks through thousands of stories kept for the lists, while all threads wait.

    Nothing of ours makes cycles; those of libraries are found in the young generations, which are collected as ever.
    """
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, FULL_COLLECTION_AFTER)


def press(settings: Settings) -> Press:
    sites = [site(one, settings) for one in settings.all_sites]
    threads = ThreadPoolExecutor(settings.write_threads, thread_name_prefix="bucket")
    return Press(
        editions=tuple(Edition(one, Theme(one)) for one in sites),
        shelf=Shelf(Bucket.public(settings), threads, compresses=settings.compress),
        channels={one.name: channel(one, sites[0]) for one in settings.channels},
        site_files={
            f"{one.token.get_secret_value()}.txt": one.token.get_secret_value().encode()
            for one in settings.channels
            if one.kind == "indexnow"
        },
    )


def site(given: SiteSettings, settings: Settings) -> Site:
    return Site(
        name=given.name,
        url=given.url,
        language=given.language,
        zone=ZoneInfo(settings.time_zone),
        key=given.key,
        prefix=given.prefix,
        description=given.description,
        theme=given.theme,
        rubrics=given.rubrics,
        license_url=given.license_url,
        footnotes=tuple(FootnoteRule(rule.words, rule.note) for rule in given.footnotes),
    )


def channel(given: ChannelSettings, home: Site) -> Channel:
    token = given.token.get_secret_value()
    match given.kind:
        case "telegram":
            return Telegram(given.url, token, given.chat)
        case "max":
            return MaxMessenger(given.url, token, given.chat)
        case "vk":
            return Vk(given.url, token, given.chat)
        case "indexnow":
            return IndexNow(given.url, token, home.url)
        case "websub":
            return WebSub(given.url)
        case "cdn":
            return CdnPurge(given.url, token)
