"""Who works at the desk, and what each role may do."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from desk.domain.workflow import Role

FREE_FAILURES: Final = 5
WAIT_LONGEST_S: Final = 3600.0


def wait_after(failures: int, free: int = FREE_FAILURES) -> float:
    """Seconds from the last failed sign-in until the next may come: none at first, then 15, 30, 60 … up to an hour."""
    return 0.0 if failures < free else min(15.0 * 2.0 ** (failures - free), WAIT_LONGEST_S)


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
