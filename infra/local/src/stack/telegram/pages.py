"""The public pages of a channel, in the markup that t.me serves: twenty posts a page, and a post alone for embedding."""

import html
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from stack.telegram.channel import Channel, path_of

PAGE_POSTS = 20
TAGS = {
    "bold": "b",
    "italic": "i",
    "underline": "u",
    "strikethrough": "s",
    "code": "code",
    "pre": "pre",
    "spoiler": "tg-spoiler",
    "blockquote": "blockquote",
    "expandable_blockquote": "blockquote",
}

Message = Mapping[str, Any]


def channel_page(channel: Channel, root: str, before: int | None) -> str:
    """t.me/s/CHANNEL, or its page of posts before a number. `root` is where the photos are served."""
    posts = [post for post in posts_of(channel) if before is None or int(post[0]["message_id"]) < before]
    posts = [post for post in posts if not channel.hidden & set(_ids(post))]
    shown = "".join(f"\n{_wrapped(channel, post, root)}" for post in posts[-PAGE_POSTS:])
    title = html.escape(channel.title)
    return f"""<!DOCTYPE html>
<html class="">
  <head>
    <meta charset="utf-8">
    <title>{title} – Telegram</title>
    <meta property="og:title" content="{title}">
    <meta property="og:image" content="{root}/avatar.jpg">
  </head>
  <body class="widget_frame_base tgme_webpreview emoji_image no_transition">
    <header class="tgme_header search_collapsed"><div class="tgme_channel_info_header_title"><span dir="auto">{title}</span></div></header>
    <main class="tgme_main" data-url="/{channel.username}"><div class="tgme_container">
      <section class="tgme_channel_history js-message_history">{shown}
      </section></div></main>
    <script src="//telegram.org/js/telegram-web.js?14"></script>
  </body>
</html>"""


def post_page(channel: Channel | None, message_id: int, root: str) -> str:
    """t.me/CHANNEL/ID?embed=1&mode=tme."""
    found = [post for post in posts_of(channel) if message_id in _ids(post)] if channel else []
    inner = (
        _post(channel, found[0], root)
        if channel and found
        else '<div class="tgme_widget_message_error">Post not found</div>'
    )
    return f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>Telegram Widget</title></head><body class="widget_frame_base">{inner}</body></html>'


def posts_of(channel: Channel) -> list[list[Message]]:
    """Messages by post: those of an album together."""
    messages = sorted(channel.messages.values(), key=lambda message: int(message["message_id"]))
    parted = groupby(messages, key=lambda message: message.get("media_group_id") or message["message_id"])
    return [list(group) for _, group in parted]


def _ids(post: Sequence[Message]) -> list[int]:
    return [int(message["message_id"]) for message in post]


def _wrapped(channel: Channel, post: Sequence[Message], root: str) -> str:
    return f'<div class="tgme_widget_message_wrap js-widget_message_wrap">{_post(channel, post, root)}</div>'


def _post(channel: Channel, post: Sequence[Message], root: str) -> str:
    first = post[0]
    name = f"{channel.username}/{first['message_id']}"
    worded = next((message for message in post if message.get("text") or message.get("caption")), first)
    edited = "edited &nbsp;" if any("edit_date" in message for message in post) else ""
    when = datetime.fromtimestamp(int(first["date"]), UTC)
    return f"""<div class="tgme_widget_message text_not_supported_wrap js-widget_message" data-post="{name}" data-view="{_token(name)}">
  <div class="tgme_widget_message_user"><a href="https://t.me/{channel.username}"><i class="tgme_widget_message_user_photo bgcolor4" data-content="Е"></i></a></div>
  <div class="tgme_widget_message_bubble">
    <div class="tgme_widget_message_author accent_color"><a class="tgme_widget_message_owner_name" href="https://t.me/{channel.username}"><span dir="auto">{html.escape(channel.title)}</span></a></div>
    {_forwarded(first)}{_media(channel, post, root)}{_words(worded)}
    <div class="tgme_widget_message_footer compact js-message_footer"><div class="tgme_widget_message_info short js-message_info">
      <span class="tgme_widget_message_views">{len(name)}.1K</span><span class="copyonly"> views</span><span class="tgme_widget_message_meta">{edited}<a class="tgme_widget_message_date" href="https://t.me/{name}"><time datetime="{when.isoformat()}" class="time">{when:%H:%M}</time></a></span>
    </div></div>
  </div>
</div>"""


def _token(name: str) -> str:
    """Changes with each load, as the real one does."""
    _token.loads = getattr(_token, "loads", 0) + 1  # type: ignore[attr-defined]
    return f"{name.encode().hex()}{_token.loads}"  # type: ignore[attr-defined]


