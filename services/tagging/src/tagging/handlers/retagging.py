"""An archive is tagged again: chains of low-priority events, a few stories each, that never stand in the way of news.

The archive is parted into lanes. An event tags the next few stories of its lane and says the next event in the same transaction; so
no more than a few are outside at once, a worker that dies costs nothing, and progress is exact.
"""

from collections.abc import Callable
from datetime import date
from uuid import UUID

from chassis.errors import NotFound, Refusal
from chassis.ids import new_id
from chassis.unit_of_work import UnitOfWork
from contracts.events import RetagOrdered
from tagging.handlers.stories import Tagger, look, verdict_on
from tagging.store.retags import LANES, Retag, Retags
from tagging.store.stories import Suggestions

STORIES_AN_EVENT = 10
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(9999, 12, 31)


def order_retag(since: date | None, until: date | None, by: str, uow: UnitOfWork) -> Retag:
    """Begin to tag all stories of these days again (both count; None: no limit). Raises Refusal."""
    since, until = since or FIRST_DAY, until or LAST_DAY
    if since > until:
        raise Refusal(f"since {since} is after until {until}", fields=(("/until", f"must not be before {since}"),))
    with uow:
        retag = Retags(uow.connection).add(new_id(), by, since, until)
        if retag.finished_at is None:
            for lane in range(LANES):
                uow.publish(RetagOrdered(retag_id=retag.retag_id, lane=lane), priority="bulk")
        return retag


def stop_retag(retag_id: UUID, uow: UnitOfWork) -> Retag:
    """What is done stays; the rest is left as it was. Raises NotFound."""
    with uow:
        Retags(uow.connection).stop(retag_id)
        found = Retags(uow.connection).get(retag_id)
        if found is None:
            raise NotFound(f"retag {retag_id}: there is no such order")
        return found


def retag_stories(event: RetagOrdered, uow: UnitOfWork, open_tagger: Callable[[], Tagger]) -> None:
    """Tag the lane's next stories again; the desk hears of those whose proposals changed."""
    with uow.database.connection() as connection:
        retag = Retags(connection).get(event.retag_id)
        if retag is None or retag.stopped_at is not None:
            return
        stories = Retags(connection).next_stories(retag, event.lane, event.after, STORIES_AN_EVENT)
    tagger = open_tagger()
    looked = [(one, look(one.content, one.dated, tagger, uow.database)) for one in stories]

    with uow:
        changed = 0
        for one, proposals in looked:
            suggestions = Suggestions(uow.connection)
            is_new = suggestions.get(one.story_id) != (proposals.tags, proposals.rubrics)
            if is_new and suggestions.save(one.story_id, one.revision, proposals):
                uow.publish(verdict_on(one.story_id, one.revision, proposals, tagger, uow))
                changed += 1
        is_end = len(stories) < STORIES_AN_EVENT
        Retags(uow.connection).count(event.retag_id, len(stories), changed, lane_ends=is_end)
        if not is_end:
            uow.publish(event.model_copy(update={"after": stories[-1].story_id}))
