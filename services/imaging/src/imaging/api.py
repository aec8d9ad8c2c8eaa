"""Photos over HTTP: hand one in, see what became of it, say what matters in it, find its likes, have another size of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

import psycopg
from fastapi import FastAPI, File, Form, Query, Response, UploadFile
from pydantic import BaseModel, Field

from chassis import ledger
from chassis.bucket import content_hash
from chassis.database import Database
from chassis.doors import Policy, needs, public
from chassis.errors import Conflict, Forbidden, NotFound, Refusal
from chassis.ids import new_id
from chassis.web import MIB
from chassis.web import create_app as create_chassis_app
from contracts.content import Box, Manifest, Point, UsageRights
from imaging import bootstrap
from imaging.custom import Customs
from imaging.domain.limits import MAX_BYTES, ImageRefusedError, sniff
from imaging.domain.links import LONGEST_SIDE, is_signed, read_spec, sign, spec_of
from imaging.domain.renditions import Format, Rendition
from imaging.domain.wishes import Wish, said_later
from imaging.handlers import BACKGROUND, Studio, words_of
from imaging.settings import Settings
from imaging.store import Asset, Assets, RenditionSets, Stories, link_keys

DUPLICATE_WITHIN, ASK_WITHIN = 6, 12
"""Differing bits of 64: up to 6 it is the same photo, up to 12 somebody should look."""
UPLOADS = "uploads/"
PRESIGNED_S = 900


class PhotoRefused(Refusal):
    """The file is no photo that is taken here."""

    title = "This photo cannot be taken"
    slug = "photo-refused"


class Gone(Refusal):
    """The photo's story was killed."""

    status = 410
    title = "Gone"
    slug = "gone"


class AssetAnswer(BaseModel):
    image_id: UUID
    story_id: UUID
    caption: str
    credit: str
    alt_text: str
    version: int
    is_waiting: bool = Field(description="it is rendered soon, or again")
    manifest: Manifest | None


class Accepted(BaseModel):
    image_id: UUID


class Change(BaseModel):
    """What is not named stays as it is."""

    focal_point: Point | None = None
    crops: dict[Annotated[str, Field(max_length=20)], Box | None] = Field(
        default_factory=dict, description="null gives a crop back to the focus"
    )
    caption: str | None = Field(default=None, max_length=4_000)
    credit: str | None = Field(default=None, max_length=2_000)
    alt_text: str | None = Field(default=None, max_length=2_000)
    rights: UsageRights | None = None


class Uploaded(BaseModel):
    """A photo that was put at the address of `POST /uploads`."""

    key: Annotated[str, Field(pattern=r"^uploads/[0-9a-f-]{36}$")]
    story_id: UUID
    caption: Annotated[str, Field(max_length=4_000)] = ""
    credit: Annotated[str, Field(max_length=2_000)] = ""


class UploadWish(BaseModel):
    content_type: Annotated[str, Field(pattern=r"^image/[a-z0-9.+-]{2,40}$", examples=["image/jpeg"])]
    size_bytes: Annotated[int, Field(ge=1, le=MAX_BYTES)]


class UploadPlace(BaseModel):
    key: str
    url: str = Field(
        description="PUT the bytes here with this type and size, which are signed, then tell the key to POST /assets/uploaded"
    )
    expires_in_s: int


class Similar(BaseModel):
    image_id: UUID
    story_id: UUID
    differing_bits: int
    is_duplicate: bool = Field(description="false: somebody should look")


class Size(BaseModel):
    name: Annotated[str, Field(pattern=r"^[a-z0-9]{1,20}$")]
    width: Annotated[int, Field(ge=16, le=LONGEST_SIDE)]
    height: Annotated[int, Field(ge=16, le=LONGEST_SIDE)] | None = None
    formats: Annotated[tuple[Format, ...], Field(min_length=1)] = ("avif", "jpeg")
    with_headline: bool = Field(default=False, description="the story's headline stands on the photo; needs a height")


