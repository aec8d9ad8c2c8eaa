"""Who is at the door. The one place that decides it: everything else asks `program_or_person` or `person`."""

from desk.domain.people import PROGRAM, Actor


def program_or_person() -> Actor:
    """A program with the desk's token, or a person who signed in."""
    return PROGRAM
