"""The road: from an editor's order to the partner's webhook, and what the whole house costs to start and to keep."""

import re
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from statistics import median

import driving

from stack.demo import web
from stack.demo.stories import DELEGATION

STORIES = 60


def small_photo(folder, number):
    path = Path(folder) / f"{number}.jpg"
    path.write_bytes(driving.noisy_jpeg(800, 600, number))
    return path


def push(running, folder):
    files = {photo.name: small_photo(folder, number) for number, photo in enumerate(DELEGATION.photos)}
    images = [{"file": photo.name, "caption": photo.line} for photo in DELEGATION.photos]
    form = {**DELEGATION.form, "external_id": f"bench-{uuid.uuid4()}", "images": images}
    return web.post_multipart(
        f"{running.house.url('ingestion')}/stories", form, files, token=running.engines.operator_token
    )["story_id"]


def order_to_webhook_ms(running, partner, story_id):
    before = len(partner.arrivals)
    started = time.perf_counter()
    running.call("desk", "POST", f"/api/stories/{story_id}/releases", {"action": "publish"})
    driving.wait_until(lambda: len(partner.arrivals) > before, "the webhook", timeout_s=30)
    return (partner.arrivals[before].at - started) * 1000


def whole_run():
    """(seconds to the summary, MB resident) of `python -m stack run --once` with photos made before."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "stack", "--root", folder, "run", "--once"]
        for _ in range(2):
            text = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True).stdout
    seconds = float(re.search(r"ready in ([\d.]+) s", text)[1])
    return seconds, float(re.search(r"([\d,]+) MB resident", text)[1].replace(",", ""))


def run(rounds):
    with (
        tempfile.TemporaryDirectory() as folder,
        driving.running_house(Path(folder) / "house") as running,
        driving.partner_of(running) as partner,
    ):
        stories = [push(running, folder) for _ in range(STORIES)]
        for story_id in stories:
            driving.until(
                lambda story_id=story_id: running.call("desk", "GET", f"/api/stories/{story_id}"),
                driving.is_whole,
                "photos and tags",
                120,
            )
        times = sorted(order_to_webhook_ms(running, partner, story_id) for story_id in stories)
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    runs = [whole_run() for _ in range(max(rounds - 2, 1))]
    seconds, memory = median(one[0] for one in runs), median(one[1] for one in runs)

    def row(name, value, unit, goal, met):
        return {"section": "road", "name": name, "value": value, "unit": unit, "goal": goal, "met": met}

    return [
        row("order to webhook, 3 photos rendered, p50", p50, "ms", "< 300 ms", p50 < 300),
        row("order to webhook, 3 photos rendered, p99", p99, "ms", "< 1 s", p99 < 1000),
        row("run to summary, environment ready", seconds, "s", "< 40 s", seconds < 40),
        row("resident memory of everything", memory, "MB", "< 2048 MB", memory < 2048),
    ]
