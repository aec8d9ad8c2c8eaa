"""The story once more for machines: schema.org NewsArticle as JSON-LD.

Source: schema.org 30, and "Article structured data" of Google Search Central.
"""

import json
from collections.abc import Sequence
from typing import Any

from contracts.content import ReleasedImage
from publication.domain.listings import listings_of
from publication.domain.markup import body_text
from publication.domain.site import Site
from publication.domain.story import Story

CROPS = ("16x9", "4x3", "1x1")


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
    snapshot = story.snapshot
    newsroom = {"@type": "NewsMediaOrganization", "name": site.name, "url": site.address("index.html")}
    published, modified = (
        moment.astimezone(site.zone).isoformat(timespec="seconds")
        for moment in (story.first_published_at, story.changed_at)
    )
    article: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "@id": url,
        "url": url,
        "mainEntityOfPage": {"@type": "WebPage", "@id": url},
        "headline": snapshot.headline,
        "description": snapshot.lede,
        "articleBody": body_text(snapshot.blocks),
        "articleSection": [rubric.label for rubric in snapshot.rubrics],
        "keywords": [tag.label for tag in snapshot.tags],
        "inLanguage": snapshot.language,
        "datePublished": published,
        "dateModified": modified,
        "author": _authors(story, site) or [newsroom],
        "publisher": newsroom,
        "image": [one for image in _lead_first(story) for one in _image_objects(image, site)],
        "isAccessibleForFree": True,
    }
    if snapshot.correction_note:
        article["correction"] = {
            "@type": "CorrectionComment",
            "text": snapshot.correction_note,
            "datePublished": modified,
        }
    return {name: value for name, value in article.items() if value not in ("", [])}


def _authors(story: Story, site: Site) -> list[dict[str, str]]:
    return [
        {"@type": "Person", "name": one.label, "url": site.address(f"{one.path}.html")}
        for one in listings_of(story.snapshot)
        if one.kind == "author"
    ]


def _lead_first(story: Story) -> Sequence[ReleasedImage]:
    return sorted(story.snapshot.images, key=lambda image: image is not story.lead)


def _image_objects(image: ReleasedImage, site: Site) -> list[dict[str, Any]]:
    """The three crops that aggregators ask for, in JPEG; without them the widest there is."""
    jpegs = [one for one in image.manifest.renditions if one.content_type == "image/jpeg"]
    wanted = [one for name in CROPS for one in jpegs if one.name == name]
    words = {
        "caption": image.caption,
        "creditText": image.credit,
        "copyrightNotice": image.credit,
        "license": site.license_url,
    }
    return [
        {
            "@type": "ImageObject",
            "url": one.url,
            "contentUrl": one.url,
            "width": {"@type": "QuantitativeValue", "value": one.width, "unitCode": "E37"},
            "height": {"@type": "QuantitativeValue", "value": one.height, "unitCode": "E37"},
            "encodingFormat": one.content_type,
            **{name: value for name, value in words.items() if value},
        }
        for one in wanted or jpegs[-1:]
    ]
