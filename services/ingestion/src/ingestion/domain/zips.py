"""ZIP files of strangers, read in memory with limits; nothing is ever written where a name in one says."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

MOST_FILES = 2_000
MOST_UNPACKED_BYTES = 400 * 1024 * 1024
MOST_FILE_BYTES = 60 * 1024 * 1024
MOST_RATIO = 100
RATIO_FROM_BYTES = 5 * 1024 * 1024
"""Small files may be packed as tightly as they like."""
IGNORED = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class Member:
    """A file in a ZIP. `problem` says why it cannot be had; then `body` is empty."""

    name: str
    body: bytes = b""
    problem: str = ""


def check_bomb(archive: zipfile.ZipFile) -> None:
    """Raises ValueError where a ZIP holds, or says that it holds, more than anybody sends in earnest."""
    members = archive.infolist()
    if len(members) > MOST_FILES:
        raise ValueError(f"the ZIP has {len(members)} files; the most is {MOST_FILES}")
    total = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if total > MOST_UNPACKED_BYTES:
        raise ValueError(f"the ZIP unpacks to {total} bytes; the most is {MOST_UNPACKED_BYTES}")
    if total > RATIO_FROM_BYTES and total > packed * MOST_RATIO:
        raise ValueError(f"the ZIP unpacks to {total // max(packed, 1)} times its size; the most is {MOST_RATIO}")


def read_zip(body: bytes) -> Iterator[Member]:
    """Its files in the order of their names. One that is wrong does not stop the others.

    Raises:
        ValueError: it is no ZIP, or a bomb.

    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(body))
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError) as error:
        raise ValueError(f"is no ZIP that can be read: {error}") from None
    with archive:
        check_bomb(archive)
        named = sorted((name_of(info), info.header_offset, info) for info in archive.infolist() if not info.is_dir())
        for name, _, info in named:
            if not any(part in IGNORED or part.startswith("._") for part in PurePosixPath(name).parts):
                yield _read(archive, info, name)


def name_of(info: zipfile.ZipInfo) -> str:
    """The name as it was meant. Without the UTF-8 flag Windows of Russia writes cp866, others UTF-8; zipfile reads both as cp437."""
    name = info.filename
    if not info.flag_bits & 0x800:
        raw = name.encode("cp437", "replace")
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            name = raw.decode("cp866", "replace")
    return name.replace("\\", "/")


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Member:
    if name.startswith("/") or ".." in PurePosixPath(name).parts or ":" in name[:3]:
        return Member(name, problem="its name leads out of the ZIP")
    if info.flag_bits & 0x1:
        return Member(name, problem="is locked with a password")
    if info.file_size > MOST_FILE_BYTES:
        return Member(name, problem=f"has {info.file_size} bytes; the most is {MOST_FILE_BYTES}")
    try:
        with archive.open(info) as opened:
            body = opened.read(MOST_FILE_BYTES + 1)
    except Exception as error:  # noqa: BLE001 - zipfile and zlib raise a dozen kinds for damage
        return Member(name, problem=f"cannot be unpacked: {error}")
    if len(body) > MOST_FILE_BYTES:
        return Member(name, problem=f"has more than {MOST_FILE_BYTES} bytes, whatever the ZIP says")
    return Member(name, body)
