"""Sitemaps, the Google News sitemap, robots.txt and the data of the search page.

Sources: sitemaps.org protocol 0.9; "News sitemaps" of Google Search Central (two days, 1,000 entries).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache, partial

from lxml import etree

from publication.domain.markup import filled, inner
from publication.domain.site import Site

SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
NEWS = "http://www.google.com/schemas/sitemap-news/0.9"
SPACES: dict[str, str] = {None: SITEMAP}  # type: ignore[dict-item] # lxml takes None, its stubs do not
NEWS_SPACES = {**SPACES, "news": NEWS}
CHUNK = 250
"""Stories in one sitemap; the protocol allows 50,000, but a small one is quickly written again."""
NEWS_DAYS, NEWS_ENTRIES = timedelta(days=2), 1_000


@dataclass(frozen=True, eq=False)
class Line:
    """A story as sitemaps and the search page know it. Compared by identity: what was made of it is remembered."""

    path: str
    headline: str
    lede: str
    language: str
    first_published_at: datetime
    changed_at: datetime


def sitemap(site: Site, lines: Sequence[Line]) -> bytes:
    root = etree.Element(f"{{{SITEMAP}}}urlset", nsmap=SPACES)
    for line in lines:
        url = etree.SubElement(root, f"{{{SITEMAP}}}url")
        etree.SubElement(url, f"{{{SITEMAP}}}loc").text = site.address(f"{line.path}.html")
        etree.SubElement(url, f"{{{SITEMAP}}}lastmod").text = _iso(line.changed_at, site)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def sitemap_index(site: Site, chunks: int) -> bytes:
    """Without lastmod: it changes only when a chunk is added."""
    root = etree.Element(f"{{{SITEMAP}}}sitemapindex", nsmap=SPACES)
    for path in ["sitemaps/news.xml", *(f"sitemaps/{number + 1}.xml" for number in range(chunks))]:
        one = etree.SubElement(root, f"{{{SITEMAP}}}sitemap")
        etree.SubElement(one, f"{{{SITEMAP}}}loc").text = site.address(path)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def news_sitemap(site: Site, lines: Sequence[Line], now: datetime) -> bytes:
    fresh = [line for line in lines if line.first_published_at > now - NEWS_DAYS]
    root = etree.Element(f"{{{SITEMAP}}}urlset", nsmap=NEWS_SPACES)
    return filled(root, map(_news_urls(site), fresh[:NEWS_ENTRIES]), b"</urlset>")


@cache
def _news_urls(site: Site) -> Callable[[Line], bytes]:
    """The sitemap is written again with each release, and nearly all of it was there before."""
    return lru_cache(maxsize=4_000)(partial(_news_url, site))


def _news_url(site: Site, line: Line) -> bytes:
    url = etree.SubElement(etree.Element(f"{{{SITEMAP}}}urlset", nsmap=NEWS_SPACES), f"{{{SITEMAP}}}url")
    etree.SubElement(url, f"{{{SITEMAP}}}loc").text = site.address(f"{line.path}.html")
    news = etree.SubElement(url, f"{{{NEWS}}}news")
    publication = etree.SubElement(news, f"{{{NEWS}}}publication")
    etree.SubElement(publication, f"{{{NEWS}}}name").text = site.name
    etree.SubElement(publication, f"{{{NEWS}}}language").text = line.language[:2]
    etree.SubElement(news, f"{{{NEWS}}}publication_date").text = _iso(line.first_published_at, site)
    etree.SubElement(news, f"{{{NEWS}}}title").text = line.headline
    return inner(url)


def robots(site: Site) -> bytes:
    return f"User-agent: *\nAllow: /\n\nSitemap: {site.address('sitemap.xml')}\n".encode()


def search_data(site: Site, lines: Sequence[Line]) -> bytes:
    """What a search box on the site needs: the newest stories, newest first."""
    value = [
        {
            "url": site.address(f"{line.path}.html"),
            "title": line.headline,
            "text": line.lede,
            "date": _iso(line.first_published_at, site),
        }
        for line in lines
    ]
    return json.dumps({"version": 1, "stories": value}, ensure_ascii=False, separators=(",", ":")).encode()


def _iso(moment: datetime, site: Site) -> str:
    return moment.astimezone(site.zone).isoformat(timespec="seconds")
