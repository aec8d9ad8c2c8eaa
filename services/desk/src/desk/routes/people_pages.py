"""Signing in and out, and joining by an invitation."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.database import Database
from chassis.doors import needs
from chassis.errors import Conflict, Refusal
from desk.domain.people import Actor
from desk.domain.workflow import Role
from desk.handlers import people
from desk.i18n import LANGUAGES
from desk.pages import Pages
from desk.routes.sign_in import COOKIE, Guard, address_of
from desk.store.people import SESSION_DAYS, Invitations, People


class InvitationForm(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: Role = "editor"
    only_first: bool = Field(default=False, description="refuse where somebody works here already")


class SomebodyIsHere(Conflict):
    """The first invitation was asked for, and somebody works here."""


class InvitationAnswer(BaseModel):
    url: str
    role: Role


def make_router(  # noqa: C901, PLR0915 - a list of routes
    database: Database, pages: Pages, guard: Guard, desk_url: str, provider_name: str
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

    @router.get("/join/{token}")
    def join_page(request: Request, token: str) -> Response:
        return invitation_page(request, token, status=200)

    def invitation_page(
        request: Request, token: str, *, status: int, problem: str = "", email: str = "", name: str = ""
    ) -> Response:
        with database.connection() as connection:
            given = Invitations(connection).get(token)
        values = {"token": token, "given": given, "problem": problem, "email": email, "name": name}
        return pages.page("join.html", request, None, status=status if given else 410, **values)

    @router.post("/join/{token}")
    def join(
        request: Request,
        token: str,
        email: Annotated[str, Form(max_length=200, pattern=r"^[^@\s]+@[^@\s]+$")],
        name: Annotated[str, Form(min_length=1, max_length=100)],
        password: Annotated[str, Form(max_length=1000)],
    ) -> Response:
        try:
            session = people.accept_invitation(token, email, name, password, database.unit_of_work())
        except Refusal as refusal:
            return invitation_page(
                request, token, status=refusal.status, problem=refusal.detail, email=email, name=name
            )
        return with_session(RedirectResponse("/", 303), session)

    @router.post("/join/{token}/password")
    def choose_password(request: Request, token: str, password: Annotated[str, Form(max_length=1000)]) -> Response:
        try:
            session = people.accept_new_password(token, password, database.unit_of_work())
        except Refusal as refusal:
            return invitation_page(request, token, status=refusal.status, problem=refusal.detail)
        return with_session(RedirectResponse("/", 303), session)

    @router.get("/password")
    def password_page(request: Request, who: Who) -> Response:
        return pages.page("password.html", request, who, problem="", wait_s=0)

    @router.post("/password")
    def change_password(
        request: Request,
        who: Who,
        old: Annotated[str, Form(max_length=1000)],
        new: Annotated[str, Form(max_length=1000)],
    ) -> Response:
        with database.connection() as connection:
            person = People(connection).get(who.person_id)
        assert person is not None  # noqa: S101 - they have a session
        try:
            session = people.change_password(person, old, new, address_of(request), database.unit_of_work())
        except (people.SignInRefused, people.TooManyFailures, people.PasswordWeak) as refusal:
            values = {"problem": refusal.slug, "wait_s": wait_of(refusal)}
            return pages.page("password.html", request, who, status=refusal.status, **values)
        return with_session(RedirectResponse("/", 303), session)

    @router.post("/language")
    def language(who: Who, request: Request, to: Annotated[str, Form(max_length=10)]) -> Response:
        if to in LANGUAGES:
            with database.unit_of_work() as uow:
                People(uow.connection).set_language(who.person_id, to)
        return RedirectResponse(local_address(request.headers.get("referer", "/"), request.url.netloc), 303)

    @router.post("/api/invitations", status_code=201)
    @needs("people:admin")
    def invite(form: InvitationForm, who: Annotated[Actor, Depends(guard.program_or_person)]) -> InvitationAnswer:
        """A link that makes one person. Whoever has it signs up with that role; it holds for three days, once."""
        if not who.is_admin:
            raise people.SignInRefused(f"the role {who.role} invites nobody")
        if form.only_first:
            with database.connection() as connection:
                if People(connection).any():
                    raise SomebodyIsHere("somebody works here already and can invite others")
        token = people.invite(form.role, who.name, database.unit_of_work())
        return InvitationAnswer(url=f"{desk_url}/join/{token}", role=form.role)

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
