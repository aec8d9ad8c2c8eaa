"""Draws pages: templates, the reader's language and time zone, addresses of bundled files, the security headers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from desk.domain.people import Actor
from desk.i18n import LANGUAGES, Words, choose_language, words_in

HERE: Final = Path(__file__).parent
BUNDLE: Final = HERE / "static" / "bundle"


@dataclass(frozen=True)
class Reader:
    """For whom a page is drawn."""

    actor: Actor | None
    words: Words
    zone: ZoneInfo


class Pages:
    """Templates with everything that all pages need."""

    def __init__(self, *, public_url: str, time_zone: str) -> None:
        self._public_origin = "{0.scheme}://{0.netloc}".format(urlsplit(public_url))
        self.set_time_zone(time_zone)

    def set_time_zone(self, time_zone: str) -> None:
        """The newsroom has moved: this process shows its clock from now on, others when they start."""
        self.time_zone = time_zone
        self._environments = {language: self._environment(words_in(language)) for language in LANGUAGES}

    def _environment(self, words: Words) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        environment.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]  # the i18n extension adds it
        zone = ZoneInfo(self.time_zone)
        environment.filters.update(
            parsed=datetime.fromisoformat,
            ago=words.ago,
            until=words.until,
            told=words.tell,
            refused=words.refused,
            reason=words.reason,
            clock=lambda moment: words.clock(moment, zone),
            moment=lambda moment: words.moment(moment, zone),
            full=lambda moment: words.full(moment, zone),
            local_input=lambda moment: f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}" if moment else "",
        )
        environment.globals.update(
            asset=self.asset, icon=icon, language=words.language, languages=LANGUAGES, time_zone=self.time_zone
        )
        return environment

    def asset(self, name: str) -> str:
        """The address of a bundled file; its name holds a hash, so it may be kept for ever."""
        path = BUNDLE / "manifest.json"
        manifest = read_manifest(path.stat().st_mtime_ns) if path.exists() else {}
        return f"/static/{manifest.get(name, name)}"

    def reader(self, request: Request, actor: Actor | None) -> Reader:
        language = actor.language if actor else choose_language(request.headers.get("accept-language", ""))
        return Reader(actor, words_in(language), ZoneInfo(self.time_zone))

    def fragment(self, template: str, language: str, /, **values: Any) -> str:  # noqa: ANN401 - templates take anything
        return self._environments[language].get_template(template).render(**values)

    def page(
        self,
        template: str,
        request: Request,
        actor: Actor | None,
        /,
        *,
        status: int = 200,
        **values: Any,  # noqa: ANN401 - templates take anything
    ) -> HTMLResponse:
        """A page or a fragment, with the headers that keep foreign code out."""
        language = self.reader(request, actor).words.language
        body = self.fragment(template, language, actor=actor, path=request.url.path, **values)
        return HTMLResponse(body, status_code=status, headers=self.headers)

    @cached_property
    def headers(self) -> dict[str, str]:
        """A strict policy: our own scripts and styles only, no eval, pictures also from the public bucket."""
        policy = {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "font-src": "'self'",
            "connect-src": "'self'",
            "img-src": f"'self' data: blob: {self._public_origin}",
            "frame-src": "'self'",
            "form-action": "'self'",
            "base-uri": "'none'",
            "frame-ancestors": "'self'",
            "manifest-src": "'self'",
        }
        return {
            "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
            "referrer-policy": "same-origin",
            "cache-control": "no-store",
            "cross-origin-opener-policy": "same-origin",
        }


@lru_cache(maxsize=1)
def read_manifest(_changed_ns: int) -> Mapping[str, str]:
    """Plain name -> hashed name; read again when the bundle was made anew under a running process."""
    manifest: dict[str, str] = json.loads((BUNDLE / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def icon(name: str, label: str = "") -> Markup:
    """An icon of the sprite in base.html; with a label it speaks, without one it is an ornament."""
    speech = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="icon" {}><use href="#i-{}"/></svg>').format(speech, name)
