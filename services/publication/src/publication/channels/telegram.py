"""Telegram channels through the Bot API: a photo or an album with a caption, edited on correction, deleted on kill.

The Bot API has no idempotency key, and a bot cannot read what stands in a channel: where Telegram took a post and its answer was
lost, the next attempt posts it again. Edits and deletions are harmless to repeat.

Source: Telegram Bot API 9: sendMessage (4,096 signs), sendPhoto (caption 1,024 signs after parsing), sendMediaGroup (2 to 10 photos).
"""

from html import escape
from typing import Any

from publication.channels.base import ChannelRefused, Talk, Telling, Told

MAX_TEXT, MAX_CAPTION, MAX_ALBUM = 4_096, 1_024, 10


class Telegram:
    def __init__(self, base_url: str, token: str, chat: str) -> None:
        self._talk = Talk(base_url)
        self._token = token
        self._chat = chat

    def show(self, telling: Telling, reference: dict[str, Any] | None) -> Told:
        return self._edit(telling, reference) if reference else self._post(telling)

    def hide(self, telling: Telling, reference: dict[str, Any]) -> Told:
        """Messages that are gone already count as deleted."""
        del telling
        self._call("deleteMessages", {"message_ids": reference["messages"]}, is_gone_fine=True)
        return Told(reference)

    def _post(self, telling: Telling) -> Told:
        photos = [one.src for one in telling.pictures[:MAX_ALBUM]]
        if not photos:
            sent = [self._call("sendMessage", {"text": compose(telling, MAX_TEXT), "parse_mode": "HTML"})]
            kind = "text"
        elif len(photos) == 1:
            words = {"caption": compose(telling, MAX_CAPTION), "parse_mode": "HTML"}
            sent, kind = [self._call("sendPhoto", {"photo": photos[0], **words})], "caption"
        else:
            words = {"caption": compose(telling, MAX_CAPTION), "parse_mode": "HTML"}
            media = [
                {"type": "photo", "media": one, **(words if place == 0 else {})} for place, one in enumerate(photos)
            ]
            sent, kind = list(self._call("sendMediaGroup", {"media": media})), "caption"
        ids = [message["message_id"] for message in sent]
        return Told({"messages": ids, "kind": kind}, self._url(ids[0]))

    def _edit(self, telling: Telling, reference: dict[str, Any]) -> Told:
        first = {"message_id": reference["messages"][0], "parse_mode": "HTML"}
        if reference["kind"] == "text":
            self._call("editMessageText", {**first, "text": compose(telling, MAX_TEXT)}, is_same_fine=True)
        else:
            self._call("editMessageCaption", {**first, "caption": compose(telling, MAX_CAPTION)}, is_same_fine=True)
        return Told(reference, self._url(reference["messages"][0]))

    def _url(self, message_id: int) -> str:
        return f"https://t.me/{self._chat.removeprefix('@')}/{message_id}" if self._chat.startswith("@") else ""

    def _call(
        self, method: str, body: dict[str, Any], *, is_same_fine: bool = False, is_gone_fine: bool = False
    ) -> Any:  # noqa: ANN401 - each method answers its own
        _, answer, _ = self._talk.call("POST", f"/bot{self._token}/{method}", body={"chat_id": self._chat, **body})
        if answer.get("ok"):
            return answer.get("result")
        why = str(answer.get("description", "no reason given"))
        if (is_same_fine and "is not modified" in why) or (is_gone_fine and "not found" in why):
            return None
        raise ChannelRefused(f"Telegram {method}: {why}")


def compose(telling: Telling, limit: int) -> str:
    """Headline in bold, lede, link; the lede is cut so that the text seen has at most `limit` UTF-16 units."""
    room = limit - units(telling.headline) - units(telling.url) - 6
    headline = cut(telling.headline, limit - units(telling.url) - 6)
    parts = [f"<b>{escape(headline, quote=False)}</b>"]
    if telling.lede and room > 20:
        parts.append(escape(cut(telling.lede, room), quote=False))
    parts.append(f'<a href="{escape(telling.url)}">{escape(telling.url, quote=False)}</a>')
    return "\n\n".join(parts)


def units(text: str) -> int:
    """Telegram counts UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


def cut(text: str, limit: int) -> str:
    """At most `limit` units, whole words, with an ellipsis where something is left out."""
    if units(text) <= limit:
        return text
    kept = text.encode("utf-16-le")[: max(limit - 1, 0) * 2].decode("utf-16-le", "ignore")
    is_mid_word = not text[len(kept)].isspace()
    whole = kept.rsplit(None, 1)[0] if is_mid_word and " " in kept else kept
    return whole.rstrip(" ,.;:—-") + "…"
