"""MAX channels through its Bot API: POST, PUT and DELETE /messages. Source: "MAX Bot API", messages (text at most 4,000 signs)."""

from typing import Any

from publication.channels.base import ChannelRefused, Talk, Telling, Told
from publication.channels.telegram import compose

MAX_TEXT = 4_000
GONE = (404, 410)


class MaxMessenger:
    def __init__(self, base_url: str, token: str, chat: str) -> None:
        self._talk = Talk(base_url)
        self._headers = {"Authorization": token}
        self._chat = chat

    def show(self, telling: Telling, reference: dict[str, Any] | None) -> Told:
        photos = [{"type": "image", "payload": {"url": one.src}} for one in telling.pictures[:10]]
        body = {"text": compose(telling, MAX_TEXT), "format": "html", "attachments": photos}
        if reference:
            self._call("PUT", f"/messages?message_id={reference['message']}", body)
            return Told(reference, str(reference.get("url", "")))
        answer = self._call("POST", f"/messages?chat_id={self._chat}", body)
        message = answer.get("message", {})
        url = str(message.get("url") or "")
        return Told({"message": message["body"]["mid"], "url": url}, url)

    def hide(self, telling: Telling, reference: dict[str, Any]) -> Told:
        del telling
        self._call("DELETE", f"/messages?message_id={reference['message']}", None)
        return Told(reference)

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        status, answer, _ = self._talk.call(method, path, body=body, headers=self._headers)
        if status >= 400 and not (method == "DELETE" and status in GONE):
            raise ChannelRefused(f"MAX {method}: {answer.get('message', status)}")
        return answer
