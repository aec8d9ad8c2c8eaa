"""RSS 2.0, written with lxml. Source: RSS 2.0 specification, content module 1.0, Atom link inside RSS."""

from collections.abc import Sequence
from email.utils import format_datetime

from lxml import etree

from publication.domain.markup import body_html
from publication.domain.page import Site, picture
from publication.domain.story import Story

CONTENT = "http://purl.org/rss/1.0/modules/content/"
DC = "http://purl.org/dc/elements/1.1/"
ATOM = "http://www.w3.org/2005/Atom"


def rss(site: Site, title: str, page_url: str, feed_url: str, stories: Sequence[tuple[Story, str]]) -> bytes:
    """A feed of (story, address), newest first; the address is the identity."""
    root = etree.Element("rss", version="2.0", nsmap={"content": CONTENT, "dc": DC, "atom": ATOM})
    channel = etree.SubElement(root, "channel")
    _text(channel, "title", title)
    _text(channel, "link", page_url)
    _text(channel, "description", f"{title} — {site.name}" if title != site.name else site.name)
    _text(channel, "language", site.language)
    etree.SubElement(channel, f"{{{ATOM}}}link", href=feed_url, rel="self", type="application/rss+xml")
    if stories:
        _text(channel, "lastBuildDate", format_datetime(max(story.changed_at for story, _ in stories)))
    for story, url in stories:
        _item(channel, story, url)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def _item(channel: etree._Element, story: Story, url: str) -> None:
    item = etree.SubElement(channel, "item")
    _text(item, "title", story.snapshot.headline)
    _text(item, "link", url)
    etree.SubElement(item, "guid", isPermaLink="true").text = url
    _text(item, "description", story.snapshot.lede)
    _text(item, "pubDate", format_datetime(story.first_published_at))
    for author in story.snapshot.authors:
        _text(item, f"{{{DC}}}creator", author)
    for label in [one.label for one in story.snapshot.rubrics] + [one.label for one in story.snapshot.tags]:
        _text(item, "category", label)
    for image in story.snapshot.images:
        shown = picture(image)
        size = next((one.size_bytes for one in image.manifest.renditions if one.url == shown.src), 0)
        etree.SubElement(item, "enclosure", url=shown.src, type="image/jpeg", length=str(size))
        break  # RSS 2.0 readers take one
    _text(item, f"{{{CONTENT}}}encoded", body_html(story.snapshot.blocks))


def _text(parent: etree._Element, name: str, value: str) -> None:
    if value:
        etree.SubElement(parent, name).text = "".join(
            sign for sign in value if sign in "\t\n" or (sign >= " " and sign not in "\ufffe\uffff")
        )
