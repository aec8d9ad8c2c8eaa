"""Channel posts as the Telegram Bot API sends them: the messages of one post (an album has up to ten) become one item.

Source: core.telegram.org/bots/api, objects Update, Message, MessageEntity, PhotoSize, Document, MessageOrigin.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ingestion.domain.items import Item, Part, Trouble, attempt
from ingestion.domain.posts import Post, read_post
from ingestion.domain.spans import MarkedText, from_utf16
from ingestion.domain.story_form import EmbedForm, ImageForm, ImagePlaceForm, StoryForm

MOST_FILE_BYTES = 20 * 1000 * 1000
"""What getFile gives a bot."""
POST_UPDATES = ("channel_post", "edited_channel_post")
KINDS = {
    "bold": "b",
    "italic": "i",
    "underline": "u",
    "strikethrough": "s",
    "code": "code",
    "pre": "pre",
    "blockquote": "quote",
    "expandable_blockquote": "quote",
}
OTHER_MEDIA = {
    "video": "Видео",
    "animation": "Анимация",
    "audio": "Аудио",
    "voice": "Голосовое сообщение",
    "video_note": "Видеосообщение",
    "poll": "Опрос",
    "location": "Карта",
    "venue": "Карта",
}

Message = Mapping[str, Any]


@dataclass(frozen=True)
class Channel:
    """A channel as credits name it."""

    title: str
    username: str
    chat_id: int = 0

    @property
    def url(self) -> str:
        return f"https://t.me/{self.username}" if self.username else f"https://t.me/c/{str(self.chat_id)[4:]}"

    def is_own(self, url: str) -> bool:
        """Whether a link leads to the channel, or invites to one."""
        bare = url.lower().partition("://")[2].removeprefix("www.").partition("?")[0].rstrip("/")
        return bare.startswith("t.me/+") or bool(self.username and bare == f"t.me/{self.username.lower()}")

    def credit(self, given: str) -> str:
        """«Фото: …» as editors write it; `given` has the owner's name in the genitive, which no machine should guess."""
        return given or f"telegram-канал «{self.title}»"


def message_of(update: Mapping[str, Any]) -> Message | None:
    """The channel post in an update; None for whatever else a bot is told."""
    for kind in POST_UPDATES:
        if isinstance(message := update.get(kind), dict):
            return message
    return None


