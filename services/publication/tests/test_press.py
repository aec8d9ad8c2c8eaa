"""The shelf against a bucket that is not there, as other S3 servers answer; the embedded one makes it on the first write."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chassis.bucket import ObjectMissing, StorageDown
from publication.press import Output, Shelf


class Nowhere:
    def head(self, key):
        raise ObjectMissing(f"nowhere/{key}: no such object")

    def put(self, key, *_given, **_named):
        raise ObjectMissing(f"nowhere/{key}: no such object")


@pytest.mark.timeout(30)
def test_a_bucket_that_is_not_there_is_told_of_and_not_asked_for_ever():
    with (
        ThreadPoolExecutor(1) as threads,
        pytest.raises(StorageDown, match=r"^nowhere/a\.html: no such object, and no bucket$"),
    ):
        Shelf(Nowhere(), threads).write([Output("a.html", b"<p>x</p>", "html", 1)])
