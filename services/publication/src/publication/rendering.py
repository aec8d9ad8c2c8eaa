"""Pages from templates: a theme is a folder of templates with one tokens file. What a theme leaves out it has from `default`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from publication.domain.footnotes import mark
from publication.domain.listings import FRONT, Listing
from publication.domain.markup import inline, web_address
from publication.domain.page import Entry, Link, view
from publication.domain.site import Site
from publication.domain.story import Story
from publication.domain.words import say_when, words_for

THEMES = Path(__file__).parent / "themes"
TOKENS = "tokens.css"
ROWS = 4_000


class Theme:
    """The templates of one folder, parsed once. `site.theme` is a name here or a folder's path."""

    def __init__(self, site: Site) -> None:
        folder = THEMES / site.theme
        self.site = site
        self._jinja = Environment(
            loader=FileSystemLoader([folder, THEMES / "default"]),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        own_tokens = folder / TOKENS
        tokens = (own_tokens if own_tokens.exists() else THEMES / "default" / TOKENS).read_text(encoding="utf-8")
        self._jinja.globals.update(
            tokens=Markup(tokens.strip()),  # noqa: S704 - our own style sheet
            site=site,
            age_mark="",
            nav=(),
            inline=inline,
            mark=mark,
            web_address=web_address,
            row=lru_cache(maxsize=ROWS)(self._row),
            styles={
                name: Markup(self._jinja.get_template(f"{name}.css").render())  # noqa: S704 - our own style sheet
                for name in ("base", "article", "list")
            },
        )

    def article(self, story: Story) -> bytes:
        return self._render(
            "article.html", story.snapshot.language, **view(story, self.site), age_mark=story.snapshot.age_mark
        )

    def gone(self, story: Story) -> bytes:
        """The notice in a story's place; it says nothing of what stood there but the reason given."""
        return self._render(
            "gone.html",
            self.site.language,
            state="killed" if story.state == "killed" else "unpublished",
            reason=story.reason,
        )

    def moved(self, url: str) -> bytes:
        return self._render("moved.html", self.site.language, url=url)

    def missing(self) -> bytes:
        return self._render("missing.html", self.site.language)

    def listing(
        self,
        listing: Listing,
        entries: Sequence[Entry],
        nav: Sequence[Link],
        *,
        page: int | None = None,
        links: Mapping[str, str],
    ) -> bytes:
        """A list's own page, or its archive page (`page`, counted from 1). `links`: addresses by self, older, newer, rss, atom, json."""
        is_front = listing.key == FRONT and page is None
        return self._render(
            "front.html" if is_front else "list.html",
            self.site.language,
            listing=listing,
            title=listing.label or self.site.name,
            entries=entries,
            nav=nav,
            page=page,
            links=links,
            now_line=self._edition(entries),
        )

    def _row(self, entry: Entry) -> Markup:
        """An entry as it stands in lists and their archives; the same one is asked for many times."""
        return Markup(self._jinja.get_template("row.html").render(entry=entry))  # noqa: S704 - rendered with autoescape

    def _edition(self, entries: Sequence[Entry]) -> str:
        """The date in the masthead: that of the newest story, so that an unchanged list is an unchanged file."""
        if not entries:
            return ""
        newest = datetime.fromisoformat(max(entry.iso for entry in entries))
        return say_when(newest, self.site.zone, self.site.language).partition(",")[0]

    def _render(self, template: str, language: str, **variables: Any) -> bytes:  # noqa: ANN401 - a template's variables
        words: Callable[[str], dict[str, str]] = words_for
        page = self._jinja.get_template(template).render(lang=language, words=words(language), **variables)
        return page.encode("utf-8", "replace")
