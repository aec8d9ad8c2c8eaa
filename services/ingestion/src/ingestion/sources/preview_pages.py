"""Looks at a channel's public pages on t.me: which posts are new, changed or gone since last time.

A post counts as gone only if it stood on these pages before or was told at our door, would stand among those shown now, and its own
page says that there is no such post: a page that is cut short, slow or different takes nothing back.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from chassis.safe_http import FetchFailed
from ingestion.domain.items import Raw
from ingestion.domain.telegram_preview import Page, Stretch, is_gone, split_page
from ingestion.sources.plugin import Visit

MOST_PAGES = 5
"""Pages of twenty posts that are read to catch up with a busy channel."""
MOST_REMEMBERED = 100
MOST_ASKED = 5
"""Posts that are asked for one by one in a visit, because they are missing."""
HTML = "text/html; charset=utf-8"


def look_at_preview(visit: Visit, root: str, channel: str, *, only_gone: bool = False) -> Iterator[Raw]:
    """Originals of posts that are new or changed, and of those that are gone. Memory: {"posts": {id: {mark, members}}}."""
    page_url = f"{root}/s/{channel}"
    fetched = visit.client.get(page_url)
    try:
        page = split_page(fetched.body)
    except ValueError:
        yield Raw(fetched.body, HTML, page_url)
        return
    known: dict[str, Any] = visit.memory.setdefault("posts", {})
    page = _with_older(visit, page_url, page, known)
    for external_id, members in visit.told.items():
        known.setdefault(external_id, {"mark": "", "members": [int(one) for one in members]})
    for post in page.posts:
        external_id = _known_as(post, known)
        is_news = known.get(external_id, {}).get("mark") != post.mark
        known[external_id] = {"mark": post.mark, "members": list(post.members)}
        if is_news and not only_gone:
            note = {"title": page.title, "external_id": external_id}
            yield Raw(post.body, HTML, f"{root}/{channel}/{post.post_id}", note)
    yield from _gone(visit, f"{root}/{channel}", page.posts, known)
    for old in sorted(known, key=int)[:-MOST_REMEMBERED]:
        del known[old]


def _known_as(post: Stretch, known: dict[str, Any]) -> str:
    """The number under which we know the post: an album whose first photo was deleted has another one on the page."""
    for external_id, remembered in known.items():
        if set(remembered["members"]) & set(post.members):
            return external_id
    return str(post.post_id)


def _with_older(visit: Visit, page_url: str, page: Page, known: dict[str, Any]) -> Page:
    """More posts than a page holds came since the last visit: older pages up to those that we know."""
    newest_known = max(map(int, known), default=0)
    for _ in range(MOST_PAGES - 1):
        oldest = page.posts[0].post_id
        if not newest_known or oldest <= newest_known + 1:
            break
        try:
            older = split_page(visit.client.get(f"{page_url}?before={oldest}").body)
        except ValueError:
            break
        fresh = tuple(post for post in older.posts if post.post_id < oldest)
        if not fresh:
            break
        page = replace(page, posts=(*fresh, *page.posts))
    return page


def _gone(visit: Visit, channel_url: str, shown: Iterable[Stretch], known: dict[str, Any]) -> Iterator[Raw]:
    there = {member for post in shown for member in post.members}
    oldest = min(there)
    missing = [one for one in known if int(one) > oldest and not there & set(known[one]["members"])]
    for external_id in sorted(missing, key=int)[-MOST_ASKED:]:
        url = f"{channel_url}/{external_id}?embed=1&mode=tme"
        try:
            fetched = visit.client.get(url)
        except FetchFailed:
            continue
        if is_gone(fetched.body):
            yield Raw(fetched.body, HTML, url, {"gone": external_id})
            del known[external_id]
