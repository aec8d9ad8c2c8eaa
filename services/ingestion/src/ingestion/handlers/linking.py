"""What happens when an editor pastes a link: the page is fetched and archived, its article comes in as the site's."""

from urllib.parse import urlsplit

from chassis.errors import Refusal
from chassis.safe_http import FetchRefused, SafeClient
from ingestion.domain.items import Raw
from ingestion.domain.pages import NotAnArticleError, Page, host_of, read_page
from ingestion.handlers.intake import Intake, Received, archive, take_in
from ingestion.handlers.opened import OpenSource
from ingestion.handlers.trials import Shown, show
from ingestion.sources import link
from ingestion.store.items import Items
from ingestion.store.sources import Sources

HTML_TYPES = ("text/html", "application/xhtml+xml", "")
QUIET_AFTER_S = 366 * 24 * 3600
"""Nobody waits for an editor to paste something."""


class NotAnArticle(Refusal):
    """The page has no article that could be taken in."""

    title = "There is no article at this address"
    slug = "not-an-article"


def take_link(url: str, intake: Intake, client: SafeClient) -> Received:
    """Take in the article at an address; the same again, changed, is its next revision.

    Raises:
        FetchRefused, FetchFailed: the page cannot be had.
        NotAnArticle: it is no page, or has no article.

    """
    raw = _fetch(url, client)
    host = host_of(raw.url)
    kept = archive(raw, f"link:{host}", intake)
    page = _read(raw)
    source = _source(host, page, raw.url)
    with intake.database.unit_of_work() as uow:
        row = {
            "kind": "link",
            "settings": {},
            "secrets": "",
            "every_s": link.PLUGIN.every_s,
            "quiet_after_s": QUIET_AFTER_S,
        }
        Sources(uow.connection).add(
            {"source_id": source.source_id, "name": source.name, "url": source.url, **row}, is_visited=False
        )
    return take_in(page.item, kept, source, intake)


def try_link(url: str, intake: Intake, client: SafeClient) -> Shown:
    """What would come in. Nothing is kept. Raises as `take_link`."""
    raw = _fetch(url, client)
    page = _read(raw)
    source = _source(host_of(raw.url), page, raw.url)
    with intake.database.connection() as connection:
        known = Items(connection).get(source.source_id, page.item.form.external_id)
    return show(page.item, source, known)


def _fetch(url: str, client: SafeClient) -> Raw:
    fetched = client.get(url, {"accept": "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"})
    kind = fetched.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() not in HTML_TYPES:
        raise FetchRefused(f"{url}: is {kind[:100]}, not a web page")
    return Raw(fetched.body, kind[:200] or "text/html", url=fetched.url)


def _read(raw: Raw) -> Page:
    try:
        return read_page(raw)
    except NotAnArticleError as error:
        raise NotAnArticle(f"{raw.url}: {error}") from None


def _source(host: str, page: Page, url: str) -> OpenSource:
    parts = urlsplit(url)
    return OpenSource(
        f"link:{host}"[:200],
        page.site or host,
        f"{parts.scheme}://{parts.netloc}/",
        link.PLUGIN,
        link.PLUGIN.settings(),
    )
