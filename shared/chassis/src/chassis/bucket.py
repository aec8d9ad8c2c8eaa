"""Objects in S3-compatible storage. A key with a content hash is always the same bytes, so writing it twice is harmless."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import obstore
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.handlers import add_expect_header
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from chassis import metrics
from chassis.errors import Refusal, Unavailable
from chassis.settings import Settings

if TYPE_CHECKING:
    from obstore import PutMode
    from types_boto3_s3 import S3Client

IMMUTABLE = "public, max-age=31536000, immutable"
"""Cache-Control of objects whose key holds their content's hash."""

REDIRECT = "Website-Redirect-Location"
"""Where the storage's own website sends a reader."""

CHECK_WITHIN_S = 2.0
TIMEOUT_S = 60
ANSWERED = re.compile(r"status code: (\d{3})")
CAUSE = re.compile(r'message: "([^"]+)"')
"""Where obstore's errors tell the storage's HTTP status, and what the operating system says: only in their text."""

_asking = urllib3.PoolManager(num_pools=2)


class ObjectMissing(Refusal):
    """There is no object under this key."""

    status = answered = 404
    title = "No such object"
    slug = "object-missing"


class KeyTaken(Refusal):
    """A conditional write found another object under the key."""

    status = answered = 412
    title = "The object has changed"
    slug = "object-changed"


def content_hash(body: bytes) -> str:
    """32 hex digits (128 bits of BLAKE2b) that name these bytes."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()


class Bucket:
    """One bucket. Its clients are safe to share between threads and dear to make: build one and pass it on.

    Objects go through obstore, which takes a fraction of boto3's CPU and none of the interpreter's lock; boto3 does the rest.
    """

    def __init__(self, client: "S3Client", objects: S3Store, name: str, base_url: str = "") -> None:
        self.client = client
        self.name = name
        self.base_url = base_url
        self._objects = objects

    @classmethod
    def private(cls, settings: Settings) -> "Bucket":
        name = settings.private_bucket
        return cls(s3_client(settings), _store(*_access(settings), name), name)

    @classmethod
    def public(cls, settings: Settings) -> "Bucket":
        name = settings.public_bucket
        return cls(s3_client(settings), _store(*_access(settings), name), name, settings.public_url)

    def url(self, key: str) -> str:
        """Where anybody reads the object. Only for the public bucket."""
        return f"{self.base_url}/{key}"

    def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str,
        cache_control: str = IMMUTABLE,
        if_match: str | None = None,
        if_none_match: bool = False,
        attributes: Mapping[str, str] | None = None,
    ) -> str:
        """Write an object, whole or not at all. Returns its ETag.

        `attributes`: Content-Encoding, Website-Redirect-Location, or metadata of our own, whose names are in lower case.

        Raises:
            KeyTaken: `if_match` is not its ETag, or `if_none_match` and there is one.
            StorageDown: the storage does not answer, or refuses.

        """
        every = {"Content-Type": content_type, "Cache-Control": cache_control, **(attributes or {})}
        if REDIRECT in every:
            return self._put_redirect(key, body, every, if_match=if_match, if_none_match=if_none_match)
        mode: PutMode = "create" if if_none_match else "overwrite" if if_match is None else {"e_tag": if_match}
        with self._calling("put", key):
            answer = obstore.put(self._objects, key, body, attributes=every, mode=mode, use_multipart=False)
        return str(answer["e_tag"])

    def _put_redirect(
        self, key: str, body: bytes, attributes: Mapping[str, str], *, if_match: str | None, if_none_match: bool
    ) -> str:
        """Through boto3, since obstore has no way to set this header."""
        given: dict[str, Any] = {
            name.replace("-", ""): value for name, value in attributes.items() if not name.islower()
        }
        given["Metadata"] = {name: value for name, value in attributes.items() if name.islower()}
        if if_match is not None:
            given["IfMatch"] = if_match
        if if_none_match:
            given["IfNoneMatch"] = "*"
        with self._calling("put", key):
            return self.client.put_object(Bucket=self.name, Key=key, Body=body, **given)["ETag"]

    def get(self, key: str) -> bytes:
        """The whole object.

        Raises:
            ObjectMissing: there is none.
            StorageDown: the storage does not answer, or refuses.

        """
        with self._calling("get", key):
            return obstore.get(self._objects, key).bytes().to_bytes()

    def presign_put(self, key: str, content_type: str, size_bytes: int, lasts_s: int) -> str:
        """An address at which somebody without a key may put one object of exactly this type and size."""
        wanted = {"Bucket": self.name, "Key": key, "ContentType": content_type, "ContentLength": size_bytes}
        return self.client.generate_presigned_url("put_object", Params=wanted, ExpiresIn=lasts_s)

    def head(self, key: str) -> Mapping[str, Any]:
        """Its ETag, ContentLength, ContentType, CacheControl, LastModified and Metadata, as S3 names them. Raises as `get` does."""
        with self._calling("head", key):
            found = obstore.get(self._objects, key, options={"head": True})
        attributes = {str(name): value for name, value in found.attributes.items()}
        return {
            "ETag": found.meta["e_tag"],
            "ContentLength": found.meta["size"],
            "ContentType": attributes.get("Content-Type", ""),
            "CacheControl": attributes.get("Cache-Control", ""),
            "LastModified": found.meta["last_modified"],
            "Metadata": {
                name: value for name, value in attributes.items() if name.islower()
            },  # S3's own are capitalised
        }

    def exists(self, key: str) -> bool:
        try:
            self.head(key)
        except ObjectMissing:
            return False
        return True

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; those that are not there are fine."""
        for start in range(0, len(keys), 1000):
            batch = [{"Key": key} for key in keys[start : start + 1000]]
            with self._calling("delete", keys[start]):
                self.client.delete_objects(Bucket=self.name, Delete={"Objects": batch, "Quiet": True})  # type: ignore[typeddict-item]

    def list(self, prefix: str = "") -> Iterator[str]:
        """All keys that begin with `prefix`."""
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            for item in page.get("Contents", []):
                yield item["Key"]

    def etags(self, folder: str) -> dict[str, str]:
        """Key and ETag of each object below a folder, named without the slash at its end. Raises as `put` does."""
        with self._calling("list", folder):
            pages = obstore.list(self._objects, folder, chunk_size=1000)
            return {one["path"]: one["e_tag"] or "" for page in pages for one in page}

    @contextmanager
    def _calling(self, operation: str, key: str) -> Iterator[None]:
        """Time a call to the storage, and say in our words what went wrong, whichever client made it."""
        with metrics.timing_storage(self.name, operation):
            try:
                yield
            except (BaseError, FileNotFoundError, ClientError, BotoCoreError) as error:
                raise _translate(error, f"{self.name}/{key}") from error

    def check(self) -> None:
        """For /readyz: one signed question with a short patience, where the client itself would try for a minute.

        Raises:
            StorageDown: the storage does not answer within CHECK_WITHIN_S, or refuses.

        """
        url = self.client.generate_presigned_url("head_bucket", Params={"Bucket": self.name}, ExpiresIn=60)
        try:
            status = _asking.request("HEAD", url, timeout=CHECK_WITHIN_S, retries=False).status
        except urllib3.exceptions.HTTPError as error:
            raise StorageDown(f"{self.client.meta.endpoint_url}, bucket {self.name}: {error}") from error
        if status != 200:
            raise StorageDown(f"{self.client.meta.endpoint_url}, bucket {self.name}: it answers {status}")


