"""Lists of stories: the front page, rubrics, tags, authors. Each is cut into archive pages that later releases never rewrite.

A story's `place` in a list is its number there, counted from the oldest. Archive page n holds the places n*PAGE … n*PAGE+PAGE-1 for
good; the list's own page shows all that is newer than its newest archive page: at least PAGE, at most 2*PAGE-1 stories.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from contracts.content import Snapshot
from publication.domain.slugs import label_slug

PAGE = 30
FRONT = "front"
AROUND = "around"
"""What surrounds a site's lists: sitemaps, search data, the Russian feeds."""


@dataclass(frozen=True, order=True)
class Listing:
    """`key` is front, or kind/slug."""

    key: str
    label: str = ""

    @property
    def kind(self) -> Literal["front", "rubric", "tag", "author"]:
        return self.key.partition("/")[0]  # type: ignore[return-value] # the keys are ours

    @property
    def path(self) -> str:
        """Without an ending."""
        return "index" if self.key == FRONT else self.key

    @property
    def feed_paths(self) -> dict[str, str]:
        """The list's feeds: rss, atom, json."""
        if self.key == FRONT:
            return {"rss": "rss.xml", "atom": "atom.xml", "json": "feed.json"}
        return {"rss": f"{self.key}.xml", "atom": f"{self.key}.atom", "json": f"{self.key}.json"}

    @property
    def is_primary(self) -> bool:
        """Whether readers and partners look here first; the others may follow a moment later."""
        return self.kind in ("front", "rubric")

    def archive_path(self, page: int) -> str:
        return f"archive/{page + 1}" if self.key == FRONT else f"{self.key}/{page + 1}"


def listings_of(snapshot: Snapshot) -> Iterator[Listing]:
    """Every list that a story stands in."""
    yield Listing(FRONT)
    seen = set()
    groups = (
        ("rubric", [one.label for one in snapshot.rubrics]),
        ("tag", [one.label for one in snapshot.tags]),
        ("author", list(snapshot.authors)),
    )
    for kind, labels in groups:
        for label in labels:
            key = f"{kind}/{label_slug(label)}"
            if label.strip() and key not in seen:
                seen.add(key)
                yield Listing(key, label)


def archived_pages(last_place: int) -> int:
    """How many archive pages are complete and no longer shown on the list's own page; `last_place` counts from 0, -1: empty."""
    return max((last_place + 1) // PAGE - 1, 0)


def page_of(place: int) -> int:
    return place // PAGE
