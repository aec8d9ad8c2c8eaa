"""What the article page says: pictures with all their sizes, dates with their zone, and the same once more for machines (schema.org)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from markupsafe import Markup

from contracts.content import Block, ImageBlock, ReleasedImage, Rendition
from publication.domain.markup import body_text, inline
from publication.domain.slugs import rubric_path
from publication.domain.story import Story

SIZES = "(min-width: 760px) 720px, 100vw"


@dataclass(frozen=True)
class Site:
    """One site of ours. `url` has no slash at the end."""

    name: str
    url: str
    language: str
    zone: ZoneInfo


@dataclass(frozen=True)
class Picture:
    """An image with its sources: `avif` and `jpeg` are srcset values; `src` is for everybody else."""

    src: str
    width: int
    height: int
    avif: str
    jpeg: str
    caption: str
    credit: str
    credit_url: str
    alt: str
    color: str


@dataclass(frozen=True)
class Link:
    label: str
    url: str


def picture(image: ReleasedImage) -> Picture:
    widths = sorted((one for one in image.manifest.renditions if one.name.startswith("w")), key=lambda one: one.width)
    jpegs = _distinct(one for one in widths if one.content_type == "image/jpeg")
    avifs = _distinct(one for one in widths if one.content_type == "image/avif")
    shown = next((one for one in jpegs if one.width >= 960), jpegs[-1])
    return Picture(
        src=shown.url,
        width=shown.width,
        height=shown.height,
        avif=_srcset(avifs),
        jpeg=_srcset(jpegs),
        caption=image.caption,
        credit=image.credit,
        credit_url=image.credit_url,
        alt=image.alt_text or image.caption,
        color=image.manifest.dominant_color or "#e8e6e1",
    )


def _distinct(renditions: Any) -> list[Rendition]:  # noqa: ANN401 - any iterable of renditions
    """One a width: small originals give several names the same size."""
    return list({one.width: one for one in renditions}.values())


def _srcset(renditions: Sequence[Rendition]) -> str:
    return ", ".join(f"{one.url} {one.width}w" for one in renditions)


def lead_id(story: Story) -> UUID | None:
    images = story.snapshot.images
    return story.snapshot.lead_image_id or (images[0].image_id if images else None)


def shown_blocks(story: Story) -> list[tuple[Block, Picture | None]]:
    """The body in order, photos in their places; the lead photo stands above the text and is not repeated."""
    pictures = {image.image_id: picture(image) for image in story.snapshot.images}
    lead = lead_id(story)
    shown: list[tuple[Block, Picture | None]] = []
    for block in story.snapshot.blocks:
        if not isinstance(block, ImageBlock):
            shown.append((block, None))
        elif block.image_id != lead and block.image_id in pictures:
            shown.append((block, pictures[block.image_id]))
    return shown


def view(story: Story, site: Site, url: str) -> dict[str, Any]:
    """The template's variables."""
    lead = next((picture(image) for image in story.snapshot.images if image.image_id == lead_id(story)), None)
    return {
        "story": story.snapshot,
        "site": site,
        "url": url,
        "data_url": url.removesuffix(".html") + ".json",
        "lead": lead,
        "sizes": SIZES,
        "blocks": shown_blocks(story),
        "rubrics": [
            Link(rubric.label, f"{site.url}/{rubric_path(rubric.label)}.html") for rubric in story.snapshot.rubrics
        ],
        "published": story.first_published_at,
        "changed": story.changed_at if story.version > 1 else None,
        "card": card_url(story),
        "json_ld": Markup(script_json(news_article(story, site, url))),  # noqa: S704 - script_json escapes what could end the script
        "inline": inline,
        "when": lambda moment: format_datetime(
            moment,
            "d MMMM y, HH:mm",
            tzinfo=site.zone,
            locale=story.snapshot.language[:2] if story.snapshot.language[:2] in ("ru", "en", "kk") else "ru",
        ),
        "iso": lambda moment: moment.astimezone(site.zone).isoformat(timespec="seconds"),
    }


def card_url(story: Story) -> str:
    for image in story.snapshot.images:
        if image.image_id == lead_id(story):
            return next((one.url for one in image.manifest.renditions if one.name == "card"), "")
    return ""


def script_json(value: dict[str, Any]) -> str:
    """JSON that can stand inside a script element whatever it holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return (
        text.replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )


def news_article(story: Story, site: Site, url: str) -> dict[str, Any]:
    """schema.org NewsArticle. Source: schema.org 29, and Google's "Article structured data"."""
    snapshot = story.snapshot
    iso = _isoformat(site.zone)
    publisher = {"@type": "NewsMediaOrganization", "name": site.name, "url": f"{site.url}/index.html"}
    article: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "mainEntityOfPage": url,
        "headline": snapshot.headline,
        "description": snapshot.lede,
        "articleBody": body_text(snapshot.blocks),
        "articleSection": [rubric.label for rubric in snapshot.rubrics],
        "keywords": [tag.label for tag in snapshot.tags],
        "inLanguage": snapshot.language,
        "datePublished": iso(story.first_published_at),
        "dateModified": iso(story.changed_at),
        "author": [{"@type": "Person", "name": name} for name in snapshot.authors] or [publisher],
        "publisher": publisher,
        "image": [one for image in snapshot.images for one in _image_objects(image)],
        "isAccessibleForFree": True,
    }
    if snapshot.correction_note:
        article["correction"] = {
            "@type": "CorrectionComment",
            "text": snapshot.correction_note,
            "datePublished": iso(story.changed_at),
        }
    return {name: value for name, value in article.items() if value not in ("", [])}


def _isoformat(zone: ZoneInfo) -> Any:  # noqa: ANN401 - a small function
    def iso(moment: datetime) -> str:
        return moment.astimezone(zone).isoformat(timespec="seconds")

    return iso


def _image_objects(image: ReleasedImage) -> list[dict[str, Any]]:
    """The three crops that aggregators ask for, in JPEG."""
    wanted = [
        one
        for name in ("16x9", "4x3", "1x1")
        for one in image.manifest.renditions
        if one.name == name and one.content_type == "image/jpeg"
    ]
    words = {"caption": image.caption, "creditText": image.credit, "copyrightNotice": image.credit}
    return [
        {
            "@type": "ImageObject",
            "url": one.url,
            "width": one.width,
            "height": one.height,
            **{name: value for name, value in words.items() if value},
        }
        for one in wanted
    ]
