"""What a story costs: CPU milliseconds of each kind of process and engine, from the push to the partner's webhook."""

import tempfile
import uuid
from itertools import islice
from pathlib import Path

import driving
import psutil
import psycopg

from stack.demo import web
from stack.demo.stories import DELEGATION
from stack.engines import SERVICES

STORIES, WARM = 20, 2
PHOTOS = 2


def photo(folder, number):
    """12 megapixels, as a press office sends them; each another."""
    path = Path(folder) / f"{number}.jpg"
    path.write_bytes(driving.noisy_jpeg(4000, 3000, number))
    return path


def push(running, files):
    images = [{"file": name, "alt_text": "Вид", "caption": "Подпись", "credit": "Автор"} for name in files]
    body = [block for block in DELEGATION.form["body"] if block["kind"] != "image"]
    form = {**DELEGATION.form, "body": body, "external_id": f"cost-{uuid.uuid4()}", "images": images}
    url = f"{running.house.url('ingestion')}/stories"
    return web.post_multipart(url, form, files, token=running.engines.operator_token)["story_id"]


def cpu_by_part(running):
    """CPU seconds so far of each part, its children included."""
    pids = {
        name: running.keeper.pids(name)
        for name in (*(f"{s}-{r}" for s in SERVICES for r in ("api", "worker")), "relay")
    }
    pids |= {engine.name: [engine.process.pid] for engine in running.engines.all}
    return {name: sum(_cpu(pid) for pid in group) for name, group in pids.items()}


def _cpu(pid):
    process = psutil.Process(pid)
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        times = one.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return total


def run(_rounds):
    with (
        tempfile.TemporaryDirectory() as folder,
        driving.running_house(Path(folder) / "house") as running,
        driving.partner_of(running) as partner,
        psycopg.connect(running.engines.admin_url, autocommit=True) as connection,
    ):
        # none twice: S3 would be asked only whether it has the files already
        photos = iter([photo(folder, number) for number in range(PHOTOS * (STORIES + WARM))])

        def whole(count):
            sent = [push(running, {path.name: path for path in islice(photos, PHOTOS)}) for _ in range(count)]
            for story_id in sent:
                ask = lambda story_id=story_id: running.call("desk", "GET", f"/api/stories/{story_id}")  # noqa: E731
                driving.until(ask, driving.is_whole, "photos and tags", 240)
                running.call("desk", "POST", f"/api/stories/{story_id}/releases", {"action": "publish"})
            return sent

        whole(WARM)
        arrived = len(partner.arrivals)
        wal = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn, (SELECT xact_commit FROM pg_stat_database WHERE datname = 'depesha')"
        before, (wal_before, commits_before) = cpu_by_part(running), connection.execute(wal).fetchone()
        whole(STORIES)
        driving.wait_until(lambda: len(partner.arrivals) >= arrived + STORIES, "every webhook", timeout_s=240)
        after, (wal_after, commits_after) = cpu_by_part(running), connection.execute(wal).fetchone()

    def row(name, value, unit):
        return {"section": "cost", "name": name, "value": value, "unit": unit}

    spent = sorted(((after[name] - before[name]) * 1000 / STORIES, name) for name in before)
    return [
        *(row(f"{name}, {PHOTOS} photos of 12 MP, one site", ms, "CPU ms/story") for ms, name in reversed(spent)),
        row("all of it", sum(ms for ms, _ in spent), "CPU ms/story"),
        row("PostgreSQL's log", float(wal_after - wal_before) / STORIES / 1024, "KiB/story"),
        row("PostgreSQL's commits", (commits_after - commits_before) / STORIES, "a story"),
    ]