def s3_client(settings: Settings) -> "S3Client":
    """One client a process for these settings."""
    return _client(*_access(settings))


def _access(settings: Settings) -> tuple[str, str, str, str]:
    access_key, secret_key = settings.s3_access_key.get_secret_value(), settings.s3_secret_key.get_secret_value()
    return settings.s3_endpoint, settings.s3_region, access_key, secret_key


@cache
def _client(endpoint: str, region: str, access_key: str, secret_key: str) -> "S3Client":
    config = Config(
        user_agent="depesha",  # put together anew for each call otherwise, which takes a tenth of it
        connect_timeout=3,
        read_timeout=20,
        retries={"max_attempts": 3, "mode": "standard"},
        max_pool_connections=64,  # an API has 40 threads that may all want one
        s3={"addressing_style": "path"},
        signature_version="s3v4",
        # Checksums in trailers are an AWS habit that other S3 servers refuse, and the key's hash says the same.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=config,
    )
    # `Expect: 100-continue` is a round trip more for each object, which only a refused large one would be worth.
    client.meta.events.unregister("before-call.s3", add_expect_header)
    return client


@cache
def _store(endpoint: str, region: str, access_key: str, secret_key: str, bucket: str) -> S3Store:
    """Only a put that overwrites is tried again after a silence: a conditional one may have been done unheard."""
    return S3Store(
        bucket,
        endpoint=endpoint,
        region=region,
        access_key_id=access_key,
        secret_access_key=secret_key,
        virtual_hosted_style_request=False,
        client_options={
            "allow_http": True,
            "connect_timeout": "3s",
            "timeout": f"{TIMEOUT_S}s",
            "user_agent": "depesha",
        },
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=TIMEOUT_S)},
    )


def _translate(error: Exception, place: str) -> Exception:
    answered = _answered(error)
    if answered == 404:
        return ObjectMissing(f"{place}: no such object")
    if answered in (409, 412):
        return KeyTaken(f"{place}: another object stands there")
    return StorageDown(f"{place}: {_reason(error)}", answered)


def _answered(error: Exception) -> int | None:
    """The HTTP status, if the storage gave one."""
    match error:
        case FileNotFoundError():
            return 404
        case AlreadyExistsError() | PreconditionError():
            return 412
        case ClientError():
            return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    found = ANSWERED.search(str(error))
    return int(found[1]) if found else None


def _reason(error: Exception) -> str:
    """One line; obstore's own text goes on with pages of its inner state."""
    text = str(error)
    line = text.partition("\n")[0]
    cause = CAUSE.search(text) if isinstance(error, BaseError) else None
    return f"{line} ({cause[1]})" if cause else line


class StorageDown(Exception):  # noqa: N818 - it tells a state
    """The storage does not answer or answers with an error; in a handler this is tried again."""

    status = Unavailable.status

    def __init__(self, message: str, answered: int | None = None) -> None:
        super().__init__(message)
        self.answered = answered
        """The HTTP status; None where it was silent."""
