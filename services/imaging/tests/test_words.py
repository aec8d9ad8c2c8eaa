"""What a photo says of itself, read from bytes that anybody may have written. `make fuzz` goes on where this ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.domain import labels
from imaging.domain.words import Words, read_exif, read_iim, read_xmp

WORDS = Words("Подпись «с кавычками» & <знаками>", "Фото: пресс-служба", "А. Иванов", "© 2026")
KINDS = [(labels.xmp, read_xmp), (labels.iim, read_iim), (labels.exif, read_exif)]


@pytest.mark.parametrize(("write", "read"), KINDS)
def test_a_caption_is_read_back_as_it_was_written(write, read):
    assert read(write(WORDS)).caption == WORDS.caption


@pytest.mark.parametrize(("write", "read"), KINDS)
@given(st.data())
def test_no_bytes_crash_a_reader(write, read, data):
    good = write(WORDS)
    cut = data.draw(st.integers(0, len(good)))

    found = read(good[:cut] + data.draw(st.binary(max_size=60)) + good[cut + data.draw(st.integers(0, 20)) :])

    assert isinstance(found, Words)
