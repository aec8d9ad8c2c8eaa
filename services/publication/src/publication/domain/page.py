"""What the article page says: pictures with all their sizes, dates with their zone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from contracts.content import Block, ImageBlock, ReleasedImage, Rendition
from publication.domain.footnotes import find_notes
from publication.domain.listings import Listing, listings_of
from publication.domain.markup import web_address
from publication.domain.site import Site
from publication.domain.story import Story
from publication.domain.structured import news_article, script_json
from publication.domain.thumbhash import placeholder
from publication.domain.words import say_when

SIZES = "(min-width: 48rem) 46rem, 100vw"


@dataclass(frozen=True)
class Picture:
    """An image with its sources: `avif` and `jpeg` are srcset values; `src` is for everybody else."""

    src: str
    width: int
    height: int
    size_bytes: int
    avif: str
    jpeg: str
    caption: str
    credit: str
    credit_url: str
    alt: str
    backdrop: str


@dataclass(frozen=True)
class Link:
    label: str
    url: str
    kind: str = ""


@dataclass(frozen=True, eq=False)
class Entry:
    """A story in a list. Compared by identity: its row is remembered."""

    url: str
    headline: str
    lede: str
    iso: str
    when: str
    rubrics: tuple[Link, ...]
    language: str = "ru"
    wide: Picture | None = None
    small: Rendition | None = None


def picture(image: ReleasedImage) -> Picture:
    """Raises IndexError where there is no JPEG; `find_faults` sees to it that there is."""
    renditions = image.manifest.renditions
    jpegs = _widths(renditions, "image/jpeg") or [one for one in renditions if one.content_type == "image/jpeg"]
    shown = next((one for one in jpegs if one.width >= 960), jpegs[-1])
    backdrop = f"background:{image.manifest.dominant_color or '#e4e0d6'}"
    hashed = placeholder(image.manifest.thumbhash) if image.manifest.thumbhash else ""
    return Picture(
        src=shown.url,
        width=shown.width,
        height=shown.height,
        size_bytes=shown.size_bytes,
        avif=_srcset(_widths(renditions, "image/avif")),
        jpeg=_srcset(_widths(renditions, "image/jpeg") or [shown]),
        caption=image.caption,
        credit=image.credit,
        credit_url=web_address(image.credit_url),
        alt=image.alt_text or image.caption,
        backdrop=f"{backdrop} url({hashed}) center/cover" if hashed else backdrop,
    )


def _widths(renditions: Iterable[Rendition], content_type: str) -> list[Rendition]:
    """The uncropped ones, narrow to wide, one a width: small originals give several names the same size."""
    found = {one.width: one for one in renditions if one.name.startswith("w") and one.content_type == content_type}
    return sorted(found.values(), key=lambda one: one.width)


def _srcset(renditions: Sequence[Rendition]) -> str:
    return ", ".join(f"{one.url} {one.width}w" for one in renditions)


def shown_blocks(story: Story) -> list[tuple[Block, Picture | None]]:
    """The body in order, photos in their places; the lead photo stands above the text and is not repeated."""
    lead_id = story.lead.image_id if story.lead else None
    pictures = {image.image_id: picture(image) for image in story.snapshot.images if image.image_id != lead_id}
    shown: list[tuple[Block, Picture | None]] = []
    for block in story.snapshot.blocks:
        if not isinstance(block, ImageBlock):
            shown.append((block, None))
        elif block.image_id in pictures:
            shown.append((block, pictures[block.image_id]))
    return shown


def links(story: Story, site: Site) -> dict[str, list[Link]]:
    """The story's rubrics, tags and authors, each with its list's address."""
    found: dict[str, list[Link]] = {"rubric": [], "tag": [], "author": []}
    for listing in listings_of(story.snapshot):
        if listing.label:
            found[listing.kind].append(Link(listing.label, site.address(f"{listing.path}.html"), listing.kind))
    return found


def view(story: Story, site: Site) -> dict[str, Any]:
    """The template's variables."""
    snapshot, url = story.snapshot, site.address(f"{story.path}.html")
    lists = links(story, site)
    language = snapshot.language
    return {
        "story": snapshot,
        "url": url,
        "data_url": site.address(f"{story.path}.json"),
        "lead": picture(story.lead) if story.lead else None,
        "sizes": SIZES,
        "blocks": shown_blocks(story),
        "rubrics": lists["rubric"],
        "tags": lists["tag"],
        "authors": lists["author"],
        "feeds": [
            Listing(one.url.removeprefix(f"{site.url}/").removesuffix(".html"), one.label) for one in lists["rubric"]
        ],
        "published": story.first_published_at,
        "changed": story.changed_at if story.changed_at > story.first_published_at else None,
        "card": card(story),
        "notes": find_notes(snapshot, site.footnotes),
        "source_url": web_address(snapshot.source.url) if snapshot.source else "",
        "json_ld": Markup(script_json(news_article(story, site, url))),  # noqa: S704 - script_json escapes what could end the script
        "when": lambda moment: say_when(moment, site.zone, language),
        "iso": lambda moment: _iso(moment, site),
    }


def _iso(moment: datetime, site: Site) -> str:
    return moment.astimezone(site.zone).isoformat(timespec="seconds")


def card(story: Story) -> Rendition | None:
    """The picture that shared links show."""
    return _rendition(story.lead, "card") or _rendition(story.lead, "16x9") if story.lead else None


def _rendition(image: ReleasedImage | None, *names: str) -> Rendition | None:
    renditions = image.manifest.renditions if image else ()
    jpegs = {one.name: one for one in renditions if one.content_type == "image/jpeg"}
    return next((jpegs[name] for name in names if name in jpegs), None)


def entry_of(story: Story, site: Site) -> Entry:
    return Entry(
        url=site.address(f"{story.path}.html"),
        headline=story.snapshot.headline,
        lede=story.snapshot.lede,
        iso=_iso(story.first_published_at, site),
        when=say_when(story.first_published_at, site.zone, site.language, is_short=True),
        rubrics=tuple(links(story, site)["rubric"][:2]),
        language=story.snapshot.language,
        wide=picture(story.lead) if story.lead else None,
        small=_rendition(story.lead, "4x3", "w320", "16x9") if story.lead else None,
    )
