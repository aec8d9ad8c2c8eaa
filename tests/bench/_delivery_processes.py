"""The processes of bench section `delivery`, each started by name: the partners' sites, our relay, our worker."""

import asyncio
import json
import os
import sys

from aiohttp import web

from chassis import logs, relay
from delivery.settings import Settings
from delivery.worker import create_worker

ANSWER_S = 0.1


def receive(port: int) -> None:
    """Sites that answer in 100 ms, or never where the address says so."""

    async def good(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(ANSWER_S)
        return web.Response(status=204)

    async def never(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(3600)
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/good/{n}", good)
    app.router.add_post("/never/{n}", never)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None, backlog=4096, shutdown_timeout=0.1)


def main() -> None:
    logs.configure("bench", "error")
    if sys.argv[1] == "sites":
        receive(int(os.environ["BENCH_PORT"]))
        return
    settings = Settings(**json.loads(os.environ["BENCH_SETTINGS"]))
    if sys.argv[1] == "relay":
        relay.run(os.environ["BENCH_LEDGER"], settings.redis_url.get_secret_value())
    else:
        create_worker(settings).run(settings.redis_url.get_secret_value())


if __name__ == "__main__":
    main()
