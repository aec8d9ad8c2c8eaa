"""Joining by an invitation, and new passwords."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.database import Database
from chassis.doors import needs
from chassis.errors import Conflict, Refusal
from desk.domain.people import Actor
from desk.domain.workflow import Role
from desk.handlers import people
from desk.pages import Pages
from desk.routes.sign_in import Guard, address_of
from desk.routes.sign_in_pages import wait_of, with_session
from desk.store.people import Invitations, People


class InvitationForm(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: Role = "editor"
    only_first: bool = Field(default=False, description="refuse where somebody works here already")


class SomebodyIsHere(Conflict):
    """The first invitation was asked for, and somebody works here."""


class InvitationAnswer(BaseModel):
    url: str
    role: Role


def make_router(  # noqa: C901 - a list of routes
    database: Database, pages: Pages, guard: Guard, desk_url: str
) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    Who = Annotated[Actor, Depends(guard.person)]  # noqa: N806 - a type

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

    @router.post("/api/invitations", status_code=201)
    @needs("people:admin")
    def invite(
        request: Request, form: InvitationForm, who: Annotated[Actor, Depends(guard.program_or_person)]
    ) -> InvitationAnswer:
        """A link that makes one person. Whoever has it signs up with that role; it holds for three days, once."""
        if not who.is_admin:
            raise people.SignInRefused(f"the role {who.role} invites nobody")
        guard.confirm_person(request)
        if form.only_first:
            with database.connection() as connection:
                if People(connection).any():
                    raise SomebodyIsHere("somebody works here already and can invite others")
        token = people.invite(form.role, who.name, database.unit_of_work())
        return InvitationAnswer(url=f"{desk_url}/join/{token}", role=form.role)

    return router
