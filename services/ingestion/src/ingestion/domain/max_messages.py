"""Channel posts as the Bot API of the messenger MAX sends them: one message is one post, with all its photos.

Source: dev.max.ru/docs-api, objects Update, Message, MessageBody, MarkupElement. Times there are milliseconds; `from` and `length`
of marks are counted in UTF-16 units here, as MAX's own clients do; its document says only «символы».
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ingestion.domain.items import Item, Part, Trouble, Withdrawn, attempt
from ingestion.domain.posts import Post, read_post
from ingestion.domain.spans import MarkedText, from_utf16
from ingestion.domain.story_form import EmbedForm, ImageForm, ImagePlaceForm, StoryForm

MESSAGE_UPDATES = ("message_created", "message_edited")
REMOVED = "message_removed"
KINDS = {
    "strong": "b",
    "heading": "b",
    "emphasized": "i",
    "underline": "u",
    "strikethrough": "s",
    "monospaced": "code",
    "quote": "quote",
    "link": "a",
}
OTHER_MEDIA = {"video": "Видео", "audio": "Аудио", "file": "Документ", "location": "Карта"}

Update = Mapping[str, Any]


@dataclass(frozen=True)
class MaxChannel:
    """A channel as its source's settings name it; MAX's messages bear only its number."""

    chat_id: int
    title: str
    credit: str
    url: str

    @property
    def shown_credit(self) -> str:
        return self.credit or f"канал «{self.title}» в MAX"

    def is_own(self, url: str) -> bool:
        bare = url.lower().partition("://")[2].partition("?")[0].rstrip("/")
        own = self.url.lower().partition("://")[2].rstrip("/")
        return bare.startswith("max.ru/join/") or bool(own and bare == own)


def message_id_of(update: Update) -> str:
    """The message that an update is about; "" for updates of other kinds."""
    kind = update.get("update_type")
    if kind in MESSAGE_UPDATES:
        return str(update["message"]["body"]["mid"])
    return str(update["message_id"]) if kind == REMOVED else ""


def chat_id_of(update: Update) -> int:
    if update.get("update_type") == REMOVED:
        return int(update.get("chat_id") or 0)
    return int(update["message"]["recipient"].get("chat_id") or 0)


def parse(body: bytes, channel: MaxChannel) -> Iterator[Part]:
    """`body`: a page of GET /updates, or a list of updates that came to our webhook. Of a message told twice its last state counts."""
    try:
        given = json.loads(body)
        updates = given["updates"] if isinstance(given, dict) else given
        last = {message_id: update for update in updates if (message_id := message_id_of(update))}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        yield Trouble("updates", f"are no updates of MAX: {type(error).__name__}: {error}")
        return
    for message_id, update in last.items():
        if chat_id_of(update) != channel.chat_id:
            continue
        if update["update_type"] == REMOVED:
            yield Withdrawn(message_id, "the post was deleted in the channel")
        else:
            yield attempt(f"post {message_id}", lambda update=update: _item(update["message"], channel))  # type: ignore[misc]


def _item(message: Mapping[str, Any], channel: MaxChannel) -> Item:
    body = _body(message)
    url = str(message.get("url") or channel.url)
    post = read_post(marked_text(body), channel.is_own) or Post("")
    credit, credit_url = channel.shown_credit, channel.url
    if post.credit.credit:
        credit, credit_url = post.credit.credit, post.credit.credit_url
    attachments = body.get("attachments") or []
    images = [
        ImageForm(url=str(one["payload"]["url"]), credit=credit[:2_000], credit_url=credit_url)
        for one in attachments
        if one.get("type") == "image"
    ]
    form = StoryForm(
        external_id=str(message["body"]["mid"]),
        headline=post.headline or f"{channel.title}: фото без подписи",
        lede=post.lede,
        body=[
            *post.body,
            *(ImagePlaceForm(kind="image", image=place) for place in range(1, len(images))),
            *_embeds(attachments, url),
        ],
        images=images,
        tags=list(post.tags)[:50],
        canonical_url=url,
        published_at=datetime.fromtimestamp(int(message["timestamp"]) / 1000, UTC),
    )
    return Item(form)


def _body(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The words and photos; of a forwarded message those of the first one."""
    body: Mapping[str, Any] = message["body"]
    link = message.get("link") or {}
    if link.get("type") == "forward" and not body.get("text") and not body.get("attachments"):
        return link.get("message") or body
    return body


def marked_text(body: Mapping[str, Any]) -> MarkedText:
    spans = []
    for mark in body.get("markup") or []:
        kind = KINDS.get(str(mark["type"]), str(mark["type"]))
        spans.append((int(mark["from"]), int(mark["length"]), kind, str(mark.get("url") or "")))
    return from_utf16(str(body.get("text") or ""), spans)


def _embeds(attachments: list[Mapping[str, Any]], url: str) -> Iterator[EmbedForm]:
    """What is no photo is shown where it lies; a shared page by its own address."""
    for one in attachments:
        kind = str(one.get("type"))
        if kind in OTHER_MEDIA and url:
            yield EmbedForm(kind="embed", url=url, title=str(one.get("filename") or OTHER_MEDIA[kind])[:2_000])
        elif kind == "share" and (shared := (one.get("payload") or {}).get("url")):
            yield EmbedForm(kind="embed", url=str(shared), title=str(one.get("title") or "")[:2_000])
