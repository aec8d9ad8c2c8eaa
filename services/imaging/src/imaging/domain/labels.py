"""Words as they are written into renditions: an XMP packet, IPTC-IIM records, an EXIF block.

Sources: IPTC Photo Metadata Standard 2023.2, IIM 4.2 chapter 1 (datasets), Adobe "Photoshop File Formats" (image resource 0x0404).
"""

from typing import Final
from xml.sax.saxutils import escape

from imaging.domain.words import CODED_CHARACTER_SET, IIM_PLACES, NAMESPACES, Words

UTF8_MARK: Final = b"\x1b%G"
IIM_BYTES: Final = {"caption": 2000, "credit": 128, "byline": 128, "copyright": 128, "instructions": 256}


def xmp(words: Words) -> bytes:
    """An XMP packet."""
    parts = [
        _alternatives("dc:description", words.caption),
        _alternatives("dc:rights", words.copyright or words.credit),
        _alternatives("xmpRights:UsageTerms", words.terms),
        _alternatives("Iptc4xmpCore:AltTextAccessibility", words.alt_text),
        _simple("photoshop:Credit", words.credit),
        _simple("photoshop:Instructions", words.instructions),
        _simple("xmpRights:WebStatement", words.statement_url),
        _simple("plus:LicenseEndDate", words.until),
        _simple("Iptc4xmpExt:DigitalSourceType", words.source_type),
    ]
    if author := _text(words.byline or words.credit):
        parts.append(f"<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>")
    used = {part[1:].partition(":")[0] for part in parts if part}
    spaces = " ".join(f'xmlns:{name}="{NAMESPACES[name]}"' for name in sorted(used))
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{NAMESPACES["rdf"]}"><rdf:Description rdf:about="" {spaces}>{"".join(parts)}'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def _alternatives(name: str, text: str) -> str:
    return text and f'<{name}><rdf:Alt><rdf:li xml:lang="x-default">{_text(text)}</rdf:li></rdf:Alt></{name}>'


def _simple(name: str, text: str) -> str:
    return text and f"<{name}>{_text(text)}</{name}>"


def _text(text: str) -> str:
    return escape("".join(sign for sign in text if sign >= " " or sign in "\n\t"), {'"': "&quot;"})


def iim(words: Words) -> bytes:
    """IIM records, UTF-8, wrapped as Photoshop resource 0x0404, as JPEG's APP13 wants them."""
    values = {
        "caption": words.caption,
        "credit": words.credit,
        "byline": words.byline or words.credit,
        "copyright": words.copyright or words.credit,
        "instructions": words.instructions,
    }
    records = _record(CODED_CHARACTER_SET, UTF8_MARK) + _record((2, 0), b"\x00\x04")
    for name, value in sorted(values.items(), key=lambda one: IIM_PLACES[one[0]]):
        if value:
            records += _record(IIM_PLACES[name], _cut(value, IIM_BYTES[name]))
    padded = records + b"\x00" * (len(records) % 2)
    return b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + len(records).to_bytes(4, "big") + padded


def _record(dataset: tuple[int, int], value: bytes) -> bytes:
    return bytes([0x1C, *dataset]) + len(value).to_bytes(2, "big") + value


def _cut(text: str, size: int) -> bytes:
    """At most `size` bytes of UTF-8, no character torn."""
    return text.encode()[:size].decode(errors="ignore").encode()


def exif(words: Words) -> bytes:
    """A TIFF block with ImageDescription, Artist and Copyright; UTF-8, as readers take it today. libvips itself writes only ASCII.

    Source: Exif 3.0 (JEITA CP-3451F), sections 4.5 and 4.6; TIFF 6.0 section 2.
    """
    author, rights = words.byline or words.credit, words.copyright or words.credit
    values = [(0x010E, words.caption), (0x013B, author), (0x8298, rights)]
    entries = [(tag, value.encode() + b"\x00") for tag, value in values if value]
    offset = 8 + 2 + 12 * len(entries) + 4
    directory, texts = b"", b""
    for tag, text in entries:
        place = (text + b"\x00" * 4)[:4] if len(text) <= 4 else (offset + len(texts)).to_bytes(4, "little")
        directory += tag.to_bytes(2, "little") + (2).to_bytes(2, "little") + len(text).to_bytes(4, "little") + place
        texts += b"" if len(text) <= 4 else text + b"\x00" * (len(text) % 2)
    return b"Exif\x00\x00II*\x00\x08\x00\x00\x00" + len(entries).to_bytes(2, "little") + directory + b"\x00" * 4 + texts
