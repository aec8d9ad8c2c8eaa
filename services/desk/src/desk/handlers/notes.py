"""What happens when an editor writes a note beside a story."""

from uuid import UUID

from chassis.errors import Refusal
from chassis.ids import new_id
from chassis.unit_of_work import UnitOfWork
from desk.domain.mentions import people_in
from desk.domain.people import Actor
from desk.handlers.editing import load
from desk.store.notes import Notes
from desk.store.notices import Notices
from desk.store.people import People
from desk.store.stories import Stories

NOTE_LONGEST = 4_000


class NoteWrong(Refusal):
    """A note that is empty or too long."""


def write_note(story_id: UUID, text: str, actor: Actor, uow: UnitOfWork) -> None:
    """Keep the note, and tell everybody whom it names with an @, once.

    Raises:
        NoteWrong: it is empty or longer than `NOTE_LONGEST`; nothing is kept.

    """
    text = text.strip()
    if not text or len(text) > NOTE_LONGEST:
        raise NoteWrong(
            f"a note of {len(text)} characters: 1 to {NOTE_LONGEST} are taken", fields=(("/text", "length"),)
        )
    with uow:
        load(story_id, uow)
        note_id = new_id()
        Notes(uow.connection).add(note_id, story_id, actor, text)
        names = {one.person_id: one.name for one in People(uow.connection).all() if one.is_active}
        for person_id in sorted(people_in(text, names) - {actor.person_id}):
            Notices(uow.connection).add(
                "mention", story_id, person_id=person_id, detail=f"{actor.name}: {text}", once=f"{note_id}:{person_id}"
            )
        Stories(uow.connection).summarise(story_id, "notes")
