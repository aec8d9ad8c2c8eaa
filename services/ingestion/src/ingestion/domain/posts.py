"""How a post of a messenger becomes an article: which line is the headline, what is the lede, what is not text at all.

The rules are those of an editor's hand: a bold or short first line is the headline; the first plain paragraph is the lede if
more follows; hashtags are tags; «Фото: …» credits the photos; a line that only invites to the channel goes.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ingestion.domain.captions import CREDIT_MARK, Caption, split_caption
from ingestion.domain.spans import MarkedText, to_html
from ingestion.domain.story_form import BlockForm, HeadingForm, ListForm, ParagraphForm, QuoteForm
from ingestion.domain.typography import drop_invisible

LONGEST_HEADLINE = 160
"""Characters. A first line that is longer is a paragraph, and the headline is its first sentence."""
LONGEST_LEDE = 600
BLANK_LINE = re.compile(r"\n[ \t\u00a0]*\n\s*")
SENTENCE_END = re.compile(r"(?<=[.!?…])[»”\"')]*\s+(?=[«„\"(—–-]?\s?[A-ZА-ЯЁ0-9])")
NOT_AN_END = re.compile(
    r"(?:\b[А-ЯЁA-Z]|\b(?:г|гг|ул|им|руб|тыс|млн|млрд|т\.\s?е|т\.\s?д|т\.\s?п|д|р|п|св|ст|см|стр|Mr|Mrs|Dr|St))\.$"
)
HASHTAG = re.compile(r"#(\w+)")
BULLET = re.compile(r"^(?:[•·▪▫◾◽●○►▶▸✔✅☑🔹🔸🔷🔶➡👉📌❗➖]\ufe0f?|[—–-](?=\s+[a-zа-яё\d«])|\d{1,2}[.)])\s+(?=\S)")
"""A dash before a capital letter is speech."""
NUMBERED = re.compile(r"^\d{1,2}[.)]\s")
ORNAMENTS = "—–-•·|*~_\ufe0f\u20e3"
NO_CREDIT = Caption("", "", "")


@dataclass(frozen=True)
class Post:
    """The words of a post, sorted. `credit` is what the post itself says of its photos."""

    headline: str
    lede: str = ""
    body: list[BlockForm] = field(default_factory=list)
    tags: tuple[str, ...] = ()
    credit: Caption = NO_CREDIT


@dataclass(frozen=True)
class _Part:
    """A paragraph, or a stretch that the messenger shows as a quote or as code."""

    words: MarkedText
    kind: str


def read_post(marked: MarkedText, is_own: Callable[[str], bool]) -> Post | None:
    """The post as an article; None where it has no words at all. `is_own(url)`: whether a link leads to the channel itself."""
    parts = list(_parts(_visible(marked)))
    tags, parts = _take_tags(parts)
    credit, parts = _take_credit(parts)
    parts = [part for part in parts if not _is_invitation(part.words, is_own)]
    headline, parts = _take_headline(parts)
    if not headline:
        return Post(headline="", tags=tags, credit=credit) if tags or credit.credit else None
    lede, parts = _take_lede(parts)
    return Post(headline, lede, [block for part in parts for block in _blocks(part)], tags, credit)


def _visible(marked: MarkedText) -> MarkedText:
    """Without control and bidirectional characters; the marks move with the text."""
    text = drop_invisible(marked.text)
    if text == marked.text:
        return marked
    kept = [0]
    for sign in marked.text:
        kept.append(kept[-1] + len(drop_invisible(sign)) if sign != "\r" else kept[-1])
    text = "".join(drop_invisible(sign) for sign in marked.text if sign != "\r")
    moved = (mark._replace(start=kept[mark.start], end=kept[mark.end]) for mark in marked.marks)
    return MarkedText(text, tuple(mark for mark in moved if mark.start < mark.end))


def _parts(marked: MarkedText) -> Iterator[_Part]:
    """Quotes and code stand for themselves; what lies between them is parted by blank lines."""
    at = 0
    for mark in (mark for mark in marked.marks if mark.kind in ("quote", "pre")):
        if mark.start < at:
            continue
        yield from _paragraphs(marked, at, mark.start)
        yield from (replace(part, kind=mark.kind) for part in _paragraphs(marked, mark.start, mark.end))
        at = mark.end
    yield from _paragraphs(marked, at, len(marked.text))


def _paragraphs(marked: MarkedText, start: int, end: int) -> Iterator[_Part]:
    at = start
    for gap in BLANK_LINE.finditer(marked.text, start, end):
        yield from _one(marked, at, gap.start())
        at = gap.end()
    yield from _one(marked, at, end)


def _one(marked: MarkedText, start: int, end: int) -> Iterator[_Part]:
    if words := marked.cut(start, end):
        yield from [_Part(words, "paragraph")] if words.text else []


def _take_tags(parts: Sequence[_Part]) -> tuple[tuple[str, ...], list[_Part]]:
    """Lines of nothing but hashtags are tags and no text."""
    tags: list[str] = []
    kept = []
    for part in parts:
        lines = part.words.text.split("\n")
        good = [line for line in lines if not _is_tag_line(line)]
        tags += [tag for line in lines if _is_tag_line(line) for tag in HASHTAG.findall(line)]
        if len(good) == len(lines):
            kept.append(part)
        elif good:
            kept.append(_without_lines(part, _is_tag_line))
    return tuple(dict.fromkeys(tag.replace("_", " ").strip() for tag in tags)), kept


def _is_tag_line(line: str) -> bool:
    return bool(HASHTAG.search(line)) and not any(sign.isalnum() for sign in HASHTAG.sub("", line))


def _take_credit(parts: Sequence[_Part]) -> tuple[Caption, list[_Part]]:
    """A line «Фото: …» of its own credits the photos."""
    for place, part in enumerate(parts):
        for line in part.words.text.split("\n"):
            if _is_credit_line(line):
                rest = _without_lines(part, _is_credit_line)
                middle = [rest] if rest.words.text else []
                return split_caption(_bare(line)), [*parts[:place], *middle, *parts[place + 1 :]]
    return NO_CREDIT, list(parts)


def _bare(line: str) -> str:
    """Without the emoji, bullets and dashes around it."""
    start, end = 0, len(line)
    while start < end and _is_ornament(line[start]):
        start += 1
    while start < end and _is_ornament(line[end - 1]):
        end -= 1
    return line[start:end]


def _is_ornament(sign: str) -> bool:
    return sign in ORNAMENTS or sign.isspace() or unicodedata.category(sign) in ("So", "Sk", "Cf")


def _is_credit_line(line: str) -> bool:
    found = CREDIT_MARK.match(_bare(line))
    return bool(found) and len(line) < 200


def _without_lines(part: _Part, is_bad: Callable[[str], bool]) -> _Part:
    """The part up to the first such line and from the last one on; lines between two of them are rare and stay out of reach."""
    at, spans = 0, []
    for line in part.words.text.split("\n"):
        if not is_bad(line):
            spans.append((at, at + len(line)))
        at += len(line) + 1
    return replace(part, words=_join([part.words.cut(start, end) for start, end in _runs(spans)]))


def _runs(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbouring lines together."""
    runs: list[tuple[int, int]] = []
    for start, end in spans:
        if runs and runs[-1][1] + 1 == start:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs


