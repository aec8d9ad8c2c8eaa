"""Builds the real things once, from the settings."""

from typing import Any

from chassis.bucket import Bucket
from chassis.database import Database
from imaging.decoder import Decoder
from imaging.handlers import Studio
from imaging.settings import Settings


def database(settings: Settings) -> Database:
    return Database(settings.database_url, "imaging", size=settings.pool_size)


def studio(settings: Settings) -> Studio:
    trust: dict[str, Any] = {"credentials": settings.credentials, "trust_anchors": settings.c2pa_trust_anchors}
    quick, background = Decoder(**trust), Decoder(is_background=True, **trust)
    return Studio(Bucket.private(settings), Bucket.public(settings), quick, background)
