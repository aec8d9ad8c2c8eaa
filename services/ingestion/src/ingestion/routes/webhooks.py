"""The doors at which messengers tell of posts. They are open to the internet; the source's secret is asked before a byte is read."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from chassis.database import Database
from chassis.doors import public
from chassis.errors import TooLarge
from chassis.vault import Vault
from chassis.web import MIB
from ingestion.handlers import webhooks

MOST_BYTES = MIB
MAX_SECRET = "x-max-bot-api-secret"  # noqa: S105 - a header's name
TELEGRAM_SECRET = "x-telegram-bot-api-secret-token"  # noqa: S105 - a header's name


def webhook_routes(database: Database, vault: Vault) -> APIRouter:
    routes = APIRouter(tags=["webhooks"])

    @routes.post("/telegram/{source_id}")
    @public
    async def telegram(source_id: str, request: Request) -> dict[str, bool]:
        """Updates of the Telegram Bot API (`setWebhook` with `secret_token`). Answered at once, read later."""
        given = request.headers.get(TELEGRAM_SECRET, "")
        home = await run_in_threadpool(webhooks.check_secret, source_id, "telegram", given, database, vault)
        body = await _read(request)
        return {"is_news": await run_in_threadpool(webhooks.tell_telegram, body, home, database)}

    @routes.post("/max/{source_id}")
    @public
    async def max_messenger(source_id: str, request: Request) -> dict[str, bool]:
        """Updates of the Bot API of MAX (`POST /subscriptions` with `secret`). Answered at once, read later."""
        given = request.headers.get(MAX_SECRET, "")
        source = await run_in_threadpool(webhooks.check_secret, source_id, "max", given, database, vault)
        body = await _read(request)
        return {"is_news": await run_in_threadpool(webhooks.tell_max, body, source, database)}

    return routes


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise TooLarge(f"the update has more than {MOST_BYTES} bytes, the most that is taken here")
    return bytes(body)