class Link(BaseModel):
    url: str


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings.from_environment()
    database = bootstrap.database(settings)
    studio = bootstrap.studio(settings)
    checks = {"originals": studio.originals.check, "renditions": studio.renditions.check}
    doors = Policy(settings, database, reads="media:read", writes="media:write")
    app = create_chassis_app(
        service="imaging",
        title="Depesha imaging",
        database=database,
        checks=checks,
        doors=doors,
        max_body_bytes=MAX_BYTES + MIB,
    )
    _add_assets(app, database)
    _add_uploads(app, database, studio)
    _add_set(app, database)
    _add_links(app, database, Customs(studio))
    return app


def _add_assets(app: FastAPI, database: Database) -> None:
    @app.get("/assets/{image_id:uuid}")
    def asset(image_id: UUID) -> AssetAnswer:
        """A photo and its manifest; null where it was refused or is not rendered yet."""
        with database.connection() as connection:
            found = find(connection, image_id)
        words = words_of(found)
        return AssetAnswer(
            image_id=image_id,
            story_id=found.story_id,
            caption=words.caption,
            credit=words.credit,
            alt_text=words.alt_text,
            version=found.version,
            is_waiting=found.todo in ("render", "slow", "again"),
            manifest=found.manifest,
        )

    @app.patch("/assets/{image_id:uuid}", status_code=202)
    def change(image_id: UUID, wanted: Change) -> Accepted:
        """Move the focus, draw crops, set words and rights. The photo is rendered again with them at once."""
        rights = wanted.rights and wanted.rights.model_copy(update={"said_by": "editor"})
        return _have_rendered(database, image_id, {**dict(wanted), "rights": rights})

    @app.post("/assets/{image_id:uuid}/render", status_code=202)
    def render(image_id: UUID) -> Accepted:
        """Make all renditions again, with the set as it is now."""
        return _have_rendered(database, image_id)

    @app.get("/assets/{image_id:uuid}/similar")
    def similar(image_id: UUID, within: Annotated[int, Query(ge=0, le=32)] = ASK_WITHIN) -> list[Similar]:
        """Photos that look the same, nearest first."""
        with database.connection() as connection:
            found = find(connection, image_id)
            if found.manifest is None:
                raise Conflict(f"image {image_id}: is not rendered, so nobody knows what it looks like")
            near = Assets(connection).similar(image_id, found.manifest.perceptual_hash, within)
        return [
            Similar(image_id=other, story_id=story_id, differing_bits=far, is_duplicate=far <= DUPLICATE_WITHIN)
            for other, story_id, far in near
        ]


def find(connection: psycopg.Connection, image_id: UUID) -> Asset:
    """Raises NotFound."""
    found = Assets(connection).get(image_id)
    if found is None:
        raise NotFound(f"image {image_id}: not known here")
    return found


def _have_rendered(database: Database, image_id: UUID, wanted: Mapping[str, Any] | None = None) -> Accepted:
    """With what is wanted from now on, where something is. A kill of the story is lifted: somebody asks for the photo."""
    with database.unit_of_work() as uow:
        assets = Assets(uow.connection)
        old = assets.lock(image_id)
        if old is None:
            raise NotFound(f"image {image_id}: not known here")
        if wanted is not None:
            wish = Wish(revision=old.wanted.revision, said_by="api", **wanted)
            before = next((one for one in old.wishes if (one.revision, one.said_by) == (wish.revision, "api")), None)
            assets.add_wish(image_id, said_later(wish, before))
        Stories(uow.connection).lift_kill(old.story_id)
        assets.save(replace(old, todo="render"))
        ledger.wake(uow.connection, "imaging", BACKGROUND)
    return Accepted(image_id=image_id)


