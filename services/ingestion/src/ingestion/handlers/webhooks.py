"""What messengers tell at our doors: who may tell, and which source a post belongs to."""

import hmac
import json
from typing import Any

import psycopg

from chassis.database import Database
from chassis.errors import Refusal
from chassis.vault import Vault
from ingestion.domain import max_messages, telegram
from ingestion.handlers.gathering import note_message
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
    update = _as_object(body)
    message = telegram.message_of(update)
    if message is None:
        return False
    try:
        told = _told(update, message, body)
        chat = message["chat"]
        names = [str(chat.get("username") or "").lower(), str(chat["id"])]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NoUpdate(f"channel_post: {type(error).__name__}: {error}") from None
    with database.connection() as connection:
        source_id = _source_of(names, home, connection)
        if source_id is None:
            shown = f"@{names[0]}" if names[0] else names[1]
            reason = "a post came from a channel that no source names; add a source for it, or take the bot out of it"
            Troubles(connection).note(home.source_id, f"channel {shown}"[:300], reason, None)
            return False
    return note_message(source_id, told, is_album="media_group_id" in message, database=database)


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
    settings = home.settings
    if isinstance(settings, TelegramSettings) and settings.channel.lower() in names:
        return home.source_id
    return Sources(connection).of_channel("telegram", [name for name in names if name])
