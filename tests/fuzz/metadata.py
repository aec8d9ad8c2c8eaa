"""`make fuzz`: coverage-guided bytes for all that reads a photo's kind and words outside libvips. A crash or a hang ends it with the bytes.

Run by tests/fuzz/metadata.sh, which has atheris; arguments are libFuzzer's, the last a folder for the corpus.
"""

import contextlib
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["imaging.domain"]):
    from imaging.domain import labels
    from imaging.domain.limits import ImageRefusedError, is_cut_short, sniff
    from imaging.domain.rights import rights_in
    from imaging.domain.words import Words, read_exif, read_iim, read_xmp

READERS = (read_exif, read_iim, read_xmp)


def one(data: bytes) -> None:
    for read in READERS:
        rights_in(read(data))
    with contextlib.suppress(ImageRefusedError):
        is_cut_short(sniff(data), data)


def plant(folder: Path) -> None:
    """Good blocks to begin from, in the folder that is libFuzzer's corpus."""
    words = Words("Подпись «с кавычками»", "Фото: пресс-служба", "А. Иванов", "© 2026", until="2027-01-31")
    for place, write in enumerate((labels.xmp, labels.iim, labels.exif)):
        (folder / str(place)).write_bytes(write(words))


if __name__ == "__main__":
    plant(Path(sys.argv[-1]))
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
