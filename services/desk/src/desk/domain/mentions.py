"""Who is meant by the @names in a note."""

from collections.abc import Iterable, Mapping
from uuid import UUID


def people_in(text: str, names: Mapping[UUID, str]) -> set[UUID]:
    """Everybody whose whole name follows an @ in the text; of «@Анна Ким» and «@Анна» the longer one is meant."""
    found: set[UUID] = set()
    by_length = sorted(names.items(), key=lambda one: -len(one[1]))
    for part in _after_signs(text.casefold()):
        name = next((name.casefold() for _, name in by_length if _begins(part, name.casefold())), None)
        found |= {person_id for person_id, one in names.items() if one.casefold() == name}
    return found


def _after_signs(text: str) -> Iterable[str]:
    return text.split("@")[1:]


def _begins(part: str, name: str) -> bool:
    return bool(name) and part.startswith(name) and not part[len(name) : len(name) + 1].isalnum()
