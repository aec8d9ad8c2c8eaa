"""Builds the real things once, from the settings."""

from chassis.bucket import Bucket
from chassis.database import Database
from chassis.safe_http import SafeClient
from ingestion.settings import Settings


def database(settings: Settings) -> Database:
    return Database(settings.database_url, "ingestion", size=settings.pool_size)


def private_bucket(settings: Settings) -> Bucket:
    return Bucket.private(settings)


def safe_client(settings: Settings) -> SafeClient:
    return SafeClient(
        allowed_networks=settings.networks, max_bytes=settings.max_image_bytes, total_timeout_s=settings.fetch_timeout_s
    )
