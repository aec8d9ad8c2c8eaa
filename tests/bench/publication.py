"""Publication: how soon a page is readable, how many releases a second, what a release costs among a million, how quick a rebuild is.

The peer is bare boto3: the same objects, bytes and threads, put in the same run right after ours.
"""

import os
import statistics
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import psycopg

sys.path.insert(0, str(Path(__file__).parents[2] / "services" / "publication" / "tests"))

from building import order, story

from chassis.ids import new_id
from publication import bootstrap
from publication.handlers.lists import ListWriter, Scribe
from publication.handlers.rebuild import rebuild_site
from publication.handlers.releases import carry_out
from publication.press import Press, Shelf
from publication.settings import Settings
from publication.store.rebuilds import Rebuilds
from stack.engines import start_engines

SECTION = "publication"
SHORT = {"images": (), "blocks": (), "tags": (), "authors": ()}
"""What the mass of old stories looks like: a front page, two rubrics, no photos. A million of them fit on a small disk."""
THREADS = 4
STORIES = int(os.environ.get("DEPESHA_BENCH_STORIES", "1000000"))
PAGES = int(os.environ.get("DEPESHA_BENCH_PAGES", "10000"))


def run(rounds: int) -> list[dict]:
    with tempfile.TemporaryDirectory(prefix="depesha-bench-") as folder:
        engines = start_engines(Path(folder))
        try:
            engines.migrate()
            bench = Bench(engines)
            return [*bench.latency(rounds), *bench.throughput(rounds), *bench.rebuild(rounds), *bench.flatness(rounds)]
        finally:
            engines.stop()


