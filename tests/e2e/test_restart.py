"""Processes of a house that works are replaced: nobody who asks meanwhile is turned away, and no story is lost or sent twice."""

from collections import Counter

import pytest
from callers import calling
from driving import until

from chassis import restarting
from stack.demo import web
from stack.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.stack, pytest.mark.timeout(180)]

REPLACED = ("publication-worker", "ingestion-api", "desk-api")
"""Few, so that it takes seconds; `make bench S=ops` replaces all."""
STORIES = 40


def test_a_rolling_restart_under_load_answers_every_request_and_publishes_every_story_once(doors, partner):
    if doors.root is None:
        pytest.skip("the composed system is replaced by its engine")
    published = {}

    with calling(doors.urls, doors.token, STORIES) as tally:
        wait_until(lambda: tally.answered > 20, "callers", timeout_s=20)
        for process in REPLACED:
            restarting.restart(doors.root, process)
            for story_id in [one for one in tally.accepted if one not in published]:
                published[story_id] = publish(doors, story_id)
    for story_id in [one for one in tally.accepted if one not in published]:
        published[story_id] = publish(doors, story_id)

    assert (tally.lost, tally.unwelcome) == ([], {})
    assert len(tally.accepted) > 10
    sites = {story_id: live(doors, story_id) for story_id in published}
    wait_until(
        lambda: Counter(one["data"]["uri"] for one in partner.received).keys() >= set(sites.values()),
        "all webhooks",
        timeout_s=60,
    )
    got = Counter(one["data"]["uri"] for one in partner.received if one["data"]["uri"] in sites.values())
    assert set(got.values()) == {1}
    assert set(published.values()) == {1}


def publish(doors, story_id):
    answer = {}

    def ordered():
        try:
            answer.update(doors.call("desk", "POST", f"/api/stories/{story_id}/releases", {"action": "publish"}))
        except web.WebError as error:
            if ": 404 " in str(error):  # the draft is not there yet
                return False
            raise
        return True

    wait_until(ordered, f"the draft of {story_id}", timeout_s=60)
    return answer["version"]


def live(doors, story_id):
    found = until(lambda: doors.call("publication", "GET", f"/stories/{story_id}"), bool, f"{story_id} on the site")
    assert found["version"] == 1
    return found["url"]
