"""Where a story is told besides our own pages: Telegram, MAX, VK, IndexNow, WebSub, the CDN. Each is a plug-in of one small class."""

from publication.channels.base import Channel, ChannelRefused, ChannelUnavailable, Telling, Told

__all__ = ["Channel", "ChannelRefused", "ChannelUnavailable", "Telling", "Told"]