class Bench:
    def __init__(self, engines):
        self.admin_url = engines.admin_url
        self.settings = Settings(**{**engines.settings("publication"), "pool_size": 8})
        self.database = bootstrap.database(self.settings)
        self.database.relax()  # as a worker does
        bootstrap.calm_collector()
        self.press = bootstrap.press(self.settings)
        self.writer = ListWriter(self.database, self.press)
        self.press_with_scribe = replace(self.press, wake=Scribe(self.writer).wake)
        self.count = 0

    def orders(self, number, **changes):
        made = []
        for _ in range(number):
            self.count += 1
            at = datetime.now(UTC) + timedelta(milliseconds=self.count)
            given = order(self.count, **changes)
            made.append(given.model_copy(update={"story_id": new_id(), "release_id": new_id(), "ordered_at": at}))
        return made

    def publish(self, given):
        carry_out(given, self.database.unit_of_work(), self.press)

    def latency(self, rounds):
        """One at a time with a warm worker: until the page answers, and until all lists have it and it may be told."""
        for given in self.orders(10):
            self.publish(given)
        self.writer.run()
        readable, told = [], []
        for given in self.orders(40 * rounds):
            started = time.perf_counter()
            self.publish(given)
            with self.database.connection() as connection:
                [path] = connection.execute("SELECT path FROM story WHERE story_id = %s", (given.story_id,)).fetchone()
            with urlopen(self.press.editions[0].site.address(f"{path}.html"), timeout=10) as answer:
                assert answer.status == 200
            readable.append((time.perf_counter() - started) * 1000)
            self.writer.run(in_full=False)
            told.append((time.perf_counter() - started) * 1000)
        return [
            row(
                "order handled to page readable, p50",
                statistics.median(readable),
                "ms",
                goal="< 120 ms",
                met=statistics.median(readable) < 120,
            ),
            row(
                "order handled to page readable, p99",
                quantile(readable, 0.99),
                "ms",
                goal="< 400 ms",
                met=quantile(readable, 0.99) < 400,
            ),
            row("order handled to front page, rubrics and feeds written, p50", statistics.median(told), "ms"),
        ]

    def throughput(self, rounds):
        """Releases from THREADS threads while lists are kept current; then bare boto3 puts the same pages and items."""
        ours, theirs = [], []
        for _ in range(rounds):
            given = self.orders(500)
            started = time.perf_counter()
            with ThreadPoolExecutor(THREADS) as threads:
                done = [
                    threads.submit(carry_out, one, self.database.unit_of_work(), self.press_with_scribe)
                    for one in given
                ]
                for one in done:
                    one.result()
                while self._are_waiting():
                    time.sleep(0.02)
            ours.append(len(given) / (time.perf_counter() - started))
            theirs.append(self._bare([one.story_id for one in given]))
        mine, bare, longest = statistics.median(ours), statistics.median(theirs), self._longest_wait_s()
        return [
            row(
                "releases a second, lists kept current",
                mine,
                "1/s",
                versus=f"bare boto3, the same 2 objects each: {bare:.0f}/s",
                ratio=mine / bare,
                goal="≥ 0.5 of bare boto3",
                met=mine >= 0.5 * bare,
            ),
            row(
                "longest that a new page was on no list under that load",
                longest,
                "s",
                goal="≤ 2 s",
                met=longest <= 2,
            ),
        ]

    def _are_waiting(self):
        """Whether there are pages that front page, rubrics and RSS do not name yet."""
        with self.database.connection() as connection:
            return connection.execute("SELECT EXISTS (SELECT FROM announcement)").fetchone()[0]

    def _longest_wait_s(self):
        """From a page's release to its fact, which is told when front page, rubrics and RSS name it; of all in the ledger."""
        with psycopg.connect(self.admin_url) as connection:
            query = "SELECT max(extract(epoch FROM (envelope->>'time')::timestamptz - (envelope->'data'->>'released_at')::timestamptz)) FROM ledger.event WHERE type = 'story.published.v1'"
            return float(connection.execute(query).fetchone()[0])

    def _bare(self, story_ids):
        """Stories a second: the very same bytes under other keys."""
        with self.database.connection() as connection:
            paths = [
                path
                for [path] in connection.execute(
                    "SELECT path FROM story WHERE story_id = ANY(%s)", (story_ids,)
                ).fetchall()
            ]
        site, bucket = self.press.editions[0].site, self.press.bucket
        files = [
            [(ending, bucket.get(site.object_key(f"{path}.{ending}"))) for ending in ("html", "json")] for path in paths
        ]
        client, name, root = bucket.client, bucket.name, f"bare/{uuid.uuid4().hex}"

        def put(numbered):
            number, pair = numbered
            for ending, body in pair:
                client.put_object(
                    Bucket=name,
                    Key=f"{root}/{number}.{ending}",
                    Body=body,
                    ContentType="text/html",
                    CacheControl="max-age=15",
                )

        started = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(put, enumerate(files)))
        return len(files) / (time.perf_counter() - started)

    def rebuild(self, rounds):
        """All pages of a site written anew by a process that knows nothing of the bucket, beside bare puts of the same bytes."""
        self._fill(PAGES, prefix="2026/01/01/rebuild")
        ours, theirs = [], []
        for _ in range(max(1, rounds // 3)):
            self.press.bucket.delete(list(self.press.bucket.list(f"{self.settings.site_prefix}/")))
            press = Press(self.press.editions, Shelf(self.press.bucket, self.press.shelf._threads))
            with self.database.connection() as connection:
                Rebuilds(connection).end("main")
            started = time.perf_counter()
            total = 0
            for done, _ in rebuild_site(press.editions[0], self.database, press):
                total = done
            ours.append(total * 2 / (time.perf_counter() - started))
            theirs.append(self._bare_pages(2_000))
        mine, bare = statistics.median(ours), statistics.median(theirs)
        return [
            row(
                f"full rebuild of {PAGES} pages and items",
                mine,
                "objects/s",
                versus=f"bare boto3: {bare:.0f}/s",
                ratio=mine / bare,
                goal="≥ 0.6 of bare boto3",
                met=mine >= 0.6 * bare,
            )
        ]

    def _bare_pages(self, number):
        page = self.press.editions[0].theme.article(story(1))
        client, name, root = self.press.bucket.client, self.press.bucket.name, f"bare/{uuid.uuid4().hex}"
        started = time.perf_counter()
        with ThreadPoolExecutor(self.settings.write_threads) as threads:
            list(
                threads.map(
                    lambda one: client.put_object(
                        Bucket=name,
                        Key=f"{root}/{one}.html",
                        Body=page,
                        ContentType="text/html",
                        CacheControl="max-age=15",
                    ),
                    range(number),
                )
            )
        return number / (time.perf_counter() - started)

    def flatness(self, rounds):
        """One release with all its lists, among few stories and among STORIES."""
        self._empty()
        self._fill(100, prefix="2025/01/01/few", words=SHORT)
        few = self._cost(10 * rounds)
        self._empty()
        self._fill(STORIES, prefix="2025/01/01/many", words=SHORT)
        many = self._cost(10 * rounds)
        return [
            row(
                f"cost of a release with all lists among {STORIES:,} stories",
                many,
                "ms",
                versus=f"among 100: {few:.0f} ms",
                ratio=many / few,
                goal="< 1.3 times that among 100",
                met=many < 1.3 * few,
            )
        ]

    def _cost(self, number):
        self.writer = ListWriter(self.database, self.press)
        for given in self.orders(6):
            self.publish(given)
            self.writer.run()
        taken = []
        for given in self.orders(number):
            started = time.perf_counter()
            self.publish(given)
            self.writer.run()
            taken.append((time.perf_counter() - started) * 1000)
        return statistics.median(taken)

    def _owner(self):
        """The service's own role may neither empty its tables nor measure them."""
        return psycopg.connect(self.admin_url, autocommit=True, options="-c search_path=publication")

    def _empty(self):
        with self._owner() as connection:
            connection.execute("TRUNCATE story, address, release, listing, list, stale_list, announcement")

    def _fill(self, number, prefix, words=None):
        """Published stories as many releases would have left them, one a minute, written by the database itself: oldest first, ids by time."""
        self.publish(self.orders(1, **(words or {}))[0])
        self.writer.run()
        with self._owner() as connection:
            connection.execute(
                """
                INSERT INTO story (story_id, version, state, path, snapshot, rubrics, first_published_at, changed_at, first_path, sites, media)
                SELECT uuidv7(-n * interval '1 minute'), 1, 'live', %(prefix)s || '-' || n, s.snapshot, s.rubrics, now() - n * interval '1 minute', now() - n * interval '1 minute',
                    %(prefix)s || '-' || n, s.sites, s.media
                FROM generate_series(%(number)s, 1, -1) AS n, (SELECT * FROM story LIMIT 1) AS s
                """,
                {"prefix": prefix, "number": number},
            )
            connection.execute(
                """
                WITH old AS (SELECT story_id, path, first_published_at FROM story WHERE path LIKE %(prefix)s || '%%'),
                     settled AS (INSERT INTO address (story_id, path, first_published_at) SELECT * FROM old)
                INSERT INTO release (release_id, story_id, version, action, ordered_by, ordered_at, outcome)
                SELECT story_id, story_id, 1, 'publish', 'editor', first_published_at, 'released' FROM old
                """,
                {"prefix": prefix},
            )
            connection.execute(
                """
                WITH numbered AS (SELECT story_id, row_number() OVER (ORDER BY story_id) AS n FROM story WHERE path LIKE %(prefix)s || '%%'),
                     lists AS (SELECT site, list.key, stories FROM list)
                INSERT INTO listing (site, list, story_id, version, place) SELECT site, key, story_id, 1, stories + n - 1 FROM numbered, lists
                ON CONFLICT DO NOTHING
                """,
                {"prefix": prefix},
            )
            connection.execute(
                "UPDATE list SET stories = stories + %s, archived = greatest((stories + %s) / 30 - 1, 0)",
                (number, number),
            )
            connection.execute("VACUUM (ANALYZE) story, address, release, listing")  # as years of autovacuum leave them


def quantile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def row(name, value, unit, versus=None, ratio=None, goal=None, met=None):
    return {
        "section": SECTION,
        "name": name,
        "value": value,
        "unit": unit,
        "versus": versus,
        "ratio": ratio,
        "goal": goal,
        "met": met,
    }
