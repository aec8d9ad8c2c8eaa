"""Pages from templates: a theme is a folder with one tokens file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babel.dates import format_datetime
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from publication.domain.page import Site, lead_id, view
from publication.domain.story import Story

THEMES = Path(__file__).parent / "themes"
WORDS = {
    "ru": {
        "photo": "Фото",
        "changed": "обновлено",
        "correction": "Исправлено",
        "source": "Источник",
        "gone": "Материал снят с публикации",
        "empty": "Здесь пока ничего нет.",
    },
    "en": {
        "photo": "Photo",
        "changed": "updated",
        "correction": "Correction",
        "source": "Source",
        "gone": "This story has been withdrawn",
        "empty": "Nothing here yet.",
    },
}


@dataclass(frozen=True)
class Entry:
    """A story in a list."""

    url: str
    headline: str
    lede: str
    iso: str
    when: str
    rubrics: tuple[str, ...]
    thumb: str = ""
    thumb_width: int = 0
    thumb_height: int = 0


class Theme:
    """The templates of one folder, parsed once."""

    def __init__(self, site: Site, name: str = "default") -> None:
        folder = THEMES / name
        self.site = site
        self._jinja = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._jinja.globals["tokens"] = Markup((folder / "tokens.css").read_text(encoding="utf-8").strip())  # noqa: S704 - our own style sheet
        self._jinja.globals["site"] = site
        self._jinja.globals["age_mark"] = ""

    def article(self, story: Story, url: str) -> bytes:
        language = story.snapshot.language
        return self._render("article.html", language, **view(story, self.site, url), age_mark=story.snapshot.age_mark)

    def gone(self, reason: str) -> bytes:
        return self._render("gone.html", self.site.language, reason=reason)

    def listing(self, title: str, url: str, feed_url: str, stories: Sequence[tuple[Story, str]]) -> bytes:
        entries = [self._entry(story, address) for story, address in stories]
        return self._render("list.html", self.site.language, title=title, url=url, feed_url=feed_url, entries=entries)

    def _entry(self, story: Story, url: str) -> Entry:
        moment = story.first_published_at.astimezone(self.site.zone)
        lead = next((image for image in story.snapshot.images if image.image_id == lead_id(story)), None)
        thumb = (
            next(
                (one for one in lead.manifest.renditions if one.name == "w320" and one.content_type == "image/jpeg"),
                None,
            )
            if lead
            else None
        )
        return Entry(
            url=url,
            headline=story.snapshot.headline,
            lede=story.snapshot.lede,
            iso=moment.isoformat(timespec="seconds"),
            when=format_datetime(moment, "d MMMM, HH:mm", locale=self.site.language),
            rubrics=tuple(rubric.label for rubric in story.snapshot.rubrics),
            thumb=thumb.url if thumb else "",
            thumb_width=thumb.width if thumb else 0,
            thumb_height=thumb.height if thumb else 0,
        )

    def _render(self, template: str, language: str, **variables: Any) -> bytes:  # noqa: ANN401 - a template's variables
        words = WORDS.get(language[:2], WORDS["ru"])
        return self._jinja.get_template(template).render(lang=language, words=words, **variables).encode()