def _forwarded(message: Message) -> str:
    origin = message.get("forward_origin")
    if not origin:
        return ""
    chat = origin["chat"]
    return (
        f'<div class="tgme_widget_message_forwarded_from accent_color">Forwarded from <a class="tgme_widget_message_forwarded_from_name" '
        f'href="https://t.me/{chat["username"]}/{origin["message_id"]}"><span dir="auto">{html.escape(chat["title"])}</span></a></div>'
    )


def _media(channel: Channel, post: Sequence[Message], root: str) -> str:
    photos = [message for message in post if "photo" in message]
    if len(photos) > 1:
        inner = "".join(_photo(channel, message, root, "?single", "grouped_media_wrap blured ") for message in photos)
        return f'<div class="tgme_widget_message_grouped_wrap js-message_grouped_wrap" data-margin-w="2"><div class="tgme_widget_message_grouped js-message_grouped"><div class="tgme_widget_message_grouped_layer js-message_grouped_layer">{inner}</div></div></div>'
    return "".join(_photo(channel, message, root, "", "") for message in photos) + "".join(_film(channel, post))


def _photo(channel: Channel, message: Message, root: str, query: str, classes: str) -> str:
    path = path_of(channel.telegram, message["photo"][-1]["file_id"])
    address = f"https://t.me/{channel.username}/{message['message_id']}{query}"
    return f'<a class="tgme_widget_message_photo_wrap {classes}js-message_photo" style="width:800px;background-image:url(\'{root}/cdn/{path}\')" href="{address}"><div class="tgme_widget_message_photo" style="padding-top:75%"></div></a>'


def _film(channel: Channel, post: Sequence[Message]) -> Iterator[str]:
    for message in post:
        if "video" in message:
            yield f'<a class="tgme_widget_message_video_player js-message_video_player" href="https://t.me/{channel.username}/{message["message_id"]}"><i class="tgme_widget_message_video_thumb" style="background-image:url(\'https://cdn.example/v.jpg\')"></i></a>'


def _words(message: Message) -> str:
    text = message.get("text") or message.get("caption") or ""
    entities = message.get("entities") or message.get("caption_entities") or []
    return (
        f'<div class="tgme_widget_message_text js-message_text" dir="auto">{_marked(text, entities)}</div>'
        if text
        else ""
    )


def _marked(text: str, entities: Sequence[Mapping[str, Any]]) -> str:
    """Words as the page shows them. Entities count in UTF-16 units and nest, as Telegram keeps them."""
    units = text.encode("utf-16-le")

    def cut(start: int, end: int) -> str:
        return html.escape(units[start * 2 : end * 2].decode("utf-16-le")).replace("\n", "<br/>")

    def between(start: int, end: int, inside: Sequence[Mapping[str, Any]]) -> str:
        out, at = [], start
        for place, entity in enumerate(inside):
            first, last = int(entity["offset"]), int(entity["offset"]) + int(entity["length"])
            if first < at:
                continue
            nested = [other for other in inside[place + 1 :] if int(other["offset"]) < last]
            out += [cut(at, first), _dressed(entity, between(first, last, nested), cut(first, last))]
            at = last
        return "".join([*out, cut(at, end)])

    order = sorted(entities, key=lambda entity: (int(entity["offset"]), -int(entity["length"])))
    return between(0, len(units) // 2, order)


def _dressed(entity: Mapping[str, Any], inner: str, plain: str) -> str:
    kind = entity["type"]
    if kind == "custom_emoji":
        return f'<tg-emoji emoji-id="{entity["custom_emoji_id"]}"><i class="emoji" style="background-image:url(\'//telegram.org/img/emoji/40/F09F.png\')"><b>{inner}</b></i></tg-emoji>'
    if address := _address(entity, plain):
        outside = "" if kind == "hashtag" else ' target="_blank" rel="noopener"'
        asked = " onclick=\"return confirm('Open this link?');\"" if kind == "text_link" else ""
        return f'<a href="{address}"{outside}{asked}>{inner}</a>'
    return f"<{TAGS[kind]}>{inner}</{TAGS[kind]}>" if kind in TAGS else inner


def _address(entity: Mapping[str, Any], plain: str) -> str:
    match entity["type"]:
        case "text_link":
            return html.escape(entity["url"])
        case "url":
            return plain if "://" in plain else f"http://{plain}"
        case "mention":
            return f"https://t.me/{plain.removeprefix('@')}"
        case "hashtag":
            return f"?q=%23{plain.removeprefix('#')}"
    return ""
