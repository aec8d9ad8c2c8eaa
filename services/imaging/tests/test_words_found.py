"""Caption, credit and rights out of XMP, IIM and EXIF, in every character set that agencies write."""

import json
import shutil
import subprocess
from datetime import UTC, datetime

import pytest
import pyvips

from contracts.content import Provenance
from imaging.domain.provenance import provenance_in
from imaging.domain.rights import end_of, rights_in
from imaging.domain.words import Words, read_exif, read_iim, read_xmp

from .conftest import picture

CAPTION = "Губернатор открыл мост"


def iim(charset, *records):
    body = b"\x1c\x01\x5a" + len(charset).to_bytes(2, "big") + charset if charset else b""
    for dataset, value in records:
        body += b"\x1c\x02" + bytes([dataset]) + len(value).to_bytes(2, "big") + value
    return b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + len(body).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [(b"\x1b%G", "utf-8"), (b"\x1b-L", "iso8859-5"), (b"", "utf-8"), (b"", "cp1251"), (b"\x1b%G", "cp1251")],
)
def test_iim_is_read_in_the_declared_character_set_or_what_it_really_is(declared, encoding):
    assert read_iim(iim(declared, (120, CAPTION.encode(encoding)))).caption == CAPTION


def test_iim_tells_author_rights_and_the_end_of_the_licence():
    words = read_iim(
        iim(b"\x1b%G", (37, b"20261231"), (40, b"Editorial use"), (80, b"A"), (80, b"B"), (110, b"TASS"), (116, b"(c)"))
    )

    assert words == Words(
        credit="TASS", byline="A, B", copyright="(c)", instructions="Editorial use", until="2026-12-31"
    )


def xmp(inside):
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/"'
        ' xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"'
        f' plus:LicenseEndDate="2027-01-02">{inside}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def test_xmp_gives_the_default_language_and_all_authors():
    words = read_xmp(
        xmp(
            '<dc:description><rdf:Alt><rdf:li xml:lang="en">Bridge</rdf:li><rdf:li xml:lang="x-default">Мост</rdf:li></rdf:Alt></dc:description>'
            "<dc:creator><rdf:Seq><rdf:li>А</rdf:li><rdf:li>Б</rdf:li></rdf:Seq></dc:creator>"
            '<Iptc4xmpCore:AltTextAccessibility><rdf:Alt><rdf:li xml:lang="x-default">Люди на мосту</rdf:li></rdf:Alt></Iptc4xmpCore:AltTextAccessibility>'
            '<xmpRights:UsageTerms><rdf:Alt><rdf:li xml:lang="x-default">Только газеты</rdf:li></rdf:Alt></xmpRights:UsageTerms>'
        )
    )

    assert words == Words(
        caption="Мост", byline="А, Б", alt_text="Люди на мосту", terms="Только газеты", until="2027-01-02"
    )


def exif(entries, order="II"):
    byte_order = "little" if order == "II" else "big"
    offset, directory, texts = 8 + 2 + 12 * len(entries) + 4, b"", b""
    for tag, kind, value in entries:
        directory += tag.to_bytes(2, byte_order) + kind.to_bytes(2, byte_order) + len(value).to_bytes(4, byte_order)
        directory += (offset + len(texts)).to_bytes(4, byte_order) if len(value) > 4 else value.ljust(4, b"\x00")
        texts += value if len(value) > 4 else b""
    head = order.encode() + (42).to_bytes(2, byte_order) + (8).to_bytes(4, byte_order)
    return head + len(entries).to_bytes(2, byte_order) + directory + b"\x00" * 4 + texts


