"""A source with its plug-in and its settings in clear, as handlers use it."""

import json
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from chassis.errors import NotFound, Refusal
from chassis.vault import Vault
from ingestion.domain.story_form import SourceForm, StoryForm
from ingestion.sources import PLUGINS
from ingestion.sources.plugin import Plugin, SourceSettings
from ingestion.store.sources import SourceRow


class UnknownKind(NotFound):
    """No plug-in for this kind of source."""

    title = "There is no such kind of source"
    slug = "unknown-kind"


class WrongSettings(Refusal):
    """The settings do not fit the kind of source."""

    title = "The source's settings are not valid"
    slug = "wrong-source-settings"


@dataclass(frozen=True)
class OpenSource:
    source_id: str
    name: str
    url: str
    plugin: Plugin
    settings: SourceSettings
    oldest: datetime | None = None
    """What was published before this does not come in, unless we have it already."""

    def sign(self, form: StoryForm) -> StoryForm:
        """The form as this source's. Programs that push name their source themselves."""
        if self.plugin.kind == "push":
            return form
        told = SourceForm(source_id=self.source_id, name=self.name, kind=self.plugin.told_as, url=self.url)
        return form.model_copy(update={"source": told})

    def is_too_old(self, form: StoryForm) -> bool:
        return bool(self.oldest and form.published_at and form.published_at < self.oldest)


def plugin_of(kind: str) -> Plugin:
    """Raises UnknownKind."""
    if kind not in PLUGINS:
        raise UnknownKind(f"kind {kind!r}: there are {', '.join(sorted(PLUGINS))}")
    return PLUGINS[kind]


def check_settings(plugin: Plugin, settings: dict[str, object]) -> SourceSettings:
    """Raises WrongSettings, which names each wrong field."""
    try:
        return plugin.settings.model_validate(settings)
    except ValidationError as error:
        fields = tuple(
            ("/settings/" + "/".join(map(str, problem["loc"])), problem["msg"]) for problem in error.errors()[:20]
        )
        raise WrongSettings("; ".join(f"{name}: {what}" for name, what in fields), fields=fields) from None


def open_source(row: SourceRow, vault: Vault) -> OpenSource:
    """Raises UnknownKind, WrongSettings (an older version's settings), chassis.vault.SecretUnreadableError."""
    plugin = plugin_of(row.kind)
    secrets = json.loads(vault.open(row.secrets)) if row.secrets else {}
    settings = check_settings(plugin, {**row.settings, **secrets})
    return OpenSource(row.source_id, row.name, row.url, plugin, settings, settings.oldest(row.created_at))
