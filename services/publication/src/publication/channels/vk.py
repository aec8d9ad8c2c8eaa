"""A VK community's wall: wall.post, wall.edit, wall.delete. Source: "VK API", version 5.199."""

from typing import Any

from publication.channels.base import ChannelRefused, ChannelUnavailable, Talk, Telling, Told
from publication.channels.telegram import cut

VERSION = "5.199"
MAX_TEXT = 16_000
TOO_OFTEN, INTERNAL, ALREADY_DELETED = (6, 9, 29), 10, (104, 15)


class Vk:
    def __init__(self, base_url: str, token: str, owner: str) -> None:
        self._talk = Talk(base_url)
        self._token = token
        self._owner = owner

    def show(self, telling: Telling, reference: dict[str, Any] | None) -> Told:
        text = cut(f"{telling.headline}\n\n{telling.lede}".strip(), MAX_TEXT)
        fields = {"message": text, "attachments": telling.url}
        if reference:
            self._call("wall.edit", {**fields, "post_id": str(reference["post"])})
            return Told(reference, self._url(reference["post"]))
        guid = f"{telling.story_id}"  # VK answers a repeated guid with the first post's id
        post = self._call("wall.post", {**fields, "from_group": "1", "guid": guid})["post_id"]
        return Told({"post": post}, self._url(post))

    def hide(self, telling: Telling, reference: dict[str, Any]) -> Told:
        del telling
        self._call("wall.delete", {"post_id": str(reference["post"])}, fine=ALREADY_DELETED)
        return Told(reference)

    def _url(self, post: int) -> str:
        return f"https://vk.com/wall{self._owner}_{post}"

    def _call(self, method: str, fields: dict[str, str], fine: tuple[int, ...] = ()) -> dict[str, Any]:
        every = {"owner_id": self._owner, "access_token": self._token, "v": VERSION, **fields}
        _, answer, _ = self._talk.call("POST", f"/method/{method}", fields=every)
        error = answer.get("error")
        if not error:
            result = answer.get("response", {})
            return result if isinstance(result, dict) else {}
        code, why = int(error.get("error_code", 0)), str(error.get("error_msg", ""))
        if code in fine:
            return {}
        if code in TOO_OFTEN or code == INTERNAL:
            raise ChannelUnavailable(f"VK {method}: {why}")
        raise ChannelRefused(f"VK {method}: {why} ({code})")
