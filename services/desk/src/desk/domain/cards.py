"""What others show of a page where somebody shares or finds it: read from the page's own head, as their robots do."""

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final
from urllib.parse import unquote, urlsplit

SAID: Final = ("og:title", "og:description", "og:image", "og:image:alt", "og:site_name", "og:url", "description")
SUFFIX: Final = " — "
"""Stands in a page's title between its headline and the site's name; Google shows the name above and drops it here."""


@dataclass(frozen=True)
class Card:
    """`title` and `description` are Open Graph's; `found_title` and `found_text` are those of a search engine's result."""

    url: str = ""
    site_name: str = ""
    title: str = ""
    description: str = ""
    image: str = ""
    image_alt: str = ""
    found_title: str = ""
    found_text: str = ""

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc.removeprefix("www.")

    @property
    def crumbs(self) -> str:
        """The address as Google writes it: host › folder › page."""
        parts = urlsplit(self.url)
        return " › ".join([f"{parts.scheme}://{parts.netloc}", *(unquote(one) for one in parts.path.split("/") if one)])


class _Head(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, str] = {}
        self.title = ""
        self._is_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_title = tag == "title" and not self.title
        given = dict(attrs)
        name = given.get("property") or given.get("name") or ""
        if tag == "meta" and name in SAID:
            self.said.setdefault(name, given.get("content") or "")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the parser names it
        self._is_title = False

    def handle_data(self, data: str) -> None:
        if self._is_title:
            self.title += data


def card_of(html: str) -> Card:
    """What the head of a page says of it; whatever it does not say is empty."""
    head = _Head()
    head.feed(html.partition("</head>")[0])
    said, site_name = head.said, head.said.get("og:site_name", "")
    return Card(
        url=said.get("og:url", ""),
        site_name=site_name,
        title=said.get("og:title", ""),
        description=said.get("og:description", ""),
        image=said.get("og:image", ""),
        image_alt=said.get("og:image:alt", ""),
        found_title=head.title.removesuffix(f"{SUFFIX}{site_name}"),
        found_text=said.get("description", ""),
    )