def parse(body: bytes, credit: str, external_id: str = "") -> Iterator[Part]:
    """`body`: the updates of one post, a JSON list as they came, each message once.

    `credit`: who its photos are by, e.g. «telegram-канал Евгения Солнцева»; empty: made from the channel's title.
    `external_id`: what the post is known by, where that is not its first message's number.
    """
    try:
        updates = json.loads(body)
        messages = [message for update in updates if (message := message_of(update))]
        messages.sort(key=lambda message: int(message["message_id"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        yield Trouble("post", f"is no list of updates: {type(error).__name__}: {error}")
        return
    if not messages:
        yield Trouble("post", "has no channel_post and no edited_channel_post")
        return
    place = f"post {messages[0]['message_id']}"
    yield attempt(place, lambda: _item(messages, credit, external_id))
    for message in messages:
        yield from _too_large(message)


def _item(messages: Sequence[Message], credit: str, external_id: str) -> Item:
    channel = _channel(messages[0]["chat"])
    worded = next((message for message in messages if _text(message)), messages[0])
    post = read_post(marked_text(worded), channel.is_own) or Post("")
    owner = _origin(worded) or channel
    images = [
        _image(message, owner, post, "" if owner is not channel else credit, is_worded=message is worded)
        for message in messages
        if _photo(message)
    ]
    form = StoryForm(
        external_id=external_id or str(messages[0]["message_id"]),
        headline=post.headline or f"{channel.title or channel.username}: фото без подписи",
        lede=post.lede,
        body=[
            *post.body,
            *(ImagePlaceForm(kind="image", image=place) for place in range(1, len(images))),
            *_embeds(messages, channel),
        ],
        images=images,
        tags=list(post.tags)[:50],
        authors=_authors(worded),
        canonical_url=_post_url(messages[0], channel),
        published_at=datetime.fromtimestamp(int(messages[0]["date"]), UTC),
    )
    return Item(form)


def _channel(chat: Mapping[str, Any]) -> Channel:
    return Channel(str(chat.get("title") or ""), str(chat.get("username") or ""), int(chat.get("id") or 0))


def _origin(message: Message) -> Channel | None:
    """The channel that a forwarded post was first published in: its photos are that channel's."""
    origin = message.get("forward_origin") or {}
    return _channel(origin["chat"]) if origin.get("type") == "channel" and origin.get("chat") else None


def _text(message: Message) -> str:
    return str(message.get("text") or message.get("caption") or "").strip()


def marked_text(message: Message) -> MarkedText:
    """A message's words with their marks."""
    field = "text" if message.get("text") else "caption"
    text = str(message.get(field) or "")
    entities = message.get("entities" if field == "text" else "caption_entities") or []
    units = text.encode("utf-16-le", "surrogatepass")
    spans = []
    for entity in entities:
        offset, length = int(entity["offset"]), int(entity["length"])
        shown = units[max(offset, 0) * 2 : max(offset + length, 0) * 2].decode("utf-16-le", "replace")
        kind, url = _kind(entity, shown)
        spans.append((offset, length, kind, url))
    return from_utf16(text, spans)


def _kind(entity: Mapping[str, Any], shown: str) -> tuple[str, str]:
    kind = str(entity["type"])
    match kind:
        case "text_link":
            return "a", str(entity.get("url") or "")
        case "url":
            return "a", shown if "://" in shown else f"https://{shown}"
        case "mention":
            return "a", f"https://t.me/{shown.removeprefix('@')}"
        case "email":
            return "a", f"mailto:{shown}"
        case "phone_number":
            return "a", "tel:" + "".join(sign for sign in shown if sign.isdigit() or sign == "+")
    return KINDS.get(kind, kind), ""


def _photo(message: Message) -> str:
    """The file_id of the largest photo that getFile gives; an image sent as a file is the camera's own."""
    if document := _image_document(message):
        return str(document["file_id"]) if int(document.get("file_size") or 0) <= MOST_FILE_BYTES else ""
    sizes = [size for size in message.get("photo") or [] if int(size.get("file_size") or 0) <= MOST_FILE_BYTES]
    return str(max(sizes, key=lambda size: int(size["width"]) * int(size["height"]))["file_id"]) if sizes else ""


def _image_document(message: Message) -> Mapping[str, Any] | None:
    document = message.get("document") or {}
    return document if str(document.get("mime_type") or "").startswith("image/") else None


def _too_large(message: Message) -> Iterator[Trouble]:
    document = _image_document(message)
    if document and int(document.get("file_size") or 0) > MOST_FILE_BYTES:
        size = int(document["file_size"])
        yield Trouble(
            f"post {message['message_id']}: {document.get('file_name') or 'photo'}",
            f"has {size} bytes; Telegram gives bots files of {MOST_FILE_BYTES} at most. Ask the source for it by another way",
        )


def _image(message: Message, owner: Channel, post: Post, credit: str, *, is_worded: bool) -> ImageForm:
    """The post's words are the story's; another message's words are the photo's own caption."""
    caption = "" if is_worded else " ".join(marked_text(message).text.split())
    own = post.credit
    has_own = "фото:" in caption.lower()
    return ImageForm(
        file=_photo(message),
        caption=caption[:4_000],
        credit="" if has_own else (own.credit or owner.credit(credit))[:2_000],
        credit_url="" if has_own else own.credit_url if own.credit else owner.url,
    )


def _embeds(messages: Sequence[Message], channel: Channel) -> Iterator[EmbedForm]:
    """What is no photo is shown where it lies: a film, a map, a document."""
    for message in messages:
        for kind, title in OTHER_MEDIA.items():
            if kind in message:
                yield EmbedForm(kind="embed", url=_post_url(message, channel), title=title)
                break
        else:
            if "document" in message and not _image_document(message):
                title = str(message["document"].get("file_name") or "Документ")
                yield EmbedForm(kind="embed", url=_post_url(message, channel), title=title[:2_000])


def _post_url(message: Message, channel: Channel) -> str:
    return f"{channel.url}/{message['message_id']}"


def _authors(message: Message) -> list[str]:
    signature = str(message.get("author_signature") or "").strip()
    return [signature[:2_000]] if signature else []