@pytest.mark.parametrize("order", ["II", "MM"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1251"])
def test_exif_is_read_in_both_byte_orders(order, encoding):
    entries = [(0x010E, 2, CAPTION.encode(encoding) + b"\x00"), (0x013B, 2, b"Iv\x00")]

    assert read_exif(b"Exif\x00\x00" + exif(entries, order)) == Words(caption=CAPTION, byline="Iv")


def test_windows_tags_stand_in_and_a_cameras_own_caption_is_none():
    entries = [(0x010E, 2, b"OLYMPUS DIGITAL CAMERA\x00"), (0x9C9C, 1, (CAPTION + "\x00").encode("utf-16-le"))]

    assert read_exif(exif(entries)).caption == CAPTION


def test_a_torn_block_gives_what_is_whole_and_nothing_else():
    in_exif = exif([(0x010E, 2, CAPTION.encode() + b"\x00"), (0x013B, 2, b"Ivan Petrov\x00")])
    in_iim = iim(b"\x1b%G", (80, b"Ivan Petrov"), (120, CAPTION.encode()))
    in_xmp = xmp("<dc:rights>TASS</dc:rights>")

    for cut in range(len(in_exif) + 1):
        caption = CAPTION if cut >= in_exif.index(b"Ivan") else ""
        byline = "Ivan Petrov" if cut == len(in_exif) else ""
        assert read_exif(in_exif[:cut]) == Words(caption=caption, byline=byline), cut
    for cut in range(len(in_iim) + 1):
        byline = "Ivan Petrov" if cut >= in_iim.index(b"Ivan") + 11 else ""
        assert read_iim(in_iim[:cut]) == Words(caption=CAPTION if cut == len(in_iim) else "", byline=byline), cut
    for cut in range(len(in_xmp)):
        assert read_xmp(in_xmp[:cut]) == Words(), cut
    assert read_xmp(in_xmp) == Words(copyright="TASS", until="2027-01-02")


def test_rights_are_facts_and_nothing_said_is_nothing():
    assert rights_in(Words(caption="a")) is None
    assert rights_in(Words(copyright="ТАСС", until="2026-12-31")).until == datetime(
        2026, 12, 31, 23, 59, 59, tzinfo=UTC
    )
    assert end_of("2026-12-31T10:00:00+05:00") == datetime(2026, 12, 31, 5, tzinfo=UTC)
    assert end_of("someday") is None


@pytest.mark.parametrize(("kind", "is_ai"), [("trainedAlgorithmicMedia", True), ("digitalCapture", False)])
def test_what_a_machine_made_says_so_and_goes_on_saying_it(render, kind, is_ai):
    uri = f"http://cv.iptc.org/newscodes/digitalsourcetype/{kind}"
    packet = xmp(
        f'<e:DigitalSourceType xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">{uri}</e:DigitalSourceType>'
    )
    image = picture(700, 500).copy()
    image.set_type(pyvips.GValue.blob_type, "xmp-data", packet)

    look, files = render(image.jpegsave_buffer(keep="xmp"))

    assert look.provenance == Provenance(made_by_ai=is_ai)
    assert uri.encode() in files["w640", "avif"].body
    assert provenance_in(Words()) is None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["-charset", "iptc=Cyrillic", f"-IPTC:Caption-Abstract={CAPTION}", "-IPTC:Credit=ТАСС"], (CAPTION, "ТАСС")),
        (["-codedcharacterset=utf8", f"-IPTC:Caption-Abstract={CAPTION}"], (CAPTION, "")),
        ([f"-EXIF:ImageDescription={CAPTION}", "-EXIF:Artist=Иванов"], (CAPTION, "")),
        ([f"-EXIF:XPComment={CAPTION}"], (CAPTION, "")),
        ([f"-XMP-dc:Description={CAPTION}", "-XMP-photoshop:Credit=ТАСС"], (CAPTION, "ТАСС")),
    ],
)
def test_what_exiftool_writes_is_read(render, tmp_path, options, expected):
    if not shutil.which("exiftool"):
        pytest.skip("exiftool is not installed: no outside writer to ask")
    path = tmp_path / "photo.jpg"
    path.write_bytes(picture(700, 500).jpegsave_buffer())
    subprocess.run(["exiftool", "-q", "-overwrite_original", *options, str(path)], check=True)

    look, files = render(path.read_bytes())

    assert (look.words.caption, look.words.credit) == expected
    (tmp_path / "w640.jpg").write_bytes(files["w640", "jpeg"].body)
    [told] = json.loads(
        subprocess.run(["exiftool", "-j", str(tmp_path / "w640.jpg")], capture_output=True, check=True).stdout
    )
    assert told["Description"] == CAPTION
