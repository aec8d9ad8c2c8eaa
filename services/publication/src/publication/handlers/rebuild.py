"""Every page of a site is written again, in slices, so that a rebuild that breaks goes on where it stopped."""

from collections.abc import Iterator
from uuid import UUID

from chassis.database import Database
from publication.domain.story import Story
from publication.handlers.releases import make_outputs
from publication.press import NO_SURVEY, Edition, Press
from publication.store.lists import Lists
from publication.store.rebuilds import Rebuilds
from publication.store.stories import Stories

SLICE = 200
FIRST = UUID(int=0)


def rebuild_site(
    edition: Edition, database: Database, press: Press, *, from_start: bool = False
) -> Iterator[tuple[int, int]]:
    """Yields (stories done, stories in all) after each slice; ends by marking all lists stale.

    Releases may go on meanwhile: a page that is newer than what the rebuild knows stays.
    """
    site = edition.site.key
    with database.connection() as connection:
        if from_start:
            Rebuilds(connection).end(site)
        after, done = Rebuilds(connection).get(site)
        total = Stories(connection).count()
    survey = NO_SURVEY
    while True:
        with database.connection() as connection:
            stories = Stories(connection).after(after or FIRST, SLICE)
        if not stories:
            break
        survey = press.shelf.survey((_folder(story, edition) for story in stories), before=survey)
        outputs = (output for story in stories if site in story.sites for output in make_outputs(story, edition))
        press.shelf.write(outputs, survey)  # some are written while others are still rendered
        after, done = stories[-1].story_id, done + len(stories)
        with database.connection() as connection:
            Rebuilds(connection).save(site, after, done)
        yield done, max(total, done)
    with database.unit_of_work() as uow:
        Lists(uow.connection).mark_all(site)
        Rebuilds(uow.connection).end(site)


def _folder(story: Story, edition: Edition) -> str:
    return edition.site.object_key(story.path).rpartition("/")[0]
