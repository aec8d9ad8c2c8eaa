"""The story as an IPTC ninjs 3.1 item: what partners and pulling sites get.

Source: IPTC ninjs 3.1 JSON Schema (CC BY 4.0); property names are camelCase since 3.0.
"""

from typing import Any

from contracts.content import ReleasedImage, Tag
from publication.domain.markup import body_html, body_text, web_address
from publication.domain.site import Site
from publication.domain.story import Story

STANDARD = {"name": "ninjs", "version": "3.1", "schema": "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json#"}
STATUS = {"live": "usable", "unpublished": "withheld", "killed": "canceled"}


def make_item(story: Story, site: Site) -> dict[str, Any]:
    """A valid ninjs 3.1 item. One that is withheld or canceled carries no text and no photos.

    `uri` is the address of the first publication: it names the story for good. The rendition `web` tells where the page is now.
    """
    url = site.address(f"{story.path}.html")
    item: dict[str, Any] = {
        "uri": site.address(f"{story.identity}.html"),
        "type": "text",
        "standard": STANDARD,
        "representationType": "full",
        "version": str(story.version),
        "firstCreated": story.first_published_at.isoformat(),
        "versionCreated": story.changed_at.isoformat(),
        "pubStatus": STATUS[story.state],
        "language": story.snapshot.language,
        "urgency": story.snapshot.urgency,
        "copyrightHolder": site.name,
        "altIds": [{"role": "storyId", "value": str(story.story_id)}],
    }
    if story.state == "live":
        item |= _substance(story, url)
    elif story.reason:
        item["edNote"] = story.reason
    return item


def _substance(story: Story, url: str) -> dict[str, Any]:
    snapshot = story.snapshot
    text = body_text(snapshot.blocks)
    substance: dict[str, Any] = {
        "title": snapshot.headline,
        "headlines": [{"role": "main", "contentType": "text/plain", "value": snapshot.headline}],
        "bodies": [
            {
                "role": "main",
                "contentType": "text/html",
                "charCount": len(text),
                "wordCount": len(text.split()),
                "value": body_html(snapshot.blocks),
            }
        ],
        "slugline": story.path.rpartition("/")[2],
        "renditions": [{"name": "web", "href": url, "contentType": "text/html"}],
    }
    descriptions = [("summary", snapshot.lede), ("correction", snapshot.correction_note)]
    substance["descriptions"] = [
        {"role": role, "contentType": "text/plain", "value": value} for role, value in descriptions if value
    ]
    substance["by"] = ", ".join(snapshot.authors)
    substance["infoSources"] = [_source(story)] if snapshot.source else []
    substance["subjects"] = [
        {"name": rubric.label, "rel": "rubric", **_literal(rubric.concept_id)} for rubric in snapshot.rubrics
    ]
    substance["subjects"] += [_tag(tag) for tag in snapshot.tags if tag.kind in ("office", "subject", "other")]
    for kind, name in (
        ("person", "people"),
        ("place", "places"),
        ("organisation", "organisations"),
        ("event", "events"),
    ):
        substance[name] = [_tag(tag) for tag in snapshot.tags if tag.kind == kind]
    substance["associations"] = [_photo(image, place, story) for place, image in enumerate(snapshot.images)]
    return {name: value for name, value in substance.items() if value}


def _source(story: Story) -> dict[str, str]:
    source = story.snapshot.source
    assert source is not None  # noqa: S101 - asked by the caller
    return {"name": source.name, "role": "origin", **({"uri": source.url} if web_address(source.url) else {})}


def _tag(tag: Tag) -> dict[str, str]:
    return {"name": tag.label, "rel": "about", **_literal(tag.concept_id)}


def _literal(concept_id: str | None) -> dict[str, str]:
    return {"literal": concept_id} if concept_id else {}


def _photo(image: ReleasedImage, place: int, story: Story) -> dict[str, Any]:
    is_lead = image is story.lead
    photo: dict[str, Any] = {
        "name": "main" if is_lead else f"photo{place}",
        "rel": "lead" if is_lead else "inline",
        "uri": f"urn:uuid:{image.image_id}",
        "type": "picture",
        "version": str(image.manifest.version),
        "by": image.credit,
        "copyrightNotice": image.credit,
        "renditions": [
            {
                "name": one.name,
                "href": one.url,
                "contentType": one.content_type,
                "width": one.width,
                "height": one.height,
                "sizeInBytes": one.size_bytes,
            }
            for one in image.manifest.renditions
        ],
    }
    words = [("caption", image.caption), ("alt", image.alt_text)]
    photo["descriptions"] = [
        {"role": role, "contentType": "text/plain", "value": value} for role, value in words if value
    ]
    return {name: value for name, value in photo.items() if value}
