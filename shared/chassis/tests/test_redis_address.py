import pytest

from chassis import redis_address
from chassis.redis_address import Watched

WATCHED = "sentinel://keeper:p%40ss@one.example,[::1]:26380/news/2?sentinel_password=other"


def test_one_address_says_who_watches_which_master():
    assert redis_address.parse(WATCHED) == Watched(
        (("one.example", 26379), ("::1", 26380)), "news", 2, "keeper", "p@ss", "other"
    )
    assert redis_address.parse("sentinel://secret@one/news") == Watched((("one", 26379),), "news", password="secret")
    assert redis_address.parse("rediss://one:6379/0") is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis-cluster://one:6379", "must begin with redis://, rediss:// or sentinel://"),
        ("sentinel://one:26379", "must name hosts and the master's name"),
        ("sentinel:///news", "must name hosts and the master's name"),
        ("sentinel://one/news/first", "must name hosts and the master's name"),
        ("sentinel://one,,two/news", "must name a host between the commas"),
    ],
)
def test_an_address_that_says_too_little_is_refused(url, why):
    with pytest.raises(ValueError, match=why):
        redis_address.parse(url)


def test_celery_is_told_the_same_in_its_own_words():
    broker, options = redis_address.for_celery(WATCHED)

    assert broker == "sentinel://keeper:p%40ss@one.example:26379/2;sentinel://keeper:p%40ss@[::1]:26380/2"
    assert options["master_name"] == "news"
    assert options["sentinel_kwargs"]["password"] == "other"
    assert redis_address.for_celery("redis://one:6379/0") == ("redis://one:6379/0", {})
