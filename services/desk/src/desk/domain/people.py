"""Who works at the desk, and what each role may do."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from desk.domain.workflow import Role

PROGRAM_ID: Final = UUID(int=1)


@dataclass(frozen=True)
class Actor:
    """Whoever acts: a person who signed in, or a program with the desk's token."""

    person_id: UUID
    name: str
    role: Role
    language: str = "ru"
    email: str = ""

    @property
    def is_admin(self) -> bool:
        """May change people, rules and sites."""
        return self.role in ("chief", "ops")


PROGRAM: Final = Actor(PROGRAM_ID, "API", "chief")
