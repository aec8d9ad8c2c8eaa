"""Stories that programs hand in at POST /stories."""

from collections.abc import Iterator

from ingestion.domain.items import Item, Part, Raw, attempt
from ingestion.domain.story_form import StoryForm
from ingestion.sources.plugin import Plugin, SourceSettings


def parse(raw: Raw, _settings: SourceSettings) -> Iterator[Part]:
    yield attempt("story", lambda: Item(StoryForm.model_validate_json(raw.body)))


PLUGIN = Plugin("push", told_as="api", about="programs hand stories in", settings=SourceSettings, parse=parse)
