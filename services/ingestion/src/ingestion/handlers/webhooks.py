"""What messengers tell at our doors, or when asked: who may tell, and which source a post belongs to."""

import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from chassis.database import Database
from chassis.errors import Refusal
from chassis.vault import Vault
from ingestion.domain import max_messages, telegram
from ingestion.domain.items import Raw, Updates
from ingestion.handlers.gathering import note_message
from ingestion.handlers.intake import Intake, archive
from ingestion.handlers.opened import OpenSource, open_source
from ingestion.sources.telegram import TelegramSettings
from ingestion.store.items import Troubles
from ingestion.store.posts import Told
from ingestion.store.sources import Sources

NO_SECRET = "-" * 32


class WrongSecret(Refusal):
    """Whoever knocks is not the messenger; or there is no such source, which strangers need not know."""

    status = 401
    title = "This door wants the source's secret"
    slug = "wrong-webhook-secret"


class NoUpdate(Refusal):
    """The body is none of the messenger's updates."""

    status = 400
    title = "This is no update"
    slug = "no-update"


def check_secret(source_id: str, kind: str, given: str, database: Database, vault: Vault) -> OpenSource:
    """The source whose secret was given; compared in constant time, and also where there is no such source.

    Raises:
        WrongSecret: the secret is another one, or there is no source of this kind.

    """
    with database.connection() as connection:
        row = Sources(connection).get(source_id)
    source = open_source(row, vault) if row is not None and row.kind == kind else None
    wanted = source.settings.webhook_secret.get_secret_value() if source else ""  # type: ignore[attr-defined]
    is_right = hmac.compare_digest(given.encode(), (wanted or NO_SECRET).encode())
    if source is None or not wanted or not is_right:
        raise WrongSecret(f"source {source_id!r}: the secret does not open this door")
    return source


def tell_telegram(body: bytes, home: OpenSource, database: Database) -> bool:
    """Note a channel post for the source whose channel it is; whether it tells anything new.

    One bot may serve several channels, all told at `home`. Anybody may make our bot an administrator of a channel of theirs:
    what no source names does not come in, and is told of at `home`.

    Raises:
        NoUpdate: the body is none.

    """
    post = _read_post(body)
    if post is None:
        return False
    with database.connection() as connection:
        source_id = _source_of(post.names, home, connection)
        if source_id is None:
            shown = f"@{post.names[0]}" if post.names[0] else post.names[1]
            reason = "a post came from a channel that no source names; add a source for it, or take the bot out of it"
            Troubles(connection).note(home.source_id, f"channel {shown}"[:300], reason, None)
            return False
    return note_message(source_id, post.told, is_album=post.is_album, database=database)


def take_updates(updates: Updates, home: OpenSource, intake: Intake) -> int:
    """Note what a messenger told when it was asked. One that cannot be read is kept and told of; how many are such."""
    troubles = 0
    for body in updates.bodies:
        try:
            tell_telegram(body, home, intake.database)
        except NoUpdate as refusal:
            troubles += 1
            kept = archive(Raw(body, "application/json"), home.source_id, intake)
            with intake.database.connection() as connection:
                Troubles(connection).note(home.source_id, "update", refusal.detail[:1_000], kept.raw_id)
    return troubles


def posts_among(updates: Updates, home: OpenSource) -> Iterator[Raw]:
    """What would be put together of them for the source's own channel, an original a post."""
    posts: dict[str, dict[str, bytes]] = {}
    for body in updates.bodies:
        post = _read_post(body)
        if post and _is_own(post.names, home):
            posts.setdefault(post.told.post_key, {})[post.told.message_id] = body
    for messages in posts.values():
        yield Raw(b"[" + b",".join(messages.values()) + b"]", "application/json")


def tell_max(body: bytes, source: OpenSource, database: Database) -> bool:
    """Note a message, its edit or its deletion; whether it tells anything new. Updates of other kinds and chats are nothing.

    Raises:
        NoUpdate: the body is none.

    """
    update = _as_object(body)
    try:
        message_id = max_messages.message_id_of(update)
        if not message_id or max_messages.chat_id_of(update) != source.settings.chat_id:  # type: ignore[attr-defined]
            return False
        told = Told(message_id[:200], message_id[:200], int(update["timestamp"]), 0, body)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NoUpdate(f"{update.get('update_type')}: {type(error).__name__}: {error}") from None
    return note_message(source.source_id, told, is_album=False, database=database)


@dataclass(frozen=True)
class _ChannelPost:
    """`names`: the channel's @name in small letters, or "", and its number."""

    names: list[str]
    told: Told
    is_album: bool


def _read_post(body: bytes) -> _ChannelPost | None:
    """None where the update tells of something else. Raises NoUpdate."""
    update = _as_object(body)
    message = telegram.message_of(update)
    if message is None:
        return None
    try:
        chat = message["chat"]
        names = [str(chat.get("username") or "").lower(), str(chat["id"])]
        return _ChannelPost(names, _told(update, message, body), "media_group_id" in message)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NoUpdate(f"channel_post: {type(error).__name__}: {error}") from None


def _as_object(body: bytes) -> dict[str, Any]:
    try:
        update = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoUpdate(f"the body is no JSON: {error}") from None
    if not isinstance(update, dict):
        raise NoUpdate("the body is no JSON object")
    return update


def _told(update: dict[str, Any], message: telegram.Message, body: bytes) -> Told:
    message_id = int(message["message_id"])
    group = message.get("media_group_id")
    return Told(
        message_id=str(message_id),
        post_key=f"album {group}"[:200] if group else str(message_id),
        changed_at=int(message.get("edit_date") or message["date"]),
        update_id=int(update["update_id"]),
        body=body,
    )


def _source_of(names: list[str], home: OpenSource, connection: psycopg.Connection) -> str | None:
    if _is_own(names, home):
        return home.source_id
    return Sources(connection).of_channel("telegram", [name for name in names if name])


def _is_own(names: list[str], home: OpenSource) -> bool:
    return isinstance(home.settings, TelegramSettings) and home.settings.channel.lower() in names
