"""Channels without posts: IndexNow and WebSub learn that an address changed, the CDN is asked to forget it.

Sources: IndexNow protocol (POST urlList); WebSub (W3C Recommendation 2018) section 7; Standard Webhooks for the signature of the purge.
"""

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlsplit

from publication.channels.base import ChannelRefused, Talk, Telling, Told


class IndexNow:
    """`key` must be served by the site as `<key>.txt`; publication writes that file."""

    def __init__(self, base_url: str, key: str, site_url: str) -> None:
        self._talk = Talk(base_url)
        self._key = key
        self._site_url = site_url

    def show(self, telling: Telling, reference: dict[str, Any] | None) -> Told:
        del reference
        body = {
            "host": urlsplit(self._site_url).netloc,
            "key": self._key,
            "keyLocation": f"{self._site_url}/{self._key}.txt",
            "urlList": [telling.url],
        }
        status, _, _ = self._talk.call("POST", "", body=body)
        if status >= 400:
            raise ChannelRefused(f"IndexNow: answered {status}")
        return Told({"version": telling.version}, telling.url)

    def hide(self, telling: Telling, reference: dict[str, Any]) -> Told:
        """A page that is gone is a change, too."""
        return self.show(telling, reference)


class WebSub:
    def __init__(self, hub_url: str) -> None:
        self._talk = Talk(hub_url)

    def show(self, telling: Telling, reference: dict[str, Any] | None) -> Told:
        del reference
        for feed_url in telling.feed_urls:
            status, _, _ = self._talk.call("POST", "", fields={"hub.mode": "publish", "hub.url": feed_url})
            if status >= 400:
                raise ChannelRefused(f"WebSub hub: answered {status} for {feed_url}")
        return Told({"version": telling.version})

    def hide(self, telling: Telling, reference: dict[str, Any]) -> Told:
        return self.show(telling, reference)


class CdnPurge:
    """POST {urls} with webhook-id, webhook-timestamp and webhook-signature as Standard Webhooks has them."""

    def __init__(self, url: str, secret: str) -> None:
        self._talk = Talk(url)
        self._secret = base64.b64decode(secret.removeprefix("whsec_"))

    def show(self, telling: Telling, reference: dict[str, Any] | None) -> Told:
        del reference
        payload = json.dumps(
            {"type": "cdn.purge", "data": {"urls": list(telling.all_urls)}}, ensure_ascii=False
        ).encode()
        message_id, timestamp = f"msg_{telling.story_id}_{telling.version}", str(int(time.time()))
        signed = f"{message_id}.{timestamp}.".encode() + payload
        signature = base64.b64encode(hmac.new(self._secret, signed, hashlib.sha256).digest()).decode()
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{signature}",
        }
        status, _, _ = self._talk.call("POST", "", raw=payload, headers=headers)
        if status >= 400:
            raise ChannelRefused(f"the CDN answered {status}")
        return Told({"version": telling.version})

    def hide(self, telling: Telling, reference: dict[str, Any]) -> Told:
        return self.show(telling, reference)
