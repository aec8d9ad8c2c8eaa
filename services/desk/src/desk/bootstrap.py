"""Builds the real things once, from the settings."""

from chassis.bucket import Bucket
from chassis.database import Database
from desk.identity import IdentityProvider
from desk.neighbours import Neighbours
from desk.settings import Settings


def database(settings: Settings) -> Database:
    return Database(settings.database_url, "desk", size=max(settings.pool_size, 8))


def private_bucket(settings: Settings) -> Bucket:
    return Bucket.private(settings)


def identity_provider(settings: Settings) -> IdentityProvider | None:
    return IdentityProvider(settings) if settings.oidc_issuer else None


def neighbours(settings: Settings) -> Neighbours:
    return Neighbours(settings)
