"""Builds the real things once, from the settings."""

import time

from chassis.database import Database
from delivery.domain.messages import LINK_LIVES_S
from delivery.handlers import LinkMaker
from delivery.sender import Sender
from delivery.settings import Settings


def database(settings: Settings) -> Database:
    return Database(settings.database_url, "delivery", size=settings.pool_size)


def sender(settings: Settings) -> Sender:
    return Sender(settings.networks, settings.attempt_timeout_s, settings.vault)


def links(settings: Settings) -> LinkMaker:
    """message_id -> the address of its whole item, good for 30 days."""
    vault, base = settings.vault, settings.delivery_url.rstrip("/")

    def link(message_id: str) -> str:
        expires = int(time.time()) + LINK_LIVES_S
        return f"{base}/messages/{message_id}/data?expires={expires}&signature={vault.mac(f'{message_id}.{expires}')}"

    return link