def _join(pieces: Sequence[MarkedText]) -> MarkedText:
    text, marks = "", []
    for piece in (piece for piece in pieces if piece.text):
        shift = len(text) + 1 if text else 0
        text = f"{text}\n{piece.text}" if text else piece.text
        marks += [mark._replace(start=mark.start + shift, end=mark.end + shift) for mark in piece.marks]
    return MarkedText(text, tuple(marks))


def _is_invitation(words: MarkedText, is_own: Callable[[str], bool]) -> bool:
    """A short line whose every letter is a link to the channel itself: «Подписаться», «Прислать новость»."""
    if len(words.text) > 80 or not words.is_covered("a"):
        return False
    return all(is_own(mark.url) for mark in words.marks if mark.kind == "a")


def _take_headline(parts: Sequence[_Part]) -> tuple[str, list[_Part]]:
    if not parts:
        return "", []
    first = parts[0]
    line, rest = _first_line(first)
    title = _title(line.text)
    is_title = line.is_covered("b") or (not _sentences(title)[1:] and not _is_item(line.text))
    if title and len(title) <= LONGEST_HEADLINE and is_title:
        return title, [*([replace(first, words=rest)] if rest.text else []), *parts[1:]]
    return _shorten(_title(_sentences(first.words.text.replace("\n", " "))[0])), list(parts)


