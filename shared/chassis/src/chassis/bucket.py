"""Objects in S3-compatible storage. A key with a content hash is always the same bytes, so writing it twice is harmless."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.handlers import add_expect_header

from chassis import metrics
from chassis.errors import Refusal, Unavailable
from chassis.settings import Settings

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

IMMUTABLE = "public, max-age=31536000, immutable"
"""Cache-Control of objects whose key holds their content's hash."""

CHECK_WITHIN_S = 2.0
_asking = urllib3.PoolManager(num_pools=2)


class ObjectMissing(Refusal):
    """There is no object under this key."""

    status = 404
    title = "No such object"
    slug = "object-missing"


class KeyTaken(Refusal):
    """A conditional write found another object under the key."""

    status = 412
    title = "The object has changed"
    slug = "object-changed"


def content_hash(body: bytes) -> str:
    """32 hex digits (128 bits of BLAKE2b) that name these bytes."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()


class Bucket:
    """One bucket. boto3 clients are safe to share between threads and dear to make: build one and pass it on."""

    def __init__(self, client: "S3Client", name: str, base_url: str = "") -> None:
        self.client = client
        self.name = name
        self.base_url = base_url

    @classmethod
    def private(cls, settings: Settings) -> "Bucket":
        return cls(s3_client(settings), settings.private_bucket)

    @classmethod
    def public(cls, settings: Settings) -> "Bucket":
        return cls(s3_client(settings), settings.public_bucket, settings.public_url)

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
        **extra: Any,  # noqa: ANN401 - S3's own arguments: ContentEncoding, ContentDisposition, Metadata …
    ) -> str:
        """Write an object, whole or not at all. Returns its ETag.

        Raises:
            KeyTaken: `if_match` is not its ETag, or `if_none_match` and there is one.
            Unavailable: the storage does not answer.

        """
        if if_match is not None:
            extra["IfMatch"] = if_match
        if if_none_match:
            extra["IfNoneMatch"] = "*"
        try:
            with metrics.timing_storage(self.name, "put"):
                answer = self.client.put_object(
                    Bucket=self.name, Key=key, Body=body, ContentType=content_type, CacheControl=cache_control, **extra
                )
        except (ClientError, BotoCoreError) as error:
            raise _translate(error, self.name, key) from error
        return answer["ETag"]

    def get(self, key: str) -> bytes:
        """The whole object.

        Raises:
            ObjectMissing: there is none.
            Unavailable: the storage does not answer.

        """
        try:
            with metrics.timing_storage(self.name, "get"):
                return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise _translate(error, self.name, key) from error

    def presign_put(self, key: str, content_type: str, size_bytes: int, lasts_s: int) -> str:
        """An address at which somebody without a key may put one object of exactly this type and size."""
        wanted = {"Bucket": self.name, "Key": key, "ContentType": content_type, "ContentLength": size_bytes}
        return self.client.generate_presigned_url("put_object", Params=wanted, ExpiresIn=lasts_s)

    def head(self, key: str) -> Mapping[str, Any]:
        """Its ETag, ContentLength, ContentType, Metadata … as S3 names them. Raises as `get` does."""
        try:
            with metrics.timing_storage(self.name, "head"):
                return self.client.head_object(Bucket=self.name, Key=key)
        except (ClientError, BotoCoreError) as error:
            raise _translate(error, self.name, key) from error

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
            try:
                with metrics.timing_storage(self.name, "delete"):
                    self.client.delete_objects(Bucket=self.name, Delete={"Objects": batch, "Quiet": True})  # type: ignore[typeddict-item]
            except (ClientError, BotoCoreError) as error:
                raise _translate(error, self.name, keys[start]) from error

    def list(self, prefix: str = "") -> Iterator[str]:
        """All keys that begin with `prefix`."""
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            for item in page.get("Contents", []):
                yield item["Key"]

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
    return _client(
        settings.s3_endpoint,
        settings.s3_region,
        settings.s3_access_key.get_secret_value(),
        settings.s3_secret_key.get_secret_value(),
    )


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


def _translate(error: ClientError | BotoCoreError, bucket: str, key: str) -> Exception:
    status = (
        error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(error, ClientError) else None
    )
    if status == 404:
        return ObjectMissing(f"{bucket}/{key}: no such object")
    if status in (409, 412):
        return KeyTaken(f"{bucket}/{key}: another object stands there")
    return StorageDown(f"{bucket}/{key}: {error}")


class StorageDown(Exception):  # noqa: N818 - it tells a state
    """The storage does not answer or answers with an error; in a handler this is tried again."""

    status = Unavailable.status
