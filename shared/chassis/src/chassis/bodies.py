"""Reads an answer's body within its limits: so many bytes, so much time, and no bomb unpacked."""

import time
import zlib
from dataclasses import dataclass
from typing import Protocol

CHUNK = 64 * 1024
MAX_RATIO = 200
"""What a compressed body may grow to: text is at most some 50 times smaller packed, a bomb a thousand times."""
FREE_BYTES = 1024 * 1024
"""So much may come out of any body, however small."""


class BodyRefusedError(Exception):
    """The body breaks a limit; the message says which."""


class Answer(Protocol):
    """What is asked of an HTTP answer: bytes, as they come."""

    def read1(self, amount: int) -> bytes: ...


@dataclass(frozen=True)
class Limits:
    """`deadline` is on the monotonic clock."""

    max_bytes: int
    deadline: float


def read_body(answer: Answer, limits: Limits, encoding: str = "") -> bytes:
    """The whole body, unpacked if `encoding` is gzip or deflate.

    Raises:
        BodyRefusedError: too many bytes, or packed in a way that is not taken.
        TimeoutError: the deadline passed.

    """
    unpack = _Unpacker(encoding, limits.max_bytes)
    body = bytearray()
    while chunk := answer.read1(CHUNK):
        body += unpack.feed(chunk)
        if len(body) > limits.max_bytes:
            raise BodyRefusedError(f"more than {limits.max_bytes} bytes, the most that is taken")
        if time.monotonic() >= limits.deadline:
            raise TimeoutError
    return bytes(body + unpack.rest())


class _Unpacker:
    def __init__(self, encoding: str, max_bytes: int) -> None:
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise BodyRefusedError(f"content-encoding {encoding[:40]!r}: only gzip and deflate are unpacked")
        self._encoding = encoding.removeprefix("x-")
        self._max_bytes = max_bytes
        self._zlib: zlib._Decompress | None = None
        self._came = self._gave = 0

    def feed(self, chunk: bytes) -> bytes:
        if self._encoding in ("", "identity"):
            return chunk
        self._came += len(chunk)
        try:
            return self._unpack(chunk)
        except zlib.error as error:
            raise BodyRefusedError(f"said to be {self._encoding}, but does not unpack ({error})") from None

    def rest(self) -> bytes:
        if self._zlib is not None and not self._zlib.eof:
            raise BodyRefusedError(f"the {self._encoding} body ends too early")
        return b""

    def _unpack(self, chunk: bytes) -> bytes:
        if self._zlib is None:
            self._zlib = zlib.decompressobj(self._window(chunk))
        if self._zlib.eof:
            return b""  # what follows the end is padding
        room = min(self._max_bytes, max(self._came * MAX_RATIO, FREE_BYTES)) - self._gave
        out = self._zlib.decompress(chunk, room + 1)
        self._gave += len(out)
        if len(out) > room:
            raise BodyRefusedError(
                f"{self._came} bytes unpack to more than {min(self._max_bytes, max(self._came * MAX_RATIO, FREE_BYTES))}"
            )
        return out

    def _window(self, first: bytes) -> int:
        """Servers send `deflate` with and without zlib's head (RFC 9110, 8.4.1.2)."""
        if self._encoding == "gzip":
            return 16 + zlib.MAX_WBITS
        has_head = len(first) > 1 and first[0] & 0x0F == 8 and int.from_bytes(first[:2]) % 31 == 0
        return zlib.MAX_WBITS if has_head else -zlib.MAX_WBITS
