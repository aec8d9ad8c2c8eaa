"""What ops are told first, and when a backlog is gone."""

import pytest

from chassis.ledger.watch import AtWork, Clock, Flow, Lane, Reason, View
from desk.domain.river import ROAD, Forecast, Station, flow, foresee, judge
from desk.domain.river_shape import PLACES, shape, streams, width_of

WELL = {
    "waiting": 0,
    "in_flight": 0,
    "failing": 0,
    "dead": 0,
    "oldest_s": 0.0,
    "used": 0.0,
    "in_per_s": 0.0,
    "out_per_s": 0.0,
}


def worker(silent_s=1.0, in_hand=0):
    return AtWork("imaging-1", "imaging", 2, in_hand, 100, 60.0, silent_s)


def station(consumer="imaging", **changes):
    return Station(consumer, **{"workers": (worker(),), **WELL, **changes})


def river(*stations, **changes):
    empty = View((), (), (), (), 0.0)
    made = flow(empty, {}, (), {})
    return type(made)(**{**made.__dict__, "stations": stations, **changes})


@pytest.mark.parametrize(
    ("backlog", "arrives", "leaves", "workers", "forecast"),
    [
        (0, 5, 5, 1, Forecast(0.0)),
        (100, 1, 2, 1, Forecast(100.0)),
        (1200, 1, 2, 1, Forecast(1200.0, 2, 240.0)),
        (900, 2, 2, 2, Forecast(None, 3, 300.0)),
        (900, 2, 0, 0, Forecast(None)),
        (10**6, 1, 2, 1, Forecast(10**6, 16, 10**6 / 33)),
    ],
)
def test_a_backlog_is_gone_when_its_workers_take_more_than_comes(backlog, arrives, leaves, workers, forecast):
    found = foresee(backlog, arrives, leaves, workers)

    assert found == forecast


def test_the_ledgers_lanes_become_one_station_with_the_worst_share_of_an_objective():
    lanes = (Lane("imaging", "urgent", 3, 1, 0, 1, 15.0), Lane("imaging", "bulk", 10, 0, 2, 0, 216.0))
    view = View(lanes, (Flow("imaging", 2.0, 4.0, 1.0, 0),), (), (worker(),), 0.0)

    found = flow(view, {"story.received.v1": 1.5}, (Reason("imaging", "ValueError: x", 1, is_dead=True),), {})

    one = next(one for one in found.stations if one.consumer == "imaging")
    assert (one.waiting, one.in_flight, one.failing, one.dead, one.oldest_s, one.used) == (13, 1, 2, 1, 216.0, 0.5)
    assert (one.in_per_s, one.out_per_s, one.living, one.tone) == (4.0, 2.0, 1, "warn")
    assert judge(found).kind == "dead"
    assert judge(found).reason == "ValueError: x"


def test_the_whole_road_is_seen_before_any_worker_has_run():
    found = flow(View((), (Flow("elsewhere", 0.0, 0.0, 0.0, 0),), (), (), 0.0), {}, (), {})

    assert [one.consumer for one in found.stations] == [*ROAD, "elsewhere"]
    assert {(one.backlog, one.living, one.tone) for one in found.stations} == {(0, 0, "good")}
    assert [card.station.consumer for card in shape(found).cards] == [name for name in PLACES if name in ROAD]
    assert judge(found).kind == "well"


@pytest.mark.parametrize(
    ("told", "kind", "tone"),
    [
        (river(station()), "well", "good"),
        (river(station(waiting=2, oldest_s=1.0, used=0.003)), "well", "good"),
        (river(station(waiting=50, oldest_s=90.0, used=0.3, out_per_s=1.0)), "busy", "warn"),
        (river(station(waiting=50, oldest_s=400.0, used=1.3)), "late", "bad"),
        (river(station(failing=3)), "failing", "warn"),
        (river(station(dead=1)), "dead", "bad"),
        (river(station(waiting=1, workers=())), "nobody", "bad"),
        (river(station(waiting=1, workers=(worker(silent_s=50),))), "nobody", "bad"),
        (river(station(workers=(worker(), worker(silent_s=50)))), "silent", "warn"),
        (river(station(), unsent_s=9.0), "unsent", "bad"),
        (river(station(), timers=(Clock("desk", "schedule", 1.0, 130.0),)), "timer", "warn"),
        (river(station(dead=1), down={"storage": "refused"}), "storage", "bad"),
        (river(station(dead=1), down={"storage": "refused", "redis": "refused"}), "redis", "bad"),
        (river(down={"database": "refused"}), "database", "bad"),
    ],
)
def test_the_worst_that_is_so_is_said_first(told, kind, tone):
    assert (judge(told).kind, judge(told).tone) == (kind, tone)


def test_every_stream_of_the_catalogue_is_drawn_between_stations_that_stand_apart():
    found = streams({"story.received.v1": 2.0, "delivery.changed.v1": 3.0})

    assert found["ingestion", "imaging"] == found["sources", "ingestion"] == 2.0
    assert found["delivery", "sites"] == found["delivery", "desk"] == 3.0
    assert {name for ends in found for name in ends} == set(PLACES)
    drawn = shape(river(*(station(name) for name in PLACES if name not in ("sources", "sites"))))
    assert len(drawn.cards) == 6
    assert len({band.path for band in drawn.bands}) == len(drawn.bands)


def test_a_trickle_and_a_flood_are_both_seen():
    assert [width_of(rate) for rate in (0, 1, 100, 10**6)] == [2.0, 11.4, 29.0, 40]
