"""Russian typography, tidied without changing a word: quotes, dashes, spaces that must not break. Idempotent.

Source: the rules of Мильчин, «Справочник издателя и автора»; «ёлочки» outside, „лапки“ inside.
"""

import html
import re
from itertools import pairwise
from typing import NamedTuple

NBSP = "\u00a0"
INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
SHORT_WORDS = "а|в|во|и|к|ко|о|об|обо|от|с|со|у|на|по|за|до|из|не|ни|но|да|же|бы|ли|то|для|под|над|при|про|без"
MONTHS = "января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря"
UNITS = r"тыс\.|млн|млрд|трлн|руб\.|рубл\w+|тонн\w*|км|кг|га|чел\.|человек|год[ау]?|лет|%"

QUOTE = re.compile('["“”„‟«»]')
HYPHEN = re.compile("[-–—]")
OPENING = re.compile(r"(?:(?<=^)|(?<=[\s(\[«„—–-]))[\"“”„‟](?=[\w«„(\[№#@])")
CLOSING = re.compile(r"(?<=[\w.,!?…»“)\]%])[\"“”‟](?=$|[\s.,;:!?…»“)\]—–-])")
DASH = re.compile(rf"(?<=\S)[ {NBSP}](?:-|–|—)[ {NBSP}](?=\S)")
DIALOGUE_DASH = re.compile(r"^[-–—] ", re.MULTILINE)
SHORT = frozenset(SHORT_WORDS.split("|"))
SHORT_AT_END = re.compile(rf"(?<![\w-])(?:{SHORT_WORDS})$", re.IGNORECASE)
LONGEST_SHORT = max(map(len, SHORT))
NUMBER_UNIT = re.compile(rf"(\d) (?=(?:{UNITS}|{MONTHS})(?!\w))", re.IGNORECASE)
NUMBER_SIGN = re.compile(r"№ ?(?=\d)")
INITIALS = re.compile(r"\b([А-ЯЁ]\.) ?(?:([А-ЯЁ]\.) ?)?(?=[А-ЯЁ][а-яё])")
TAG = re.compile(r"(</?[a-z][^>]*>)", re.IGNORECASE)
SOLID = re.compile(r"\S+")
LINE_ENDS = re.compile(r"[ \t]*\n[ \t]*")
SPACES = re.compile(r"[ \t]{2,}")


def drop_invisible(text: str) -> str:
    """Without control, zero-width and bidirectional characters, soft hyphens and halves of a surrogate pair; line ends as line feeds."""
    return INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def tidy(text: str) -> str:
    """Russian text as a proof-reader would set it; running it twice changes nothing more."""
    text = _even(drop_invisible(text))
    if QUOTE.search(text):
        text = _quotes(text)
    if HYPHEN.search(text):
        text = DASH.sub(f"{NBSP}— ", text)
        text = DIALOGUE_DASH.sub(f"—{NBSP}", text)
    if "." in text[:-1]:
        text = INITIALS.sub(lambda found: "".join(f"{part}{NBSP}" for part in found.groups() if part), text)
    text = NUMBER_SIGN.sub(f"№{NBSP}", text)
    text = NUMBER_UNIT.sub(rf"\1{NBSP}", text)
    return _bind_short_words(text).strip(" \n\t")


def _bind_short_words(text: str) -> str:
    """No line ends with «в» or «и». Word by word: a pattern over all of the text takes three times as long."""
    words = text.split(" ")
    parts = words[:1]
    for before, word in pairwise(words):
        is_bound = word[:1].strip() and _is_short(before)
        parts += (NBSP if is_bound else " ", word)
    return "".join(parts)


def _is_short(word: str) -> bool:
    if word.isalpha():
        return len(word) <= LONGEST_SHORT and word.lower() in SHORT
    return bool(SHORT_AT_END.search(word[-LONGEST_SHORT - 1 :]))


def _even(text: str) -> str:
    """Single spaces, none at the ends of lines."""
    if "  " in text or "\t" in text:
        text = SPACES.sub(" ", text)
    return (LINE_ENDS.sub("\n", text) if "\n" in text else text).strip(" \n\t")


def tidy_html(text: str) -> str:
    """The same for inline HTML: words are tidied as if there were no tags between them, and the tags stay where they were."""
    if "<" not in text and "&" not in text:
        return tidy(text)
    words, tags = _part(text)
    tidied = tidy(words)
    if _solid(tidied) != _solid(words):  # a rule that makes or loses signs would put tags in wrong places
        return text
    return _join(tidied, tags)


class _Tag(NamedTuple):
    """A tag, after so many signs that are not spaces. `is_after_space`: and after the space behind them."""

    solid: int
    is_after_space: bool
    text: str


def _part(text: str) -> tuple[str, list[_Tag]]:
    words, tags, solid = "", list[_Tag](), 0
    for piece in TAG.split(text):
        if piece == "<br>":
            words += "\n"
        elif piece.startswith("<"):
            tags.append(_Tag(solid, words[-1:].isspace(), piece))
        else:
            fresh = drop_invisible(html.unescape(piece))
            words += fresh if "\n" not in fresh else " ".join(fresh.split("\n"))
            solid += _solid(fresh)
    return words, tags


def _join(text: str, tags: list[_Tag]) -> str:
    """The tags back in their places. `runs` are the stretches without a space, met in turn."""
    out, start, place, solid = "", 0, 0, 0
    runs = SOLID.finditer(text)
    run = next(runs, None)
    for tag in tags:
        while run is not None and solid + len(run[0]) < tag.solid:
            solid += len(run[0])
            run = next(runs, None)
        if run is not None and tag.solid > solid:
            place = run.start() + tag.solid - solid
        if tag.is_after_space:
            place = len(text) - len(text[place:].lstrip())
        out, start = out + html.escape(text[start:place], quote=False) + tag.text, place
    return (out + html.escape(text[start:], quote=False)).replace("\n", "<br>")


def _solid(text: str) -> int:
    return sum(map(len, text.split()))


def _quotes(text: str) -> str:
    """Straight and English quotes to «ёлочки», those inside to „лапки“. A line whose quotes do not pair is left alone."""
    return "\n".join(_nest(CLOSING.sub("»", OPENING.sub("«", line))) or line for line in text.split("\n"))


def _nest(line: str) -> str:
    """The line with its quotes by depth; nothing where they do not pair."""
    out: list[str] = []
    depth = 0
    for sign in line:
        if sign in "«„":
            depth += 1
            out.append("«" if depth == 1 else "„")
        elif sign in "»“":
            if not depth:
                return ""
            out.append("»" if depth == 1 else "“")
            depth -= 1
        else:
            out.append(sign)
    return "" if depth else "".join(out)
