"""The kinds of sources, at a glance. A new one is a module here with a PLUGIN, and a line below."""

from typing import Final

from ingestion.sources import agency, feed, folder, link, mail, push, telegram, telegram_preview
from ingestion.sources import max as max_messenger
from ingestion.sources.plugin import Plugin

PLUGINS: Final[dict[str, Plugin]] = {
    plugin.kind: plugin
    for plugin in (
        push.PLUGIN,
        agency.NINJS,
        agency.NEWSML,
        feed.PLUGIN,
        link.PLUGIN,
        telegram.PLUGIN,
        telegram_preview.PLUGIN,
        max_messenger.PLUGIN,
        mail.PLUGIN,
        folder.PLUGIN,
    )
}
