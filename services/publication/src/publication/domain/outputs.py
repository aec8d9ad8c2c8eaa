"""What one story has become on one site, and whether each of these files already says what its newest release says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from publication.domain.listings import AROUND, Listing
from publication.domain.site import Site
from publication.domain.story import Story

OutputKind = Literal["page", "item", "redirect", "list", "rss", "atom", "json", "dzen", "yandex", "search", "sitemap"]
OutputState = Literal["written", "waiting", "gone"]

SITE_WIDE: dict[str, OutputKind] = {
    "dzen.xml": "dzen",
    "yandex.xml": "yandex",
    "search.json": "search",
    "sitemaps/news.xml": "sitemap",
    "sitemap.xml": "sitemap",
}


@dataclass(frozen=True)
class InList:
    """A list that the story stands in, or stood in (not `is_shown`); `is_waiting`: it is about to be written again."""

    site: str
    key: str
    is_shown: bool
    is_waiting: bool


@dataclass(frozen=True)
class OutputOfStory:
    """`gone`: nothing of the story is left there but a notice."""

    kind: OutputKind
    site: str
    url: str
    state: OutputState
    version: int


def outputs_of(story: Story, site: Site, lists: Sequence[InList]) -> Iterator[OutputOfStory]:
    stands: OutputState = "written" if story.state == "live" and site.takes(story.snapshot) else "gone"

    def output(kind: OutputKind, path: str, state: OutputState) -> OutputOfStory:
        return OutputOfStory(kind, site.key, site.address(path), state, story.version)

    yield output("page", f"{story.path}.html", stands)
    for path in dict.fromkeys((story.path, story.identity)):
        yield output("item", f"{path}.json", stands)
    for path in story.old_paths:
        yield output("redirect", f"{path}.html", stands)
    here = {one.key: one for one in lists if one.site == site.key}
    for key, one in here.items():
        if key == AROUND:
            continue
        listing, state = Listing(key), _state(one)
        yield output("list", f"{listing.path}.html", state)
        for kind, path in listing.feed_paths.items():
            yield output(kind, path, state)  # type: ignore[arg-type] # its keys are rss, atom, json
    if AROUND in here:
        for path, kind in SITE_WIDE.items():
            yield output(kind, path, _state(here[AROUND]))


def _state(one: InList) -> OutputState:
    return "waiting" if one.is_waiting else "written" if one.is_shown else "gone"
