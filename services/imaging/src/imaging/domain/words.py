"""What a photo says of itself: caption, credit, author, rights. Read from XMP, IPTC-IIM and EXIF."""

import re
from dataclasses import dataclass, fields, replace
from typing import Final
from xml.etree.ElementTree import Element

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

NAMESPACES: Final = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
}
XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True)
class Words:
    """`until` is as the file writes it: YYYY-MM-DD, with a time and zone behind it where it has them."""

    caption: str = ""
    credit: str = ""
    byline: str = ""
    copyright: str = ""
    alt_text: str = ""
    terms: str = ""
    statement_url: str = ""
    instructions: str = ""
    until: str = ""
    source_type: str = ""

    def or_else(self, other: "Words") -> "Words":
        """Each word from here, or from `other` where there is none here."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(other, **{name: value for name, value in own.items() if value})

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


XMP_PLACES: Final = {
    "caption": ("dc", "description"),
    "credit": ("photoshop", "Credit"),
    "byline": ("dc", "creator"),
    "copyright": ("dc", "rights"),
    "alt_text": ("Iptc4xmpCore", "AltTextAccessibility"),
    "terms": ("xmpRights", "UsageTerms"),
    "statement_url": ("xmpRights", "WebStatement"),
    "instructions": ("photoshop", "Instructions"),
    "until": ("plus", "LicenseEndDate"),
    "source_type": ("Iptc4xmpExt", "DigitalSourceType"),
}
"""Source: IPTC Photo Metadata Standard 2023.2; PLUS LDF 2.0 for the licence's end."""


def read_xmp(packet: bytes) -> Words:
    """The words of an XMP packet; none from one that is broken or hostile."""
    try:
        root = fromstring(packet.strip(b"\x00 \n\r\t"), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return Words()
    return Words(**{name: _first(root, *place) for name, place in XMP_PLACES.items()})


def _first(root: Element, prefix: str, name: str) -> str:
    """The default language of a text in several, all items of a list, or an attribute."""
    qualified, item = f"{{{NAMESPACES[prefix]}}}{name}", f"{{{NAMESPACES['rdf']}}}li"
    for element in root.iter(qualified):
        items = list(element.iter(item))
        in_languages = [one for one in items if one.get(XML_LANG)]
        default = [one for one in in_languages if one.get(XML_LANG) == "x-default"] or in_languages[:1]
        texts = [_line("".join(one.itertext())) for one in default or items or [element]]
        if any(texts):
            return ", ".join(filter(None, texts))
    for element in root.iter(f"{{{NAMESPACES['rdf']}}}Description"):
        if element.get(qualified):
            return _line(str(element.get(qualified)))
    return ""


CODED_CHARACTER_SET: Final = (1, 90)
IIM_PLACES: Final = {
    "caption": (2, 120),
    "credit": (2, 110),
    "byline": (2, 80),
    "copyright": (2, 116),
    "instructions": (2, 40),
}
EXPIRATION_DATE: Final = (2, 37)
ISO_2022: Final = {
    b"\x1b%G": "utf-8",
    b"\x1b.A": "latin-1",
    **{
        b"\x1b-" + final: f"iso8859-{number}"
        for final, number in ((b"A", 1), (b"B", 2), (b"C", 3), (b"D", 4), (b"L", 5), (b"F", 7), (b"M", 9))
    },
}
"""Declared character sets, by the escape sequences of ISO 2022 that IIM 4.2 asks for (1:90)."""
IIM_START: Final = re.compile(rb"8BIM\x04\x04")


def read_iim(block: bytes) -> Words:
    """The words of an APP13 block; in the declared character set, else UTF-8, else Windows-1251."""
    values = _iim_values(block)
    declared = ISO_2022.get(values.get(CODED_CHARACTER_SET, b""))
    texts = {name: _decode(values.get(place, b""), declared) for name, place in IIM_PLACES.items()}
    date = _decode(values.get(EXPIRATION_DATE, b""), "ascii")
    until = f"{date[:4]}-{date[4:6]}-{date[6:]}" if re.fullmatch(r"\d{8}", date) else ""
    return Words(**texts, until=until)


def _iim_values(block: bytes) -> dict[tuple[int, int], bytes]:
    found = IIM_START.search(block)
    position = found.end() if found else 0
    if found:
        name = block[position] if position < len(block) else 0
        position += name + 1 + (name + 1) % 2 + 4
    values: dict[tuple[int, int], bytes] = {}
    while position + 5 <= len(block) and block[position] == 0x1C:
        dataset = (block[position + 1], block[position + 2])
        size = int.from_bytes(block[position + 3 : position + 5], "big")
        if size & 0x8000:  # extended datasets are for pictures, not words
            break
        value = block[position + 5 : position + 5 + size]
        if len(value) < size:
            break
        is_repeated = dataset == IIM_PLACES["byline"] and dataset in values
        values[dataset] = values[dataset] + b", " + value if is_repeated else value
        position += 5 + size
    return values


EXIF_PLACES: Final = {"caption": 0x010E, "byline": 0x013B, "copyright": 0x8298}
WINDOWS_PLACES: Final = {"caption": 0x9C9C, "byline": 0x9C9D}
"""XPComment and XPAuthor, in UTF-16: what Windows' own file dialog writes."""
CAMERAS_OWN: Final = re.compile(
    r"(?i)^(olympus digital camera|sony dsc|minolta.*|digital camera|dcim.*|default|untitled)$"
)
"""What cameras put where a caption belongs."""


def read_exif(block: bytes) -> Words:
    """The words of a TIFF block, with or without `Exif` before it; UTF-8, else Windows-1251; Windows' own tags last.

    Source: Exif 3.0 (JEITA CP-3451F) section 4.6.4; TIFF 6.0 section 2.
    """
    tiff = block.removeprefix(b"Exif\x00\x00")
    texts = _directory(tiff)
    plain = Words(**{name: _decode(texts.get(tag, b""), None) for name, tag in EXIF_PLACES.items()})
    if CAMERAS_OWN.match(plain.caption):
        plain = replace(plain, caption="")
    windows = {
        name: _line(texts.get(tag, b"").decode("utf-16-le", "replace").replace("\x00", ""))
        for name, tag in WINDOWS_PLACES.items()
    }
    return plain.or_else(Words(**windows))


def _directory(tiff: bytes) -> dict[int, bytes]:
    """The bytes of the first directory's texts, by tag; whatever points outside the block is left out."""
    order = {b"II": "little", b"MM": "big"}.get(tiff[:2])
    if order is None:
        return {}

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], "little" if order == "little" else "big")

    start, values = number(4, 4), {}
    for entry in range(min(number(start, 2), 200)):
        at = start + 2 + 12 * entry
        kind, count = number(at + 2, 2), number(at + 4, 4)
        if kind not in (1, 2, 129) or at + 12 > len(tiff):  # bytes, ASCII, UTF-8
            continue
        place = at + 8 if count <= 4 else number(at + 8, 4)
        if place + count <= len(tiff):
            values[number(at, 2)] = tiff[place : place + count]
    return values


def _decode(value: bytes, declared: str | None) -> str:
    for encoding in (declared, "utf-8", "cp1251"):
        try:
            if encoding:
                return _line(value.decode(encoding))
        except UnicodeDecodeError:
            continue
    return _line(value.decode("cp1251", "replace"))


def _line(text: str) -> str:
    return " ".join(text.replace("\x00", " ").split())
