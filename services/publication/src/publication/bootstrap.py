"""Builds the real things once, from the settings."""

from zoneinfo import ZoneInfo

from chassis.bucket import Bucket
from chassis.database import Database
from publication.domain.page import Site
from publication.handlers import Press
from publication.rendering import Theme
from publication.settings import Settings


def database(settings: Settings) -> Database:
    return Database(settings.database_url, "publication", size=settings.pool_size)


def press(settings: Settings) -> Press:
    site = Site(settings.site_name, settings.base_url, settings.site_language, ZoneInfo(settings.time_zone))
    return Press(site, settings.site_prefix, Theme(site), Bucket.public(settings))
