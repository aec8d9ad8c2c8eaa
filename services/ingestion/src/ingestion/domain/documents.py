"""Documents that people write in: DOCX, Markdown, HTML and plain text become headline, lede, body and pictures."""

import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import mammoth
from markdown_it import MarkdownIt

from ingestion.domain.articles import compose, shorten
from ingestion.domain.charsets import to_text
from ingestion.domain.items import File
from ingestion.domain.markup import plain
from ingestion.domain.posts import LONGEST_HEADLINE, LONGEST_LEDE, NO_CREDIT, read_post
from ingestion.domain.spans import MarkedText
from ingestion.domain.zips import check_bomb

SUFFIXES = (".docx", ".md", ".markdown", ".html", ".htm", ".txt")
INSIDE = "https://file.invalid/"
"""Stands before the names of pictures that are inside a document; a host that can never be."""


@dataclass(frozen=True)
class Document:
    """What a document says. `images` are forms whose `file` is a key of `files`, or whose `url` is elsewhere."""

    headline: str
    lede: str = ""
    body: list[Any] = field(default_factory=list)
    images: list[dict[str, str]] = field(default_factory=list)
    files: Mapping[str, File] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    credit: str = ""


def is_document(name: str) -> bool:
    return PurePosixPath(name.lower()).suffix in SUFFIXES


def read_document(name: str, body: bytes) -> Document:
    """A document by its name's ending.

    Raises:
        ValueError: it is none of these kinds, is damaged, or unpacks to too much.

    """
    suffix = PurePosixPath(name.lower()).suffix
    if suffix == ".docx":
        return _of_docx(body)
    if suffix in (".md", ".markdown"):
        return of_html(MarkdownIt("commonmark", {"html": False}).render(to_text(body)))
    if suffix in (".html", ".htm"):
        return of_html(to_text(body))
    if suffix == ".txt":
        return of_text(to_text(body))
    raise ValueError(f"{name}: documents are {', '.join(SUFFIXES)}")


def of_text(text: str) -> Document:
    """Plain text by the rules of posts: the first line is the headline."""
    post = read_post(MarkedText(text.replace("\r\n", "\n")), lambda _: False)
    if post is None:
        return Document("")
    credit = "" if post.credit == NO_CREDIT else post.credit.credit
    return Document(post.headline, post.lede, list(post.body), tags=post.tags, credit=credit)


def of_html(html: str, files: Mapping[str, File] | None = None) -> Document:
    """HTML whose first heading, or first short paragraph, is the headline. `files`: pictures that stand in it as INSIDE + name."""
    article = compose(html, "")
    headline, body = _take_headline(article.body)
    lede, body = _take_lede(body)
    return Document(headline, lede, body, [_inside(image) for image in article.images], files or {})


def _of_docx(body: bytes) -> Document:
    files: dict[str, File] = {}

    def keep(image: Any) -> dict[str, str]:  # noqa: ANN401 - mammoth's own
        with image.open() as opened:
            name = f"picture-{len(files) + 1}.{str(image.content_type).rpartition('/')[2]}"
            files[name] = File(opened.read(), str(image.content_type))
        return {"src": INSIDE + name}

    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            check_bomb(archive)
        html = mammoth.convert_to_html(io.BytesIO(body), convert_image=mammoth.images.img_element(keep)).value
    except ValueError:
        raise
    except Exception as error:  # noqa: BLE001 - damage shows itself in a dozen kinds
        raise ValueError(f"is no DOCX that can be read: {type(error).__name__}: {error}") from None
    return of_html(html, files)


def _inside(image: dict[str, str]) -> dict[str, str]:
    url = image["url"]
    if not url.startswith(INSIDE):
        return image
    return {**{name: value for name, value in image.items() if name != "url"}, "file": url.removeprefix(INSIDE)}


def _words(block: Mapping[str, Any]) -> str:
    return " ".join(plain(str(block.get("html") or block.get("text") or "").replace("<br>", " ")).split())


def _take_headline(body: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    if not body:
        return "", body
    first = body[0]
    words = _words(first)
    is_bold = bool(re.fullmatch(r"<(?:b|strong)>.*</(?:b|strong)>", str(first.get("html", "")), re.DOTALL))
    if first["kind"] == "heading" or (first["kind"] == "paragraph" and len(words) <= LONGEST_HEADLINE):
        is_title = first["kind"] == "heading" or is_bold or not words.endswith((".", ":", ";", ","))
        if is_title or len(body) > 1:
            return words.removesuffix("."), body[1:]
    return shorten(words, LONGEST_HEADLINE), body


def _take_lede(body: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    if len(body) < 2 or body[0]["kind"] != "paragraph" or "<a " in body[0]["html"]:
        return "", body
    words = _words(body[0])
    return (words, body[1:]) if len(words) <= LONGEST_LEDE else ("", body)
