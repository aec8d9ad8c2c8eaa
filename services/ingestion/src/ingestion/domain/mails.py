"""Press releases in the mail: subject, body as HTML or text, a DOCX that holds the text, photos attached or in the text.

Source: RFC 5322, RFC 2045 to 2047, RFC 2392 (cid:). Nothing is fetched; a body's pictures from elsewhere are named and fetched later.
"""

import hashlib
import mimetypes
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime
from html import escape
from typing import Any, cast

from ingestion.domain.charsets import to_text
from ingestion.domain.documents import INSIDE, Document, is_document, of_html, of_text, read_document
from ingestion.domain.folders import PHOTO_SUFFIXES
from ingestion.domain.items import File, Item, Part, Trouble, attempt
from ingestion.domain.story_form import MAX_IMAGES, StoryForm
from ingestion.domain.zips import read_zip

SUBJECT_PREFIX = re.compile(r"^\s*(?:(?:re|fwd?|ha|на|отв|пересл)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)
CID = re.compile(r"""(src\s*=\s*["']?)cid:([^"'\s>]+)""", re.IGNORECASE)
SIGNATURE = re.compile(r"\n-- ?\n.*\Z", re.DOTALL)
GREETING = re.compile(r"^(?:уважаем|добр(?:ый|ое|ого)\s|здравствуйте|коллеги|dear\b|hello\b|good\s)", re.IGNORECASE)
SHORT_BODY = 600
"""Characters. A shorter body beside a DOCX only says that the text is attached."""
LEAST_PHOTO_BYTES = 6 * 1024
"""Smaller pictures in the text are signs of a signature."""
MOST_PARTS = 200


def parse(body: bytes, senders: Sequence[str], read_at: datetime) -> Iterator[Part]:
    """One message. `senders`: addresses or domains whose mail comes in; empty: anybody's."""
    message = message_from_bytes(body, policy=policy.default)
    identity = _identity(message, body)
    sender = _sender(message)
    if senders and not any(
        sender[1].lower() == one.lower() or sender[1].lower().endswith(f"@{one.lower().lstrip('@')}") for one in senders
    ):
        yield Trouble(identity, f"came from {sender[1] or 'nobody'}, who is not among the source's senders")
        return
    troubles: list[Trouble] = []
    yield attempt(identity, lambda: _item(message, identity, sender, read_at, troubles))
    yield from troubles


def _item(
    message: EmailMessage, identity: str, sender: tuple[str, str], read_at: datetime, troubles: list[Trouble]
) -> Item:
    attached = list(_attached(message, identity, troubles))
    inline = {cid: file for cid, _, file in attached if cid}
    written = _written(message, inline)
    subject = " ".join(SUBJECT_PREFIX.sub("", str(message["subject"] or "")).split())
    document = _best(written, attached, subject, troubles)
    files: dict[str, File] = {**{f"cid-{cid}": file for cid, file in inline.items()}, **document.files}
    images: list[dict[str, Any]] = [
        image for image in document.images if image.get("file", "") in files or image.get("url")
    ]
    used = {image.get("file") for image in images}
    for number, (cid, name, file) in enumerate(attached):
        is_photo = name.lower().endswith(PHOTO_SUFFIXES) or file.content_type.startswith("image/")
        if is_photo and f"cid-{cid}" not in used and (not cid or len(file.body) >= LEAST_PHOTO_BYTES):
            key = f"{number}-{name}"[-200:]
            files[key] = file
            images.append({"file": key, **({"credit": document.credit} if document.credit else {})})
    images = images[:MAX_IMAGES]
    body = [block for block in map(_plain, document.body) if block["kind"] != "image" or block["image"] < len(images)]
    placed = {block["image"] for block in body if block["kind"] == "image"}
    form = StoryForm.model_validate(
        {
            "external_id": identity,
            "headline": (document.headline or subject or "Письмо без темы")[:500],
            "lede": document.lede,
            "body": [
                *body,
                *({"kind": "image", "image": place} for place in range(1, len(images)) if place not in placed),
            ],
            "images": images,
            "authors": [sender[0][:2_000]] if sender[0] else [],
            "tags": list(document.tags)[:50],
            "published_at": _date(message, read_at),
        }
    )
    return Item(form, {name: file for name, file in files.items() if name in {image.get("file") for image in images}})


def _identity(message: EmailMessage, body: bytes) -> str:
    given = str(message["message-id"] or "").strip().strip("<>")
    return given[:500] or hashlib.blake2b(body, digest_size=16).hexdigest()


def _sender(message: EmailMessage) -> tuple[str, str]:
    found = getaddresses([str(message["from"] or "")])
    return (found[0][0], found[0][1]) if found else ("", "")


def _date(message: EmailMessage, read_at: datetime) -> datetime | None:
    """When it was sent; a time that has not come yet, or is none, is not believed."""
    try:
        sent_at = parsedate_to_datetime(str(message["date"]))
    except (TypeError, ValueError):
        return None
    sent_at = sent_at if sent_at.tzinfo else sent_at.replace(tzinfo=UTC)
    return sent_at if sent_at <= read_at else None


def _attached(message: EmailMessage, identity: str, troubles: list[Trouble]) -> Iterator[tuple[str, str, File]]:
    """(content id or "", name, file) of every part that is no body; ZIPs are opened."""
    for number, part in enumerate(message.walk()):
        if number > MOST_PARTS:
            troubles.append(Trouble(identity, f"has more than {MOST_PARTS} parts; the rest is not read"))
            return
        name = part.get_filename() or ""
        kind = part.get_content_type()
        if part.is_multipart() or (kind in ("text/plain", "text/html") and not name):
            continue
        file = File(cast("bytes", part.get_payload(decode=True) or b""), kind)
        if kind in ("application/zip", "application/x-zip-compressed") or name.lower().endswith(".zip"):
            yield from _of_zip(name, file.body, identity, troubles)
        else:
            cid = str(part["content-id"] or "").strip().strip("<>")
            yield cid, name or f"part-{number}{mimetypes.guess_extension(kind) or ''}", file


def _of_zip(name: str, body: bytes, identity: str, troubles: list[Trouble]) -> Iterator[tuple[str, str, File]]:
    try:
        for member in read_zip(body):
            if member.problem:
                troubles.append(Trouble(f"{identity}: {name}/{member.name}", member.problem))
            else:
                kind = mimetypes.guess_type(member.name)[0] or "application/octet-stream"
                yield "", member.name.rpartition("/")[2], File(member.body, kind)
    except ValueError as error:
        troubles.append(Trouble(f"{identity}: {name}", str(error)))


def _written(message: EmailMessage, inline: dict[str, File]) -> Document:
    """The body: HTML rather than text, with its pictures in their places."""
    html = message.get_body(preferencelist=("html",))
    if html is not None:
        text = _text_of(cast("EmailMessage", html))
        document = of_html(CID.sub(lambda found: f"{found[1]}{INSIDE}cid-{found[2]}", text))
        if document.headline:
            small = {f"cid-{cid}" for cid, file in inline.items() if len(file.body) < LEAST_PHOTO_BYTES}
            return _without(document, small)
    plain = message.get_body(preferencelist=("plain",))
    return of_text(SIGNATURE.sub("", _text_of(cast("EmailMessage", plain)))) if plain is not None else Document("")


def _text_of(part: EmailMessage) -> str:
    return to_text(cast("bytes", part.get_payload(decode=True) or b""), str(part["content-type"] or ""))


def _without(document: Document, names: set[str]) -> Document:
    """The document without some of its pictures."""
    kept = [number for number, image in enumerate(document.images) if image.get("file") not in names]
    moved = {old: new for new, old in enumerate(kept)}
    body = [
        {**block, "image": moved[block["image"]]} if block["kind"] == "image" else block
        for block in document.body
        if block["kind"] != "image" or block["image"] in moved
    ]
    return Document(
        document.headline, document.lede, body, [document.images[number] for number in kept], document.files
    )


def _best(
    written: Document, attached: Sequence[tuple[str, str, File]], subject: str, troubles: list[Trouble]
) -> Document:
    """The attached document where the body only says that there is one; else the body under the subject."""
    if _length(written) < SHORT_BODY:
        for _, name, file in attached:
            if is_document(name):
                try:
                    return read_document(name, file.body)
                except ValueError as error:
                    troubles.append(Trouble(f"attached: {name}", str(error)))
    return _under_subject(written, subject)


def _under_subject(document: Document, subject: str) -> Document:
    """The subject is the headline. What the body begins with is its lede then, unless it says the same or only greets."""
    begins = document.headline
    if not subject or not begins or begins.endswith("…"):  # the body still has all of it
        return replace(document, headline=subject or begins)
    if GREETING.match(begins) or begins.lower() == subject.lower():
        return replace(document, headline=subject)
    lede = [{"kind": "paragraph", "html": escape(document.lede, quote=False)}] if document.lede else []
    return replace(document, headline=subject, lede=begins, body=[*lede, *document.body])


def _length(document: Document) -> int:
    return len(document.headline) + len(document.lede) + sum(len(str(block)) for block in document.body)


def _plain(block: Any) -> dict[str, Any]:  # noqa: ANN401 - a form or its JSON
    return block if isinstance(block, dict) else dict(block.model_dump())
