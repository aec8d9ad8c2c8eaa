"""Builds the real things once, from the settings."""

from chassis.bucket import Bucket
from chassis.database import Database
from chassis.safe_http import SafeClient
from ingestion.handlers.intake import Intake
from ingestion.handlers.visiting import Visitor
from ingestion.settings import Settings
from ingestion.sources import PLUGINS


def database(settings: Settings) -> Database:
    return Database(settings.database_url, "ingestion", size=settings.pool_size)


def intake(settings: Settings) -> Intake:
    photos = SafeClient(
        allowed_networks=settings.networks,
        max_bytes=settings.max_image_bytes,
        total_timeout_s=settings.fetch_timeout_s,
        ca_file=settings.ca_file,
    )
    return Intake(database(settings), Bucket.private(settings), photos)


def originals_client(settings: Settings) -> SafeClient:
    """For feeds and pages."""
    return SafeClient(
        allowed_networks=settings.networks,
        max_bytes=settings.max_original_bytes,
        total_timeout_s=settings.fetch_timeout_s,
        takes_gzip=True,
        ca_file=settings.ca_file,
    )


def visitor(settings: Settings, intake: Intake) -> Visitor:
    """For sources that are looked at."""
    kinds = [plugin.kind for plugin in PLUGINS.values() if not plugin.listens]
    return Visitor(intake, originals_client(settings), settings.vault, kinds, settings.visits_at_once)


def listener(settings: Settings, intake: Intake) -> Visitor:
    """For sources that are listened to for minutes: they must not take the others' places."""
    kinds = [plugin.kind for plugin in PLUGINS.values() if plugin.listens]
    return Visitor(intake, originals_client(settings), settings.vault, kinds, settings.listens_at_once)
