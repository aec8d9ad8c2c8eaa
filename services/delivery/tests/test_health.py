"""When a site is left alone and when it is asked again, on a real database with a real site."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from contracts.events import StoryPublished
from delivery.domain.schedule import Answer
from delivery.handlers import Drain
from delivery.sender import Sender, Sent
from delivery.store import Deliveries

from .webhooks import LOOPBACK, VAULT, announce, drain, fact, states, subscribe

pytestmark = pytest.mark.stack


def health(database):
    """(failures in a row, the probe's number, seconds until it)."""
    with database.connection() as connection:
        return connection.execute(
            "SELECT failures_in_row, probe_step, round(extract(epoch FROM probe_at - now()))::int FROM endpoint"
        ).fetchone()


def hurry_probe(database):
    with database.connection() as connection:
        connection.execute("UPDATE endpoint SET probe_at = now()")


def claim(database, limit=50):
    with database.unit_of_work() as uow:
        return Deliveries(uow.connection).claim(limit)[0]


def fail_each(database, claimed):
    """As if their answers came one after the other."""
    drainer = Drain(database, Sender(LOOPBACK, 1, VAULT), 1)
    for one in claimed:
        drainer._note([Sent(one, Answer(503), datetime.now(UTC))])


def paused_with_backlog(client, database, site, stories):
    subscribe(client, site, max_in_flight=13)
    drain(database)
    announce(database, *(fact(StoryPublished, 1, str(uuid4())) for _ in range(stories)))
    claimed = claim(database)
    assert len(claimed) == 13
    fail_each(database, claimed)


def test_many_failures_of_one_moment_are_one_pause_of_30_seconds(client, database, site):
    paused_with_backlog(client, database, site, 20)

    assert health(database) == (13, 0, 30)
    assert claim(database) == []


def test_each_probe_is_one_attempt_and_a_failed_one_makes_the_pause_longer(client, database, site):
    paused_with_backlog(client, database, site, 20)

    for step, wait_s in ((1, 60), (2, 120), (3, 300), (4, 600), (5, 600)):
        hurry_probe(database)
        [probe] = claim(database)
        assert claim(database) == []
        fail_each(database, [probe])
        assert health(database)[1:] == (step, wait_s)


def test_a_good_probe_sends_the_backlog(client, database, site):
    paused_with_backlog(client, database, site, 20)
    hurry_probe(database)

    drain(database)

    assert len(site.got) == 20
    assert {row[1] for row in states(database)} == {"delivered"}
    assert health(database) == (0, 0, None)


def test_after_a_pause_a_site_is_asked_more_and_more_at_once(client, database, site):
    paused_with_backlog(client, database, site, 20)
    with database.connection() as connection:
        connection.execute(
            "UPDATE endpoint SET probe_at = NULL, failures_in_row = 0, resumed_at = now() - interval '3 s'"
        )
        connection.execute("UPDATE delivery SET due_at = now()")

    assert len(claim(database)) == 1 + 3 * 2


def test_what_a_dead_worker_held_is_free_again_soon_after_the_site_s_own_time_limit(client, database, site):
    """The default: 15 s for an attempt, 10 under way at 50 a second, 10 s to write it down."""
    subscribe(client, site)
    drain(database)
    announce(database, fact(StoryPublished))
    claim(database)

    with database.connection() as connection:
        lease_s = connection.execute(
            "SELECT extract(epoch FROM sent_until - now())::float8 FROM delivery WHERE state = 'pending'"
        ).fetchone()[0]
    assert lease_s == pytest.approx(15 + 10 / 50 + 10, abs=1)
