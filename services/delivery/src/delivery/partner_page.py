"""A partner's own page, by secret link and without a login: its deliveries, resend, a new secret, a test message."""

import html
import re
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from chassis import ledger
from chassis.database import Database
from chassis.doors import public
from chassis.errors import NotFound
from delivery.endpoints import Subscriptions, page_hash
from delivery.store import NEWEST, Deliveries, Endpoint, Endpoints

ROWS: Final = 50
SAFE: Final = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-robots-tag": "noindex",
}
STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b1a18;--paper:#fbfaf7;--faint:#66625a;--line:#dcd8cf;--good:#1f6b3a;--bad:#a3262a}
@media(prefers-color-scheme:dark){:root{--ink:#e9e6df;--paper:#191816;--faint:#a29c91;--line:#38352f;--good:#7fcf9b;--bad:#f08a8d}}
body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:var(--ink);background:var(--paper)}
h1{font-size:1.4rem;margin:0}p{margin:.4rem 0 1rem;color:var(--faint)}.bar{display:flex;flex-wrap:wrap;gap:.5rem;margin:1rem 0}
button{font:inherit;padding:.35rem .8rem;border:1px solid var(--line);border-radius:.4rem;background:none;color:inherit;cursor:pointer}
button:focus-visible{outline:2px solid}.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.4rem .8rem .4rem 0;border-bottom:1px solid var(--line);white-space:nowrap}th{font-weight:500;color:var(--faint)}
td:nth-child(5){white-space:normal;min-width:12rem;color:var(--faint)}.delivered{color:var(--good)}.failed{color:var(--bad)}
small{display:block;color:var(--faint)}code{display:block;margin-bottom:1rem;padding:.8rem;border:1px solid var(--line);border-radius:.4rem;overflow-wrap:anywhere}
"""
WORDS: Final = {
    "ru": {
        "title": "Вебхуки для сайта",
        "active": "Сайт получает новости",
        "unverified": "Сайт ещё не ответил на проверку: новости ждут его",
        "disabled": "Отправка остановлена",
        "paused": "Сайт не отвечает, следующая попытка",
        "ping": "Прислать проверочное сообщение",
        "rotate": "Сменить секрет",
        "secret": "Новый секрет. Он показан один раз; старый подписывает ещё сутки.",
        "again": "Ещё раз",
        "none": "Сюда ещё ничего не отправляли.",
        "head": ("Когда, UTC", "Что", "Версия", "Состояние", "Ответ", ""),
        "attempts": "попыток",
        "next": "следующая в",
        "story.published": "публикация",
        "story.corrected": "исправление",
        "story.unpublished": "снято с публикации",
        "story.killed": "отозвано",
        "endpoint.ping": "проверочное сообщение",
        "endpoint.verification": "проверка сайта",
        "pending": "в пути",
        "held": "ждёт сайт",
        "delivered": "доставлено",
        "failed": "не дошло",
        "superseded": "заменено новой версией",
    },
    "en": {
        "title": "Webhooks for",
        "active": "The site receives its news",
        "unverified": "The site has not answered its challenge yet; its news waits",
        "disabled": "Nothing is sent",
        "paused": "The site does not answer; next attempt",
        "ping": "Send a test message",
        "rotate": "New secret",
        "secret": "The new secret, shown once; the old one signs for another day.",
        "again": "Again",
        "none": "Nothing was sent here yet.",
        "head": ("When, UTC", "What", "Version", "State", "Answer", ""),
        "attempts": "attempts",
        "next": "next at",
        "story.published": "published",
        "story.corrected": "corrected",
        "story.unpublished": "unpublished",
        "story.killed": "killed",
        "endpoint.ping": "test message",
        "endpoint.verification": "challenge",
        "pending": "on its way",
        "held": "waits for the site",
        "delivered": "delivered",
        "failed": "failed",
        "superseded": "replaced by a newer version",
    },
}

REASONS_RU: Final = (
    (r"no whole answer within (\S+) s", r"нет целого ответа за \1 с"),
    (r"the answer does not hold the challenge", "в ответе нет проверочного слова"),
    (r"the site was disabled for too long", "отправка была остановлена слишком долго"),
    (r"a newer version is on its way", "уже есть версия новее"),
    (r"no success for (\d+) hours", r"за \1 часов ни одного ответа"),
    (r"the site answered 410 Gone", "сайт ответил 410 Gone"),
    (r"by hand", "редакцией"),
)
"""Our own words in Russian; those of the network stay as they are."""


def make_router(database: Database, subscriptions: Subscriptions) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    def page(request: Request, token: str, secret: str = "") -> HTMLResponse:
        with database.connection() as connection:
            endpoint = _known(token, Endpoints(connection))
            rows = Deliveries(connection).of_endpoint(endpoint.endpoint_id, NEWEST, ROWS)
        language = "en" if request.headers.get("accept-language", "").lower().startswith("en") else "ru"
        return HTMLResponse(draw(endpoint, rows, token, language, secret), headers=SAFE)

    @router.get("/partner/{token}")
    @public
    def show(request: Request, token: str) -> HTMLResponse:
        return page(request, token)

    @router.post("/partner/{token}/ping")
    @public
    def ping(token: str) -> RedirectResponse:
        with database.unit_of_work() as uow:
            subscriptions.ping(_known(token, Endpoints(uow.connection)), uow)
        _wake(database)
        return RedirectResponse(f"/partner/{token}", 303)

    @router.post("/partner/{token}/secret")
    @public
    def rotate(request: Request, token: str) -> HTMLResponse:
        with database.unit_of_work() as uow:
            endpoint = _known(token, Endpoints(uow.connection))
            secret = subscriptions.rotate(endpoint.endpoint_id, uow)
        return page(request, token, secret)

    @router.post("/partner/{token}/deliveries/{delivery_id}/resend")
    @public
    def resend(token: str, delivery_id: int) -> RedirectResponse:
        with database.unit_of_work() as uow:
            endpoint: UUID = _known(token, Endpoints(uow.connection)).endpoint_id
            if not Deliveries(uow.connection).resend_one(delivery_id, endpoint):
                raise NotFound(f"delivery {delivery_id}: not one of yours, or a newer version has gone out")
        _wake(database)
        return RedirectResponse(f"/partner/{token}", 303)

    return router


def draw(endpoint: Endpoint, rows: list[dict[str, Any]], token: str, language: str, secret: str) -> str:
    """The page as HTML. No script: every button is a form."""
    words: dict[str, Any] = WORDS[language]
    state = words[endpoint.state]
    if endpoint.state == "active" and endpoint.probe_at is not None:
        state = f"{words['paused']} {endpoint.probe_at:%H:%M:%S} UTC"
    base = f"/partner/{html.escape(token)}"
    shown = f"<p>{words['secret']}</p><code>{html.escape(secret)}</code>" if secret else ""
    head = "".join(f"<th scope=col>{word}</th>" for word in words["head"])
    body = "".join(_row(row, base, words, language) for row in rows)
    table = (
        f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        if rows
        else f"<p>{words['none']}</p>"
    )
    return (
        f"<!doctype html><html lang={language}><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{words['title']} {html.escape(endpoint.name)}</title><style>{STYLE}</style><main>"
        f"<h1>{words['title']} {html.escape(endpoint.name)}</h1><p>{state}{_because(endpoint.reason, language)}. {html.escape(endpoint.url)}</p>"
        f"<div class=bar><form method=post action={base}/ping><button>{words['ping']}</button></form>"
        f"<form method=post action={base}/secret><button>{words['rotate']}</button></form></div>{shown}{table}</main>"
    )


def _row(row: dict[str, Any], base: str, words: dict[str, Any], language: str) -> str:
    answer = f"{row['status_code'] or ''} {_said(row['detail'], language)}".strip()
    again = f"<form method=post action={base}/deliveries/{row['delivery_id']}/resend><button>{words['again']}</button></form>"
    is_waiting = row["state"] == "pending" and row["attempts"] > 0
    tried = f"{words['attempts']}: {row['attempts']}" + (
        f", {words['next']} {row['due_at']:%H:%M:%S}" if is_waiting else ""
    )
    may_repeat = row["state"] in ("failed", "delivered") and row["type"] != "endpoint.verification"
    cells = (
        f"{row['made_at']:%d.%m %H:%M:%S}",
        f"{words[row['type']]}<small>{html.escape(row['type'])}</small>",
        str(row["version"] or ""),
        f"<span class={row['state']}>{words[row['state']]}</span><small>{tried}</small>",
        html.escape(answer[:300]),
        again if may_repeat else "",
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _because(reason: str, language: str) -> str:
    return f": {html.escape(_said(reason, language))}" if reason else ""


def _said(reason: str, language: str) -> str:
    if language == "ru":
        for pattern, words in REASONS_RU:
            if re.fullmatch(pattern, reason):
                return re.sub(pattern, words, reason)
    return reason


def _known(token: str, endpoints: Endpoints) -> Endpoint:
    found = endpoints.by_page(page_hash(token))
    if found is None:
        raise NotFound("this link leads nowhere; ask the newsroom for a new one")
    return found


def _wake(database: Database) -> None:
    with database.connection() as connection:
        ledger.wake(connection, "delivery", "drain")
