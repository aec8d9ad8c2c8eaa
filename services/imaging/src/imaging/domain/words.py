"""Caption and credit in the file: written as XMP, IPTC-IIM and EXIF, read from XMP and IIM.

Sources: IPTC Photo Metadata Standard 2023.2 (dc:description, photoshop:Credit, Iptc4xmpCore, 2:120, 2:110),
IIM 4.2 chapter 1 (datasets), Adobe "Photoshop File Formats" (image resource 0x0404).
"""

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
}
CAPTION, CREDIT, BYLINE, COPYRIGHT, CODED_CHARACTER_SET = (2, 120), (2, 110), (2, 80), (2, 116), (1, 90)
UTF8_MARK = b"\x1b%G"
IIM_BYTES = {CAPTION: 2000, CREDIT: 128, BYLINE: 128, COPYRIGHT: 128}


@dataclass(frozen=True)
class Words:
    caption: str = ""
    credit: str = ""

    def or_else(self, other: "Words") -> "Words":
        """Each word from here, or from `other` where there is none here."""
        return Words(self.caption or other.caption, self.credit or other.credit)


def xmp(words: Words) -> bytes:
    """An XMP packet."""
    caption, credit = (escape(_printable(text), {'"': "&quot;"}) for text in (words.caption, words.credit))
    parts = []
    if caption:
        parts.append(
            f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{caption}</rdf:li></rdf:Alt></dc:description>'
        )
    if credit:
        parts.append(
            f"<photoshop:Credit>{credit}</photoshop:Credit><dc:creator><rdf:Seq><rdf:li>{credit}</rdf:li></rdf:Seq></dc:creator>"
        )
        parts.append(f'<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">{credit}</rdf:li></rdf:Alt></dc:rights>')
    spaces = " ".join(f'xmlns:{name}="{url}"' for name, url in NAMESPACES.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="'
        + NAMESPACES["rdf"]
        + f'"><rdf:Description rdf:about="" {spaces.replace("xmlns:rdf", "xmlns:unused")}>{"".join(parts)}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def iim(words: Words) -> bytes:
    """IIM records, UTF-8, wrapped as Photoshop resource 0x0404, as JPEG's APP13 wants them."""
    values = {CAPTION: words.caption, CREDIT: words.credit, BYLINE: words.credit, COPYRIGHT: words.credit}
    records = _record(CODED_CHARACTER_SET, UTF8_MARK) + _record((2, 0), b"\x00\x04")
    records += b"".join(
        _record(dataset, _cut(value, IIM_BYTES[dataset])) for dataset, value in sorted(values.items()) if value
    )
    padded = records + b"\x00" * (len(records) % 2)
    return b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + len(records).to_bytes(4, "big") + padded


def exif(words: Words) -> bytes:
    """A TIFF block with ImageDescription, Artist and Copyright; UTF-8, as readers take it today. libvips itself writes only ASCII.

    Source: Exif 3.0 (JEITA CP-3451F), sections 4.5 and 4.6; TIFF 6.0 section 2.
    """
    values = [(0x010E, words.caption), (0x013B, words.credit), (0x8298, words.credit)]
    entries = [(tag, value.encode() + b"\x00") for tag, value in values if value]
    offset = 8 + 2 + 12 * len(entries) + 4
    directory, texts = b"", b""
    for tag, text in entries:
        place = (text + b"\x00" * 4)[:4] if len(text) <= 4 else (offset + len(texts)).to_bytes(4, "little")
        directory += tag.to_bytes(2, "little") + (2).to_bytes(2, "little") + len(text).to_bytes(4, "little") + place
        texts += b"" if len(text) <= 4 else text + b"\x00" * (len(text) % 2)
    return b"Exif\x00\x00II*\x00\x08\x00\x00\x00" + len(entries).to_bytes(2, "little") + directory + b"\x00" * 4 + texts


def _record(dataset: tuple[int, int], value: bytes) -> bytes:
    return bytes([0x1C, *dataset]) + len(value).to_bytes(2, "big") + value


def _cut(text: str, size: int) -> bytes:
    """At most `size` bytes of UTF-8, no character torn."""
    return text.encode()[:size].decode(errors="ignore").encode()


def _printable(text: str) -> str:
    return "".join(sign for sign in text if sign >= " " or sign in "\n\t")


def read_xmp(packet: bytes) -> Words:
    """Caption and credit of an XMP packet; nothing from one that is broken or hostile."""
    try:
        root = fromstring(packet.strip(b"\x00 \n\r\t"), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return Words()
    return Words(_first(root, "dc", "description"), _first(root, "photoshop", "Credit") or _first(root, "dc", "rights"))


def _first(root: Element, prefix: str, name: str) -> str:
    qualified = f"{{{NAMESPACES[prefix]}}}{name}"
    for element in root.iter(qualified):
        text = " ".join("".join(element.itertext()).split())
        if text:
            return text
    for element in root.iter(f"{{{NAMESPACES['rdf']}}}Description"):
        if element.get(qualified):
            return " ".join(str(element.get(qualified)).split())
    return ""


IIM_START = re.compile(rb"8BIM\x04\x04")


def read_iim(block: bytes) -> Words:
    """Caption and credit of an APP13 block; the declared character set, else UTF-8, else Windows-1251."""
    found = IIM_START.search(block)
    position = found.end() if found else 0
    if found:
        position += 2 if block[position : position + 1] == b"\x00" else 1 + block[position] + (block[position] + 1) % 2
        position += 4
    values: dict[tuple[int, int], bytes] = {}
    while position + 5 <= len(block) and block[position] == 0x1C:
        dataset = (block[position + 1], block[position + 2])
        size = int.from_bytes(block[position + 3 : position + 5], "big")
        if size & 0x8000:  # extended datasets are for pictures, not words
            break
        values[dataset] = block[position + 5 : position + 5 + size]
        position += 5 + size
    is_utf8 = values.get(CODED_CHARACTER_SET) == UTF8_MARK
    return Words(
        _decode(values.get(CAPTION, b""), is_utf8=is_utf8),
        _decode(values.get(CREDIT, b"") or values.get(BYLINE, b""), is_utf8=is_utf8),
    )


def _decode(value: bytes, *, is_utf8: bool) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = value.decode("utf-8" if is_utf8 else "cp1251", errors="replace")
    return " ".join(text.replace("\x00", " ").split())
