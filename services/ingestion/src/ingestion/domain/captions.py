"""«подпись | Фото: источник / ссылка»: one line of an editor becomes a caption, a credit and the credit's address."""

import re
from typing import NamedTuple

CREDIT_MARK = re.compile(
    r"(?:^|[|(\[.…—–\s-])\s*(?:Фото|Фотография|Фотографии|Снимок|Photo(?:graph)?s?|Picture|Image)(?:\s+by)?\s*:\s*(?P<credit>.+?)\s*[)\]]?\s*$",
    re.IGNORECASE | re.DOTALL,
)
ADDRESS = re.compile(r"\s*(?:/\s*)?(?P<url>https?://\S+|(?:t\.me|vk\.com|max\.ru)/\S+)\s*$", re.IGNORECASE)
TRAILING = " \t\n|/—–-,;("


class Caption(NamedTuple):
    caption: str
    credit: str
    credit_url: str


def split_caption(line: str) -> Caption:
    """The parts of a caption line; a line without a credit is all caption.

    >>> split_caption("Мост через Урал | Фото: telegram-канал Евгения Солнцева / t.me/solntsev")
    Caption(caption='Мост через Урал', credit='telegram-канал Евгения Солнцева', credit_url='https://t.me/solntsev')
    """
    line = " ".join(line.split())
    found = CREDIT_MARK.search(line)
    if not found:
        return Caption(line, "", "")
    caption = line[: found.start()].rstrip(TRAILING)
    opened = line[found.start() : found.start() + 1]
    if opened == ".":
        caption += "."
    credit, url = _split_address(found["credit"])
    return Caption(caption, credit, url)


def _split_address(credit: str) -> tuple[str, str]:
    found = ADDRESS.search(credit)
    if not found:
        return credit.strip(TRAILING), ""
    url = found["url"].rstrip(".,;)")
    return credit[: found.start()].strip(TRAILING), url if url.lower().startswith("http") else f"https://{url}"
