"""Bytes of strangers to text. Declarations lie: what is valid UTF-8 is UTF-8, whatever the header or the file says."""

import codecs
import re

DECLARED = re.compile(
    rb"""(?:<\?xml[^>]*?encoding\s*=\s*|<meta[^>]*?charset\s*=\s*)["']?\s*([A-Za-z0-9_.:-]+)""", re.IGNORECASE
)
CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9_.:-]+)""", re.IGNORECASE)
HEAD_BYTES = 4096
MOST_DAMAGE = 0.3
"""UTF-8 with so few bad signs among those that are not ASCII is damaged UTF-8: of Cyrillic in another charset nearly all are bad."""
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def to_text(body: bytes, content_type: str = "") -> str:
    """The text, by its byte order mark, then as UTF-8, then as it is declared in the header and in the file itself.

    Windows-1251 is the last guess, since that is what undeclared Cyrillic is; nothing raises.
    """
    for mark, encoding in BOMS:
        if body.startswith(mark):
            return body.decode(encoding, "replace").lstrip("\ufeff")
    if b"\x00" in body[:64] and (wide := _wide(body)):
        return wide
    try:
        return body.decode()
    except UnicodeDecodeError:
        return _other(body, content_type)


def _wide(body: bytes) -> str:
    """UTF-16 without a mark: an XML or HTML file begins with an ASCII sign beside a zero."""
    if body[:1] == b"<" and body[1:2] == b"\x00":
        return body.decode("utf-16-le", "replace")
    if body[:2] == b"\x00<":
        return body.decode("utf-16-be", "replace")
    return ""


def _other(body: bytes, content_type: str) -> str:
    damaged = body.decode(errors="replace")
    beyond_ascii = sum(1 for sign in damaged if sign > "\x7f")
    if damaged.count("\ufffd") <= MOST_DAMAGE * beyond_ascii:
        return damaged
    in_file = DECLARED.search(body[:HEAD_BYTES])
    in_header = CHARSET.search(content_type)
    for name in (in_header[1] if in_header else "", in_file[1].decode() if in_file else "", "windows-1251"):
        if text := _strictly(body, name):
            return text
    return body.decode("windows-1251", "replace")


def _strictly(body: bytes, name: str) -> str:
    if name.lower() in ("", "utf-8", "utf8", "us-ascii", "ascii"):
        return ""
    try:
        return body.decode(name)
    except (LookupError, UnicodeError, ValueError):
        return ""
