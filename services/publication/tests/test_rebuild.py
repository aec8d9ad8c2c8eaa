"""A rebuild writes what is missing or changed, goes on where it stopped, and leaves newer pages alone."""

import pytest

from publication.handlers import rebuild
from publication.handlers.lists import ListWriter
from publication.handlers.rebuild import rebuild_site
from publication.press import Shelf

from .building import order

pytestmark = pytest.mark.stack


def fresh(newsroom):
    """What another process knows of the bucket: nothing."""
    return Shelf(newsroom.press.bucket, newsroom.press.shelf._threads)


def test_a_rebuild_brings_back_what_was_lost_and_writes_nothing_else(newsroom, monkeypatch):
    url = newsroom.publish(1)
    newsroom.publish(2)
    prefix = newsroom.settings.site_prefix
    lost = [f"{prefix}{url.removeprefix(newsroom.url('')[:-1])}", f"{prefix}/rss.xml"]
    newsroom.press.bucket.delete(lost)
    press = type(newsroom.press)(newsroom.press.editions, fresh(newsroom))
    written = []
    put = newsroom.press.bucket.put
    monkeypatch.setattr(
        type(newsroom.press.bucket),
        "put",
        lambda _self, key, *args, **kwargs: (written.append(key), put(key, *args, **kwargs))[1],
    )

    steps = list(rebuild_site(press.editions[0], newsroom.database, press))
    ListWriter(newsroom.database, press).run()

    assert steps == [(2, 2)]
    assert sorted(written) == sorted(lost)


def test_a_broken_rebuild_goes_on_where_it_stopped(newsroom, monkeypatch):
    monkeypatch.setattr(rebuild, "SLICE", 2)
    newsroom.handle(*(order(value, images=(), blocks=()) for value in range(1, 6)))

    broken = rebuild_site(newsroom.press.editions[0], newsroom.database, newsroom.press)
    first = next(broken)
    broken.close()
    rest = list(rebuild_site(newsroom.press.editions[0], newsroom.database, newsroom.press))

    assert first == (2, 5)
    assert rest == [(4, 5), (5, 5)]