def _add_uploads(app: FastAPI, database: Database, studio: Studio) -> None:
    def take(asset: Asset) -> Accepted:
        with database.unit_of_work() as uow:
            Assets(uow.connection).save(replace(asset, todo="render"))
            ledger.wake(uow.connection, "imaging", BACKGROUND)
        return Accepted(image_id=asset.image_id)

    @app.post("/assets", status_code=202)
    def upload(
        file: Annotated[UploadFile, File()],
        story_id: Annotated[UUID, Form()],
        caption: Annotated[str, Form(max_length=4_000)] = "",
        credit: Annotated[str, Form(max_length=2_000)] = "",
    ) -> Accepted:
        """Hand a photo in. What is no photo is refused at once; the rest is told by ImageProcessed or ImageRejected."""
        body = file.file.read()
        kind = _sniffed(body)
        image_id = new_id()
        key = f"{UPLOADS}{content_hash(body)}"
        studio.originals.put(key, body, content_type=f"image/{kind}")
        return take(Asset(image_id, story_id, key, caption, credit, 0))

    @app.post("/uploads")
    def place(wish: UploadWish) -> UploadPlace:
        """An address where this one photo may be put straight into the storage, for a quarter of an hour."""
        key = f"{UPLOADS}{new_id()}"
        url = studio.originals.presign_put(key, wish.content_type, wish.size_bytes, PRESIGNED_S)
        return UploadPlace(key=key, url=url, expires_in_s=PRESIGNED_S)

    @app.post("/assets/uploaded", status_code=202)
    def uploaded(wanted: Uploaded) -> Accepted:
        """Have a photo rendered that was put into the storage."""
        studio.originals.head(wanted.key)
        return take(Asset(new_id(), wanted.story_id, wanted.key, wanted.caption, wanted.credit, 0))


def _sniffed(body: bytes) -> str:
    try:
        return sniff(body)
    except ImageRefusedError as error:
        raise PhotoRefused(f"file: {error.detail}", reason=error.reason) from None


def _add_set(app: FastAPI, database: Database) -> None:
    @app.get("/renditions")
    def renditions() -> list[Size]:
        """The set that is made of each photo."""
        with database.connection() as connection:
            sizes = RenditionSets(connection).newest()
        return [Size(**vars(one)) for one in sizes]

    @app.put("/renditions")
    @needs("ops:write")
    def change_set(sizes: Annotated[list[Size], Field(min_length=1, max_length=40)]) -> dict[str, int]:
        """Write another set; every photo is rendered again in the background. Answers how many those are.

        A page needs JPEGs of whole photos: at least one size without height must have `jpeg`.
        """
        names = [size.name for size in sizes]
        if len(set(names)) < len(names):
            raise Refusal(f"name: {', '.join(sorted({name for name in names if names.count(name) > 1}))} stands twice")
        if any(size.with_headline and size.height is None for size in sizes):
            raise Refusal("with_headline: stands on a cut photo only; give that size a height")
        if not any("jpeg" in size.formats and size.height is None for size in sizes):
            raise Refusal("formats: no size without height has `jpeg`, and pages need one")
        with database.unit_of_work() as uow:
            RenditionSets(uow.connection).add([Rendition(**dict(size)) for size in sizes])
            count = Assets(uow.connection).render_all_again()
            ledger.wake(uow.connection, "imaging", BACKGROUND)
        return {"photos": count}


def _add_links(app: FastAPI, database: Database, customs: Customs) -> None:
    @app.get("/assets/{image_id:uuid}/link")
    def link(
        image_id: UUID,
        width: Annotated[int, Query(ge=16, le=LONGEST_SIDE)],
        height: Annotated[int, Query(ge=1, le=LONGEST_SIDE)] | None = None,
        kind: Annotated[Format, Query(alias="format")] = "jpeg",
    ) -> Link:
        """A signed address where anybody has the photo in this size; it is made when it is first asked for."""
        with database.connection() as connection:
            find(connection, image_id)
            key = link_keys(connection)[0]
        spec = spec_of(width, height, kind)
        return Link(url=f"/r/{sign(key, spec, image_id)}/{spec}/{image_id}")

    @app.get("/r/{signature}/{spec}/{image_id}", response_class=Response)
    @public
    def rendition(signature: str, spec: str, image_id: UUID) -> Response:
        """A photo in the size that the signature allows."""
        with database.connection() as connection:
            if not is_signed(link_keys(connection), signature, spec, image_id):
                raise Forbidden("signature: this address was not signed here")
            size = _size_of(spec)
            found = find(connection, image_id)
            if Stories(connection).is_killed(found.story_id):
                raise Gone(f"image {image_id}: its story was killed")
        body, content_type = customs.get(found, size, spec)
        headers = {"cache-control": "public, max-age=86400", "etag": f'"{content_hash(body)}"'}
        return Response(body, media_type=content_type, headers=headers)


def _size_of(spec: str) -> Rendition:
    try:
        return read_spec(spec)
    except ValueError as error:
        raise Refusal(f"spec: {error}") from None
