"""Signing in and out, and showing once more who one is."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from chassis.database import Database
from chassis.errors import Refusal
from desk.domain.people import Actor
from desk.handlers import people
from desk.i18n import LANGUAGES
from desk.pages import Pages
from desk.routes.sign_in import COOKIE, Guard, address_of
from desk.store.people import SESSION_DAYS, People


def make_router(  # noqa: C901 - a list of routes
    database: Database, pages: Pages, guard: Guard, provider_name: str
) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Who = Annotated[Actor, Depends(guard.person)]  # noqa: N806 - a type

    @router.get("/sign-in")
    def sign_in_page(
        request: Request, to: str = "/", problem: Annotated[str, Query(pattern=r"^[a-z-]{0,40}$")] = ""
    ) -> Response:
        return door(request, to=local_address(to), email="", problem=problem, wait_s=0)

    def door(request: Request, *, status: int = 200, **values: Any) -> Response:  # noqa: ANN401 - templates take anything
        with database.connection() as connection:
            has_people = People(connection).any()
        return pages.page(
            "sign_in.html", request, None, status=status, has_people=has_people, provider_name=provider_name, **values
        )

    @router.get("/confirm")
    def confirm_page(request: Request, who: Who, to: str = "/") -> Response:
        return pages.page(
            "confirm.html", request, who, provider_name=provider_name, to=local_address(to), problem="", wait_s=0
        )

    @router.post("/confirm")
    def confirm(
        request: Request,
        who: Who,
        password: Annotated[str, Form(min_length=1, max_length=1000)],
        to: Annotated[str, Form(max_length=2000)] = "/",
    ) -> Response:
        """Type the password again, before something that cannot be taken back."""
        try:
            guard.confirm(request, password)
        except (people.SignInRefused, people.TooManyFailures) as refusal:
            values = {"to": local_address(to), "problem": refusal.slug, "wait_s": wait_of(refusal)}
            return pages.page(
                "confirm.html", request, who, status=refusal.status, provider_name=provider_name, **values
            )
        return RedirectResponse(local_address(to), 303)

    @router.post("/sign-in")
    def sign_in(
        request: Request,
        email: Annotated[str, Form(max_length=200)],
        password: Annotated[str, Form(max_length=1000)],
        to: Annotated[str, Form(max_length=2000)] = "/",
    ) -> Response:
        try:
            token, _ = people.sign_in(email, password, address_of(request), database.unit_of_work())
        except (people.SignInRefused, people.TooManyFailures) as refusal:
            values = {"to": local_address(to), "email": email, "problem": refusal.slug, "wait_s": wait_of(refusal)}
            return door(request, status=refusal.status, **values)
        return with_session(RedirectResponse(local_address(to), 303), token)

    @router.post("/sign-out")
    def sign_out(request: Request) -> Response:
        people.sign_out(request.cookies.get(COOKIE, ""), database.unit_of_work())
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(COOKIE, secure=True, httponly=True, samesite="lax")
        return answer

    @router.post("/language")
    def language(who: Who, request: Request, to: Annotated[str, Form(max_length=10)]) -> Response:
        if to in LANGUAGES:
            with database.unit_of_work() as uow:
                People(uow.connection).set_language(who.person_id, to)
        return RedirectResponse(local_address(request.headers.get("referer", "/"), request.url.netloc), 303)

    return router


def wait_of(refusal: Refusal) -> int:
    return refusal.wait_s if isinstance(refusal, people.TooManyFailures) else 0


def with_session(answer: Response, token: str) -> Response:
    answer.set_cookie(COOKIE, token, max_age=SESSION_DAYS * 86400, path="/", secure=True, httponly=True, samesite="lax")
    return answer


def local_address(to: str, netloc: str = "") -> str:
    """An address of our own only: nobody is led to another site by a link to the sign-in page."""
    if netloc and "://" in to:
        rest = to.partition("://")[2]
        to = rest[len(netloc) :] if rest.startswith(netloc) else "/"
    return to if to.startswith("/") and not to.startswith(("//", "/\\")) else "/"
