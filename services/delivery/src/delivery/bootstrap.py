"""Builds the real things once, from the settings."""

from chassis.database import Database
from delivery.sender import Sender
from delivery.settings import Settings


def database(settings: Settings) -> Database:
    return Database(settings.database_url, "delivery", size=settings.pool_size)


def sender(settings: Settings) -> Sender:
    return Sender(settings.networks, settings.attempt_timeout_s)