def _first_line(part: _Part) -> tuple[MarkedText, MarkedText]:
    """The first line and the rest; where a line begins with a bold sentence, that sentence is the line."""
    text = part.words.text
    end = text.find("\n") if "\n" in text else len(text)
    bold = next((mark for mark in part.words.marks if mark.kind == "b"), None)
    if bold and bold.end < end and not text[: bold.start].strip(" \u00a0") and text[: bold.end].rstrip()[-1:] in ".!?…":
        end = bold.end
    return part.words.cut(0, end), part.words.cut(end, len(text))


def _title(line: str) -> str:
    """A headline without the ornaments around it and without its full stop."""
    line = " ".join(_bare(line).split())
    return line[:-1] if line.endswith(".") and not line.endswith("..") and not NOT_AN_END.search(line) else line


def _sentences(text: str) -> list[str]:
    """The first sentence and the rest; an initial or «г.» ends none."""
    for found in SENTENCE_END.finditer(text):
        if not NOT_AN_END.search(text[: found.start()]):
            return [text[: found.end()].strip(), text[found.end() :].strip()]
    return [text.strip()]


def _shorten(line: str) -> str:
    if len(line) <= LONGEST_HEADLINE:
        return line
    head = line[: LONGEST_HEADLINE - 1]
    return head[: max(head.rfind(" "), LONGEST_HEADLINE // 2)].rstrip(" ,;:—–-") + "…"


def _take_lede(parts: Sequence[_Part]) -> tuple[str, list[_Part]]:
    """The first paragraph, where it is plain words and more follows. One with a link stays text: a lede has none."""
    if len(parts) < 2:
        return "", list(parts)
    first = parts[0]
    is_plain = first.kind == "paragraph" and not any(mark.kind == "a" for mark in first.words.marks)
    lines = first.words.text.split("\n")
    if not is_plain or len(first.words.text) > LONGEST_LEDE or any(_is_item(line) for line in lines):
        return "", list(parts)
    return " ".join(first.words.text.split()), list(parts[1:])


def _blocks(part: _Part) -> Iterator[BlockForm]:
    if part.kind == "quote":
        yield QuoteForm(kind="quote", html=to_html(part.words))
    elif part.kind == "pre":
        yield ParagraphForm(kind="paragraph", html=f"<code>{to_html(part.words)}</code>")
    elif len(part.words.text) <= LONGEST_HEADLINE and "\n" not in part.words.text and _is_heading(part.words):
        yield HeadingForm(kind="heading", text=_title(part.words.text))
    else:
        yield from _paragraph_and_lists(part.words)


def _is_heading(words: MarkedText) -> bool:
    return (
        words.is_covered("b") and not any(mark.kind == "a" for mark in words.marks) and words.text[-1] not in ".!?…,;"
    )


def _paragraph_and_lists(words: MarkedText) -> Iterator[BlockForm]:
    """Two and more lines that begin with a bullet or a number are a list."""
    for is_list, lines in _grouped(_lines(words)):
        if is_list and len(lines) > 1:
            numbered = all(NUMBERED.match(line.text) for line in lines)
            items = [to_html(line.cut(_bullet_end(line.text), len(line.text))) for line in lines]
            yield ListForm(kind="list", items=items, ordered=numbered)
        else:
            yield ParagraphForm(kind="paragraph", html=to_html(_join(lines)))


def _is_item(line: str) -> bool:
    return bool(BULLET.match(line))


def _bullet_end(line: str) -> int:
    found = BULLET.match(line)
    return found.end() if found else 0


def _lines(words: MarkedText) -> list[MarkedText]:
    at, lines = 0, []
    for line in words.text.split("\n"):
        lines.append(words.cut(at, at + len(line)))
        at += len(line) + 1
    return [line for line in lines if line.text]


def _grouped(lines: Sequence[MarkedText]) -> Iterator[tuple[bool, list[MarkedText]]]:
    group: list[MarkedText] = []
    was_list = False
    for line in lines:
        is_list = _is_item(line.text)
        if group and is_list != was_list:
            yield was_list, group
            group = []
        group.append(line)
        was_list = is_list
    if group:
        yield was_list, group
